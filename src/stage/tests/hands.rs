//! Typing: completion, the ways from session to session, copying, what is kept.

use std::sync::Arc;

use super::*;
use crate::core::catalog::{Catalog, Relation};
use crate::core::event::{Blocker, Certainty, Column, TransactionStatus, Wait, WaitTarget};

fn type_text(stage: &mut Stage, text: &str) {
    for letter in text.chars() {
        let name = if letter == ' ' { "Space".to_owned() } else { letter.to_string() };
        press(stage, &name);
    }
}

fn line(stage: &Stage) -> String {
    stage.panes.focused().unwrap().editor.text()
}

fn said(stage: &Stage) -> &str {
    stage.message().map_or("", |message| message.text())
}

fn catalog(tables: &[&str]) -> Report {
    let relation = |name: &&str| Relation {
        schema: "run".to_owned(),
        name: (*name).to_owned(),
        columns: vec!["booked_by".to_owned()],
    };
    let relations = tables.iter().map(relation).collect();
    let run = Some("run".to_owned());
    Report::Catalog(Some(Arc::new(Catalog { relations, run, ..Catalog::default() })))
}

/// A stage on which these tables are known.
fn knowing(tables: &[&str]) -> Stage {
    let mut stage = opened();
    let _ = stage.apply(catalog(tables), NOW);
    stage
}

fn choices(stage: &Stage) -> Vec<&str> {
    match stage.layers.top() {
        Some(Layer::Menu(menu)) => menu.candidates().iter().map(|it| it.text.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn tab_leaves_an_empty_line_and_no_other() {
    let mut stage = opened();
    press(&mut stage, "Tab");
    assert_eq!(stage.panes.focus(), 1);
    type_text(&mut stage, "xyzzy");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    press(&mut stage, "Tab");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!((stage.panes.focus(), line(&stage)), (1, "xyzzy".to_owned()));
    press(&mut stage, "Alt-n");
    assert_eq!(stage.panes.focus(), 2, "this key leaves it");
    press(&mut stage, "Shift-Tab");
    assert_eq!(stage.panes.focus(), 1);
}

#[test]
fn a_digit_after_the_prefix_goes_to_that_session() {
    let mut stage = opened();
    type_text(&mut stage, "sel");
    press(&mut stage, "Ctrl-X");
    assert!(said(&stage).starts_with("Ctrl-X: "), "{}", said(&stage));
    press(&mut stage, "3");
    assert_eq!(stage.panes.focus(), 2);
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "o");
    assert_eq!((stage.panes.focus(), line(&stage)), (0, "sel".to_owned()));
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "9");
    assert_eq!((stage.panes.focus(), said(&stage)), (0, "there is no session 9"));
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "7");
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "z");
    assert!(said(&stage).starts_with("Ctrl-X z does nothing"), "{}", said(&stage));
    assert_eq!(line(&stage), "sel", "nothing of it is typed");
}

#[test]
fn what_can_be_named_is_asked_for_once_somebody_types_and_again_after_it_has_changed() {
    let mut stage = opened();
    let asks = [Effect::Ask(Command::ReadCatalog)];
    assert_eq!(press(&mut stage, "s"), asks);
    assert_eq!(press(&mut stage, "e"), []);
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(press(&mut stage, "l"), []);
    let bob = SessionName::new("Bob");
    let made = Kind::Done { tag: "CREATE TABLE".to_owned(), rows: 0 };
    happens(&mut stage, &bob, made);
    assert_eq!(press(&mut stage, "e"), asks);
    let _ = stage.apply(Report::Catalog(None), NOW);
    happens(&mut stage, &bob, Kind::Done { tag: "COMMIT".to_owned(), rows: 0 });
    assert_eq!(press(&mut stage, "c"), asks, "others see it now");
}

