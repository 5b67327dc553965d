//! The optimistic engine: a gateway that speaks PostgreSQL's protocol in front of an ordinary
//! PostgreSQL and behaves as Aurora DSQL does. Nothing ever waits, reads come from the
//! transaction's own snapshot, everything is judged at COMMIT, the first committer wins and the
//! other gets OC000.
//!
//! # How
//!
//! Each client has a backend of its own. In it, every table that the client names has a **private
//! copy**: a temporary table of the same name, which PostgreSQL finds before the stored one.
//! Statements run on copies by PostgreSQL itself, so window functions, RETURNING, ON CONFLICT and
//! reading one's own writes all simply work, and row locks on a private copy block nobody. COMMIT
//! applies what changed to the stored tables inside the same REPEATABLE READ transaction, under one
//! commit lock.
//!
//! ```text
//!            ┌───────────── gateway ─────────────┐        ┌──────── PostgreSQL ────────┐
//!  Alice ────┤ session ── her backend ───────────┼────────┤ pg_temp.seats ┐            │
//!            │     ╲                             │        │               ├▶ public.seats
//!            │      ledger: who committed what   │        │               │   at COMMIT │
//!            │     ╱                             │        │               │            │
//!  Bob ──────┤ session ── his backend ───────────┼────────┤ pg_temp.seats ┘            │
//!            └───────────────────────────────────┘        └────────────────────────────┘
//! ```
//!
//! | room | what it holds |
//! |---|---|
//! | `local` | a gateway for this program's own sessions |
//! | `handshake`, `packet`, `passwords`, `rewound` | a connection's way in |
//! | `relay`, `conversation` | pass-through, which is no engine at all |
//! | `server` | questions of the gateway's own |
//! | `session`, `simple`, `extended`, `encoding`, `prepare_statement` | a client's messages and what they need |
//! | `statement`, `refusal` | what a statement says, and what is refused |
//! | `tables`, `shape`, `changes`, `journal` | private copies, and what they lack |
//! | `transaction`, `pending_changes`, `commit`, `precedence`, `apply`, `ledger` | a transaction's life and its judgement |
//! | `shared`, `news` | what clients share, and what the console is told |
//! | `client_handle`, `ddl`, `blocker_watchdog` | who makes way for whom: the rule, changes of the schema, and what neither foresees |

mod backend;
mod certificate;
mod conversation;
mod local;
mod news;
mod passwords;
mod protocol;
mod refusal;
mod relay;
mod shared;
mod statement;
mod transaction;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cluster::marked::Doubt;
use crate::cluster::removal::{Identity, remove_file};
use crate::pg::frame::Stream;
use crate::pg::{Target, UnixSocket};
pub use certificate::Certificate;
use certificate::Tls;
pub use local::{LocalGateway, LocalGatewayError};
pub use news::{Happening, News, PrivateChange};
use passwords::Passwords;
pub(crate) use protocol::handshake::{ALONE, BEHIND_ITSELF};
use shared::Shared;

/// What the gateway says it is; Aurora DSQL says so.
const SERVER_VERSION: &str = "16.15";

/// How the gateway behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nobody waits; COMMIT judges.
    #[default]
    Optimistic,
    /// Bytes go through untouched, from the start-up packet on: the PostgreSQL behind, as it is.
    PassThrough,
}

/// The service's limits for one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows changed.
    pub rows: usize,
    /// Bytes changed.
    pub bytes: u64,
    /// From BEGIN to COMMIT.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 3_000, bytes: 10 * 1024 * 1024, age: Duration::from_mins(5) }
    }
}

/// What a gateway is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The PostgreSQL behind.
    pub backend: Target,
    /// How to behave.
    pub mode: Mode,
    /// Where to listen on TCP; port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// A folder in which to make a Unix socket.
    pub socket_folder: Option<PathBuf>,
    /// Users and their passwords, `user:password` a line; without it anybody may come in from this
    /// machine.
    pub password_file: Option<PathBuf>,
    /// TLS.
    pub certificate: Certificate,
    /// The limits; a test's own are smaller.
    pub limits: Limits,
}

impl Options {
    /// The optimistic engine in front of this server, listening nowhere yet.
    pub fn new(backend: Target) -> Self {
        Self {
            backend,
            mode: Mode::default(),
            listen: None,
            socket_folder: None,
            password_file: None,
            certificate: Certificate::None,
            limits: Limits::default(),
        }
    }
}

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is taken, or may not be taken.
    #[error("cannot listen on {place}")]
    Listen {
        /// Where.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The password file cannot be read.
    #[error("cannot read the password file {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it makes no sense.
    #[error("{}:{line}: expected user:password", path.display())]
    PasswordLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Open to the network without a password.
    #[error(
        "{0} can be reached from outside this machine: give a password file, or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
}

/// A running gateway. Dropping it ends it.
pub struct Gateway {
    target: Target,
    listen: Option<SocketAddr>,
    tasks: JoinSet<()>,
    news: Option<mpsc::UnboundedReceiver<News>>,
    heard: Arc<AtomicBool>,
    common: Arc<Shared>,
    socket: Option<(PathBuf, Identity)>,
    certificate: Option<certificate::Published>,
}

