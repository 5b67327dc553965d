//! `overbooked explore --actor …`: programs that nobody here wrote, in every order of their
//! statements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::commands::cli::EngineArgs;
use crate::commands::debug::{Actor, Way, actors};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::commands::programs::{Explored as Starter, Place, Program, Reset};
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Isolation, Scenario, counted};
use crate::debugger::breakpoints::{Breakpoint, HoldMode, Rules};
use crate::debugger::tables::TableName;
use crate::debugger::verdict::{Database, VerdictError};
use crate::explorer::expected::Expected;
use crate::explorer::exploration::{self, Exploration, Options};
use crate::explorer::explore::{Found, News};
use crate::explorer::naming;
use crate::explorer::outcome::Outcome;
use crate::explorer::outside::explore::{Catalog, Explored, Wanted, explore};
use crate::explorer::outside::reading::{Relations, Snapshot};
use crate::explorer::outside::{Outside, OutsideError, Patience, Stand};
use crate::explorer::report;
use crate::explorer::search::{Coverage, Mode as Orders, Search};
use crate::gateway::Mode;
use crate::run::engines::{Engine, Engines, Ownership};

/// How many seconds a program may think between two statements, if nothing else is said.
const THINK: u32 = 3;

/// Which programs are explored.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Programs")]
pub struct ProgramsArgs {
    /// A program in the place of a session, started for each order: alice='node book.js A-4 alice';
    /// give it once for each
    #[arg(long, value_name = "NAME=COMMAND")]
    pub actor: Vec<String>,
    /// What puts everything back before each order: a file with SQL, or a command
    #[arg(long, value_name = "FILE.sql|COMMAND", requires = "actor")]
    pub reset: Option<String>,
    /// A query that must answer true when the programs have ended: select count(*) <= 1 from
    /// bookings
    #[arg(long, value_name = "SQL", requires = "actor")]
    pub check: Option<String>,
    /// Run this SQL file first, once
    #[arg(long, value_name = "FILE", requires = "actor", value_hint = ValueHint::FilePath)]
    pub setup: Option<PathBuf>,
    /// Explore the orders of what touches this table, and of its COMMIT; give it once for each
    /// table [default: any table]
    #[arg(long, value_name = "TABLE", requires = "actor")]
    pub watch: Vec<String>,
    /// Explore the orders of what meets this: 'write seats', commit, 'actor alice'; give it once
    /// for each
    #[arg(long = "break", value_name = "RULE", requires = "actor")]
    pub breakpoints: Vec<String>,
    /// Write each outcome's witness into this folder as a plan for `overbooked debug --plan`
    #[arg(long, value_name = "DIR", requires = "actor", value_hint = ValueHint::DirPath)]
    pub plans: Option<PathBuf>,
    /// How long a program may think between two statements; ten times as long it may take to begin
    /// and to end [default: 3]
    #[arg(long, value_name = "SECONDS", requires = "actor")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: Option<u32>,
}

impl ProgramsArgs {
    /// An option that was given and says nothing without a program.
    pub fn option(&self) -> Option<&'static str> {
        let given = [
            ("--reset", self.reset.is_some()),
            ("--check", self.check.is_some()),
            ("--setup", self.setup.is_some()),
            ("--watch", !self.watch.is_empty()),
            ("--break", !self.breakpoints.is_empty()),
            ("--plans", self.plans.is_some()),
            ("--patience", self.patience.is_some()),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }

    fn patience(&self) -> Patience {
        let think = Duration::from_secs(self.patience.unwrap_or(THINK).into());
        Patience { think, end: think * 10 }
    }
}

/// How they are explored.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub orders: Orders,
    /// No more orders than this are played on programs.
    pub budget: Option<u64>,
    /// How often each witness is played again.
    pub repeat: u32,
}

/// Programs that were explored.
#[derive(Debug)]
pub struct Told {
    pub explored: Explored,
    /// The same as of a scenario: its steps are the statements that were held.
    pub exploration: Exploration,
}

/// Explores programs; nothing where somebody stops it before a server answers.
pub async fn run(
    arguments: &ProgramsArgs,
    engine: &EngineArgs,
    manner: Manner,
    news: &UnboundedSender<News>,
    stop: &CancellationToken,
) -> Result<Option<Told>, Failure> {
    let asked = Asked::read(arguments)?;
    let Some(engines) = launch::engine_unless(stop, engine).await? else { return Ok(None) };
    let told = asked.explore(&engines, engine, manner, (news, stop)).await;
    launch::stop(&engines).await?;
    let told = told?;
    if let Some(folder) = &arguments.plans {
        write_plans(folder, &told)?;
    }
    Ok(Some(told))
}

/// What the arguments ask for.
struct Asked {
    programs: Vec<Program>,
    reset: Option<Reset>,
    check: Option<String>,
    setup: Option<String>,
    rules: Rules,
    patience: Patience,
}

