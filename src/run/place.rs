//! Where a run stands in its schedule.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::run::prologue::Prologue;

/// Where the play stands.
#[derive(Default)]
pub(crate) struct Place {
    /// What is played before the first step.
    pub(super) prologue: Prologue,
    /// The next launch of the schedule.
    pub(super) next: usize,
    /// How far a replay goes, while one is under way, and when it gives up.
    pub(super) replay: Option<(usize, Instant)>,
    /// Steps that were asked for before they could be sent, each perhaps edited.
    pub(super) asked: VecDeque<Option<String>>,
    /// Steps that were edited before they were sent, to be replayed as they were.
    pub(super) edits: BTreeMap<usize, String>,
    /// Whether the end has been looked at.
    pub(super) finale: Finale,
}

impl Place {
    /// Where the play stands, or will once a replay that is under way has ended.
    pub(super) fn destination(&self) -> usize {
        self.replay.map_or(self.next, |(until, _)| until)
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Finale {
    #[default]
    Ahead,
    UnderWay,
    Done,
}
