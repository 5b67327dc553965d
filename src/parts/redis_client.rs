//! Redis or Valkey: holds with a time to live, and a counter as fencing token.

use std::fmt;
use std::future::Future;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisError, Script, ServerErrorKind, Value,
};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::error::PartError;
use super::link::Link;

const PART: &str = "Redis";

/// How long an answer may take, and a new connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Takes the key and counts, both or neither: the count is the fencing token. A counter that nobody
/// deletes is gone after a day.
const HOLD_FENCED: &str = "\
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local fence = redis.call('incr', KEYS[2])
  if fence == 1 then
    redis.call('expire', KEYS[2], 86400)
  end
  return fence
end
return 0";

/// Deletes the key if it still has this token.
const RELEASE: &str = "\
if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0";

/// Sets a counter that is behind, and leaves one that is not.
const RAISE: &str = "\
if tonumber(redis.call('get', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  redis.call('set', KEYS[1], ARGV[1], 'EX', 86400)
end
return 1";

/// Where a Redis is, and as whom we come.
#[derive(Clone)]
pub struct RedisUrl {
    address: Address,
    account: RedisConnectionInfo,
}

/// Without the password.
impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisUrl").field(&self.address).finish()
    }
}

impl RedisUrl {
    /// A server on a Unix socket.
    pub fn of_socket(address: Address) -> Self {
        Self { address, account: RedisConnectionInfo::default() }
    }
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Its own TLS is left out: ours knows the certificates that everything else here trusts.
        let encrypted = ["rediss://", "valkeys://"].iter().find_map(|tls| text.strip_prefix(tls));
        let plain = encrypted.map(|rest| format!("redis://{rest}"));
        let info = plain.as_deref().unwrap_or(text).into_connection_info().map_err(|_| {
            "expected redis://[[user]:password@]host[:port][/database], rediss:// for TLS, or \
             unix:///path/to/socket"
                .to_owned()
        })?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                Address::Tcp { host: host.clone(), port: *port, tls: encrypted.is_some() }
            }
            ConnectionAddr::Unix(path) => Address::Socket(path.clone()),
            _ => return Err("this kind of address is not known".to_owned()),
        };
        Ok(Self { address, account: info.redis_settings().clone() })
    }
}

/// How a key is deleted by whoever still holds it: in one command where the server has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// A script that compares and deletes.
    #[default]
    Script,
    /// `DELIFEQ` (Valkey 9).
    DelIfEq,
    /// `DELEX ... IFEQ` (Redis 8.4).
    DelEx,
}

/// One connection to Redis, made again after a loss.
#[derive(Debug)]
pub struct Redis {
    url: RedisUrl,
    link: Link,
    release: Release,
    open: Option<Open>,
}

