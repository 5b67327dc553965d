//! Files that are carried out, queries that are repeated, what is refused.

use super::*;
use crate::core::event::{Form, TransactionStatus, Typed};
use crate::stage::effect::Inclusion;

const READY: Kind = Kind::Ready {
    submission: SubmissionId(1),
    status: TransactionStatus::Idle,
    elapsed: Duration::ZERO,
};

fn alice() -> SessionName {
    SessionName::new("Alice")
}

fn submits(sql: &str) -> Effect {
    Effect::Ask(Command::Submit { session: alice(), sql: sql.to_owned() })
}

fn tells(stage: &mut Stage, kind: Kind) -> Vec<Effect> {
    stage.apply(Report::Event(Event { at: NOW, session: Some(alice()), kind }), NOW)
}

fn enters(stage: &mut Stage, text: &str) -> Vec<Effect> {
    stage.panes.focused_mut().unwrap().editor.put(text);
    press(stage, "Enter")
}

/// Begins to read a file.
fn reads(stage: &mut Stage) -> Inclusion {
    match &enters(stage, "\\i a.sql")[0] {
        Effect::Read(inclusion) => (**inclusion).clone(),
        other => panic!("{other:?}"),
    }
}

fn sent(line: &str, every: Option<Duration>) -> Kind {
    let typed = Typed { line: line.to_owned(), answer: Form::Table, every };
    let (submission, sql) = (SubmissionId(1), "select 1".into());
    Kind::Sent { submission, sql, step: None, typed: Some(Box::new(typed)) }
}

fn last_line(stage: &Stage) -> String {
    stage.panes.of(&alice()).unwrap().scrollback.lines().last().unwrap().text.to_string()
}

#[test]
fn a_file_that_is_read_is_wanted_until_the_session_is_interrupted_or_closed() {
    let text = || Ok("select 1;".to_owned());
    let mut stage = opened();
    let first = reads(&mut stage);
    press(&mut stage, "Ctrl-C");
    assert_eq!(last_line(&stage), "a.sql was not carried out");
    assert_eq!(stage.included(&first, text()), []);
    let second = reads(&mut stage);
    assert_eq!(stage.included(&first, text()), [], "not the one that is read now");
    assert_eq!(stage.included(&second, text()), [submits("select 1;")]);
    let mut stage = opened();
    let read = reads(&mut stage);
    tells(&mut stage, Kind::Closed);
    tells(&mut stage, Kind::Connected { pid: Pid(2) });
    assert_eq!(stage.included(&read, text()), []);
}

#[test]
fn what_is_refused_comes_back_where_it_was_typed_and_nowhere_else() {
    let mut stage = opened();
    let read = reads(&mut stage);
    let text = "select 1; select 2; select 3;".to_owned();
    assert_eq!(stage.included(&read, Ok(text)), [submits("select 1;")]);
    for session in [None, Some(SessionName::new("Bob"))] {
        let _ = stage.apply(Report::Refused { session, why: "busy".to_owned() }, NOW);
        assert!(stage.panes.of(&alice()).unwrap().editor.is_empty());
    }
    tells(&mut stage, sent("select 1;", None));
    assert_eq!(tells(&mut stage, READY), [submits("select 2;")]);
    let refused = Report::Refused { session: Some(alice()), why: "busy".to_owned() };
    let _ = stage.apply(refused, NOW);
    assert_eq!(stage.panes.of(&alice()).unwrap().editor.text(), "select 2;");
    assert_eq!(last_line(&stage), "the last 1 command of a.sql was not carried out");
}

#[test]
fn what_follows_a_repeated_query_comes_once_that_is_ended() {
    let every = Some(Duration::from_secs(1));
    let mut stage = opened();
    let watch = "select 1 \\watch 1";
    let effects = enters(&mut stage, &format!("{watch}\nselect 2;"));
    assert_eq!(effects[0], submits(watch));
    tells(&mut stage, sent(watch, every));
    assert_eq!(tells(&mut stage, READY), []);
    tells(&mut stage, sent("", every));
    assert_eq!(tells(&mut stage, READY), []);
    assert_eq!(press(&mut stage, "Ctrl-C"), [Effect::Ask(Command::Cancel(alice()))]);
    tells(&mut stage, sent("", None));
    assert_eq!(tells(&mut stage, READY), [submits("select 2;")]);
}

#[test]
fn a_query_that_repeats_itself_is_no_news() {
    let every = Some(Duration::from_secs(1));
    let mut stage = opened();
    let sent_last = |stage: &Stage| stage.panes.of(&alice()).unwrap().sent_last();
    tells(&mut stage, sent("select 1 \\watch 1", every));
    assert_eq!(sent_last(&stage), 1);
    tells(&mut stage, READY);
    tells(&mut stage, sent("", every));
    assert_eq!(sent_last(&stage), 1);
}

#[test]
fn no_file_is_edited() {
    let mut stage = opened();
    assert_eq!(enters(&mut stage, "\\e a.sql"), []);
    assert!(stage.message().unwrap().text().contains("no file"));
    assert_eq!(stage.panes.focused().unwrap().editor.text(), "\\e a.sql");
}
