//! How much of each table is read, by how long that took before.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::postgres::types::Oid;

/// For how long a table that took too long is left alone, or is read no further.
// A read that is broken off has cost the statement timeout, a second: such a table keeps a backend
// busy for a tenth of the time at most.
pub(super) const LEFT_ALONE: Duration = Duration::from_secs(10);
/// How many times its own duration a scan for held rows is followed by none.
const PAUSES: u32 = 9;

/// How much of a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Whole,
    /// What is worth showing, held rows among it.
    Sample,
    /// The same, but held rows are not looked for.
    Awaited,
}

impl Extent {
    /// What can still be read where this takes too long.
    fn narrower(self) -> Option<Self> {
        match self {
            Self::Whole => Some(Self::Sample),
            Self::Sample => Some(Self::Awaited),
            Self::Awaited => None,
        }
    }

    fn wider(self) -> Self {
        match self {
            Self::Whole | Self::Sample => Self::Whole,
            Self::Awaited => Self::Sample,
        }
    }
}

/// How much is read of tables that took too long once.
#[derive(Debug, Default)]
pub(super) struct Extents(HashMap<Oid, (Extent, Instant)>);

impl Extents {
    /// How much to read now, where `first` is what its size allows. After a while more is tried
    /// again: it may have been the machine that was slow, and not the table.
    pub(super) fn next(&self, table: Oid, first: Extent, now: Instant) -> Extent {
        match self.0.get(&table) {
            Some((extent, until)) if now < *until => *extent,
            Some((extent, _)) => extent.wider().max(first),
            None => first,
        }
    }

    /// How much was read last.
    pub(super) fn last(&self, table: Oid, first: Extent) -> Extent {
        self.0.get(&table).map_or(first, |(extent, _)| *extent)
    }

    /// So much took too long; whether less can still be read.
    pub(super) fn was_too_much(&mut self, table: Oid, extent: Extent, now: Instant) -> bool {
        let narrower = extent.narrower();
        self.0.insert(table, (narrower.unwrap_or(extent), now + LEFT_ALONE));
        narrower.is_some()
    }

    /// So much was read in time.
    pub(super) fn was_read(&mut self, table: Oid, extent: Extent, first: Extent, now: Instant) {
        if extent == first {
            self.0.remove(&table);
        } else if self.0.get(&table).is_some_and(|(known, _)| *known != extent) {
            self.0.insert(table, (extent, now + LEFT_ALONE));
        }
    }
}

/// The places of a large table's rows that a scan has found, until the next scan.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) places: Vec<String>,
    again: Instant,
    /// Whether the table was looked at since without a scan.
    pub(super) is_behind: bool,
}

impl Sample {
    /// What a scan has found that began and ended then.
    pub(super) fn new(places: Vec<String>, began: Instant, ended: Instant) -> Self {
        let again = ended + (ended - began) * PAUSES;
        Self { places, again, is_behind: false }
    }

    /// Whether the table is not scanned again yet: the scans take a tenth of the time at most.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Oid = Oid(1);

    #[test]
    fn one_slow_read_narrows_what_is_read_for_a_while_only() {
        let (mut extents, now) = (Extents::default(), Instant::now());
        let whole = Extent::Whole;
        assert_eq!(extents.next(TABLE, whole, now), whole);
        assert!(extents.was_too_much(TABLE, whole, now));
        assert_eq!(extents.next(TABLE, whole, now), Extent::Sample);
        extents.was_read(TABLE, Extent::Sample, whole, now);
        assert_eq!(extents.last(TABLE, whole), Extent::Sample);
        assert!(extents.was_too_much(TABLE, Extent::Sample, now));
        assert!(!extents.was_too_much(TABLE, Extent::Awaited, now));
        assert_eq!(extents.next(TABLE, whole, now), Extent::Awaited);
        let later = now + LEFT_ALONE;
        assert_eq!(extents.next(TABLE, whole, later), Extent::Sample, "a step at a time");
        extents.was_read(TABLE, Extent::Sample, whole, later);
        assert_eq!(extents.next(TABLE, whole, later), Extent::Sample);
        let latest = later + LEFT_ALONE;
        assert_eq!(extents.next(TABLE, whole, latest), whole);
        extents.was_read(TABLE, whole, whole, latest);
        assert_eq!(extents.last(TABLE, whole), whole);
    }

    #[test]
    fn a_large_table_is_never_read_whole() {
        let (mut extents, now) = (Extents::default(), Instant::now());
        let large = Extent::Sample;
        assert!(extents.was_too_much(TABLE, large, now));
        assert_eq!(extents.next(TABLE, large, now + LEFT_ALONE), large);
        extents.was_read(TABLE, large, large, now + LEFT_ALONE);
        assert_eq!(extents.next(TABLE, large, now + LEFT_ALONE * 2), large);
    }

    #[test]
    fn scans_take_a_tenth_of_the_time_at_most() {
        let began = Instant::now();
        let took = Duration::from_millis(40);
        let sample = Sample::new(Vec::new(), began, began + took);
        assert!(sample.is_fresh(began + took * 9));
        assert!(!sample.is_fresh(began + took * 10));
    }
}
