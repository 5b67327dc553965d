//! Frames of the debugger's screen, drawn from hand-written happenings.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Terminal, KeyCode, KeyEvent, KeyModifiers};
use overbooked::commands::config::Config;
use overbooked::core::event::{
    Event, Fate, Kind, Pid, SessionName, SqlState, SubmissionId, TransactionStatus,
};
use overbooked::core::scenario::Scenario;
use overbooked::debugger::breakpoints::HoldMode;
use overbooked::debugger::guests::{Order, Overview, PassedStatement};
use overbooked::run::{Command, Fresh, Report};
use overbooked::stage::Effect;
use overbooked::stage::comparison::Half;
use overbooked::stage::debugging::Debugging;
use overbooked::stage::setting::Opening;
use overbooked::tui::app::{App, Setting};
use overbooked::tui::theme::{BUILT_IN, Charset, Depth, Theme};
use overbooked::tui::view;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::screen::{wait_for, watched_tables};
use crate::support;

const SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

struct Debugged {
    app: App,
    now: Duration,
    submissions: u64,
}

impl Debugged {
    fn new(size: (u16, u16)) -> Self {
        Self::with_theme(size, Theme::find("dark", Depth::Bare, Charset::Unicode).unwrap())
    }

    fn with_theme((width, height): (u16, u16), theme: Theme) -> Self {
        let stage = overbooked::stage::Setting {
            keys: Config::default().keys.for_debugging(),
            library: Vec::new(),
            own: overbooked::stage::own_files::OwnFiles::default(),
            pace: Duration::from_secs(3),
            debugging: Some(Debugging { has_gate: true, ..Debugging::default() }),
            opening: Opening::Stage,
        };
        let app = App::new(Setting { theme, stage }, Size { width, height });
        let mut debugged = Self { app, now: Duration::ZERO, submissions: 0 };
        let scenario = Scenario::blank(Vec::new(), vec!["seats".to_owned()], Vec::new());
        let scenario = Arc::new(scenario);
        let engine = support::engine_of_frames();
        let schedule = Arc::new(scenario.schedules.first());
        let fresh = Fresh { scenario, schedule, engine, sessions: Vec::new() };
        debugged.report(Report::Fresh(fresh));
        debugged.locks(&[], &[]);
        debugged.looks(&Self::overview());
        debugged
    }

    fn overview() -> Overview {
        Overview { watched: vec!["seats".to_owned()], ..Overview::default() }
    }

    fn looks(&mut self, overview: &Overview) {
        self.app.debugger_at_a_glance(overview.clone());
    }

    fn report(&mut self, report: Report) {
        let _ = self.app.apply(Half::Above, report, self.now);
    }

    fn happens(&mut self, session: Option<&str>, kind: Kind) {
        let session = session.map(SessionName::new);
        self.report(Report::Event(Event { at: self.now, session, kind }));
    }

    fn joins(&mut self, name: &str) {
        self.report(Report::GuestJoined(SessionName::new(name)));
        self.happens(Some(name), Kind::Connected { pid: Pid(7) });
    }

    fn sends(&mut self, name: &str, sql: &str) {
        self.submissions += 1;
        let submission = SubmissionId(self.submissions);
        self.happens(
            Some(name),
            Kind::Sent { submission, sql: sql.into(), step: None, typed: None },
        );
    }

    fn does(&mut self, name: &str, sql: &str, tag: &str, status: TransactionStatus) {
        self.sends(name, sql);
        self.happens(Some(name), Kind::Done { tag: tag.to_owned(), rows: 0 });
        let submission = SubmissionId(self.submissions);
        let elapsed = Duration::from_micros(1234);
        self.happens(Some(name), Kind::Ready { submission, status, elapsed });
    }

    fn is_held(&mut self, name: &str, sql: &str, does: &str, patience: Option<Duration>) {
        let (does, why) = (does.to_owned(), "touches seats".to_owned());
        self.happens(Some(name), Kind::Held { sql: sql.into(), does, why, patience });
    }

    fn is_let_go(&mut self, name: &str, fate: Fate) {
        self.happens(Some(name), Kind::LetGo { held: Duration::from_secs(2), fate });
    }

