//! Where a statement ends: psql, the console, and a server behind either kind of gateway agree
//! about each of these texts.

use std::process::Command;

use overbooked::cluster::SUPERUSER;
use overbooked::core::syntax::{Strings, split, words};

use crate::gateway::Served;
use crate::psql_compare::psql_binary;
use crate::raw::{Raw, line};
use crate::support::{self, Database};

/// A text, and how strings are read in it.
type Text = (Strings, &'static str);

const TEXTS: [Text; 22] = [
    (Strings::Conforming, "select E'\\\\'; select E'\\''';' ; select 3;"),
    (Strings::Conforming, "select 'a\\'; select 'b';"),
    (Strings::Conforming, "select 'a'\n'\\'; select 'b';"),
    (Strings::Conforming, "select $$;$$, $a$ $$;$$ $b$ $a$; select $é$;$é$;"),
    (Strings::Conforming, "select 1 as a$b$, 2 as c$b$; select 3;"),
    (Strings::Conforming, "select /* ; /* ' */ ; */ 1; select 2 -- ; '\n;"),
    (Strings::Conforming, "select \"a;\"\"b\" from (values (1)) as t (\"a;\"\"b\"); select 2;"),
    (Strings::Conforming, "select U&'\\0061;', U&'!0061;' UESCAPE '!'; select 2;"),
    (Strings::Conforming, "select X'1f', B'01', N';', 1.5e3; select 2;"),
    (Strings::Conforming, "select 1 <> -1, 2*/* ; */3, 5--;\n; select 2;"),
    (Strings::Conforming, "select ';' as \"end\"; select 'begin' as begin; select 3;"),
    (Strings::Conforming, "begin; select case when true then 1 end; end;"),
    (Strings::Conforming, "select 1 union (select 2 order by 1) order by 1; select 3;"),
    (Strings::Conforming, "select '\u{feff};'; select 'ärger;😀';"),
    (Strings::Conforming, "select (1; select 2"),
    (Strings::Escaping, "select 'a\\';' ; select 2;"),
    (Strings::Escaping, "select 'a'\n'\\';' ; select 2;"),
    (Strings::Escaping, "select N'\\';' ; select 2;"),
    (Strings::Escaping, "select X'1f'\n'2e'; select 2;"),
    (Strings::Escaping, "select '\\\\'; select 2;"),
    (Strings::Escaping, "select E'\\';', $$\\$$; select \"\\\" from (values (1)) as t (\"\\\");"),
    (Strings::Escaping, "select 'it''s \\'; -- ' ; select 2;"),
];

/// psql reads line by line and forgets how the string began that goes on in the next line; the
/// server does not.
const CONTINUED: [Text; 2] = [
    (Strings::Conforming, "select E'a'\n'\\';' ; select 2;"),
    (Strings::Conforming, "select E'a' -- ' ;\n  '\\';' as x; select 2;"),
];

/// Two statements, the second of which is refused: such a function may read tables.
const FUNCTION: Text = (
    Strings::Conforming,
    "create function f() returns int language sql begin atomic select case when true then 1 end; \
     select 2; end; select f();",
);

/// Texts with what the optimistic engine refuses in them.
const REFUSED: [Text; 3] = [
    (
        Strings::Conforming,
        "create or replace procedure p() language sql begin atomic select ';'; end; call p();",
    ),
    (Strings::Conforming, "create rule r as on insert to t do (select 1; select ';'); select 3;"),
    (Strings::Conforming, "do $$ begin perform 1; end $$; select 2;"),
];

fn setting(strings: Strings) -> &'static str {
    match strings {
        Strings::Conforming => "on",
        Strings::Escaping => "off",
    }
}

