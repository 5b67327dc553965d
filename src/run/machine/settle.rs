//! From what sessions say and the observer sees to what the driver is told: waits, resumptions, and
//! when it is quiet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::event::{
    Blocker, Certainty, Event, Kind, Pid, SessionName, TransactionStatus, Wait, WaitTarget,
};
use crate::core::scenario::EngineKind;
use crate::core::seats::WatchedTables;
use crate::gateway::{Happening, News};
use crate::observer::ObserverError;
use crate::run::machine::actor::{Actor, ToldWait, shows_progress};
use crate::run::machine::alias;
use crate::run::machine::hold::Hold;
use crate::run::machine::live_run::LiveRun;
use crate::run::machine::observation_scheduler::{Observation, Pace};
use crate::run::machine::private::{Private, overlay};
use crate::run::machine::quiet::{self, Blocked};

/// A wait that is not stable (the one in front still runs) is told once it has lasted this long, so
/// that what passes by itself does not flicker.
const LASTING: Duration = Duration::from_millis(25);
/// Where the engine cannot tell who waits, a statement without an answer for this long is guessed
/// to wait.
const GUESS_AFTER: Duration = Duration::from_millis(500);
/// `deadlock_detected`
const DEADLOCK: &str = "40P01";
/// How often the house is looked at while somebody runs.
const BUSY_LOOK: Duration = Duration::from_millis(40);
/// How often the house is looked at for the sake of people who are not on our stage.
const IDLE_LOOK: Duration = Duration::from_millis(250);

/// What the driver was told of the house, of troubles and of quiet; each is told again only when it
/// changes.
#[derive(Default)]
pub(crate) struct Reported {
    /// Whether all is quiet since the last thing that moved.
    pub(crate) quiet: bool,
    /// The committed house, as the observer saw it last.
    committed: WatchedTables,
    /// What the sessions have changed in private, on the optimistic engine.
    private: Private,
    house: Option<Arc<WatchedTables>>,
    /// Why nobody can tell who waits, and why the house cannot be looked at.
    trouble: Troubles,
}

/// The troubles that were told, one for each question that the observer asks.
#[derive(Default)]
struct Troubles {
    waits: Option<String>,
    house: Option<String>,
}

impl LiveRun {
    /// A deadlock's DETAIL has tables and other objects by number; only the database knows their
    /// names.
    pub(crate) async fn name_what_is_numbered(&self, event: &mut Event) {
        if let Kind::Failed(message) = &mut event.kind
            && message.code == DEADLOCK
            && let Some(detail) = &mut message.detail
        {
            *detail = self.observer.with_names(detail).await;
        }
    }

    /// Takes in what a session says; gives what the driver is told.
    pub(crate) fn on_event(&mut self, mut event: Event) -> Vec<Event> {
        alias::tell(&mut event.kind, self.schema.name());
        if self.is_runners(&event) {
            self.runner.standing.apply(&event.kind);
            self.go_on_as_runner();
            event.session = None;
            self.ahead.check.apply(&event);
            let mut out = if is_plumbing(&event.kind) { vec![] } else { vec![event] };
            out.extend(self.fall_quiet_if_idle());
            return out;
        }
        self.ahead.check.apply(&event);
        let mut out = Vec::new();
        if let Some(actor) = event.session.clone().and_then(|name| self.actor_mut(&name)) {
            if shows_progress(&event.kind) {
                out.extend(actor.resume(event.at));
            }
            actor.standing.apply(&event.kind);
            if matches!(event.kind, Kind::Lost { .. }) {
                actor.reconnect_for_the_rest();
            }
        }
        self.check(&out);
        self.note_movement(&event.kind);
        self.note_who_may_know_something(&event);
        if let (Kind::Ready { .. } | Kind::Connected { .. }, Some(name)) =
            (&event.kind, &event.session)
        {
            self.go_on(name);
        }
        let explained = self.explanation(&event);
        let emptied = self.emptied_by(&event);
        out.push(event);
        out.extend(explained);
        out.extend(emptied);
        out.extend(self.fall_quiet_if_idle());
        out
    }

