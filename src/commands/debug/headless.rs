//! A plan without a screen: programs are started, let go as the plan says, and the database is
//! checked, as often as that is wanted.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};
use tokio_util::sync::CancellationToken;

use super::{Debugged, Wanted};
use crate::commands::cli::DebugArgs;
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::commands::programs::{Place, Program, Reset, Running};
use crate::core::error_chain::with_causes;
use crate::core::scenario::counted;
use crate::debugger::Debugger;
use crate::debugger::plan::{Plan, is_called};
use crate::debugger::refusals::Rule;
use crate::debugger::replay::{End, Patience, Replay};
use crate::debugger::shrink::Shrink;
use crate::debugger::tables::TableName;
use crate::debugger::verdict::Database;
use crate::run::{Production, Run};

const THINK: Duration = Duration::from_millis(500);
/// How often a shorter plan must break the check.
const SURELY: u32 = 3;

/// How much longer than for the plan's next statement it is waited for the programs' ends.
const END: u32 = 3;

/// What is played, and what must be so in the end.
pub(super) struct Play {
    plan: Plan,
    programs: Vec<Program>,
    check: Option<String>,
    reset: Option<Reset>,
    repeat: u32,
    patience: Duration,
    /// Where the shortest plan goes, if one is looked for.
    shrink: Option<Option<PathBuf>>,
}

/// How a play went, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Went {
    /// The check held, or there was none.
    Well,
    Broken,
    /// Something else was wrong, and is told.
    Wrong,
    /// A program has not ended, or has sent nothing: nothing is known.
    Unfinished,
    Misfit,
}

impl Play {
    /// What the arguments ask for, if they ask for a play without a screen.
    pub(super) fn read(
        arguments: &DebugArgs,
        programs: Vec<Program>,
    ) -> Result<Option<Self>, Failure> {
        // Programs alone are started beside the console.
        if arguments.plan.is_none() && arguments.check.is_none() {
            return Ok(None);
        }
        if programs.is_empty() {
            return Err(Failure::misuse(
                "a plan needs its programs: give each with --actor alice='node book.js'",
            ));
        }
        let plan = arguments.plan.as_deref().map(plan).transpose()?.unwrap_or_default();
        let known = |actor: &str| programs.iter().any(|program| is_called(actor, &program.actor));
        let turns = plan.releases.iter().flat_map(|release| &release.turns);
        if let Some(turn) = turns.into_iter().find(|turn| !known(&turn.actor)) {
            return Err(Failure::misuse(format!(
                "the plan has an actor {0}, and no program was given for it; add --actor \
                 {0}='...'",
                turn.actor
            )));
        }
        if arguments.shrink.is_some() && arguments.check.is_none() {
            return Err(Failure::misuse("--shrink needs --check, to know what is broken"));
        }
        Ok(Some(Self {
            plan,
            programs,
            check: arguments.check.clone(),
            reset: arguments.reset.as_deref().map(Reset::read).transpose()?,
            repeat: arguments.repeat,
            patience: Duration::from_secs(arguments.patience.into()),
            shrink: arguments.shrink.clone(),
        }))
    }

    fn patience(&self) -> Patience {
        let stall = self.patience;
        Patience { think: THINK.min(stall), stall, end: stall * END }
    }

    /// The tables in which its statements meet.
    pub(super) fn gates(&self) -> &[TableName] {
        &self.plan.gates
    }

    /// Plays it, as often as was asked for.
    pub(super) async fn run(
        self,
        wanted: &Wanted,
        production: Production,
        engine: &crate::commands::cli::EngineArgs,
    ) -> eyre::Result<Exit> {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        let Some(engines) = launch::engine_unless(&interrupted, engine).await? else {
            return Ok(Exit::Interrupted);
        };
        let kind = production.engine;
        let opened = Debugged::open(wanted, &engines, kind).await?;
        launch::name(opened.control.doubts());
        let run = Run::start(opened.engines.clone(), production);
        let (commands, reports, ending) = run.split();
        let patience = self.patience();
        let mut stage = Stage {
            play: self,
            replay: Replay::new(opened.debugger.clone(), reports, patience),
            database: Database::at(&opened.database),
            place: opened.place(),
            ports: Vec::new(),
            interrupted,
            debugger: Arc::clone(&opened.debugger),
            refuse: wanted.refuse.clone(),
        };
        let played = Box::pin(stage.play_all(wanted, &opened)).await;
        drop(commands);
        stage.database.close().await;
        drop(stage.replay);
        for untidy in ending.end().await {
            launch::name(&[untidy]);
        }
        opened.close().await;
        launch::stop(&engines).await?;
        opened.tell_refused()?;
        played
    }
}

