//! The search path in a transaction, and the one for which its copies are made.

/// A search path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SearchPath {
    /// The schemas, as JSON.
    pub(super) schemas: String,
    pub(super) names_copies: bool,
}

/// What has become of the search path in a transaction.
#[derive(Debug)]
pub(super) struct PathTaken {
    pub(super) now: SearchPath,
    /// The one for which the copies are made.
    of_copies: SearchPath,
    /// Whether copies were made anew for it: a rollback brings back those from before.
    was_followed: bool,
}

impl PathTaken {
    /// These schemas at the transaction's beginning.
    pub(super) fn begun(schemas: String) -> Self {
        let path = SearchPath { schemas, names_copies: false };
        Self { now: path.clone(), of_copies: path, was_followed: false }
    }

    /// Whether the copies are made for another one.
    pub(super) fn has_moved(&self) -> bool {
        self.now != self.of_copies
    }

    /// Whether copies were made anew.
    pub(super) fn was_followed(&self) -> bool {
        self.was_followed
    }

    /// The copies are made for it from now on.
    pub(super) fn follow(&mut self) {
        self.of_copies = self.now.clone();
        self.was_followed = true;
    }
}
