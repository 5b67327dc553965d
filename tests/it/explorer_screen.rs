//! The explorer on the console: its list of classes at every size, and a real one from its key to
//! its witness on the stage.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Key, KeyCode, KeyEvent, KeyModifiers};
use overbooked::core::scenario::claim::AnomalyKind;
use overbooked::core::scenario::{Scenario, library};
use overbooked::explorer::explore::{News, Progress, Shown};
use overbooked::explorer::serial::Verdict;
use overbooked::explorer::transaction::{Fate, Transaction};
use overbooked::run::{Fresh, Report};
use overbooked::stage::comparison::Half;
use overbooked::stage::exploring::Told;
use overbooked::tui::app::App;
use overbooked::tui::theme::Charset;
use overbooked::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::screen::setting;
use crate::support;
use crate::terminal::{self, key};

const SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

struct Explored {
    app: App,
    scenario: Arc<Scenario>,
}

impl Explored {
    /// The last ticket, and its orders being explored.
    fn new(charset: Charset, (width, height): (u16, u16)) -> Self {
        let scenario = Arc::new(library::open("last-ticket").unwrap());
        let mut app = App::new(setting(charset), Size { width, height });
        let engine = support::engine_of_frames();
        let schedule = Arc::new(scenario.schedules.first());
        let sessions = scenario.sessions.iter().map(|player| player.name.clone()).collect();
        let fresh = Fresh { scenario: Arc::clone(&scenario), schedule, engine, sessions };
        let _ = app.apply(Half::Above, Report::Fresh(fresh), Duration::ZERO);
        let mut explored = Self { app, scenario };
        explored.presses(KeyCode::Char('a'), KeyModifiers::ALT);
        explored
    }

    fn presses(&mut self, code: KeyCode, held: KeyModifiers) {
        let _ = self.app.input(Key::Key(KeyEvent::new(code, held)), Duration::ZERO);
    }

    fn tells(&mut self, told: Told) {
        self.app.explorer_tells(1, told);
    }

    fn serial(&self, order: [usize; 2]) -> Verdict {
        let steps = self.scenario.steps.len() / 2;
        let whole = |session| Transaction { session, steps: 0..steps, fate: Fate::Committed };
        Verdict::Serial(order.map(whole).to_vec())
    }

    /// What is found of it at READ COMMITTED, as far as it has come.
    fn finds(&mut self) {
        let class = |name: &str, orders, witness: &[usize], verdict| Shown {
            name: name.to_owned(),
            orders: Some(orders),
            witness: witness.to_vec(),
            verdict,
            kind: None,
            is_broken: false,
        };
        let anomaly = Some(Verdict::Anomaly { orders: 2 });
        let classes = vec![
            class("A-4 | Bob · Bob sees no row", 66, &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1], {
                Some(self.serial([0, 1]))
            }),
            class("A-4 | Alice · Alice sees no row", 66, &[1, 1, 1, 1, 1, 0, 0, 0, 0, 0], {
                Some(self.serial([1, 0]))
            }),
            Shown {
                kind: Some(AnomalyKind::LostUpdate),
                ..class("A-4 | Bob", 60, &[0, 0, 1, 1, 0, 0, 0, 1, 1, 1], anomaly.clone())
            },
            class("A-4 | Alice", 60, &[0, 0, 1, 1, 1, 1, 1, 0, 0, 0], anomaly),
        ];
        self.tells(Told::News(News::Classes(classes)));
        let progress = Progress { plays: 11, orders: Some(252), classes: 4 };
        self.tells(Told::News(News::Progress(progress)));
    }

    fn frame(&self) -> String {
        let Size { width, height } = self.app.size();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(frame, &self.app, Duration::ZERO)).unwrap();
        terminal.backend().to_string()
    }
}

fn over() -> Told {
    Told::Over { is_complete: true, took: Duration::from_millis(312) }
}

#[test]
fn the_list_of_classes_at_every_size() {
    for size @ (width, height) in SIZES {
        let mut explored = Explored::new(Charset::Unicode, size);
        explored.finds();
        explored.tells(over());
        explored.presses(KeyCode::Down, KeyModifiers::NONE);
        explored.presses(KeyCode::Down, KeyModifiers::NONE);
        insta::assert_snapshot!(format!("classes-{width}x{height}"), explored.frame());
    }
}

#[test]
fn it_fills_while_it_runs_and_says_how_far_it_is() {
    let mut explored = Explored::new(Charset::Ascii, (80, 24));
    assert!(explored.frame().contains("getting ready"), "{}", explored.frame());
    explored.finds();
    insta::assert_snapshot!("classes-running-ascii", explored.frame());
}

#[test]
fn why_it_cannot_be_explored_is_said_in_its_place() {
    let mut explored = Explored::new(Charset::Unicode, (80, 24));
    explored.tells(Told::Failed(
        "this scenario changes tables outside its own schema: each order would do that again"
            .to_owned(),
    ));
    insta::assert_snapshot!("classes-failed", explored.frame());
}

const ALL_ORDERS: &str = "\x1ba";
const DOWN: &str = "\x1b[B";

/// How far down the list the first class is that no serial order gives.
fn first_anomaly(screen: &str) -> usize {
    let anomaly = "in no order";
    let classes = screen.lines().filter(|line| line.contains("   like ") || line.contains(anomaly));
    let place = classes.into_iter().position(|line| line.contains(anomaly));
    place.unwrap_or_else(|| panic!("{screen}"))
}

#[test]
fn a_real_one_is_explored_and_its_witness_played_on_the_stage() {
    let mut console = terminal::Terminal::open(terminal::MIDDLE, &["lost-update"]);
    console.wait_for("step 1 of 8");
    console.type_keys(ALL_ORDERS);
    console.wait_for("nothing is left");
    assert!(console.screen().contains("in no order"), "{}", console.screen());
    for _ in 0..first_anomaly(&console.screen()) {
        console.type_keys(DOWN);
    }
    console.type_keys(key::ENTER);
    console.wait_for("A lost update:");
    console.wait_for("step 1 of 8");
    console.type_keys(key::F5);
    console.wait_for("step 2 of 8");
    // A step is not asked for before the last one is answered: the prompt is in a transaction then.
    console.wait_for("=*#");
    console.type_keys(key::F5);
    console.wait_for("step 3 of 8");
    console.type_keys(key::F6);
    console.wait_for("step 2 of 8");
    console.type_keys(ALL_ORDERS);
    console.wait_for("nothing is left");
    console.type_keys("f");
    console.wait_until_gone("A lost update:");
    console.wait_for("step 1 of 8");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}

/// What an anomaly is called may only be known when all that a step does is: here it was a write
/// skew for a while.
#[test]
fn in_the_end_anomalies_have_the_names_that_the_report_gives_them() {
    let mut console = terminal::Terminal::open(terminal::MIDDLE, &["adjacent-seats"]);
    console.wait_for("step 1 of 11");
    console.type_keys(ALL_ORDERS);
    console.wait_for("nothing is left");
    let screen = console.screen();
    assert!(screen.contains("in no order: phantom"), "{screen}");
    assert!(!screen.contains("in no order: write skew"), "{screen}");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn leaving_in_the_middle_of_an_exploration_leaves_nothing_behind() {
    let mut console = terminal::Terminal::open(terminal::SMALL, &["three-buyers"]);
    console.wait_for("step 1 of 12");
    console.type_keys(ALL_ORDERS);
    console.wait_for("goes on");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}