/// Everything that a play needs.
struct Stage {
    play: Play,
    replay: Replay,
    database: Database,
    place: Place,
    /// Of everybody first, then each program's own.
    ports: Vec<SocketAddr>,
    interrupted: CancellationToken,
    debugger: Arc<Debugger>,
    /// What is answered in the server's place, in each run anew.
    refuse: Vec<Rule>,
}

impl Stage {
    async fn play_all(&mut self, wanted: &Wanted, opened: &Debugged) -> eyre::Result<Exit> {
        let interrupted = self.interrupted.clone();
        tokio::select! {
            up = self.replay.set_up() => up.map_err(Failure::misuse)?,
            () = interrupted.cancelled() => return Ok(Exit::Interrupted),
        }
        let addresses = tokio::select! {
            addresses = opened.next_opened() => addresses?,
            broken = self.replay.broken() => return Err(Failure::misuse(broken).into()),
            () = interrupted.cancelled() => return Ok(Exit::Interrupted),
        };
        // Not to be given up half way: a gate that is being made would stay.
        launch::name(&opened.prepare(wanted, &addresses).await?);
        self.ports = addresses;
        let mut all = Vec::new();
        for number in 1..=self.play.repeat {
            let plan = self.play.plan.clone();
            let went =
                self.play_once(plan, &format!("run {number} of {}", self.play.repeat)).await?;
            if self.interrupted.is_cancelled() {
                return Ok(Exit::Interrupted);
            }
            let is_last = matches!(went, Went::Misfit | Went::Wrong | Went::Unfinished);
            all.push(went);
            if is_last {
                break;
            }
        }
        let broken = all.iter().filter(|went| **went == Went::Broken).count();
        let judged = all.iter().filter(|went| matches!(went, Went::Broken | Went::Well)).count();
        if self.play.check.is_some() && judged > 0 {
            let of = counted(judged as u64, "run");
            say(&format!("the check was broken in {broken} of {of}"))?;
        }
        if self.play.shrink.is_some() && broken > 0 {
            self.shrink().await?;
        }
        if self.interrupted.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
        // What no longer fits comes before what is broken: it says nothing about the program.
        let exit = all.into_iter().max().map_or(Exit::Fine, exit);
        Ok(exit)
    }

    /// Looks for the shortest plan that breaks the check.
    async fn shrink(&mut self) -> eyre::Result<()> {
        let mut shrink = Shrink::new(self.play.plan.clone());
        while let Some(plan) = shrink.next_plan() {
            let number = shrink.tries() + 1;
            let is_broken = self.is_surely_broken(&plan, number).await?;
            if self.interrupted.is_cancelled() {
                // The shortest so far is as good as was asked for.
                break;
            }
            shrink.tried(is_broken);
        }
        let shortest = shrink.shortest();
        say(&format!("the shortest plan: {}", shortest.sentence()))?;
        match self.play.shrink.take().flatten() {
            Some(path) => {
                std::fs::write(&path, shortest.to_string())
                    .wrap_err_with(|| format!("cannot write {}", path.display()))?;
                say(&format!("written to {}", path.display()))?;
            }
            None => say(&format!("\n{}", shortest.to_string().trim_end()))?,
        }
        Ok(())
    }

