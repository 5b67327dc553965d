//! `overbooked spec`: reads isolationtester's files, plays them, prints what isolationtester
//! prints, one file after the other.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};

use crate::commands::cli::{EngineArgs, SpecArgs};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::core::error_chain::with_causes;
use crate::core::scenario::{Scenario, library};
use crate::pg::{Environment, Target};
use crate::reports::isolation_output::Stream;
use crate::reports::report::{Format, SpecReport};
use crate::run::specification::lanes::{Further, Lane, Lanes, Playing};
use crate::run::specification::{STEP_LIMIT, SpecError};

/// More lanes would only take each other's processors.
const MOST_LANES: usize = 8;

/// A day, in seconds; nobody waits longer for a step.
const LONGEST_LIMIT: u64 = 86_400;

/// Plays the files; broken when one of them could not be played to its end.
pub fn run(arguments: &SpecArgs) -> eyre::Result<Exit> {
    let specs = read(arguments)?;
    let runtime = launch::one_thread()?;
    runtime.block_on(play(arguments, specs))
}

fn read(arguments: &SpecArgs) -> Result<Vec<Scenario>, Failure> {
    let read = |path| {
        let spec = library::read_spec(path)?;
        Ok(match arguments.permutation {
            Some(number) => spec.with_permutation(number)?,
            None => spec,
        })
    };
    arguments.files.iter().map(|path| read(path.as_path())).collect()
}

async fn play(arguments: &SpecArgs, specs: Vec<Scenario>) -> eyre::Result<Exit> {
    let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
    let engine = EngineArgs { pg_bin: arguments.pg_bin.clone(), ..EngineArgs::default() };
    let Some(first) = interrupted.run_until_cancelled(lane(arguments, &engine)).await else {
        return Ok(Exit::Interrupted);
    };
    let count = if arguments.url.is_some() { 0 } else { lanes(arguments.jobs) };
    let options = launch::cluster_options(&engine);
    let further = Further { count, options };
    let (playing, lanes) = Lanes::start(specs, first?, further, step_limit()?, &interrupted);
    let told = tell_all(playing, arguments).await;
    let closed = lanes.close().await.map_err(|error| Failure::unreachable(with_causes(&error)));
    let exit = told?;
    closed?;
    Ok(if interrupted.is_cancelled() { Exit::Interrupted } else { exit })
}

async fn lane(arguments: &SpecArgs, engine: &EngineArgs) -> Result<Lane, Failure> {
    match &arguments.url {
        Some(url) => Ok(Lane::Given(Box::new(given(url, arguments.format)?))),
        None => own(engine).await,
    }
}

/// What isolationtester prints is in the database's encoding; documents are UTF-8.
fn given(url: &str, format: Format) -> Result<Target, Failure> {
    let target = Target::resolve(Some(url), &Environment::of_process())
        .map_err(|error| Failure::misuse(format!("--url: {error}")))?;
    Ok(match format {
        Format::Spec => target.in_the_encoding_of_the_database(),
        _ => target,
    })
}

async fn own(engine: &EngineArgs) -> Result<Lane, Failure> {
    let cluster = launch::private_cluster(engine).await?;
    Lane::on(cluster).await.map_err(|error| Failure::unreachable(with_causes(&error)))
}

/// How many lanes besides the first: one a processor, unless told otherwise.
fn lanes(jobs: Option<NonZeroUsize>) -> usize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    let wanted = jobs.map_or(processors.min(MOST_LANES), NonZeroUsize::get);
    wanted - 1
}

/// isolationtester's own variable, in seconds.
fn step_limit() -> Result<Duration, Failure> {
    let Ok(seconds) = std::env::var("PGISOLATIONTIMEOUT") else { return Ok(STEP_LIMIT) };
    let number = seconds.trim().parse().ok().filter(|number| *number <= LONGEST_LIMIT);
    number.map(Duration::from_secs).ok_or_else(|| {
        Failure::misuse(format!(
            "PGISOLATIONTIMEOUT is {seconds:?}; it must be a number of seconds, {LONGEST_LIMIT} at \
             most"
        ))
    })
}

async fn tell_all(playing: Vec<Playing>, arguments: &SpecArgs) -> eyre::Result<Exit> {
    let format = arguments.format;
    let mut exit = Exit::Fine;
    for play in playing {
        let name = play.spec.name.clone();
        let mut print = match &arguments.output {
            Some(folder) => Print::Into(create(folder, &name, format)?),
            None => Print::Apart,
        };
        let outcome = match format {
            Format::Spec => tell(play, &mut print).await?,
            format => document(play, format, &mut print).await?,
        };
        exit = exit.or(verdict(&name, outcome)?);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(exit)
}

/// How a specification's play ends the program, or what made it impossible.
pub(crate) fn verdict(name: &str, outcome: Result<(), SpecError>) -> Result<Exit, Failure> {
    match outcome {
        Ok(()) => Ok(Exit::Fine),
        Err(SpecError::GivenUp) => Ok(Exit::Broken),
        Err(SpecError::Stopped) => Ok(Exit::Interrupted),
        Err(SpecError::Connect(error)) => Err(Failure::from(error)),
        Err(SpecError::Wire(error)) => Err(Failure::unreachable(format!("{name}: {error}"))),
    }
}

fn create(folder: &Path, name: &str, format: Format) -> eyre::Result<File> {
    std::fs::create_dir_all(folder)
        .wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    let ending = format.entry().ending;
    let path = folder.join(format!("{name}.{ending}"));
    File::create(&path).wrap_err_with(|| format!("cannot write {}", path.display()))
}

/// Where what is told goes.
enum Print {
    /// Each stream to its own place.
    Apart,
    /// Both into one file, as `pg_isolation_regress` keeps them.
    Into(File),
}

impl Print {
    fn print(&mut self, text: &[u8], stream: Stream) -> io::Result<()> {
        match (self, stream) {
            (Self::Into(file), _) => file.write_all(text),
            (Self::Apart, Stream::Output) => io::stdout().lock().write_all(text),
            (Self::Apart, Stream::Error) => {
                io::stdout().flush()?;
                io::stderr().write_all(text)
            }
        }
    }
}

/// Prints each telling as it comes.
async fn tell(mut play: Playing, print: &mut Print) -> eyre::Result<Result<(), SpecError>> {
    while let Some(telling) = play.tellings.recv().await {
        print.print(&telling.octets(), telling.stream())?;
    }
    io::stdout().flush()?;
    Ok(play.outcome().await)
}

/// Prints all that was told as one document.
async fn document(
    mut play: Playing,
    format: Format,
    print: &mut Print,
) -> eyre::Result<Result<(), SpecError>> {
    let mut tellings = Vec::new();
    while let Some(telling) = play.tellings.recv().await {
        tellings.push(telling);
    }
    let report = SpecReport { spec: &play.spec, tellings: &tellings };
    print.print(report.render(format).as_bytes(), Stream::Output)?;
    io::stdout().flush()?;
    Ok(play.outcome().await)
}
