//! What can go wrong between here and a server, in words that say what, where and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::frame::ServerTag;
use crate::core::event::ServerMessage;

/// An established connection broke.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The operating system's word.
    #[error("the connection broke: {0}")]
    Io(io::Error),
    /// The server hung up.
    #[error("the server closed the connection unexpectedly")]
    Closed,
    /// Bytes came that are no message of PostgreSQL's protocol.
    #[error("the other side does not speak PostgreSQL's protocol; it sent {first}")]
    Malformed {
        /// The first of them, made visible.
        first: String,
    },
    /// A message that the protocol does not have at this place, or with such a value in it.
    #[error("the server violated PostgreSQL's protocol: {0}")]
    Protocol(String),
    /// A message whose body is not as its kind has it; its name.
    #[error("the server violated PostgreSQL's protocol: its {0} cannot be read")]
    Unreadable(&'static str),
    /// The SQL cannot be sent: the protocol's strings end at a zero byte.
    #[error("the statement contains a zero byte, at byte {0}; remove it")]
    ZeroByte(usize),
    /// The SQL cannot be sent: a value in it came in another encoding.
    #[error(
        "the statement contains bytes that are not UTF-8: a value captured in another \
         client_encoding cannot be sent"
    )]
    NotUtf8,
    /// The SQL is longer than a message can be.
    #[error("the statement has {0} bytes, and a message holds at most 1 GiB; split it")]
    TooLong(usize),
}

impl From<io::Error> for WireError {
    /// Whoever hangs up in the middle of TLS, without its goodbye, has hung up all the same. What
    /// is wrong with a frame has come as an error of the stream.
    fn from(error: io::Error) -> Self {
        match error.downcast() {
            Ok(wire) => wire,
            // What rustls says of an end without `close_notify`; a server that is killed sends
            // none.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            Err(error) => Self::Io(error),
        }
    }
}

impl WireError {
    /// The beginning of what should have been a message, so that a person recognises an HTTP or SSH
    /// server.
    pub(super) fn malformed(bytes: &[u8]) -> Self {
        // Enough to show `HTTP/1.1 400 Bad Request` whole.
        let shown = &bytes[..bytes.len().min(24)];
        Self::Malformed { first: format!("\"{}\"", shown.escape_ascii()) }
    }

    /// A message at a place where the protocol has none of its kind.
    pub(crate) fn unexpected(tag: ServerTag) -> Self {
        Self::Protocol(format!("{} came unexpectedly", tag.name()))
    }
}

/// Why a server that was reached did not let us in, by its SQLSTATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 28P01: the password is wrong.
    WrongPassword,
    /// 28000: the user does not exist, or `pg_hba.conf` has no line that lets it in from here.
    NotPermitted,
    /// 3D000: there is no such database.
    NoDatabase,
    /// 53300: the server has no connection left.
    TooManyConnections,
    /// 57P03: it starts, stops or recovers.
    NotReady,
    Other,
}

impl Refusal {
    /// The meaning of a SQLSTATE during the start of a connection.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "28P01" => Self::WrongPassword,
            "28000" => Self::NotPermitted,
            "3D000" => Self::NoDatabase,
            "53300" => Self::TooManyConnections,
            "57P03" => Self::NotReady,
            _ => Self::Other,
        }
    }

    /// What a person can do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::WrongPassword => "check PGPASSWORD, the password in the URL or ~/.pgpass",
            Self::NotPermitted => "check the user's name, sslmode and the server's pg_hba.conf",
            Self::NoDatabase => "check the database's name; `psql -l` lists them",
            Self::TooManyConnections => "close other clients or raise max_connections",
            Self::NotReady => "try again in a moment",
            Self::Other => "the server's log says more",
        }
    }
}

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("cannot reach {place}: {source}; is the server running, and are host and port right?")]
    Unreachable {
        place: String,
        /// The operating system's word.
        source: io::Error,
    },
    /// Nothing came of it in time.
    #[error("{place} did not answer within {after:?}; check the network or raise connect_timeout")]
    TimedOut {
        place: String,
        /// `connect_timeout`.
        after: Duration,
    },
    /// The server said no.
    #[error(
        "{place} refused the connection: {}: {} ({}); {}",
        .message.severity,
        .message.message,
        .message.code,
        .refusal.advice()
    )]
    Refused {
        place: String,
        /// Why, as far as we know the code.
        refusal: Refusal,
        /// The server's own words.
        message: Box<ServerMessage>,
    },
    /// Something answers there, but not PostgreSQL.
    #[error("{place} is not a PostgreSQL server: it answered {first}; check host and port")]
    NotPostgres {
        place: String,
        /// The first bytes of the answer, made visible.
        first: String,
    },
    /// TLS was demanded and the server has none.
    #[error(
        "{place} does not offer TLS, but sslmode={mode} requires it; use another sslmode, or turn \
         ssl on there"
    )]
    TlsRefused {
        place: String,
        /// The demanding mode.
        mode: &'static str,
    },
    /// The handshake failed: a certificate mostly.
    #[error("TLS with {place} failed: {reason}")]
    Tls {
        place: String,
        /// What was wrong and what to do.
        reason: String,
    },
    /// A certificate or key file of ours cannot be used.
    #[error("cannot use {} for TLS: {reason}", .file.display())]
    TlsFile { file: PathBuf, reason: String },
    /// The server wants a password and there is none.
    #[error(
        "{place} requires a password for user \"{user}\"; give one in PGPASSWORD, in ~/.pgpass or \
         in \
         the URL"
    )]
    NoPassword { place: String, user: String },
    /// Proving who we are did not work out, though nobody called the password wrong.
    #[error("cannot authenticate with {place}: {reason}")]
    Authentication {
        place: String,
        /// What was wrong and what to do.
        reason: String,
    },
    /// The connection broke while it was being made.
    #[error("{place} ended the connection attempt: {source}")]
    Broken { place: String, source: WireError },
    /// The server is of a kind that `target_session_attrs` does not want.
    #[error("{place} is not {wanted}, as target_session_attrs requires")]
    Unsuitable {
        place: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Several places were tried, and none let us in.
    #[error("{}", Each(.0))]
    Several(Vec<ConnectError>),
}

impl ConnectError {
    /// The server's own words, when it said no; of several those of [`refusal`](Self::refusal).
    pub(crate) fn server_message(&self) -> Option<&ServerMessage> {
        match self {
            Self::Refused { message, .. } => Some(message),
            Self::Several(errors) => {
                let messages = errors.iter().filter_map(Self::server_message);
                messages.min_by_key(|said| Refusal::of(&said.code) == Refusal::NotPermitted)
            }
            _ => None,
        }
    }

    /// Why the server said no, when it did. Of several reasons the one that says most: not being
    /// let in without TLS follows from every failure with it.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            Self::Several(errors) => {
                let refusals = errors.iter().filter_map(Self::refusal);
                refusals.min_by_key(|refusal| *refusal == Refusal::NotPermitted)
            }
            _ => None,
        }
    }
}

/// Errors one under the other.
struct Each<'a>(&'a [ConnectError]);

impl fmt::Display for Each<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}
