//! The embedded PostgreSQL: it starts, it ends, and nothing of it stays, however it ends.

use std::time::{Duration, Instant};

use overbooked::engine::postgres::{Cluster, ClusterOptions};

#[tokio::test]
async fn a_stopped_cluster_leaves_nothing() {
    let begin = Instant::now();
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.unwrap();
    eprintln!("{:?}", begin.elapsed());
    let folder = cluster.folder().to_owned();
    assert!(folder.join(".s.PGSQL.5432").exists());
    let begin = Instant::now();
    tokio::time::timeout(Duration::from_secs(20), cluster.stop()).await.unwrap().unwrap();
    eprintln!("{:?}", begin.elapsed());
    assert!(!folder.exists());
}

#[tokio::test]
async fn shared() {
    let database = crate::support::Database::create().await;
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&pool).await.unwrap();
    assert!(name.starts_with("test_"));
}
