//! `overbooked debug`: other people's programs on the stage, held and stepped statement by
//! statement.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr as _};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

mod headless;

use self::headless::Play;

use crate::commands::cli::{DebugArgs, EngineArgs, OwnTablesArgs};
use crate::commands::config::Config;
use crate::commands::console::{self, Beside};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch::{self, history, settings};
use crate::commands::own_tables;
use crate::commands::programs::{Place, Program, Running};
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Scenario};
use crate::debugger::Debugger;
use crate::debugger::breakpoints::{Breakpoint, HoldMode, Rules};
use crate::debugger::control::{Address, Control};
use crate::debugger::gate::Gate;
use crate::debugger::refusals::Rule;
use crate::debugger::replay::Programs as _;
use crate::debugger::tables::TableName;
use crate::debugger::verdict::Database;
use crate::pg::{Environment, Target};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::guests::Entrance;
use crate::stage::debugging::Debugging;
use crate::stage::own_files::OwnFiles;
use crate::stage::{self, EngineCount};
use crate::tui::app::Setting;
use crate::tui::screen::Input;

/// Opens the console with the programs' statements on it, until its user leaves; or plays a plan
/// without one.
pub fn run(arguments: &DebugArgs) -> eyre::Result<Exit> {
    let config = settings::configuration(arguments.config.as_deref())?;
    let mut wanted = Wanted::read(arguments, &config)?;
    let engine = own_tables::engine(arguments.engine.clone(), &Environment::of_process());
    let production = production(arguments, &engine)?;
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    if let Some(play) = Play::read(arguments, wanted.programs())? {
        wanted.rules.mode = HoldMode::Watch;
        wanted.listen = arguments.listen.unwrap_or(FREE);
        let gates = play.gates().iter().filter(|gate| !wanted.gates.contains(gate));
        let gates: Vec<TableName> = gates.cloned().collect();
        wanted.gates.extend(gates);
        wanted.addresses().iter().try_for_each(check_address)?;
        return runtime.block_on(Box::pin(play.run(&wanted, production, &engine)));
    }
    console::need_a_terminal()?;
    wanted.addresses().iter().try_for_each(check_address)?;
    let setting = setting(arguments, &config, !wanted.gates.is_empty())?;
    let recording = launch::recording(None, "debugger")?;
    let (troubles, told) = mpsc::unbounded_channel();
    let history = history::open(config.history.as_deref(), troubles.clone());
    runtime.block_on(async {
        let engines = launch::guarded_engine(&engine).await?;
        let opened = Arc::new(Debugged::open(&wanted, &engines, production.engine).await?);
        let debugger = Some(Arc::clone(&opened.debugger));
        let (explored, room) = (None, None);
        let beside = Beside { recording, history, troubles: told, explored, debugger, room };
        let screen = troubles.clone();
        let glance = move |overview| screen.send(Ok(Input::Debugger(Box::new(overview)))).is_ok();
        let glances = tokio::spawn(Arc::clone(&opened.debugger).tell_overviews(glance));
        let left = CancellationToken::new();
        let telling = tell(Arc::clone(&opened), wanted, troubles, left.clone());
        let telling = tokio::spawn(telling);
        let console =
            console::play_on(&opened.engines, production, EngineCount::One, setting, beside);
        let played = Box::pin(console).await;
        glances.abort();
        left.cancel();
        let _ = telling.await;
        opened.close().await;
        launch::stop(&engines).await?;
        opened.tell_refused()?;
        played
    })
}

/// Where it is listened for everybody, if nothing else was said.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5433);

/// Some port of this machine.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the command line asks for.
struct Wanted {
    listen: SocketAddr,
    rules: Rules,
    /// Who comes by a port of its own.
    actors: Vec<Actor>,
    /// The tables in which statements can meet.
    gates: Vec<TableName>,
    /// Where it is steered, beside where `overbooked ctl` looks by itself.
    control: Option<Address>,
    /// What is answered in the server's place.
    refuse: Vec<Rule>,
}

