//! `overbooked debug`: other people's programs on the stage, held and stepped statement by
//! statement.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::commands::cli::{DebugArgs, EngineArgs, OwnTablesArgs};
use crate::commands::config::Config;
use crate::commands::console::{self, Beside};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch::{self, history, settings};
use crate::commands::own_tables;
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Scenario};
use crate::debugger::Debugger;
use crate::debugger::breakpoints::{Breakpoint, HoldMode, Rules};
use crate::debugger::gate::Gate;
use crate::debugger::tables::TableName;
use crate::pg::{Environment, Target};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::guests::Entrance;
use crate::stage::debugging::Debugging;
use crate::stage::own_files::OwnFiles;
use crate::stage::{self, EngineCount};
use crate::tui::app::Setting;
use crate::tui::screen::Input;

/// Opens the console with the programs' statements on it, until its user leaves.
pub fn run(arguments: &DebugArgs) -> eyre::Result<Exit> {
    let config = settings::configuration(arguments.config.as_deref())?;
    let wanted = Wanted::read(arguments)?;
    let engine = own_tables::engine(arguments.engine.clone(), &Environment::of_process());
    let production = production(arguments, &engine)?;
    console::need_a_terminal()?;
    wanted.addresses().iter().try_for_each(check_address)?;
    let setting = setting(arguments, &config, !wanted.gates.is_empty())?;
    let recording = launch::recording(None, "debugger")?;
    let (troubles, told) = mpsc::unbounded_channel();
    let history = history::open(config.history.as_deref(), troubles.clone());
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(async {
        let engines = launch::guarded_engine(&engine).await?;
        let opened = Debugged::open(&wanted, &engines, production.engine, troubles).await?;
        let debugger = Some(Arc::clone(&opened.debugger));
        let beside = Beside { recording, history, troubles: told, debugger };
        let console =
            console::play_on(&opened.engines, production, EngineCount::One, setting, beside);
        let played = Box::pin(console).await;
        opened.close().await;
        launch::stop(&engines).await?;
        played
    })
}

/// What the command line asks for.
struct Wanted {
    listen: SocketAddr,
    rules: Rules,
    /// Who comes by which port of its own.
    actors: Vec<(String, SocketAddr)>,
    /// The tables in which statements can meet.
    gates: Vec<TableName>,
}

impl Wanted {
    fn read(arguments: &DebugArgs) -> Result<Self, Failure> {
        Ok(Self {
            listen: arguments.listen,
            rules: rules(arguments)?,
            actors: actors(&arguments.actor)?,
            gates: gates(&arguments.gate)?,
        })
    }

    /// Where to listen: for everybody first.
    fn addresses(&self) -> Vec<SocketAddr> {
        let own = self.actors.iter().map(|(_, address)| *address);
        std::iter::once(self.listen).chain(own).collect()
    }
}

/// The debugger, and the engines with its way in.
struct Debugged {
    debugger: Arc<Debugger>,
    engines: Engines,
    opening: JoinHandle<()>,
}

impl Debugged {
    async fn open(
        wanted: &Wanted,
        engines: &Engines,
        kind: EngineKind,
        news: mpsc::UnboundedSender<io::Result<Input>>,
    ) -> eyre::Result<Self> {
        let ports = wanted.actors.iter().map(|(name, address)| (*address, name.clone()));
        let (debugger, told) = Debugger::start(wanted.rules.clone(), ports.collect());
        let hooks = Arc::clone(&debugger);
        let (entrance, opened) = Entrance::new(wanted.addresses(), hooks, told);
        let database = engines.open(kind).await.map_err(Failure::from)?.target;
        let names = wanted.actors.iter().map(|(name, _)| name.clone()).collect();
        let ways = Ways { database, names, gates: wanted.gates.clone() };
        let opening = tokio::spawn(ways.tell(opened, Arc::clone(&debugger), news));
        let engines = engines.clone().with_entrance(entrance);
        Ok(Self { debugger, engines, opening })
    }

    /// Takes away what was made in the database, as long as that lives.
    async fn close(self) {
        self.opening.abort();
        if let Some(gate) = self.debugger.take_gate()
            && let Err(error) = gate.remove().await
        {
            launch::name(&[with_causes(&error)]);
        }
    }
}

/// What is to be said of the ways in.
struct Ways {
    database: Target,
    names: Vec<String>,
    gates: Vec<TableName>,
}

