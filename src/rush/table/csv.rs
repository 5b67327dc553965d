//! For a spreadsheet: a line a strategy, every figure, as precise as it was measured. What was not
//! measured is empty.

use super::{as_millis, per_request, why_not};
use crate::rush::board::{Board, Ended, Finished};
use crate::rush::model::Model;
use crate::rush::options::Options;
use crate::rush::tally::quantile_of;

type Cell = (&'static str, fn(&Finished) -> String);

const CELLS: [Cell; 30] = [
    ("wall_s", |f| f.wall.as_secs_f64().to_string()),
    ("requests_per_s", |f| f.throughput().to_string()),
    ("p50_ms", |f| as_millis(f.tally.latency(0.5)).to_string()),
    ("p90_ms", |f| as_millis(f.tally.latency(0.9)).to_string()),
    ("p99_ms", |f| as_millis(f.tally.latency(0.99)).to_string()),
    ("p99_9_ms", |f| as_millis(f.tally.latency(0.999)).to_string()),
    ("max_ms", |f| as_millis(f.tally.latency(1.0)).to_string()),
    ("sold_out_s", |f| f.sold_out.map(|time| time.as_secs_f64().to_string()).unwrap_or_default()),
    ("before_p50_ms", |f| as_millis(quantile_of(&f.tally.before_sold_out, 0.5)).to_string()),
    ("before_p99_ms", |f| as_millis(quantile_of(&f.tally.before_sold_out, 0.99)).to_string()),
    ("after_p50_ms", |f| as_millis(quantile_of(&f.tally.after_sold_out, 0.5)).to_string()),
    ("after_p99_ms", |f| as_millis(quantile_of(&f.tally.after_sold_out, 0.99)).to_string()),
    ("waits_at_least", |f| f.waits.map(|waits| waits.seen.to_string()).unwrap_or_default()),
    ("waited_s", |f| {
        f.waits.map(|waits| waits.waited.as_secs_f64().to_string()).unwrap_or_default()
    }),
    ("conflicts", |f| f.tally.conflicts.to_string()),
    ("retries", |f| f.tally.retries.to_string()),
    ("statements_per_request", |f| per_request(&f.tally).to_string()),
    ("booked", |f| f.tally.booked.to_string()),
    ("taken", |f| f.tally.taken.to_string()),
    ("gave_up", |f| f.tally.gave_up.to_string()),
    ("failed", |f| f.tally.failed.to_string()),
    ("sold", |f| f.verdict.sold.to_string()),
    ("sold_twice", |f| f.verdict.sold_twice.to_string()),
    ("two_seats", |f| f.verdict.two_seats.to_string()),
    ("missing", |f| f.verdict.missing.to_string()),
    ("unacknowledged", |f| f.verdict.unacknowledged.to_string()),
    ("inconsistent", |f| f.verdict.inconsistent.to_string()),
    ("reconnects", |f| f.tally.reconnects.to_string()),
    ("asked", |f| f.tally.asked.to_string()),
    ("stopped", |f| f.stopped.to_string()),
];

/// The model's titles, in the order of its cells.
const MODEL: [&str; 5] =
    ["model_conflict_rate", "model_query_ms", "model_retries", "model_price_ms", "estimated_s"];

/// Titles, then a line a strategy.
pub(super) fn render(board: &Board, options: &Options) -> String {
    let model: &[&str] = if options.model { &MODEL } else { &[] };
    let titles = CELLS.iter().map(|(title, _)| *title).chain(model.iter().copied());
    let titles: Vec<&str> = titles.collect();
    let mut table = format!("strategy,fault,{},part,errors,remark\n", titles.join(","));
    for ended in &board.ended {
        let mut cells = match ended.finished() {
            Some(finished) => figures(ended, finished, options),
            None => vec![String::new(); titles.len() + 2],
        };
        cells.insert(0, ended.fault.map(|fault| fault.to_string()).unwrap_or_default());
        cells.insert(0, ended.strategy.to_string());
        cells.push(quoted(&why_not(&ended.end).unwrap_or_default()));
        table = table + &cells.join(",") + "\n";
    }
    table
}

fn figures(ended: &Ended, finished: &Finished, options: &Options) -> Vec<String> {
    let mut cells: Vec<String> = CELLS.iter().map(|(_, cell)| cell(finished)).collect();
    if options.model {
        cells.extend(estimate(ended, finished, options));
    }
    cells.push(quoted(&finished.figures.line().unwrap_or_default()));
    let errors = finished.tally.errors.iter();
    let errors: Vec<_> = errors.map(|(class, count)| format!("{class} {count}")).collect();
    cells.push(quoted(&errors.join("; ")));
    cells
}

fn estimate(ended: &Ended, finished: &Finished, options: &Options) -> [String; MODEL.len()] {
    let model = Model::measured(&finished.tally);
    let estimated = model.estimate(ended.strategy, finished, options);
    [
        model.conflict_rate.to_string(),
        as_millis(model.query).to_string(),
        model.retries.to_string(),
        as_millis(model.price).to_string(),
        estimated.as_secs_f64().to_string(),
    ]
}

fn quoted(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!("\"{}\"", words.replace('"', "\"\"")) }
}
