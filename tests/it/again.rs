//! Going back undoes what is in the run's schema. What was committed outside is the user's, and is
//! done a second time only after a question.

use std::process::Command;

use sqlx::{Connection as _, PgConnection};

use crate::headless::{complaint, written};
use crate::patience::url;
use crate::support::Database;
use crate::terminal::{MIDDLE, Terminal, key};

const TAKINGS: &str = "\
-- Takings
--
-- sessions: Alice, Bob

-- setup
create table notes (id int primary key);

-- Alice: pays in
update public.takings set n = n + 1;

-- Bob: notes it
insert into notes values (1);

-- Bob: pays in, too, and thinks better of it
begin;
update public.takings set n = n + 100;
rollback;
";

async fn till() -> Database {
    let database = Database::create().await;
    let mut own = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let make = "create table public.takings (n int); insert into public.takings values (0)";
    sqlx::raw_sql(make).execute(&mut own).await.unwrap();
    database
}

async fn takings(database: &Database) -> i32 {
    let mut own = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    sqlx::query_scalar("select n from public.takings").fetch_one(&mut own).await.unwrap()
}

fn opened(arguments: &[&str]) -> Terminal {
    let mut console = Terminal::open(MIDDLE, arguments);
    console.wait_for("Takings");
    console.type_keys(key::ENTER);
    console.wait_for("bob=#");
    console
}

fn leave(mut console: Terminal) {
    console.signal("TERM");
    console.wait_for_end();
}

const LASTS: &str = "step 1 (Alice): public.takings";

#[tokio::test(flavor = "multi_thread")]
async fn going_back_over_what_is_somebodys_is_asked_first() {
    let (_folder, path) = written("takings.sql", TAKINGS);
    let database = till().await;
    let url = url(&database);
    let mut console = tokio::task::block_in_place(|| {
        let mut console = opened(&["--url", &url, &path]);
        console.type_keys(key::F5);
        console.wait_for("UPDATE 1");
        console.type_keys(key::F5);
        console.wait_for("INSERT 0 1");
        for (keys, title) in
            [(key::F6, "Go back?"), (key::F8, "Start again?"), (key::F2, "Switch?")]
        {
            console.type_keys(keys);
            console.wait_for(title);
            console.wait_for(LASTS);
            console.type_keys("n");
            console.wait_until_gone(title);
        }
        console.type_keys(key::F5);
        console.wait_for("ROLLBACK");
        console
    });
    assert_eq!(takings(&database).await, 1, "nothing was done again");
    tokio::task::block_in_place(|| {
        console.type_keys(key::F6);
        console.wait_for("Step 1 is sent again at once");
        console.type_keys("y");
        console.wait_until_gone("Go back?");
        console.wait_for("step 3 of 3");
        leave(console);
    });
    assert_eq!(
        takings(&database).await,
        2,
        "done again, as was agreed to, and what was rolled back is not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_server_that_is_thrown_away_nobody_is_asked() {
    let text = TAKINGS.replace(
        "create table notes",
        "create table public.takings as select 0 as n;\ncreate table notes",
    );
    let text = text.replace("-- setup\n", "-- setup\ndrop table if exists public.takings;\n");
    let (_folder, path) = written("takings.sql", &text);
    tokio::task::block_in_place(|| {
        let mut console = opened(&[&path]);
        console.type_keys(key::F5);
        console.wait_for("UPDATE 1");
        console.type_keys(key::F8);
        console.wait_until_gone("UPDATE 1");
        leave(console);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anybody_to_ask_nothing_is_done_twice() {
    let (_folder, path) = written("takings.sql", TAKINGS);
    let database = till().await;
    let output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["compare", "--url", &url(&database), &path])
        .output()
        .unwrap();
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("repeat its changes outside the run's schema"), "{said}");
    assert!(said.contains(LASTS), "{said}");
    assert_eq!(takings(&database).await, 0, "nothing was played");
}
