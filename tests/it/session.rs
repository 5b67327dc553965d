//! Sessions against a real server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::core::event::{
    Event, Kind, ROWS_KEPT, ServerMessage, SessionName, SubmissionId, TransactionStatus,
};
use overbooked::core::syntax::Strings;
use overbooked::pg::Target;
use overbooked::run::guardian::Guardian;
use overbooked::run::session::{Session, SessionOptions};
use tokio::sync::mpsc;

use crate::support;

/// No answer of these tests takes longer, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A session and what it has told.
struct Stage {
    session: Session,
    events: mpsc::Receiver<Event>,
    submissions: u64,
}

fn target(cluster: &Cluster) -> Target {
    Target::unix(cluster.folder(), cluster.port(), SUPERUSER, "postgres")
}

impl Stage {
    /// A session of the shared server, connected.
    async fn open(name: &str) -> Self {
        let mut stage = Self::start(name, target(support::server()), &[]);
        assert!(matches!(stage.next().await, Kind::Connected { .. }));
        stage
    }

    fn start(name: &str, target: Target, prelude: &[&str]) -> Self {
        Self::start_guarded(name, target, prelude, None)
    }

    fn start_guarded(
        name: &str,
        target: Target,
        prelude: &[&str],
        guardian: Option<Guardian>,
    ) -> Self {
        let (told, events) = mpsc::channel(16);
        let prelude = prelude.iter().map(ToString::to_string).collect();
        let name = SessionName::new(name);
        let application = format!("overbooked/{name}");
        let clock = Instant::now();
        let options = SessionOptions { name, application, target, prelude, clock, guardian };
        Self { session: Session::start(options, told), events, submissions: 0 }
    }

    async fn next(&mut self) -> Kind {
        let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
        event.expect("an event in time").expect("an open session").kind
    }

    fn send(&mut self, sql: impl Into<Arc<str>>) {
        self.submissions += 1;
        self.session.submit(SubmissionId(self.submissions), sql.into(), None);
    }

    /// Everything behind `Sent`, up to and with `Ready` or `Lost`.
    async fn answer(&mut self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        loop {
            match self.next().await {
                Kind::Sent { .. } => {}
                kind => kinds.push(kind),
            }
            if matches!(kinds.last(), Some(Kind::Ready { .. } | Kind::Lost { .. })) {
                return kinds;
            }
        }
    }

    async fn ask(&mut self, sql: &str) -> Vec<Kind> {
        self.send(sql);
        self.answer().await
    }
}

#[tokio::test]
async fn several_statements_in_one_submission_answer_up_to_the_error() {
    let mut alice = Stage::open("Alice").await;
    let told = alice.ask("select 1; select * from nowhere; select 3").await;
    let done = |kind: &Kind| matches!(kind, Kind::Done { tag, rows: 1 } if tag == "SELECT 1");
    assert!(matches!(&told[..], [
        Kind::Columns(_), Kind::Rows(rows), one, Kind::Failed(error), Kind::Ready { .. },
    ] if rows[0][0].as_deref() == Some("1") && done(one) && error.code == "42P01"));
    alice.session.close().await;
}

/// A guardian that is ready, and ends as soon as it is to hold something.
const DIES: &str = "#!/bin/sh
printf + >&0
while read -r told; do case $told in *Hold*) exit ;; esac; done
";

#[tokio::test(flavor = "multi_thread")]
async fn a_guardian_that_has_ended_is_told_of_once_before_the_next_statement() {
    let folder = tempfile::tempdir().unwrap();
    let (text, program) = (folder.path().join("text"), folder.path().join("program"));
    std::fs::write(&text, DIES).unwrap();
    // Another process writes it: no other test's child can have it open for writing.
    let mut install = std::process::Command::new("install");
    assert!(install.args(["-m", "755"]).arg(&text).arg(&program).status().unwrap().success());
    let guardian = Guardian::start(&program).await.unwrap();
    let at = target(support::server());
    let mut alice = Stage::start_guarded("Alice", at, &[], Some(guardian));
    assert!(matches!(alice.next().await, Kind::Connected { .. }));
    let is_note = |kind: &Kind| matches!(kind, Kind::Note(note) if note.contains("were killed"));
    let told = async { while !alice.ask("select 1").await.iter().any(is_note) {} };
    tokio::time::timeout(DEADLINE, told).await.expect("somebody says that it has ended");
    assert!(!alice.ask("select 1").await.iter().any(is_note), "it is told once");
    alice.session.close().await;
}

