//! From what the observer says of waits to what the driver is told of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::LiveRun;
use super::tables::IDLE_LOOK;
use crate::core::event::{Blocker, Certainty, Event, Kind, Pid, SessionName, Wait, WaitTarget};
use crate::core::scenario::EngineKind;
use crate::run::machine::actor::{Actor, ReportedWait};
use crate::run::machine::alias;
use crate::run::machine::effects::Effects;
use crate::run::machine::input::Observation;
use crate::run::machine::observation_scheduler::Pace;
use crate::run::machine::quiet::{self, Blocked};
use crate::run::machine::reported::Asked;

/// A wait that is not stable (the one in front still runs) is told once it has lasted this long, so
/// that what passes by itself does not flicker.
const LASTING: Duration = Duration::from_millis(25);
/// Where the engine cannot tell who waits, a statement without an answer for this long is guessed
/// to wait.
const GUESS_AFTER: Duration = Duration::from_millis(500);

impl LiveRun {
    /// Takes in what the observer saw; gives what the driver is told.
    pub(crate) fn on_observation(
        &mut self,
        observation: Observation,
        fx: &mut Effects,
    ) -> Vec<Event> {
        // Even if it turns out to be stale: until its answer has come, no other question of that
        // kind is asked.
        self.scheduler.answered(&observation);
        match observation {
            Observation::WatchedTables(answer, _) => {
                self.on_tables(answer, fx).into_iter().collect()
            }
            Observation::Nothing(_) => {
                self.scheduler.look_within(IDLE_LOOK, fx);
                Vec::new()
            }
            Observation::Blocked { epoch, .. } | Observation::Waits { epoch, .. }
                if epoch != self.cast.epoch() =>
            {
                self.scheduler.poll_soon(fx);
                Vec::new()
            }
            Observation::Blocked { answer: Ok(blocked), strangers, under_way, .. } => {
                // Whoever has begun is awaited no more, and nothing but this look says so: it may
                // be quiet by that alone.
                self.mark_under_way(&under_way);
                let mut out = self.on_blocked(blocked, strangers, fx);
                out.extend(self.fall_quiet_if_idle(fx));
                out
            }
            Observation::Waits { answer: Ok(waits), blocked, strangers, .. } => {
                self.on_waits(&waits, &blocked, &strangers, fx)
            }
            Observation::Blocked { answer: Err(trouble), .. } => {
                self.on_blindness(Asked::Blocked, trouble, fx)
            }
            Observation::Waits { answer: Err(trouble), .. } => {
                self.on_blindness(Asked::Waits, trouble, fx)
            }
        }
    }

    fn on_blocked(
        &mut self,
        blocked: Vec<Blocked>,
        strangers: Vec<Pid>,
        fx: &mut Effects,
    ) -> Vec<Event> {
        self.reported.clear_trouble(Asked::Blocked);
        let blocked = self.waits_of(blocked);
        let resumed = self.mark_blocked(&blocked, fx);
        let (stable, all_stable) = self.stable(&blocked, &strangers);
        let is_news = self.cast.players().any(|actor| is_unreported(actor, &stable, fx));
        // The words are a second question. It is asked for waits that are not told yet, and once
        // more before it is quiet, since that must not be told in front of a wait.
        if is_news || (all_stable && !self.reported.is_quiet()) {
            self.scheduler.ask_waits(&self.cast, blocked, strangers, fx);
        } else {
            self.plan_next_poll(all_stable, fx);
        }
        resumed
    }

    /// The waits that are the engine's own. On the optimistic engine no session waits for another:
    /// where PostgreSQL behind it has one stand in another's way, the gateway is just clearing it.
    fn waits_of(&self, mut blocked: Vec<Blocked>) -> Vec<Blocked> {
        if self.engine.kind == EngineKind::Optimistic {
            let connected = self.cast.connected();
            for (_, by) in &mut blocked {
                by.retain(|pid| !pid.is_of_database() || !connected.contains(pid));
            }
            blocked.retain(|(_, by)| !by.is_empty());
        }
        blocked
    }

    fn mark_under_way(&mut self, under_way: &[Pid]) {
        for actor in self.cast.players_mut() {
            let has_begun = actor.state.pid.is_some_and(|pid| under_way.contains(&pid));
            // Only added: those who are under way are not asked about again, and are missing from
            // this list.
            actor.state.is_under_way |= has_begun && actor.state.is_busy();
        }
    }

    /// Who waits and who no longer does; the resumptions.
    fn mark_blocked(&mut self, blocked: &[Blocked], fx: &Effects) -> Vec<Event> {
        let mut resumed = Vec::new();
        for actor in self.cast.busy_players_mut() {
            let by = blocked.iter().find(|(pid, _)| Some(*pid) == actor.state.pid);
            let by = by.map_or(&[][..], |(_, by)| by);
            actor.state.see_blocked(by, fx.now());
            if by.is_empty() {
                resumed.extend(actor.resume(fx.now(), fx));
            }
        }
        if !resumed.is_empty() {
            self.reported.moved();
            self.scheduler.look_within(Duration::ZERO, fx);
        }
        self.ahead.apply_all(&resumed);
        resumed
    }

