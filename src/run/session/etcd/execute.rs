//! One command, done.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::client::{Client, Held, Watch, keep_alive, keys};
use super::reply::{Refusal, Reply};
use crate::core::etcd_command::{self, EtcdCommand, Lease, Range};
use crate::core::event::Row;
use crate::parts::etcd_client::{Claim, KeyValue, LeaseId, Standing};

type Answer = Result<Reply, Refusal>;

/// What is waited for, and under which name it is held.
struct Wanted<'a> {
    /// `lock` or `elect`.
    verb: &'static str,
    name: &'a str,
    lease: Lease,
}

impl Client {
    /// Reads a command and does it. Only a lock or an election can wait, and only these can be
    /// cancelled.
    pub(super) async fn execute(&mut self, sql: &str, cancelled: &CancellationToken) -> Answer {
        match etcd_command::parse(sql)? {
            EtcdCommand::Grant(time) => self.grant(time).await,
            EtcdCommand::KeepAlive(lease) => {
                let is_alive = self.etcd.keep_alive(self.named(lease)?).await?;
                is_alive.then(|| Reply::done("KEEP ALIVE")).ok_or(Refusal::LeaseEnded(lease))
            }
            EtcdCommand::TimeToLive(lease) => self.time_to_live(lease).await,
            EtcdCommand::Revoke(lease) => {
                let lease = self.named(lease)?;
                self.etcd.revoke(lease).await?;
                self.claims.lease_gone(lease);
                Ok(Reply::done("REVOKE"))
            }
            EtcdCommand::Put { key, value, lease } => self.put(&key, &value, lease).await,
            EtcdCommand::Get(range) => self.get(&range).await,
            EtcdCommand::Delete(range) => self.delete(&range).await,
            EtcdCommand::Lock { name, lease } => {
                let wanted = Wanted { verb: "lock", name: &name, lease };
                let claim = self.wait_for(&wanted, None, cancelled).await?;
                Ok(self.token("LOCK", &claim))
            }
            EtcdCommand::Elect { name, value, lease } => {
                let wanted = Wanted { verb: "elect", name: &name, lease };
                let claim = self.wait_for(&wanted, Some(&value), cancelled).await?;
                Ok(self.token("ELECT", &claim))
            }
            EtcdCommand::Unlock { name } => self.give_up(&name, "UNLOCK").await,
            EtcdCommand::Resign { name } => self.give_up(&name, "RESIGN").await,
            EtcdCommand::Leader { name } => self.leader(&name).await,
            EtcdCommand::Watch(range) => self.watch(range).await,
            EtcdCommand::Unwatch(key) => {
                self.watches.remove(&key);
                Ok(Reply::done("UNWATCH"))
            }
        }
    }

    async fn grant(&mut self, time: Duration) -> Answer {
        let lease = self.etcd.grant(time).await?;
        self.leases.push(lease);
        Ok(Reply::number("GRANT", "lease", self.claims.name_lease(lease)))
    }

    /// The lease that a command means.
    fn named(&self, lease: i64) -> Result<LeaseId, Refusal> {
        self.claims.lease(lease).ok_or(Refusal::NoLease(lease))
    }

    /// The revision at which a claim was made: its fencing token.
    fn token(&self, tag: &str, claim: &Claim) -> Reply {
        Reply::number(tag, "revision", self.keyspace.count(claim.revision))
    }

    async fn time_to_live(&mut self, lease: i64) -> Answer {
        let left = self.etcd.time_to_live(self.named(lease)?).await?;
        let (granted, left) = left.ok_or(Refusal::LeaseEnded(lease))?;
        let row = [granted, left].map(|time| Some(time.as_secs().to_string()));
        let names = ["granted", "left"];
        Ok(Reply::rows("GET", &names, &names, vec![row.into()]))
    }

    async fn put(&mut self, key: &str, value: &str, lease: Option<i64>) -> Answer {
        let key = self.keyspace.key(key);
        let on = lease.map_or(Ok(self.keyspace.lease), |lease| self.named(lease))?;
        let _writing = self.claims.writing();
        let revision = self.etcd.put(&key, value, on).await?;
        let revision = revision.ok_or(Refusal::Ended)?;
        self.claims.note_change(revision, self.pid, key);
        Ok(Reply::done("PUT"))
    }

    async fn get(&mut self, range: &Range) -> Answer {
        let range = self.keyspace.range(range);
        let found = self.etcd.get(keys(&range)).await?;
        let rows = found.into_iter().map(|found| self.row(found)).collect();
        Ok(Reply::rows("GET", &["key", "value", "revision"], &["revision"], rows))
    }

    fn row(&self, found: KeyValue) -> Row {
        let key = self.keyspace.shown(&found.key).to_owned();
        vec![Some(key), Some(found.value), Some(self.keyspace.count(found.revision).to_string())]
    }

