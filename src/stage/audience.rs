//! Others who look at the same run: each may join at any time, and gets the whole state first.
//!
//! ```text
//!   run ──▶ report 1, report 2, report 3, report 4 ──▶ the stage
//!                                 │         └────────▶ a listener's own stage
//!                                 └ joins here: a copy of the stage as it is, then 4, 5, 6 ...
//! ```
//!
//! The stage is a fold over all that was told, so a copy of it *is* what was told so far, in
//! bounded memory, however long the run. Joining and telling happen in one place, one after the
//! other: what was folded before the copy is not told again, and what comes after it is told.
//!
//! A listener that does not keep up must hold nobody up and fill no memory, so beyond [`BEHIND`]
//! reports it is let go. It joins again, and has the whole state at once.

use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};

use super::Stage;
use crate::core::event::SessionName;
use crate::run::{Command, Report};

/// How many reports a listener may be behind: a page that is read over a slow line, not one that is
/// gone.
pub const BEHIND: usize = 1024;

/// Something that changes what is on the stage.
#[derive(Clone, Debug)]
enum Change {
    /// The run has told it.
    Report(Report),
    /// A person cancels what this session is doing, so that what does not come is no fault of the
    /// script's. The run tells nothing of it.
    Cancels(SessionName),
}

/// Those who listen to one run.
#[derive(Debug, Default)]
pub struct Audience {
    listeners: Vec<mpsc::Sender<Change>>,
}

impl Audience {
    /// One more listens to the run that is on this stage.
    pub fn join(&mut self, stage: &Stage) -> Listener {
        // Each sender has a place of its own beside those that are asked for.
        let (sender, told) = mpsc::channel(BEHIND - 1);
        self.listeners.push(sender);
        Listener { stage: stage.for_others(), told }
    }

    /// Tells everybody what the run has told.
    pub fn tell(&mut self, report: &Report) {
        self.send(|| Change::Report(report.clone()));
    }

    /// Tells everybody what is being asked of the run, where that changes what they see.
    pub fn tell_asked(&mut self, command: &Command) {
        if let Command::Cancel(session) = command {
            self.send(|| Change::Cancels(session.clone()));
        }
    }

    /// Lets those go who are gone or too far behind.
    fn send(&mut self, told: impl Fn() -> Change) {
        self.listeners.retain_mut(|listener| listener.try_send(told()).is_ok());
    }
}

/// Somebody who looks at a run beside others, with a stage of their own.
#[derive(Debug)]
pub struct Listener {
    stage: Stage,
    told: mpsc::Receiver<Change>,
}

impl Listener {
    /// What they see.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Waits for what is told next, which `now` says when it comes; whether there was anything.
    /// There is nothing more once the run has ended, and for whoever was too far behind.
    pub async fn hear(&mut self, now: impl FnOnce() -> Duration) -> bool {
        self.hear_and(now, |_, _| ()).await
    }

    /// The same, for whoever wants to know what was told before it is folded.
    pub async fn hear_and(
        &mut self,
        now: impl FnOnce() -> Duration,
        note: impl FnOnce(&Report, Duration),
    ) -> bool {
        match self.told.next().await {
            Some(Change::Report(report)) => {
                let now = now();
                note(&report, now);
                let _ = self.stage.apply(report, now);
            }
            Some(Change::Cancels(session)) => self.stage.cancels(&session),
            None => return false,
        }
        true
    }
}

/// A way in for those who want to join.
#[derive(Clone, Debug)]
pub struct Invitation(mpsc::UnboundedSender<oneshot::Sender<Listener>>);

impl Invitation {
    /// Joins whatever is played now; `None` where nothing is any more.
    pub async fn join(&self) -> Option<Listener> {
        let (reply, listener) = oneshot::channel();
        self.0.unbounded_send(reply).ok()?;
        listener.await.ok()
    }
}

/// Those who want to join, as whoever holds the stage hears of them.
#[derive(Debug)]
pub struct Arrivals(mpsc::UnboundedReceiver<oneshot::Sender<Listener>>);

impl Arrivals {
    /// A way in, and its other end.
    pub fn invited() -> (Invitation, Self) {
        let (invitation, arrivals) = mpsc::unbounded();
        (Invitation(invitation), Self(arrivals))
    }

    /// Nobody is invited.
    pub fn of_nobody() -> Self {
        Self::invited().1
    }

    /// The next one; never, where nobody can come any more.
    pub async fn next(&mut self) -> Arrival {
        match self.0.next().await {
            Some(reply) => Arrival(reply),
            None => std::future::pending().await,
        }
    }
}

/// Somebody who wants to join.
#[derive(Debug)]
pub struct Arrival(oneshot::Sender<Listener>);

impl Arrival {
    /// Lets them in. Who has gone meanwhile is let go by what is told next.
    pub fn admit(self, audience: &mut Audience, stage: &Stage) {
        let _ = self.0.send(audience.join(stage));
    }
}

#[cfg(test)]
mod tests;
