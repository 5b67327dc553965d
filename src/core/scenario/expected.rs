//! What a `-->` line can say, and how it is written; reading one is `sql_file`'s.

use std::fmt;

use super::claim::Claim;
use super::rows;
use crate::core::event::{Blocker, SessionName, SqlState};

/// What a `-->` line can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A command tag: `UPDATE 0`.
    Tag(String),
    /// A row, its values as psql shows them.
    Row(Vec<Cell>),
    /// `only v: 1 | w: *`: a row by some of its columns.
    Only(Vec<(String, Cell)>),
    /// `rows:`: a result has exactly the rows that follow.
    Rows(Order),
    /// `(3 rows)`.
    RowCount(u64),
    /// `(a, b)`: the values of a result's only row get names.
    Capture(Vec<String>),
    /// `ERROR 40001 text`.
    Error {
        code: SqlState,
        /// What the message must contain; empty for anything.
        text: String,
    },
    /// `NOTICE: hello`, `WARNING 25001: there is already`.
    Notice {
        /// The severity: `NOTICE`.
        severity: String,
        /// The SQLSTATE, if it matters.
        code: Option<SqlState>,
        /// How the message must begin.
        text: String,
    },
    /// `NOTIFY channel: payload from Bob`.
    Notify {
        channel: String,
        payload: String,
        /// Who has sent it, if that matters.
        from: Option<SessionName>,
    },
    /// `lost: FATAL 25P03 text`: the server has ended the session.
    Lost {
        /// The SQLSTATE of its last words, if it matters.
        code: Option<SqlState>,
        /// What these must contain.
        text: String,
    },
    /// `waits for Bob`.
    WaitsFor(Whom),
    /// `waits for Bob, then ERROR 55P03`: a wait that ends by itself within the step.
    WaitsThen {
        /// Who is in the way.
        whom: Whom,
        /// What the statement is answered in the end.
        then: Box<Expected>,
    },
    /// `running`: the statement goes on while others act.
    Running,
    /// What another session does: `Mallory resumes: UPDATE 0`, `Mallory waits for Bob`.
    Of {
        session: SessionName,
        /// In what way.
        manner: Manner,
        /// What it does.
        what: Box<Expected>,
    },
    /// `either: this and that | or: something else`: the lines of one alternative, at least, are
    /// kept.
    Either(Vec<Vec<Expected>>),
    /// What must hold whatever happens: this query gives true.
    Holds(String),
    /// `explore: sold twice is possible at read committed`: about all orders of the steps, and so
    /// nothing that one play can show.
    Explore(Claim),
}

/// In what way another session does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// `Bob resumes:`, what it was waiting with before the step.
    Resumes,
    /// `Bob answers:`, what it was busy with before the step.
    Answers,
    /// `Bob:`, whatever it was doing.
    Anyhow,
}

/// Who is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A session of the scenario.
    Session(SessionName),
    /// A transaction that was prepared, by its identifier.
    Prepared(String),
    /// Somebody who takes no part, by the name of the application if that matters.
    Somebody(Option<String>),
}

impl Whom {
    /// Whether this is who is meant.
    pub fn is(&self, blocker: &Blocker) -> bool {
        match (self, blocker) {
            (Self::Session(name), Blocker::Session(other)) => name == other,
            (Self::Prepared(name), Blocker::Prepared(other)) => Some(name) == other.as_ref(),
            (Self::Somebody(name), Blocker::Foreign { application, .. }) => {
                name.as_ref().is_none_or(|name| name == application)
            }
            _ => false,
        }
    }
}

/// Whether the order of rows matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// They come as they are written.
    AsWritten,
    /// They come in whatever order.
    Any,
}

/// What one value of a row must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// This, without the blanks around it; nothing stands for NULL and for the empty string.
    Plain(String),
    /// `"INSERT"`: exactly this, and not NULL.
    Quoted(String),
    /// `*`: anything.
    Any,
}

