//! Hermitage's table (Kleppmann, <https://github.com/ept/hermitage>), measured: which anomalies an
//! isolation level prevents, and by what.
//!
//! Ten short scenarios, one an anomaly, are played at each level. What they *did* is told from the
//! events, never from what their files expect: an anomaly has happened when somebody read, or two
//! people committed, what no serial order explains.
//!
//! ```text
//!                    PostgreSQL 15.20   PostgreSQL 15.20        optimistic
//!                    read committed     repeatable read         repeatable read
//! G0 (dirty write)   prevented: wait    prevented: wait, 40001  prevented: OC000
//! P4 (lost update)   possible           prevented: wait, 40001  prevented: OC000
//! ```

use crate::core::event::Event;
use crate::core::scenario::Isolation;

mod evidence;
mod render;

use evidence::Evidence;
pub use evidence::Means;

/// The anomalies, in the order of Hermitage's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    G0,
    G1a,
    G1b,
    /// Circular information flow.
    G1c,
    /// Observed transaction vanishes.
    Otv,
    /// Predicate-many-preceders.
    Pmp,
    P4,
    GSingle,
    G2Item,
    /// Anti-dependency cycle.
    G2,
}

impl Anomaly {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::G0,
        Self::G1a,
        Self::G1b,
        Self::G1c,
        Self::Otv,
        Self::Pmp,
        Self::P4,
        Self::GSingle,
        Self::G2Item,
        Self::G2,
    ];

    /// What Hermitage calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::G0 => "G0",
            Self::G1a => "G1a",
            Self::G1b => "G1b",
            Self::G1c => "G1c",
            Self::Otv => "OTV",
            Self::Pmp => "PMP",
            Self::P4 => "P4",
            Self::GSingle => "G-single",
            Self::G2Item => "G2-item",
            Self::G2 => "G2",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::G0 => "dirty write",
            Self::G1a => "aborted read",
            Self::G1b => "intermediate read",
            Self::G1c => "circular information flow",
            Self::Otv => "observed transaction vanishes",
            Self::Pmp => "predicate-many-preceders",
            Self::P4 => "lost update",
            Self::GSingle => "read skew",
            Self::G2Item => "write skew",
            Self::G2 => "anti-dependency cycle",
        }
    }

    /// The name of the scenario in which it is tried: `hermitage/g0`.
    pub fn scenario(self) -> String {
        format!("hermitage/{}", self.name().to_lowercase())
    }

    /// Whether it has happened in a play of its scenario, and if not, what was in its way.
    pub fn judge(self, events: &[Event]) -> Cell {
        let evidence = Evidence::of(events);
        if self.happened(&evidence) { Cell::Possible } else { Cell::Prevented(evidence.means()) }
    }

    /// The prices are those that the scenarios write: Alice's are 11, 21 and 19; Bob's 12, 22 and
    /// 18; 101 is never committed.
    fn happened(self, seen: &Evidence) -> bool {
        match self {
            Self::G0 => seen.ends_with(&["12", "21"]) || seen.ends_with(&["11", "22"]),
            Self::G1a | Self::G1b => seen.read("Bob", "101"),
            Self::G1c => seen.read("Alice", "22") && seen.read("Bob", "11"),
            Self::Otv => seen.read_before("Mallory", &["12", "18"], &["10", "11", "19", "20"]),
            Self::Pmp => seen.read("Alice", "30"),
            Self::GSingle => seen.read("Alice", "10") && seen.read("Alice", "18"),
            Self::P4 | Self::G2Item | Self::G2 => seen.committed("Alice") && seen.committed("Bob"),
        }
    }
}

/// What became of an anomaly at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Possible,
    /// It did not; what was met on the way. Where that is nothing, the reader simply saw an older
    /// version.
    Prevented(Vec<Means>),
    /// The scenario could not be played to its end.
    Unknown,
}

/// One level of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The engine's product: `PostgreSQL 15.20`.
    pub engine: String,
    /// The isolation level.
    pub level: Isolation,
    /// A cell an anomaly, in the order of [`Anomaly::ALL`].
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub rows: Vec<Row>,
}

#[cfg(test)]
mod tests;
