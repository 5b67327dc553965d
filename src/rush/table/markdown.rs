//! For a document: one table with every column.

use std::fmt::Write as _;

use super::grid::Row;
use super::{COLUMNS, Column, remarks, row};
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
            Row::Remark { name, remark } => {
                let blank = " |".repeat(columns.len() - 1);
                writeln!(table, "| {name} | {} |{blank}", remark.replace('|', "\\|"))
            }
        };
    }
    let remarks = remarks::of(board);
    if !remarks.is_empty() {
        table.push('\n');
    }
    remarks.iter().fold(table, |table, remark| table + "- " + remark + "\n")
}
