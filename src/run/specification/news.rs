//! What a run tells, and which notices have been told: markers wait for them.

use std::collections::HashMap;

use tokio::sync::mpsc::UnboundedSender;

use crate::core::event::Pid;
use crate::reports::isolation_output::{Complaint, Telling};

/// The way to whoever prints.
#[derive(Debug)]
pub(super) struct TellingSender {
    sink: UnboundedSender<Telling>,
    /// The control connection, whose notices nobody sees.
    muted: Option<Pid>,
    notices: HashMap<Pid, usize>,
    is_new: bool,
}

impl TellingSender {
    pub(super) fn new(sink: UnboundedSender<Telling>) -> Self {
        Self { sink, muted: None, notices: HashMap::new(), is_new: false }
    }

    /// Hides the notices of this connection.
    pub(super) fn mute(&mut self, control: Pid) {
        self.muted = Some(control);
    }

    /// Tells something. A reader who has gone has no use for the rest.
    pub(super) fn tell(&self, telling: Telling) {
        let _ = self.sink.send(telling);
    }

    pub(super) fn complain(&self, complaint: Complaint) {
        self.tell(Telling::Complaint(complaint));
    }

    /// Tells a notice, and counts it.
    pub(super) fn notice(&mut self, session: Pid, notice: Telling) {
        if self.muted == Some(session) {
            return;
        }
        self.tell(notice);
        *self.notices.entry(session).or_default() += 1;
        self.is_new = true;
    }

    /// How many notices this session has had.
    pub(super) fn notices(&self, session: Pid) -> usize {
        self.notices.get(&session).copied().unwrap_or_default()
    }

    /// Forgets that there have been new notices.
    pub(super) fn expect(&mut self) {
        self.is_new = false;
    }

    /// Whether there have been notices since.
    pub(super) fn has_new(&self) -> bool {
        self.is_new
    }
}