fn tags(kinds: &[Kind]) -> Vec<&str> {
    let tag = |kind: &'_ Kind| matches!(kind, Kind::Done { .. });
    kinds
        .iter()
        .filter(|kind| tag(kind))
        .map(|kind| match kind {
            Kind::Done { tag, .. } => tag.as_str(),
            _ => "",
        })
        .collect()
}

fn status(kinds: &[Kind]) -> Option<TransactionStatus> {
    match kinds.last() {
        Some(Kind::Ready { status, .. }) => Some(*status),
        _ => None,
    }
}

fn error(kinds: &[Kind]) -> Option<&ServerMessage> {
    kinds.iter().find_map(|kind| match kind {
        Kind::Failed(message) => Some(message),
        _ => None,
    })
}

fn cell(kinds: &[Kind]) -> Option<&str> {
    kinds.iter().find_map(|kind| match kind {
        Kind::Rows(rows) => rows[0][0].as_deref(),
        _ => None,
    })
}

#[tokio::test]
async fn the_transaction_status_follows_every_answer() {
    let mut alice = Stage::open("Alice").await;
    for (sql, expected) in [
        ("begin", TransactionStatus::InTransaction),
        ("select 1/0", TransactionStatus::Failed),
        ("select 1", TransactionStatus::Failed),
        ("commit", TransactionStatus::Idle),
    ] {
        assert_eq!(status(&alice.ask(sql).await), Some(expected), "{sql}");
    }
}

#[tokio::test]
async fn commit_of_a_failed_transaction_shows_its_tag() {
    let mut alice = Stage::open("Alice").await;
    alice.ask("begin").await;
    alice.ask("select nothing").await;
    assert_eq!(tags(&alice.ask("commit").await), ["ROLLBACK"]);
}

#[tokio::test]
async fn submissions_are_answered_in_order_one_at_a_time() {
    let mut alice = Stage::open("Alice").await;
    for number in 1..=3 {
        alice.send(format!("select {number}"));
    }
    for number in 1..=3u64 {
        assert!(
            matches!(alice.next().await, Kind::Sent { submission, .. } if submission.0 == number)
        );
        assert_eq!(cell(&alice.answer().await), Some(number.to_string().as_str()));
    }
}

#[tokio::test]
async fn the_name_the_prelude_and_the_process_are_those_of_the_session() {
    let mut alice =
        Stage::start("Alice", target(support::server()), &["set search_path = nowhere"]);
    let Kind::Connected { pid } = alice.next().await else { panic!("not connected") };
    let sql = "select current_setting('application_name') || ' ' || current_setting('search_path')
        || ' ' || pg_backend_pid()";
    let expected = format!("overbooked/Alice nowhere {pid}");
    assert_eq!(cell(&alice.ask(sql).await), Some(expected.as_str()));
}

#[tokio::test]
async fn a_prelude_that_fails_is_a_loss_with_its_reason() {
    let mut alice = Stage::start("Alice", target(support::server()), &["set nonsense to"]);
    let lost = alice.next().await;
    assert!(matches!(&lost, Kind::Lost { reason, .. } if reason.contains("42601")), "{lost:?}");
}

#[tokio::test]
async fn every_error_field_arrives() {
    let mut alice = Stage::open("Alice").await;
    let told = alice
        .ask(
            "do $$ begin raise exception using message = 'm', detail = 'd', hint = 'h', errcode = \
             'OC000',
             table = 'seats', constraint = 'taken'; end $$",
        )
        .await;
    let error = error(&told).unwrap();
    assert_eq!((error.severity.as_str(), error.code.as_str()), ("ERROR", "OC000"));
    assert_eq!((error.detail.as_deref(), error.hint.as_deref()), (Some("d"), Some("h")));
    assert!(error.context.as_deref().unwrap().contains("PL/pgSQL"));
    assert!(error.more.contains(&('t', "seats".to_owned())));
    assert!(error.more.contains(&('n', "taken".to_owned())));
    let told = alice.ask("select * from somewhere").await;
    assert_eq!(self::error(&told).unwrap().position, Some(15));
}

#[tokio::test]
async fn notices_and_parameters_arrive_within_the_answer() {
    let mut alice = Stage::open("Alice").await;
    let told =
        alice.ask("do $$ begin raise notice 'psst'; end $$; set timezone = 'Asia/Tokyo'").await;
    let psst = |kind: &Kind| matches!(kind, Kind::Notice(notice) if notice.message == "psst");
    assert!(told.iter().any(psst));
    let zone = |kind: &Kind| matches!(kind, Kind::Parameter { name, .. } if name == "TimeZone");
    assert!(told.iter().any(zone), "{told:?}");
}

