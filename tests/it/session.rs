//! Sessions against a real server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::engine::postgres::{Cluster, SUPERUSER};
use overbooked::event::{Event, Kind, SessionName, SubmissionId};
use overbooked::session::{Session, SessionOptions};
use overbooked::wire::Target;
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
        let (told, events) = mpsc::channel(16);
        let prelude = prelude.iter().map(ToString::to_string).collect();
        let name = SessionName::new(name);
        let options = SessionOptions { name, target, prelude, clock: Instant::now() };
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
