//! The machine's tests: text files in `scripts/` that say what happens, and below it what the
//! machine wants done. `scripts/README.md` says how to read and write them.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use goldenscript::{Argument, Context};

use super::Machine;
use super::input::Input;
use super::output::{Demand, EngineRequest, Output, Question};
use crate::core::event::{Pid, SessionName};
use crate::core::scenario::{EngineKind, Isolation, Scenario, Statement, spec_file, sql_file};
use crate::run::Production;
use crate::run::participant::Submission;

mod laws;
mod lines;
mod sessions;
mod told;
mod world;

type Failure = Box<dyn Error>;

/// What the machine knows of the world: its clock, its sessions and the questions that it has
/// asked.
#[derive(Default)]
struct Script {
    machine: Option<Machine>,
    now: Duration,
    /// What each session was sent and has not answered.
    sent: BTreeMap<SessionName, VecDeque<Submission>>,
    /// Which of these have been told as sent.
    is_told: BTreeMap<SessionName, bool>,
    /// Each session's backend; a new one with each connection.
    backends: BTreeMap<SessionName, Pid>,
    connections: i32,
    /// Backends of people who take no part.
    strangers: BTreeMap<String, Pid>,
    /// The epoch in which each session was asked for what it has to say.
    hearing: BTreeMap<SessionName, u64>,
    /// The last question about waits.
    asked: Option<Question>,
    /// The engine that was asked for.
    engine: Option<EngineKind>,
    /// Whether what it holds is somebody's.
    is_kept: bool,
    /// The isolation level that it gives by default.
    isolation: Option<Isolation>,
    /// Whether everybody does what is asked, without a line that says so.
    is_helpful: bool,
}

/// The words of a line of a script, and what it says by name.
struct Line {
    words: Vec<String>,
    named: BTreeMap<String, String>,
}

