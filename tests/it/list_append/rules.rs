//! The checker against small histories: each rule has one that keeps it and one that does not.
//!
//! A line is a transaction: when it was begun and ended, what became of it, and its operations.
//! `x+1` appends 1 to x, `x=1.2` has read 1 and 2 there.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::cycles::cycles;
use super::history::{History, Key, Operation, Outcome, Transaction};
use super::lists::{Anomaly, Lists};
use super::{check, model};

fn operation(text: &str) -> Operation {
    let key = Key::new(&text[..1], 0);
    let rest = &text[2..];
    if text.as_bytes()[1] == b'+' {
        return Operation::Append(key, rest.parse().unwrap());
    }
    let values = rest.split('.').filter(|value| !value.is_empty());
    Operation::Read(key, values.map(|value| value.parse().unwrap()).collect())
}

fn transaction(line: &str) -> Transaction {
    let mut words = line.split_whitespace();
    let mut time = || words.next().unwrap().parse().unwrap();
    let (begun, ended) = (time(), time());
    let outcome = match words.next().unwrap() {
        "committed" => Outcome::Committed,
        "refused" => Outcome::Refused,
        _ => Outcome::Unknown,
    };
    Transaction {
        client: "a test".to_owned(),
        begun,
        ended,
        outcome,
        operations: words.map(operation).collect(),
    }
}

fn history(text: &str) -> History {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    History { transactions: lines.map(transaction).collect(), ..History::default() }
}

/// The names of what is wrong.
fn wrong(text: &str) -> Vec<String> {
    names(&check(&history(text)))
}