#[test]
fn a_word_is_completed_when_its_name_comes_and_what_was_typed_meanwhile_follows() {
    let mut stage = opened();
    type_text(&mut stage, "table sea");
    assert_eq!(press(&mut stage, "Tab"), []);
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(line(&stage), "table seats ");
    let mut stage = opened();
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    type_text(&mut stage, "limit 1;");
    assert_eq!(press(&mut stage, "Enter"), []);
    assert_eq!(line(&stage), "table sea");
    let sent = stage.apply(catalog(&["seats"]), NOW);
    let sql = "table seats limit 1;".to_owned();
    let session = SessionName::new("Alice");
    assert_eq!(sent[0], Effect::Ask(Command::Submit { session, sql }));
    type_text(&mut stage, "table nowh");
    press(&mut stage, "Tab");
    type_text(&mut stage, "ere");
    press(&mut stage, "Ctrl-C");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(line(&stage), "table nowh", "Ctrl-C gives up what was typed since");
}

#[test]
fn where_nothing_fits_it_is_asked_again_and_then_said() {
    let mut stage = knowing(&["seats"]);
    type_text(&mut stage, "table orders_of");
    assert_eq!(press(&mut stage, "Tab"), [Effect::Ask(Command::ReadCatalog)]);
    let _ = stage.apply(catalog(&["seats", "orders_of_today"]), NOW);
    assert_eq!(line(&stage), "table orders_of_today ");
    type_text(&mut stage, "'");
    press(&mut stage, "Tab");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(said(&stage), "nothing fits here");
}

#[test]
fn names_that_were_asked_for_before_they_were_wanted_are_asked_for_again() {
    let asks = [Effect::Ask(Command::ReadCatalog)];
    let mut stage = opened();
    type_text(&mut stage, "table orders_of");
    assert_eq!(press(&mut stage, "Tab"), [], "what was asked for with the first key is on its way");
    type_text(&mut stage, ";");
    assert_eq!(stage.apply(catalog(&["seats"]), NOW), asks);
    assert_eq!(line(&stage), "table orders_of", "what was typed since waits on");
    assert_eq!(stage.apply(catalog(&["seats", "orders_of_today"]), NOW), []);
    assert_eq!(line(&stage), "table orders_of_today ;");
    let mut stage = opened();
    type_text(&mut stage, "table nowhere");
    press(&mut stage, "Tab");
    assert_eq!(stage.apply(catalog(&["seats"]), NOW), asks);
    assert_eq!(stage.apply(catalog(&["seats"]), NOW), []);
    assert_eq!(said(&stage), "nothing fits here", "once is enough");
}

#[test]
fn several_words_that_fit_are_a_menu() {
    let mut stage = knowing(&["seats", "seat_types", "seat_tags"]);
    type_text(&mut stage, "table s");
    press(&mut stage, "Tab");
    assert_eq!(line(&stage), "table seat", "as far as they are the same");
    assert_eq!(choices(&stage), ["seats", "seat_types", "seat_tags"]);
    type_text(&mut stage, "_t");
    assert_eq!(choices(&stage), ["seat_types", "seat_tags"], "what is typed narrows it");
    press(&mut stage, "Backspace");
    press(&mut stage, "Down");
    press(&mut stage, "Enter");
    assert_eq!((line(&stage), choices(&stage).len()), ("table seat_tags ".to_owned(), 0));
}

#[test]
fn a_key_that_is_not_for_the_menu_closes_it_and_does_what_it_does() {
    let mut stage = knowing(&["seats", "seat_types"]);
    type_text(&mut stage, "table s");
    press(&mut stage, "Tab");
    press(&mut stage, "Esc");
    assert_eq!((line(&stage), choices(&stage).len()), ("table seat".to_owned(), 0));
    press(&mut stage, "Tab");
    type_text(&mut stage, "s;");
    assert_eq!((line(&stage), choices(&stage).len()), ("table seats;".to_owned(), 0));
    let sends = press(&mut stage, "Enter");
    assert!(matches!(sends[0], Effect::Ask(Command::Submit { .. })), "{sends:?}");
    type_text(&mut stage, "table s");
    press(&mut stage, "Tab");
    assert_eq!(press(&mut stage, "F5"), [Effect::Ask(Command::Step)]);
    press(&mut stage, "Tab");
    stage.input(Input::Paste("x".to_owned()), NOW);
    assert_eq!(line(&stage), "table seatx");
}

