//! What the optimistic engine refuses: past its limits, and where it could not be right.

use std::time::Duration;

use overbooked::gateway::{Gateway, Limits, Options};
use overbooked::pg::Connection;
use tokio_postgres::Client;

use crate::gateway::{CONFLICT, SCHEMA_CHANGED, Served, connect, says, served_seats};
use crate::support;

/// An error, and its DETAIL.
async fn refused(client: &Client, sql: &str) -> (String, String) {
    let error = client.simple_query(sql).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    let said = format!("{} {}", error.code().code(), error.message());
    (said, error.detail().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_transaction_that_changes_too_much_is_told_at_commit() {
    let served = Served::with_limits(Limits { bytes: 500, ..Limits::default() }).await;
    served
        .outsider()
        .await
        .batch_execute("create table notes (id int primary key, text text)")
        .await
        .unwrap();
    let bob = served.client().await;
    assert_eq!(says(&bob, "begin").await, "(0)");
    assert_eq!(says(&bob, "insert into notes values (1, repeat('x', 1000))").await, "(1)");
    let (said, detail) = refused(&bob, "commit").await;
    assert_eq!(said, "54000 transaction size limit 10mb exceeded");
    assert_eq!(detail, "Current transaction size 0.01mb > 10mb");
    assert_eq!(says(&bob, "insert into notes values (1, repeat('x', 100))").await, "(1)");
}

#[tokio::test]
async fn a_transaction_that_is_too_old_is_told_at_its_next_statement_or_commit() {
    const TOO_OLD: &str = "54000 transaction age limit of 300s exceeded";
    let served = Served::with_limits(Limits { age: Duration::ZERO, ..Limits::default() }).await;
    let bob = served.client().await;
    assert_eq!(says(&bob, "begin").await, "(0)");
    assert_eq!(says(&bob, "select 1").await, TOO_OLD);
    assert!(says(&bob, "select 1").await.starts_with("25P02"));
    assert_eq!(says(&bob, "rollback; begin").await, "(0); (0)");
    let too_old = (TOO_OLD.to_owned(), "Current transaction age 0s exceeds 300s".to_owned());
    assert_eq!(refused(&bob, "commit").await, too_old);
}

#[tokio::test]
async fn rows_past_the_limit_are_refused_at_the_statement_that_crosses_it() {
    let served = Served::with_limits(Limits { rows: 3, ..Limits::default() }).await;
    served.outsider().await.batch_execute("create table notes (id int primary key)").await.unwrap();
    let bob = served.client().await;
    says(&bob, "begin").await;
    assert_eq!(says(&bob, "insert into notes values (1), (2), (3)").await, "(3)");
    let crossing = says(&bob, "insert into notes values (4)").await;
    assert_eq!(crossing, "54000 transaction row limit exceeded");
}

#[tokio::test]
async fn rows_that_are_locked_count_as_rows_that_are_changed() {
    const CROSSING: &str = "54000 transaction row limit exceeded";
    let served = Served::with_limits(Limits { rows: 3, ..Limits::default() }).await;
    let tables = "create table notes (id int primary key, t text); \
                  create table parts (id int primary key, note int references notes); \
                  create table free (id int); \
                  insert into notes select generate_series(1, 5); \
                  insert into parts select g, g from generate_series(1, 5) g; \
                  insert into free select generate_series(1, 5)";
    served.outsider().await.batch_execute(tables).await.unwrap();
    let bob = served.client().await;
    for table in ["notes", "parts", "free"] {
        let lock = |most: i32| format!("select id from {table} where id <= {most} for update");
        assert_eq!(says(&bob, &lock(3)).await, "1; 2; 3; (3)", "{table}");
        assert!(says(&bob, &lock(4)).await.ends_with(CROSSING), "{table}");
        says(&bob, "begin").await;
        // A row that is locked again, or changed as well, counts once.
        assert_eq!(says(&bob, &lock(2)).await, "1; 2; (2)");
        assert_eq!(says(&bob, &lock(3)).await, "1; 2; 3; (3)");
        assert_eq!(says(&bob, &format!("update {table} set id = id where id = 1")).await, "(1)");
        let more = format!("insert into {table} values (9)");
        assert_eq!(says(&bob, &more).await, CROSSING, "{table}");
        says(&bob, "rollback").await;
    }
}

#[tokio::test]
async fn a_row_that_was_only_locked_keeps_its_place() {
    let (served, bob, mallory) = served_seats().await;
    let outsider = served.outsider().await;
    let places = "select ctid, xmin, seat_number from seats";
    let before = says(&outsider, places).await;
    says(&bob, "begin").await;
    says(&mallory, "begin").await;
    let lock = "select note from seats where seat_number = 1 for update";
    says(&bob, lock).await;
    says(&mallory, lock).await;
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(says(&mallory, "commit").await, CONFLICT);
    assert_eq!(says(&outsider, places).await, before);
    assert_eq!(says(&bob, "select seat_number from seats").await, "1; 2; 4; (3)");
}

#[tokio::test]
async fn only_the_table_itself_gives_its_numbers() {
    let served = Served::start().await;
    let schema =
        "create table numbered (id int generated always as identity primary key, note text)";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let bob = served.client().await;
    for wrong in [
        "insert into numbered values (7, 'x')",
        "insert into public.numbered (id) values (7)",
        "update numbered set id = 5",
        "prepare p as insert into numbered values (7, 'x')",
    ] {
        assert!(says(&bob, wrong).await.starts_with("428C9"), "{wrong}");
    }
    let error = bob.execute("insert into numbered values ($1, $2)", &[&7, &"x"]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "428C9");
    assert_eq!(
        says(&bob, "insert into numbered (note) values ('x') returning note").await,
        "x; (1)"
    );
    let overriding = "insert into numbered overriding system value values (900, 'y') returning id";
    assert_eq!(says(&bob, overriding).await, "900; (1)");
    assert_eq!(says(&bob, "update numbered set note = 'z' where id = 900").await, "(1)");
}

#[tokio::test]
async fn functions_that_may_read_tables_are_not_called() {
    let (served, bob, _) = served_seats().await;
    let functions = "create function taken() returns bigint language sql stable as 'select \
        count(*) from seats'; \
                     create function twice(n int) returns int language sql immutable as 'select 2 \
                     * n'; \
                     create view counted as select taken() as n; \
                     create table late (id int primary key, n bigint default taken())";
    served.outsider().await.batch_execute(functions).await.unwrap();
    for call in [
        "select taken()",
        "select public.taken()",
        "select * from counted",
        "insert into late values (1)",
    ] {
        assert!(
            says(&bob, call).await.starts_with("0A000 function taken() may read tables"),
            "{call}"
        );
    }
    assert_eq!(says(&bob, "select twice(2)").await, "4; (1)");
}

#[tokio::test]
async fn checks_and_aggregates_that_may_read_tables_are_not_called() {
    let (served, bob, _) = served_seats().await;
    let callers = "create function fits(n int) returns boolean language sql volatile as 'select n \
        <= count(*) from seats'; \
                   create table checked (id int primary key, n int check (fits(n))); \
                   create function step(total bigint, n int) returns bigint language sql stable as \
                   'select total + n + count(*) from seats'; \
                   create aggregate with_seats(int) (sfunc = step, stype = bigint, initcond = 0)";
    served.outsider().await.batch_execute(callers).await.unwrap();
    let refused = says(&bob, "insert into checked values (1, 1)").await;
    assert!(refused.starts_with("0A000 function fits() may read tables"), "{refused}");
    let refused = says(&bob, "select with_seats(seat_number) from seats").await;
    assert!(refused.starts_with("0A000 function with_seats() may read tables"), "{refused}");
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
}

/// Each makes one thing that calls a function which reads a table, where no statement shows it.
const UNNAMED: [(&str, &str, &str); 3] = [
    (
        "create operator @@@ (leftarg = int, rightarg = int, function = reads)",
        "drop operator @@@ (int, int)",
        "operator @@@ calls reads()",
    ),
    (
        "create type pair as (a int); create cast (int as pair) with function paired(int)",
        "drop type pair cascade",
        "the cast from integer to pair calls paired()",
    ),
    (
        "create domain free as int check (reads(value, 1) > 0)",
        "drop domain free",
        "domain free calls reads()",
    ),
];

#[tokio::test]
async fn where_operators_casts_and_domains_may_read_tables_no_table_is_used() {
    let (served, bob, _) = served_seats().await;
    let outsider = served.outsider().await;
    let reads = "create function reads(a int, b int) returns int language sql stable as 'select a \
        + b + count(*)::int from seats'";
    outsider.batch_execute(reads).await.unwrap();
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
    for (creation, removal, words) in UNNAMED {
        let creation = creation.replace(
            "create cast",
            "create function paired(int) returns pair language sql stable as \
             'select row($1 + count(*)::int)::pair from seats'; create cast",
        );
        outsider.batch_execute(&creation).await.unwrap();
        let refused = says(&bob, "select count(*) from seats").await;
        assert!(refused.starts_with(&format!("0A000 {words}")), "{refused}");
        assert_eq!(says(&bob, "select 1").await, "1; (1)");
        outsider.batch_execute(removal).await.unwrap();
        assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
    }
}

#[tokio::test]
async fn row_security_triggers_and_rules_are_refused_where_the_copy_would_not_have_them() {
    let (served, bob, _) = served_seats().await;
    let outsider = served.outsider().await;
    let schema = "create table guarded (id int primary key); alter table guarded enable row level \
        security; \
                  create table ruled (id int primary key); create rule quiet as on insert to ruled \
                  do instead nothing; \
                  create view shown as select * from ruled_base; create rule into_shown as on \
                  insert to shown do instead nothing; \
                  create table watched (id int primary key); \
                  create function note() returns trigger language plpgsql as $$ begin insert into \
                  seats values ('Z', 1); return new; end $$; \
                  create trigger noting before insert on watched for each row execute function \
                  note()";
    let schema = schema.replace(
        "create table ruled (",
        "create table ruled_base (id int primary key); create table ruled (",
    );
    outsider.batch_execute(&schema).await.unwrap();
    for (table, words) in [
        ("guarded", "tables and views with row security are not supported"),
        ("ruled", "tables and views with rules are not supported"),
        ("shown", "tables and views with rules are not supported"),
        ("watched", "tables and views with triggers are not supported"),
    ] {
        let refused = says(&bob, &format!("insert into {table} values (1)")).await;
        assert!(refused.starts_with(&format!("0A000 {words}")), "{table}: {refused}");
    }
}

/// How psql's `\d seats` finds the table.
const DESCRIBE: &str = "select n.nspname from pg_catalog.pg_class c \
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relname = 'seats' and pg_catalog.pg_table_is_visible(c.oid)";

#[tokio::test]
async fn the_catalog_shows_the_stored_tables_and_not_the_copies() {
    let (_served, bob, _) = served_seats().await;
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
    assert_eq!(says(&bob, DESCRIBE).await, "public; (1)");
    says(&bob, "begin; update seats set note = 'mine' where seat_number = 4").await;
    assert_eq!(says(&bob, DESCRIBE).await, "public; (1)");
    assert_eq!(says(&bob, "show search_path").await, "\"$user\", public; (0)");
    assert_eq!(says(&bob, DESCRIBE).await, "public; (1)");
    let mine = "select note from seats where seat_number = 4";
    assert_eq!(says(&bob, mine).await, "mine; (1)");
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(says(&bob, "show search_path").await, "\"$user\", public; (0)");
    let row = bob.query_one(DESCRIBE, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "public");
    assert_eq!(says(&bob, mine).await, "mine; (1)");
}

#[tokio::test]
async fn a_search_path_that_hides_the_copies_is_refused() {
    let (_served, bob, _) = served_seats().await;
    assert_eq!(says(&bob, "set search_path = public, pg_temp").await, "(0)");
    assert!(says(&bob, "select 1 from seats").await.starts_with("0A000 a search_path"));
    assert_eq!(says(&bob, "set search_path = public").await, "(0)");
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
}

#[tokio::test]
async fn a_search_path_that_changes_inside_a_transaction_ends_its_use_of_tables() {
    let (served, bob, _) = served_seats().await;
    let other = "create schema other; create table other.seats (id int primary key)";
    served.outsider().await.batch_execute(other).await.unwrap();
    says(&bob, "begin; select 1 from seats; set search_path = other").await;
    assert!(says(&bob, "select count(*) from seats").await.starts_with("0A000 the search_path"));
    assert_eq!(says(&bob, "rollback").await, "(0)");
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
    assert_eq!(says(&bob, "set search_path = other").await, "(0)");
    assert_eq!(says(&bob, "select count(*) from seats").await, "0; (1)");
}

#[tokio::test]
async fn a_search_path_that_is_set_for_one_transaction_says_which_tables_it_names() {
    let (served, bob, mallory) = served_seats().await;
    let other = "create schema other; \
                 create table other.seats (id int primary key, note text default 'theirs'); \
                 insert into other.seats values (1, null), (2, null)";
    served.outsider().await.batch_execute(other).await.unwrap();
    let (count, three, two) = ("select count(*) from seats", "3; (1)", "2; (1)");
    for _ in 0..2 {
        assert_eq!(says(&bob, count).await, three);
        assert_eq!(says(&bob, "begin; set local search_path = other").await, "(0); (0)");
        assert_eq!(says(&bob, count).await, two);
        assert_eq!(says(&bob, "update seats set note = 'his' where id = 1").await, "(1)");
        assert_eq!(says(&bob, "select note from other.seats where id = 1").await, "his; (1)");
        assert_eq!(says(&bob, "select count(*) from public.seats").await, three);
        assert_eq!(says(&bob, "rollback").await, "(0)");
    }
    assert_eq!(bob.query(count, &[]).await.unwrap()[0].get::<_, i64>(0), 3);
    says(&bob, "begin; set local search_path = other").await;
    assert_eq!(bob.query(count, &[]).await.unwrap()[0].get::<_, i64>(0), 2);
    let book = "update seats set note = 'hers' where id = 1";
    says(&mallory, &format!("set search_path = other; {book}")).await;
    bob.execute("update seats set note = 'his' where id = 1", &[]).await.unwrap();
    assert_eq!(says(&bob, "commit").await, CONFLICT);
    let moving =
        "select set_config('search_path', 'other', false); select note from seats where id = 1";
    assert_eq!(says(&bob, moving).await, "other; (1); hers; (1)");
    assert_eq!(says(&bob, count).await, two);
    let hides =
        says(&bob, "begin; set local search_path = public, pg_temp; select 1 from seats").await;
    assert!(hides.starts_with("0A000 a search_path"), "{hides}");
    assert_eq!(says(&bob, &format!("rollback; {count}")).await, format!("(0); {two}"));
}

/// Ways to another search path, `SCHEMA` alone in it.
const WAYS: [&str; 6] = [
    "set local search_path = SCHEMA",
    "set schema 'SCHEMA'",
    "set local schema 'SCHEMA'",
    "select set_config('search' || '_path', 'SCHEMA', false)",
    "select set_config(E'search\\x5fpath', 'SCHEMA', true)",
    "execute moving('SCHEMA')",
];

const MOVING: &str = "prepare moving (text) as select set_config('search' || '_path', $1, false)";

#[tokio::test]
async fn a_search_path_moves_in_whatever_words_it_is_told_to() {
    let (served, bob, _) = served_seats().await;
    let outsider = served.outsider().await;
    let other = "create schema empty; create schema other; \
                 create table other.seats (id int primary key, note text); \
                 insert into other.seats values (1, null)";
    outsider.batch_execute(other).await.unwrap();
    says(&bob, MOVING).await;
    let write = "update seats set note = 'his'";
    let notes = "select coalesce(string_agg(note, ','), '') from only other.seats";
    for way in WAYS {
        assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)", "{way}");
        // The copy of another schema's table stands there still, and is not this statement's.
        let to_empty = format!("begin; {}; {write}", way.replace("SCHEMA", "empty"));
        let nothing = "42P01 relation \"seats\" does not exist";
        assert_eq!(says(&bob, &to_empty).await, nothing, "{way}");
        says(&bob, "rollback").await;
        let late = to_empty.replace("begin", "begin; select 1 from seats");
        let refused = says(&bob, &late).await;
        assert!(refused.starts_with("0A000 the search_path changed"), "{way}: {refused}");
        says(&bob, "rollback").await;
        let to_other = format!("begin; {}", way.replace("SCHEMA", "other"));
        says(&bob, &to_other).await;
        assert_eq!(says(&bob, &format!("{write}; commit")).await, "(1); (0)", "{way}");
        assert_eq!(says(&outsider, notes).await, "his; (1)", "{way}");
        says(&bob, "set search_path = public").await;
        outsider.batch_execute("update other.seats set note = null").await.unwrap();
    }
    says(&bob, "begin").await;
    // Its words are in the parameters alone.
    let set = "select set_config($1, $2, true)";
    bob.query_one(set, &[&"search_path", &"other"]).await.unwrap();
    assert_eq!(bob.execute(write, &[]).await.unwrap(), 1);
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(says(&outsider, notes).await, "his; (1)");
}

#[tokio::test]
async fn a_role_may_have_a_schema_of_its_own() {
    let (served, bob, _) = served_seats().await;
    let role = format!("{}_role", served.database());
    let own = format!(
        "create role {role} superuser; create schema {role}; \
         create table {role}.seats (id int primary key, note text); \
         insert into {role}.seats values (1, null)"
    );
    served.outsider().await.batch_execute(&own).await.unwrap();
    for way in ["set role ROLE", "set local role ROLE", "set session authorization ROLE"] {
        assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)", "{way}");
        says(&bob, &format!("begin; {}", way.replace("ROLE", &role))).await;
        assert_eq!(says(&bob, "select count(*) from seats").await, "1; (1)", "{way}");
        assert_eq!(says(&bob, "rollback").await, "(0)");
    }
    let drop = format!("drop schema {role} cascade; drop role {role}");
    served.outsider().await.batch_execute(&drop).await.unwrap();
}

