//! Frames of the console, drawn from recorded happenings at the three sizes that matter.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Key, KeyCode, KeyEvent, KeyModifiers};
use overbooked::commands::config::Config;
use overbooked::core::event::{
    Blocker, Certainty, Column, Event, Kind, Pid, ServerMessage, SessionName, SubmissionId,
    TransactionStatus, Wait, WaitTarget,
};
use overbooked::core::scenario::{EngineKind, Isolation, Scenario, library};
use overbooked::core::seats::{
    Hold, HoldKind, Holder, RowWaiter, Unread, WatchedRow, WatchedTable, WatchedTables,
};
use overbooked::run::{EngineLine, Fresh, Report};
use overbooked::stage::comparison::Half;
use overbooked::stage::setting::Opening;
use overbooked::tui::app::{App, Setting};
use overbooked::tui::theme::{Charset, Depth, Theme};
use overbooked::tui::view;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::support;

mod followers;
mod heights;
mod own_tables;
mod panes;
mod psql;
mod room;
mod script;
mod typing;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// The smallest terminal that is still drawn on belongs to them where width is shared out.
const EVERY_SIZE: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

pub(crate) fn setting(charset: Charset) -> Setting {
    let scenario = library::open(library::DEFAULT).unwrap();
    Setting {
        theme: Theme::find("dark", Depth::Bare, charset).unwrap(),
        stage: overbooked::stage::Setting {
            keys: Config::default().keys,
            library: vec![Arc::new(scenario)],
            own: overbooked::stage::own_files::OwnFiles::default(),
            pace: Duration::from_secs(3),
            debugging: None,
            opening: Opening::Stage,
        },
    }
}

/// A stage on which the default scenario is played by hand-written events.
struct Stage {
    app: App,
    now: Duration,
    submissions: u64,
}

impl Stage {
    fn new(charset: Charset, (width, height): (u16, u16)) -> Self {
        let app = App::new(setting(charset), Size { width, height });
        Self { app, now: Duration::ZERO, submissions: 0 }
    }

    fn opened(charset: Charset, size: (u16, u16)) -> Self {
        let mut stage = Self::new(charset, size);
        stage.open(&["Alice", "Bob", "Mallory"]);
        stage
    }

    fn open(&mut self, names: &[&str]) {
        self.open_one(library::open(library::DEFAULT).unwrap(), names);
    }

    fn open_one(&mut self, scenario: Scenario, names: &[&str]) {
        let scenario = Arc::new(scenario);
        let schedule = Arc::new(scenario.schedules.first());
        let engine = support::engine_of_frames();
        let sessions: Vec<SessionName> = names.iter().map(|name| SessionName::new(name)).collect();
        self.report(Report::Fresh(Fresh { scenario, schedule, engine, sessions }));
        for name in names {
            self.happens(Some(name), Kind::Connected { pid: Pid(100) });
        }
        self.happens(None, Kind::WatchedTables(Arc::new(watched_tables(&[], &[]))));
    }

    fn report(&mut self, report: Report) {
        let _ = self.app.apply(Half::Above, report, self.now);
    }

    fn happens(&mut self, session: Option<&str>, kind: Kind) {
        let session = session.map(SessionName::new);
        self.report(Report::Event(Event { at: self.now, session, kind }));
    }

    fn sends(&mut self, who: &str, sql: &str, step: Option<usize>) {
        self.submissions += 1;
        let submission = SubmissionId(self.submissions);
        self.happens(Some(who), Kind::Sent { submission, sql: sql.into(), step, typed: None });
    }

    fn answers(&mut self, who: &str, status: TransactionStatus, micros: u64) {
        let submission = SubmissionId(self.submissions);
        let elapsed = Duration::from_micros(micros);
        self.happens(Some(who), Kind::Ready { submission, status, elapsed });
    }

    fn does(&mut self, who: &str, sql: &str, tag: &str, status: TransactionStatus) {
        self.sends(who, sql, None);
        self.happens(Some(who), Kind::Done { tag: tag.to_owned(), rows: 0 });
        self.answers(who, status, 1234);
    }

    fn selects(&mut self, who: &str, sql: &str, rows: &[[&str; 3]]) {
        self.sends(who, sql, None);
        self.happens(Some(who), Kind::Columns(columns()));
        let text = |row: &[&str; 3]| row.iter().map(|value| Some((*value).to_owned())).collect();
        self.happens(Some(who), Kind::Rows(rows.iter().map(text).collect()));
        let tag = format!("SELECT {}", rows.len());
        self.happens(Some(who), Kind::Done { tag, rows: rows.len() as u64 });
        self.answers(who, TransactionStatus::InTransaction, 912);
    }

