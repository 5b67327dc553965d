//! `overbooked play`: scenarios played without a screen, checked, and told.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};
use tokio_util::sync::CancellationToken;

use crate::commands::cli::PlayArgs;
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::commands::own_files;
use crate::core::event::{Blocker, Wait};
use crate::core::scenario::{EngineKind, Origin, Scenario, library};
use crate::reports::report::{Format, PlayReport};
use crate::reports::transcript::{Options, waits, without_processes};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::headless::{Patience, Played, Stop, play};

mod specification;

/// Plays every scenario, and says how their expectations fared.
pub fn run(arguments: &PlayArgs) -> eyre::Result<Exit> {
    // All files are read before anything runs: a mistake in the last one should not come after ten
    // minutes.
    let names = own_files::each(&arguments.scenarios)?;
    let productions = names.iter().map(|name| production(name, arguments));
    let productions = productions.collect::<Result<Vec<_>, _>>()?;
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(async {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        match launch::engine_unless(&interrupted, &arguments.engine).await? {
            Some(engines) => {
                let engines = engines.with_etcd(arguments.etcd.source());
                play_all(&engines, productions, arguments, &interrupted).await
            }
            None => Ok(Exit::Interrupted),
        }
    })
}

fn production(name: &str, arguments: &PlayArgs) -> Result<Production, Failure> {
    let opened = match arguments.format {
        Format::Spec => library::open_to_test(name)?,
        _ => library::open(name)?,
    };
    let scenario = match (opened, arguments.permutation) {
        (spec, None) if is_tested(&spec, arguments.format) => spec,
        (scenario, number) => scenario.with_permutation(number.unwrap_or(1))?,
    };
    let engine = arguments.engine.engine.map(EngineKind::from);
    Ok(Production {
        schedule: Arc::new(scenario.schedules.first()),
        engine: engine.unwrap_or_else(|| scenario.first_engine()),
        scenario: Arc::new(scenario),
        isolation: arguments.engine.isolation,
    })
}

/// Whether it is played as isolationtester plays it, rather than as a run of ours that is told in
/// its words: what its own files make it print depends on more than what happens, on markers for
/// one.
fn is_tested(scenario: &Scenario, format: Format) -> bool {
    format == Format::Spec && scenario.origin == Origin::Specification
}

async fn play_all(
    engines: &Engines,
    productions: Vec<Production>,
    arguments: &PlayArgs,
    interrupted: &CancellationToken,
) -> eyre::Result<Exit> {
    let played = play_each(engines, productions, arguments, interrupted).await;
    launch::stop(engines).await?;
    if interrupted.is_cancelled() { Ok(Exit::Interrupted) } else { played }
}

async fn play_each(
    engines: &Engines,
    productions: Vec<Production>,
    arguments: &PlayArgs,
    interrupted: &CancellationToken,
) -> eyre::Result<Exit> {
    let mut programme = Programme::open(arguments, interrupted)?;
    for production in productions {
        programme.play(engines, engines.fit(production)).await?;
        if interrupted.is_cancelled() {
            break;
        }
    }
    programme.finish()
}

/// Why a scenario is left out, where its sessions would find no etcd.
fn without_etcd(engines: &Engines, scenario: &Scenario) -> Option<String> {
    scenario.etcd_sessions().first()?;
    let lack = engines.etcd().lack()?;
    Some(format!("{}: skipped: {lack}\n", scenario.name))
}

/// What has been played, and where it is told.
struct Programme<'a> {
    arguments: &'a PlayArgs,
    interrupted: &'a CancellationToken,
    out: Box<dyn std::io::Write>,
    exit: Exit,
}

impl<'a> Programme<'a> {
    fn open(arguments: &'a PlayArgs, interrupted: &'a CancellationToken) -> eyre::Result<Self> {
        let out = open_output(arguments.output.as_deref())?;
        Ok(Self { arguments, interrupted, out, exit: Exit::Fine })
    }

    async fn play(&mut self, engines: &Engines, production: Production) -> eyre::Result<()> {
        if !production.scenario.is_for(production.engine) {
            let name = &production.scenario.name;
            let note = format!("{name}: not for this engine, skipped\n");
            return Ok(std::io::stderr().write_all(note.as_bytes())?);
        }
        if let Some(note) = without_etcd(engines, &production.scenario) {
            return Ok(std::io::stderr().write_all(note.as_bytes())?);
        }
        let timeout = Duration::from_secs(self.arguments.step_timeout);
        if is_tested(&production.scenario, self.arguments.format) {
            let (out, interrupted) = (&mut self.out, self.interrupted);
            let exit = specification::test(engines, &production, timeout, out, interrupted).await?;
            self.exit = self.exit.or(exit);
            return Ok(());
        }
        let patience = Patience::with_steps(timeout);
        let played = play(engines, production, patience, self.interrupted).await;
        let played = played.map_err(|error| Failure::misuse(error.to_string()))?;
        self.tell(&played)
    }

