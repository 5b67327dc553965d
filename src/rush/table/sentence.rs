//! The verdict in a sentence, for people who do not read tables.

use crate::core::scenario::counted;
use crate::rush::board::{Board, Finished};

/// What the database's record says of the strategies that are over, and whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub text: String,
    /// Whether no seat was sold twice and no booking is missing.
    pub is_clean: bool,
}

impl Sentence {
    /// Nothing as long as nothing was measured.
    pub fn of(board: &Board) -> Option<Self> {
        let finished = || board.ended.iter().filter_map(|ended| Some((ended, ended.finished()?)));
        let faults: Vec<String> = finished()
            .filter_map(|(ended, finished)| Some(format!("{} {}", ended.label(), fault(finished)?)))
            .collect();
        let clean: Vec<String> = finished()
            .filter(|(_, finished)| fault(finished).is_none() && finished.tally.settled > 0)
            .map(|(ended, _)| ended.label())
            .collect();
        let is_clean = faults.is_empty();
        let text = match (&faults[..], &clean[..]) {
            ([], []) => return None,
            (faults, []) => format!("{}.", faults.join("; ")),
            ([], [one]) => format!("{one} sold no seat twice and lost no booking."),
            ([], all) => {
                format!("None of the {} strategies sold a seat twice or lost a booking.", all.len())
            }
            (faults, [one]) => {
                format!("{}; {one} sold none twice and lost no booking.", faults.join("; "))
            }
            (faults, others) => format!(
                "{}; the other {} sold none twice and lost no booking.",
                faults.join("; "),
                others.len()
            ),
        };
        Some(Self { text, is_clean })
    }
}

/// What is wrong with the sales: `sold 57 seats twice and lost 2 bookings`.
fn fault(finished: &Finished) -> Option<String> {
    let verdict = &finished.verdict;
    let twice = format!("sold {} twice", counted(verdict.sold_twice, "seat"));
    let lost = format!("lost {}", counted(verdict.missing, "acknowledged booking"));
    match (verdict.sold_twice, verdict.missing) {
        (0, 0) => None,
        (_, 0) => Some(twice),
        (0, _) => Some(lost),
        _ => Some(format!("{twice} and {lost}")),
    }
}
