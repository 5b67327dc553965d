//! Plays a scenario by itself, to its end: the next step goes out when the last one's dust has
//! settled.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Event, Kind, SessionName, Wait};
use crate::core::scenario::check::{Breach, Check};
use crate::core::scenario::{Origin, Scenario, Schedule};
use crate::run::engines::Engines;
use crate::run::{Command, EngineLine, Lasting, Production, Report, Run, Untidy};

mod play_state;

use play_state::{Phase, PlayState};

/// A scenario that was played.
#[derive(Debug)]
pub struct Played {
    pub scenario: Arc<Scenario>,
    /// In which order.
    pub schedule: Arc<Schedule>,
    /// On which engine.
    pub engine: EngineLine,
    /// Everything that happened, in the order in which it came.
    pub events: Vec<Event>,
    /// The expectations that were not kept.
    pub breaches: Vec<Breach>,
    /// The tables that its file wants to be watched, and that were not there.
    pub unwatched: Vec<String>,
    /// Why it was not played to its end.
    pub stop: Option<Stop>,
    /// What it has committed outside the run's schema, on a server that is kept.
    pub lasting: Vec<Lasting>,
    /// What it has left behind.
    pub untidy: Vec<Untidy>,
}

impl Played {
    /// Whether it was played to its end, teardown included, and did what its file says.
    pub fn is_kept(&self) -> bool {
        let is_torn_down = !self.untidy.iter().any(Untidy::is_of_the_scenario);
        let is_watched = self.unwatched.is_empty();
        self.breaches.is_empty() && self.stop.is_none() && is_torn_down && is_watched
    }
}

/// Why a play stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A step did not end in time, and was cancelled.
    Endless {
        /// The launch, counted from 0.
        launch: usize,
        /// Whose step it is.
        session: SessionName,
        /// What it waited for, if the database said that it waits.
        wait: Option<Wait>,
        /// How long it was given.
        after: Duration,
    },
    /// The sessions were not ready for the first step in time: one did not connect, or its own
    /// setup did not end.
    Unready {
        /// How long they were given.
        after: Duration,
    },
    /// The scenario's `finally` part did not end in time.
    EndlessFinale {
        /// How long it was given.
        after: Duration,
    },
    /// Somebody wanted it to end.
    Interrupted,
    /// A step could not be sent, because its session was not free.
    Refused {
        /// The launch, counted from 0.
        launch: usize,
        reason: String,
    },
}

/// A setup is given at least this long: a short patience with steps does not mean it.
const SETUP: Duration = Duration::from_secs(30);

/// How long the parts of a play may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The engine's start, the scenario's setup, and the sessions' way to the stage together.
    pub setup: Duration,
    /// Each step, and the `finally` part.
    pub step: Duration,
}

impl Patience {
    /// With each step this long.
    pub fn with_steps(step: Duration) -> Self {
        Self { setup: step.max(SETUP), step }
    }
}

/// A play that could not begin: the engine or the scenario's setup failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotPlay(String);

/// Plays a production on a fresh setup. A step whose session still waits is sent when that has been
/// answered, as isolationtester sends it. What does not end in time is cancelled, and the play
/// stops there; so it does when it is interrupted. In any case everything is tidied up.
pub async fn play(
    engines: &Engines,
    production: Production,
    patience: Patience,
    interrupted: &CancellationToken,
) -> Result<Played, CannotPlay> {
    let run = Run::start(engines.clone(), production.clone());
    let interrupted = interrupted.clone();
    let mut stepper = Stepper {
        run,
        production,
        patience,
        interrupted,
        played: None,
        place: PlayState::default(),
    };
    // A defect of ours must not cut the sessions off in the middle of something.
    let ended = AssertUnwindSafe(stepper.play()).catch_unwind().await;
    let Stepper { run, played, .. } = stepper;
    let untidy = run.end().await;
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    played
        .map(|progress| Played { untidy, ..progress.finish() })
        .ok_or_else(|| CannotPlay("the run ended before it began".into()))
}

/// Drives a run.
struct Stepper {
    run: Run,
    production: Production,
    patience: Patience,
    interrupted: CancellationToken,
    played: Option<Progress>,
    place: PlayState,
}

