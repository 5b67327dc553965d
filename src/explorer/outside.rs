//! Programs that nobody here wrote, played in every order of their statements: the debugger holds
//! each statement, and lets it go when its program's turn has come.
//!
//! ```text
//!  programs ──statements──▶ gateway ──▶ debugger ──told──▶ places   what is held, what it came to
//!     ▲                                    ▲                  │
//!     └ started anew, after --reset        └── let go ── Outside ◀── guide: whose turn
//! ```
//!
//! Each order begins with fresh programs and a fresh debugger. A step is a statement that is held;
//! what passes by itself belongs to the step before it. What a step touches is read out of its text
//! and the catalog, by tables ([`reading`]): nothing can be measured inside somebody's program.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::played::{BrokenInvariant, End, Guide, Launched, Played, Player, TableRows};
use crate::core::error_chain::with_causes;
use crate::core::event::SessionName;
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
use crate::run::guests::GuestNews;

pub mod explore;
mod known;
mod places;
pub mod reading;
mod stable;

use known::Known;
use places::Places;
pub use places::Sent;
use reading::Snapshot;

/// How programs are started, and everything is put back before.
pub trait Programs: Send + Sync {
    type Running: Running;

    /// Who takes part, in their order.
    fn actors(&self) -> Vec<String>;

    /// Puts everything back to the beginning; whoever does it may come in by this address.
    fn reset(&mut self, by: SocketAddr) -> impl Future<Output = Result<(), String>> + Send;

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
    /// Names of sessions: the actors, then whoever of theirs came beside another.
    names: Vec<String>,
    actors: usize,
    known: Known,
    /// The tables that were written in some order.
    written: BTreeSet<String>,
    snapshot: Snapshot,
    /// What the programs of the last order said that did not end well.
    complaints: Vec<String>,
    /// How many orders were played on programs, and not only looked up.
    plays: usize,
}

/// How long the one who waits has waited when the next statement is let go: by then it has looked
/// for a deadlock and found none, so the last one that closes a circle is refused.
const APART: Duration = Duration::from_millis(15);

