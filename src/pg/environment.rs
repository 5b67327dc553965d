//! What the process was given to connect with, taken once: variables, the home folder, the user.
//!
//! Everything that reads a target takes this value, so that tests bring their own and nothing else
//! of the program asks the process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A snapshot of the environment. `Debug` names variables without their values.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    user: Option<String>,
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables, home: etcetera::home_dir().ok(), user: whoami::username().ok() }
    }

    /// One in which nothing is set.
    pub fn empty() -> Self {
        Self::default()
    }

    /// With a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a home folder.
    #[must_use]
    pub fn with_home(self, home: &Path) -> Self {
        Self { home: Some(home.to_owned()), ..self }
    }

    /// With an operating system's user.
    #[must_use]
    pub fn with_user(self, user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..self }
    }

    /// A variable. An empty one counts as set, as it does in libpq.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a variable says something.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_empty())
    }

    /// A file of the home folder.
    pub(super) fn at_home(&self, file: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(file))
    }

    /// The operating system's user.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("user", &self.user)
            .finish()
    }
}