    /// It is time to look, or what was waited for has not come in its time.
    pub(crate) fn on_due(&mut self) -> Vec<Event> {
        self.look();
        self.end_pause();
        self.fall_quiet_if_idle().into_iter().collect()
    }

    /// The house without what a lost session held. The next look may be long in coming: the whole
    /// server may be gone.
    fn emptied_by(&mut self, event: &Event) -> Option<Event> {
        let session = event.session.as_ref().filter(|_| matches!(event.kind, Kind::Lost { .. }))?;
        self.told.committed.forget(session);
        self.told.private.remove(session);
        self.tell_house()
    }

    /// What the gateway told of the refusal that this event is.
    fn explanation(&mut self, event: &Event) -> Option<Event> {
        let session = event.session.as_ref().filter(|_| matches!(event.kind, Kind::Failed(_)))?;
        let conflict = self.actor_mut(session)?.standing.conflict.take()?;
        Some(self.event(Some(session.clone()), Kind::Conflict(conflict)))
    }

    fn note_movement(&mut self, kind: &Kind) {
        if !shows_progress(kind) {
            return;
        }
        self.told.quiet = false;
        self.lookout.poll_soon();
        match kind {
            Kind::Connected { .. } | Kind::Lost { .. } | Kind::Closed | Kind::Ready { .. } => {
                self.epoch += 1;
                self.lookout.look_within(Duration::ZERO);
            }
            _ => self.lookout.look_within(BUSY_LOOK),
        }
    }

    /// Everything is answered: quiet needs no verdict of the database.
    pub(crate) fn fall_quiet_if_idle(&mut self) -> Option<Event> {
        let is_awaited = |actor: &Actor| actor.standing.is_busy() && !actor.standing.is_under_way;
        if self.actors.iter().chain([&self.runner]).any(is_awaited) {
            return None;
        }
        let quiet = self.fall_quiet();
        if quiet.is_some() {
            self.lookout.rest();
        }
        quiet
    }

    /// Quiet, if that is news and nobody is still on the way to the stage.
    fn fall_quiet(&mut self) -> Option<Event> {
        if self.told.quiet || !self.is_cast_complete() || self.is_hearing() {
            return None;
        }
        let is_pausing = self.ahead.pause.is_some() || self.has_own_events();
        if is_pausing || self.ahead.check.awaits() && self.ahead.hold.hold() {
            return None;
        }
        self.told.quiet = true;
        self.ahead.hold = Hold::default();
        let quiet = self.event(None, Kind::Quiet);
        self.ahead.check.apply(&quiet);
        Some(quiet)
    }

    fn event(&self, session: Option<SessionName>, kind: Kind) -> Event {
        Event { at: self.clock.elapsed(), session, kind }
    }

    /// Takes in what the observer saw; gives what the driver is told.
    pub(crate) fn on_seen(&mut self, seen: Observation) -> Vec<Event> {
        self.lookout.answered(&seen);
        match seen {
            Observation::WatchedTables(answer, _) => self.on_house(answer).into_iter().collect(),
            Observation::Nothing(_) => {
                self.lookout.look_within(IDLE_LOOK);
                Vec::new()
            }
            Observation::Blocked { epoch, .. } | Observation::Waits { epoch, .. }
                if epoch != self.epoch =>
            {
                self.lookout.poll_soon();
                Vec::new()
            }
            Observation::Blocked { answer: Ok(blocked), strangers, under_way, .. } => {
                self.mark_under_way(&under_way);
                let mut out = self.on_blocked(blocked, strangers);
                out.extend(self.fall_quiet_if_idle());
                out
            }
            Observation::Waits { answer: Ok(waits), blocked, strangers, .. } => {
                self.on_waits(&waits, &blocked, &strangers)
            }
            Observation::Blocked { answer: Err(error), .. }
            | Observation::Waits { answer: Err(error), .. } => self.on_blindness(&error),
        }
    }

