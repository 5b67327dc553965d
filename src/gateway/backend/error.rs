//! Why a question was not answered.

use std::io;

use crate::gateway::refusal::Refusal;
use crate::pg::frame::FromServer;
use crate::pg::message::{ErrorFields, Message as _};

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) enum BackendError {
    /// The server refused, with this frame for the client.
    Server(FromServer),
    /// The gateway refuses.
    Refused(Refusal),
    /// The connection to the server broke.
    Lost(io::Error),
}

impl BackendError {
    /// What it means that a question about stored tables fails because they are not what the
    /// snapshot shows: PostgreSQL looks names and definitions up as they are now.
    pub(crate) fn of_changed_schema(self) -> Self {
        // A schema, table, column or type that is not there, a column of another type, and "cache
        // lookup failed".
        const SIGNS: [&str; 6] = ["3F000", "42P01", "42703", "42704", "42804", "XX000"];
        let Self::Server(frame) = &self else { return self };
        let code = error_field(frame, b'C').unwrap_or_default();
        if SIGNS.contains(&code.as_str()) { Refusal::schema_changed().into() } else { self }
    }

    /// What it means that a look at a table fails which names all that is known of it.
    pub(crate) fn of_other_table(self) -> Self {
        // "Syntax Error or Access Rule Violation", "Feature Not Supported" (a cached plan whose
        // result is another), "Internal Error".
        const SIGNS: [&str; 4] = ["3F", "42", "0A", "XX"];
        const NOT_ALLOWED: &str = "42501";
        let code = self.code().unwrap_or_default();
        let is_other = SIGNS.iter().any(|sign| code.starts_with(sign)) && code != NOT_ALLOWED;
        if is_other { Refusal::schema_changed().into() } else { self }
    }

    /// Whether the server has given up the statement because it was told to.
    pub(crate) fn is_cancelled(&self) -> bool {
        const QUERY_CANCELED: &str = "57014";
        self.code().as_deref() == Some(QUERY_CANCELED)
    }

    /// The SQLSTATE of the server's refusal.
    pub(crate) fn code(&self) -> Option<String> {
        match self {
            Self::Server(frame) => error_field(frame, b'C'),
            Self::Refused(_) | Self::Lost(_) => None,
        }
    }
}

impl From<io::Error> for BackendError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Refusal> for BackendError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The field of an `ErrorResponse` with this letter.
pub(crate) fn error_field(frame: &FromServer, letter: u8) -> Option<String> {
    let (_, text) = ErrorFields::read(frame).ok()?.iter().find(|(field, _)| *field == letter)?;
    String::from_utf8(text.into()).ok()
}
