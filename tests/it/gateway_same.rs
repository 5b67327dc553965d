//! What one client does must read the same through the gateway as straight to PostgreSQL, whatever
//! its tables look like.

use overbooked::gateway::Limits;
use tokio_postgres::Client;

use crate::gateway::{CONFLICT, Served, says};
use crate::raw::Raw;

/// Runs the same statements straight and through a gateway, each on a database of its own.
async fn same(schema: &[&str], statements: &[&str]) {
    let (served, plain) = (Served::start().await, Served::passing_through().await);
    let (through, straight) = (served.client().await, plain.client().await);
    for statement in schema.iter().chain(statements) {
        let expected = says(&straight, statement).await;
        assert_eq!(says(&through, statement).await, expected, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_called_as_the_gateway_calls_its_rows() {
    same(
        &[
            "create table t (c int primary key, s text unique, d int, m int, o int, changed int)",
            "create table bare (c text, s text)",
        ],
        &[
            "insert into t values (1, 'a', 1, 1, 1, 1), (2, 'b', 2, 2, 2, 2)",
            "update t set s = s || 'x', d = d + 1 where c = 1",
            "update t set c = c + 10",
            "delete from t where d = 2 and m = 1",
            "select * from t order by c",
            "insert into bare values ('1', 'a'), ('1', 'a')",
            "update bare set s = 'b'",
            "select * from bare",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_any_type() {
    same(
        &[
            "create type mood as enum ('sad', 'ok')",
            "create type point2 as (x int, y int)",
            "create domain code as varchar(3) check (value <> '')",
            "create table t (a int[], p point2, m mood, c code, f float8, b bytea, r int4range, v \
           int, \
           primary key (a, p, m, c, f, b, r))",
            "create table lists (words text[] primary key, v int)",
        ],
        &[
            "insert into t values ('{1,2}', '(1,2)', 'sad', 'x', 0.1::float8 + 0.2, '\\x0001', \
            '[1,5)', 0)",
            "insert into t values ('{1,2}', '(1,3)', 'ok', 'y', 1, '\\x', 'empty', 0)",
            "update t set v = v + 1",
            "update t set p.y = 7, m = 'ok' where c = 'x'",
            "delete from t where c = 'y'",
            "select * from t",
            "insert into lists values (array['a,b', '\"c\"', null, '', '\\'], 1)",
            "update lists set v = 2",
            "update lists set words = words || 'd'::text",
            "select * from lists",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_checked_at_commit_is_the_transactions_own_mistake() {
    same(
        &["create table node (id int primary key, next int references node deferrable initially \
            deferred)",
          "create table seat (id int primary key, place int unique deferrable initially deferred)"],
        &["begin; insert into node values (1, 2); insert into node values (2, 1); commit",
          "begin; insert into node values (3, 99); commit",
          "insert into node values (4, 99)",
          "select * from node order by 1",
          "insert into seat values (1, 1), (2, 2)",
          "update seat set place = 3 - place",
          "begin; update seat set place = 1; commit",
          "begin; insert into seat values (3, 1); update seat set place = 5 where id = 3; commit",
          "select * from seat order by 1"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_read_like_a_definition() {
    same(
        &[
            "create table \"a (b)\" (\"c (d)\" int primary key, \"x USING y\" int unique)",
            "create table t (id int primary key, \"p REFERENCES q\" int references \"a (b)\" \
             on delete cascade, \"u DEFERRABLE\" int unique, w text default 'it''::regclass')",
        ],
        &[
            "insert into \"a (b)\" values (1, 1), (2, 2)",
            "insert into \"a (b)\" values (3, 2)",
            "insert into t values (1, 1, 1), (2, 2, 2)",
            "insert into t values (3, 9, 3)",
            "insert into t values (3, 2, 2)",
            "delete from \"a (b)\" where \"c (d)\" = 1",
            "select * from t",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_out_of_a_query_only_reads() {
    let (through, straight) = (Served::start().await, Served::passing_through().await);
    let mut said = Vec::new();
    for served in [&through, &straight] {
        let database = format!("database\0{}\0", served.database());
        let (mut raw, _) = Raw::connect_with(served.folder.path(), &database).await;
        for sql in [
            "create table t (id int primary key)",
            "insert into t values (1)",
            "begin read only; copy t to stdout; copy (select * from t) to stdout; commit",
            "begin read only; copy (select * from t where id in (select 1)) to stdout; commit",
            "begin read only; copy t from stdin; commit",
            "rollback",
        ] {
            said.push(raw.query(sql).says().await);
        }
    }
    let straight = said.split_off(said.len() / 2);
    assert_eq!(said, straight);
    assert!(said[2].contains("[COPY 1]") && said[4].contains("!25006"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_have_defaults_and_keys_have_an_order() {
    same(
        &[
            "create table t (id int primary key, v text, n int generated always as (id) stored \
            unique)",
            "create view w as select id, v from t",
            "alter view w alter column v set default 'given'",
        ],
        &[
            "insert into w (id) values (1) returning *",
            "insert into t (id) values (1)",
            "select * from t",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_reference_means_the_table_of_the_statement() {
    same(
        &[
            "create schema other",
            "create table t (id int primary key, v text)",
            "create table other.t (id int primary key, v text)",
        ],
        &[
            "insert into t values (1, 'public')",
            "insert into other.t values (1, 'other')",
            "update other.t set v = t.v || '!' where t.id = 1 returning t.*",
            "select t.v from other.t order by t.v",
            "select t.v, public.t.v from other.t as x, t",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_copies_in_the_catalog() {
    const TABLES: &str = "select table_schema, table_name, table_type from \
        information_schema.tables \
                          where table_schema not in ('pg_catalog', 'information_schema') order by \
                          2";
    const COLUMNS: &str = "select information_schema.columns.column_name from \
        information_schema.columns \
                           where columns.table_name = 'c' order by ordinal_position";
    const CLASSES: &str = "select c.relname, c.relkind from pg_catalog.pg_class c \
                           left join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                           where n.nspname <> 'pg_catalog' and n.nspname !~ '^pg_toast' and \
                           n.nspname <> 'information_schema' \
                           order by 1";
    const VISIBLE: &str = "select c.relname, pg_catalog.pg_table_is_visible(c.oid) from \
        pg_catalog.pg_class c \
                           where c.relname ~ '^(c|w)$'";
    const INDEXES: &str = "select schemaname, indexname from pg_indexes where tablename = 'c'";
    const KEYS: &str =
        "select constraint_schema, constraint_name from information_schema.key_column_usage";
    const MIXED: &str =
        "select c.id, t.table_schema from c join information_schema.tables t on t.table_name = 'c'";
    same(
        &["create table c (id int primary key, v text)", "create view w as select * from c"],
        &[
            "insert into c values (1, 'a')",
            TABLES,
            "select * from w",
            COLUMNS,
            CLASSES,
            VISIBLE,
            INDEXES,
            "begin",
            "update c set v = 'b'",
            "select * from w",
            TABLES,
            COLUMNS,
            CLASSES,
            VISIBLE,
            INDEXES,
            KEYS,
            MIXED,
            "select * from c",
            "commit",
            TABLES,
            CLASSES,
            "select * from c",
            "prepare p as select count(*) from information_schema.tables where table_name = 'c'",
            "execute p",
            "create table later (id int primary key)",
            "execute p",
            "rollback",
            "execute p",
        ],
    )
    .await;
}

/// Settings change how values become text, and a key is the same row for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn two_clients_spell_a_key_alike() {
    let served = Served::start().await;
    let schema = "create table due (at timestamptz, every interval, share float8, n int, primary \
        key (at, every, share)); \
                  insert into due values ('2020-02-03 04:05:06+00', '1 mon -2 days', 0.1::float8 + \
                  0.2, 0)";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let (bob, mallory) = (served.client().await, served.client().await);
    let settings = "set datestyle = 'SQL, DMY'; set timezone = 'Asia/Tokyo'; set \
        extra_float_digits = -5; \
                    set intervalstyle = 'sql_standard'";
    bob.batch_execute(settings).await.unwrap();
    for n in 1..=3 {
        for client in [&bob, &mallory] {
            assert_eq!(says(client, "update due set n = n + 1").await, "(1)");
        }
        assert_eq!(says(&bob, "select n from due").await, format!("{}; (1)", 2 * n));
    }
    assert_eq!(says(&bob, "show datestyle").await, "SQL, DMY; (0)");
    says(&bob, "begin; select 1 from due for key share").await;
    says(&mallory, "delete from due").await;
    assert_eq!(says(&bob, "commit").await, CONFLICT);
}

/// A client that holds its transaction open, and what the others do meanwhile.
async fn held_up_by(holder: &str, statement: &str) {
    let served = Served::with_limits(Limits::default()).await;
    let schema = "create table t (id int primary key, v int); create view w as select * from t";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let (alice, bob): (Client, Client) = (served.client().await, served.client().await);
    assert_eq!(says(&alice, "begin").await, "(0)");
    says(&alice, holder).await;
    let said = tokio::time::timeout(std::time::Duration::from_secs(10), says(&bob, statement));
    assert!(said.await.is_ok(), "{statement} waits for {holder}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_the_catalog_waits_for_nobody() {
    let alter = "alter table t add column z int default 3";
    held_up_by(alter, "select pg_get_viewdef('w'::regclass)").await;
    held_up_by(alter, "select pg_total_relation_size('t'::regclass)").await;
    held_up_by("drop table t cascade", "select pg_get_indexdef('t_pkey'::regclass)").await;
}

/// Which number a table has is the same for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_tells_the_number_of_its_stored_table() {
    let served = Served::start().await;
    let outsider = served.outsider().await;
    let schema =
        "create schema s; create table s.other (a int primary key); insert into s.other values (1);
                  create table t (a int primary key, b int); insert into t values (1, 1), (2, 2)";
    outsider.batch_execute(schema).await.unwrap();
    let number = says(&outsider, "select 't'::regclass::oid").await.replace("; (1)", "");
    let client = served.client().await;
    for sql in [
        "select tableoid, a from t order by tableoid, a",
        "select x.tableoid, x.a, s.other.tableoid from t x, s.other order by a",
        "select a from t where tableoid = NUMBER order by tableoid, a",
        "select t.tableoid, count(*) from t group by t.tableoid",
        "select tableoid, count(*) from t group by tableoid order by tableoid",
        "select tableoid::regclass from t limit 1",
        "select a from t where tableoid = 't'::regclass order by a",
        "select a as tableoid from t order by tableoid desc",
        "select \"tableoid\" + 0 from t limit 1",
        "insert into t values (3, 3) returning tableoid, a",
        "update t set b = 4 where tableoid = NUMBER and a = 1 returning t.tableoid, b",
        "with q as (select tableoid as n from t) select distinct n from q",
        "select (select tableoid from s.other) = tableoid from t limit 1",
        "select tableoid, 1 / (a - 1) from t",
    ] {
        let sql = sql.replace("NUMBER", &number);
        let expected = says(&outsider, &format!("begin; {sql}")).await;
        says(&outsider, "rollback").await;
        let heard = says(&client, &format!("begin; {sql}")).await;
        says(&client, "rollback").await;
        assert_eq!(heard, expected, "{sql}");
    }
    let columns = client.prepare("select tableoid, t.tableoid from t").await.unwrap();
    let columns: Vec<_> = columns.columns().iter().map(tokio_postgres::Column::name).collect();
    assert_eq!(columns, ["tableoid", "tableoid"]);
}