    fn on_blocked(&mut self, blocked: Vec<Blocked>, strangers: Vec<Pid>) -> Vec<Event> {
        self.told.trouble.waits = None;
        let blocked = self.waits_of(blocked);
        let resumed = self.mark_blocked(&blocked);
        let (stable, all_stable) = self.stable(&blocked, &strangers);
        let is_news = self.actors.iter().any(|actor| is_untold(actor, &stable));
        if is_news || (all_stable && !self.told.quiet) {
            let roster = self.roster();
            self.lookout.ask_waits(roster, blocked, strangers, self.epoch);
        } else {
            self.plan_next_poll(all_stable);
        }
        resumed
    }

    /// The waits that are the engine's own. On the optimistic engine no session waits for another:
    /// where PostgreSQL behind it has one stand in another's way, the gateway is just clearing it.
    fn waits_of(&self, mut blocked: Vec<Blocked>) -> Vec<Blocked> {
        if self.production.played_on(self.observer.flavor()) == EngineKind::Optimistic {
            let connected = self.connected();
            for (_, by) in &mut blocked {
                by.retain(|pid| !connected.contains(pid));
            }
            blocked.retain(|(_, by)| !by.is_empty());
        }
        blocked
    }

    fn mark_under_way(&mut self, under_way: &[Pid]) {
        for actor in &mut self.actors {
            let has_begun = actor.standing.pid.is_some_and(|pid| under_way.contains(&pid));
            actor.standing.is_under_way |= has_begun && actor.standing.is_busy();
        }
    }

    /// Who waits and who no longer does; the resumptions.
    fn mark_blocked(&mut self, blocked: &[Blocked]) -> Vec<Event> {
        let at = self.clock.elapsed();
        let mut resumed = Vec::new();
        for actor in self.actors.iter_mut().filter(|actor| actor.standing.is_busy()) {
            let by = blocked.iter().find(|(pid, _)| Some(*pid) == actor.standing.pid);
            let by = by.map_or(&[][..], |(_, by)| by);
            actor.standing.see_blocked(by);
            if by.is_empty() {
                resumed.extend(actor.resume(at));
            }
        }
        if !resumed.is_empty() {
            self.told.quiet = false;
            self.lookout.look_within(Duration::ZERO);
        }
        self.check(&resumed);
        resumed
    }

    /// What the file expects of waits is judged by what is told of them.
    fn check(&mut self, events: &[Event]) {
        for event in events {
            self.ahead.check.apply(event);
        }
    }

    /// The sessions that wait stably, and whether that is everybody who is busy.
    fn stable(&self, blocked: &[Blocked], strangers: &[Pid]) -> (BTreeSet<Pid>, bool) {
        let is_ours = |pid| self.actors.iter().any(|actor| actor.standing.is_idle_as(pid));
        // Whom the file calls somebody may be at work, and goes on with that as long as it takes.
        let connected = self.connected();
        let is_somebody = |pid| self.ahead.check.expects_somebody() && !connected.contains(&pid);
        let is_idle = |pid| is_ours(pid) || strangers.contains(&pid) || is_somebody(pid);
        let stable = quiet::stable(blocked, is_idle);
        let under_way = self.actors.iter().filter(|actor| actor.standing.is_under_way);
        let under_way: Vec<Pid> = under_way.filter_map(|actor| actor.standing.pid).collect();
        let all = self.busy().iter().all(|pid| stable.contains(pid) || under_way.contains(pid));
        (stable, all && !self.runner.standing.is_busy())
    }

