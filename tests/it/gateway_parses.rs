//! Several statements that are prepared before the first of them is bound, through the optimistic
//! engine: what the first does to the copies of large tables is no matter to the others.

use std::time::Duration;

use tokio_postgres::Client;

use crate::gateway::{Served, says};
use crate::raw::{Raw, line};

const TABLES: &str = "create table parents (id int primary key, n int); \
     create table children (id int primary key, \
       parent int references parents on delete cascade on update cascade, n int); \
     create table plain (id int primary key, n int); \
     insert into parents select n, n from generate_series(1, 9) n; \
     insert into children select n, n, n from generate_series(1, 9) n; \
     insert into plain select n, n from generate_series(1, 9) n";

/// What needs all rows of large tables, and what is prepared beside it.
const STATEMENTS: [(&str, &str); 11] = [
    (
        "update plain set n = n + (select min(id) from plain)",
        "update plain set n = n * 2 where id = 3",
    ),
    (
        "update public.plain set n = n + (select min(id) from public.plain)",
        "update public.plain set n = n * 2 where id = 3 returning n",
    ),
    ("update plain set n = n + (select min(id) from plain)", "insert into plain values (10, 10)"),
    (
        "update plain set n = n + (select min(id) from plain)",
        "select n from plain where id = 3 for update",
    ),
    (
        "update plain set n = n + (select min(id) from plain)",
        "insert into plain values (3, 0) on conflict (id) do update set n = plain.n * 2",
    ),
    (
        "update parents set id = 30 where id = 3",
        "update parents set n = n * 2 where id = 4 returning n",
    ),
    ("update parents set id = 30 where id = 3", "insert into children values (10, 30, 10)"),
    ("delete from parents where id = 3", "update parents set n = n * 2 where id = 4 returning n"),
    ("delete from parents where id = 3", "delete from children where id = 4"),
    ("delete from parents where id = 3", "insert into children values (10, 3, 10)"),
    ("delete from parents where id = 3", "select count(*) from children where n < 5"),
];

type Conversation = fn(&mut Raw, &str, &str);

const CONVERSATIONS: [Conversation; 8] = [
    |raw, first, second| {
        raw.parse("a", first).parse("b", second);
        raw.bind("", "a").execute("").bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.parse("b", second).parse("a", first);
        raw.bind("", "a").execute("").bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.parse("a", first).describe("Sa").parse("b", second).describe("Sb");
        raw.bind("one", "a").bind("two", "b").execute("one").execute("two").sync();
    },
    |raw, first, second| {
        raw.parse("a", first).parse("b", second);
        raw.bind("", "b").execute("").bind("", "a").execute("").bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.parse("a", first).parse("b", second).parse("c", "select 1");
        raw.bind("", "a").execute("").sync().bind("", "c").execute("").sync();
        raw.bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.parse("b", second).query(first).bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.query("begin").parse("a", first).parse("b", second).parse("c", "commit");
        raw.bind("", "a").execute("").bind("", "b").execute("").bind("", "c").execute("").sync();
        raw.query("rollback").bind("", "b").execute("").sync();
    },
    |raw, first, second| {
        raw.query("begin").parse("a", first).parse("b", second).parse("c", "rollback");
        raw.bind("", "a").execute("").bind("", "c").execute("").bind("", "b").execute("").sync();
    },
];

async fn all(client: &Client) -> String {
    let tables = ["parents", "children", "plain"];
    let all = tables.map(|table| format!("select * from {table} order by id"));
    says(client, &all.join("; ")).await
}

/// Sends all of it, and says what is answered up to this many `ReadyForQuery`.
async fn told(served: &Served, conversation: Conversation, statements: (&str, &str)) -> String {
    let database = format!("database\0{}\0", served.database());
    let (mut raw, _) = Raw::connect_with(served.folder.path(), &database).await;
    conversation(&mut raw, statements.0, statements.1);
    raw.query("select 'over'");
    let mut told = Vec::new();
    while told.last().is_none_or(|said: &String| !said.contains("over")) {
        told.push(raw.says().await);
    }
    told.join("; ")
}