#[tokio::test]
async fn a_search_path_that_is_the_same_again_is_none_that_has_moved() {
    let (served, bob, _) = served_seats().await;
    served.outsider().await.batch_execute("create schema other").await.unwrap();
    says(&bob, "begin; select 1 from seats").await;
    for sql in [
        "set local search_path = other; set local search_path = public",
        "set local statement_timeout = 60000",
        "select set_config('app.user', 'search_path', true)",
        "set local role none",
        "reset role",
    ] {
        says(&bob, sql).await;
        assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)", "{sql}");
    }
}

#[tokio::test]
async fn a_schema_that_goes_takes_nobody_along_who_is_elsewhere() {
    let (served, bob, mallory) = served_seats().await;
    let other = "create schema other; create table other.tickets (id int primary key); \
                 create view tickets as select * from other.tickets";
    served.outsider().await.batch_execute(other).await.unwrap();
    let eve = served.client().await;
    says(&bob, "begin; update seats set note = 'x' where seat_number = 1").await;
    says(&mallory, "begin; select * from tickets").await;
    assert_eq!(says(&eve, "comment on schema other is 'soon gone'").await, "(0)");
    assert_eq!(says(&mallory, "select 1 from seats").await, "1; 1; 1; (3)");
    assert_eq!(says(&eve, "drop schema other cascade").await, "(0)");
    assert_eq!(says(&mallory, "commit").await, SCHEMA_CHANGED);
    assert_eq!(says(&bob, "commit").await, "(0)");
}

