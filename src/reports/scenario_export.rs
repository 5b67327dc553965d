//! What was played, as a scenario that plays it again: the script's steps and what people typed
//! between them, each with what was seen to come of it.
//!
//! ```text
//! Bob      commit;                          -- Bob: commits
//! Bob      COMMIT                           commit;
//! Mallory  no longer waits          ──▶     --> COMMIT
//! Mallory  UPDATE 0                         --> Mallory resumes: UPDATE 0
//! ```
//!
//! A scenario's steps follow each other at once. What needed something else, time that passed or a
//! key that cancelled, is done by one more session, the usher, or is a pause. What no file can say,
//! such as a connection that broke without a word of the server's, ends the scenario there, and its
//! story says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::core::event::steps::whole_steps;
use crate::core::event::{
    Blocker, Certainty, Event, Fate, HUNG_UP, Kind, SERVER_GONE, ServerMessage, SessionName,
    SqlState, TransactionStatus, Typed, Wait,
};
use crate::core::psql::find;
use crate::core::scenario::{
    EngineKind, Expectation, Expected, Finally, Isolation, MOST_SESSIONS, Manner, Scenario,
    Schedule, Schedules, Statement, Step, Whom,
};
use crate::core::syntax::{self, Piece, Strings, Verb, read};

mod answer;
mod captures;
mod own_tables;
mod player;
mod sheet;
#[cfg(test)]
mod tests;

pub use own_tables::on_own_tables;

use answer::Answer;
use captures::Captures;
use player::{Done, SessionLine};

/// What the optimistic engine calls a conflict.
const CONFLICT: &str = "OC000";

/// Who does what none of the sessions has done: lets time pass, cancels a wait. One that is on
/// stage already keeps the name.
const USHER: &str = "Usher";
/// What makes the others wait longer before they look for a ring.
pub const PATIENCE: &str = "set deadlock_timeout = '1min';";
/// How long the usher sleeps beyond what was seen, so that what is to happen meanwhile does.
const MARGIN: Duration = Duration::from_millis(500);
/// The longest sleep: a step that does not end within half a minute would be cancelled.
const LONGEST: Duration = Duration::from_secs(20);

/// `admin_shutdown`: somebody has ended the connection.
const ADMIN_SHUTDOWN: &str = "57P01";
/// What a connection ends with whose time is up: in an idle transaction, in a transaction, idle.
const TIMES_UP: [&str; 3] = ["25P03", "25P04", "57P05"];

/// Who has chosen the order in which a scenario was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayedBy {
    /// Somebody at the console, who may have typed other statements, too.
    Console,
    /// The explorer: all steps of the file, in another order. What the file says of every order is
    /// as true of this one's.
    Explorer,
}

/// What was played, on what.
#[derive(Clone, Copy, Debug)]
pub struct Performance<'a> {
    pub by: PlayedBy,
    pub scenario: &'a Scenario,
    /// In which order.
    pub schedule: &'a Schedule,
    /// The sessions in screen order, those that have joined later too.
    pub cast: &'a [SessionName],
    /// The engine's kind.
    pub engine: EngineKind,
    /// The isolation level that transactions got.
    pub isolation: Isolation,
    /// Everything that has happened since the fresh setup, in the order in which it came.
    pub events: &'a [Event],
}

/// The performance as a scenario; `None` while nothing has been played.
pub fn replay(performance: &Performance<'_>) -> Option<Scenario> {
    let mut prompter = Prompter::new(performance);
    for event in &whole_steps(performance.events) {
        if let Err(end) = prompter.apply(event) {
            prompter.cut(end);
            break;
        }
    }
    prompter.finish()
}

/// Why the scenario ends before the performance did, and with which step.
struct Cut {
    why: String,
    /// The first step that is left out.
    from: usize,
}

/// Writes down steps while it listens.
struct Prompter<'a> {
    performance: &'a Performance<'a>,
    steps: Vec<Step>,
    session_lines: Vec<SessionLine>,
    /// The values that the script's steps have given names to.
    captures: Captures<'a>,
    /// The programs that were debugged.
    guests: BTreeSet<SessionName>,
    /// The runner, who looks at the end.
    runner: Answer,
    finally: Option<Vec<Expected>>,
    /// Its name here; `None` where the stage is full.
    usher: Option<SessionName>,
    /// Whether all that the last step sets off has come.
    is_settled: bool,
    /// Those who were in a ring and not thrown out of it: they must be the patient ones again.
    patient: BTreeSet<SessionName>,
    /// What the debugger holds, or has held last.
    held: BTreeMap<SessionName, Arc<str>>,
    /// Whose connection the debugger cuts once the statement has gone.
    is_cut_after: BTreeSet<SessionName>,
    cut: Option<String>,
}

