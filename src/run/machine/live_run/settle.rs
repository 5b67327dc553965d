//! From what sessions say to what the driver is told, and when it is quiet.

use std::time::Duration;

use super::LiveRun;
use crate::core::event::{Event, Kind, SessionName};
use crate::run::machine::actor::shows_progress;
use crate::run::machine::alias;
use crate::run::machine::effects::Effects;
use crate::run::machine::output::Depth;

/// How often the tables are looked at while somebody runs.
pub(super) const BUSY_LOOK: Duration = Duration::from_millis(40);

impl LiveRun {
    /// Takes in what a session says; gives what the driver is told.
    pub(crate) fn on_event(&mut self, mut event: Event, fx: &mut Effects) -> Vec<Event> {
        // Before anybody looks at it: expectations are held against the name that stays the same.
        alias::tell(&mut event.kind, self.schema.as_deref());
        if self.cast.is_runners(&event) {
            return self.on_runners(event, fx);
        }
        self.ahead.apply(&event);
        let (mut out, mut has_stopped) = (Vec::new(), false);
        if let Some(actor) = self.cast.player_of(&event) {
            if shows_progress(&event.kind) {
                // An answer ends a wait, too: it may come before the next look has seen that nobody
                // is in the way any more.
                out.extend(actor.resume(event.at, fx));
            }
            actor.state.apply(&event.kind);
            if let (Kind::Ready { .. }, Some(watch)) = (&event.kind, &mut actor.state.watch) {
                watch.answered(fx.now());
                has_stopped = watch.is_stopped;
            }
            if matches!(event.kind, Kind::Lost { .. }) {
                actor.reconnect_for_the_rest(fx);
            }
        }
        self.ahead.apply_all(&out);
        self.note_movement(&event.kind, fx);
        // Behind `resume`, which leaves the wait that has ended for this.
        self.hearing.note(&event, &mut self.cast);
        // Before it can fall quiet: between two statements of a step its session is idle, and yet
        // the step is not over.
        if let (Kind::Ready { .. } | Kind::Connected { .. }, Some(name)) =
            (&event.kind, &event.session)
        {
            if has_stopped {
                self.stop_repeating(name, fx);
            }
            self.go_on(name, fx);
        }
        let explained = self.explanation(&event, fx);
        let emptied = self.emptied_by(&event, fx);
        out.push(event);
        out.extend(explained);
        out.extend(emptied);
        out.extend(self.fall_quiet_if_idle(fx));
        out
    }

    fn on_runners(&mut self, mut event: Event, fx: &mut Effects) -> Vec<Event> {
        self.cast.runner_mut().state.apply(&event.kind);
        self.go_on_as_runner(fx);
        event.session = None;
        self.ahead.apply(&event);
        let mut out = if is_plumbing(&event.kind) { vec![] } else { vec![event] };
        out.extend(self.fall_quiet_if_idle(fx));
        out
    }

    /// It is time to look, or what was waited for has not come in its time.
    pub(crate) fn on_due(&mut self, fx: &mut Effects) -> Vec<Event> {
        self.look(fx);
        self.repeat_what_is_due(fx);
        self.ahead.end_what_is_over(fx.now());
        let quiet = if self.hearing.give_up(fx.now()) {
            self.on_everybody_heard(fx)
        } else {
            self.fall_quiet_if_idle(fx)
        };
        quiet.into_iter().collect()
    }

    /// What is to be told next of nobody's doing.
    pub(crate) fn next_own_event(&mut self) -> Option<Event> {
        self.ahead.next_own_event()
    }

    /// A session has said what it had to say while it was idle.
    pub(crate) fn on_heard(
        &mut self,
        name: &SessionName,
        epoch: u64,
        fx: &mut Effects,
    ) -> Vec<Event> {
        let is_last = self.hearing.heard(name, epoch);
        let quiet = if is_last { self.on_everybody_heard(fx) } else { None };
        quiet.into_iter().collect()
    }

