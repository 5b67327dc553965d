//! The names by which a scenario file calls the kinds of engine.

use std::fmt;

use super::{EngineKind, Isolation};

impl EngineKind {
    /// Every kind, in the order in which help lists them.
    pub const ALL: [Self; 5] =
        [Self::Postgres, Self::Optimistic, Self::YugabyteDb, Self::CockroachDb, Self::Dsql];

    /// The name in a scenario file: `postgres`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Optimistic => "optimistic",
            Self::YugabyteDb => "yugabytedb",
            Self::CockroachDb => "cockroachdb",
            Self::Dsql => "dsql",
        }
    }

    /// The levels that its transactions can have, the weakest first. An optimistic engine gives
    /// every transaction a snapshot, whatever is asked for.
    pub fn levels(self) -> &'static [Isolation] {
        match self {
            Self::Optimistic | Self::Dsql => &[Isolation::RepeatableRead],
            Self::Postgres | Self::YugabyteDb | Self::CockroachDb => &Isolation::ALL,
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
