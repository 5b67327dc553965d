//! The map on the optimistic engine: what is committed, as the observer sees it, and over it what
//! each session has changed in private, as the gateway tells it.

use std::collections::BTreeMap;

use crate::core::event::SessionName;
use crate::core::seats::{Hold, HoldKind, Holder, WatchedRow, WatchedTable, WatchedTables};
use crate::gateway::PrivateChange;

/// Each session's private changes as they are now.
pub(crate) type Private = BTreeMap<SessionName, Vec<PrivateChange>>;

/// The tables with everybody's private changes in it.
pub(crate) fn overlay(committed: &WatchedTables, private: &Private) -> WatchedTables {
    let mut tables = committed.clone();
    for (session, changes) in private {
        for change in changes {
            let table = tables.tables.iter_mut().find(|table| table.name == change.table);
            if let Some(table) = table {
                hold(table, session, change);
            }
        }
    }
    tables
}

fn hold(table: &mut WatchedTable, session: &SessionName, change: &PrivateChange) {
    let hold = Hold {
        holder: Holder::Session(session.clone()),
        kind: change.kind,
        becomes: becomes(table, change),
    };
    match table.places.iter_mut().find(|place| place.key == change.key) {
        Some(place) => place.holders.push(hold),
        None => table.places.push(WatchedRow {
            key: change.key.clone(),
            values: values(&table.columns, change),
            committed: false,
            holders: vec![hold],
            waiters: Vec::new(),
        }),
    }
}

/// What the change makes of the seat's holder; nothing where the table is no seat map or the row is
/// merely locked.
fn becomes(table: &WatchedTable, change: &PrivateChange) -> Option<Option<String>> {
    let holder = &table.seats.as_ref()?.holder;
    match (change.kind, &change.becomes) {
        (HoldKind::Delete, _) => Some(None),
        (_, Some(values)) => values.iter().find(|(c, _)| c == holder).map(|(_, v)| v.clone()),
        (_, None) => None,
    }
}

fn values(columns: &[String], change: &PrivateChange) -> Vec<Option<String>> {
    let value = |column: &String| {
        let known = change.becomes.as_ref()?.iter().find(|(name, _)| name == column)?;
        known.1.clone()
    };
    columns.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::seats::SeatColumns;

    fn committed() -> WatchedTables {
        let seats = SeatColumns {
            table: "seats".into(),
            compartment: None,
            row: "seat_row".into(),
            number: "seat_number".into(),
            holder: "booked_by".into(),
        };
        let place = WatchedRow {
            key: "A-4".into(),
            values: vec![Some("A".into()), Some("4".into()), None],
            committed: true,
            holders: Vec::new(),
            waiters: Vec::new(),
        };
        let table = WatchedTable {
            name: "seats".into(),
            seats: Some(seats),
            columns: vec!["seat_row".into(), "seat_number".into(), "booked_by".into()],
            places: vec![place],
            rows: 1,
            locked_by: None,
            lock_wanted_by: None,
            unseen_inserts: Vec::new(),
            unread: None,
        };
        WatchedTables { tables: vec![table], blind: Vec::new() }
    }

    fn books(key: &str, who: &str, kind: HoldKind) -> PrivateChange {
        let values = vec![("booked_by".to_owned(), Some(who.to_owned()))];
        PrivateChange {
            schema: "s".into(),
            table: "seats".into(),
            key: key.into(),
            kind,
            becomes: Some(values),
        }
    }

    #[test]
    fn two_sessions_can_sit_on_one_seat_in_private() {
        let private = ["Bob", "Mallory"]
            .map(|who| (SessionName::new(who), vec![books("A-4", who, HoldKind::Write)]));
        let seat = &overlay(&committed(), &Private::from(private)).tables[0].places[0];
        let becomes: Vec<_> = seat.holders.iter().map(|hold| hold.becomes.clone()).collect();
        assert_eq!(becomes, [Some(Some("Bob".into())), Some(Some("Mallory".into()))]);
    }

    #[test]
    fn a_new_row_is_shown_as_not_committed() {
        let private = [(SessionName::new("Bob"), vec![books("B-1", "Bob", HoldKind::Insert)])];
        let table = &overlay(&committed(), &Private::from(private)).tables[0];
        let place = table.places.last().unwrap();
        assert!(!place.committed);
        assert_eq!(place.values, [None, None, Some("Bob".into())]);
    }
}