    /// Who has a row of the seats, and who waits for it.
    fn locks(&mut self, locks: &[(&str, &str)], waiters: &[&str]) {
        let tables = watched_tables(locks, waiters);
        self.happens(None, Kind::WatchedTables(Arc::new(tables)));
    }

    fn presses(&mut self, code: KeyCode, held: KeyModifiers) -> Vec<Effect> {
        let effects = self.app.input(Terminal::Key(KeyEvent::new(code, held)), self.now);
        effects.into_iter().map(|(_, effect)| effect).collect()
    }

    fn types(&mut self, text: &str) -> Vec<Effect> {
        let none = KeyModifiers::NONE;
        text.chars().flat_map(|letter| self.presses(KeyCode::Char(letter), none)).collect()
    }

    fn draw(&self) -> ratatui::Terminal<TestBackend> {
        let Size { width, height } = self.app.size();
        let mut terminal = ratatui::Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(frame, &self.app, self.now)).unwrap();
        terminal
    }

    fn frame(&self) -> String {
        self.draw().backend().to_string()
    }

    /// Two bookers, both held at their UPDATE of the same seat.
    fn two_held(&mut self) {
        use TransactionStatus::InTransaction;
        for name in ["alice", "bob"] {
            self.joins(name);
            self.happens(Some(name), Kind::Note("passed by itself: select 1".to_owned()));
            self.does(name, "begin", "BEGIN", InTransaction);
        }
        self.now += Duration::from_secs(1);
        let update = |name: &str| {
            format!(
                "update seats set booked_by = '{name}' where seat_row = 'A' and seat_number = 4"
            )
        };
        self.is_held("alice", &update("alice"), "updates A-4", None);
        self.now += Duration::from_millis(900);
        let patience = Some(Duration::from_secs(5));
        self.is_held("bob", &update("bob"), "updates A-4", patience);
        self.now += Duration::from_millis(1250);
        let select = PassedStatement { actor: "alice".into(), sql: "select 1".into() };
        let set = PassedStatement { actor: "bob".into(), sql: "SET timezone = 'UTC'".into() };
        self.looks(&Overview {
            connections: 5,
            idle: 3,
            passed: 12,
            last_passed: vec![select, set],
            ..Self::overview()
        });
    }

    /// Alice has the seat, and Bob waits for her.
    fn one_waits(&mut self) {
        self.two_held();
        for (name, tag) in [("alice", Some("UPDATE 1")), ("bob", None)] {
            self.is_let_go(name, Fate::Passed);
            let sql = format!("update seats set booked_by = '{name}' where id = 4");
            match tag {
                Some(tag) => self.does(name, &sql, tag, TransactionStatus::InTransaction),
                None => self.sends(name, &sql),
            }
        }
        self.happens(Some("bob"), Kind::Waiting(wait_for("alice")));
        self.locks(&[("A-4", "alice")], &["bob"]);
        self.is_held("alice", "commit", "commits", None);
        self.now += Duration::from_millis(700);
    }
}

fn at_every_size(name: &str, play: impl Fn(&mut Debugged)) {
    for (width, height) in SIZES {
        let mut debugged = Debugged::new((width, height));
        play(&mut debugged);
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), debugged.frame());
    }
}

#[test]
fn as_long_as_nobody_has_come_it_says_how_to_connect() {
    at_every_size("nobody", |debugged| {
        let addresses = [
            "DATABASE_URL=postgres://shop@127.0.0.1:5433/shop",
            "DATABASE_URL=postgres://shop@127.0.0.1:5441/shop   # alice",
            "DATABASE_URL=postgres://shop@127.0.0.1:5442/shop   # bob",
        ];
        debugged.app.opened_to_programs(addresses.map(str::to_owned).to_vec());
    });
}

#[test]
fn two_statements_are_held() {
    at_every_size("two-held", Debugged::two_held);
}

#[test]
fn one_waits_behind_another_that_is_held() {
    at_every_size("one-waits", Debugged::one_waits);
}