impl<'a> Prompter<'a> {
    fn new(performance: &'a Performance<'a>) -> Self {
        let cast = performance.cast;
        let session_lines = cast.iter().zip(sheet::names(cast));
        Self {
            performance,
            steps: Vec::new(),
            captures: Captures::of(performance),
            session_lines: session_lines
                .map(|(name, written)| SessionLine::new(name, written, &performance.scenario.setup))
                .collect(),
            guests: BTreeSet::new(),
            runner: Answer::default(),
            finally: None,
            usher: free_usher(cast),
            is_settled: true,
            patient: BTreeSet::new(),
            held: BTreeMap::new(),
            is_cut_after: BTreeSet::new(),
            cut: None,
        }
    }

    fn apply(&mut self, event: &Event) -> Result<(), Cut> {
        self.captures.apply(event);
        match (&event.session, &event.kind) {
            (None, Kind::Quiet) => {
                self.is_settled = true;
                self.settle()
            }
            (None, kind) => {
                self.runners(kind);
                Ok(())
            }
            (Some(name), Kind::Sent { sql, step, .. }) if self.is_pause(name, sql) => {
                self.settle()?;
                self.pause(name, *step);
                Ok(())
            }
            (Some(name), Kind::Sent { submission, sql, step, typed }) => {
                if submission.is_of_guest() {
                    self.guests.insert(name.clone());
                }
                self.settle()?;
                match written(sql, typed.as_deref()) {
                    Some(sql) => self.sent(name, &sql, *step, event.at),
                    None => Ok(()),
                }
            }
            (Some(name), Kind::Ready { status, .. }) => self.ready(name, *status, event.at),
            (Some(name), Kind::Lost { reason, .. }) => self.lost(name, reason, event.at),
            (Some(name), Kind::Connected { .. }) => {
                self.comes_back(name);
                Ok(())
            }
            (Some(name), Kind::Closed) => self.closed(name),
            (Some(name), Kind::Held { sql, .. }) => {
                self.held.insert(name.clone(), Arc::clone(sql));
                Ok(())
            }
            (Some(name), Kind::LetGo { fate, .. }) => self.let_go(name, fate),
            (Some(name), kind) => {
                self.note_ring(name, kind);
                if let Some(session_line) = self.session_line(name) {
                    session_line.apply(kind);
                }
                Ok(())
            }
        }
    }

    fn session_line(&mut self, name: &SessionName) -> Option<&mut SessionLine> {
        self.session_lines.iter_mut().find(|session_line| &session_line.name == name)
    }

    fn runners(&mut self, kind: &Kind) {
        match kind {
            Kind::Sent { sql, .. } => self.runner = Answer::of(sql),
            Kind::Ready { .. } => self.finally = Some(self.runner.lines().to_vec()),
            kind => self.runner.apply(kind),
        }
    }

    /// Something is sent: that is a step.
    fn sent(
        &mut self,
        name: &SessionName,
        sql: &Arc<str>,
        launch: Option<usize>,
        at: Duration,
    ) -> Result<(), Cut> {
        let from = self.steps.len();
        let unfit = || Cut { why: format!("{name} sent something that a file cannot hold"), from };
        let template = self.captures.template(from, launch, sql);
        let sql = sheet::statement(template.unwrap_or(sql.as_ref())).ok_or_else(unfit)?;
        // What is looked at in the end belongs to the end.
        self.finally = None;
        self.is_settled = false;
        if let Some(session_line) = self.session_line(name) {
            session_line.send(from, &sql, at);
        }
        let narration = self.narration(name, launch);
        self.steps.push(step(name, narration, sql));
        Ok(())
    }

    fn is_pause(&self, name: &SessionName, sql: &str) -> bool {
        let acts = self.session_lines.iter().any(|session_line| session_line.name == *name);
        !acts && *name == SessionName::pause() && sql.starts_with("-- pause ")
    }

