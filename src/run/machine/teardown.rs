//! The end of a live run: everybody falls silent, then goes home; the scenario's own teardown is
//! played, the schema goes.
//!
//! The order keeps what was not committed from being committed by our leaving. Bob's autocommit
//! UPDATE that waits for Alice's row is let through by her going, whatever is cancelled a moment
//! later:
//!
//! ```text
//!  wrong   Alice ROLLBACK ──▶ Bob's UPDATE goes on and commits ──▶ cancelled too late
//!  right   statements cancelled, each answer heard ──▶ everybody rolls back ──▶ everybody goes
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::effects::Effects;
use super::errands::Errands;
use super::failure::Failure;
use super::input::Input;
use super::live_run::LiveRun;
use super::output::{Demand, EngineRequest, Output};
use crate::core::event::{Pid, SessionName};
use crate::core::scenario::{Player, Statement};
use crate::run::participant::Silence;
use crate::run::{Fate, Untidy};

/// How long each part of tidying up may take: the sessions' silence and their leaving, the
/// scenario's teardown, the dropping of the schema. What is left then is swept by the next run.
pub(crate) const TIDY_UP: Duration = Duration::from_secs(3);
/// How long the sessions' rollbacks may take, and how long their own teardowns.
const OWN_TEARDOWNS: Duration = Duration::from_secs(1);
/// What is said when the schema cannot be dropped, because somebody else holds a lock in it.
const STILL_IN_USE: &str = "the run's schema is still in use; the next run removes it";

/// Taking a live run down, and what for.
#[derive(Debug)]
pub(crate) struct Teardown {
    part: Part,
    /// How long this part is waited for.
    until: Duration,
    /// Backends that did not let themselves be cancelled, and are still to be ended.
    broken: VecDeque<(SessionName, Pid)>,
    then: Then,
}

/// What comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another fresh setup.
    Reopen,
    /// Nothing, until somebody wants a fresh setup.
    Rest,
    /// Nothing, since it was never set up: something else was wanted meanwhile.
    Forget,
    /// The driver is told that it could not be set up, and why.
    Break(String),
    /// The end of the run.
    End,
}

impl Then {
    /// The same where the driver has left: nothing is set up any more, and whoever waits for the
    /// end is told what cannot be tidied up.
    pub(crate) fn for_good(self) -> Self {
        match self {
            Self::Reopen | Self::Rest => Self::End,
            Self::Forget | Self::Break(_) | Self::End => self,
        }
    }
}

/// The parts, in their order.
#[derive(Debug)]
enum Part {
    /// Everybody's statement is cancelled, and the answers are heard. It is so a second time where
    /// the sessions' own teardowns wait for one another.
    Silence {
        awaited: BTreeSet<SessionName>,
        is_second: bool,
    },
    /// One whose statement did not end loses its backend.
    Ending {
        session: SessionName,
        backend: Pid,
        is_asked_again: bool,
        is_second: bool,
    },
    /// The runs that end together with this one fall silent, too.
    Others,
    /// What was left in the middle has not happened.
    RollingBack(Errands),
    /// The teardowns that isolationtester's files give to sessions.
    OwnTeardowns(Errands),
    Leaving(BTreeSet<SessionName>),
    /// The scenario's teardown, by the runner.
    Scenarios(Errands),
    /// The runner goes.
    RunnerLeaving(BTreeSet<SessionName>),
    /// The schema goes.
    Schema,
    /// All is done.
    Over,
}

/// How a part has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Late,
}

impl Teardown {
    /// Begins with everybody's silence.
    pub(crate) fn begin(live: &mut LiveRun, then: Then, fx: &mut Effects) -> Self {
        let part = Part::Silence { awaited: live.ask_for_silence(fx), is_second: false };
        let (broken, until) = (VecDeque::new(), fx.now() + TIDY_UP);
        let mut teardown = Self { part, until, broken, then };
        teardown.go_on_if_done(live, fx);
        teardown
    }

    /// When it goes on without an answer.
    pub(crate) fn due(&self) -> Duration {
        self.until
    }

