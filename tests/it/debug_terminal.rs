//! The debugger in a real terminal, with psql as somebody's program.

use std::process::{Child, Command, Output, Stdio};

use overbooked::debugger::tables::TableName;
use sqlx::{Connection as _, PgConnection};

use crate::headless::{complaint, overbooked, told};
use crate::patience::url;
use crate::support::Database;
use crate::terminal::{MIDDLE, SMALL, Size, Terminal, WIDE, key};

const F10: &str = "\x1b[21~";
const CONTROL_S: &str = "\x13";
const ALT_B: &str = "\x1bb";

const STOCK: &str =
    "create table stock (id int primary key, n int); insert into stock values (1, 10)";

/// A database with a stock of ten, and the debugger before it.
struct Debugged {
    database: Database,
    folder: tempfile::TempDir,
}

impl Debugged {
    async fn new() -> Self {
        let debugged =
            Self { database: Database::create().await, folder: tempfile::tempdir().unwrap() };
        sqlx::raw_sql(STOCK).execute(&mut debugged.connect().await).await.unwrap();
        debugged
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.database.sqlx_options()).await.unwrap()
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// How many triggers of ours there are.
    async fn gates(&self) -> i64 {
        self.number("select count(*) from pg_trigger where tgname like 'overbooked%'").await
    }

