//! Explores a scenario on an engine: players, effects, search and classes put together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::core::scenario::claim::AnomalyKind;
use crate::core::scenario::{EngineKind, Isolation, Scenario};
use crate::explorer::anomaly;
use crate::explorer::classes::Counted;
use crate::explorer::effects::{Access, Effects, Resource};
use crate::explorer::explore::{
    Exploring, Found, Judged, News, Next, Orders, Shown, explore, learn_noise,
};
use crate::explorer::naming;
use crate::explorer::outcome::{Noise, Outcome};
use crate::explorer::played::Played;
use crate::explorer::player::{Manner, Measured, PlayerError, Players};
use crate::explorer::program::Program;
use crate::explorer::row_order::Told;
use crate::explorer::search::{Coverage, Mode, Search};
use crate::explorer::serial::Verdict;
use crate::pg::Connection;
use crate::run::Production;
use crate::run::engines::Engines;

/// How it is explored.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which orders are played.
    pub mode: Mode,
    /// No more plays than this.
    pub budget: Option<u64>,
    /// How often each witness is played again.
    pub repeat: u32,
    /// How many play side by side.
    pub jobs: usize,
    /// Whether invariants are looked at after every step, and not at the end alone.
    pub looks_after_steps: bool,
    /// Whether each order that was played is told.
    pub tells_orders: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Reduced,
            budget: None,
            repeat: 5,
            jobs: 2,
            looks_after_steps: false,
            tells_orders: false,
        }
    }
}

/// What exploring a scenario on an engine at a level has shown.
#[derive(Clone, Debug)]
pub struct Exploration {
    pub scenario: Arc<Scenario>,
    pub program: Program,
    pub engine: EngineKind,
    /// What the engine is: `PostgreSQL 15.18`.
    pub product: String,
    pub level: Isolation,
    pub options: Options,
    pub found: Found,
    /// A name for each class.
    pub names: Vec<String>,
    /// What each anomaly is called, where its pattern has a name.
    pub kinds: Vec<Option<AnomalyKind>>,
    /// Of programs, what they sent in each class's witness, turn by turn: the same step may be
    /// another statement in another order.
    pub deeds: Option<Vec<Vec<String>>>,
    /// How far the search has come.
    pub coverage: Coverage,
    /// What each step does to others, as it was measured.
    pub effects: Vec<Vec<Effects>>,
    /// Why these were widened on the way, in sentences.
    pub notes: Vec<String>,
    pub took: Duration,
}

/// Explores a production's scenario; its schedule says nothing here. What is found is told as it
/// comes. Whoever stops it is told what was found by then.
pub async fn explore_scenario(
    engines: &Engines,
    production: &Production,
    options: Options,
    news: &UnboundedSender<News>,
    stop: &CancellationToken,
) -> Result<Exploration, PlayerError> {
    let begun = Instant::now();
    let (product, default) = engine(engines, production.engine).await?;
    let manner = Manner { looks_after_steps: options.looks_after_steps };
    let mut players = Players::prepare(engines, production, manner, options.jobs).await?;
    let level = production.isolation(production.engine, default);
    let explored = with_players(&mut players, production, level, options, news, stop).await;
    let closed = players.close().await;
    let Explored { found, coverage, names, effects, notes } = explored?;
    closed?;
    let program = Program::of(&production.scenario);
    let kind = |judged: &Judged| {
        let is_anomaly = judged.verdict.as_ref().is_some_and(Verdict::is_anomaly);
        let played = Some(&judged.class.played).filter(|_| is_anomaly)?;
        anomaly::name(&production.scenario, &program, &effects, level, played)
    };
    let kinds: Vec<_> = found.classes.iter().map(kind).collect();
    // While it went on, anomalies were named by what was known of the steps by then.
    let shown = found.classes.iter().zip(&names).zip(&kinds);
    let shown = shown.map(|((Judged { class, verdict, .. }, name), kind)| {
        Shown::of(class, name.clone(), verdict.clone(), *kind)
    });
    news.send(News::Classes(shown.collect())).ok();
    Ok(Exploration {
        kinds,
        deeds: None,
        program,
        scenario: Arc::clone(&production.scenario),
        engine: production.engine,
        product,
        level,
        options,
        found,
        names,
        coverage,
        effects,
        notes,
        took: begun.elapsed(),
    })
}

