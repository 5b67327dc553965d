//! Which pairs of concurrent transactions conflict: every pair of things that can be done to a row,
//! on the same row and on different ones, in both orders of COMMIT, with small tables and large
//! ones.
//!
//! What each claims stands beside it, so the table below is the service's matrix ("Concurrency
//! control in Aurora DSQL", "Working with foreign key constraints in Aurora DSQL") and not ours.

use tokio_postgres::Client;

use crate::gateway::{CONFLICT, Served, says, succeeded};

/// What a statement claims of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// FOR KEY SHARE, and what a row that refers to another claims of that.
    KeyShare,
    /// UPDATE of columns that no unique index has.
    Update,
    /// INSERT, DELETE, UPDATE of a key, FOR UPDATE.
    Strong,
}

use Claim::{KeyShare, Strong, Update};

/// What is claimed, counted from the row that a statement is about: a row of a number, or a value
/// that only one row may have.
type Claimed = (i32, Claim);

/// A statement, and what it claims.
type Deed = (&'static str, &'static [Claimed]);

const THIS: i32 = 0;
const NEW: i32 = 10;
const OTHER_NEW: i32 = 20;
const TAG: i32 = 1_000;
const CHILD: i32 = 2_000;
const NEW_CHILD: i32 = 3_000;

/// What is done to row `:r`, and what that claims.
const DEEDS: &[Deed] = &[
    ("select * from p where id = :r", &[]),
    ("insert into p values (:r + 10, :r + 200)", &[(NEW, Strong), (TAG, Strong)]),
    ("insert into p values (:r + 20, :r + 200)", &[(OTHER_NEW, Strong), (TAG, Strong)]),
    ("update p set note = 'x' where id = :r", &[(THIS, Update)]),
    ("update p set id = id + 10 where id = :r", &[(THIS, Strong), (NEW, Strong)]),
    ("update p set tag = :r + 200 where id = :r", &[(THIS, Strong), (TAG, Strong)]),
    ("delete from p where id = :r", &[(THIS, Strong)]),
    ("delete from p where id = :r; insert into p values (:r, :r + 100)", &[(THIS, Strong)]),
    ("select * from p where id = :r for update", &[(THIS, Strong)]),
    ("select * from p where id = :r for key share", &[(THIS, KeyShare)]),
    (
        "select * from p where id = :r for update; update p set note = 'y' where id = :r",
        &[(THIS, Strong)],
    ),
    (
        "select * from p where id = :r for key share; update p set note = 'y' where id = :r",
        &[(THIS, Update)],
    ),
    (
        "insert into p values (:r, :r + 100) on conflict (id) do update set note = 'upsert'",
        &[(THIS, Update)],
    ),
    (
        "insert into p values (:r + 10, :r + 200) on conflict (id) do update set note = 'upsert'",
        &[(NEW, Strong), (TAG, Strong)],
    ),
    ("insert into p values (:r, :r + 100) on conflict (id) do nothing", &[]),
    ("update p set note = 'x' where id = :r + 5000", &[]),
];

/// The same of the rows that refer to `:r`, where a foreign key ties them.
const CHILDREN: &[Deed] = &[
    ("insert into c values (:r + 10, :r)", &[(THIS, KeyShare), (NEW_CHILD, Strong)]),
    ("insert into c values (:r + 10, null)", &[(NEW_CHILD, Strong)]),
    ("update c set parent = :r where id = :r", &[(THIS, KeyShare), (CHILD, Update)]),
    ("update c set note = 'x' where id = :r", &[(CHILD, Update)]),
    ("delete from c where id = :r", &[(CHILD, Strong)]),
    (
        "insert into c values (:r + 10, :r); update p set note = 'y' where id = :r",
        &[(THIS, Update), (NEW_CHILD, Strong)],
    ),
    (
        "update p set note = 'y' where id = :r; insert into c values (:r + 10, :r)",
        &[(THIS, Update), (NEW_CHILD, Strong)],
    ),
    (
        "select * from p where id = :r for update; insert into c values (:r + 10, :r)",
        &[(THIS, Strong), (NEW_CHILD, Strong)],
    ),
    (
        "insert into c values (:r + 10, :r); select * from p where id = :r for update",
        &[(THIS, Strong), (NEW_CHILD, Strong)],
    ),
    ("insert into c values (:r + 10, :r); delete from c where id = :r + 10", &[(THIS, KeyShare)]),
];

const PARENTS: &str = "create table p (id int primary key, tag int unique, note text)";
const TIED: &str = "create table c (id int primary key, parent int references p, note text)";
const FILL: &str = "delete from p where id > 0; \
    insert into p select n, n + 100 from generate_series(1, 4) n";
const FILL_CHILDREN: &str = "delete from c; insert into c select n, n + 2 from \
    generate_series(1, 2) n";

fn conflict(one: Claim, other: Claim) -> bool {
    match (one, other) {
        (Strong, _) | (_, Strong) | (Update, Update) => true,
        (KeyShare, _) | (_, KeyShare) => false,
    }
}