/// Who splits what is typed into it must know before the first statement.
#[tokio::test]
async fn a_session_that_reads_strings_oddly_says_so_at_once() {
    let target = target(support::server()).with_parameter("standard_conforming_strings", "off");
    let mut alice = Stage::start("Alice", target, &[]);
    assert!(matches!(alice.next().await, Kind::Connected { .. }));
    assert_eq!(alice.next().await.strings(), Some(Strings::Escaping));
    let told = alice.ask("reset all; set standard_conforming_strings = on").await;
    assert!(told.iter().any(|kind| kind.strings() == Some(Strings::Conforming)), "{told:?}");
}

#[tokio::test]
async fn a_notification_reaches_an_idle_session_at_once() {
    let mut alice = Stage::open("Alice").await;
    let mut bob = Stage::open("Bob").await;
    alice.ask("listen seats_taken").await;
    bob.ask("notify seats_taken, 'A-4'").await;
    let told = alice.next().await;
    assert!(matches!(
        &told,
        Kind::Notification { channel, payload, .. }
            if channel == "seats_taken" && payload == "A-4"
    ));
}

#[tokio::test]
async fn an_empty_statement_is_merely_ready() {
    let mut alice = Stage::open("Alice").await;
    assert!(matches!(alice.ask("").await[..], [Kind::Ready { .. }]));
}

#[tokio::test]
async fn a_zero_byte_is_refused_here_and_the_session_goes_on() {
    let mut alice = Stage::open("Alice").await;
    let told = alice.ask("select '\0'").await;
    assert_eq!(error(&told).unwrap().code, "22021");
    assert_eq!(cell(&alice.ask("select 1").await), Some("1"));
}

#[tokio::test]
async fn copy_out_is_counted_and_copy_in_refused() {
    let mut alice = Stage::open("Alice").await;
    let told = alice.ask("copy (select generate_series(1, 5000)) to stdout").await;
    assert!(matches!(&told[0], Kind::Note(note) if note.contains("5000 lines")), "{told:?}");
    assert_eq!(tags(&told), ["COPY 5000"]);
    let told = alice.ask("create temp table t (n int); copy t from stdin").await;
    assert!(error(&told).unwrap().message.contains("COPY FROM STDIN is refused"));
    assert_eq!(cell(&alice.ask("select 1").await), Some("1"));
}

#[tokio::test]
async fn of_a_million_rows_a_thousand_are_told_and_all_are_counted() {
    let mut alice = Stage::open("Alice").await;
    let told = alice.ask("select g, 'some text' from generate_series(1, 1000000) g").await;
    let rows = |kind: &Kind| if let Kind::Rows(rows) = kind { rows.len() } else { 0 };
    assert_eq!(told.iter().map(rows).sum::<usize>(), ROWS_KEPT);
    assert!(told.iter().any(|kind| matches!(kind, Kind::Done { rows: 1_000_000, .. })));
}

#[tokio::test]
async fn a_flood_of_rows_can_be_cancelled() {
    let mut alice = Stage::open("Alice").await;
    alice.send("select generate_series(1, 1000000000)");
    while !matches!(alice.next().await, Kind::Rows(_)) {}
    alice.session.cancel();
    assert_eq!(error(&alice.answer().await).unwrap().code, "57014");
    assert_eq!(cell(&alice.ask("select 1").await), Some("1"));
}

/// The server answers the first statements while the rest of them are still on their way to it.
#[tokio::test]
async fn a_statement_of_a_mebibyte_goes_over_and_its_echo_comes_back() {
    let mut alice = Stage::open("Alice").await;
    let length = 1 << 20;
    let told = alice.ask(&format!("select '{}'", "x".repeat(length))).await;
    assert_eq!(cell(&told).map(str::len), Some(length));
    let chatty = "do $$ begin raise notice '%', repeat('y', 10000); end $$; ".repeat(1000);
    let told = alice.ask(&format!("{chatty} select '{}'", "x".repeat(length))).await;
    assert!(matches!(told.last(), Some(Kind::Ready { .. })));
}

#[tokio::test]
async fn a_killed_backend_is_a_loss_with_the_servers_words_and_a_key_reconnects() {
    let mut alice = Stage::start("Alice", target(support::server()), &[]);
    let Kind::Connected { pid } = alice.next().await else { panic!("not connected") };
    let mut bob = Stage::open("Bob").await;
    alice.ask("begin").await;
    bob.ask(&format!("select pg_terminate_backend({pid})")).await;
    let lost = alice.next().await;
    assert!(
        matches!(&lost, Kind::Lost { reason, in_transaction: true } if reason.contains("57P01")),
        "{lost:?}"
    );
    let refused = alice.ask("select 1").await;
    assert!(matches!(&refused[..], [Kind::Lost { reason, .. }] if reason.contains("reconnect")));
    alice.session.reconnect();
    assert!(matches!(alice.next().await, Kind::Connected { .. }));
    assert_eq!(cell(&alice.ask("select 1").await), Some("1"));
}

