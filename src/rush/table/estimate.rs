//! The textbook's estimate for people: once with its own numbers, once with the measured ones
//! beside what was measured.

use std::time::Duration;

use super::as_millis;
use super::grid::{Row, lines, wrapped};
use super::text::WIDTH;
use crate::core::scenario::counted;
use crate::rush::board::{Board, Ended, Finished};
use crate::rush::model::Model;
use crate::rush::options::Options;

/// The formula's letters.
const NUMBERS: [&str; 4] = ["c", "q ms", "r", "p ms"];

/// What the letters mean.
const LEGEND: &str = "c: the share of requests that meet a conflict. q: the time of a query. r: \
    how often a request that met a conflict is retried. p: the cost of a retry, including the wait \
    before it.";

/// Two small tables, each under a sentence.
pub(super) fn render(board: &Board, options: &Options) -> String {
    let Options { compartments, workers, .. } = *options;
    let mut text = wrapped(
        &format!(
            "The textbook estimate, requests × ((1 − c) × q + c × (q + r × p)): for a single \
             worker, spread over {}, and with {} at each.",
            counted(compartments, "queue"),
            counted(workers, "worker")
        ),
        WIDTH,
    );
    text.push(String::new());
    text.extend(textbook(options));
    text.push(String::new());
    text.push("With the measured numbers, divided among all concurrent workers:".to_owned());
    text.push(String::new());
    text.extend(measured(board, options));
    text.push(String::new());
    text.extend(wrapped(LEGEND, WIDTH));
    text.join("\n") + "\n"
}

fn textbook(options: &Options) -> Vec<String> {
    let [queues, workers] =
        [counted(options.compartments, "queue"), counted(options.workers, "worker")];
    let times = Model::TEXTBOOK.times(options);
    let times = [times.one_by_one, times.over_compartments, times.over_workers].map(seconds);
    let cells = numbers(&Model::TEXTBOOK).into_iter().chain(times).collect();
    let row = Row::Cells { name: "textbook".to_owned(), cells };
    lines("", &titles(&["alone", &queues, &workers]), &[row], WIDTH)
}

fn measured(board: &Board, options: &Options) -> Vec<String> {
    let row = |ended: &Ended, finished: &Finished| {
        let model = Model::measured(&finished.tally);
        let estimated = model.estimate(ended.strategy, finished, options);
        let times = [estimated, finished.wall].map(seconds);
        let cells = numbers(&model).into_iter().chain(times).collect();
        Row::Cells { name: ended.label(), cells }
    };
    let rows = board.ended.iter().filter_map(|ended| Some(row(ended, ended.finished()?)));
    lines("", &titles(&["estimated", "measured"]), &rows.collect::<Vec<_>>(), WIDTH)
}

fn titles(times: &[&str]) -> Vec<String> {
    NUMBERS.iter().chain(times).map(|&title| title.to_owned()).collect()
}

fn numbers(model: &Model) -> [String; 4] {
    [
        format!("{:.1}%", model.conflict_rate * 100.0),
        format!("{:.2}", as_millis(model.query)),
        format!("{:.2}", model.retries),
        format!("{:.2}", as_millis(model.price)),
    ]
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
