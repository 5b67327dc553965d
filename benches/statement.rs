//! What a statement costs: ten thousand times `select 1` through a session, and through psql on one
//! connection.
//!
//! Both do their rounds in turn against the same server, so that whatever else the machine does
//! hits both; the best round of each counts. psql reads its statements from a file and prints each
//! result, as a session tells each as events.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::core::event::{Event, Kind, SessionName, SubmissionId};
use overbooked::pg::Target;
use overbooked::run::session::{Session, SessionOptions};
use tokio::sync::mpsc;

const STATEMENTS: u64 = 10_000;
const ROUNDS: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.expect("a server");
    let target = Target::unix(cluster.folder(), cluster.port(), SUPERUSER, "postgres");
    let file = script();
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(session(&target).await);
        theirs = theirs.min(psql(&cluster, file.path()));
    }
    report(ours, theirs);
    cluster.stop().await.expect("the server stops");
}

fn script() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for _ in 0..STATEMENTS {
        writeln!(file, "select 1;").expect("a line");
    }
    file
}

/// Each statement is sent when the one before is answered. Connecting is not counted.
async fn session(target: &Target) -> Duration {
    let (told, mut events) = mpsc::channel(256);
    let name = SessionName::new("Alice");
    let clock = Instant::now();
    let application = format!("overbooked/{name}");
    let (target, prelude) = (target.clone(), Vec::new());
    let options = SessionOptions { name, application, target, prelude, clock, guardian: None };
    let session = Session::start(options, told);
    events.recv().await.expect("a connection");
    let sql: Arc<str> = "select 1".into();
    let begun = Instant::now();
    for number in 0..STATEMENTS {
        session.submit(SubmissionId(number), sql.clone(), None);
        answered(&mut events).await;
    }
    let taken = begun.elapsed();
    session.close().await;
    taken
}

async fn answered(events: &mut mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        if matches!(event.kind, Kind::Ready { .. }) {
            return;
        }
    }
}

/// The whole of psql, less what it takes to run nothing.
fn psql(cluster: &Cluster, script: &Path) -> Duration {
    let run = |file: &Path| {
        let begun = Instant::now();
        let status = Command::new("psql")
            .args(["-X", "-q", "-d", "postgres", "-U", SUPERUSER, "-f"])
            .arg(file)
            .arg("-h")
            .arg(cluster.folder())
            .args(["-p", &cluster.port().to_string()])
            .stdout(Stdio::null())
            .status()
            .expect("psql on the path");
        assert!(status.success());
        begun.elapsed()
    };
    run(script).saturating_sub(run(Path::new("/dev/null")))
}

fn report(ours: Duration, theirs: Duration) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let text = format!(
        "{STATEMENTS} x select 1, best of {ROUNDS}\nsession {ours:>10.1?}\n\
         psql    {theirs:>10.1?}\nratio   {ratio:.2}\n"
    );
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}
