//! A quorum queue a compartment in RabbitMQ: it has one active consumer, who looks, sells, and
//! acknowledges after COMMIT.
//!
//! What was sold and not acknowledged, because the part or the link was gone just then, is
//! delivered again. The request's number in the database makes that harmless.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::registry::Brief;
use super::sold_once::sell_once;
use super::{Answer, Attempt, Brought, Sender, Strategy};
use crate::core::sql::rush as sql;
use crate::parts::PartError;
use crate::parts::amqp_client::{Amqp, Consuming, Delivered, Publisher, Queue, Receipt};
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::letter::Letter;
use crate::rush::parts::{PartName, Parts};
use crate::rush::trace::Request;
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::{Phrase, WorkerClient};

/// Queues in RabbitMQ.
pub(super) struct RabbitQueue {
    queues: Queues,
    compartments: u32,
    /// What all senders share.
    amqp: Option<Amqp>,
    figures: Arc<Figures>,
}

impl RabbitQueue {
    pub(super) fn new(brief: &Brief) -> Self {
        Self {
            queues: Queues(Arc::clone(&brief.schema)),
            compartments: brief.compartments,
            amqp: open(&brief.parts),
            figures: Arc::clone(&brief.figures),
        }
    }

    fn amqp(&self) -> Result<&Amqp, AttemptError> {
        self.amqp.as_ref().ok_or_else(|| AttemptError::no_part(PartName::RabbitMq))
    }
}

fn open(parts: &Parts) -> Option<Amqp> {
    parts.amqp().map(|reached| Amqp::new(&reached.url, &reached.link))
}

/// What the queues are called.
#[derive(Clone)]
struct Queues(Arc<str>);

impl Queues {
    fn of(&self, compartment: i32) -> String {
        format!("{}.{compartment}", self.0)
    }

    /// RabbitMQ 3.10 writes the name of a quorum queue down when the next one is made, or seconds
    /// later. Killed before that, it has forgotten the queue, and with it what it had confirmed.
    fn last(&self) -> String {
        format!("{}.last", self.0)
    }

    fn all(&self, compartments: u32) -> impl Iterator<Item = String> {
        (0..compartments.cast_signed()).map(|number| self.of(number)).chain([self.last()])
    }
}

impl Strategy for RabbitQueue {
    fn tables(&self) -> &'static [Phrase] {
        &[sql::REQUESTS]
    }

    fn prepare<'a>(
        &'a self,
        _context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move {
            let amqp = self.amqp()?;
            amqp.ping().await?;
            for queue in self.queues.all(self.compartments) {
                amqp.declare(&queue).await?;
            }
            Ok(())
        })
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        Box::pin(async move {
            let consumer: Box<dyn Attempt> = Box::new(QueueConsumer {
                amqp: self.amqp()?.clone(),
                queue: self.queues.of(number.cast_signed()),
                consuming: None,
                received: None,
                figures: Arc::clone(&self.figures),
            });
            Ok(consumer)
        })
    }

    fn open_sender(&self) -> Result<Box<dyn Sender>, AttemptError> {
        let (publisher, queues) = (self.amqp()?.publisher(), self.queues.clone());
        Ok(Box::new(QueueSender { publisher, queues, figures: Arc::clone(&self.figures) }))
    }

    /// Whatever cannot be deleted, the rest is. Where the part itself is away, it is not asked for
    /// each queue how long it takes not to answer.
    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(async move {
            let amqp = self.amqp()?;
            let (mut staying, mut why) = (Vec::new(), None);
            for queue in self.queues.all(self.compartments) {
                if !why.as_ref().is_some_and(PartError::may_pass) {
                    match amqp.delete(&queue).await {
                        Ok(()) => continue,
                        Err(error) => why = Some(error),
                    }
                }
                staying.push(queue);
            }
            let Some(why) = why else { return Ok(()) };
            Err(AttemptError::from(why).staying(&format!("the queues {}", staying.join(", "))))
        })
    }
}

/// Publishes, and waits for the confirmation.
struct QueueSender {
    publisher: Publisher,
    queues: Queues,
    figures: Arc<Figures>,
}

impl Sender for QueueSender {
    fn send<'a>(&'a mut self, letter: &'a Letter) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move {
            let asked = Instant::now();
            let queue = self.queues.of(letter.compartment());
            self.publisher.publish(&queue, &letter.to_bytes()).await?;
            self.figures.answered(asked.elapsed());
            Ok(())
        })
    }
}

/// The one consumer of a compartment's queue, and of its dead letters.
struct QueueConsumer {
    amqp: Amqp,
    queue: String,
    consuming: Option<Consuming>,
    received: Option<Receipt>,
    figures: Arc<Figures>,
}

impl Attempt for QueueConsumer {
    fn receive<'a>(
        &'a mut self,
        _client: &'a mut WorkerClient,
    ) -> BoxFuture<'a, Result<Brought, AttemptError>> {
        Box::pin(async move {
            loop {
                let Some(delivered) = self.delivered().await? else {
                    return Ok(Brought::Loss);
                };
                if let Some(brought) = self.brought(delivered).await {
                    return Ok(brought);
                }
            }
        })
    }

    fn acknowledge(&mut self, is_done: bool) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(async move {
            let received = self.received.take();
            let (Some(consuming), Some(receipt)) = (&self.consuming, received) else {
                return Ok(());
            };
            let told = if is_done {
                consuming.acknowledge(&receipt).await
            } else {
                consuming.reject(&receipt).await
            };
            if told.is_err() {
                self.consuming = None;
            }
            Ok(told?)
        })
    }

    fn brings_again(&self) -> bool {
        true
    }

    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(sell_once(client, request, &self.figures))
    }
}

impl QueueConsumer {
    /// Nothing where the queue, which was there when the rush began, had to be made anew.
    async fn delivered(&mut self) -> Result<Option<Delivered>, AttemptError> {
        let consuming = match &mut self.consuming {
            Some(consuming) => consuming,
            None => self.consuming.insert(self.amqp.consume(&self.queue).await?),
        };
        if consuming.take_loss() {
            return Ok(None);
        }
        let delivered = consuming.next().await;
        if delivered.is_err() {
            self.consuming = None;
        }
        Ok(Some(delivered?))
    }

    /// What is no letter of ours goes to the dead letters, and from there away.
    async fn brought(&mut self, delivered: Delivered) -> Option<Brought> {
        if delivered.again {
            self.figures.count(Figure::Redeliveries);
        }
        let is_dead = delivered.queue == Queue::Dead;
        if is_dead {
            self.figures.count(Figure::DeadLetters);
        }
        let (body, receipt) = delivered.into_parts();
        self.received = Some(receipt);
        match Letter::read(&body) {
            Some(letter) if is_dead => Some(Brought::Dead(letter)),
            Some(letter) => Some(Brought::Letter(letter)),
            None => {
                if let Err(trouble) = self.acknowledge(is_dead).await {
                    tracing::debug!("not acknowledged: {trouble}");
                }
                None
            }
        }
    }
}