/// What the engine is, and the level that it gives by default.
pub(crate) async fn engine(
    engines: &Engines,
    kind: EngineKind,
) -> Result<(String, Option<Isolation>), PlayerError> {
    let engine = engines.open(kind).await?;
    let mut connection = Connection::connect(&engine.target).await?;
    let version = connection.parameter("server_version").unwrap_or_default();
    let version = version.split(' ').next().unwrap_or_default();
    let product = format!("PostgreSQL {version}");
    let reply = connection.ask("show default_transaction_isolation").await?;
    connection.terminate().await?;
    let level = reply.cell.ok().flatten().and_then(|name| Isolation::named(&name));
    Ok((product, level))
}

struct Explored {
    found: Found,
    coverage: Coverage,
    names: Vec<String>,
    effects: Vec<Vec<Effects>>,
    notes: Vec<String>,
}

async fn with_players(
    players: &mut Players,
    production: &Production,
    level: Isolation,
    options: Options,
    news: &UnboundedSender<News>,
    stop: &CancellationToken,
) -> Result<Explored, PlayerError> {
    let scenario = &production.scenario;
    let program = Program::of(scenario);
    let (sequences, uniques) = (players.sequences().await?, players.uniques().await?);
    let told = Told::of(scenario, &sequences);
    let mut noise = Noise::of_sequences(scenario, &program, sequences)
        .with_fixed_rows(scenario, &program, &uniques);
    learn_noise(&program, &mut noise, &mut players.players).await?;
    let measured = players.measured.clone();
    let bound = Bound { scenario, program: &program, told, options };
    let mut searching = Searching::new(measured.clone(), bound);
    let kind =
        |played: &Played| anomaly::name(scenario, &program, &measured.effects(), level, played);
    let exploring = Exploring {
        scenario,
        program: &program,
        noise: &noise,
        budget: options.budget,
        repeat: options.repeat,
        tells_orders: options.tells_orders,
        kind: &kind,
    };
    let mut found = explore(exploring, &mut searching, &mut players.players, news, stop).await?;
    let coverage = searching.search.coverage();
    let is_sample = matches!(options.mode, Mode::Sample { .. });
    found.is_complete = coverage.is_finished && !is_sample && !found.is_interrupted;
    let outcomes: Vec<&Outcome> = found.classes.iter().map(|it| &it.class.outcome).collect();
    let names = naming::names(scenario, &program, &outcomes);
    let effects = searching.measured.effects();
    let notes = searching.measured.notes();
    Ok(Explored { found, coverage, names, effects, notes })
}

/// A search that begins again when steps turn out to do more than was measured.
struct Searching<'a> {
    search: Search,
    /// Whether it leaves orders out because of what steps do; else nothing need be played again.
    reduces: bool,
    measured: Measured,
    version: u64,
    bound: Bound<'a>,
}

/// What makes steps depend on each other beside what they touch.
struct Bound<'a> {
    scenario: &'a Scenario,
    program: &'a Program,
    /// Which rows came first, where some statement can tell.
    told: Told,
    options: Options,
}

impl Bound<'_> {
    fn effects(&self, measured: &Measured) -> Vec<Vec<Effects>> {
        let mut effects = measured.effects();
        self.told.bind(self.scenario, self.program, &mut effects);
        if self.options.looks_after_steps && !self.scenario.invariants.is_empty() {
            for effects in effects.iter_mut().flatten().filter(|it| !it.publishes.is_empty()) {
                // What is looked at after every step sees what lies between two of these.
                let looked_at = Resource::Named("the invariants".to_owned());
                effects.locks.insert(looked_at, Access::Exclusive);
            }
        }
        effects
    }
}

impl<'a> Searching<'a> {
    fn new(measured: Measured, bound: Bound<'a>) -> Self {
        let version = measured.version();
        let Options { mode, budget, .. } = bound.options;
        let search = Search::new(&bound.effects(&measured), mode, budget);
        Self { search, reduces: mode == Mode::Reduced, measured, version, bound }
    }

    fn begin_again_if_needed(&mut self) {
        let version = self.measured.version();
        if self.reduces && version != self.version {
            self.version = version;
            self.search.restart(&self.bound.effects(&self.measured));
        }
    }
}

impl Orders for &mut Searching<'_> {
    type Turn = <Search as Orders>::Turn;

    fn next(&mut self) -> Next<Self::Turn> {
        self.begin_again_if_needed();
        Orders::next(&mut self.search)
    }

    fn take(&mut self, turn: Self::Turn, played: &Played) -> Option<Counted> {
        self.begin_again_if_needed();
        Orders::take(&mut self.search, turn, played)
    }

    fn restarts(&self) -> u64 {
        self.search.restarts()
    }
}