impl Cell {
    /// The value as a file writes it, so that it reads back as that value and none other.
    pub fn of(value: Option<&str>) -> Self {
        let Some(value) = value else { return Self::Plain(String::new()) };
        let has_breaks = value.chars().any(char::is_control);
        // An empty string in quotes is told from NULL; blanks at the ends, a bar, a quote and a
        // lone `*` would be read as something else.
        let is_plain = !value.is_empty()
            && value.trim() == value
            && !value.contains('|')
            && !value.starts_with('"')
            && value != "*";
        match (has_breaks, is_plain) {
            // A line of a file has no room for a line break.
            (true, _) => Self::Any,
            (false, true) => Self::Plain(value.to_owned()),
            (false, false) => Self::Quoted(value.to_owned()),
        }
    }

    /// The same value in quotes.
    #[must_use]
    pub fn quoted(self) -> Self {
        match self {
            Self::Plain(value) if !value.is_empty() => Self::Quoted(value),
            other => other,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => f.write_str(value),
            Self::Quoted(value) => write!(f, "\"{}\"", value.replace('"', "\"\"")),
            Self::Any => f.write_str("*"),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(name) => name.fmt(f),
            Self::Prepared(name) => write!(f, "prepared transaction {name}"),
            Self::Somebody(None) => f.write_str("somebody"),
            Self::Somebody(Some(application)) => write!(f, "somebody ({application})"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            // An empty last value would leave a blank at the line's end, which editors take away.
            Self::Row(cells) => f.write_str(joined(cells, " | ").trim_end()),
            Self::Only(columns) => {
                let columns = columns.iter().map(|(name, cell)| format!("{name}: {cell}"));
                write!(f, "only {}", columns.collect::<Vec<_>>().join(" | ").trim_end())
            }
            Self::Rows(Order::AsWritten) => f.write_str("rows:"),
            Self::Rows(Order::Any) => f.write_str("rows in any order:"),
            Self::RowCount(count) => f.write_str(&rows(*count)),
            Self::Capture(names) => write!(f, "({})", names.join(", ")),
            Self::Error { code, text } => f.write_str(format!("ERROR {code} {text}").trim_end()),
            Self::Notice { severity, code, text } => {
                let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
                f.write_str(format!("{severity}{code}: {text}").trim_end())
            }
            Self::Notify { channel, payload, from } => {
                f.write_str(format!("NOTIFY {channel}: {payload}").trim_end())?;
                from.as_ref().map_or(Ok(()), |from| write!(f, " from {from}"))
            }
            Self::Lost { code, text } => {
                let code = code.as_ref().map(|code| format!("FATAL {code} ")).unwrap_or_default();
                f.write_str(format!("lost: {code}{text}").trim_end())
            }
            Self::WaitsFor(whom) => write!(f, "waits for {whom}"),
            Self::WaitsThen { whom, then } => write!(f, "waits for {whom}, then {then}"),
            Self::Running => f.write_str("running"),
            Self::Of { session, manner, what } => match (manner, &**what) {
                (Manner::Anyhow, Self::WaitsFor(_)) => write!(f, "{session} {what}"),
                (Manner::Anyhow, _) => write!(f, "{session}: {what}"),
                (Manner::Resumes, _) => write!(f, "{session} resumes: {what}"),
                (Manner::Answers, _) => write!(f, "{session} answers: {what}"),
            },
            Self::Either(alternatives) => {
                let alternatives = alternatives.iter().map(|lines| joined(lines, " and "));
                write!(f, "either: {}", alternatives.collect::<Vec<_>>().join(" | or: "))
            }
            Self::Holds(sql) => write!(f, "invariant: {sql}"),
            Self::Explore(claim) => write!(f, "explore: {claim}"),
        }
    }
}

fn joined<T: ToString>(parts: &[T], between: &str) -> String {
    parts.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}
