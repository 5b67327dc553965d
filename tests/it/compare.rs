//! Both engines at once: drawn from hand-written happenings, typed into, and played in a real
//! terminal.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Key, KeyCode, KeyEvent, KeyModifiers};
use overbooked::core::event::{
    Event, Kind, Pid, ServerMessage, SessionName, SubmissionId, TransactionStatus,
};
use overbooked::core::scenario::{EngineKind, Isolation, library};
use overbooked::core::seats::{Hold, HoldKind, Holder};
use overbooked::run::{self, EngineLine, Fresh, Report};
use overbooked::stage::Effect;
use overbooked::stage::comparison::Half;
use overbooked::tui::app::App;
use overbooked::tui::theme::Charset;
use overbooked::tui::view;
use ratatui::Terminal as Canvas;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::screen::{setting, wait_for, watched_tables};
use super::terminal::{MIDDLE, SMALL, Terminal, key};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// Two runs of the default scenario, told by hand.
struct Stage {
    app: App,
    now: Duration,
}

impl Stage {
    fn empty(charset: Charset, (width, height): (u16, u16), turned_to: Half) -> Self {
        let size = Size { width, height };
        Self { app: App::comparing(setting(charset), size, turned_to), now: Duration::ZERO }
    }

    fn opened(charset: Charset, size: (u16, u16)) -> Self {
        let mut stage = Self::empty(charset, size, Half::Above);
        for half in Half::BOTH {
            stage.fresh(half);
        }
        stage
    }

    fn fresh(&mut self, half: Half) {
        let scenario = Arc::new(library::open(library::DEFAULT).unwrap());
        let schedule = Arc::new(scenario.schedules.first());
        let (kind, product, isolation) = match half {
            Half::Above => (EngineKind::Postgres, "PostgreSQL 15.20", Isolation::ReadCommitted),
            Half::Below => (
                EngineKind::Optimistic,
                "optimistic on PostgreSQL 15.20",
                Isolation::RepeatableRead,
            ),
        };
        let engine = EngineLine {
            kind,
            product: product.to_owned(),
            place: "embedded".to_owned(),
            isolation,
            alone: None,
        };
        let sessions = ["Alice", "Bob", "Mallory"].map(SessionName::new);
        let fresh = Fresh { scenario, schedule, engine, sessions: sessions.to_vec() };
        self.report(half, Report::Fresh(fresh));
        for name in sessions {
            self.happens(half, Some(name.as_str()), Kind::Connected { pid: Pid(100) });
        }
        self.happens(half, None, Kind::WatchedTables(Arc::new(watched_tables(&[], &[]))));
    }

    fn report(&mut self, half: Half, report: Report) {
        let _ = self.app.apply(half, report, self.now);
    }

    fn happens(&mut self, half: Half, session: Option<&str>, kind: Kind) {
        let session = session.map(SessionName::new);
        self.report(half, Report::Event(Event { at: self.now, session, kind }));
    }

    fn sends(&mut self, half: Half, who: &str, sql: &str, step: usize) {
        let (submission, sql, step) = (SubmissionId(1), sql.into(), Some(step));
        self.happens(half, Some(who), Kind::Sent { submission, sql, step, typed: None });
        self.report(half, Report::Next(step.unwrap_or(0) + 1));
    }

    fn answers(&mut self, half: Half, who: &str, tag: &str, status: TransactionStatus) {
        self.happens(half, Some(who), Kind::Done { tag: tag.to_owned(), rows: 0 });
        self.ready(half, who, status);
    }

    fn ready(&mut self, half: Half, who: &str, status: TransactionStatus) {
        let (submission, elapsed) = (SubmissionId(1), Duration::from_millis(1));
        self.happens(half, Some(who), Kind::Ready { submission, status, elapsed });
        self.happens(half, None, Kind::Quiet);
    }

    /// Mallory grabs A-4, which Bob holds: she waits above, and books it for herself below.
    fn picture(&mut self) {
        let steal = "update seats set booked_by = 'Mallory'\n\
            where (seat_row, seat_number) = ('A', 4) and booked_by is null;";
        for half in Half::BOTH {
            self.sends(half, "Bob", "begin transaction;", 0);
            self.answers(half, "Bob", "BEGIN", TransactionStatus::InTransaction);
            self.sends(half, "Mallory", steal, 6);
        }
        self.happens(Half::Above, Some("Mallory"), Kind::Waiting(wait_for("Bob")));
        let locked = watched_tables(&[("A-4", "Bob")], &["Mallory"]);
        self.happens(Half::Above, None, Kind::WatchedTables(Arc::new(locked)));
        self.happens(Half::Above, None, Kind::Quiet);
        self.answers(Half::Below, "Mallory", "UPDATE 1", TransactionStatus::InTransaction);
        let mut private = watched_tables(&[("A-4", "Bob")], &[]);
        private.tables[0].places[3].holders.push(Hold {
            holder: Holder::Session(SessionName::new("Mallory")),
            kind: HoldKind::Write,
            becomes: Some(Some("Mallory".to_owned())),
        });
        self.happens(Half::Below, None, Kind::WatchedTables(Arc::new(private)));
        self.now += Duration::from_millis(3199);
    }

