//! What is on its way, told message by message.

use super::*;

fn said(talk: &mut Talk, tag: u8, texts: &[&str]) -> Option<String> {
    let body: String = texts.iter().flat_map(|text| [text, "\0"]).collect();
    let frame = FromClient::with(tag, body.as_bytes());
    let launched = talk.launch(&frame);
    talk.note_said(&frame);
    launched.map(|launched| launched.sql().to_owned())
}

fn answered(talk: &mut Talk, tag: u8) -> Vec<String> {
    let ended = talk.note_answered(&FromServer::with(tag, b"C42P01\0\0"));
    ended.iter().map(|(launched, outcome)| format!("{}: {outcome:?}", launched.sql())).collect()
}

#[test]
fn a_query_is_over_when_the_server_is_ready() {
    let mut talk = Talk::of("");
    assert_eq!(said(&mut talk, b'Q', &["select 1; select 2"]).unwrap(), "select 1; select 2");
    assert!(answered(&mut talk, b'C').is_empty() && answered(&mut talk, b'C').is_empty());
    assert_eq!(answered(&mut talk, b'Z'), ["select 1; select 2: Done"]);
}

#[test]
fn an_execute_is_the_statement_of_its_portal_and_over_when_it_is_complete() {
    let mut talk = Talk::of("");
    assert_eq!(said(&mut talk, b'P', &["s", "select 1"]), None);
    assert_eq!(said(&mut talk, b'B', &["p", "s"]), None);
    assert_eq!(said(&mut talk, b'E', &["p"]).as_deref(), Some("select 1"));
    assert_eq!(said(&mut talk, b'S', &[]), None);
    assert!(answered(&mut talk, b'1').is_empty() && answered(&mut talk, b'2').is_empty());
    assert_eq!(answered(&mut talk, b'C'), ["select 1: Done"]);
    assert!(answered(&mut talk, b'Z').is_empty());
    assert!(talk.note_end().is_empty());
}

#[test]
fn after_an_error_everything_up_to_the_sync_was_refused() {
    let mut talk = Talk::of("");
    for (name, sql) in [("a", "first"), ("b", "second")] {
        said(&mut talk, b'P', &[name, sql]);
        said(&mut talk, b'B', &[name, name]);
        said(&mut talk, b'E', &[name]);
    }
    said(&mut talk, b'S', &[]);
    said(&mut talk, b'Q', &["third"]);
    answered(&mut talk, b'1');
    answered(&mut talk, b'2');
    assert_eq!(answered(&mut talk, b'E'), ["first: Refused(\"42P01\")"]);
    assert_eq!(answered(&mut talk, b'Z'), ["second: Refused(\"42P01\")"]);
    assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
}

#[test]
fn of_what_was_not_answered_nobody_knows() {
    let mut talk = Talk::of("");
    said(&mut talk, b'Q', &["commit"]);
    said(&mut talk, b'S', &[]);
    assert_eq!(
        talk.note_end().iter().map(|launched| launched.sql()).collect::<Vec<_>>(),
        ["commit"]
    );
}

/// Parse, Bind and Execute under one name, without the Sync.
fn submit(talk: &mut Talk, name: &str, sql: &str) {
    said(talk, b'P', &[name, sql]);
    said(talk, b'B', &[name, name]);
    said(talk, b'E', &[name]);
}

#[test]
fn a_sync_within_a_copy_counts_for_nothing() {
    for comes_first in [true, false] {
        let mut talk = Talk::of("");
        submit(&mut talk, "c", "copy t from stdin");
        said(&mut talk, b'S', &[]);
        answered(&mut talk, b'1');
        answered(&mut talk, b'2');
        if comes_first {
            answered(&mut talk, b'G');
        }
        said(&mut talk, b'd', &["1"]);
        said(&mut talk, b'c', &[]);
        said(&mut talk, b'S', &[]);
        if !comes_first {
            answered(&mut talk, b'G');
        }
        assert_eq!(answered(&mut talk, b'C'), ["copy t from stdin: Done"]);
        assert!(answered(&mut talk, b'Z').is_empty());
        said(&mut talk, b'Q', &["next"]);
        assert_eq!(answered(&mut talk, b'Z'), ["next: Done"], "{comes_first}");
    }
}

#[test]
fn a_query_before_the_sync_is_skipped_after_an_error_too() {
    let mut talk = Talk::of("");
    submit(&mut talk, "a", "first");
    said(&mut talk, b'Q', &["skipped"]);
    said(&mut talk, b'S', &[]);
    said(&mut talk, b'Q', &["third"]);
    answered(&mut talk, b'E');
    let refused = ["first: Refused(\"42P01\")", "skipped: Refused(\"42P01\")"];
    assert_eq!(answered(&mut talk, b'Z'), refused);
    assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
}

#[test]
fn a_name_stands_for_what_the_server_took_it_for() {
    let mut talk = Talk::of("");
    said(&mut talk, b'P', &["s", "select 1"]);
    answered(&mut talk, b'1');
    said(&mut talk, b'P', &["s", "delete from t"]);
    said(&mut talk, b'S', &[]);
    answered(&mut talk, b'E');
    answered(&mut talk, b'Z');
    said(&mut talk, b'B', &["", "s"]);
    assert_eq!(said(&mut talk, b'E', &[""]).as_deref(), Some("select 1"));
}

#[test]
fn what_is_closed_or_over_is_forgotten() {
    let mut talk = Talk::of("");
    submit(&mut talk, "s", "select 1");
    said(&mut talk, b'C', &["Ss"]);
    said(&mut talk, b'S', &[]);
    for tag in *b"12C3Z" {
        talk.note_answered(&FromServer::with(tag, b"I"));
    }
    assert!(talk.prepared.is_empty() && talk.portals.is_empty() && talk.sent.is_empty());
}

#[test]
fn the_end_of_a_copy_that_failed_is_nobodys() {
    for comes_late in [false, true] {
        let mut talk = Talk::of("");
        said(&mut talk, b'Q', &["copy t from stdin"]);
        if !comes_late {
            said(&mut talk, b'c', &[]);
        }
        answered(&mut talk, b'E');
        answered(&mut talk, b'Z');
        if comes_late {
            said(&mut talk, b'c', &[]);
        }
        assert!(talk.is_answered());
        submit(&mut talk, "s", "select 1");
        answered(&mut talk, b'1');
        answered(&mut talk, b'2');
        assert_eq!(answered(&mut talk, b'C'), ["select 1: Done"], "{comes_late}");
    }
}

#[test]
fn where_a_step_of_the_gateways_own_fails_the_unit_is_read_over() {
    let mut talk = Talk::of("");
    said(&mut talk, b'P', &["a", "first"]);
    said(&mut talk, b'B', &["a", "a"]);
    answered(&mut talk, b'1');
    answered(&mut talk, b'2');
    let first = talk.launch(&FromClient::with(b'E', b"a\0")).unwrap();
    for _ in 0..5 {
        talk.note_own(Own::Step);
    }
    assert!(talk.heard(FromServer::with(b'E', b"C42P01\0\0")).is_some());
    assert!(answered(&mut talk, b'E').is_empty());
    assert!(talk.is_answered() && talk.is_read_over());
    talk.note_read_over(first);
    submit(&mut talk, "b", "second");
    assert!(talk.is_answered());
    said(&mut talk, b'S', &[]);
    said(&mut talk, b'Q', &["third"]);
    assert_eq!(answered(&mut talk, b'Z'), ["first: Refused(\"42P01\")"]);
    assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
}
