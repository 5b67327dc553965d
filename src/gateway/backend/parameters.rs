//! What the server has reported of its settings (PostgreSQL documentation, 54.2.7), first of all in
//! which encoding it takes the client's bytes for text.
//!
//! There are many ways to another encoding: the start-up packet, its `options`, SET, SET NAMES,
//! `set_config()`, RESET and DISCARD to a default of the role, the database or the configuration
//! file, a function that does any of it. The server reports the outcome of each, so the reports are
//! looked at and not the ways.

use std::collections::BTreeMap;

use crate::core::syntax::Strings;
use crate::pg::frame::FromServer;
use crate::pg::message::{Message as _, ParameterStatus};

/// The reported parameters.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    reported: BTreeMap<String, String>,
    /// The last `client_encoding` in which the gateway could read.
    readable: String,
}

const ENCODING: &str = "client_encoding";

impl Parameters {
    /// The `client_encoding`, where it is one in which the gateway cannot read a statement's names.
    /// PostgreSQL takes `SQL_ASCII` for the database's own encoding, and converts and checks
    /// nothing where the database itself has none.
    pub(crate) fn unreadable_encoding(&self) -> Option<&str> {
        let reported = |name| self.reported.get(name).map_or("", String::as_str);
        match (reported(ENCODING), reported("server_encoding")) {
            ("UTF8", _) | ("SQL_ASCII", "UTF8") => None,
            (encoding, _) => Some(encoding),
        }
    }

    /// How the server reads the strings of a statement.
    pub(crate) fn strings(&self) -> Strings {
        self.reported.get(Strings::SETTING).map_or(Strings::Conforming, |value| Strings::of(value))
    }

    /// The server's version, as far as it counts; 0 where it does not say.
    pub(crate) fn major_version(&self) -> u32 {
        let version = self.reported.get("server_version").map_or("", String::as_str);
        let digits = version.split(|letter: char| !letter.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// The last encoding in which names could be read.
    pub(super) fn readable_encoding(&self) -> &str {
        &self.readable
    }

    /// Takes in a report; whether it is one for the client.
    pub(crate) fn note(&mut self, frame: &FromServer) -> bool {
        let Ok(ParameterStatus { name, value }) = ParameterStatus::read(frame) else { return true };
        let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            return true;
        };
        let is_encoding = name == ENCODING;
        self.reported.insert(name.to_owned(), value.to_owned());
        self.keep_readable();
        !is_encoding || self.unreadable_encoding().is_none()
    }

    fn keep_readable(&mut self) {
        if self.unreadable_encoding().is_none()
            && let Some(encoding) = self.reported.get(ENCODING)
        {
            self.readable.clone_from(encoding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(client: &str, server: &str) -> Parameters {
        let reported = [("client_encoding", client), ("server_encoding", server)];
        let reported = reported.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Parameters { reported: reported.into(), readable: String::new() }
    }

    #[test]
    fn names_are_read_where_all_text_is_utf_8() {
        for (client, server, unreadable) in [
            ("UTF8", "UTF8", None),
            ("UTF8", "LATIN1", None),
            ("UTF8", "SQL_ASCII", None),
            ("SQL_ASCII", "UTF8", None),
            ("SQL_ASCII", "SQL_ASCII", Some("SQL_ASCII")),
            ("SQL_ASCII", "LATIN1", Some("SQL_ASCII")),
            ("LATIN1", "UTF8", Some("LATIN1")),
        ] {
            assert_eq!(of(client, server).unreadable_encoding(), unreadable, "{client} {server}");
        }
    }
}