#[tokio::test]
async fn an_outsider_who_holds_a_row_holds_nobody_up() {
    let (served, bob, mallory) = served_seats().await;
    let outsider = served.outsider().await;
    outsider
        .batch_execute("begin; update seats set note = 'mine' where seat_number = 1")
        .await
        .unwrap();
    assert_eq!(says(&bob, "update seats set note = 'x' where seat_number = 1").await, CONFLICT);
    assert_eq!(says(&mallory, "update seats set note = 'x' where seat_number = 2").await, "(1)");
    outsider.batch_execute("commit").await.unwrap();
    assert_eq!(says(&bob, "update seats set note = 'x' where seat_number = 1").await, "(1)");
}

#[tokio::test]
async fn rows_that_an_outsider_truncates_are_a_conflict() {
    // On a server where nobody else is: after another test's transaction, Bob's second one would
    // ask the stored table what has changed, and the outsider would wait for it.
    let cluster = support::start_own().await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(cluster.target());
    options.socket_folder = Some(folder.path().to_owned());
    let gateway = Gateway::start(options).await.unwrap();
    let outsider = connect(cluster.folder(), cluster.port(), "postgres").await;
    outsider
        .batch_execute(
            "create table seats (id int primary key, note text); insert into seats values (1)",
        )
        .await
        .unwrap();
    let bob = connect(folder.path(), 5432, "postgres").await;
    says(&bob, "select 1 from seats").await;
    says(&bob, "begin; update seats set note = 'x' where id = 1").await;
    outsider.batch_execute("truncate seats").await.unwrap();
    assert_eq!(says(&bob, "commit").await, CONFLICT);
    gateway.stop().await;
}

