//! Players for a scenario: places, setups, connections.

use std::sync::Arc;

use futures::future::join_all;

use super::control::Control;
use super::place::{self, Place};
use super::reset::{perform, renew};
use super::{Deadlines, Measured, PlayerError, Session, SessionPlayer};
use crate::core::scenario::{EngineKind, Origin, Scenario, Statement};
use crate::core::syntax::{Piece, Strings, Verb, Word, read, split, verb, words};
use crate::explorer::program::Program;
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::specification::timer::Timer;

/// Players of one scenario, each in a place of its own.
pub struct Players {
    pub players: Vec<SessionPlayer>,
    /// What their steps do to others.
    pub measured: Measured,
}

/// How orders are played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Whether invariants are looked at after every step, and not at the end alone.
    pub looks_after_steps: bool,
}

impl Players {
    /// Makes as many as are wanted, or one where more would meet.
    pub async fn prepare(
        engines: &Engines,
        production: &Production,
        manner: Manner,
        jobs: usize,
    ) -> Result<Self, PlayerError> {
        let scenario = &production.scenario;
        refuse_the_unexplorable(scenario, production)?;
        let jobs = if place::is_confined(scenario) { jobs.max(1) } else { 1 };
        let mut players = Vec::with_capacity(jobs);
        for _ in 0..jobs {
            let engine = engines.open(production.engine).await?;
            let place = Place::make(engine, production).await?;
            players.push(SessionPlayer::prepare(place, production, manner).await?);
        }
        let measured = match players.first_mut() {
            Some(first) => first.measure().await?,
            None => Measured::default(),
        };
        for player in &mut players {
            player.measured = Some(measured.clone());
        }
        Ok(Self { players, measured })
    }

    /// Says goodbye to everybody and takes the places away.
    pub async fn close(self) -> Result<(), PlayerError> {
        let closed = join_all(self.players.into_iter().map(SessionPlayer::close)).await;
        closed.into_iter().collect()
    }
}

impl SessionPlayer {
    async fn prepare(
        place: Place,
        production: &Production,
        manner: Manner,
    ) -> Result<Self, PlayerError> {
        let scenario = Arc::clone(&production.scenario);
        let prelude = place::prelude(&place, production);
        let (control, mut runner) = (place.control().await?, place.runner().await?);
        let mut sessions = Vec::new();
        for player in &scenario.sessions {
            let name = match scenario.origin {
                Origin::Script => scenario.application.name(&player.name),
                // As isolationtester's sessions are called.
                Origin::Specification => format!("isolation/{}/{}", scenario.name, player.name),
            };
            let is_behind = place.is_behind_gateway;
            sessions.push(Session::open(&name, &place.front, is_behind).await?);
        }
        let tables = place.tables(&control).await?;
        let are_ours = place.is_superuser && !place.is_behind_gateway;
        if place.schema.is_some() || scenario.origin == Origin::Specification {
            place.empty(&control).await?;
        }
        perform(&mut runner, &prelude_of_runner(&prelude)).await?;
        let deadlines = Deadlines::new(are_ours, &scenario);
        let mut player = Self {
            program: Program::of(&scenario),
            statements: scenario.steps.iter().map(|it| statements(&scenario, &it.sql)).collect(),
            finale: finale(&scenario),
            makes_tables: scenario.steps.iter().any(|step| makes_tables(&step.sql)),
            looks_after_steps: manner.looks_after_steps,
            is_dynamic: true,
            are_plain: are_plain(&scenario),
            measured: None,
            scenario,
            place,
            sessions,
            runner,
            control,
            tables,
            prelude,
            deadlines,
            timer: Timer::new(),
            is_dirty: false,
        };
        player.play_setup().await?;
        player.makes_tables |= player.place.must_set_up_anew(&player.tables);
        if has_routines(&player.control).await? {
            player.are_plain.fill(false);
        }
        renew(&mut player.sessions, &player.prelude).await?;
        player.set_up_sessions().await?;
        Ok(player)
    }

    /// Makes the scenario's tables anew.
    pub(super) async fn set_up(&mut self) -> Result<(), PlayerError> {
        self.place.empty(&self.control).await?;
        self.play_setup().await
    }

    async fn play_setup(&mut self) -> Result<(), PlayerError> {
        let scenario = Arc::clone(&self.scenario);
        for statement in &scenario.setup {
            self.play_setup_statement(statement).await?;
        }
        self.place.leave_alone(&self.control).await?;
        self.tables = self.place.tables(&self.control).await?;
        self.tables.keep(&self.control).await
    }

    async fn play_setup_statement(&mut self, statement: &Statement) -> Result<(), PlayerError> {
        if let Err(message) = self.runner.perform(std::slice::from_ref(&statement.sql)).await? {
            let place = self.scenario.place_of(statement, message.position);
            let message = format!("ERROR {}: {}", message.code, message.message);
            return Err(PlayerError::Setup { place, message });
        }
        Ok(())
    }

