//! What a step does to others, so that two steps that cannot meet are played in one order only.

use std::collections::BTreeMap;

/// Something that two steps may both touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// All of a table, by its name with its schema.
    Table(String),
    /// A row, by its table and its primary key.
    Row { table: String, key: String },
    /// A value of a unique key.
    Key { table: String, index: String, values: String },
    /// That no further row appears which an index would find.
    Gap { table: String },
    /// Something else with a name: an advisory lock, what serializable transactions share.
    Named(String),
}

/// How something is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Several may at once.
    Shared,
    /// Only one may.
    Exclusive,
}

/// What is touched, and how.
pub type Footprint = BTreeMap<Resource, Access>;

/// What a step does that another one may notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What it sees of what others have committed, or will see through the snapshot that it takes.
    pub reads: Footprint,
    /// What it locks or writes; nobody else can until its transaction ends.
    pub locks: Footprint,
    /// What it makes visible to others: all that its transaction has written, if it ends with it.
    pub publishes: Footprint,
    /// What it lets go: all that its transaction has locked, if it ends with it or may fail.
    pub releases: Footprint,
    /// Nothing is known of it: it depends on every step.
    pub is_unknown: bool,
}
