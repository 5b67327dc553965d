//! Holding what happened against what a file expects.
//!
//! A check is a fold over events, so it can be asked after every step. A step's lines are judged when the run is quiet
//! after it:
//!
//! | line | kept when, at that quiet, |
//! |---|---|
//! | a tag, a row, a count, an error | the step's submission has been answered so |
//! | `waits for Bob` | the database says that the step waits for Bob |
//! | `Mallory resumes: ...` | what Mallory was waiting with before the step has been answered so |
//!
//! Where a step is expected to wait and also to answer, the answer is judged at the quiet after it has come. Whatever its
//! lines say, a step must not be left waiting without a line for that, unless the file is one that has no such lines at all.

use std::collections::BTreeMap;

use super::{EngineKind, Expectation, Expected, Origin, Scenario, Schedule};
use crate::event::{Certainty, Event, Kind, SessionName, Wait};

mod answer;

use answer::{Answer, Outcome, judge};

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
    /// It did not come, and nobody can say that it should have: a person has cancelled something before.
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
    /// Under what.
    pub part: Part,
    /// The file's line, from 1.
    pub line: usize,
    /// What was expected, as written.
    pub expected: String,
    /// What came instead.
    pub found: String,
}

/// The expectations of one schedule on one engine, and how they fare.
#[derive(Clone, Debug)]
pub struct Check {
    launches: Vec<Judged>,
    finally: Judged,
    work: BTreeMap<Option<SessionName>, Work>,
    /// The part that was sent last and is judged at the next quiet.
    current: Option<Part>,
    origin: Origin,
}

/// The lines of one part, and how they fare.
#[derive(Clone, Debug, Default)]
struct Judged {
    line: usize,
    lines: Vec<Expectation>,
    verdicts: Vec<Verdict>,
    /// A wait that no line speaks of.
    unsaid: Option<String>,
    is_settled: bool,
    /// Who was waiting when it was sent.
    waiting_before: Vec<SessionName>,
    /// Whether a person has cancelled something before it was judged.
    is_excused: bool,
}

/// What a session is doing, or has done last.
#[derive(Clone, Debug, Default)]
struct Work {
    part: Option<Part>,
    is_answered: bool,
    wait: Option<Wait>,
    /// Whether a person has asked to cancel it.
    is_to_be_cancelled: bool,
    answer: Answer,
    /// How much of the answer had come before it began to wait.
    before_wait: usize,
}

impl Check {
    /// A check of nothing yet.
    pub fn new(scenario: &Scenario, schedule: &Schedule, engine: EngineKind) -> Self {
        let launch = |launch: &super::Launch| {
            let step = &scenario.steps[launch.step];
            Judged::new(step.line, &step.expectations, engine)
        };
        let finally = scenario.finally.as_ref();
        let finally = finally.map(|last| Judged::new(last.line, &last.expectations, engine));
        Self {
            launches: schedule.launches.iter().map(launch).collect(),
            finally: finally.unwrap_or_default(),
            work: BTreeMap::new(),
            current: None,
            origin: scenario.origin,
        }
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
        match &event.kind {
            Kind::Sent { step, .. } => self.sent(session, *step),
            Kind::Quiet => self.quiet(),
            Kind::Ready { .. } => self.work(session).end(),
            Kind::Lost { reason, .. } => {
                let work = self.work(session);
                work.answer.push(Outcome::Lost(reason.clone()));
                work.end();
            }
            Kind::Waiting(wait) => self.work(session).wait(wait),
            Kind::Resumed { .. } => self.work(session).wait = None,
            kind => {
                self.work(session).answer.apply(kind);
                if let Kind::Failed(message) = kind {
                    self.failed(session, &message.code);
                }
            }
        }
    }

    /// A person, and not the file, cancels what this session is doing. Once the server has done so the play is another one than the file's: what does
    /// not come from then on is no fault of the steps'.
    pub fn cancels(&mut self, session: &SessionName) {
        self.work(Some(session)).is_to_be_cancelled = true;
    }

    fn failed(&mut self, session: Option<&SessionName>, code: &str) {
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
            self.work(session).is_answered = false;
            return;
        }
        let waiting = self.work.iter().filter(|(_, work)| work.wait.is_some());
        let waiting: Vec<SessionName> = waiting.filter_map(|(name, _)| name.clone()).collect();
        match part {
            Some(Part::Launch(launch)) if launch < self.launches.len() => {
                self.launches[launch].waiting_before = waiting;
            }
            _ => {}
        }
        *self.work(session) = Work { part, ..Work::default() };
        self.current = part;
    }

    /// Judges the part that was sent last, and those whose late answer has come.
    fn quiet(&mut self) {
        if let Some(part) = self.current.take() {
            self.settle(part);
        }
        for work in self.work.values().filter(|work| work.is_answered) {
            let judged = match work.part {
                Some(Part::Launch(launch)) => self.launches.get_mut(launch),
                Some(Part::Finally) => Some(&mut self.finally),
                None => None,
            };
            if let Some(judged) = judged {
                judged.judge_answer(work);
            }
        }
    }

    fn settle(&mut self, part: Part) {
        let judged = match part {
            Part::Launch(launch) => self.launches.get_mut(launch),
            Part::Finally => Some(&mut self.finally),
        };
        let own = self.work.values().find(|work| work.part == Some(part));
        if let (Some(judged), Some(own)) = (judged, own) {
            judged.judge_waits(own);
            judged.unsaid.take_if(|_| self.origin == Origin::Specification);
            judged.judge_resumptions(&self.work);
            judged.is_settled = true;
        }
    }
}