    /// Time passes, as the script says.
    fn pause(&mut self, name: &SessionName, launch: Option<usize>) {
        self.finally = None;
        self.is_settled = false;
        let narration = self.narration(name, launch);
        self.steps.push(step(name, narration, String::new()));
    }

    fn narration(&self, name: &SessionName, launch: Option<usize>) -> String {
        let Performance { scenario, schedule, .. } = self.performance;
        let launch = launch.and_then(|launch| schedule.launches.get(launch));
        let step = launch.and_then(|launch| scenario.steps.get(launch.step));
        let does = if self.guests.contains(name) { "sends" } else { "types" };
        step.map_or_else(|| does.to_owned(), |step| step.narration.clone())
    }

    /// It is quiet, or as quiet as it gets before the next step: who waits now is written under the
    /// step that waits.
    fn settle(&mut self) -> Result<(), Cut> {
        for session_line in &mut self.session_lines {
            let Some((step, wait)) = session_line.begins_to_wait() else { continue };
            let Some(blocker) = session_in(wait) else {
                let why =
                    format!("{} waited for a session outside the scenario", session_line.name);
                return Err(Cut { why, from: step });
            };
            let line = Expected::WaitsFor(Whom::Session(blocker.clone()));
            self.steps[step].expectations.insert(0, expectation(line));
        }
        Ok(())
    }

    /// A submission is answered: by itself, or because somebody else's step let it go on.
    fn ready(
        &mut self,
        name: &SessionName,
        status: TransactionStatus,
        at: Duration,
    ) -> Result<(), Cut> {
        let Some(session_line) = self.session_line(name) else { return Ok(()) };
        let Some(mut done) = session_line.answered(status, at) else { return Ok(()) };
        done.own.extend(self.captures.lines(done.step));
        let late = self.steps.len().checked_sub(1).map(|last| self.captures.lines_of(name, last));
        if done.waited { &mut done.resumed } else { &mut done.own }
            .extend(late.into_iter().flatten());
        let own = std::mem::take(&mut done.own).into_iter().map(expectation);
        self.steps[done.step].expectations.extend(own);
        if done.was_cancelled && !done.waited {
            answer::CANCELLED.clone_into(&mut self.steps[done.step].sql);
        }
        if !done.waited {
            return Ok(());
        }
        self.end_wait(name, &done, at)?;
        let resumes = done.resumed.into_iter().map(|line| {
            let (session, what) = (name.clone(), Box::new(line));
            expectation(Expected::Of { session, manner: Manner::Resumes, what })
        });
        if let Some(current) = self.steps.last_mut() {
            current.expectations.extend(resumes);
        }
        Ok(())
    }

    /// What ended a wait is the usher's step, unless somebody on stage has done it.
    fn end_wait(&mut self, name: &SessionName, done: &Done, at: Duration) -> Result<(), Cut> {
        if done.was_cancelled {
            if self.is_done_on_stage(done, "pg_cancel_backend") {
                return Ok(());
            }
            let written =
                self.session_line(name).map_or_else(|| name.clone(), |it| it.written.clone());
            let sql = self.cancel(&written);
            return self.usher(format!("cancels {written}'s waiting statement"), sql);
        }
        let needs_time = done.timed_out && !self.is_done_on_stage(done, "pg_sleep");
        if !needs_time && done.step + 1 < self.steps.len() {
            return Ok(());
        }
        let nap = at.saturating_sub(done.since) + MARGIN;
        if nap > LONGEST {
            let why = format!("{name} waited longer than a step is allowed to");
            return Err(Cut { why, from: done.step });
        }
        let sleep = format!("select pg_sleep({:.1});", nap.as_secs_f64());
        self.usher("lets time pass".to_owned(), sleep)
    }

    /// Whether the last step, whose consequences still come, has done with this function what ended
    /// the wait.
    fn is_done_on_stage(&self, done: &Done, function: &str) -> bool {
        let later = self.steps.get(done.step + 1..).and_then(<[Step]>::last);
        let does = |step: &Step| step.sql.to_ascii_lowercase().contains(function);
        !self.is_settled && later.is_some_and(does)
    }

    /// What cancels a session's wait, as Ctrl-C did.
    fn cancel(&self, name: &SessionName) -> String {
        let of = self.backend(name);
        format!(
            "select pg_cancel_backend(pid) from pg_stat_activity\n\
             {of} and wait_event_type = 'Lock';"
        )
    }

