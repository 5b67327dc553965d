//! etcd as a store: keys and their values, how long leases live, and watches that go on.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Etcd, LeaseId, Standing, coded, coded_bytes, end_of, is_not_found, number, text};
use crate::parts::error::PartError;

/// A key, its value, and the change that has given it to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
    /// etcd's count of changes when it was made: for a lock, or a candidacy, its fencing token.
    pub created: i64,
    /// The same at its last change.
    pub revision: i64,
}

/// A change of a key that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    /// What it is now; none where it was deleted.
    pub value: Option<String>,
    pub revision: i64,
}

/// Which keys: one, or all that begin so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys<'a> {
    One(&'a str),
    Prefix(&'a str),
}

impl Keys<'_> {
    /// As etcd asks for a range.
    fn range(self) -> Value {
        match self {
            Self::One(key) => json!({"key": coded(key)}),
            Self::Prefix(prefix) => {
                json!({"key": coded(prefix), "range_end": coded_bytes(&end_of(prefix))})
            }
        }
    }
}

impl LeaseId {
    /// The lease that etcd calls so.
    pub fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// What etcd calls it.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl Etcd {
    /// How many changes there have been.
    pub async fn revision(&mut self) -> Result<i64, PartError> {
        let answer = self.ask("/v3/kv/range", &Keys::One("overbooked").range()).await?;
        number(&answer, "/header/revision").ok_or_else(|| self.unreadable(&answer))
    }

    /// Gives the key this value; which change that was, and nothing where the lease has ended.
    pub async fn put(
        &mut self,
        key: &str,
        value: &str,
        lease: LeaseId,
    ) -> Result<Option<i64>, PartError> {
        let (key, value) = (coded(key), coded(value));
        let question = json!({"key": key, "value": value, "lease": lease.0.to_string()});
        match self.ask("/v3/kv/put", &question).await {
            Err(error) if is_not_found(&error) => Ok(None),
            answer => {
                let answer = answer?;
                let revision = number(&answer, "/header/revision");
                revision.map(Some).ok_or_else(|| self.unreadable(&answer))
            }
        }
    }

    /// What is there, by key.
    pub async fn get(&mut self, keys: Keys<'_>) -> Result<Vec<KeyValue>, PartError> {
        let answer = self.ask("/v3/kv/range", &keys.range()).await?;
        let found = answer.get("kvs").and_then(Value::as_array);
        let found = found.into_iter().flatten().filter_map(key_value);
        Ok(found.collect())
    }

    /// The oldest key that begins so: who holds the lock, who leads.
    pub async fn first(&mut self, prefix: &str) -> Result<Option<KeyValue>, PartError> {
        let mut question = Keys::Prefix(prefix).range();
        question["sort_order"] = json!("ASCEND");
        question["sort_target"] = json!("CREATE");
        question["limit"] = json!("1");
        let answer = self.ask("/v3/kv/range", &question).await?;
        Ok(answer.pointer("/kvs/0").and_then(key_value))
    }

    /// Deletes; which change that was, and the keys that there were.
    pub async fn delete(&mut self, keys: Keys<'_>) -> Result<(i64, Vec<String>), PartError> {
        let mut question = keys.range();
        question["prev_kv"] = json!(true);
        let answer = self.ask("/v3/kv/deleterange", &question).await?;
        let revision = number(&answer, "/header/revision");
        let revision = revision.ok_or_else(|| self.unreadable(&answer))?;
        let deleted = answer.get("prev_kvs").and_then(Value::as_array).into_iter().flatten();
        Ok((revision, deleted.filter_map(key_value).map(|it| it.key).collect()))
    }

    /// For how long the lease was granted and what is left of it; nothing where it has ended.
    pub async fn time_to_live(
        &mut self,
        lease: LeaseId,
    ) -> Result<Option<(Duration, Duration)>, PartError> {
        let question = json!({"ID": lease.0.to_string()});
        let answer = match self.ask("/v3/lease/timetolive", &question).await {
            Err(error) if is_not_found(&error) => return Ok(None),
            answer => answer?,
        };
        let seconds = |place| {
            let seconds = number(&answer, place).unwrap_or_default();
            u64::try_from(seconds).ok().map(Duration::from_secs)
        };
        // -1 for a lease that has ended; what is zero is left out.
        Ok(seconds("/grantedTTL").zip(seconds("/TTL")))
    }

    /// Gives a claim's key a value, if it is there still; which change that was.
    pub async fn proclaim(
        &mut self,
        claim: &super::Claim,
        lease: LeaseId,
        value: &str,
    ) -> Result<Option<i64>, PartError> {
        if self.standing(claim).await? == Standing::Gone {
            return Ok(None);
        }
        self.put(&claim.key, value, lease).await
    }

    /// Tells every change of these keys from now on, until nobody listens or the connection
    /// breaks. It is being watched once this returns; the rest is for a task of its own.
    pub async fn watch(
        &self,
        keys: Keys<'_>,
        changes: mpsc::UnboundedSender<Change>,
    ) -> Result<impl Future<Output = Result<(), PartError>> + use<>, PartError> {
        let mut open = self.connect().await?;
        let question = json!({"create_request": keys.range()});
        let response = self.send(&mut open, "/v3/watch", &question).await?;
        let mut messages = Messages::new(response.into_body());
        let client = self.another();
        // The first message says that the watch has been made.
        client.told(messages.next().await)?;
        Ok(async move {
            let _open = open;
            loop {
                let message = client.told(messages.next().await)?;
                let events = message.pointer("/result/events").and_then(Value::as_array);
                for change in events.into_iter().flatten().filter_map(change) {
                    if changes.send(change).is_err() {
                        return Ok(());
                    }
                }
            }
        })
    }

    fn told(&self, message: io::Result<Value>) -> Result<Value, PartError> {
        let message = message.map_err(|error| self.away(error))?;
        message.get("error").map_or(Ok(()), |error| Err(self.refused(error)))?;
        Ok(message)
    }
}

/// What a watch says, a message a line.
pub(super) struct Messages {
    body: Incoming,
    heard: Vec<u8>,
}

impl Messages {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, heard: Vec::new() }
    }

    /// The next one. A line that cannot be read says nothing.
    pub(super) async fn next(&mut self) -> io::Result<Value> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(serde_json::from_slice(&line).unwrap_or_default());
            }
            let frame = self.body.frame().await.ok_or(io::ErrorKind::UnexpectedEof)?;
            let frame = frame.map_err(io::Error::other)?;
            self.heard.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
        }
    }
}

fn key_value(found: &Value) -> Option<KeyValue> {
    let key = text(found.get("key")?.as_str()?)?;
    // What is empty is left out.
    let value = found.get("value").and_then(Value::as_str).and_then(text).unwrap_or_default();
    // A deletion has no moment of creation any more.
    let created = number(found, "/create_revision").unwrap_or_default();
    Some(KeyValue { key, value, created, revision: number(found, "/mod_revision")? })
}

fn change(event: &Value) -> Option<Change> {
    let KeyValue { key, value, revision, .. } = key_value(event.get("kv")?)?;
    let is_deletion = event.get("type").and_then(Value::as_str) == Some("DELETE");
    Some(Change { key, value: (!is_deletion).then_some(value), revision })
}
