//! From exec to the first frame with sessions connected, and what an idle console costs.
//!
//! Each round starts a server of the console's own and connects three sessions, the observer and
//! the runner. The first round, which may have to make the template, is not counted.

#![allow(clippy::print_stdout, reason = "a bench tells its figures")]
#![allow(clippy::cast_precision_loss, reason = "a share of a few hundred ticks")]

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const ROUNDS: usize = 10;
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    let mut starts: Vec<Duration> = (0..=ROUNDS).map(|_| start(None).0).skip(1).collect();
    starts.sort();
    let (_, idle) = start(Some(IDLE));
    println!(
        "start to sessions connected: median {:?}, worst {:?}",
        starts[ROUNDS / 2],
        starts[ROUNDS - 1]
    );
    println!("idle over {IDLE:?}: {}", idle.unwrap_or_default());
}

/// How long a console takes until Alice's prompt is drawn; and what it costs to let it idle, if
/// asked.
fn start(idle: Option<Duration>) -> (Duration, Option<String>) {
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_overbooked"));
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    let begun = Instant::now();
    let mut child = pair.slave.spawn_command(command).expect("the console");
    let mut output = pair.master.try_clone_reader().expect("its screen");
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains("mallory=#") {
        let read = output.read(&mut buffer).expect("its screen");
        assert!(read > 0, "the console ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..read]);
    }
    let taken = begun.elapsed();
    let cost = idle.map(|idle| cost(child.process_id().expect("a process"), idle));
    child.kill().expect("to end it");
    child.wait().expect("its end");
    (taken, cost)
}

/// Processor time and memory of the console's own process while nothing happens (Linux's /proc).
fn cost(pid: u32, idle: Duration) -> String {
    Command::new("sleep").arg("1").status().expect("sleep");
    let before = ticks(pid);
    Command::new("sleep").arg(idle.as_secs().to_string()).status().expect("sleep");
    let used = ticks(pid) - before;
    let share = used as f64 / (idle.as_secs_f64() * 100.0) * 100.0;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let memory = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS unknown");
    format!("{share:.2} % of a core, {memory}")
}

fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}
