//! Copies of large tables, which hold no more rows than their transaction needs.
//!
//! ```text
//!  select … from t where P      no row of t changed yet   the stored table itself
//!                               some changed              the copy, the rows of P brought before
//!  update, delete, for update   of rows of P              the copy, the rows of P brought before
//!  insert                                                 the copy, and a look at what is stored
//!                                                         under the same keys
//!  anything else                only reads, none changed  the stored table itself
//!                               otherwise                 the copy, all rows brought before
//! ```
//!
//! Such a copy goes by a name of its own, so that a statement finds the stored table unless it is
//! turned towards the copy. Only with all rows in it does it go by the table's name. Its contents
//! end with the transaction: nothing of them is ever brought up to date.
//!
//! A row that is in the copy, or was and was deleted, or has another key by now, is not brought
//! again. Hence the keys of what was brought are remembered.

use std::collections::{HashMap, HashSet};

use super::checks::ReferenceCheck;
use super::selection::Selection;
use crate::gateway::backend::{BoundValues, Question};
use crate::gateway::statement::Single;
use crate::gateway::transaction::journal::Key;
use crate::gateway::transaction::pair::{Pair, array};

/// Before any command.
pub(super) const NO_COMMAND: i64 = -1;

/// How many dead rows a copy may keep before it is made empty by TRUNCATE, which costs as much as
/// some hundred rows.
const MOST_LITTER: u64 = 1_000;

/// What is particular to a copy that holds a part of its table's rows.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Its own name.
    pub(super) name: String,
    /// Whether statements find it instead of the stored table: all rows are in it.
    pub(super) is_found: bool,
    /// Whether something is left in it: all rows by a transaction, or what nobody knows.
    is_left: bool,
    /// How many dead rows are in it, about.
    litter: u64,
}

impl Part {
    /// Of a copy with this name of its own.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A transaction has committed in which so many rows came and went, or all came.
    pub(super) fn commit(&mut self, rows: u64, is_complete: bool) {
        self.litter += rows;
        self.is_left |= is_complete;
    }

    /// It was rolled back: all that came with the rows is undone, the name too.
    pub(super) fn roll_back(&mut self, rows: u64, is_complete: bool) {
        self.litter += rows + if is_complete { MOST_LITTER } else { 0 };
        self.is_found = false;
    }

    /// Nobody knows what is in it.
    pub(super) fn distrust(&mut self) {
        self.is_left = true;
    }

    /// Whether it is to be emptied before the next transaction.
    pub(super) fn is_to_empty(&self) -> bool {
        self.is_left || self.litter > MOST_LITTER
    }

    /// It is empty, and goes by its own name.
    pub(super) fn empty(&mut self) {
        (self.is_left, self.is_found, self.litter) = (false, false, 0);
    }
}

/// How a statement meets its relations.
#[derive(Debug, Default)]
pub(crate) struct Approach {
    /// Those of which it needs copies, or of what is under them.
    pub(crate) needed: Vec<u32>,
    /// The large tables that it reads where they are stored.
    pub(crate) stored: Vec<u32>,
    /// The large tables of which it needs all rows.
    pub(super) whole: HashSet<u32>,
    /// Whether PostgreSQL sees to their foreign keys from now on.
    pub(super) binds: bool,
    /// What is to be asked behind it about foreign keys, which nobody else sees to.
    pub(crate) checks: Vec<ReferenceCheck>,
    /// The large table of which it needs some rows, and which.
    pub(super) part: Option<(u32, Single)>,
}

impl Approach {
    /// The large tables of which it does not need all rows.
    pub(crate) fn unfilled(&self) -> impl Iterator<Item = u32> {
        let part = self.part.iter().map(|(table, _)| *table);
        self.stored.iter().copied().chain(part)
    }

    /// Whether it needs all rows of a large table.
    pub(crate) fn needs_whole(&self) -> bool {
        !self.whole.is_empty()
    }
}

/// What is to be asked before a statement that meets large tables, and may travel with it.
#[derive(Debug, Default)]
pub(crate) struct Bringing {
    /// The tables that must still be what the snapshot shows.
    pub(crate) looks: Vec<u32>,
    pub(crate) rows: Option<BringingRows>,
}

/// What brings rows.
#[derive(Debug)]
pub(crate) struct BringingRows {
    /// Of which table.
    pub(crate) table: u32,
    pub(crate) question: Question,
    /// Which, where that may be asked again.
    pub(crate) selection: Option<Selection>,
}

impl Bringing {
    /// Whether there is nothing to ask.
    pub(crate) fn is_nothing(&self) -> bool {
        self.looks.is_empty() && self.rows.is_none()
    }
}

/// What a client has given for the parameters of a statement that is let in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameters<'a> {
    /// Nothing: there are none.
    None,
    Bound(&'a BoundValues),
    /// It was let in before, when they were bound.
    BoundBefore,
}

/// Whether a function gives the same when it is called once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steady {
    Yes,
    No,
}

/// What is known of functions by their names.
pub(super) type Calls = HashMap<String, Steady>;

/// A question with the keys of rows as parameters: an array for each column.
pub(crate) fn with_keys(question: Question, pair: &Pair<'_>, keys: &[Key]) -> Question {
    let column = |at: usize| array(keys.iter().map(|key| key[at].as_str()));
    (0..pair.key_types().len()).map(column).fold(question, Question::with)
}
