//! The result of a rush as a table: for people, for a document, for a spreadsheet, for a program.
//!
//! A strategy has two dozen figures, and a terminal is eighty cells wide. So the text has four
//! tables, one under the other: how fast it was, before and after the last seat was sold, what was
//! in the way, and what it came to. The
//! screen has one, without the columns that there is no room for. Markdown has one with all of
//! them.

use std::time::Duration;

use super::board::{Board, End, Ended, Finished};
use super::options::{Format, Options};
use super::tally::{Tally, quantile_of};

mod csv;
mod estimate;
mod faults;
mod grid;
mod json;
mod markdown;
mod notes;
mod sentence;
mod text;

pub use sentence::Sentence;

/// Writes the strategies that are over in this format.
pub fn render(board: &Board, options: &Options) -> String {
    match options.format {
        Format::Text => with_estimate(text::render(board), board, options),
        Format::Markdown => with_estimate(markdown::render(board), board, options),
        Format::Json => json::render(board, options),
        Format::Csv => csv::render(board, options),
    }
}

fn with_estimate(table: String, board: &Board, options: &Options) -> String {
    if !options.model {
        return table;
    }
    let estimate = estimate::render(board, options);
    match options.format {
        // Fenced, so that its columns stay in line.
        Format::Markdown => format!("{table}\n```text\n{estimate}```\n"),
        _ => format!("{table}\n{estimate}"),
    }
}

/// The table as wide as there is room for: where not every column fits, the least important ones
/// are left out. Each figure is worked out once: a quantile is not cheap, and this is asked for
/// with every frame.
pub fn fitting(board: &Board, width: usize) -> Vec<String> {
    let mut columns: Vec<&Column> = COLUMNS.iter().collect();
    let mut rows = rows(board, &columns);
    loop {
        let table = grid::lines("strategy", &titles(&columns), &rows, width);
        let least = (0..columns.len()).max_by_key(|place| columns[*place].rank);
        match least {
            Some(place) if grid::widest(&table[..1]) > width => {
                columns.remove(place);
                for row in &mut rows {
                    row.leave_out(place);
                }
            }
            _ => return table,
        }
    }
}

/// A line of titles, then each strategy: its figures, or in words why there are none.
fn lines(board: &Board, columns: &[&Column], width: usize) -> Vec<String> {
    grid::lines("strategy", &titles(columns), &rows(board, columns), width)
}

fn titles(columns: &[&Column]) -> Vec<String> {
    columns.iter().map(|column| column.title.to_owned()).collect()
}

fn rows(board: &Board, columns: &[&Column]) -> Vec<grid::Row> {
    board.ended.iter().map(|ended| row(ended, columns)).collect()
}

fn row(ended: &Ended, columns: &[&Column]) -> grid::Row {
    let name = ended.label();
    match &ended.end {
        End::Finished(finished) => {
            let cells = columns.iter().map(|column| (column.cell)(finished)).collect();
            grid::Row::Cells { name, cells }
        }
        end => grid::Row::Note { name, note: why_not(end).unwrap_or_default() },
    }
}

/// Why there are no figures.
fn why_not(end: &End) -> Option<String> {
    match end {
        End::Finished(_) => None,
        End::Unavailable(reason) => Some(format!("not on this engine: {reason}")),
        End::Broken(reason) => Some(format!("failed: {reason}")),
    }
}

/// Which of the text's tables a column stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Speed,
    SoldOut,
    Obstacles,
    Result,
}

/// One column: what it is called, a strategy's value in it, and how many others are more important.
struct Column {
    title: &'static str,
    cell: fn(&Finished) -> String,
    about: About,
    rank: u8,
}

impl Column {
    const fn new(
        title: &'static str,
        about: About,
        rank: u8,
        cell: fn(&Finished) -> String,
    ) -> Self {
        Self { title, cell, about, rank }
    }
}

/// The title over the number of seats that were sold more than once.
pub const SOLD_TWICE: &str = "sold twice";
/// The title over the number of bookings that were acknowledged and are not there.
pub const MISSING: &str = "missing";

const COLUMNS: [Column; 24] = {
    use About::{Obstacles, Result, SoldOut, Speed};
    [
        Column::new("wall s", Speed, 8, |f| format!("{:.2}", f.wall.as_secs_f64())),
        Column::new("req/s", Speed, 1, |f| format!("{:.0}", f.throughput())),
        Column::new("p50 ms", Speed, 5, |f| millis(f.tally.latency(0.5))),
        Column::new("p90 ms", Speed, 13, |f| millis(f.tally.latency(0.9))),
        Column::new("p99 ms", Speed, 2, |f| millis(f.tally.latency(0.99))),
        Column::new("p99.9 ms", Speed, 14, |f| millis(f.tally.latency(0.999))),
        Column::new("max ms", Speed, 10, |f| millis(f.tally.latency(1.0))),
        Column::new("sold out s", SoldOut, 3, sold_out),
        Column::new("p50 before", SoldOut, 20, |f| before(f, 0.5)),
        Column::new("p99 before", SoldOut, 19, |f| before(f, 0.99)),
        Column::new("p50 after", SoldOut, 22, |f| after(f, 0.5)),
        Column::new("p99 after", SoldOut, 21, |f| after(f, 0.99)),
        Column::new("waits", Obstacles, 12, waits),
        Column::new("waited s", Obstacles, 9, waited),
        Column::new("conflicts", Obstacles, 4, |f| f.tally.conflicts.to_string()),
        Column::new("retries", Obstacles, 6, |f| f.tally.retries.to_string()),
        Column::new("stmt/req", Obstacles, 11, |f| format!("{:.2}", per_request(&f.tally))),
        Column::new("booked", Result, 18, |f| f.tally.booked.to_string()),
        Column::new("taken", Result, 17, |f| f.tally.taken.to_string()),
        Column::new("gave up", Result, 15, |f| f.tally.gave_up.to_string()),
        Column::new("failed", Result, 16, |f| f.tally.failed.to_string()),
        Column::new("sold", Result, 7, |f| f.verdict.sold.to_string()),
        Column::new(SOLD_TWICE, Result, 0, |f| f.verdict.sold_twice.to_string()),
        Column::new(MISSING, Result, 3, |f| f.verdict.missing.to_string()),
    ]
};

fn millis(latency: Duration) -> String {
    format!("{:.2}", as_millis(latency))
}

/// Divided, not multiplied: so a whole number of microseconds has three digits after the point, and
/// no more.
#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn as_millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

fn sold_out(finished: &Finished) -> String {
    finished.sold_out.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
}

fn before(finished: &Finished, quantile: f64) -> String {
    millis(quantile_of(&finished.tally.before_sold_out, quantile))
}

/// Nobody came too late where a seat is left.
fn after(finished: &Finished, quantile: f64) -> String {
    let latencies = &finished.tally.after_sold_out;
    if latencies.is_empty() { "-".to_owned() } else { millis(quantile_of(latencies, quantile)) }
}

fn waited(finished: &Finished) -> String {
    finished.waits.map_or("-".to_owned(), |waits| format!("{:.1}", waits.waited.as_secs_f64()))
}

fn waits(finished: &Finished) -> String {
    finished.waits.map_or("-".to_owned(), |waits| format!("≥{}", waits.seen))
}

#[expect(clippy::cast_precision_loss, reason = "a mean for people")]
fn per_request(tally: &Tally) -> f64 {
    tally.statements as f64 / tally.settled.max(1) as f64
}

#[cfg(test)]
mod tests;
