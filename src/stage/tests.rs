use super::*;
use crate::core::event::{Event, Kind, Pid, SessionName, SubmissionId};
use crate::core::scenario::{Scenario, library};
use crate::run::{Command, Fresh, Report};
use crate::stage::effect::Scroll;
use crate::stage::input::{Gesture, Input, Over, Pointer};
use crate::stage::keys::Action;
use crate::stage::layers::Layer;
use crate::stage::sample::{fresh, setting};
use crate::stage::watched::sample;

const NOW: Duration = Duration::ZERO;

/// The default scenario, set up and everybody connected.
fn opened() -> Stage {
    opened_with(library::open(library::DEFAULT).unwrap())
}

pub(super) fn opened_with(scenario: Scenario) -> Stage {
    let mut stage = Stage::new(setting(), 120);
    let fresh = fresh(scenario);
    let sessions = fresh.sessions.clone();
    let _ = stage.apply(Report::Fresh(fresh), NOW);
    for name in sessions {
        happens(&mut stage, &name, Kind::Connected { pid: Pid(1) });
    }
    stage
}

fn happens(stage: &mut Stage, name: &SessionName, kind: Kind) {
    let event = Event { at: NOW, session: Some(name.clone()), kind };
    let _ = stage.apply(Report::Event(event), NOW);
}

fn press(stage: &mut Stage, key: &str) -> Vec<Effect> {
    stage.input(Input::Key(key.parse().unwrap()), NOW)
}

fn point(stage: &mut Stage, gesture: Gesture, session: usize) -> Vec<Effect> {
    point_at(stage, gesture, Over::Session(session))
}

fn point_at(stage: &mut Stage, gesture: Gesture, over: Over) -> Vec<Effect> {
    stage.input(Input::Pointer(Pointer { gesture, half: None, over: Some(over) }), NOW)
}

#[test]
fn whoever_waits_for_the_end_of_a_command_to_etcd_is_told_what_ends_it() {
    let mut stage = opened_with(library::open("chubby/expired-lease").unwrap());
    let hint =
        |stage: &Stage| stage.message.as_ref().is_some_and(|it| it.text().contains("with ;"));
    press(&mut stage, "F1");
    press(&mut stage, "Esc");
    for (session, is_etcd) in [("Alice", false), ("AliceLock", true)] {
        assert_eq!(stage.panes.focused().unwrap().name.as_str(), session);
        for key in ["l", "s", "Enter"] {
            press(&mut stage, key);
        }
        assert_eq!(hint(&stage), is_etcd, "{session}");
        press(&mut stage, "Ctrl-C");
        press(&mut stage, "Tab");
    }
}

#[test]
fn how_far_to_scroll_is_left_to_whoever_draws() {
    let mut stage = opened();
    let scrolls = |pane, motion| vec![Effect::Scroll(Scroll::Pane { pane, motion })];
    let up = Motion::Screenful(Direction::Up);
    assert_eq!(press(&mut stage, "PageUp"), scrolls(0, up));
    press(&mut stage, "Tab");
    assert_eq!(press(&mut stage, "PageUp"), scrolls(1, up));
    let wheel = Gesture::Wheel(Direction::Down);
    let rows = Motion::Rows(Direction::Down, 3);
    assert_eq!(point(&mut stage, wheel, 2), scrolls(2, rows));
    press(&mut stage, "F1");
    let help = Effect::Scroll(Scroll::Help(Direction::Down, 1));
    assert_eq!(point(&mut stage, wheel, 2), [help]);
}

#[test]
fn the_help_scrolls_no_further_than_there_is_something_out_of_sight() {
    let mut stage = opened();
    press(&mut stage, "F1");
    for (direction, expected) in [(Direction::Down, 4), (Direction::Down, 5), (Direction::Up, 1)] {
        stage.scroll_help(direction, 4, 5);
        assert!(matches!(stage.layers.top(), Some(Layer::Help(help)) if help.down() == expected));
    }
}

#[test]
fn a_click_turns_to_a_session_where_nothing_lies_over_it() {
    let mut stage = opened();
    point(&mut stage, Gesture::Click, 2);
    assert_eq!(stage.panes.focus(), 2);
    press(&mut stage, "F4");
    point(&mut stage, Gesture::Click, 1);
    assert_eq!((stage.panes.focus(), stage.layers.is_empty()), (2, true), "it closes the graph");
    point(&mut stage, Gesture::OtherClick, 1);
    assert_eq!(stage.panes.focus(), 2);
}