/// What has been played so far.
struct Progress {
    played: Played,
    check: Check,
}

impl Progress {
    fn finish(self) -> Played {
        Played { breaches: self.check.breaches(), ..self.played }
    }
}

/// What there is to be reacted to.
enum PlayEvent {
    Report(Box<Report>),
    /// The run has ended.
    Over,
    Late,
    Interrupted,
}

/// Whether there is more to come.
#[derive(PartialEq, Eq)]
enum More {
    Yes,
    No,
}

impl Stepper {
    async fn play(&mut self) -> Result<(), CannotPlay> {
        self.place.deadline = Some(Instant::now() + self.patience.setup);
        loop {
            let deadline = self.place.deadline.unwrap_or_else(Instant::now);
            match self.next(deadline).await {
                PlayEvent::Report(report) => {
                    if self.take(*report)? == More::No {
                        return Ok(());
                    }
                }
                PlayEvent::Over => return Ok(()),
                PlayEvent::Late => return self.give_up().await,
                PlayEvent::Interrupted if self.played.is_none() => {
                    return Err(CannotPlay("interrupted during the setup".to_owned()));
                }
                PlayEvent::Interrupted => {
                    self.stop(Stop::Interrupted);
                    return Ok(());
                }
            }
        }
    }

    async fn next(&mut self, deadline: Instant) -> PlayEvent {
        tokio::select! {
            biased;
            () = self.interrupted.cancelled() => PlayEvent::Interrupted,
            report = tokio::time::timeout_at(deadline, self.run.reports.recv()) => match report {
                Ok(Some(report)) => PlayEvent::Report(Box::new(report)),
                Ok(None) => PlayEvent::Over,
                Err(_) => PlayEvent::Late,
            },
        }
    }

    /// The time is over: says of what, and cancels what can be cancelled.
    async fn give_up(&mut self) -> Result<(), CannotPlay> {
        let after = self.patience.setup;
        if self.played.is_none() {
            let seconds = after.as_secs();
            return Err(CannotPlay(format!("the setup did not finish within {seconds} s")));
        }
        if self.place.phase == Phase::Entrance {
            self.stop(Stop::Unready { after });
            return Ok(());
        }
        if self.place.phase == Phase::FinalQuery {
            self.stop(Stop::EndlessFinale { after: self.patience.step });
            return Ok(());
        }
        self.cancel().await
    }

    fn take(&mut self, report: Report) -> Result<More, CannotPlay> {
        match report {
            Report::Fresh(fresh) => {
                let check = Check::new(
                    &fresh.scenario,
                    &fresh.schedule,
                    fresh.engine.kind,
                    fresh.engine.isolation,
                );
                let played = Played {
                    scenario: fresh.scenario,
                    schedule: fresh.schedule,
                    engine: fresh.engine,
                    events: Vec::new(),
                    breaches: Vec::new(),
                    unwatched: Vec::new(),
                    stop: None,
                    lasting: Vec::new(),
                    untidy: Vec::new(),
                };
                self.played = Some(Progress { played, check });
            }
            Report::Event(event) => return Ok(self.note(event)),
            Report::Next(next) => {
                self.place.next = next;
                self.place.is_asked = false;
            }
            Report::Refused { why: reason, .. } => {
                self.stop(Stop::Refused { launch: self.place.next, reason });
                return Ok(More::No);
            }
            Report::Broken(reason) => return Err(CannotPlay(reason)),
            Report::Over => {
                self.place.phase = Phase::Over;
                return Ok(self.end());
            }
            Report::Unwatched(tables) => {
                if let Some(progress) = &mut self.played {
                    progress.played.unwatched = tables;
                }
            }
            Report::Lasting(lasting) => {
                if let Some(progress) = &mut self.played {
                    progress.played.lasting = lasting;
                }
            }
            Report::Joined(_)
            | Report::GuestJoined(_)
            | Report::PersonJoined(_)
            | Report::PaneGiven(_)
            | Report::PaneTaken(_)
            | Report::Parted(_)
            | Report::Catalog(_)
            | Report::TableCopies(_) => {}
        }
        Ok(More::Yes)
    }

