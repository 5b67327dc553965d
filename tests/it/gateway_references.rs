//! Foreign keys among large tables, of which copies hold no more rows than a transaction needs: to
//! a client they are no different. Small ones count as large here.

use crate::gateway::{CONFLICT, Served, says, succeeded};
use crate::gateway_large::run;

const TABLES: &str = "create table parents (id int primary key, code text unique, n int); \
     create table children (id int primary key, parent int references parents, \
       code text references parents (code) on update cascade, n int); \
     create table items (id int primary key, \
       child int references children on delete cascade, n int); \
     create table events (parent int references parents, what text); \
     create table tree (id int primary key, up int references tree); \
     create table pairs (a int, b int, primary key (a, b)); \
     create table halves (id int primary key, a int, b int, foreign key (a, b) references pairs); \
     create view offspring as select id as number, parent as of_whom from children; \
     insert into parents select n, 'code ' || n, n from generate_series(1, 50) n; \
     insert into children select n, n, 'code ' || n, n from generate_series(1, 20) n; \
     insert into items select n, n, n from generate_series(1, 20) n; \
     insert into events select n, 'event ' || n from generate_series(1, 20) n; \
     insert into tree values (1, null), (2, 1); \
     insert into pairs select n, n from generate_series(1, 9) n";

const ALL: [&str; 7] = [
    "table parents",
    "table children",
    "table items",
    "table events",
    "table tree",
    "table pairs",
    "table halves",
];

async fn served_from(large_from: u64) -> Served {
    let served = Served::with(|options| options.large_from = large_from).await;
    served.outsider().await.batch_execute(TABLES).await.unwrap();
    served
}

/// One transaction each, all of them one behind the other.
const SCRIPTS: &[&[&str]] = &[
    &["update parents set n = n + 1 where id = 1", "select n from parents where id = 1"],
    &["update children set n = n + 1 where id = 1", "update children set n = 0 where id = 1"],
    &[
        "insert into children values (21, 21, 'code 21', 21)",
        "insert into events values (21, 'born'), (null, 'nobody')",
        "select count(*) from events where parent = 21",
    ],
    &["insert into children values (22, 99, null, 22)"],
    &["insert into children values (22, 22, 'code 99', 22)"],
    &["insert into events values (1, 'one'), (99, 'none')"],
    &["update children set parent = 98 where id = 2"],
    &["update children set parent = 30, code = 'code 30' where id = 2", "table children"],
    &["update offspring set of_whom = 97 where number = 3"],
    &["update offspring set of_whom = 31 where number = 3"],
    &[
        "insert into parents values (51, 'code 51', 51)",
        "insert into children values (23, 51, 'code 51', 23)",
        "update parents set n = 52 where id = 51",
        "insert into items values (23, 23, 23)",
        "select c.id, p.n from children c join parents p on p.id = c.parent where c.id = 23",
    ],
    &["insert into tree values (3, 4), (4, 3)"],
    &["insert into tree values (5, 6)"],
    &["update tree set up = 3 where id = 1", "update tree set up = 77 where id = 2"],
    &["insert into halves values (1, 1, 1), (2, null, 99), (3, 99, null)"],
    &["insert into halves values (4, 1, 2)"],
    &["insert into children select n, n, null, n from generate_series(40, 45) n"],
    &["insert into children select n, n, null, n from generate_series(46, 55) n"],
    &["insert into children values (1, 99, null, 1) on conflict do nothing"],
    &[
        "insert into children values (1, 2, null, 1) on conflict (id) do update set parent = 33",
        "insert into children values (1, 2, null, 1) on conflict (id) do update set parent = 96",
    ],
    &["delete from children where id = 44"],
    &["delete from events where parent = 5", "delete from parents where id = 49"],
    &["delete from parents where id = 6"],
    &["update parents set id = 60 where id = 7"],
    &["update parents set id = 61 where id = 48", "insert into events values (61, 'moved')"],
    &["update parents set code = 'new' where id = 8", "select code from children where id = 8"],
    &[
        "insert into items values (90, 9, 90)",
        "delete from children where id = 9",
        "select count(*) from items where child = 9",
        "insert into events values (9, 'gone')",
        "insert into items values (91, 9, 91)",
    ],
    &["delete from children where id = 10", "select count(*) from items", "table items"],
    &["delete from children where id = 11", "insert into children values (11, 11, null, 0)"],
    &["with gone as (delete from items where id = 12 returning child) \
       insert into events select child, 'without' from gone"],
    &["prepare p as insert into events values ($1, $2)", "execute p (13, 'told')"],
    &["execute p (95, 'untold')"],
    // All rows are brought by a statement that is too much to tell, and nothing is tied by that.
    &[
        "with few as (select 15 as id) update children set n = 1 where id in (select id from few)",
        "insert into children values (200, 94, null, 1)",
    ],
    &[
        "with few as (select 15 as id) update children set n = 1 where id in (select id from few)",
        "insert into children values (200, 15, null, 1)",
        "delete from children where id = 15",
        "select count(*) from items where child = 15",
        "delete from parents where id = 15",
    ],
    &["delete from pairs where a = 9", "delete from pairs where a = 1"],
    &["select id from parents where id = 14 for update", "insert into events values (14, 'held')"],
    &["truncate items", "table items"],
];

