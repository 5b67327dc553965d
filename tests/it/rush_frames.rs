//! Frames of the rush's screen, drawn from reports written by hand, at the three sizes that matter.

use std::sync::Arc;
use std::time::Duration;

use overbooked::rush::attempt_error::ErrorClass;
use overbooked::rush::board::{End, Ended, Finished, Report};
use overbooked::rush::figures::FigureCounts;
use overbooked::rush::lock_wait_sampler::Presence;
use overbooked::rush::strategy::StrategyName;
use overbooked::rush::tally::{Outcome, Settled, Tally};
use overbooked::rush::verdict::Verdict;
use overbooked::rush::waits::Waits;
use overbooked::stage::rush::{Over, RushStage};
use overbooked::tui::rush::draw;
use overbooked::tui::theme::{Charset, Depth, Theme};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::rush::options;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];
/// Between two batches of the reports below.
const BEAT: Duration = Duration::from_millis(250);
const FLAGS: &str = "nowait naive optimistic hold --requests 2000";

/// What a rush of these flags tells until it has come so far.
struct Telling {
    stage: RushStage,
    now: Duration,
    tally: Tally,
}

impl Telling {
    fn begin() -> Self {
        let stage = RushStage::new(&options(FLAGS));
        Self { stage, now: Duration::from_secs(1), tally: Tally::default() }
    }

    fn tell(&mut self, report: Report) {
        self.stage.apply(report, self.now);
    }

    fn open(&mut self, strategy: StrategyName) {
        self.tally = Tally::default();
        self.tell(Report::Opened(strategy, None));
    }

    /// So many beats of a hundred requests each; a third of the first ones get a seat.
    fn work(&mut self, beats: i32) {
        for beat in 0..beats {
            self.now += BEAT;
            let batch: Arc<[Settled]> = (0..100).map(|one| settled(beat, one)).collect();
            batch.iter().for_each(|settled| self.tally.apply(settled));
            self.tell(Report::Settled(batch));
            let beat = u64::try_from(beat).unwrap();
            self.tell(Report::Waits(Waits {
                now: beat % 4,
                seen: beat * 12,
                waited: BEAT * u32::try_from(beat).unwrap(),
            }));
        }
    }

    /// Somebody is sold a seat that is somebody else's.
    fn sell_again(&mut self, seats: i32) {
        let again =
            |sale: i32| Settled { outcome: Outcome::Booked(seat(sale * 5)), ..settled(1, sale) };
        let batch: Arc<[Settled]> = (0..seats).map(again).collect();
        batch.iter().for_each(|settled| self.tally.apply(settled));
        self.tell(Report::Settled(batch));
    }

    fn end(&mut self, strategy: StrategyName, verdict: Verdict) {
        let finished = Finished {
            wall: Duration::from_secs(5),
            tally: self.tally.clone(),
            sold_out: Some(Duration::from_millis(600)),
            waits: None,
            figures: FigureCounts::default(),
            verdict,
            stopped: false,
        };
        self.ended(strategy, End::Finished(Box::new(finished)));
    }

    fn ended(&mut self, strategy: StrategyName, end: End) {
        self.tell(Report::Ended(Arc::new(Ended { strategy, fault: None, end })));
    }

    fn under_way() -> Self {
        let mut telling = Self::begin();
        telling.open(StrategyName::Nowait);
        telling.work(20);
        telling.end(StrategyName::Nowait, Verdict { sold: 600, ..Verdict::default() });
        telling.open(StrategyName::Naive);
        telling.work(13);
        telling.sell_again(31);
        telling
    }

    fn over() -> Self {
        let mut telling = Self::under_way();
        let doubly = Verdict { sold: 412, sold_twice: 31, ..Verdict::default() };
        telling.end(StrategyName::Naive, doubly);
        let reason = "the optimistic engine needs sessions of its own, but there is a pooler in \
            front of the database";
        telling.ended(StrategyName::Optimistic, End::Unavailable(reason.to_owned()));
        telling.open(StrategyName::Hold);
        telling.work(17);
        telling.end(StrategyName::Hold, Verdict { sold: 600, ..Verdict::default() });
        telling.stage.end();
        telling
    }
}

fn settled(beat: i32, one: i32) -> Settled {
    let passenger = beat * 100 + one;
    let conflicts = u32::from((one + beat) % 10 == 0);
    let micros = 900 + (one * (40 + one) + beat * (beat % 5) * 90).unsigned_abs();
    let latency = Duration::from_micros(micros.into());
    Settled {
        passenger,
        outcome: if one % 3 == 0 { Outcome::Booked(seat(passenger / 3)) } else { Outcome::Taken },
        latency,
        after_sold_out: beat > 6,
        first_try: latency,
        retrying: Duration::ZERO,
        statements: 2,
        conflicts,
        retries: conflicts,
        reconnects: 0,
        asked: 0,
        is_duplicate: false,
        errors: vec![ErrorClass::sqlstate("55P03"); conflicts as usize],
    }
}

