//! A partition a compartment, in a topic of whatever speaks Kafka's protocol. Its one reader looks
//! and sells, and keeps its place in the database, in the transaction that sells: what is read
//! again changes nothing.
//!
//! A broker that keeps its topics in memory alone has lost what it had accepted when it is killed.
//! Its topic has another identity then. The requests that somebody still waits for are counted as
//! lost, and asked again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::fenced::token;
use super::registry::Brief;
use super::{Answer, Attempt, Brought, Sender, Strategy};
use crate::core::sql::rush as sql;
use crate::parts::PartError;
use crate::parts::kafka_client::{ANSWER_WITHIN, Fetched, Kafka, TopicId};
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::letter::Letter;
use crate::rush::parts::{PartName, Parts};
use crate::rush::pause;
use crate::rush::trace::Request;
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::{Phrase, WorkerClient};

/// How long a missing record is waited for: longer than its sender waits to hear that the part has
/// it. What is missing then was never accepted, and its sender sends it again.
const GAP: Duration = ANSWER_WITHIN.saturating_add(Duration::from_secs(1));

/// Partitions in Kafka.
pub(super) struct KafkaQueue {
    topic: Arc<str>,
    compartments: u32,
    parts: Arc<Parts>,
    figures: Arc<Figures>,
}

impl KafkaQueue {
    pub(super) fn new(brief: &Brief) -> Self {
        Self {
            topic: Arc::clone(&brief.schema),
            compartments: brief.compartments,
            parts: Arc::clone(&brief.parts),
            figures: Arc::clone(&brief.figures),
        }
    }

    fn open(&self) -> Result<Kafka, AttemptError> {
        let reached = self.parts.kafka().ok_or_else(|| AttemptError::no_part(PartName::Kafka))?;
        Ok(Kafka::new(&reached.url, &reached.link, &self.topic))
    }
}

impl Strategy for KafkaQueue {
    fn tables(&self) -> &'static [Phrase] {
        &[sql::OFFSETS]
    }

    fn prepare<'a>(
        &'a self,
        context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move {
            self.open()?.create(self.compartments).await?;
            let mut client = context.client().await?;
            client.change(sql::FILL_OFFSETS, &[self.compartments.cast_signed()]).await?;
            Ok(())
        })
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        Box::pin(async move {
            let mut kafka = self.open()?;
            let reader: Box<dyn Attempt> = Box::new(PartitionReader {
                topic: kafka.known().await?,
                kafka,
                partitions: self.compartments,
                partition: number.cast_signed(),
                place: None,
                fetched: VecDeque::new(),
                furthest: 0,
                kept: 0,
                gap: None,
                figures: Arc::clone(&self.figures),
            });
            Ok(reader)
        })
    }

    fn open_sender(&self) -> Result<Box<dyn Sender>, AttemptError> {
        let senders = (0..self.compartments).map(|_| self.open()).collect::<Result<_, _>>()?;
        Ok(Box::new(PartitionSender { senders, figures: Arc::clone(&self.figures) }))
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(async move {
            let topic = &self.topic;
            let deleted = self.open()?.delete().await;
            deleted.map_err(|why| AttemptError::from(why).staying(&format!("the topic {topic}")))
        })
    }
}

/// Appends to the partitions, each over a connection of its own.
struct PartitionSender {
    senders: Vec<Kafka>,
    figures: Arc<Figures>,
}

impl Sender for PartitionSender {
    fn send<'a>(&'a mut self, letter: &'a Letter) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move {
            let partition = letter.compartment();
            let sender = usize::try_from(partition).ok();
            let sender = sender.and_then(|place| self.senders.get_mut(place));
            let sender = sender.ok_or_else(AttemptError::no_queues)?;
            let asked = Instant::now();
            sender.produce(partition, letter.to_bytes()).await?;
            self.figures.answered(asked.elapsed());
            Ok(())
        })
    }
}

/// The one reader of a partition.
struct PartitionReader {
    kafka: Kafka,
    topic: TopicId,
    partitions: u32,
    partition: i32,
    /// The offset of the next record. None after a loss: the database knows.
    place: Option<i64>,
    fetched: VecDeque<Fetched>,
    /// Up to where records were read before.
    furthest: i64,
    /// Up to where the database was told, beside the sales.
    kept: i64,
    /// Since when the next record is missing, where a later one is there.
    gap: Option<Instant>,
    figures: Arc<Figures>,
}

