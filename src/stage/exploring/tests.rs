use super::*;
use crate::core::scenario::library;
use crate::explorer::serial::Verdict;
use crate::run::{Command, EngineLine, Fresh, Report};

fn stage() -> Stage {
    super::super::tests::opened_with(library::open("last-ticket").unwrap())
}

fn opens(stage: &mut Stage, scenario: Arc<Scenario>) {
    let schedule = Arc::new(scenario.schedules.first());
    let sessions = scenario.sessions.iter().map(|player| player.name.clone()).collect();
    let engine = EngineLine {
        kind: EngineKind::Postgres,
        product: "PostgreSQL 15.18".to_owned(),
        place: "embedded".to_owned(),
        isolation: Isolation::ReadCommitted,
        alone: None,
    };
    let fresh = Report::Fresh(Fresh { scenario, schedule, engine, sessions });
    let _ = stage.apply(fresh, Duration::ZERO);
}

fn press(stage: &mut Stage, key: &str) -> Vec<Effect> {
    stage.input(super::super::input::Input::Key(key.parse().unwrap()), Duration::ZERO)
}

fn class(name: &str, witness: &[usize]) -> Shown {
    Shown {
        name: name.to_owned(),
        orders: Some(22),
        witness: witness.to_vec(),
        verdict: Some(Verdict::Anomaly { orders: 2 }),
        kind: None,
        is_broken: false,
    }
}

fn finds(stage: &mut Stage, classes: Vec<Shown>) {
    stage.explorer_tells(1, Told::News(News::Classes(classes)));
}

/// Alice begins and looks, Bob does, and then each to the end.
const RACE: [usize; 10] = [0, 0, 1, 1, 0, 0, 0, 1, 1, 1];

#[test]
fn a_key_explores_what_is_on_the_stage() {
    let mut stage = stage();
    let effects = press(&mut stage, "Alt-a");
    let [Effect::Explore(wanted)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((wanted.number, wanted.isolation), (1, Isolation::ReadCommitted));
    assert_eq!(wanted.scenario.name, "last-ticket");
    finds(&mut stage, vec![class("sold twice", &RACE)]);
    let witness = stage.exploring().unwrap().witness(0);
    assert_eq!(witness.len(), 10);
    assert_eq!(witness[2].session.as_str(), "Bob");
    // Somebody else's news.
    stage.explorer_tells(7, Told::Failed("no".to_owned()));
    assert_eq!(stage.exploring().unwrap().state, State::Running);
}

#[test]
fn enter_plays_the_witness_and_the_list_is_there_again() {
    let mut stage = stage();
    press(&mut stage, "Alt-a");
    finds(&mut stage, vec![class("one", &[0; 5]), class("sold twice", &RACE)]);
    press(&mut stage, "Down");
    let effects = press(&mut stage, "Enter");
    let [Effect::Ask(Command::Open(witness))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(witness.title, "The last ticket: sold twice");
    let schedule = witness.schedules.first();
    let whose = |launch: &Launch| witness.steps[launch.step].session.to_string();
    let whose: Vec<String> = schedule.launches.iter().map(whose).collect();
    assert_eq!(whose[..5], ["Alice", "Alice", "Bob", "Bob", "Alice"]);
    assert!(witness.steps.iter().all(|step| step.expectations.is_empty()));
    assert!(stage.layers().is_empty());
    opens(&mut stage, Arc::clone(witness));
    // It goes on meanwhile, and need not begin again.
    assert_eq!(press(&mut stage, "Alt-a"), []);
    assert_eq!(stage.exploring().unwrap().classes.len(), 2);
    let effects = press(&mut stage, "f");
    assert!(
        matches!(&effects[..], [Effect::Ask(Command::Open(own))] if own.name == "last-ticket"
        && own.title == "The last ticket"),
        "{effects:?}"
    );
}

#[test]
fn classes_stand_in_the_order_of_the_report_and_the_chosen_one_stays_chosen() {
    let mut stage = stage();
    press(&mut stage, "Alt-a");
    let serial = |name: &str, orders| Shown {
        orders: Some(orders),
        verdict: Some(Verdict::Serial(Vec::new())),
        ..class(name, &[0; 5])
    };
    let names = |stage: &Stage| {
        let classes = stage.exploring().unwrap().classes.iter();
        classes.map(|class| class.name.clone()).collect::<Vec<_>>().join(", ")
    };
    finds(&mut stage, vec![class("bad", &RACE), serial("few", 2)]);
    assert_eq!(names(&stage), "few, bad");
    press(&mut stage, "Down");
    finds(&mut stage, vec![class("bad", &RACE), serial("few", 2), serial("many", 30)]);
    assert_eq!(names(&stage), "many, few, bad");
    let Some(Layer::Classes(list)) = stage.layers().top() else { panic!() };
    assert_eq!(list.chosen(), 2);
}

#[test]
fn esc_stops_what_runs_and_the_next_time_it_begins_anew() {
    let mut stage = stage();
    press(&mut stage, "Alt-a");
    finds(&mut stage, vec![class("sold twice", &RACE)]);
    assert_eq!(press(&mut stage, "Esc"), [Effect::StopExploring]);
    stage.explorer_tells(1, Told::Over { is_complete: false, took: Duration::ZERO });
    assert_eq!(stage.exploring().unwrap().state, State::Stopped);
    let effects = press(&mut stage, "Alt-a");
    assert!(matches!(&effects[..], [Effect::Explore(wanted)] if wanted.number == 2), "{effects:?}");
    assert!(stage.exploring().unwrap().classes.is_empty());
}

#[test]
fn what_is_over_is_shown_again_and_not_explored_again() {
    let mut stage = stage();
    press(&mut stage, "Alt-a");
    stage.explorer_tells(1, Told::Over { is_complete: true, took: Duration::ZERO });
    assert_eq!(press(&mut stage, "Esc"), []);
    assert_eq!(press(&mut stage, "Alt-a"), []);
    assert_eq!(press(&mut stage, "Enter"), []);
    assert!(matches!(stage.layers().top(), Some(Layer::Classes(_))));
}
