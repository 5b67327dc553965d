use super::*;
use crate::core::event::Column;
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
        pane.editor.put("select '\\'; select 2 -- ';");
        pane.queue_typed();
        assert_eq!(std::mem::take(&mut pane.queue).len(), expected, "{value}");
    }
}
