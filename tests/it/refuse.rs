//! `overbooked serve --refuse`, with programs that know nothing of it: one that tries again ends
//! right, one that does not fails, and what is lost has happened.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use overbooked::cluster::SUPERUSER;
use overbooked::debugger::refuser::Refuser;
use sqlx::Connection as _;

use crate::debug_wire::MODES;
use crate::gateway::Served;
use crate::headless::{complaint, overbooked, told};
use crate::raw::Raw;
use crate::support::{self, Database};

const ENGINES: [&str; 2] = ["postgres", "optimistic"];

/// `overbooked serve` in front of a database of its own.
struct Refusing {
    database: Database,
    child: Child,
    out: BufReader<ChildStdout>,
    port: String,
}

impl Refusing {
    async fn start(engine: &str, rules: &[&str]) -> Self {
        let database = Database::create().await;
        let cluster = support::server();
        let url = format!(
            "host={} port={} user={SUPERUSER} dbname={}",
            cluster.folder().display(),
            cluster.port(),
            database.name()
        );
        let mut child = Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(["serve", "--engine", engine, "--listen", "127.0.0.1:0", "--url", &url])
            .args(rules.iter().flat_map(|rule| ["--refuse", rule]))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().to_owned();
        let setup = "create table counters (id int primary key, n int); \
                     insert into counters values (1, 0), (2, 0)";
        let straight = Command::new("psql").args(["-XqAt", &url, "-c", setup]).output().unwrap();
        assert!(straight.status.success(), "{}", complaint(&straight));
        Self { database, child, out, port }
    }

    fn url(&self) -> String {
        let (port, database) = (&self.port, self.database.name());
        format!("host=127.0.0.1 port={port} user={SUPERUSER} dbname={database}")
    }

    /// What psql says to this through the gateway, errors in its place.
    fn psql(&self, sql: &str) -> String {
        let script = "exec psql -XqAt -v VERBOSITY=verbose \"$1\" <<< \"$2\" 2>&1";
        let url = format!("{} application_name=alice", self.url());
        let output = Command::new("bash").args(["-c", script, "psql", &url, sql]).output().unwrap();
        told(&output)
    }

    /// The number that is stored, whoever looks.
    async fn stored(&self) -> i32 {
        let mut connection = sqlx::PgConnection::connect_with(&self.database.sqlx_options()).await;
        let row = sqlx::query_scalar("select n from counters where id = 1");
        row.fetch_one(connection.as_mut().unwrap()).await.unwrap()
    }

