//! What the debugger costs, in three comparisons:
//!
//! - **Nothing held**: pgbench through `overbooked debug --hold watch`, through `overbooked serve
//!   --engine postgres` and through PgBouncer, side by side, each over TCP.
//! - **Let go**: from the order to the statement's bytes at the server, which is a relay that notes
//!   when they come. The limit is 2 ms for 99 of 100.
//! - **A plan**: a race of two programs in Python, let go by a plan, and the same race found by
//!   frontrun (`PyPI`, 0.7), each as one command. `OVERBOOKED_PYTHON` names a Python with `psycopg`
//!   and `frontrun[process]`; without these they are left out.

#[path = "peers/pgbench.rs"]
mod pgbench;
#[path = "peers/pgbouncer.rs"]
mod pgbouncer;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::commands::launch;
use overbooked::core::event::SessionName;
use overbooked::debugger::Debugger;
use overbooked::debugger::breakpoints::{HoldMode, Rules};
use overbooked::debugger::guests::Order;
use overbooked::gateway::{Gateway, Mode, Options};
use overbooked::pg::Target;
use pgbench::{ROUNDS, SECONDS, UPDATE, Way, pgbench, race, say};
use pgbouncer::{PgBouncer, free_port};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, NoTls};

const OVERBOOKED: &str = env!("CARGO_BIN_EXE_overbooked");
const PATIENCE: Duration = Duration::from_mins(1);
const RELEASES: usize = 2000;
const PLANS: usize = 5;
const REPEATS: u32 = 20;

fn main() {
    launch::one_thread().expect("a runtime").block_on(measure());
}

async fn measure() {
    let options = ClusterOptions { listen_tcp: Some(free_port()), ..ClusterOptions::default() };
    let cluster = Cluster::start(&options, &|_| {}).await.expect("a server");
    nothing_held(&cluster).await;
    let_go(&cluster).await;
    plan(&cluster).await;
    cluster.stop().await.expect("the server stops");
}

fn url(cluster: &Cluster) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", cluster.port())
}

/// A program that listens, ended with this value.
struct Listening {
    port: u16,
    child: Result<Child, Box<dyn portable_pty::Child + Send + Sync>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        match &mut self.child {
            Ok(child) => drop((child.kill(), child.wait())),
            Err(child) => drop((child.kill(), child.wait())),
        }
    }
}

