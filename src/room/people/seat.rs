//! The seat that a press means.

use crate::core::seats::{SeatColumns, WatchedRow, WatchedTable};
use crate::room::booking::Seat;
use crate::stage::Stage;

/// The column that counts a row's changes, where a table has one.
const VERSION: &str = "version";

/// The seat with this key, where there is a map of seats with it.
pub(super) fn seat(stage: &Stage, key: &str) -> Option<Seat> {
    stage.watched().tables().tables.iter().find_map(|table| {
        let columns = table.seats.as_ref()?;
        let place = table.places.iter().find(|place| place.committed && place.key == key)?;
        seat_of(table, columns, place)
    })
}

/// By whom seats are booked.
pub(super) fn holders(stage: &Stage) -> impl Iterator<Item = &str> {
    stage.watched().tables().tables.iter().flat_map(|table| {
        let holder = table.seats.as_ref().map(|columns| &columns.holder);
        let at = table.columns.iter().position(|name| Some(name) == holder);
        table.places.iter().filter_map(move |place| place.values.get(at?)?.as_deref())
    })
}

fn seat_of(table: &WatchedTable, columns: &SeatColumns, place: &WatchedRow) -> Option<Seat> {
    let value = |column: &str| {
        let at = table.columns.iter().position(|name| name == column)?;
        Some((column.to_owned(), place.values.get(at)?.clone()?))
    };
    let named = columns.compartment.iter().chain([&columns.row, &columns.number]);
    Some(Seat {
        key: place.key.clone(),
        table: table.name.clone(),
        place: named.map(|column| value(column)).collect::<Option<_>>()?,
        holder: columns.holder.clone(),
        version: table.columns.iter().find(|name| *name == VERSION).cloned(),
    })
}