impl Attempt for PartitionReader {
    fn receive<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
    ) -> BoxFuture<'a, Result<Brought, AttemptError>> {
        Box::pin(async move {
            loop {
                if let Some(record) = self.fetched.pop_front() {
                    self.place = Some(record.offset + 1);
                    if record.offset < self.furthest {
                        self.figures.count(Figure::Redeliveries);
                    }
                    self.furthest = self.furthest.max(record.offset + 1);
                    if let Some(letter) = Letter::read(&record.value) {
                        return Ok(Brought::Letter(letter));
                    }
                } else if self.fetch(client).await? == Log::Anew {
                    return Ok(Brought::Loss);
                }
            }
        })
    }

    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { seat, passenger, .. } = request;
            let looked = client.look(sql::LOOK, &[seat]).await?;
            match looked.map(|found| found.first) {
                Some(None) => {}
                Some(Some(owner)) if owner == passenger => {
                    self.figures.count(Figure::KnownRequests);
                    return Ok(Answer::Booked(seat));
                }
                _ => return Ok(Answer::Taken),
            }
            client.think().await;
            let next = token(self.place.unwrap_or_default())?;
            let sold = [seat, passenger, self.partition, next];
            match client.change(sql::SELL_AT, &sold).await? {
                0 => Ok(Answer::Outrun),
                _ => Ok(Answer::Booked(seat)),
            }
        })
    }
}

/// What was found of the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    Known,
    /// It has lost everything and begins anew.
    Anew,
}

impl PartitionReader {
    /// Keeps the place of what was only refused, and reads on. Whoever was cut off begins where the
    /// database says, as one who was started again does.
    async fn fetch(&mut self, client: &mut WorkerClient) -> Result<Log, AttemptError> {
        let place = match self.place {
            Some(place) => place,
            None => {
                if self.is_anew().await? {
                    return self.begin_anew(client).await;
                }
                let kept = client.look(sql::OFFSET, &[self.partition]).await?;
                kept.and_then(|kept| kept.first).unwrap_or_default().into()
            }
        };
        if place > self.kept {
            client.change(sql::KEEP_OFFSET, &[self.partition, token(place)?]).await?;
            self.kept = place;
        }
        match self.kafka.fetch(self.partition, place).await {
            Ok(fetched) => {
                self.place = Some(place);
                self.take(place, fetched).await;
                Ok(Log::Known)
            }
            Err(error) if error.is_out_of_range() => self.begin_anew(client).await,
            Err(error) => {
                self.place = None;
                Err(error.into())
            }
        }
    }

    /// Not every broker shows what was appended at the same time in its order: tansu 0.6 gives out
    /// the offset first, and another's record may be there before. A record that is missing is
    /// waited for, and taken for a gap then.
    async fn take(&mut self, place: i64, fetched: Vec<Fetched>) {
        let is_next = fetched.first().is_none_or(|first| first.offset == place);
        if !is_next && self.gap.get_or_insert_with(Instant::now).elapsed() < GAP {
            return pause::pulse_once().await;
        }
        self.gap = None;
        let first = fetched.first().map_or(place, |first| first.offset);
        let in_order = fetched.into_iter().zip(first..);
        let in_order = in_order.take_while(|(record, offset)| record.offset == *offset);
        self.fetched.extend(in_order.map(|(record, _)| record));
    }

    async fn begin_anew(&mut self, client: &mut WorkerClient) -> Result<Log, AttemptError> {
        client.change(sql::FORGET_OFFSET, &[self.partition]).await?;
        (self.place, self.furthest, self.kept) = (Some(0), 0, 0);
        Ok(Log::Anew)
    }

    /// One of the readers makes what is gone: several at a time might make it several times.
    async fn is_anew(&mut self) -> Result<bool, PartError> {
        let topic = match self.partition {
            0 => self.kafka.create(self.partitions).await?,
            _ => self.kafka.known().await?,
        };
        Ok(std::mem::replace(&mut self.topic, topic) != topic)
    }
}
