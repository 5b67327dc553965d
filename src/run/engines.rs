//! The engines that a run can play on: each is started when it is first wanted and kept until the
//! run's owner stops it.

use std::sync::Arc;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc};

use crate::cluster::{Cluster, ClusterError, ClusterOptions, Doubt, OnProgress, SUPERUSER};
use crate::core::scenario::{EngineKind, Isolation};
use crate::gateway::{Gateway, GatewayError, LocalGateway, LocalGatewayError, Mode, News, Options};
use crate::observer::flavor;
use crate::observer::{Inspection, Observer, ObserverError, Watch};
use crate::pg::{ServerAddress, Target};
use crate::run::Production;
use crate::run::etcd_source::EtcdSource;
use crate::run::guardian::Guardian;
use crate::run::guests::Entrance;
use crate::run::machine::SCHEMA_PREFIX;
use crate::run::parting::Partings;
use crate::run::people;
use crate::run::schema::{self, SchemaError, Swept};

/// An engine that is ready to be played on.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The PostgreSQL under everything: where the runner and the observer connect, and the sessions
    /// too unless a gateway stands in front of it.
    pub target: Target,
    /// Where that is, for the console's first line: `embedded`, or host and database.
    pub place: String,
    /// Whose server it is.
    pub ownership: Ownership,
    /// Whether what it holds is somebody's: it is not thrown away afterwards.
    pub is_kept: bool,
    /// Who ends what runs there if this program is killed.
    pub guardian: Option<Guardian>,
}

/// Whose server it is, and so what may be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Our own, thrown away afterwards.
    Embedded,
    /// Somebody else's: nothing is made there but the run's own schema.
    Guest,
}

impl Engine {
    /// How deep the observer may look.
    pub(crate) fn inspection(&self) -> Inspection {
        match self.ownership {
            Ownership::Embedded => Inspection::Allowed,
            Ownership::Guest => Inspection::UseIfPresent,
        }
    }
}

/// Where sessions connect, and who ends their statements if this program is killed.
#[derive(Clone, Debug)]
pub(crate) struct GuardedTarget {
    pub(crate) target: Target,
    pub(crate) guardian: Option<Guardian>,
}

/// An engine with its observer: everything that one stage after the other is set up on.
pub(crate) struct OpenEngine {
    pub(crate) kind: EngineKind,
    /// The server, and where it is.
    pub(crate) engine: Engine,
    pub(crate) observer: Arc<Observer>,
    /// For what the observer, who only reads, may not do: making and dropping the run's schema.
    pub(crate) pool: PgPool,
    /// The isolation level that the server's transactions get by default, if it says so.
    pub(crate) isolation: Option<Isolation>,
    /// The optimistic engine, where that is what is played on.
    pub(crate) front: Option<OptimisticEngine>,
    /// The way in for the programs that are debugged, where that is not the optimistic engine's.
    entrance: Option<Gateway>,
}

/// The gateway that sessions connect to, in front of the server.
pub(crate) struct OptimisticEngine {
    gateway: LocalGateway,
    /// Private changes, and why a COMMIT was refused.
    pub(crate) news: mpsc::UnboundedReceiver<News>,
}

impl OptimisticEngine {
    pub(crate) async fn open(
        engine: &Engine,
        entrance: Option<&Entrance>,
    ) -> Result<Self, EngineError> {
        let options = Options::new(engine.target.clone());
        let mut gateway = LocalGateway::start(with_hooks(options, entrance)).await?;
        let news = gateway.events().unwrap_or_else(|| mpsc::unbounded_channel().1);
        Ok(Self { gateway, news })
    }

    /// How to connect to it.
    pub(crate) fn target(&self) -> &Target {
        self.gateway.target()
    }

    /// Ends it, and its clients' connections.
    pub(crate) async fn stop(self) {
        self.gateway.stop().await;
    }
}