/// The seats all over the map, each once: 7 and 600 have no common factor.
fn seat(sale: i32) -> i32 {
    sale * 7 % 600 + 1
}

fn picture(stage: &RushStage, size: (u16, u16), charset: Charset) -> String {
    drawn(stage, size, charset).backend().to_string()
}

fn drawn(
    stage: &RushStage,
    (width, height): (u16, u16),
    charset: Charset,
) -> Terminal<TestBackend> {
    let theme = Theme::find("dark", Depth::Bare, charset).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, stage, &theme)).unwrap();
    terminal
}

#[test]
fn a_rush_under_way_shows_the_house_the_charts_and_what_is_over() {
    let telling = Telling::under_way();
    for (width, height) in SIZES {
        let frame = picture(&telling.stage, (width, height), Charset::Unicode);
        insta::assert_snapshot!(format!("under-way-{width}x{height}"), frame);
    }
    let frame = picture(&telling.stage, (80, 24), Charset::Ascii);
    insta::assert_snapshot!("under-way-ascii", frame);
}

#[test]
fn a_rush_that_is_over_shows_every_strategy_and_why_one_was_not_possible() {
    let telling = Telling::over();
    for (width, height) in SIZES {
        let frame = picture(&telling.stage, (width, height), Charset::Unicode);
        insta::assert_snapshot!(format!("over-{width}x{height}"), frame);
    }
}

#[test]
fn a_server_that_is_away_is_told_and_is_forgotten_once_it_is_back() {
    let mut telling = Telling::begin();
    telling.open(StrategyName::Nowait);
    telling.work(6);
    telling.tell(Report::Presence(Presence::Away));
    telling.now += BEAT * 14;
    telling.stage.tick(telling.now);
    for (width, height) in SIZES {
        let frame = picture(&telling.stage, (width, height), Charset::Unicode);
        insta::assert_snapshot!(format!("away-{width}x{height}"), frame);
    }
    telling.tell(Report::Presence(Presence::Here));
    let frame = picture(&telling.stage, (80, 24), Charset::Unicode);
    assert!(!frame.contains("no answer"), "{frame}");
}

#[test]
fn the_last_picture_stays_however_long_somebody_looks_at_it() {
    let mut telling = Telling::over();
    let before = picture(&telling.stage, (120, 40), Charset::Unicode);
    telling.now += BEAT * 400;
    telling.stage.tick(telling.now);
    assert_eq!(picture(&telling.stage, (120, 40), Charset::Unicode), before);
    assert!(before.contains("seats after hold"), "{before}");
}

#[test]
fn whoever_asks_is_told_the_keys_and_what_the_parts_mean() {
    let mut telling = Telling::under_way();
    telling.stage.over = Some(Over::Help);
    for (width, height) in SIZES {
        let frame = picture(&telling.stage, (width, height), Charset::Unicode);
        insta::assert_snapshot!(format!("help-{width}x{height}"), frame);
    }
    let frame = picture(&telling.stage, (80, 24), Charset::Ascii);
    insta::assert_snapshot!("help-ascii", frame);
}

#[test]
fn all_eleven_strategies_are_in_sight_when_they_are_over() {
    let mut telling = Telling::begin();
    for strategy in options("").chosen() {
        telling.open(strategy);
        telling.work(3);
        telling.end(strategy, Verdict { sold: 600, ..Verdict::default() });
    }
    telling.stage.end();
    for (width, height) in SIZES {
        let frame = picture(&telling.stage, (width, height), Charset::Unicode);
        insta::assert_snapshot!(format!("eleven-{width}x{height}"), frame);
    }
}

#[test]
fn before_the_first_strategy_there_is_an_empty_house() {
    let frame = picture(&Telling::begin().stage, (80, 24), Charset::Unicode);
    insta::assert_snapshot!("getting-ready", frame);
}

#[test]
fn many_compartments_still_tell_how_full_they_are() {
    let options = options("naive --seats 1000000 --compartments 26");
    let frame = picture(&RushStage::new(&options), (120, 40), Charset::Unicode);
    insta::assert_snapshot!("many-compartments", frame);
}

proptest! {
    #[test]
    fn any_terminal_is_large_enough_not_to_panic(width in 0..130u16, height in 0..50u16) {
        let mut explained = Telling::under_way();
        explained.stage.over = Some(Over::Help);
        for telling in [Telling::begin(), Telling::under_way(), Telling::over(), explained] {
            drawn(&telling.stage, (width, height), Charset::Unicode);
        }
    }
}
