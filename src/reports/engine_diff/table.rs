//! Two plays as one table: a line a step with both answers, then final state.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Account, Answer};
use crate::core::scenario::{Scenario, Schedule};

/// Before a line in which the two differ.
const DIFFERS: &str = "!=";
/// Between two columns.
const GAP: &str = "   ";

/// One of the two: the engine in words, and what it told.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// `PostgreSQL 15.20, read committed`.
    pub engine: &'a str,
    /// What happened there.
    pub account: &'a Account,
}

/// The table, ending in a line break.
pub fn table(scenario: &Scenario, schedule: &Schedule, above: Side<'_>, below: Side<'_>) -> String {
    let mut lines = vec![Line {
        sign: "  ",
        who: String::new(),
        what: String::new(),
        answers: [above.engine.to_owned(), below.engine.to_owned()],
    }];
    let steps =
        (0..schedule.launches.len()).map(|launch| step(scenario, schedule, launch, above, below));
    lines.extend(steps);
    if scenario.finally.is_some() {
        let (one, two) = (above.account.finally(), below.account.finally());
        lines.push(Line::of("finally".to_owned(), String::new(), Some(one), Some(two)));
    }
    format!("{}\n\n{}", scenario.title, aligned(&lines))
}

/// A line before it is aligned.
struct Line {
    sign: &'static str,
    who: String,
    what: String,
    answers: [String; 2],
}

impl Line {
    fn of(who: String, what: String, one: Option<&Answer>, two: Option<&Answer>) -> Self {
        let differ = matches!((one, two), (Some(one), Some(two)) if one.differs_from(two));
        let words = |answer: Option<&Answer>, other| {
            answer.map_or_else(String::new, |it| it.words_beside(other))
        };
        Self {
            sign: if differ { DIFFERS } else { "  " },
            who,
            what,
            answers: [words(one, two), words(two, one)],
        }
    }

    /// The cells before the last one, which needs no width.
    fn cells(&self) -> [&str; 3] {
        [&self.who, &self.what, &self.answers[0]]
    }
}

fn step(
    scenario: &Scenario,
    schedule: &Schedule,
    launch: usize,
    above: Side<'_>,
    below: Side<'_>,
) -> Line {
    let step = &scenario.steps[schedule.launches[launch].step];
    let answers = (above.account.step(launch), below.account.step(launch));
    Line::of(step.session.to_string(), step.narration.clone(), answers.0, answers.1)
}

fn aligned(lines: &[Line]) -> String {
    let width = |column: usize| lines.iter().map(|line| line.cells()[column].width()).max();
    let widths = [0, 1, 2].map(|column| width(column).unwrap_or(0));
    let mut out = String::new();
    for line in lines {
        let mut text = line.sign.to_owned() + " ";
        for (cell, width) in line.cells().into_iter().zip(widths) {
            let _ = write!(text, "{cell}{:1$}{GAP}", "", width - cell.width());
        }
        text.push_str(&line.answers[1]);
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}