impl Ways {
    /// Tells each time that the way in is open. The gate is made before, and behind the setup,
    /// which may have made its table.
    async fn tell(
        self,
        mut opened: mpsc::UnboundedReceiver<Vec<SocketAddr>>,
        debugger: Arc<Debugger>,
        news: mpsc::UnboundedSender<io::Result<Input>>,
    ) {
        while let Some(addresses) = opened.recv().await {
            if !self.gates.is_empty() && !debugger.has_gate() {
                match Gate::make(&self.database, &self.gates).await {
                    Ok(gate) => debugger.use_gate(gate),
                    Err(error) => drop(news.send(Ok(Input::Trouble(with_causes(&error))))),
                }
            }
            let (user, database) = (self.database.user(), self.database.database());
            let ways = ways_in(&addresses, &self.names, user, database);
            // Who does not listen any more has left.
            let _ = news.send(Ok(Input::Opened(ways)));
        }
    }
}

/// What the run is about: the tables, and nobody of ours.
fn production(arguments: &DebugArgs, engine: &EngineArgs) -> Result<Production, Failure> {
    let own = OwnTablesArgs {
        watch: arguments.watch.clone(),
        sessions: None,
        setup: arguments.setup.clone(),
    };
    let scenario = Scenario { sessions: Vec::new(), ..own_tables::scenario(own)? };
    Ok(Production {
        schedule: Arc::new(scenario.schedules.first()),
        engine: engine.engine.map_or(EngineKind::Postgres, EngineKind::from),
        scenario: Arc::new(scenario),
        isolation: engine.isolation,
    })
}

fn setting(arguments: &DebugArgs, config: &Config, has_gate: bool) -> Result<Setting, Failure> {
    Ok(Setting {
        theme: settings::theme(arguments.theme.as_deref(), config)?,
        stage: stage::Setting {
            keys: config.keys.clone().for_debugging(),
            library: Vec::new(),
            own: OwnFiles::default(),
            pace: config.pace,
            debugging: Some(Debugging { has_gate, ..Debugging::default() }),
            opening: config.opening,
        },
    })
}

fn gates(given: &[String]) -> Result<Vec<TableName>, Failure> {
    let read = |text: &String| {
        let words = || format!("--gate: {text:?} is not a table's name; write seats or shop.seats");
        TableName::read(text).ok_or_else(|| Failure::misuse(words()))
    };
    given.iter().map(read).collect()
}

/// Whether somebody listens there already: said before the screen is taken.
fn check_address(address: &SocketAddr) -> Result<(), Failure> {
    let failed = |error| {
        Failure::misuse(format!("cannot listen on {address}: {error}; choose another port"))
    };
    std::net::TcpListener::bind(address).map(drop).map_err(failed)
}

fn rules(arguments: &DebugArgs) -> Result<Rules, Failure> {
    let mode: HoldMode =
        arguments.hold.parse().map_err(|error| Failure::misuse(format!("--hold: {error}")))?;
    let breakpoints: Result<Vec<Breakpoint>, Failure> = (arguments.breakpoints.iter())
        .map(|rule| rule.parse().map_err(|error| Failure::misuse(format!("--break: {error}"))))
        .collect();
    // Whether they are names was looked at before.
    let watched = arguments.watch.iter().filter_map(|name| TableName::read(name)).collect();
    Ok(Rules { mode, breakpoints: breakpoints?, watched })
}

/// Who comes by which port.
fn actors(given: &[String]) -> Result<Vec<(String, SocketAddr)>, Failure> {
    let read = |text: &String| {
        let wrong = || {
            Failure::misuse(format!(
                "--actor: {text:?} is not a name and an address; write alice=127.0.0.1:5441"
            ))
        };
        let (name, address) = text.split_once('=').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        Ok((name.to_owned(), address))
    };
    let actors: Vec<(String, SocketAddr)> =
        given.iter().map(read).collect::<Result<_, Failure>>()?;
    let mut ports = BTreeMap::new();
    for (name, address) in actors.iter().filter(|(_, address)| address.port() != 0) {
        if let Some(other) = ports.insert(address, name) {
            return Err(Failure::misuse(format!(
                "--actor: {other} and {name} would both come by {address}; give each a port of \
                 its own"
            )));
        }
    }
    Ok(actors)
}

/// How a program connects: what to put in the place of its database's address.
fn ways_in(addresses: &[SocketAddr], actors: &[String], user: &str, database: &str) -> Vec<String> {
    let names = std::iter::once("").chain(actors.iter().map(String::as_str));
    let way = |(address, name): (&SocketAddr, &str)| {
        let url = format!("DATABASE_URL=postgres://{user}@{address}/{database}");
        if name.is_empty() { url } else { format!("{url}   # {name}") }
    };
    addresses.iter().zip(names).map(way).collect()
}
