//! Holding what happened against what a file expects.
//!
//! A check is a fold over events, so it can be asked after every step. A step's lines are judged
//! when the run is quiet after it:
//!
//! | line | kept when, at that quiet, |
//! |---|---|
//! | a tag, a row, a count, an error, a notice | the step's submission has been answered so |
//! | `waits for Bob` | the database says that the step waits for Bob |
//! | `running` | the step is not answered and does not wait |
//! | `Mallory resumes: ...` | what Mallory was waiting with before the step has been answered so |
//! | `Mallory answers: ...` | what Mallory was busy with before the step has been answered so |
//! | `NOTIFY channel: payload` | the session was notified so, and no line before spoke of it |
//! | `either: ... | or: ...` | the lines of one side are kept |
//!
//! Where a step is expected to wait and also to answer, the answer is judged at the quiet after it
//! has come. Whatever its lines say, a step must not be left waiting without a line for that,
//! unless the file is one that has no such lines at all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{EngineKind, Expectation, Expected, Isolation, Origin, Scenario, Schedule};
use crate::core::event::{Event, Form, Kind, Pid, SessionName, Typed};

mod answer;
mod awaited;
mod inbox;
mod judged;
mod places;
mod rows;
mod scene;
mod work;

use answer::Outcome;
use inbox::Inbox;
use judged::Judged;
use scene::{Before, Found, Scene};
use work::Work;

/// The SQLSTATE of a statement that was cancelled.
const QUERY_CANCELED: &str = "57014";

/// What has become of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its step has not been played, or not been answered yet.
    NotReached,
    /// It came as expected.
    Kept,
    /// It did not.
    Broken {
        /// What came instead.
        found: String,
    },
    /// It is about another engine.
    NotHere,
    /// It did not come, and nobody can say that it should have: a person has cancelled something
    /// before.
    Excused,
}

/// A part of the scenario that has expectations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A launch of the schedule, by its index.
    Launch(usize),
    /// The look at the end.
    Finally,
}

/// A line that was not kept, or a wait that no line speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub part: Part,
    /// The file's line, from 1.
    pub line: usize,
    /// What was expected, as written.
    pub expected: String,
    /// What came instead.
    pub found: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mismatch(&self.expected, &self.found))
    }
}

/// What was expected and what came instead: `expected UPDATE 1, got UPDATE 0`.
pub fn mismatch(expected: &impl fmt::Display, found: &str) -> String {
    format!("expected {expected}, got {found}")
}

/// The expectations of one schedule on one engine, and how they fare.
#[derive(Clone, Debug)]
pub struct Check {
    launches: Vec<Judged>,
    finally: Judged,
    work: BTreeMap<Option<SessionName>, Work>,
    inbox: Inbox,
    /// Which backend is whose.
    backends: BTreeMap<Pid, SessionName>,
    /// The values that answers have given names to.
    variables: BTreeMap<String, String>,
    /// The part that was sent last and is judged at the next quiet.
    current: Option<Part>,
    origin: Origin,
}

impl Check {
    /// A check of nothing yet, on this engine and at this level.
    pub fn new(
        scenario: &Scenario,
        schedule: &Schedule,
        engine: EngineKind,
        level: Isolation,
    ) -> Self {
        let launch = |launch: &super::Launch| {
            let step = &scenario.steps[launch.step];
            Judged::new(step.line, &step.expectations, engine, level)
        };
        let last = scenario.finally.as_ref();
        let lines = last.map(|last| last.expectations.clone()).unwrap_or_default().into_iter();
        let lines: Vec<_> = lines.chain(scenario.invariants.iter().map(holds)).collect();
        let line = last.map_or(0, |last| last.line);
        let mut launches: Vec<Judged> = schedule.launches.iter().map(launch).collect();
        let mut finally = Judged::new(line, &lines, engine, level);
        // Where the scenario does not apply, nothing that fails to come is anybody's fault.
        let is_excused = !scenario.is_for(engine);
        launches.iter_mut().chain([&mut finally]).for_each(|it| it.is_excused = is_excused);
        Self {
            launches,
            finally,
            work: BTreeMap::new(),
            inbox: Inbox::default(),
            backends: BTreeMap::new(),
            variables: BTreeMap::new(),
            current: None,
            origin: scenario.origin,
        }
    }

    /// The values that answers have given names to so far.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// How the lines under a part fare, in the file's order.
    pub fn verdicts(&self, part: Part) -> &[Verdict] {
        self.judged(part).map_or(&[], |judged| &judged.verdicts)
    }

    /// The lines under a part, in the file's order, and how they fare.
    pub fn lines(&self, part: Part) -> impl Iterator<Item = (&Expected, &Verdict)> {
        let judged = self.judged(part).into_iter();
        judged.flat_map(|it| it.lines.iter().map(|line| &line.expected).zip(&it.verdicts))
    }

    /// Whom a part was left waiting for without a line that says so.
    pub fn unsaid(&self, part: Part) -> Option<&str> {
        self.judged(part)?.unsaid.as_deref()
    }

    /// Whether the part has been played and judged.
    pub fn is_settled(&self, part: Part) -> bool {
        self.judged(part).is_some_and(|judged| judged.is_settled)
    }

