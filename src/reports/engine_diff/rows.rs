//! Rows of the watched tables that are not the same on two engines.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::seats::{Holder, SeatColumns, WatchedRow, WatchedTable, WatchedTables};

/// A row that differs between two engines, each in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDifference {
    pub table: String,
    /// The row's key: `A-4`.
    pub key: String,
    /// Its state on the first engine: `Bob`, `free, Mallory changes it`.
    pub above: String,
    /// And in the second.
    pub below: String,
}

/// Every row that two engines do not show alike: committed values, who holds it, who waits for it.
pub fn differing_rows(above: &WatchedTables, below: &WatchedTables) -> Vec<RowDifference> {
    let tables = above.tables.iter().filter_map(|table| {
        Some((table, below.tables.iter().find(|other| other.name == table.name)?))
    });
    tables.flat_map(|(one, two)| differing_in(one, two)).collect()
}

fn differing_in(above: &WatchedTable, below: &WatchedTable) -> Vec<RowDifference> {
    let (one, two) = (row_states(above), row_states(below));
    let keys: BTreeSet<&str> = one.keys().chain(two.keys()).copied().collect();
    let in_order =
        |table: &WatchedTable, key: &str| table.places.iter().position(|it| it.key == key);
    let mut differing: Vec<&str> =
        keys.into_iter().filter(|key| one.get(key) != two.get(key)).collect();
    differing.sort_by_key(|key| in_order(above, key).or_else(|| in_order(below, key)));
    let difference = |key: &str| RowDifference {
        table: above.name.clone(),
        key: key.to_owned(),
        above: row_state(&one, key),
        below: row_state(&two, key),
    };
    differing.into_iter().map(difference).collect()
}

/// How a row stands, in words: `free, Mallory changes it, Carol waits`.
pub fn row_in_words(table: &WatchedTable, row: &WatchedRow) -> String {
    words(row, table.seats.as_ref().and_then(|seats| column(table, seats)))
}

/// How each row stands in words, by key; two sessions may each have inserted the same one.
type RowStates<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// The rows, as far as two engines can be held to the same: who changes or holds one can be
/// compared; in which lock mode, and what the change will make of it, only one of them knows.
fn row_states(table: &WatchedTable) -> RowStates<'_> {
    let holder = table.seats.as_ref().and_then(|seats| column(table, seats));
    let mut row_states = RowStates::new();
    for place in &table.places {
        row_states.entry(&place.key).or_default().insert(words(place, holder));
    }
    row_states
}

fn row_state(row_states: &RowStates<'_>, key: &str) -> String {
    let all: Vec<&str> = row_states.get(key).into_iter().flatten().map(String::as_str).collect();
    if all.is_empty() { "not there".to_owned() } else { all.join("; ") }
}

/// The column that says who has the seat.
fn column(table: &WatchedTable, seats: &SeatColumns) -> Option<usize> {
    table.columns.iter().position(|column| *column == seats.holder)
}

/// `Bob`, `free, Mallory changes it, Carol waits`.
fn words(place: &WatchedRow, holder: Option<usize>) -> String {
    let holds = sorted(place.holders.iter().map(|hold| (&hold.holder, hold.kind.is_change())));
    let holds = holds.into_iter().map(|(name, is_change)| {
        format!("{name} {}", if is_change { "changes it" } else { "holds it" })
    });
    let waiters = sorted(place.waiters.iter().map(|waiter| (&waiter.who, false)));
    let waiters = waiters.into_iter().map(|(name, _)| format!("{name} waits"));
    let parts: Vec<String> =
        [committed(place, holder)].into_iter().chain(holds).chain(waiters).collect();
    parts.join(", ")
}

fn sorted<'a>(people: impl Iterator<Item = (&'a Holder, bool)>) -> BTreeSet<(String, bool)> {
    people.map(|(holder, is_change)| (name(holder), is_change)).collect()
}

fn committed(place: &WatchedRow, holder: Option<usize>) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    match (place.committed, holder) {
        (false, _) => "new".to_owned(),
        (true, Some(column)) => match place.values.get(column) {
            Some(Some(name)) => name.clone(),
            _ => "free".to_owned(),
        },
        (true, None) => place.values.iter().map(text).collect::<Vec<_>>().join(" | "),
    }
}

fn name(holder: &Holder) -> String {
    match holder {
        Holder::Session(name) => name.to_string(),
        Holder::OneOf(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            names.join(" or ")
        }
        Holder::Prepared => "a prepared transaction".to_owned(),
        Holder::Foreign(name) => name.clone(),
    }
}
