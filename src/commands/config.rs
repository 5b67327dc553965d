//! The configuration file, `overbooked/config.toml` in the user's configuration folder.
//!
//! ```toml
//! theme = "projector"        # dark, light, projector, or a theme file
//! opening = "stage"          # begin without the story
//! pace = 4                   # seconds between the steps that F7 plays
//! url = "service=workshop"   # a server of one's own
//! engine = "postgres"
//! pg_bin = "/opt/pg/bin"    # PostgreSQL's own programs
//! isolation = "repeatable-read"
//! history = "off"            # keep nothing of what you type; or the file to keep it in
//!
//! [keys]                     # the names stand in README.md's table of keys
//! next_step = ["F5", "Alt-n"]
//!
//! [debugger]                 # of overbooked debug
//! hold = "everything"        # watch, breakpoints or everything
//! break = ["write seats", "commit and actor alice"]
//! ```
//!
//! A relative path in it (`pg_bin`, `log`, `history`, a theme file) begins at the file's own
//! folder: the working folder is another one every day.
//!
//! Everything in it can also be said on the command line or in the environment, which go before it.
//! A mistake is told with its line and column, and nothing is started then.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::commands::launch::history;
use crate::core::scenario::mistake::did_you_mean;
use crate::core::scenario::{EngineKind, Isolation, Mistake};
use crate::debugger::breakpoints::{Breakpoint, BreakpointError, HoldMode};
use crate::stage::keys::{Key, KeyMap, every_entry};
use crate::stage::setting::Opening;

/// How long a step stays on the screen in auto-play unless the file says otherwise: time to read a
/// statement and its answer.
const PACE: Duration = Duration::from_millis(3500);

/// What the file says; what it does not say has its usual value.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub theme: Option<String>,
    /// A server of one's own.
    pub url: Option<String>,
    pub engine: Option<EngineKind>,
    /// The isolation level.
    pub isolation: Option<Isolation>,
    pub pg_bin: Option<PathBuf>,
    pub log: Option<PathBuf>,
    /// The file for what is typed, or `off`.
    pub history: Option<String>,
    /// How a scenario begins.
    pub opening: Opening,
    /// The time between two steps of auto-play.
    pub pace: Duration,
    /// Which keys do what.
    pub keys: KeyMap,
    /// How much the debugger holds.
    pub hold: Option<HoldMode>,
    /// Where it holds.
    pub breakpoints: Vec<Breakpoint>,
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Option<String>,
    url: Option<String>,
    engine: Option<EngineKind>,
    isolation: Option<Isolation>,
    pg_bin: Option<PathBuf>,
    log: Option<PathBuf>,
    history: Option<String>,
    opening: Option<Opening>,
    pace: Option<Spanned<f64>>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    #[serde(default)]
    debugger: OfDebugger,
}

/// What it says of the debugger.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDebugger {
    hold: Option<Spanned<String>>,
    #[serde(default, rename = "break")]
    breakpoints: Vec<Spanned<String>>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// Something in it is wrong.
    #[error(transparent)]
    Mistake(#[from] Mistake),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: None,
            url: None,
            engine: None,
            isolation: None,
            pg_bin: None,
            log: None,
            history: None,
            opening: Opening::Story,
            pace: PACE,
            keys: KeyMap::default(),
            hold: None,
            breakpoints: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the file that was asked for, which must be there.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Ok(Self::parse(&text, path)?)
    }

    /// Reads the user's own file; there need not be one.
    pub fn open_if_there(path: &Path) -> Result<Self, ConfigError> {
        match Self::open(path) {
            Err(ConfigError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            opened => opened,
        }
    }

    /// Reads a file's text; the path is for what is said about mistakes.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Mistake> {
        let source = Source { text, path };
        let file: File = toml::from_str(text).map_err(|error| source.not_toml(&error))?;
        Ok(Self {
            keys: source.keys(file.keys)?,
            pace: source.pace(file.pace)?,
            hold: file.debugger.hold.map(|mode| source.hold(&mode)).transpose()?,
            breakpoints: source.breakpoints(&file.debugger.breakpoints)?,
            theme: file.theme.map(|theme| source.theme(theme)),
            url: file.url,
            engine: file.engine,
            isolation: file.isolation,
            pg_bin: file.pg_bin.map(|folder| source.beside(&folder)),
            log: file.log.map(|log| source.beside(&log)),
            history: file.history.map(|history| source.history(history)),
            opening: file.opening.unwrap_or(Opening::Story),
        })
    }
}

