//! The steps of a scenario as they are explored: each session's in its own order, no session's
//! before another's.

use crate::core::scenario::{Interleavings, Scenario};

/// Each session's steps, as places among the scenario's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// In the order of the scenario's sessions.
    pub sessions: Vec<Vec<usize>>,
}

impl Program {
    /// A scenario's. Steps that only let time pass are left out: time is no order.
    pub fn of(scenario: &Scenario) -> Self {
        let steps = |name| {
            let own = scenario.steps.iter().enumerate();
            let own = own.filter(move |(_, step)| step.session == name && step.pause().is_none());
            own.map(|(place, _)| place).collect()
        };
        let sessions = scenario.sessions.iter().map(|player| steps(player.name.clone()));
        Self { sessions: sessions.collect() }
    }

    /// How many steps there are in all.
    pub fn steps(&self) -> usize {
        self.sessions.iter().map(Vec::len).sum()
    }

    /// In how many orders they could be sent if nobody ever waited; `None` when that is more than
    /// a number of 64 bits.
    pub fn orders(&self) -> Option<u64> {
        Interleavings::new(self.sessions.clone()).count()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::scenario::spec_file;

    #[test]
    fn every_session_keeps_its_own_order() {
        let text = "session s1 step a {1} step b {2}\nsession s2 step x {3} step y {4}";
        let program = Program::of(&spec_file::parse(text, Path::new("a.spec"), "a").unwrap());
        assert_eq!(program.sessions, [[0, 1], [2, 3]]);
        assert_eq!((program.steps(), program.orders()), (4, Some(6)));
    }
}
