//! The command line: clap's types, and nothing that acts.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::commands::ctl::arguments::CtlArgs;
use crate::commands::explore_programs::ProgramsArgs;
use crate::core::scenario::{EngineKind, Isolation};
use crate::debugger::refusals::Rule;
use crate::gateway::Wording;
use crate::parts::etcd_client::EtcdUrl;
use crate::reports::report::{FORMATS, Format};
use crate::run::etcd_source::EtcdSource;
use crate::run::guardian;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Keys in the console: F5 plays the next step, Tab completes what you type and switches sessions on \
an empty line, Enter runs what you typed, \
Ctrl-C cancels a statement, \
? shows every key, Ctrl-Q quits.

Exit codes: 0 success; 1 an expectation or a check failed; 2 wrong usage or a bad file; 3 the \
database cannot be reached; \
130 interrupted.";

/// Real database sessions side by side over a live seat map, stepped by hand.
///
/// Without arguments it opens the console with the first scenario on a private PostgreSQL, which it
/// starts and throws away afterwards; nothing needs to be set up.
#[derive(Debug, Parser)]
#[command(
    version,
    styles = STYLES,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do instead of opening the console.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the console opens with.
    #[command(flatten)]
    pub console: ConsoleArgs,
    /// What it opens with where there is no scenario.
    #[command(flatten)]
    pub own: OwnTablesArgs,
}

/// An empty console: sessions on the tables that are there.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Your own tables, without a scenario")]
pub struct OwnTablesArgs {
    /// Open without a scenario, and show this table with its locks: inventory, public.orders; give
    /// it once for each table. Without --url it is looked for where PGHOST or PGSERVICE point
    #[arg(long, value_name = "TABLE", conflicts_with = "scenario")]
    pub watch: Vec<String>,
    /// Open without a scenario, with so many sessions or with these: 3, or Ann,Ben [default: 2]
    #[arg(long, value_name = "N|NAMES", conflicts_with = "scenario")]
    pub sessions: Option<String>,
    /// Open without a scenario, and run this SQL file first, once
    #[arg(long, value_name = "FILE", conflicts_with = "scenario", value_hint = ValueHint::FilePath)]
    pub setup: Option<PathBuf>,
}

impl OwnTablesArgs {
    /// Whether anything of this was asked for.
    pub fn is_asked_for(&self) -> bool {
        !self.watch.is_empty() || self.sessions.is_some() || self.setup.is_some()
    }
}

/// Everything that is not the console.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the scenarios that come with the program
    Scenarios,
    /// Print a scenario that comes with the program
    Show {
        /// Its name (see `overbooked scenarios`)
        name: String,
    },
    /// Write a commented scenario for you to start from, never over an existing file
    New(NewArgs),
    /// Play a scenario on both engines at once, step by step, and mark the differences
    Compare(ConsoleArgs),
    /// Play scenarios without a screen, check every expectation, and print what happened
    Play(PlayArgs),
    /// Play a scenario's steps in every order that its sessions allow, and tell what can come of it
    Explore(ExploreArgs),
    /// Measure which anomalies each isolation level prevents, and how: Hermitage's table
    Matrix(MatrixArgs),
    /// Sell the seats to a crowd in every way, measure each, and prove that none is sold twice
    Rush(Box<RushArgs>),
    /// Serve the engine to other clients: psql, drivers, pgbench
    Serve(ServeArgs),
    /// Debug races in your own program: hold and step its statements, one by one
    Debug(DebugArgs),
    /// Steer a running debugger, for tests that need no sleep: wait, release, answer
    Ctl(CtlArgs),
    /// Play PostgreSQL isolationtester specifications, and print exactly what it prints
    Spec(SpecArgs),
    /// Keep what this program's sessions do from being committed by its death; started by itself
    #[command(name = guardian::SUBCOMMAND, hide = true)]
    Guardian,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What a new scenario is called, and who takes part.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Its name or its file: my-race, races/my-race.sql
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// So many sessions, or these: 3, or Ann,Ben [default: 2]
    #[arg(long, value_name = "N|NAMES")]
    pub sessions: Option<String>,
}

