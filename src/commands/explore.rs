//! `overbooked explore`: every order of a scenario's steps, grouped by what came of it.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use color_eyre::eyre::{self, WrapErr as _};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::commands::cli::{EngineArgs, ExploreArgs, ExploreFormat, WhichEngine, WhichLevel};
use crate::commands::exit::{Exit, Failure};
use crate::commands::explore_programs;
use crate::commands::launch;
use crate::commands::own_files;
use crate::commands::play::open_output;
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Isolation, Scenario, library};
use crate::explorer::expected::Expected;
use crate::explorer::exploration::{Exploration, Options, explore_scenario};
use crate::explorer::player::PlayerError;
use crate::explorer::report;
use crate::explorer::search::Mode;
use crate::run::Production;
use crate::run::engines::Engines;

mod export;
mod progress;

use progress::{Bar, Order, Orders};

/// How often witnesses are played again, if nothing else is said; programs take their time.
const REPEAT: u32 = 5;
const REPEAT_PROGRAMS: u32 = 1;

/// More players than this would only take each other's processors.
const MOST_JOBS: usize = 4;

/// Explores every scenario at every level and on every engine that was asked for.
pub fn run(arguments: &ExploreArgs) -> eyre::Result<Exit> {
    if !arguments.programs.actor.is_empty() {
        return run_programs(arguments);
    }
    if arguments.every_order
        && arguments.format != ExploreFormat::Json
        && arguments.export.is_none()
    {
        let words = "--every-order: each order is a line of --format json, or is written by \
                     --export DIR";
        return Err(Failure::misuse(words).into());
    }
    if let Some(option) = arguments.programs.option() {
        let words = format!("{option} is for programs: name them with --actor, and no scenario");
        return Err(Failure::misuse(words).into());
    }
    let names = own_files::each(&arguments.scenarios)?;
    let scenarios: Vec<Arc<Scenario>> = names
        .iter()
        .map(|name| Ok(Arc::new(library::open_to_test(name)?)))
        .collect::<Result<_, Failure>>()?;
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(async {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        let engine = arguments.engine_args();
        let Some(engines) = launch::engine_unless(&interrupted, &engine).await? else {
            return Ok(Exit::Interrupted);
        };
        let explored = explore_all(&engines, &scenarios, arguments, &interrupted).await;
        let stopped = launch::stop(&engines).await;
        let exit = explored?;
        stopped?;
        Ok(exit)
    })
}

/// Explores programs that nobody here wrote.
fn run_programs(arguments: &ExploreArgs) -> eyre::Result<Exit> {
    refuse_what_is_not_for_programs(arguments)?;
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(async {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        let engine = EngineArgs { isolation: arguments.level(), ..arguments.engine_args() };
        let Options { mode, budget, .. } = options(arguments);
        let repeat = arguments.repeat.unwrap_or(REPEAT_PROGRAMS);
        let manner = explore_programs::Manner { orders: mode, budget, repeat };
        let (news, heard) = unbounded_channel();
        let mut out = open_output(arguments.output.as_deref())?;
        let programs = &arguments.programs;
        let exploring = async {
            let told = explore_programs::run(programs, &engine, manner, &news, &interrupted).await;
            // Whoever listens is to stop.
            drop(news);
            told
        };
        let bar = Bar::of_programs();
        let nowhere = Orders { lines: None, kept: None };
        let (told, shown) = tokio::join!(exploring, bar.follow(heard, nowhere));
        shown.wrap_err("cannot write the output")?;
        let Some(told) = told? else { return Ok(Exit::Interrupted) };
        let text = document(&told.exploration, arguments.format);
        write!(out, "{text}").and_then(|()| out.flush()).wrap_err("cannot write the output")?;
        Ok(match (told.exploration.found.is_interrupted, told.is_wrong()) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::Broken,
            (false, false) => Exit::Fine,
        })
    })
}

/// Programs have no file whose head could say anything, and are started anew for each order.
fn refuse_what_is_not_for_programs(arguments: &ExploreArgs) -> Result<(), Failure> {
    let refused = [
        (
            wants_several(arguments),
            "programs are explored at one level and on one engine at a time",
        ),
        (
            arguments.jobs.is_some(),
            "--jobs is for scenarios: programs are played one order at a time",
        ),
        (
            arguments.every_step,
            "--every-step is for scenarios: the check is made when programs end",
        ),
        (arguments.every_order, "--every-order is for scenarios"),
        (arguments.export.is_some(), "--export is for scenarios; --plans DIR writes plans"),
    ];
    let found = refused.iter().find(|(is_asked, _)| *is_asked);
    found.map_or(Ok(()), |(_, words)| Err(Failure::misuse(format!("--actor: {words}"))))
}

