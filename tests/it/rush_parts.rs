//! The rush with real parts in front of the database.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use overbooked::rush::board::End;
use overbooked::rush::figures::Figure;
use overbooked::rush::strategy::StrategyName;
use tokio::net::UnixStream;
use tokio::time::{interval, timeout};

use crate::rush::{finished, options, rush};
use crate::rush_ends::url;
use crate::rush_screen::seats_are_sold;
use crate::support::Database;

/// Whether the program is on this machine; says so where it is not.
pub(crate) fn is_here(program: &str) -> bool {
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).is_file());
    if !found {
        eprintln!("not tried: this machine has no {program}");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_in_redis_sell_each_seat_once() {
    if !is_here("redis-server") {
        return;
    }
    let database = Database::create().await;
    let flags = "redis-hold redis-hold-fenced --with redis --requests 600 --seats 30 --workers 8";
    let board = rush(&database, flags).await;
    assert_eq!(board.ended.len(), 2);
    for ended in &board.ended {
        let finished = finished(&board, ended.strategy);
        let (tally, verdict) = (&finished.tally, finished.verdict);
        assert!(verdict.holds(), "{}: {verdict:?}", ended.strategy);
        assert_eq!((tally.settled, tally.failed), (600, 0), "{:?}", tally.errors);
        assert_eq!((tally.booked, verdict.sold), (30, 30), "{}", ended.strategy);
        assert!(finished.sold_out.is_some_and(|then| then <= finished.wall));
        assert!(finished.figures.of(Figure::PartCalls) >= 600, "{:?}", finished.figures);
    }
}

#[test]
fn a_strategy_without_its_part_is_left_out_of_all_and_refused_by_name() {
    let all = options("");
    assert!(!all.chosen().contains(&StrategyName::RedisHold));
    let left_out = all.left_out().unwrap();
    assert!(left_out.contains("redis-hold (--with redis)"), "{left_out}");
    assert!(all.check().is_ok());
    let error = options("redis-hold").check().unwrap_err().to_string();
    assert_eq!(
        error,
        "redis-hold needs Redis: give its address with --redis URL, or have one started by --with \
         redis"
    );
    let given = options("--redis redis://localhost --etcd http://localhost");
    assert!(given.chosen().contains(&StrategyName::RedisHoldFenced) && given.left_out().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_is_named() {
    let database = Database::create().await;
    let board = rush(&database, "redis-hold --redis redis://127.0.0.1:1 --requests 10").await;
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(why.starts_with("cannot reach Redis at 127.0.0.1:1: "), "{why}");
}

/// The folder of the part that this process has started.
fn folder_of(process: u32) -> Option<PathBuf> {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir(), "/tmp".into()];
    let entries = places.iter().filter_map(|place| place.read_dir().ok()).flatten().flatten();
    let mut folders = entries.map(|entry| entry.path());
    folders.find(|folder| {
        let mark = std::fs::read_to_string(folder.join("lock")).unwrap_or_default();
        mark.contains(&format!("process {process}\n")) && folder.join("part.pid").exists()
    })
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-s", "KILL", process]).status().unwrap().success());
}

async fn until_nobody_listens(socket: &Path) {
    let gone = async {
        let mut pulse = interval(Duration::from_millis(10));
        while UnixStream::connect(socket).await.is_ok() {
            pulse.tick().await;
        }
    };
    timeout(Duration::from_mins(1), gone).await.expect("the server ends");
}

/// The process that watches over the part in this folder.
fn supervisor(folder: &Path) -> String {
    let server = std::fs::read_to_string(folder.join("part.pid")).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.trim())).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    parent.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_private_part_is_left_after_a_killed_rush() {
    for (strategy, part, program, socket) in [
        ("redis-hold", "redis", "redis-server", "redis.sock"),
        ("etcd-lock", "etcd", "etcd", "localhost:1"),
    ] {
        if !is_here(program) {
            continue;
        }
        for with_supervisor in [false, true] {
            let database = Database::create().await;
            let rush = |requests: &str| {
                let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
                program.args(["rush", strategy, "--with", part, "--headless", "--requests"]);
                program.args([requests, "--url", &url(&database)]).stdout(Stdio::null());
                program
            };
            let mut killed = rush("100000000").spawn().unwrap();
            seats_are_sold(&database).await;
            let folder = folder_of(killed.id()).expect("its folder is marked");
            let socket = folder.join(socket);
            if with_supervisor {
                kill(&supervisor(&folder));
            }
            killed.kill().unwrap();
            killed.wait().unwrap();
            // Where nobody is left to end it, the next start of anything does.
            if !with_supervisor {
                until_nobody_listens(&socket).await;
            }
            assert_eq!(rush("20").status().unwrap().code(), Some(0));
            assert!(!folder.exists(), "{part}");
            until_nobody_listens(&socket).await;
        }
    }
}
