//! However somebody leaves, nothing is committed because of it: on the user's own table, Alice
//! holds a row, Bob's autocommit UPDATE waits for her, and her going must not let it through.
//!
//! The real program, in a pseudo-terminal where it has one, on a database of the test's.

use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::interval;

use crate::headless::{complaint, told, written};
use crate::patience::url;
use crate::support::{Database, ending_signals};
use crate::terminal::{MIDDLE, Terminal, key};

mod killed;

/// How often it is looked whether something is so: others want the processor, too.
const LOOK: Duration = Duration::from_millis(5);

/// Longer than any machine needs; a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(30);

const STOCK: &str = "\
-- Stock
--
-- sessions: Alice, Bob, Carol

-- setup
create table orders (id int primary key);

-- Alice: takes the row
begin;
update public.stock set n = n + 100;

-- Bob: wants it too
update public.stock set n = n + 1;
--> waits for Alice

-- Carol: sleeps
select pg_sleep(600);
";

const STOCK_SPEC: &str = "\
setup { create table orders (id int); }
teardown { drop table orders; }
session alice
step take { begin; update public.stock set n = n + 100; }
session bob
step want { update public.stock set n = n + 1; }
session carol
step sleep { select pg_sleep(600); }
permutation take want sleep
";

/// Carol has begun, and so everybody has.
const SLEEPS: &str = "select exists (select from pg_stat_activity where datname = \
    current_database() \
                      and query like '%pg_sleep(600)%' and state = 'active' and pid <> \
                      pg_backend_pid())";

/// A database with the user's own table in it.
struct Shop {
    options: PgConnectOptions,
    /// As the program is told of it.
    url: String,
}

impl Shop {
    async fn open() -> Self {
        let database = Database::create().await;
        Self::open_in(database.sqlx_options(), url(&database)).await
    }

    async fn open_in(options: PgConnectOptions, url: String) -> Self {
        let shop = Self { options, url };
        let make = "create table public.stock (n int); insert into public.stock values (0)";
        let mut own = shop.connect().await;
        sqlx::raw_sql(make).execute(&mut own).await.unwrap();
        shop
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options).await.unwrap()
    }

    async fn waits_until(&self, what: &str, condition: &str) {
        let mut own = self.connect().await;
        let is_so = async {
            let mut look = interval(LOOK);
            while !sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(condition.to_owned()))
                .fetch_one(&mut own)
                .await
                .unwrap()
            {
                look.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, is_so).await.unwrap_or_else(|_| panic!("never {what}"));
    }

    /// Waits until nobody of ours is there any more.
    async fn is_left(&self) {
        let gone = "select not exists (select from pg_stat_activity where datname = \
            current_database() \
                    and pid <> pg_backend_pid() and application_name like '%overbooked%')";
        self.waits_until("gone", gone).await;
    }

    /// The same, and looks at what they have left.
    async fn is_as_it_was(&self, way: &str) {
        self.is_left().await;
        let mut own = self.connect().await;
        let look = "select n::bigint, (select count(*) from pg_namespace where nspname like \
            'overbooked%') from public.stock";
        let left: (i64, i64) = sqlx::query_as(look).fetch_one(&mut own).await.unwrap();
        assert_eq!(left, (0, 0), "{way}");
    }
}

/// A console in which Bob waits for Alice.
fn waiting_console(arguments: &[&str]) -> Terminal {
    let mut console = Terminal::open(MIDDLE, arguments);
    play_until_bob_waits(&mut console);
    console
}

