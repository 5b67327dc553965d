//! What speaks Kafka's protocol: a topic whose partitions are logs, each read from a place that its
//! reader remembers.
//!
//! ```text
//!  produce ─▶ partition: 0 1 2 3 4 5 ─▶ fetch from 3
//! ```
//!
//! A record is acknowledged once all replicas in sync have it. A topic that was made anew under the
//! same name has another identity.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use tokio::time::timeout;

use super::address::{Address, Url};
use super::error::PartError;
use super::kafka_wire::Wire;
use super::link::Link;

const PART: &str = "Kafka";

/// How long an answer may take, and a new connection.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Kafka's own port.
const PORT: u16 = 9092;

/// How long a broker may wait for something to be fetched. Not every broker answers as soon as
/// there is something: tansu 0.6 waits for as long as it may.
const FETCH_WAIT_MS: i32 = 5;

/// After so many answers without a record a broker may look twice as long, and again. tansu 0.6 on
/// a busy machine can say that there is nothing where there is: it lists the whole partition.
const EMPTY_ANSWERS: u32 = 8;

/// How often the wait doubles at most: to 320 ms.
const DOUBLINGS: u32 = 6;

/// How much is fetched at once.
const FETCHED: i32 = 64 * 1024;

/// How long a broker may take for a change, in milliseconds.
const CHANGE_WITHIN_MS: i32 = 1_500;

/// Where the brokers are, and as whom we come.
#[derive(Clone)]
pub struct Brokers {
    first: Address,
    others: Vec<Address>,
    account: Option<(String, String)>,
    tls: bool,
}

/// Without the password.
impl fmt::Debug for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Brokers").field(&self.first).field(&self.others).finish()
    }
}

/// Without the account.
impl fmt::Display for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all().map(ToString::to_string).collect();
        f.write_str(&all.join(","))
    }
}

impl Brokers {
    /// A broker on this machine.
    pub fn of_port(port: u16) -> Self {
        let first = Address::Tcp { host: "127.0.0.1".to_owned(), port, tls: false };
        Self { first, others: Vec::new(), account: None, tls: false }
    }

    fn at(&self, host: String, port: u16) -> Address {
        Address::Tcp { host, port, tls: self.tls }
    }

    fn all(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl FromStr for Brokers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected host[:port][,host[:port]...], with kafka://user:password@ before it, or \
             kafkas:// for TLS"
                .to_owned()
        };
        let (tls, places) = match text.split_once("://") {
            None | Some(("kafka", _)) => (false, text.trim_start_matches("kafka://")),
            Some(("kafkas", places)) => (true, places),
            Some(_) => return Err(expected()),
        };
        let (account, places) = match places.rsplit_once('@') {
            Some((account, places)) => (Some(account), places),
            None => (None, places),
        };
        let mut addresses = places.split(',').map(|place| {
            let url = Url::parse(&format!("kafka://{place}")).ok_or_else(expected)?;
            let port = url.port.unwrap_or(PORT);
            Ok::<_, String>(Address::Tcp { host: url.host, port, tls })
        });
        let first = addresses.next().ok_or_else(expected)??;
        let others = addresses.collect::<Result<_, _>>()?;
        let account = account.map(|account| {
            Url::parse(&format!("kafka://{account}@host")).and_then(|url| url.account)
        });
        let account = match account {
            Some(None) => return Err(expected()),
            account => account.flatten(),
        };
        Ok(Self { first, others, account, tls })
    }
}

/// Which topic of a name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicId([u8; 16]);

/// A record as it stands in its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub offset: i64,
    pub value: Bytes,
}

/// A way to one topic; to the broker that leads the partition that was asked last.
pub struct Kafka {
    brokers: Brokers,
    link: Link,
    topic: String,
    open: Option<Open>,
    /// How many answers in a row had no record.
    empty_answers: u32,
}

struct Open {
    wire: Wire,
    leads: i32,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kafka").field(&self.brokers).field(&self.topic).finish()
    }
}