/// Somebody with a port of its own.
pub(super) struct Actor {
    pub(super) name: String,
    pub(super) way: Way,
}

pub(super) enum Way {
    /// Somebody else starts it.
    Port(SocketAddr),
    /// It is started behind a port by this command.
    Command(String),
}

impl Wanted {
    fn read(arguments: &DebugArgs, config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            listen: arguments.listen.unwrap_or(LISTEN),
            rules: rules(arguments, config)?,
            actors: actors(&arguments.actor)?,
            gates: gates(arguments)?,
            control: control_address(arguments)?,
            refuse: arguments.refuse.clone(),
        })
    }

    /// Where to listen: for everybody first, then for each with a port of its own.
    fn addresses(&self) -> Vec<SocketAddr> {
        let own = self.actors.iter().map(|actor| match actor.way {
            Way::Port(address) => address,
            Way::Command(_) => FREE,
        });
        std::iter::once(self.listen).chain(own).collect()
    }

    /// The programs that are to be started.
    fn programs(&self) -> Vec<Program> {
        let programs = self.actors.iter().filter_map(|actor| match &actor.way {
            Way::Command(command) => {
                Some(Program { actor: actor.name.clone(), command: command.clone() })
            }
            Way::Port(_) => None,
        });
        programs.collect()
    }
}

/// The debugger, and the engines with its way in.
struct Debugged {
    debugger: Arc<Debugger>,
    engines: Engines,
    /// The server behind everything.
    database: Target,
    opened: Mutex<mpsc::UnboundedReceiver<Vec<SocketAddr>>>,
    control: Control,
}

impl Debugged {
    async fn open(wanted: &Wanted, engines: &Engines, kind: EngineKind) -> eyre::Result<Self> {
        let (debugger, told) = Debugger::start(wanted.rules.clone());
        let control = Control::start(&debugger, wanted.control.as_ref());
        let control = control.map_err(|error| Failure::misuse(with_causes(&error)))?;
        debugger.refuse(wanted.refuse.clone());
        let hooks = Arc::clone(&debugger);
        let (entrance, opened) = Entrance::new(wanted.addresses(), hooks, told);
        let database = engines.open(kind).await.map_err(Failure::from)?.target;
        let engines = engines.clone().with_entrance(entrance);
        Ok(Self { debugger, engines, database, opened: Mutex::new(opened), control })
    }

    /// Waits until programs can come in, and gives the addresses, everybody's first.
    async fn next_opened(&self) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = self.opened.lock().await.recv().await;
        addresses.ok_or_else(|| Failure::unreachable("the run has ended"))
    }

    /// Names who comes by which port, and makes the gate: behind the setup, which may have made its
    /// table, and before it is known where programs come in. Not to be given up half way: a gate
    /// that is being made would stay.
    async fn prepare(
        &self,
        wanted: &Wanted,
        addresses: &[SocketAddr],
    ) -> Result<Vec<String>, Failure> {
        let own = addresses.iter().skip(1).zip(&wanted.actors);
        self.debugger.name_ports(own.map(|(port, actor)| (*port, actor.name.clone())).collect());
        if !wanted.gates.is_empty() && !self.debugger.has_gate() {
            let gate = Gate::make(&self.database, &wanted.gates).await;
            let failed = |error| Failure::misuse(format!("--gate: {}", with_causes(&error)));
            self.debugger.use_gate(gate.map_err(failed)?).await;
        }
        let missing = self.watch_relatives(&wanted.rules.watched).await?;
        self.debugger.tell_open(addresses.to_vec());
        let words = |name: &String| format!("--watch: there is no table {name}");
        Ok(missing.iter().map(words).collect())
    }

    /// What touches a watched table may name a partition of it, or a view on it.
    /// Those that are not there.
    async fn watch_relatives(&self, watched: &[TableName]) -> Result<Vec<String>, Failure> {
        if watched.is_empty() {
            return Ok(Vec::new());
        }
        let database = Database::at(&self.database);
        let found = tokio::try_join!(database.relatives(watched), database.missing(watched));
        database.close().await;
        let failed = |error| Failure::unreachable(with_causes(&error));
        let (relatives, missing) = found.map_err(failed)?;
        self.debugger.watch_relatives(relatives);
        Ok(missing)
    }

    /// Says what was answered in the server's place, and what came of it, where that was wanted.
    fn tell_refused(&self) -> io::Result<()> {
        match self.debugger.refused() {
            None => Ok(()),
            Some(tally) => writeln!(io::stdout().lock(), "{tally}"),
        }
    }

    /// Takes away what was made in the database, as long as that lives.
    async fn close(&self) {
        if let Some(gate) = self.debugger.take_gate().await
            && let Err(error) = gate.remove().await
        {
            launch::name(&[with_causes(&error)]);
        }
    }

    fn place(&self) -> Place {
        let (user, database) = (self.database.user(), self.database.database());
        Place { user: user.to_owned(), database: database.to_owned() }
    }
}

