//! What the engine refuses, in Aurora DSQL's words, and how a refusal is written on the wire.
//!
//! Official clients look for the SQLSTATE 40001 and the literal `(OC000)` or `(OC001)`; the rest is
//! for people.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::BytesMut;

use super::wording::Wording;
use crate::pg::ConnectError;
use crate::pg::frame::{ClientTag, Frame, FrameStream, FromServer, put, put_text};

/// What Aurora DSQL says of a lost conflict.
pub(crate) const CONFLICT: &str =
    "change conflicts with another transaction, please retry: (OC000)";

/// What Aurora DSQL says where the schema has changed.
pub(crate) const SCHEMA_CHANGED: &str =
    "schema has been updated by another transaction, please retry: (OC001)";

/// An error that the gateway itself raises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: Cow<'static, str>,
    message: String,
    /// Further fields by their letters.
    more: Vec<(char, String)>,
}

/// What a refusal does to the transaction in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// The transaction is failed: everything but its end is refused.
    Failed,
    /// The transaction is over.
    Over,
}

impl Refusal {
    /// Another transaction's commit won.
    pub(crate) fn conflict() -> Self {
        Self::new("40001", CONFLICT.to_owned())
    }

    /// The schema changed since the session last looked.
    pub(crate) fn schema_changed() -> Self {
        Self::new("40001", SCHEMA_CHANGED.to_owned())
    }

    /// Whether it is OC001.
    pub(crate) fn is_schema_change(&self) -> bool {
        // Not by the SQLSTATE, which is that of OC000 as well.
        self.message.ends_with("(OC001)")
    }

    /// More than 3,000 rows changed.
    pub(crate) fn too_many_rows() -> Self {
        Self::new("54000", "transaction row limit exceeded".to_owned())
    }

    /// More than 10 MiB changed: so many bytes (Aurora DSQL user guide, "Database limits").
    pub(crate) fn too_large(bytes: u64) -> Self {
        // Hundredths, rounded up: what exceeds the limit does not read like the limit.
        let hundredths = (bytes * 100).div_ceil(1 << 20);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        Self::new("54000", "transaction size limit 10mb exceeded".to_owned())
            .with('D', format!("Current transaction size {whole}.{rest:02}mb > 10mb"))
    }

    /// Open for more than 300 seconds: for so long.
    pub(crate) fn too_old(age: Duration) -> Self {
        Self::new("54000", "transaction age limit of 300s exceeded".to_owned())
            .with('D', format!("Current transaction age {}s exceeds 300s", age.as_secs()))
    }

    /// A statement in a failed transaction, in PostgreSQL's words.
    pub(crate) fn aborted() -> Self {
        let message =
            "current transaction is aborted, commands ignored until end of transaction block";
        Self::new("25P02", message.to_owned())
    }

    /// A write in a read-only transaction, in PostgreSQL's words.
    pub(crate) fn read_only(command: &str) -> Self {
        Self::new("25006", format!("cannot execute {command} in a read-only transaction"))
    }