    /// What ends a session as somebody outside has ended it.
    fn terminate(&self, name: &SessionName) -> String {
        format!("select pg_terminate_backend(pid) from pg_stat_activity\n{};", self.backend(name))
    }

    /// A name in a file is a word, so it needs no quoting.
    fn backend(&self, name: &SessionName) -> String {
        let application = self.performance.scenario.application.name(name);
        format!("where datname = current_database() and application_name = '{application}'")
    }

    fn usher(&mut self, narration: String, sql: String) -> Result<(), Cut> {
        let Some(usher) = &self.usher else {
            let why = format!(
                "another session would be needed that {narration}, and there is no room for one"
            );
            return Err(Cut { why, from: self.steps.len() });
        };
        self.steps.push(step(usher, narration, sql));
        self.is_settled = true;
        Ok(())
    }

    /// A file can say that the server has ended a session, and its next step connects it again. Of
    /// one whose connection broke it cannot.
    fn lost(&mut self, name: &SessionName, reason: &str, at: Duration) -> Result<(), Cut> {
        let last = self.steps.len();
        if matches!(reason, HUNG_UP | SERVER_GONE) {
            return self.hung_up(name);
        }
        let Some(session_line) = self.session_line(name) else { return Ok(()) };
        let (since, busy) = (session_line.since(), session_line.lose());
        let step = busy.as_ref().map(|(step, _)| *step);
        let Some(code) = code_in(reason) else {
            let why = format!("{name} lost its connection");
            return Err(Cut { why, from: step.unwrap_or(last) });
        };
        let line = Expected::Lost { code: Some(SqlState(code.to_owned())), text: String::new() };
        session_line.owes = step.is_none().then(|| line.clone());
        if let Some((step, mut own)) = busy {
            // The server's last words are told once.
            own.pop_if(
                |last| matches!(last, Expected::Error { code: of, .. } if of.as_str() == code),
            );
            self.steps[step].expectations.extend(own.into_iter().map(expectation));
        }
        if let Some(step) = step.filter(|step| step + 1 == last && !self.is_settled) {
            self.steps[step].expectations.push(expectation(line));
            return Ok(());
        }
        if self.is_settled {
            self.end_session(name, code, at.saturating_sub(since) + MARGIN)?;
        }
        if let Some(current) = self.steps.last_mut() {
            let (session, what) = (name.clone(), Box::new(line));
            let of = Expected::Of { session, manner: Manner::Anyhow, what };
            current.expectations.push(expectation(of));
        }
        Ok(())
    }

    /// Nobody's step has ended a session: its time was up, or somebody outside has done it.
    fn end_session(&mut self, name: &SessionName, code: &str, after: Duration) -> Result<(), Cut> {
        let from = self.steps.len();
        if code == ADMIN_SHUTDOWN {
            let written =
                self.session_line(name).map_or_else(|| name.clone(), |it| it.written.clone());
            let sql = self.terminate(&written);
            return self.usher(format!("ends the connection of {written}"), sql);
        }
        if !TIMES_UP.contains(&code) {
            return Err(Cut { why: format!("{name} lost its connection"), from });
        }
        if after > LONGEST {
            let why = format!("{name} was idle longer than a pause can be");
            return Err(Cut { why, from });
        }
        self.finally = None;
        let pause = format!("{} ms", after.as_millis());
        self.steps.push(step(&SessionName::pause(), pause, String::new()));
        self.is_settled = false;
        Ok(())
    }

    /// Whoever was reconnected by a key has found out already that the connection was lost; in
    /// a file only a step does.
    fn comes_back(&mut self, name: &SessionName) {
        let Some(line) = self.session_line(name).and_then(|session_line| session_line.owes.take())
        else {
            return;
        };
        self.finally = None;
        let mut back = step(name, "is reconnected".to_owned(), "select 1;".to_owned());
        back.expectations.push(expectation(line));
        self.steps.push(back);
        self.is_settled = true;
    }

    /// Whoever leaves in the middle of a transaction leaves nothing of it.
    fn closed(&mut self, name: &SessionName) -> Result<(), Cut> {
        let Some(session_line) = self.session_line(name) else { return Ok(()) };
        if let Some(from) = session_line.step() {
            return Err(Cut {
                why: format!("{name} disconnected in the middle of a statement"),
                from,
            });
        }
        if std::mem::take(&mut session_line.status) != TransactionStatus::Idle {
            self.steps.push(rollback(name));
        }
        Ok(())
    }

