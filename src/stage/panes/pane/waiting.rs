//! A wait that lasts, and one that has ended because whoever was in the way has let go.

use std::time::Duration;

use crate::core::event::{Blocker, Certainty, SessionName, Wait, WaitTarget};
use crate::stage::words;

/// For how long a session that was released stands out: long enough to turn one's eyes to.
const STANDS_OUT: Duration = Duration::from_secs(4);

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

/// A wait that has just ended because whoever was in the way has let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Who let go, in words.
    pub by: String,
    at: Duration,
}

impl Release {
    /// Of a wait that ended at this moment; `None` where nobody is known to have been in the way.
    pub(super) fn from(wait: &Wait, at: Duration) -> Option<Self> {
        let is_known = wait.certainty == Certainty::Observed && !wait.blockers.is_empty();
        is_known.then(|| Self { by: words::blockers(&wait.blockers), at })
    }

    /// Until when it stands out.
    pub fn ends_at(&self) -> Duration {
        self.at + STANDS_OUT
    }
}
