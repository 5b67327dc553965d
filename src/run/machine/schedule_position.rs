//! Where a run stands in its schedule.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::session_setup::SessionSetup;

/// Where the play stands.
#[derive(Debug, Default)]
pub(crate) struct SchedulePosition {
    /// What is played before the first step.
    pub(crate) session_setup: SessionSetup,
    /// The next launch of the schedule.
    pub(crate) next: usize,
    /// How far a replay goes, while one is under way, and when it gives up.
    pub(crate) replay: Option<(usize, Duration)>,
    /// Steps that were asked for before they could be sent, each perhaps edited.
    pub(crate) asked: VecDeque<Option<String>>,
    /// Steps that were edited before they were sent, to be replayed as they were.
    pub(crate) edits: BTreeMap<usize, String>,
    /// Whether the end has been looked at.
    pub(crate) final_query: FinalQuery,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        let mut position = SchedulePosition { next: 2, ..SchedulePosition::default() };
        position.asked.extend([None, Some("select 1".to_owned())]);
        assert_eq!(position.take_destination(), 4);
        assert_eq!(position.edits, BTreeMap::from([(3, "select 1".to_owned())]));
        assert!(position.asked.is_empty());
    }
}