    /// Whether everything is done.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.part, Part::Over)
    }

    /// What comes after it.
    pub(crate) fn then(&self) -> &Then {
        &self.then
    }

    /// The driver has left.
    pub(crate) fn lead_to_the_end(&mut self) {
        self.then = self.then.clone().for_good();
    }

    /// Takes in what happened next.
    pub(crate) fn take(&mut self, input: Input, live: &mut LiveRun, fx: &mut Effects) {
        if matches!(input, Input::Due) && self.until <= fx.now() {
            self.go_on(End::Late, live, fx);
        } else {
            self.hear(input, live, fx);
        }
        self.go_on_if_done(live, fx);
    }

    fn hear(&mut self, input: Input, live: &mut LiveRun, fx: &mut Effects) {
        if let Input::Event(event) = &input {
            // What is known of each session's transaction decides who is sent a rollback.
            live.overhear(event);
        }
        match (&mut self.part, input) {
            (Part::Silence { awaited, .. }, Input::Silent(session, silence)) => {
                awaited.remove(&session);
                live.fell_silent(&session, silence);
                if let Silence::Broken(backend) = silence {
                    self.broken.push_back((session.clone(), backend));
                    self.tell(Untidy::Stubborn { session }, fx);
                }
            }
            (Part::Ending { session, is_asked_again, .. }, Input::BackendEnded(true)) => {
                // `pg_terminate_backend` only sends a signal. That the backend is gone is known
                // when its connection has ended.
                *is_asked_again = true;
                fx.ask(session, Demand::Silence);
                self.until = fx.now() + TIDY_UP;
            }
            (Part::Ending { .. }, Input::BackendEnded(false)) => self.go_on(End::Late, live, fx),
            (Part::Ending { session, is_asked_again: true, .. }, Input::Silent(who, silence))
                if who == *session =>
            {
                let is_ended = silence == Silence::Absent;
                self.go_on(if is_ended { End::Done } else { End::Late }, live, fx);
            }
            (Part::Others, Input::OthersSilent) => self.go_on(End::Done, live, fx),
            (Part::RollingBack(errands), Input::Event(event)) => {
                errands.hear(&event, live, fx);
            }
            (Part::OwnTeardowns(errands), Input::Event(event)) => {
                if let Some((statement, failure)) = errands.hear(&event, live, fx) {
                    self.tell_failure(event.session, &statement, &failure, live, fx);
                }
            }
            (Part::Scenarios(errands), Input::Event(event)) => {
                if let Some((statement, failure)) = errands.hear(&event, live, fx) {
                    self.tell_failure(None, &statement, &failure, live, fx);
                }
            }
            (Part::Leaving(awaited) | Part::RunnerLeaving(awaited), Input::Released(session)) => {
                awaited.remove(&session);
            }
            (Part::Schema, Input::SchemaDropped(dropped)) => {
                if let Err(reason) = dropped {
                    self.tell(Untidy::Schema(reason), fx);
                }
                self.go_on(End::Done, live, fx);
            }
            _ => {}
        }
    }

    /// Goes on for as long as there is nothing to wait for.
    fn go_on_if_done(&mut self, live: &mut LiveRun, fx: &mut Effects) {
        loop {
            let is_done = match &self.part {
                Part::Silence { awaited, .. }
                | Part::Leaving(awaited)
                | Part::RunnerLeaving(awaited) => awaited.is_empty(),
                Part::RollingBack(errands)
                | Part::OwnTeardowns(errands)
                | Part::Scenarios(errands) => errands.are_done(),
                // A comparison ends both of its runs at once. Where only the setup is replaced, the
                // other run plays on, and would never say that it is silent.
                Part::Others => self.then != Then::End,
                Part::Ending { .. } | Part::Schema | Part::Over => false,
            };
            if !is_done {
                return;
            }
            self.go_on(End::Done, live, fx);
        }
    }

    /// From one part to the next.
    fn go_on(&mut self, end: End, live: &mut LiveRun, fx: &mut Effects) {
        let ended = std::mem::replace(&mut self.part, Part::Over);
        let patience = match &ended {
            Part::Others | Part::RollingBack(_) => OWN_TEARDOWNS,
            _ => TIDY_UP,
        };
        self.until = fx.now() + patience;
        self.part = match ended {
            Part::Silence { awaited, is_second } => {
                for session in awaited {
                    self.tell(Untidy::Unheard { session, after: TIDY_UP }, fx);
                }
                self.end_the_broken(is_second, live, fx)
            }
            Part::Ending { session, backend, is_second, .. } => {
                let fate = if end == End::Done { Fate::Ended } else { Fate::GoesOn };
                self.tell(Untidy::Statement { session, backend, fate }, fx);
                if end == End::Late {
                    // Its answer names no backend: coming late, it would be taken for the next
                    // one's.
                    fx.engine(EngineRequest::GiveUp);
                }
                self.end_the_broken(is_second, live, fx)
            }
            Part::Others => Part::RollingBack(roll_back(live, fx)),
            Part::RollingBack(_) => Part::OwnTeardowns(own_teardowns(live, fx)),
            // One that waits for a session left in the middle of a transaction would wait for ever:
            // that ends only with the sessions.
            Part::OwnTeardowns(_) if end == End::Late => {
                Part::Silence { awaited: live.ask_for_silence(fx), is_second: true }
            }
            Part::OwnTeardowns(_) => Part::Leaving(live.dismiss_players(fx)),
            // Only now, since it may drop what a session that was still here would have locked.
            Part::Leaving(_) => Part::Scenarios(scenarios_teardown(live, fx)),
            Part::Scenarios(_) => {
                if end == End::Late {
                    self.tell(Untidy::Teardown(TIDY_UP), fx);
                }
                Part::RunnerLeaving(live.dismiss_runner(fx))
            }
            Part::RunnerLeaving(_) if live.has_a_schema() => {
                // Only now: a transaction that the teardown has left open would have locks in the
                // schema.
                fx.engine(EngineRequest::DropSchema);
                Part::Schema
            }
            Part::RunnerLeaving(_) => Part::Over,
            Part::Schema => {
                if end == End::Late {
                    fx.engine(EngineRequest::GiveUp);
                    self.tell(Untidy::Schema(STILL_IN_USE.to_owned()), fx);
                }
                Part::Over
            }
            Part::Over => Part::Over,
        };
    }

    /// The next backend that did not let itself be cancelled loses its life, as far as we may take
    /// it. With none left, all is silent.
    fn end_the_broken(&mut self, is_second: bool, live: &mut LiveRun, fx: &mut Effects) -> Part {
        match self.broken.pop_front() {
            Some((session, backend)) => {
                fx.engine(EngineRequest::EndBackend(backend));
                Part::Ending { session, backend, is_asked_again: false, is_second }
            }
            None if is_second => Part::Leaving(live.dismiss_players(fx)),
            None => {
                if self.then == Then::End {
                    fx.engine(EngineRequest::AwaitOthers);
                }
                Part::Others
            }
        }
    }
}

