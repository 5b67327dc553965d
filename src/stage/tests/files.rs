//! The script to go through, scenario files of one's own.

use super::*;
use crate::core::scenario::own::{OwnFile, Says, Wrong};

fn is_quiet(stage: &mut Stage, next: usize) -> Vec<Effect> {
    let _ = stage.apply(Report::Next(next), NOW);
    stage.apply(Report::Event(Event { at: NOW, session: None, kind: Kind::Quiet }), NOW)
}

#[test]
fn a_jump_plays_on_to_the_chosen_step() {
    let mut stage = opened();
    press(&mut stage, "Alt-j");
    press(&mut stage, "Down");
    press(&mut stage, "Down");
    press(&mut stage, "Down");
    assert_eq!(press(&mut stage, "Enter"), [Effect::Ask(Command::Step)]);
    assert!(stage.layers.is_empty());
    assert_eq!(is_quiet(&mut stage, 1), [Effect::Ask(Command::Step)]);
    assert_eq!(is_quiet(&mut stage, 2), [Effect::Ask(Command::Step)]);
    assert_eq!(is_quiet(&mut stage, 3), [], "the third step comes next");
}

#[test]
fn a_jump_back_replays_up_to_the_chosen_step() {
    let mut stage = opened();
    let _ = stage.apply(Report::Next(5), NOW);
    press(&mut stage, "Alt-j");
    press(&mut stage, "Up");
    press(&mut stage, "Up");
    assert_eq!(press(&mut stage, "Enter"), [Effect::Ask(Command::GoTo(3))]);
    let _ = stage.apply(Report::Next(3), NOW);
    press(&mut stage, "Alt-j");
    assert_eq!(press(&mut stage, "Enter"), []);
    assert_eq!(stage.message().map(Message::text), Some("that step comes next already"));
}

#[test]
fn a_look_through_the_script_does_nothing_by_itself() {
    let mut stage = opened();
    press(&mut stage, "Alt-j");
    for key in ["F5", "F8", "x", "Down", "End", "PageUp"] {
        assert_eq!(press(&mut stage, key), [], "{key}");
    }
    press(&mut stage, "Esc");
    assert!(stage.layers.is_empty());
    assert!(stage.panes.focused().unwrap().editor.is_empty(), "nothing was typed");
}

#[test]
fn a_deadlock_is_told_by_names_and_whose_they_are_is_said() {
    let mut stage = opened();
    for (name, pid) in [("Alice", 11), ("Bob", 22)] {
        happens(&mut stage, &SessionName::new(name), Kind::Connected { pid: Pid(pid) });
    }
    let detail = "Process 11 waits for ShareLock on transaction 7; blocked by process 22.";
    let message = crate::core::event::ServerMessage {
        severity: "ERROR".to_owned(),
        code: "40P01".to_owned(),
        message: "deadlock detected".to_owned(),
        detail: Some(detail.to_owned()),
        ..Default::default()
    };
    happens(&mut stage, &SessionName::new("Alice"), Kind::Failed(message));
    let pane = stage.panes.of(&SessionName::new("Alice")).unwrap();
    let lines: Vec<&str> = pane.scrollback.lines().map(|line| &*line.text).collect();
    let told = "DETAIL:  Alice waits for ShareLock on transaction 7; blocked by Bob.";
    assert!(lines.contains(&told), "{lines:#?}");
    assert!(lines.last().unwrap().contains("Overbooked"), "{lines:#?}");
}

/// A file that holds this scenario.
fn file_with(narration: &str) -> OwnFile {
    let text = format!("-- Mine\n-- sessions: Alice\n\n-- Alice: {narration}\nselect 1;\n");
    let path = std::path::PathBuf::from("races/mine.sql");
    let scenario = crate::core::scenario::sql_file::parse(&text, &path, "mine").unwrap();
    OwnFile { path, says: Says::Scenario(std::sync::Arc::new(scenario)) }
}

fn wrong(file: &OwnFile) -> OwnFile {
    let wrong = Wrong {
        file: file.path.clone(),
        place: "races/mine.sql:4:4".to_owned(),
        problem: "no session is called Alise".to_owned(),
        hint: None,
        line: None,
    };
    OwnFile { says: Says::Wrong(std::sync::Arc::new(wrong)), ..file.clone() }
}

/// The stage with this file on it.
fn opened_with(file: &OwnFile) -> Stage {
    let mut stage = opened();
    stage.file_read(file);
    set_up(&mut stage, file.scenario().unwrap());
    stage
}

fn set_up(stage: &mut Stage, scenario: &Arc<crate::core::scenario::Scenario>) {
    let engine = stage.course.engine().line().unwrap().clone();
    let schedule = Arc::new(scenario.schedules.first());
    let sessions = vec![SessionName::new("Alice")];
    let fresh = Fresh { scenario: Arc::clone(scenario), schedule, engine, sessions };
    let _ = stage.apply(Report::Fresh(fresh), NOW);
}

fn said_in(stage: &Stage) -> &str {
    stage.message().map_or("", Message::text)
}