    /// Everything that did not come as expected so far, in the schedule's order.
    pub fn breaches(&self) -> Vec<Breach> {
        let launches = (0..self.launches.len()).map(Part::Launch);
        let parts = launches.chain([Part::Finally]);
        parts.filter_map(|part| Some(self.judged(part)?.breaches(part))).flatten().collect()
    }

    /// Takes in what happened next.
    pub fn apply(&mut self, event: &Event) {
        let session = event.session.as_ref();
        match (&event.kind, session) {
            (Kind::Sent { step, sql, typed, .. }, _) => {
                self.sent(session, *step);
                // After `sent`, which gives a part that begins an empty answer.
                self.set(typed.as_deref());
                let work = self.work(session);
                work.answer.push(Outcome::Asked(Arc::clone(sql)));
                work.keeps = typed.as_ref().and_then(|typed| typed.answer.prefix());
            }
            (Kind::Quiet, _) => self.quiet(),
            (Kind::Connected { pid }, Some(name)) => _ = self.backends.insert(*pid, name.clone()),
            (Kind::Notification { channel, payload, from }, Some(name)) => {
                self.inbox.take(name, channel, payload, self.backends.get(from));
            }
            (kind, _) => {
                self.work(session).apply(kind);
                if matches!(kind, Kind::Done { .. }) {
                    for (name, value) in self.work(session).take_kept() {
                        self.keep(name, value);
                    }
                }
                if let Kind::Failed(message) = kind {
                    self.failed(session, &message.code);
                }
            }
        }
    }

    /// Sets or forgets the variable that a command of psql's is about.
    fn set(&mut self, typed: Option<&Typed>) {
        if let Some(Form::Set { name, value }) = typed.map(|typed| &typed.answer) {
            self.keep(name.clone(), value.clone());
        }
    }

    fn keep(&mut self, name: String, value: Option<String>) {
        match value {
            Some(value) => _ = self.variables.insert(name, value),
            None => _ = self.variables.remove(&name),
        }
    }

    /// A person, and not the file, cancels what this session is doing. Once the server has done so
    /// the play is another one than the file's: what does not come from then on is no fault of the
    /// steps'.
    pub fn cancels(&mut self, session: &SessionName) {
        self.work(Some(session)).is_to_be_cancelled = true;
    }

    fn failed(&mut self, session: Option<&SessionName>, code: &str) {
        // A statement timeout has the same code, and is the file's own affair.
        if code == QUERY_CANCELED && self.work(session).is_to_be_cancelled {
            let judged = self.launches.iter_mut().chain([&mut self.finally]);
            judged.for_each(|judged| judged.is_excused = true);
        }
    }

    fn judged(&self, part: Part) -> Option<&Judged> {
        match part {
            Part::Launch(launch) => self.launches.get(launch),
            Part::Finally => Some(&self.finally),
        }
    }

    fn work(&mut self, session: Option<&SessionName>) -> &mut Work {
        self.work.entry(session.cloned()).or_default()
    }

    fn sent(&mut self, session: Option<&SessionName>, step: Option<usize>) {
        let part = if session.is_none() { Some(Part::Finally) } else { step.map(Part::Launch) };
        if part.is_some() && self.work(session).part == part {
            // The part's next statement: what the whole of it is answered is judged together.
            self.work(session).is_busy = true;
            return;
        }
        if let Some(Part::Launch(launch)) = part
            && launch < self.launches.len()
        {
            // Before the work of this very step replaces what its session was doing.
            self.launches[launch].before = Before::of(&self.work);
        }
        *self.work(session) = Work { part, is_busy: true, ..Work::default() };
        self.current = part;
    }

    /// Judges the part that was sent last, and those whose late answer has come.
    fn quiet(&mut self) {
        // Settled once, at this quiet: whatever has no answer by then and was not to wait is
        // broken. At later ones only what is still open is judged, when its answer has come.
        if let Some(part) = self.current.take() {
            self.judge(part, Judged::settle);
        }
        let answered = self.work.values().filter(|work| !work.is_busy);
        let answered: Vec<Part> = answered.filter_map(|work| work.part).collect();
        for part in answered {
            self.judge(part, Judged::judge);
        }
    }

    fn judge(&mut self, part: Part, judge: impl FnOnce(&mut Judged, &Scene) -> Found) {
        let Some((session, _)) = self.work.iter().find(|(_, work)| work.part == Some(part)) else {
            return;
        };
        let judged = match part {
            Part::Launch(launch) => self.launches.get_mut(launch),
            Part::Finally => Some(&mut self.finally),
        };
        let Some(judged) = judged else { return };
        judged.fill_invariants(&self.variables);
        // Taken out for as long as the scene borrows it, since the lines beside it are written to.
        let before = std::mem::take(&mut judged.before);
        let scene = Scene { session, work: &self.work, before: &before, inbox: &self.inbox };
        let found = judge(judged, &scene);
        // A specification has no lines in which a wait could be told.
        judged.unsaid.take_if(|_| self.origin == Origin::Specification);
        judged.before = before;
        self.inbox.claim(&found.claimed);
        found.captured.into_iter().for_each(|(name, value)| self.keep(name, value));
    }
}

/// The line that an invariant is.
fn holds(invariant: &super::Invariant) -> Expectation {
    let expected = Expected::Holds(invariant.sql.clone());
    let (text, line) = (expected.to_string(), invariant.line);
    Expectation { engine: None, levels: Vec::new(), expected, text, line }
}

#[cfg(test)]
mod tests;