impl Teardown {
    /// Tells what cannot be tidied up as soon as that is known: whoever waits for the end, or for
    /// what comes instead. Of what was never set up nobody has heard.
    fn tell(&self, untidy: Untidy, fx: &mut Effects) {
        tracing::warn!("{untidy}");
        match self.then {
            Then::End => fx.put(Output::Untidy(untidy)),
            // The console says it on one line: what was to be done, and the server's first.
            Then::Reopen | Then::Rest => {
                let text = untidy.to_string();
                fx.note(text.lines().take(2).collect::<Vec<_>>().join(": "));
            }
            Then::Forget | Then::Break(_) => {}
        }
    }

    fn tell_failure(
        &self,
        whose: Option<SessionName>,
        statement: &Statement,
        failure: &Failure,
        live: &LiveRun,
        fx: &mut Effects,
    ) {
        let place = live.production().scenario.place_of(statement, failure.position());
        let told = failure.told(&statement.sql);
        self.tell(Untidy::FailedTeardown { whose, place, told }, fx);
    }
}

/// What was played to its end ends as its file says, even if that commits; what was left in the
/// middle has not happened.
fn roll_back(live: &mut LiveRun, fx: &mut Effects) -> Errands {
    let open = if live.is_played_out() { Vec::new() } else { live.in_transaction() };
    let rollback = Statement { sql: "rollback".to_owned(), line: 0, column: 0, file: None };
    let open = open.into_iter().map(|session| (session, rollback.clone()));
    Errands::begin(open, live, fx)
}

fn own_teardowns(live: &mut LiveRun, fx: &mut Effects) -> Errands {
    let scenario = live.production().scenario.clone();
    let of = |player: &Player| Some((player.name.clone(), player.teardown.clone()?));
    Errands::begin(scenario.sessions.iter().filter_map(of), live, fx)
}

fn scenarios_teardown(live: &mut LiveRun, fx: &mut Effects) -> Errands {
    let scenario = live.production().scenario.clone();
    let runner = live.runner().clone();
    let statements = scenario.teardown.iter().map(|it| (runner.clone(), it.clone()));
    Errands::begin(statements, live, fx)
}
