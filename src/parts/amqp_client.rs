//! RabbitMQ, by AMQP 0-9-1: quorum queues, publisher confirms, acknowledgements by hand.
//!
//! ```text
//!  publish ─▶ queue ─▶ its one active consumer ─▶ acknowledge
//!     ▲         │ rejected too often
//!  confirmed    └─▶ the queue of dead letters
//! ```
//!
//! A message is confirmed once it is on the disks of most of the servers. What was delivered and
//! not acknowledged is delivered again.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::tcp::AsyncTcpStream;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{
    Acker, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    ErrorKind,
};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::address::{Address, Url, decoded};
use super::amqp_runtime;
use super::error::PartError;
use super::link::Link;

const PART: &str = "RabbitMQ";

/// How long an answer may take, and a new connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// AMQP's ports, without TLS and with it.
const PORTS: [u16; 2] = [5672, 5671];

/// Our messages are short, and each connection has buffers of some dozen frames.
const FRAME: u32 = 8192;

/// How often each side lets the other hear that it is there, in seconds.
const HEARTBEAT: u16 = 10;

/// How many messages may be on their way to a consumer.
const PREFETCHED: u16 = 32;

/// How often a message may come back before it is a dead letter.
const DELIVERY_LIMIT: i64 = 5;

/// How long a queue of a rush that was killed stays: so long without a consumer, in milliseconds.
const EXPIRES_AFTER_MS: i32 = 60 * 60 * 1_000;

/// A message that outlives the server.
const PERSISTENT: u8 = 2;

/// What may be different the next time: a server that is told to end, a queue whose leader is not
/// up yet, an error inside.
const MAY_PASS: [u16; 4] = [320, 404, 405, 541];

/// A queue that is only not up yet is not found either, with other words.
const NO_QUEUE: &str = "no queue";

/// Where a RabbitMQ is, and as whom we come.
#[derive(Clone)]
pub struct AmqpUrl {
    address: Address,
    account: (String, String),
    virtual_host: String,
}

/// Without the password.
impl fmt::Debug for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AmqpUrl").field(&self.address).finish()
    }
}

/// Without the account.
impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl AmqpUrl {
    /// A server on this machine.
    pub fn of_port(port: u16, user: &str, password: &str) -> Self {
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port, tls: false };
        let account = (user.to_owned(), password.to_owned());
        Self { address, account, virtual_host: "/".to_owned() }
    }

    fn to_lapin(&self) -> AMQPUri {
        let (username, password) = self.account.clone();
        // We open the stream ourselves.
        let (host, port) = (String::new(), 0);
        let query = AMQPQueryString {
            frame_max: Some(FRAME),
            heartbeat: Some(HEARTBEAT),
            ..AMQPQueryString::default()
        };
        let userinfo = AMQPUserInfo { username, password };
        let authority = AMQPAuthority { userinfo, host, port };
        AMQPUri { scheme: AMQPScheme::AMQP, authority, vhost: self.virtual_host.clone(), query }
    }
}

impl FromStr for AmqpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected amqp://[user:password@]host[:port][/virtual-host], amqps:// for TLS"
                .to_owned()
        };
        let Url { scheme, account, host, port, path } = Url::parse(text).ok_or_else(expected)?;
        let tls = match scheme.as_str() {
            "amqp" => false,
            "amqps" => true,
            _ => return Err(expected()),
        };
        let port = port.unwrap_or(PORTS[usize::from(tls)]);
        let account = account.unwrap_or_else(|| ("guest".to_owned(), "guest".to_owned()));
        let virtual_host = match path.strip_prefix('/') {
            None | Some("") => "/".to_owned(),
            Some(path) => decoded(path),
        };
        Ok(Self { address: Address::Tcp { host, port, tls }, account, virtual_host })
    }
}

/// What is in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Messages that are to be worked on.
    Work,
    /// Those that came back too often.
    Dead,
}