impl Asked {
    fn read(arguments: &ProgramsArgs) -> Result<Self, Failure> {
        let Some(reset) = &arguments.reset else {
            return Err(Failure::misuse(
                "--actor needs --reset: a file with SQL, or a command, that puts everything back \
                 before each order",
            ));
        };
        let programs = actors(&arguments.actor)?.into_iter().map(program);
        let watched = arguments.watch.iter().map(|name| {
            let words = || format!("--watch: {name:?} is not a table's name; write seats");
            TableName::read(name).ok_or_else(|| Failure::misuse(words()))
        });
        let breakpoints = arguments.breakpoints.iter().map(|rule| {
            let rule: Result<Breakpoint, _> = rule.parse();
            rule.map_err(|error| Failure::misuse(format!("--break: {error}")))
        });
        let setup = arguments.setup.as_deref().map(|path| {
            std::fs::read_to_string(path).map_err(|error| {
                Failure::misuse(format!("--setup: cannot read {}: {error}", path.display()))
            })
        });
        Ok(Self {
            programs: programs.collect::<Result<_, _>>()?,
            reset: Some(Reset::read(reset)?),
            check: arguments.check.clone(),
            setup: setup.transpose()?,
            patience: arguments.patience(),
            rules: Rules {
                mode: HoldMode::Breakpoints,
                breakpoints: breakpoints.collect::<Result<_, _>>()?,
                watched: watched.collect::<Result<_, _>>()?,
                ..Rules::default()
            },
        })
    }

    async fn explore(
        self,
        engines: &Engines,
        arguments: &EngineArgs,
        manner: Manner,
        (news, stop): (&UnboundedSender<News>, &CancellationToken),
    ) -> Result<Told, Failure> {
        let began = Instant::now();
        let kind = arguments.engine.map_or(EngineKind::Postgres, EngineKind::from);
        let kind = engines.fixed().unwrap_or(kind);
        let engine = engines.open(kind).await?;
        let is_optimistic = kind == EngineKind::Optimistic && engines.fixed().is_none();
        let database = Database::at(&engine.target);
        let snapshot = prepare(&database, &engine, arguments.isolation).await?;
        if let Some(setup) = &self.setup {
            let made = database.reset(setup).await;
            made.map_err(|error| Failure::misuse(format!("--setup: {}", with_causes(&error))))?;
        }
        let relations = database.relations().await;
        let relations = relations.map_err(|error| Failure::unreachable(with_causes(&error)))?;
        let keys = database.keys().await;
        let keys = keys.map_err(|error| Failure::unreachable(with_causes(&error)))?;
        let (mode, snapshot) = if is_optimistic {
            // Its snapshot is taken by BEGIN.
            (HoldMode::Everything, Snapshot::Transaction.max(snapshot))
        } else {
            (HoldMode::Breakpoints, snapshot)
        };
        let user = engine.target.user().to_owned();
        let place = Place { user, database: engine.target.database().to_owned() };
        let mut outside = Outside::new(Stand {
            programs: Starter {
                programs: self.programs,
                place,
                reset: self.reset,
                database: Database::at(&engine.target),
            },
            server: engine.target.clone(),
            mode: if is_optimistic { Mode::Optimistic } else { Mode::PassThrough },
            rules: Rules { mode, ..self.rules },
            database,
            check: self.check,
            patience: self.patience,
        });
        let Manner { orders, budget, repeat } = manner;
        let wanted = Wanted { budget, repeat, news, stop };
        let begin = |effects: &[Vec<_>]| Search::new(effects, orders, None);
        let sequences = sequences(outside.stand().database.sequences().await)?;
        let relations = Relations::new(relations).with_keys(keys);
        let from = Catalog { relations, snapshot, sequences };
        let explored = explore(&mut outside, from, wanted, begin).await;
        outside.close().await;
        let explored = explored.map_err(failure)?;
        let known = exploration::engine(engines, kind).await;
        let (product, default) =
            known.map_err(|error| Failure::unreachable(with_causes(&error)))?;
        let levels = kind.levels();
        let level = arguments.isolation.or(default).filter(|level| levels.contains(level));
        let place = (kind, product, level.unwrap_or(levels[0]));
        let exploration = exploration(&explored, place, (orders, budget), began.elapsed());
        Ok(Told { explored, exploration })
    }
}

fn program(actor: Actor) -> Result<Program, Failure> {
    match actor.way {
        Way::Command(command) => Ok(Program { actor: actor.name, command }),
        Way::Port(address) => Err(Failure::misuse(format!(
            "--actor: {} has the address {address}; each order starts its programs anew, so write \
             a command: {0}='node book.js'",
            actor.name
        ))),
    }
}

