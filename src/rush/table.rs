//! The result of a rush as a table: for people, for a document, for a spreadsheet, for a program.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::board::{Board, End, Ended, Finished};
use super::options::{Format, Options};
use super::tally::Tally;

/// Writes the strategies that are over in this format.
pub fn render(board: &Board, options: &Options, format: Format) -> String {
    match format {
        Format::Text => text(board),
        Format::Markdown => markdown(board),
        Format::Json => json_text(board, options),
        Format::Csv => csv(board),
    }
}

/// One column: what it is called, and a strategy's value in it.
struct Column {
    title: &'static str,
    cell: fn(&Finished) -> String,
}

const COLUMNS: [Column; 18] = [
    Column { title: "wall s", cell: |f| format!("{:.2}", f.wall.as_secs_f64()) },
    Column { title: "req/s", cell: |f| format!("{:.0}", f.throughput()) },
    Column { title: "p50 ms", cell: |f| millis(f.tally.latency(0.5)) },
    Column { title: "p90 ms", cell: |f| millis(f.tally.latency(0.9)) },
    Column { title: "p99 ms", cell: |f| millis(f.tally.latency(0.99)) },
    Column { title: "p99.9 ms", cell: |f| millis(f.tally.latency(0.999)) },
    Column { title: "max ms", cell: |f| millis(f.tally.latency(1.0)) },
    Column { title: "waited s", cell: waited },
    Column { title: "waits", cell: waits },
    Column { title: "conflicts", cell: |f| f.tally.conflicts.to_string() },
    Column { title: "retries", cell: |f| f.tally.retries.to_string() },
    Column { title: "stmt/req", cell: |f| format!("{:.2}", per_request(&f.tally)) },
    Column { title: "taken", cell: |f| f.tally.taken.to_string() },
    Column { title: "gave up", cell: |f| f.tally.gave_up.to_string() },
    Column { title: "failed", cell: |f| f.tally.failed.to_string() },
    Column { title: "sold", cell: |f| f.verdict.sold.to_string() },
    Column { title: "sold twice", cell: |f| f.verdict.sold_twice.to_string() },
    Column { title: "missing", cell: |f| f.verdict.missing.to_string() },
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
    fn of(ended: &Ended) -> Self {
        match &ended.end {
            End::Finished(finished) => {
                Self::Cells(COLUMNS.iter().map(|column| (column.cell)(finished)).collect())
            }
            End::Unavailable(reason) => Self::Remark(format!("not on this engine: {reason}")),
            End::Broken(reason) => Self::Remark(format!("broke off: {reason}")),
        }
    }
}

fn text(board: &Board) -> String {
    let lines: Vec<(&Ended, Line)> =
        board.ended.iter().map(|ended| (&**ended, Line::of(ended))).collect();
    let widths = widths(&lines);
    let mut table = format!("{:18}", "strategy");
    for (column, width) in COLUMNS.iter().zip(&widths) {
        let _ = write!(table, "  {:>width$}", column.title);
    }
    table.push('\n');
    for (ended, line) in &lines {
        let _ = write!(table, "{:18}", ended.strategy);
        match line {
            Line::Cells(cells) => {
                for (cell, width) in cells.iter().zip(&widths) {
                    let _ = write!(table, "  {cell:>width$}");
                }
            }
            Line::Remark(remark) => {
                let _ = write!(table, "  {remark}");
            }
        }
        table.push('\n');
    }
    table + &remarks(board)
}

fn widths(lines: &[(&Ended, Line)]) -> Vec<usize> {
    let mut widths: Vec<usize> = COLUMNS.iter().map(|column| column.title.len()).collect();
    for (_, line) in lines {
        if let Line::Cells(cells) = line {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
    }
    widths
}

fn markdown(board: &Board) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|column| column.title).collect();
    let mut table = format!("| strategy | {} |\n", titles.join(" | "));
    let _ = writeln!(table, "|---|{}", "---:|".repeat(COLUMNS.len()));
    for ended in &board.ended {
        let cells = match Line::of(ended) {
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
    for ended in &board.ended {
        let (cells, remark) = match Line::of(ended) {
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
