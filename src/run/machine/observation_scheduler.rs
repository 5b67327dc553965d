//! When the observer is asked, and what for: the run's side of the second pair of eyes.
//!
//! Nothing is asked on a fixed beat. A statement in flight is looked at half a millisecond after it
//! was sent, then less and less often up to every 10 ms; one that waits is looked at every 40 ms;
//! the house is looked at when something moved. While everybody is idle only a cheap probe goes out
//! now and then, for commits of people who are not on our stage.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::core::event::{Pid, SessionName, Wait};
use crate::core::seats::WatchedTables;
use crate::observer::{Observer, ObserverError, Pulse};
use crate::run::machine::quiet::Blocked;

/// The first look at a statement in flight, after it was sent.
const FIRST_POLL: Duration = Duration::from_micros(500);
/// The longest pause between two looks at a statement that runs.
const RUNNING_POLL: Duration = Duration::from_millis(10);
/// How often a known wait is looked at, and the house while statements run: a change must show
/// within 50 ms.
const WAITING_POLL: Duration = Duration::from_millis(40);

/// What the observer brought back.
#[derive(Debug)]
pub(crate) enum Observation {
    /// Who is in whose way, among the sessions that were busy.
    Blocked {
        /// The stage's epoch when it was asked; a verdict from an earlier one is void.
        epoch: u64,
        /// The answer.
        answer: Result<Vec<Blocked>, ObserverError>,
        /// Blockers that are no sessions of ours and sit idle in a transaction: only their users
        /// can end that.
        strangers: Vec<Pid>,
        /// Those of the sessions that are to go on running which have begun with it.
        under_way: Vec<Pid>,
    },
    /// Who waits for what, in words.
    Waits {
        /// As above.
        epoch: u64,
        /// The busy sessions that waited stably when it was asked.
        blocked: Vec<Blocked>,
        /// As above.
        strangers: Vec<Pid>,
        /// The answer.
        answer: Result<Vec<(SessionName, Wait)>, ObserverError>,
    },
    /// The house, and the pulse that was felt before the look at it, if one was.
    WatchedTables(Result<WatchedTables, ObserverError>, Option<Pulse>),
    /// Nothing has happened since the last look at the house.
    Nothing(Pulse),
}

/// How closely to look at the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Look at it.
    WatchedTables,
    /// Feel its pulse, and look only if that has changed.
    IfPulseChanged,
}

/// Asks the observer in the background, one question of a kind at a time.
pub(crate) struct ObservationScheduler {
    observer: Arc<Observer>,
    seen: mpsc::UnboundedSender<Observation>,
    poll_due: Option<Instant>,
    poll_pause: Duration,
    poll_under_way: bool,
    look_due: Option<Instant>,
    look_under_way: bool,
    pulse: Option<Pulse>,
}

impl ObservationScheduler {
    /// A lookout that brings what it sees to `seen`.
    pub(crate) fn new(observer: Arc<Observer>, seen: mpsc::UnboundedSender<Observation>) -> Self {
        Self {
            observer,
            seen,
            poll_due: None,
            poll_pause: FIRST_POLL,
            poll_under_way: false,
            look_due: None,
            look_under_way: false,
            pulse: None,
        }
    }

    /// Something moved: who waits may be different now.
    pub(crate) fn poll_soon(&mut self) {
        self.poll_pause = FIRST_POLL;
        self.poll_due = Some(Instant::now() + FIRST_POLL);
    }

