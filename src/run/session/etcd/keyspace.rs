//! Where a run's keys are in etcd: under a prefix and on a lease of the run's own, so that nothing
//! of it stays and nothing of anybody else's is touched.

use std::time::Duration;

use crate::core::etcd_command::Range;
use crate::parts::PartError;
use crate::parts::etcd_client::{Etcd, LeaseId};

/// How long keys outlive a run that was killed.
pub(super) const OUTLIVES: Duration = Duration::from_mins(1);

/// A run's part of etcd.
#[derive(Clone, Debug)]
pub(super) struct Keyspace {
    root: String,
    /// What keys live on that are on no other lease.
    pub(super) lease: LeaseId,
    /// etcd's count of changes when it was made. Sessions count from there, so that a run reads
    /// the same again; what grows still grows.
    base: i64,
}

impl Keyspace {
    /// A new one.
    pub(super) async fn make(etcd: &mut Etcd) -> Result<Self, PartError> {
        let lease = etcd.grant(OUTLIVES).await?;
        let root = format!("overbooked/{:08x}/", rand::random::<u32>());
        let base = etcd.revision().await?;
        Ok(Self { root, lease, base })
    }

    /// A revision as the sessions are told it.
    pub(super) fn count(&self, revision: i64) -> i64 {
        revision - self.base
    }

    /// A key as etcd has it.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    /// A range as etcd has it.
    pub(super) fn range(&self, range: &Range) -> Range {
        Range { key: self.key(&range.key), ..range.clone() }
    }

    /// Under which prefix those stand who want the lock, or to lead.
    pub(super) fn queue(&self, name: &str) -> String {
        format!("{}{name}/", self.root)
    }

    /// A key as the session calls it.
    pub(super) fn shown<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.root).unwrap_or(key)
    }
}
