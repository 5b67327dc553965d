//! Which rows were held, awaited or changed since the fresh setup: where not every row has room,
//! they stay in sight.

use std::collections::{HashMap, HashSet};

use super::flash::changed;
use crate::core::seats::WatchedTables;

/// The keys of such rows, by table.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    keys: HashMap<String, HashSet<String>>,
}

impl Touched {
    /// Adds what differs between two looks at the tables; rows that are gone are forgotten.
    pub fn apply(&mut self, before: &WatchedTables, after: &WatchedTables) {
        for table in &after.tables {
            let Some(old) = before.tables.iter().find(|old| old.name == table.name) else {
                continue;
            };
            let keys = self.keys.entry(table.name.clone()).or_default();
            keys.extend(changed(old, table).into_iter().map(str::to_owned));
            let here: HashSet<&str> = table.places.iter().map(|row| row.key.as_str()).collect();
            keys.retain(|key| here.contains(key.as_str()));
        }
    }

    /// Whether this row of this table is among them.
    pub fn has(&self, table: &str, key: &str) -> bool {
        self.keys.get(table).is_some_and(|keys| keys.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::watched::sample;

    #[test]
    fn a_row_that_was_held_stays_touched_until_it_is_gone() {
        let (free, mut held) = (sample::opening_night(), sample::picture());
        let mut touched = Touched::default();
        touched.apply(&WatchedTables::default(), &free);
        assert!(!touched.has("seats", "A-4"), "the first look touches nothing");
        touched.apply(&free, &held);
        touched.apply(&held, &free);
        assert!(touched.has("seats", "A-4"));
        assert!(!touched.has("seats", "A-1"));
        held.tables[0].places.retain(|row| row.key != "A-4");
        touched.apply(&free, &held);
        assert!(!touched.has("seats", "A-4"));
    }
}
