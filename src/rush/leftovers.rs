//! What killed rushes have left in the parts that somebody gave the address of.
//!
//! What stands in Redis and etcd has a time to live. Queues and topics have not: those of a run
//! whose schema was swept go with it. Of a run in another database nobody here knows whether it
//! lives; its topics are named. RabbitMQ itself deletes queues that nobody consumes.

use std::sync::Arc;
use std::time::Duration;

use super::PREFIX;
use super::attempt_error::AttemptError;
use super::options::{MOST_COMPARTMENTS, Options};
use super::parts::{PartName, Parts};
use super::strategy::StrategyName;
use super::strategy::registry::{Brief, Entry, Staffing};
use crate::parts::kafka_client::Kafka;
use crate::run::schema::is_given_by_us;

/// Deletes what the dead runs have left, and says what stays.
pub(super) async fn clear(options: &Options, parts: &Arc<Parts>, dead: &[String]) -> Vec<String> {
    let chosen = options.chosen().into_iter().map(StrategyName::entry);
    let keeping = chosen.filter(|entry| entry.staffing == Staffing::PostedToCompartments);
    let mut notes = Vec::new();
    for entry in keeping {
        let Some(part) = entry.part.filter(|part| !parts.is_private(*part)) else { continue };
        let stayed = clear_runs(entry, parts, dead).await;
        let told = |why: &String| format!("{}, left behind by an earlier run: {why}", entry.text);
        notes.extend(stayed.iter().map(told));
        if part == PartName::Kafka {
            notes.extend(topics(parts, dead).await);
        }
    }
    notes
}

/// Why something of these runs stays. A part that is away is not asked for every run again.
async fn clear_runs(entry: &Entry, parts: &Arc<Parts>, dead: &[String]) -> Vec<String> {
    let mut stayed = Vec::new();
    for run in dead {
        let strategy = (entry.build)(&Brief {
            schema: run.as_str().into(),
            seats: 0,
            compartments: MOST_COMPARTMENTS,
            time_to_live: Duration::ZERO,
            parts: Arc::clone(parts),
            figures: Arc::default(),
        });
        let Err(why) = strategy.clear().await else { continue };
        stayed.push(why.to_string());
        if matches!(why, AttemptError::PartAway { .. }) {
            break;
        }
    }
    stayed
}

/// Topics by our names that are not those of the dead: why one of these stays is told already.
async fn topics(parts: &Parts, dead: &[String]) -> Option<String> {
    let reached = parts.kafka()?;
    // Whoever cannot be reached is told of by the strategy that needs it.
    let mut topics = Kafka::new(&reached.url, &reached.link, PREFIX).topics().await.ok()?;
    topics.retain(|topic| is_given_by_us(topic, PREFIX) && !dead.contains(topic));
    topics.sort_unstable();
    let listed = topics.join(", ");
    (!topics.is_empty()).then(|| {
        format!("Kafka has topics of other rushes: {listed}; where none is running, delete them")
    })
}
