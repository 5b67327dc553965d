//! The program: parses the command line, says what went wrong, ends with the right code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use color_eyre::eyre;
use overbooked::commands::cli::{Cli, Command};
use overbooked::commands::console;
use overbooked::commands::ctl;
use overbooked::commands::debug;
use overbooked::commands::exit::{Exit, Failure};
use overbooked::commands::explore;
use overbooked::commands::launch;
use overbooked::commands::new;
use overbooked::commands::rush;
use overbooked::commands::serve;
use overbooked::commands::show;
use overbooked::commands::spec;
use overbooked::commands::{matrix, play};
use overbooked::core::scenario::library;

fn main() -> eyre::Result<ExitCode> {
    color_eyre::config::HookBuilder::default().display_env_section(false).install()?;
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(exit) => Ok(exit.into()),
        Err(report) => match report.downcast_ref::<Failure>() {
            Some(failure) => Ok(complain(failure).into()),
            None if is_closed_pipe(&report) => Ok(Exit::Fine.into()),
            None => Err(report),
        },
    }
}

/// Whoever read our output has seen enough, as `head` has.
fn is_closed_pipe(report: &eyre::Report) -> bool {
    let error = report.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn complain(failure: &Failure) -> Exit {
    // Where even stderr is closed, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "overbooked: {failure}");
    failure.exit
}

fn dispatch(cli: Cli) -> eyre::Result<Exit> {
    match cli.command {
        None => console::open(cli.console, cli.own),
        Some(Command::Compare(arguments)) => console::compare(arguments),
        Some(Command::Play(arguments)) => play::run(&arguments),
        Some(Command::Explore(arguments)) => explore::run(&arguments),
        Some(Command::Matrix(arguments)) => matrix::run(&arguments),
        Some(Command::Rush(arguments)) => rush::run(&arguments),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Debug(arguments)) => debug::run(&arguments),
        Some(Command::Ctl(arguments)) => ctl::run(&arguments),
        Some(Command::Guardian) => launch::guard(),
        Some(Command::Scenarios) => list_scenarios(),
        Some(Command::Show { name }) => show::run(&name),
        Some(Command::New(arguments)) => new::run(&arguments),
        Some(Command::Spec(arguments)) => spec::run(&arguments),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut for_people(), "overbooked", &mut script);
            std::io::stdout().write_all(&script)?;
            Ok(Exit::Fine)
        }
    }
}

/// The command line without what the program says to itself alone.
fn for_people() -> clap::Command {
    let all = Cli::command();
    let subcommands: Vec<_> =
        all.get_subcommands().filter(|one| !one.is_hide_set()).cloned().collect();
    let options: Vec<_> = all.get_arguments().cloned().collect();
    clap::Command::new("overbooked")
        .version(env!("CARGO_PKG_VERSION"))
        .args(options)
        .subcommands(subcommands)
}

fn list_scenarios() -> eyre::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let width = library::ENTRIES.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in library::ENTRIES {
        let levels = entry.scenario().ok().and_then(|scenario| scenario.levels_in_words());
        let levels = levels.map(|levels| format!(", at {levels}")).unwrap_or_default();
        writeln!(out, "{:width$}  {}{levels}", entry.name, entry.title())?;
    }
    Ok(Exit::Fine)
}
