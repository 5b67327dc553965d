//! For programs: one object with everything that was asked and everything that was measured.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use super::{as_millis, per_request};
use crate::rush::board::{Board, End, Ended, Finished};
use crate::rush::model::Model;
use crate::rush::options::Options;
use crate::rush::tally::Tally;
use crate::rush::tally::quantile_of;

/// The object, on many lines.
pub(super) fn render(board: &Board, options: &Options) -> String {
    let strategies = board.ended.iter().map(|ended| strategy(ended, options));
    let mut rush = json!({
        "requests": options.requests,
        "seats": options.seats,
        "compartments": options.compartments,
        "workers": options.workers,
        "rate": options.rate,
        "skew": options.skew,
        "think_time_ms": as_millis(options.think_time),
        "seed": options.seed,
        "retries": options.retries,
        "strategies": strategies.collect::<Vec<_>>(),
        "notes": board.notes,
    });
    if options.model {
        rush["textbook"] = textbook(options);
    }
    format!("{rush:#}\n")
}

fn strategy(ended: &Ended, options: &Options) -> Value {
    match &ended.end {
        End::Finished(finished) => figures(ended, finished, options),
        End::Unavailable(reason) => {
            json!({"strategy": ended.strategy, "fault": ended.fault, "unavailable": reason})
        }
        End::Broken(reason) => {
            json!({"strategy": ended.strategy, "fault": ended.fault, "broken": reason})
        }
    }
}

fn figures(ended: &Ended, finished: &Finished, options: &Options) -> Value {
    let mut figures = json!({
        "strategy": ended.strategy,
        "fault": ended.fault,
        "sold_out_s": finished.sold_out.map(|time| time.as_secs_f64()),
        "wall_s": finished.wall.as_secs_f64(),
        "requests_per_s": finished.throughput(),
        "latency_ms": latencies(&finished.tally.latencies),
        "latency_before_sold_out_ms": latencies(&finished.tally.before_sold_out),
        "latency_after_sold_out_ms": latencies(&finished.tally.after_sold_out),
        "part": finished.figures,
        "waits": finished.waits.map(|waits| json!({
            "seen_at_least": waits.seen,
            "waited_s": waits.waited.as_secs_f64(),
        })),
        "statements_per_request": per_request(&finished.tally),
        "tally": Counts::from(&finished.tally),
        "verdict": finished.verdict,
        "stopped": finished.stopped,
    });
    if options.model {
        let model = Model::measured(&finished.tally);
        let estimated = model.estimate(ended.strategy, finished, options);
        figures["model"] = numbers(&model);
        figures["model"]["estimated_s"] = json!(estimated.as_secs_f64());
    }
    figures
}

fn textbook(options: &Options) -> Value {
    let times = Model::TEXTBOOK.times(options);
    let mut textbook = numbers(&Model::TEXTBOOK);
    textbook["one_by_one_s"] = json!(times.one_by_one.as_secs_f64());
    textbook["over_compartments_s"] = json!(times.over_compartments.as_secs_f64());
    textbook["over_workers_s"] = json!(times.over_workers.as_secs_f64());
    textbook
}

fn numbers(model: &Model) -> Value {
    json!({
        "conflict_rate": model.conflict_rate,
        "query_ms": as_millis(model.query),
        "retries": model.retries,
        "price_ms": as_millis(model.price),
    })
}

fn latencies(latencies: &Histogram<u64>) -> Value {
    let ms = |quantile| as_millis(quantile_of(latencies, quantile));
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
    errors: BTreeMap<&'a str, u64>,
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
