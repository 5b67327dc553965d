//! Programs that nobody here wrote, played in every order of their statements: the debugger holds
//! each statement, and lets it go when its program's turn has come.
//!
//! ```text
//!  programs ──statements──▶ gateway ──▶ debugger ──told──▶ places   what is held, what it came to
//!     ▲                                    ▲                  │
//!     └ started anew, after --reset        └── let go ── Outside ◀── guide: whose turn
//! ```
//!
//! Each order begins with fresh programs and a fresh debugger. To start programs takes longer than
//! all that they do, so those of the next order are started while this one is played, and come in
//! when everything has been put back (`prepared`). A step is a statement that is held; what
//! passes by itself belongs to the step before it. What a step touches is read out of its text and
//! the catalog, by tables ([`reading`]): nothing can be measured inside somebody's program.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::played::{BrokenInvariant, End, Guide, Played, Player, TableRows};
use crate::core::error_chain::with_causes;
use crate::core::syntax::Strings;
use crate::debugger::Debugger;
use crate::debugger::breakpoints::{HoldMode, Rules};
use crate::debugger::guests::Order;
use crate::debugger::identity::session_name;
use crate::debugger::plan::{Plan, Release, Turn};
use crate::debugger::shape::Shape;
use crate::debugger::statement::Statement;
use crate::debugger::verdict::Database;
use crate::gateway::{Gateway, Mode, Options};
use crate::pg::Target;

mod beginning;
mod explained;
pub mod explore;
mod known;
mod places;
mod play;
mod prepared;
pub mod reading;
mod stable;

use known::Known;
use places::Places;
pub use places::Sent;
use play::Play;
use prepared::Prepared;
use reading::Snapshot;

/// How programs are started, and everything is put back before.
pub trait Programs: Send + Sync {
    type Running: Running;

    /// Who takes part, in their order.
    fn actors(&self) -> Vec<String>;

    /// Puts everything back to the beginning; whoever does it may come in by this address.
    fn reset(&mut self, by: SocketAddr) -> impl Future<Output = Result<(), String>> + Send;

    /// Whether they may be started before everything is put back for them, if they cannot come in
    /// until then.
    fn may_start_early(&self) -> bool;

    /// Starts these of them, each behind its own address.
    fn start(&mut self, addresses: &[(usize, SocketAddr)]) -> Result<Self::Running, String>;
}

/// Programs that were started.
pub trait Running: Send + Sync {
    /// The next that ends: a place among the actors; `None` once all have.
    fn ended(&mut self) -> impl Future<Output = Option<usize>> + Send;

    /// Ends those that still run.
    fn end(&mut self) -> impl Future<Output = ()> + Send;

    /// What those said that did not end well.
    fn complaints(&self) -> Vec<String>;
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a program that was let go to come to its next statement, while nothing happens.
    pub think: Duration,
    /// For a program that does something else, or a statement that takes long, while nothing
    /// happens and nobody can go on.
    pub end: Duration,
}

/// Why programs cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    #[error("{0}")]
    Programs(String),
    #[error(
        "the programs do not do the same twice: at the same point {0} could go on before, and \
         cannot now; what they do must not depend on time or chance"
    )]
    NotTheSame(String),
    #[error(
        "{who} {does}, and has neither sent anything more nor ended for {seconds} seconds: a \
         program that is explored must come to its end by itself; --patience waits longer"
    )]
    Unfinished { who: String, does: String, seconds: u64 },
    #[error("{0} has sent no statement that could be a step, so nothing is known{1}")]
    Silent(String, String),
    #[error(
        "{0} is not the same when one order is played twice: --reset must put everything back, and \
         what the programs do must not depend on time or chance"
    )]
    NotReset(String),
    #[error("{0}")]
    Server(String),
}

/// What is played, and where.
pub struct Stand<P> {
    pub programs: P,
    pub server: Target,
    pub mode: Mode,
    /// What is held.
    pub rules: Rules,
    pub database: Database,
    /// What must be true in the end.
    pub check: Option<String>,
    pub patience: Patience,
}