impl Listening {
    async fn serve(cluster: &Cluster) -> Self {
        let port = free_port();
        let child = Command::new(OVERBOOKED)
            .args(["serve", "--engine", "postgres", "--url", &url(cluster), "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self { port, child: Ok(child.expect("it starts")) }.opened().await
    }

    /// With its screen, which somebody looks at.
    async fn debug(cluster: &Cluster) -> Self {
        let port = free_port();
        let size = PtySize { rows: 40, cols: 120, ..PtySize::default() };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(OVERBOOKED);
        command.args(["debug", "--hold", "watch", "--url", &url(cluster), "--listen"]);
        command.arg(format!("127.0.0.1:{port}"));
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("OVERBOOKED_HISTORY", "off");
        let child = pair.slave.spawn_command(command).expect("it starts");
        let mut screen = pair.master.try_clone_reader().expect("its output");
        let master = pair.master;
        std::thread::spawn(move || {
            let (_master, mut bytes) = (master, vec![0; 65536]);
            while screen.read(&mut bytes).is_ok_and(|count| count > 0) {}
        });
        Self { port, child: Err(child) }.opened().await
    }

    async fn opened(self) -> Self {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let open = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                pace.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, open).await.expect("it listens");
        self
    }
}

async fn nothing_held(cluster: &Cluster) {
    say(&format!("nothing held: 4 clients, {ROUNDS} rounds of {SECONDS} s\n"));
    let bouncer = PgBouncer::start(cluster).await;
    let (serve, debug) = (Listening::serve(cluster).await, Listening::debug(cluster).await);
    let way = |name, port| Way { name, host: Path::new("127.0.0.1"), port };
    let mut ways =
        vec![way("straight", cluster.port()), way("serve", serve.port), way("debug", debug.port)];
    match &bouncer {
        Some(bouncer) => ways.push(way("PgBouncer", bouncer.port)),
        None => say("PgBouncer is not installed: left out\n"),
    }
    pgbench(&ways[0], &["-i", "-q"]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("update.sql");
    std::fs::write(&script, UPDATE).expect("a script");
    race("select-only (-S)", "debug", &ways, &["-S"]).await;
    race("one-row update", "debug", &ways, &["-f", script.to_str().expect("a plain path")]).await;
}

/// How a statement comes.
#[derive(Clone, Copy)]
enum Form {
    Query,
    Execute,
}

impl Form {
    /// What a message has in it that runs the statement, and no other message has.
    fn mark(self) -> &'static [u8] {
        match self {
            Self::Query => b"/* held */",
            Self::Execute => b"E\0\0\0\x09\0\0\0\0\0",
        }
    }
}

/// A debugger on a thread of its own, as it is in the program.
struct Held {
    debugger: Arc<Debugger>,
    address: SocketAddr,
    end: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Held {
    async fn start(server: Target) -> Self {
        let (opened, is_open) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let work = async move {
            let rules = Rules { mode: HoldMode::Everything, ..Rules::default() };
            let (debugger, mut news) = Debugger::start(rules);
            tokio::spawn(async move { while news.recv().await.is_some() {} });
            let mut options = Options::new(server);
            options.mode = Mode::PassThrough;
            options.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
            options.hooks = Some(Arc::clone(&debugger) as Arc<_>);
            let gateway = Gateway::start(options).await.expect("a gateway");
            let address = gateway.address().expect("an address");
            opened.send((debugger, address)).map_err(drop).expect("somebody waits");
            // Whoever goes without a word ends it too.
            ended.await.ok();
            gateway.stop().await;
        };
        let thread = std::thread::spawn(|| launch::one_thread().expect("a runtime").block_on(work));
        let (debugger, address) = is_open.await.expect("it opens");
        Self { debugger, address, end, thread }
    }

    fn stop(self) {
        self.end.send(()).expect("it waits for that");
        self.thread.join().expect("it ends");
    }
}

async fn let_go(cluster: &Cluster) {
    say(&format!("\nfrom the order to the statement's bytes at the server, {RELEASES} each\n"));
    for (name, form) in [("Query", Form::Query), ("Execute", Form::Execute)] {
        let mut times = releases(cluster, form).await;
        times.sort_unstable();
        let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100];
        say(&format!(
            "  {name:<8} p50 {:>9.1?}  p99 {:>9.1?}  most {:>9.1?}   (limit of p99: 2 ms)\n",
            at(50),
            at(99),
            at(100)
        ));
    }
}

async fn releases(cluster: &Cluster, form: Form) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    let server = cluster.folder().join(format!(".s.PGSQL.{}", cluster.port()));
    let mut arrivals = relay(folder.path(), &server, form.mark());
    let held = Held::start(Target::unix(folder.path(), 5432, SUPERUSER, "postgres")).await;
    let client = Arc::new(connect(held.address).await);
    client.batch_execute("select 1").await.expect("noise passes");
    let sql = "select abalance from pgbench_accounts where aid = 7 /* held */";
    let statement = client.prepare(sql).await.expect("it is prepared");
    let mut times = Vec::with_capacity(RELEASES);
    for _ in 0..RELEASES {
        let (sender, statement) = (Arc::clone(&client), statement.clone());
        let answer = tokio::spawn(async move {
            match form {
                Form::Query => sender.batch_execute(sql).await,
                Form::Execute => sender.query(&statement, &[]).await.map(drop),
            }
        });
        let is_held = |state: &overbooked::debugger::guests::State| {
            state.transactions.iter().any(|it| it.held.is_some())
        };
        let state = held.debugger.wait_for(is_held).await;
        while arrivals.try_recv().is_ok() {}
        let name = SessionName::new(&state.transactions[0].name);
        let begun = Instant::now();
        held.debugger.obey(Order::LetGo(name)).expect("it is held");
        let arrived = arrivals.recv().await.expect("it arrives");
        times.push(arrived.saturating_duration_since(begun));
        answer.await.expect("it ends").expect("it runs");
    }
    held.stop();
    times
}

