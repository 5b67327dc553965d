//! What the command line, the environment and the configuration file say together.

use std::io::IsTerminal as _;
use std::path::Path;

use crate::commands::cli::{EngineArgs, EngineChoice};
use crate::commands::config::Config;
use crate::commands::exit::Failure;
use crate::core::scenario::EngineKind;
use crate::tui::background;
use crate::tui::theme::{Charset, Depth, Theme};

/// The colours unless a theme is named or the terminal tells its background.
const FIRST_THEME: &str = "dark";

/// The configuration file that was named, or the user's own.
pub fn configuration(named: Option<&Path>) -> Result<Config, Failure> {
    use etcetera::BaseStrategy as _;
    let read = match (named, etcetera::choose_base_strategy()) {
        (Some(path), _) => Config::open(path),
        (None, Ok(folders)) => {
            Config::open_if_there(&folders.config_dir().join("overbooked/config.toml"))
        }
        // Without a home there is no configuration of one's own.
        (None, Err(_)) => Ok(Config::default()),
    };
    read.map_err(|error| Failure::misuse(error.to_string()))
}

/// The colours for this terminal, which is asked for its background where no theme is named.
pub fn theme(named: Option<&str>, config: &Config) -> Result<Theme, Failure> {
    found_theme(named, config, background)
}

/// Whether the theme that is named can be had, for whoever shows nothing: no terminal is asked.
pub fn check_theme(named: Option<&str>, config: &Config) -> Result<(), Failure> {
    found_theme(named, config, |_| None).map(|_| ())
}

/// What the terminal says of itself, where there is one and colours are wanted.
fn background(depth: Depth) -> Option<&'static str> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_terminal && depth != Depth::Bare { background::theme() } else { None }
}

fn found_theme(
    named: Option<&str>,
    config: &Config,
    ask: impl FnOnce(Depth) -> Option<&'static str>,
) -> Result<Theme, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let depth = Depth::of(variable);
    let name = named.or(config.theme.as_deref()).or_else(|| ask(depth)).unwrap_or(FIRST_THEME);
    let theme = Theme::find(name, depth, Charset::of(variable));
    theme.map_err(|error| Failure::misuse(error.to_string()))
}

/// The command line and the environment go before the file.
#[must_use]
pub fn engine_of(arguments: EngineArgs, config: &Config) -> EngineArgs {
    let choice = config.engine.map(|kind| match kind {
        EngineKind::Optimistic => EngineChoice::Optimistic,
        _ => EngineChoice::Postgres,
    });
    EngineArgs {
        url: arguments.url.or_else(|| config.url.clone()),
        engine: arguments.engine.or(choice),
        isolation: arguments.isolation.or(config.isolation),
        pg_bin: arguments.pg_bin.or_else(|| config.pg_bin.clone()),
        data: arguments.data,
    }
}
