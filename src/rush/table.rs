//! The result of a rush as a table: for people, for a document, for a spreadsheet, for a program.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::board::{Board, End, Ended, Finished};
use super::model::{self, Model};
use super::options::{Format, Options};
use super::tally::Tally;

/// Writes the strategies that are over in this format.
pub fn render(board: &Board, options: &Options, format: Format) -> String {
    let estimate = if options.model { model::render(board, options) } else { String::new() };
    match format {
        Format::Text if options.model => format!("{}\n{estimate}", text(board)),
        Format::Markdown if options.model => {
            format!("{}\n```text\n{estimate}```\n", markdown(board))
        }
        Format::Text => text(board),
        Format::Markdown => markdown(board),
        Format::Json => json_text(board, options),
        Format::Csv => csv(board),
    }
}

/// The table as wide as there is room for: where not every column fits, the least important ones are left out.
pub fn fitting(board: &Board, width: usize) -> Vec<String> {
    let all: Vec<&Column> = COLUMNS.iter().collect();
    let mut columns = all.clone();
    loop {
        let table = aligned(board, &columns);
        let least = columns.iter().max_by_key(|column| column.rank).map(|column| column.rank);
        match least {
            Some(rank) if widest(&table) > width => columns.retain(|column| column.rank != rank),
            _ => return table,
        }
    }
}

fn widest(lines: &[String]) -> usize {
    lines.first().map_or(0, |line| line.chars().count())
}

/// One column: what it is called, a strategy's value in it, and how many others are more important.
struct Column {
    title: &'static str,
    cell: fn(&Finished) -> String,
    rank: u8,
}

const COLUMNS: [Column; 18] = [
    Column { title: "wall s", cell: |f| format!("{:.2}", f.wall.as_secs_f64()), rank: 8 },
    Column { title: "req/s", cell: |f| format!("{:.0}", f.throughput()), rank: 1 },
    Column { title: "p50 ms", cell: |f| millis(f.tally.latency(0.5)), rank: 5 },
    Column { title: "p90 ms", cell: |f| millis(f.tally.latency(0.9)), rank: 13 },
    Column { title: "p99 ms", cell: |f| millis(f.tally.latency(0.99)), rank: 2 },
    Column { title: "p99.9 ms", cell: |f| millis(f.tally.latency(0.999)), rank: 14 },
    Column { title: "max ms", cell: |f| millis(f.tally.latency(1.0)), rank: 10 },
    Column { title: "waited s", cell: waited, rank: 9 },
    Column { title: "waits", cell: waits, rank: 12 },
    Column { title: "conflicts", cell: |f| f.tally.conflicts.to_string(), rank: 4 },
    Column { title: "retries", cell: |f| f.tally.retries.to_string(), rank: 6 },
    Column { title: "stmt/req", cell: |f| format!("{:.2}", per_request(&f.tally)), rank: 11 },
    Column { title: "taken", cell: |f| f.tally.taken.to_string(), rank: 17 },
    Column { title: "gave up", cell: |f| f.tally.gave_up.to_string(), rank: 15 },
    Column { title: "failed", cell: |f| f.tally.failed.to_string(), rank: 16 },
    Column { title: "sold", cell: |f| f.verdict.sold.to_string(), rank: 7 },
    Column { title: "sold twice", cell: |f| f.verdict.sold_twice.to_string(), rank: 0 },
    Column { title: "missing", cell: |f| f.verdict.missing.to_string(), rank: 3 },
];

fn millis(latency: Duration) -> String {
    format!("{:.2}", latency.as_secs_f64() * 1e3)
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

/// One line a strategy: its name, then its cells, or why there are none.
enum Line {
    Cells(Vec<String>),
    Remark(String),
}

impl Line {
    fn of(ended: &Ended, columns: &[&Column]) -> Self {
        match &ended.end {
            End::Finished(finished) => {
                Self::Cells(columns.iter().map(|column| (column.cell)(finished)).collect())
            }
            End::Unavailable(reason) => Self::Remark(format!("not on this engine: {reason}")),
            End::Broken(reason) => Self::Remark(format!("broke off: {reason}")),
        }
    }
}

fn text(board: &Board) -> String {
    let columns: Vec<&Column> = COLUMNS.iter().collect();
    aligned(board, &columns).join("\n") + "\n" + &remarks(board)
}

/// A line of titles, then a line for each strategy.
fn aligned(board: &Board, columns: &[&Column]) -> Vec<String> {
    let lines: Vec<(&Ended, Line)> =
        board.ended.iter().map(|ended| (&**ended, Line::of(ended, columns))).collect();
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    let widths: Vec<usize> =
        titles.iter().enumerate().map(|(place, title)| width(&lines, place, title)).collect();
    let titles = format!("{:18}{}", "strategy", row(&titles, &widths));
    let rows = lines.iter().map(|(ended, line)| match line {
        Line::Cells(cells) => format!("{:18}{}", ended.strategy, row(cells, &widths)),
        Line::Remark(remark) => format!("{:18}  {remark}", ended.strategy),
    });
    std::iter::once(titles).chain(rows).collect()
}

fn row(cells: &[String], widths: &[usize]) -> String {
    cells
        .iter()
        .zip(widths)
        .fold(String::new(), |row, (cell, width)| row + &format!("  {cell:>width$}"))
}

fn width(lines: &[(&Ended, Line)], place: usize, title: &str) -> usize {
    let cells = lines.iter().filter_map(|(_, line)| match line {
        Line::Cells(cells) => cells.get(place).map(|cell| cell.chars().count()),
        Line::Remark(_) => None,
    });
    cells.max().unwrap_or(0).max(title.len())
}

fn markdown(board: &Board) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|column| column.title).collect();
    let mut table = format!("| strategy | {} |\n", titles.join(" | "));
    let _ = writeln!(table, "|---|{}", "---:|".repeat(COLUMNS.len()));
    let columns: Vec<&Column> = COLUMNS.iter().collect();
    for ended in &board.ended {
        let cells = match Line::of(ended, &columns) {
            Line::Cells(cells) => cells.join(" | "),
            Line::Remark(remark) => remark.replace('|', "\\|") + &" |".repeat(COLUMNS.len() - 1),
        };
        let _ = writeln!(table, "| {} | {cells} |", ended.strategy);
    }
    table + "\n" + &remarks(board)
}