impl Queue {
    fn named(self, name: &str) -> ShortString {
        match self {
            Self::Work => name.into(),
            Self::Dead => format!("{name}.dead").into(),
        }
    }
}

/// A message that was delivered.
#[derive(Debug)]
pub struct Delivered {
    pub body: Vec<u8>,
    /// Where it comes from.
    pub queue: Queue,
    /// Whether it had been delivered before.
    pub again: bool,
    receipt: Receipt,
}

/// What a message is acknowledged by.
#[derive(Debug)]
pub struct Receipt(Acker);

impl Delivered {
    /// The body, and what to acknowledge it by.
    pub fn into_parts(self) -> (Vec<u8>, Receipt) {
        (self.body, self.receipt)
    }
}

/// A way to a server that several share: one connection, made again after a loss.
#[derive(Clone, Debug)]
pub struct Amqp {
    url: AmqpUrl,
    link: Link,
    open: Arc<Mutex<Option<Arc<Connection>>>>,
}

/// One that publishes, and is told when a message is safe.
#[derive(Debug)]
pub struct Publisher {
    amqp: Amqp,
    open: Option<(Arc<Connection>, Channel)>,
}

/// The consumer of a queue and of its dead letters.
#[derive(Debug)]
pub struct Consuming {
    amqp: Amqp,
    work: Consumer,
    dead: Consumer,
    was_gone: bool,
    /// Both end with it.
    _connection: Connection,
}

impl Amqp {
    /// Not connected yet.
    pub fn new(url: &AmqpUrl, link: &Link) -> Self {
        Self { url: url.clone(), link: link.clone(), open: Arc::default() }
    }

    /// Whether it lets us in.
    pub async fn ping(&self) -> Result<(), PartError> {
        self.channel().await.map(drop)
    }

    /// Makes a queue, if there is none of this name, and the one for its dead letters.
    pub async fn declare(&self, queue: &str) -> Result<(), PartError> {
        let (_connection, channel) = self.channel().await?;
        self.in_time(declare(&channel, queue)).await
    }

    /// How many messages nobody has taken yet.
    pub async fn depth(&self, queue: &str, kind: Queue) -> Result<u32, PartError> {
        let (_connection, channel) = self.channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(kind.named(queue), passive, FieldTable::default());
        Ok(self.in_time(declared).await?.message_count())
    }

    /// Deletes both, with what is in them; the second one also where the first stays. What is not
    /// there is no error.
    pub async fn delete(&self, queue: &str) -> Result<(), PartError> {
        let work = self.delete_one(queue, Queue::Work).await;
        let dead = self.delete_one(queue, Queue::Dead).await;
        work.and(dead)
    }

    /// On a channel of its own, which a refusal closes.
    async fn delete_one(&self, queue: &str, kind: Queue) -> Result<(), PartError> {
        let (_connection, channel) = self.channel().await?;
        let deleted = channel.queue_delete(kind.named(queue), QueueDeleteOptions::default());
        self.in_time(deleted).await.map(drop)
    }

    /// One more who publishes.
    pub fn publisher(&self) -> Publisher {
        Publisher { amqp: self.clone(), open: None }
    }

    /// Consumes a queue and its dead letters, on a connection of its own.
    pub async fn consume(&self, queue: &str) -> Result<Consuming, PartError> {
        let connection = self.connect().await?;
        let consuming = async {
            let was_gone = is_gone(&connection.create_channel().await?, queue).await?;
            let channel = connection.create_channel().await?;
            declare(&channel, queue).await?;
            channel.basic_qos(PREFETCHED, BasicQosOptions::default()).await?;
            let consume = async |kind: Queue| {
                let options = BasicConsumeOptions::default();
                let (name, tag) = (kind.named(queue), ShortString::default());
                channel.basic_consume(name, tag, options, FieldTable::default()).await
            };
            Ok((consume(Queue::Work).await?, consume(Queue::Dead).await?, was_gone))
        };
        let (work, dead, was_gone) = self.in_time(consuming).await?;
        Ok(Consuming { amqp: self.clone(), work, dead, was_gone, _connection: connection })
    }

