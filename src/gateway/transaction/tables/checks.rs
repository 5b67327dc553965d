//! What foreign keys ask of a statement where no copy has them.

use std::sync::Arc;

use crate::gateway::refusal::Refusal;
use crate::gateway::transaction::journal::Key;
use crate::gateway::transaction::shape::{Action, Constraint, Shape};

/// What is to be asked about foreign keys of a table that is copied in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferenceCheck {
    /// Whether all is there that new references of this table mean.
    Referring(u32),
    /// Whether anything still refers to rows of this table that are gone.
    Referred(u32),
    /// The same, where what refers to them may go or change with them.
    TakesAlong(u32),
}

/// A foreign key that does not hold, as PostgreSQL tells it.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The place of the row, if one is known: the first row is told of.
    pub(super) place: Option<(u64, u64)>,
    pub(super) refusal: Refusal,
}

impl Broken {
    /// The one that PostgreSQL comes to first.
    pub(crate) fn first(found: impl IntoIterator<Item = Self>) -> Option<Self> {
        found.into_iter().min_by_key(|broken| broken.place)
    }

    /// What the client is told.
    pub(crate) fn into_refusal(self) -> Refusal {
        self.refusal
    }
}

/// The keys of stored rows that are gone.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// When this was asked before.
    pub(crate) before: Vec<Key>,
    /// Since then.
    pub(crate) now: Vec<Key>,
}

/// What a question about a foreign key has asked.
#[derive(Clone, Debug)]
pub(crate) struct AskedReference {
    pub(super) check: ReferenceCheck,
    /// The table that has the foreign key.
    pub(super) shape: Arc<Shape>,
    pub(super) key: Constraint,
}

/// A foreign key, and what it does about rows that go.
#[derive(Clone, Debug)]
pub(crate) struct Following {
    pub(crate) referred: u32,
    /// The table that has it.
    pub(crate) table: u32,
    pub(crate) key: Constraint,
    pub(crate) action: Action,
}

impl Following {
    /// Whether rows that refer to what is gone go, or change, with it.
    pub(crate) fn takes(&self) -> bool {
        !matches!(self.action, Action::None | Action::Restrict)
    }

    /// Whether some of the foreign keys of one table take rows along and others refuse.
    pub(crate) fn is_mixed(all: &[Self]) -> bool {
        let refuses = |one: &Self| !one.takes();
        let takes = |table: u32| all.iter().any(|one| one.table == table && one.takes());
        all.iter().any(|one| refuses(one) && takes(one.table))
    }

    /// Whether they go.
    pub(crate) fn goes(&self) -> bool {
        self.action == Action::Cascade
    }
}

impl AskedReference {
    pub(super) fn new(check: ReferenceCheck, shape: &Arc<Shape>, key: &Constraint) -> Self {
        Self { shape: Arc::clone(shape), key: key.clone(), check }
    }

    /// Whether rows may be claimed by what is answered.
    pub(crate) fn may_claim(&self) -> bool {
        matches!(self.check, ReferenceCheck::Referring(_))
    }
}
