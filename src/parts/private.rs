//! A part of one's own: the machine's program, in a folder and on a socket that nobody else sees.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::PartError;
use super::address::Address;
use super::amqp_client::{Amqp, AmqpUrl};
use super::etcd_client::{Etcd, EtcdUrl};
use super::kafka_client::{Brokers, Kafka};
use super::link::Link;
use super::redis_client::{Redis, RedisUrl};
use crate::cluster::part::{
    ETCD_DATA, ETCD_PEERS, ETCD_SOCKET, PartServer, Program, RABBITMQ_HOME, REDIS_SOCKET,
};

const ETCD: &str = "etcd";

/// How long a part may take to answer for the first time.
const READY_WITHIN: Duration = Duration::from_mins(1);

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
    let server = start(PART, |_| Program { program, arguments, ..Program::default() }).await?;
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
    const PART: &str = ETCD;
    let program = find_etcd()?;
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
    let server = start(PART, |_| Program { program, arguments, ..Program::default() }).await?;
    let url = EtcdUrl::of_socket(Address::Socket(server.folder().join(ETCD_SOCKET)));
    let client = Etcd::new(&url, &Link::default());
    match until_ready(client, |client| Box::pin(client.ping())).await {
        Ok(()) => Ok((server, url)),
        Err(why) => Err(unready(PART, server, why).await),
    }
}

/// A RabbitMQ on a loopback port, with a password that nobody else knows. Its node's name is kept
/// by an epmd of its own, so that it meets no other node of the machine.
pub async fn start_rabbitmq() -> Result<(PartServer, AmqpUrl), StartError> {
    start_rabbitmq_with("").await
}

/// The same, with more lines of settings.
pub async fn start_rabbitmq_with(more: &str) -> Result<(PartServer, AmqpUrl), StartError> {
    const PART: &str = "RabbitMQ";
    // Debian's program of that name on the path is for its service, and changes the user.
    let service = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let program = if service.is_file() { service } else { find(PART, &["rabbitmq-server"])? };
    let companion = find(PART, &["epmd"])?;
    let ports = free_ports().map_err(|source| StartError::Io { part: PART, source })?;
    let password = secret();
    let settings = settings_of_rabbitmq(ports, &password) + more;
    let node = |folder: &Path| rabbitmq(folder, program, companion, ports, settings);
    let server = start(PART, node).await?;
    let url = AmqpUrl::of_port(ports.clients, RABBITMQ_USER, &password);
    let client = Amqp::new(&url, &Link::default());
    match until_ready(client, |client| Box::pin(client.ping())).await {
        Ok(()) => Ok((server, url)),
        Err(why) => Err(unready(PART, server, why).await),
    }
}

/// A broker that speaks Kafka's protocol, on a loopback port. It keeps everything in memory: what
/// it had accepted is lost when it is killed.
pub async fn start_kafka() -> Result<(PartServer, Brokers), StartError> {
    start_broker(None).await
}

/// The same behind a front: its clients are told to come to `host:port`.
pub async fn start_kafka_behind(front: &str) -> Result<(PartServer, Brokers), StartError> {
    start_broker(Some(front)).await
}

async fn start_broker(front: Option<&str>) -> Result<(PartServer, Brokers), StartError> {
    const PART: &str = "Kafka";
    let program = find(PART, &["tansu"])?;
    let ports = free_ports().map_err(|source| StartError::Io { part: PART, source })?;
    let place = format!("tcp://127.0.0.1:{}", ports.clients);
    let told = front.map_or_else(|| place.clone(), |front| format!("tcp://{front}"));
    let arguments = [
        ["--listener-url", &place],
        ["--advertised-listener-url", &told],
        ["--storage-engine", "memory://rush/"],
    ];
    let arguments = std::iter::once("broker").chain(arguments.concat());
    let arguments = arguments.map(str::to_owned).collect();
    let server = start(PART, |_| Program { program, arguments, ..Program::default() }).await?;
    let brokers = Brokers::of_port(ports.clients);
    let client = Kafka::new(&brokers, &Link::default(), "overbooked");
    match until_ready(client, |client| Box::pin(client.ping())).await {
        Ok(()) => Ok((server, brokers)),
        Err(why) => Err(unready(PART, server, why).await),
    }
}

const RABBITMQ_USER: &str = "rush";

#[derive(Clone, Copy)]
struct Ports {
    clients: u16,
    nodes: u16,
    names: u16,
}

/// Free a moment ago.
fn free_ports() -> io::Result<Ports> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (clients, nodes, names) = (bind()?, bind()?, bind()?);
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    Ok(Ports { clients: port(&clients)?, nodes: port(&nodes)?, names: port(&names)? })
}

fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn settings_of_rabbitmq(ports: Ports, password: &str) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{}\ndefault_user = {RABBITMQ_USER}\n\
         default_pass = {password}\nraft.wal_max_size_bytes = 16000000\n\
         disk_free_limit.absolute = 1MB\nlog.console.level = warning\n",
        ports.clients
    )
}

/// Without `RABBITMQ_ALLOW_INPUT` its script stays between us and the server, which then would
/// outlive the script's kill -9.
fn rabbitmq(
    folder: &Path,
    program: PathBuf,
    companion: PathBuf,
    Ports { nodes, names, .. }: Ports,
    settings: String,
) -> Program {
    let home = folder.join(RABBITMQ_HOME);
    let place = |name: &str| home.join(name).display().to_string();
    let erlang = "-noinput -kernel inet_dist_use_interface {127,0,0,1}".to_owned();
    let environment = vec![
        ("HOME", home.display().to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("ERL_EPMD_PORT", names.to_string()),
        ("ERL_CRASH_DUMP", place("erl_crash.dump")),
        ("RABBITMQ_ALLOW_INPUT", "true".to_owned()),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang),
        ("RABBITMQ_NODENAME", "rush@localhost".to_owned()),
        ("RABBITMQ_DIST_PORT", nodes.to_string()),
        ("RABBITMQ_CONF_ENV_FILE", place("rabbitmq-env.conf")),
        ("RABBITMQ_CONFIG_FILE", place("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", place("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", place("enabled_plugins")),
        ("RABBITMQ_FEATURE_FLAGS_FILE", place("feature_flags")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", place("")),
        ("RABBITMQ_MNESIA_BASE", place("")),
        ("RABBITMQ_LOG_BASE", place("")),
        ("RABBITMQ_LOGS", "-".to_owned()),
        ("RABBITMQ_PID_FILE", place("rabbit.pid")),
    ];
    let files = vec![
        (PathBuf::from(RABBITMQ_HOME).join("rabbitmq.conf"), settings),
        (PathBuf::from(RABBITMQ_HOME).join("enabled_plugins"), "[].\n".to_owned()),
        // Whoever knows it may do everything in the server.
        (PathBuf::from(RABBITMQ_HOME).join(".erlang.cookie"), secret()),
    ];
    Program { program, environment, files, companion: Some(companion), ..Program::default() }
}

/// The program, if the machine has it.
pub fn find_etcd() -> Result<PathBuf, StartError> {
    find(ETCD, &["etcd"])
}

async fn start(
    part: &'static str,
    program: impl FnOnce(&Path) -> Program,
) -> Result<PartServer, StartError> {
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
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