#[test]
fn an_answer_is_chosen_in_the_servers_place() {
    at_every_size("answer", |debugged| {
        debugged.two_held();
        debugged.presses(KeyCode::F(10), KeyModifiers::NONE);
    });
}

#[test]
fn what_is_held_is_chosen_in_a_panel() {
    at_every_size("panel", |debugged| {
        debugged.two_held();
        let breakpoints = ["write seats", "commit and actor alice"];
        let breakpoints = breakpoints.map(|rule| rule.parse().unwrap()).to_vec();
        debugged.looks(&Overview { breakpoints, ..Debugged::overview() });
        debugged.presses(KeyCode::Char('b'), KeyModifiers::ALT);
        debugged.types("after read seat");
    });
    let mut debugged = Debugged::new((80, 24));
    debugged.presses(KeyCode::Char('b'), KeyModifiers::ALT);
    debugged.types("writ seats");
    debugged.presses(KeyCode::Enter, KeyModifiers::NONE);
    insta::assert_snapshot!("panel-mistake", debugged.frame());
}

#[test]
fn what_passed_by_itself_is_a_number_that_can_be_unfolded() {
    let mut debugged = Debugged::new((80, 24));
    debugged.two_held();
    debugged.presses(KeyCode::F(3), KeyModifiers::NONE);
    insta::assert_snapshot!("passed", debugged.frame());
}

