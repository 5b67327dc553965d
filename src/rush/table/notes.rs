//! What a table has no room for: errors by class, and whatever is not as expected.

use crate::core::scenario::counted;
use crate::rush::board::{Board, Finished};

/// One sentence each, with the strategy's name before it.
pub(super) fn of(board: &Board) -> Vec<String> {
    let mut notes = Vec::new();
    for ended in &board.ended {
        let Some(finished) = ended.finished() else { continue };
        let about =
            [part(finished), errors(finished), losses(finished), sales(finished), end(finished)];
        let about = about.into_iter().flatten();
        notes.extend(about.map(|note| format!("{}: {note}", ended.label())));
    }
    notes
}

fn part(finished: &Finished) -> Option<String> {
    finished.figures.line()
}

fn errors(finished: &Finished) -> Option<String> {
    let errors = finished.tally.errors.iter();
    let errors: Vec<_> =
        errors.map(|(class, count)| format!("{class} {}", counted(*count, "time"))).collect();
    (!errors.is_empty()).then(|| errors.join(", "))
}

fn losses(finished: &Finished) -> Option<String> {
    let (reconnects, asked) = (finished.tally.reconnects, finished.tally.asked);
    let [reconnected, asked] = [counted(reconnects, "new connection"), counted(asked, "outcome")];
    (reconnects > 0).then(|| format!("{reconnected}, {asked} looked up afterwards"))
}

fn sales(finished: &Finished) -> Option<String> {
    let (unheard, wrong) = (finished.verdict.unacknowledged, finished.verdict.inconsistent);
    let both = finished.verdict.two_seats;
    if both > 0 {
        return Some(format!("{} got two seats", counted(both, "passenger")));
    }
    (unheard + wrong > 0).then(|| {
        let (unheard, wrong) = (counted(unheard, "sale"), counted(wrong, "seat"));
        format!("{unheard} never acknowledged, {wrong} not matching the ledger")
    })
}

fn end(finished: &Finished) -> Option<String> {
    finished.stopped.then(|| "stopped before the last request".to_owned())
}
