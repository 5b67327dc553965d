//! What is sent, and why something is not.

use std::collections::VecDeque;
use std::time::Duration;

use super::LiveRun;
use crate::core::event::{SessionName, octets};
use crate::core::scenario::{Origin, fill};
use crate::core::syntax::Strings;
use crate::run::machine::actor::{Actor, Line};
use crate::run::machine::answer::AwaitedAnswer;
use crate::run::machine::effects::Effects;
use crate::run::machine::output::Role;

impl LiveRun {
    /// Plays a step: a script's statements go one by one, as psql sends what is typed;
    /// isolationtester's go in one message.
    pub(crate) fn play_step(
        &mut self,
        name: &SessionName,
        sql: &str,
        launch: usize,
        fx: &mut Effects,
    ) -> Result<(), String> {
        if self.production.scenario.origin == Origin::Specification {
            return self.send(name, VecDeque::from([Line::whole(sql, Some(launch))]), fx);
        }
        let strings = self.cast.strings_of(name);
        // Values first, statements then: psql, too, reads a value as if it had been typed,
        // semicolons included.
        let lines = Line::each(&self.filled(sql, strings), Some(launch), strings);
        match self.player_mut(name).filter(|actor| actor.is_lost()) {
            Some(_) => self.revive(name, lines, fx),
            None => self.send(name, lines, fx)?,
        }
        Ok(())
    }

    /// The SQL with values in the places of their names. What the values have of other encodings is
    /// kept in them, and so must be in the SQL.
    fn filled(&self, sql: &str, strings: Strings) -> String {
        fill(&octets::keep(sql.as_bytes()), self.ahead.check().variables(), strings)
    }

    /// Lets time pass, as a step of its own.
    pub(crate) fn make_pause(&mut self, length: Duration, launch: usize, fx: &mut Effects) {
        let submission = self.cast.next_submission();
        self.ahead.make_pause(submission, length, launch, fx);
        self.note_sending(fx);
    }

    /// Sends lines into a session that has lost its connection.
    fn revive(&mut self, name: &SessionName, mut lines: VecDeque<Line>, fx: &mut Effects) {
        let submission = self.cast.next_submission();
        if let (Some(first), Some(actor)) = (lines.pop_front(), self.player_mut(name)) {
            actor.state.rest = lines;
            actor.revive(submission, first, fx);
            self.note_sending(fx);
        }
    }

    fn note_sending(&mut self, fx: &Effects) {
        self.is_played_out = false;
        self.ahead.renew();
        self.reported.moved();
        self.scheduler.poll_soon(fx);
    }

    /// Sends SQL into a session in one message, or says why not. What is typed while a step is
    /// being played follows it.
    pub(crate) fn submit(
        &mut self,
        name: &SessionName,
        sql: &str,
        fx: &mut Effects,
    ) -> Result<(), String> {
        let line = Line::whole(&self.filled(sql, self.cast.strings_of(name)), None);
        match self.player_mut(name) {
            Some(actor) if actor.state.plays_a_step() => {
                actor.state.rest.push_back(line);
                Ok(())
            }
            _ => self.send(name, VecDeque::from([line]), fx),
        }
    }

    /// Sends the first of these lines into a session, or says why not; each of the others is sent
    /// when the one before it is answered.
    fn send(
        &mut self,
        name: &SessionName,
        mut lines: VecDeque<Line>,
        fx: &mut Effects,
    ) -> Result<(), String> {
        let submission = self.cast.next_submission();
        let actor =
            self.player_mut(name).ok_or_else(|| format!("there is no session called {name}"))?;
        if let Some(reason) = actor.state.why_not_ready(name) {
            return Err(reason);
        }
        if let Some(first) = lines.pop_front() {
            actor.state.rest = lines;
            actor.submit(submission, first, fx);
            self.note_sending(fx);
        }
        Ok(())
    }

    /// Sends one statement of nobody's step and tells what to wait for; nothing, where its session
    /// cannot take it. The runner's go out as they are.
    pub(crate) fn order(
        &mut self,
        name: &SessionName,
        sql: &str,
        fx: &mut Effects,
    ) -> Option<AwaitedAnswer> {
        let submission = self.cast.next_submission();
        if name == self.cast.runner().name() {
            // Not asked whether it is free: its session sends this when the answer before is whole.
            // A teardown that is left out would leave behind what it was to remove.
            self.cast.runner_mut().submit(submission, Line::whole(sql, None), fx);
        } else {
            let line = Line::whole(&self.filled(sql, self.cast.strings_of(name)), None);
            let actor = self.player_mut(name)?;
            if actor.state.why_not_ready(name).is_some() {
                return None;
            }
            actor.submit(submission, line, fx);
        }
        Some(AwaitedAnswer::new(name.clone(), submission))
    }

    /// The runner's name.
    pub(crate) fn runner(&self) -> &SessionName {
        self.cast.runner().name()
    }

    /// Sends the statements that look at the end through the runner's own session, one by one.
    pub(crate) fn play_final_query(&mut self, sql: &str, fx: &mut Effects) {
        let strings = self.cast.runner().state.strings;
        let sql = self.filled(sql, strings);
        self.cast.runner_mut().state.rest = Line::each(&sql, None, strings);
        self.go_on_as_runner(fx);
    }

    /// Sends the runner's next statement, if there is one and the one before is answered.
    pub(super) fn go_on_as_runner(&mut self, fx: &mut Effects) {
        if let Some(line) = self.cast.runner_mut().next_line() {
            let submission = self.cast.next_submission();
            self.cast.runner_mut().submit(submission, line, fx);
            self.reported.moved();
        }
    }

    /// Sends a session's next statement, if there is one and the one before is answered.
    pub(super) fn go_on(&mut self, name: &SessionName, fx: &mut Effects) {
        let Some(line) = self.player_mut(name).and_then(Actor::next_line) else { return };
        let submission = self.cast.next_submission();
        if let Some(actor) = self.player_mut(name) {
            actor.submit(submission, line, fx);
            self.reported.moved();
            self.scheduler.poll_soon(fx);
        }
    }

    /// Cancels what a session has in flight.
    pub(crate) fn cancel(&mut self, name: &SessionName, fx: &mut Effects) {
        if let Some(actor) = self.player_mut(name) {
            actor.cancel(fx);
            self.reported.moved();
            self.scheduler.poll_soon(fx);
        }
    }

    /// Connects a session anew that was lost or closed.
    pub(crate) fn reconnect(&mut self, name: &SessionName, fx: &mut Effects) {
        let Some(actor) = self.player_mut(name) else { return };
        if actor.reopen() {
            self.invite(name, self.production.scenario.application, Role::Player, fx);
            self.reported.moved();
        } else {
            actor.reconnect(fx);
        }
    }

    /// Closes a session.
    pub(crate) fn dismiss(&mut self, name: &SessionName, fx: &mut Effects) {
        if let Some(actor) = self.player_mut(name) {
            actor.dismiss(fx);
        }
    }
}