#[test]
fn names_are_looked_for_where_the_session_looks() {
    let mut stage = knowing(&["seats"]);
    let alice = SessionName::new("Alice");
    let sql: Arc<str> = "set search_path to elsewhere".into();
    happens(
        &mut stage,
        &alice,
        Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None },
    );
    happens(&mut stage, &alice, Kind::Done { tag: "SET".to_owned(), rows: 0 });
    let (status, elapsed) = (TransactionStatus::Idle, NOW);
    happens(&mut stage, &alice, Kind::Ready { submission: SubmissionId(1), status, elapsed });
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(line(&stage), "table sea", "not on Alice's path");
    press(&mut stage, "Alt-n");
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(line(&stage), "table seats ");
}

#[test]
fn enter_opens_a_session_again_that_was_closed() {
    let mut stage = opened();
    let alice = SessionName::new("Alice");
    happens(&mut stage, &alice, Kind::Closed);
    type_text(&mut stage, "select 1;");
    let again = [Effect::Ask(Command::Reconnect(alice.clone()))];
    assert_eq!(press(&mut stage, "Enter"), again);
    happens(&mut stage, &alice, Kind::Connected { pid: Pid(2) });
    assert_eq!(line(&stage), "select 1;", "what was typed is still there");
}

/// One row, as a result that Alice has got.
fn answered(stage: &mut Stage) {
    let alice = SessionName::new("Alice");
    let sql: Arc<str> = "select 1 as n;".into();
    happens(
        stage,
        &alice,
        Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None },
    );
    happens(stage, &alice, Kind::Columns(vec![Column { name: "n".to_owned(), type_oid: 23 }]));
    happens(stage, &alice, Kind::Rows(vec![vec![Some("1".to_owned())]]));
    happens(stage, &alice, Kind::Done { tag: "SELECT 1".to_owned(), rows: 1 });
    let (status, elapsed) = (TransactionStatus::Idle, NOW);
    happens(stage, &alice, Kind::Ready { submission: SubmissionId(1), status, elapsed });
}

#[test]
fn y_copies_the_last_result_and_is_typed_anywhere_but_on_an_empty_line() {
    let mut stage = opened();
    assert_eq!(press(&mut stage, "y"), []);
    assert_eq!(said(&stage), "there is no result to copy yet");
    answered(&mut stage);
    let result = " n\n---\n 1\n(1 row)";
    assert_eq!(press(&mut stage, "y"), [Effect::Copy(result.to_owned())]);
    assert_eq!(said(&stage), "copied 4 lines");
    type_text(&mut stage, "my");
    assert_eq!(line(&stage), "my");
    press(&mut stage, "Ctrl-X");
    assert_eq!(press(&mut stage, "y"), [Effect::Copy(result.to_owned())]);
}

#[test]
fn a_part_of_a_pane_is_selected_and_copied() {
    let mut stage = opened();
    answered(&mut stage);
    press(&mut stage, "Alt-y");
    assert!(matches!(stage.layers.top(), Some(Layer::Select(_))));
    press(&mut stage, "Up");
    press(&mut stage, "V");
    press(&mut stage, "Up");
    let copied = press(&mut stage, "y");
    assert_eq!(copied, [Effect::Copy("---\n 1".to_owned())]);
    assert!(stage.layers.is_empty());
    press(&mut stage, "Alt-y");
    press(&mut stage, "Esc");
    assert!(stage.layers.is_empty());
}

#[test]
fn what_is_sent_is_kept_and_what_is_refused_stays_in_the_line() {
    let mut stage = opened();
    type_text(&mut stage, "select 1;");
    let sent = press(&mut stage, "Enter");
    assert_eq!(sent.last(), Some(&Effect::Remember("select 1;".to_owned())));
    type_text(&mut stage, "\\?");
    assert_eq!(press(&mut stage, "Enter"), [Effect::Remember("\\?".to_owned())]);
    let alice = SessionName::new("Alice");
    let (submission, sql) = (SubmissionId(1), "select 1;".into());
    happens(&mut stage, &alice, Kind::Sent { submission, sql, step: None, typed: None });
    let wait = Wait {
        blockers: vec![Blocker::Session(SessionName::new("Bob"))],
        target: WaitTarget::Transaction,
        certainty: Certainty::Observed,
    };
    happens(&mut stage, &alice, Kind::Waiting(wait));
    type_text(&mut stage, "select 2;");
    assert_eq!(press(&mut stage, "Enter"), [], "nothing is sent, and nothing kept");
    assert_eq!(line(&stage), "select 2;");
    assert!(said(&stage).starts_with("Alice still waits for Bob"), "{}", said(&stage));
}

