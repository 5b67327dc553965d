//! Figures of the room, to be read on a machine that does nothing else:
//!
//! ```sh
//! cargo test --locked --release --test it -- --ignored --nocapture --test-threads 1 room::figures
//! ```

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::browser::Chromium;
use super::chromium::joined;
use super::http::{Browser, Events};
use super::{hide, leave, open, show};
use crate::terminal::Terminal;

/// How often the teacher changes something.
const CHANGES: usize = 40;

/// The times to think, in the order in which a key goes through them.
const THINK: [u64; 5] = [3, 5, 10, 0, 1];

/// From a key to the frame that shows what it did, as often as there are changes; and back to the
/// first of the times to think.
fn frames(console: &mut Terminal) -> Vec<Duration> {
    let change = |number: usize| {
        let begin = Instant::now();
        console.type_keys("t");
        console.wait_for(&format!("{} s to think", THINK[(number + 1) % THINK.len()]));
        begin.elapsed()
    };
    (0..CHANGES).map(change).collect()
}

/// The median and what 95 of 100 stay below, in milliseconds.
fn told(what: &str, mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |part: usize| all[(all.len() * part / 100).min(all.len() - 1)].as_secs_f64() * 1000.0;
    format!("{what}: median {:.1} ms, p95 {:.1} ms, of {}", at(50), at(95), all.len())
}

/// A figure of `/proc/PID/status`, in kB.
fn memory(console: &Terminal) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", console.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Followers that have seen the whole stage.
fn followers(url: &str, count: usize) -> Vec<Events> {
    let follower = |_| {
        let mut events = Browser::joined(url).follow(None);
        events.until("course", |course| course["steps"].as_u64() > Some(0));
        events
    };
    (0..count).map(follower).collect()
}

#[test]
#[ignore = "a figure, not a claim: run it with --release --nocapture"]
fn frame_time_and_memory_with_followers() {
    let (mut console, url) = open();
    show(&mut console);
    println!("{}", told("key to frame, nobody follows", frames(&mut console)));
    let before = memory(&console);
    let mut all = followers(&url, 30);
    console.wait_for("30 browsers follow");
    println!("{}", told("key to frame, 30 follow", frames(&mut console)));
    let last = all[0].last;
    all[1..].iter_mut().for_each(|events| {
        while events.last < last {
            events.next();
        }
    });
    all.extend(followers(&url, 170));
    console.wait_for("200 browsers follow");
    let more = memory(&console).saturating_sub(before);
    println!("memory: {more} kB for 200 followers, {} kB each", more / 200);
    drop(all);
    hide(&mut console);
    leave(console);
}

/// Notes when the page shows another time to think.
const NOTE: &str = "(window.seen = [], new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    const think = /(\\d+) s to think|no time/.exec(document.getElementById('rules').textContent);
    window.seen.push([now, think?.[1] ?? '0']);
}).observe(document.getElementById('rules'), { childList: true, subtree: true }), true)";

#[test]
#[ignore = "a figure, not a claim: run it with --release --nocapture"]
fn from_an_event_to_thirty_pages() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let begin = Instant::now();
    let pages = joined(&chromium, &url, 30);
    println!("30 pages joined after {:.1} s", begin.elapsed().as_secs_f64());
    for page in &pages {
        chromium.turn_to(page);
        chromium.read(NOTE);
    }
    show(&mut console);
    let mut pressed = Vec::new();
    for number in 0..CHANGES {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
        let think = THINK[(number + 1) % THINK.len()];
        console.type_keys("t");
        console.wait_for(&format!("{think} s to think"));
        pressed.push((now, think.to_string()));
    }
    let mut all = Vec::new();
    for page in &pages {
        chromium.turn_to(page);
        chromium.until(&format!("window.seen.length >= {CHANGES}"));
        let seen = chromium.read("window.seen");
        let mut seen = seen.as_array().unwrap().iter();
        for (begin, think) in &pressed {
            let shown = seen.by_ref().find(|it| it[1] == think.as_str()).unwrap();
            let passed = (shown[0].as_f64().unwrap() - begin).max(0.0);
            all.push(Duration::from_secs_f64(passed / 1000.0));
        }
    }
    println!("{}", told("key at the console to page", all));
    hide(&mut console);
    leave(console);
}
