//! etcd: leases, locks by the lowest create revision, and watches; over its JSON gateway.
//!
//! ```text
//!  lock:  put PREFIX/LEASE if it is not there ─▶ its create revision is the token
//!         is there a key under PREFIX with a lower one?  no ─▶ locked
//!             └─ yes: watch the last of them until it is deleted, and look again
//! ```
//!
//! Every waiter watches one key, so an unlock wakes one waiter (etcd, `concurrency/mutex.go`).

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::address::{Address, Url};
use super::error::PartError;
use super::link::Link;

mod store;

pub use store::{Change, KeyValue, Keys};

const PART: &str = "etcd";

/// How long an answer may take, and a new connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// etcd's own port.
const PORT: u16 = 2379;

/// What gRPC says that may be different the next time: unavailable, deadline exceeded.
const MAY_PASS: [i64; 2] = [14, 4];

/// gRPC's "not found", as of a lease that is over.
const NOT_FOUND: i64 = 5;

/// Where an etcd is, and as whom we come.
#[derive(Clone)]
pub struct EtcdUrl {
    address: Address,
    account: Option<(String, String)>,
}

/// Without the password.
impl fmt::Debug for EtcdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EtcdUrl").field(&self.address).finish()
    }
}

impl EtcdUrl {
    /// A server on a Unix socket.
    pub fn of_socket(address: Address) -> Self {
        Self { address, account: None }
    }
}

impl FromStr for EtcdUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected http://[user:password@]host[:port], https:// for TLS, or \
             unix:///path/to/socket"
                .to_owned()
        };
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self::of_socket(Address::Socket(path.into())));
        }
        let Url { scheme, account, host, port, .. } = Url::parse(text).ok_or_else(expected)?;
        let tls = match scheme.as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(expected()),
        };
        let port = port.unwrap_or(PORT);
        Ok(Self { address: Address::Tcp { host, port, tls }, account })
    }
}

/// What keys live on: they are deleted when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseId(i64);

/// A key of ours that competes with others for being the oldest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    key: String,
    prefix: String,
    /// When it was made, in etcd's count of changes: a fencing token.
    pub revision: i64,
}

/// The key that has to go before ours is the oldest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    key: String,
    /// From which revision on its end is to be watched for.
    from: i64,
}

/// Where a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is before us.
    First,
    /// Somebody is.
    Behind(Ahead),
    /// Our key is gone, its lease has ended.
    Gone,
}