/// What may be different the next time: no such topic or leader yet, not enough replicas, no
/// controller.
const MAY_PASS: [i16; 10] = [3, 5, 6, 7, 8, 9, 13, 19, 20, 41];

const HUNG_UP: &str = "it closed the connection without an answer, as a broker does that is \
    ending, or that wants TLS (kafkas://) or a password (kafka://user:password@, SASL PLAIN)";

/// There is such a topic.
const EXISTS: i16 = 36;

/// There is none, or not here.
const UNKNOWN_TOPIC: i16 = 3;

impl Kafka {
    /// Not connected yet: the first question connects.
    pub fn new(brokers: &Brokers, link: &Link, topic: &str) -> Self {
        let (brokers, link) = (brokers.clone(), link.clone());
        Self { brokers, link, topic: topic.to_owned(), open: None, empty_answers: 0 }
    }

    /// Makes the topic if there is none, and says which one it is.
    pub async fn create(&mut self, partitions: u32) -> Result<TopicId, PartError> {
        self.in_time(self.make(partitions)).await?;
        self.known().await
    }

    /// Which topic it is; an error that may pass, if there is none.
    pub async fn known(&mut self) -> Result<TopicId, PartError> {
        self.identity().await?.ok_or_else(|| self.error_of(UNKNOWN_TOPIC))
    }

    async fn make(&self, partitions: u32) -> Result<(), PartError> {
        let (mut wire, _) = self.connect().await?;
        let topic = CreatableTopic::default()
            .with_name(self.name())
            .with_num_partitions(partitions.cast_signed())
            // As many as the broker makes of its own accord.
            .with_replication_factor(-1);
        let question = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(CHANGE_WITHIN_MS);
        let answer: CreateTopicsResponse =
            self.ask(&mut wire, ApiKey::CreateTopics, &question).await?;
        let errors = answer.topics.iter().map(|made| made.error_code);
        errors.filter(|code| *code != EXISTS).try_for_each(|code| self.check(code))
    }

    /// Whether it answers.
    pub async fn ping(&mut self) -> Result<(), PartError> {
        self.identity().await.map(drop)
    }

    /// Which topic has the name now.
    pub async fn identity(&mut self) -> Result<Option<TopicId>, PartError> {
        let looking = async {
            let (mut wire, _) = self.connect().await?;
            let known = self.metadata(&mut wire).await?;
            let topic = known.topics.first().filter(|topic| topic.error_code == 0);
            Ok(topic.map(|topic| TopicId(*topic.topic_id.as_bytes())))
        };
        self.in_time(looking).await
    }

    /// What all topics there are called.
    pub async fn topics(&mut self) -> Result<Vec<String>, PartError> {
        let looking = async {
            let (mut wire, _) = self.connect().await?;
            let question = MetadataRequest::default().with_topics(None);
            let known: MetadataResponse = self.ask(&mut wire, ApiKey::Metadata, &question).await?;
            let names = known.topics.into_iter().filter_map(|topic| topic.name);
            Ok(names.map(|name| name.to_string()).collect())
        };
        self.in_time(looking).await
    }

    /// Deletes the topic and all that is in it.
    pub async fn delete(&mut self) -> Result<(), PartError> {
        self.in_time(self.remove()).await
    }

    async fn remove(&self) -> Result<(), PartError> {
        let (mut wire, _) = self.connect().await?;
        let question = DeleteTopicsRequest::default()
            .with_topic_names(vec![self.name()])
            .with_timeout_ms(CHANGE_WITHIN_MS);
        let answer: DeleteTopicsResponse =
            self.ask(&mut wire, ApiKey::DeleteTopics, &question).await?;
        let errors = answer.responses.iter().map(|deleted| deleted.error_code);
        errors.filter(|code| *code != UNKNOWN_TOPIC).try_for_each(|code| self.check(code))
    }

