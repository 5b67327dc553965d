//! SIGINT, SIGTERM and SIGHUP, as a wish to end that leaves time to tidy up.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::commands::exit::Exit;

/// A token that the first of the signals cancels; the second ends the program where it stands. A
/// hang-up that whoever started us has told us to ignore (`nohup`) stays ignored. Must be called
/// within a tokio runtime.
pub fn interruption() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    let interrupted = CancellationToken::new();
    let told = interrupted.clone();
    tokio::spawn(async move {
        for is_first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = next(&mut hang_up) => {}
            }
            if is_first {
                told.cancel();
            } else {
                std::process::exit(Exit::Interrupted as i32);
            }
        }
    });
    Ok(interrupted)
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// As Linux tells it (proc(5), `SigIgn` in /proc/PID/status: a bit a signal, the first for the
/// signal of number 1). Elsewhere nobody is asked.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    bits & (1 << (SignalKind::hangup().as_raw_value() - 1)) != 0
}