    fn frame(&self) -> String {
        let Size { width, height } = self.size();
        let mut canvas = Canvas::new(TestBackend::new(width, height)).unwrap();
        canvas.draw(|frame| view::draw(frame, &self.app, self.now)).unwrap();
        canvas.backend().to_string()
    }

    fn size(&self) -> Size {
        self.app.size()
    }

    fn presses(&mut self, code: KeyCode, held: KeyModifiers) -> Vec<(Half, Effect)> {
        self.app.input(Key::Key(KeyEvent::new(code, held)), self.now)
    }

    fn types(&mut self, text: &str) {
        for letter in text.chars() {
            let mut effects = self.presses(KeyCode::Char(letter), KeyModifiers::NONE);
            // What can be named there is asked for beside everything else.
            effects.retain(|(_, effect)| *effect != Effect::Ask(run::Command::ReadCatalog));
            assert_eq!(effects, []);
        }
    }

    /// What comes of Enter, besides that it is kept for the next time.
    fn enters(&mut self) -> Vec<(Half, Effect)> {
        let mut effects = self.presses(KeyCode::Enter, KeyModifiers::NONE);
        effects.retain(|(_, effect)| !matches!(effect, Effect::Remember(_)));
        effects
    }
}

fn in_both(command: &run::Command) -> Vec<(Half, Effect)> {
    Half::BOTH.map(|half| (half, Effect::Ask(command.clone()))).to_vec()
}

fn submitted(session: &str, sql: &str) -> run::Command {
    run::Command::Submit { session: SessionName::new(session), sql: sql.to_owned() }
}

#[test]
fn two_engines_at_every_size() {
    for size in SIZES {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        insta::assert_snapshot!(format!("compare-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn differences_do_not_need_colour_nor_unicode() {
    let mut stage = Stage::opened(Charset::Ascii, (80, 24));
    stage.picture();
    let frame = stage.frame();
    assert!(frame.is_ascii(), "{frame}");
    insta::assert_snapshot!("compare-ascii", frame);
}

#[test]
fn a_step_goes_out_in_both() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    let effects = stage.presses(KeyCode::F(5), KeyModifiers::NONE);
    assert_eq!(effects, in_both(&run::Command::Step));
}

#[test]
fn a_second_step_goes_out_when_both_are_quiet() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.presses(KeyCode::F(5), KeyModifiers::NONE);
    assert_eq!(stage.presses(KeyCode::F(5), KeyModifiers::NONE), []);
    let quiet = || Report::Event(Event { at: Duration::ZERO, session: None, kind: Kind::Quiet });
    for half in Half::BOTH {
        // The quiet of what came before the step.
        assert_eq!(stage.app.apply(half, quiet(), stage.now), []);
        assert_eq!(stage.app.apply(half, Report::Next(1), stage.now), []);
    }
    assert_eq!(stage.app.apply(Half::Below, quiet(), stage.now), []);
    let effects = stage.app.apply(Half::Above, quiet(), stage.now);
    assert_eq!(effects, in_both(&run::Command::Step));
}

#[test]
fn what_one_engine_cannot_take_is_sent_to_neither() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.picture();
    stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    stage.types("commit;");
    assert_eq!(stage.enters(), []);
    let frame = stage.frame();
    assert!(frame.contains("PostgreSQL 15.20: Mallory still waits for Bob"), "{frame}");
    stage.presses(KeyCode::Char('o'), KeyModifiers::ALT);
    stage.presses(KeyCode::Char('t'), KeyModifiers::ALT);
    let alone = vec![(Half::Below, Effect::Ask(submitted("Mallory", "commit;")))];
    assert_eq!(stage.enters(), alone);
}

#[test]
fn what_is_typed_goes_into_both_unless_it_is_to_go_into_one() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.types("select 1;");
    assert_eq!(stage.frame().matches("select 1;").count(), 2);
    assert_eq!(stage.enters(), in_both(&submitted("Alice", "select 1;")));
}

#[test]
fn an_engine_that_joins_turns_to_the_session_that_is_typed_in() {
    let mut stage = Stage::empty(Charset::Unicode, (120, 40), Half::Below);
    stage.fresh(Half::Below);
    stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    stage.types("select ");
    stage.fresh(Half::Above);
    stage.types("1;");
    assert_eq!(stage.enters(), in_both(&submitted("Bob", "select 1;")));
}

