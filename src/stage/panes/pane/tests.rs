use super::*;
use crate::core::event::{Column, Pid};
use crate::core::syntax::Strings;

fn message(severity: &str, text: &str) -> ServerMessage {
    ServerMessage {
        severity: severity.to_owned(),
        code: "22012".to_owned(),
        message: text.to_owned(),
        ..ServerMessage::default()
    }
}

fn shown(kinds: Vec<Kind>) -> Vec<String> {
    let session = SessionName::new("Alice");
    let mut pane = Pane::new(session.clone());
    for kind in kinds {
        let event = Event { at: Duration::ZERO, session: Some(session.clone()), kind };
        pane.apply(&event, Duration::ZERO);
    }
    pane.scrollback.lines().map(|line| line.shown(80).trim_end().to_owned()).collect()
}

fn columns() -> Kind {
    Kind::Columns(vec![Column { name: "n".to_owned(), type_oid: 23 }])
}

fn row(n: u8) -> Kind {
    Kind::Rows(vec![vec![Some(n.to_string())]])
}

#[test]
fn a_statement_that_fails_before_its_first_row_has_no_header() {
    let failed = || Kind::Failed(message("ERROR", "division by zero"));
    assert_eq!(shown(vec![columns(), failed()]), ["ERROR:  22012: division by zero"]);
    let half = shown(vec![columns(), row(1), failed()]);
    assert_eq!(half, [" n", "---", " 1", "ERROR:  22012: division by zero"]);
}

#[test]
fn what_is_said_in_the_middle_of_a_result_stands_before_it_and_takes_nothing_away() {
    let notice = || Kind::Notice(message("NOTICE", "a row"));
    let done = Kind::Done { tag: "SELECT 2".to_owned(), rows: 2 };
    let all = shown(vec![columns(), notice(), row(1), notice(), row(2), done]);
    assert_eq!(all, ["NOTICE:  a row", "NOTICE:  a row", " n", "---", " 1", " 2", "(2 rows)"]);
}

#[test]
fn what_is_typed_is_split_as_the_session_reads_strings() {
    let session = SessionName::new("Alice");
    let mut pane = Pane::new(session.clone());
    let setting = |value: &str| Kind::Parameter {
        name: Strings::SETTING.to_owned(),
        value: value.to_owned(),
    };
    for (value, expected) in [("off", 1), ("on", 2)] {
        let event =
            Event { at: Duration::ZERO, session: Some(session.clone()), kind: setting(value) };
        pane.apply(&event, Duration::ZERO);
        pane.editor.put("select '\\'; select 2; -- ';");
        pane.queue_typed();
        assert_eq!(pane.queue.take().len(), expected, "{value}");
    }
}

fn typed(line: &str, sql: &str, answer: Form) -> Kind {
    let typed = Some(Box::new(Typed { line: line.to_owned(), answer, every: None }));
    Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step: None, typed }
}

fn ready() -> Kind {
    let (submission, status) = (SubmissionId(1), TransactionStatus::Idle);
    Kind::Ready { submission, status, elapsed: Duration::ZERO }
}

#[test]
fn what_is_kept_in_a_variable_is_not_shown_and_what_was_typed_is() {
    let kept = |rows: u64| {
        let prefix = String::new();
        let sent = typed("select 1 as n \\gset", "select 1 as n", Form::Kept { prefix });
        let done = Kind::Done { tag: format!("SELECT {rows}"), rows };
        shown(vec![Kind::Connected { pid: Pid(1) }, sent, columns(), row(1), done, ready()])
    };
    assert_eq!(kept(1), ["alice=# select 1 as n \\gset"]);
    assert_eq!(kept(2)[1..], ["more than one row returned for \\gset"]);
}

#[test]
fn what_asks_no_server_says_its_answer_and_takes_no_time() {
    let said = typed("\\x", "", Form::Said("Expanded display is on.".to_owned()));
    let record = typed("select 1 as n;", "select 1 as n;", Form::Expanded);
    let done = Kind::Done { tag: "SELECT 1".to_owned(), rows: 1 };
    let connected = Kind::Connected { pid: Pid(1) };
    assert_eq!(
        shown(vec![connected, said, ready(), record, columns(), row(1), done, ready()]),
        [
            "alice=# \\x",
            "Expanded display is on.",
            "alice=# select 1 as n;",
            "-[ RECORD 1 ]",
            "n | 1",
        ]
    );
}

#[test]
fn a_query_that_is_repeated_says_so_until_it_fails() {
    let session = SessionName::new("Alice");
    let mut pane = Pane::new(session.clone());
    let mut tell = |kind| {
        let event = Event { at: Duration::ZERO, session: Some(session.clone()), kind };
        pane.apply(&event, Duration::ZERO);
        pane.state(Duration::ZERO)[0].clone()
    };
    tell(Kind::Connected { pid: Pid(1) });
    let every = Some(Duration::from_secs(2));
    let line = "select 1 \\watch".to_owned();
    let typed = Some(Box::new(Typed { line, answer: Form::Table, every }));
    let sql = "select 1".into();
    tell(Kind::Sent { submission: SubmissionId(1), sql, step: None, typed });
    assert_eq!(tell(ready()), "repeating");
    tell(Kind::Failed(message("ERROR", "canceling statement due to user request")));
    assert_eq!(tell(ready()), "idle");
}
