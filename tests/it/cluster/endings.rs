//! Every way of ending, the unkind ones included.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use overbooked::engine::postgres::{Cluster, ClusterOptions};
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
/// The file in which it says where its cluster is: in the cluster's own folder it would be a stranger's.
const HOLDERS_WORD: &str = "OVERBOOKED_TEST_HOLDERS_WORD";

/// Not a test of its own: the process that the tests below kill. It starts a cluster and waits to die.
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

/// A process of ours with a cluster in `temporary`, and the cluster's folder.
async fn spawn_holder(temporary: &TempDir) -> (Child, PathBuf) {
    let told = open_folder();
    let word = told.path().join("ready");
    let holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::endings::holder", "--ignored"])
        .env(HOLDERS_FOLDER, temporary.path())
        .env(HOLDERS_WORD, &word)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
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
async fn nothing_goes_because_of_its_name_and_what_is_in_doubt_is_named() {
    let temporary = open_folder();
    let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    let make = |name: &str| {
        let folder = temporary.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("thesis.txt"), "years of work").unwrap();
        File::create(folder.join("lock")).unwrap();
        File::open(&folder).unwrap().set_modified(an_hour_ago).unwrap();
        folder
    };
    let named_alike = make("overbooked-main");
    let as_we_name_ours = make("overbooked-5c1f09aa");
    let foreign = make("somebody-elses");
    let link = temporary.path().join("overbooked-00000000");
    std::os::unix::fs::symlink(&foreign, &link).unwrap();

    let cluster = start(&within(&temporary)).await;
    let doubts: Vec<String> = cluster.doubts().iter().map(ToString::to_string).collect();
    cluster.stop().await.unwrap();

    for folder in [&named_alike, &as_we_name_ours, &foreign] {
        assert_eq!(fs::read_to_string(folder.join("thesis.txt")).unwrap(), "years of work");
    }
    assert!(link.symlink_metadata().is_ok());
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    assert!(doubts[0].contains("overbooked-5c1f09aa was left alone"), "{doubts:?}");
}

#[tokio::test]
async fn a_folder_of_a_killed_program_with_a_file_of_the_users_in_it_stays_whole() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let folder = cluster.folder().to_owned();
    fs::write(folder.join("thesis.txt"), "years of work").unwrap();
    cluster.stop().await.unwrap();
    let doubts = start(&within(&temporary)).await;
    let told = doubts.doubts().iter().any(|doubt| doubt.to_string().contains("thesis.txt"));
    assert!(told, "{:?}", doubts.doubts());
    doubts.stop().await.unwrap();
    assert_eq!(fs::read_to_string(folder.join("thesis.txt")).unwrap(), "years of work");
    assert!(folder.join("data/PG_VERSION").exists() && folder.join("lock").exists());
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
