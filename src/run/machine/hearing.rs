//! Before it is quiet, those are heard who are idle and may have been told something:
//! notifications, or that somebody has ended them.
//!
//! Both reach an idle session when they like, and a moment later would be told of another step. The
//! server has sent them on their way before it answers the step that caused them; so whoever is
//! asked after that answer says them first.
//!
//! ```text
//!  Alice   NOTIFY seats        answered, everybody is idle
//!  Bob     (listens)           Sync ──▶   ◀── Notification, ReadyForQuery      now it is quiet
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::core::event::{Event, Kind, Pid, TransactionStatus};
use crate::run::machine::actor::{Actor, SessionState};
use crate::run::machine::live_run::LiveRun;

/// A server that does not answer an idle session in this time holds up nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who calls this has ended somebody, and whom is not for us to know.
const ENDS_OTHERS: &str = "pg_terminate_backend";

/// Who is being heard.
pub(crate) struct Hearing {
    /// The stage's epoch when somebody was asked last, and whether all of them have answered.
    asked: Option<(u64, bool)>,
    /// Whether anybody may have been ended by somebody else.
    anybody: bool,
    /// Those in whose way somebody was who has gone on without their doing anything: their end is
    /// on its way.
    suspects: Vec<Pid>,
    /// The backends that have ever asked for notifications. Those that want none any more are not
    /// told apart.
    listeners: BTreeSet<Pid>,
    heard_out: mpsc::UnboundedSender<u64>,
    heard: mpsc::UnboundedReceiver<u64>,
}

impl Hearing {
    /// Nobody has been asked yet.
    pub(crate) fn new() -> Self {
        let (heard_out, heard) = mpsc::unbounded_channel();
        let (suspects, listeners) = (Vec::new(), BTreeSet::new());
        Self { asked: None, anybody: false, suspects, listeners, heard_out, heard }
    }

    /// The epoch in which those were asked who have now said all that they had to say.
    pub(crate) async fn next(&mut self) -> Option<u64> {
        self.heard.recv().await
    }

    fn concerns(&self, standing: &SessionState) -> bool {
        let Some(pid) = standing.pid.filter(|_| !standing.is_busy()) else { return false };
        let listens = self.listeners.contains(&pid) && standing.status == TransactionStatus::Idle;
        listens || self.suspects.contains(&pid) || self.anybody
    }
}

impl LiveRun {
    /// Whether somebody is still to be heard; asks those who were not asked yet.
    pub(crate) fn is_hearing(&mut self) -> bool {
        match self.hearing.asked {
            Some((epoch, is_over)) if epoch == self.epoch => !is_over,
            _ => self.ask_who_may_know_something(),
        }
    }

    fn ask_who_may_know_something(&mut self) -> bool {
        let concerned = self.actors.iter().filter(|actor| self.hearing.concerns(&actor.standing));
        let asked: Vec<_> = concerned.filter_map(Actor::hear).collect();
        self.hearing.anybody = false;
        self.hearing.suspects.clear();
        self.hearing.asked = Some((self.epoch, asked.is_empty()));
        if asked.is_empty() {
            return false;
        }
        let (heard, epoch) = (self.hearing.heard_out.clone(), self.epoch);
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, join_all(asked)).await;
            let _ = heard.send(epoch);
        });
        true
    }

    /// Everybody who was asked has said what there was to say.
    pub(crate) fn on_heard(&mut self, epoch: u64) -> Option<Event> {
        self.hearing.asked.take_if(|(asked, _)| *asked == epoch)?;
        self.hearing.asked = Some((epoch, true));
        let quiet = self.fall_quiet_if_idle();
        if quiet.is_none() && !self.told.quiet {
            self.lookout.poll_soon();
        }
        quiet
    }

    /// Takes in whom an event makes worth hearing.
    pub(crate) fn note_who_may_know_something(&mut self, event: &Event) {
        match &event.kind {
            Kind::Sent { sql, .. } if sql.to_ascii_lowercase().contains(ENDS_OTHERS) => {
                self.hearing.anybody = true;
            }
            Kind::Done { .. } | Kind::Rows(_) | Kind::Columns(_) => {
                self.note_listener(event);
                self.suspect_who_let_it_go(event);
            }
            Kind::Failed(_) => {
                let actor = event.session.as_ref().and_then(|name| self.actor_mut(name));
                actor.and_then(|actor| actor.standing.ended_wait.take());
            }
            _ => {}
        }
    }

    fn note_listener(&mut self, event: &Event) {
        if !matches!(&event.kind, Kind::Done { tag, .. } if tag == "LISTEN") {
            return;
        }
        let actor = event.session.as_ref().and_then(|name| self.actor_mut(name));
        let pid = actor.and_then(|actor| actor.standing.pid);
        self.hearing.listeners.extend(pid);
    }

    /// Whoever was waited for, and has sent nothing since, can only have been ended.
    fn suspect_who_let_it_go(&mut self, event: &Event) {
        let actor = event.session.as_ref().and_then(|name| self.actor_mut(name));
        let Some(wait) = actor.and_then(|actor| actor.standing.ended_wait.take()) else { return };
        let is_idle = |standing: &SessionState| {
            standing.status != TransactionStatus::Idle
                && !standing.is_busy()
                && standing.sent_at.is_some_and(|sent| sent < wait.since)
        };
        let idle = self.actors.iter().filter(|actor| is_idle(&actor.standing));
        let idle = idle.filter_map(|actor| actor.standing.pid);
        self.hearing.suspects.extend(idle.filter(|pid| wait.blockers.contains(pid)));
    }
}
