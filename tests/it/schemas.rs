//! Schemas of runs on a real server: only a dead run's own schema is swept, with nothing of anybody
//! else's.

use std::time::Duration;

use overbooked::run::schema::{RunSchema, Swept, sweep};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::pgbouncer::PgBouncer;
use crate::support::Database;

const PREFIX: &str = "overbooked_test";
/// Nothing that these tests wait for takes longer, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

async fn pool_of(database: &Database) -> PgPool {
    PgPool::connect_with(database.sqlx_options()).await.unwrap()
}

async fn run(pool: &PgPool, sql: impl Into<String>) {
    let sql = sql.into();
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(pool).await;
    assert!(ran.is_ok(), "{sql}: {ran:?}");
}

async fn count(pool: &PgPool, sql: impl Into<String>) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_one(pool).await.unwrap()
}

async fn is_there(pool: &PgPool, schema: &str) -> bool {
    count(pool, format!("select count(*) from pg_namespace where nspname = '{schema}'")).await == 1
}

/// The advisory locks of this database's runs, those that are held by an open transaction apart.
async fn locks(pool: &PgPool) -> (i64, i64) {
    let held = "select count(*) from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and datname = current_database() and state";
    let idle = count(pool, format!("{held} = 'idle'")).await;
    (idle, count(pool, format!("{held} like 'idle in transaction%'")).await)
}

async fn until_unlocked(pool: &PgPool) {
    let free = async { while locks(pool).await != (0, 0) {} };
    tokio::time::timeout(DEADLINE, free).await.expect("a run that is gone has no lock");
}

/// The schema of a run that has died.
async fn leave_one(pool: &PgPool) -> String {
    let schema = RunSchema::create(pool, PREFIX).await.unwrap();
    let name = schema.name().to_owned();
    run(pool, format!("create table {name}.seats (n int primary key)")).await;
    drop(schema);
    until_unlocked(pool).await;
    name
}

async fn swept(pool: &PgPool) -> Swept {
    tokio::time::timeout(DEADLINE, sweep(pool, PREFIX))
        .await
        .expect("a sweep waits for nobody")
        .unwrap()
}

fn doubts(swept: &Swept) -> Vec<String> {
    swept.doubts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_living_run_is_in_no_transaction_and_keeps_its_schema() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    let schema = RunSchema::create(&pool, PREFIX).await.unwrap();
    assert_eq!(locks(&pool).await, (1, 0));
    let limited = "select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and (backend_xmin is not \
        null or backend_xid is not null)";
    assert_eq!(count(&pool, limited).await, 0, "nothing holds back the horizon");
    assert!(swept(&pool).await.dropped.is_empty());
    assert!(is_there(&pool, schema.name()).await);
    schema.drop().await.unwrap();
    until_unlocked(&pool).await;
}

#[tokio::test]
async fn the_lock_outlives_the_servers_limit_for_idle_sessions() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    let known = "select count(*) from pg_settings where name = 'idle_session_timeout'";
    if count(&pool, known).await == 0 {
        eprintln!("not tried: this PostgreSQL has no such limit");
        return;
    }
    let limit = format!("alter database {} set idle_session_timeout = '100ms'", database.name());
    run(&pool, limit).await;
    let limited = pool_of(&database).await;
    let schema = RunSchema::create(&limited, PREFIX).await.unwrap();
    let holder = "select pid::bigint from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())";
    let held_by = count(&pool, holder).await;
    // Whoever is as idle as the lock's connection, and came after it, is put out.
    let mut another = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let number = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut another).await;
    let number: i32 = number.unwrap();
    let is_there = format!("select count(*) from pg_stat_activity where pid = {number}");
    let ended = async { while count(&pool, is_there.as_str()).await > 0 {} };
    tokio::time::timeout(DEADLINE, ended).await.expect("idle sessions are put out");
    assert_eq!(count(&pool, holder).await, held_by);
    drop(another);
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn behind_a_pooler_a_transaction_holds_the_lock_and_nothing_keeps_it() {
    let database = Database::create().await;
    let Some(pooler) = PgBouncer::start(&database).await else {
        eprintln!("not tried: this machine has no PgBouncer");
        return;
    };
    let pool = pool_of(&database).await;
    let through = PgPool::connect_with(pooler.target(&database).sqlx_options()).await.unwrap();
    let schema = RunSchema::create(&through, PREFIX).await.unwrap();
    assert_eq!(locks(&pool).await, (0, 1));
    assert!(swept(&through).await.dropped.is_empty());
    schema.drop().await.unwrap();
    until_unlocked(&pool).await;
}

#[tokio::test]
async fn only_what_a_dead_run_has_made_is_swept() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    let renamed = leave_one(&pool).await;
    run(&pool, format!("alter schema {renamed} rename to overbooked_test_mine")).await;
    let dead = leave_one(&pool).await;
    let mark = "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname =";
    let mark: String = sqlx::query_scalar(AssertSqlSafe(format!("{mark} '{dead}'")))
        .fetch_one(&pool)
        .await
        .unwrap();
    run(&pool, "create schema overbooked_test_00000001").await;
    run(&pool, format!("comment on schema overbooked_test_00000001 is '{mark}'")).await;
    run(
        &pool,
        "create schema overbooked_test_00000002; create schema overbooked_test_00000003;
        comment on schema overbooked_test_00000003 is 'overbooked made this; alive while locked'",
    )
    .await;
    let living = RunSchema::create(&pool, PREFIX).await.unwrap();

    let swept = swept(&pool).await;
    assert_eq!(swept.dropped, [dead]);
    let told = doubts(&swept);
    assert!(
        told.len() == 2 && told.iter().all(|doubt| doubt.contains("copied or renamed")),
        "{told:?}"
    );
    let left = ["overbooked_test_00000001", "overbooked_test_00000002", "overbooked_test_00000003"];
    for schema in left.into_iter().chain(["overbooked_test_mine", living.name()]) {
        assert!(is_there(&pool, schema).await, "{schema}");
    }
    living.drop().await.unwrap();
}