    fn note(&mut self, event: Event) -> More {
        let is_quiet = event.kind == Kind::Quiet;
        let before = self.place.phase;
        self.place.apply(&event);
        if self.place.phase == Phase::FinalQuery && before != Phase::FinalQuery {
            self.postpone();
        }
        if let Some(progress) = &mut self.played {
            progress.check.apply(&event);
            progress.played.events.push(event);
        }
        match is_quiet {
            true if self.place.phase == Phase::Over => self.end(),
            true => {
                self.go_on();
                More::Yes
            }
            false => More::Yes,
        }
    }

    /// Asks for the next step, once its session is free.
    fn go_on(&mut self) {
        let Some(next) = self.session_of(self.place.next) else { return };
        if self.place.busy.contains_key(&next) {
            self.hold();
        } else if !self.place.is_asked {
            // Two quiets may be on their way before the run has said that the step went out: the
            // second must not ask for another one.
            self.place.is_asked = true;
            self.place.is_held = false;
            self.postpone();
            self.send(Command::Step);
        }
    }

    /// isolationtester plays until everything is answered. A script says what is left waiting at
    /// its end.
    fn end(&mut self) -> More {
        let waits_for_all = self.production.scenario.origin == Origin::Specification;
        if waits_for_all && !self.place.busy.is_empty() {
            self.hold();
            return More::Yes;
        }
        More::No
    }

    /// From here on a step that was sent long ago is waited for, for as long as if it had just been
    /// sent.
    fn hold(&mut self) {
        if !std::mem::replace(&mut self.place.is_held, true) {
            self.postpone();
        }
    }

    fn session_of(&self, launch: usize) -> Option<SessionName> {
        let launch = self.production.schedule.launches.get(launch)?;
        Some(self.production.scenario.steps[launch.step].session.clone())
    }

    /// The launch that is waited for: that of the session whose turn it is, or the last one, or one
    /// that is left at the end.
    fn awaited(&self) -> usize {
        let busy = &self.place.busy;
        let in_turn = self.session_of(self.place.next).and_then(|session| *busy.get(&session)?);
        let last = self.place.next.saturating_sub(1);
        let is_last = busy.values().any(|launch| *launch == Some(last));
        in_turn
            .or(is_last.then_some(last))
            .or(busy.values().flatten().next().copied())
            .unwrap_or(last)
    }

    /// Cancels the step that does not end, and takes in what that leads to.
    async fn cancel(&mut self) -> Result<(), CannotPlay> {
        let launch = self.awaited();
        let Some(session) = self.session_of(launch) else { return Ok(()) };
        let wait = self.wait_of(&session);
        self.stop(Stop::Endless { launch, session, wait, after: self.patience.step });
        // Everybody, since whoever waits behind the step that is cancelled would be let through by
        // its end.
        for player in self.production.scenario.sessions.clone() {
            self.send(Command::Cancel(player.name));
        }
        // While they answer, a quiet asks for no further step.
        self.place.is_asked = true;
        self.postpone();
        let deadline = Instant::now() + self.patience.step;
        // It may be told to be quiet once more before the server has heard of the cancelling.
        while let PlayEvent::Report(report) = self.next(deadline).await {
            let is_quiet = matches!(*report, Report::Event(Event { kind: Kind::Quiet, .. }));
            self.take(*report)?;
            if is_quiet && self.place.busy.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// What a session waits for, as far as was told.
    fn wait_of(&self, session: &SessionName) -> Option<Wait> {
        let events = self.played.iter().flat_map(|progress| progress.played.events.iter().rev());
        let mut own = events.filter(|event| event.session.as_ref() == Some(session));
        match own.next().map(|event| &event.kind) {
            Some(Kind::Waiting(wait)) => Some(wait.clone()),
            _ => None,
        }
    }

    fn stop(&mut self, stop: Stop) {
        if let Some(progress) = &mut self.played {
            progress.played.stop = Some(stop);
        }
    }

    fn postpone(&mut self) {
        self.place.deadline = Some(Instant::now() + self.patience.step);
    }

    /// A run that has ended says so by itself: its reports end.
    fn send(&self, command: Command) {
        let _ = self.run.commands.send(command);
    }
}
