//! The watched tables: a seat map where one is drawn, rows otherwise.

use std::time::Duration;

use serde_json::{Value, json};

use super::{cut, shown};
use crate::core::seats::{HoldKind, Holder, Unread, WatchedRow, WatchedTable};
use crate::stage::watched::Watched;
use crate::stage::watched::plan::{Compartment, Plan, Row, Seat, State};

/// How much of a name or a value is shown, in cells.
const LONGEST_VALUE: usize = 200;

/// How many rows of a table that is no seat map are shown.
const ROWS: usize = 50;

pub(super) fn tables(watched: &Watched) -> Value {
    watched.tables().tables.iter().map(|it| table(it, watched)).collect()
}

fn table(table: &WatchedTable, watched: &Watched) -> Value {
    let plan = Plan::of(table, watched.marks(Duration::ZERO));
    let map = plan.as_ref().map(|plan| plan.compartments.iter().map(compartment).collect());
    let rows = plan.is_none().then(|| {
        let rows = table.places.iter().take(ROWS).map(row).collect::<Vec<_>>();
        let columns: Vec<_> = table.columns.iter().map(|it| shown(it)).collect();
        json!({"columns": columns, "rows": rows})
    });
    let map: Option<Value> = map;
    json!({
        "name": shown(&table.name),
        "map": map,
        "table": rows,
        "note": note(table),
    })
}

/// Why its rows are not those that stand in it now.
fn note(table: &WatchedTable) -> Option<String> {
    if let Some(holder) = &table.locked_by {
        return Some(format!("locked by {}: these are the rows of before", who(holder)));
    }
    if let Some(holder) = &table.lock_wanted_by {
        return Some(format!("{} waits for the whole table", who(holder)));
    }
    match table.unread.as_ref()? {
        Unread::Missing => Some("there is no such table".to_owned()),
        Unread::TooLarge { .. } => Some("too large to be read".to_owned()),
        Unread::Sampled { .. } => Some("only some of its rows".to_owned()),
        Unread::Refused(why) => Some(shown(why)),
    }
}

fn compartment(part: &Compartment<'_>) -> Value {
    let rows: Vec<_> = part.rows.iter().map(|row| seats(row, part)).collect();
    json!({"title": part.title, "columns": part.numbers.len(), "rows": rows})
}

fn seats(row: &Row<'_>, part: &Compartment<'_>) -> Value {
    let seats: Vec<_> = row.seats.iter().map(|(column, it)| seat(*column, it, part)).collect();
    json!({"label": row.label, "seats": seats})
}

fn seat(column: usize, seat: &Seat<'_>, part: &Compartment<'_>) -> Value {
    let state = match seat.state {
        State::Free => "free",
        State::Held => "held",
        State::Uncommitted => "uncommitted",
        State::Booked => "booked",
    };
    json!({
        "key": shown(&seat.place.key),
        "column": column,
        "number": part.numbers.get(column),
        "state": state,
        "by": seat.booked_by.as_deref().map(value),
        "held": holds(seat.place),
        "waits": waiters(seat.place),
    })
}

fn row(row: &WatchedRow) -> Value {
    let values: Vec<_> = row.values.iter().map(|it| it.as_deref().map(value)).collect();
    json!({
        "key": shown(&row.key),
        "values": values,
        "committed": row.committed,
        "held": holds(row),
        "waits": waiters(row),
    })
}

fn value(text: &str) -> String {
    cut(&shown(text), LONGEST_VALUE).into_owned()
}

/// Who holds it, and how.
fn holds(row: &WatchedRow) -> Vec<Value> {
    let hold = |hold: &crate::core::seats::Hold| {
        let becomes =
            hold.becomes.as_ref().map(|to| to.as_deref().map_or("free".to_owned(), value));
        json!({"who": who(&hold.holder), "how": how(hold.kind), "becomes": becomes})
    };
    row.holders.iter().map(hold).collect()
}

fn waiters(row: &WatchedRow) -> Vec<String> {
    row.waiters.iter().map(|waiter| who(&waiter.who)).collect()
}

fn who(holder: &Holder) -> String {
    match holder {
        Holder::Session(name) => shown(name.as_str()),
        Holder::OneOf(names) => {
            let names: Vec<_> = names.iter().map(|name| shown(name.as_str())).collect();
            names.join(" or ")
        }
        Holder::Prepared => "a prepared transaction".to_owned(),
        Holder::Foreign(name) => shown(name),
    }
}

fn how(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::KeyShare | HoldKind::Share => "locks it against changes",
        HoldKind::NoKeyUpdate | HoldKind::Update | HoldKind::Lock => "has locked it",
        HoldKind::Write => "has changed it, not committed",
        HoldKind::Delete => "has deleted it, not committed",
        HoldKind::Insert => "has inserted it, not committed",
        HoldKind::LockOrWrite => "has locked or changed it",
    }
}
