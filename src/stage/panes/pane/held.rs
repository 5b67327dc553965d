//! A guest's statement that is held.

use std::sync::Arc;
use std::time::Duration;

use super::{Look, Pane};
use crate::core::event::Fate;

/// A guest's statement that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// With its parameters in their places.
    pub sql: Arc<str>,
    /// Which breakpoint it has met.
    pub why: String,
    /// Since when.
    pub since: Duration,
}

impl Held {
    /// For how many seconds it has been held.
    pub fn seconds(&self, now: Duration) -> u64 {
        now.saturating_sub(self.since).as_secs()
    }

    /// When the title changes by itself.
    pub fn next_change(&self, now: Duration) -> Duration {
        self.since + Duration::from_secs(self.seconds(now) + 1)
    }

    /// The words of the title, longest first.
    pub(super) fn title(&self, now: Duration) -> Vec<String> {
        let seconds = self.seconds(now);
        let (held, why) = (format!("held {seconds} s"), &self.why);
        vec![format!("{held}: {why}"), held, "held".to_owned()]
    }
}

impl Pane {
    /// It is held no longer. What goes to the server is told with that; what does not is told here.
    pub(super) fn let_go(&mut self, fate: &Fate) {
        let Some(held) = self.held.take() else { return };
        let words = match fate {
            Fate::Passed => return,
            Fate::CutAfter => "its connection is cut before the answer",
            Fate::Refused(code) => {
                &format!("answered by hand with {code}; the server has not seen it")
            }
            Fate::Cut => "its connection was cut; the server has not seen it",
            Fate::Cancelled => "cancelled by its program; the server has not seen it",
            Fate::Abandoned => "its program has hung up; the server has not seen it",
        };
        if *fate != Fate::CutAfter {
            self.echo(&held.sql);
        }
        self.say(Look::Note, words);
    }
}
