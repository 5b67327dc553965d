//! The console's own loop under a scripted keyboard, on a terminal that is a buffer and beside a
//! run that is two channels.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Key, KeyCode, KeyEvent, KeyModifiers};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use overbooked::commands::config::Config;
use overbooked::core::event::{
    Blocker, Certainty, Event, Kind, Pid, SessionName, SubmissionId, TransactionStatus, Wait,
    WaitTarget,
};
use overbooked::core::scenario::{EngineKind, library};
use overbooked::run::{Command, EngineLine, Fresh, Production, Report};
use overbooked::stage::EngineCount;
use overbooked::stage::audience::{Arrivals, Invitation, Listener};
use overbooked::stage::setting::Opening;
use overbooked::tui::app::Setting;
use overbooked::tui::history::History;
use overbooked::tui::screen::{Input, Signal};
use overbooked::tui::theme::{Charset, Depth, Theme};
use overbooked::tui::{self, Console, Ends, Exit, LoopError};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longer than any machine needs; a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// The console under test, and everything around it that the test plays.
struct Desk {
    keyboard: UnboundedSender<io::Result<Input>>,
    reports: mpsc::Sender<Report>,
    commands: mpsc::UnboundedReceiver<Command>,
    console: JoinHandle<(Result<Exit, LoopError>, String)>,
    invitation: Invitation,
}

impl Desk {
    fn open() -> Self {
        let (keyboard, mut input) = unbounded();
        let (commands_out, commands) = mpsc::unbounded_channel();
        let (reports, reports_in) = mpsc::channel(64);
        let mut ends = Some(Ends { commands: commands_out, reports: reports_in });
        let start = Box::new(move |_| ends.take().unwrap());
        let engines = EngineCount::One;
        let (invitation, arrivals) = Arrivals::invited();
        let (production, setting) = (production(), setting());
        let history = History::none();
        let console = Console {
            start,
            production,
            engines,
            setting,
            history,
            arrivals,
            explore: None,
            debugger: None,
            room: None,
        };
        let console = tokio::spawn(async move {
            let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
            let exit = Box::pin(tui::run(&mut terminal, &mut input, console)).await;
            (exit, terminal.backend().to_string())
        });
        Self { keyboard, reports, commands, console, invitation }
    }

    async fn tells(&self, report: Report) {
        self.reports.send(report).await.unwrap();
    }

    async fn happens(&self, session: &str, kind: Kind) {
        let session = Some(SessionName::new(session));
        self.tells(Report::Event(Event { at: Duration::ZERO, session, kind })).await;
    }

    async fn opens_the_scenario(&self) {
        self.opens_it_on(EngineKind::Postgres).await;
    }

    async fn opens_it_on(&self, kind: EngineKind) {
        self.sets_the_stage(kind).await;
        for name in ["Alice", "Bob", "Mallory"] {
            self.happens(name, Kind::Connected { pid: Pid(1) }).await;
        }
        self.has_heard().await;
    }

    /// The scenario is set up, and the sessions are still connecting.
    async fn sets_the_stage(&self, kind: EngineKind) {
        let scenario = Arc::new(library::open(library::DEFAULT).unwrap());
        let schedule = Arc::new(scenario.schedules.first());
        let sessions: Vec<SessionName> = scenario.sessions.iter().map(|p| p.name.clone()).collect();
        let engine = EngineLine { kind, ..crate::support::engine_of_frames() };
        self.tells(Report::Fresh(Fresh { scenario, schedule, engine, sessions })).await;
        self.has_heard().await;
    }

    /// Keys go before reports, so a test that types must know that its reports were taken.
    async fn has_heard(&self) {
        while self.reports.capacity() < self.reports.max_capacity() {
            tokio::task::yield_now().await;
        }
    }

    /// Alice's "select 1;" is asked for, and her "select 2;" once that is answered.
    async fn is_asked_for_the_second_after_the_first(&mut self) {
        assert_eq!(self.command().await, submitted("Alice", "select 1;"));
        let sql: Arc<str> = "select 1;".into();
        self.happens(
            "Alice",
            Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None },
        )
        .await;
        self.happens("Alice", ready(TransactionStatus::Idle)).await;
        assert_eq!(self.command().await, submitted("Alice", "select 2;"));
    }

    fn input(&self, input: Input) {
        self.keyboard.unbounded_send(Ok(input)).unwrap();
    }

    fn press(&self, code: KeyCode, held: KeyModifiers) {
        self.input(Input::Terminal(Key::Key(KeyEvent::new(code, held))));
    }

    fn types(&self, text: &str) {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter), KeyModifiers::NONE);
        }
    }

    fn enter(&self) {
        self.press(KeyCode::Enter, KeyModifiers::NONE);
    }

    /// What is asked of the run next, besides what can be named.
    async fn command(&mut self) -> Command {
        loop {
            let command = tokio::time::timeout(DEADLINE, self.commands.recv());
            match command.await.expect("no command in time").expect("the console has ended") {
                Command::ReadCatalog => {}
                command => return command,
            }
        }
    }

    /// Waits for the console to end; gives why, and what was on the screen.
    async fn ends(self) -> (Exit, String) {
        let ended = tokio::time::timeout(DEADLINE, self.console).await;
        let (exit, screen) = ended.expect("the console goes on").unwrap();
        (exit.unwrap(), screen)
    }
}