/// Within one message nobody has said yet how the transaction stands but the tags.
#[tokio::test]
async fn a_rollback_to_a_savepoint_ends_no_transaction() {
    for (ends, is_open) in [("rollback to a", true), ("rollback", false)] {
        let mut alice = Stage::open("Alice").await;
        let sql =
            format!("begin; savepoint a; {ends}; select pg_terminate_backend(pg_backend_pid())");
        let told = alice.ask(&sql).await;
        let Some(Kind::Lost { in_transaction, .. }) = told.last() else { panic!("{told:?}") };
        assert_eq!(*in_transaction, is_open, "{ends}");
    }
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_statement_can_come_back() {
    let mut cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.unwrap();
    let mut alice = Stage::start("Alice", target(&cluster), &[]);
    assert!(matches!(alice.next().await, Kind::Connected { .. }));
    alice.send("select pg_sleep(600)");
    assert!(matches!(alice.next().await, Kind::Sent { .. }));
    cluster.restart().await.unwrap();
    assert!(matches!(alice.answer().await.last(), Some(Kind::Lost { .. })));
    alice.session.reconnect();
    assert!(matches!(alice.next().await, Kind::Connected { .. }));
    assert_eq!(cell(&alice.ask("select 1").await), Some("1"));
    alice.session.close().await;
    cluster.stop().await.unwrap();
}

/// A backend that waits for a lock would not notice that its client is gone.
#[tokio::test]
async fn closing_a_session_that_waits_gives_up_its_place() {
    let mut bob = Stage::open("Bob").await;
    let mut alice = Stage::open("Alice").await;
    bob.ask("begin; select pg_advisory_xact_lock(20261122)").await;
    alice.send("select pg_advisory_lock(20261122)");
    assert!(matches!(alice.next().await, Kind::Sent { .. }));
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                   and objid = 20261122";
    let deadline = Instant::now() + DEADLINE;
    while cell(&bob.ask(waiting).await) != Some("1") {
        assert!(Instant::now() < deadline, "the backend does not wait");
    }
    alice.session.close().await;
    while cell(&bob.ask(waiting).await) != Some("0") {
        assert!(Instant::now() < deadline, "the backend still waits");
    }
    while let Some(event) = alice.events.recv().await {
        if event.kind == Kind::Closed {
            return;
        }
    }
    panic!("Closed was never told");
}

#[tokio::test]
async fn a_full_channel_does_not_keep_a_session_from_closing() {
    let (told, events) = mpsc::channel(1);
    let (name, target) = (SessionName::new("Alice"), target(support::server()));
    let application = format!("overbooked/{name}");
    let (prelude, clock) = (Vec::new(), Instant::now());
    let options = SessionOptions { name, application, target, prelude, clock, guardian: None };
    let session = Session::start(options, told.clone());
    session.submit(SubmissionId(1), "select generate_series(1, 5000)".into(), None);
    let full = async {
        while told.capacity() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, full).await.expect("full");
    tokio::time::timeout(DEADLINE, session.close()).await.expect("closed");
    drop(events);
}

#[tokio::test]
async fn what_comes_in_another_encoding_is_shown_and_not_replaced() {
    let mut stage = Stage::open("Latin").await;
    stage.send("set client_encoding to latin1");
    stage.answer().await;
    stage.send("select U&'caf\\00e9' as U&\"\\00e9\"");
    let answer = stage.answer().await;
    let columns = answer.iter().find_map(|kind| match kind {
        Kind::Columns(columns) => Some(columns.clone()),
        _ => None,
    });
    let rows = answer.iter().find_map(|kind| match kind {
        Kind::Rows(rows) => Some(rows.clone()),
        _ => None,
    });
    let drawn = overbooked::reports::psql::result(&columns.unwrap(), &rows.unwrap(), 1);
    assert_eq!(
        drawn,
        ["  \\xE9   ", "---------", " caf\\xE9", "(1 row)"].map(str::to_owned).to_vec()
    );
    stage.send("do $$ begin raise exception '%', U&'caf\\00e9'; end $$");
    let answer = stage.answer().await;
    let failed = answer.iter().find_map(|kind| match kind {
        Kind::Failed(message) => Some(message.clone()),
        _ => None,
    });
    let told = overbooked::reports::psql::message(
        &failed.unwrap(),
        "",
        overbooked::reports::psql::Verbosity::Default,
    );
    assert_eq!(told[0], "ERROR:  caf\\xE9");
    stage.session.close().await;
}