    fn open(&self, size: Size, arguments: &str) -> Terminal {
        let program = env!("CARGO_BIN_EXE_overbooked");
        let line = format!(
            "cd {} && exec {program} debug --url '{}' --listen 127.0.0.1:0 --watch stock \
             {arguments}",
            self.folder.path().display(),
            url(&self.database)
        );
        let mut console = Terminal::run("sh".as_ref(), size, &["-c", &line], &[]);
        console.wait_for("DATABASE_URL=postgres://");
        console
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

/// What the screen says is to be used in the place of the database's address.
fn way_in(console: &Terminal) -> String {
    let screen = console.screen();
    let shown = screen.split("DATABASE_URL=").nth(1).unwrap();
    shown.split_whitespace().next().unwrap().to_owned()
}

/// A program of somebody's, which sends these one after the other.
fn psql(way_in: &str, name: &str, statements: &[&str]) -> Child {
    let commands = statements.iter().flat_map(|sql| ["-c", *sql]);
    Command::new("psql")
        .args(["-X", "-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=1", way_in])
        .args(commands)
        .env("PGAPPNAME", name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Takes one of the stock, as many programs do: reads, and writes what it has reckoned.
fn booker(way_in: &str, name: &str) -> Child {
    let read = "select n from stock where id = 1";
    psql(way_in, name, &["begin", read, "update stock set n = 9 where id = 1", "commit"])
}

fn end(program: Child) -> Output {
    program.wait_with_output().unwrap()
}

fn leave(console: &mut Terminal, question: bool) {
    console.type_keys(key::CONTROL_Q);
    if question {
        console.wait_for("Your programs lose their connections.");
        console.type_keys("y");
    }
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}

fn wait_for_count(console: &mut Terminal, text: &str, count: usize) {
    console.wait_until(&format!("{count} times {text}"), |screen| {
        screen.matches(text).count() == count
    });
}

/// An update is lost in six keys; one's own session reads meanwhile; the exports tell of it, and
/// the scenario plays it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_race_is_found_by_hand_and_written_down() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(WIDE, "");
        let way_in = way_in(&console);
        let alice = booker(&way_in, "alice");
        console.wait_for("alice ─ held");
        let bob = booker(&way_in, "bob");
        console.wait_for("2 held: alice, bob");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ updates stock 1", 2);
        // One after the other: of two that go at once either may be first at the row.
        console.type_keys(key::F5);
        console.wait_for("─ commits");
        console.type_keys(key::TAB);
        console.type_keys(key::F5);
        console.wait_for("─ waiting");
        console.type_keys(key::F9);
        console.wait_for("you=#");
        console.type_keys("select n + 100 from stock;\r");
        console.wait_for("110");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ ended", 1);
        console.wait_for("─ commits");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ ended", 2);
        assert!(end(alice).status.success() && end(bob).status.success());
        console.type_keys(CONTROL_S);
        console.wait_for("written: race.md, .mmd, .sql, .plan, .svg");
        leave(&mut console, false);
    });
    assert_eq!(debugged.number("select n::bigint from stock").await, 9, "one of two is lost");
    let story = debugged.file("race.md");
    assert!(story.contains("alice is held: reads stock 1 (touches stock)."), "{story}");
    assert!(story.contains("bob is let go."), "{story}");
    let diagram = debugged.file("race.mmd");
    assert!(diagram.contains(": held, updates stock 1"), "{diagram}");
    let plan = debugged.file("race.plan");
    assert!(plan.contains("alice: reads stock 1 |"), "{plan}");
    let path = debugged.folder.path().join("race.sql");
    let played = overbooked(&["play", path.to_str().unwrap()]);
    let text = debugged.file("race.sql");
    assert_eq!(played.status.code(), Some(0), "{text}\n{}\n{}", told(&played), complaint(&played));
    assert!(text.contains("--> waits for") && text.contains("-- You: types"), "{text}");
    assert!(text.contains("-- alice: sends") && text.contains("Seen by the debugger"), "{text}");
}

/// What was answered by hand and what was cut has the same end where the scenario is played.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_by_hand_is_written_down_too() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(MIDDLE, "--break 'write stock' --break commit");
        let way_in = way_in(&console);
        // At its UPDATE alice is answered 40001; bob's COMMIT is done, and he does not hear of it.
        for (name, keys) in [("alice", &[F10, "2"][..]), ("bob", &[key::F5, F10, "7"])] {
            let program = booker(&way_in, name);
            console.wait_for("─ updates stock 1");
            for (place, key) in keys.iter().enumerate() {
                if place == 1 && keys.len() > 2 {
                    console.wait_for("─ commits");
                }
                console.type_keys(key);
            }
            assert!(!end(program).status.success());
            console.wait_for(&format!("{name} ─ hung up"));
        }
        console.wait_for("the server has committed; its program does not know");
        console.type_keys(CONTROL_S);
        console.wait_for("written: race.md");
        leave(&mut console, false);
    });
    assert_eq!(debugged.number("select n::bigint from stock").await, 9);
    let story = debugged.file("race.md");
    assert!(story.contains("alice is answered 40001 by hand; the server has not seen: update"));
    assert!(story.contains("bob is let go, and cut off before the answer."), "{story}");
    assert!(story.contains("the server has committed; its program does not know"), "{story}");
    assert_eq!(story.matches("rolled back").count(), 1, "alice's alone: {story}");
    let plan = debugged.file("race.plan");
    assert!(plan.contains("alice: [40001] updates stock 1 | "), "{plan}");
    assert!(plan.contains("bob: [cut-after] commits | commit"), "{plan}");
    let path = debugged.folder.path().join("race.sql");
    let text = debugged.file("race.sql") + "\n-- finally\nselect n from stock;\n--> 9\n";
    std::fs::write(&path, &text).unwrap();
    let played = overbooked(&["play", path.to_str().unwrap()]);
    assert_eq!(played.status.code(), Some(0), "{text}\n{}\n{}", told(&played), complaint(&played));
    assert!(text.contains("is answered 40001 by hand") && text.contains("--> ERROR 40001"));
}

