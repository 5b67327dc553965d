//! What psql makes of a submission on either side of the server: what was typed, and what becomes
//! of the answer.
//!
//! ```text
//!  typed                sent                    what becomes of the answer
//!  select 1 \gx         select 1                shown as records, one column a line
//!  select 1 as a \gset  select 1 as a           kept in the variable a
//!  \d seats             the catalog's query     shown as psql's description of a table
//!  \x                   nothing                 "Expanded display is on."
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A submission that is not sent as it was typed, or whose answer is not shown as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// What was typed; empty where nobody has typed anything.
    pub line: String,
    /// What becomes of the answer.
    pub answer: Form,
    /// It is sent again so long after each answer (`\watch`), until somebody stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
}

/// What becomes of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// It is shown as a table.
    #[default]
    Table,
    /// It is shown as records, one column a line.
    Expanded,
    /// It is shown as a table where there is room for one, else as records.
    Auto,
    /// Its only row is kept in variables, each called as its column with this in front.
    Kept { prefix: String },
    /// It is a list of objects.
    List {
        /// What stands over it.
        title: String,
        /// What is said when there are none; without it the empty list is shown.
        none: Option<String>,
    },
    /// It describes objects, one sheet each.
    Sheets {
        /// What is said when there are none.
        none: String,
    },
    /// No server was asked: this is the answer, a line each.
    Said(String),
    /// No server was asked: a variable has this value now, or none any more.
    Set { name: String, value: Option<String> },
}

impl Typed {
    /// Whether no server has seen it.
    pub fn is_local(&self) -> bool {
        matches!(self.answer, Form::Said(_) | Form::Set { .. })
    }
}

impl Form {
    /// What stands before the names of the variables that keep the answer, if any do.
    pub fn prefix(&self) -> Option<String> {
        match self {
            Self::Kept { prefix } => Some(prefix.clone()),
            _ => None,
        }
    }
}
