//! What a command is answered, as the facts that a server's answer would be.

use crate::core::etcd_command::CommandError;
use crate::core::event::{Column, Kind, Row, ServerMessage};
use crate::parts::PartError;

/// `int8` and `text` (PostgreSQL sources, `pg_type.dat`): numbers stand to the right.
const NUMBER: u32 = 20;
const TEXT: u32 = 25;

/// What a command that worked is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    columns: Vec<Column>,
    rows: Vec<Row>,
    tag: String,
}

impl Reply {
    /// Nothing but that it is done.
    pub(super) fn done(tag: impl Into<String>) -> Self {
        Self { columns: Vec::new(), rows: Vec::new(), tag: tag.into() }
    }

    /// One number.
    pub(super) fn number(tag: &str, name: &str, number: i64) -> Self {
        let columns = vec![column(name, NUMBER)];
        Self { columns, rows: vec![vec![Some(number.to_string())]], tag: tag.to_owned() }
    }

    /// Rows of these columns; those that hold numbers are named twice.
    pub(super) fn rows(tag: &str, names: &[&str], numbers: &[&str], rows: Vec<Row>) -> Self {
        let kind = |name: &&str| if numbers.contains(name) { NUMBER } else { TEXT };
        let columns = names.iter().map(|name| column(name, kind(name))).collect();
        Self { columns, tag: format!("{tag} {}", rows.len()), rows }
    }

    /// As facts, in order.
    pub(super) fn told(self) -> Vec<Kind> {
        let Self { columns, rows, tag } = self;
        let count = rows.len() as u64;
        let mut kinds = Vec::new();
        if !columns.is_empty() {
            kinds.push(Kind::Columns(columns));
            kinds.push(Kind::Rows(rows));
        }
        kinds.push(Kind::Done { tag, rows: count });
        kinds
    }
}

fn column(name: &str, type_oid: u32) -> Column {
    Column { name: name.to_owned(), type_oid }
}

/// Why a command did not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error("there is no lease {0}: this run was granted none of that number")]
    NoLease(i64),
    #[error("lease {0} has ended")]
    LeaseEnded(i64),
    #[error("the lease has ended")]
    Ended,
    #[error("{0} is not held by this session")]
    NotHeld(String),
    #[error("canceling the command due to user request")]
    Cancelled,
}

impl Refusal {
    /// The SQLSTATE that says the same of a database (PostgreSQL documentation, appendix A).
    fn code(&self) -> &'static str {
        match self {
            Self::Command(_) => "42601",
            Self::Part(error) if error.may_pass() => "08006",
            Self::Part(_) => "58000",
            Self::LeaseEnded(_) | Self::Ended => "02000",
            Self::NoLease(_) => "42704",
            Self::NotHeld(_) => "55000",
            Self::Cancelled => "57014",
        }
    }

    /// As a fact.
    pub(super) fn told(&self) -> Kind {
        let message = ServerMessage::ours(self.code(), &self.to_string());
        let hint = match self {
            Self::Command(error) => Some(error.hint.clone()),
            _ => None,
        };
        Kind::Failed(ServerMessage { hint, ..message })
    }
}