    /// A channel of the connection that is shared, and the connection itself.
    async fn channel(&self) -> Result<(Arc<Connection>, Channel), PartError> {
        let connection = {
            let mut open = self.open.lock().await;
            match open.as_ref().filter(|connection| connection.status().connected()) {
                Some(connection) => Arc::clone(connection),
                None => Arc::clone(open.insert(Arc::new(self.connect().await?))),
            }
        };
        match self.in_time(connection.create_channel()).await {
            Ok(channel) => Ok((connection, channel)),
            Err(error) => {
                self.discard(&connection).await;
                Err(error)
            }
        }
    }

    /// A connection that failed is not used again.
    async fn discard(&self, failed: &Arc<Connection>) {
        let mut open = self.open.lock().await;
        open.take_if(|connection| Arc::ptr_eq(connection, failed));
    }

    async fn connect(&self) -> Result<Connection, PartError> {
        let (address, link) = (self.url.address.clone(), self.link.clone());
        let stream = timeout(ANSWER_WITHIN, address.open(&link)).await;
        let stream = stream.map_err(|_| self.silent())?.map_err(|error| self.away(error))?;
        // It is asked for once: nothing is connected again behind our back.
        let stream = std::sync::Mutex::new(Some(stream));
        let opened = async move |_uri, _runtime| {
            let stream = stream.lock().ok().and_then(|mut stream| stream.take());
            let stream = stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
            Ok(AsyncTcpStream::Plain(stream.compat()))
        };
        let (uri, runtime) = (self.url.to_lapin(), amqp_runtime::current());
        let properties = ConnectionProperties::default().with_connection_name("overbooked".into());
        self.in_time(Connection::connector(uri, runtime, opened, properties)).await
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, PartError> {
        let answered = timeout(ANSWER_WITHIN, asked).await;
        answered.map_err(|_| self.silent())?.map_err(|error| self.failed(&error))
    }

    fn away(&self, source: io::Error) -> PartError {
        PartError::Away { part: PART, place: self.url.to_string(), source }
    }

    fn silent(&self) -> PartError {
        let place = self.url.to_string();
        PartError::Silent { part: PART, place, within: ANSWER_WITHIN }
    }

    fn refused(code: impl Into<String>, message: String) -> PartError {
        PartError::Refused { part: PART, code: code.into(), message }
    }

    fn failed(&self, error: &lapin::Error) -> PartError {
        match error.kind() {
            ErrorKind::ProtocolError(said) if !MAY_PASS.contains(&said.get_id()) => {
                Self::refused(said.get_id().to_string(), said.get_message().to_string())
            }
            ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => {
                let message = format!("{} does not speak AMQP 0-9-1: {error}", self.url);
                Self::refused("answer", message)
            }
            _ => self.away(io::Error::other(error.clone())),
        }
    }
}

/// The queue and the one for its dead letters; both are on disk, and have one active consumer.
async fn declare(channel: &Channel, queue: &str) -> lapin::Result<()> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let text = |words: &str| AMQPValue::LongString(words.into());
    let dead = Queue::Dead.named(queue);
    let mut both = FieldTable::default();
    both.insert("x-queue-type".into(), text("quorum"));
    both.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    both.insert("x-expires".into(), AMQPValue::LongInt(EXPIRES_AFTER_MS));
    let mut work = both.clone();
    work.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
    work.insert("x-dead-letter-exchange".into(), text(""));
    work.insert("x-dead-letter-routing-key".into(), text(dead.as_str()));
    // Otherwise a dead letter could be lost on its way.
    work.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    work.insert("x-overflow".into(), text("reject-publish"));
    channel.queue_declare(dead, durable, both).await?;
    channel.queue_declare(Queue::Work.named(queue), durable, work).await.map(drop)
}