impl OpenEngine {
    /// Connects the observer; also says, in sentences, what became of the schemas of dead runs.
    pub(crate) async fn open(
        kind: EngineKind,
        engine: Engine,
        entrance: Option<&Entrance>,
    ) -> Result<(Self, Vec<String>), EngineError> {
        let options = engine.target.sqlx_options().application_name("overbooked");
        // Two, and with one it would wait for itself: the sweep asks beside its own transaction
        // (ROLLBACK PREPARED runs in none), and a pooler gives itself away only to two connections
        // that are open at once.
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(options);
        if engine.ownership == Ownership::Guest && flavor::shares_backends(&pool).await? {
            return Err(EngineError::Pooler);
        }
        let watch = Watch::default();
        let observer = Observer::connect(&engine.target, watch, engine.inspection());
        let sweep = async {
            let runs = schema::sweep(&pool, SCHEMA_PREFIX).await?;
            // Not beside it: the two would make each other wait where one connection is had alone.
            let gates = schema::sweep(&pool, schema::GATE_PREFIX).await?;
            Ok::<_, SchemaError>([runs, gates])
        };
        let (observer, swept) = tokio::join!(observer, sweep);
        let observer = Arc::new(observer?);
        // The address may be that of `overbooked serve`, which is such an engine by itself and
        // needs no gateway of ours in front.
        let is_there = observer.flavor().kind == flavor::EngineKind::Optimistic;
        let front = match kind {
            EngineKind::Optimistic if !is_there => {
                Some(OptimisticEngine::open(&engine, entrance).await?)
            }
            _ => None,
        };
        let entrance = match entrance.filter(|_| front.is_none()) {
            Some(entrance) => Some(pass_through(&engine, entrance).await?),
            None => None,
        };
        let isolation = default_isolation(&pool).await;
        let open = Self { kind, engine, observer, pool, isolation, front, entrance };
        let told = swept?.into_iter().flat_map(|Swept { dropped, doubts }| {
            let dropped = dropped.into_iter().map(|schema| {
                format!("removed the schema {schema}, left behind by an earlier run")
            });
            let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
            dropped.chain(doubts)
        });
        Ok((open, told.collect()))
    }

    /// Where the players connect. A gateway of ours needs no guardian: it ends with the program,
    /// nobody waits behind it, and what is not committed whole by then is not committed.
    pub(crate) fn session_target(&self) -> GuardedTarget {
        match &self.front {
            Some(front) => GuardedTarget { target: front.gateway.target().clone(), guardian: None },
            None => self.direct_target(),
        }
    }

    /// Where somebody in the room connects: as a role that can do nothing but book.
    pub(crate) fn person_target(&self) -> GuardedTarget {
        let GuardedTarget { target, guardian } = self.session_target();
        GuardedTarget { target: target.with_user(people::ROLE), guardian }
    }

    /// Where the runner connects: to the server itself.
    pub(crate) fn direct_target(&self) -> GuardedTarget {
        let Engine { target, guardian, .. } = &self.engine;
        GuardedTarget { target: target.clone(), guardian: guardian.clone() }
    }

    /// Lets the programs in that are debugged; says why not.
    pub(crate) async fn let_in(&mut self, entrance: &Entrance) -> Result<(), GatewayError> {
        let gateway = match (&mut self.entrance, &mut self.front) {
            (Some(gateway), _) => gateway,
            (None, Some(front)) => front.gateway.gateway_mut(),
            (None, None) => return Ok(()),
        };
        // A fresh setup on the same engine finds it open.
        if gateway.addresses().is_empty() {
            gateway.listen(&entrance.addresses).await?;
        }
        entrance.tell_open(gateway.addresses().to_vec());
        Ok(())
    }

    /// The next piece of news from the gateway; none ever where there is no gateway.
    pub(crate) async fn news(&mut self) -> News {
        if let Some(front) = &mut self.front
            && let Some(news) = front.news.recv().await
        {
            return news;
        }
        std::future::pending().await
    }

    /// Ends the gateway and the observer's connections.
    pub(crate) async fn close(self) {
        if let Some(entrance) = self.entrance {
            entrance.stop().await;
        }
        if let Some(front) = self.front {
            front.gateway.stop().await;
        }
        tokio::join!(self.observer.close(), self.pool.close());
    }
}