/// One key lets several go, and what was seen then is what the plan and the scenario play again.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_key_has_let_go_is_played_in_the_same_order() {
    let debugged = Debugged::new().await;
    let way_in = "psql -X -q -c begin -c 'select n from stock where id = 1' -c 'update stock set n \
                  = 9 where id = 1' -c commit";
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(WIDE, "");
        let address = self::way_in(&console);
        let programs = ["alice", "bob"].map(|name| {
            let program = booker(&address, name);
            console.wait_for(&format!("{name} ─ held"));
            program
        });
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ updates stock 1", 2);
        console.type_keys(key::F6);
        console.wait_for("─ waiting");
        console.wait_for("─ commits");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ ended", 1);
        console.wait_for("─ commits");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ ended", 2);
        assert!(programs.map(end).iter().all(|output| output.status.success()));
        console.type_keys(CONTROL_S);
        console.wait_for("written: race.md");
        leave(&mut console, false);
    });
    let path = |name: &str| debugged.folder.path().join(name).to_str().unwrap().to_owned();
    let played = overbooked(&["play", &path("race.sql")]);
    let text = debugged.file("race.sql");
    assert_eq!(played.status.code(), Some(0), "{text}\n{}\n{}", told(&played), complaint(&played));
    let [alice, bob] = ["alice", "bob"].map(|name| format!("{name}={way_in}"));
    let (url, plan) = (url(&debugged.database), path("race.plan"));
    let mut arguments = vec!["debug", "--url", &url, "--plan", &plan, "--repeat", "3"];
    arguments.extend(["--actor", &alice, "--actor", &bob, "--check", "select false"]);
    let played = overbooked(&arguments);
    let text = debugged.file("race.plan");
    assert_eq!(played.status.code(), Some(1), "{text}\n{}\n{}", told(&played), complaint(&played));
}

/// A program whose last statement was refused has no transaction that its end would undo.
#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_after_a_refused_commit_has_ended() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(MIDDLE, "--break commit");
        let alice = way_in(&console);
        let mut alice = raw_alice(&alice);
        console.wait_for("─ commits");
        console.type_keys(F10);
        console.type_keys("2");
        console.wait_for("alice ─ ended");
        leave(&mut console, false);
        alice.kill().unwrap();
        alice.wait().unwrap();
    });
}

/// psql that stays connected when its COMMIT has failed.
fn raw_alice(way_in: &str) -> Child {
    let script = "begin;\nupdate stock set n = 1;\ncommit;\n";
    let mut alice = Command::new("psql");
    alice.args(["-X", way_in]).env("PGAPPNAME", "alice").stdin(Stdio::piped());
    let mut alice = alice.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(alice.stdin.as_mut().unwrap(), script.as_bytes()).unwrap();
    alice
}

/// Its backend dies, and nobody says that the program has hung up.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_the_server_while_held_is_not_blamed() {
    let debugged = Debugged::new().await;
    let mut console = tokio::task::block_in_place(|| debugged.open(MIDDLE, ""));
    let alice = booker(&way_in(&console), "alice");
    tokio::task::block_in_place(|| console.wait_for("alice ─ held"));
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where application_name = 'alice' and datname = current_database()";
    assert_eq!(debugged.number(ended).await, 1);
    tokio::task::block_in_place(|| {
        console.wait_for("the server has ended its connection, and has not seen it");
        console.wait_for("connection lost: the server has ended the connection");
        assert!(!end(alice).status.success());
        leave(&mut console, false);
    });
}