/// One connection to etcd, made again after a loss.
#[derive(Debug)]
pub struct Etcd {
    url: EtcdUrl,
    link: Link,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// What the server has given us for our password.
    token: Option<String>,
    /// Carries what is asked and answered, until this is dropped.
    _driver: AbortOnDropHandle<()>,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl Claim {
    /// The key, which whoever comes later waits for.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Ahead {
    /// The key that is waited for.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Etcd {
    /// Not connected yet: the first question connects.
    pub fn new(url: &EtcdUrl, link: &Link) -> Self {
        Self { url: url.clone(), link: link.clone(), open: None }
    }

    /// Whether it answers, and has a leader.
    pub async fn ping(&mut self) -> Result<(), PartError> {
        self.ask("/v3/kv/range", &json!({"key": coded("overbooked")})).await.map(drop)
    }

    /// A lease for whole seconds, rounded up. A server may give a longer one than was asked for.
    pub async fn grant(&mut self, time: Duration) -> Result<LeaseId, PartError> {
        let seconds = time.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        let answer = self.ask("/v3/lease/grant", &json!({"TTL": seconds})).await?;
        number(&answer, "/ID").map(LeaseId).ok_or_else(|| self.unreadable(&answer))
    }

    /// Lets the lease live as long again; false if it has ended.
    pub async fn keep_alive(&mut self, lease: LeaseId) -> Result<bool, PartError> {
        let answer = self.ask("/v3/lease/keepalive", &json!({"ID": lease.0.to_string()})).await?;
        Ok(number(&answer, "/result/TTL").is_some_and(|seconds| seconds > 0))
    }

    /// Ends the lease, and deletes every key on it.
    pub async fn revoke(&mut self, lease: LeaseId) -> Result<(), PartError> {
        match self.ask("/v3/lease/revoke", &json!({"ID": lease.0.to_string()})).await {
            Err(error) if is_not_found(&error) => Ok(()),
            revoked => revoked.map(drop),
        }
    }

    /// Puts a key of this lease under the prefix, or finds the one that is there; nothing where
    /// the lease has ended.
    pub async fn claim(
        &mut self,
        prefix: &str,
        lease: LeaseId,
    ) -> Result<Option<(Claim, Standing)>, PartError> {
        let key = format!("{prefix}{:x}", lease.0);
        let is_new = json!({"key": coded(&key), "target": "CREATE", "create_revision": "0"});
        let put = json!({"request_put": {"key": coded(&key), "lease": lease.0.to_string()}});
        let get = json!({"request_range": {"key": coded(&key)}});
        let question = json!({"compare": [is_new], "success": [put], "failure": [get]});
        let answer = match self.ask("/v3/kv/txn", &question).await {
            Err(error) if is_not_found(&error) => return Ok(None),
            answer => answer?,
        };
        let ours = match answer.get("succeeded") {
            Some(Value::Bool(true)) => number(&answer, "/header/revision"),
            _ => number(&answer, "/responses/0/response_range/kvs/0/create_revision"),
        };
        let revision = ours.ok_or_else(|| self.unreadable(&answer))?;
        let claim = Claim { key, prefix: prefix.to_owned(), revision };
        let standing = self.standing(&claim).await?;
        Ok(Some((claim, standing)))
    }

    /// Who is right before us, and whether we are still there.
    pub async fn standing(&mut self, claim: &Claim) -> Result<Standing, PartError> {
        let question = json!({
            "key": coded(&claim.prefix),
            "range_end": coded_bytes(&end_of(&claim.prefix)),
            "max_create_revision": claim.revision.to_string(),
            "sort_order": "DESCEND",
            "sort_target": "CREATE",
            "limit": "2",
            "keys_only": true,
        });
        let answer = self.ask("/v3/kv/range", &question).await?;
        let created = |place: usize| number(&answer, &format!("/kvs/{place}/create_revision"));
        if created(0) != Some(claim.revision) {
            return Ok(Standing::Gone);
        }
        let before = answer.pointer("/kvs/1/key").and_then(Value::as_str).and_then(text);
        let Some(key) = before else { return Ok(Standing::First) };
        let seen = number(&answer, "/header/revision").unwrap_or_default();
        Ok(Standing::Behind(Ahead { key, from: seen + 1 }))
    }

    /// Until this key is deleted, on a connection of its own.
    pub async fn await_end(&self, ahead: &Ahead) -> Result<(), PartError> {
        let mut open = self.connect().await?;
        let question = json!({"create_request": {
            "key": coded(&ahead.key),
            "start_revision": ahead.from.to_string(),
            "filters": ["NOPUT"],
        }});
        let response = self.send(&mut open, "/v3/watch", &question).await?;
        let mut messages = store::Messages::new(response.into_body());
        loop {
            let message = messages.next().await.map_err(|error| self.away(error))?;
            if self.is_deletion(&message)? {
                return Ok(());
            }
        }
    }

    /// One more connection to the same server.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(&self.url, &self.link)
    }

    /// Deletes our key, so that the next is first; false if it was gone.
    pub async fn give_up(&mut self, claim: &Claim) -> Result<bool, PartError> {
        let answer = self.ask("/v3/kv/deleterange", &json!({"key": coded(&claim.key)})).await?;
        Ok(number(&answer, "/deleted").is_some_and(|keys| keys > 0))
    }

    /// A watch that is cancelled, because what it asks for was compacted, has nothing to wait for.
    fn is_deletion(&self, said: &Value) -> Result<bool, PartError> {
        if let Some(error) = said.get("error") {
            return Err(self.refused(error));
        }
        let is_cancelled = said.pointer("/result/canceled") == Some(&Value::Bool(true));
        let events = said.pointer("/result/events").and_then(Value::as_array);
        Ok(is_cancelled || events.is_some_and(|events| !events.is_empty()))
    }

    /// A connection that failed is not used again.
    async fn ask(&mut self, path: &str, question: &Value) -> Result<Value, PartError> {
        let mut open = match self.open.take() {
            Some(open) if !open.sender.is_closed() => open,
            _ => self.connect().await?,
        };
        let answered = timeout(ANSWER_WITHIN, self.exchange(&mut open, path, question)).await;
        let answer = answered.unwrap_or_else(|_| Err(self.silent()));
        if answer.as_ref().err().is_none_or(|error| !error.may_pass()) {
            self.open = Some(open);
        }
        answer
    }

