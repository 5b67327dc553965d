//! A wait in words.

use crate::core::event::{Blocker, Certainty, Pid, Wait, WaitTarget, transaction_end};

/// `waits for Bob: row A-4 of seats`.
pub fn waits(wait: &Wait) -> String {
    let names: Vec<String> = wait.blockers.iter().map(ToString::to_string).collect();
    let verb = match wait.certainty {
        Certainty::Observed => "waits",
        Certainty::Guessed => "seems to wait",
    };
    let whom = match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    let for_whom = if whom.is_empty() { String::new() } else { format!(" for {whom}") };
    match &wait.target {
        WaitTarget::Transaction => {
            format!("{verb} for {}", transaction_end(&wait.blockers, &whom))
        }
        WaitTarget::Other(words) if words.is_empty() => format!("{verb}{for_whom}"),
        target => format!("{verb}{for_whom}: {target}"),
    }
}

/// The wait without process numbers, which differ from run to run.
pub(crate) fn without_processes(wait: &Wait) -> Wait {
    let mut wait = wait.clone();
    for blocker in &mut wait.blockers {
        if let Blocker::Foreign { pid, .. } = blocker {
            *pid = Pid::UNTOLD;
        }
    }
    wait
}
