use super::*;
use crate::explorer::fake::scenario;
use crate::explorer::outcome::{Table, Value};

const TWO: &str = "session Alice step a { update seats } session Bob step b { update seats }";

fn table(name: &str, columns: &[&str], rows: &[&[&str]]) -> Table {
    let row = |row: &&[&str]| row.iter().map(|cell| Value::Text((*cell).to_owned())).collect();
    Table {
        name: format!("public.{name}"),
        columns: columns.iter().map(|it| (*it).to_owned()).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn seat(holder: &str, bob: Said) -> Outcome {
    let alice = Reply::Answered(vec![Said::Done("UPDATE 1".to_owned())]);
    let rows: [&[&str]; 2] = [&["A", "3", "Oscar"], &["A", "4", holder]];
    let tables = vec![table("seats", &["row", "number", "holder"], &rows)];
    Outcome {
        replies: vec![vec![alice], vec![Reply::Answered(vec![bob])]],
        tables,
        finally: vec![],
    }
}

fn named(outcomes: &[Outcome]) -> Vec<String> {
    let (scenario, program) = scenario(TWO);
    names(&scenario, &program, &outcomes.iter().collect::<Vec<_>>())
}

fn done() -> Said {
    Said::Done("UPDATE 1".to_owned())
}

fn refused() -> Said {
    Said::Failed("40001".to_owned())
}

#[test]
fn classes_are_named_by_what_differs() {
    assert_eq!(named(&[seat("Alice", done())]), ["the only outcome"]);
    assert_eq!(named(&[seat("Alice", done()), seat("Bob", done())]), ["A-4 Alice", "A-4 Bob"]);
    let all = [seat("Alice", refused()), seat("Alice", done()), seat("Bob", done())];
    assert_eq!(named(&all), ["Bob refused 40001 · A-4 Alice", "A-4 Alice", "A-4 Bob"]);
    let two = [seat("Alice", refused()), seat("Alice", done())];
    assert_eq!(named(&two), ["Bob refused 40001", "nobody is refused"]);
}

#[test]
fn rows_that_only_some_have_are_told_by_what_differs_between_them() {
    let tickets = |who: &[&str]| {
        let rows: Vec<Vec<&str>> = who.iter().map(|who| vec!["A", "4", who]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let tables = vec![table("tickets", &["row", "number", "holder"], &rows)];
        Outcome { tables, ..seat("", done()) }
    };
    assert_eq!(
        named(&[tickets(&["Alice", "Bob"]), tickets(&["Bob"]), tickets(&[])]),
        ["tickets Alice, Bob", "tickets Bob", "tickets none"]
    );
}

#[test]
fn answers_are_told_where_the_end_is_the_same() {
    let tag = |tag: &str| Said::Done(tag.to_owned());
    let all = [seat("Alice", tag("UPDATE 0")), seat("Alice", tag("UPDATE 1"))];
    assert_eq!(named(&all), ["Bob UPDATE 0", "Bob UPDATE 1"]);
}

#[test]
fn no_two_have_the_same_name() {
    let long = |end: &str| seat(&format!("{}{end}", "x".repeat(80)), done());
    let names = named(&[long("1"), long("2")]);
    assert_ne!(names[0], names[1]);
}
