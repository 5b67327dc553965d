//! The editor that somebody's environment names, on a line that has become too long for a line.
//!
//! As in psql, `PSQL_EDITOR`, `EDITOR` and `VISUAL` are looked at in this order, the shell runs
//! what they say, and vi is run where they say nothing. The file has an ending by which editors
//! colour SQL.
//!
//! The editor gets the terminal, its keys and its Ctrl-C; meanwhile the run goes on.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::core::scenario::regular_file;

/// The variables that name an editor, in psql's order.
const VARIABLES: [&str; 3] = ["PSQL_EDITOR", "EDITOR", "VISUAL"];

const DEFAULT: &str = "vi";

/// The shell's own status for a program that is not there.
const NOT_FOUND: i32 = 127;

/// How long an editor that is told to end is given to put the terminal right.
const PATIENCE: Duration = Duration::from_secs(1);

/// An editor, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Editor {
    command: String,
    /// The variable that names it, if one does.
    variable: Option<&'static str>,
}

/// Why nothing was edited.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditorError {
    #[error("cannot write the file to be edited: {0}")]
    Unwritten(io::Error),
    #[error("cannot read what was edited: {0}")]
    Unread(io::Error),
    #[error("{0} cannot be started: {1}")]
    Unstarted(String, io::Error),
    #[error("{0} is not there: no such program")]
    NotThere(String),
    #[error("{0} {1}; the line stays as it was")]
    Failed(String, String),
}

impl Editor {
    /// The one that these variables name.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = VARIABLES.into_iter().find_map(|name| {
            variable(name).filter(|command| !command.trim().is_empty()).map(|it| (name, it))
        });
        match named {
            Some((variable, command)) => Self { command, variable: Some(variable) },
            None => Self { command: DEFAULT.to_owned(), variable: None },
        }
    }

    /// Has a text edited; gives what has become of it, which is what it was if nobody saved
    /// anything.
    pub(super) async fn edit(
        &self,
        text: &str,
        leaving: &CancellationToken,
    ) -> Result<String, EditorError> {
        let file = file_with(text).map_err(EditorError::Unwritten)?;
        // As system(3) does for whoever calls it: Ctrl-C and Ctrl-\ are the editor's.
        let _deaf = signal(SignalKind::quit());
        let child = self.start(file.path().as_os_str());
        let mut child = child.map_err(|error| EditorError::Unstarted(self.words(), error))?;
        let status = ended(&mut child, leaving).await;
        let status = status.map_err(|error| EditorError::Unstarted(self.words(), error))?;
        self.judge(status)?;
        let edited = regular_file::read(file.path()).map_err(EditorError::Unread)?;
        let edited = String::from_utf8(edited).map_err(|_| {
            EditorError::Unread(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
        })?;
        Ok(edited.trim_end_matches(['\n', '\r']).replace("\r\n", "\n"))
    }

    fn start(&self, path: &OsStr) -> io::Result<Child> {
        let script = format!("exec {} \"$1\"", self.command);
        Command::new("/bin/sh")
            .args(["-c", &script, "sh"])
            .arg(path)
            .stdin(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
    }

    fn judge(&self, status: ExitStatus) -> Result<(), EditorError> {
        match status.code() {
            Some(0) => Ok(()),
            Some(NOT_FOUND) => Err(EditorError::NotThere(self.words())),
            Some(code) => {
                Err(EditorError::Failed(self.words(), format!("ended with status {code}")))
            }
            None => Err(EditorError::Failed(self.words(), "was killed".to_owned())),
        }
    }

    /// `the editor nano (EDITOR)`
    fn words(&self) -> String {
        match self.variable {
            Some(variable) => format!("the editor {} ({variable})", self.command.trim()),
            None => format!("the editor {DEFAULT} (EDITOR names another)"),
        }
    }
}

/// A file for whoever runs this alone, which goes with the value.
fn file_with(text: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("overbooked-").suffix(".sql").tempfile()?;
    if !text.is_empty() {
        writeln!(file, "{text}")?;
    }
    Ok(file)
}

/// Waits for the editor's end, and brings it about where the screen is left: told to end, an editor
/// puts the terminal right first.
async fn ended(child: &mut Child, leaving: &CancellationToken) -> io::Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    tokio::select! {
        status = child.wait() => return status,
        () = leaving.cancelled() => {}
    }
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        kill_process(pid, Signal::TERM)?;
    }
    match tokio::time::timeout(PATIENCE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(command: &str) -> Editor {
        Editor::of(|name| (name == "EDITOR").then(|| command.to_owned()))
    }

    fn staying() -> CancellationToken {
        CancellationToken::new()
    }

    #[test]
    fn the_variables_are_looked_at_in_psqls_order() {
        let of = |set: &'static [&'static str]| {
            Editor::of(|name| set.contains(&name).then(|| name.to_lowercase())).command
        };
        assert_eq!(of(&["VISUAL", "EDITOR", "PSQL_EDITOR"]), "psql_editor");
        assert_eq!(of(&["VISUAL", "EDITOR"]), "editor");
        assert_eq!(of(&["VISUAL"]), "visual");
        assert_eq!(of(&[]), "vi");
        assert_eq!(editor(" ").command, "vi", "an empty one names none");
    }

    #[tokio::test]
    async fn what_was_saved_comes_back() {
        let edited = editor("sed -i s/1/2/").edit("select 1\n  from seats;", &staying()).await;
        assert_eq!(edited.unwrap(), "select 2\n  from seats;");
        let ending = editor("printf '%s' \"${1##*.}\" >").edit("x", &staying()).await;
        assert_eq!(ending.unwrap(), "sql", "editors know by it what they colour");
        assert_eq!(editor("true").edit("", &staying()).await.unwrap(), "", "nothing was written");
    }

    #[tokio::test]
    async fn an_editor_that_fails_is_named() {
        let told = |command: &'static str| async move {
            editor(command).edit("x", &staying()).await.unwrap_err().to_string()
        };
        assert_eq!(
            told("false").await,
            "the editor false (EDITOR) ended with status 1; the line stays as it was"
        );
        let missing = told("no-such-editor-here 2>/dev/null").await;
        assert!(missing.ends_with("(EDITOR) is not there: no such program"), "{missing}");
        assert!(told("kill $$; :").await.ends_with("was killed; the line stays as it was"));
    }
}