/// The port in the name of the Unix socket, which is no port of the machine.
const SOCKET_PORT: u16 = 5432;

impl Gateway {
    /// Listens, and serves from then on.
    pub async fn start(options: Options) -> Result<Self, GatewayError> {
        let passwords = match &options.password_file {
            Some(path) => Passwords::read(path)?,
            None => Passwords::default(),
        };
        if let Some(address) = options.listen.filter(|address| !address.ip().is_loopback())
            && !passwords.are_asked()
        {
            return Err(GatewayError::Unprotected(address));
        }
        let (sender, news) = mpsc::unbounded_channel();
        let common =
            Shared::new(options.backend.clone(), options.mode, options.limits, passwords, sender);
        let common = Arc::new(common);
        let mut gateway = Self {
            target: options.backend.clone(),
            listen: None,
            tasks: JoinSet::new(),
            news: Some(news),
            heard: common.hearing(),
            common: Arc::clone(&common),
            socket: None,
            certificate: None,
        };
        if let Some(folder) = &options.socket_folder {
            gateway.listen_unix(folder, &common, &options.backend)?;
        }
        if let Some(address) = options.listen {
            gateway.listen_tcp(address, &common, &options.certificate).await?;
        }
        Ok(gateway)
    }

    /// How to connect to the gateway over its Unix socket.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The TCP address on which it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// The self-signed certificate that a client may be told to trust (`sslrootcert`).
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_ref().map(certificate::Published::path)
    }

    /// What looks like the certificate of a killed gateway, and was left alone.
    pub fn doubts(&self) -> &[Doubt] {
        self.certificate.as_ref().map_or(&[], certificate::Published::doubts)
    }

    /// What only the gateway knows; the first caller gets it.
    pub fn events(&mut self) -> Option<mpsc::UnboundedReceiver<News>> {
        self.heard.store(true, Ordering::Relaxed);
        self.news.take()
    }

    /// Stops listening, tells every client that this is the end, and waits until the server has
    /// nothing more to do for any.
    pub async fn stop(mut self) {
        self.common.closing.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(relay::FAREWELL * 2, ended).await.ok();
        self.tasks.shutdown().await;
        self.common.leave_lookout().await;
    }

    fn listen_unix(
        &mut self,
        folder: &Path,
        common: &Arc<Shared>,
        backend: &Target,
    ) -> Result<(), GatewayError> {
        let path = folder.join(format!(".s.PGSQL.{SOCKET_PORT}"));
        let failed = |source| GatewayError::Listen { place: path.display().to_string(), source };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        self.tasks.spawn(receive_all(Arc::clone(common), None, async move || {
            UnixSocket::adopt(listener.accept().await?.0)
        }));
        self.target = Target::unix(folder, SOCKET_PORT, backend.user(), backend.database());
        let identity = Identity::at(&path).map_err(failed)?;
        self.socket = Some((path, identity));
        Ok(())
    }

    async fn listen_tcp(
        &mut self,
        address: SocketAddr,
        common: &Arc<Shared>,
        certificate: &Certificate,
    ) -> Result<(), GatewayError> {
        let failed = |source| GatewayError::Listen { place: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let certificate::Ready { tls, published } = certificate.ready(bound.port())?;
        self.certificate = published;
        self.listen = Some(bound);
        self.tasks.spawn(receive_all(Arc::clone(common), tls, async move || {
            let (stream, _) = listener.accept().await?;
            // Where it does not take, the client is slower, or gone already.
            stream.set_nodelay(true).ok();
            Ok(stream)
        }));
        Ok(())
    }
}

/// Serves whoever comes until the gateway ends, and then until the last is gone.
async fn receive_all<S: Stream + 'static>(
    common: Arc<Shared>,
    tls: Option<Tls>,
    accept: impl AsyncFn() -> io::Result<S>,
) {
    let mut clients = JoinSet::new();
    let mut has_room = true;
    loop {
        tokio::select! {
            () = common.closing.cancelled() => break,
            accepted = accept(), if has_room || clients.is_empty() => match accepted {
                Ok(stream) => {
                    clients.spawn(serve(Box::new(stream), Arc::clone(&common), tls.clone()));
                }
                // Most of all for want of a descriptor, which there is again when somebody leaves.
                Err(error) => {
                    tracing::warn!(%error, "a client cannot be accepted");
                    has_room = false;
                }
            },
            Some(_) = clients.join_next(), if !clients.is_empty() => has_room = true,
        }
    }
    while clients.join_next().await.is_some() {}
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some((path, identity)) = &self.socket {
            // Gone already is as good.
            remove_file(path, *identity).ok();
        }
    }
}

async fn serve(stream: Box<dyn Stream>, common: Arc<Shared>, tls: Option<Tls>) {
    if let Err(error) = protocol::handshake::receive(stream, common, tls).await {
        tracing::debug!(%error, "a connection ended");
    }
}