    /// Looks at the house again before `pause` is over.
    pub(crate) fn look_within(&mut self, pause: Duration) {
        let due = Instant::now() + pause;
        self.look_due = Some(self.look_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Plans the next look at statements in flight: soon while one runs, at leisure while all of
    /// them wait.
    pub(crate) fn poll_again(&mut self, pace: Pace) {
        let pause = match pace {
            Pace::Running => self.poll_pause.min(RUNNING_POLL),
            Pace::Waiting => WAITING_POLL,
        };
        self.poll_pause = (self.poll_pause * 2).min(RUNNING_POLL);
        self.poll_due = Some(Instant::now() + pause);
    }

    /// Nobody is busy: statements in flight need no looking at.
    pub(crate) fn rest(&mut self) {
        self.poll_due = None;
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let poll = self.poll_due.filter(|_| !self.poll_under_way);
        let look = self.look_due.filter(|_| !self.look_under_way);
        [poll, look].into_iter().flatten().min()
    }

    /// Whether it is time to ask who is in whose way.
    pub(crate) fn is_poll_due(&self) -> bool {
        !self.poll_under_way && self.poll_due.is_some_and(|due| due <= Instant::now())
    }

    /// Whether it is time to look at the house.
    pub(crate) fn is_look_due(&self) -> bool {
        !self.look_under_way && self.look_due.is_some_and(|due| due <= Instant::now())
    }

    /// Asks who is in whose way, and which of those that are to go on running have begun with it.
    pub(crate) fn ask_blocked(
        &mut self,
        busy: Vec<Pid>,
        connected: Vec<Pid>,
        to_run: Vec<Pid>,
        epoch: u64,
    ) {
        self.poll_due = None;
        self.poll_under_way = true;
        let (observer, seen) = (Arc::clone(&self.observer), self.seen.clone());
        tokio::spawn(async move {
            let answer = observer.blocked(&busy).await;
            let strangers = strangers(&observer, answer.as_ref().ok(), &connected).await;
            let under_way = match to_run[..] {
                [] => Vec::new(),
                _ => observer.under_way(&to_run).await.unwrap_or_default(),
            };
            let _ = seen.send(Observation::Blocked { epoch, answer, strangers, under_way });
        });
    }

    /// Asks who waits for what; counts as a poll under way.
    pub(crate) fn ask_waits(
        &mut self,
        roster: Vec<(SessionName, Pid)>,
        blocked: Vec<Blocked>,
        strangers: Vec<Pid>,
        epoch: u64,
    ) {
        self.poll_under_way = true;
        let (observer, seen) = (Arc::clone(&self.observer), self.seen.clone());
        tokio::spawn(async move {
            let answer = observer.waits(&roster).await;
            let _ = seen.send(Observation::Waits { epoch, blocked, strangers, answer });
        });
    }

    /// Looks at the house.
    pub(crate) fn ask_house(&mut self, roster: Vec<(SessionName, Pid)>, depth: Depth) {
        self.look_due = None;
        self.look_under_way = true;
        let last = self.pulse.take().filter(|_| depth == Depth::IfPulseChanged);
        let (observer, seen) = (Arc::clone(&self.observer), self.seen.clone());
        tokio::spawn(async move {
            let _ = seen.send(look(&observer, &roster, depth, last).await);
        });
    }

    /// An answer has come; the next question of its kind may be asked.
    pub(crate) fn answered(&mut self, seen: &Observation) {
        match seen {
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

/// A pulse that has nothing to be compared with costs a look, since anything may have happened. It
/// is felt before that look, so that what happens during the look changes the next one; then all is
/// still.
async fn look(
    observer: &Observer,
    roster: &[(SessionName, Pid)],
    depth: Depth,
    last: Option<Pulse>,
) -> Observation {
    let pulse = match depth {
        Depth::WatchedTables => None,
        Depth::IfPulseChanged => observer.pulse().await.ok(),
    };
    match pulse {
        Some(pulse) if !pulse.is_open() && last.as_ref() == Some(&pulse) => {
            Observation::Nothing(pulse)
        }
        pulse => Observation::WatchedTables(observer.house(roster).await, pulse),
    }
}

/// Which of the blockers that are not on our stage are idle in a transaction.
async fn strangers(
    observer: &Observer,
    blocked: Option<&Vec<Blocked>>,
    connected: &[Pid],
) -> Vec<Pid> {
    let is_known = |pid: &Pid| *pid == Pid::PREPARED || connected.contains(pid);
    let blockers = blocked.into_iter().flatten().flat_map(|(_, by)| by.iter().copied());
    let strangers: Vec<Pid> = blockers.filter(|pid| !is_known(pid)).collect();
    if strangers.is_empty() {
        return strangers;
    }
    observer.idle_in_transaction(&strangers).await.unwrap_or_default()
}

/// How closely statements in flight need looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One of them runs.
    Running,
    /// All of them wait.
    Waiting,
}
