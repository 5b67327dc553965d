//! The script beside the sessions: which steps have run, which comes next, what was kept of what
//! the file says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::event::{Event, Kind, SessionName};
use crate::core::scenario::check::{Breach, Check, Part, Verdict};
use crate::core::scenario::{Expected, Scenario, Schedule, Step};
use crate::run::Fresh;

mod ending;

use ending::Ending;

/// What is known of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// It has not been sent.
    #[default]
    Ahead,
    /// It was sent and nothing can be said yet.
    Sent,
    /// It has run, and the file says nothing of what it must do here.
    Done,
    /// It did what the file says.
    Kept,
    /// It did not: what was expected and what came, of each line that was broken.
    Broken(Vec<String>),
}

/// A scenario as it is being played.
#[derive(Clone, Debug)]
pub struct Script {
    scenario: Arc<Scenario>,
    schedule: Arc<Schedule>,
    /// The next launch.
    next: usize,
    sent: Vec<bool>,
    finally_sent: bool,
    ending: Ending,
    check: Check,
    /// Whether it is played on an engine that it is not for: its lines say nothing there.
    is_out_of_place: bool,
}

impl Script {
    /// The values that answers and commands have given names to so far.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        self.check.variables()
    }

    /// A script of which nothing has been played.
    pub fn new(fresh: &Fresh) -> Self {
        let Fresh { scenario, schedule, engine, .. } = fresh;
        Self {
            scenario: scenario.clone(),
            schedule: schedule.clone(),
            next: 0,
            sent: vec![false; schedule.launches.len()],
            finally_sent: false,
            ending: Ending::default(),
            check: Check::new(scenario, schedule, engine.kind, engine.isolation),
            is_out_of_place: !scenario.is_for(engine.kind),
        }
    }

    /// Whether it is played on an engine that it is not for.
    pub fn is_out_of_place(&self) -> bool {
        self.is_out_of_place
    }

    /// What is played.
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// In which order.
    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.schedule
    }

    /// The next launch of the schedule; as many as there are once all are played.
    pub fn next(&self) -> usize {
        self.next
    }

    /// The play has come to this launch; whether it was elsewhere before.
    pub(super) fn move_to(&mut self, next: usize) -> bool {
        std::mem::replace(&mut self.next, next) != next
    }

    /// Whether the scenario has a part for this session.
    pub fn plays(&self, name: &SessionName) -> bool {
        self.scenario.sessions.iter().any(|player| &player.name == name)
    }

    /// Whether the session speaks to etcd.
    pub(crate) fn speaks_to_etcd(&self, name: &SessionName) -> bool {
        self.scenario.etcd_sessions().contains(&name)
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.schedule.launches.len()
    }

    /// How many lines the script takes: a step each, and what is looked at in the end.
    pub fn lines(&self) -> usize {
        self.len() + usize::from(self.scenario.finally.is_some())
    }

    /// What was read in the end.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    /// What the file says of a step, and how it fares; nothing before that is known.
    pub fn said_of(&self, launch: usize) -> Vec<(&Expected, &Verdict)> {
        self.said(Part::Launch(launch))
    }

    /// What the file says of the end, and how it fares.
    pub fn said_of_the_end(&self) -> Vec<(&Expected, &Verdict)> {
        self.said(Part::Finally)
    }

    fn said(&self, part: Part) -> Vec<(&Expected, &Verdict)> {
        let lines = self.check.lines(part).filter(|_| !self.is_out_of_place);
        lines
            .filter(|(_, verdict)| matches!(verdict, Verdict::Kept | Verdict::Broken { .. }))
            .collect()
    }

    /// How many lines the end takes below its own, once it has been looked at.
    pub fn ending_lines(&self) -> usize {
        let (answer, said) = (self.ending.lines().len(), self.said_of_the_end().len());
        if self.is_the_end_broken() { answer + said } else { answer.max(said) }
    }

    /// Whether the end is not as the file says.
    pub fn is_the_end_broken(&self) -> bool {
        matches!(self.finally(), Mark::Broken(_))
    }

    /// Whether there is nothing to play.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every step has been played.
    pub fn is_over(&self) -> bool {
        self.next >= self.len()
    }

    /// The step at this place of the schedule.
    pub fn step(&self, launch: usize) -> Option<&Step> {
        self.scenario.steps.get(self.schedule.launches.get(launch)?.step)
    }

    /// The step that comes next.
    pub fn next_step(&self) -> Option<&Step> {
        self.step(self.next)
    }

    /// What is known of the step at this place.
    pub fn mark(&self, launch: usize) -> Mark {
        match self.sent.get(launch) {
            Some(true) => self.mark_of(Part::Launch(launch)),
            _ => Mark::Ahead,
        }
    }

    /// What is known of the look at the end.
    pub fn finally(&self) -> Mark {
        if self.finally_sent { self.mark_of(Part::Finally) } else { Mark::Ahead }
    }

    fn mark_of(&self, part: Part) -> Mark {
        let breaches: Vec<String> = self
            .check
            .breaches()
            .into_iter()
            .filter(|breach| breach.part == part)
            .map(|breach| breach.to_string())
            .collect();
        let verdicts = self.check.verdicts(part);
        if !breaches.is_empty() {
            Mark::Broken(breaches)
        } else if verdicts.contains(&Verdict::NotReached) || !self.check.is_settled(part) {
            Mark::Sent
        } else if verdicts.contains(&Verdict::Kept) && !self.is_out_of_place {
            Mark::Kept
        } else {
            Mark::Done
        }
    }

    /// The lines that were not kept.
    pub fn breaches(&self) -> Vec<Breach> {
        self.check.breaches()
    }

    /// How many lines were kept, and how many were not.
    pub fn score(&self) -> (usize, usize) {
        if self.is_out_of_place {
            return (0, 0);
        }
        let parts = (0..self.len()).map(Part::Launch).chain([Part::Finally]);
        let kept = parts
            .flat_map(|part| self.check.verdicts(part))
            .filter(|verdict| **verdict == Verdict::Kept)
            .count();
        (kept, self.check.breaches().len())
    }

    /// A person cancels what a session is doing.
    pub fn cancels(&mut self, session: &SessionName) {
        self.check.cancels(session);
    }

    /// Folds an event; those of no session are the runner's own, which looks at the end.
    pub fn apply(&mut self, event: &Event) {
        match (&event.session, &event.kind) {
            (_, Kind::Sent { step: Some(launch), .. }) => {
                if let Some(sent) = self.sent.get_mut(*launch) {
                    *sent = true;
                }
            }
            (None, Kind::Sent { .. }) => self.finally_sent = true,
            (None, kind) if self.finally_sent => self.ending.apply(kind),
            _ => {}
        }
        self.check.apply(event);
    }
}