/// Whether two sets of claims conflict, of rows that are so far apart.
fn conflicts(one: &[Claimed], other: &[Claimed], apart: i32) -> bool {
    let meets = |(at, claim): &Claimed| {
        other.iter().any(|(to, done)| *at == to + apart && conflict(*claim, *done))
    };
    one.iter().any(meets)
}

async fn each(client: &Client, script: &str) {
    for statement in script.split(';') {
        let said = says(client, statement).await;
        assert!(succeeded(&said), "{statement}: {said}");
    }
}

/// A script as one message, which must succeed.
async fn all(client: &Client, script: &str) {
    let said = says(client, script).await;
    assert!(succeeded(&said), "{script}: {said}");
}

/// Plays each of these against each of those, in both orders of COMMIT, on the same row and on
/// another; `reset` makes the rows what they were.
async fn pairs(served: &Served, these: &[Deed], those: &[Deed], reset: &str) {
    let (one, other) = (served.client().await, served.client().await);
    let keeper = served.client().await;
    let mut wrong = Vec::new();
    let pairs = these.iter().flat_map(|this| those.iter().map(move |that| (this, that)));
    for (this, that) in pairs {
        for (first, second, apart) in [(this, that, 0), (that, this, 0), (this, that, 1)] {
            all(&keeper, reset).await;
            let (first_sql, second_sql) = (about(first, 1), about(second, 1 + apart));
            all(&one, "begin").await;
            all(&other, &format!("begin; {second_sql}")).await;
            all(&one, &format!("{first_sql}; commit")).await;
            let expected = if conflicts(first.1, second.1, apart) { CONFLICT } else { "(0)" };
            let said = says(&other, "commit").await;
            if said != expected {
                wrong.push(format!("{first_sql} | {second_sql}: {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn about((sql, _): &Deed, row: i32) -> String {
    sql.replace(":r", &row.to_string())
}

async fn served(large_from: Option<u64>, schema: &[&str]) -> Served {
    let served = Served::with(|options| {
        if let Some(large_from) = large_from {
            options.large_from = large_from;
        }
    });
    let served = served.await;
    served.outsider().await.batch_execute(&schema.join("; ")).await.unwrap();
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_on_a_small_table_conflicts_as_the_matrix_says() {
    let served = served(None, &[PARENTS]).await;
    pairs(&served, DEEDS, DEEDS, FILL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_on_a_large_table_conflicts_as_the_matrix_says() {
    let served = served(Some(0), &[PARENTS]).await;
    pairs(&served, DEEDS, DEEDS, FILL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_refers_to_another_claims_its_key() {
    let served = served(Some(0), &[PARENTS, TIED]).await;
    let deeds: Vec<_> = DEEDS.iter().chain(CHILDREN).copied().collect();
    let reset = format!("delete from c; {FILL}; {FILL_CHILDREN}");
    pairs(&served, CHILDREN, &deeds, &reset).await;
}

/// Of rows that a foreign key ties: its actions, what two transactions do, and whether they
/// conflict. `p` has rows 1 to 4, and `c` has row 1, which refers to 1, and 2, which refers to
/// nothing. The default of what refers is 3.
const TIES: &[(&str, &str, &str, bool)] = &[
    ("", "delete from p where id = 2", "insert into c values (9, 2)", true),
    ("", "update p set id = 20 where id = 2", "insert into c values (9, 2)", true),
    ("", "update p set note = 'x' where id = 2", "insert into c values (9, 2)", false),
    ("", "select 1 from p where id = 2 for update", "insert into c values (9, 2)", true),
    ("", "select 1 from p where id = 2 for key share", "insert into c values (9, 2)", false),
    ("", "insert into c values (8, 2)", "insert into c values (9, 2)", false),
    ("", "delete from p where id = 2", "update c set parent = 2 where id = 1", true),
    ("", "update c set parent = null where id = 1", "insert into c values (9, 1)", false),
    ("", "delete from p where id = 2", "update c set note = 'x' where id = 1", false),
    ("", "delete from p where id = 2", "insert into c values (9, 1), (10, null)", false),
    (
        "",
        "delete from p where id = 4",
        "insert into c select 10 + id, id from p where id in (2, 4)",
        true,
    ),
    ("on delete restrict", "delete from p where id = 2", "insert into c values (9, 2)", true),
    ("on delete cascade", "delete from p where id = 1", "update c set note = 'x'", true),
    ("on delete cascade", "delete from p where id = 1", "delete from c where id = 1", true),
    ("on delete cascade", "delete from p where id = 1", "insert into c values (9, 1)", true),
    ("on delete cascade", "delete from p where id = 1", "select from c for key share", true),
    ("on delete cascade", "delete from p where id = 1", "delete from p where id = 3", false),
    ("on delete cascade", "delete from p where id = 1", "delete from c where id = 2", false),
    ("on delete set null", "delete from p where id = 1", "update c set note = 'x'", true),
    ("on delete set null", "delete from p where id = 1", "select from c for update", true),
    ("on delete set null", "delete from p where id = 1", "select from c for key share", false),
    ("on delete set null", "delete from p where id = 1", "delete from p where id = 3", false),
    ("on delete set default", "delete from p where id = 1", "update c set note = 'x'", true),
    ("on delete set default", "delete from p where id = 1", "delete from p where id = 3", true),
    ("on delete set default", "delete from p where id = 1", "update p set note = 'x'", true),
    (
        "on delete set default",
        "delete from p where id = 1",
        "update p set note = 'x' where id = 3",
        false,
    ),
    ("on update cascade", "update p set id = 10 where id = 1", "update c set note = 'x'", true),
    ("on update cascade", "update p set id = 10 where id = 1", "insert into c values (9, 1)", true),
    ("on update set null", "update p set id = 10 where id = 1", "update c set note = 'x'", true),
    ("match full", "delete from p where id = 2", "insert into c values (9, 2)", true),
    (
        "deferrable initially deferred",
        "delete from p where id = 2",
        "insert into c values (9, 2)",
        true,
    ),
    (
        "deferrable initially deferred",
        "select 1 from p where id = 2 for update",
        "insert into c values (9, 2)",
        true,
    ),
    (
        "deferrable initially deferred",
        "update p set note = 'x' where id = 2",
        "insert into c values (9, 2)",
        false,
    ),
    (
        "deferrable",
        "select 1 from p where id = 2 for update",
        "set constraints all deferred; insert into c values (9, 2); set constraints all immediate",
        true,
    ),
];

const TIED_FILL: &str = "delete from c; delete from p; insert into p select n from \
    generate_series(1, 4) n; insert into c values (1, 1), (2, null)";

/// Each in both orders of COMMIT, on tables that are made for it.
async fn ties(served: &Served, keeper: &Client, ties: &[(&str, &str, &str, bool)]) -> Vec<String> {
    let (one, other) = (served.client().await, served.client().await);
    let mut wrong = Vec::new();
    for (actions, this, that, is_conflict) in ties {
        let schema = format!(
            "drop table if exists c; drop table if exists p; \
             create table p (id int primary key, note text); create table c (id int primary key, \
             parent int default 3 references p {actions}, note text)"
        );
        each(keeper, &schema).await;
        for (first, second) in [(this, that), (that, this)] {
            each(keeper, TIED_FILL).await;
            // The first look at a table that has been made anew tells that the schema has changed.
            for client in [&one, &other] {
                says(client, "select from c, p").await;
            }
            each(&one, &format!("begin; {first}")).await;
            each(&other, &format!("begin; {second}")).await;
            assert_eq!(says(&one, "commit").await, "(0)", "{actions}: {first}");
            let expected = if *is_conflict { CONFLICT } else { "(0)" };
            let said = says(&other, "commit").await;
            if said != expected {
                wrong.push(format!("{actions}: {first} | {second}: {said}"));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_foreign_key_does_to_rows_counts_as_done_to_them() {
    let served = Served::start().await;
    let keeper = served.client().await;
    let wrong = ties(&served, &keeper, TIES).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_may_lead_to_another_key_and_to_the_table_itself() {
    let served = Served::start().await;
    let schema = "create table p (id int primary key, code text unique, note text); \
        create table c (id int primary key, code text references p (code)); \
        create table tree (id int primary key, under int references tree on delete cascade, \
        note text); insert into p values (1, 'a'), (2, 'b'); \
        insert into tree values (1, null), (2, 1), (3, 2), (4, null)";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let (one, other) = (served.client().await, served.client().await);
    for (first, second, expected) in [
        ("insert into c values (1, 'a')", "update p set code = 'c' where id = 1", CONFLICT),
        ("insert into c values (2, 'a')", "update p set note = 'x' where id = 1", "(0)"),
        ("update p set code = 'd' where id = 2", "insert into c values (3, 'b')", CONFLICT),
        ("delete from tree where id = 4", "insert into tree values (5, 4)", CONFLICT),
        ("insert into tree values (6, 1)", "update tree set note = 'x' where id = 1", "(0)"),
        ("delete from tree where id = 1", "update tree set note = 'x' where id = 3", CONFLICT),
    ] {
        each(&one, &format!("begin; {first}")).await;
        each(&other, &format!("begin; {second}")).await;
        assert_eq!(says(&one, "commit").await, "(0)", "{first}");
        assert_eq!(says(&other, "commit").await, expected, "{first} | {second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_checked_at_commit_may_refer_to_what_came_later() {
    let served = Served::start().await;
    let schema = "create table p (id int primary key); create table c (id int primary key, \
        parent int references p deferrable initially deferred); insert into p values (1)";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let client = served.client().await;
    each(&client, "begin; insert into c values (1, 7); insert into p values (7); commit").await;
    each(&client, "begin; insert into c values (2, 8)").await;
    let said = says(&client, "commit").await;
    assert!(said.starts_with("23503"), "{said}");
    each(&client, "begin; delete from p where id = 7").await;
    let said = says(&client, "commit").await;
    assert!(said.starts_with("23503"), "{said}");
    assert_eq!(says(&client, "select * from c").await, "1|7; (1)");
}