async fn emptied(served: &Served) -> Client {
    let outsider = served.outsider().await;
    outsider
        .batch_execute(&format!("drop table if exists children, parents, plain; {TABLES}"))
        .await
        .unwrap();
    outsider
}

async fn is_the_same_as_on_the_stored_tables(served: Served) {
    let straight = Served::passing_through().await;
    for statements in STATEMENTS {
        for (at, conversation) in CONVERSATIONS.into_iter().enumerate() {
            let (mut said, mut stored) = (Vec::new(), Vec::new());
            for served in [&straight, &served] {
                let outsider = emptied(served).await;
                said.push(told(served, conversation, statements).await);
                stored.push(all(&outsider).await);
            }
            assert_eq!(said[1], said[0], "{at}: {statements:?}");
            assert_eq!(stored[1], stored[0], "{at}: {statements:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_before_all_rows_were_brought_runs_behind_it() {
    is_the_same_as_on_the_stored_tables(Served::with(|options| options.large_from = 0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_beside_another_statement_runs_behind_it() {
    is_the_same_as_on_the_stored_tables(Served::start().await).await;
}

/// Prepares a statement beside DDL and runs it behind that, in a block of its own.
async fn run_behind_ddl(raw: &mut Raw, sql: &str, is_first: bool) -> String {
    raw.parse("", sql).bind("", "").execute("").sync();
    let mut told = vec![raw.says().await];
    let mut parses = [("ddl", "create table other (id int)"), ("p", sql)];
    if is_first {
        parses.reverse();
    }
    for (name, sql) in parses {
        raw.parse(name, sql);
    }
    raw.bind("", "ddl").execute("").sync();
    told.push(raw.says().await);
    raw.query("begin");
    told.push(raw.says().await);
    raw.bind("", "p").execute("").sync();
    told.push(raw.says().await);
    told.join("; ")
}

/// Nobody outside waits for what an open transaction has changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_beside_ddl_finds_the_copies() {
    let statements = [
        "update plain set n = 0 where id = 1",
        "update public.plain set n = 0 where id = 1",
        "update plain set n = (select 0 from plain limit 1) where id = 1",
    ];
    let cases = statements.into_iter().flat_map(|sql| [(sql, false), (sql, true)]);
    for (sql, is_first) in cases {
        for large_from in [0, u64::MAX] {
            let served = Served::with(|options| options.large_from = large_from).await;
            let outsider = emptied(&served).await;
            let mut raw = Raw::connect(served.folder.path()).await;
            let said = run_behind_ddl(&mut raw, sql, is_first).await;
            let expected =
                "1 2 [UPDATE 1] ZI; 1 1 2 [CREATE TABLE] ZI; [BEGIN] ZT; 2 [UPDATE 1] ZT";
            assert_eq!(said, expected, "{large_from}: {sql}: {is_first}");
            let look = "select n from plain where id = 1 for update nowait";
            assert_eq!(says(&outsider, look).await, "0; (1)", "{large_from}: {sql}: {is_first}");
        }
    }
}

/// The copies are made anew while a Parse waits to be sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_while_the_copies_went_finds_the_new_ones() {
    let served = Served::start().await;
    let (outsider, other) = (emptied(&served).await, served.client().await);
    let mut raw = Raw::connect(served.folder.path()).await;
    let update = "update plain set n = 0 where id = 1";
    raw.parse("", update).bind("", "").execute("").sync();
    assert_eq!(raw.says().await, "1 2 [UPDATE 1] ZI");
    raw.parse("a", update).send().await.unwrap();
    let is_begun = "select 1 from pg_stat_activity \
                    where datname = current_database() and state = 'idle in transaction'";
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let has_begun = async {
        while says(&outsider, is_begun).await == "(0)" {
            pace.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), has_begun).await.expect("it begins");
    assert_eq!(says(&other, "create table other (id int)").await, "(0)");
    raw.parse("b", "select count(*) from parents").bind("", "a").execute("").flush();
    assert_eq!(line(&raw.until(b'C').await), "1 1 2 [UPDATE 1]");
    let look = "select n from plain where id = 1 for update nowait";
    assert_eq!(says(&outsider, look).await, "0; (1)");
}
