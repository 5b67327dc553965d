//! A play of ours, retold as isolationtester tells one.
//!
//! ```text
//! events in canonical order                     tellings
//! Mallory  sent, waits                          step Mallory grabs A-4: update ...; <waiting ...>
//! Bob      sent, COMMIT, ready                  step Bob commits: commit;
//! Mallory  goes on, UPDATE 0, ready             step Mallory grabs A-4: <... completed>
//! ```
//!
//! What isolationtester does not print (command tags, SQLSTATE, lessons) is not here either.

use std::collections::BTreeMap;

use super::Telling;
use crate::core::event::answer::{Answer, Outcome};
use crate::core::event::steps::whole_steps;
use crate::core::event::{Event, Kind, Pid, SessionName};
use crate::core::scenario::{Scenario, Schedule};

/// A play's tellings. The events are expected in canonical order.
pub fn retold(scenario: &Scenario, schedule: &Schedule, events: &[Event]) -> Vec<Telling> {
    let mut retelling = Retelling {
        scenario,
        schedule,
        people: BTreeMap::new(),
        work: BTreeMap::new(),
        told: vec![
            Telling::Parsed { sessions: scenario.sessions.len() },
            Telling::Permutation {
                steps: schedule
                    .launches
                    .iter()
                    .map(|l| scenario.steps[l.step].name.clone())
                    .collect(),
            },
        ],
    };
    for event in &whole_steps(events) {
        retelling.apply(event);
    }
    retelling.told
}

struct Retelling<'a> {
    scenario: &'a Scenario,
    schedule: &'a Schedule,
    people: BTreeMap<Pid, SessionName>,
    /// What each session is doing; the runner, which looks at the end, is no session.
    work: BTreeMap<Option<SessionName>, Work>,
    told: Vec<Telling>,
}

/// A submission that is not yet answered.
#[derive(Default)]
struct Work {
    /// The step's name; none for what a session does of its own.
    step: Option<String>,
    sql: String,
    has_waited: bool,
    coming: Answer,
    answers: Vec<Telling>,
}

impl Retelling<'_> {
    fn apply(&mut self, event: &Event) {
        let session = event.session.as_ref().map(ToString::to_string).unwrap_or_default();
        match (&event.kind, &event.session) {
            (Kind::Connected { pid }, Some(name)) => {
                self.people.insert(*pid, name.clone());
            }
            (Kind::Sent { sql, step, .. }, _) => self.begin(event.session.as_ref(), sql, *step),
            (Kind::Notice(message), _) => {
                let sql = self.work(event).sql.clone();
                self.told.push(Telling::Notice { session, message: message.clone(), sql });
            }
            (Kind::Notification { channel, payload, from }, _) => {
                let sender = self.people.get(from).map(ToString::to_string);
                let from = sender.unwrap_or_else(|| format!("PID {from}"));
                let (channel, payload) = (channel.clone(), payload.clone());
                let notification = Telling::Notification { session, channel, payload, from };
                self.work(event).answers.push(notification);
            }
            (Kind::Waiting(_), _) => {
                let waiting = self.work(event).waiting();
                self.told.extend(waiting);
            }
            (Kind::Lost { reason, .. }, _) => {
                self.work(event).answers.push(Telling::Broken(reason.clone()));
                self.finish(event.session.as_ref());
            }
            (Kind::Ready { .. }, _) => self.finish(event.session.as_ref()),
            (kind, _) => self.work(event).apply(kind),
        }
    }

    fn work(&mut self, event: &Event) -> &mut Work {
        self.work.entry(event.session.clone()).or_default()
    }

    fn begin(&mut self, session: Option<&SessionName>, sql: &str, launch: Option<usize>) {
        let launch = launch.and_then(|launch| self.schedule.launches.get(launch));
        let step = launch.map(|launch| self.scenario.steps[launch.step].name.clone());
        let work = Work { step, sql: sql.to_owned(), ..Work::default() };
        self.work.insert(session.cloned(), work);
    }

    /// Of what is no step, only the last result is shown, as of a setup.
    fn finish(&mut self, session: Option<&SessionName>) {
        let work = self.work.remove(&session.cloned()).unwrap_or_default();
        match work.step {
            Some(name) if work.has_waited => self.told.push(Telling::Completed { name }),
            Some(name) => self.told.push(Telling::Step { name, sql: work.sql }),
            None => {
                if let Some(Telling::Table { columns, rows }) = work.answers.last().cloned() {
                    self.told.push(Telling::Aside { columns, rows });
                }
                return;
            }
        }
        self.told.extend(work.answers);
    }
}

impl Work {
    fn apply(&mut self, kind: &Kind) {
        self.answers.extend(match self.coming.apply(kind) {
            Some(Outcome::Result { columns, rows, .. }) => Some(Telling::Table { columns, rows }),
            Some(Outcome::Failed(message)) => Some(Telling::Failed(message)),
            Some(Outcome::Done { .. }) | None => None,
        });
    }

    /// That it is seen to wait, once.
    fn waiting(&mut self) -> Option<Telling> {
        let name = self.step.clone().filter(|_| !self.has_waited)?;
        self.has_waited = true;
        Some(Telling::Waiting { name, sql: self.sql.clone() })
    }
}
