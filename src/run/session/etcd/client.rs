//! What one session has at etcd: its connection, what it holds, what it keeps alive.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::claims::Claims;
use super::keyspace::{Keyspace, OUTLIVES};
use crate::core::etcd_command::Range;
use crate::core::event::Pid;
use crate::parts::PartError;
use crate::parts::etcd_client::{Change, Claim, Etcd, EtcdUrl, Keys, LeaseId};
use crate::parts::link::Link;

/// A session's side of etcd.
pub(super) struct Client {
    pub(super) etcd: Etcd,
    pub(super) keyspace: Keyspace,
    pub(super) claims: Claims,
    pub(super) pid: Pid,
    /// The locks and candidacies of this session, by name.
    pub(super) held: BTreeMap<String, Held>,
    /// Leases that it was granted, by command or for a lock; they end with the session.
    pub(super) leases: Vec<LeaseId>,
    pub(super) watches: BTreeMap<String, Watch>,
    /// Where what is watched tells its changes.
    pub(super) changes: mpsc::UnboundedSender<Change>,
    _run_is_alive: AbortOnDropHandle<()>,
}

/// A lock, or a candidacy.
pub(super) struct Held {
    pub(super) claim: Claim,
    pub(super) lease: LeaseId,
    /// Where the session keeps its lease alive.
    pub(super) _alive: Option<AbortOnDropHandle<()>>,
}

/// Keys that are watched.
pub(super) struct Watch {
    pub(super) keys: Range,
    /// The last change that it has told.
    pub(super) seen: i64,
    pub(super) task: AbortOnDropHandle<()>,
}

impl Client {
    /// Connects; changes of what is watched come out at the other end.
    pub(super) async fn connect(
        url: &EtcdUrl,
        claims: &Claims,
        pid: Pid,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Change>), PartError> {
        let mut etcd = Etcd::new(url, &Link::default());
        let keyspace = claims.keyspace(&mut etcd).await?;
        let (changes, told) = mpsc::unbounded_channel();
        let client = Self {
            _run_is_alive: keep_alive(&etcd, keyspace.lease, OUTLIVES),
            etcd,
            keyspace,
            claims: claims.clone(),
            pid,
            held: BTreeMap::new(),
            leases: Vec::new(),
            watches: BTreeMap::new(),
            changes,
        };
        Ok((client, told))
    }

    /// Takes in that a change is being told.
    pub(super) fn note_told(&mut self, change: &Change) {
        for watch in self.watches.values_mut().filter(|watch| watch.keys.has(&change.key)) {
            watch.seen = watch.seen.max(change.revision);
        }
    }

    /// Whether everything that the run's sessions have changed so far has been told.
    pub(super) fn has_told_all(&self) -> bool {
        // A watch that has ended, because its connection broke, tells nothing more.
        let mut going_on = self.watches.values().filter(|watch| !watch.task.is_finished());
        going_on
            .all(|watch| self.claims.last_change(&watch.keys).is_none_or(|last| last <= watch.seen))
    }

    /// Leaves: its locks are free at once, its leases end; the run's own too, with the last.
    pub(super) async fn leave(mut self) {
        self.watches.clear();
        self.held.clear();
        self.leases.extend(self.claims.leave().await);
        for lease in std::mem::take(&mut self.leases) {
            self.claims.lease_gone(lease);
            if let Err(error) = self.etcd.revoke(lease).await {
                tracing::warn!("lease {} could not be ended: {error}", lease.number());
            }
        }
    }
}

/// A range as etcd is asked for it.
pub(super) fn keys(range: &Range) -> Keys<'_> {
    if range.is_prefix { Keys::Prefix(&range.key) } else { Keys::One(&range.key) }
}

/// Keeps a lease alive until this is dropped, or the lease has ended.
pub(super) fn keep_alive(etcd: &Etcd, lease: LeaseId, time: Duration) -> AbortOnDropHandle<()> {
    let mut etcd = etcd.another();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut pulse = interval(time / 3);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pulse.tick().await;
            match etcd.keep_alive(lease).await {
                Ok(true) => {}
                Ok(false) => return,
                // Asked again at the next pulse: etcd may come back before the lease has ended.
                Err(error) => tracing::debug!("lease {}: {error}", lease.number()),
            }
        }
    }))
}
