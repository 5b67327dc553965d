//! What the console says in words: times, waits, conflicts.

use std::time::Duration;

use crate::core::event::{Blocker, Conflict, Wait, WaitTarget, transaction_end};
use crate::core::scenario::EngineKind;
use crate::core::seats::{HoldKind, Holder, WatchedTables};

/// An engine, as it is spoken of.
pub fn engine(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Postgres => "PostgreSQL",
        EngineKind::Optimistic => "the optimistic engine",
        EngineKind::YugabyteDb => "YugabyteDB",
        EngineKind::CockroachDb => "CockroachDB",
        EngineKind::Dsql => "Aurora DSQL",
    }
}

/// The time a statement took: `1.2 ms`, `31 ms`, `3.1 s`.
pub fn milliseconds(elapsed: Duration) -> String {
    let millis = elapsed.as_secs_f64() * 1e3;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => seconds(elapsed),
    }
}

/// The time a wait has lasted: `3.1 s`, `2 min 5 s`. Cut, not rounded, so that it never runs ahead.
pub fn seconds(elapsed: Duration) -> String {
    let tenths = elapsed.as_millis() / 100;
    match tenths {
        ..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => format!("{} min {} s", tenths / 600, tenths % 600 / 10),
    }
}

/// The time a wait took that is over: `3.1 s`. A replayed one is over at once, and is told in
/// milliseconds rather than as none.
pub fn wait(waited: Duration) -> String {
    match waited.as_millis() {
        ..100 => milliseconds(waited),
        _ => seconds(waited),
    }
}

/// Names in a row: `Bob`, `Bob and Alice`, `Bob and 3 others`.
pub fn blockers(blockers: &[Blocker]) -> String {
    match blockers {
        [] => "an unknown blocker".to_owned(),
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [one, others @ ..] => format!("{one} and {} others", others.len()),
    }
}

/// For whom and for what, in the words that follow `waits for`: `Bob: row A-4`, `Bob's transaction
/// to end`.
pub fn whom_and_what(wait: &Wait) -> String {
    let whom = blockers(&wait.blockers);
    match wait.target {
        WaitTarget::Transaction => transaction_end(&wait.blockers, &whom),
        ref named => format!("{whom}: {}", target(named)),
    }
}

/// What is waited for, in words: `row A-4`.
fn target(target: &WaitTarget) -> String {
    match target {
        WaitTarget::Row { key: Some(key), .. } => format!("row {key}"),
        WaitTarget::Table { table, mode } => format!("table {table} ({mode})"),
        other => other.to_string(),
    }
}

/// What the one in the way has done to the row: `locked by SELECT FOR UPDATE`.
pub fn hold(
    watched: &WatchedTables,
    table: &str,
    key: &str,
    blockers: &[Blocker],
) -> Option<&'static str> {
    let (_, place) = watched.row(table, key)?;
    let is_in_the_way = |holder: &Holder| {
        blockers.iter().any(|blocker| match (blocker, holder) {
            (Blocker::Session(name), Holder::Session(holder)) => name == holder,
            (Blocker::Prepared(_), Holder::Prepared) => true,
            _ => false,
        })
    };
    let hold = place.holders.iter().rfind(|hold| is_in_the_way(&hold.holder))?;
    Some(done_to_row(hold.kind))
}

fn done_to_row(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::KeyShare => "locked by FOR KEY SHARE",
        HoldKind::Share => "locked by SELECT FOR SHARE",
        HoldKind::NoKeyUpdate => "locked by SELECT FOR NO KEY UPDATE",
        HoldKind::Update => "locked by SELECT FOR UPDATE",
        HoldKind::Lock => "locked",
        HoldKind::Write => "changed by UPDATE, not committed",
        HoldKind::Delete => "deleted, not committed",
        HoldKind::Insert => "inserted, not committed",
        HoldKind::LockOrWrite => "locked or changed",
    }
}

/// Why a COMMIT was refused.
pub fn conflict(conflict: &Conflict) -> String {
    let Conflict { table, key, winner, since } = conflict;
    let winner = winner.as_deref().unwrap_or("somebody else");
    let when = since.map(|since| format!(", {} earlier", seconds(since))).unwrap_or_default();
    let what = if names_a_seat(key) { key.clone() } else { format!("row {key} of {table}") };
    format!("{winner} changed {what} and committed first{when}")
}

/// Whether a key says by itself that it is a seat's: `A-4`.
fn names_a_seat(key: &str) -> bool {
    let is_of =
        |text: &str, is: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| is(&c));
    key.split_once('-').is_some_and(|(row, number)| {
        is_of(row, char::is_ascii_alphabetic) && is_of(number, char::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Certainty, SessionName};

    #[test]
    fn times_are_as_exact_as_they_are_worth() {
        assert_eq!(milliseconds(Duration::from_micros(1234)), "1.2 ms");
        assert_eq!(milliseconds(Duration::from_micros(31_400)), "31 ms");
        assert_eq!(milliseconds(Duration::from_millis(3199)), "3.1 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(wait(Duration::from_millis(43)), "43 ms");
        assert_eq!(wait(Duration::from_millis(150)), "0.1 s");
    }

    #[test]
    fn a_wait_for_a_transaction_names_whose_it_is() {
        let wait = |blockers: Vec<Blocker>, target| Wait {
            blockers,
            target,
            certainty: Certainty::Observed,
        };
        let name = |name| Blocker::Session(SessionName::new(name));
        let end = |blockers| whom_and_what(&wait(blockers, WaitTarget::Transaction));
        assert_eq!(end(vec![name("Alice")]), "Alice's transaction to end");
        assert_eq!(
            end(vec![name("Alice"), name("Bob")]),
            "the transactions of Alice and Bob to end"
        );
        let prepared = Blocker::Prepared(Some("t-42".to_owned()));
        assert_eq!(end(vec![prepared]), "prepared transaction t-42 to end");
        assert_eq!(end(vec![]), "a transaction to end");
        let table = WaitTarget::Table { table: "seats".into(), mode: "ShareLock".into() };
        assert_eq!(whom_and_what(&wait(vec![name("Bob")], table)), "Bob: table seats (ShareLock)");
    }

    #[test]
    fn a_refused_commit_says_who_was_first() {
        let conflict = |table: &str, key: &str, since| {
            conflict(&Conflict {
                table: table.into(),
                key: key.into(),
                winner: Some("Alice".into()),
                since,
            })
        };
        assert_eq!(
            conflict("seats", "A-4", Some(Duration::from_millis(3200))),
            "Alice changed A-4 and committed first, 3.2 s earlier"
        );
        assert_eq!(
            conflict("stock", "1", None),
            "Alice changed row 1 of stock and committed first"
        );
    }

    #[test]
    fn many_blockers_are_counted() {
        let name = |name| Blocker::Session(SessionName::new(name));
        assert_eq!(blockers(&[name("Bob")]), "Bob");
        assert_eq!(blockers(&[name("Bob"), name("Alice")]), "Bob and Alice");
        assert_eq!(blockers(&[name("Bob"), name("Alice"), name("Eve")]), "Bob and 2 others");
    }
}