    /// The sessions that wait stably, and whether that is everybody who is busy.
    fn stable(&self, blocked: &[Blocked], strangers: &[Pid]) -> (BTreeSet<Pid>, bool) {
        // By the protocol, and not by pg_stat_activity: what we have sent may not have reached the
        // backend yet, and until then the server calls it idle.
        let is_ours = |pid| self.cast.players().any(|actor| actor.state.is_idle_as(pid));
        // Whom the file calls somebody may be at work, and goes on with that as long as it takes.
        let connected = self.cast.connected();
        let expects_somebody = self.ahead.check().expects_somebody();
        let is_somebody = |pid| expects_somebody && !connected.contains(&pid);
        // Who is to go on running while others act is waited for as long as that takes.
        let under_way = self.cast.backends_of(|actor| actor.state.is_under_way);
        let is_idle = |pid: Pid| {
            is_ours(pid) || strangers.contains(&pid) || is_somebody(pid) || under_way.contains(&pid)
        };
        let stable = quiet::stable(blocked, is_idle);
        let mut busy = self.cast.busy().into_iter();
        let all = busy.all(|pid| stable.contains(&pid) || under_way.contains(&pid));
        // The observer is not asked about the runner, so its statement ends with its answer only.
        (stable, all && !self.cast.runner().state.is_busy())
    }

    fn on_waits(
        &mut self,
        waits: &[(SessionName, Wait)],
        blocked: &[Blocked],
        strangers: &[Pid],
        fx: &mut Effects,
    ) -> Vec<Event> {
        self.reported.clear_trouble(Asked::Waits);
        let (stable, all_stable) = self.stable(blocked, strangers);
        let roster = self.cast.roster();
        let mut out = Vec::new();
        for actor in self.cast.players_mut().filter(|actor| is_ripe(actor, &stable, fx)) {
            let known = waits.iter().find(|(name, _)| name == actor.name());
            let wait = known.map(|(_, wait)| wait.clone());
            out.extend(tell_wait(actor, wait, &roster, fx));
        }
        for event in &mut out {
            alias::tell(&mut event.kind, self.schema.as_deref());
        }
        if !out.is_empty() {
            self.scheduler.look_within(Duration::ZERO, fx);
        }
        self.ahead.apply_all(&out);
        self.plan_next_poll(all_stable, fx);
        if all_stable {
            out.extend(self.fall_quiet(fx));
        }
        out
    }

    fn plan_next_poll(&mut self, all_stable: bool, fx: &Effects) {
        if self.cast.busy().is_empty() {
            self.scheduler.rest();
        } else {
            self.scheduler.poll_again(if all_stable { Pace::Waiting } else { Pace::Running }, fx);
        }
    }

    /// The database did not say who waits: what lasts is guessed to wait, and said to be a guess.
    fn on_blindness(&mut self, asked: Asked, trouble: String, fx: &mut Effects) -> Vec<Event> {
        let note = self.note_if_news(asked, trouble, fx);
        let mut out: Vec<Event> = note.into_iter().collect();
        let suspects = self.cast.idle_in_transaction();
        let mut all_told = true;
        for actor in self.cast.busy_players_mut() {
            let lasts = actor.state.in_flight.is_some_and(|(_, sent)| fx.since(sent) > GUESS_AFTER);
            if lasts && actor.state.reported.is_none() {
                out.push(tell(actor, guess(&suspects), Vec::new(), fx));
            }
            all_told &= actor.state.reported.is_some();
        }
        self.ahead.apply_all(&out);
        // At leisure: a database that cannot answer is not asked more often for that.
        self.plan_next_poll(true, fx);
        if all_told && !self.cast.runner().state.is_busy() {
            out.extend(self.fall_quiet(fx));
        }
        out
    }
}

/// Whether a wait is to be told: it is stable, or it has lasted.
fn is_ripe(actor: &Actor, stable: &BTreeSet<Pid>, fx: &Effects) -> bool {
    let state = &actor.state;
    let is_stable = state.pid.is_some_and(|pid| stable.contains(&pid));
    let lasts = state.blocked.as_ref().is_some_and(|(_, since)| fx.since(*since) >= LASTING);
    state.is_busy() && (is_stable || lasts)
}

/// Whether a ripe wait was not told yet, or has changed since.
fn is_unreported(actor: &Actor, stable: &BTreeSet<Pid>, fx: &Effects) -> bool {
    let known = actor.state.reported.as_ref().map(|known| &known.blockers);
    is_ripe(actor, stable, fx) && known != actor.state.blocked.as_ref().map(|(by, _)| by)
}

fn tell_wait(
    actor: &mut Actor,
    seen: Option<Wait>,
    roster: &[(SessionName, Pid)],
    fx: &Effects,
) -> Option<Event> {
    let blockers = actor.state.blocked.as_ref().map(|(by, _)| by.clone())?;
    let wait = seen.unwrap_or_else(|| nameless(&blockers, roster));
    if let Some(known) = &mut actor.state.reported
        && known.wait == wait
    {
        // In words nothing has changed, so it is not told twice; but it is remembered, or each look
        // would ask for the same words again.
        known.blockers = blockers;
        return None;
    }
    Some(tell(actor, wait, blockers, fx))
}

fn tell(actor: &mut Actor, wait: Wait, blockers: Vec<Pid>, fx: &Effects) -> Event {
    // Told again, it is still the wait that began then.
    let since = actor.state.reported.take().map_or(fx.now(), |known| known.since);
    actor.state.reported = Some(ReportedWait { wait: wait.clone(), blockers, since });
    fx.event(Some(actor.name().clone()), Kind::Waiting(wait))
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

fn guess(suspects: &[Blocker]) -> Wait {
    Wait {
        blockers: suspects.to_vec(),
        target: WaitTarget::Other("an answer".to_owned()),
        certainty: Certainty::Guessed,
    }
}
