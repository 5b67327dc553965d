//! The command line: clap's types, and nothing that acts.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::scenario::{EngineKind, Isolation};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Keys in the console: F5 plays the next step, Tab changes the session, Enter runs what you typed, Ctrl-C cancels a statement,
? shows every key, Ctrl-Q quits.

Exit codes: 0 fine; 1 an expectation or a check failed; 2 wrong use or a bad file; 3 the database cannot be reached;
130 interrupted.";

/// Real database sessions side by side over a live seat map, stepped by hand.
///
/// Without arguments it opens the console with the first scenario on a private PostgreSQL of its own, which it starts and throws away;
/// nothing needs to be set up.
#[derive(Debug, Parser)]
#[command(version, styles = STYLES, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of opening the console.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the console opens with.
    #[command(flatten)]
    pub console: ConsoleArgs,
}

/// Everything that is not the console.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the scenarios that come with the program
    Scenarios,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What the console opens with.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// A scenario's name (see `overbooked scenarios`) or a file
    #[arg(value_hint = ValueHint::FilePath)]
    pub scenario: Option<String>,
    /// Where the sessions connect to.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// The colours: dark, light, projector, or a theme file
    #[arg(long, value_name = "NAME|FILE", env = "OVERBOOKED_THEME")]
    pub theme: Option<String>,
    /// The configuration file, instead of overbooked/config.toml in your configuration folder
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Write a log to this file
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_LOG", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
}

/// Where the sessions connect to, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Use this server instead of the private one: a connection URL or key=value pairs, as psql takes them
    #[arg(long, value_name = "URL", hide_env_values = true, env = "OVERBOOKED_URL")]
    pub url: Option<String>,
    /// How conflicts are settled [default: postgres]
    #[arg(long, value_enum)]
    pub engine: Option<EngineChoice>,
    /// The isolation level of transactions that do not name one
    #[arg(long, value_enum)]
    pub isolation: Option<Isolation>,
    /// The folder with PostgreSQL's programs (initdb, postgres), instead of searching
    #[arg(long, value_name = "DIR", env = "OVERBOOKED_PG_BIN", value_hint = ValueHint::DirPath)]
    pub pg_bin: Option<PathBuf>,
    /// Keep the private PostgreSQL's data in this folder between runs
    #[arg(long, value_name = "DIR", conflicts_with = "url", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
}

/// How conflicts are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// PostgreSQL's way: whoever comes second waits
    Postgres,
    /// Aurora DSQL's way: nobody waits, the loser is refused at COMMIT with OC000
    Optimistic,
}

impl From<EngineChoice> for EngineKind {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Postgres => Self::Postgres,
            EngineChoice::Optimistic => Self::Optimistic,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_scenario_needs_no_subcommand() {
        let cli = Cli::parse_from(["overbooked", "adjacent-seats", "--isolation", "serializable"]);
        assert_eq!(cli.console.scenario.as_deref(), Some("adjacent-seats"));
        assert_eq!(cli.console.engine.isolation, Some(Isolation::Serializable));
    }
}
