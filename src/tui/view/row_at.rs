//! Which row of the watched tables is at a cell of the screen.
//!
//! The drawing itself says so: a row that is lit looks otherwise, so the row at a cell is the one
//! whose light changes it. With each drawing half of the rows that it can still be are left, so a
//! cinema of six hundred seats takes ten, and no way of drawing seats has to know of this.

use std::time::Duration;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};

use super::{View, watched_tables};
use crate::stage::input::Over;
use crate::stage::watched::Flashes;

/// The row at a cell, if one is drawn there.
pub(super) fn row_at(view: &View<'_>, area: Rect, at: Position) -> Option<Over> {
    if !area.contains(at) {
        return None;
    }
    let tables = view.stage.watched().tables().tables.iter();
    let rows = tables.flat_map(|table| {
        table.places.iter().map(|place| (table.name.as_str(), place.key.as_str()))
    });
    let rows: Vec<(&str, &str)> = rows.collect();
    let unlit = drawn(view, area, at, &[])?;
    let is_among =
        |rows: &[(&str, &str)]| drawn(view, area, at, rows).is_some_and(|it| it != unlit);
    let mut left = rows.as_slice();
    if !is_among(left) {
        return None;
    }
    while left.len() > 1 {
        let (one, other) = left.split_at(left.len() / 2);
        left = if is_among(one) { one } else { other };
    }
    let (table, key) = *left.first()?;
    Some(Over::Row { table: table.to_owned(), key: key.to_owned() })
}

/// The cell as it is while these rows are lit.
fn drawn(view: &View<'_>, area: Rect, at: Position, lit: &[(&str, &str)]) -> Option<Cell> {
    let flashes = Flashes::of(lit);
    let cast = view.stage.panes().cast();
    let marks = view.stage.watched().marks_of(&flashes);
    let scene = super::Scene { marks, ..view.scene(&cast, Duration::ZERO) };
    let mut buffer = Buffer::empty(area);
    watched_tables::draw(view.stage.watched().tables(), area, &mut buffer, &scene);
    buffer.cell(at).cloned()
}