/// A file's text, for pointing into it.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn mistake(&self, at: usize, problem: impl Into<String>) -> Mistake {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Mistake {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: problem.into(),
            hint: None,
        }
    }

    fn not_toml(&self, error: &toml::de::Error) -> Mistake {
        let at = error.span().map_or(0, |span| span.start);
        self.mistake(at, error.message().replace('\n', " "))
    }

    /// A path that the file names, from the working folder.
    fn beside(&self, named: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(named)
    }

    fn history(&self, off_or_path: String) -> String {
        if off_or_path == history::OFF {
            return off_or_path;
        }
        self.beside(Path::new(&off_or_path)).display().to_string()
    }

    /// What has neither a folder nor an ending is a name, perhaps a misspelt one.
    fn theme(&self, name_or_path: String) -> String {
        let path = Path::new(&name_or_path);
        if path.components().nth(1).is_none() && path.extension().is_none() {
            return name_or_path;
        }
        self.beside(path).display().to_string()
    }

    fn pace(&self, seconds: Option<Spanned<f64>>) -> Result<Duration, Mistake> {
        let Some(seconds) = seconds else { return Ok(PACE) };
        let is_sensible = (0.1..=600.0).contains(seconds.get_ref());
        if !is_sensible {
            let mistake = self.mistake(seconds.span().start, "this is not a usable pace");
            return Err(mistake.with_hint("write a number of seconds from 0.1 to 600"));
        }
        Ok(Duration::from_secs_f64(seconds.into_inner()))
    }

    fn hold(&self, mode: &Spanned<String>) -> Result<HoldMode, Mistake> {
        mode.get_ref().parse().map_err(|error: String| self.mistake(mode.span().start, error))
    }

    fn breakpoints(&self, rules: &[Spanned<String>]) -> Result<Vec<Breakpoint>, Mistake> {
        let read = |rule: &Spanned<String>| {
            let text = rule.get_ref();
            let wrong = |error: BreakpointError| {
                let before = text.chars().take(error.column - 1).map(char::len_utf8).sum::<usize>();
                self.mistake(rule.span().start + 1 + before, error.problem)
            };
            text.parse().map_err(wrong)
        };
        rules.iter().map(read).collect()
    }

    fn keys(
        &self,
        bindings: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    ) -> Result<KeyMap, Mistake> {
        let mut map = KeyMap::default();
        for (name, keys) in bindings {
            let entry = every_entry().find(|entry| entry.name == name.get_ref());
            let entry = entry.ok_or_else(|| self.no_such_action(&name))?;
            let keys: Result<Vec<Key>, Mistake> = keys.iter().map(|key| self.key(key)).collect();
            map.rebind(entry.action, keys?);
        }
        Ok(map)
    }

    fn key(&self, key: &Spanned<String>) -> Result<Key, Mistake> {
        key.get_ref().parse().map_err(|error| self.mistake(key.span().start, format!("{error}")))
    }

    fn no_such_action(&self, name: &Spanned<String>) -> Mistake {
        let mistake =
            self.mistake(name.span().start, format!("no action is called {:?}", name.get_ref()));
        let known = every_entry().map(|entry| entry.name);
        match did_you_mean(name.get_ref(), known.clone()) {
            Some(known) => mistake.with_hint(format!("did you mean {known}?")),
            None => mistake
                .with_hint(format!("the actions are {}", known.collect::<Vec<_>>().join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::keys::Action;

    fn parse(text: &str) -> Result<Config, Mistake> {
        Config::parse(text, Path::new("config.toml"))
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn everything_that_can_be_said_is_understood() {
        let config = parse(
            "theme = \"light\"\nurl = \"service=x\"\nengine = \"postgres\"\n\
             isolation = \"serializable\"\n\
             opening = \"stage\"\npace = 0.5\n[keys]\nnext_step = [\"F2\", \"Alt-n\"]\n",
        )
        .unwrap();
        assert_eq!(config.theme.as_deref(), Some("light"));
        assert_eq!(config.isolation, Some(Isolation::Serializable));
        assert_eq!((config.opening, config.pace), (Opening::Stage, Duration::from_millis(500)));
        assert_eq!(config.keys.words(Action::NextStep), "F2 or Alt-n");
    }

    #[test]
    fn a_path_is_relative_to_the_file() {
        let text = "pg_bin = \"pg/bin\"\nlog = \"/var/log/a.log\"\ntheme = \"themes/own.toml\"\n";
        let config = Config::parse(text, Path::new("/home/me/conf/config.toml")).unwrap();
        assert_eq!(config.pg_bin.as_deref(), Some(Path::new("/home/me/conf/pg/bin")));
        assert_eq!(config.log.as_deref(), Some(Path::new("/var/log/a.log")));
        assert_eq!(config.theme.as_deref(), Some("/home/me/conf/themes/own.toml"));
        assert_eq!(parse("theme = \"drak\"").unwrap().theme.as_deref(), Some("drak"));
        let here = Config::parse(text, Path::new("config.toml")).unwrap();
        assert_eq!(here.pg_bin.as_deref(), Some(Path::new("pg/bin")));
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_was_meant() {
        let told = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            told("\n[keys]\nnext_stp = [\"F5\"]\n"),
            "config.toml:3:1: no action is called \"next_stp\"; did you mean next_step?"
        );
        assert!(told("[keys]\nquit = [\"Strg-Q\"]").starts_with("config.toml:2:9: unknown key"));
        assert!(told("theme = 3\n").starts_with("config.toml:1:9: "));
        assert!(told("thme = \"x\"\n").contains("thme"));
        assert!(told("pace = 0\n").starts_with("config.toml:1:8: "));
    }

    #[test]
    fn the_debuggers_breakpoints_stand_in_it_too() {
        let config = parse(
            "[keys]\nlet_go = [\"F9\"]\n[debugger]\nhold = \"everything\"\n\
             break = [\"write seats\", \"commit and actor alice\"]\n",
        )
        .unwrap();
        let rules: Vec<String> = config.breakpoints.iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["write seats", "commit and actor alice"]);
        assert_eq!(config.hold, Some(HoldMode::Everything));
        assert_eq!(config.keys.for_debugging().words(Action::LetGo), "F9");
        let told = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            told("[debugger]\nhold = \"all\"\n"),
            "config.toml:2:8: there is no mode `all`; it is watch, breakpoints or everything"
        );
        let wrong = told("[debugger]\nbreak = [\"commit\",\n  \"writes seats\"]\n");
        assert!(wrong.starts_with("config.toml:3:4: there is no condition `writes`"), "{wrong}");
        assert!(told("[debugger]\nbrake = []\n").starts_with("config.toml:2:1: "));
    }

    #[test]
    fn no_file_is_no_mistake_unless_it_was_asked_for() {
        let nowhere = Path::new("/nowhere/at/all/config.toml");
        assert_eq!(Config::open_if_there(nowhere).unwrap(), Config::default());
        assert!(matches!(Config::open(nowhere), Err(ConfigError::Unreadable { .. })));
    }
}
