//! What somebody waits for: `alice held and bob held`.
//!
//! | written | is so while |
//! |---|---|
//! | `alice held` | a statement of hers is held |
//! | `alice held "update seats"` | it begins so, or names that table |
//! | `alice waits` | her statement is seen to wait for somebody |
//! | `alice running` | the server has a statement of hers, and has not answered it |
//! | `alice idle` | her transaction is open, and she has sent nothing that is not answered |
//! | `alice ended` | her last transaction is over, and none is open |
//! | `alice gone` | the same, and its connection is closed |
//! | `2 held`, `nothing held` | at least two are held; none is |
//! | `listening` | programs can connect |
//!
//! These are put together with `not`, `and`, `or` and parentheses; `not` binds closest, `or` least.

use std::fmt;

use super::super::guests::{HeldState, State, TransactionState};
use crate::core::event::SessionName;
use crate::core::syntax::Strings;
use crate::debugger::identity::session_name;
use crate::debugger::shape::Shape;
use crate::debugger::tables::TableName;

mod parse;

pub use parse::ExpressionError;

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Programs can connect.
    Listening,
    Does(Who, Doing),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

/// Of whom something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Named(String),
    AtLeast(usize),
    Nobody,
}

/// What is said of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Held(Option<What>),
    Waits,
    Running,
    Idle,
    Ended,
    Gone,
}

/// A statement: how it begins, or a table that it names.
#[derive(Clone, Debug)]
pub struct What {
    text: String,
    shape: Shape,
    table: Option<TableName>,
}

impl What {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            shape: Shape::of(text, Strings::default()),
            table: TableName::read(text.trim()),
        }
    }

    fn is(&self, held: &HeldState) -> bool {
        let is_table = |name: &String| {
            let both = self.table.as_ref().zip(TableName::read(name));
            both.is_some_and(|(table, named)| table.may_be(&named))
        };
        // A Query message may have several.
        let mut parts = held.shape.split("; ");
        parts.any(|part| self.begins(part)) || held.tables.iter().any(is_table)
    }

    fn begins(&self, shape: &str) -> bool {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        match shape.strip_prefix(self.shape.as_str()) {
            Some(rest) => !(rest.starts_with(is_name) && self.shape.as_str().ends_with(is_name)),
            None => false,
        }
    }
}

// Both others come of the text.
impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for What {}

impl Expression {
    /// Whether it is so.
    pub fn is_so(&self, state: &State) -> bool {
        match self {
            Self::Listening => !state.listening.is_empty(),
            Self::Does(who, doing) => who.does(doing, state),
            Self::Not(other) => !other.is_so(state),
            Self::All(all) => all.iter().all(|it| it.is_so(state)),
            Self::Any(any) => any.iter().any(|it| it.is_so(state)),
        }
    }

    /// The names in it, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect_names(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }

    fn collect_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Does(Who::Named(name), _) => names.push(name),
            Self::Listening | Self::Does(..) => {}
            Self::Not(other) => other.collect_names(names),
            Self::All(all) | Self::Any(all) => all.iter().for_each(|it| it.collect_names(names)),
        }
    }
}

impl Who {
    fn does(&self, doing: &Doing, state: &State) -> bool {
        match self {
            Self::Named(name) => {
                let name = name_of(name);
                doing.of(state).any(|it| it == name.as_str())
            }
            Self::AtLeast(number) => doing.of(state).count() >= *number,
            Self::Nobody => doing.of(state).next().is_none(),
        }
    }
}

/// The name as guests have it: `guest 1` is shown as `guest-1`.
pub(super) fn name_of(written: &str) -> SessionName {
    session_name(written)
}

impl Doing {
    /// Who does it.
    fn of<'a>(&'a self, state: &'a State) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let ended = state.ended.iter();
        match self {
            Self::Ended => Box::new(ended.map(|it| it.name.as_str())),
            Self::Gone => Box::new(ended.filter(|it| it.gone).map(|it| it.name.as_str())),
            _ => {
                let in_flight = state.transactions.iter().filter(|it| self.is_done_by(it));
                Box::new(in_flight.map(|it| it.name.as_str()))
            }
        }
    }

    fn is_done_by(&self, transaction: &TransactionState) -> bool {
        let TransactionState { held, running, waits, .. } = transaction;
        match self {
            Self::Held(None) => held.is_some(),
            Self::Held(Some(what)) => held.as_ref().is_some_and(|held| what.is(held)),
            Self::Waits => waits.is_some(),
            Self::Running => running.is_some(),
            Self::Idle => held.is_none() && State::is_idle_in_transaction(transaction),
            Self::Ended | Self::Gone => false,
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening => f.write_str("listening"),
            Self::Does(who, doing) => write!(f, "{who} {doing}"),
            Self::Not(other) => match &**other {
                Self::All(_) | Self::Any(_) => write!(f, "not ({other})"),
                other => write!(f, "not {other}"),
            },
            Self::All(all) => joined(f, all, "and"),
            Self::Any(any) => joined(f, any, "or"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, all: &[Expression], word: &str) -> fmt::Result {
    for (nth, it) in all.iter().enumerate() {
        if nth > 0 {
            write!(f, " {word} ")?;
        }
        match it {
            Expression::All(_) | Expression::Any(_) => write!(f, "({it})")?,
            it => write!(f, "{it}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => parse::write_name(f, name),
            Self::AtLeast(number) => number.fmt(f),
            Self::Nobody => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held(Some(what)) => return write!(f, "held {}", parse::quoted(&what.text)),
            Self::Held(None) => "held",
            Self::Waits => "waits",
            Self::Running => "running",
            Self::Idle => "idle",
            Self::Ended => "ended",
            Self::Gone => "gone",
        })
    }
}

#[cfg(test)]
mod tests;
