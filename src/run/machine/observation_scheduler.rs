//! When the observer is asked, and what for: the run's side of the second pair of eyes.
//!
//! Nothing is asked on a fixed beat. A statement in flight is looked at half a millisecond after it
//! was sent, then less and less often up to every 10 ms; one that waits is looked at every 40 ms;
//! the watched tables are looked at when something moved. While everybody is idle only a cheap
//! probe goes out now and then, for commits of people who take no part.

use std::time::Duration;

use super::cast::Cast;
use super::effects::Effects;
use super::input::Observation;
use super::output::{Depth, Output, Question, earliest};
use super::quiet::Blocked;
use crate::core::event::{Pid, SessionName};
use crate::observer::Pulse;

/// The first look at a statement in flight, after it was sent.
const FIRST_POLL: Duration = Duration::from_micros(500);
/// The longest pause between two looks at a statement that runs.
const RUNNING_POLL: Duration = Duration::from_millis(10);
/// How often a known wait is looked at: a change must show within 50 ms.
const WAITING_POLL: Duration = Duration::from_millis(40);

/// Asks the observer one question of a kind at a time.
#[derive(Debug)]
pub(crate) struct ObservationScheduler {
    poll_due: Option<Duration>,
    poll_pause: Duration,
    poll_under_way: bool,
    look_due: Option<Duration>,
    look_under_way: bool,
    pulse: Option<Pulse>,
    /// Who was connected as which backend when the tables were last asked for.
    looked_for: Vec<(SessionName, Pid)>,
}

impl ObservationScheduler {
    /// One that has nothing to ask so far.
    pub(crate) fn new() -> Self {
        Self {
            poll_due: None,
            poll_pause: FIRST_POLL,
            poll_under_way: false,
            look_due: None,
            look_under_way: false,
            pulse: None,
            looked_for: Vec::new(),
        }
    }

    /// Something moved: who waits may be different now.
    pub(crate) fn poll_soon(&mut self, fx: &Effects) {
        // So early because it is cheap: asked from here on, a wait is known in 0.8 ms (the median),
        // and one look costs the server 0.03 ms.
        self.poll_pause = FIRST_POLL;
        // The earlier one, if there is one: where something moves all the time, no look would come.
        let due = fx.now() + FIRST_POLL;
        self.poll_due = Some(self.poll_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Looks at the tables again before `pause` is over.
    pub(crate) fn look_within(&mut self, pause: Duration, fx: &Effects) {
        let due = fx.now() + pause;
        self.look_due = Some(self.look_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Plans the next look at statements in flight: soon while one runs, at leisure while all of
    /// them wait.
    pub(crate) fn poll_again(&mut self, pace: Pace, fx: &Effects) {
        let pause = match pace {
            Pace::Running => self.poll_pause.min(RUNNING_POLL),
            Pace::Waiting => WAITING_POLL,
        };
        self.poll_pause = (self.poll_pause * 2).min(RUNNING_POLL);
        self.poll_due = Some(fx.now() + pause);
    }

    /// Nobody is busy: statements in flight need no looking at.
    pub(crate) fn rest(&mut self) {
        self.poll_due = None;
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Duration> {
        // What is asked already is not due: woken for that, the machine could do nothing, and would
        // be woken again at once.
        let poll = self.poll_due.filter(|_| !self.poll_under_way);
        earliest([poll, self.look_due.filter(|_| !self.look_under_way)])
    }

    /// Whether it is time to ask who is in whose way.
    pub(crate) fn is_poll_due(&self, now: Duration) -> bool {
        !self.poll_under_way && self.poll_due.is_some_and(|due| due <= now)
    }

    /// Whether it is time to look at the tables.
    pub(crate) fn is_look_due(&self, now: Duration) -> bool {
        !self.look_under_way && self.look_due.is_some_and(|due| due <= now)
    }

    /// Asks who is in whose way, and which of those that are to go on running have begun with it.
    pub(crate) fn ask_blocked(&mut self, cast: &Cast, to_run: Vec<Pid>, fx: &mut Effects) {
        self.poll_due = None;
        self.poll_under_way = true;
        let (busy, connected) = (cast.busy(), cast.connected());
        let question = Question::Blocked { busy, connected, to_run, epoch: cast.epoch() };
        fx.put(Output::Observe(question));
    }

    /// Asks who waits for what; counts as a poll under way.
    pub(crate) fn ask_waits(
        &mut self,
        cast: &Cast,
        blocked: Vec<Blocked>,
        strangers: Vec<Pid>,
        fx: &mut Effects,
    ) {
        self.poll_under_way = true;
        let (roster, epoch) = (cast.roster(), cast.epoch());
        fx.put(Output::Observe(Question::Waits { roster, blocked, strangers, epoch }));
    }

    /// Looks at the tables.
    pub(crate) fn ask_tables(&mut self, cast: &Cast, depth: Depth, fx: &mut Effects) {
        self.look_due = None;
        self.look_under_way = true;
        let last = self.pulse.take().filter(|_| depth == Depth::IfPulseChanged);
        self.looked_for = cast.roster();
        let roster = self.looked_for.clone();
        fx.put(Output::Observe(Question::WatchedTables { roster, depth, last }));
    }

    /// Whether the last look was one for these people: one that began before somebody was connected
    /// takes him for a stranger.
    pub(crate) fn has_looked_for(&self, cast: &Cast) -> bool {
        self.looked_for == cast.roster()
    }

    /// An answer has come; the next question of its kind may be asked.
    pub(crate) fn answered(&mut self, observation: &Observation) {
        match observation {
            Observation::Blocked { .. } | Observation::Waits { .. } => self.poll_under_way = false,
            Observation::WatchedTables(_, pulse) => {
                self.look_under_way = false;
                self.pulse.clone_from(pulse);
            }
            Observation::Nothing(pulse) => {
                self.look_under_way = false;
                self.pulse = Some(pulse.clone());
            }
        }
    }
}

/// How closely statements in flight need looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One of them runs.
    Running,
    /// All of them wait.
    Waiting,
}