#[test]
fn what_was_saved_is_played_by_the_key_that_starts_again() {
    let (first, second) = (file_with("looks"), file_with("looks twice"));
    let mut stage = opened_with(&first);
    stage.file_read(&first);
    assert_eq!(said_in(&stage), "", "nothing has changed");
    stage.file_read(&second);
    assert_eq!(said_in(&stage), "mine.sql has changed; F8 plays the new version");
    let scenario = second.scenario().unwrap();
    assert_eq!(press(&mut stage, "F8"), [Effect::Ask(Command::Open(Arc::clone(scenario)))]);
    set_up(&mut stage, scenario);
    assert_eq!(press(&mut stage, "F8"), [Effect::Ask(Command::GoTo(0))]);
    stage.file_read(&first);
    stage.file_read(&second);
    assert_eq!(press(&mut stage, "F8"), [Effect::Ask(Command::GoTo(0))], "it is as it was");
}

#[test]
fn a_mistake_lies_under_what_is_open_and_goes_when_it_is_mended() {
    let first = file_with("looks");
    let mut stage = opened_with(&first);
    press(&mut stage, "F3");
    stage.file_read(&wrong(&first));
    assert!(matches!(stage.layers.top(), Some(Layer::Picker(_))), "whoever picks goes on");
    press(&mut stage, "Esc");
    assert!(matches!(stage.layers.top(), Some(Layer::Mistake(_))));
    assert_eq!(press(&mut stage, "F5"), [Effect::Ask(Command::Step)], "the old one is played");
    stage.file_read(&wrong(&first));
    stage.file_read(&wrong(&first));
    stage.file_read(&file_with("looks again"));
    assert!(stage.layers.is_empty());
}

#[test]
fn what_is_read_again_is_what_the_change_may_matter_to() {
    let first = file_with("looks");
    let mut stage = opened_with(&first);
    stage.setting.own.folders.push("races".into());
    let touched = |paths: &[&str]| {
        let changed: Vec<std::path::PathBuf> = paths.iter().map(Into::into).collect();
        stage.files_touched_by(&changed)
    };
    assert_eq!(touched(&["races/mine.sql", "races/notes.txt"]), std::slice::from_ref(&first.path));
    assert_eq!(touched(&["races/new.sql"]), [std::path::PathBuf::from("races/new.sql")]);
    assert!(touched(&["elsewhere/mine.sql", "races/deeper/x.sql"]).is_empty());
    assert_eq!(touched(&["races"]), [first.path], "the folder itself, with all that is in it");
}

#[test]
fn what_is_gone_leaves_the_list_until_it_is_there_again() {
    let first = file_with("looks");
    let gone = OwnFile { says: Says::Gone, ..first.clone() };
    let mut stage = opened_with(&first);
    stage.file_read(&gone);
    assert_eq!(said_in(&stage), "mine.sql is gone; this version of it can still be played");
    let mut other = opened();
    other.file_read(&first);
    press(&mut other, "F3");
    let is_listed = |stage: &Stage| {
        let Some(Layer::Picker(picker)) = stage.layers.top() else { panic!() };
        picker.all().iter().any(|listed| listed.title() == "Mine (mine.sql)")
    };
    assert!(is_listed(&other));
    let listed = |stage: &Stage| {
        let Some(Layer::Picker(picker)) = stage.layers.top() else { panic!() };
        picker.all().len()
    };
    let before = listed(&other);
    other.file_read(&gone);
    assert_eq!(listed(&other), before - 1);
    // It is still watched, and is there again once somebody has written it.
    assert!(other.setting().own.watched_folders().contains(std::path::Path::new("races")));
    let touched = other.files_touched_by(std::slice::from_ref(&first.path));
    assert_eq!(touched, std::slice::from_ref(&first.path));
    other.file_read(&first);
    assert!(is_listed(&other));
    other.file_read(&OwnFile { path: "races/passing.sql".into(), ..gone });
    assert_eq!(other.setting().own.files.len(), 1, "it was never known");
}

#[test]
fn what_lasts_is_asked_about_before_what_was_saved_is_played() {
    let first = file_with("looks");
    let mut stage = opened_with(&first);
    let lasting = crate::run::Lasting {
        part: crate::run::Part::Setup,
        session: None,
        changed: ["public.t".to_owned()].into(),
        sequences: [].into(),
        doubts: [].into(),
    };
    let _ = stage.apply(Report::Lasting(vec![lasting]), NOW);
    let second = file_with("looks twice");
    stage.file_read(&second);
    assert_eq!(press(&mut stage, "F8"), []);
    let open = Command::Open(Arc::clone(second.scenario().unwrap()));
    assert_eq!(press(&mut stage, "y"), [Effect::Ask(open)]);
}

#[test]
fn what_lasts_is_asked_about_before_a_scenario_that_was_left_is_opened_again() {
    let first = file_with("looks");
    let mut stage = opened_with(&first);
    let lasting = crate::run::Lasting {
        part: crate::run::Part::Step(0),
        session: None,
        changed: ["public.t".to_owned()].into(),
        sequences: [].into(),
        doubts: [].into(),
    };
    let _ = stage.apply(Report::Lasting(vec![lasting]), NOW);
    let other = library::open(library::DEFAULT).unwrap();
    set_up(&mut stage, &Arc::new(other));
    // As it was saved in the meantime: it is the same file.
    let again = Arc::clone(file_with("looks twice").scenario().unwrap());
    assert_eq!(stage.open(Arc::clone(&again)), []);
    let consented = Command::Again(Box::new(Command::Open(again)));
    assert_eq!(press(&mut stage, "y"), [Effect::Ask(consented)]);
    let another = Arc::new(library::open("deadlock").unwrap());
    assert_eq!(stage.open(Arc::clone(&another)), [Effect::Ask(Command::Open(another))]);
}