    /// Ctrl-C; what was told since the start.
    fn stop(mut self) -> String {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        let mut told = String::new();
        self.out.read_to_string(&mut told).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(130), "{told}");
        told
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        // It may be gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The program that adds; nothing where psycopg is not installed.
fn booker(refusing: &Refusing, manner: &str) -> Option<Output> {
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).output();
    if !python(&["-c", "import psycopg"]).is_ok_and(|output| output.status.success()) {
        eprintln!("left out: psycopg is not installed");
        return None;
    }
    Some(python(&["-c", include_str!("refuse/booker.py"), &refusing.url(), manner]).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_tries_again_ends_right() {
    for engine in ENGINES {
        for fault in ["40001", "OC000"] {
            let rule = format!("commit:every 3 as {fault}");
            let refusing = Refusing::start(engine, &[&rule]).await;
            let Some(output) = booker(&refusing, "retry") else { return };
            assert_eq!(told(&output), "added 10 in 14\n", "{engine}: {}", complaint(&output));
            assert_eq!(refusing.stored().await, 10, "{engine}");
            let told = refusing.stop();
            let refused = format!("refused: {SUPERUSER} commits ({rule})\n");
            assert_eq!(told.matches(&refused).count(), 4, "{engine}: {told}");
            let retried = format!("retried: {SUPERUSER} reads counters");
            assert_eq!(told.matches(&retried).count(), 4, "{engine}: {told}");
            assert!(told.ends_with("\nrefused 4, retried 4, given up 0\n"), "{engine}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_try_again_fails() {
    for engine in ENGINES {
        let refusing = Refusing::start(engine, &["commit:every 3"]).await;
        let Some(output) = booker(&refusing, "once") else { return };
        let complaint = complaint(&output);
        let words = "40001 could not serialize access due to concurrent update";
        assert!(complaint.contains(words), "{engine}: {complaint}");
        assert_eq!(output.status.code(), Some(1), "{engine}");
        assert_eq!(refusing.stored().await, 2, "{engine}");
        let told = refusing.stop();
        assert!(told.ends_with("\nrefused 1, retried 0, given up 1\n"), "{engine}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_what_is_lost_for_what_has_failed_adds_twice() {
    for engine in ENGINES {
        let refusing = Refusing::start(engine, &["commit:4 as lost"]).await;
        let Some(output) = booker(&refusing, "retry") else { return };
        assert_eq!(told(&output), "added 10 in 11\n", "{engine}: {}", complaint(&output));
        assert_eq!(refusing.stored().await, 11, "{engine}");
        let told = refusing.stop();
        assert!(told.ends_with("\nrefused 1, retried 1, given up 0\n"), "{engine}: {told}");
    }
}

const ADD: &str = "begin;\nupdate counters set n = n + 1 where id = 1;\ncommit;\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_has_happened_and_what_is_cut_has_not() {
    for engine in ENGINES {
        for (fault, stored) in [("lost", 1), ("cut", 0)] {
            let refusing = Refusing::start(engine, &[&format!("commit:1 as {fault}")]).await;
            let said = refusing.psql(ADD);
            assert!(said.contains("connection to server was lost"), "{engine}: {said}");
            assert_eq!(refusing.stored().await, stored, "{engine}: {fault}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_and_server_agree_on_what_has_failed() {
    for engine in ENGINES {
        let refusing = Refusing::start(engine, &["update counters:1 as 40P01"]).await;
        let said = refusing.psql(&format!("{ADD}select n from counters where id = 1;\n{ADD}"));
        let (first, rest) = said.split_once('\n').unwrap();
        assert_eq!(first, "ERROR:  40P01: deadlock detected", "{engine}: {said}");
        assert_eq!(rest.trim(), "0", "{engine}: {said}");
        assert_eq!(refusing.stored().await, 1, "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_is_a_rollback() {
    for engine in ENGINES {
        let refusing = Refusing::start(engine, &["commit:1 as 23505"]).await;
        let said = refusing.psql(&format!("{ADD}select n from counters where id = 1;"));
        assert!(said.starts_with("ERROR:  23505: refused on demand\n"), "{engine}: {said}");
        assert!(said.ends_with("\n0\n"), "{engine}: {said}");
        assert_eq!(refusing.stored().await, 0, "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_is_counted_for_itself() {
    let refusing = Refusing::start("postgres", &["commit:2", "actor alice and commit:1"]).await;
    refusing.psql(&format!("{ADD}{ADD}"));
    assert_eq!(refusing.stored().await, 0);
    let told = refusing.stop();
    let report = "refused 2, retried 1, given up 1\n  \
                  commit:2 as 40001: refused 1, retried 0, given up 1\n  \
                  actor alice and commit:1 as 40001: refused 1, retried 1, given up 0\n";
    assert!(told.ends_with(report), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_refused() {
    let refusing = Refusing::start("postgres", &["50% seed 7 as OC001"]).await;
    let said = refusing.psql(&"update counters set n = n + 1 where id = 1;\n".repeat(40));
    let refused = said.matches("schema has been updated by another transaction").count();
    assert!((10..=30).contains(&refused), "{refused}: {said}");
    assert_eq!(usize::try_from(refusing.stored().await).unwrap(), 40 - refused);
    assert!(refusing.stop().contains(&format!("\nrefused {refused}, ")));
}

#[test]
fn a_wrong_rule_is_told_with_its_place() {
    let output = overbooked(&["serve", "--refuse", "commit:1", "--refuse", "updat seats:1"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = complaint(&output);
    let words = "refusal `updat seats:1`, column 1: there is no condition `updat`; did you mean \
                 update?";
    assert!(complaint.contains(words), "{complaint}");
}

/// A transaction in one go, as a program in pipeline mode sends it; what is answered.
async fn at_once(client: &mut Raw, is_extended: bool) -> String {
    let mut answers = Vec::new();
    let statements = ["begin", "update counters set n = n + 1", "commit"];
    if is_extended {
        for sql in statements {
            client.parse("", sql).bind("", "").execute("");
        }
        return client.sync().says().await;
    }
    for sql in statements {
        client.query(sql);
    }
    for _ in statements {
        answers.push(client.says().await);
    }
    answers.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_come_at_once_are_judged_one_by_one() {
    for (mode, is_extended) in MODES.into_iter().flat_map(|mode| [(mode, true), (mode, false)]) {
        let (refuser, _lines) = Refuser::new(["commit:1".parse().unwrap()]);
        let hooks = refuser.clone();
        let served = Served::with(|options| {
            options.mode = mode;
            options.hooks = Some(hooks);
        })
        .await;
        let setup = "create table counters (id int primary key, n int); \
                     insert into counters values (1, 0)";
        served.outsider().await.batch_execute(setup).await.unwrap();
        let database = format!("database\0{}\0", served.database());
        let mut client = Raw::connect_with(served.folder.path(), &database).await.0;
        let first = at_once(&mut client, is_extended).await;
        assert!(first.ends_with("!40001 ZI"), "{mode:?} {is_extended}: {first}");
        let committed = at_once(&mut client, is_extended).await;
        assert!(committed.ends_with("[COMMIT] ZI"), "{mode:?} {is_extended}: {committed}");
        let row = served.outsider().await.query_one("select n from counters", &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 1, "{mode:?} {is_extended}");
        assert_eq!(refuser.finish(), "refused 1, retried 1, given up 0\n", "{mode:?}");
    }
}
