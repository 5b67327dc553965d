//! Opens the console, with one engine or both: settings from the command line, the environment and
//! the configuration file, then engine, run and screen.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr as _};
use futures::{FutureExt as _, stream};
use tokio::sync::mpsc;

use crate::commands::cli::{ConsoleArgs, OwnTablesArgs};
use crate::commands::compare;
use crate::commands::config::Config;
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch::{self, history, settings};
use crate::commands::log;
use crate::commands::own_files;
use crate::commands::own_tables;
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Scenario, library};
use crate::debugger::Debugger;
use crate::explorer::exploration::{Options, explore_scenario};
use crate::pg::Environment;
use crate::room;
use crate::run::engines::Engines;
use crate::run::{Ending, Production, Run};
use crate::stage::audience::{Arrivals, Invitation};
use crate::stage::exploring::Told;
use crate::stage::own_files::OwnFiles;
use crate::stage::room::Order;
use crate::stage::{self, EngineCount};
use crate::tui::app::Setting;
use crate::tui::history::History;
use crate::tui::recording::Recording;
use crate::tui::screen::{Input, Screen, Signal, inputs};
use crate::tui::{self, Console, Ends};

/// Opens the console, and ends when its user leaves it.
pub fn open(arguments: ConsoleArgs, own: OwnTablesArgs) -> eyre::Result<Exit> {
    open_with(arguments, own, EngineCount::One)
}

/// Opens it with both engines at once; where there is no terminal, plays on both and prints how
/// they compare.
pub fn compare(arguments: ConsoleArgs) -> eyre::Result<Exit> {
    if arguments.engine.engine.is_some() {
        let words = "compare uses both engines; remove --engine".to_owned();
        return Err(Failure::misuse(words).into());
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        open_with(arguments, OwnTablesArgs::default(), EngineCount::Both)
    } else {
        compare::run(&arguments)
    }
}

fn open_with(
    arguments: ConsoleArgs,
    own: OwnTablesArgs,
    engines: EngineCount,
) -> eyre::Result<Exit> {
    let config = settings::configuration(arguments.config.as_deref())?;
    let _log = arguments.log.as_ref().or(config.log.as_ref()).map(|p| log::start(p)).transpose()?;
    let mut engine = settings::engine_of(arguments.engine.clone(), &config);
    let (scenario, files) = if own.is_asked_for() {
        engine = own_tables::engine(engine, &Environment::of_process());
        (own_tables::scenario(own)?, OwnFiles::default())
    } else {
        own_files::opened(&arguments.scenario, arguments.permutation)?
    };
    let setting = setting(&arguments, &config, files)?;
    need_a_terminal()?;
    let recording = launch::recording(arguments.record.as_deref(), &scenario.title)?;
    let kind = engine.engine.map(EngineKind::from).filter(|_| engines == EngineCount::One);
    let production = Production {
        schedule: Arc::new(scenario.schedules.first()),
        engine: kind.unwrap_or_else(|| scenario.first_engine()),
        scenario: Arc::new(scenario),
        isolation: engine.isolation,
    };
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    let named = arguments.history.or(config.history);
    let (troubles, told) = mpsc::unbounded_channel();
    let room = Some(RoomPlan {
        address: arguments.room.unwrap_or_default(),
        is_open: arguments.room.is_some(),
        screen: troubles.clone(),
    });
    let history = history::open(named.as_deref(), troubles.clone());
    let explored = Some(troubles);
    let beside = Beside { recording, history, troubles: told, explored, debugger: None, room };
    runtime.block_on(async {
        let servers = launch::guarded_engine(&engine).await?;
        let servers = servers.with_etcd(arguments.etcd.source());
        Box::pin(play(servers, production, engines, setting, beside)).await
    })
}

/// What is kept beside the screen: what it shows, what is typed.
pub(super) struct Beside {
    pub(super) recording: Recording,
    pub(super) history: History,
    /// What goes wrong with the history, and what else is to be said.
    pub(super) troubles: mpsc::UnboundedReceiver<io::Result<Input>>,
    /// Where explorations tell of themselves, where they can be had.
    pub(super) explored: Option<mpsc::UnboundedSender<io::Result<Input>>>,
    /// Who holds other programs' statements, if anybody does.
    pub(super) debugger: Option<Arc<Debugger>>,
    /// The room in which others can follow, if there can be one.
    pub(super) room: Option<RoomPlan>,
}

/// Where a room would be, and whether it is open from the beginning.
pub(super) struct RoomPlan {
    address: room::Address,
    is_open: bool,
    /// What it tells comes up there.
    screen: mpsc::UnboundedSender<io::Result<Input>>,
}

impl RoomPlan {
    /// A task that opens and closes it as it is told; it ends with the sender.
    fn keep(self, invitation: Invitation) -> mpsc::UnboundedSender<Order> {
        let (orders, obeyed) = mpsc::unbounded_channel();
        let Self { address, is_open, screen } = self;
        if is_open {
            let _ = orders.send(Order::Open);
        }
        let say: room::Say = Arc::new(move |news| screen.send(Ok(Input::Room(news))).is_ok());
        tokio::spawn(room::keep(address, invitation, obeyed, say));
        orders
    }
}

/// Shows the console, and stops the engines behind it.
async fn play(
    engines: Engines,
    production: Production,
    count: EngineCount,
    setting: Setting,
    beside: Beside,
) -> eyre::Result<Exit> {
    let played = Box::pin(play_on(&engines, production, count, setting, beside)).await;
    launch::stop(&engines).await?;
    played
}