    async fn exchange(
        &self,
        open: &mut Open,
        path: &str,
        question: &Value,
    ) -> Result<Value, PartError> {
        let response = self.send(open, path, question).await?;
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| self.away(io::Error::other(error)))?.to_bytes();
        // What streams answers one line for each message.
        let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let answer: Value = serde_json::from_slice(first).unwrap_or_default();
        match answer.get("error") {
            Some(_) if answer.get("code").is_some() => Err(self.refused(&answer)),
            Some(error) if error.is_object() => Err(self.refused(error)),
            Some(_) => Err(self.refused(&answer)),
            None if answer.is_object() => Ok(answer),
            None => Err(self.unreadable(&answer)),
        }
    }

    async fn send(
        &self,
        open: &mut Open,
        path: &str,
        question: &Value,
    ) -> Result<Response<Incoming>, PartError> {
        let mut request =
            Request::post(path).header(HOST, "etcd").header(CONTENT_TYPE, "application/json");
        if let Some(token) = &open.token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Full::from(question.to_string()));
        let request = request.map_err(|error| self.away(io::Error::other(error)))?;
        open.sender.ready().await.map_err(|error| self.away(io::Error::other(error)))?;
        let sent = open.sender.send_request(request).await;
        sent.map_err(|error| self.away(io::Error::other(error)))
    }

    async fn connect(&self) -> Result<Open, PartError> {
        let connecting = async {
            let mut open = self.open_connection().await.map_err(|error| self.away(error))?;
            if let Some((name, password)) = &self.url.account {
                let question = json!({"name": name, "password": password});
                let answer = self.exchange(&mut open, "/v3/auth/authenticate", &question).await?;
                open.token = answer.get("token").and_then(Value::as_str).map(str::to_owned);
            }
            Ok(open)
        };
        timeout(ANSWER_WITHIN, connecting).await.unwrap_or_else(|_| Err(self.silent()))
    }

    async fn open_connection(&self) -> io::Result<Open> {
        let stream = self.url.address.open(&self.link).await?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("etcd's connection ended: {error}");
            }
        });
        Ok(Open { sender, token: None, _driver: AbortOnDropHandle::new(driver) })
    }

    fn away(&self, source: io::Error) -> PartError {
        PartError::Away { part: PART, place: self.url.address.to_string(), source }
    }

    fn silent(&self) -> PartError {
        let place = self.url.address.to_string();
        PartError::Silent { part: PART, place, within: ANSWER_WITHIN }
    }

    fn unreadable(&self, answer: &Value) -> PartError {
        let message = format!("{} answers {answer}", self.url.address);
        PartError::Refused { part: PART, code: "answer".to_owned(), message }
    }

    fn refused(&self, said: &Value) -> PartError {
        let code = said.get("code").or_else(|| said.get("grpc_code"));
        let code = code.and_then(Value::as_i64).unwrap_or_default();
        let words = ["message", "error"].iter().find_map(|name| said.get(name)?.as_str());
        let message = words.unwrap_or("no reason given").to_owned();
        if MAY_PASS.contains(&code) {
            return self.away(io::Error::other(message));
        }
        PartError::Refused { part: PART, code: code.to_string(), message }
    }
}

fn is_not_found(error: &PartError) -> bool {
    matches!(error, PartError::Refused { code, .. } if *code == NOT_FOUND.to_string())
}

/// etcd writes 64-bit numbers as text, and leaves out what is zero.
fn number(answer: &Value, place: &str) -> Option<i64> {
    match answer.pointer(place)? {
        Value::String(digits) => digits.parse().ok(),
        value => value.as_i64(),
    }
}

fn coded(key: &str) -> String {
    coded_bytes(key.as_bytes())
}

fn coded_bytes(key: &[u8]) -> String {
    BASE64.encode(key)
}

fn text(coded: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(coded).ok()?).ok()
}

/// The first key after all that begin so. Our prefixes are ASCII.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_never_shown() {
        let url: EtcdUrl = "https://root:s%40crt@lock.example".parse().unwrap();
        let address = Address::Tcp { host: "lock.example".to_owned(), port: 2379, tls: true };
        assert_eq!(url.address, address);
        assert_eq!(url.account, Some(("root".to_owned(), "s@crt".to_owned())));
        assert!(!format!("{url:?}").contains("crt"));
        let url: EtcdUrl = "http://[::1]:1".parse().unwrap();
        assert_eq!(url.address.to_string(), "[::1]:1");
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        for wrong in ["etcd", "redis://localhost", "http://", "localhost:2379"] {
            let error = wrong.parse::<EtcdUrl>().unwrap_err();
            assert!(error.contains("http://"), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_behind_every_key_under_it() {
        assert_eq!(end_of("seat/7/"), b"seat/70");
    }
}