/// How soon it is looked whether a statement waits.
const LOOK: Duration = Duration::from_micros(500);
/// And how seldom in the end.
const LAST_LOOK: Duration = Duration::from_millis(10);

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
            complaints: Vec::new(),
            plays: 0,
        }
    }

    /// What the sessions are called.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many orders were played on programs.
    pub fn plays(&self) -> usize {
        self.plays
    }

    /// How seldom transactions look at what others have committed, as far as was seen.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// What was sent in this order, launch by launch, if it was played.
    pub fn sent(&self, order: &[usize]) -> Option<&[Sent]> {
        self.known.sent(order)
    }

    /// What was sent in the order that was played or looked up last.
    pub fn last_sent(&self) -> &[Sent] {
        self.known.last_sent()
    }

    /// What the programs of the last order that was played on programs said that did not end well.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What is played, and where.
    pub fn stand(&self) -> &Stand<P> {
        &self.stand
    }

    /// The actor whose statements are those of this session.
    pub fn owner(&self, session: usize) -> Option<usize> {
        places::actor(&self.names[..self.actors], self.names.get(session)?)
    }

    /// How a plan calls this session: `alice`, and her second connection `alice 2`.
    fn planned(&self, session: usize) -> String {
        let Some(owner) = self.owner(session) else { return String::new() };
        let actor = &self.stand.programs.actors()[owner];
        let number = self.names[session].strip_prefix(self.names[owner].as_str());
        match number.and_then(|number| number.strip_prefix('-')) {
            Some(number) => format!("{actor} {number}"),
            None => actor.clone(),
        }
    }

    /// What was sent, as a plan that plays it again.
    pub fn plan(&self, sent: &[Sent]) -> Plan {
        let release = |sent: &Sent| Release {
            turns: vec![Turn {
                actor: self.planned(sent.session),
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
    ) -> Result<(Played, Vec<Sent>), OutsideError> {
        self.play_on_programs(actors, &[], guide).await
    }

    async fn play_on_programs(
        &mut self,
        actors: &[usize],
        prefix: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<(Played, Vec<Sent>), OutsideError> {
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
        self.complaints = complaints;
        let (mut played, sent) = places.into_played();
        self.snapshot = self.snapshot.max(snapshot);
        if is_over {
            self.note_written(&sent);
            played.end = Some(self.end().await?);
        }
        Ok((played, sent))
    }

    async fn begin(&mut self, who: &[usize]) -> Result<Play<'_, P>, OutsideError> {
        let Stand { programs, server, mode, rules, .. } = &mut self.stand;
        let actors = programs.actors();
        // Nothing is held while everything is put back.
        let (debugger, news) = Debugger::start(Rules { mode: HoldMode::Watch, ..rules.clone() });
        let options = Options {
            mode: *mode,
            listen: vec![FREE; actors.len() + 1],
            hooks: Some(Arc::clone(&debugger) as _),
            ..Options::new(server.clone())
        };
        let gateway = Gateway::start(options).await;
        let gateway = gateway.map_err(|error| OutsideError::Server(with_causes(&error)))?;
        let (everybodys, own) = gateway.addresses().split_first().unwrap_or((&FREE, &[]));
        programs.reset(*everybodys).await.map_err(OutsideError::Programs)?;
        let hold = debugger.obey(Order::Hold(rules.mode));
        hold.map_err(|error| OutsideError::Programs(error.to_string()))?;
        debugger.name_ports(own.iter().copied().zip(actors.clone()).collect());
        let theirs = own.iter().copied().enumerate().filter(|(actor, _)| who.contains(actor));
        let theirs: Vec<_> = theirs.collect();
        let running = programs.start(&theirs).map_err(OutsideError::Programs)?;
        Ok(Play {
            places: Places::new(self.names.clone(), actors.len()),
            alive: (0..actors.len()).map(|actor| who.contains(&actor)).collect(),
            debugger,
            news,
            gateway,
            running,
            database: &self.stand.database,
            patience: self.stand.patience,
        })
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
        for table in &self.written {
            let contents = database.contents(table).await;
            let contents = contents.map_err(|error| OutsideError::Server(with_causes(&error)))?;
            let (columns, rows) = contents;
            end.tables.push(TableRows { table: table.clone(), columns, rows });
        }
        Ok(end)
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
        let (played, sent) = self.play_on_programs(&everybody, &prefix, guide).await?;
        self.known.add(played.clone(), sent);
        Ok(played)
    }
}

/// One order on programs.
struct Play<'a, P: Programs> {
    debugger: Arc<Debugger>,
    news: mpsc::Receiver<GuestNews>,
    gateway: Gateway,
    running: P::Running,
    /// Whose program has not ended.
    alive: Vec<bool>,
    places: Places,
    database: &'a Database,
    patience: Patience,
}

/// What the wait for rest has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// What was let go is answered or waits, and its program has come to its next statement.
    Quiet,
    /// A program does something else, for how long nobody knows.
    Thinks,
}