/// The same, with whoever holds the statements of the programs that are debugged.
fn with_hooks(options: Options, entrance: Option<&Entrance>) -> Options {
    let Some(entrance) = entrance else { return options };
    Options { hooks: Some(entrance.hooks()), ..options }
}

/// The way in where the server itself is what is played on.
async fn pass_through(engine: &Engine, entrance: &Entrance) -> Result<Gateway, EngineError> {
    let options = Options { mode: Mode::PassThrough, ..Options::new(engine.target.clone()) };
    let gateway = Gateway::start(with_hooks(options, Some(entrance))).await;
    Ok(gateway.map_err(LocalGatewayError::from)?)
}

/// The isolation level that transactions get where nobody has set one. What is no level of its own,
/// READ UNCOMMITTED, is none here either.
async fn default_isolation(pool: &PgPool) -> Option<Isolation> {
    let level = sqlx::query_scalar("show transaction_isolation").fetch_one(pool).await;
    let level: String = level
        .inspect_err(|error| tracing::warn!(%error, "which level transactions get by default"))
        // Not to know the level is no reason to play nothing: the weakest is assumed.
        .ok()?;
    Isolation::named(&level)
}

/// Why an engine could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The embedded PostgreSQL did not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The observer could not connect, or could not see.
    #[error(transparent)]
    Observer(#[from] ObserverError),
    /// What kind of server it is could not be asked.
    #[error("cannot find out what kind of server this is")]
    Unknown(#[from] sqlx::Error),
    /// The sessions would not be sessions.
    #[error(
        "the server's sessions are shared: a pooler in transaction mode is in front of it. Connect \
         to the server directly, or to a pool in session mode"
    )]
    Pooler,
    /// The schemas of earlier runs could not be looked at.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The optimistic engine did not start.
    #[error(transparent)]
    Gateway(#[from] LocalGatewayError),
    /// It was asked for after the end.
    #[error("the engine has already been stopped")]
    Stopped,
}

/// All engines that a run can switch between.
#[derive(Clone)]
pub struct Engines {
    server: Arc<Mutex<Server>>,
    /// What somebody's server is by itself, where that is not for us to choose.
    fixed: Option<EngineKind>,
    /// Who ends what runs there if this program is killed.
    guardian: Option<Guardian>,
    /// The runs on them that may end together.
    pub(crate) partings: Partings,
    /// The way in for the programs that are debugged, if any are.
    pub(crate) entrance: Option<Entrance>,
    /// For sessions that speak to etcd.
    etcd: EtcdSource,
}

/// The PostgreSQL under everything.
enum Server {
    Guest(Target),
    /// Ours, to be started.
    Wanted(ClusterOptions),
    Embedded(Box<Cluster>),
    /// Ours, stopped for good.
    Stopped,
}

impl Server {
    fn is_kept(&self) -> bool {
        match self {
            Self::Guest(_) => true,
            Self::Embedded(cluster) => cluster.is_kept(),
            Self::Wanted(options) => options.data.is_some(),
            Self::Stopped => false,
        }
    }
}

impl Engines {
    /// Plays on somebody's own server.
    pub fn at(target: Target) -> Self {
        Self::of(Server::Guest(target))
    }

    /// Plays on a private PostgreSQL, started at the first `open`.
    pub fn embedded(options: ClusterOptions) -> Self {
        Self::of(Server::Wanted(options))
    }

    fn of(server: Server) -> Self {
        Self {
            server: Arc::new(Mutex::new(server)),
            fixed: None,
            guardian: None,
            partings: Partings::default(),
            entrance: None,
            etcd: EtcdSource::default(),
        }
    }

    /// The same, of a server that is an engine of this kind by itself.
    #[must_use]
    pub fn fixed_to(self, kind: EngineKind) -> Self {
        Self { fixed: Some(kind), ..self }
    }

    /// The same, with somebody who ends what runs there if this program is killed. A private server
    /// needs nobody: it ends with the program.
    #[must_use]
    pub fn guarded_by(self, guardian: Guardian) -> Self {
        Self { guardian: Some(guardian), ..self }
    }

