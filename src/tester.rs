//! `overbooked spec`: reads isolationtester's files, plays them, prints what isolationtester prints, one file after the other.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};

use crate::cli::{EngineArgs, SpecArgs};
use crate::exit::{Exit, Failure};
use crate::fault::with_causes;
use crate::isolation_output::{Stream, Telling};
use crate::launch;
use crate::scenario::{Scenario, library};
use crate::spec::lanes::{Further, Lane, Lanes, Playing};
use crate::spec::{STEP_LIMIT, Trouble};
use crate::wire::{Environment, Target};

/// More lanes would only take each other's processors.
const MOST_LANES: usize = 8;

/// Plays the files; broken when one of them could not be played to its end.
pub fn run(arguments: &SpecArgs) -> eyre::Result<Exit> {
    let specs = read(arguments)?;
    let runtime = launch::one_thread()?;
    runtime.block_on(play(arguments, specs))
}

fn read(arguments: &SpecArgs) -> Result<Vec<Scenario>, Failure> {
    let read = |path| library::read_spec(path).map_err(Failure::from);
    arguments.files.iter().map(|path| read(path.as_path())).collect()
}

async fn play(arguments: &SpecArgs, specs: Vec<Scenario>) -> eyre::Result<Exit> {
    let engine = EngineArgs { pg_bin: arguments.pg_bin.clone(), ..EngineArgs::default() };
    let (first, count) = match &arguments.url {
        Some(url) => (Lane::Given(Box::new(given(url)?)), 0),
        None => (own(&engine).await?, lanes(arguments.jobs)),
    };
    let options = launch::cluster_options(&engine);
    let further = Further { count, options };
    let (playing, lanes) = Lanes::start(specs, first, further, step_limit()?);
    let told = tell_all(playing, arguments.output.as_deref()).await;
    let closed = lanes.close().await.map_err(|error| Failure::unreachable(with_causes(&error)));
    let exit = told?;
    closed?;
    Ok(exit)
}

fn given(url: &str) -> Result<Target, Failure> {
    Target::resolve(Some(url), &Environment::of_process())
        .map_err(|error| Failure::misuse(format!("--url: {error}")))
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
    let seconds = seconds.trim().parse().map_err(|_| {
        Failure::misuse(format!(
            "PGISOLATIONTIMEOUT is {seconds:?}; it must be a number of seconds"
        ))
    })?;
    Ok(Duration::from_secs(seconds))
}

async fn tell_all(playing: Vec<Playing>, folder: Option<&Path>) -> eyre::Result<Exit> {
    let mut exit = Exit::Fine;
    for play in playing {
        let name = play.spec.name.clone();
        let outcome = match folder {
            Some(folder) => tell(play, Print::Into(create(folder, &name)?)).await?,
            None => tell(play, Print::Apart).await?,
        };
        match outcome {
            Ok(()) => {}
            Err(Trouble::Connect(error)) => return Err(Failure::from(error).into()),
            Err(Trouble::Wire(error)) => {
                return Err(Failure::unreachable(format!("{name}: {error}")).into());
            }
            Err(Trouble::GivenUp) => exit = Exit::Broken,
        }
    }
    Ok(exit)
}

fn create(folder: &Path, name: &str) -> eyre::Result<File> {
    std::fs::create_dir_all(folder)
        .wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.out"));
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
    fn print(&mut self, telling: &Telling) -> io::Result<()> {
        let text = telling.to_string();
        match (self, telling.stream()) {
            (Self::Into(file), _) => file.write_all(text.as_bytes()),
            (Self::Apart, Stream::Output) => io::stdout().lock().write_all(text.as_bytes()),
            (Self::Apart, Stream::Error) => {
                io::stdout().flush()?;
                io::stderr().write_all(text.as_bytes())
            }
        }
    }
}

async fn tell(mut play: Playing, mut print: Print) -> eyre::Result<Result<(), Trouble>> {
    while let Some(telling) = play.tellings.recv().await {
        print.print(&telling)?;
    }
    io::stdout().flush()?;
    Ok(play.outcome().await)
}
