use proptest::prelude::*;

use super::*;
use crate::debugger::guests::samples::{self, transaction};
use crate::debugger::guests::{EndedState, WaitState};

fn held(sql: &str, tables: &[&str]) -> HeldState {
    HeldState {
        shape: Shape::of(sql, Strings::default()).as_str().into(),
        tables: tables.iter().map(|&table| table.to_owned()).collect(),
        summary: String::new(),
        ..samples::held(sql)
    }
}

/// Alice is held, Bob waits for her, Carol is idle, Dave has ended, Erin's program is gone.
fn state() -> State {
    let waits = Some(WaitState { blockers: vec!["alice".to_owned()], what: "a row".to_owned() });
    let update = "begin; update seats set a = 1 where id = 4";
    State {
        transactions: vec![
            TransactionState {
                held: Some(held(update, &["public.seats"])),
                ..transaction("alice")
            },
            TransactionState { running: Some("update".into()), waits, ..transaction("bob") },
            transaction("carol"),
        ],
        ended: vec![
            EndedState { name: "dave".to_owned(), gone: false },
            EndedState { name: "guest-1".to_owned(), gone: true },
        ],
        ..State::default()
    }
}

fn is_so(text: &str) -> bool {
    text.parse::<Expression>().unwrap().is_so(&state())
}

#[test]
fn what_is_so_is_so_and_the_rest_is_not() {
    for text in [
        "alice held",
        "bob waits",
        "bob waiting and bob running",
        "carol idle",
        "dave ended",
        "dave ended and not dave gone",
        "'guest 1' gone",
        "guest-1 ended",
        "1 held",
        "2 ended",
        "0 held",
        "not nothing held",
        "not listening",
        "alice held \"update seats\"",
        "alice held 'UPDATE  Seats SET'",
        "alice held \"begin\"",
        "alice held 'seats' and alice held 'public.seats'",
        "bob held or (carol idle and not bob idle)",
        "NOT alice gone AND nobody gone OR dave ended",
    ] {
        assert!(is_so(text), "{text}");
    }
    for text in [
        "alice running",
        "alice idle",
        "alice waits",
        "zoe held",
        "zoe ended",
        "2 held",
        "nothing held",
        "nobody gone",
        "listening",
        "alice held 'update seat'",
        "alice held 'shows'",
        "alice held 'private.seats'",
        "not (alice held or bob held)",
        "alice held and bob held",
    ] {
        assert!(!is_so(text), "{text}");
    }
}

#[test]
fn programs_can_connect_once_it_is_listened() {
    let open = State { listening: vec!["127.0.0.1:5433".to_owned()], ..State::default() };
    assert!("listening".parse::<Expression>().unwrap().is_so(&open));
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let parsed: Expression = "not a held and b held or c held".parse().unwrap();
    let same: Expression = "((not a held) and b held) or c held".parse().unwrap();
    assert_eq!(parsed, same);
    assert_eq!(parsed.names(), ["a", "b", "c"]);
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_to_do() {
    for (text, column, problem) in [
        ("", 1, "it is empty; write `alice held` or `nothing held`"),
        ("alice hold", 7, "there is no state `hold`; did you mean held?"),
        (
            "alice sleeps",
            7,
            "there is no state `sleeps`; it is one of held, waits, running, idle, ended, gone",
        ),
        ("alice", 6, "one of held, waits, running, idle, ended, gone belongs here"),
        ("alice held bob held", 12, "nothing belongs here; conditions are joined by `and` or `or`"),
        ("alice held and", 15, "a condition is missing here; write one like `alice held`"),
        ("or alice held", 1, "a condition is missing here; write one like `alice held`"),
        ("(alice held", 1, "this `(` is never closed"),
        ("(alice held bob", 13, "`and`, `or` or `)` belongs here"),
        ("älice held \"update", 12, "this quote is never closed"),
        ("alice idle 'x'", 12, "a statement belongs only behind `held`"),
        ("alice held ' '", 12, "a statement's beginning or a table belongs in the quotes"),
    ] {
        let error = text.parse::<Expression>().unwrap_err();
        assert_eq!((error.column, error.problem.as_str()), (column, problem), "{text}");
        assert!(error.to_string().starts_with(&format!("expression `{text}`, column ")));
    }
}

#[test]
fn neither_length_nor_depth_is_without_end() {
    let deep = format!("{}alice held{}", "(".repeat(1000), ")".repeat(1000));
    assert!(deep.parse::<Expression>().unwrap_err().problem.contains("too deep"));
    let deep = format!("{}alice held", "not ".repeat(1000));
    assert!(deep.parse::<Expression>().unwrap_err().problem.contains("too deep"));
    let long = vec!["alice held"; 1000].join(" and ");
    let error = long.parse::<Expression>().unwrap_err();
    assert!(error.problem.contains("too long") && error.text.len() < 100, "{error}");
}

fn claim() -> impl Strategy<Value = Expression> {
    let who = prop_oneof![
        "[a-z0-9 '\"()ä-]{0,7}[a-z]".prop_map(Who::Named),
        prop::sample::select(vec!["and", "NOT", "or", "nothing", "listening", "7"])
            .prop_map(|name| Who::Named(name.to_owned())),
        (0_usize..99).prop_map(Who::AtLeast),
        Just(Who::Nobody),
    ];
    let what = "[a-z '\"();*]{0,7}[a-z]".prop_map(|text| Some(What::new(&text)));
    let doing = prop_oneof![
        Just(Doing::Held(None)),
        what.prop_map(Doing::Held),
        Just(Doing::Waits),
        Just(Doing::Running),
        Just(Doing::Idle),
        Just(Doing::Ended),
        Just(Doing::Gone),
    ];
    let does = (who, doing).prop_map(|(who, doing)| Expression::Does(who, doing));
    prop_oneof![1 => Just(Expression::Listening), 9 => does]
}

fn expression() -> impl Strategy<Value = Expression> {
    claim().prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.prop_map(|it| Expression::Not(Box::new(it))),
            several.clone().prop_map(Expression::All),
            several.prop_map(Expression::Any),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(expression in expression()) {
        let text = expression.to_string();
        prop_assert_eq!(text.parse::<Expression>(), Ok(expression), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = text.parse::<Expression>();
        if let Ok(expression) = format!("alice held '{text}' or ({text})").parse::<Expression>() {
            let _ = expression.is_so(&state());
        }
    }

    #[test]
    fn it_means_what_logic_says(one in expression(), other in expression()) {
        let state = state();
        let (a, b) = (one.is_so(&state), other.is_so(&state));
        let is_so = |text: String| text.parse::<Expression>().unwrap().is_so(&state);
        prop_assert_eq!(is_so(format!("({one}) and ({other})")), a && b);
        prop_assert_eq!(is_so(format!("({one}) or ({other})")), a || b);
        prop_assert_eq!(is_so(format!("not ({one})")), !a);
        let neither = is_so(format!("not ({one}) and not ({other})"));
        prop_assert_eq!(neither, is_so(format!("not (({one}) or ({other}))")));
    }
}