    fn on_everybody_heard(&mut self, fx: &mut Effects) -> Option<Event> {
        let quiet = self.fall_quiet_if_idle(fx);
        // Whoever is busy may wait stably, so that only a look can make it quiet. The last one
        // could not, since somebody was still to be heard, and the next is up to 40 ms away.
        if quiet.is_none() && !self.reported.is_quiet() {
            self.scheduler.poll_soon(fx);
        }
        quiet
    }

    /// Asks the observer what is due.
    fn look(&mut self, fx: &mut Effects) {
        if self.scheduler.is_poll_due(fx.now()) {
            let check = self.ahead.check();
            // Of the others it need not be known whether they have begun.
            let to_run = self.cast.backends_of(|actor| {
                let is_on_its_way = actor.state.is_busy() && !actor.state.is_under_way;
                is_on_its_way && check.goes_on_running(actor.name())
            });
            self.scheduler.ask_blocked(&self.cast, to_run, fx);
        }
        if self.scheduler.is_look_due(fx.now()) {
            let is_quiet = self.reported.is_quiet();
            // A statement that runs may lock row after row without a sign in the pulse. When all is
            // quiet it is people who take no part who change something, and the pulse shows their
            // commits.
            let depth = if is_quiet { Depth::IfPulseChanged } else { Depth::WatchedTables };
            self.scheduler.ask_tables(&self.cast, depth, fx);
        }
    }

    fn emptied_by(&mut self, event: &Event, fx: &Effects) -> Option<Event> {
        let session = event.session.as_ref().filter(|_| matches!(event.kind, Kind::Lost { .. }))?;
        self.reported.forget(session, fx)
    }

    /// What the gateway told of the refusal that this event is.
    fn explanation(&mut self, event: &Event, fx: &Effects) -> Option<Event> {
        let session = event.session.as_ref().filter(|_| matches!(event.kind, Kind::Failed(_)))?;
        let conflict = self.player_mut(session)?.state.conflict.take()?;
        Some(fx.event(Some(session.clone()), Kind::Conflict(conflict)))
    }

    fn note_movement(&mut self, kind: &Kind, fx: &Effects) {
        if !shows_progress(kind) {
            return;
        }
        self.reported.moved();
        self.scheduler.poll_soon(fx);
        match kind {
            Kind::Connected { .. } | Kind::Lost { .. } | Kind::Closed | Kind::Ready { .. } => {
                self.cast.moved();
                self.scheduler.look_within(Duration::ZERO, fx);
            }
            _ => self.scheduler.look_within(BUSY_LOOK, fx),
        }
    }

    /// Everything is answered: quiet needs no verdict of the database.
    pub(super) fn fall_quiet_if_idle(&mut self, fx: &mut Effects) -> Option<Event> {
        if self.cast.is_anybody_awaited() {
            return None;
        }
        let quiet = self.fall_quiet(fx);
        if quiet.is_some() {
            self.scheduler.rest();
        }
        quiet
    }

    /// Quiet, if that is news and nobody is still on the way here.
    pub(super) fn fall_quiet(&mut self, fx: &mut Effects) -> Option<Event> {
        let is_known = self.reported.is_quiet();
        // The hearing comes last, because it asks sessions to speak: in vain where it is quiet
        // already or somebody is still connecting.
        if is_known || !self.cast.is_complete() || self.hearing.is_under_way(&self.cast, fx) {
            return None;
        }
        // Behind the hearing: what was heard may be the very notification that the file expects.
        if self.ahead.holds_back(fx.now()) {
            return None;
        }
        self.reported.fell_quiet();
        self.ahead.renew();
        let quiet = fx.event(None, Kind::Quiet);
        self.ahead.apply(&quiet);
        Some(quiet)
    }
}

/// The runner's own comings and goings are not part of the play.
fn is_plumbing(kind: &Kind) -> bool {
    matches!(kind, Kind::Connected { .. } | Kind::Closed | Kind::Parameter { .. })
}
