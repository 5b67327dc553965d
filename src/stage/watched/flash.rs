//! What has just changed lights up once, so that a room sees where to look.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::core::seats::{WatchedRow, WatchedTable, WatchedTables};

/// How long a changed seat stays lit: long enough to turn one's eyes to, too short to distract.
pub const LIT: Duration = Duration::from_millis(600);

/// The rows that have changed lately, by table and key, and since when.
#[derive(Clone, Debug, Default)]
pub struct Flashes {
    since: HashMap<String, HashMap<String, Duration>>,
}

impl Flashes {
    /// These rows, by table and key, are lit from the beginning of time on.
    pub fn of(rows: &[(&str, &str)]) -> Self {
        let mut lit = Self::default();
        for (table, key) in rows {
            let keys = lit.since.entry((*table).to_owned()).or_default();
            keys.insert((*key).to_owned(), Duration::ZERO);
        }
        lit
    }

    /// Lights what differs between two looks at the tables; what has burnt out is forgotten.
    pub fn apply(&mut self, before: &WatchedTables, after: &WatchedTables, now: Duration) {
        self.forget_burnt_out(now);
        for table in &after.tables {
            let Some(old) = before.tables.iter().find(|old| old.name == table.name) else {
                continue;
            };
            for key in changed(old, table) {
                self.since.entry(table.name.clone()).or_default().insert(key.to_owned(), now);
            }
        }
    }

    /// Whether this row of this table is lit at this moment.
    pub fn is_lit(&self, table: &str, key: &str, now: Duration) -> bool {
        let since = self.since.get(table).and_then(|keys| keys.get(key));
        since.is_some_and(|since| now.saturating_sub(*since) < LIT)
    }

    /// When the next frame is due because a light goes out; none while nothing is lit.
    pub fn next_change(&self, now: Duration) -> Option<Duration> {
        let ends = self.since.values().flat_map(HashMap::values).map(|since| *since + LIT);
        ends.filter(|end| *end > now).min()
    }

    fn forget_burnt_out(&mut self, now: Duration) {
        for keys in self.since.values_mut() {
            keys.retain(|_, since| now.saturating_sub(*since) < LIT);
        }
    }
}

/// The keys of rows that are new or differ. A row that is gone has no place left to light.
pub(super) fn changed<'a>(before: &WatchedTable, after: &'a WatchedTable) -> HashSet<&'a str> {
    let old: HashMap<_, _> =
        before.places.iter().map(|place| (place.key.as_str(), place)).collect();
    let differs = |key: &str, place: &WatchedRow| old.get(key).is_none_or(|old| *old != place);
    let keyed = after.places.iter().map(|place| (place.key.as_str(), place));
    keyed.filter(|(key, place)| differs(key, place)).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::watched::sample;

    #[test]
    fn a_changed_seat_lights_up_once_and_goes_out() {
        let (before, after) = (sample::opening_night(), sample::picture());
        let mut flashes = Flashes::default();
        let now = Duration::from_secs(1);
        flashes.apply(&before, &after, now);
        assert!(flashes.is_lit("seats", "A-4", now + Duration::from_millis(599)));
        assert!(!flashes.is_lit("seats", "A-4", now + LIT));
        assert!(!flashes.is_lit("seats", "A-1", now), "A-1 has not changed");
        assert_eq!(flashes.next_change(now), Some(now + LIT));
        assert_eq!(flashes.next_change(now + LIT), None);
    }

    #[test]
    fn the_first_look_lights_nothing() {
        let mut flashes = Flashes::default();
        let now = Duration::from_secs(1);
        flashes.apply(&WatchedTables::default(), &sample::picture(), now);
        assert_eq!(flashes.next_change(now), None);
    }
}