/// Which specifications are played, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Files are played in parallel, each in a private PostgreSQL, and reported one after the other. With \
--url they are played one after
the other in the database that it names.")]
pub struct SpecArgs {
    /// The files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The output format
    #[arg(long, value_parser = spec_formats(), default_value = Format::Spec.entry().name)]
    pub format: Format,
    /// Play only this permutation, counted from 1
    #[arg(long, value_name = "N")]
    pub permutation: Option<u64>,
    /// Use this server instead of private ones: a connection URL or key=value pairs, as psql takes
    /// them
    #[arg(long, value_name = "URL", hide_env_values = true, env = "OVERBOOKED_URL")]
    pub url: Option<String>,
    /// How many private PostgreSQL servers run in parallel [default: one per processor]
    #[arg(long, short, value_name = "N", conflicts_with = "url")]
    pub jobs: Option<NonZeroUsize>,
    /// Write each file's output to NAME.out (or .md, .jsonl, .mmd) in this folder, complaints
    /// included, instead of printing it
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// The folder with PostgreSQL's programs (initdb, postgres), instead of searching for it
    #[arg(long, value_name = "DIR", env = "OVERBOOKED_PG_BIN", value_hint = ValueHint::DirPath)]
    pub pg_bin: Option<PathBuf>,
}

/// What the console opens with.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Scenario names (see `overbooked scenarios`), files or folders; the first one is opened, and
    /// all of them can be picked with F3
    #[arg(value_name = "SCENARIO", value_hint = ValueHint::AnyPath)]
    pub scenario: Vec<String>,
    /// In an isolationtester file, play this permutation, counted from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub permutation: u64,
    /// Where the sessions connect to.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Where sessions that speak to etcd find it.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The colours: dark, light, projector, or a theme file
    #[arg(long, value_name = "NAME|FILE", env = "OVERBOOKED_THEME")]
    pub theme: Option<String>,
    /// The configuration file, instead of overbooked/config.toml in your configuration folder
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Record the screen to a new file, for `asciinema play FILE`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// Keep what you type in this file, instead of overbooked/history in your state folder; `off`
    /// keeps nothing
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_HISTORY", value_hint = ValueHint::FilePath)]
    pub history: Option<String>,
    /// Let others follow in their browsers: 127.0.0.1:8080 for this machine alone, 0.0.0.0:8080
    /// for everybody on the network; the console shows the address as a QR code
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub room: Option<crate::room::Address>,
    /// Write a log to this file
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_LOG", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
}

/// What is played without a screen.
#[derive(Debug, Args)]
#[command(after_help = "The JSON format is described in docs/json.md in the source tree.")]
pub struct PlayArgs {
    /// Scenario names (see `overbooked scenarios`), files or folders
    #[arg(required = true, value_name = "SCENARIO", value_hint = ValueHint::FilePath)]
    pub scenarios: Vec<String>,
    /// Where the sessions connect to.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Where sessions that speak to etcd find it.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The output format
    #[arg(long, value_parser = play_formats(), default_value = Format::Text.entry().name)]
    pub format: Format,
    /// Write the document to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// In an isolationtester file, play this permutation, counted from 1 [default: 1; with --format
    /// spec: all]
    #[arg(long, value_name = "N")]
    pub permutation: Option<u64>,
    /// Show how long everything took
    #[arg(long)]
    pub times: bool,
    /// Cancel a step that has not finished after this many seconds, and stop there; the setup gets
    /// at least 30 seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub step_timeout: u64,
}

/// The kinds of document that `play` writes.
fn play_formats() -> impl TypedValueParser<Value = Format> {
    formats(FORMATS.iter().map(|entry| (entry.name, entry.of_play)))
}

/// The kinds of document that `spec` writes, the usual one first.
fn spec_formats() -> impl TypedValueParser<Value = Format> {
    let usual = FORMATS.iter().filter(|entry| entry.format == Format::Spec);
    let others = FORMATS.iter().filter(|entry| entry.format != Format::Spec);
    formats(usual.chain(others).filter_map(|entry| Some((entry.name, entry.of_spec?))))
}

