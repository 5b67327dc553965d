//! A console without a scenario, on tables that somebody has: what is typed is all that is done to
//! them.

use std::path::PathBuf;
use std::process::Command;

use sqlx::{Connection as _, PgConnection};

use crate::headless::{complaint, overbooked, written};
use crate::patience::url;
use crate::pgbouncer::PgBouncer;
use crate::support::Database;
use crate::terminal::{MIDDLE, Terminal, WIDE, key};

const OWN: &str = "\
create table public.inventory (sku text primary key, n int not null check (n >= 0));
insert into public.inventory values ('bolt', 10), ('nut', 20);
create table public.orders (id int generated always as identity primary key,
                            sku text not null references public.inventory, n int not null);
insert into public.orders (sku, n) values ('bolt', 1);
";

struct Own {
    database: Database,
    url: String,
}

impl Own {
    async fn with(sql: &'static str) -> Self {
        let database = Database::create().await;
        let own = Self { url: url(&database), database };
        own.run(sql).await;
        own
    }

    async fn tables() -> Self {
        Self::with(OWN).await
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.database.sqlx_options()).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.connect().await).await.unwrap();
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// All that is in the database, as `pg_dump` writes it.
    fn dump(&self) -> String {
        let dumped = Command::new(pg_dump()).args(["--dbname", &self.url]).output().unwrap();
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        let text = String::from_utf8(dumped.stdout).unwrap();
        // Newer versions write a key of their own at random.
        text.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
    }

    fn console(&self, arguments: &[&str]) -> Terminal {
        let mut all = vec!["--url", &self.url];
        all.extend(arguments);
        Terminal::open(MIDDLE, &all)
    }
}

/// The one beside the server that the tests run on, so that both are of one version.
fn pg_dump() -> PathBuf {
    let named = crate::support::cluster_options().binaries;
    let major = crate::support::server().version().major();
    let usual = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let beside = named.unwrap_or(usual).join("pg_dump");
    if beside.exists() { beside } else { PathBuf::from("pg_dump") }
}

