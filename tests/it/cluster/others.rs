//! What belongs to others stays, however much it looks like ours: a start removes, ends and drops
//! nothing because of its name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use overbooked::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;

use super::endings::{begin_holder, spawn_holder};
use super::{eventually, gone, is_empty, kill_9, open_folder, postmaster, ps, start, within};

/// A folder that a killed program has left, its server included.
async fn leave_one(temporary: &TempDir) -> PathBuf {
    let (mut holder, folder) = spawn_holder(temporary).await;
    let server = postmaster(&folder).await;
    kill_9(ps(server, "ppid").parse().unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    folder
}

/// The same, with its server ended.
async fn leave_one_without_server(temporary: &TempDir) -> PathBuf {
    let folder = leave_one(temporary).await;
    let server = postmaster(&folder).await;
    kill_9(server);
    gone(server).await;
    folder
}

/// Starts and stops a cluster, and gives what it has said was left alone.
async fn sweep(temporary: &TempDir) -> Vec<String> {
    let cluster = start(&within(temporary)).await;
    let doubts = cluster.doubts().iter().map(ToString::to_string).collect();
    assert!(cluster.stop().await.unwrap().is_none());
    doubts
}

fn make_old(folder: &Path) {
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    fs::File::open(folder).unwrap().set_modified(hour_ago).unwrap();
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[tokio::test]
async fn a_folder_of_somebodys_with_such_a_name_stays() {
    let temporary = open_folder();
    for name in ["overbooked-main", "overbooked-5c1f09aa", "overbooked-new-abcdef"] {
        let folder = temporary.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("thesis.txt"), "x").unwrap();
        fs::write(folder.join("lock"), "").unwrap();
        make_old(&folder);
    }
    let said = sweep(&temporary).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("overbooked-5c1f09aa was left alone"), "{said:?}");
    for folder in temporary.path().read_dir().unwrap() {
        assert!(folder.unwrap().path().join("thesis.txt").exists());
    }
    assert_eq!(temporary.path().read_dir().unwrap().count(), 3);
}

#[tokio::test]
async fn a_run_folder_goes_and_its_copies_links_and_renamed_ones_stay() {
    let (temporary, elsewhere) = (open_folder(), open_folder());
    let left = leave_one_without_server(&temporary).await;
    let copied = temporary.path().join("overbooked-00000001");
    copy(&left, &copied);
    let linked = temporary.path().join("overbooked-00000002");
    let target = elsewhere.path().join("target");
    copy(&left, &target);
    symlink(&target, &linked).unwrap();
    let said = sweep(&temporary).await;
    assert!(!left.exists());
    assert!(said.len() == 1 && said[0].contains("overbooked-00000001"), "{said:?}");
    assert!(copied.join("data/PG_VERSION").exists() && linked.symlink_metadata().is_ok());
    assert!(target.join("data/PG_VERSION").exists());
}

#[tokio::test]
async fn a_file_that_somebody_put_into_a_run_folder_keeps_it_whole() {
    for place in ["thesis.txt", "data/thesis.txt", "data/base/thesis.txt"] {
        let temporary = open_folder();
        let left = leave_one_without_server(&temporary).await;
        fs::write(left.join(place), "x").unwrap();
        let said = sweep(&temporary).await;
        assert!(said.len() == 1 && said[0].contains(place), "{said:?}");
        assert!(left.join(place).exists() && left.join("data/global/pg_control").exists());
        assert_eq!(sweep(&temporary).await, said, "it is named again");
    }
}

#[tokio::test]
async fn a_server_of_ours_is_ended_and_somebody_elses_in_the_same_folder_is_not() {
    let temporary = open_folder();
    let left = leave_one_without_server(&temporary).await;
    let theirs = Command::new("python3")
        .args(["-c", SERVER])
        .arg(left.join(".s.PGSQL.5433"))
        .spawn()
        .unwrap();
    let mut theirs = Ended(theirs);
    let socket = left.join(".s.PGSQL.5433");
    eventually("their server", async || tokio::net::UnixStream::connect(&socket).await.is_ok())
        .await;
    let said = sweep(&temporary).await;
    assert!(said.len() == 1 && said[0].contains("did not start"), "{said:?}");
    assert!(theirs.0.try_wait().unwrap().is_none(), "their server runs on");
    assert!(left.exists());
}

/// A server of somebody's: it listens, and does nothing else.
const SERVER: &str = "
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
server.listen()
while True:
    server.accept()
";

/// A process that ends with its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_run_that_ends_leaves_a_folder_that_somebody_has_put_something_into() {
    let temporary = open_folder();
    let cluster = start(&within(&temporary)).await;
    let thesis = cluster.folder().join("thesis.txt");
    fs::write(&thesis, "x").unwrap();
    let doubt = cluster.stop().await.unwrap().expect("it is named");
    assert!(doubt.to_string().contains("thesis.txt"), "{doubt}");
    assert!(thesis.exists());
}

