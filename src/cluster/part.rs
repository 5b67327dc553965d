//! A server beside the database, in a marked folder of its own: Redis, etcd and others.
//!
//! ```text
//!  rush ──stdin──▶ part_supervisor.sh ──starts, kills, starts again──▶ redis-server
//! ```
//!
//! As with the database, the server lives as long as the supervisor's standard input is held. Its
//! folder is removed with it, or by the next start of anything: see `folder`.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::account::RunAs;
use super::folder::{self, PREFIX};
use super::layout::LOG;
pub use super::layout::{ETCD_DATA, ETCD_PEERS, ETCD_SOCKET, RABBITMQ_HOME, REDIS_SOCKET};
use super::marked::MarkedFolder;
use crate::core::event::octets;

const SUPERVISOR: &str = include_str!("part_supervisor.sh");

/// How long a killed server may take to be gone.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How the environment variables begin that would set up a server which we set up.
const SETTINGS: [&str; 2] = ["ETCD_", "RABBITMQ_"];

/// What is started, with its folder as working directory.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// What it finds in its folder, for nobody else to read.
    pub files: Vec<(PathBuf, String)>,
    /// What runs beside it, without arguments.
    pub companion: Option<PathBuf>,
}

/// A server that runs until this value is stopped or dropped.
#[derive(Debug)]
pub struct PartServer {
    supervisor: Child,
    stdin: ChildStdin,
    folder: MarkedFolder,
}

impl PartServer {
    /// Starts what suits the folder; whether it answers is for its own client to find out.
    pub async fn start(program: impl FnOnce(&Path) -> Program) -> io::Result<Self> {
        super::sweep_leftovers().await;
        let folder = make_folder()?;
        let program = program(folder.path());
        write(folder.path(), &program.files)?;
        let mut supervisor = command(folder.path(), &program).spawn()?;
        let stdin = supervisor.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
        Ok(Self { supervisor, stdin, folder })
    }

    /// Where its socket is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it, as `kill -9` does.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.stdin.write_all(b"kill\n").await
    }

    /// Starts it again after a kill.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.stdin.write_all(b"start\n").await
    }

    /// The end of what it wrote into its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read(self.folder().join(LOG)).unwrap_or_default();
        let log = octets::spelled_out(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// Ends it, and removes its folder.
    pub async fn stop(self) -> io::Result<()> {
        let Self { mut supervisor, stdin, folder } = self;
        drop(stdin);
        let ended = timeout(STOP_PATIENCE, supervisor.wait()).await;
        ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let owners = folder::owners(&RunAs::Ourselves);
        folder.remove(&owners).map_err(io::Error::other)
    }
}

fn make_folder() -> io::Result<MarkedFolder> {
    let mut refused = io::ErrorKind::NotFound.into();
    for place in folder::places(&RunAs::Ourselves) {
        match MarkedFolder::create(&place, PREFIX, None) {
            Ok(folder) => return Ok(folder),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn write(folder: &Path, files: &[(PathBuf, String)]) -> io::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
    }
    Ok(())
}

fn command(folder: &Path, program: &Program) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISOR, "part_supervisor.sh"]).arg(folder).arg(LOG);
    command.arg(program.companion.as_deref().unwrap_or(Path::new("")));
    command.arg(&program.program).args(&program.arguments);
    for (name, _) in std::env::vars_os() {
        if SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.envs(program.environment.iter().map(|(name, value)| (*name, value.as_str())));
    // A group of its own: Ctrl-C and a closed terminal reach our group only.
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
