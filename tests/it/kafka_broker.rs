//! Many who append to one partition at once, and its one reader: what is acknowledged is there, and
//! is found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overbooked::parts::kafka_client::{Brokers, Kafka};
use overbooked::parts::link::Link;
use overbooked::parts::private;
use tokio::time::timeout;

use crate::rush_parts::is_here;

const TOPIC: &str = "many";
const SENDERS: u32 = 20;
const EACH: u32 = 150;

/// One after the other, each acknowledged.
async fn send(brokers: Brokers, sender: u32) {
    let mut kafka = Kafka::new(&brokers, &Link::default(), TOPIC);
    for number in 0..EACH {
        kafka.produce(0, format!("{sender}.{number}").into_bytes()).await.unwrap();
    }
}

/// Every record with its offset, in whatever order the broker shows them.
async fn read(brokers: &Brokers) -> BTreeMap<i64, String> {
    let mut kafka = Kafka::new(brokers, &Link::default(), TOPIC);
    let mut found = BTreeMap::new();
    while found.len() < (SENDERS * EACH) as usize {
        let next =
            (0..=i64::from(SENDERS * EACH)).find(|offset| !found.contains_key(offset)).unwrap();
        for record in kafka.fetch(0, next).await.unwrap() {
            found.insert(record.offset, String::from_utf8(record.value.to_vec()).unwrap());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_many_append_at_once_is_read() {
    if !is_here("tansu") {
        return;
    }
    let (server, brokers) = private::start_kafka().await.unwrap();
    Kafka::new(&brokers, &Link::default(), TOPIC).create(1).await.unwrap();
    let senders = (0..SENDERS).map(|sender| tokio::spawn(send(brokers.clone(), sender)));
    let senders = futures::future::join_all(senders);
    let both = async { tokio::join!(senders, read(&brokers)) };
    let (sent, found) = timeout(Duration::from_mins(2), both).await.expect("everything is found");
    sent.into_iter().for_each(Result::unwrap);
    let values: BTreeSet<&String> = found.values().collect();
    assert_eq!(values.len(), (SENDERS * EACH) as usize, "each once");
    // One who comes later finds the same.
    assert_eq!(read(&brokers).await, found);
    server.stop().await.unwrap();
}
