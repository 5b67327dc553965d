use proptest::prelude::*;

use super::*;

fn range(key: &str, is_prefix: bool) -> Range {
    Range { key: key.to_owned(), is_prefix }
}

fn problem(text: &str) -> String {
    parse(text).unwrap_err().problem
}

#[test]
fn commands_are_read_as_they_are_written() {
    let (a, second) = ("a".to_owned(), Duration::from_secs(1));
    for (text, command) in [
        ("lease grant 1;", EtcdCommand::Grant(second)),
        ("lease keep-alive 7", EtcdCommand::KeepAlive(7)),
        ("lease timetolive 7", EtcdCommand::TimeToLive(7)),
        ("lease revoke 7 ;", EtcdCommand::Revoke(7)),
        ("put a 'two words'", put("a", "two words", None)),
        ("put a 'it''s; -- so' lease 7;", put("a", "it's; -- so", Some(7))),
        ("put a ''", put("a", "", None)),
        ("get seats/A-4", EtcdCommand::Get(range("seats/A-4", false))),
        ("get seats/ prefix;", EtcdCommand::Get(range("seats/", true))),
        ("del a -- away with it", EtcdCommand::Delete(range("a", false))),
        ("lock a", EtcdCommand::Lock { name: a.clone(), lease: Lease::Own(second * 60) }),
        ("lock a ttl 1", EtcdCommand::Lock { name: a.clone(), lease: Lease::Own(second) }),
        ("lock a lease 7", EtcdCommand::Lock { name: a.clone(), lease: Lease::Granted(7) }),
        ("unlock a", EtcdCommand::Unlock { name: a.clone() }),
        ("leader a", EtcdCommand::Leader { name: a.clone() }),
        ("resign a", EtcdCommand::Resign { name: a.clone() }),
        ("watch a prefix", EtcdCommand::Watch(range("a", true))),
        ("unwatch a", EtcdCommand::Unwatch(a.clone())),
        (
            "-- first a comment\nelect a Alice\n  lease 7;",
            EtcdCommand::Elect { name: a, value: "Alice".to_owned(), lease: Lease::Granted(7) },
        ),
    ] {
        assert_eq!(parse(text), Ok(command), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_how_it_is_written() {
    assert_eq!(problem("select 1"), "select is no command of etcd's");
    assert_eq!(problem(" ; "), "nothing is no command of etcd's");
    assert_eq!(problem("put a"), "put cannot be followed by a");
    assert_eq!(problem("unlock"), "unlock needs something behind it");
    assert_eq!(problem("get"), "a key is missing");
    assert_eq!(problem("get a b"), "b is not expected behind the key");
    assert_eq!(problem("lease grant 0"), "0 is not a number of seconds from 1 on");
    assert_eq!(problem("lock a lease x"), "x is not a lease's number");
    assert_eq!(problem("lock a for 2"), "for 2 is not expected there");
    assert_eq!(problem("put a 'b"), "a quote is not closed");
    assert_eq!(problem("get a; get b"), "get b comes behind the command's end");
    let hint = parse("lock").unwrap_err().hint;
    assert_eq!(hint, "it is written: lock NAME [lease LEASE | ttl SECONDS]");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(put|get|lease|grant|lock|'| |;|--|\n|[a-z0-9é/]){0,12}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_quoted_word_comes_through_whole(value in "[^\0]{0,20}") {
        let text = format!("put a '{}'", value.replace('\'', "''"));
        prop_assert_eq!(parse(&text), Ok(put("a", &value, None)));
    }
}