    fn on_waits(
        &mut self,
        waits: &[(SessionName, Wait)],
        blocked: &[Blocked],
        strangers: &[Pid],
    ) -> Vec<Event> {
        let (stable, all_stable) = self.stable(blocked, strangers);
        let at = self.clock.elapsed();
        let roster = self.roster();
        let mut out = Vec::new();
        for actor in self.actors.iter_mut().filter(|actor| is_ripe(actor, &stable)) {
            let seen = waits.iter().find(|(name, _)| name == actor.name());
            let wait = seen.map(|(_, wait)| wait.clone());
            out.extend(tell_wait(actor, wait, &roster, at));
        }
        for event in &mut out {
            alias::tell(&mut event.kind, self.schema.name());
        }
        if !out.is_empty() {
            self.lookout.look_within(Duration::ZERO);
        }
        self.check(&out);
        self.plan_next_poll(all_stable);
        if all_stable {
            out.extend(self.fall_quiet());
        }
        out
    }

    fn plan_next_poll(&mut self, all_stable: bool) {
        if self.busy().is_empty() {
            self.lookout.rest();
        } else {
            self.lookout.poll_again(if all_stable { Pace::Waiting } else { Pace::Running });
        }
    }

    /// The database did not say who waits: what lasts is guessed to wait, and said to be a guess.
    fn on_blindness(&mut self, error: &ObserverError) -> Vec<Event> {
        let told = self.note_if_news(|trouble| &mut trouble.waits, error);
        let mut out: Vec<Event> = told.map(|note| self.event(None, note)).into_iter().collect();
        let at = self.clock.elapsed();
        let suspects = self.in_transaction();
        let mut all_told = true;
        for actor in self.actors.iter_mut().filter(|actor| actor.standing.is_busy()) {
            let lasts =
                actor.standing.in_flight.is_some_and(|(_, sent)| sent.elapsed() > GUESS_AFTER);
            if lasts && actor.standing.told.is_none() {
                out.push(tell(actor, guess(&suspects), Vec::new(), at));
            }
            all_told &= actor.standing.told.is_some();
        }
        self.check(&out);
        self.plan_next_poll(true);
        if all_told && !self.runner.standing.is_busy() {
            out.extend(self.fall_quiet());
        }
        out
    }

    /// What is told of a trouble that was not told last time.
    fn note_if_news(
        &mut self,
        of: impl Fn(&mut Troubles) -> &mut Option<String>,
        error: &ObserverError,
    ) -> Option<Kind> {
        let told = of(&mut self.told.trouble);
        let trouble = error.to_string();
        if told.as_ref() == Some(&trouble) {
            return None;
        }
        *told = Some(trouble.clone());
        let mut note = Kind::Note(trouble);
        alias::tell(&mut note, self.schema.name());
        Some(note)
    }

    fn in_transaction(&self) -> Vec<Blocker> {
        let open = |actor: &&Actor| {
            !actor.standing.is_busy() && actor.standing.status != TransactionStatus::Idle
        };
        let open = self.actors.iter().filter(open);
        open.map(|actor| Blocker::Session(actor.name().clone())).collect()
    }

    fn on_house(&mut self, answer: Result<WatchedTables, ObserverError>) -> Option<Event> {
        self.lookout.look_within(if self.told.quiet { IDLE_LOOK } else { BUSY_LOOK });
        let mut house = match answer {
            Ok(house) => house,
            Err(error) => {
                let note = self.note_if_news(|trouble| &mut trouble.house, &error)?;
                return Some(self.event(None, note));
            }
        };
        // The look may have begun before somebody was connected, whom it takes for a stranger.
        if self.looked_for != self.roster() {
            self.lookout.look_within(Duration::ZERO);
            return None;
        }
        // The look may have begun before a connection was lost.
        let lost = self.actors.iter().filter(|actor| actor.standing.pid.is_none());
        lost.for_each(|actor| house.forget(actor.name()));
        self.told.trouble.house = None;
        self.told.committed = house;
        self.tell_house()
    }