    /// A program has left, or its connection was cut. What was cut behind a statement is in the
    /// file without what came of it, of which its program has not heard either.
    fn hung_up(&mut self, name: &SessionName) -> Result<(), Cut> {
        if !self.is_cut_after.remove(name) {
            return self.closed(name);
        }
        let Some(session_line) = self.session_line(name) else { return Ok(()) };
        let status = session_line.status;
        let sql = session_line.lose().map(|(step, _)| self.steps[step].sql.clone());
        let ends = sql.is_some_and(|sql| ends_transaction(&sql));
        if status != TransactionStatus::Idle && !ends {
            self.steps.push(rollback(name));
        }
        Ok(())
    }

    /// What was answered in the server's place fails in the file by itself, and its block with it.
    fn let_go(&mut self, name: &SessionName, fate: &Fate) -> Result<(), Cut> {
        let held = self.held.remove(name);
        let code = match fate {
            Fate::CutAfter => {
                self.is_cut_after.insert(name.clone());
                return Ok(());
            }
            // The optimistic engine's own code stands in the words of the error.
            Fate::Refused(code) | Fate::RefusedByRule { code, .. } if code.as_str() == CONFLICT => {
                "40001"
            }
            Fate::Refused(code) | Fate::RefusedByRule { code, .. } => code.as_str(),
            Fate::Cancelled => "57014",
            Fate::Passed | Fate::Cut | Fate::Abandoned | Fate::ServerGone => return Ok(()),
        };
        self.settle()?;
        self.finally = None;
        self.is_settled = true;
        if held.is_some_and(|sql| ends_transaction(&sql)) {
            self.steps.push(rollback(name));
            return Ok(());
        }
        let sql = format!("do $$ begin raise exception using errcode = '{code}'; end $$;");
        let by = match fate {
            Fate::RefusedByRule { .. } => "by a rule",
            _ => "by hand",
        };
        let narration = format!("is answered {code} {by}");
        let mut refused = step(name, narration, sql);
        let line = Expected::Error { code: SqlState(code.to_owned()), text: String::new() };
        refused.expectations.push(expectation(line));
        self.steps.push(refused);
        Ok(())
    }

    /// Whoever looks for a ring first is thrown out of it. In a replay there is no time between
    /// steps, so the others must be told to look later.
    fn note_ring(&mut self, victim: &SessionName, kind: &Kind) {
        if !matches!(kind, Kind::Failed(ServerMessage { code, .. }) if code == "40P01") {
            return;
        }
        let waiting = self.session_lines.iter().filter(|other| other.is_waiting());
        let others = waiting.map(|other| other.name.clone()).filter(|name| name != victim);
        self.patient.extend(others);
        self.patient.remove(victim);
    }

    fn cut(&mut self, cut: Cut) {
        self.steps.truncate(cut.from);
        self.finally = None;
        self.cut = Some(cut.why);
    }

    fn finish(mut self) -> Option<Scenario> {
        if self.steps.is_empty() {
            return None;
        }
        for step in &mut self.steps {
            // What a step does itself goes before what it sets off.
            step.expectations.sort_by_key(|it| matches!(it.expected, Expected::Of { .. }));
        }
        if self.performance.engine == EngineKind::Postgres {
            let is_told = |name: &&SessionName| {
                self.steps.iter().any(|step| step.session == **name && step.sql == PATIENCE)
            };
            let untold = self.patient.iter().filter(|name| !is_told(name));
            let patience = |name| step(name, "is patient".to_owned(), PATIENCE.to_owned());
            let patient: Vec<Step> = untold.map(patience).collect();
            self.steps.splice(0..0, patient);
        }
        Some(sheet::fair_copy(self.scenario()))
    }