/// The statements that psql makes of a text.
fn by_psql(database: &str, (strings, text): Text) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("text.sql"), folder.path().join("log"));
    std::fs::write(&file, text).unwrap();
    let server = support::server();
    let output = Command::new(psql_binary())
        .args(["-X", "-q", "-U", SUPERUSER, "-d", database, "-p", &server.port().to_string()])
        .arg("-h")
        .arg(server.folder())
        .arg("-f")
        .arg(&file)
        .arg("-L")
        .arg(&log)
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGOPTIONS", format!("-c standard_conforming_strings={}", setting(strings)))
        .output()
        .expect("psql runs");
    let log = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!log.is_empty(), "{output:?}");
    queries(&log)
}

/// `********* QUERY **********`, the query, a line of stars; since PostgreSQL 17 with slashes at
/// the ends.
fn queries(log: &str) -> Vec<String> {
    let is_rule = |line: &str| line.len() > 20 && line.trim_matches(['/', '*']).is_empty();
    let mut found = Vec::new();
    let mut lines = log.lines();
    while lines.any(|line| line.starts_with(['/', '*']) && line.contains("* QUERY *")) {
        let query: Vec<_> = lines.by_ref().take_while(|line| !is_rule(line)).collect();
        found.push(query.join("\n"));
    }
    found
}

fn words_of(statement: &str, strings: Strings) -> Vec<String> {
    words(statement, strings).into_iter().map(|word| word.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_and_the_console_split_alike() {
    let database = Database::create().await;
    let name = database.name().to_owned();
    let compared = tokio::task::spawn_blocking(move || {
        for (strings, text) in TEXTS.into_iter().chain(REFUSED).chain([FUNCTION]) {
            let theirs = by_psql(&name, (strings, text));
            let theirs: Vec<_> = theirs.iter().map(|query| words_of(query, strings)).collect();
            let ours = split(text, strings);
            let ours: Vec<_> = ours.iter().map(|part| words_of(part.text, strings)).collect();
            assert_eq!(ours, theirs, "{text}");
        }
    });
    compared.await.unwrap();
}

async fn client(served: &Served) -> Raw {
    let database = format!("database\0{}\0", served.database());
    Raw::connect_with(served.folder.path(), &database).await.0
}

/// The answers to a text: values, tags and the codes of errors.
async fn told(raw: &mut Raw, text: &str) -> Vec<String> {
    let answers = raw.query(text).until_ready().await;
    let answers = answers.iter().filter(|answer| b"DCE".contains(&answer.tag));
    answers.map(|answer| line(std::slice::from_ref(answer))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_means_the_same_through_either_gateway_and_as_statements_of_its_own() {
    let (plain, served) = (Served::passing_through().await, Served::start().await);
    let (mut straight, mut through) = (client(&plain).await, client(&served).await);
    for (strings, text) in TEXTS.into_iter().chain(CONTINUED) {
        for raw in [&mut straight, &mut through] {
            let set = format!("set standard_conforming_strings = {}", setting(strings));
            raw.query(&set).until_ready().await;
        }
        let expected = told(&mut straight, text).await;
        assert_eq!(told(&mut through, text).await, expected, "{text}");
        let mut one_by_one = Vec::new();
        for part in split(text, strings) {
            one_by_one.extend(told(&mut straight, part.text).await);
        }
        assert_eq!(one_by_one, expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_whole() {
    let served = Served::start().await;
    for (_, text) in REFUSED {
        let mut raw = client(&served).await;
        assert_eq!(told(&mut raw, text).await, ["!0A000"], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_in_a_function_are_its_own() {
    let served = Served::start().await;
    let mut raw = client(&served).await;
    assert_eq!(told(&mut raw, FUNCTION.1).await, ["[CREATE FUNCTION]", "(2)", "[SELECT 1]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_is_read_as_its_session_reads_strings() {
    let served = Served::start().await;
    let mut raw = client(&served).await;
    raw.parse("", "select 'a\\';' ").sync();
    assert!(raw.says().await.contains("!42601"));
    raw.query("set standard_conforming_strings = off").until_ready().await;
    raw.parse("", "select 'a\\';' ").bind("", "").execute("").sync();
    let said = raw.says().await;
    assert!(said.contains("(a';)"), "{said}");
}
