//! For a wiki.

use std::fmt::Write as _;

use super::{head, mark, remarks, rows};
use crate::explorer::exploration::Exploration;

/// Everything, as Markdown.
pub fn markdown(exploration: &Exploration) -> String {
    let mut text = format!(
        "## {}\n\n{}\n\n| | outcome | orders | like one after another? | shortest witness |\n\
         |---|---|---:|---|---|\n",
        exploration.scenario.title,
        head(exploration)
    );
    for row in rows(exploration) {
        let [name, verdict, witness] =
            [&row.name, &row.verdict, &row.witness].map(|it| escaped(it));
        let _ =
            writeln!(text, "| {} | {name} | {} | {verdict} | {witness} |", mark(&row), row.orders);
    }
    for line in remarks(exploration) {
        let _ = write!(text, "\n{}\n", escaped(&line));
    }
    text
}

/// A bar would end a cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