fn names(anomalies: &[Anomaly]) -> Vec<String> {
    let names = anomalies.iter().map(|anomaly| {
        let text = format!("{anomaly:?}");
        text.split([' ', '(']).next().unwrap().to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.dedup();
    names
}

#[test]
fn what_snapshot_isolation_allows_is_found_right() {
    for allowed in [
        "1 2 committed x+1 \n 3 4 committed x+2 x=1.2 \n 5 6 committed x=1.2",
        // Write skew: two read-write dependencies in a row.
        "1 4 committed x= y+1 \n 2 3 committed y= x+2 \n 5 6 committed x=2 y=1",
        // The read-only anomaly has two in a row as well.
        "1 9 committed y= x= x+1 \n 2 3 committed y+2 \n 4 5 committed x= y=2 \n 10 11 committed \
         x=1 y=2",
        "1 4 refused x+1 \n 2 3 committed x= \n 5 6 committed x=",
        "1 4 unknown x+1 y+2 \n 2 3 committed x= \n 5 6 committed x= y=",
        "1 4 unknown x+1 y+2 \n 2 3 committed x= \n 5 6 committed x=1 y=2",
        "1 4 unknown x+1 x=1 y+2 \n 2 3 committed x= x+3 \n 5 6 committed x=3 y=",
        "1 2 committed x+1 x=1 x+2 x=1.2 \n 3 4 committed x=1.2",
    ] {
        assert_eq!(wrong(allowed), Vec::<String>::new(), "{allowed}");
    }
}

#[test]
fn what_a_list_must_not_hold_is_found() {
    for (text, expected) in [
        ("1 2 committed x=7", "Invented"),
        ("1 2 committed x+7 \n 3 4 committed y=7 x=7", "Invented"),
        ("1 2 refused x+1 \n 3 4 committed x=1", "AbortedRead"),
        ("1 2 refused x+1 \n 3 4 refused x=1 \n 5 6 committed x=", "AbortedRead"),
        ("1 5 committed x+1 x+2 \n 2 3 committed x=1 \n 6 7 committed x=1.2", "IntermediateRead"),
        ("1 2 committed x+1 \n 3 4 committed x=1.1", "Duplicate"),
        ("1 2 committed x+1 x= \n 3 4 committed x=1", "Internal"),
        ("1 2 committed x+1 \n 3 6 committed x= x=1 \n 7 8 committed x=1", "Internal"),
        ("1 2 committed x+1 x+2 x=2.1 \n 3 4 committed x=1.2", "Internal"),
        (
            "1 4 committed x+1 \n 2 3 committed x+2 \n 5 6 committed x=1 \n 7 8 committed x=2.1",
            "Incompatible",
        ),
        ("1 4 committed x+1 x+3 \n 2 3 committed x+2 \n 5 6 committed x=1.2.3", "Interleaved"),
        ("1 2 committed x+1 \n 3 4 committed x=", "LostAppend"),
        ("1 2 committed x+1 \n 3 4 committed y=", "LostAppend"),
        // Half of a transaction is worse than none of it.
        ("1 4 unknown x+1 y+2 \n 5 6 committed x=1 y=", "LostAppend"),
    ] {
        assert!(wrong(text).contains(&expected.to_owned()), "{text}: {:?}", wrong(text));
    }
}

#[test]
fn dependencies_that_go_round_are_found() {
    for text in [
        // Write cycles.
        "1 5 committed x+1 y+2 \n 2 4 committed x+3 y+4 \n 6 7 committed x=1.3 y=4.2",
        // Each has seen the other.
        "1 5 committed x+1 y=2 \n 2 4 committed y+2 x=1 \n 6 7 committed x=1 y=2",
        // A lost update, as far as the lists still hold both.
        "1 5 committed x= x+1 \n 2 4 committed x= x+2 \n 6 7 committed x=1.2",
        // Read skew.
        "1 2 committed x+1 y+2 \n 3 9 committed x=1 y=2.4 \n 4 5 committed x+3 y+4 \n 10 11 \
         committed x=1.3 y=2.4",
        // Two readers who disagree about which of two appends was first.
        "1 8 committed x+1 \n 2 8 committed y+2 \n 3 9 committed x=1 y= \n 4 9 committed x= y=2 \n \
         10 11 committed x=1 y=2",
        // What was over is not seen.
        "1 2 committed x+1 \n 3 4 committed x= \n 5 6 committed x=1",
        // Seen, then not seen.
        "1 9 committed x+1 \n 2 3 committed x=1 \n 4 5 committed x= \n 10 11 committed x=1",
        // Seen before it was begun.
        "3 4 committed x+1 \n 1 2 committed x=1 \n 5 6 committed x=1",
    ] {
        assert_eq!(wrong(text), ["Cycle"], "{text}");
    }
}

/// One after the other, so that the way through the graph is as long as the history.
#[test]
fn a_long_history_is_judged() {
    let lines = (1..100_000).map(|number| {
        let (begun, ended) = (2 * number, 2 * number + 1);
        format!("{begun} {ended} committed x+{number}\n")
    });
    let mut long = history(&lines.collect::<String>());
    long.dropped.insert("x".to_owned());
    assert_eq!(check(&long), []);
}

#[test]
fn a_dropped_table_may_be_gone_with_what_it_held_and_nothing_else_may() {
    let mut dropped = history("1 2 committed x+1 \n 3 4 committed x=1 \n 5 6 committed y=");
    assert!(matches!(check(&dropped)[..], [Anomaly::LostAppend { .. }]));
    dropped.dropped.insert("x".to_owned());
    assert_eq!(check(&dropped), []);
}

/// Which of the tables that had one name an unheard append went to is known from whoever has read
/// it.
#[test]
fn an_unheard_append_stands_where_it_was_read() {
    let mut history = history("1 2 unknown x+1 x+2 \n 3 4 committed y=1");
    history.place_unheard("x");
    assert_eq!(history.transactions[0].operations, [operation("y+1")]);
    assert_eq!(check(&history), []);
}

/// An UPDATE that finds no row is as committed as one that does.
#[test]
fn an_unheard_update_counts_where_its_row_was_there_or_its_value_was_read() {
    for (text, expected) in [
        ("1 4 unknown x+1 y+2 \n 2 3 committed y+3 \n 5 6 committed x=1 y=3", &[][..]),
        ("1 2 committed y+3 \n 3 4 unknown x+1 y+2 \n 5 6 committed x=1 y=3", &["LostAppend"]),
        (
            "1 2 unknown x+1 y+2 \n 3 4 committed x=1 y=2 \n 5 6 committed x=1 y=",
            &["LostAppend", "Cycle"],
        ),
    ] {
        let mut history = history(text);
        history.unheard_updates.insert(2);
        history.settle_unheard_updates();
        assert_eq!(names(&check(&history)), expected, "{text}");
    }
}

#[test]
fn a_circle_is_told_with_its_reasons() {
    let text = "1 2 committed x+1 \n 3 4 committed x= \n 5 6 committed x=1";
    let history = history(text);
    let found = cycles(&history, &Lists::of(&history));
    let [Anomaly::Cycle(steps)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(steps.len(), 2);
    assert!(steps.iter().any(|step| step.contains("read-write")), "{steps:?}");
    assert!(steps.iter().any(|step| step.contains("real time")), "{steps:?}");
}

/// Random histories of a store that keeps the rules, and of one that breaks a single one of them.
#[test]
fn a_store_is_told_from_one_with_a_fault() {
    let mut random = StdRng::seed_from_u64(9);
    for _ in 0..60 {
        let history = model::play(&mut random, None);
        assert_eq!(check(&history), [], "{history:#?}");
    }
    for fault in model::FAULTS {
        let mut histories = (0..60).map(|_| model::play(&mut random, Some(fault)));
        assert!(histories.any(|history| !check(&history).is_empty()), "{fault:?}");
    }
}