async fn code(client: &tokio_postgres::Client, sql: &str) -> String {
    let error = client.execute(sql, &[]).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    format!("{} {}", error.code().code(), error.message())
}

#[tokio::test]
async fn ddl_over_the_extended_protocol_is_ddl() {
    let (_served, bob, mallory) = served_seats().await;
    says(&mallory, "begin; select 1 from seats").await;
    bob.execute("alter table seats add column extra int", &[]).await.unwrap();
    assert_eq!(code(&mallory, "select extra from seats").await, SCHEMA_CHANGED);
    says(&bob, "begin").await;
    bob.execute("create table one (id int primary key)", &[]).await.unwrap();
    let second = code(&bob, "create table two (id int primary key)").await;
    assert_eq!(second, "0A000 multiple ddl statements not supported in a transaction");
    says(&bob, "rollback; begin; select 1 from seats").await;
    let mixed = code(&bob, "create table two (id int primary key)").await;
    assert_eq!(mixed, "0A000 ddl and dml are not supported in the same transaction");
}

#[tokio::test]
async fn settings_of_a_transaction_are_the_gateways() {
    let (_served, bob, _) = served_seats().await;
    for setting in [
        "set transaction_isolation = 'serializable'",
        "set session default_transaction_isolation to serializable",
        "set default_transaction_read_only = on",
        "set local session_replication_role = replica",
    ] {
        let said = says(&bob, setting).await;
        assert!(said.starts_with("0A000 setting configuration parameter"), "{setting}: {said}");
    }
    for harmless in ["default_transaction_read_only = off", "session_replication_role = origin"] {
        assert_eq!(says(&bob, &format!("set {harmless}")).await, "(0)", "{harmless}");
    }
    assert_eq!(says(&bob, "show transaction_isolation").await, "repeatable read; (0)");
}

