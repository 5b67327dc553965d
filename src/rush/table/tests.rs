use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use super::*;
use crate::rush::attempt_error::ErrorClass;
use crate::rush::figures::FigureCounts;
use crate::rush::strategy::StrategyName;
use crate::rush::tally::{Outcome, Settled};
use crate::rush::verdict::Verdict;
use crate::rush::waits::Waits;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    options: Options,
}

fn options(flags: &str) -> Options {
    Typed::parse_from(std::iter::once("rush").chain(flags.split_whitespace())).options
}

/// A hundred thousand requests, of which so many have met a conflict.
fn tally(conflicts: u32) -> Tally {
    let mut tally = Tally::default();
    for passenger in 0..100_000_i32 {
        let conflicts = u32::from(passenger.unsigned_abs() < conflicts);
        let latency = Duration::from_micros(1_500 + u64::from(passenger.unsigned_abs()) / 2);
        tally.apply(&Settled {
            passenger,
            outcome: if passenger < 600 { Outcome::Booked(passenger + 1) } else { Outcome::Taken },
            latency,
            after_sold_out: passenger >= 600,
            first_try: Duration::from_millis(1),
            retrying: Duration::from_millis(2) * conflicts,
            statements: 3,
            conflicts,
            retries: conflicts,
            reconnects: 0,
            asked: 0,
            is_duplicate: false,
            errors: vec![ErrorClass::sqlstate("40001"); conflicts as usize],
        });
    }
    tally
}

fn finished(strategy: StrategyName, conflicts: u32, verdict: Verdict) -> Arc<Ended> {
    let waits = Waits { now: 0, seen: 1_204, waited: Duration::from_millis(103_460) };
    let finished = Finished {
        wall: Duration::from_millis(10_874),
        tally: tally(conflicts),
        sold_out: (strategy != StrategyName::Hold).then_some(Duration::from_millis(104)),
        waits: (strategy == StrategyName::ForUpdate).then_some(waits),
        figures: FigureCounts::default(),
        verdict,
        stopped: strategy == StrategyName::Hold,
    };
    Arc::new(Ended { strategy, fault: None, end: End::Finished(Box::new(finished)) })
}

fn board() -> Board {
    let sold = Verdict { sold: 600, ..Verdict::default() };
    let reason = "the optimistic engine needs sessions of its own, but there is a pooler in front \
        of the database";
    let impossible = Ended {
        strategy: StrategyName::Optimistic,
        fault: None,
        end: End::Unavailable(reason.to_owned()),
    };
    let ended = vec![
        finished(StrategyName::Naive, 0, Verdict { sold_twice: 31, ..sold }),
        finished(StrategyName::ForUpdate, 0, sold),
        finished(StrategyName::Serializable, 5_000, sold),
        Arc::new(impossible),
        finished(StrategyName::Hold, 12, Verdict { unacknowledged: 1, ..sold }),
    ];
    Board { ended, ..Board::default() }
}

#[test]
fn the_text_has_every_figure_and_fits_a_terminal_of_eighty_cells() {
    let text = render(&board(), &options("--model"));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for column in &COLUMNS {
        assert!(text.contains(column.title), "{}", column.title);
    }
    insta::assert_snapshot!("text", text);
}

#[test]
fn markdown_has_one_row_a_strategy() {
    insta::assert_snapshot!("markdown", render(&board(), &options("--format markdown --model")));
}

#[test]
fn programs_get_every_figure_as_it_was_measured() {
    insta::assert_snapshot!("json", render(&board(), &options("--format json --model")));
    insta::assert_snapshot!("csv", render(&board(), &options("--format csv --model")));
}

#[test]
fn every_line_of_a_spreadsheet_has_as_many_cells_as_there_are_titles() {
    for flags in ["--format csv", "--format csv --model"] {
        let text = render(&board(), &options(flags));
        let mut cells = text.lines().map(|line| line.split(',').count());
        let titles = cells.next().unwrap();
        // One reason has a comma of its own, within its quotes.
        assert_eq!(cells.collect::<Vec<_>>(), [titles, titles, titles, titles + 1, titles]);
    }
}

#[test]
fn a_narrow_screen_keeps_what_matters_most() {
    for (width, titles) in
        [(40, "strategy            req/s  sold twice"), (80, "strategy            req/s")]
    {
        let table = fitting(&board(), width);
        assert!(table[0].starts_with(titles), "{}", table[0]);
        assert!(table.iter().all(|line| line.chars().count() <= width), "{table:#?}");
    }
    assert_eq!(fitting(&board(), 300)[0].split_whitespace().count(), 40);
}

#[test]
fn where_nothing_was_possible_there_is_no_table_of_figures() {
    let end = || End::Broken("the server let in 3 of 20 workers".to_owned());
    let ended = vec![Arc::new(Ended { strategy: StrategyName::Queue, fault: None, end: end() })];
    let text = render(&Board { ended, ..Board::default() }, &options(""));
    insta::assert_snapshot!("broken", text);
}
