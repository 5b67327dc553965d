//! What is sent, and why something is not.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::LiveRun;
use crate::core::event::{Form, SessionName, SubmissionId, Typed, octets};
use crate::core::psql::Prepared;
use crate::core::scenario::{Origin, fill};
use crate::core::syntax::{self, Strings};
use crate::run::machine::actor::{Actor, Line};
use crate::run::machine::answer::AwaitedAnswer;
use crate::run::machine::effects::Effects;
use crate::run::machine::output::EngineRequest;
use crate::run::machine::watch::Watch;
use crate::run::participant::Submission;

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
            return self.send(name, VecDeque::from([Line::verbatim(sql, Some(launch))]), fx);
        }
        let lines = Line::each(sql, Some(launch), self.cast.strings_of(name));
        match self.player_mut(name).filter(|actor| actor.is_lost()) {
            Some(_) => self.dispatch_all(name, lines, fx),
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

    /// Sends the first of these lines, and each of the others when the one before it is answered.
    fn dispatch_all(&mut self, name: &SessionName, mut lines: VecDeque<Line>, fx: &mut Effects) {
        let first = lines.pop_front();
        if let Some(actor) = self.player_mut(name) {
            actor.state.rest = lines;
        }
        if let Some(first) = first {
            self.dispatch(name, &first, fx);
            self.note_sending(fx);
        }
    }

    /// Sends a line, or does what it says where no server is asked. A session that has lost its
    /// connection connects for it.
    fn dispatch(&mut self, name: &SessionName, line: &Line, fx: &mut Effects) {
        let id = self.cast.next_submission();
        let Some(submission) = self.submission(name, id, line) else { return };
        let Some(actor) = self.cast.player_mut(name) else { return };
        if submission.typed.as_ref().is_some_and(|typed| typed.is_local()) {
            for event in actor.answer_itself(submission, fx) {
                self.ahead.tell_in_turn(event);
            }
        } else if actor.is_lost() {
            actor.revive(submission, fx);
        } else {
            actor.submit(submission, fx);
        }
    }

    /// What becomes of a line that is meant for this session.
    fn submission(
        &mut self,
        name: &SessionName,
        id: SubmissionId,
        line: &Line,
    ) -> Option<Submission> {
        let step = line.step;
        if line.is_verbatim {
            return Some(Submission { id, sql: Arc::clone(&line.text), step, typed: None });
        }
        let variables = self.ahead.check().variables();
        let actor = self.cast.player_mut(name)?;
        let strings = actor.state.strings;
        let (sql, typed) = match actor.settings.prepare(&line.text, variables, strings) {
            Prepared::Send { sql, typed } => (sql, typed),
            Prepared::Local(typed) => (String::new(), Some(typed)),
        };
        // psql reads a value as if it had been typed, semicolons included.
        let mut statements = syntax::split(&sql, strings).into_iter().map(|it| it.text);
        let sql = match (line.step, statements.next()) {
            (Some(_), Some(first)) if typed.is_some() => {
                let rest = statements.map(|sql| Line::verbatim(sql, step));
                rest.rev().for_each(|line| actor.state.rest.push_front(line));
                Arc::from(first)
            }
            _ => Arc::from(sql.as_str()),
        };
        Some(Submission { id, sql, step, typed: typed.map(Box::new) })
    }

    pub(super) fn note_sending(&mut self, fx: &Effects) {
        self.is_played_out = false;
        self.ahead.renew();
        self.reported.moved();
        self.scheduler.poll_soon(fx);
    }

    /// Sends what was typed into a session, or says why not. What is typed while a step is being
    /// played follows it.
    pub(crate) fn submit(
        &mut self,
        name: &SessionName,
        text: &str,
        fx: &mut Effects,
    ) -> Result<(), String> {
        let lines = Line::typed(text, self.cast.strings_of(name));
        match self.player_mut(name) {
            Some(actor) if actor.state.plays_a_step() => {
                actor.state.rest.extend(lines);
                Ok(())
            }
            _ => self.send(name, lines, fx),
        }
    }

    /// Sends a session's own setup in one message, or says why not.
    pub(crate) fn set_up(
        &mut self,
        name: &SessionName,
        sql: &str,
        fx: &mut Effects,
    ) -> Result<(), String> {
        self.send(name, VecDeque::from([Line::verbatim(sql, None)]), fx)
    }

    /// Sends the first of these lines into a session, or says why not; each of the others is sent
    /// when the one before it is answered.
    fn send(
        &mut self,
        name: &SessionName,
        lines: VecDeque<Line>,
        fx: &mut Effects,
    ) -> Result<(), String> {
        let actor =
            self.player_mut(name).ok_or_else(|| format!("there is no session called {name}"))?;
        if actor.is_guest() {
            return Err(format!(
                "what {name} sends comes from its own program; add a session to type into"
            ));
        }
        if let Some(reason) = actor.state.why_not_ready(name) {
            return Err(reason);
        }
        self.dispatch_all(name, lines, fx);
        Ok(())
    }

    /// Sends what is to be repeated and whose time has come.
    pub(super) fn repeat_what_is_due(&mut self, fx: &mut Effects) {
        let is_due = |watch: &Watch| watch.due.is_some_and(|due| due <= fx.now());
        let is_due = |actor: &&Actor| actor.state.watch.as_ref().is_some_and(is_due);
        let due: Vec<SessionName> =
            self.cast.players().filter(is_due).map(|actor| actor.name().clone()).collect();
        for name in due {
            let id = self.cast.next_submission();
            let Some(actor) = self.cast.player_mut(&name) else { continue };
            let again = actor.state.watch.as_ref().map(|watch| watch.again(id));
            if let Some(again) = again {
                actor.submit(again, fx);
                self.note_sending(fx);
            }
        }
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
            self.cast.runner_mut().submit(plain(submission, sql, None), fx);
        } else {
            let sql = self.filled(sql, self.cast.strings_of(name));
            let actor = self.player_mut(name)?;
            if actor.state.why_not_ready(name).is_some() {
                return None;
            }
            actor.submit(plain(submission, &sql, None), fx);
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
            self.cast.runner_mut().submit(plain(submission, &line.text, line.step), fx);
            self.reported.moved();
        }
    }

    /// Sends a session's next statement, if there is one and the one before is answered.
    pub(super) fn go_on(&mut self, name: &SessionName, fx: &mut Effects) {
        let Some(line) = self.player_mut(name).and_then(Actor::next_line) else { return };
        self.dispatch(name, &line, fx);
        self.reported.moved();
        self.scheduler.poll_soon(fx);
    }

    /// Cancels what a session has in flight.
    pub(crate) fn cancel(&mut self, name: &SessionName, fx: &mut Effects) {
        if let Some(actor) = self.player_mut(name) {
            if let (true, Some(backend)) = (actor.is_guest(), actor.state.pid) {
                return fx.engine(EngineRequest::CancelBackend(backend));
            }
            actor.cancel(fx);
            self.reported.moved();
            self.scheduler.poll_soon(fx);
        }
        self.stop_repeating(name, fx);
    }

    /// A query that is repeated and not in flight is sent no more.
    pub(super) fn stop_repeating(&mut self, name: &SessionName, fx: &mut Effects) {
        let id = self.cast.next_submission();
        let Some(actor) = self.cast.player_mut(name) else { return };
        if actor.state.in_flight.is_some() || actor.state.watch.take().is_none() {
            return;
        }
        let answer = Form::Said(String::new());
        let typed = Typed { line: String::new(), answer, every: None };
        let ended = Submission { typed: Some(Box::new(typed)), ..plain(id, "", None) };
        for event in actor.answer_itself(ended, fx) {
            self.ahead.tell_in_turn(event);
        }
    }

    /// Connects a session anew that was lost or closed.
    pub(crate) fn reconnect(&mut self, name: &SessionName, fx: &mut Effects) {
        let Some(role) = self.role_of(name) else { return };
        let Some(actor) = self.player_mut(name) else { return };
        if actor.reopen() {
            self.invite(name, self.production.scenario.application, role, fx);
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

/// SQL in one message, as it is.
fn plain(id: SubmissionId, sql: &str, step: Option<usize>) -> Submission {
    Submission { id, sql: Arc::from(sql), step, typed: None }
}
