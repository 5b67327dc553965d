//! What isolationtester prints, byte for byte: each [`Telling`] is a fact of a test run, and its
//! `Display` the text for it.
//!
//! ```text
//! Parsed test spec with 2 sessions
//!
//! starting permutation: s1a s2a s1c
//! step s1a: UPDATE seats SET booked_by = 'Alice';
//! step s2a: SELECT * FROM seats FOR UPDATE; <waiting ...>
//! step s1c: COMMIT;
//! step s2a: <... completed>
//! seat|booked_by
//! ----+---------
//! A-4 |Alice
//! (1 row)
//! ```
//!
//! Whoever compares with PostgreSQL's expected output compares bytes, so nothing is made prettier
//! here: texts of the server stay as they are, and what isolationtester complains about on its
//! standard error goes there too ([`Telling::stream`]).

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::core::event::{Column, Row, ServerMessage, octets};
use crate::reports::psql;

mod complaint;
mod retold;
mod table;

pub use complaint::{Complaint, Whose};
pub use retold::retold;

/// A fact of a test run, in the order in which isolationtester tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// The specification was read.
    Parsed {
        /// How many sessions it has.
        sessions: usize,
    },
    /// A permutation begins.
    Permutation {
        /// The names of its steps.
        steps: Vec<String>,
    },
    /// A step was completed at first sight.
    Step { name: String, sql: String },
    /// A step is seen to wait.
    Waiting { name: String, sql: String },
    /// A step that had waited was completed.
    Completed { name: String },
    /// A result with columns, perhaps without rows.
    Table { columns: Vec<Column>, rows: Vec<Row> },
    /// The same of a setup or a teardown.
    Aside { columns: Vec<Column>, rows: Vec<Row> },
    /// A statement of a step failed.
    Failed(ServerMessage),
    /// A step's connection broke, in libpq's words.
    Broken(String),
    /// A result that isolationtester has no use for, by libpq's name for it.
    Unexpected(&'static str),
    /// A notice or warning reached a session.
    Notice {
        session: String,
        /// What it says.
        message: ServerMessage,
        /// What the session had sent last.
        sql: String,
    },
    /// NOTIFY reached a session.
    Notification {
        session: String,
        channel: String,
        payload: String,
        /// The session that sent it, or `PID n`.
        from: String,
    },
    /// A step was cancelled because it did not end.
    Cancelled {
        name: String,
        /// How long it was given.
        after: Duration,
    },
    /// A step could not be sent.
    NotSent {
        name: String,
        /// Why, in libpq's words.
        reason: String,
    },
    /// What goes to standard error.
    Complaint(Complaint),
}

/// Where a telling is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Output,
    Error,
}

impl Telling {
    /// Where it is printed.
    pub fn stream(&self) -> Stream {
        match self {
            Self::Complaint(_) => Stream::Error,
            _ => Stream::Output,
        }
    }

    /// What is printed, in whatever encoding the server gave it.
    pub fn octets(&self) -> Vec<u8> {
        octets::restore(&self.to_string()).into_owned()
    }
}

impl fmt::Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parsed { sessions } => writeln!(f, "Parsed test spec with {sessions} sessions"),
            Self::Permutation { steps } => {
                f.write_str("\nstarting permutation:")?;
                steps.iter().try_for_each(|step| write!(f, " {step}"))?;
                f.write_str("\n")
            }
            Self::Step { name, sql } => writeln!(f, "step {name}: {sql}"),
            Self::Waiting { name, sql } => writeln!(f, "step {name}: {sql} <waiting ...>"),
            Self::Completed { name } => writeln!(f, "step {name}: <... completed>"),
            Self::Table { columns, rows } | Self::Aside { columns, rows } => {
                f.write_str(&table::drawn(columns, rows))
            }
            Self::Failed(message) => writeln!(f, "{}:  {}", message.severity, message.message),
            Self::Broken(text) => writeln!(f, "{text}"),
            Self::Unexpected(status) => writeln!(f, "unexpected result status: {status}"),
            Self::Notice { session, message, sql } => {
                write!(f, "{session}: {}", psql::libpq_message(message, sql))
            }
            Self::Notification { session, channel, payload, from } => {
                writeln!(
                    f,
                    "{session}: NOTIFY \"{channel}\" with payload \"{payload}\" from {from}"
                )
            }
            Self::Cancelled { name, after } => {
                let seconds = after.as_secs();
                writeln!(f, "isolationtester: canceling step {name} after {seconds} seconds")
            }
            Self::NotSent { name, reason } => {
                writeln!(f, "failed to send query for step {name}: {reason}")
            }
            Self::Complaint(complaint) => complaint.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(detail: Option<&str>) -> Telling {
        let message = ServerMessage {
            severity: "NOTICE".to_owned(),
            message: "the seat is taken".to_owned(),
            detail: detail.map(str::to_owned),
            context: Some("PL/pgSQL function".to_owned()),
            ..ServerMessage::default()
        };
        Telling::Notice { session: "s1".to_owned(), message, sql: String::new() }
    }

    #[test]
    fn a_notice_has_its_detail_and_not_its_context() {
        assert_eq!(notice(None).to_string(), "s1: NOTICE:  the seat is taken\n");
        let detailed = notice(Some("By Bob.")).to_string();
        assert_eq!(detailed, "s1: NOTICE:  the seat is taken\nDETAIL:  By Bob.\n");
    }

    #[test]
    fn sql_of_several_lines_stays_as_it_is() {
        let waiting = Telling::Waiting { name: "a1".to_owned(), sql: "\n\tSELECT 1;\n".to_owned() };
        assert_eq!(waiting.to_string(), "step a1: \n\tSELECT 1;\n <waiting ...>\n");
    }

    #[test]
    fn complaints_go_to_standard_error() {
        let unused = Telling::Complaint(Complaint::UnusedStep("a1".to_owned()));
        assert_eq!(
            (unused.to_string().as_str(), unused.stream()),
            ("unused step name: a1\n", Stream::Error)
        );
        assert_eq!(notice(None).stream(), Stream::Output);
    }
}
