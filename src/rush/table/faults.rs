//! Strategy × fault: what came of each, in a word.

use std::fmt::Write as _;

use super::grid::{self, Row};
use super::text::WIDTH;
use crate::core::scenario::counted;
use crate::rush::board::{Board, End, Ended, Finished};
use crate::rush::fault::Fault;
use crate::rush::figures::Figure;
use crate::rush::strategy::StrategyName;

/// Which strategies there are and which faults, in the order in which they were run.
fn axes(board: &Board) -> (Vec<StrategyName>, Vec<Fault>) {
    let (mut strategies, mut faults) = (Vec::new(), Vec::new());
    for ended in &board.ended {
        if !strategies.contains(&ended.strategy) {
            strategies.push(ended.strategy);
        }
        faults.extend(ended.fault.filter(|fault| !faults.contains(fault)));
    }
    (strategies, faults)
}

/// A table for people; nothing where nothing was broken.
pub(super) fn lines(board: &Board) -> Vec<String> {
    let (strategies, faults) = axes(board);
    if faults.is_empty() {
        return Vec::new();
    }
    let titles: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let rows = strategies.iter().map(|strategy| {
        let cells = faults.iter().map(|fault| cell(board, *strategy, *fault)).collect();
        Row::Cells { name: strategy.to_string(), cells }
    });
    grid::lines("strategy", &titles, &rows.collect::<Vec<_>>(), WIDTH)
}

/// A table for a document.
pub(super) fn markdown(board: &Board) -> String {
    let (strategies, faults) = axes(board);
    if faults.is_empty() {
        return String::new();
    }
    let titles: Vec<&str> = faults.iter().map(|fault| fault.as_str()).collect();
    let mut table = format!("\n| strategy | {} |\n", titles.join(" | "));
    let _ = writeln!(table, "|---|{}", "---|".repeat(titles.len()));
    for strategy in strategies {
        let cells = faults.iter().map(|fault| cell(board, strategy, *fault));
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(table, "| {strategy} | {} |", cells.join(" | "));
    }
    table
}

/// A dash where the strategy has nothing that this fault could befall.
fn cell(board: &Board, strategy: StrategyName, fault: Fault) -> String {
    let is_it =
        |ended: &&std::sync::Arc<Ended>| ended.strategy == strategy && ended.fault == Some(fault);
    let Some(ended) = board.ended.iter().find(is_it) else { return "-".to_owned() };
    let End::Finished(finished) = &ended.end else { return "not run".to_owned() };
    let verdict = &finished.verdict;
    let wrong = [
        (verdict.sold_twice, "sold twice"),
        (verdict.two_seats, "with two seats"),
        (verdict.missing, "missing"),
        (verdict.unacknowledged, "unheard of"),
        (verdict.inconsistent, "inconsistent"),
    ];
    let wrong = wrong.into_iter().filter(|(count, _)| *count > 0);
    let mut words: Vec<String> = wrong.map(|(count, words)| format!("{count} {words}")).collect();
    if finished.tally.failed > 0 {
        words.push(format!("{} failed", counted(finished.tally.failed, "request")));
    }
    match () {
        () if !words.is_empty() => words.join(", "),
        () if is_noticed(finished, strategy, fault) => "ok".to_owned(),
        () => UNNOTICED.to_owned(),
    }
}

/// Nothing went wrong, and nothing could: a short run may be over before the fault strikes, and a
/// leader asks its part too seldom to miss it.
const UNNOTICED: &str = "ok, unnoticed";

/// Whether the strategy has met the fault.
fn is_noticed(finished: &Finished, strategy: StrategyName, fault: Fault) -> bool {
    match fault {
        Fault::Pause => finished.figures.of(Figure::Pauses) > 0,
        Fault::Duplicate => finished.figures.of(Figure::Duplicates) > 0,
        Fault::KillPart | Fault::Cut => strategy.entry().part.is_some_and(|part| {
            let part = part.to_string();
            finished.tally.errors.keys().any(|class| class.as_str().starts_with(&part))
        }),
    }
}
