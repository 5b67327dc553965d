use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::core::event::Pid;
use crate::core::event::WaitTarget;
use crate::tui::view::watched_tables::sample::scene;

fn name(name: &str) -> SessionName {
    SessionName::new(name)
}

fn row_wait(blockers: &[&str], key: &str) -> Wait {
    Wait {
        blockers: blockers.iter().map(|blocker| Blocker::Session(name(blocker))).collect(),
        target: WaitTarget::Row {
            table: "seats".to_owned(),
            key: Some(key.to_owned()),
            wants: Some("update".to_owned()),
        },
        certainty: Certainty::Observed,
    }
}

fn waits(list: &[(&str, &[&str], &str)]) -> Waits {
    list.iter().map(|(who, blockers, key)| (name(who), row_wait(blockers, key))).collect()
}

fn drawn(waits: &Waits, cast: &[&str], width: u16, height: u16) -> String {
    let cast: Vec<_> = cast.iter().map(|who| name(who)).collect();
    let scene = Scene { cast: &cast, ..scene() };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(waits, frame.area(), frame.buffer_mut(), &scene)).unwrap();
    let frame = terminal.backend().to_string();
    frame.lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_queue_hangs_under_the_one_in_its_way() {
    let waits = waits(&[
        ("Mallory", &["Bob"], "A-4"),
        ("Trent", &["Bob", "Mallory"], "A-4"),
        ("Peggy", &["Mallory"], "A-1"),
    ]);
    let cast = ["Alice", "Bob", "Mallory", "Trent", "Peggy"];
    insta::assert_snapshot!(drawn(&waits, &cast, 80, 10));
}

#[test]
fn a_deadlock_is_a_circle_and_is_called_one() {
    let waits = waits(&[
        ("Alice", &["Bob"], "A-4"),
        ("Bob", &["Mallory"], "A-5"),
        ("Mallory", &["Alice"], "A-6"),
        ("Trent", &["Bob"], "A-4"),
    ]);
    assert_eq!(waits::deadlocks(&waits), [["Alice", "Bob", "Mallory"].map(name).to_vec()]);
    insta::assert_snapshot!(drawn(&waits, &["Alice", "Bob", "Mallory", "Trent", "Carol"], 80, 12));
}

#[test]
fn blockers_that_do_not_play_and_guesses_are_named_as_such() {
    let mut waits = waits(&[("Alice", &[], "A-4")]);
    let foreign = Blocker::Foreign { pid: Pid(4711), application: "pgAdmin\x1b".to_owned() };
    let table = WaitTarget::Table { table: "seats".into(), mode: "AccessExclusiveLock".into() };
    let observed = Certainty::Observed;
    let by = |blocker, target| Wait { blockers: vec![blocker], target, certainty: observed };
    waits.insert(name("Bob"), by(foreign, table));
    let prepared = Blocker::Prepared(Some("booking-7".to_owned()));
    waits.insert(name("Carol"), by(prepared, WaitTarget::Transaction));
    let guess = Wait { certainty: Certainty::Guessed, ..row_wait(&["Bob"], "A-9") };
    waits.insert(name("Mallory"), guess);
    insta::assert_snapshot!(drawn(&waits, &["Alice", "Bob", "Carol", "Mallory"], 80, 14));
}

#[test]
fn sixty_sessions_behind_each_other_fit_a_small_screen() {
    let names: Vec<_> = (0..60).map(|at| format!("guest{at:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let all: Waits = (1..60).map(|at| (name(names[at]), row_wait(&names[..at], "A-4"))).collect();
    assert_eq!(waits::deadlocks(&all), Vec::<Vec<SessionName>>::new());
    insta::assert_snapshot!(drawn(&all, &names, 80, 24));
}

#[test]
fn nobody_waits() {
    insta::assert_snapshot!(drawn(&Waits::new(), &["Alice", "Bob"], 80, 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everybody_who_waits_is_drawn_once_as_a_waiter(
        edges in prop::collection::vec(
            (0_u8..8, prop::collection::vec(0_u8..8, 0..4), 0_u8..3),
            0..8,
        ),
        width in 0_u16..120,
        height in 0_u16..40,
    ) {
        let who = |at: u8| format!("s{at}");
        let waits: Waits = edges.iter().map(|(waiter, blockers, key)| {
            let blockers = blockers.iter().filter(|at| *at != waiter).map(|at| who(*at));
            let blockers: Vec<_> = blockers.collect();
            let blockers: Vec<_> = blockers.iter().map(String::as_str).collect();
            (name(&who(*waiter)), row_wait(&blockers, &format!("A-{key}")))
        }).collect();
        drawn(&waits, &["s1", "s2"], width.max(1), height.max(1));
        let frame = drawn(&waits, &["s1", "s2"], 200, 200);
        let in_two_circles = waits::deadlocks(&waits).iter().map(Vec::len).sum::<usize>();
        for waiter in waits.keys() {
            let arrow = format!("{waiter} ──▶");
            let lines = frame.lines().filter(|line| {
                let line = line.trim_start_matches(|it: char| !it.is_ascii_alphanumeric());
                line.starts_with(&arrow) && !line.contains("Deadlock")
            });
            let count = lines.count();
            prop_assert!(count >= 1 && (count == 1 || in_two_circles > 0), "{waiter} in\n{frame}");
        }
    }
}
