//! The table as text and as Markdown.

use std::fmt::{self, Write as _};

use super::{Anomaly, Cell, Means, Row, Table};

const LEGEND: &str = "\
Prevented by a wait, by 40001 (retry), or by OC000 (40001 at the optimistic engine's COMMIT).
Where nothing is named, the reader saw an older version and nobody was held up.";

impl Table {
    /// The table for a terminal: an anomaly a line, a level a column, since there are more
    /// anomalies than levels.
    pub fn text(&self) -> String {
        let mut columns = vec![anomalies()];
        columns.extend(self.rows.iter().map(Row::column));
        let widths: Vec<usize> = columns.iter().map(|column| width(column)).collect();
        let mut text = String::new();
        for line in 0..columns[0].len() {
            let cells = columns
                .iter()
                .zip(&widths)
                .map(|(column, width)| format!("{:width$}", column[line]));
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        format!("{text}\n{LEGEND}\n")
    }

    /// The table for a wiki, as Hermitage draws it: a level a row, an anomaly a column.
    pub fn markdown(&self) -> String {
        let names = Anomaly::ALL.map(Anomaly::name).join(" | ");
        let rule = ["---"; Anomaly::ALL.len() + 2].join(" | ");
        let mut text = format!("| engine | isolation level | {names} |\n| {rule} |\n");
        for Row { engine, level, cells } in &self.rows {
            let cells = cells.iter().map(Cell::to_string).collect::<Vec<_>>().join(" | ");
            let level = level.as_sql();
            let _ = writeln!(text, "| {engine} | {level} | {cells} |");
        }
        format!("{text}\n{LEGEND}\n")
    }
}

/// The first column of the text: two lines for the heads, then the anomalies.
fn anomalies() -> Vec<String> {
    let names = Anomaly::ALL.map(|anomaly| format!("{} ({})", anomaly.name(), anomaly.words()));
    [String::new(), String::new()].into_iter().chain(names).collect()
}

impl Row {
    fn column(&self) -> Vec<String> {
        let heads = [self.engine.clone(), self.level.as_sql().to_owned()];
        heads.into_iter().chain(self.cells.iter().map(Cell::to_string)).collect()
    }
}

fn width(column: &[String]) -> usize {
    column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Possible => f.write_str("possible"),
            Self::Unknown => f.write_str("unknown"),
            Self::Prevented(means) if means.is_empty() => f.write_str("prevented"),
            Self::Prevented(means) => {
                let words: Vec<String> = means.iter().map(Means::to_string).collect();
                write!(f, "prevented: {}", words.join(", "))
            }
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "wait",
            Self::Refusal => "40001",
            Self::Optimistic => "OC000",
        })
    }
}
