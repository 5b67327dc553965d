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
     create table notes (id int primary key, \
       item int unique references items on delete set null, n int); \
     create table tags (note int references notes, tag text); \
     create table branches (id int primary key, up int references branches on delete cascade); \
     create table leaves (id int primary key, branch int not null references branches \
       on delete set null); \
     create table nests (a int, b int, n int, primary key (a, b), \
       unique (n)); \
     create table eggs (id int primary key, a int, b int, n int references nests (n) \
       on delete cascade, foreign key (a, b) references nests on delete set null (b)); \
     create table safes (branch int primary key references branches on delete restrict); \
     create table halls (id int primary key, n int); \
     create table doors (id int primary key, hall int references halls on delete restrict, \
       other int references halls on delete cascade); \
     create table locks (id int primary key, hall int references halls on delete set null, n int, \
       code int generated always as (coalesce(hall, 0) + n) stored unique); \
     create table marks (id int primary key, n int, \
       g int generated always as (n * 10) stored unique); \
     create table signs (id int primary key, g int references marks (g) on delete set null, \
       mark int references marks on delete cascade); \
     insert into marks select n, n from generate_series(1, 9) n; \
     insert into signs select n, n * 10, 10 - n from generate_series(1, 9) n; \
     create schema \"S x\"; \
     create table \"S x\".\"Tab\"\"q\" (id int primary key, \
       hall int not null references halls on delete set null); \
     create view offspring as select id as number, parent as of_whom from children; \
     insert into parents select n, 'code ' || n, n from generate_series(1, 50) n; \
     insert into children select n, n, 'code ' || n, n from generate_series(1, 20) n; \
     insert into items select n, n, n from generate_series(1, 20) n; \
     insert into events select n, 'event ' || n from generate_series(1, 20) n; \
     insert into tree values (1, null), (2, 1); \
     insert into halls select n, n from generate_series(1, 9) n; \
     insert into doors values (1, 1, 1), (2, null, 2), (3, 7, 6), (4, 8, 9); \
     insert into \"S x\".\"Tab\"\"q\" values (1, 9); \
     insert into locks values (1, 3, 9), (2, 4, 5), (3, 5, 100); \
     insert into notes select n, n, n from generate_series(1, 15) n; \
     insert into tags values (1, 'a'), (2, 'b'); \
     insert into branches select n, nullif(n / 2, 0) from generate_series(1, 40) n; \
     insert into leaves values (1, 40); insert into safes values (39); \
     insert into nests select n, n, n from generate_series(1, 9) n; \
     insert into eggs select n, n, n, 10 - n from generate_series(1, 9) n; \
     insert into pairs select n, n from generate_series(1, 9) n";