/// Tells the console each time that the way in is open, and starts the programs when it first is.
async fn tell(
    debugged: Arc<Debugged>,
    wanted: Wanted,
    news: mpsc::UnboundedSender<io::Result<Input>>,
    left: CancellationToken,
) {
    // Who does not listen any more has left.
    let say = |input| drop(news.send(Ok(input)));
    let doubts = debugged.control.doubts().iter();
    doubts.for_each(|doubt| say(Input::Trouble(doubt.clone())));
    let mut programs: Option<Running> = None;
    loop {
        let ended = async {
            match &mut programs {
                Some(programs) => programs.ended().await.map(|_| programs.ended.last().cloned()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = left.cancelled() => return,
            opened = debugged.next_opened() => match opened {
                Ok(addresses) => {
                    match debugged.prepare(&wanted, &addresses).await {
                        Ok(doubts) => doubts.into_iter().for_each(|it| say(Input::Trouble(it))),
                        Err(error) => say(Input::Trouble(error.sentence)),
                    }
                    let control = debugged.control.named().map(control_line);
                    let ways = ways_in(&debugged.place(), &wanted, &addresses);
                    say(Input::Opened(ways.into_iter().chain(control).collect()));
                    let own = addresses.get(1..).unwrap_or_default();
                    if programs.is_none() {
                        match started(&wanted, own, &debugged.place()) {
                            Ok(started) => programs = started,
                            Err(error) => say(Input::Trouble(error)),
                        }
                    }
                }
                Err(error) => return say(Input::Trouble(error.sentence)),
            },
            ended = ended => match ended {
                Some(Some(ended)) => say(Input::Trouble(format!("{} {}", ended.actor, ended.how))),
                Some(None) => {}
                None => programs = None,
            },
        }
    }
}

/// The programs that are to be started, started behind their ports.
fn started(wanted: &Wanted, own: &[SocketAddr], place: &Place) -> Result<Option<Running>, String> {
    let ports = wanted.actors.iter().zip(own);
    let ports = ports.filter(|(actor, _)| matches!(actor.way, Way::Command(_)));
    let ports: Vec<SocketAddr> = ports.map(|(_, port)| *port).collect();
    let programs = wanted.programs();
    if programs.is_empty() {
        return Ok(None);
    }
    let started = Running::start(&programs, &ports, place);
    started.map(Some).map_err(|error| format!("cannot start a program: {error}"))
}

/// What the run is about: the tables, and nobody of ours.
fn production(arguments: &DebugArgs, engine: &EngineArgs) -> Result<Production, Failure> {
    let own = OwnTablesArgs {
        watch: arguments.watch.clone(),
        sessions: None,
        setup: arguments.setup.clone(),
    };
    // What is written down of it is called so.
    let name = "race".to_owned();
    let scenario = Scenario { name, sessions: Vec::new(), ..own_tables::scenario(own)? };
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

/// The tables with a gate: those that were named, and those of the plan.
fn gates(arguments: &DebugArgs) -> Result<Vec<TableName>, Failure> {
    let read = |text: &String| {
        let words = || format!("--gate: {text:?} is not a table's name; write seats or shop.seats");
        TableName::read(text).ok_or_else(|| Failure::misuse(words()))
    };
    arguments.gate.iter().map(read).collect()
}

/// Whether it can be listened there: said before the screen is taken.
fn check_address(address: &SocketAddr) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::misuse(format!(
            "cannot listen on {address}: debug asks nobody for a password, so it listens on this \
             machine only; choose 127.0.0.1:{}, and let other machines in by a tunnel (ssh -R)",
            address.port()
        )));
    }
    let failed = |error| {
        Failure::misuse(format!("cannot listen on {address}: {error}; choose another port"))
    };
    std::net::TcpListener::bind(address).map(drop).map_err(failed)
}