/// Plays programs, order by order.
pub struct Outside<P: Programs> {
    stand: Stand<P>,
    /// Names of connections: each actor's first, then whatever of theirs came beside another.
    names: Vec<String>,
    actors: usize,
    known: Known,
    /// The tables that were written in some order.
    written: BTreeSet<String>,
    snapshot: Snapshot,
    /// How many orders were played on programs, and not only looked up.
    plays: usize,
    /// Those of the next order.
    prepared: Option<Prepared<P::Running>>,
    /// What the tables that are written held when everything had been put back.
    beginning: Vec<TableRows>,
}

/// An order that was played on programs.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub played: Played,
    /// What was sent, launch by launch.
    pub sent: Vec<Sent>,
    /// What those said that did not end well.
    pub complaints: Vec<String>,
}

/// A port of this machine, any.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl<P: Programs> Outside<P> {
    pub fn new(stand: Stand<P>) -> Self {
        let names = stand.programs.actors();
        let names: Vec<String> = names.iter().map(|name| session_name(name).to_string()).collect();
        Self {
            actors: names.len(),
            stand,
            names,
            known: Known::default(),
            written: BTreeSet::new(),
            snapshot: Snapshot::default(),
            plays: 0,
            prepared: None,
            beginning: Vec::new(),
        }
    }

    /// What the programs are called.
    pub fn names(&self) -> &[String] {
        &self.names[..self.actors]
    }

    /// How many orders were played on programs.
    pub fn plays(&self) -> usize {
        self.plays
    }

    /// How seldom transactions look at what others have committed, as far as was seen.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// The order that was played or looked up last.
    pub fn last(&self) -> Option<&Record> {
        self.known.last()
    }

    /// What is played, and where.
    pub fn stand(&self) -> &Stand<P> {
        &self.stand
    }

    /// How a plan calls this connection: `alice`, and her second one `alice 2`.
    fn planned(&self, connection: usize) -> String {
        let all = &self.names[..self.actors];
        let Some(name) = self.names.get(connection) else { return String::new() };
        let Some(owner) = places::actor(all, name) else { return String::new() };
        let actor = &self.stand.programs.actors()[owner];
        let number = name.strip_prefix(self.names[owner].as_str());
        match number.and_then(|number| number.strip_prefix('-')) {
            Some(number) => format!("{actor} {number}"),
            None => actor.clone(),
        }
    }

    /// What was sent, as a plan that plays it again.
    pub fn plan(&self, sent: &[Sent]) -> Plan {
        let release = |sent: &Sent| Release {
            turns: vec![Turn {
                actor: self.planned(sent.connection),
                shape: Shape::of(&sent.shape, Strings::default()),
                summary: sent.does.clone(),
                answer: None,
            }],
        };
        Plan { releases: sent.iter().map(release).collect(), ..Plan::default() }
    }

    /// Plays an order on programs, of these actors alone, whatever was played before.
    pub async fn play_anew(
        &mut self,
        actors: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<Record, OutsideError> {
        self.play_on_programs(actors, &[], guide).await
    }

    /// Ends what was started for later.
    pub async fn close(self) {
        if let Some(mut prepared) = self.prepared {
            prepared.running.end().await;
        }
    }

    async fn play_on_programs(
        &mut self,
        actors: &[usize],
        prefix: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<Record, OutsideError> {
        self.plays += 1;
        let mut play = self.begin(actors).await?;
        let course = play.course(prefix, guide).await;
        play.running.end().await;
        let complaints = play.running.complaints();
        play.places.drain(&mut play.news);
        let passed = play.debugger.overview().last_passed;
        let levels = passed.iter().map(|passed| reading::level(&passed.sql));
        let snapshot = levels.max().unwrap_or_default().max(play.places.snapshot);
        let Play { gateway, places, .. } = play;
        gateway.stop().await;
        let is_over = course?;
        self.names.clone_from(&places.names);
        let (mut played, sent) = places.into_played();
        self.snapshot = self.snapshot.max(snapshot);
        if is_over {
            self.note_written(&sent);
            played.end = Some(self.end().await?);
        }
        Ok(Record { played, sent, complaints })
    }

    async fn begin(&mut self, who: &[usize]) -> Result<Play<'_, P>, OutsideError> {
        let rules = self.stand.rules.clone();
        let mode = rules.mode;
        // Nothing is held while everything is put back.
        let (debugger, news) = Debugger::start(Rules { mode: HoldMode::Watch, ..rules });
        let options = Options {
            mode: self.stand.mode,
            listen: vec![FREE],
            hooks: Some(Arc::clone(&debugger) as _),
            ..Options::new(self.stand.server.clone())
        };
        let gateway = Gateway::start(options).await;
        let mut gateway = gateway.map_err(|error| OutsideError::Server(with_causes(&error)))?;
        let by = gateway.address().unwrap_or(FREE);
        self.stand.programs.reset(by).await.map_err(OutsideError::Programs)?;
        self.look_at_beginning().await?;
        let hold = debugger.obey(Order::Hold(mode));
        hold.map_err(|error| OutsideError::Programs(error.to_string()))?;
        let Prepared { listeners, running, names } = self.programs(who)?;
        debugger.name_ports(names);
        let served = gateway.serve(listeners);
        served.map_err(|error| OutsideError::Server(with_causes(&error)))?;
        Ok(Play {
            places: Places::new(self.names.clone(), self.actors),
            alive: (0..self.actors).map(|actor| who.contains(&actor)).collect(),
            debugger,
            news,
            gateway,
            running,
            database: &self.stand.database,
            patience: self.stand.patience,
        })
    }

    /// Programs that were started; those of the next order are started with them.
    fn programs(&mut self, who: &[usize]) -> Result<Prepared<P::Running>, OutsideError> {
        let everybody: Vec<usize> = (0..self.actors).collect();
        let programs = &mut self.stand.programs;
        let is_everybody = who.len() == everybody.len();
        let prepared = match self.prepared.take_if(|_| is_everybody) {
            Some(prepared) => prepared,
            None => Prepared::start(programs, who)?,
        };
        if self.prepared.is_none() && programs.may_start_early() {
            self.prepared = Some(Prepared::start(programs, &everybody)?);
        }
        Ok(prepared)
    }

    /// What was written once may have been written in every other order: all of it is a part of
    /// what came of each.
    fn note_written(&mut self, sent: &[Sent]) {
        let before = self.written.len();
        for sql in sent.iter().flat_map(Sent::texts) {
            let parts = Statement::read(sql, Strings::default()).parts;
            let tables = parts.iter().filter(|part| part.verb.is_dml());
            let tables = tables.flat_map(|part| &part.tables.writes);
            self.written.extend(tables.map(ToString::to_string));
        }
        if self.written.len() > before {
            self.known = Known::default();
        }
    }

    /// The tables that were written in some order; an order that was played when there were fewer
    /// does not compare.
    pub fn written(&self) -> usize {
        self.written.len()
    }

    async fn end(&self) -> Result<End, OutsideError> {
        let mut end = End::default();
        let database = &self.stand.database;
        if let Some(check) = &self.stand.check {
            let holds = database.holds(check).await;
            if !holds.map_err(|error| OutsideError::Programs(with_causes(&error)))? {
                let gave = "false".to_owned();
                end.broken.push(BrokenInvariant { invariant: 0, after: None, gave });
            }
        }
        end.tables = self.tables().await?;
        Ok(end)
    }

    async fn tables(&self) -> Result<Vec<TableRows>, OutsideError> {
        let mut tables = Vec::new();
        for table in &self.written {
            let contents = self.stand.database.contents(table).await;
            let contents = contents.map_err(|error| OutsideError::Server(with_causes(&error)))?;
            let (columns, rows) = contents;
            tables.push(TableRows { table: table.clone(), columns, rows });
        }
        Ok(tables)
    }

    /// Orders compare only if they begin alike.
    async fn look_at_beginning(&mut self) -> Result<(), OutsideError> {
        let tables = self.tables().await?;
        let before = std::mem::replace(&mut self.beginning, tables);
        for (one, other) in before.iter().flat_map(|one| {
            self.beginning.iter().filter(|it| it.table == one.table).map(move |it| (one, it))
        }) {
            if beginning::differs(one, other) {
                return Err(OutsideError::NotReset(format!("table {}", one.table)));
            }
        }
        Ok(())
    }
}

impl<P: Programs> Player for Outside<P> {
    type Error = OutsideError;

    async fn play(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, OutsideError> {
        let prefix = match self.known.follow(guide) {
            Ok(played) => return Ok(played),
            Err(prefix) => prefix,
        };
        let everybody: Vec<usize> = (0..self.actors).collect();
        let record = self.play_on_programs(&everybody, &prefix, guide).await?;
        let played = record.played.clone();
        self.known.add(record);
        Ok(played)
    }
}