/// psycopg2's `set_session` and many a pool do so.
#[tokio::test]
async fn the_one_level_that_there_is_may_be_set() {
    let (_served, bob, mallory) = served_seats().await;
    for level in [
        "set default_transaction_isolation to 'repeatable read'",
        "SET SESSION default_transaction_isolation = 'REPEATABLE READ'",
        "set session characteristics as transaction isolation level repeatable read",
    ] {
        assert_eq!(says(&bob, level).await, "(0)", "{level}");
        mallory.execute(level, &[]).await.unwrap();
    }
    let book = "update seats set note = 'x' where seat_number = 4";
    says(&bob, &format!("begin; {book}")).await;
    mallory.execute(book, &[]).await.unwrap();
    assert_eq!(says(&bob, "commit").await, CONFLICT);
    for level in ["'read committed'", "'repeatable'", "serializable"] {
        let set = format!("set default_transaction_isolation to {level}");
        let refused =
            "0A000 setting configuration parameter \"default_transaction_isolation\" not supported";
        assert_eq!(says(&bob, &set).await, refused, "{level}");
        assert_eq!(code(&mallory, &set).await, refused, "{level}");
    }
}

/// A client that may only read by its own setting: `PGOPTIONS`, a pool's, `set_config`.
#[tokio::test]
async fn who_only_reads_by_default_reads_and_makes_no_changes() {
    let (_served, bob, mallory) = served_seats().await;
    let reader = "select set_config('default_transaction_read_only', 'on', false)";
    assert_eq!(says(&bob, reader).await, "on; (1)");
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
    let named = "select count(*) from information_schema.tables where table_name = 'seats'";
    assert_eq!(says(&bob, named).await, "1; (1)");
    says(&mallory, "update seats set note = 'hers' where seat_number = 1").await;
    assert_eq!(says(&bob, "select note from seats where seat_number = 1").await, "hers; (1)");
    let refused = "25006 cannot execute UPDATE in a read-only transaction";
    let update = "update seats set note = 'his' where seat_number = 2";
    assert_eq!(says(&bob, update).await, refused);
    assert_eq!(says(&bob, &format!("begin; {update}")).await, refused);
    assert_eq!(
        says(&bob, &format!("rollback; begin read write; {update}; commit")).await,
        "(0); (0); (1); (0)"
    );
    let session = "set session characteristics as transaction";
    assert_eq!(says(&mallory, &format!("{session} read only")).await, "(0)");
    assert_eq!(says(&mallory, update).await, refused);
    assert_eq!(says(&mallory, &format!("{session} read write; {update}")).await, "(0); (1)");
}