fn formats(
    named: impl Iterator<Item = (&'static str, &'static str)>,
) -> impl TypedValueParser<Value = Format> {
    let values = named.map(|(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).map(|name| Format::named(&name).unwrap_or_default())
}

/// What is explored, how, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Orders of which the same came, the same answers and the same end, are one class. A class is like \
one after another if some order of whole
transactions comes to the same; else it is an anomaly. See docs/explorer.md in the source tree.

Exit codes: 0 what was found is what the file says; 1 an anomaly or a broken invariant that no \
`--> explore:` line expects, or a line that is not true;
2 wrong usage or a bad file; 3 the database cannot be reached; 130 interrupted, after telling what \
was found.")]
pub struct ExploreArgs {
    /// Scenario names (see `overbooked scenarios`), files (.sql, .spec) or folders
    #[arg(required_unless_present = "actor", conflicts_with = "actor")]
    #[arg(value_name = "SCENARIO", value_hint = ValueHint::FilePath)]
    pub scenarios: Vec<String>,
    /// The isolation level of transactions that do not name one, or each in turn [default: the
    /// scenario's first]
    #[arg(long, value_enum)]
    pub isolation: Option<WhichLevel>,
    /// How conflicts are resolved, or each way in turn [default: the scenario's first]
    #[arg(long, value_enum)]
    pub engine: Option<WhichEngine>,
    /// Play no more orders than this
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub budget: Option<u64>,
    /// Play so many orders, picked at random
    #[arg(long, value_name = "N", conflicts_with = "no_reduction")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub sample: Option<u64>,
    /// What the random orders come from: the same seed, the same orders
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sample")]
    pub seed: u64,
    /// Play every order, those too that are equivalent to others
    #[arg(long)]
    pub no_reduction: bool,
    /// Play the shortest order of each class again so often, to see whether it is stable [default:
    /// 5; of programs 1]
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
    /// How many orders are played side by side [default: one per processor, four at most]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Look at the invariants after every step, and not at the end alone
    #[arg(long)]
    pub every_step: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    pub format: ExploreFormat,
    /// With --format json: a line for each order that was played, too; with --export: a
    /// permutation for each
    #[arg(long)]
    pub every_order: bool,
    /// Write the document to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Write the shortest order of each class into this folder: as a scenario, and all of them as
    /// an isolationtester file; with --every-order every order that was played, as another one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub export: Option<PathBuf>,
    /// Use this server instead of the private one: a connection URL or key=value pairs, as psql
    /// takes them
    #[arg(long, value_name = "URL", hide_env_values = true, env = "OVERBOOKED_URL")]
    pub url: Option<String>,
    /// The folder with PostgreSQL's programs (initdb, postgres), instead of searching for it
    #[arg(long, value_name = "DIR", env = "OVERBOOKED_PG_BIN", value_hint = ValueHint::DirPath)]
    pub pg_bin: Option<PathBuf>,
    /// Programs in the place of a scenario.
    #[command(flatten)]
    pub programs: ProgramsArgs,
}

impl ExploreArgs {
    /// The one level that was asked for, where it is one.
    pub fn level(&self) -> Option<Isolation> {
        match self.isolation? {
            WhichLevel::ReadCommitted => Some(Isolation::ReadCommitted),
            WhichLevel::RepeatableRead => Some(Isolation::RepeatableRead),
            WhichLevel::Serializable => Some(Isolation::Serializable),
            WhichLevel::All => None,
        }
    }

    /// Where the sessions connect to.
    pub fn engine_args(&self) -> EngineArgs {
        let engine = match self.engine {
            Some(WhichEngine::Postgres) => Some(EngineChoice::Postgres),
            Some(WhichEngine::Optimistic) => Some(EngineChoice::Optimistic),
            Some(WhichEngine::All) | None => None,
        };
        let (url, pg_bin) = (self.url.clone(), self.pg_bin.clone());
        EngineArgs { url, engine, pg_bin, ..EngineArgs::default() }
    }
}

/// The levels to explore at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhichLevel {
    ReadCommitted,
    RepeatableRead,
    Serializable,
    /// Every level that the engine has, one after the other, and a table of them
    All,
}

