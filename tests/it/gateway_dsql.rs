//! What the strict engine does as Aurora DSQL does, beyond what it refuses.

use overbooked::gateway::{Strictness, Users, Wording};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, NoTls};

use crate::gateway::{Served, says};

async fn strict() -> Served {
    Served::with(|options| {
        options.strictness = Strictness::Dsql;
        options.wording = Wording::Plain;
        options.users = Users::Clients;
    })
    .await
}

/// What comes of a statement over the extended protocol.
async fn code(client: &Client, sql: &str) -> String {
    match client.execute(sql, &[]).await {
        Ok(_) => "done".to_owned(),
        Err(error) => {
            let error = error.as_db_error().unwrap();
            format!("{} {}", error.code().code(), error.message())
        }
    }
}

#[tokio::test]
async fn numbers_have_a_size_where_their_column_says_none() {
    let served = strict().await;
    let client = served.client().await;
    let table = "create table t (a numeric, b decimal(5, 1), c numeric not null default 0)";
    client.batch_execute(table).await.unwrap();
    assert_eq!(code(&client, "alter table t add column d dec").await, "done");
    let types = "select string_agg(format_type(atttypid, atttypmod), ' ' order by attnum) from \
        pg_attribute where attrelid = 't'::regclass and attnum > 0";
    let sized = "numeric(18,6) numeric(5,1) numeric(18,6) numeric(18,6); (1)";
    assert_eq!(says(&client, types).await, sized);
    says(&client, "insert into t (a, d) values (1.23456789, 2)").await;
    assert_eq!(says(&client, "select a, c, d from t").await, "1.234568|0.000000|2.000000; (1)");
    let large = "insert into t (a) values (1e12)";
    assert_eq!(says(&client, large).await, "22003 numeric field overflow");
    assert_eq!(says(&client, "select 1e12::numeric").await, "1000000000000; (1)");
}

#[tokio::test]
async fn an_error_is_told_at_its_place_in_what_the_client_wrote() {
    let served = strict().await;
    let client = served.client().await;
    let sql = "create table t (\"ä\" numeric, b numeric, c nowhere)";
    let unsized_numbers = "select 1; create table t (a numeric, b int int)";
    for (sql, word, error) in [
        (sql, "nowhere", client.batch_execute(sql).await),
        (sql, "nowhere", client.execute(sql, &[]).await.map(drop)),
        (unsized_numbers, "int)", client.batch_execute(unsized_numbers).await),
    ] {
        let error = error.unwrap_err();
        let place = u32::try_from(sql[..sql.find(word).unwrap()].chars().count() + 1).unwrap();
        let told = error.as_db_error().unwrap().position().unwrap();
        assert_eq!(*told, ErrorPosition::Original(place), "{sql}");
    }
}

#[tokio::test]
async fn who_comes_in_as_which_role_is_told_once_it_is_committed() {
    let served = strict().await;
    let client = served.client().await;
    let all = "select arn, pg_role_name, pg_role_oid::regrole, grantor_pg_role_name = current_user \
        from sys.iam_pg_role_mappings m order by arn";
    let grant = "AWS IAM GRANT \"Shop\" TO 'arn:aws:iam::1:role/shop'";
    assert_eq!(says(&client, grant).await, "42704 role \"Shop\" does not exist");
    says(&client, "create role \"Shop\" with login").await;
    says(&client, &format!("begin; {grant}; rollback")).await;
    assert_eq!(says(&client, all).await, "(0)");
    assert_eq!(says(&client, &format!("{grant}; select 1")).await, "(0); 1; (1)");
    let told = "arn:aws:iam::1:role/shop|Shop|\"Shop\"|t; (1)";
    assert_eq!(says(&served.client().await, all).await, told);
    assert!(says(&client, grant).await.starts_with("42710 role"));
    let revoke = "aws iam revoke \"Shop\" from 'arn:aws:iam::1:role/shop'";
    assert_eq!(code(&client, revoke).await, "done");
    assert_eq!(says(&client, all).await, "(0)");
    assert!(code(&client, revoke).await.starts_with("42704 role"));
    says(&client, "drop role \"Shop\"").await;
    let lenient = Served::start().await;
    assert!(says(&lenient.client().await, grant).await.starts_with("42601 syntax error"));
}