    /// Whether a shorter plan breaks the check time and again: one that does so by luck is none.
    async fn is_surely_broken(&mut self, plan: &Plan, number: usize) -> eyre::Result<bool> {
        for time in 1..=SURELY {
            let title = format!("shorter plan {number}, run {time}");
            let went = self.play_once(plan.clone(), &title).await?;
            if !matches!(went, Went::Broken) || self.interrupted.is_cancelled() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn play_once(&mut self, plan: Plan, title: &str) -> eyre::Result<Went> {
        // What puts everything back is no part of the play.
        self.debugger.refuse(Vec::new());
        let interrupted = self.interrupted.clone();
        tokio::select! {
            reset = self.reset() => reset?,
            () = interrupted.cancelled() => return Ok(Went::Wrong),
        }
        self.debugger.refuse(self.refuse.clone());
        let turns = self.play.plan.releases.iter().flat_map(|release| &release.turns);
        let actors = turns.map(|turn| turn.actor.clone()).collect();
        self.replay.begin(plan.clone(), actors);
        let own = self.ports.get(1..).unwrap_or_default();
        let mut programs = Running::start(&self.play.programs, own, &self.place)
            .wrap_err("cannot start a program")?;
        let end = tokio::select! {
            end = self.replay.play(&mut programs) => Some(end.map_err(|error| {
                Failure::unreachable(with_causes(&error))
            })?),
            () = self.interrupted.cancelled() => None,
        };
        programs.end().await;
        let went = match end {
            None => return Ok(Went::Wrong),
            Some(End::Over) => match self.silent() {
                Some(words) => {
                    say(&format!("{title}: {words}"))?;
                    Went::Unfinished
                }
                None => self.judge(&plan, title).await?,
            },
            Some(End::Misfit(misfit)) => {
                say(&format!("{title}: {misfit}"))?;
                Went::Misfit
            }
            Some(End::Endless(names)) => {
                let are = if names.len() == 1 { "does" } else { "do" };
                let were = if names.len() == 1 { "was" } else { "were" };
                let seconds = self.play.patience().end.as_secs();
                say(&format!(
                    "{title}: {} {are} not end within {seconds} s (--patience), and {were} ended",
                    names.join(" and ")
                ))?;
                Went::Unfinished
            }
            Some(End::Broken(why)) => return Err(Failure::unreachable(why).into()),
        };
        for program in &programs.ended {
            if !program.is_well {
                say(&format!("  {} {}", program.actor, program.how))?;
                for line in program.said.lines() {
                    say(&format!("    {line}"))?;
                }
            }
        }
        Ok(went)
    }

    /// Who has sent nothing: of a program that has not come to the database, no check says a word.
    fn silent(&self) -> Option<String> {
        let programs = self.play.programs.iter().map(|program| &*program.actor);
        let silent: Vec<&str> = programs.filter(|it| !self.debugger.has_heard_of(it)).collect();
        let have = if silent.len() == 1 { "has" } else { "have" };
        let names = silent.join(" and ");
        (!silent.is_empty())
            .then(|| format!("{names} {have} sent no statement, so nothing is known"))
    }

    async fn judge(&self, plan: &Plan, title: &str) -> eyre::Result<Went> {
        let Some(check) = &self.play.check else {
            say(&format!("{title}: played"))?;
            return Ok(Went::Well);
        };
        let holds = self.database.holds(check).await;
        let holds =
            holds.map_err(|error| Failure::misuse(format!("--check: {}", with_causes(&error))))?;
        let order = plan.sentence();
        let order = if order.is_empty() { order } else { format!("  {order}") };
        say(&format!("{title}: {}{order}", if holds { "the check holds" } else { "broken" }))?;
        Ok(if holds { Went::Well } else { Went::Broken })
    }

    async fn reset(&self) -> eyre::Result<()> {
        let (Some(reset), Some(everybodys)) = (&self.play.reset, self.ports.first()) else {
            return Ok(());
        };
        let done = reset.put_back(&self.database, &self.place, *everybodys).await;
        Ok(done.map_err(Failure::misuse)?)
    }
}

/// A line for whoever reads along, at once.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn exit(went: Went) -> Exit {
    match went {
        Went::Well => Exit::Fine,
        Went::Broken => Exit::Broken,
        Went::Wrong => Exit::Misuse,
        Went::Unfinished => Exit::Unfinished,
        Went::Misfit => Exit::Misfit,
    }
}

fn plan(path: &Path) -> Result<Plan, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::misuse(format!("--plan: cannot read {}: {error}", path.display()))
    })?;
    text.parse().map_err(|error| Failure::misuse(format!("--plan: {}: {error}", path.display())))
}