/// Shows the console until its user leaves, and tidies up what was played.
pub(super) async fn play_on(
    engines: &Engines,
    production: Production,
    count: EngineCount,
    setting: Setting,
    beside: Beside,
) -> eyre::Result<Exit> {
    if count == EngineCount::Both {
        launch::need_both(engines)?;
    }
    let production = engines.fit(production);
    let (start, mut endings) = runs_on(engines.clone());
    // A defect of ours on the screen must not cut the sessions off either.
    let (invitation, arrivals) = Arrivals::invited();
    let Beside { recording, history, troubles, explored, debugger, room } = beside;
    let explore = explored.map(|told| exploring(engines.clone(), told));
    let room = room.map(|room| room.keep(invitation));
    let console = Console {
        start,
        production,
        engines: count,
        setting,
        history,
        arrivals,
        explore,
        debugger,
        room,
    };
    let shown = Box::pin(show(console, recording, troubles));
    let shown = AssertUnwindSafe(shown).catch_unwind().await;
    while let Some(mut ending) = endings.recv().await {
        while let Some(untidy) = ending.next().await {
            // Where the terminal is gone nobody reads it, and the rest is tidied up all the same.
            let _ = writeln!(std::io::stderr(), "overbooked: {untidy}");
        }
        ending.end().await;
    }
    shown.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Starts runs on the same engines, and tells the end of each: all of them must have tidied up
/// before the server is stopped.
fn runs_on(engines: Engines) -> (tui::StartRun, mpsc::UnboundedReceiver<Ending>) {
    let (endings_out, endings) = mpsc::unbounded_channel();
    let start = move |production| {
        let (commands, reports, ending) = Run::start(engines.clone(), production).split();
        // Whoever waits for the endings outlives the screen.
        let _ = endings_out.send(ending);
        Ends { commands, reports }
    };
    (Box::new(start), endings)
}

/// Explores on the same engines, in places of its own.
fn exploring(
    engines: Engines,
    screen: mpsc::UnboundedSender<io::Result<Input>>,
) -> tui::StartExploration {
    Box::new(move |wanted, stop| {
        let (engines, screen) = (engines.clone(), screen.clone());
        Box::pin(async move {
            let number = wanted.number;
            let tell = |told| {
                // Who does not listen any more has left.
                let _ = screen.send(Ok(Input::Explored(number, Box::new(told))));
            };
            let production = Production {
                schedule: Arc::new(wanted.scenario.schedules.first()),
                scenario: wanted.scenario,
                engine: wanted.engine,
                isolation: Some(wanted.isolation),
            };
            let (news, mut heard) = mpsc::unbounded_channel();
            let explored = async {
                let options = Options { repeat: 1, jobs: 1, ..Options::default() };
                let explored = explore_scenario(&engines, &production, options, &news, &stop).await;
                drop(news);
                explored
            };
            let telling = async {
                while let Some(news) = heard.recv().await {
                    tell(Told::News(news));
                }
            };
            let (explored, ()) = tokio::join!(explored, telling);
            tell(match explored {
                Ok(explored) => {
                    let is_complete = explored.found.is_complete;
                    Told::Over { is_complete, took: explored.took }
                }
                Err(error) => Told::Failed(with_causes(&error)),
            });
        })
    })
}

/// The screen, given back before anything else is said.
async fn show(
    console: Console,
    recording: Recording,
    mut told: mpsc::UnboundedReceiver<io::Result<Input>>,
) -> eyre::Result<Exit> {
    let Recording { tape, troubles, ending } = recording;
    let input = inputs().wrap_err("cannot listen to the terminal")?;
    let told = stream::poll_fn(move |context| told.poll_recv(context));
    let mut input = stream::select(input, stream::select(troubles, told));
    let mut screen = Screen::open(tape).wrap_err("cannot take the terminal")?;
    let exit = Box::pin(tui::run(screen.terminal(), &mut input, console)).await;
    drop((screen, input));
    let recorded = launch::end(ending);
    let exit = exit?;
    recorded?;
    Ok(match exit {
        tui::Exit::Quit => Exit::Fine,
        tui::Exit::Signal(Signal::Interrupt | Signal::Terminate | Signal::HangUp)
        | tui::Exit::NoInput => Exit::Interrupted,
    })
}

fn setting(arguments: &ConsoleArgs, config: &Config, own: OwnFiles) -> Result<Setting, Failure> {
    Ok(Setting {
        theme: settings::theme(arguments.theme.as_deref(), config)?,
        stage: stage::Setting {
            keys: config.keys.clone(),
            library: every_scenario(),
            own,
            pace: config.pace,
            debugging: None,
            opening: config.opening,
        },
    })
}

/// What can be picked with a key; a test keeps every one of them readable.
pub(super) fn every_scenario() -> Vec<Arc<Scenario>> {
    library::ENTRIES.iter().filter_map(|entry| entry.scenario().ok()).map(Arc::new).collect()
}

pub(super) fn need_a_terminal() -> Result<(), Failure> {
    let which = match (std::io::stdin().is_terminal(), std::io::stdout().is_terminal()) {
        (true, true) => return Ok(()),
        (false, _) => "stdin",
        (true, false) => "stdout",
    };
    let words = format!("{which} is not a terminal; use `overbooked play` in pipes");
    Err(Failure::misuse(words))
}
