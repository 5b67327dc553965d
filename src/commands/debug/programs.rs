//! The programs of a play: started behind ports of their own, waited for, and ended where they do
//! not end.

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::debugger::replay;

/// How much of what a program says is kept: its end.
const KEPT: usize = 16 * 1024;

/// A program, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) actor: String,
    /// A command line for the shell.
    pub(super) command: String,
}

/// What has become of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) actor: String,
    pub(super) how: String,
    pub(super) is_well: bool,
    /// What it has said.
    pub(super) said: String,
}

/// Where a database is, for programs: as they look for it in their environment.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) user: String,
    pub(super) database: String,
}

impl Place {
    /// The address of the database at this port of ours.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("postgres://{}@{address}/{}", self.user, self.database)
    }

    /// A shell that is told of it.
    pub(super) fn shell(&self, command: &str, address: SocketAddr) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .env("OVERBOOKED_URL", self.url(address))
            .env("DATABASE_URL", self.url(address))
            .env("PGHOST", address.ip().to_string())
            .env("PGPORT", address.port().to_string())
            .env("PGUSER", &self.user)
            .env("PGDATABASE", &self.database)
            .env_remove("PGSERVICE")
            .env_remove("PGHOSTADDR")
            .stdin(Stdio::null());
        shell
    }
}

/// Those that were started.
pub(super) struct Running {
    tasks: JoinSet<Ended>,
    /// Who has not ended, and the group of its processes.
    groups: Vec<(String, rustix::process::Pid)>,
    pub(super) ended: Vec<Ended>,
}

impl Running {
    /// Starts all of them, each behind its own port.
    pub(super) fn start(
        programs: &[Program],
        ports: &[SocketAddr],
        place: &Place,
    ) -> io::Result<Self> {
        let mut running = Self { tasks: JoinSet::new(), groups: Vec::new(), ended: Vec::new() };
        for (program, port) in programs.iter().zip(ports) {
            running.add(program, *port, place)?;
        }
        Ok(running)
    }

    fn add(&mut self, program: &Program, port: SocketAddr, place: &Place) -> io::Result<()> {
        let mut shell = place.shell(&program.command, port);
        // A group of its own: what it starts is ended with it.
        let shell = shell.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = shell.kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(group) = pid.and_then(rustix::process::Pid::from_raw) {
            self.groups.push((program.actor.clone(), group));
        }
        self.tasks.spawn(wait(program.actor.clone(), child));
        Ok(())
    }

    /// Ends those that still run, and whatever they have started.
    pub(super) async fn end(&mut self) {
        self.groups.iter().for_each(|(_, group)| kill(*group));
        while replay::Programs::ended(self).await.is_some() {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.groups.iter().for_each(|(_, group)| kill(*group));
    }
}

/// Ends a group of processes; gone already is as good.
fn kill(group: rustix::process::Pid) {
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
}

impl replay::Programs for Running {
    async fn ended(&mut self) -> Option<String> {
        let ended = self.tasks.join_next().await?.ok()?;
        let actor = ended.actor.clone();
        // What it has left running in the background would meet the next play.
        self.groups.extract_if(.., |(name, _)| *name == actor).for_each(|(_, group)| kill(group));
        self.ended.push(ended);
        Some(actor)
    }

    fn running(&self) -> Vec<String> {
        self.groups.iter().map(|(name, _)| name.clone()).collect()
    }
}

async fn wait(actor: String, mut child: Child) -> Ended {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut said, complained) = tokio::join!(listen(out), listen(err));
    said.push_str(&complained);
    let status = child.wait().await;
    let is_well = status.as_ref().is_ok_and(ExitStatus::success);
    let how = match status {
        Ok(status) => words(status),
        Err(error) => format!("was lost: {error}"),
    };
    Ended { actor, how, is_well, said }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The end of what is said there.
async fn listen(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut kept, mut part) = (Vec::new(), vec![0; 4096]);
    // What cannot be read any more has been said.
    while let Ok(length @ 1..) = stream.read(&mut part).await {
        kept.extend_from_slice(&part[..length]);
        let beyond = kept.len().saturating_sub(KEPT);
        kept.drain(..beyond);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