/// Without what a local engine refuses: TRUNCATE is not one of the service's.
fn is_told_alike(script: &[&str]) -> bool {
    !script.iter().any(|sql| sql.starts_with("truncate"))
}

#[tokio::test]
async fn a_transaction_says_the_same_as_on_the_stored_tables() {
    for large_from in [0, u64::MAX] {
        let (served, straight) = (served_from(large_from).await, served_from(0).await);
        let (client, peer) = (served.client().await, straight.outsider().await);
        for script in SCRIPTS.iter().filter(|script| is_told_alike(script)) {
            let said = run(&client, script).await;
            assert_eq!(said, run(&peer, script).await, "{large_from}: {script:#?}");
            let (outsider, all) = (served.outsider().await, ALL.as_slice());
            let stored = run(&outsider, all).await;
            assert_eq!(stored, run(&peer, all).await, "{large_from}: {script:#?}");
            assert_eq!(run(&client, all).await, stored, "{large_from}: {script:#?}");
        }
    }
}

#[tokio::test]
async fn what_refers_to_nothing_is_told_as_postgresql_tells_it() {
    let (served, straight) = (served_from(0).await, served_from(0).await);
    let (client, peer) = (served.client().await, straight.outsider().await);
    for sql in [
        "insert into children values (22, 99, null, 22)",
        "update children set code = 'none' where id = 2",
        "insert into halves values (1, 1, 1), (4, 1, 2)",
        "delete from parents where id = 1",
        "update parents set id = 99 where id = 1",
    ] {
        let mut told = Vec::new();
        for session in [&client, &peer] {
            let error = session.simple_query(sql).await.unwrap_err();
            let error = error.as_db_error().unwrap();
            let names = (error.schema(), error.table(), error.column(), error.constraint());
            told.push(format!(
                "{} {} {:?} {:?} {names:?}",
                error.code().code(),
                error.message(),
                error.detail(),
                error.hint()
            ));
        }
        assert_eq!(told[0], told[1], "{sql}");
    }
}

/// A child's INSERT is a FOR KEY SHARE of its parent, whoever commits first.
#[tokio::test]
async fn who_comes_second_loses_at_commit() {
    let refer = "insert into events values (30, 'new')";
    for (one, other, expected) in [
        (refer, "delete from parents where id = 30", CONFLICT),
        (refer, "update parents set id = 300 where id = 30", CONFLICT),
        (refer, "update parents set code = 'other' where id = 30", CONFLICT),
        (refer, "select from parents where id = 30 for update", CONFLICT),
        (refer, "update parents set n = 0 where id = 30", "(0)"),
        (refer, "select from parents where id = 30 for key share", "(0)"),
        (refer, "insert into events values (30, 'newer')", "(0)"),
        (
            "update children set parent = 30 where id = 1",
            "delete from parents where id = 30",
            CONFLICT,
        ),
        (
            "update children set n = 30 where id = 1",
            "update parents set code = 'x' where id = 50",
            "(0)",
        ),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let served = served_from(0).await;
            let (bob, mallory) = (served.client().await, served.client().await);
            says(&bob, "begin").await;
            says(&mallory, "begin").await;
            assert!(succeeded(&says(&bob, first).await), "{first}");
            assert!(succeeded(&says(&mallory, second).await), "{second}");
            assert_eq!(says(&bob, "commit").await, "(0)", "{first}");
            assert_eq!(says(&mallory, "commit").await, expected, "{first}; {second}");
        }
    }
}

/// What is not needed of a large table is not copied, its foreign keys or not.
#[tokio::test]
async fn copies_hold_what_was_needed_and_nothing_is_left_of_them() {
    let served = served_from(0).await;
    let client = served.client().await;
    let held = "select count(*) from pg_temp.\"public.parents\"";
    let begun =
        "begin; insert into events values (1, 'one'); update children set n = 1 where id = 1";
    assert!(succeeded(&says(&client, begun).await));
    assert_eq!(says(&client, held).await, "0; (1)");
    assert_eq!(says(&client, "commit").await, "(0)");
    says(&client, "delete from parents where id = 50").await;
    assert_eq!(says(&client, "insert into events values (2, 'two')").await, "(1)");
    assert_eq!(says(&client, held).await, "0; (1)");
}
