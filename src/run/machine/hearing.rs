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

use super::actor::SessionState;
use super::cast::Cast;
use super::effects::Effects;
use super::output::Demand;
use crate::core::event::{Event, Kind, Pid, SessionName, TransactionStatus};

/// A server that does not answer an idle session in this time holds up nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who calls this has ended somebody, and whom is not for us to know.
const ENDS_OTHERS: &str = "pg_terminate_backend";

/// Who is being heard.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    asked: Option<Asked>,
    /// Whether anybody may have been ended by somebody else.
    anybody: bool,
    /// Those in whose way somebody was who has gone on without their doing anything: their end is
    /// on its way.
    suspects: Vec<Pid>,
    /// The backends that have ever asked for notifications. Those that want none any more are not
    /// told apart.
    listeners: BTreeSet<Pid>,
}

/// Those who were asked last.
#[derive(Debug)]
struct Asked {
    /// The run's epoch when they were.
    epoch: u64,
    /// Who has not answered.
    awaited: BTreeSet<SessionName>,
    /// How long they are waited for.
    until: Duration,
}

impl Hearing {
    /// Whether somebody is still to be heard; asks those who were not asked yet.
    pub(crate) fn is_under_way(&mut self, cast: &Cast, fx: &mut Effects) -> bool {
        if self.asked.as_ref().is_none_or(|asked| asked.epoch != cast.epoch()) {
            self.ask(cast, fx);
        }
        self.asked.as_ref().is_some_and(|asked| !asked.awaited.is_empty())
    }

    fn ask(&mut self, cast: &Cast, fx: &mut Effects) {
        let epoch = cast.epoch();
        let concerned = cast.players().filter(|actor| self.concerns(&actor.state));
        let asked = concerned.filter(|actor| actor.ask(Demand::Hear(epoch), fx));
        let awaited = asked.map(|actor| actor.name().clone()).collect();
        self.anybody = false;
        self.suspects.clear();
        // Even with nobody to be heard: it is the epoch that says that this has been asked.
        self.asked = Some(Asked { epoch, awaited, until: fx.now() + PATIENCE });
    }

    fn concerns(&self, state: &SessionState) -> bool {
        // Whoever is busy says it together with the answer.
        let Some(pid) = state.pid.filter(|_| !state.is_busy()) else { return false };
        // In a transaction a listener is told nothing before its end (PostgreSQL documentation,
        // NOTIFY).
        let listens = self.listeners.contains(&pid) && state.status == TransactionStatus::Idle;
        listens || self.suspects.contains(&pid) || self.anybody
    }

    /// Somebody has said what there was to say; whether he was the last who was asked then.
    pub(crate) fn heard(&mut self, name: &SessionName, epoch: u64) -> bool {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.epoch == epoch) else {
            return false;
        };
        asked.awaited.remove(name) && asked.awaited.is_empty()
    }

    /// Waits no longer for those whose time is over; whether there are any.
    pub(crate) fn give_up(&mut self, now: Duration) -> bool {
        let is_late = self.due().is_some_and(|until| until <= now);
        if let Some(asked) = self.asked.as_mut().filter(|_| is_late) {
            // The epoch stays, so that they are not asked once more for the same quiet.
            asked.awaited.clear();
        }
        is_late
    }

    /// When those who are being heard have had their time.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.asked.as_ref().filter(|asked| !asked.awaited.is_empty()).map(|asked| asked.until)
    }

    /// Takes in whom an event makes worth hearing.
    pub(crate) fn note(&mut self, event: &Event, cast: &mut Cast) {
        match &event.kind {
            // The name in a comment or a string counts, too: to hear somebody in vain costs a round
            // trip, and one that is missed would be told as lost under a later step.
            Kind::Sent { sql, .. } if sql.to_ascii_lowercase().contains(ENDS_OTHERS) => {
                self.anybody = true;
            }
            Kind::Done { .. } | Kind::Rows(_) | Kind::Columns(_) => {
                self.note_listener(event, cast);
                self.suspect_who_let_it_go(event, cast);
            }
            Kind::Failed(_) => {
                // A wait that ends in an error (a timeout, a deadlock, a cancel) has ended by
                // itself; whoever was in the way is still there.
                cast.player_of(event).and_then(|actor| actor.state.ended_wait.take());
            }
            _ => {}
        }
    }

    fn note_listener(&mut self, event: &Event, cast: &mut Cast) {
        let listens = |tag: &str| matches!(tag, "LISTEN" | "WATCH");
        if matches!(&event.kind, Kind::Done { tag, .. } if listens(tag)) {
            self.listeners.extend(cast.player_of(event).and_then(|actor| actor.state.pid));
        }
    }

    /// Whoever was waited for, and has sent nothing since, can only have been ended.
    fn suspect_who_let_it_go(&mut self, event: &Event, cast: &mut Cast) {
        let actor = cast.player_of(event);
        let Some(wait) = actor.and_then(|actor| actor.state.ended_wait.take()) else { return };
        let idle = cast.backends_of(|actor| {
            let state = &actor.state;
            state.status != TransactionStatus::Idle
                && !state.is_busy()
                && state.sent_at.is_some_and(|sent| sent < wait.since)
        });
        self.suspects.extend(idle.into_iter().filter(|pid| wait.blockers.contains(pid)));
    }
}
