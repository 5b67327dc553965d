use super::*;
use crate::core::event::answer::Outcome as Answer;
use crate::core::event::{Column, TransactionStatus};
use crate::explorer::fake::scenario;
use crate::explorer::played::Launched;

const TWO: &str = "session Alice step a { insert into bookings returning id }
    session Bob step b { insert into bookings returning id }";

fn cells(row: &[&str]) -> Vec<Option<String>> {
    row.iter().map(|cell| Some((*cell).to_owned()).filter(|it| it != "null")).collect()
}

fn rows(names: &[&str], oid: u32, rows: &[&[&str]]) -> Answer {
    let columns = names.iter().map(|name| Column { name: (*name).to_owned(), type_oid: oid });
    let rows: Vec<_> = rows.iter().map(|row| cells(row)).collect();
    let count = rows.len() as u64;
    Answer::Result { columns: columns.collect(), rows, count, tag: "INSERT 0 1".to_owned() }
}

fn launched(session: usize, place: usize, outcome: Answer) -> Launched {
    let status = TransactionStatus::Idle;
    let answer = Answered { outcomes: vec![outcome], status, lost: None, after: place };
    Launched { session, step: 0, enabled: vec![0, 1], answer: Some(answer) }
}

fn table(rows: &[&[&str]]) -> TableRows {
    let columns = ["id", "who"].map(str::to_owned).to_vec();
    let rows = rows.iter().map(|row| cells(row)).collect();
    TableRows { table: "public.bookings".to_owned(), columns, rows }
}

fn played(order: [(usize, &str); 2], end: &[&[&str]]) -> Played {
    let launches = order.iter().enumerate();
    let launches = launches
        .map(|(place, (session, id))| launched(*session, place, rows(&["id"], 20, &[&[id]])));
    let end = Some(End { tables: vec![table(end)], ..End::default() });
    Played { launches: launches.collect(), end, ..Played::default() }
}

fn sequences() -> Noise {
    let (scenario, program) = scenario(TWO);
    let id = ("public.bookings".to_owned(), "id".to_owned());
    Noise::of_sequences(&scenario, &program, [(id, "bookings.id".to_owned())].into())
}

#[test]
fn values_of_a_sequence_say_nothing_of_who_came_first() {
    let (_, program) = scenario(TWO);
    let one = played([(0, "1"), (1, "2")], &[&["1", "Alice"], &["2", "Bob"]]);
    let other = played([(1, "1"), (0, "2")], &[&["1", "Bob"], &["2", "Alice"]]);
    let wrong = played([(1, "1"), (0, "2")], &[&["1", "Alice"], &["2", "Bob"]]);
    let noise = sequences();
    let of = |played: &Played, noise: &Noise| Outcome::of(&program, played, noise);
    assert_eq!(of(&one, &noise), of(&other, &noise));
    assert_ne!(of(&one, &Noise::default()), of(&other, &Noise::default()));
    // Alice was told the number that stands with Bob at the end.
    assert_ne!(of(&one, &noise), of(&wrong, &noise));
}

#[test]
fn a_sequence_that_nobody_was_told_of_is_numbered_by_what_stands_beside_it() {
    let (_, program) = scenario(TWO);
    let end = |rows: &[&[&str]]| {
        let end = Some(End { tables: vec![table(rows)], ..End::default() });
        Outcome::of(&program, &Played { end, ..Played::default() }, &sequences())
    };
    assert_eq!(end(&[&["1", "Alice"], &["2", "Bob"]]), end(&[&["7", "Bob"], &["9", "Alice"]]));
    assert_ne!(end(&[&["1", "Alice"], &["2", "Bob"]]), end(&[&["1", "Alice"]]));
}

#[test]
fn moments_and_numbers_of_the_server_are_numbered_and_nothing_else_is() {
    let (_, program) = scenario(TWO);
    let of = |oid: u32, value: &str| {
        let launches = vec![launched(0, 0, rows(&["x"], oid, &[&[value]]))];
        Outcome::of(&program, &Played { launches, ..Played::default() }, &Noise::default())
    };
    assert_eq!(
        of(1184, "2026-11-29 21:22:41.123456+00"),
        of(1184, "2026-11-29 21:22:42.654321+00")
    );
    assert_eq!(of(28, "731"), of(28, "744"));
    assert_ne!(of(23, "731"), of(23, "744"));
    assert_ne!(of(1184, "2026-12-31 20:00:00+00"), of(1184, "2027-12-31 20:00:00+00"));
}

#[test]
fn rows_are_the_same_in_whatever_order_they_come() {
    let (_, program) = scenario(TWO);
    let of = |all: &[&[&str]]| {
        let launches = vec![launched(0, 0, rows(&["x", "y"], 23, all))];
        Outcome::of(&program, &Played { launches, ..Played::default() }, &Noise::default())
    };
    assert_eq!(of(&[&["1", "2"], &["0", "3"]]), of(&[&["0", "3"], &["1", "2"]]));
    assert_ne!(of(&[&["1", "2"]]), of(&[&["1", "2"], &["1", "2"]]));
    assert_ne!(of(&[&["1", "null"]]), of(&[&["1", ""]]));
}

#[test]
fn what_two_plays_of_one_order_differ_in_is_noise() {
    let (_, program) = scenario(TWO);
    let one = played([(0, "4711"), (1, "2")], &[&["4711", "Alice"]]);
    let other = played([(0, "4712"), (1, "2")], &[&["4712", "Alice"]]);
    let mut noise = Noise::default();
    noise.learn(&one, &other);
    let of = |played: &Played| Outcome::of(&program, played, &noise);
    assert_eq!(of(&one), of(&other));
    let third = played([(0, "4712"), (1, "3")], &[&["4712", "Alice"]]);
    assert_ne!(of(&one), of(&third));
}

#[test]
fn what_was_not_sent_or_not_answered_is_part_of_it() {
    let (_, program) = scenario(TWO);
    let waits = Launched { answer: None, ..launched(0, 0, rows(&["id"], 20, &[])) };
    let played = Played { launches: vec![waits], ..Played::default() };
    let outcome = Outcome::of(&program, &played, &Noise::default());
    assert_eq!(outcome.replies, [[Reply::Waits], [Reply::NotSent]]);
}