    fn tell(&mut self, played: &Played) -> eyre::Result<()> {
        let engine = format!("{}, {}", played.engine.product, played.engine.isolation.as_sql());
        let stop = stopped(played);
        let options = Options { times: self.arguments.times, ..Options::default() };
        let report = report(played, &engine, stop.as_deref(), options);
        self.out.write_all(report.render(self.arguments.format).as_bytes())?;
        if !played.is_kept() {
            self.exit = Exit::Broken;
        }
        if let Some(note) = level_note(played) {
            writeln!(std::io::stderr(), "{note}")?;
        }
        for untidy in played.untidy.iter().filter(|untidy| !untidy.is_of_the_scenario()) {
            writeln!(std::io::stderr(), "{}: {untidy}", played.scenario.name)?;
        }
        let has_teardown = !played.scenario.teardown.is_empty();
        for lasting in played.lasting.iter().filter(|_| !has_teardown) {
            let name = &played.scenario.name;
            writeln!(std::io::stderr(), "{name}: left outside the run's schema: {lasting}")?;
        }
        // Documents for programs have no room for the summary, but somebody should see it.
        if self.arguments.format.entry().is_for_programs {
            for line in report.summary() {
                writeln!(std::io::stderr(), "{line}")?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> eyre::Result<Exit> {
        self.out.flush().wrap_err("cannot write the output")?;
        Ok(self.exit)
    }
}

/// Where a document goes: the file, or the standard output.
pub(super) fn open_output(path: Option<&Path>) -> Result<Box<dyn std::io::Write>, Failure> {
    Ok(match path {
        Some(path) => Box::new(create(path)?),
        None => Box::new(std::io::stdout().lock()),
    })
}

fn create(path: &Path) -> Result<fs::File, Failure> {
    fs::File::create(path)
        .map_err(|error| Failure::misuse(format!("cannot write {}: {error}", path.display())))
}

/// What is told of a play.
pub(super) fn report<'a>(
    played: &'a Played,
    engine: &'a str,
    stop: Option<&'a str>,
    options: Options,
) -> PlayReport<'a> {
    PlayReport {
        scenario: &played.scenario,
        schedule: &played.schedule,
        engine,
        events: &played.events,
        breaches: &played.breaches,
        stop,
        options,
    }
}

/// That it was played at a level that it is not written for.
pub(super) fn level_note(played: &Played) -> Option<String> {
    let Played { scenario, engine, .. } = played;
    let note = scenario.level_note(engine.kind, engine.isolation)?;
    Some(format!("{}: {note}", scenario.name))
}

/// Why it was not played to its end, teardown included, in words; a reason a line, with what a
/// server said under it.
pub(super) fn stopped(played: &Played) -> Option<String> {
    let stop = played.stop.iter().map(|stop| sentence(played, stop));
    let untidy = played.untidy.iter().filter(|untidy| untidy.is_of_the_scenario());
    let reasons = stop.chain(unwatched(&played.unwatched)).chain(untidy.map(ToString::to_string));
    let reasons: Vec<String> = reasons.collect();
    (!reasons.is_empty()).then(|| reasons.join("\n"))
}

/// What was to be watched and was not there, in words.
fn unwatched(tables: &[String]) -> Option<String> {
    match tables {
        [] => None,
        [one] => Some(format!("cannot watch table {one}: it does not exist")),
        many => Some(format!("cannot watch tables {}: they do not exist", many.join(", "))),
    }
}

fn sentence(played: &Played, stop: &Stop) -> String {
    match stop {
        Stop::Interrupted => "stopped: interrupted".to_owned(),
        Stop::Endless { launch, session, wait, after } => {
            let unended = &played.scenario.steps[played.schedule.launches[*launch].step];
            let why = wait.as_ref().map_or("it was still running".to_owned(), whom);
            format!(
                "stopped: {session}'s step \u{201c}{}\u{201d} did not finish within {} s and was \
                 cancelled; {why}",
                unended.narration,
                after.as_secs()
            )
        }
        Stop::Unready { after } => {
            format!("stopped: the sessions were not ready within {} s", after.as_secs())
        }
        Stop::EndlessFinale { after } => format!(
            "stopped: the scenario's finally part did not finish within {} s and was cancelled",
            after.as_secs()
        ),
        Stop::Refused { launch, reason } => {
            format!("stopped before step {}: {reason}", launch + 1)
        }
    }
}

fn whom(wait: &Wait) -> String {
    let is_known = !matches!(wait.blockers.as_slice(), [] | [Blocker::Prepared(None)]);
    if is_known {
        format!("it {}", waits(&without_processes(wait)))
    } else {
        "it waited".to_owned()
    }
}