fn leave(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_tables_are_shown_with_their_locks() {
    let own = Own::tables().await;
    let before = own.dump();
    tokio::task::block_in_place(|| {
        let watched = ["--watch", "inventory", "--watch", "public.orders"];
        let mut console = own.console(&[&watched[..], &["--sessions", "Ann,Ben"]].concat());
        console.wait_for("inventory, public.orders");
        console.wait_for("ben=#");
        console.wait_for("bolt");
        assert!(!console.screen().contains("script"), "{}", console.screen());
        console.type_keys("begin; select * from inventory where sku = 'nut' for update;\r");
        console.wait_for("◐ Ann");
        console.type_keys(key::TAB);
        console.type_keys("select * from inventory where sku = 'nut' for update;\r");
        console.wait_for("waits for Ann: row nut");
        console.type_keys(key::F5);
        console.wait_for("no script here");
        console.type_keys(key::F8);
        console.wait_for("Ann has an open transaction.");
        console.type_keys("n");
        console.wait_until_gone("Start again?");
        leave(&mut console);
    });
    assert_eq!(own.dump(), before, "nothing was sent that changes anything");
    let schemas = "select count(*) from pg_namespace where nspname like 'overbooked%'";
    assert_eq!(own.number(schemas).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_looked_for_where_the_server_looks() {
    let own = Own::tables().await;
    own.run("create schema app; create table app.parts (id int); insert into app.parts values (7)")
        .await;
    let name = own.database.name().to_owned();
    let path = format!("alter database {name} set search_path = app, public");
    sqlx::raw_sql(sqlx::AssertSqlSafe(path)).execute(&mut own.connect().await).await.unwrap();
    tokio::task::block_in_place(|| {
        let mut console = own.console(&["--watch", "parts"]);
        console.wait_for("bob=#");
        console.wait_for("1 row");
        console.type_keys("show search_path;\r");
        console.wait_for("app, public");
        leave(&mut console);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_typed_is_ever_sent_again_nor_is_the_setup() {
    let own = Own::tables().await;
    let (_folder, setup) = written("setup.sql", "insert into orders (sku, n) values ('nut', 2);\n");
    tokio::task::block_in_place(|| {
        let mut console = own.console(&["--watch", "inventory", "--setup", &setup]);
        console.wait_for("bob=#");
        console.type_keys("update inventory set n = n - 1 where sku = 'bolt';\r");
        console.wait_for("UPDATE 1");
        console.type_keys(key::F8);
        console.wait_until_gone("UPDATE 1");
        console.wait_for("bob=#");
        console.type_keys(key::F2);
        console.wait_for("optimistic on");
        console.wait_for("bob=#");
        console.type_keys(key::F6);
        console.wait_for("no script here");
        console.type_keys("select n, 'seen' as is from inventory where sku = 'bolt';\r");
        console.wait_for("seen");
        leave(&mut console);
    });
    let bolts = own.number("select n::bigint from inventory where sku = 'bolt'").await;
    let orders = own.number("select count(*) from orders where sku = 'nut'").await;
    assert_eq!((bolts, orders), (9, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn psqls_variables_say_where_the_tables_are() {
    let own = Own::tables().await;
    let (folder, service) = written(
        "services.conf",
        &format!("[shop]\n{}\n", own.url.split(' ').collect::<Vec<_>>().join("\n")),
    );
    let host = crate::support::server().folder().display().to_string();
    let port = crate::support::server().port().to_string();
    let name = own.database.name();
    let user = overbooked::cluster::SUPERUSER;
    for variables in [
        &[("PGSERVICE", "shop"), ("PGSERVICEFILE", service.as_str())][..],
        &[("PGHOST", &host), ("PGPORT", &port), ("PGDATABASE", name), ("PGUSER", user)],
    ] {
        tokio::task::block_in_place(|| {
            let mut console = Terminal::open_with(MIDDLE, &["--watch", "inventory"], variables);
            console.wait_for("bolt");
            console.wait_for("bob=#");
            leave(&mut console);
        });
    }
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_server_has_room_for_tables_of_ones_own() {
    tokio::task::block_in_place(|| {
        for engine in ["postgres", "optimistic"] {
            let mut console = Terminal::open(WIDE, &["--sessions", "3", "--engine", engine]);
            console.wait_for("Mallory ─ idle");
            console.type_keys("create table parts (id int primary key, name text);\r");
            console.wait_for("CREATE TABLE");
            console.type_keys("insert into parts values (1, 'sprocket');\r");
            console.wait_for("│ sprocket");
            console.type_keys("begin; update parts set name = 'gear';\r");
            console.wait_for("1 not yet committed");
            console.type_keys("commit;\r");
            console.wait_for("│ gear");
            leave(&mut console);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_to_twelve_sessions_have_room() {
    let own = Own::tables().await;
    tokio::task::block_in_place(|| {
        for (count, last) in [("1", "alice=#"), ("12", "alice=#")] {
            let mut console = own.console(&["--watch", "inventory", "--sessions", count]);
            console.wait_for(last);
            console.type_keys("update inventory set n = n where sku = 'bolt';\r");
            console.wait_for("UPDATE 1");
            leave(&mut console);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_commits_nothing() {
    let own = Own::tables().await;
    tokio::task::block_in_place(|| {
        let mut console = own.console(&["--watch", "inventory"]);
        console.wait_for("bob=#");
        console.type_keys("begin; update inventory set n = 0 where sku = 'bolt';\r");
        console.wait_for("1 not yet committed");
        console.type_keys(key::TAB);
        console.type_keys("update inventory set n = n + 100 where sku = 'bolt';\r");
        console.wait_for("waits for Alice");
        console.signal("KILL");
        console.wait_for_end();
    });
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
    let others = "select count(*) from pg_stat_activity where datname = current_database() \
                  and application_name like 'overbooked%'";
    let gone = async {
        while own.number(others).await > 0 {
            tick.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.unwrap();
    assert_eq!(own.number("select n::bigint from inventory where sku = 'bolt'").await, 10);
}

#[test]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let (_folder, bad) = written("bad.sql", "create table t (id int);\n\\d t\n");
    for (arguments, words) in [
        (&["--watch", "x", "play", "deadlock"][..], "cannot be used with"),
        (&["deadlock", "--watch", "x"], "cannot be used with"),
        (&["compare", "--watch", "x"], "unexpected argument '--watch'"),
        (&["--watch", "a b"], "is not a table's name"),
        (&["--sessions", "0"], "--sessions: 0 is not a number from 1 to 60"),
        (&["--setup", "/nonexistent.sql"], "cannot read /nonexistent.sql"),
        (&["--setup", &bad], "bad.sql:2:1"),
    ] {
        let output = overbooked(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(complaint(&output).contains(words), "{arguments:?}: {}", complaint(&output));
    }
}

#[test]
fn a_setup_that_fails_says_where() {
    let (_folder, setup) = written("bad.sql", "select 1;\nselect * from nowhere;\n");
    let mut console = Terminal::open(WIDE, &["--sessions", "2", "--setup", &setup]);
    console.wait_for("bad.sql:2:15");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn comparing_would_set_two_engines_on_the_same_tables() {
    let mut console = Terminal::open(MIDDLE, &["--sessions", "2"]);
    console.wait_for("bob=#");
    console.type_keys("\x1bc");
    console.wait_for("both engines would play on the same tables");
    leave(&mut console);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_appears_later_is_watched_from_then_on() {
    let own = Own::tables().await;
    let mut console = tokio::task::block_in_place(|| {
        let mut console = own.console(&["--watch", "inventory", "--watch", "later"]);
        console.wait_for("There is no table later.");
        console.wait_for("bob=#");
        console
    });
    own.run("create table later (id int primary key, t text); insert into later values (1, 'now')")
        .await;
    tokio::task::block_in_place(|| {
        console.wait_until_gone("There is no table later.");
        console.wait_for("│ now");
        leave(&mut console);
    });
}

/// What is typed into Ann and Ben, written down, and played again elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_becomes_a_scenario_that_plays() {
    let own = Own::tables().await;
    own.run(
        "create type mood as enum ('glad'); \
         create table public.\"Odd Name\" (\"order\" serial primary key, m mood, \
            twice int generated always as (3 * 2) stored, t text default 'it''s'); \
         insert into \"Odd Name\" (m, t) values ('glad', E'a\\\\b''c\\n-- Ann: x'), (null, null); \
         create unique index odd on \"Odd Name\" (t); \
         create function f() returns trigger language plpgsql as 'begin return new; end'; \
         create trigger audit before update on inventory for each row execute function f()",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    tokio::task::block_in_place(|| {
        let program = env!("CARGO_BIN_EXE_overbooked");
        let tables = "--watch inventory --watch orders --watch '\"Odd Name\"'";
        let line = format!(
            "cd {} && exec {program} --url '{}' {tables} --sessions Ann,Ben",
            folder.path().display(),
            own.url
        );
        let mut console = Terminal::run(std::path::Path::new("sh"), WIDE, &["-c", &line], &[]);
        console.wait_for("ben=#");
        console.type_keys("begin; update inventory set n = n - 1 where sku = 'nut' returning n;\r");
        console.wait_for("UPDATE 1");
        console.type_keys(key::TAB);
        console.type_keys("update inventory set n = 0 where sku = 'nut';\r");
        console.wait_for("waits for Ann");
        console.type_keys("\x1b[Z");
        console.type_keys("insert into orders (sku, n) values ('nut', 5) returning id;\r");
        console.wait_for("INSERT 0 1");
        console
            .type_keys("insert into \"Odd Name\" (t) values ('new') returning \"order\", twice;\r");
        console.wait_for("3 |     6");
        console.type_keys("commit;\r");
        console.wait_for("COMMIT");
        console.wait_until("Ben's answer", |screen| !screen.contains("─ waiting"));
        console.type_keys("\x13");
        console.wait_for("written: console.md, .mmd, .sql, .svg");
        leave(&mut console);
    });
    let path = folder.path().join("console.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("the type mood of Odd Name"), "{text}");
    let path = path.to_str().unwrap();
    let before = own.dump();
    let played = overbooked(&["play", "--url", &own.url, path]);
    let told = crate::headless::told(&played);
    assert_eq!(played.status.code(), Some(0), "{text}\n\n{told}\n{}", complaint(&played));
    assert_eq!(own.dump(), before, "it plays on copies");
    let elsewhere = text.replace(" mood", " text");
    std::fs::write(path, elsewhere).unwrap();
    let played = overbooked(&["play", path]);
    assert_eq!(played.status.code(), Some(0), "{}", crate::headless::told(&played));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_played_through_where_sessions_stay_sessions() {
    let own = Own::tables().await;
    for mode in ["session", "transaction"] {
        let Some(pooler) = PgBouncer::start_in(mode, &own.database).await else {
            eprintln!("PgBouncer is not installed: nothing is tested");
            return;
        };
        tokio::task::block_in_place(|| {
            let arguments = ["--url", &pooler.url(&own.database), "--watch", "inventory"];
            let mut console = Terminal::open(WIDE, &arguments);
            if mode == "session" {
                console.wait_for("bob=#");
                console.type_keys("begin; select * from inventory where n = 20 for update;\r");
                console.wait_for("◐ Alice");
            } else {
                console.wait_for("a pooler in transaction mode is in front of it");
            }
            leave(&mut console);
        });
    }
}