fn production() -> Production {
    let scenario = Arc::new(library::open(library::DEFAULT).unwrap());
    let schedule = Arc::new(scenario.schedules.first());
    Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None }
}

fn setting() -> Setting {
    Setting {
        theme: Theme::find("dark", Depth::Bare, Charset::Unicode).unwrap(),
        stage: overbooked::stage::Setting {
            keys: Config::default().keys,
            library: vec![Arc::new(library::open(library::DEFAULT).unwrap())],
            own: overbooked::stage::own_files::OwnFiles::default(),
            pace: Duration::from_millis(1),
            debugging: None,
            opening: Opening::Stage,
        },
    }
}

fn submitted(session: &str, sql: &str) -> Command {
    Command::Submit { session: SessionName::new(session), sql: sql.to_owned() }
}

fn waits_for(name: &str) -> Wait {
    let blockers = vec![Blocker::Session(SessionName::new(name))];
    Wait { blockers, target: WaitTarget::Transaction, certainty: Certainty::Observed }
}

fn ready(status: TransactionStatus) -> Kind {
    Kind::Ready { submission: SubmissionId(1), status, elapsed: Duration::from_millis(1) }
}

#[tokio::test]
async fn a_step_that_is_asked_for_before_the_setup_has_ended_comes_after_it() {
    let mut desk = Desk::open();
    desk.press(KeyCode::F(5), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Step);
    desk.input(Input::Ended(Signal::Terminate));
    let (_, screen) = desk.ends().await;
    assert!(screen.contains("setting up the scenario"), "{screen}");
}

#[tokio::test]
async fn a_statement_is_sent_when_it_is_complete() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.types("select 1");
    desk.enter();
    desk.types(";");
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "select 1\n;"));
}

#[tokio::test]
async fn several_statements_go_one_after_the_other() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.input(Input::Terminal(Key::Paste("begin;\nselect 2;\n".to_owned())));
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "begin;"));
    let sent =
        Kind::Sent { submission: SubmissionId(1), sql: "begin;".into(), step: None, typed: None };
    desk.happens("Alice", sent).await;
    desk.happens("Alice", ready(TransactionStatus::InTransaction)).await;
    assert_eq!(desk.command().await, submitted("Alice", "select 2;"));
}

#[tokio::test]
async fn the_step_key_asks_for_a_step_and_only_once_until_it_is_quiet() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.press(KeyCode::F(5), KeyModifiers::NONE);
    desk.press(KeyCode::Char('5'), KeyModifiers::ALT);
    desk.press(KeyCode::F(8), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Step);
    assert_eq!(desk.command().await, Command::GoTo(0));
}

#[tokio::test]
async fn steps_that_are_asked_for_while_one_runs_come_on_the_other_engine() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    for key in [5, 5, 5, 2, 6] {
        desk.press(KeyCode::F(key), KeyModifiers::NONE);
    }
    assert_eq!(desk.command().await, Command::Step);
    assert_eq!(desk.command().await, Command::Switch(EngineKind::Optimistic));
    assert_eq!(desk.command().await, Command::Step);
    assert_eq!(desk.command().await, Command::Step);
    assert_eq!(desk.command().await, Command::GoTo(2), "back by one from where it will stand");
}

#[tokio::test]
async fn the_interrupt_key_cancels_what_runs_and_never_quits() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    let sent = Kind::Sent {
        submission: SubmissionId(1),
        sql: "select 1;".into(),
        step: None,
        typed: None,
    };
    desk.happens("Alice", sent).await;
    while desk.reports.capacity() < desk.reports.max_capacity() {
        tokio::task::yield_now().await;
    }
    desk.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(desk.command().await, Command::Cancel(SessionName::new("Alice")));
    assert!(!desk.console.is_finished());
}

#[tokio::test]
async fn leaving_asks_first_while_a_transaction_is_open() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.happens("Bob", ready(TransactionStatus::InTransaction)).await;
    while desk.reports.capacity() < desk.reports.max_capacity() {
        tokio::task::yield_now().await;
    }
    desk.press(KeyCode::Char('q'), KeyModifiers::CONTROL);
    desk.press(KeyCode::Char('n'), KeyModifiers::NONE);
    desk.press(KeyCode::F(9), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::AddSession(None));
    desk.press(KeyCode::Char('q'), KeyModifiers::CONTROL);
    desk.press(KeyCode::Char('y'), KeyModifiers::NONE);
    assert_eq!(desk.ends().await.0, Exit::Quit);
}