fn csv(board: &Board) -> String {
    let titles: Vec<String> =
        COLUMNS.iter().map(|column| column.title.replace([' ', '/', '.'], "_")).collect();
    let mut table = format!("strategy,{},remark\n", titles.join(","));
    let columns: Vec<&Column> = COLUMNS.iter().collect();
    for ended in &board.ended {
        let (cells, remark) = match Line::of(ended, &columns) {
            Line::Cells(cells) => (cells, String::new()),
            Line::Remark(remark) => (vec![String::new(); COLUMNS.len()], remark),
        };
        let cells = cells.join(",").replace(['≥', '-'], "");
        let _ = writeln!(table, "{},{cells},\"{}\"", ended.strategy, remark.replace('"', "\"\""));
    }
    table
}

/// What a table has no room for: errors by class, and whatever is not as it should be.
fn remarks(board: &Board) -> String {
    let mut text = String::new();
    for ended in &board.ended {
        let End::Finished(finished) = &ended.end else { continue };
        let (tally, verdict) = (&finished.tally, &finished.verdict);
        let mut say = |what: String| {
            let _ = writeln!(text, "{}: {what}", ended.strategy);
        };
        if !tally.errors.is_empty() {
            let errors: Vec<_> = tally
                .errors
                .iter()
                .map(|(class, count)| format!("{class} {count} times"))
                .collect();
            say(errors.join(", "));
        }
        if tally.reconnects > 0 {
            say(format!(
                "{} new connections, {} outcomes asked for",
                tally.reconnects, tally.asked
            ));
        }
        if verdict.unacknowledged + verdict.inconsistent > 0 {
            say(format!(
                "{} sales that nobody was told of, {} seats not as the ledger says",
                verdict.unacknowledged, verdict.inconsistent
            ));
        }
        if finished.stopped {
            say("stopped before the last request".to_owned());
        }
    }
    text
}

fn json_text(board: &Board, options: &Options) -> String {
    let strategies: Vec<Value> = board.ended.iter().map(|ended| strategy_json(ended)).collect();
    let rush = json!({
        "requests": options.requests,
        "seats": options.seats,
        "compartments": options.compartments,
        "workers": options.workers,
        "rate": options.rate,
        "skew": options.skew,
        "think_time_ms": options.think_time.as_secs_f64() * 1e3,
        "seed": options.seed,
        "retries": options.retries,
        "strategies": strategies,
        "notes": board.notes,
    });
    format!("{rush:#}\n")
}

fn strategy_json(ended: &Ended) -> Value {
    match &ended.end {
        End::Finished(finished) => json!({
            "strategy": ended.strategy,
            "wall_s": finished.wall.as_secs_f64(),
            "requests_per_s": finished.throughput(),
            "latency_ms": latencies_json(&finished.tally),
            "waits": finished.waits.map(|waits| json!({
                "seen_at_least": waits.seen,
                "waited_s": waits.waited.as_secs_f64(),
            })),
            "statements_per_request": per_request(&finished.tally),
            "tally": Counts::from(&finished.tally),
            "verdict": finished.verdict,
            "model": Model::measured(&finished.tally),
            "stopped": finished.stopped,
        }),
        End::Unavailable(reason) => json!({"strategy": ended.strategy, "unavailable": reason}),
        End::Broken(reason) => json!({"strategy": ended.strategy, "broken": reason}),
    }
}

fn latencies_json(tally: &Tally) -> Value {
    let ms = |quantile| tally.latency(quantile).as_secs_f64() * 1e3;
    json!({"p50": ms(0.5), "p90": ms(0.9), "p99": ms(0.99), "p99.9": ms(0.999), "max": ms(1.0)})
}

/// A tally's counts, without its histogram and without everybody's name.
#[derive(Serialize)]
struct Counts<'a> {
    settled: u64,
    booked: u64,
    taken: u64,
    gave_up: u64,
    failed: u64,
    statements: u64,
    conflicts: u64,
    retries: u64,
    reconnects: u64,
    asked: u64,
    errors: Vec<(&'a str, u64)>,
}

impl<'a> From<&'a Tally> for Counts<'a> {
    fn from(tally: &'a Tally) -> Self {
        Self {
            settled: tally.settled,
            booked: tally.booked,
            taken: tally.taken,
            gave_up: tally.gave_up,
            failed: tally.failed,
            statements: tally.statements,
            conflicts: tally.conflicts,
            retries: tally.retries,
            reconnects: tally.reconnects,
            asked: tally.asked,
            errors: tally.errors.iter().map(|(class, count)| (class.as_str(), *count)).collect(),
        }
    }
}
