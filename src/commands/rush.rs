//! `overbooked rush`: from the command line's words to a rush, on a screen or without one, and its
//! table.

use std::io::{IsTerminal as _, Write as _};

use color_eyre::eyre::{self, WrapErr as _};
use futures::stream;

use crate::commands::cli::{EngineChoice, RushArgs};
use crate::commands::config::Config;
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch::{self, settings};
use crate::commands::log;
use crate::core::error_chain::with_causes;
use crate::core::scenario::EngineKind;
use crate::gateway::{self, LocalGateway};
use crate::pg::Target;
use crate::rush::board::Board;
use crate::rush::headless::headless;
use crate::rush::options::Options;
use crate::rush::table;
use crate::tui::recording::Recording;
use crate::tui::rush::{Leaving, show};
use crate::tui::screen::{Screen, inputs};
use crate::tui::theme::Theme;

/// The title of a recording.
const RECORDED_AS: &str = "The rush";

/// Runs the rush, and writes its table where it was asked for.
pub fn run(arguments: &RushArgs) -> eyre::Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().wrap_err("cannot start the runtime")?;
    runtime.block_on(open(arguments))
}

async fn open(arguments: &RushArgs) -> eyre::Result<Exit> {
    check(arguments)?;
    let config = settings::configuration(arguments.config.as_deref())?;
    let _log = config.log.as_deref().map(log::start).transpose()?;
    let theme = theme(arguments, &config)?;
    let engine = settings::engine_of(arguments.engine.clone(), &config);
    let engines = launch::engine(&engine).await?;
    let open_engine = engines.open(EngineKind::Postgres).await.map_err(Failure::from)?;
    let sold = match engine.engine {
        Some(EngineChoice::Optimistic) => {
            sell_optimistically(arguments, theme.as_ref(), &open_engine.target).await
        }
        Some(EngineChoice::Postgres) | None => {
            sell(arguments, theme.as_ref(), &open_engine.target).await
        }
    };
    launch::stop(&engines).await?;
    let Sold { board, interrupted } = sold?;
    write(&board, &arguments.rush)?;
    Ok(match (interrupted, board.holds()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Broken,
    })
}

fn check(arguments: &RushArgs) -> Result<(), Failure> {
    if arguments.engine.isolation.is_some() {
        let why = "--isolation does not apply to rush: each strategy uses the level it needs";
        return Err(Failure::misuse(why));
    }
    arguments.rush.check().map_err(|error| Failure::misuse(error.to_string()))
}

/// The screen's colours; none where there is no screen.
fn theme(arguments: &RushArgs, config: &Config) -> Result<Option<Theme>, Failure> {
    let named = arguments.theme.as_deref();
    let is_seen = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_seen && !arguments.rush.headless {
        return settings::theme(named, config).map(Some);
    }
    settings::check_theme(named, config)?;
    match arguments.record {
        Some(_) => Err(Failure::misuse("--record needs a terminal to record")),
        None => Ok(None),
    }
}

/// All strategies have the optimistic engine before the database.
async fn sell_optimistically(
    arguments: &RushArgs,
    theme: Option<&Theme>,
    database: &Target,
) -> eyre::Result<Sold> {
    let gateway =
        LocalGateway::start(gateway::Options::new(database.clone())).await.map_err(|error| {
            Failure::unreachable(format!("the optimistic engine: {}", with_causes(&error)))
        })?;
    let sold = sell(arguments, theme, gateway.target()).await;
    gateway.stop().await;
    sold
}

/// What a rush came to.
struct Sold {
    board: Board,
    interrupted: bool,
}

async fn sell(arguments: &RushArgs, theme: Option<&Theme>, target: &Target) -> eyre::Result<Sold> {
    let RushArgs { rush: options, record, .. } = arguments;
    match theme {
        Some(theme) => {
            let recording = launch::recording(record.as_deref(), RECORDED_AS)?;
            seen(options, theme, target, recording).await
        }
        None => unseen(options, target).await,
    }
}

async fn unseen(options: &Options, target: &Target) -> eyre::Result<Sold> {
    let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
    let board = headless(options, target, interrupted.child_token()).await;
    let board = board.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    Ok(Sold { board, interrupted: interrupted.is_cancelled() })
}

async fn seen(
    options: &Options,
    theme: &Theme,
    target: &Target,
    recording: Recording,
) -> eyre::Result<Sold> {
    let Recording { tape, troubles, ending } = recording;
    let input = inputs().wrap_err("cannot listen to the terminal")?;
    let mut input = stream::select(input, troubles);
    let mut screen = Screen::open(tape).wrap_err("cannot take the terminal")?;
    let leaving = Leaving::WhenAsked;
    let left = show(screen.terminal(), &mut input, theme, options, target, leaving).await;
    drop((screen, input));
    launch::end(ending)?;
    let left = left.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    Ok(Sold { board: left.board, interrupted: left.interrupted })
}

fn write(board: &Board, options: &Options) -> eyre::Result<()> {
    let text = table::render(board, options);
    match &options.output {
        None => Ok(std::io::stdout().write_all(text.as_bytes())?),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::misuse(format!("cannot write {}: {error}", path.display())).into()
        }),
    }
}
