//! Every way of ending, the unkind ones included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use overbooked::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;

use super::{
    eventually, gone, is_empty, kill_9, open_folder, postmaster, ps, run, start, text, within,
};

#[tokio::test]
async fn a_stopped_cluster_leaves_nothing() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let server = postmaster(cluster.folder()).await;
    cluster.stop().await.unwrap();
    assert!(is_empty(&temporary));
    gone(server).await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_clients() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let _client = super::connect(&cluster).await;
    tokio::time::timeout(super::DEADLINE, cluster.stop()).await.unwrap().unwrap();
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let server = postmaster(cluster.folder()).await;
    drop(cluster);
    eventually("the folder goes", async || is_empty(&temporary)).await;
    gone(server).await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let temporary = open_folder();
    let options = within(&temporary);
    let starting = Box::pin(Cluster::start(&options, &|_| {}));
    let server_is_coming = eventually("the server's files", async || {
        find(&temporary, "data/postmaster.pid").is_some()
    });
    tokio::select! {
        biased;
        () = server_is_coming => {}
        started = starting => drop(started.unwrap()),
    }
    eventually("the folder goes", async || is_empty(&temporary)).await;
}

/// A file in one of the clusters' folders, once it is there.
fn find(temporary: &TempDir, file: &str) -> Option<PathBuf> {
    let folders = temporary.path().read_dir().unwrap().flatten();
    folders.map(|folder| folder.path().join(file)).find(|path| path.exists())
}

const HOLDERS_FOLDER: &str = "OVERBOOKED_TEST_HOLDER";
/// The file in which it says where its cluster is: in the cluster's own folder it would be a
/// stranger's.
const HOLDERS_WORD: &str = "OVERBOOKED_TEST_HOLDERS_WORD";

/// Not a test of its own: the process that the tests below kill. It starts a cluster and waits to
/// die.
#[tokio::test]
#[ignore = "is started, and killed, by the tests of this file"]
async fn holder() {
    let Some(temporary) = std::env::var_os(HOLDERS_FOLDER) else { return };
    let options = ClusterOptions { temporary: Some(temporary.into()), ..ClusterOptions::default() };
    let cluster = start(&options).await;
    let word = std::env::var_os(HOLDERS_WORD).unwrap();
    let half_written = PathBuf::from(&word).with_extension("new");
    fs::write(&half_written, cluster.folder().to_str().unwrap()).unwrap();
    fs::rename(half_written, word).unwrap();
    std::future::pending::<()>().await;
}

/// A process of ours that starts a cluster in `temporary` and, when that runs, says so in the file
/// `word`.
pub(super) fn begin_holder(temporary: &TempDir, word: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::endings::holder", "--ignored"])
        .env(HOLDERS_FOLDER, temporary.path())
        .env(HOLDERS_WORD, word)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A process of ours with a cluster in `temporary`, and the cluster's folder.
pub(super) async fn spawn_holder(temporary: &TempDir) -> (Child, PathBuf) {
    let told = open_folder();
    let word = told.path().join("ready");
    let holder = begin_holder(temporary, &word);
    eventually("the holder's cluster", async || word.exists()).await;
    let folder = fs::read_to_string(&word).unwrap().into();
    (holder, folder)
}

#[tokio::test]
async fn kill_9_of_the_console_leaves_nothing() {
    let temporary = open_folder();
    let (mut holder, folder) = spawn_holder(&temporary).await;
    let server = postmaster(&folder).await;
    holder.kill().unwrap();
    holder.wait().unwrap();
    gone(server).await;
    eventually("the folder goes", async || is_empty(&temporary)).await;
}

#[tokio::test]
async fn kill_9_of_the_supervisor_and_the_console_is_swept_by_the_next_start() {
    let temporary = open_folder();
    let (mut holder, folder) = spawn_holder(&temporary).await;
    let server = postmaster(&folder).await;
    kill_9(ps(server, "ppid").parse().unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(postmaster(&folder).await, server, "nobody is left to end the server");

    let cluster = start(&within(&temporary)).await;
    assert!(!folder.exists());
    gone(server).await;
    cluster.stop().await.unwrap();
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn stopping_ends_the_server_even_when_its_supervisor_was_killed() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let server = postmaster(cluster.folder()).await;
    kill_9(ps(server, "ppid").parse().unwrap());
    cluster.stop().await.unwrap();
    gone(server).await;
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_started_again_with_its_rows() {
    let temporary = open_folder();
    let mut cluster = start(&within(&temporary)).await;
    run(&cluster, "create table seats as select 'A-4' as seat").await;
    kill_9(postmaster(cluster.folder()).await);
    tokio::time::timeout(super::DEADLINE, cluster.exited()).await.unwrap();
    assert!(!cluster.is_running());
    cluster.restart().await.unwrap();
    assert!(cluster.is_running());
    assert_eq!(text(&cluster, "select seat from seats").await, "A-4");
    cluster.stop().await.unwrap();
    assert!(is_empty(&temporary));
}