#[test]
fn going_back_leaving_and_picking_concern_both() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.picture();
    let back = stage.presses(KeyCode::F(6), KeyModifiers::NONE);
    assert_eq!(back, in_both(&run::Command::GoTo(6)));
    stage.presses(KeyCode::F(3), KeyModifiers::NONE);
    let scenario = Arc::new(library::open(library::DEFAULT).unwrap());
    assert_eq!(stage.enters(), in_both(&run::Command::Open(scenario)));
    stage.presses(KeyCode::Char('q'), KeyModifiers::CONTROL);
    assert!(stage.frame().contains("Open transactions: Bob, Mallory."), "{}", stage.frame());
    let left = stage.presses(KeyCode::Char('y'), KeyModifiers::NONE);
    assert_eq!(left, [(Half::Above, Effect::Leave)]);
}

#[test]
fn a_lost_server_is_told_in_each_half_and_one_key_connects_both_again() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    for half in Half::BOTH {
        let reason = "the server is gone".to_owned();
        stage.happens(half, Some("Alice"), Kind::Lost { reason, in_transaction: false });
    }
    assert_eq!(stage.frame().matches("connection lost: the server is gone").count(), 2);
    assert_eq!(stage.enters(), in_both(&run::Command::Reconnect(SessionName::new("Alice"))));
}

#[test]
fn an_error_in_one_alone_is_marked_in_its_session() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    for half in Half::BOTH {
        stage.sends(half, "Bob", "commit;", 10);
    }
    stage.answers(Half::Above, "Bob", "COMMIT", TransactionStatus::Idle);
    let refusal = ServerMessage {
        severity: "ERROR".to_owned(),
        code: "40001".to_owned(),
        message: "change conflicts with another transaction, please retry: (OC000)".to_owned(),
        ..ServerMessage::default()
    };
    stage.happens(Half::Below, Some("Bob"), Kind::Failed(refusal));
    stage.ready(Half::Below, "Bob", TransactionStatus::Idle);
    let frame = stage.frame();
    assert_eq!(frame.matches("≠ 2 Bob").count(), 2, "{frame}");
    assert!(frame.contains("ERROR 40001 (OC000)"), "{frame}");
}

#[test]
fn the_first_scenario_ends_with_another_holder_of_a_4_on_either_engine() {
    let mut console = Terminal::open(MIDDLE, &["compare", "adjacent-seats"]);
    console.wait_for("Two friends, one intruder");
    console.wait_for("optimistic on");
    console.type_keys(key::ENTER);
    for step in 2..=11 {
        console.wait_until_gone("Sessions:");
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 11"));
    }
    console.wait_for("waits for Bob");
    console.type_keys(key::F5);
    console.wait_for("A-4: Bob ≠ Mallory");
    console.wait_for("ERROR 40001 (OC000)");
    let screen = console.screen();
    let (above, below) = screen.split_once("optimistic on PostgreSQL").unwrap();
    assert!(above.contains("4≠Bob"), "{screen}");
    assert!(below.contains("4≠Mallory"), "{screen}");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}

#[test]
fn a_key_shows_both_engines_and_one_again() {
    let mut console = Terminal::open(SMALL, &["adjacent-seats"]);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.type_keys(key::F5);
    console.wait_for("step 2 of 11");
    console.type_keys("\x1bc");
    console.wait_for("optimistic on PostgreSQL");
    console.wait_until("a step answered on both", |screen| screen.matches("BEGIN").count() >= 4);
    console.type_keys("\x1bo\x1bc");
    console.wait_until_gone("both engines");
    console.wait_for("S C R E E N");
    console.wait_for("optimistic on PostgreSQL");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn without_a_terminal_the_two_are_told_as_a_table() {
    let program = env!("CARGO_BIN_EXE_overbooked");
    let output = Command::new(program).args(["compare", "adjacent-seats"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap_or_default();
    assert!(line("grabs A-4").starts_with("!= Mallory"), "{text}");
    assert!(line("grabs A-4").ends_with("UPDATE 1"), "{text}");
    assert!(line("finally").contains("A | 4 | Bob"), "{text}");
    assert!(line("finally").ends_with("A | 4 | Mallory"), "{text}");
}

#[test]
fn what_was_not_as_expected_is_told_beside_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.sql");
    let text = "-- Wrong\n-- sessions: Bob\n\n-- Bob: begins\nbegin;\n--> COMMIT\n";
    std::fs::write(&path, text).unwrap();
    let program = env!("CARGO_BIN_EXE_overbooked");
    let output = Command::new(program).arg("compare").arg(&path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(
        told.matches("wrong.sql:6: Bob begins: expected COMMIT, got BEGIN").count(),
        2,
        "{told}"
    );
    assert!(told.contains("optimistic on PostgreSQL"), "{told}");
}
