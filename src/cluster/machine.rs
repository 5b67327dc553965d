//! What the search for binaries asks of a machine, and this machine's answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A machine to look for programs on.
pub(super) trait Machine {
    /// The folders of `PATH`, in order.
    fn path(&self) -> Vec<PathBuf>;
    /// Whether this is a file that can be executed.
    fn is_program(&self, path: &Path) -> bool;
    /// What the program prints when run with one argument, if it runs and succeeds.
    fn output(&self, program: &Path, argument: &str) -> Option<String>;
    /// The path without symbolic links.
    fn real(&self, path: &Path) -> PathBuf;
}

/// The machine that we run on.
pub(super) struct ThisMachine;

impl Machine for ThisMachine {
    fn path(&self) -> Vec<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
    }

    fn is_program(&self, path: &Path) -> bool {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    }

    fn output(&self, program: &Path, argument: &str) -> Option<String> {
        let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then_some(text)
    }

    fn real(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }
}
