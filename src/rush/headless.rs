//! A rush without a screen: a progress bar on standard error, the table where it belongs.

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::board::{Board, Report, label};
use super::lock_wait_sampler::Presence;
use super::options::Options;
use super::{RushError, run};
use crate::pg::Target;

/// How many reports may wait for the progress bar.
const REPORTS: usize = 1024;

/// Runs the rush to its end, or until it is stopped, and gives what it came to. `started` is told
/// of notes as they come.
pub async fn headless(
    options: &Options,
    target: &Target,
    stop: CancellationToken,
) -> Result<Board, RushError> {
    let (reports, mut heard) = mpsc::channel(REPORTS);
    let follow = async {
        let mut board = Board::default();
        let mut bar = None;
        while let Some(report) = heard.recv().await {
            show(&report, &mut bar, options);
            board.apply(report);
        }
        board
    };
    let (ran, board) = tokio::join!(run(options, target, reports, stop), follow);
    ran.map(|()| board)
}

fn show(report: &Report, bar: &mut Option<ProgressBar>, options: &Options) {
    match report {
        Report::Note(note) => eprintln!("{note}"),
        Report::Opened(strategy, fault) => {
            *bar = Some(new_bar(label(*strategy, *fault), options.requests));
        }
        Report::Settled(batch) => {
            if let Some(bar) = bar {
                bar.inc(batch.len() as u64);
            }
        }
        Report::Presence(presence) => {
            if let Some(bar) = bar {
                bar.set_prefix(words(*presence));
            }
        }
        Report::Waits(_) | Report::Figures(_) => {}
        Report::Ended(_) => {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
        }
    }
}

fn words(presence: Presence) -> &'static str {
    match presence {
        Presence::Here => "",
        Presence::Away => "no answer from the server  ",
    }
}

fn new_bar(label: String, requests: u32) -> ProgressBar {
    let bar = ProgressBar::new(requests.into()).with_message(label);
    let style = "{msg:18} {prefix}{wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}
