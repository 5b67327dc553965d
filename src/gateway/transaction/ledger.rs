//! The ledger of commits, by which every COMMIT is judged.
//!
//! PostgreSQL's first-updater-wins rule knows rows that changed, but not rows that were merely
//! locked by a transaction that has committed since, nor whose commit it was. The ledger knows
//! both: for each commit, its rows and what was done to them. A commit counts against a transaction
//! when the transaction's snapshot does not see it.
//!
//! ```text
//!        snapshot                 COMMIT
//! T1  ──────●────────────────────────✗         a row that T1 touched stands in a commit
//! T2  ────●──────────●                          that T1's snapshot does not see
//! ```
//!
//! Which pairs conflict, per row:
//!
//! | | strong | plain update | key share |
//! |---|---|---|---|
//! | **strong**: INSERT, DELETE, UPDATE of key, FOR UPDATE | X | X | X |
//! | **plain update**: UPDATE of other columns | X | X | |
//! | **key share**: FOR KEY SHARE | X | | |

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a transaction did to a row, as far as conflicts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    KeyShare,
    /// UPDATE of columns that no unique index has.
    Update,
    /// INSERT, DELETE, UPDATE of a key column, FOR UPDATE.
    Strong,
}

impl Claim {
    /// Whether two concurrent claims on one row conflict.
    pub(crate) fn conflicts_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Strong, _) | (_, Self::Strong) | (Self::Update, Self::Update) => true,
            (Self::KeyShare, _) | (_, Self::KeyShare) => false,
        }
    }
}

/// A row: its table and its key's values as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId {
    pub(crate) table: u32,
    pub(crate) key: Arc<[String]>,
}

/// A snapshot: which transactions it sees (PostgreSQL documentation, 9.27, `pg_snapshot`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// All transactions below are over.
    pub(crate) oldest: u64,
    next: u64,
    running: Vec<u64>,
}

impl Snapshot {
    /// Reads `xmin:xmax:xip,xip`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let oldest = parts.next()?.parse().ok()?;
        let next = parts.next()?.parse().ok()?;
        let running = parts.next()?.split(',').filter(|xid| !xid.is_empty());
        let running = running.map(|xid| xid.parse().ok()).collect::<Option<Vec<u64>>>()?;
        Some(Self { oldest, next, running })
    }

    /// Whether a transaction that has committed is seen.
    pub(crate) fn sees(&self, xid: u64) -> bool {
        xid < self.next && !self.running.contains(&xid)
    }

    /// The transactions that this snapshot sees and an earlier one did not; nothing where more than
    /// `most` have begun since.
    pub(crate) fn since<'s>(
        &'s self,
        earlier: &'s Self,
        most: u64,
    ) -> Option<impl Iterator<Item = u64> + 's> {
        let begun_since = earlier.next..self.next;
        let over = earlier.running.iter().copied().chain(begun_since);
        let seen = over.filter(|xid| self.sees(*xid));
        (self.next.saturating_sub(earlier.next) <= most).then_some(seen)
    }
}

#[derive(Debug)]
struct Commit {
    xid: u64,
    at: Instant,
    by: Arc<str>,
    rows: HashMap<RowId, Claim>,
}

/// Why a transaction may not commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) row: RowId,
    /// Whose commit won.
    pub(crate) winner: Arc<str>,
    /// How long ago.
    pub(crate) since: Duration,
}

/// The commits that may still count against somebody, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    commits: VecDeque<Commit>,
}

impl Ledger {
    /// The latest commit that one of these claims conflicts with.
    pub(crate) fn judge(
        &self,
        snapshot: &Snapshot,
        claims: &HashMap<RowId, Claim>,
    ) -> Option<Verdict> {
        let mut unseen = self.commits.iter().rev().filter(|commit| !snapshot.sees(commit.xid));
        unseen.find_map(|commit| commit.conflict(claims))
    }

    /// Enters a commit: whose it was, and what it has done to which rows.
    pub(crate) fn enter(&mut self, xid: u64, by: &Arc<str>, rows: HashMap<RowId, Claim>) {
        self.commits.push_back(Commit { xid, at: Instant::now(), by: Arc::clone(by), rows });
    }

    /// Forgets commits that every open snapshot sees: those below the oldest transaction of any of
    /// them, and those older than a transaction may become.
    pub(crate) fn forget(&mut self, oldest: u64, age: Duration) {
        // Up to the first one that must stay. Commits do not come in the order of their numbers,
        // but one that is kept for too long does no harm.
        let is_old = |commit: &Commit| commit.xid < oldest || commit.at.elapsed() > age;
        while self.commits.front().is_some_and(is_old) {
            self.commits.pop_front();
        }
    }
}

impl Commit {
    fn conflict(&self, claims: &HashMap<RowId, Claim>) -> Option<Verdict> {
        let conflicts = |(row, claim): &(&RowId, &Claim)| {
            self.rows.get(row).is_some_and(|done| done.conflicts_with(**claim))
        };
        // The least row, so that the same conflict is explained the same way every time.
        let (row, _) = claims.iter().filter(conflicts).min_by_key(|(row, _)| (*row).clone())?;
        let winner = Arc::clone(&self.by);
        Some(Verdict { row: row.clone(), winner, since: self.at.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str) -> RowId {
        RowId { table: 1, key: Arc::from([key.to_owned()]) }
    }

    #[test]
    fn the_matrix_is_that_of_the_service() {
        use Claim::{KeyShare, Strong, Update};
        for (one, other, conflict) in [
            (Strong, Strong, true),
            (Strong, Update, true),
            (Strong, KeyShare, true),
            (Update, Update, true),
            (Update, KeyShare, false),
            (KeyShare, KeyShare, false),
        ] {
            assert_eq!(one.conflicts_with(other), conflict, "{one:?} {other:?}");
            assert_eq!(other.conflicts_with(one), conflict, "{other:?} {one:?}");
        }
    }

    #[test]
    fn a_commit_counts_only_against_snapshots_that_do_not_see_it() {
        let mut ledger = Ledger::default();
        ledger.enter(7, &"Bob".into(), [(row("A-4"), Claim::Strong)].into());
        let claims = [(row("A-4"), Claim::Update)].into();
        let verdict = |snapshot| ledger.judge(&Snapshot::parse(snapshot).unwrap(), &claims);
        assert_eq!(&*verdict("7:7:").unwrap().winner, "Bob");
        assert_eq!(verdict("7:9:7,8").unwrap().row, row("A-4"));
        assert_eq!(verdict("8:8:"), None);
        assert_eq!(verdict("5:9:5"), None);
    }

    #[test]
    fn what_nobody_can_lose_against_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.enter(7, &"Bob".into(), [(row("a"), Claim::Strong)].into());
        ledger.forget(8, Duration::from_mins(5));
        assert!(ledger.commits.is_empty());
    }

    #[test]
    fn a_snapshot_that_makes_no_sense_is_none() {
        for text in ["", "1", "1:2", "a:b:", "1:2:x"] {
            assert_eq!(Snapshot::parse(text), None);
        }
    }
}