    /// Something that this engine does not do.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("0A000", message.into())
    }

    /// An index that is not made beside the session.
    pub(crate) fn index_at_once() -> Self {
        Self::unsupported("unsupported mode. please use CREATE INDEX ASYNC.")
    }

    /// A name that nothing has.
    pub(crate) fn undefined(message: impl Into<String>) -> Self {
        Self::new("42704", message.into())
    }

    /// What is there already.
    pub(crate) fn duplicate(message: impl Into<String>) -> Self {
        Self::new("42710", message.into())
    }

    /// A schema that nobody has made.
    pub(crate) fn undefined_schema(message: impl Into<String>) -> Self {
        Self::new("3F000", message.into())
    }

    /// A table that nobody has made.
    pub(crate) fn undefined_table(message: impl Into<String>) -> Self {
        Self::new("42P01", message.into())
    }

    /// A schema that is there already.
    pub(crate) fn duplicate_schema(message: impl Into<String>) -> Self {
        Self::new("42P06", message.into())
    }

    /// A value that a parameter cannot have.
    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("22023", message.into())
    }

    /// More columns than a table or a key can have.
    pub(crate) fn too_many_columns(message: impl Into<String>) -> Self {
        Self::new("54011", message.into())
    }

    /// A foreign key that refers to nothing.
    pub(crate) fn broken_reference(message: impl Into<String>) -> Self {
        Self::new("23503", message.into())
    }

    /// A name of something that is used as something else.
    pub(crate) fn wrong_object(message: impl Into<String>) -> Self {
        Self::new("42809", message.into())
    }

    /// A function that nobody has made.
    pub(crate) fn undefined_function(message: impl Into<String>) -> Self {
        Self::new("42883", message.into())
    }

    /// A text that is no value of a type.
    pub(crate) fn invalid_text(message: impl Into<String>) -> Self {
        Self::new("22P02", message.into())
    }

    /// Something that this user may not do.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new("42501", message.into())
    }

    /// More than the service takes of something.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new("54000", message.into())
    }

    /// The same, of OC000 and OC001 in these words.
    pub(crate) fn in_words(&self, wording: Wording) -> Cow<'_, Self> {
        const ADVICE: &str = ", please retry:";
        let is_conflict = self.code == "40001" && self.message.ends_with(')');
        if wording == Wording::Retry || !is_conflict || !self.message.contains(ADVICE) {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { message: self.message.replace(ADVICE, ""), ..self.clone() })
    }

    /// A parameter that cannot be set.
    pub(crate) fn setting(name: &str) -> Self {
        Self::unsupported(format!("setting configuration parameter \"{name}\" not supported"))
    }

    /// A kind of statement that this engine does not run.
    pub(crate) fn statement(name: &str) -> Self {
        Self::unsupported(format!("unsupported statement: {name}"))
    }

    /// An encoding in which the gateway cannot read.
    pub(crate) fn encoding(name: &str) -> Self {
        Self::unsupported(format!(
            "client_encoding {name} is not supported on this engine: use UTF8"
        ))
    }

    /// Text that is not UTF-8, in PostgreSQL's words.
    pub(crate) fn invalid_bytes(bytes: &str) -> Self {
        Self::new("22021", format!("invalid byte sequence for encoding \"UTF8\": {bytes}"))
    }

    /// A message that makes no sense at this point of the protocol.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new("08P01", message.into())
    }

    /// A Parse of several statements, in PostgreSQL's words.
    pub(crate) fn several_statements() -> Self {
        let message = "cannot insert multiple commands into a prepared statement";
        Self::new("42601", message.to_owned())
    }

    /// A statement that was never prepared, in PostgreSQL's words.
    pub(crate) fn no_statement(name: &str) -> Self {
        let message = if name.is_empty() {
            "unnamed prepared statement does not exist".to_owned()
        } else {
            format!("prepared statement \"{name}\" does not exist")
        };
        Self::new("26000", message)
    }

    /// A Parse of a name that is taken, in PostgreSQL's words.
    pub(crate) fn statement_exists(name: &str) -> Self {
        Self::new("42P05", format!("prepared statement \"{name}\" already exists"))
    }

    /// A Bind of a name that is taken, in PostgreSQL's words.
    pub(crate) fn portal_exists(name: &str) -> Self {
        Self::new("42P03", format!("cursor \"{name}\" already exists"))
    }

    /// A portal that was never bound, in PostgreSQL's words.
    pub(crate) fn no_portal(name: &str) -> Self {
        Self::new("34000", format!("portal \"{name}\" does not exist"))
    }

    /// In PostgreSQL's words.
    pub(crate) fn wrong_password(user: &str) -> Self {
        Self::new("28P01", format!("password authentication failed for user \"{user}\""))
    }

    /// The backend behind the gateway is gone.
    pub(crate) fn lost(reason: &str) -> Self {
        Self::new("08006", format!("the server behind the gateway is gone: {reason}"))
    }

    /// A server that cannot be had: its own words, or what keeps us from it.
    pub(crate) fn of_connecting(error: &ConnectError) -> Self {
        let Some(said) = error.server_message() else {
            let message = format!("no connection to the server behind the gateway: {error}");
            return Self::new("08006", message);
        };
        let described = [('D', &said.detail), ('H', &said.hint), ('W', &said.context)];
        let described =
            described.into_iter().filter_map(|(letter, text)| Some((letter, text.clone()?)));
        Self {
            code: Cow::Owned(said.code.clone()),
            message: said.message.clone(),
            more: described.chain(said.more.clone()).collect(),
        }
    }

    /// A database that is not the one behind the engine.
    pub(crate) fn other_database(wanted: &str, served: &str) -> Self {
        let message = format!("database \"{wanted}\" is not served here");
        let hint = format!("The optimistic engine serves one database: dbname={served}.");
        Self::new("3D000", message).with('H', hint)
    }

    /// Bytes in the start-up packet that are no text.
    pub(crate) fn not_utf8(parameter: &str) -> Self {
        let message = format!("invalid byte sequence for encoding \"UTF8\" in \"{parameter}\"");
        Self::new("22021", message)
    }

    /// A version of the protocol that nobody speaks, in PostgreSQL's words.
    pub(crate) fn version(version: u32, newest: &str) -> Self {
        let (major, minor) = (version >> 16, version & 0xffff);
        Self::unsupported(format!(
            "unsupported frontend protocol {major}.{minor}: server supports 3.0 to {newest}"
        ))
    }

    /// Bytes behind a request for encryption, in PostgreSQL's words.
    pub(crate) fn early(asked: &str) -> Self {
        let detail = "This could be either a client-software bug or evidence of an attempted \
            man-in-the-middle attack.";
        Self::protocol(format!("received unencrypted data after {asked}")).with('D', detail)
    }

    /// The gateway is told to end, in PostgreSQL's words.
    pub(crate) fn terminated() -> Self {
        let message = "terminating connection due to administrator command";
        Self::new("57P01", message.to_owned())
    }

    /// What a client has given up itself, in PostgreSQL's words.
    pub(crate) fn cancelled() -> Self {
        Self::new("57014", "canceling statement due to user request".to_owned())
    }

    /// In the words of whoever has held the statement.
    pub(crate) fn of_verdict(code: String, message: String) -> Self {
        Self { code: Cow::Owned(code), message, more: Vec::new() }
    }

    fn new(code: &'static str, message: String) -> Self {
        Self { code: Cow::Borrowed(code), message, more: Vec::new() }
    }

    pub(crate) fn with(mut self, field: char, text: impl Into<String>) -> Self {
        self.more.push((field, text.into()));
        self
    }

    /// What becomes of an explicit transaction in which a statement is refused so.
    pub(crate) fn aftermath(&self) -> Aftermath {
        // The service has rolled back by then: a client retries with BEGIN, without a ROLLBACK.
        if self.code == "40001" { Aftermath::Over } else { Aftermath::Failed }
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Appends it as an `ErrorResponse`.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        self.write_as(out, "ERROR");
    }

    /// It as an `ErrorResponse`.
    pub(crate) fn frame(&self) -> Option<FromServer> {
        let mut out = BytesMut::new();
        self.write(&mut out);
        Frame::take(&mut out).ok().flatten()
    }

    /// Appends it as one that ends the connection.
    pub(crate) fn write_fatal(&self, out: &mut BytesMut) {
        self.write_as(out, "FATAL");
    }

    /// Tells a client why it does not come in.
    pub(crate) async fn turn_away(&self, mut client: FrameStream<ClientTag>) -> io::Result<()> {
        self.write_fatal(&mut client.out);
        client.close().await
    }

    fn write_as(&self, out: &mut BytesMut, severity: &str) {
        put(out, b'E', |out| {
            // `S` may be translated, `V` is for programs (PostgreSQL documentation, 54.8).
            let said = [('S', severity), ('V', severity), ('C', &self.code), ('M', &self.message)];
            let more = self.more.iter().map(|(field, text)| (*field, text.as_str()));
            for (field, text) in said.into_iter().chain(more) {
                let mut letter = [0; 4];
                out.extend_from_slice(field.encode_utf8(&mut letter).as_bytes());
                put_text(out, text);
            }
            out.extend_from_slice(&[0]);
        });
    }
}

/// Appends a `CommandComplete`.
pub(crate) fn put_tag(out: &mut BytesMut, tag: &str) {
    put(out, b'C', |out| put_text(out, tag));
}

/// What PostgreSQL warns of at a BEGIN or an end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// There is a block already.
    AlreadyInTransaction,
    /// There is none.
    NoTransaction,
}

impl Warning {
    /// Appends it as a `NoticeResponse`.
    pub(crate) fn write(self, out: &mut BytesMut) {
        let (code, message) = match self {
            Self::AlreadyInTransaction => ("25001", "there is already a transaction in progress"),
            Self::NoTransaction => ("25P01", "there is no transaction in progress"),
        };
        put(out, b'N', |out| {
            for (field, text) in [("S", "WARNING"), ("V", "WARNING"), ("C", code), ("M", message)] {
                out.extend_from_slice(field.as_bytes());
                put_text(out, text);
            }
            out.extend_from_slice(&[0]);
        });
    }
}
