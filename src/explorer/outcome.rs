//! What came of an order, in a form in which two orders can be compared: the answers of every step
//! and the end, without what is never the same twice.
//!
//! ```text
//!  Alice  insert … returning id   3   ──▶  #1     values of sequences, moments and numbers of the
//!  Bob    insert … returning id   2   ──▶  #2     server are numbered as they are met: session by
//!  end    (3, Alice), (2, Bob)        ──▶  (#1, Alice), (#2, Bob)       session, then the end
//! ```
//!
//! The reading goes session by session whatever the order of play was, so that it says nothing of
//! the order. Rows are compared as a set with repetitions: where they come in another order, no
//! statement has done anything else. Where ORDER BY leaves no choice, they are compared in theirs
//! ([`row_order`](crate::explorer::row_order)).

use std::fmt;

use crate::core::event::ServerMessage;
use crate::core::event::answer;
use crate::explorer::played::{Answered, End, Played, TableRows};
use crate::explorer::program::Program;

mod noise;
mod reader;

pub use noise::{AnswerColumn, EndColumn, Noise};
use reader::Reader;
pub use reader::is_moment;

/// What came of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// For each session, what each of its steps came to.
    pub replies: Vec<Vec<Reply>>,
    /// The tables at the end.
    pub tables: Vec<Table>,
    /// What the scenario's `finally` part was answered.
    pub finally: Vec<Said>,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// What its statements were answered.
    Answered(Vec<Said>),
    /// It was sent and never answered.
    Waits,
    /// It was not sent: its session was waiting, or the step was left out.
    NotSent,
}

/// What a statement was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    Rows {
        columns: Vec<String>,
        rows: Vec<Vec<Value>>,
        /// How many there are in all.
        count: u64,
        tag: String,
    },
    Done(String),
    /// The SQLSTATE.
    Failed(String),
    /// The connection was gone.
    Lost,
}

/// A table at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

/// A value in an answer or a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Null,
    /// One that is never the same twice: whose values it is one of, and which of them.
    Alias {
        of: String,
        number: usize,
    },
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Alias { number, .. } => write!(f, "#{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Reply {
    /// The SQLSTATEs of its errors.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        let said = match self {
            Self::Answered(said) => said.as_slice(),
            Self::Waits | Self::NotSent => &[],
        };
        said.iter().filter_map(|said| match said {
            Said::Failed(code) => Some(code.as_str()),
            _ => None,
        })
    }
}

impl Outcome {
    /// What came of this order; of one that was broken off, as far as it went.
    pub fn of(program: &Program, played: &Played, noise: &Noise) -> Self {
        let mut reader = Reader::new(noise);
        let mut replies: Vec<Vec<Reply>> =
            program.sessions.iter().map(|steps| vec![Reply::NotSent; steps.len()]).collect();
        let mut launches: Vec<_> = played.launches.iter().collect();
        launches.sort_by_key(|launch| (launch.session, launch.step));
        for launch in launches {
            let reply = match &launch.answer {
                None => Reply::Waits,
                Some(answered) => reader.answered(launch.session, launch.step, answered),
            };
            if let Some(place) =
                replies.get_mut(launch.session).and_then(|steps| steps.get_mut(launch.step))
            {
                *place = reply;
            }
        }
        let empty = End::default();
        let end = played.end.as_ref().unwrap_or(&empty);
        let finally = reader.finally(&end.finally);
        let tables = reader.tables(&end.tables);
        Self { replies, tables, finally }
    }
}

#[cfg(test)]
mod tests;
