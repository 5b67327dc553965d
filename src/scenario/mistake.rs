//! A mistake in a scenario file: where it is, what is wrong, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// What is wrong in a file that was read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, counted in characters.
    pub column: usize,
    /// What is wrong: `no session is called Alise`.
    pub problem: String,
    /// What to do: `did you mean Alice?`.
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, problem, hint } = self;
        write!(f, "{}:{line}:{column}: {problem}", path.display())?;
        hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Mistake {}