impl Publisher {
    /// Until the server has the message safe. A server that does not say so may have it all the
    /// same.
    pub async fn publish(&mut self, queue: &str, body: &[u8]) -> Result<(), PartError> {
        let (connection, channel) = match self.open.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let published = async {
            let published =
                channel.basic_publish("".into(), queue.into(), options, body, properties);
            published.await?.await
        };
        match self.amqp.in_time(published).await {
            Ok(Confirmation::Ack(None)) => {
                self.open = Some((connection, channel));
                Ok(())
            }
            Ok(Confirmation::Ack(Some(_))) => {
                let message = format!("nothing is routed to the queue {queue}");
                Err(self.amqp.away(io::Error::other(message)))
            }
            Ok(_) => Err(self.amqp.away(io::Error::other("the message was not accepted"))),
            Err(error) => {
                let blocked = connection.status().blocked();
                self.amqp.discard(&connection).await;
                if blocked {
                    let message = "no publishing for now: short of memory or disk".to_owned();
                    return Err(Amqp::refused("blocked", message));
                }
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<(Arc<Connection>, Channel), PartError> {
        let (connection, channel) = self.amqp.channel().await?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default());
        self.amqp.in_time(confirming).await?;
        Ok((connection, channel))
    }
}

/// Whether there is no such queue; a server that cannot tell has an error.
async fn is_gone(channel: &Channel, queue: &str) -> lapin::Result<bool> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(queue.into(), passive, FieldTable::default()).await {
        Ok(_) => Ok(false),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(said) if said.get_message().as_str().contains(NO_QUEUE) => {
                Ok(true)
            }
            _ => Err(error),
        },
    }
}

impl Consuming {
    /// Whether the queue had to be made anew, with nothing in it; told once.
    pub fn take_loss(&mut self) -> bool {
        std::mem::take(&mut self.was_gone)
    }

    /// The next message; waits for one.
    pub async fn next(&mut self) -> Result<Delivered, PartError> {
        let (delivered, queue) = tokio::select! {
            work = self.work.next() => (work, Queue::Work),
            dead = self.dead.next() => (dead, Queue::Dead),
        };
        self.delivered(delivered, queue)
    }

    fn delivered(
        &self,
        delivered: Option<lapin::Result<lapin::message::Delivery>>,
        queue: Queue,
    ) -> Result<Delivered, PartError> {
        match delivered {
            Some(Ok(lapin::message::Delivery { data, redelivered, acker, .. })) => {
                let receipt = Receipt(acker);
                Ok(Delivered { body: data, queue, again: redelivered, receipt })
            }
            Some(Err(error)) => Err(self.amqp.failed(&error)),
            None => Err(self.amqp.away(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// The message is done with. Otherwise it comes again.
    pub async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PartError> {
        self.amqp.in_time(receipt.0.ack(BasicAckOptions::default())).await.map(drop)
    }

    /// The message is to come again, and in the end to go to the dead letters.
    pub async fn reject(&self, receipt: &Receipt) -> Result<(), PartError> {
        let rejected = receipt.0.reject(BasicRejectOptions { requeue: true });
        self.amqp.in_time(rejected).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_never_shown() {
        let url: AmqpUrl = "amqps://shop:s%40crt@queue.example/seats%2Fone".parse().unwrap();
        let address = Address::Tcp { host: "queue.example".to_owned(), port: 5671, tls: true };
        assert_eq!(url.address, address);
        assert_eq!(url.account, ("shop".to_owned(), "s@crt".to_owned()));
        assert_eq!(url.virtual_host, "seats/one");
        assert!(!format!("{url:?}").contains("crt"));
        let url: AmqpUrl = "amqp://[::1]".parse().unwrap();
        assert_eq!(url.address.to_string(), "[::1]:5672");
        assert_eq!((url.account.0.as_str(), url.virtual_host.as_str()), ("guest", "/"));
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        for wrong in ["rabbit", "http://localhost", "amqp://", "localhost:5672"] {
            let error = wrong.parse::<AmqpUrl>().unwrap_err();
            assert!(error.contains("amqp://"), "{wrong}: {error}");
        }
    }
}
