//! Judging what was expected of an answer.

use super::Verdict;
use super::answer::Outcome;
use super::rows::{is_row, judge_whole, results};
use super::scene::Found;
use crate::core::scenario::{Expected, Order, rows};

/// Judges what was expected of an answer. Rows must come in order, and so must tags and counts;
/// more may come than is expected, but where `rows:` is said.
pub(super) fn judge(
    expected: &[&Expected],
    outcomes: &[Outcome],
    found: &mut Found,
) -> Vec<Verdict> {
    let mut places = Places::default();
    let mut verdicts = Vec::with_capacity(expected.len());
    // Each line gets one verdict, so their number is the place of the next line: a `rows:` has
    // taken the rows under it as well.
    while let Some(line) = expected.get(verdicts.len()) {
        let Expected::Rows(order) = line else {
            verdicts.push(places.judge(line, outcomes, found));
            continue;
        };
        let under = &expected[verdicts.len() + 1..];
        let is_row = |line: &&&Expected| matches!(line, Expected::Row(_) | Expected::Only(_));
        let under = &under[..under.iter().take_while(is_row).count()];
        verdicts.extend(places.judge_rows(*order, under, outcomes));
    }
    verdicts
}

/// How far rows, tags, counts, errors and notices have been found. Each kind is looked for from its
/// own last place on, so that a file may name a tag before or after the rows.
#[derive(Default)]
struct Places {
    row: usize,
    tag: usize,
    count: usize,
    error: usize,
    notice: usize,
    capture: usize,
}

impl Places {
    fn judge(&mut self, expected: &Expected, outcomes: &[Outcome], found: &mut Found) -> Verdict {
        let place = match expected {
            Expected::Capture(names) => return self.capture(names, outcomes, found),
            Expected::Holds(sql) => return holds(sql, outcomes),
            Expected::Row(_) | Expected::Only(_) => &mut self.row,
            Expected::Tag(_) => &mut self.tag,
            Expected::RowCount(_) => &mut self.count,
            Expected::Notice { .. } => &mut self.notice,
            _ => &mut self.error,
        };
        let rest = &outcomes[*place..];
        match rest.iter().position(|outcome| fits(expected, outcome)) {
            Some(at) => {
                *place += at + 1;
                Verdict::Kept
            }
            None => Verdict::Broken { found: instead(expected, rest) },
        }
    }

    /// The result that a `rows:` line speaks of: the first that is as it says, else the next one.
    fn judge_rows(
        &mut self,
        order: Order,
        under: &[&Expected],
        outcomes: &[Outcome],
    ) -> Vec<Verdict> {
        let tables = results(outcomes, self.row);
        let judged = tables.iter().map(|table| (table.end, judge_whole(order, under, *table)));
        let judged: Vec<(usize, Vec<Verdict>)> = judged.collect();
        let is_kept = |(_, verdicts): &&(usize, Vec<Verdict>)| {
            verdicts.iter().all(|verdict| *verdict == Verdict::Kept)
        };
        if let Some((end, verdicts)) = judged.iter().find(is_kept).or(judged.first()) {
            self.row = *end;
            return verdicts.clone();
        }
        let found = instead(&Expected::RowCount(0), &outcomes[self.row..]);
        vec![Verdict::Broken { found }; under.len() + 1]
    }

    /// The values of the next result get names, if it has one row and as many columns.
    fn capture(&mut self, names: &[String], outcomes: &[Outcome], found: &mut Found) -> Verdict {
        for table in results(outcomes, self.capture) {
            if let [Outcome::Row { values, .. }] = table.rows
                && values.len() == names.len()
            {
                self.capture = table.end;
                found.captured.extend(names.iter().cloned().zip(values.iter().cloned()));
                return Verdict::Kept;
            }
        }
        let found = instead(&Expected::RowCount(1), &outcomes[self.capture..]);
        Verdict::Broken { found }
    }
}

