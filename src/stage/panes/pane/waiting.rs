//! A wait that lasts.

use std::time::Duration;

use crate::core::event::{Blocker, Certainty, SessionName, Wait, WaitTarget};
use crate::stage::words;

/// A wait that lasts.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// For whom, for what.
    pub wait: Wait,
    pub since: Duration,
}

impl Waiting {
    /// How long it has lasted and for whom, in words: the longest first, then what is left of them
    /// in a narrow title.
    pub(super) fn title(&self, now: Duration) -> Vec<String> {
        let seconds = words::seconds(now.saturating_sub(self.since));
        let whom = words::blockers(&self.wait.blockers);
        let whole = match self.wait.certainty {
            Certainty::Observed => format!("waiting {seconds} for {whom}"),
            Certainty::Guessed => format!("perhaps waiting {seconds} for {whom}"),
        };
        vec![whole, format!("waiting for {whom}"), format!("for {whom}"), "waits".to_owned()]
    }

    /// The row that is waited for, if it is one with a key.
    pub fn row(&self) -> Option<(&str, &str)> {
        match &self.wait.target {
            WaitTarget::Row { table, key: Some(key), .. } => Some((table, key)),
            _ => None,
        }
    }

    /// Those in the way that are sessions here.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionName> {
        self.wait.blockers.iter().filter_map(|blocker| match blocker {
            Blocker::Session(name) => Some(name),
            _ => None,
        })
    }
}