struct Open {
    connection: MultiplexedConnection,
    /// Carries what is asked and answered, until this is dropped.
    _driver: AbortOnDropHandle<()>,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl Redis {
    /// Not connected yet: the first question connects.
    pub fn new(url: &RedisUrl, link: &Link) -> Self {
        let release = Release::default();
        Self { url: url.clone(), link: link.clone(), release, open: None }
    }

    /// The same, with the way of releasing that the server was found to have.
    #[must_use]
    pub fn releasing(self, release: Release) -> Self {
        Self { release, ..self }
    }

    /// Whether it answers at all.
    pub async fn ping(&mut self) -> Result<(), PartError> {
        self.ask(async |mut redis| redis::cmd("PING").query_async::<Value>(&mut redis).await)
            .await
            .map(drop)
    }

    /// How the server lets a holder release.
    pub async fn ways_of_releasing(&mut self) -> Result<Release, PartError> {
        let known = self.ask(async |mut redis| {
            let mut question = redis::cmd("COMMAND");
            question.arg(&["INFO", "delifeq", "delex"]);
            question.query_async::<Vec<Value>>(&mut redis).await
        });
        Ok(best_release(&known.await?))
    }

    /// Takes the key for so long, if nobody has it.
    pub async fn hold(
        &mut self,
        key: &str,
        token: &str,
        time_to_live: Duration,
    ) -> Result<bool, PartError> {
        let mut set = redis::cmd("SET");
        set.arg(key).arg(token).arg("NX").arg("PX").arg(millis(time_to_live));
        let answer =
            self.ask(async |mut redis| set.query_async::<Option<String>>(&mut redis).await);
        Ok(answer.await?.is_some())
    }

    /// Takes the key for so long, if nobody has it, and with it the next number of a counter.
    pub async fn hold_fenced(
        &mut self,
        key: &str,
        counter: &str,
        token: &str,
        time_to_live: Duration,
    ) -> Result<Option<i32>, PartError> {
        let script = Script::new(HOLD_FENCED);
        let mut call = script.key(key);
        call.key(counter).arg(token).arg(millis(time_to_live));
        let fence = self.ask(async |mut redis| call.invoke_async::<i32>(&mut redis).await).await?;
        Ok((fence > 0).then_some(fence))
    }

    /// Deletes the key; false when it was not held with this token any more.
    pub async fn release(&mut self, key: &str, token: &str) -> Result<bool, PartError> {
        let deleted = match self.release {
            Release::Script => {
                let script = Script::new(RELEASE);
                let mut call = script.key(key);
                call.arg(token);
                self.ask(async |mut redis| call.invoke_async::<u32>(&mut redis).await).await
            }
            Release::DelIfEq => {
                let mut command = redis::cmd("DELIFEQ");
                command.arg(key).arg(token);
                self.ask(async |mut redis| command.query_async::<u32>(&mut redis).await).await
            }
            Release::DelEx => {
                let mut command = redis::cmd("DELEX");
                command.arg(key).arg("IFEQ").arg(token);
                self.ask(async |mut redis| command.query_async::<u32>(&mut redis).await).await
            }
        };
        Ok(deleted? == 1)
    }

    /// Brings a counter that has forgotten up to this number.
    pub async fn raise(&mut self, counter: &str, to: i32) -> Result<(), PartError> {
        let script = Script::new(RAISE);
        let mut call = script.key(counter);
        call.arg(to);
        self.ask(async |mut redis| call.invoke_async::<Value>(&mut redis).await).await.map(drop)
    }

    /// Deletes these keys.
    pub async fn delete(&mut self, keys: Vec<String>) -> Result<(), PartError> {
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(keys);
        self.ask(async |mut redis| unlink.query_async::<Value>(&mut redis).await).await.map(drop)
    }

    /// A connection that failed is not used again.
    async fn ask<T, Asking>(
        &mut self,
        question: impl FnOnce(MultiplexedConnection) -> Asking,
    ) -> Result<T, PartError>
    where
        Asking: Future<Output = Result<T, RedisError>>,
    {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let answer = question(open.connection.clone()).await;
        match answer {
            Ok(answer) => {
                self.open = Some(open);
                Ok(answer)
            }
            Err(error) => {
                let error = self.failed(error);
                if !error.may_pass() {
                    self.open = Some(open);
                }
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Open, PartError> {
        match timeout(ANSWER_WITHIN, self.open_connection()).await {
            Ok(opened) => opened,
            Err(_) => Err(self.silent()),
        }
    }

    async fn open_connection(&self) -> Result<Open, PartError> {
        let RedisUrl { address, account } = &self.url;
        let stream = address.open(&self.link).await.map_err(|source| self.away(source))?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_WITHIN));
        let opening = MultiplexedConnection::new_with_config(account, stream, config);
        let (connection, driver) = opening.await.map_err(|error| self.failed(error))?;
        Ok(Open { connection, _driver: AbortOnDropHandle::new(tokio::spawn(driver)) })
    }

    fn away(&self, source: io::Error) -> PartError {
        PartError::Away { part: PART, place: self.url.address.to_string(), source }
    }

    fn silent(&self) -> PartError {
        let place = self.url.address.to_string();
        PartError::Silent { part: PART, place, within: ANSWER_WITHIN }
    }

    fn failed(&self, error: RedisError) -> PartError {
        if error.is_timeout() {
            return self.silent();
        }
        let loading = error.kind() == ServerErrorKind::BusyLoading.into();
        if error.is_io_error() || error.is_connection_dropped() || loading {
            return self.away(io::Error::other(error));
        }
        let code = error.code().unwrap_or_else(|| error.category()).to_owned();
        let message = error.detail().map_or_else(|| error.to_string(), str::to_owned);
        PartError::Refused { part: PART, code, message }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// From what `COMMAND INFO delifeq delex` says: nothing about a command that there is not.
fn best_release(known: &[Value]) -> Release {
    let has = |place: usize| {
        known
            .get(place)
            .is_some_and(|command| matches!(command, Value::Array(words) if !words.is_empty()))
    };
    match (has(0), has(1)) {
        (true, _) => Release::DelIfEq,
        (_, true) => Release::DelEx,
        _ => Release::Script,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_never_shown() {
        let url: RedisUrl = "redis://:secret@cache.example:6380/2".parse().unwrap();
        let tcp = |tls| Address::Tcp { host: "cache.example".to_owned(), port: 6380, tls };
        assert_eq!(url.address, tcp(false));
        assert!(!format!("{url:?}").contains("secret"));
        assert_eq!("rediss://cache.example:6380".parse::<RedisUrl>().unwrap().address, tcp(true));
        let socket = "unix:///run/redis.sock".parse::<RedisUrl>().unwrap();
        assert_eq!(socket.address, Address::Socket("/run/redis.sock".into()));
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        let error = "http://cache.example".parse::<RedisUrl>().unwrap_err();
        assert!(error.contains("redis://"), "{error}");
    }

    #[test]
    fn a_server_releases_in_one_command_where_it_has_one() {
        let command = |name: &str| Value::Array(vec![Value::BulkString(name.into())]);
        let cases = [
            (vec![Value::Nil, Value::Nil], Release::Script),
            (vec![command("delifeq"), Value::Nil], Release::DelIfEq),
            (vec![Value::Nil, command("delex")], Release::DelEx),
            (vec![], Release::Script),
        ];
        for (known, release) in cases {
            assert_eq!(best_release(&known), release, "{known:?}");
        }
    }
}