    fn scenario(self) -> Scenario {
        let Performance { by, scenario, cast, engine, isolation, .. } = *self.performance;
        let acts = |usher: &SessionName| self.steps.iter().any(|step| step.session == *usher);
        let usher = self.usher.filter(acts);
        let names = cast.iter().cloned().chain(usher);
        // A server's default needs no words, unless the scenario is about levels.
        let has_choice = engine.levels().len() > 1;
        let is_default = !has_choice || isolation == Isolation::ReadCommitted;
        let has_level = !is_default || !scenario.levels.is_empty();
        let launch = |step| crate::core::scenario::Launch { step, markers: Vec::new() };
        let launches = (0..self.steps.len()).map(launch).collect();
        let mut story = scenario.story.clone();
        let played = match by {
            _ if !self.guests.is_empty() => "Seen by the debugger",
            PlayedBy::Console => "Played in the console",
            PlayedBy::Explorer => "An order that the explorer has found",
        };
        story.push(format!("{played} on the engine {engine}."));
        story.extend(self.cut.map(|why| format!("It stops where a file cannot follow: {why}.")));
        let mut written = Scenario {
            path: None,
            story,
            sessions: names.map(|name| scenario.player(name)).collect(),
            levels: has_level.then_some(isolation).into_iter().collect(),
            engines: vec![engine],
            setup: scenario.setup.iter().filter_map(copied).collect(),
            teardown: scenario.teardown.iter().filter_map(copied).collect(),
            finally: scenario.finally.as_ref().zip(self.finally).map(|(finally, lines)| Finally {
                sql: finally.sql.clone(),
                expectations: lines.into_iter().map(expectation).collect(),
                line: 0,
            }),
            steps: self.steps,
            schedules: Schedules::Listed(vec![Schedule { launches }]),
            ..scenario.clone()
        };
        if by == PlayedBy::Explorer {
            written.claim(scenario.claims_of_all().cloned());
        }
        written
    }
}

/// What a file has for something that was sent, if it has anything: what only the console can do
/// changes nothing that is played, and what is repeated is written once.
fn written(sql: &Arc<str>, typed: Option<&Typed>) -> Option<Arc<str>> {
    let Some(typed) = typed else { return Some(Arc::clone(sql)) };
    let is_for_files = |piece: &Piece| match piece {
        Piece::Command(command) => find(&command.name).is_some_and(|it| it.is_for_files),
        Piece::Statement(_) => true,
    };
    match typed {
        Typed { line, .. } if line.is_empty() => None,
        Typed { every: Some(_), .. } => Some(Arc::clone(sql)),
        Typed { line, .. } if read(line, Strings::default()).pieces.iter().all(is_for_files) => {
            Some(Arc::from(line.as_str()))
        }
        Typed { .. } => None,
    }
}

fn step(session: &SessionName, narration: String, sql: String) -> Step {
    let (name, expectations) = (String::new(), Vec::new());
    Step { name, session: session.clone(), narration, sql, expectations, line: 0 }
}

/// Somebody leaves, and nothing of the transaction stays.
fn rollback(session: &SessionName) -> Step {
    let mut last = step(session, "leaves".to_owned(), "rollback;".to_owned());
    last.expectations.push(expectation(Expected::Tag("ROLLBACK".to_owned())));
    last
}

fn ends_transaction(sql: &str) -> bool {
    let words = syntax::words(sql, Strings::default());
    matches!(syntax::verb(&words), Verb::Commit | Verb::Rollback)
}

fn copied(statement: &Statement) -> Option<Statement> {
    sheet::statement(&statement.sql).map(|sql| Statement { sql, line: 0, column: 0, file: None })
}

fn expectation(expected: Expected) -> Expectation {
    Expectation { engine: None, levels: Vec::new(), text: expected.to_string(), expected, line: 0 }
}

/// The first session among those in the way, if the database has said so.
fn session_in(wait: &Wait) -> Option<&SessionName> {
    let sure = wait.certainty == Certainty::Observed;
    wait.blockers.iter().filter(|_| sure).find_map(|blocker| match blocker {
        Blocker::Session(name) => Some(name),
        Blocker::Prepared(_) | Blocker::Foreign { .. } => None,
    })
}

/// The first name for the usher that nobody in the cast has; `None` if a file has no room for one
/// more.
fn free_usher(cast: &[SessionName]) -> Option<SessionName> {
    let numbered = (2..=MOST_SESSIONS).map(|n| format!("{USHER}_{n}"));
    let mut names = std::iter::once(USHER.to_owned()).chain(numbered).map(|n| SessionName::new(&n));
    names.find(|name| !cast.contains(name)).filter(|_| cast.len() < MOST_SESSIONS)
}

/// The SQLSTATE in a server's last words: `FATAL: terminating connection ... (57P01)`.
fn code_in(reason: &str) -> Option<&str> {
    reason.rsplit_once('(').and_then(|(_, code)| code.strip_suffix(')'))
}
