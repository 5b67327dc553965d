//! A part of one's own: the machine's program, in a folder and on a socket that nobody else sees.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{interval, timeout};

use super::PartError;
use super::address::Address;
use super::etcd_client::{Etcd, EtcdUrl};
use super::link::Link;
use super::redis_client::{Redis, RedisUrl};
use crate::cluster::part::{ETCD_DATA, ETCD_PEERS, ETCD_SOCKET, PartServer, Program, REDIS_SOCKET};

/// How long a part may take to answer for the first time.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Why a part could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The machine does not have it.
    #[error("{part} is not installed: none of {programs} is on the path")]
    NotInstalled { part: &'static str, programs: String },
    /// The system does not let us.
    #[error("cannot start {part}: {source}")]
    Io { part: &'static str, source: io::Error },
    /// It does not answer, and what it said itself.
    #[error("{part} was started but does not answer: {why}\n{log}")]
    Unready { part: &'static str, why: PartError, log: String },
}

/// A Redis or Valkey that keeps nothing on disk, as a cache is often run: what was held is
/// forgotten when it is killed.
pub async fn start_redis() -> Result<(PartServer, RedisUrl), StartError> {
    const PART: &str = "Redis";
    let program = find(PART, &["valkey-server", "redis-server"])?;
    let arguments = [
        ["--port", "0"],
        ["--unixsocket", REDIS_SOCKET],
        ["--unixsocketperm", "700"],
        ["--save", ""],
        ["--appendonly", "no"],
        ["--daemonize", "no"],
    ];
    let arguments = arguments.concat().into_iter().map(str::to_owned).collect();
    let server = start(PART, &Program { program, arguments }).await?;
    let url = RedisUrl::of_socket(Address::Socket(server.folder().join(REDIS_SOCKET)));
    let client = Redis::new(&url, &Link::default());
    match until_ready(client, |client| Box::pin(client.ping())).await {
        Ok(()) => Ok((server, url)),
        Err(why) => Err(unready(PART, server, why).await),
    }
}

/// An etcd of one member, whose leases can be as short as a second: its heart beats fast. It calls
/// the socket of a URL after its host and port, in the folder that it runs in.
pub async fn start_etcd() -> Result<(PartServer, EtcdUrl), StartError> {
    const PART: &str = "etcd";
    let program = find(PART, &["etcd"])?;
    let (clients, peers) = (format!("unix://{ETCD_SOCKET}"), format!("unix://{ETCD_PEERS}"));
    // What its peers would be told; there are none.
    let told = format!("http://{ETCD_PEERS}");
    let cluster = format!("rush={told}");
    let arguments = [
        ["--name", "rush"],
        ["--data-dir", ETCD_DATA],
        ["--listen-client-urls", &clients],
        ["--advertise-client-urls", &clients],
        ["--listen-peer-urls", &peers],
        ["--initial-advertise-peer-urls", &told],
        ["--initial-cluster", &cluster],
        ["--heartbeat-interval", "20"],
        ["--election-timeout", "200"],
    ];
    let arguments = arguments.concat().into_iter().map(str::to_owned).collect();
    let server = start(PART, &Program { program, arguments }).await?;
    let url = EtcdUrl::of_socket(Address::Socket(server.folder().join(ETCD_SOCKET)));
    let client = Etcd::new(&url, &Link::default());
    match until_ready(client, |client| Box::pin(client.ping())).await {
        Ok(()) => Ok((server, url)),
        Err(why) => Err(unready(PART, server, why).await),
    }
}

async fn start(part: &'static str, program: &Program) -> Result<PartServer, StartError> {
    PartServer::start(program).await.map_err(|source| StartError::Io { part, source })
}

async fn unready(part: &'static str, server: PartServer, why: PartError) -> StartError {
    let log = server.last_words();
    if let Err(error) = server.stop().await {
        tracing::warn!("{part} could not be ended: {error}");
    }
    StartError::Unready { part, why, log }
}

/// Asks until there is an answer.
async fn until_ready<C>(
    mut client: C,
    ask: impl Fn(&mut C) -> BoxFuture<'_, Result<(), PartError>>,
) -> Result<(), PartError> {
    let mut last = None;
    let asking = async {
        let mut pulse = interval(Duration::from_millis(5));
        loop {
            pulse.tick().await;
            match ask(&mut client).await {
                Err(error) if error.may_pass() => last = Some(error),
                answered => return answered,
            }
        }
    };
    let asked = timeout(READY_WITHIN, asking).await;
    match asked {
        Ok(answered) => answered,
        Err(_) => last.map_or(Ok(()), Err),
    }
}

fn find(part: &'static str, names: &[&str]) -> Result<PathBuf, StartError> {
    let found = names.iter().find_map(|name| on_path(name));
    found.ok_or_else(|| StartError::NotInstalled { part, programs: names.join(", ") })
}

/// Debian keeps servers in `/usr/sbin`, which is not on everybody's path.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join(name)).find(|program| program.is_file())
}