#[tokio::test]
async fn closing_a_session_that_somebody_waits_for_is_asked_first() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.happens("Alice", ready(TransactionStatus::InTransaction)).await;
    let sql: Arc<str> = "select 1;".into();
    desk.happens("Bob", Kind::Sent { submission: SubmissionId(2), sql, step: None, typed: None })
        .await;
    desk.happens("Bob", Kind::Waiting(waits_for("Alice"))).await;
    desk.has_heard().await;
    desk.press(KeyCode::Char('d'), KeyModifiers::CONTROL);
    desk.press(KeyCode::Char('n'), KeyModifiers::NONE);
    desk.press(KeyCode::F(9), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::AddSession(None));
    desk.press(KeyCode::Char('d'), KeyModifiers::CONTROL);
    desk.press(KeyCode::Char('y'), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Close(SessionName::new("Alice")));
}

#[tokio::test]
async fn a_terminal_that_dies_is_an_end() {
    let desk = Desk::open();
    desk.opens_the_scenario().await;
    let died = io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error());
    desk.keyboard.unbounded_send(Err(died)).unwrap();
    assert_eq!(desk.ends().await.0, Exit::NoInput);
}

#[tokio::test]
async fn a_signal_ends_the_loop() {
    let desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.input(Input::Ended(Signal::Terminate));
    assert_eq!(desk.ends().await.0, Exit::Signal(Signal::Terminate));
}

#[tokio::test]
async fn a_run_that_ends_is_told_and_the_screen_stays() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    let (nobody, _) = mpsc::channel(1);
    drop(std::mem::replace(&mut desk.reports, nobody));
    desk.types("x");
    desk.press(KeyCode::F(9), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::AddSession(None));
}

#[tokio::test]
async fn what_is_typed_ahead_is_sent_in_its_turn() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.types("select 1;");
    desk.enter();
    desk.types("select 2;");
    desk.enter();
    desk.is_asked_for_the_second_after_the_first().await;
}

#[tokio::test]
async fn what_is_typed_while_a_session_connects_is_sent_once_it_has() {
    let mut desk = Desk::open();
    desk.sets_the_stage(EngineKind::Postgres).await;
    for sql in ["select 1;", "select 2;"] {
        desk.types(sql);
        desk.enter();
    }
    desk.happens("Bob", Kind::Connected { pid: Pid(2) }).await;
    desk.happens("Alice", Kind::Connected { pid: Pid(1) }).await;
    desk.is_asked_for_the_second_after_the_first().await;
}

#[tokio::test]
async fn keys_do_under_the_waits_what_they_do_without_them() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.press(KeyCode::F(4), KeyModifiers::NONE);
    desk.types("select 1;");
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "select 1;"));
    desk.press(KeyCode::F(4), KeyModifiers::NONE);
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Switch(EngineKind::Optimistic));
}

#[tokio::test]
async fn what_is_typed_during_a_replay_stays_in_the_editor() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.tells(Report::Next(3)).await;
    desk.has_heard().await;
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Switch(EngineKind::Optimistic));
    desk.types("select 1;");
    desk.enter();
    desk.sets_the_stage(EngineKind::Optimistic).await;
    desk.tells(Report::Next(3)).await;
    desk.has_heard().await;
    desk.happens("Alice", Kind::Connected { pid: Pid(1) }).await;
    desk.has_heard().await;
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "select 1;"));
}

#[tokio::test]
async fn what_is_refused_stands_in_the_editor_again() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.types("select 1; select 2;");
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "select 1;"));
    let (session, why) = (Some(SessionName::new("Alice")), "replaying the steps".to_owned());
    desk.tells(Report::Refused { session, why }).await;
    desk.has_heard().await;
    desk.enter();
    assert_eq!(desk.command().await, submitted("Alice", "select 1;"));
}

#[tokio::test]
async fn the_engine_key_pressed_twice_comes_back_and_a_third_time_goes_on() {
    use EngineKind::{Optimistic, Postgres};
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Switch(Optimistic));
    assert_eq!(desk.command().await, Command::Switch(Postgres));
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Switch(Optimistic));
    for kind in [Optimistic, Postgres] {
        desk.opens_it_on(kind).await;
    }
    desk.press(KeyCode::F(2), KeyModifiers::NONE);
    assert_eq!(desk.command().await, Command::Switch(Postgres));
}

#[tokio::test]
async fn others_join_in_the_middle_of_a_run_and_see_all_of_it() {
    let mut desk = Desk::open();
    desk.opens_the_scenario().await;
    desk.types("select 1; select 2;");
    desk.press(KeyCode::Enter, KeyModifiers::NONE);
    desk.is_asked_for_the_second_after_the_first().await;
    let mut guest = desk.invitation.join().await.unwrap();
    let said = |guest: &Listener| {
        let pane = guest.stage().panes().of(&SessionName::new("Alice")).unwrap();
        pane.scrollback.lines().map(|line| line.text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(&guest), ["alice=# select 1;"]);
    let sql: Arc<str> = "select 2;".into();
    desk.happens("Alice", Kind::Sent { submission: SubmissionId(2), sql, step: None, typed: None })
        .await;
    assert!(guest.hear(|| Duration::ZERO).await);
    assert_eq!(said(&guest), ["alice=# select 1;", "alice=# select 2;"]);
    drop(desk);
}
