//! What one half of a comparison shows otherwise than the other: it is marked in both.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::core::event::SessionName;
use crate::reports::engine_diff::RowDifference;

/// Rows and sessions that are not the same on the other engine. Empty while nothing is compared.
#[derive(Clone, Debug, Default)]
pub struct Contrasts {
    rows: HashMap<String, HashSet<String>>,
    sessions: BTreeSet<SessionName>,
}

impl Contrasts {
    /// The marks for these rows and these sessions.
    pub fn new(rows: &[RowDifference], sessions: BTreeSet<SessionName>) -> Self {
        let mut marked: HashMap<String, HashSet<String>> = HashMap::new();
        for RowDifference { table, key, .. } in rows {
            marked.entry(table.clone()).or_default().insert(key.clone());
        }
        Self { rows: marked, sessions }
    }

    /// Whether this row is to be marked.
    pub fn has_row(&self, table: &str, key: &str) -> bool {
        self.rows.get(table).is_some_and(|keys| keys.contains(key))
    }

    /// Whether this session's last answer is to be marked.
    pub fn has_session(&self, name: &SessionName) -> bool {
        self.sessions.contains(name)
    }
}