fn failure(error: OutsideError) -> Failure {
    match error {
        OutsideError::Server(sentence) => Failure::unreachable(sentence),
        unknown @ (OutsideError::Unfinished { .. } | OutsideError::Silent(..)) => {
            Failure { exit: Exit::Unfinished, sentence: unknown.to_string() }
        }
        other => Failure::misuse(other.to_string()),
    }
}

/// Which columns sequences fill, by table and column.
fn sequences(
    told: Result<Vec<(String, String, String)>, VerdictError>,
) -> Result<BTreeMap<(String, String), String>, Failure> {
    let told = told.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    Ok(told.into_iter().map(|(table, column, whose)| ((table, column), whose)).collect())
}

/// On a server of our own, transactions get the level that was asked for, and a deadlock is found
/// at once. When transactions look, where nobody asked.
async fn prepare(
    database: &Database,
    engine: &Engine,
    isolation: Option<Isolation>,
) -> Result<Snapshot, Failure> {
    let failed = |error| Failure::unreachable(with_causes(&error));
    if engine.ownership == Ownership::Embedded {
        let level = isolation.map(|level| {
            let level = level.as_sql().to_lowercase();
            format!("alter role current_user set default_transaction_isolation = '{level}';")
        });
        let level = level.unwrap_or_default();
        let settings = format!("{level} alter role current_user set deadlock_timeout = '10ms'");
        database.reset(&settings).await.map_err(failed)?;
    } else if isolation.is_some() {
        return Err(Failure::misuse(
            "--isolation: programs choose their levels themselves on your own server; set \
             default_transaction_isolation there, or leave --url out",
        ));
    }
    if let Some(level) = isolation {
        return Ok(match level {
            Isolation::ReadCommitted => Snapshot::Statement,
            Isolation::RepeatableRead => Snapshot::Transaction,
            Isolation::Serializable => Snapshot::Judged,
        });
    }
    for (level, snapshot) in
        [("serializable", Snapshot::Judged), ("repeatable read", Snapshot::Transaction)]
    {
        let is_it = format!("select current_setting('default_transaction_isolation') = '{level}'");
        if database.holds(&is_it).await.map_err(failed)? {
            return Ok(snapshot);
        }
    }
    Ok(Snapshot::Statement)
}

/// In the order in which the classes are told.
fn write_plans(folder: &Path, told: &Told) -> Result<(), Failure> {
    let failed = |path: &Path, error| {
        Failure::misuse(format!("--plans: cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (number, class) in report::in_order(&told.exploration).into_iter().enumerate() {
        let path = folder.join(format!("{}.plan", number + 1));
        let mut plan = told.explored.witnesses[class].plan.clone();
        plan.notes.push(told.exploration.names[class].clone());
        std::fs::write(&path, plan.to_string()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// What was found as it is told of scenarios.
fn exploration(
    explored: &Explored,
    (engine, product, level): (EngineKind, String, Isolation),
    (mode, budget): (Orders, Option<u64>),
    took: Duration,
) -> Exploration {
    let Explored { scenario, program, found, plays, .. } = explored;
    let names: Vec<&str> = scenario.sessions.iter().map(|it| it.name.as_str()).collect();
    let name = names.join(", ");
    let scenario = Scenario { title: name.clone(), name, ..scenario.clone() };
    let outcomes: Vec<&Outcome> = found.classes.iter().map(|it| &it.class.outcome).collect();
    let runs = format!("the programs were started {} in all", counted(*plays as u64, "time"));
    let deeds = explored
        .witnesses
        .iter()
        .map(|witness| witness.sent.iter().map(|sent| sent.does.clone()).collect());
    let deeds = Some(deeds.collect());
    let is_sample = matches!(mode, Orders::Sample { .. });
    let is_complete = found.is_complete && !is_sample;
    let diverged = explored.diverged;
    Exploration {
        names: naming::names(&scenario, program, &outcomes),
        kinds: vec![None; found.classes.len()],
        deeds,
        scenario: Arc::new(scenario),
        program: program.clone(),
        engine,
        product,
        level,
        options: Options { mode, budget, ..Options::default() },
        found: Found { is_complete, ..found.clone() },
        coverage: Coverage { diverged, ..Coverage::default() },
        effects: Vec::new(),
        notes: complaints(explored).into_iter().chain([runs]).collect(),
        took,
    }
}

/// What the programs said that did not end well, and in how many of the outcomes.
fn complaints(explored: &Explored) -> Vec<String> {
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    let all = explored.witnesses.iter().flat_map(|witness| &witness.complaints);
    all.for_each(|complaint| *told.entry(complaint).or_default() += 1);
    let classes = counted(explored.witnesses.len() as u64, "outcome");
    told.into_iter().map(|(said, count)| format!("in {count} of {classes}, {said}")).collect()
}

impl Told {
    /// Whether some order broke the check, or came to what no whole programs come to.
    pub fn is_wrong(&self) -> bool {
        !Expected::of(&self.exploration).is_kept()
    }
}