impl<P: Programs> Play<'_, P> {
    /// Lets statements go until nobody can go on; whether that was the programs' end.
    async fn course(
        &mut self,
        prefix: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<bool, OutsideError> {
        loop {
            let enabled = self.come_to_rest().await?;
            self.places.enabled.clone_from(&enabled);
            if enabled.is_empty() {
                return Ok(true);
            }
            let at = self.places.launches.len();
            let choice = match prefix.get(at) {
                Some(session) if enabled.contains(session) => *session,
                Some(session) => {
                    let name = self.places.names.get(*session).cloned().unwrap_or_default();
                    return Err(OutsideError::NotTheSame(name));
                }
                None => match guide.next(&self.so_far(), &enabled) {
                    Some(session) => session,
                    None => return Ok(false),
                },
            };
            self.let_go(choice, enabled).await?;
        }
    }

    fn so_far(&self) -> Vec<Launched> {
        self.places.launched()
    }

    async fn let_go(&mut self, session: usize, enabled: Vec<usize>) -> Result<(), OutsideError> {
        if let Some(since) = self.places.waiting_since {
            sleep_until(since + APART).await;
        }
        let name = SessionName::new(&self.places.names[session]);
        let state = self.debugger.state();
        let held = state.of(name.as_str()).and_then(|transaction| transaction.held.as_ref());
        let shape = held.map(|held| Arc::clone(&held.shape)).unwrap_or_default();
        self.places.launch(session, shape, enabled);
        let obeyed = self.debugger.obey(Order::LetGo(name));
        obeyed.map_err(|error| OutsideError::Programs(error.to_string()))
    }

    /// Waits until nothing moves, and gives who could go on. Where nobody can, programs that still
    /// run are waited for longer: they may only be slow.
    async fn come_to_rest(&mut self) -> Result<Vec<usize>, OutsideError> {
        let deadline = Instant::now() + self.patience.end;
        loop {
            let rest = self.rest().await?;
            let enabled = self.places.held();
            let is_over = !self.alive.contains(&true);
            if !enabled.is_empty() || is_over && rest == Rest::Quiet {
                return Ok(enabled);
            }
            if !self.anything_until(deadline).await {
                return Ok(enabled);
            }
        }
    }

    async fn rest(&mut self) -> Result<Rest, OutsideError> {
        let (mut last, mut look) = (Instant::now(), LOOK);
        loop {
            if self.places.drain(&mut self.news) {
                (last, look) = (Instant::now(), LOOK);
            }
            let on_their_way = self.places.running();
            let thinks = self.places.think(&self.alive);
            if on_their_way.is_empty() && !thinks {
                self.places.waiting_since = None;
                return Ok(Rest::Quiet);
            }
            let patience = self.patience(&self.alive);
            let is_late = last.elapsed() >= patience;
            if thinks && is_late && on_their_way.is_empty() {
                return Ok(Rest::Thinks);
            }
            if !on_their_way.is_empty() && last.elapsed() >= look {
                let waits = self.waits(&on_their_way).await?;
                if self.places.drain(&mut self.news) {
                    continue;
                }
                if stable::all_wait(&waits, &on_their_way, &self.places.pids())
                    && (!thinks || is_late)
                {
                    self.places.waiting_since.get_or_insert_with(Instant::now);
                    return Ok(if thinks { Rest::Thinks } else { Rest::Quiet });
                }
                look = (look * 2).min(LAST_LOOK);
                if last.elapsed() >= self.patience.end {
                    return Ok(Rest::Thinks);
                }
            }
            let until =
                if on_their_way.is_empty() { last + patience } else { Instant::now() + look };
            self.anything_until(until).await;
        }
    }

    /// A program that begins may take its time; one that was let go comes to its next statement
    /// soon, unless it does something else.
    fn patience(&self, alive: &[bool]) -> Duration {
        let Patience { think, end } = self.patience;
        if self.places.start(alive) { end } else { think }
    }

    async fn waits(&self, pids: &[i32]) -> Result<stable::Waits, OutsideError> {
        let waits = self.database.waits(pids).await;
        let waits = waits.map_err(|error| OutsideError::Server(with_causes(&error)))?;
        Ok(waits.into_iter().collect())
    }

    /// Waits until something happens; whether it did before that moment.
    async fn anything_until(&mut self, moment: Instant) -> bool {
        tokio::select! {
            biased;
            news = self.news.recv() => match news {
                Some(news) => {
                    self.places.hear(news);
                    true
                }
                None => false,
            },
            ended = self.running.ended(), if self.alive.contains(&true) => {
                match ended {
                    Some(actor) => self.alive[actor] = false,
                    None => self.alive.fill(false),
                }
                true
            }
            () = sleep_until(moment) => false,
        }
    }
}