#[test]
fn once_its_run_has_ended_nothing_waits_for_a_completion() {
    let ended = || Report::Broken("its task has ended".to_owned());
    let mut stage = opened();
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    type_text(&mut stage, "x");
    let _ = stage.apply(ended(), NOW);
    assert_eq!(line(&stage), "table seax", "what was asked for before does not come any more");
    press(&mut stage, "Tab");
    type_text(&mut stage, "y");
    assert_eq!(line(&stage), "table seaxy");
    assert_eq!(press(&mut stage, "Ctrl-Q"), [Effect::Leave]);
    let mut stage = opened();
    let _ = stage.apply(ended(), NOW);
    type_text(&mut stage, "selec");
    assert_eq!(press(&mut stage, "Tab"), [], "nobody is asked");
    assert_eq!(line(&stage), "select ", "keywords are known without anybody");
}

#[test]
fn leaving_and_restarting_do_not_wait_for_a_completion() {
    for (key, does) in [("Ctrl-Q", Effect::Leave), ("F8", Effect::Ask(Command::GoTo(0)))] {
        let mut stage = opened();
        type_text(&mut stage, "table sea");
        press(&mut stage, "Tab");
        type_text(&mut stage, "x");
        press(&mut stage, "Tab");
        type_text(&mut stage, "y");
        let effects = press(&mut stage, key);
        assert_eq!(effects.last(), Some(&does), "{key}");
        assert_eq!(line(&stage), "table seaxy", "{key}: what was pressed before came before");
    }
}

#[test]
fn not_more_keys_wait_for_a_completion_than_anybody_presses() {
    let mut stage = opened();
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    (0..2000).for_each(|_| drop(press(&mut stage, "x")));
    assert_eq!(line(&stage), format!("table sea{}", "x".repeat(2000)));
}

#[test]
fn a_click_comes_after_what_was_pressed_before_it() {
    let mut stage = opened();
    type_text(&mut stage, "table sea");
    press(&mut stage, "Tab");
    type_text(&mut stage, "ts;");
    let sent = press(&mut stage, "Enter");
    assert_eq!(sent, [], "it waits for the completion");
    point(&mut stage, Gesture::Wheel(Direction::Up), 1);
    assert_eq!(line(&stage), "table sea", "the wheel turns to no other session");
    let sent = point(&mut stage, Gesture::Click, 1);
    let (session, sql) = (SessionName::new("Alice"), "table seats;".to_owned());
    assert_eq!(sent[0], Effect::Ask(Command::Submit { session, sql }));
    assert_eq!((stage.panes.focus(), line(&stage)), (1, String::new()));
    let _ = stage.apply(catalog(&["seats"]), NOW);
    assert_eq!(line(&stage), "");
}

#[test]
fn what_is_refused_in_a_persons_pane_is_told_here_only_if_it_was_typed_here() {
    let mut stage = opened();
    let maria = SessionName::new("Maria");
    let _ = stage.apply(Report::PersonJoined(maria.clone()), NOW);
    let _ = stage.apply(Report::PaneGiven(maria.clone()), NOW);
    let refused = || Report::Refused { session: Some(maria.clone()), why: "busy".to_owned() };
    let _ = stage.apply(refused(), NOW);
    assert_eq!(said(&stage), "", "she has typed it in her browser");
    happens(&mut stage, &maria, Kind::Connected { pid: Pid(9) });
    while stage.panes.focused().unwrap().name != maria {
        press(&mut stage, "Alt-n");
    }
    type_text(&mut stage, "select 1;");
    press(&mut stage, "Enter");
    assert_eq!(line(&stage), "");
    let _ = stage.apply(refused(), NOW);
    assert!(said(&stage).contains("busy"), "{}", said(&stage));
    assert_eq!(line(&stage), "select 1;", "what was typed comes back");
}