    async fn delete(&mut self, range: &Range) -> Answer {
        let range = self.keyspace.range(range);
        let _writing = self.claims.writing();
        let (revision, deleted) = self.etcd.delete(keys(&range)).await?;
        let count = deleted.len();
        for key in deleted {
            self.claims.key_gone(&key);
            self.claims.note_change(revision, self.pid, key);
        }
        Ok(Reply::done(format!("DELETE {count}")))
    }

    /// Who leads is the oldest of the candidates.
    async fn leader(&mut self, name: &str) -> Answer {
        let first = self.etcd.first(&self.keyspace.queue(name)).await?;
        let created = |it: &KeyValue| self.keyspace.count(it.created).to_string();
        let row = first.map(|it| vec![Some(it.value.clone()), Some(created(&it))]);
        let rows = row.into_iter().collect();
        Ok(Reply::rows("GET", &["leader", "revision"], &["revision"], rows))
    }

    async fn watch(&mut self, range: Range) -> Answer {
        let watched = self.keyspace.range(&range);
        let watching = self.etcd.watch(keys(&watched), self.changes.clone()).await?;
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = watching.await {
                tracing::debug!("a watch has ended: {error}");
            }
        }));
        // What was changed before is not told.
        let seen = self.claims.last_change(&watched).unwrap_or_default();
        self.watches.insert(range.key, Watch { keys: watched, seen, task });
        Ok(Reply::done("WATCH"))
    }

    async fn give_up(&mut self, name: &str, tag: &str) -> Answer {
        let not_held = || Refusal::NotHeld(name.to_owned());
        let held = self.held.remove(name).ok_or_else(not_held)?;
        let was_there = self.etcd.give_up(&held.claim).await?;
        self.claims.key_gone(held.claim.key());
        if was_there { Ok(Reply::done(tag)) } else { Err(not_held()) }
    }

    /// Stands in the queue until nobody is before us.
    async fn wait_for(
        &mut self,
        wanted: &Wanted<'_>,
        value: Option<&str>,
        cancelled: &CancellationToken,
    ) -> Result<Claim, Refusal> {
        if let Some(held) = self.held.get(wanted.name)
            && self.etcd.standing(&held.claim).await? == Standing::First
        {
            let (claim, lease) = (held.claim.clone(), held.lease);
            self.proclaim(&claim, lease, value).await?;
            return Ok(claim);
        }
        let (lease, alive) = self.lease(wanted.lease).await?;
        let queue = self.keyspace.queue(wanted.name);
        let claimed = self.etcd.claim(&queue, lease).await?;
        let (claim, mut standing) = claimed.ok_or(Refusal::Ended)?;
        self.claims.own(claim.key(), self.pid, lease);
        let held = Held { claim: claim.clone(), lease, _alive: alive };
        self.held.insert(wanted.name.to_owned(), held);
        let awaited = match self.proclaim(&claim, lease, value).await {
            Ok(()) => self.await_turn(&claim, &mut standing, wanted, cancelled).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = awaited {
            self.held.remove(wanted.name);
            // A claim that cannot be taken back ends with its lease.
            let _ = self.etcd.give_up(&claim).await;
            self.claims.key_gone(claim.key());
            return Err(refusal);
        }
        Ok(claim)
    }

    /// Says what others are told of whoever has the claim, if anything is to be said.
    async fn proclaim(
        &mut self,
        claim: &Claim,
        lease: LeaseId,
        value: Option<&str>,
    ) -> Result<(), Refusal> {
        if let Some(value) = value {
            self.etcd.proclaim(claim, lease, value).await?.ok_or(Refusal::Ended)?;
        }
        Ok(())
    }

    async fn await_turn(
        &mut self,
        claim: &Claim,
        standing: &mut Standing,
        wanted: &Wanted<'_>,
        cancelled: &CancellationToken,
    ) -> Result<(), Refusal> {
        loop {
            let ahead = match standing {
                Standing::First => return Ok(()),
                Standing::Gone => return Err(Refusal::Ended),
                Standing::Behind(ahead) => ahead,
            };
            let what = format!("{} {}", wanted.verb, wanted.name);
            self.claims.wait(self.pid, ahead.key(), &what);
            let waited = tokio::select! {
                biased;
                () = cancelled.cancelled() => Err(Refusal::Cancelled),
                ended = self.etcd.await_end(ahead) => ended.map_err(Refusal::from),
            };
            self.claims.go_on(self.pid);
            waited?;
            *standing = self.etcd.standing(claim).await?;
        }
    }

    async fn lease(
        &mut self,
        lease: Lease,
    ) -> Result<(LeaseId, Option<AbortOnDropHandle<()>>), Refusal> {
        match lease {
            Lease::Granted(lease) => Ok((self.named(lease)?, None)),
            Lease::Own(time) => {
                let lease = self.etcd.grant(time).await?;
                self.leases.push(lease);
                Ok((lease, Some(keep_alive(&self.etcd, lease, time))))
            }
        }
    }
}