    /// Appends to the partition, and waits until the record is where it is safe.
    pub async fn produce(&mut self, partition: i32, value: Vec<u8>) -> Result<(), PartError> {
        let key = Bytes::from(partition.to_string());
        let mut batch = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut batch, [&record(key, value.into())], &options)
            .map_err(|error| self.away(io::Error::other(error.to_string())))?;
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.freeze()));
        let topic =
            TopicProduceData::default().with_name(self.name()).with_partition_data(vec![data]);
        let question = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(CHANGE_WITHIN_MS)
            .with_topic_data(vec![topic]);
        let answer: ProduceResponse = self.lead(partition, ApiKey::Produce, &question).await?;
        let said = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        said.map(|said| said.error_code).try_for_each(|code| self.check(code))
    }

    /// What stands in the partition from there on; nothing where there is nothing yet.
    pub async fn fetch(&mut self, partition: i32, from: i64) -> Result<Vec<Fetched>, PartError> {
        let wanted = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(from)
            .with_partition_max_bytes(FETCHED);
        let topic = FetchTopic::default().with_topic(self.name()).with_partitions(vec![wanted]);
        let question = FetchRequest::default()
            .with_max_wait_ms(fetch_wait_ms(self.empty_answers))
            .with_min_bytes(1)
            .with_max_bytes(FETCHED)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let answer: FetchResponse = self.lead(partition, ApiKey::Fetch, &question).await?;
        self.check(answer.error_code)?;
        let mut fetched = Vec::new();
        for data in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
            self.check(data.error_code)?;
            let mut records = data.records.unwrap_or_default();
            let sets = RecordBatchDecoder::decode_all(&mut records)
                .map_err(|error| self.away(io::Error::other(error.to_string())))?;
            let records = sets.into_iter().flat_map(|set| set.records);
            // A broker gives whole batches, also those that begin before.
            fetched.extend(records.filter(|record| record.offset >= from).map(|record| Fetched {
                offset: record.offset,
                value: record.value.unwrap_or_default(),
            }));
        }
        self.empty_answers =
            if fetched.is_empty() { self.empty_answers.saturating_add(1) } else { 0 };
        Ok(fetched)
    }

    /// Asks the broker that leads the partition. A connection that failed is not used again.
    async fn lead<Q: Encodable, A: Decodable>(
        &mut self,
        partition: i32,
        key: ApiKey,
        question: &Q,
    ) -> Result<A, PartError> {
        let open = self.open.take().filter(|open| open.leads == partition);
        let asking = async {
            let mut open = match open {
                Some(open) => open,
                None => Open { wire: self.leader(partition).await?, leads: partition },
            };
            let answer = self.ask(&mut open.wire, key, question).await?;
            Ok((open, answer))
        };
        let (open, answer) = self.in_time(asking).await?;
        self.open = Some(open);
        Ok(answer)
    }

    async fn leader(&self, partition: i32) -> Result<Wire, PartError> {
        let (mut wire, address) = self.connect().await?;
        let known = self.metadata(&mut wire).await?;
        let topic = known.topics.first().ok_or_else(|| self.error_of(UNKNOWN_TOPIC))?;
        self.check(topic.error_code)?;
        let found = topic.partitions.iter().find(|found| found.partition_index == partition);
        let leader = found.ok_or_else(|| self.error_of(UNKNOWN_TOPIC))?.leader_id;
        let broker = known.brokers.iter().find(|broker| broker.node_id == leader);
        let place = broker.and_then(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            Some(self.brokers.at(broker.host.to_string(), port))
        });
        match place {
            Some(place) if place != address => self.open(&place).await,
            Some(_) => Ok(wire),
            None => Err(self.error_of(5)),
        }
    }

    async fn metadata(&self, wire: &mut Wire) -> Result<MetadataResponse, PartError> {
        let topic = MetadataRequestTopic::default().with_name(Some(self.name()));
        let question = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        self.ask(wire, ApiKey::Metadata, &question).await
    }

    /// To the first of the brokers that lets us in.
    async fn connect(&self) -> Result<(Wire, Address), PartError> {
        let mut why = None;
        for address in self.brokers.all() {
            match self.open(address).await {
                Ok(wire) => return Ok((wire, address.clone())),
                Err(error) => why = Some(error),
            }
        }
        Err(why.unwrap_or_else(|| self.silent()))
    }

    async fn open(&self, address: &Address) -> Result<Wire, PartError> {
        let place = || address.to_string();
        let away =
            |source| PartError::Away { part: PART, place: place(), source: explained(source) };
        let mut wire = Wire::over(address.open(&self.link).await.map_err(away)?);
        if let Some(account) = &self.brokers.account {
            let let_in = wire.authenticate(account).await.map_err(away)?;
            let_in.map_err(|(code, words)| Self::refused(code, words))?;
        }
        Ok(wire)
    }

    async fn ask<Q: Encodable, A: Decodable>(
        &self,
        wire: &mut Wire,
        key: ApiKey,
        question: &Q,
    ) -> Result<A, PartError> {
        wire.ask(key, question).await.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                let words = format!("{} does not speak Kafka's protocol: {error}", self.place());
                PartError::Refused { part: PART, code: "answer".to_owned(), message: words }
            }
            _ => self.away(error),
        })
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, PartError>>,
    ) -> Result<T, PartError> {
        timeout(ANSWER_WITHIN, asked).await.unwrap_or_else(|_| Err(self.silent()))
    }

    fn name(&self) -> TopicName {
        TopicName(StrBytes::from_string(self.topic.clone()))
    }

    fn place(&self) -> String {
        self.brokers.to_string()
    }

    fn away(&self, source: io::Error) -> PartError {
        PartError::Away { part: PART, place: self.place(), source: explained(source) }
    }

    fn silent(&self) -> PartError {
        PartError::Silent { part: PART, place: self.place(), within: ANSWER_WITHIN }
    }

    fn refused(code: i16, words: String) -> PartError {
        let name = ResponseError::try_from_code(code).map(|error| format!("{error:?}"));
        let message = match (name, words.is_empty()) {
            (Some(name), true) => name,
            (Some(name), false) => format!("{name}: {words}"),
            (None, _) => words,
        };
        PartError::Refused { part: PART, code: code.to_string(), message }
    }

    fn check(&self, code: i16) -> Result<(), PartError> {
        if code == 0 { Ok(()) } else { Err(self.error_of(code)) }
    }

    fn error_of(&self, code: i16) -> PartError {
        match Self::refused(code, String::new()) {
            PartError::Refused { message, .. } if MAY_PASS.contains(&code) => {
                self.away(io::Error::other(message))
            }
            error => error,
        }
    }
}