/// A name in the catalog is somebody's choice, and so is a comment.
#[tokio::test]
async fn a_name_that_is_sql_is_not_carried_out() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    run(&pool, "create table thesis (page int)").await;
    let name = "overbooked_test_a; drop table public.thesis; --";
    run(&pool, format!("create schema \"{name}\"")).await;
    let oid = format!("select oid::bigint from pg_namespace where nspname = '{name}'");
    let oid = count(&pool, oid).await;
    let mark = format!("overbooked made the schema {name} ({oid}); alive until 1");
    run(&pool, format!("comment on schema \"{name}\" is '{mark}'")).await;
    let swept = swept(&pool).await;
    assert!(swept.dropped.is_empty(), "{swept:?}");
    let told = doubts(&swept).join("");
    assert!(told.contains("a name that no run of ours gives"), "{told}");
    assert_eq!(count(&pool, "select count(*) from thesis").await, 0);
    assert!(is_there(&pool, name).await);
}

#[tokio::test]
async fn a_schema_that_was_copied_into_another_database_stays() {
    let (database, another) = (Database::create().await, Database::create().await);
    let (pool, elsewhere) = (pool_of(&database).await, pool_of(&another).await);
    let schema = RunSchema::create(&pool, PREFIX).await.unwrap();
    let name = schema.name();
    let mark = "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname =";
    let mark: String = sqlx::query_scalar(AssertSqlSafe(format!("{mark} '{name}'")))
        .fetch_one(&pool)
        .await
        .unwrap();
    // What pg_dump writes.
    run(&elsewhere, "create schema in_between").await;
    run(&elsewhere, format!("create schema {name}; comment on schema {name} is '{mark}'")).await;
    let swept = swept(&elsewhere).await;
    assert!(swept.dropped.is_empty() && doubts(&swept).len() == 1, "{swept:?}");
    assert!(is_there(&elsewhere, name).await);
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn a_prepared_transaction_goes_with_the_schema_only_if_it_has_touched_nothing_else() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    run(&pool, "create table orders (n int)").await;
    let (own, shared) = (leave_one(&pool).await, leave_one(&pool).await);
    let (gid, theirs) = (format!("{own}'s"), format!("{shared}'s"));
    let quoted = |gid: &str| format!("'{}'", gid.replace('\'', "''"));
    run(
        &pool,
        format!(
            "begin; insert into {own}.seats values (1); create table {own}.more (n \
        int); prepare transaction {}",
            quoted(&gid)
        ),
    )
    .await;
    run(
        &pool,
        format!(
            "begin; insert into {shared}.seats values (1); insert into orders values \
        (1); prepare transaction {}",
            quoted(&theirs)
        ),
    )
    .await;

    let swept = swept(&pool).await;
    assert_eq!(swept.dropped, [own]);
    let told = doubts(&swept);
    assert!(told.len() == 1 && told[0].contains(&theirs) && told[0].contains(&shared), "{told:?}");
    let left = "select count(*) from pg_prepared_xacts where database = current_database()";
    assert_eq!(count(&pool, left).await, 1);
    run(&pool, format!("commit prepared {}", quoted(&theirs))).await;
    assert_eq!(count(&pool, "select count(*) from orders").await, 1);
    assert_eq!(self::swept(&pool).await.dropped, [shared]);
}

#[tokio::test]
async fn a_run_names_the_prepared_transaction_that_keeps_its_schema() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    run(&pool, "create table orders (n int)").await;
    let schema = RunSchema::create(&pool, PREFIX).await.unwrap();
    let name = schema.name().to_owned();
    run(&pool, format!("create table {name}.seats (n int)")).await;
    run(
        &pool,
        format!(
            "begin; insert into {name}.seats values (1); insert into orders values (1); \
        prepare transaction '{name}'"
        ),
    )
    .await;
    let refused = tokio::time::timeout(DEADLINE, schema.drop()).await.unwrap().unwrap_err();
    assert!(
        refused.to_string().contains(&format!("the prepared transaction '{name}'")),
        "{refused}"
    );
    assert!(is_there(&pool, &name).await);
    run(&pool, format!("rollback prepared '{name}'")).await;
}

#[tokio::test]
async fn a_sweep_does_not_wait_for_whoever_sits_in_a_dead_runs_schema() {
    let database = Database::create().await;
    let pool = pool_of(&database).await;
    let dead = leave_one(&pool).await;
    let mut reader = pool.begin().await.unwrap();
    let read = AssertSqlSafe(format!("select * from {dead}.seats"));
    sqlx::raw_sql(read).execute(&mut *reader).await.unwrap();
    assert!(swept(&pool).await.dropped.is_empty());
    assert!(is_there(&pool, &dead).await);
    reader.rollback().await.unwrap();
    assert_eq!(swept(&pool).await.dropped, [dead]);
}
