//! Aurora DSQL's own connector for sqlx, with its retry helper, against `overbooked serve`.
//!
//! The connector's pool asks AWS for a token, so the pool here is sqlx's own; what is tried is how
//! the connector recognises a conflict and tries again.
//!
//! The program is the one that `cargo build` in the repository has made, or the one that
//! `OVERBOOKED_PROGRAM` names.
#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aurora_dsql_sqlx_connector::{OCCRetryConfigBuilder, is_occ_error, retry_on_occ};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const WORKERS: u32 = 10;

/// `overbooked serve` on a port of its own; ended with this value.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start() -> Self {
        let mut child = Command::new(program())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program; `cargo build` makes it");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap();
        Self { url: format!("postgres://admin@{address}/postgres"), child }
    }

    async fn pool(&self) -> PgPool {
        PgPoolOptions::new().max_connections(WORKERS).connect(&self.url).await.unwrap()
    }
}

impl Drop for Served {
    /// SIGTERM, so that it tidies up what it has started.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = || here.join("../../../target/debug/overbooked");
    std::env::var_os("OVERBOOKED_PROGRAM").map_or_else(built, PathBuf::from)
}

/// Reads the counter and writes what it read plus one, as a careless program does.
async fn increment(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let value: i32 = sqlx::query_scalar("select value from counters where id = 1")
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query("update counters set value = $1 where id = 1")
        .bind(value + 1)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn counter(pool: &PgPool) -> i32 {
    sqlx::query_scalar("select value from counters where id = 1").fetch_one(pool).await.unwrap()
}

async fn make_counter(pool: &PgPool) {
    let table = "create table counters (id int primary key, value int not null)";
    sqlx::query(table).execute(pool).await.unwrap();
    sqlx::query("insert into counters values (1, 0)").execute(pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_increments_at_once_end_at_ten() {
    let served = Served::start();
    let pool = served.pool().await;
    make_counter(&pool).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let pool = pool.clone();
        workers.spawn(async move {
            let patient = OCCRetryConfigBuilder::default().max_attempts(100_u32).build().unwrap();
            retry_on_occ(&patient, || increment(&pool)).await
        });
    }
    for ended in workers.join_all().await {
        ended.unwrap();
    }
    assert_eq!(counter(&pool).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_knows_a_conflict_and_a_changed_schema() {
    let served = Served::start();
    let pool = served.pool().await;
    make_counter(&pool).await;
    let mut loser = pool.begin().await.unwrap();
    sqlx::query("update counters set value = 7 where id = 1").execute(&mut *loser).await.unwrap();
    increment(&pool).await.unwrap();
    let conflict = loser.commit().await.unwrap_err();
    assert_eq!(is_occ_error(&conflict).unwrap().1, "OC000");
    let mut reader = pool.begin().await.unwrap();
    sqlx::query("select value from counters").execute(&mut *reader).await.unwrap();
    sqlx::query("alter table counters add column note text").execute(&pool).await.unwrap();
    let changed = reader.commit().await.unwrap_err();
    assert_eq!(is_occ_error(&changed).unwrap().1, "OC001");
    assert_eq!(counter(&pool).await, 1);
}