/// What the command line says goes before what the configuration file does.
fn rules(arguments: &DebugArgs, config: &Config) -> Result<Rules, Failure> {
    let mode = match &arguments.hold {
        Some(mode) => mode.parse().map_err(|error| Failure::misuse(format!("--hold: {error}")))?,
        None => config.hold.unwrap_or_default(),
    };
    let breakpoints: Result<Vec<Breakpoint>, Failure> = (arguments.breakpoints.iter())
        .map(|rule| rule.parse().map_err(|error| Failure::misuse(format!("--break: {error}"))))
        .collect();
    let breakpoints = match breakpoints? {
        none if none.is_empty() => config.breakpoints.clone(),
        given => given,
    };
    // Whether they are names was looked at before.
    let watched = arguments.watch.iter().filter_map(|name| TableName::read(name)).collect();
    Ok(Rules { mode, breakpoints, watched, relatives: Vec::new() })
}

fn control_address(arguments: &DebugArgs) -> Result<Option<Address>, Failure> {
    let control = arguments.control.as_ref().map(|text| text.parse());
    control.transpose().map_err(|error| Failure::misuse(format!("--control: {error}")))
}

/// How `overbooked ctl` is told where to ask.
fn control_line(address: &Address) -> String {
    format!("OVERBOOKED_CONTROL={address}   # for overbooked ctl")
}

/// Who comes by a port of its own.
pub(super) fn actors(given: &[String]) -> Result<Vec<Actor>, Failure> {
    let actors: Vec<Actor> = given.iter().map(|text| actor(text)).collect::<Result<_, _>>()?;
    let mut ports = BTreeMap::new();
    let mut names = BTreeSet::new();
    for Actor { name, way } in &actors {
        if !names.insert(name) {
            return Err(Failure::misuse(format!("--actor: {name} is named twice")));
        }
        let Way::Port(address) = way else { continue };
        if let Some(other) = ports.insert(address, name).filter(|_| address.port() != 0) {
            return Err(Failure::misuse(format!(
                "--actor: {other} and {name} would both come by {address}; give each a port of \
                 its own"
            )));
        }
    }
    Ok(actors)
}

fn actor(text: &str) -> Result<Actor, Failure> {
    let given = text.split_once('=').map(|(name, way)| (name.trim(), way.trim()));
    let Some((name, way)) = given.filter(|(name, way)| !name.is_empty() && !way.is_empty()) else {
        return Err(Failure::misuse(format!(
            "--actor: {text:?} is not a name and how it comes; write alice=127.0.0.1:5441 or \
             alice='node book.js'"
        )));
    };
    let way = way.parse().map_or_else(|_| Way::Command(way.to_owned()), Way::Port);
    Ok(Actor { name: name.to_owned(), way })
}

/// How a program connects: what to put in the place of its database's address.
fn ways_in(place: &Place, wanted: &Wanted, addresses: &[SocketAddr]) -> Vec<String> {
    let names = wanted.actors.iter().map(|actor| match actor.way {
        Way::Port(_) => format!("   # {}", actor.name),
        Way::Command(_) => format!("   # {}, started", actor.name),
    });
    let names = std::iter::once(String::new()).chain(names);
    let way = |(address, name): (&SocketAddr, String)| {
        format!("DATABASE_URL={}{name}", place.url(*address))
    };
    addresses.iter().zip(names).map(way).collect()
}