/// Whether this query, which was sent by itself, gave true.
fn holds(sql: &str, outcomes: &[Outcome]) -> Verdict {
    let is_same = |asked: &str| asked.trim_end_matches(';').trim() == sql;
    let is_it = |outcome: &Outcome| matches!(outcome, Outcome::Asked(asked) if is_same(asked));
    // The last time that it was asked: `finally`, which is asked before, may have the same query.
    let Some(at) = outcomes.iter().rposition(is_it) else { return Verdict::NotReached };
    let answer = outcomes[at + 1..].iter().take_while(|it| !matches!(it, Outcome::Asked(_)));
    let answer: Vec<Outcome> = answer.cloned().collect();
    let value = answer.iter().find_map(|outcome| match outcome {
        Outcome::Row { values, .. } => Some(&values[..]),
        _ => None,
    });
    match value {
        Some([Some(value)]) if value == "t" || value == "true" => Verdict::Kept,
        Some(_) => Verdict::Broken { found: named(&answer) },
        None => Verdict::Broken { found: instead(&Expected::RowCount(1), &answer) },
    }
}

fn fits(expected: &Expected, outcome: &Outcome) -> bool {
    match (expected, outcome) {
        (Expected::Row(_) | Expected::Only(_), row) => is_row(expected, row),
        (Expected::Tag(wanted), Outcome::Done { tag, .. }) => tag == wanted,
        (Expected::RowCount(count), Outcome::Done { rows, .. }) => *rows == Some(*count),
        (Expected::Error { code: wanted, text }, Outcome::Failed { code, message }) => {
            code == wanted.as_str() && message.contains(text)
        }
        (
            Expected::Notice { severity: wanted, code: state, text },
            Outcome::Said { severity, code, message },
        ) => {
            // The server has five degrees of DEBUG.
            let is_severity = severity.trim_end_matches(|c: char| c.is_ascii_digit()) == wanted;
            let is_code = state.as_ref().is_none_or(|state| state.as_str() == code);
            is_severity && is_code && message.starts_with(text)
        }
        (Expected::Lost { code, text }, Outcome::Lost(reason)) => {
            // A lost connection's reason is the server's last words with their code in parentheses
            // behind.
            let ends_with = |code: &str| reason.ends_with(&format!("({code})"));
            code.as_ref().is_none_or(|code| ends_with(code.as_str())) && reason.contains(text)
        }
        _ => false,
    }
}

/// How many rows are named when the expected one is not among them.
const ROWS_NAMED: usize = 3;

/// What came instead.
fn instead(expected: &Expected, outcomes: &[Outcome]) -> String {
    if let Expected::Notice { .. } = expected {
        let said = outcomes.iter().find(|it| matches!(it, Outcome::Said { .. }));
        return said.map_or_else(|| "no notice".to_owned(), Outcome::describe);
    }
    let trouble =
        outcomes.iter().find(|it| matches!(it, Outcome::Failed { .. } | Outcome::Lost(_)));
    if let Some(trouble) = trouble {
        return trouble.describe();
    }
    match expected {
        Expected::Row(_) => named(outcomes),
        Expected::Only(columns) => missing(columns, outcomes).unwrap_or_else(|| named(outcomes)),
        Expected::RowCount(_) => {
            let count = outcomes.iter().find_map(|it| match it {
                Outcome::Done { rows, .. } => *rows,
                _ => None,
            });
            count.map_or_else(|| "no rows".to_owned(), rows)
        }
        _ => {
            let done = outcomes.iter().find(|it| matches!(it, Outcome::Done { .. }));
            done.map_or_else(|| "nothing".to_owned(), Outcome::describe)
        }
    }
}

/// A column that is named and that no row has.
fn missing(
    wanted: &[(String, crate::core::scenario::Cell)],
    outcomes: &[Outcome],
) -> Option<String> {
    let columns = outcomes.iter().find_map(|it| match it {
        Outcome::Row { columns, .. } => Some(columns),
        _ => None,
    })?;
    let (name, _) = wanted.iter().find(|(name, _)| !columns.contains(name))?;
    Some(format!("no column called {name}, but {}", columns.join(", ")))
}

fn named(outcomes: &[Outcome]) -> String {
    let rows = outcomes.iter().filter(|it| matches!(it, Outcome::Row { .. }));
    let rows: Vec<String> = rows.map(Outcome::describe).collect();
    match rows.len() {
        0 => "no further row".to_owned(),
        count if count > ROWS_NAMED => {
            format!("{}; and {} more", rows[..ROWS_NAMED].join("; "), count - ROWS_NAMED)
        }
        _ => rows.join("; "),
    }
}