async fn explore_all(
    engines: &Engines,
    scenarios: &[Arc<Scenario>],
    arguments: &ExploreArgs,
    interrupted: &CancellationToken,
) -> eyre::Result<Exit> {
    let mut out = open_output(arguments.output.as_deref())?;
    let mut exit = Exit::Fine;
    for scenario in scenarios {
        exit = exit.or(explore_one(engines, scenario, arguments, interrupted, &mut out).await?);
        if interrupted.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(exit)
}

async fn explore_one(
    engines: &Engines,
    scenario: &Arc<Scenario>,
    arguments: &ExploreArgs,
    interrupted: &CancellationToken,
    out: &mut Box<dyn std::io::Write>,
) -> eyre::Result<Exit> {
    let mut exit = Exit::Fine;
    let mut all = Vec::new();
    for production in productions(engines, scenario, arguments) {
        if !scenario.is_for(production.engine) {
            let name = &scenario.name;
            writeln!(
                std::io::stderr(),
                "{name}: not for the {} engine, skipped",
                production.engine
            )?;
            continue;
        }
        let (explored, orders) = explore(engines, &production, arguments, interrupted, out).await?;
        if let Some(folder) = &arguments.export {
            let several = wants_several(arguments);
            let files = export::Files::new(folder, &explored, several);
            files.write(engines, &production, &explored, interrupted).await?;
            if arguments.every_order {
                files.write_orders(&explored, orders)?;
            }
        }
        if !Expected::of(&explored).is_kept() {
            exit = Exit::Broken;
        }
        all.push(explored);
        if interrupted.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
    }
    if all.len() > 1 && arguments.format != ExploreFormat::Json {
        writeln!(out, "{}", report::levels(&all))?;
    }
    out.flush().wrap_err("cannot write the output")?;
    Ok(exit)
}

fn wants_several(arguments: &ExploreArgs) -> bool {
    arguments.isolation == Some(WhichLevel::All) || arguments.engine == Some(WhichEngine::All)
}

/// What is explored: the scenario on each engine at each level that was asked for.
fn productions(
    engines: &Engines,
    scenario: &Arc<Scenario>,
    arguments: &ExploreArgs,
) -> Vec<Production> {
    let kinds = match (engines.fixed(), arguments.engine) {
        (Some(fixed), _) => vec![fixed],
        (None, Some(WhichEngine::All)) => vec![EngineKind::Postgres, EngineKind::Optimistic],
        (None, Some(WhichEngine::Postgres)) => vec![EngineKind::Postgres],
        (None, Some(WhichEngine::Optimistic)) => vec![EngineKind::Optimistic],
        (None, None) => vec![scenario.first_engine()],
    };
    let levels = |kind: EngineKind| match arguments.isolation {
        None => vec![None],
        Some(WhichLevel::All) => kind.levels().iter().copied().map(Some).collect(),
        Some(WhichLevel::ReadCommitted) => vec![Some(Isolation::ReadCommitted)],
        Some(WhichLevel::RepeatableRead) => vec![Some(Isolation::RepeatableRead)],
        Some(WhichLevel::Serializable) => vec![Some(Isolation::Serializable)],
    };
    let each =
        kinds.into_iter().flat_map(|kind| levels(kind).into_iter().map(move |it| (kind, it)));
    each.map(|(engine, isolation)| Production {
        scenario: Arc::clone(scenario),
        schedule: Arc::new(scenario.schedules.first()),
        engine,
        isolation,
    })
    .collect()
}

async fn explore(
    engines: &Engines,
    production: &Production,
    arguments: &ExploreArgs,
    interrupted: &CancellationToken,
    out: &mut Box<dyn std::io::Write>,
) -> eyre::Result<(Exploration, Vec<Order>)> {
    let (news, heard) = unbounded_channel();
    let options = options(arguments);
    let exploring = async {
        let explored = explore_scenario(engines, production, options, &news, interrupted).await;
        // Whoever listens is to stop.
        drop(news);
        explored
    };
    let bar = Bar::new(&production.scenario, options);
    let mut orders = Vec::new();
    let to = Orders {
        lines: (arguments.format == ExploreFormat::Json).then_some(&mut **out as _),
        kept: arguments.export.is_some().then_some(&mut orders),
    };
    let (explored, told) = tokio::join!(exploring, bar.follow(heard, to));
    told.wrap_err("cannot write the output")?;
    let explored = explored.map_err(failure)?;
    let text = document(&explored, arguments.format);
    write!(out, "{text}").and_then(|()| out.flush()).wrap_err("cannot write the output")?;
    Ok((explored, orders))
}

fn document(explored: &Exploration, format: ExploreFormat) -> String {
    match format {
        ExploreFormat::Text => format!("{}\n", report::text(explored)),
        ExploreFormat::Markdown => format!("{}\n", report::markdown(explored)),
        ExploreFormat::Json => report::json(explored),
    }
}

fn options(arguments: &ExploreArgs) -> Options {
    let mode = match (arguments.sample, arguments.no_reduction) {
        (Some(orders), _) => Mode::Sample { orders, seed: arguments.seed },
        (None, true) => Mode::Every,
        (None, false) => Mode::Reduced,
    };
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    Options {
        mode,
        budget: arguments.budget,
        repeat: arguments.repeat.unwrap_or(REPEAT),
        jobs: arguments.jobs.map_or(processors.min(MOST_JOBS), NonZeroUsize::get),
        looks_after_steps: arguments.every_step,
        tells_orders: arguments.every_order,
    }
}

/// How the program ends when orders cannot be played.
fn failure(error: PlayerError) -> Failure {
    let sentence = with_causes(&error);
    match error {
        PlayerError::Engine(error) => Failure::from(error),
        PlayerError::Setup { .. }
        | PlayerError::Prelude { .. }
        | PlayerError::Endless { .. }
        | PlayerError::Unexplorable(_) => Failure::misuse(sentence),
        _ => Failure::unreachable(sentence),
    }
}