fn play_until_bob_waits(console: &mut Terminal) {
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.wait_for("carol=#");
    console.type_keys(key::F5);
    console.wait_for("alice=*#");
    console.type_keys(key::F5);
    console.wait_for("waits for Alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_by_key_or_signal_commits_nothing() {
    let (_folder, path) = written("stock.sql", STOCK);
    for way in std::iter::once("Ctrl-Q").chain(ending_signals()) {
        let shop = Shop::open().await;
        let code = tokio::task::block_in_place(|| {
            let mut console = waiting_console(&["--url", &shop.url, &path]);
            if way == "Ctrl-Q" {
                console.type_keys(key::CONTROL_Q);
                console.wait_for("Alice has an open transaction. Leaving rolls it back.");
                console.wait_for("Bob's statement waits for Alice. Leaving cancels it.");
                console.type_keys("y");
            } else {
                console.signal(way);
            }
            console.wait_for_end()
        });
        assert_eq!(code, if way == "Ctrl-Q" { 0 } else { 130 }, "{way}");
        shop.is_as_it_was(way).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_a_comparison_commits_nothing() {
    let (_folder, path) = written("stock.sql", STOCK);
    let shop = Shop::open().await;
    tokio::task::block_in_place(|| {
        let mut console = waiting_console(&["--url", &shop.url, &path]);
        console.signal("TERM");
        console.wait_for_end();
        let mut both = Terminal::open(MIDDLE, &["compare", "--url", &shop.url, &path]);
        both.wait_for("Sessions:");
        both.type_keys(key::ENTER);
        both.wait_until_gone("Sessions:");
        both.type_keys(key::F5);
        both.type_keys(key::F5);
        both.wait_for("waits for Alice");
        both.type_keys(key::CONTROL_Q);
        both.wait_for("Leave?");
        both.type_keys("y");
        assert_eq!(both.wait_for_end(), 0);
    });
    shop.is_as_it_was("compare").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_others_wait_for_is_closed_only_after_a_question() {
    let (_folder, path) = written("stock.sql", STOCK);
    let shop = Shop::open().await;
    tokio::task::block_in_place(|| {
        let mut console = waiting_console(&["--url", &shop.url, &path]);
        console.type_keys(key::F5);
        console.wait_for("carol");
        console.type_keys(key::TAB);
        console.type_keys(key::CONTROL_D);
        console.wait_for("Bob's statement, waiting for it, will then proceed.");
        console.type_keys("n");
        console.wait_until_gone("Close?");
        console.signal("TERM");
        assert_eq!(console.wait_for_end(), 130);
    });
    shop.is_as_it_was("asked").await;
}

const HOLDER: &str = "OVERBOOKED_TEST_HOLDS_A_TERMINAL";

/// Not a test of its own: holds the other end of a console's terminal, until the test below kills
/// it.
#[test]
#[ignore = "is started by the tests below"]
fn holder() {
    let Some(arguments) = std::env::var_os(HOLDER) else { return };
    let arguments = arguments.into_string().unwrap();
    let words: Vec<&str> = arguments.split('\n').collect();
    let (program, arguments) = words.split_first().unwrap();
    let mut console = Terminal::run(std::path::Path::new(program), MIDDLE, arguments, &[]);
    play_until_bob_waits(&mut console);
    console.wait_for("never, before somebody kills us");
}

/// Starts a console in a terminal that another process holds, and kills that once Bob waits.
async fn loses_its_terminal(shop: &Shop, command: &[&str]) {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaving::holder", "--ignored", "--nocapture", "--test-threads=1"])
        .env(HOLDER, command.join("\n"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waits = "select exists (select from pg_stat_activity where datname = current_database() \
                 and application_name = 'overbooked/Bob' and wait_event_type = 'Lock')";
    shop.waits_until("waiting", waits).await;
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_closed_or_dies_commits_nothing() {
    let (_folder, path) = written("stock.sql", STOCK);
    let program = env!("CARGO_BIN_EXE_overbooked");
    // The first has a controlling terminal and hears SIGHUP; the second reads EIO and hears
    // nothing.
    let knows_sessions = Command::new("setsid").arg("--version").output().is_ok();
    for before in [&[][..], &["setsid", "--wait"]].into_iter().take(1 + usize::from(knows_sessions))
    {
        let shop = Shop::open().await;
        let command = [before, &[program, "--url", &shop.url, &path]].concat();
        loses_its_terminal(&shop, &command).await;
        shop.is_as_it_was(&format!("{before:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_play_that_is_interrupted_commits_nothing() {
    for (name, text) in [("stock.sql", STOCK), ("stock.spec", STOCK_SPEC)] {
        let (_folder, path) = written(name, text);
        let shop = Shop::open().await;
        let playing = Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(["play", "--url", &shop.url, &path])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shop.waits_until("asleep", SLEEPS).await;
        let pid = playing.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let output = playing.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}{}", told(&output), complaint(&output));
        shop.is_as_it_was(name).await;
    }
}