#[test]
fn many_guests_are_folded_and_those_that_are_held_are_seen() {
    for (count, size) in [(12, (80, 24)), (12, (120, 40)), (30, (80, 24)), (30, (200, 50))] {
        let mut debugged = Debugged::new(size);
        for number in 1..=count {
            let name = format!("worker-{number}");
            debugged.joins(&name);
            debugged.does(&name, "begin", "BEGIN", TransactionStatus::InTransaction);
        }
        let last = format!("worker-{}", count - 1);
        debugged.is_held(&last, "update seats set booked_by = 'x'", "updates seats", None);
        debugged.is_held("worker-2", "delete from seats", "deletes from seats", None);
        let name = format!("{count}-guests-{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, debugged.frame());
    }
}

#[test]
fn long_names_and_long_statements_leave_room_for_what_matters() {
    at_every_size("long", |debugged| {
        let name = "bookings-controller-create-seat-reservation";
        debugged.joins(name);
        debugged.does(name, "begin", "BEGIN", TransactionStatus::InTransaction);
        let sql = format!("insert into letters values ('{}')", "x\u{1b}[31m y ".repeat(700_000));
        debugged.is_held(name, &sql, "inserts into letters", None);
    });
}

#[test]
fn a_held_statement_of_eight_megabytes_is_drawn_at_once() {
    let mut debugged = Debugged::new((200, 50));
    debugged.joins("alice");
    let sql = format!("insert into letters values ('{}')", "x".repeat(8 << 20));
    debugged.is_held("alice", &sql, "inserts into letters", None);
    // A hundred frames of the whole text would take minutes in a debug build.
    let began = std::time::Instant::now();
    (0..100).for_each(|_| drop(debugged.frame()));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

#[test]
fn in_ascii_and_without_colours_it_is_the_same() {
    let theme = Theme::find("dark", Depth::Bare, Charset::Ascii).unwrap();
    let mut debugged = Debugged::with_theme((80, 24), theme);
    debugged.two_held();
    let frame = debugged.frame();
    assert!(frame.is_ascii(), "{frame}");
    insta::assert_snapshot!("two-held-ascii", frame);
}

/// What is held stands out by more than its colour, and is read as `Role::Held` is, whose contrast
/// every theme is asked for.
#[test]
fn what_is_held_stands_out_in_every_theme() {
    for (name, depth) in BUILT_IN
        .iter()
        .flat_map(|name| [Depth::True, Depth::Sixteen, Depth::Bare].map(|depth| (*name, depth)))
    {
        let theme = Theme::find(name, depth, Charset::Unicode).unwrap();
        let held = theme.style(overbooked::tui::theme::Role::Held);
        let mut debugged = Debugged::with_theme((80, 24), theme);
        debugged.two_held();
        let terminal = debugged.draw();
        let buffer = terminal.backend().buffer();
        let is_held = |cell: &&ratatui::buffer::Cell| {
            let reversed = ratatui::style::Modifier::REVERSED;
            match depth {
                Depth::Bare => cell.modifier.contains(reversed),
                _ => Some(cell.bg) == held.bg && Some(cell.fg) == held.fg,
            }
        };
        let text: String =
            buffer.content.iter().filter(is_held).map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("update seats set"), "{name} {depth:?}: {text}");
    }
}

#[test]
fn the_title_counts_in_seconds_and_wakes_nobody_for_less() {
    let mut debugged = Debugged::new((80, 24));
    debugged.joins("alice");
    debugged.is_held("alice", "commit", "commits", None);
    let since = debugged.now;
    for millis in [0, 150, 999, 1000, 1730] {
        debugged.now = since + Duration::from_millis(millis);
        let wakes = debugged.app.wakes_at(debugged.now).unwrap();
        assert_eq!(wakes, since + Duration::from_secs(millis / 1000 + 1));
    }
    assert!(debugged.frame().contains("held 1.7 s ─ commits"), "{}", debugged.frame());
}

#[test]
fn nothing_is_typed_into_a_programs_session() {
    let mut debugged = Debugged::new((120, 40));
    debugged.two_held();
    let refused =
        "alice is your program\u{2019}s; nothing can be typed into it (F9 opens a session";
    for key in [KeyCode::Char('x'), KeyCode::Char(' ')] {
        assert_eq!(debugged.presses(key, KeyModifiers::NONE), []);
        assert!(debugged.frame().contains(refused), "{}", debugged.frame());
        debugged.presses(KeyCode::Left, KeyModifiers::NONE);
        assert!(!debugged.frame().contains(refused));
    }
    let _ = debugged.app.input(Terminal::Paste("drop table seats;".to_owned()), debugged.now);
    assert!(debugged.frame().contains(refused));
    debugged.presses(KeyCode::Enter, KeyModifiers::ALT);
    assert!(debugged.frame().contains(refused));
    assert!(!debugged.frame().contains("drop table"));
    // Whoever types a line ends it with Enter.
    assert_eq!(debugged.presses(KeyCode::Enter, KeyModifiers::NONE), []);
    assert!(debugged.frame().contains("that was typing, so nothing is let go"));
    let let_go = vec![Effect::Debug(Order::LetGo(SessionName::new("alice")))];
    assert_eq!(debugged.presses(KeyCode::Enter, KeyModifiers::NONE), let_go);
}

/// Enter in a session of one's own must never let somebody's COMMIT go.
#[test]
fn the_keys_stay_in_the_session_that_was_turned_to() {
    let mut debugged = Debugged::new((120, 40));
    for name in ["alice", "bob"] {
        debugged.joins(name);
    }
    debugged.report(Report::Joined(SessionName::new("You")));
    debugged.is_held("alice", "commit", "commits", None);
    let enter = |debugged: &mut Debugged| debugged.presses(KeyCode::Enter, KeyModifiers::NONE);
    let is_order = |effect: &Effect| matches!(effect, Effect::Debug(_));
    assert!(!enter(&mut debugged).iter().any(is_order), "the keys are in You");
    debugged.is_let_go("alice", Fate::Passed);
    debugged.presses(KeyCode::Char('p'), KeyModifiers::ALT);
    debugged.is_held("alice", "commit", "commits", None);
    assert!(!enter(&mut debugged).iter().any(is_order), "the keys are in bob");
    debugged.is_held("bob", "commit", "commits", None);
    let bob = vec![Effect::Debug(Order::LetGo(SessionName::new("bob")))];
    assert_eq!(enter(&mut debugged), bob);
}

#[test]
fn a_cut_behind_a_statement_stands_behind_it() {
    let mut debugged = Debugged::new((80, 24));
    debugged.joins("alice");
    debugged.is_held("alice", "commit", "commits", None);
    debugged.is_let_go("alice", Fate::CutAfter);
    debugged.sends("alice", "commit");
    let frame = debugged.frame();
    let at = |words: &str| frame.find(words).unwrap_or_else(|| panic!("{words}: {frame}"));
    assert!(at("=# commit") < at("its connection is cut before the answer"), "{frame}");
}

#[test]
fn who_has_no_pane_is_counted() {
    let mut debugged = Debugged::new((120, 40));
    debugged.two_held();
    debugged.looks(&Overview {
        connections: 4,
        without_pane: 2,
        held_without_pane: 1,
        ..Debugged::overview()
    });
    let frame = debugged.frame();
    assert!(frame.contains("2 held, and 1 more without a pane: alice, bob"), "{frame}");
    assert!(frame.contains("2 transactions without a pane"), "{frame}");
}

#[test]
fn no_key_is_promised_that_is_not_there() {
    let mut debugged = Debugged::new((80, 24));
    debugged.report(Report::Broken("the port is taken".to_owned()));
    let frame = debugged.frame();
    assert!(frame.contains("The run cannot continue: the port is taken."), "{frame}");
    assert!(!frame.contains("tries again"), "{frame}");
}

#[test]
fn a_programs_connection_is_cut_only_when_it_is_meant() {
    use overbooked::debugger::guests::Answer::{Cancelled, Cut};
    let mut debugged = Debugged::new((80, 24));
    debugged.two_held();
    let alice = SessionName::new("alice");
    let answers = |answer| vec![Effect::Debug(Order::Answer(alice.clone(), answer))];
    let control = KeyModifiers::CONTROL;
    assert_eq!(debugged.presses(KeyCode::Char('c'), control), answers(Cancelled));
    assert_eq!(debugged.presses(KeyCode::Char('d'), control), []);
    assert!(debugged.frame().contains("Cut the connection?"), "{}", debugged.frame());
    assert_eq!(debugged.types("n"), []);
    debugged.presses(KeyCode::Char('d'), control);
    assert_eq!(debugged.types("y"), answers(Cut));
    debugged.is_let_go("alice", Fate::Refused(SqlState("57014".to_owned())));
    assert!(debugged.frame().contains("answered by hand with 57014"), "{}", debugged.frame());
    assert_eq!(debugged.presses(KeyCode::Char('d'), control), []);
    assert!(debugged.frame().contains("it can be cut while a statement is held"));
}

#[test]
fn whoever_leaves_is_told_what_becomes_of_the_programs() {
    let mut debugged = Debugged::new((80, 24));
    debugged.one_waits();
    debugged.presses(KeyCode::Char('q'), KeyModifiers::CONTROL);
    insta::assert_snapshot!("leaving", debugged.frame());
}

#[test]
fn ones_own_sessions_have_names_that_no_program_has() {
    let mut debugged = Debugged::new((80, 24));
    let asks = |name: &str| vec![Effect::Ask(Command::AddSession(Some(SessionName::new(name))))];
    assert_eq!(debugged.presses(KeyCode::F(9), KeyModifiers::NONE), asks("You"));
    debugged.report(Report::Joined(SessionName::new("You")));
    assert_eq!(debugged.presses(KeyCode::F(9), KeyModifiers::NONE), asks("You-2"));
}

#[test]
fn the_first_line_says_how_much_is_held() {
    let mut debugged = Debugged::new((120, 40));
    let rule = |text: &str| text.parse().unwrap();
    for (mode, breakpoints, says) in [
        (HoldMode::Watch, vec![], "holds nothing"),
        (HoldMode::Breakpoints, vec![], "holds what touches seats"),
        (HoldMode::Breakpoints, vec![rule("commit")], "holds at: commit"),
        (HoldMode::Breakpoints, vec![rule("commit"), rule("begin")], "holds at 2 breakpoints"),
        (HoldMode::Everything, vec![rule("commit")], "holds everything"),
    ] {
        debugged.looks(&Overview { mode, breakpoints, ..Debugged::overview() });
        let frame = debugged.frame();
        let first = frame.lines().next().unwrap_or_default();
        assert!(first.trim_end_matches('"').trim_end().ends_with(says), "{first}");
    }
}
