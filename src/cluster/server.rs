//! A running server and the shell that watches over it.
//!
//! ```text
//!  console ──stdin──▶ supervisor.sh ──starts, ends, waits for──▶ postgres
//!     ▲                                                             │
//!     └──────────── stdout, which ends with the last process ───────┘
//! ```
//!
//! Every end is the same end: the console lets go of the supervisor's standard input. It does so by
//! `stop`, by dropping a [`Server`], by panicking or by being killed, and each time the supervisor
//! ends the server and removes the folder. Nothing polls, and no process id is kept on this side.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::account::RunAs;
use super::binaries::Binaries;
use super::layout::LOG;
use super::template::server_command;
use super::{ClusterError, Keeping, settings};
use crate::core::event::octets;

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// How long a server may take to accept connections; recovery after a crash is part of it.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// How long a server may take to end before we stop waiting for it.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What a server is started with, the first time and every other.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) binaries: Binaries,
    pub(super) run_as: RunAs,
    pub(super) keeping: Keeping,
    /// Where the socket is to be; goes with the server.
    pub(super) folder: PathBuf,
    pub(super) data: PathBuf,
    pub(super) tcp: Option<u16>,
}

impl Launch {
    /// Starts the server and waits until it accepts connections. A failure leaves no process and no
    /// folder.
    pub(super) async fn start(&self) -> Result<Server, ClusterError> {
        let shell = Path::new("/bin/sh");
        let mut supervisor =
            self.command(shell).spawn().map_err(|source| ClusterError::program(shell, source))?;
        let (Some(stdin), Some(stdout)) = (supervisor.stdin.take(), supervisor.stdout.take())
        else {
            return Err(ClusterError::program(shell, io::Error::other("its pipes are missing")));
        };
        let server = Server { supervisor, stdin, running: watch_over(stdout) };
        let Err(failure) = self.until_ready(&server).await else { return Ok(server) };
        server.stop().await.map_err(ClusterError::Stop)?;
        Err(failure)
    }

    /// The port of the socket and, if there is one, of TCP.
    pub(super) fn port(&self) -> u16 {
        self.tcp.unwrap_or(settings::SOCKET_PORT)
    }

    fn command(&self, shell: &Path) -> Command {
        let mut command = server_command(shell, &self.run_as);
        command.args(["-c", SUPERVISOR, "supervisor.sh", self.keeping.signal()]);
        command.arg(&self.folder).arg(self.log()).arg(self.binaries.postgres());
        command.args(settings::start_arguments(&self.data, &self.folder, self.tcp));
        // A group of its own: Ctrl-C and a closed terminal reach the console's group only.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    async fn until_ready(&self, server: &Server) -> Result<(), ClusterError> {
        let ready = async {
            let mut look = interval(Duration::from_millis(2));
            while !self.is_ready().await {
                look.tick().await;
            }
        };
        tokio::select! {
            ready = timeout(START_PATIENCE, ready) => ready.map_err(|_| self.failed("does not \
                accept connections")),
            () = server.exited() => Err(self.failed("stopped while starting")),
        }
    }

    /// The file of the process id says so, and it is this server's: the socket answers in a folder
    /// that was ours alone.
    async fn is_ready(&self) -> bool {
        let socket = self.folder.join(format!(".s.PGSQL.{}", self.port()));
        socket.exists()
            && std::fs::read_to_string(self.data.join("postmaster.pid")).is_ok_and(|status| {
                status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
            })
            && UnixStream::connect(&socket).await.is_ok()
    }

    fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    fn failed(&self, what: &'static str) -> ClusterError {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let log = octets::spelled_out(&log);
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(8)..].join("\n");
        ClusterError::Server { what, log: last }
    }
}

/// A server that runs until this value is dropped, or this process is gone.
#[derive(Debug)]
pub(super) struct Server {
    supervisor: Child,
    stdin: ChildStdin,
    running: watch::Receiver<bool>,
}

impl Server {
    pub(super) fn is_running(&self) -> bool {
        *self.running.borrow()
    }

    /// Waits until the server's last process is gone.
    pub(super) async fn exited(&self) {
        let mut running = self.running.clone();
        if running.wait_for(|running| !running).await.is_err() {
            // The runtime that watched is gone, and with it the news; only a stop ends this server
            // now.
            std::future::pending::<()>().await;
        }
    }

    /// Ends the server; its folder goes with it.
    pub(super) async fn stop(self) -> io::Result<()> {
        let Self { mut supervisor, stdin, .. } = self;
        drop(stdin);
        wait_for(&mut supervisor).await
    }

    /// Ends the server, or what is left of it, and keeps its folder.
    pub(super) async fn make_way(&mut self) -> io::Result<()> {
        match self.stdin.write_all(b"keep\n").await {
            // The supervisor itself was killed; there is nothing to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            told => told.and(wait_for(&mut self.supervisor).await)?,
        }
        // The processes of a server that was killed outlive it for a moment, and no other can start
        // on the same data before they are gone.
        timeout(STOP_PATIENCE, self.exited()).await.map_err(|_| io::ErrorKind::TimedOut.into())
    }
}

async fn wait_for(supervisor: &mut Child) -> io::Result<()> {
    let ended = timeout(STOP_PATIENCE, supervisor.wait()).await;
    ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(drop)
}

/// Turns the end of the server's standard output into news.
fn watch_over(mut stdout: ChildStdout) -> watch::Receiver<bool> {
    let (news, running) = watch::channel(true);
    tokio::spawn(async move {
        let mut ignored = [0; 64];
        while stdout.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
        news.send_replace(false);
    });
    running
}
