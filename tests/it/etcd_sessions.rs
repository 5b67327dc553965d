//! Sessions that speak to etcd, beside those of the database: played by the program itself, on an
//! etcd of its own and on somebody's.

use std::process::{Command, Output};

use overbooked::cluster::part::ETCD_SOCKET;
use overbooked::core::event::{Event, Kind, SessionName};
use overbooked::parts::etcd_client::{Etcd, EtcdUrl, Keys, LeaseId};
use overbooked::parts::link::Link;
use overbooked::parts::private::start_etcd;
use overbooked::run::{Command as Ask, Report};

use crate::headless::{complaint, overbooked, told, written};
use crate::run::{Watched, private_server, tags_of};
use crate::rush_parts::is_here;

const HEAD: &str = "\
-- Title
-- sessions: Alice, Bob, Clerk
-- session Alice: etcd
-- session Bob: etcd

";

fn played(text: &str, arguments: &[&str]) -> Output {
    let (_folder, path) = written("a.sql", &format!("{HEAD}{text}"));
    overbooked(&[&["play"], arguments, &[&path]].concat())
}

fn keeps_its_word(text: &str) {
    let output = played(text, &[]);
    assert_eq!(output.status.code(), Some(0), "{}{}", told(&output), complaint(&output));
}

#[test]
fn a_lease_that_nobody_keeps_alive_ends_by_itself_and_the_next_has_the_lock() {
    if !is_here("etcd") {
        return;
    }
    keeps_its_word(
        "-- Alice: is granted a second\nlease grant 1;\n--> 1\n\n\
         -- Alice: locks\nlock a lease 1;\n--> (alice)\n\n\
         -- pause 4 s\n\n\
         -- Bob: locks as well\nlock a;\n--> (bob)\n\n\
         -- Clerk: compares\nselect :bob > :alice;\n--> t\n\n\
         -- Alice: learns of it\nlease timetolive 1;\n--> ERROR 02000 lease 1 has ended\n",
    );
}

#[test]
fn what_is_kept_alive_outlives_its_lease_and_ends_with_the_unlocking() {
    if !is_here("etcd") {
        return;
    }
    keeps_its_word(
        "-- Alice: locks\nlock a ttl 1;\n--> (1 row)\n\n\
         -- Bob: wants it\nlock a;\n--> waits for Alice\n\n\
         -- pause 4 s\n\n\
         -- Alice: has it still, and lets go\nlock a;\nunlock a;\n--> (1 row)\n--> UNLOCK\n\
         --> Bob resumes: (1 row)\n\n\
         -- Alice: has it no more\nunlock a;\n--> ERROR 55000 a is not held by this session\n",
    );
}

#[tokio::test]
async fn a_lock_that_is_waited_for_can_be_cancelled_and_its_place_in_the_queue_is_given_up() {
    if !is_here("etcd") {
        return;
    }
    let engines = private_server();
    let mut run = Watched::open(&engines, "chubby/expired-lease");
    run.until_quiet().await;
    run.play(3).await;
    run.send(Ask::Cancel(SessionName::new("BobLock")));
    let told = run.until_quiet().await;
    let refused = told.iter().find_map(|report| match report {
        Report::Event(Event { kind: Kind::Failed(message), .. }) => Some(message.clone()),
        _ => None,
    });
    assert_eq!(refused.unwrap().message, "canceling the command due to user request");
    // What asks a database's catalogs is refused by its own name.
    run.submit("BobLock", "\\d seats");
    let told = run.until_quiet().await;
    let asks = told.iter().any(|report| {
        matches!(report, Report::Event(Event { kind: Kind::Failed(message), .. })
            if message.message == "\\d seats asks a database")
    });
    assert!(asks, "{told:?}");
    // Nobody is before Time but Alice, and after her unlocking nobody.
    run.submit("AliceLock", "unlock seats/A-4;");
    run.until_quiet().await;
    run.submit("Time", "lock seats/A-4;");
    assert_eq!(tags_of(&run.until_quiet().await, "Time"), ["LOCK"]);
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[test]
fn commands_that_cannot_be_done_are_errors_that_say_why() {
    if !is_here("etcd") {
        return;
    }
    keeps_its_word(
        "-- Clerk: has a name\nselect 'select' as verb, 7 as lease \\gset\n\n\
         -- Alice: types SQL\n:verb 1;\n--> ERROR 42601 select is no command of etcd's\n\n\
         -- Alice: names no lease of ours\nput a b lease :lease;\n\
         --> ERROR 42704 there is no lease 7\n\n\
         -- Alice: deletes what is not there\ndel nothing prefix;\n--> DELETE 0\n\n\
         -- Alice: writes and reads\nput 'a b' 'it''s';\nget 'a b';\nleader a;\n\
         --> PUT\n--> only key: a b | value: it's | revision: 1\n--> (0 rows)\n",
    );
}

#[test]
fn a_machine_without_etcd_is_told_what_to_do_and_the_scenario_is_left_out() {
    let play = ["play", "chubby/sequencer"];
    let output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(play)
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    if complaint(&output).contains("as expected") {
        eprintln!("not tried: this machine has etcd in a folder that is always looked at");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!(
        complaint(&output),
        "chubby/sequencer: skipped: etcd is not installed: none of etcd is on the path; install it \
         (Debian: etcd-server), or say where one is: --etcd URL\n"
    );
}

#[test]
fn an_etcd_that_is_not_there_is_said_where_its_sessions_would_be() {
    let output = played("-- Alice: reads\nget a;\n--> (0 rows)\n", &["--etcd", "http://[::1]:1"]);
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    let story = told(&output);
    let reason = "Alice has lost its connection: cannot reach etcd at [::1]:1: ";
    assert!(story.contains(reason), "{story}");
}

#[tokio::test]
async fn of_somebody_elses_etcd_nothing_is_touched_and_nothing_stays_in_it() {
    if !is_here("etcd") {
        return;
    }
    let (server, url) = start_etcd().await.unwrap();
    let address = format!("unix://{}", server.folder().join(ETCD_SOCKET).display());
    assert_eq!(format!("{:?}", address.parse::<EtcdUrl>().unwrap()), format!("{url:?}"));
    let mut theirs = Etcd::new(&url, &Link::default());
    let lease: LeaseId = theirs.grant(std::time::Duration::from_mins(10)).await.unwrap();
    theirs.put("seats/A-4", "theirs", lease).await.unwrap();
    let text = "-- Alice: looks, writes, locks\nget seats/ prefix;\nput seats/A-4 ours;\n\
                lock seats/A-4;\ndel seats/ prefix;\nput seats/B-1 ours;\n\
                --> (0 rows)\n--> PUT\n--> (1 row)\n--> DELETE 2\n--> PUT\n";
    let output = played(text, &["--etcd", &address]);
    assert_eq!(output.status.code(), Some(0), "{}{}", told(&output), complaint(&output));
    let left = theirs.get(Keys::Prefix("seats/")).await.unwrap();
    let left: Vec<_> = left.iter().map(|it| (it.key.as_str(), it.value.as_str())).collect();
    assert_eq!(left, [("seats/A-4", "theirs")]);
    assert_eq!(theirs.get(Keys::Prefix("overbooked/")).await.unwrap(), []);
    server.stop().await.unwrap();
}
