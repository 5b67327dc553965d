//! For people at a terminal of eighty cells.

use super::grid::wrapped;
use super::{About, COLUMNS, Column, Sentence, faults, lines, notes};
use crate::rush::board::Board;

/// How wide a line may become.
pub(super) const WIDTH: usize = 80;

/// What the figures mean, as far as their titles do not say it.
const LEGEND: &str = "before and after: the latency in ms of requests that began before the last \
    seat was sold, and of those that came too late. waits are sampled, so the count is a lower \
    bound; waited s is their total. sold, sold twice and missing (acknowledged, but there is no \
    sale) are read from the database at the end.";

/// Three tables, what they mean, and what they have no room for.
pub(super) fn render(board: &Board) -> String {
    let mut text = table(board, About::Speed);
    let finished = only_finished(board);
    if !finished.ended.is_empty() {
        for about in [About::SoldOut, About::Obstacles, About::Result] {
            text.push(String::new());
            text.extend(table(&finished, about));
        }
        let faults = faults::lines(board);
        if !faults.is_empty() {
            text.push(String::new());
            text.extend(faults);
        }
        text.push(String::new());
        text.extend(wrapped(LEGEND, WIDTH));
        if let Some(verdict) = Sentence::of(board) {
            text.push(String::new());
            text.extend(wrapped(&verdict.text, WIDTH));
        }
    }
    let notes = notes::of(board);
    if !notes.is_empty() {
        text.push(String::new());
    }
    text.extend(notes.iter().flat_map(|note| wrapped(note, WIDTH)));
    text.join("\n") + "\n"
}

fn table(board: &Board, about: About) -> Vec<String> {
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| column.about == about).collect();
    lines(board, &columns, WIDTH)
}

/// Why a strategy has no figures is said once.
fn only_finished(board: &Board) -> Board {
    let ended = board.ended.iter().filter(|ended| ended.finished().is_some()).cloned().collect();
    Board { ended, ..Board::default() }
}