    fn types(&mut self, text: &str) {
        for letter in text.chars() {
            self.presses(KeyCode::Char(letter), KeyModifiers::NONE);
        }
    }

    fn presses(&mut self, code: KeyCode, held: KeyModifiers) {
        let _ = self.app.input(Key::Key(KeyEvent::new(code, held)), self.now);
    }

    /// The picture of CONSOLE: Alice and Bob hold a seat each, Mallory waits.
    fn picture(&mut self) {
        use TransactionStatus::InTransaction;
        self.does("Bob", "begin;", "BEGIN", InTransaction);
        let lock = "select * from seats\nwhere (seat_row, seat_number) = ('A', 4) for update;";
        self.selects("Bob", lock, &[["A", "4", ""]]);
        self.does("Alice", "begin;", "BEGIN", InTransaction);
        let lock = "select * from seats\nwhere (seat_row, seat_number) = ('A', 5) for update;";
        self.selects("Alice", lock, &[["A", "5", ""]]);
        let steal = "update seats set booked_by = 'Mallory'\n\
            where (seat_row, seat_number) = ('A', 4) and booked_by is null;";
        self.sends("Mallory", steal, Some(6));
        self.happens(Some("Mallory"), Kind::Waiting(wait_for("Bob")));
        let locks = [("A-4", "Bob"), ("A-5", "Alice")];
        self.happens(None, Kind::WatchedTables(Arc::new(watched_tables(&locks, &["Mallory"]))));
        self.happens(None, Kind::Quiet);
        self.report(Report::Next(7));
        self.now += Duration::from_millis(3199);
    }

    fn frame(&self) -> String {
        self.draw().backend().to_string()
    }

    fn draw(&self) -> Terminal<TestBackend> {
        let (width, height) = (self.size().width, self.size().height);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(frame, &self.app, self.now)).unwrap();
        terminal
    }

    fn size(&self) -> Size {
        self.app.size()
    }
}

fn columns() -> Vec<Column> {
    [("seat_row", 1042), ("seat_number", 23), ("booked_by", 25)]
        .map(|(name, type_oid)| Column { name: name.to_owned(), type_oid })
        .to_vec()
}

pub(crate) fn wait_for(name: &str) -> Wait {
    Wait {
        blockers: vec![Blocker::Session(SessionName::new(name))],
        target: WaitTarget::Row {
            table: "seats".to_owned(),
            key: Some("A-4".to_owned()),
            wants: Some("no key update".to_owned()),
        },
        certainty: Certainty::Observed,
    }
}

pub(crate) fn watched_tables(locks: &[(&str, &str)], waiters: &[&str]) -> WatchedTables {
    let holders = ["Carol", "", "Oscar", "", "", "Carlos", "Charlie"];
    let places = holders.iter().enumerate().map(|(index, holder)| {
        let key = format!("A-{}", index + 1);
        let held = locks.iter().filter(|(seat, _)| *seat == key);
        let holder = (!holder.is_empty()).then(|| (*holder).to_owned());
        WatchedRow {
            values: vec![Some("A".to_owned()), Some((index + 1).to_string()), holder],
            committed: true,
            holders: held
                .map(|(_, who)| Hold {
                    holder: Holder::Session(SessionName::new(who)),
                    kind: HoldKind::Update,
                    becomes: None,
                })
                .collect(),
            waiters: if key == "A-4" {
                waiters.iter().map(|who| waiter(who)).collect()
            } else {
                Vec::new()
            },
            key,
        }
    });
    let scenario = library::open(library::DEFAULT).unwrap();
    let table = WatchedTable {
        name: "seats".to_owned(),
        seats: scenario.seats,
        columns: columns().into_iter().map(|column| column.name).collect(),
        places: places.collect(),
        rows: 7,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    };
    WatchedTables { tables: vec![table], blind: Vec::new() }
}

fn waiter(name: &str) -> RowWaiter {
    RowWaiter { who: Holder::Session(SessionName::new(name)), wants: "no key update".to_owned() }
}