#[tokio::test]
async fn what_a_session_cannot_set_it_cannot_begin_with() {
    let served = strict().await;
    let begins = async |options: &str| {
        let mut config = tokio_postgres::Config::new();
        config.host_path(served.folder.path()).user("admin").dbname(served.database());
        config.port(5432).options(options);
        let (client, connection) = match config.connect(NoTls).await {
            Ok(connected) => connected,
            Err(error) => {
                let error = error.as_db_error().unwrap().clone();
                let (severity, code) = (error.severity(), error.code().code());
                return format!("{severity} {code} {}", error.message());
            }
        };
        tokio::spawn(connection);
        says(&client, "show search_path").await
    };
    assert_eq!(begins("-c search_path=shop --extra-float-digits=2").await, "shop; (0)");
    let own = "show disable_sync_create_index";
    let client = served.client().await;
    assert_eq!(says(&client, own).await, "on; (0)");
    let set = format!("set disable_sync_create_index = off; {own}");
    assert_eq!(says(&client, &set).await, "(0); off; (0)");
    assert_eq!(begins("-c disable_sync_create_index=off -c search_path=a").await, "a; (0)");
    for options in ["-c search_path=shop -c work_mem=4MB", "-cwork_mem=4MB", "--work-mem=4MB"] {
        let says = "FATAL 0A000 setting configuration parameter \"work_mem\" not supported";
        assert_eq!(begins(options).await, says, "{options}");
    }
}

#[tokio::test]
async fn the_catalog_tells_of_no_schema_and_no_constraint_of_the_copies() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int primary key)").await;
    says(&client, "insert into t values (1)").await;
    for (asked, told) in [
        ("select count(*) from pg_namespace where nspname like 'pg_temp%'", "0; (1)"),
        ("select count(*) from pg_catalog.pg_namespace where nspname ~ 'temp'", "0; (1)"),
        ("select count(*) from information_schema.schemata where schema_name ~ 'temp'", "0; (1)"),
        ("select conname from pg_constraint where conname like 't_%'", "t_pkey; (1)"),
        ("select count(*) from pg_attribute where attrelid::regclass::text ~ '^pg_temp'", "0; (1)"),
        ("select count(*) from pg_type where typname = 't'", "1; (1)"),
        ("select count(*) from pg_index i where i.indrelid::regclass::text ~ '^pg_temp'", "0; (1)"),
        ("select count(*) from pg_roles where rolname = 'overbooked'", "0; (1)"),
        ("select count(*) from pg_stats where tablename = 't'", "0; (1)"),
    ] {
        assert_eq!(says(&client, asked).await, told, "{asked}");
        assert_eq!(code(&client, asked).await, "done", "{asked}");
    }
}

#[tokio::test]
async fn no_column_is_of_a_type_of_rows() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int primary key)").await;
    let refused = "0A000 datatype t not supported";
    assert_eq!(says(&client, "create table u (a t)").await, refused);
    assert_eq!(code(&client, "create table u (a int, b public.t)").await, refused);
    says(&client, "create domain d as int").await;
    assert_eq!(says(&client, "create table u (a d)").await, "(0)");
}

#[tokio::test]
async fn a_right_to_triggers_is_given_and_taken_as_any_other() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int primary key)").await;
    says(&client, "create role reader").await;
    for sql in ["grant trigger on t to reader", "revoke trigger on t from reader"] {
        assert_eq!(says(&client, sql).await, "(0)", "{sql}");
    }
    says(&client, "drop role reader").await;
}