/// Stands in the server's place, passes everything on, and tells when bytes with this in them come.
fn relay(folder: &Path, server: &Path, mark: &'static [u8]) -> mpsc::UnboundedReceiver<Instant> {
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
    let (tell, told) = mpsc::unbounded_channel();
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&server).await.expect("the server");
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            let tell = tell.clone();
            let note = move |bytes: &[u8]| {
                let now = Instant::now();
                if bytes.windows(mark.len()).any(|part| part == mark) {
                    // Whoever listens no longer has heard enough.
                    tell.send(now).ok();
                }
            };
            tokio::spawn(pass_on(from_client, to_server, note));
            tokio::spawn(pass_on(from_server, to_client, |_| {}));
        }
    });
    told
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    note: impl Fn(&[u8]),
) {
    let mut bytes = vec![0; 65536];
    while let Ok(count) = from.read(&mut bytes).await {
        note(&bytes[..count]);
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn connect(address: SocketAddr) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port());
    config.user(SUPERUSER).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn plan(cluster: &Cluster) {
    let python = std::env::var("OVERBOOKED_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = |module: &str| {
        let mut import = Command::new(&python);
        import.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    };
    if !has("psycopg") {
        return say("\na plan: no Python with psycopg, left out (OVERBOOKED_PYTHON)\n");
    }
    let outsider = connect(SocketAddr::from(([127, 0, 0, 1], cluster.port()))).await;
    outsider.batch_execute("create table bookings (seat int, who text)").await.expect("a table");
    let has_frontrun = has("frontrun") && has("sqlglot");
    let (mut alone, mut once, mut often, mut theirs) = (vec![], vec![], vec![], vec![]);
    let mut explored = String::new();
    for _ in 0..PLANS {
        alone.push(timed(program(cluster, &python)).0);
        once.push(timed(played(cluster, &python, 1)).0);
        often.push(timed(played(cluster, &python, REPEATS)).0);
        if has_frontrun {
            let (taken, told) = timed(frontrun(cluster, &python));
            explored = told;
            theirs.push(taken);
        }
    }
    let (once, often) = (median(once), median(often));
    let further = often.saturating_sub(once) / (REPEATS - 1);
    say(&format!(
        "\na race of two programs, median of {PLANS}\n\
         one program alone, without a debugger       {:>9.1?}\n\
         overbooked debug --plan, one run, all of it  {once:>9.1?}\n\
         each further run (--repeat)                  {further:>9.1?}\n",
        median(alone)
    ));
    if theirs.is_empty() {
        say("frontrun is not installed: left out (OVERBOOKED_PYTHON)\n");
    } else {
        say(&format!(
            "frontrun, until it has found it, all of it   {:>9.1?}   ({} runs)\n",
            median(theirs),
            explored.trim()
        ));
    }
}

fn program(cluster: &Cluster, python: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["benches/plan/book.py", "alice"]).env("DATABASE_URL", url(cluster));
    command
}

fn played(cluster: &Cluster, python: &str, repeat: u32) -> Command {
    let actor = |who: &str| format!("{who}={python} benches/plan/book.py {who}");
    let folder = std::env::temp_dir();
    let reset = folder.join(format!("truncate-bookings-{}.sql", std::process::id()));
    std::fs::write(&reset, "truncate bookings").expect("a file");
    let mut command = Command::new(OVERBOOKED);
    command.args(["debug", "--url", &url(cluster), "--plan", "benches/plan/race.plan"]);
    command.args(["--actor", &actor("alice"), "--actor", &actor("bob"), "--reset"]).arg(reset);
    command.args(["--check", "select count(*) <= 1 from bookings where seat = 1"]);
    command.args(["--repeat", &repeat.to_string()]);
    command
}

fn frontrun(cluster: &Cluster, python: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("benches/plan/race.py").arg(url(cluster));
    command
}

/// How long a command takes, and what it says. A plan that is played as wanted breaks the check,
/// which is 1.
fn timed(mut command: Command) -> (Duration, String) {
    let begun = Instant::now();
    let output = command.output().expect("it starts");
    let taken = begun.elapsed();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_well = match output.status.code() {
        Some(0) => true,
        Some(1) => told.contains("the check was broken in") && !told.contains("holds"),
        _ => false,
    };
    assert!(is_well, "{command:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
    (taken, told)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
