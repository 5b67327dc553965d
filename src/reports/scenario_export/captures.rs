//! The values that a script's steps have given names to: a step that used one is written with the
//! name, for the value will be another.

use std::collections::BTreeMap;

use super::Performance;
use crate::core::event::{Event, SessionName};
use crate::core::scenario::check::Check;
use crate::core::scenario::{Expected, Step, fill};
use crate::core::syntax::{Piece, Strings, read};

pub(super) struct Captures<'a> {
    performance: &'a Performance<'a>,
    check: Check,
    /// The script's steps among those that are written down, by their places there.
    written: BTreeMap<usize, &'a Step>,
}

impl<'a> Captures<'a> {
    pub(super) fn of(performance: &'a Performance<'a>) -> Self {
        let Performance { scenario, schedule, engine, isolation, .. } = *performance;
        let check = Check::new(scenario, schedule, engine, isolation);
        Self { performance, check, written: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        self.check.apply(event);
    }

    /// The script's own SQL, if what was sent for this launch is that with values in the places of
    /// names. It is written down at this place.
    pub(super) fn template(
        &mut self,
        place: usize,
        launch: Option<usize>,
        sent: &str,
    ) -> Option<&'a str> {
        let Performance { scenario, schedule, .. } = self.performance;
        let step = scenario.steps.get(schedule.launches.get(launch?)?.step)?;
        let filled = fill(&step.sql, self.check.variables(), Strings::default());
        let is_as_written = statements(&step.sql) == statements(sent);
        if !is_as_written && statements(&filled) != statements(sent) {
            return None;
        }
        self.written.insert(place, step);
        (!is_as_written).then_some(step.sql.as_str())
    }

    /// The lines of the script that give names to what the step at this place was answered.
    pub(super) fn lines(&self, place: usize) -> Vec<Expected> {
        let captures = self.under(place).filter(|line| matches!(line, Expected::Capture(_)));
        captures.cloned().collect()
    }

    /// The lines under the step at this place that give names to what another session was answered
    /// in the end.
    pub(super) fn lines_of(&self, session: &SessionName, place: usize) -> Vec<Expected> {
        let late = self.under(place).filter_map(|line| match line {
            Expected::Of { session: of, what, .. } if of == session => Some(what.as_ref()),
            _ => None,
        });
        late.filter(|line| matches!(line, Expected::Capture(_))).cloned().collect()
    }

    fn under(&self, place: usize) -> impl Iterator<Item = &Expected> {
        let lines = self.written.get(&place).into_iter().flat_map(|step| &step.expectations);
        lines.map(|line| &line.expected)
    }
}

fn statements(sql: &str) -> Vec<String> {
    read(sql, Strings::default()).pieces.iter().map(Piece::text).collect()
}