/// The engines to explore on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhichEngine {
    /// PostgreSQL's way: whoever comes second waits
    Postgres,
    /// Aurora DSQL's way: nobody waits, the loser is refused at COMMIT with OC000
    Optimistic,
    /// Both, one after the other, and a table of them
    All,
}

/// The kinds of document that `explore` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExploreFormat {
    /// For a terminal: one class per line
    #[default]
    Text,
    /// For a wiki: a table
    Markdown,
    /// For programs: one object per line, for the exploration and for each class
    Json,
}

/// What is measured, and where the table goes.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// What is measured: without --engine and --isolation, every level of both engines.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// The table format
    #[arg(long, value_enum, default_value_t)]
    pub format: MatrixFormat,
    /// Write the table to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// The kinds of table that `matrix` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    /// For a terminal: one anomaly per line
    #[default]
    Text,
    /// For a wiki: one level per row, as in Hermitage
    Markdown,
}

/// What the crowd does, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every strategy behaved as expected: naive sells seats twice, what an engine cannot \
do is listed with the reason;
1 another one sold a seat twice, a sale was lost, or a strategy failed; 2 wrong usage; 3 the \
database cannot be reached;
130 stopped before the end.")]
pub struct RushArgs {
    #[command(flatten)]
    pub rush: crate::rush::options::Options,
    /// The colours: dark, light, projector, or a theme file
    #[arg(long, value_name = "NAME|FILE", env = "OVERBOOKED_THEME")]
    pub theme: Option<String>,
    /// The configuration file, instead of overbooked/config.toml in your configuration folder
    #[arg(long, value_name = "FILE", env = "OVERBOOKED_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Record the screen to a new file, for `asciinema play FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "headless", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// Where it goes.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How the engine is served.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5433")]
    pub listen: SocketAddr,
    /// What is served: --engine optimistic (the default here) or postgres, which only passes
    /// through.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Refuse statements, to test a program's retries: 'commit:1', 'commit:every 3', 'update
    /// seats:2 as 40P01', 'commit:1 as lost', '10% seed 7 as OC000'; may be given several times
    #[arg(long, value_name = "RULE")]
    pub refuse: Vec<Rule>,
    /// Refuse what Aurora DSQL refuses, in its words: types, forms of ALTER, CREATE and SET, and
    /// what is beyond its limits
    #[arg(long)]
    pub dsql: bool,
    /// How OC000 and OC001 are worded
    #[arg(long, value_enum, default_value_t = Wording::Plain)]
    pub wording: Wording,
    /// Require passwords: a file with one line per user, user:password or
    /// user:SCRAM-SHA-256$...
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// A certificate (PEM), instead of a self-signed one for localhost
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,
}

