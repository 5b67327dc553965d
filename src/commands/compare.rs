//! `overbooked compare` without a terminal: the scenario played on both engines, one after the
//! other, and a table of what they answered.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};
use tokio_util::sync::CancellationToken;

use super::play::{level_note, report, stopped};
use crate::commands::cli::ConsoleArgs;
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::commands::own_files;
use crate::core::scenario::{EngineKind, Scenario};
use crate::reports::engine_diff::{Account, Side, table};
use crate::reports::transcript::Options;
use crate::run::engines::Engines;
use crate::run::headless::{Patience, Played, play};
use crate::run::{Production, lasting_of};

/// After how long a step that neither ends nor waits is given up.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Plays on both, and prints how they compare.
pub fn run(arguments: &ConsoleArgs) -> eyre::Result<Exit> {
    if arguments.scenario.len() > 1 {
        let words = "compare without a terminal takes one scenario; name them one by one";
        return Err(Failure::misuse(words).into());
    }
    let (scenario, _) = own_files::opened(&arguments.scenario, arguments.permutation)?;
    let scenario = Arc::new(scenario);
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(async {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        match launch::engine_unless(&interrupted, &arguments.engine).await? {
            Some(engines) => {
                let engines = engines.with_etcd(arguments.etcd.source());
                compare(&engines, arguments, scenario, &interrupted).await
            }
            None => Ok(Exit::Interrupted),
        }
    })
}

async fn compare(
    engines: &Engines,
    arguments: &ConsoleArgs,
    scenario: Arc<Scenario>,
    interrupted: &CancellationToken,
) -> eyre::Result<Exit> {
    launch::need_both(engines)?;
    if let Err(refusal) = refuse_to_do_twice(engines, &scenario).await {
        engines.stop().await.map_err(Failure::from)?;
        return Err(refusal.into());
    }
    let played = play_on_both(engines, arguments, &scenario, interrupted).await;
    launch::stop(engines).await?;
    if interrupted.is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    let [above, below] = played?;
    let accounts = [&above, &below].map(account);
    let engines = [&above, &below].map(engine);
    let [above_side, below_side] =
        [0, 1].map(|half| Side { engine: &engines[half], account: &accounts[half] });
    let text = table(&scenario, &above.schedule, above_side, below_side);
    std::io::stdout().write_all(text.as_bytes())?;
    // The optimistic half has one level, and nothing to say of another.
    if let Some(note) = level_note(&above) {
        writeln!(std::io::stderr(), "{note}")?;
    }
    let broken = [&above, &below].into_iter().filter(|played| !played.is_kept());
    let told: String = broken.map(reproach).collect();
    std::io::stderr().write_all(told.as_bytes())?;
    Ok(if above.is_kept() && below.is_kept() { Exit::Fine } else { Exit::Broken })
}

/// A comparison plays everything twice, and nobody is there to be asked whether that may change
/// what is somebody's.
async fn refuse_to_do_twice(engines: &Engines, scenario: &Scenario) -> Result<(), Failure> {
    let lasting = lasting_of(scenario, &scenario.schedules.first());
    if lasting.is_empty() || !engines.is_kept().await {
        return Ok(());
    }
    let parts: Vec<String> = lasting.iter().map(ToString::to_string).collect();
    Err(Failure::misuse(format!(
        "comparing would play the scenario twice on this server and repeat its changes outside the \
         run's schema: {}; play it on one engine at a time, or compare on a private server",
        parts.join("; ")
    )))
}

async fn play_on_both(
    engines: &Engines,
    arguments: &ConsoleArgs,
    scenario: &Arc<Scenario>,
    interrupted: &CancellationToken,
) -> Result<[Played; 2], Failure> {
    let schedule = Arc::new(scenario.schedules.first());
    let production = |engine| Production {
        scenario: Arc::clone(scenario),
        schedule: Arc::clone(&schedule),
        engine,
        isolation: arguments.engine.isolation,
    };
    let play = async |engine| {
        let patience = Patience::with_steps(STEP_TIMEOUT);
        let played = play(engines, production(engine), patience, interrupted).await;
        played.map_err(|error| Failure::misuse(error.to_string()))
    };
    Ok([play(EngineKind::Postgres).await?, play(EngineKind::Optimistic).await?])
}

fn account(played: &Played) -> Account {
    let mut account = Account::default();
    played.events.iter().for_each(|event| account.apply(event));
    account
}

/// What was not as the file says on this engine: the table has no room for it, but it decides about
/// the exit code.
fn reproach(played: &Played) -> String {
    let stop = stopped(played);
    let engine = engine(played);
    let report = report(played, &engine, stop.as_deref(), Options::default());
    format!("{engine}: {}\n", report.summary().join("\n"))
}

fn engine(played: &Played) -> String {
    match played.engine.kind {
        EngineKind::Optimistic => played.engine.product.clone(),
        _ => format!("{}, {}", played.engine.product, played.engine.isolation.as_sql()),
    }
}
