//! One command, done.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::claims::Touched;
use super::client::{Client, Held, Watch, keep_alive};
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
                self.etcd.revoke(self.named(lease)?).await?;
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
        let revision = self.etcd.put(&key, value, on).await?;
        let revision = revision.ok_or(Refusal::Ended)?;
        self.claims.note_change(revision, self.pid, Touched::One(key));
        Ok(Reply::done("PUT"))
    }

    async fn get(&mut self, range: &Range) -> Answer {
        let key = self.keyspace.key(&range.key);
        let found = self.etcd.get(Self::keys(&key, range.is_prefix)).await?;
        let rows = found.into_iter().map(|found| self.row(found)).collect();
        Ok(Reply::rows("GET", &["key", "value", "revision"], &["revision"], rows))
    }

    fn row(&self, found: KeyValue) -> Row {
        let key = self.keyspace.shown(&found.key).to_owned();
        vec![Some(key), Some(found.value), Some(self.keyspace.count(found.revision).to_string())]
    }

    async fn delete(&mut self, range: &Range) -> Answer {
        let key = self.keyspace.key(&range.key);
        let (revision, count) = self.etcd.delete(Self::keys(&key, range.is_prefix)).await?;
        if count > 0 {
            self.claims.note_change(revision, self.pid, touched(key, range.is_prefix));
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
        let key = self.keyspace.key(&range.key);
        let keys = Self::keys(&key, range.is_prefix);
        let watching = self.etcd.watch(keys, self.changes.clone()).await?;
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = watching.await {
                tracing::debug!("a watch has ended: {error}");
            }
        }));
        let keys = touched(key, range.is_prefix);
        // What was changed before is not told.
        let seen = self.claims.last_change(&keys).unwrap_or_default();
        self.watches.insert(range.key, Watch { keys, seen, _task: task });
        Ok(Reply::done("WATCH"))
    }

    async fn give_up(&mut self, name: &str, tag: &str) -> Answer {
        let not_held = || Refusal::NotHeld(name.to_owned());
        let held = self.held.remove(name).ok_or_else(not_held)?;
        let was_there = self.etcd.give_up(&held.claim).await?;
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
            return Ok(held.claim.clone());
        }
        let (lease, alive) = self.lease(wanted.lease).await?;
        let queue = self.keyspace.queue(wanted.name);
        let claimed = self.etcd.claim(&queue, lease).await?;
        let (claim, mut standing) = claimed.ok_or(Refusal::Ended)?;
        self.claims.own(claim.key(), self.pid);
        if let Some(value) = value {
            self.etcd.proclaim(&claim, lease, value).await?.ok_or(Refusal::Ended)?;
        }
        let held = Held { claim: claim.clone(), _alive: alive };
        self.held.insert(wanted.name.to_owned(), held);
        loop {
            let ahead = match standing {
                Standing::First => return Ok(claim),
                Standing::Gone => {
                    self.held.remove(wanted.name);
                    return Err(Refusal::Ended);
                }
                Standing::Behind(ahead) => ahead,
            };
            let what = format!("{} {}", wanted.verb, wanted.name);
            self.claims.wait(self.pid, ahead.key(), &what);
            let waited = tokio::select! {
                biased;
                () = cancelled.cancelled() => Err(Refusal::Cancelled),
                ended = self.etcd.await_end(&ahead) => ended.map_err(Refusal::from),
            };
            self.claims.go_on(self.pid);
            if let Err(refusal) = waited {
                self.held.remove(wanted.name);
                // A claim that cannot be taken back ends with its lease.
                let _ = self.etcd.give_up(&claim).await;
                return Err(refusal);
            }
            standing = self.etcd.standing(&claim).await?;
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

fn touched(key: String, is_prefix: bool) -> Touched {
    if is_prefix { Touched::Prefix(key) } else { Touched::One(key) }
}
