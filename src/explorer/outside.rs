//! Programs that nobody here wrote, played in every order of their statements: the debugger holds
//! each statement, and lets it go when its program's turn has come.
//!
//! ```text
//!  programs ──statements──▶ gateway ──▶ debugger ──told──▶ places    what is held, what it came to
//!     ▲                                    ▲                  │
//!     └ started anew, after --reset        └── let go ── Outside ◀── guide: whose turn it is
//! ```
//!
//! Each order begins with fresh programs and a fresh debugger. A step is a statement that is held;
//! what passes by itself belongs to the step before it. What a step touches is read out of its text
//! and the catalog, by tables ([`reading`]): nothing can be measured inside somebody's program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::played::{BrokenInvariant, End, Guide, Launched, Played, Player};
use crate::core::error_chain::with_causes;
use crate::core::event::SessionName;
use crate::debugger::Debugger;
use crate::debugger::breakpoints::{HoldMode, Rules};
use crate::debugger::guests::Order;
use crate::debugger::identity::session_name;
use crate::debugger::verdict::Database;
use crate::gateway::{Gateway, Mode, Options};
use crate::pg::Target;
use crate::run::guests::GuestNews;

mod known;
mod places;
pub mod reading;
mod stable;

use known::Known;
use places::Places;
pub use places::Sent;

/// How programs are started, and everything is put back before.
pub trait Programs: Send + Sync {
    type Running: Running;

    /// Who takes part, in their order.
    fn actors(&self) -> Vec<String>;

    /// Puts everything back to the beginning; whoever does it may come in by this address.
    fn reset(&mut self, by: SocketAddr) -> impl Future<Output = Result<(), String>> + Send;

    /// Starts all of them, each behind its own address.
    fn start(&mut self, addresses: &[SocketAddr]) -> Result<Self::Running, String>;
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
    known: Known,
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
        let names = names.iter().map(|name| session_name(name).to_string()).collect();
        Self { stand, names, known: Known::default(), plays: 0 }
    }

    /// What the sessions are called.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many orders were played on programs.
    pub fn plays(&self) -> usize {
        self.plays
    }

    /// What was sent in this order, launch by launch, if it was played.
    pub fn sent(&self, order: &[usize]) -> Option<&[Sent]> {
        self.known.sent(order)
    }

    /// What was sent in the order that was played or looked up last.
    pub fn last_sent(&self) -> &[Sent] {
        self.known.last_sent()
    }

    /// Forgets an order, so that it is played on programs again.
    pub fn forget(&mut self) {
        self.known.forget();
    }

    /// How the programs are played, to be given back.
    pub fn into_stand(self) -> Stand<P> {
        self.stand
    }

    async fn play_on_programs(
        &mut self,
        prefix: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<(Played, Vec<Sent>), OutsideError> {
        self.plays += 1;
        let mut play = self.begin().await?;
        let course = play.course(prefix, guide).await;
        play.running.end().await;
        let complaints = play.running.complaints();
        play.places.drain(&mut play.news);
        let Play { gateway, places, .. } = play;
        gateway.stop().await;
        let is_over = course?;
        self.names.clone_from(&places.names);
        let (mut played, sent) = places.into_played();
        if is_over {
            played.end = Some(self.end(complaints).await?);
        }
        Ok((played, sent))
    }

    async fn begin(&mut self) -> Result<Play<'_, P>, OutsideError> {
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
        let running = programs.start(own).map_err(OutsideError::Programs)?;
        Ok(Play {
            places: Places::new(self.names.clone(), actors.len()),
            alive: vec![true; actors.len()],
            debugger,
            news,
            gateway,
            running,
            database: &self.stand.database,
            patience: self.stand.patience,
        })
    }

    async fn end(&self, complaints: Vec<String>) -> Result<End, OutsideError> {
        let mut end = End::default();
        if let Some(check) = &self.stand.check {
            let holds = self.stand.database.holds(check).await;
            if !holds.map_err(|error| OutsideError::Programs(with_causes(&error)))? {
                let gave = "false".to_owned();
                end.broken.push(BrokenInvariant { invariant: 0, after: None, gave });
            }
        }
        // How a program ended is a part of what came of the order.
        let done = |tag| crate::core::event::answer::Outcome::Done { tag };
        end.finally = complaints.into_iter().map(done).collect();
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
        let (played, sent) = self.play_on_programs(&prefix, guide).await?;
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
        self.places.launch(session, enabled);
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
            let is_late = last.elapsed() >= self.patience.think;
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
            let until = if on_their_way.is_empty() {
                last + self.patience.think
            } else {
                Instant::now() + look
            };
            self.anything_until(until).await;
        }
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