    async fn close(self) -> Result<(), PlayerError> {
        let Self { sessions, runner, control, place, .. } = self;
        join_all(sessions.into_iter().map(Session::close)).await;
        runner.close().await;
        control.close().await;
        place.leave().await
    }
}

/// The runner sets up and looks in transactions of the server's own level.
pub(super) fn prelude_of_runner(prelude: &[String]) -> Vec<String> {
    let is_level = |sql: &&String| sql.contains("default_transaction_isolation");
    prelude.iter().filter(|sql| !is_level(sql)).cloned().collect()
}

/// What cannot be played again and again.
fn refuse_the_unexplorable(
    scenario: &Scenario,
    production: &Production,
) -> Result<(), PlayerError> {
    if scenario.sessions.is_empty() || scenario.steps.is_empty() {
        let reason = format!("{} has no steps, so there is nothing to explore", scenario.name);
        return Err(PlayerError::Unexplorable(reason));
    }
    if scenario.origin == Origin::Script {
        for step in &scenario.steps {
            let command = read(&step.sql, Strings::default()).pieces.into_iter().find_map(
                |piece| match piece {
                    Piece::Command(command) => Some(command.name),
                    Piece::Statement(_) => None,
                },
            );
            if let Some(command) = command {
                return Err(PlayerError::Unexplorable(format!(
                    "the step \"{}\" has psql's \\{command}: only steps of SQL can be explored",
                    step.name
                )));
            }
        }
    }
    if !matches!(production.engine, EngineKind::Postgres | EngineKind::Optimistic) {
        let reason = format!(
            "{} cannot be explored: what steps touch is measured by what PostgreSQL notes of reads",
            production.engine
        );
        return Err(PlayerError::Unexplorable(reason));
    }
    Ok(())
}

/// The statements of a step, each sent by itself as psql does; isolationtester sends a step as it
/// is.
fn statements(scenario: &Scenario, sql: &str) -> Vec<String> {
    if scenario.origin == Origin::Specification {
        return vec![sql.to_owned()];
    }
    let all = split(sql, Strings::default());
    let all: Vec<String> =
        all.iter().filter(|it| !it.is_empty).map(|it| it.text.to_owned()).collect();
    // A mere comment is sent, too: the server answers it.
    if all.is_empty() { vec![sql.to_owned()] } else { all }
}

/// What is asked at the end: the `finally` part's statements, then the invariants.
fn finale(scenario: &Scenario) -> Vec<String> {
    let finally = scenario.finally.iter().flat_map(|finally| statements(scenario, &finally.sql));
    finally.chain(scenario.invariants.iter().map(|invariant| invariant.sql.clone())).collect()
}

/// Whether a step does more than to change rows of tables that are there.
fn makes_tables(sql: &str) -> bool {
    split(sql, Strings::default()).iter().any(|statement| {
        matches!(
            verb(&words(statement.text, Strings::default())),
            Verb::Ddl
                | Verb::SelectInto
                | Verb::Maintenance
                | Verb::Call
                | Verb::PrepareTransaction
                | Verb::CommitPrepared
                | Verb::RollbackPrepared
                | Verb::Other
        )
    })
}

/// Whether a step may end its transaction well.
pub(super) fn commits(sql: &str) -> bool {
    let statements = split(sql, Strings::default());
    statements.iter().any(|it| verb(&words(it.text, Strings::default())) == Verb::Commit)
}

/// For each session, whether its steps leave nothing in it but a transaction: no settings, no
/// temporary tables, no locks that outlast a transaction.
pub(in crate::explorer) fn are_plain(scenario: &Scenario) -> Vec<bool> {
    let sessions = scenario.sessions.iter().map(|player| {
        let steps = scenario.steps.iter().filter(|step| step.session == player.name);
        let setup = player.setup.iter().map(|setup| setup.sql.as_str());
        setup.chain(steps.map(|step| step.sql.as_str())).all(is_plain)
    });
    sessions.collect()
}

fn is_plain(sql: &str) -> bool {
    split(sql, Strings::default()).iter().all(|statement| {
        let words = words(statement.text, Strings::default());
        let verb = verb(&words);
        let is_known = verb.is_dml()
            || verb.is_transaction_control()
            || matches!(verb, Verb::Empty | Verb::Show);
        let mut names = words.iter().filter_map(Word::name);
        is_known && !names.any(|name| name.starts_with("pg_") || name == "set_config")
    })
}

/// Routines of somebody's may do anything to the session that calls them.
async fn has_routines(control: &Control) -> Result<bool, PlayerError> {
    Ok(control.cell(ROUTINES).await?.as_deref() == Some("t"))
}

const ROUTINES: &str = "select exists (select from pg_catalog.pg_proc p \
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema')";