#[tokio::test]
async fn what_a_copy_cannot_do_is_refused() {
    let served = Served::start().await;
    let schema = "create table numbered (id int generated always as identity, note text); create \
        table nothing ()";
    served.outsider().await.batch_execute(schema).await.unwrap();
    let bob = served.client().await;
    let leaving = "insert into numbered overriding user value values (7, 'x')";
    assert_eq!(says(&bob, leaving).await, "0A000 OVERRIDING USER VALUE is not supported");
    let nothing = says(&bob, "select * from nothing").await;
    assert_eq!(nothing, "0A000 relations without columns are not supported: \"nothing\"");
}

#[tokio::test]
async fn a_row_lock_counts_however_it_is_asked_for() {
    let (_served, bob, mallory) = served_seats().await;
    let lock = "select 1 from seats where seat_number = 4 for key share";
    says(&bob, &format!("prepare lock as {lock}")).await;
    says(&bob, "begin").await;
    assert_eq!(says(&bob, "execute lock").await, "1; (1)");
    says(&mallory, "delete from seats where seat_number = 4").await;
    assert_eq!(says(&bob, "commit").await, CONFLICT);
    let declared = says(&bob, &format!("begin; declare c cursor for {lock}")).await;
    assert!(declared.starts_with("0A000 this row lock is not supported"), "{declared}");
}

#[tokio::test]
async fn an_engine_in_front_of_itself_is_refused() {
    let served = Served::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(served.gateway.target().clone());
    options.socket_folder = Some(folder.path().to_owned());
    let second = Gateway::start(options).await.unwrap();
    let refused = Connection::connect(second.target()).await.unwrap_err();
    assert!(refused.to_string().contains("is already an optimistic engine"), "{refused}");
}

#[tokio::test]
async fn the_catalogs_own_columns_can_be_asked_for() {
    let (_served, bob, _) = served_seats().await;
    let said = says(&bob, "select count(xmin) > 0 from pg_class where relname = 'seats'").await;
    assert_eq!(said, "t; (1)");
}