fn fetch_wait_ms(empty_answers: u32) -> i32 {
    FETCH_WAIT_MS << (empty_answers / EMPTY_ANSWERS).min(DOUBLINGS)
}

/// Brokers hang up on whoever speaks without the TLS or the password that they want.
fn explained(source: io::Error) -> io::Error {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other(HUNG_UP),
        _ => source,
    }
}

fn record(key: Bytes, value: Bytes) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: 0,
        key: Some(key),
        value: Some(value),
        headers: IndexMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_and_their_password_never_shown() {
        let brokers: Brokers = "kafkas://shop:s%40crt@one.example,[::1]:9093".parse().unwrap();
        let tcp = |host: &str, port| Address::Tcp { host: host.to_owned(), port, tls: true };
        let all: Vec<&Address> = brokers.all().collect();
        assert_eq!(all, [&tcp("one.example", 9092), &tcp("::1", 9093)]);
        assert_eq!(brokers.account, Some(("shop".to_owned(), "s@crt".to_owned())));
        assert!(!format!("{brokers:?}").contains("crt"));
        let brokers: Brokers = "localhost:29092".parse().unwrap();
        assert_eq!(brokers.first.to_string(), "localhost:29092");
    }

    #[test]
    fn a_broker_that_finds_nothing_gets_more_time() {
        let waits = [0, 7, 8, 16, 47, 48, u32::MAX].map(fetch_wait_ms);
        assert_eq!(waits, [5, 5, 10, 20, 160, 320, 320]);
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        for wrong in ["", "http://localhost", "kafka://", "localhost,,", "kafka://@"] {
            let error = wrong.parse::<Brokers>().unwrap_err();
            assert!(error.contains("host[:port]"), "{wrong}: {error}");
        }
    }
}