#[tokio::test]
async fn a_killed_run_leaves_a_folder_that_somebody_has_put_something_into() {
    for place in ["thesis.txt", "data/thesis.txt", "data/base/5/thesis.txt"] {
        let temporary = open_folder();
        let (mut holder, folder) = spawn_holder(&temporary).await;
        let server = postmaster(&folder).await;
        let supervisor = ps(server, "ppid").parse().unwrap();
        fs::write(folder.join(place), "x").unwrap();
        holder.kill().unwrap();
        holder.wait().unwrap();
        gone(supervisor).await;
        assert!(folder.join(place).exists(), "{place}");
        assert!(folder.join("lock").exists() && folder.join("data/global/pg_control").exists());
        let said = sweep(&temporary).await;
        assert!(said.len() == 1 && said[0].contains(place), "{said:?}");
    }
}

#[tokio::test]
async fn a_run_folder_that_somebody_moved_away_keeps_what_is_in_it() {
    let (temporary, elsewhere) = (open_folder(), open_folder());
    let (mut holder, folder) = spawn_holder(&temporary).await;
    let server = postmaster(&folder).await;
    let supervisor = ps(server, "ppid").parse().unwrap();
    let moved = elsewhere.path().join("mine");
    fs::rename(&folder, &moved).unwrap();
    fs::create_dir(&folder).unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    gone(supervisor).await;
    assert!(moved.join("data/PG_VERSION").exists() && folder.exists());
}

#[tokio::test]
async fn two_starts_that_sweep_at_once_both_start() {
    let temporary = open_folder();
    let left = leave_one(&temporary).await;
    let options = within(&temporary);
    let (one, other) = tokio::join!(start(&options), start(&options));
    assert!(!left.exists());
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    assert!(is_empty(&temporary));
}

#[tokio::test]
async fn in_the_cache_only_what_a_killed_start_left_goes() {
    let (cache, temporary) = (open_folder(), open_folder());
    let theirs = ["half-made-mine", "half-made-5c1f09aa", "postgresql-mine"];
    for name in theirs {
        fs::create_dir(cache.path().join(name)).unwrap();
        fs::write(cache.path().join(name).join("thesis.txt"), "x").unwrap();
        make_old(&cache.path().join(name));
    }
    let options = ClusterOptions { cache: Some(cache.path().to_owned()), ..within(&temporary) };
    start(&options).await.stop().await.unwrap();
    for name in theirs {
        assert!(cache.path().join(name).join("thesis.txt").exists(), "{name}");
    }
}

#[tokio::test]
async fn a_folder_to_keep_a_cluster_in_loses_nothing_of_somebodys() {
    let (temporary, home) = (open_folder(), open_folder());
    let theirs = home.path().join("half-made-5c1f09aa");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("thesis.txt"), "x").unwrap();
    make_old(&theirs);
    let options = ClusterOptions { data: Some(home.path().to_owned()), ..within(&temporary) };
    Cluster::start(&options, &|_| {}).await.unwrap().stop().await.unwrap();
    let log = home.path().join("cluster/server.log");
    fs::write(&log, "mine").unwrap();
    start(&options).await.stop().await.unwrap();
    assert!(theirs.join("thesis.txt").exists());
    assert_eq!(fs::read_to_string(log).unwrap(), "mine");
}

/// A start makes about this many files and folders, its server's first ones included.
const ENTRIES: usize = 1_100;

#[tokio::test]
async fn starts_that_are_killed_at_any_moment_leave_nothing_to_the_next() {
    let temporary = open_folder();
    let theirs = temporary.path().join("overbooked-5c1f09aa");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("thesis.txt"), "x").unwrap();
    for _ in 0..20 {
        kill_a_start(&temporary, rand::random_range(0..ENTRIES)).await;
    }
    let left = || temporary.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_known = |path: &PathBuf| *path == theirs || is_unmarked(path);
    eventually("all goes that is ours", async || {
        sweep(&temporary).await;
        left().all(|path| is_known(&path))
    })
    .await;
    left().for_each(|path| make_old(&path));
    let said = sweep(&temporary).await;
    assert_eq!(said.len(), left().count(), "what stays is named: {said:?}");
    assert_eq!(fs::read_to_string(theirs.join("thesis.txt")).unwrap(), "x");
}

/// Kills a start as soon as there is so much of it, or when it is done.
async fn kill_a_start(temporary: &TempDir, entries: usize) {
    let told = open_folder();
    let word = told.path().join("ready");
    let before = count(temporary.path());
    let mut holder = begin_holder(temporary, &word);
    eventually("as much of a start", async || {
        word.exists() || count(temporary.path()) >= before + entries
    })
    .await;
    holder.kill().unwrap();
    holder.wait().unwrap();
}

fn count(folder: &Path) -> usize {
    let Ok(entries) = folder.read_dir() else { return 0 };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.map(|path| 1 + if path.is_dir() { count(&path) } else { 0 }).sum()
}

/// Whether its maker was killed before it had written its mark.
fn is_unmarked(folder: &Path) -> bool {
    let entries: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.iter().all(|path| path.ends_with("lock") && fs::read(path).unwrap().is_empty())
}
