//! What the console says in words: times, waits, conflicts.

use std::time::Duration;

use crate::core::event::{Blocker, Conflict, WaitTarget};
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
        [] => "nobody that can be seen".to_owned(),
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [one, others @ ..] => format!("{one} and {} others", others.len()),
    }
}

/// What is waited for, in words: `row A-4`.
pub fn target(target: &WaitTarget) -> String {
    match target {
        WaitTarget::Row { key: Some(key), .. } => format!("row {key}"),
        WaitTarget::Transaction => "the end of that transaction".to_owned(),
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
    let table = watched.tables.iter().find(|watched| watched.name == table)?;
    let place = table.places.iter().find(|place| place.key == key)?;
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
    let when = since.map(|since| format!(", {} before", seconds(since))).unwrap_or_default();
    format!("{winner} committed a change of {table} {key} first{when}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::SessionName;

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
    fn many_blockers_are_counted() {
        let name = |name| Blocker::Session(SessionName::new(name));
        assert_eq!(blockers(&[name("Bob")]), "Bob");
        assert_eq!(blockers(&[name("Bob"), name("Alice")]), "Bob and Alice");
        assert_eq!(blockers(&[name("Bob"), name("Alice"), name("Eve")]), "Bob and 2 others");
    }
}