/// Which programs are debugged, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Start the program with the address that is shown in the place of its database. Each of its
transactions gets a pane; statements that touch a watched table are held until a key lets
them go.")]
pub struct DebugArgs {
    /// The address to listen on; port 0 picks a free one [default: 127.0.0.1:5433; with --plan or
    /// --check: a free one]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Who comes by a port of its own, alice=127.0.0.1:5441, or is a program to be started behind
    /// one, alice='node book.js'; give it once for each
    #[arg(long, value_name = "NAME=ADDRESS:PORT|COMMAND")]
    pub actor: Vec<String>,
    /// Let statements go in the order of this plan, without a screen
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// A query that must answer true when the programs have ended, without a screen: select
    /// count(*) <= 1 from bookings
    #[arg(long, value_name = "SQL")]
    pub check: Option<String>,
    /// What puts everything back before each run: a file with SQL, or a command
    #[arg(long, value_name = "FILE.sql|COMMAND")]
    pub reset: Option<String>,
    /// Play it so often
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Wait so many seconds for the plan's next statement, and three times as long for the programs
    /// to end
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: u32,
    /// Look for the shortest plan that breaks the check, and write it to this file
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_hint = ValueHint::FilePath)]
    pub shrink: Option<Option<PathBuf>>,
    /// Show this table with its locks, and hold what touches it; give it once for each table
    #[arg(long, value_name = "TABLE")]
    pub watch: Vec<String>,
    /// Run this SQL file first, once
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub setup: Option<PathBuf>,
    /// Hold what meets this: 'write seats', commit, 'actor alice', 'after read seats before write
    /// seats'; give it once for each [default: what touches a watched table, and its COMMIT]
    #[arg(long = "break", value_name = "RULE")]
    pub breakpoints: Vec<String>,
    /// Answer statements in the server's place, to test a program's retries: 'commit:1',
    /// 'commit:every 3', 'update seats:2 as 40P01', 'commit:1 as lost', '10% seed 7 as OC000'; give
    /// it once for each
    #[arg(long, value_name = "RULE")]
    pub refuse: Vec<Rule>,
    /// Let statements meet inside this table (our own trigger is made in it, and removed at the
    /// end); give it once for each table
    #[arg(long, value_name = "TABLE")]
    pub gate: Vec<String>,
    /// Be steered here too, by `overbooked ctl --socket` or HTTP: a socket's path, or an address of
    /// this machine
    #[arg(long, value_name = "PATH|ADDRESS:PORT", env = "OVERBOOKED_CONTROL")]
    pub control: Option<String>,
    /// What is held: everything, what meets a breakpoint, or nothing (watch) [default: breakpoints]
    #[arg(long, value_name = "WHAT")]
    pub hold: Option<String>,
    /// The colour theme
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// A configuration file, instead of the one in your home directory
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Where the programs' database is, and which engine stands in front of it.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Where sessions that speak to etcd find it.
#[derive(Clone, Debug, Default, Args)]
pub struct EtcdArgs {
    /// The etcd that sessions speak to, instead of a private one.
    // Its brackets are links to rustdoc.
    #[arg(
        long,
        value_name = "URL",
        hide_env_values = true,
        env = "OVERBOOKED_ETCD",
        help = "The etcd that sessions speak to, instead of a private one: \
                http://[user:password@]host[:port], https:// for TLS"
    )]
    etcd: Option<EtcdUrl>,
}

impl EtcdArgs {
    /// The etcd that is named, or one of our own.
    pub fn source(&self) -> EtcdSource {
        EtcdSource::of(self.etcd.clone())
    }
}

/// Where the sessions connect to, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Use this server instead of the private one: a connection URL or key=value pairs, as psql
    /// takes them
    #[arg(long, value_name = "URL", hide_env_values = true, env = "OVERBOOKED_URL")]
    pub url: Option<String>,
    /// How conflicts are resolved [default: postgres; for serve: optimistic]
    #[arg(long, value_enum)]
    pub engine: Option<EngineChoice>,
    /// The isolation level of transactions that do not name one
    #[arg(long, value_enum)]
    pub isolation: Option<Isolation>,
    /// The folder with PostgreSQL's programs (initdb, postgres), instead of searching for it
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
    fn tables_of_ones_own_are_watched_without_a_scenario() {
        let words = ["overbooked", "--watch", "inventory", "--watch", "public.orders"];
        assert_eq!(Cli::parse_from(words).own.watch, ["inventory", "public.orders"]);
        for words in [
            &["overbooked", "--watch", "a", "play", "deadlock"][..],
            &["overbooked", "deadlock", "--sessions", "2"],
            &["overbooked", "compare", "--watch", "a"],
        ] {
            assert!(Cli::try_parse_from(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_scenario_needs_no_subcommand() {
        let cli = Cli::parse_from(["overbooked", "adjacent-seats", "--isolation", "serializable"]);
        assert_eq!(cli.console.scenario, ["adjacent-seats"]);
        assert_eq!(cli.console.engine.isolation, Some(Isolation::Serializable));
    }
}