#[test]
fn whoever_leaves_in_the_middle_of_a_statement_is_asked_first() {
    let mut stage = opened();
    let alice = SessionName::new("Alice");
    let sql = "select 1;".into();
    happens(
        &mut stage,
        &alice,
        Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None },
    );
    assert_eq!(press(&mut stage, "Ctrl-Q"), []);
    assert_eq!(press(&mut stage, "x"), []);
    assert!(matches!(stage.layers.top(), Some(Layer::Quit)));
    assert_eq!(press(&mut stage, "y"), [Effect::Leave]);
}

#[test]
fn a_step_is_asked_for_and_a_second_one_waits_for_it() {
    let mut stage = opened();
    assert_eq!(press(&mut stage, "F5"), [Effect::Ask(Command::Step)]);
    assert_eq!(press(&mut stage, "F5"), []);
    let _ = stage.apply(Report::Next(1), NOW);
    let quiet = Report::Event(Event { at: NOW, session: None, kind: Kind::Quiet });
    assert_eq!(stage.apply(quiet, NOW), [Effect::Ask(Command::Step)]);
}

fn without_a_scenario() -> Stage {
    let sessions = ["Ann", "Ben"].map(SessionName::new).to_vec();
    opened_with(Scenario::blank(sessions, vec!["inventory".to_owned()], Vec::new()))
}

#[test]
fn without_a_script_the_keys_for_it_say_so() {
    let mut stage = without_a_scenario();
    for key in ["F5", "F6", "F7", "Alt-e"] {
        assert_eq!(press(&mut stage, key), [], "{key}");
        let said = stage.message().map(|message| message.text().to_owned()).unwrap_or_default();
        assert!(said.starts_with("no script here"), "{key}: {said}");
    }
    assert!(stage.layers().is_empty());
}

#[test]
fn without_a_script_what_would_be_rolled_back_is_asked_about_first() {
    let mut stage = without_a_scenario();
    let again = Effect::Ask(Command::GoTo(0));
    let pressed = press(&mut stage, "F8");
    assert_eq!(pressed, std::slice::from_ref(&again), "there is nothing to lose");
    let ann = SessionName::new("Ann");
    let status = crate::core::event::TransactionStatus::InTransaction;
    let (submission, elapsed) = (SubmissionId(1), NOW);
    happens(
        &mut stage,
        &ann,
        Kind::Sent { submission, sql: "begin;".into(), step: None, typed: None },
    );
    happens(&mut stage, &ann, Kind::Ready { submission, status, elapsed });
    for key in ["F8", "F2"] {
        assert_eq!(press(&mut stage, key), [], "{key}");
        assert!(matches!(stage.layers().top(), Some(Layer::Question(_))), "{key}");
        assert_eq!(press(&mut stage, "n"), []);
    }
    press(&mut stage, "F8");
    assert_eq!(press(&mut stage, "y"), [again]);
}

#[test]
fn a_click_on_a_keys_name_is_that_key() {
    let mut stage = opened();
    let step = point_at(&mut stage, Gesture::Click, Over::Key(Action::NextStep));
    assert_eq!(step, [Effect::Ask(Command::Step)]);
    press(&mut stage, "x");
    point_at(&mut stage, Gesture::Click, Over::Key(Action::Help));
    assert!(matches!(stage.layers.top(), Some(Layer::Help(_))), "and not a ? in the line");
    assert_eq!(stage.panes.focused().unwrap().editor.text(), "x");
    point_at(&mut stage, Gesture::OtherClick, Over::Key(Action::Quit));
    assert!(matches!(stage.layers.top(), Some(Layer::Help(_))));
}

#[test]
fn a_click_on_a_row_says_how_it_stands_and_turns_to_its_holder() {
    let mut stage = opened();
    let tables = Kind::WatchedTables(std::sync::Arc::new(sample::picture()));
    let event = Event { at: NOW, session: None, kind: tables };
    let _ = stage.apply(Report::Event(event), NOW);
    let row = |key: &str| Over::Row { table: "seats".to_owned(), key: key.to_owned() };
    point_at(&mut stage, Gesture::Click, row("A-5"));
    let said = stage.message().unwrap().text().to_owned();
    assert!(said.starts_with("seats A-5: ") && said.contains("Alice"), "{said}");
    assert_eq!(stage.panes.focused().unwrap().name.as_str(), "Alice");
    point_at(&mut stage, Gesture::Click, row("Z-9"));
    assert_eq!(stage.message().unwrap().text(), said, "there is none");
}

mod files;
mod hands;
mod psql;