    /// Takes in what the gateway tells; gives what the driver is told.
    pub(crate) fn on_news(&mut self, news: News) -> Option<Event> {
        let actor = self.actors.iter_mut().find(|actor| actor.standing.pid == Some(news.pid))?;
        let name = actor.name().clone();
        match news.what {
            Happening::Conflict(mut conflict) => {
                conflict.winner = conflict.winner.map(|winner| session_called(&winner));
                actor.standing.conflict = Some(conflict);
                None
            }
            Happening::Private(changes) => {
                self.told.private.insert(name, changes);
                self.tell_house()
            }
            Happening::Gone => {
                self.told.private.remove(&name);
                self.tell_house()
            }
        }
    }

    fn tell_house(&mut self) -> Option<Event> {
        let house = overlay(&self.told.committed, &self.told.private);
        if self.told.house.as_deref() == Some(&house) {
            return None;
        }
        let house = Arc::new(house);
        self.told.house = Some(Arc::clone(&house));
        Some(self.event(None, Kind::WatchedTables(house)))
    }
}

/// The runner's own comings and goings are not part of the play.
fn is_plumbing(kind: &Kind) -> bool {
    matches!(kind, Kind::Connected { .. } | Kind::Closed | Kind::Parameter { .. })
}

/// Whether a wait is to be told: it is stable, or it has lasted.
fn is_ripe(actor: &Actor, stable: &BTreeSet<Pid>) -> bool {
    let standing = &actor.standing;
    let is_stable = standing.pid.is_some_and(|pid| stable.contains(&pid));
    let lasts = standing.blocked.as_ref().is_some_and(|(_, since)| since.elapsed() >= LASTING);
    standing.is_busy() && (is_stable || lasts)
}

/// Whether a ripe wait was not told yet, or has changed since.
fn is_untold(actor: &Actor, stable: &BTreeSet<Pid>) -> bool {
    let known = actor.standing.told.as_ref().map(|told| &told.blockers);
    is_ripe(actor, stable) && known != actor.standing.blocked.as_ref().map(|(by, _)| by)
}

fn tell_wait(
    actor: &mut Actor,
    seen: Option<Wait>,
    roster: &[(SessionName, Pid)],
    at: Duration,
) -> Option<Event> {
    let blockers = actor.standing.blocked.as_ref().map(|(by, _)| by.clone())?;
    let wait = seen.unwrap_or_else(|| nameless(&blockers, roster));
    if let Some(told) = &mut actor.standing.told
        && told.wait == wait
    {
        told.blockers = blockers;
        return None;
    }
    Some(tell(actor, wait, blockers, at))
}

fn tell(actor: &mut Actor, wait: Wait, blockers: Vec<Pid>, at: Duration) -> Event {
    let told = actor.standing.told.take();
    let since = told.map_or_else(Instant::now, |told| told.since);
    actor.standing.told = Some(ToldWait { wait: wait.clone(), blockers, since });
    Event { at, session: Some(actor.name().clone()), kind: Kind::Waiting(wait) }
}

/// A wait of which only the blockers are known: what it was for had passed when it was asked.
fn nameless(blockers: &[Pid], roster: &[(SessionName, Pid)]) -> Wait {
    let name = |pid: &Pid| match roster.iter().find(|(_, known)| known == pid) {
        Some((name, _)) => Blocker::Session(name.clone()),
        None if *pid == Pid::PREPARED => Blocker::Prepared(None),
        None => Blocker::Foreign { pid: *pid, application: String::new() },
    };
    Wait {
        blockers: blockers.iter().map(name).collect(),
        target: WaitTarget::Other("a lock".to_owned()),
        certainty: Certainty::Observed,
    }
}

/// A client's `application_name` as people here call it: our own sessions by their names.
fn session_called(application: &str) -> String {
    application.strip_prefix("overbooked/").unwrap_or(application).to_owned()
}

fn guess(suspects: &[Blocker]) -> Wait {
    Wait {
        blockers: suspects.to_vec(),
        target: WaitTarget::Other("an answer".to_owned()),
        certainty: Certainty::Guessed,
    }
}
