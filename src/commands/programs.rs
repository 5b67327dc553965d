//! The programs of a play: started behind ports of their own, waited for, and ended where they do
//! not end.

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::commands::exit::Failure;
use crate::core::error_chain::with_causes;
use crate::debugger::replay;
use crate::debugger::verdict::Database;
use crate::explorer::outside;

/// How much of what a program says is kept: its end.
const KEPT: usize = 16 * 1024;

/// A program, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Program {
    pub(in crate::commands) actor: String,
    /// A command line for the shell.
    pub(in crate::commands) command: String,
}

/// What has become of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Ended {
    pub(in crate::commands) actor: String,
    pub(in crate::commands) how: String,
    pub(in crate::commands) is_well: bool,
    /// What it has said.
    pub(in crate::commands) said: String,
}

/// Where a database is, for programs: as they look for it in their environment.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Place {
    pub(in crate::commands) user: String,
    pub(in crate::commands) database: String,
}

impl Place {
    /// The address of the database at this port of ours.
    pub(in crate::commands) fn url(&self, address: SocketAddr) -> String {
        format!("postgres://{}@{address}/{}", self.user, self.database)
    }

    /// A shell that is told of it.
    pub(in crate::commands) fn shell(&self, command: &str, address: SocketAddr) -> Command {
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

/// What puts everything back to the beginning.
#[derive(Clone, Debug)]
pub(in crate::commands) enum Reset {
    Sql(String),
    Command(String),
}

impl Reset {
    /// A file with SQL, or a command line.
    pub(in crate::commands) fn read(given: &str) -> Result<Self, Failure> {
        let path = Path::new(given);
        if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql")) {
            return Ok(Self::Command(given.to_owned()));
        }
        let read = std::fs::read_to_string(path);
        let failed = |error| Failure::misuse(format!("--reset: cannot read {given}: {error}"));
        read.map(Self::Sql).map_err(failed)
    }

    /// Does it; a command comes in by this address.
    pub(in crate::commands) async fn put_back(
        &self,
        database: &Database,
        place: &Place,
        by: SocketAddr,
    ) -> Result<(), String> {
        match self {
            Self::Sql(sql) => {
                let done = database.reset(sql).await;
                done.map_err(|error| format!("--reset: {}", with_causes(&error)))
            }
            Self::Command(command) => {
                let status = place.shell(command, by).status().await;
                let status = status.map_err(|error| format!("cannot start the reset: {error}"))?;
                if status.success() {
                    Ok(())
                } else {
                    Err(format!("--reset: the command failed ({status})"))
                }
            }
        }
    }
}

/// Those that were started.
pub(in crate::commands) struct Running {
    tasks: JoinSet<Ended>,
    /// Who has not ended, and the group of its processes.
    groups: Vec<(String, rustix::process::Pid)>,
    pub(in crate::commands) ended: Vec<Ended>,
    /// Whom we have ended.
    killed: Vec<String>,
}

impl Running {
    /// Starts all of them, each behind its own port.
    pub(in crate::commands) fn start(
        programs: &[Program],
        ports: &[SocketAddr],
        place: &Place,
    ) -> io::Result<Self> {
        let (groups, ended, killed) = (Vec::new(), Vec::new(), Vec::new());
        let mut running = Self { tasks: JoinSet::new(), groups, ended, killed };
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
    pub(in crate::commands) async fn end(&mut self) {
        self.groups.iter().for_each(|(_, group)| kill(*group));
        self.killed.extend(self.groups.iter().map(|(name, _)| name.clone()));
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

/// Programs as the explorer has them: by their places among the actors.
pub(in crate::commands) struct Explored {
    pub(in crate::commands) programs: Vec<Program>,
    pub(in crate::commands) place: Place,
    pub(in crate::commands) reset: Option<Reset>,
    pub(in crate::commands) database: Database,
}

/// Some of them, started.
pub(in crate::commands) struct Started {
    running: Running,
    actors: Vec<String>,
}

impl outside::Programs for Explored {
    type Running = Started;

    fn actors(&self) -> Vec<String> {
        self.programs.iter().map(|program| program.actor.clone()).collect()
    }

    async fn reset(&mut self, by: SocketAddr) -> Result<(), String> {
        match &self.reset {
            Some(reset) => reset.put_back(&self.database, &self.place, by).await,
            None => Ok(()),
        }
    }

    fn may_start_early(&self) -> bool {
        // A command may put back what a program looks at before it connects.
        !matches!(self.reset, Some(Reset::Command(_)))
    }

    fn start(&mut self, addresses: &[(usize, SocketAddr)]) -> Result<Started, String> {
        let programs = addresses.iter().map(|(actor, _)| self.programs[*actor].clone());
        let programs: Vec<Program> = programs.collect();
        let ports: Vec<SocketAddr> = addresses.iter().map(|(_, port)| *port).collect();
        let running = Running::start(&programs, &ports, &self.place);
        let running = running.map_err(|error| format!("cannot start a program: {error}"))?;
        Ok(Started { running, actors: outside::Programs::actors(self) })
    }
}

impl outside::Running for Started {
    async fn ended(&mut self) -> Option<usize> {
        let actor = replay::Programs::ended(&mut self.running).await?;
        self.actors.iter().position(|known| *known == actor)
    }

    async fn end(&mut self) {
        self.running.end().await;
    }

    fn complaints(&self) -> Vec<String> {
        let Running { ended, killed, .. } = &self.running;
        let ill = ended.iter().filter(|ended| !ended.is_well && !killed.contains(&ended.actor));
        ill.map(|ended| format!("{} {}{}", ended.actor, ended.how, complaint(&ended.said)))
            .collect()
    }
}

/// The line that says what was wrong: an exception's, or the last.
fn complaint(said: &str) -> String {
    let lines = || said.lines().filter(|line| !line.trim().is_empty());
    let is_told = |line: &&str| {
        !line.starts_with(char::is_whitespace) && line.to_ascii_lowercase().contains("error")
    };
    let line = lines().rfind(is_told).or_else(|| lines().next_back());
    line.map(|line| format!(": {}", line.trim())).unwrap_or_default()
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