#[test]
fn a_menu_takes_nothing_out_of_another_line_than_its_own() {
    let mut stage = knowing(&["seats", "seat_types"]);
    type_text(&mut stage, "select 1;");
    press(&mut stage, "Enter");
    type_text(&mut stage, "table s");
    press(&mut stage, "Tab");
    assert_eq!(choices(&stage).len(), 2);
    let session = Some(SessionName::new("Alice"));
    let _ = stage.apply(Report::Refused { session, why: "no".to_owned() }, NOW);
    assert_eq!(line(&stage), "select 1;\ntable seat", "what was sent comes back");
    assert_eq!(press(&mut stage, "Enter"), []);
    assert_eq!(line(&stage), "select 1;\ntable seat");
    assert!(choices(&stage).is_empty());
}

#[test]
fn an_added_session_that_was_closed_stays_until_it_is_closed_once_more() {
    let mut stage = opened();
    let zoe = SessionName::new("Zoe");
    let _ = stage.apply(Report::Joined(zoe.clone()), NOW);
    happens(&mut stage, &zoe, Kind::Connected { pid: Pid(2) });
    type_text(&mut stage, "select 1;");
    happens(&mut stage, &zoe, Kind::Closed);
    assert_eq!(said(&stage), "Zoe is closed; Ctrl-D once more removes its pane");
    assert_eq!(press(&mut stage, "Enter"), [Effect::Ask(Command::Reconnect(zoe.clone()))]);
    happens(&mut stage, &zoe, Kind::Connected { pid: Pid(3) });
    assert_eq!(line(&stage), "select 1;");
    press(&mut stage, "Ctrl-C");
    assert_eq!(press(&mut stage, "Ctrl-D"), [Effect::Ask(Command::Close(zoe.clone()))]);
    happens(&mut stage, &zoe, Kind::Closed);
    assert_eq!(press(&mut stage, "Ctrl-D"), []);
    assert!(stage.panes.of(&zoe).is_none());
    let alice = SessionName::new("Alice");
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "1");
    happens(&mut stage, &alice, Kind::Closed);
    press(&mut stage, "Ctrl-D");
    assert!(stage.panes.of(&alice).is_some(), "the script needs its place");
}

#[test]
fn what_was_typed_in_earlier_runs_is_there_in_every_session() {
    let mut stage = opened();
    stage.recall(vec!["select 'old';".to_owned()]);
    press(&mut stage, "Tab");
    press(&mut stage, "Up");
    assert_eq!(line(&stage), "select 'old';");
    let _ = stage.apply(Report::Joined(SessionName::new("Zoe")), NOW);
    press(&mut stage, "Up");
    assert_eq!(line(&stage), "select 'old';");
}

#[test]
fn the_line_is_edited_outside_or_the_last_statement_where_there_is_none() {
    let mut stage = opened();
    stage.recall(vec!["select 'old';".to_owned(), "\\dt".to_owned()]);
    let alice = SessionName::new("Alice");
    let edits = |text: &str| Effect::Edit { session: alice.clone(), text: text.to_owned() };
    press(&mut stage, "Ctrl-X");
    assert_eq!(press(&mut stage, "Ctrl-E"), [edits("select 'old';")]);
    type_text(&mut stage, "sel");
    press(&mut stage, "Ctrl-X");
    assert_eq!(press(&mut stage, "Ctrl-E"), [edits("sel")]);
    let _ = stage.apply(Report::Joined(SessionName::new("Zoe")), NOW);
    stage.edited(&alice, "select 2\nfrom seats;");
    assert_eq!(line(&stage), "", "another session has the keys by now");
    press(&mut stage, "Ctrl-X");
    press(&mut stage, "1");
    assert_eq!(line(&stage), "select 2\nfrom seats;");
    press(&mut stage, "Ctrl-C");
    type_text(&mut stage, "\\e");
    assert_eq!(press(&mut stage, "Enter")[0], edits("select 'old';"));
}
