//! Witnesses as files: each as a scenario that plays it, all as isolationtester's permutations.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre;
use tokio_util::sync::CancellationToken;

use crate::commands::exit::Failure;
use crate::core::scenario::{Launch, Schedule, Schedules, sql_file};
use crate::explorer::exploration::Exploration;
use crate::explorer::report::{in_order, permutations};
use crate::reports::scenario_export::{Performance, replay};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::headless::{Patience, play};

/// No step of a witness takes long: it has been played already.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes the files into the folder; their names tell the level where there are several.
pub(super) async fn write(
    engines: &Engines,
    production: &Production,
    explored: &Exploration,
    folder: &Path,
    several: bool,
    interrupted: &CancellationToken,
) -> eyre::Result<()> {
    let cannot = |path: &Path, error: std::io::Error| {
        Failure::misuse(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let mut stem = explored.scenario.name.replace('/', "-");
    if several {
        stem = format!("{stem}-{}-{}", explored.engine, explored.level.as_argument());
    }
    let path = folder.join(format!("{stem}-witnesses.spec"));
    fs::write(&path, permutations(explored)).map_err(|error| cannot(&path, error))?;
    for (nth, class) in in_order(explored).into_iter().enumerate() {
        if interrupted.is_cancelled() {
            break;
        }
        if let Some(text) = witness(engines, production, explored, class, interrupted).await? {
            let path = folder.join(format!("{stem}-{}.sql", nth + 1));
            fs::write(&path, text).map_err(|error| cannot(&path, error))?;
        }
    }
    Ok(())
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
    let schedule = schedule(explored, class);
    let mut scenario = (*production.scenario).clone();
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
        scenario: &played.scenario,
        schedule: &played.schedule,
        cast: &cast,
        engine: played.engine.kind,
        isolation: played.engine.isolation,
        events: &played.events,
    });
    Ok(replayed.map(|scenario| sql_file::render(&scenario)))
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
