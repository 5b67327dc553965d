//! For a document: one table with every column.

use std::fmt::Write as _;

use super::grid::Row;
use super::{COLUMNS, Column, faults, notes, row};
use crate::rush::board::Board;

/// The table, and below it what it has no room for.
pub(super) fn render(board: &Board) -> String {
    let columns: Vec<&Column> = COLUMNS.iter().collect();
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    let mut table = format!("| strategy | {} |\n", titles.join(" | "));
    let _ = writeln!(table, "|---|{}", "---:|".repeat(columns.len()));
    for ended in &board.ended {
        let _ = match row(ended, &columns) {
            Row::Cells { name, cells } => writeln!(table, "| {name} | {} |", cells.join(" | ")),
            Row::Note { name, note } => {
                let blank = " |".repeat(columns.len() - 1);
                writeln!(table, "| {name} | {} |{blank}", note.replace('|', "\\|"))
            }
        };
    }
    table.push_str(&faults::markdown(board));
    let notes = notes::of(board);
    if !notes.is_empty() {
        table.push('\n');
    }
    notes.iter().fold(table, |table, note| table + "- " + note + "\n")
}