#[tokio::test]
async fn an_index_is_made_at_once_where_the_session_says_that_it_may_be() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int primary key, b text)").await;
    let create = "create index i on t (b)";
    let refused = "0A000 unsupported mode. please use CREATE INDEX ASYNC.";
    assert_eq!(says(&client, create).await, refused);
    assert_eq!(code(&client, create).await, refused);
    assert_eq!(code(&client, "create unique index on nowhere (b)").await, refused);
    says(&client, "set disable_sync_create_index = off").await;
    assert_eq!(says(&client, create).await, "(0)");
    assert_eq!(code(&client, "create index j on t (b)").await, "done");
    let sorted = "0A000 specifying sort order not supported for index keys";
    assert_eq!(code(&client, "create index k on t (b desc)").await, sorted);
    says(&client, "reset disable_sync_create_index").await;
    assert_eq!(says(&client, "create index k on t (b)").await, refused);
    assert_eq!(says(&served.client().await, "create index k on t (b)").await, refused);
}

#[tokio::test]
async fn nobody_reaches_a_copy_by_its_schema() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int primary key)").await;
    says(&client, "insert into t values (1)").await;
    let missing = "42P01 relation \"pg_temp.t\" does not exist";
    for sql in
        ["select * from pg_temp.t", "INSERT INTO pg_temp.t VALUES (2)", "copy pg_temp.t to stdout"]
    {
        assert_eq!(code(&client, sql).await, missing, "{sql}");
    }
    let dropped = says(&client, "drop table pg_temp.t").await;
    assert_eq!(dropped, "3F000 schema \"pg_temp\" does not exist");
    assert_eq!(says(&client, "table t").await, "1; (1)");
}

#[tokio::test]
async fn a_check_that_is_not_valid_holds_for_new_rows_and_leaves_old_ones() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (id int primary key, a int)").await;
    says(&client, "insert into t values (1, 5)").await;
    let check = "alter table t add constraint large check (a > 100) not valid";
    assert_eq!(says(&client, check).await, "(0)");
    let refused = "23514 new row for relation \"t\" violates check constraint \"large\"";
    for client in [&client, &served.client().await] {
        assert_eq!(says(client, "select a from t where id = 1").await, "5; (1)");
        assert_eq!(says(client, "insert into t values (2, 6)").await, refused);
        assert_eq!(says(client, "update t set a = 7").await, refused);
        let done = "begin; insert into t values (3, 101); delete from t where id = 3; commit";
        assert_eq!(says(client, done).await, "(0); (1); (1); (0)");
    }
    assert_eq!(says(&client, "update t set a = 200").await, "(1)");
    let validate = "alter table async t validate constraint large";
    assert!(says(&client, validate).await.ends_with("; (0)"));
    assert_eq!(says(&client, "update t set a = 7").await, refused);
}

#[tokio::test]
async fn a_function_in_sql_is_called_however_its_body_is_written() {
    let served = strict().await;
    let client = served.client().await;
    for (function, body) in [
        ("one", "language sql return 1"),
        ("two", "language sql begin atomic select 2; end"),
        ("three", "language sql volatile as 'select 3'"),
        ("four", "language sql as 'select max(g)::int from generate_series(1, 4) g'"),
    ] {
        let create = format!("create function {function}() returns int {body}");
        assert_eq!(says(&client, &create).await, "(0)", "{function}");
    }
    assert_eq!(says(&client, "select one(), two(), three(), four()").await, "1|2|3|4; (1)");
    assert_eq!(code(&client, "select two()").await, "done");
}

#[tokio::test]
async fn what_is_refused_is_refused_in_either_protocol_and_fails_the_transaction() {
    let served = strict().await;
    let client = served.client().await;
    for (sql, refused) in [
        ("DECLARE c CURSOR FOR SELECT 1", "0A000 unsupported statement: DeclareCursor"),
        ("EXECUTE nothing", "0A000 unsupported statement: Execute"),
        ("CALL nothing(1)", "42883 procedure nothing(integer) does not exist"),
        ("DROP SCHEMA public CASCADE", "0A000 feature not supported on system entity"),
    ] {
        assert_eq!(says(&client, sql).await, refused);
        assert_eq!(code(&client, sql).await, refused);
        let block = format!("begin; {sql}");
        assert!(says(&client, &block).await.ends_with(refused), "{sql}");
        assert!(says(&client, "select 1").await.starts_with("25P02"), "{sql}");
        says(&client, "rollback").await;
    }
}