impl Line {
    fn of(command: &goldenscript::Command) -> Self {
        let mut line = Self { words: vec![command.name.clone()], named: BTreeMap::new() };
        for argument in &command.args {
            match argument {
                Argument::Positional(word) => line.words.push(word.clone()),
                Argument::KeyValue(name, value) => {
                    line.named.insert(name.clone(), value.clone());
                }
                _ => {}
            }
        }
        line
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

impl goldenscript::Runner for Script {
    type Command = goldenscript::Command;

    fn run(&mut self, command: &Self::Command, _: &Context) -> Result<String, Failure> {
        let line = Line::of(command);
        let mut out = String::new();
        self.play(&line, &mut out)?;
        Ok(out)
    }
}

impl Script {
    /// Tells the machine, and writes down what it wants done.
    fn feed(&mut self, input: Input, out: &mut String) -> Result<(), Failure> {
        let machine = self.machine.as_mut().ok_or("nothing is played: begin with `play`")?;
        let outputs = machine.step(self.now, input);
        for output in &outputs {
            self.note(output);
            out.push_str(&told::output(output, self));
        }
        outputs.iter().try_for_each(|output| self.help(output, out))
    }

    /// Keeps what the answers need.
    fn note(&mut self, output: &Output) {
        match output {
            Output::Ask(
                name,
                Demand::Submit(submission)
                | Demand::TellLoss(submission)
                | Demand::Revive(submission),
            ) => {
                self.sent.entry(name.clone()).or_default().push_back(submission.clone());
            }
            Output::Engine(EngineRequest::Open(kind)) => self.engine = Some(*kind),
            Output::Ask(name, Demand::Hear(epoch)) => {
                self.hearing.insert(name.clone(), *epoch);
            }
            Output::Observe(Question::Blocked { busy, connected, to_run, epoch }) => {
                self.asked = Some(Question::Blocked {
                    busy: busy.clone(),
                    connected: connected.clone(),
                    to_run: to_run.clone(),
                    epoch: *epoch,
                });
            }
            Output::Observe(Question::Waits { roster, blocked, strangers, epoch }) => {
                self.asked = Some(Question::Waits {
                    roster: roster.clone(),
                    blocked: blocked.clone(),
                    strangers: strangers.clone(),
                    epoch: *epoch,
                });
            }
            _ => {}
        }
    }

    /// Lets time pass; the machine is woken whenever it is due.
    fn wait(&mut self, length: Duration, out: &mut String) -> Result<(), Failure> {
        let end = self.now + length;
        // Nothing that is due may stay due for ever.
        for _ in 0..10_000 {
            let due = self.machine.as_ref().and_then(Machine::due).filter(|due| *due <= end);
            let Some(due) = due else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(due);
            self.feed(Input::Due, out)?;
        }
        Err("the machine is due again and again, and time stands still".into())
    }

    /// How a script calls the one with this backend.
    fn name_of(&self, pid: Pid) -> String {
        let session = self.backends.iter().find(|(_, known)| **known == pid);
        let stranger = self.strangers.iter().find(|(_, known)| **known == pid);
        session
            .map(|(name, _)| name.to_string())
            .or(stranger.map(|(name, _)| name.clone()))
            .unwrap_or_else(|| format!("process {pid}"))
    }

    /// The backend of the one whom a script calls so; a stranger's where no session is.
    fn pid_of(&mut self, name: &str) -> Pid {
        if name == "prepared" {
            return Pid::PREPARED;
        }
        if let Some(pid) = self.backends.get(&session_called(name)) {
            return *pid;
        }
        // Far from the sessions' backends, which are counted from 1.
        let next = Pid(900 + i32::try_from(self.strangers.len()).unwrap_or_default());
        *self.strangers.entry(name.to_owned()).or_insert(next)
    }
}

/// The session that a script calls so.
fn session_called(name: &str) -> SessionName {
    SessionName::new(if name == "runner" { "the runner" } else { name })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/run/machine/scripts")
}

/// A scenario of the scripts' own, by its file's name, or none.
fn scenario(file: &str) -> Result<Scenario, Failure> {
    match file {
        "blank" => return Ok(blank(None)),
        "blank-with-setup" => return Ok(blank(Some("create table inventory (sku text);"))),
        _ => {}
    }
    let path = folder().join("scenarios").join(file);
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let path = Path::new(file);
    let name = file.split('.').next().unwrap_or(file);
    let is_specification = path.extension().is_some_and(|ending| ending == "spec");
    let parse = if is_specification { spec_file::parse } else { sql_file::parse };
    Ok(parse(&text, path, name)?)
}

/// No scenario: Alice and Bob on what is there.
fn blank(setup: Option<&str>) -> Scenario {
    let sessions = ["Alice", "Bob"].map(SessionName::new).to_vec();
    let setup = setup.map(|sql| Statement { sql: sql.to_owned(), line: 1, column: 1, file: None });
    Scenario::blank(sessions, vec!["inventory".to_owned()], setup.into_iter().collect())
}

fn production(file: &str, engine: EngineKind) -> Result<Production, Failure> {
    let scenario = Arc::new(scenario(file)?);
    let schedule = Arc::new(scenario.schedules.first());
    Ok(Production { scenario, schedule, engine, isolation: None })
}

fn engine_kind(name: &str) -> Result<EngineKind, Failure> {
    match name {
        "postgres" => Ok(EngineKind::Postgres),
        "optimistic" => Ok(EngineKind::Optimistic),
        _ => Err(format!("there is no engine called {name}: postgres, optimistic").into()),
    }
}

#[test]
fn scripts() {
    insta::glob!("scripts/*.txt", |path| {
        if let Err(error) = goldenscript::run(&mut Script::default(), path) {
            panic!("{}: {error}", path.display());
        }
    });
}

#[test]
fn there_are_enough_of_them() {
    let scripts = std::fs::read_dir(folder()).unwrap().flatten();
    let scripts = scripts.filter(|it| it.path().extension().is_some_and(|end| end == "txt"));
    assert!(scripts.count() >= 40);
}