    /// The same, with this etcd in place of one of our own.
    #[must_use]
    pub fn with_etcd(self, etcd: EtcdSource) -> Self {
        Self { etcd, ..self }
    }

    /// The etcd of sessions that speak to one.
    pub fn etcd(&self) -> &EtcdSource {
        &self.etcd
    }

    /// The same, with a way in for the programs that are debugged.
    #[must_use]
    pub fn with_entrance(self, entrance: Entrance) -> Self {
        Self { entrance: Some(entrance), ..self }
    }

    /// What the server is by itself, where that is not for us to choose.
    pub fn fixed(&self) -> Option<EngineKind> {
        self.fixed
    }

    /// The production on the engine that there is, whatever was asked for where that cannot be
    /// chosen.
    #[must_use]
    pub fn fit(&self, production: Production) -> Production {
        Production { engine: self.fixed.unwrap_or(production.engine), ..production }
    }

    /// Starts the embedded PostgreSQL, if that is what is played on and it does not run yet.
    pub async fn start(&self, on_progress: OnProgress<'_>) -> Result<(), EngineError> {
        // Held until it runs: the two runs of a comparison may ask at once, and are to get one
        // server.
        let mut server = self.server.lock().await;
        if let Server::Wanted(options) = &*server {
            let cluster = Cluster::start(options, on_progress).await?;
            *server = Server::Embedded(Box::new(cluster));
        }
        Ok(())
    }

    /// What looks like a leftover of a killed program and was left alone, in sentences.
    pub async fn doubts(&self) -> Vec<String> {
        match &*self.server.lock().await {
            Server::Embedded(cluster) => cluster.doubts().iter().map(ToString::to_string).collect(),
            Server::Guest(_) | Server::Wanted(_) | Server::Stopped => Vec::new(),
        }
    }

    /// The engine of that kind, ready.
    pub async fn open(&self, kind: EngineKind) -> Result<Engine, EngineError> {
        self.start(&|_| {}).await?;
        let server = &*self.server.lock().await;
        match (server, kind) {
            (Server::Guest(target), _) => Ok(Engine {
                target: target.clone(),
                place: target.describe(),
                ownership: Ownership::Guest,
                is_kept: server.is_kept(),
                guardian: self.guardian.clone(),
            }),
            (Server::Embedded(cluster), _) => Ok(Engine {
                target: Target::unix(cluster.folder(), cluster.port(), SUPERUSER, "postgres"),
                place: "embedded".to_owned(),
                ownership: Ownership::Embedded,
                is_kept: server.is_kept(),
                guardian: None,
            }),
            (Server::Wanted(_) | Server::Stopped, _) => Err(EngineError::Stopped),
        }
    }

    /// Whether what it holds is somebody's: it is not thrown away afterwards.
    pub async fn is_kept(&self) -> bool {
        self.server.lock().await.is_kept()
    }

    /// Starts the embedded PostgreSQL again if it has died; whether it had.
    pub async fn revive(&self) -> Result<bool, EngineError> {
        match &mut *self.server.lock().await {
            Server::Embedded(cluster) if !answers(cluster).await => {
                cluster.restart().await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Stops what was started. Its folder stays, and is named, if somebody has put something into
    /// it.
    pub async fn stop(&self) -> Result<Option<Doubt>, EngineError> {
        // Out of reach before it is stopped: a run that is still about finds an error, and not a
        // server that is just going down.
        let server = std::mem::replace(&mut *self.server.lock().await, Server::Stopped);
        self.etcd.stop().await;
        match server {
            Server::Embedded(cluster) => Ok(cluster.stop().await?),
            Server::Guest(_) | Server::Wanted(_) | Server::Stopped => Ok(None),
        }
    }
}

/// Whether somebody listens on the cluster's socket. A server that was killed is gone from there at
/// once, while its last processes may take a moment to go.
async fn answers(cluster: &Cluster) -> bool {
    let socket = cluster.target().places().first().and_then(ServerAddress::socket);
    match socket {
        Some(socket) => cluster.is_running() && UnixStream::connect(socket).await.is_ok(),
        None => cluster.is_running(),
    }
}