const ALL: [&str; 20] = [
    "table marks",
    "table signs",
    "table \"S x\".\"Tab\"\"q\"",
    "table halls",
    "table doors",
    "table locks",
    "table notes",
    "table tags",
    "table branches",
    "table leaves",
    "table nests",
    "table eggs",
    "table safes",
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
    &["delete from parents where id in (16, 17, 18)"],
    &["delete from parents where id between 35 and 39", "table parents"],
    &["delete from events where parent = 4", "update events set parent = 4 where parent = 3"],
    &["insert into events values (45, 'once')", "delete from parents where id = 45"],
    &[
        "insert into parents values (70, 'code 70', 70)",
        "insert into events values (70, 'new')",
        "delete from parents where id = 70",
    ],
    &[
        "insert into parents values (71, 'code 71', 71)",
        "update parents set id = 72 where id = 71",
        "delete from parents where id = 72",
        "insert into events values (71, 'too late')",
    ],
    &["delete from parents where id = 46", "insert into events values (46, 'too late')"],
    &[
        "delete from parents where id = 46",
        "insert into parents values (46, null, 0)",
        "insert into events values (46, 'again')",
        "update parents set n = 1 where id = 46",
        "delete from parents where id = 46",
    ],
    &["update parents set id = id + 100 where id in (42, 43)", "table parents"],
    &["update parents set id = id + 100 where id in (1, 43)"],
    &["update parents set id = 90 - id where id in (44, 46)", "table parents"],
    &["insert into parents values (47, 'x', 0) on conflict (id) do update set id = 74"],
    &["insert into parents values (1, 'x', 0) on conflict (id) do update set id = 75"],
    &[
        "update parents set code = null where id = 33",
        "update parents set code = 'y' where id = 33",
    ],
    &["insert into tree values (10, 10), (11, 10)", "delete from tree where id = 11"],
    &["delete from tree where id = 10", "insert into tree values (12, 10)"],
    &["insert into tree values (20, null), (21, 20), (22, 21)", "delete from tree where id = 21"],
    &["insert into tree values (20, null), (21, 20), (22, 21)"],
    &["delete from tree where id in (20, 21)"],
    &["delete from tree where id in (20, 21, 22)", "insert into tree values (20, 1)"],
    &["update tree set id = 23 where id = 20", "update tree set id = 24, up = 24 where id = 23"],
    &["insert into tree values (30, 30)", "update tree set id = 31 where id = 30"],
    &["delete from halves where a = 1", "delete from pairs where a = 1"],
    &["insert into halves values (9, 2, 2)", "delete from pairs where (a, b) = (2, 2)"],
    &["update pairs set b = 30 where a = 3", "insert into halves values (10, 3, 3)"],
    &["update pairs set b = 30 where a = 3", "insert into halves values (10, 3, 30)"],
    &["prepare d as delete from parents where id = $1", "execute d (1)"],
    &["execute d (40)", "table parents"],
    &["delete from parents where id = 38 returning n", "select count(*) from parents"],
    &["delete from items where id = 20", "delete from items where id in (18, 19)"],
    &["delete from children where id = 18", "select count(*) from items"],
    &["delete from items where id = 1", "table notes"],
    &["delete from children where id = 14", "insert into notes values (14, 14, 0)"],
    &["delete from children where id = 14", "table notes", "insert into notes values (114, 14, 0)"],
    &["insert into items values (120, 14, 0)", "delete from children where id = 13", "table items"],
    &[
        "insert into children values (130, null, null, 0)",
        "insert into items values (130, 130, 0), (131, 130, 1)",
        "insert into notes values (130, 130, 0)",
        "delete from children where id = 130",
        "table notes",
        "delete from notes where id = 130",
    ],
    &[
        "update items set child = 8 where id = 7",
        "update notes set n = 1 where id = 8",
        "delete from children where id = 8",
        "select count(*) from items",
        "select * from notes where id in (7, 8)",
        "insert into items values (7, 4, 0), (8, 4, 0)",
        "update notes set item = 8 where id = 7",
    ],
    &["delete from notes where id = 1"],
    &["delete from notes where id = 3", "delete from items where id = 3"],
    &["delete from branches where id = 16", "select count(*) from branches"],
    &["delete from branches where id = 5"],
    &["delete from branches where id = 9"],
    &["delete from branches where id = 19"],
    &["delete from safes where branch = 39", "delete from branches where id = 19"],
    &["insert into safes values (33)", "delete from branches where id = 33"],
    &["delete from branches where id = 3 returning up", "select count(*) from branches"],
    &[
        "insert into branches values (50, 50), (51, 50), (52, 51)",
        "delete from branches where id = 50",
    ],
    &["insert into branches values (50, 4), (51, 50), (52, 51)"],
    &["delete from branches where id = 50", "insert into branches values (51, 4), (53, 51)"],
    &["delete from nests where a = 1", "table eggs"],
    &["delete from nests where a in (5, 2)", "table eggs"],
    &["delete from nests where a = 3", "insert into nests values (3, 3, 3)", "table eggs"],
    &["update eggs set n = 4 where id = 8", "delete from nests where a = 4", "table eggs"],
    &["delete from branches where id = 20", "delete from leaves where id = 1"],
    &["delete from branches where id = 20", "select count(*) from branches"],
    &["select id from items where child = 4 for update", "delete from children where id = 4"],
    &["insert into parents values (80, null, 0), (81, null, 0)", "delete from events"],
    &["delete from pairs where b < 0", "delete from nests", "table eggs"],
    &[
        "delete from leaves",
        "delete from safes",
        "delete from branches",
        "insert into safes values (3)",
    ],
    &["delete from children where id = 6", "insert into items values (6, 6, 99)", "table items"],
    &[
        "update items set child = 6 where id = 5",
        "delete from children where id = 5",
        "update items set child = 5 where id = 5",
    ],
    &["delete from items where id = 15", "update notes set item = 15 where id = 15"],
    &[
        "delete from items where child = 16",
        "delete from children where id = 16",
        "insert into items values (16, 16, 99)",
    ],
    &[
        "delete from events where parent = 12",
        "delete from children where id = 12",
        "delete from parents where id = 12",
        "insert into children values (12, 12, null, 0)",
    ],
    &[
        "delete from children where id = 6",
        "insert into children values (6, null, null, 0)",
        "insert into items values (6, 6, 98)",
        "delete from children where id = 6",
        "select count(*) from items",
        "insert into children values (6, null, null, 0)",
        "insert into items values (6, 6, 97)",
        "delete from children where id = 6",
        "table items",
    ],
    &["update nests set n = case a when 7 then 70 else 7 end where a in (7, 8)", "table eggs"],
    &["delete from nests where a in (8, 9)", "table eggs"],
    &["delete from marks where g = 90", "select * from signs where id in (1, 9)"],
    &["delete from marks where g = 10", "delete from marks where id = 2", "table marks"],
    &["delete from branches"],
    &["delete from tree", "insert into tree values (1, 1)"],
    &["delete from halls where id = 1"],
    &["with gone as (delete from halls where id = 1 returning n) select n from gone"],
    &["delete from halls where id = 2", "table doors"],
    &["delete from halls where id in (6, 7)", "table doors"],
    &["delete from halls where id in (8, 9)"],
    &["delete from halls where id = 9"],
    &["delete from halls where id = 3"],
    &["delete from halls where id = 5", "insert into locks values (4, null, 100)"],
    &["delete from halls where id in (3, 4)", "table locks"],
    &["select 1 as one from parents where id = 20 for update", "delete from parents where id = 20"],
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
        "delete from notes where id = 1",
        "delete from branches where id = 19",
        "delete from branches where id = 20",
        "delete from children where id = 1; insert into notes values (101, 1, 1)",
        "insert into children values (101, 98, 'x', 1), (102, 99, 'y', 1)",
        "insert into \"S x\".\"Tab\"\"q\" values (2, 99)",
        "delete from doors; delete from halls where id = 9",
        "insert into children values (103, 1, 'x', 1), (102, 99, 'y', 1)",
        "insert into parents values (60, 'a', 1), (50, 'b', 1), (8, 'c', 1)",
        "insert into notes values (100, 9, 1), (2, 100, 1)",
        "insert into parents values (60, 'code 4', 1), (50, 'b', 1)",
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

/// The portal of what was read before is still there.
#[tokio::test]
async fn what_is_referred_to_goes_behind_a_read_of_the_extended_protocol() {
    let served = served_from(0).await;
    let client = served.client().await;
    says(&client, "begin").await;
    client.query("select * from children where id = $1 for update", &[&1]).await.unwrap();
    client.execute("update children set n = 0 where id = $1", &[&2]).await.unwrap();
    let read = client.query("select * from children where n >= $1", &[&0]).await.unwrap();
    assert_eq!(read.len(), 20);
    assert_eq!(client.execute("delete from parents where id = $1", &[&40]).await.unwrap(), 1);
    assert_eq!(says(&client, "commit").await, "(0)");
    let open = "begin; update children set n = 1 where id = 1; \
                declare c cursor for select * from children; fetch 2 from c";
    says(&client, open).await;
    let refused = says(&client, "delete from children where id = 20").await;
    assert!(refused.starts_with("0A000 a statement that may take rows away"), "{refused}");
}

/// What has been parsed may be meant for a copy that has another name by now.
#[tokio::test]
async fn rows_go_by_the_extended_protocol_when_all_rows_are_there() {
    let (served, straight) = (served_from(0).await, served_from(0).await);
    let mut told = Vec::new();
    for client in [served.client().await, straight.outsider().await] {
        let mut said = Vec::new();
        says(&client, "begin").await;
        for sql in [
            "update parents set n = 5 where id = 3",
            "select count(*) from parents",
            "delete from parents where id = 40",
            "update parents set id = 70 where id = 41",
            "delete from children where id = 20",
            "delete from tree",
            "select * from items",
        ] {
            let rows = client.execute(sql, &[]).await.unwrap();
            said.push(format!("{sql}: {rows}"));
        }
        said.push(says(&client, "commit").await);
        told.push(said);
    }
    assert_eq!(told[0], told[1]);
}

/// A foreign key compares as its columns do, and not as their values would elsewhere.
#[tokio::test]
async fn what_is_the_same_is_for_the_foreign_key_to_say() {
    let served = served_from(0).await;
    let schema = "create table words (word char(4) primary key); \
                  create table uses (id int primary key, word text references words); \
                  create table other (word text collate \"C\" primary key); \
                  create table others (id int primary key, \
                    word text collate \"POSIX\" references other); \
                  insert into words values ('a'); insert into other values ('a')";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let client = served.client().await;
    assert_eq!(says(&client, "insert into uses values (1, 'a  ')").await, "(1)");
    assert_eq!(says(&client, "insert into others values (1, 'a')").await, "(1)");
}

/// At COMMIT an action would meet rows that have got their values since.
#[tokio::test]
async fn keys_that_are_handed_on_beneath_an_action_are_refused_rather_than_lost() {
    for large_from in [0, u64::MAX] {
        let served = served_from(large_from).await;
        let schema = "create table codes (id int primary key, code text unique); \
                      create table users (id int primary key, \
                        code text references codes (code) on delete cascade on update cascade); \
                      insert into codes values (1, 'a'), (2, 'b'), (3, 'c'); \
                      insert into users values (1, 'a'), (2, 'b')";
        let outsider = served.outsider().await;
        outsider.batch_execute(schema).await.unwrap();
        let client = served.client().await;
        let refused = "0A000 several rows of \"codes\" that go, come or change their keys in one \
                       transaction are not supported: foreign keys that act refer to other columns \
                       than its primary key";
        for script in [
            "update codes set id = 100 where id = 1",
            "delete from codes where id = 1; insert into codes values (100, 'a'); \
             insert into users values (50, 'a')",
            "update codes set code = 'x' where id = 1; update codes set code = 'a' where id = 2",
        ] {
            says(&client, &format!("begin; {script}")).await;
            assert_eq!(says(&client, "commit").await, refused, "{script}");
        }
        assert_eq!(says(&client, "update codes set code = 'x' where id = 1").await, "(1)");
        assert_eq!(says(&client, "delete from codes where id = 2").await, "(1)");
        assert_eq!(says(&outsider, "table users").await, "1|x; (1)", "{large_from}");
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
    says(&client, "begin; delete from parents where id = 49; insert into events values (2, '')")
        .await;
    assert_eq!(says(&client, held).await, "0; (1)");
    says(&client, "delete from children where id = 20; insert into notes values (100, 17, 0)")
        .await;
    for (copy, rows) in [("children", 0), ("items", 0), ("notes", 1)] {
        let held = format!("select count(*) from pg_temp.\"public.{copy}\"");
        assert_eq!(says(&client, &held).await, format!("{rows}; (1)"), "{copy}");
    }
    assert_eq!(says(&client, "commit").await, "(0)");
    assert_eq!(says(&client, "insert into events values (2, 'two')").await, "(1)");
    assert_eq!(says(&client, held).await, "0; (1)");
}
