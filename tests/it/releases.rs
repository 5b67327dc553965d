//! What differs between minor releases of PostgreSQL, so that tests expect of each what it does.
//!
//! Those after May 2026 lock the types of columns when a table is made, as they lock schemas, and a
//! function before it is replaced, rather than only its row of the catalog; their psql pads each
//! line of a value in the expanded form to the longest. Seen at 15.20, not at 15.18.

use overbooked::cluster::Version;

/// The release of May 2026 of each major version that had one.
const MAY_2026: [&str; 5] = ["14.23", "15.18", "16.14", "17.10", "18.4"];

/// Whether a server or a psql is of a release after May 2026.
pub(crate) fn is_after_may_2026(version: &Version) -> bool {
    let releases = MAY_2026.map(|text| text.parse::<Version>().expect("a version"));
    let mut of_its_major = releases.iter().filter(|release| release.major() == version.major());
    of_its_major.next().map_or(version.major() > 18, |release| version > release)
}
