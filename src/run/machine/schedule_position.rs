//! Where a run stands in its schedule.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::run::machine::session_setup::SessionSetup;

/// Where the play stands.
#[derive(Default)]
pub(crate) struct SchedulePosition {
    /// What is played before the first step.
    pub(crate) prologue: SessionSetup,
    /// The next launch of the schedule.
    pub(crate) next: usize,
    /// How far a replay goes, while one is under way, and when it gives up.
    pub(crate) replay: Option<(usize, Instant)>,
    /// Steps that were asked for before they could be sent, each perhaps edited.
    pub(crate) asked: VecDeque<Option<String>>,
    /// Steps that were edited before they were sent, to be replayed as they were.
    pub(crate) edits: BTreeMap<usize, String>,
    /// Whether the end has been looked at.
    pub(crate) finale: FinalQuery,
}

impl SchedulePosition {
    /// Where the play stands, or will once a replay that is under way has ended and the steps that
    /// were asked for are played. They count as replayed from now on.
    pub(crate) fn take_destination(&mut self) -> usize {
        let mut until = self.replay.map_or(self.next, |(until, _)| until);
        for edited in self.asked.drain(..) {
            self.edits.extend(edited.map(|sql| (until, sql)));
            until += 1;
        }
        until
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FinalQuery {
    #[default]
    Ahead,
    UnderWay,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_were_asked_for_are_replayed_with_their_edits() {
        let mut place = SchedulePosition { next: 2, ..SchedulePosition::default() };
        place.asked.extend([None, Some("select 1".to_owned())]);
        assert_eq!(place.take_destination(), 4);
        assert_eq!(place.edits, BTreeMap::from([(3, "select 1".to_owned())]));
        assert!(place.asked.is_empty());
    }
}