impl Judged {
    fn new(line: usize, lines: &[Expectation], engine: EngineKind) -> Self {
        let own = lines.iter().any(|line| line.engine == Some(engine));
        let verdicts = lines.iter().map(|line| match line.engine {
            None => Verdict::NotReached,
            Some(kind) if kind == engine => Verdict::NotReached,
            // What is said of the optimistic engine holds for DSQL too, unless the step says something of DSQL itself.
            Some(EngineKind::Optimistic) if engine == EngineKind::Dsql && !own => {
                Verdict::NotReached
            }
            Some(_) => Verdict::NotHere,
        });
        Self { line, lines: lines.to_vec(), verdicts: verdicts.collect(), ..Self::default() }
    }

    /// The lines that are still to be judged and that the choice concerns.
    fn open(&self, choice: impl Fn(&Expected) -> bool) -> Vec<usize> {
        (0..self.lines.len())
            .filter(|&nth| {
                self.verdicts[nth] == Verdict::NotReached && choice(&self.lines[nth].expected)
            })
            .collect()
    }

    fn judge_waits(&mut self, own: &Work) {
        let waits = self.open(|expected| matches!(expected, Expected::WaitsFor(_)));
        for &nth in &waits {
            if let Expected::WaitsFor(name) = &self.lines[nth].expected {
                let verdict = own.waits_for(name);
                self.decide(nth, verdict);
            }
        }
        if own.is_answered || !waits.is_empty() {
            return;
        }
        self.unsaid = (!self.is_excused).then(|| own.describe());
        for nth in self.open(is_answer) {
            self.decide(nth, Verdict::Broken { found: own.describe() });
        }
    }

    fn judge_answer(&mut self, own: &Work) {
        let open = self.open(is_answer);
        let expected: Vec<&Expected> = open.iter().map(|&nth| &self.lines[nth].expected).collect();
        let verdicts = judge(&expected, own.answer.outcomes());
        for (nth, verdict) in open.into_iter().zip(verdicts) {
            self.decide(nth, verdict);
        }
    }

    fn decide(&mut self, nth: usize, verdict: Verdict) {
        self.verdicts[nth] = match verdict {
            Verdict::Broken { .. } if self.is_excused => Verdict::Excused,
            verdict => verdict,
        };
    }

    fn judge_resumptions(&mut self, work: &BTreeMap<Option<SessionName>, Work>) {
        let mut by_session: BTreeMap<SessionName, Vec<(usize, Expected)>> = BTreeMap::new();
        for nth in self.open(|expected| matches!(expected, Expected::Resumes { .. })) {
            if let Expected::Resumes { session, with } = &self.lines[nth].expected {
                by_session.entry(session.clone()).or_default().push((nth, (**with).clone()));
            }
        }
        for (session, lines) in by_session {
            let expected: Vec<&Expected> = lines.iter().map(|(_, expected)| expected).collect();
            let verdicts = self.resumed(&session, &expected, work.get(&Some(session.clone())));
            for ((nth, _), verdict) in lines.iter().zip(verdicts) {
                self.decide(*nth, verdict);
            }
        }
    }

    fn resumed(
        &self,
        session: &SessionName,
        expected: &[&Expected],
        work: Option<&Work>,
    ) -> Vec<Verdict> {
        let broken = |found: String| vec![Verdict::Broken { found }; expected.len()];
        match work.filter(|_| self.waiting_before.contains(session)) {
            None => broken(format!("{session} was not waiting")),
            Some(work) if !work.is_answered => {
                broken(format!("{session} still {}", work.describe()))
            }
            Some(work) => judge(expected, &work.answer.outcomes()[work.before_wait..]),
        }
    }

    fn breaches(&self, part: Part) -> Vec<Breach> {
        let lines = self.lines.iter().zip(&self.verdicts).filter_map(|(line, verdict)| {
            let Verdict::Broken { found } = verdict else { return None };
            Some(Breach {
                part,
                line: line.line,
                expected: line.text.clone(),
                found: found.clone(),
            })
        });
        let unsaid = self.unsaid.iter().map(|found| Breach {
            part,
            line: self.line,
            expected: "an answer".to_owned(),
            found: found.clone(),
        });
        let lines: Vec<Breach> = lines.collect();
        if lines.is_empty() { unsaid.collect() } else { lines }
    }
}

/// Whether the line is about what a step's own submission is answered.
fn is_answer(expected: &Expected) -> bool {
    !matches!(expected, Expected::WaitsFor(_) | Expected::Resumes { .. })
}

impl Work {
    fn end(&mut self) {
        self.is_answered = true;
        self.wait = None;
    }

    fn wait(&mut self, wait: &Wait) {
        if self.wait.is_none() {
            self.before_wait = self.answer.outcomes().len();
        }
        self.wait = Some(wait.clone());
    }

    fn waits_for(&self, name: &SessionName) -> Verdict {
        let names =
            |wait: &Wait| wait.blockers.iter().any(|blocker| blocker.to_string() == name.as_str());
        match &self.wait {
            Some(wait) if wait.certainty == Certainty::Observed && names(wait) => Verdict::Kept,
            _ => Verdict::Broken { found: self.describe() },
        }
    }

    /// What it does, in a few words: `waits for Bob`, `UPDATE 1`.
    fn describe(&self) -> String {
        match &self.wait {
            _ if self.is_answered => self.answer.describe(),
            None => "is not answered".to_owned(),
            Some(wait) if wait.blockers.is_empty() => "waits".to_owned(),
            Some(wait) => {
                let names: Vec<String> = wait.blockers.iter().map(ToString::to_string).collect();
                let sure = match wait.certainty {
                    Certainty::Observed => "waits for",
                    Certainty::Guessed => "seems to wait for",
                };
                format!("{sure} {}", names.join(" and "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
