//! Witnesses as files: each as a scenario that plays it, all as isolationtester's permutations.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre;
use tokio_util::sync::CancellationToken;

use crate::commands::exit::Failure;
use crate::commands::explore::progress::Order;
use crate::core::scenario::{EngineKind, Launch, Scenario, Schedule, Schedules, Step, sql_file};
use crate::explorer::exploration::Exploration;
use crate::explorer::report::{every_permutation, in_order, permutations};
use crate::reports::scenario_export::{PATIENCE, Performance, PlayedBy, replay};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::headless::{Patience, play};

/// PostgreSQL's `deadlock_detected`.
const DEADLOCK: &str = "40P01";
const TIMEOUT: &str = "deadlock_timeout";

/// No step of a witness takes long: it has been played already.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Where files are written.
pub(super) struct Files<'a> {
    folder: &'a Path,
    /// What their names begin with.
    stem: String,
}

impl<'a> Files<'a> {
    /// Their names tell the level where there are several.
    pub(super) fn new(folder: &'a Path, explored: &Exploration, several: bool) -> Self {
        let mut stem = explored.scenario.name.replace('/', "-");
        if several {
            stem = format!("{stem}-{}-{}", explored.engine, explored.level.as_argument());
        }
        Self { folder, stem }
    }

    /// Writes the witnesses.
    pub(super) async fn write(
        &self,
        engines: &Engines,
        production: &Production,
        explored: &Exploration,
        interrupted: &CancellationToken,
    ) -> eyre::Result<()> {
        self.write_specification("witnesses", permutations(explored))?;
        for (nth, class) in in_order(explored).into_iter().enumerate() {
            if interrupted.is_cancelled() {
                break;
            }
            let witness = witness(engines, production, explored, class, interrupted).await?;
            if let Some(text) = witness {
                self.write_file(&format!("{}.sql", nth + 1), &text)?;
            }
        }
        Ok(())
    }

    /// Writes every order that was played.
    pub(super) fn write_orders(
        &self,
        explored: &Exploration,
        mut orders: Vec<Order>,
    ) -> eyre::Result<()> {
        orders.sort_unstable();
        // An order is told again where the search has begun again.
        orders.dedup_by(|one, other| one.0 == other.0);
        self.write_specification("orders", every_permutation(explored, &orders))
    }

    fn write_specification(&self, what: &str, text: Result<String, String>) -> eyre::Result<()> {
        match text {
            Ok(text) => self.write_file(&format!("{what}.spec"), &text),
            Err(reason) => {
                let file = format!("{}-{what}.spec", self.stem);
                writeln!(std::io::stderr(), "{file} is not written: {reason}")?;
                Ok(())
            }
        }
    }

    fn write_file(&self, ending: &str, text: &str) -> eyre::Result<()> {
        let path = self.folder.join(format!("{}-{ending}", self.stem));
        fs::create_dir_all(self.folder).and_then(|()| fs::write(&path, text)).map_err(|error| {
            Failure::misuse(format!("cannot write {}: {error}", path.display())).into()
        })
    }
}

/// The witness of a class as a scenario, with what came of each step; nothing where it could not be
/// played to its end.
async fn witness(
    engines: &Engines,
    production: &Production,
    explored: &Exploration,
    class: usize,
    interrupted: &CancellationToken,
) -> eyre::Result<Option<String>> {
    let mut schedule = schedule(explored, class);
    let mut scenario = (*production.scenario).clone();
    be_patient(explored, class, &mut scenario, &mut schedule);
    scenario.schedules = Schedules::Listed(vec![schedule.clone()]);
    scenario.title = format!("{}: {}", scenario.title, explored.names[class]);
    let production = Production {
        scenario: Arc::new(scenario),
        schedule: Arc::new(schedule),
        ..production.clone()
    };
    let patience = Patience::with_steps(STEP_TIMEOUT);
    let played = play(engines, production, patience, interrupted).await;
    let played = played.map_err(|error| Failure::misuse(error.to_string()))?;
    let cast: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    let replayed = replay(&Performance {
        by: PlayedBy::Explorer,
        scenario: &played.scenario,
        schedule: &played.schedule,
        cast: &cast,
        engine: played.engine.kind,
        isolation: played.engine.isolation,
        events: &played.events,
    });
    Ok(replayed.map(|scenario| sql_file::render(&scenario)))
}

/// Whoever is not refused waits longer before it looks for a deadlock, so that whoever was the
/// victim of one is its victim again. A scenario that says itself who waits how long is left alone.
fn be_patient(
    explored: &Exploration,
    class: usize,
    scenario: &mut Scenario,
    schedule: &mut Schedule,
) {
    let outcome = &explored.found.classes[class].class.outcome;
    let is_victim = |session: usize| {
        let replies = outcome.replies.get(session).into_iter().flatten();
        replies.into_iter().any(|reply| reply.failures().any(|code| code == DEADLOCK))
    };
    let says_itself = scenario.steps.iter().any(|step| step.sql.contains(TIMEOUT))
        || scenario.sessions.iter().flat_map(|it| &it.setup).any(|it| it.sql.contains(TIMEOUT));
    let is_ours = explored.engine == EngineKind::Postgres && !says_itself;
    let sessions = 0..scenario.sessions.len();
    if !is_ours || !sessions.clone().any(is_victim) {
        return;
    }
    for session in sessions.filter(|session| !is_victim(*session)) {
        let name = scenario.sessions[session].name.clone();
        schedule.launches.insert(0, Launch { step: scenario.steps.len(), markers: Vec::new() });
        scenario.steps.push(Step {
            name: format!("{name}: is patient"),
            session: name,
            narration: "is patient".to_owned(),
            sql: PATIENCE.to_owned(),
            expectations: Vec::new(),
            line: 0,
        });
    }
}

fn schedule(explored: &Exploration, class: usize) -> Schedule {
    let mut next = vec![0; explored.program.sessions.len()];
    let turns = explored.found.classes[class].class.witness.iter();
    let launches = turns.filter_map(|&session| {
        let step = *explored.program.sessions[session].get(next[session])?;
        next[session] += 1;
        Some(Launch { step, markers: Vec::new() })
    });
    Schedule { launches: launches.collect() }
}