/// What names a view on a watched table, or a partition of it, touches the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_watched_table_has_its_views_and_partitions_with_it() {
    let database = Database::create().await;
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let tables = "create table seats (id int) partition by range (id);
        create table seats_1 partition of seats for values from (1) to (10);
        create table seats_2 partition of seats for values from (10) to (20);
        create view free_seats as select * from seats;
        create view first_seats as select * from free_seats limit 1;
        create view all_seats as select * from seats_1;
        create table others (id int); create view other_ones as select * from others";
    sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
    let server = overbooked::debugger::verdict::Database::at(&database.target());
    for (watched, expected) in [
        ("seats", "all_seats first_seats free_seats seats_1 seats_2"),
        ("seats_2", "first_seats free_seats seats"),
        ("others", "other_ones"),
        ("nosuch", ""),
    ] {
        let watched = TableName::read(watched).unwrap();
        let relatives = server.relatives(&[watched]).await.unwrap();
        let mut names: Vec<_> = relatives.into_iter().map(|table| table.name).collect();
        names.sort();
        assert_eq!(names.join(" "), expected);
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_session_waits_behind_a_program() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(MIDDLE, "--break commit");
        console.wait_for("holds at: commit");
        let alice = booker(&way_in(&console), "alice");
        console.wait_for("─ commits");
        console.type_keys("x");
        console.wait_for("nothing can be typed into it");
        console.type_keys(key::F9);
        console.wait_for("you=#");
        console.type_keys("update stock set n = 3 where id = 1;\r");
        console.wait_for("waits for alice: row 1");
        // The only one that is held is meant, wherever the keys are.
        console.type_keys(key::F5);
        console.wait_for("UPDATE 1");
        console.wait_for("alice ─ ended");
        assert!(end(alice).status.success());
        leave(&mut console, false);
    });
    assert_eq!(debugged.number("select n::bigint from stock").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_given_in_the_servers_place() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(SMALL, "");
        let way_in = way_in(&console);
        let answers: [(&[&str], &str); 4] = [
            (&[key::CONTROL_C], "57014"),
            (&[F10, "2"], "40001"),
            (&[F10, "\x1b[B", "\x1b[B", "\r"], "40P01"),
            (&[F10, "6"], "server closed the connection unexpectedly"),
        ];
        for (keys, says) in answers {
            let alice = booker(&way_in, "alice");
            console.wait_for("─ reads");
            for key in keys {
                console.type_keys(key);
            }
            let said = complaint(&end(alice));
            assert!(said.contains(says), "{said}");
            console.wait_until_gone("─ reads");
        }
        // Whoever has lost his patience once is expected to do so again.
        let mut alice = booker(&way_in, "alice");
        console.wait_for("─ held 1.");
        alice.kill().unwrap();
        assert!(!alice.wait().unwrap().success());
        console.wait_for("─ hung up");
        let alice = booker(&way_in, "alice");
        console.wait_for(" left");
        console.wait_for("its program hung up");
        console.type_keys(key::CONTROL_D);
        console.wait_for("Cut the connection?");
        console.type_keys("y");
        assert_eq!(end(alice).status.code(), Some(2));
        console.wait_for("─ hung up");
        leave(&mut console, false);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn breakpoints_are_typed_in_a_panel() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(SMALL, "--hold watch");
        console.wait_for("holds nothing");
        console.type_keys(ALT_B);
        console.type_keys("writes stock\r");
        console.wait_for("did you mean write?");
        console.type_keys("\x15");
        console.paste("write stock");
        console.type_keys("\r");
        console.wait_for("holds at: write stock");
        console.type_keys(key::ESCAPE);
        console.wait_until_gone("what is held");
        let alice = booker(&way_in(&console), "alice");
        console.wait_for("─ updates stock 1");
        console.resize(Size { rows: 18, columns: 60 });
        console.wait_for("1 held: alice");
        console.resize(WIDE);
        console.wait_for("alice ─ held");
        console.type_keys(key::ENTER);
        console.wait_for("alice ─ ended");
        assert!(end(alice).status.success());
        leave(&mut console, false);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_ends_the_programs_and_takes_the_gate_away() {
    let debugged = Debugged::new().await;
    let mut console = tokio::task::block_in_place(|| debugged.open(MIDDLE, "--gate stock"));
    assert_eq!(debugged.gates().await, 1);
    tokio::task::block_in_place(|| {
        let alice = booker(&way_in(&console), "alice");
        console.wait_for("─ reads stock");
        console.type_keys(key::F5);
        console.wait_for("─ updates stock");
        leave(&mut console, true);
        let said = end(alice);
        assert_eq!(said.status.code(), Some(2), "{}", complaint(&said));
        assert!(!complaint(&said).is_empty());
    });
    assert_eq!(debugged.gates().await, 0);
    assert_eq!(debugged.number("select n::bigint from stock").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_debugger_leaves_goes_with_the_next_start() {
    let debugged = Debugged::new().await;
    let mut console = tokio::task::block_in_place(|| debugged.open(MIDDLE, "--gate stock"));
    tokio::task::block_in_place(|| {
        let alice = booker(&way_in(&console), "alice");
        console.wait_for("─ reads stock");
        console.signal("KILL");
        console.wait_for_end();
        assert_eq!(end(alice).status.code(), Some(2));
    });
    assert_eq!(debugged.gates().await, 1, "nobody could take it away");
    let mut console = tokio::task::block_in_place(|| debugged.open(MIDDLE, ""));
    assert_eq!(debugged.gates().await, 0, "also where none is asked for");
    tokio::task::block_in_place(|| leave(&mut console, false));
    assert_eq!(debugged.gates().await, 0);
}

/// The processor time that a process has had, in hundredths of a second.
fn processor_time(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The most memory that a process has had, in KiB.
fn most_memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// A held statement's seconds are drawn, and nothing else happens.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_and_who_is_idle_take_no_processor_time() {
    let debugged = Debugged::new().await;
    let mut console = tokio::task::block_in_place(|| debugged.open(MIDDLE, ""));
    let way_in = way_in(&console);
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(PgConnection::connect(&way_in).await.unwrap());
    }
    tokio::task::block_in_place(|| {
        console.wait_for("60 connections, all idle");
        let [alice, bob] = ["alice", "bob"].map(|name| booker(&way_in, name));
        console.wait_for("2 held");
        console.wait_until("both held", |screen| held_for(screen).len() == 2);
        let least = |screen: &str| held_for(screen).into_iter().fold(f64::MAX, f64::min);
        let since = least(&console.screen());
        let before = processor_time(console.pid());
        console.wait_until("four seconds", |screen| least(screen) >= since + 4.0);
        let spent = processor_time(console.pid()) - before;
        assert!(spent < 40, "{spent} hundredths of a second in four seconds");
        console.type_keys(ALT_B);
        console.type_keys("1");
        console.wait_for("holds nothing");
        console.type_keys(key::F6);
        wait_for_count(&mut console, "─ ended", 2);
        assert!(end(alice).status.success() && end(bob).status.success());
        leave(&mut console, false);
    });
    drop(idle);
}

/// How long each is held that the screen shows as held, in seconds.
fn held_for(screen: &str) -> Vec<f64> {
    let shown = screen.split("─ held ").skip(1);
    shown.filter_map(|rest| rest.split(" s ").next()?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_floods_takes_no_more_memory() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(MIDDLE, "--hold watch");
        let way_in = way_in(&console);
        let rows = "select repeat('x', 1000), n from stock, generate_series(1, 200000)";
        assert!(end(psql(&way_in, "reader", &[rows])).status.success());
        let many = "select * from stock;".repeat(40);
        let many: Vec<&str> = std::iter::repeat_n(many.as_str(), 40).collect();
        assert!(end(psql(&way_in, "sender", &many)).status.success());
        // What is told comes in one order, so what came before is on the screen then.
        assert!(end(psql(&way_in, "last", &["select n from stock"])).status.success());
        console.wait_for("last ─ ended");
        let most = most_memory(console.pid());
        assert!(most < 400 << 10, "{most} KiB");
        leave(&mut console, false);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_optimistic_engine_the_loser_is_told_why() {
    let debugged = Debugged::new().await;
    tokio::task::block_in_place(|| {
        let mut console = debugged.open(WIDE, "--engine optimistic --break commit");
        let way_in = way_in(&console);
        let [alice, bob] = ["alice", "bob"].map(|name| booker(&way_in, name));
        wait_for_count(&mut console, "─ commits", 2);
        console.type_keys(key::F6);
        console.wait_for("OC000");
        console.wait_for("changed row 1 of stock");
        let ends = [end(alice), end(bob)].map(|output| output.status.success());
        assert_eq!(ends.iter().filter(|is_fine| **is_fine).count(), 1);
        wait_for_count(&mut console, "─ ended", 2);
        leave(&mut console, false);
    });
}