#[test]
fn the_picture_of_the_design_at_every_size() {
    for size in SIZES {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        insta::assert_snapshot!(format!("picture-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn a_terminal_without_unicode_shows_the_same_in_ascii() {
    let mut stage = Stage::opened(Charset::Ascii, (80, 24));
    stage.picture();
    let frame = stage.frame();
    assert!(frame.is_ascii(), "{frame}");
    insta::assert_snapshot!("picture-ascii", frame);
}

#[test]
fn an_error_that_teaches() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.sends("Alice", "update seat set booked_by = 'Alice';", None);
    stage.happens(
        Some("Alice"),
        Kind::Failed(ServerMessage {
            severity: "ERROR".to_owned(),
            code: "40001".to_owned(),
            message: "could not serialize access due to concurrent update".to_owned(),
            hint: Some("The transaction might succeed if retried.".to_owned()),
            ..ServerMessage::default()
        }),
    );
    stage.answers("Alice", TransactionStatus::Failed, 2500);
    stage.types("select 'typed';");
    insta::assert_snapshot!(stage.frame());
}

#[test]
fn what_lies_over_the_screen() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.picture();
    let layers = [
        ("help", KeyCode::F(1)),
        ("picker", KeyCode::F(3)),
        ("graph", KeyCode::F(4)),
        ("edit-step", KeyCode::F(10)),
        ("story", KeyCode::F(12)),
    ];
    for (name, key) in layers {
        stage.presses(key, KeyModifiers::NONE);
        insta::assert_snapshot!(name, stage.frame());
        stage.presses(KeyCode::Esc, KeyModifiers::NONE);
    }
    stage.presses(KeyCode::Char('q'), KeyModifiers::CONTROL);
    insta::assert_snapshot!("quit", stage.frame());
}

#[test]
fn the_time_line_at_every_size() {
    let pictures = [("80x24", (80, 24)), ("120x40", (120, 40)), ("200x50", (200, 50))];
    for (name, size) in pictures {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        stage.presses(KeyCode::F(4), KeyModifiers::NONE);
        stage.presses(KeyCode::Left, KeyModifiers::NONE);
        insta::assert_snapshot!(format!("timeline-{name}"), stage.frame());
    }
    let mut stage = Stage::opened(Charset::Ascii, (80, 24));
    stage.picture();
    stage.presses(KeyCode::F(4), KeyModifiers::NONE);
    insta::assert_snapshot!("timeline-ascii", stage.frame());
}

#[test]
fn a_play_that_has_come_to_its_end_says_so() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.presses(KeyCode::F(7), KeyModifiers::NONE);
    assert!(stage.frame().contains("playing; any key stops it"));
    stage.report(Report::Next(11));
    stage.report(Report::Over);
    assert!(stage.frame().contains("that was the last step; F8 starts again"));
}

#[test]
fn an_editor_that_was_opened_too_early_holds_the_step_that_comes_next() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.presses(KeyCode::F(5), KeyModifiers::NONE);
    stage.presses(KeyCode::F(10), KeyModifiers::NONE);
    assert!(stage.frame().contains("╭ Bob begins ─"));
    stage.report(Report::Next(1));
    let frame = stage.frame();
    assert!(frame.contains("╭ Bob looks for two free seats"), "{frame}");
    assert!(!frame.contains("│ begin transaction;   "), "{frame}");
    stage.open(&["Alice", "Bob", "Mallory"]);
    assert!(stage.frame().contains("│ begin transaction;   "), "{}", stage.frame());
}

#[test]
fn a_refusal_goes_when_what_it_says_no_longer_holds() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.picture();
    stage.report(Report::Next(6));
    stage.presses(KeyCode::F(5), KeyModifiers::NONE);
    let refusal = "Mallory still waits for Bob";
    assert!(stage.frame().contains(refusal), "{}", stage.frame());
    stage.happens(Some("Bob"), Kind::Done { tag: "COMMIT".to_owned(), rows: 0 });
    assert!(stage.frame().contains(refusal));
    stage.happens(Some("Mallory"), Kind::Resumed { waited: Duration::from_secs(3) });
    stage.happens(Some("Mallory"), Kind::Done { tag: "UPDATE 0".to_owned(), rows: 0 });
    stage.answers("Mallory", TransactionStatus::Idle, 900);
    assert!(!stage.frame().contains(refusal), "{}", stage.frame());
}

#[test]
fn sixty_sessions_are_paged() {
    let names: Vec<String> = (1..=60).map(|n| format!("Session{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::new(Charset::Unicode, (80, 24));
    stage.open(&names);
    for _ in 0..30 {
        stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    }
    insta::assert_snapshot!(stage.frame());
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_keeps_everything() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.picture();
    let before = stage.frame();
    stage.app.resize(Size { width: 40, height: 10 });
    insta::assert_snapshot!(stage.frame());
    stage.app.resize(Size { width: 80, height: 24 });
    assert_eq!(stage.frame(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn drawing_never_panics_at_any_size(
        width in 0..220_u16,
        height in 0..60_u16,
        layer in 0..6_usize,
    ) {
        let mut stage = Stage::opened(Charset::Unicode, (120, 40));
        stage.picture();
        let f = KeyCode::F;
        let keys = [KeyCode::Null, f(1), f(3), f(4), f(10), f(12)];
        stage.presses(keys[layer], KeyModifiers::NONE);
        stage.types("wide 張偉 and e\u{301}\u{202e}\u{1b}");
        stage.app.resize(Size { width, height });
        stage.draw();
    }
}
