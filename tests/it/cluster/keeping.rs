//! `--data DIR`: a cluster that is kept between runs.

use std::fs;
use std::path::PathBuf;

use overbooked::cluster::{Cluster, ClusterError, ClusterOptions};

use super::{is_empty, open_folder, run, start, text, within};

async fn refusal(options: &ClusterOptions) -> ClusterError {
    Cluster::start(options, &|_| {}).await.unwrap_err()
}

#[tokio::test]
async fn rows_are_there_in_the_next_run() {
    let (temporary, home) = (open_folder(), open_folder());
    let data = Some(home.path().join("lesson"));
    let options = ClusterOptions { data, ..within(&temporary) };
    let first = start(&options).await;
    assert_eq!(text(&first, "show fsync").await, "on");
    run(&first, "create table seats as select 'A-4' as seat").await;
    first.stop().await.unwrap();
    assert!(is_empty(&temporary));

    let second = start(&options).await;
    assert_eq!(text(&second, "select seat from seats").await, "A-4");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_console_and_the_next_one_may_follow_each_other_at_once() {
    let (temporary, home) = (open_folder(), open_folder());
    let options = ClusterOptions { data: Some(home.path().to_owned()), ..within(&temporary) };
    drop(start(&options).await);
    start(&options).await.stop().await.unwrap();
}

#[tokio::test]
async fn two_consoles_cannot_have_one_folder() {
    let (temporary, home) = (open_folder(), open_folder());
    let options = ClusterOptions { data: Some(home.path().to_owned()), ..within(&temporary) };
    let first = start(&options).await;
    let refused = refusal(&options).await;
    assert!(matches!(refused, ClusterError::InUse(_)), "{refused}");
    assert!(first.is_running());
    first.stop().await.unwrap();
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_refused_and_left_alone() {
    let (temporary, home) = (open_folder(), open_folder());
    let thesis = home.path().join("thesis.txt");
    fs::write(&thesis, "").unwrap();
    let options = ClusterOptions { data: Some(home.path().to_owned()), ..within(&temporary) };
    let refused = refusal(&options).await;
    assert!(matches!(refused, ClusterError::NotACluster(_)), "{refused}");
    let left: Vec<PathBuf> = home.path().read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [thesis]);
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused_by_name() {
    let (temporary, home) = (open_folder(), open_folder());
    fs::create_dir(home.path().join("cluster")).unwrap();
    fs::write(home.path().join("cluster/PG_VERSION"), "11\n").unwrap();
    let options = ClusterOptions { data: Some(home.path().to_owned()), ..within(&temporary) };
    let refused = refusal(&options).await.to_string();
    assert!(refused.contains("PostgreSQL 11's programs with --pg-bin"), "{refused}");
}
