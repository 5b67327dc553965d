//! A wait in words.

use crate::core::event::{Blocker, Certainty, Pid, Wait, WaitTarget};

/// `waits for Bob: row A-4 of seats`.
pub fn waits(wait: &Wait) -> String {
    let names: Vec<String> = wait.blockers.iter().map(ToString::to_string).collect();
    let verb = match wait.certainty {
        Certainty::Observed => "waits",
        Certainty::Guessed => "seems to wait",
    };
    let whom = match names.as_slice() {
        [] => String::new(),
        [only] => format!(" for {only}"),
        [first @ .., last] => format!(" for {} and {last}", first.join(", ")),
    };
    format!("{verb}{whom}{}", target(&wait.target))
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

fn target(target: &WaitTarget) -> String {
    match target {
        WaitTarget::Transaction => " to end the transaction".to_owned(),
        WaitTarget::Other(words) if words.is_empty() => String::new(),
        named => format!(": {named}"),
    }
}
