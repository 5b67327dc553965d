//! A guest's statement that is held.

use std::sync::Arc;
use std::time::Duration;

use super::{Look, Pane};
use crate::core::event::Fate;
use crate::stage::words;

/// A guest's statement that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// With its parameters in their places.
    pub sql: Arc<str>,
    /// What people call it: `updates seats 4`.
    pub does: String,
    /// Which breakpoint it has met.
    pub why: String,
    /// How long its program has waited the last time before it hung up.
    pub patience: Option<Duration>,
    /// Since when.
    pub since: Duration,
}

impl Held {
    fn lasted(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// When the title changes by itself. Its tenths are as they are when it is drawn: nobody is
    /// woken for them.
    pub fn next_change(&self, now: Duration) -> Duration {
        self.since + Duration::from_secs(self.lasted(now).as_secs() + 1)
    }

    /// The words of the title, longest first: how long it has been held and how long its program
    /// is likely to wait on, and what it does.
    pub fn title(&self, now: Duration, rule: &str) -> Vec<String> {
        let lasted = self.lasted(now);
        let held = format!("held {}", words::seconds(lasted));
        let left = self.patience.and_then(|patience| patience.checked_sub(lasted));
        let left = left.map(|left| format!("{held}, {} left", words::seconds(left)));
        let longest = left.as_ref().unwrap_or(&held);
        let does = &self.does;
        let mut titles = vec![format!("{longest} {rule} {does}"), format!("{held} {rule} {does}")];
        titles.extend(left);
        titles.extend([held, "held".to_owned()]);
        titles
    }

    /// Why it is held, and what is known of its program's patience.
    pub fn reason(&self) -> String {
        let why = &self.why;
        match self.patience {
            Some(patience) => {
                format!("{why}; its program hung up after {} last time", words::seconds(patience))
            }
            None => why.clone(),
        }
    }
}

impl Pane {
    /// It is held no longer. What goes to the server is told with that; what does not is told here.
    pub(super) fn let_go(&mut self, fate: &Fate) {
        let Some(held) = self.held.take() else { return };
        let words = match fate {
            Fate::Passed => return,
            Fate::CutAfter => {
                self.behind_sent = Some("its connection is cut before the answer");
                return;
            }
            Fate::Refused(code) => {
                &format!("answered by hand with {code}; the server has not seen it")
            }
            Fate::RefusedByRule { code, rule } => {
                &format!("refused with {code} by --refuse '{rule}'; the server has not seen it")
            }
            Fate::Cut => "its connection was cut; the server has not seen it",
            Fate::Cancelled => "cancelled by its program; the server has not seen it",
            Fate::Abandoned => "its program has hung up; the server has not seen it",
            Fate::ServerGone => "the server has ended its connection, and has not seen it",
        };
        self.echo(&held.sql);
        self.say(Look::Note, words);
    }
}
