//! The table of strategies: the command line, the tables of results, README's list and the tests
//! have their names from here.

use std::sync::Arc;
use std::time::Duration;

use super::{
    DatabaseOnly, Strategy, StrategyName, advisory, conditional_update, etcd_leader, etcd_lock,
    for_update, hold, kafka_queue, naive, nowait, optimistic, queue, rabbit_queue, redis_hold,
    serializable, skip_locked, version,
};
use crate::core::sql::rush as sql;
use crate::rush::fault::Fault;
use crate::rush::figures::Figures;
use crate::rush::parts::{PartName, Parts};

/// Where a strategy is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rush) enum RunsOn {
    /// On the database itself.
    Database,
    /// On an optimistic engine, in front of the database where that is none.
    Optimistic,
}

/// What a strategy promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rush) enum Promise {
    /// Each seat is sold once.
    Once,
    /// It is there to sell seats twice; but what it sells is in the ledger, and its buyers know.
    Twice,
}

/// Who works for the passengers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rush) enum Staffing {
    /// Every worker books for itself.
    Everyone,
    /// Each compartment has a queue, and the one at its head alone books.
    OneACompartment,
    /// Each compartment has a queue, and of several candidates the one that leads alone books.
    CandidatesACompartment,
    /// Each compartment has a queue that a part keeps, and its one consumer books.
    PostedToCompartments,
}

/// Whether the database checks by a token that a booking comes from the last who held the seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rush) enum Fencing {
    None,
    Checked,
}

/// What a strategy is made for.
pub(in crate::rush) struct Brief {
    /// The run's schema, which what it keeps elsewhere is named after.
    pub(in crate::rush) schema: Arc<str>,
    pub(in crate::rush) seats: u32,
    pub(in crate::rush) compartments: u32,
    /// How long what is held lives; longer than a passenger thinks.
    pub(in crate::rush) time_to_live: Duration,
    pub(in crate::rush) parts: Arc<Parts>,
    pub(in crate::rush) figures: Arc<Figures>,
}

/// A row of the registry.
pub(in crate::rush) struct Entry {
    pub(in crate::rush) name: StrategyName,
    /// The name as it is typed and shown.
    pub(in crate::rush) text: &'static str,
    /// What it is, in the words of the help.
    pub(in crate::rush) about: &'static str,
    pub(in crate::rush) runs_on: RunsOn,
    pub(in crate::rush) promise: Promise,
    /// The faults under which it is known to sell a seat twice, or two seats to a passenger.
    pub(in crate::rush) breaks: &'static [Fault],
    pub(in crate::rush) staffing: Staffing,
    /// What it needs beside the database.
    pub(in crate::rush) part: Option<PartName>,
    pub(in crate::rush) build: fn(&Brief) -> Box<dyn Strategy>,
}

impl Entry {
    /// As most of them are.
    const fn plain(
        name: StrategyName,
        text: &'static str,
        about: &'static str,
        build: fn(&Brief) -> Box<dyn Strategy>,
    ) -> Self {
        let (runs_on, promise, staffing) = (RunsOn::Database, Promise::Once, Staffing::Everyone);
        let (breaks, part): (&[Fault], _) = (&[], None);
        Self { name, text, about, runs_on, promise, breaks, staffing, part, build }
    }
}

/// Every strategy, in the order in which they are run.
pub(in crate::rush) const STRATEGIES: [Entry; 18] = [
    Entry {
        promise: Promise::Twice,
        ..Entry::plain(
            StrategyName::Naive,
            "naive",
            "Reads, then writes, without a lock: sells seats twice",
            |_| Box::new(DatabaseOnly::new(naive::Naive)),
        )
    },
    Entry::plain(
        StrategyName::ForUpdate,
        "for-update",
        "SELECT ... FOR UPDATE: waits for whoever has locked the seat",
        |_| Box::new(DatabaseOnly::new(for_update::ForUpdate)),
    ),
    Entry::plain(
        StrategyName::Nowait,
        "nowait",
        "FOR UPDATE NOWAIT: an error instead of a wait, and a retry with backoff",
        |_| Box::new(DatabaseOnly::new(nowait::Nowait)),
    ),
    Entry {
        // A request that comes twice gets a seat each time.
        breaks: &[Fault::Duplicate],
        ..Entry::plain(
            StrategyName::SkipLocked,
            "skip-locked",
            "FOR UPDATE SKIP LOCKED: the best seat in the compartment that nobody else has locked",
            |_| {
                let indexes = &[sql::FREE_SEATS_INDEX];
                Box::new(DatabaseOnly { indexes, ..DatabaseOnly::new(skip_locked::SkipLocked) })
            },
        )
    },
    Entry::plain(
        StrategyName::ConditionalUpdate,
        "conditional-update",
        "UPDATE ... WHERE still free: compare and swap in one statement",
        |_| Box::new(DatabaseOnly::new(conditional_update::ConditionalUpdate)),
    ),
    Entry::plain(
        StrategyName::Version,
        "version",
        "A version column: writes only if the row has not changed since it was read",
        |_| Box::new(DatabaseOnly::new(version::Version)),
    ),
    Entry::plain(
        StrategyName::Serializable,
        "serializable",
        "SERIALIZABLE, with a retry on 40001",
        |_| Box::new(serializable::AtSerializable),
    ),
    Entry::plain(StrategyName::Advisory, "advisory", "`pg_advisory_xact_lock` on the seat", |_| {
        Box::new(DatabaseOnly::new(advisory::Advisory))
    }),
    Entry {
        runs_on: RunsOn::Optimistic,
        ..Entry::plain(
            StrategyName::Optimistic,
            "optimistic",
            "The optimistic engine: no locks, with a retry on OC000",
            |_| Box::new(DatabaseOnly::new(optimistic::Optimistic)),
        )
    },
    Entry {
        staffing: Staffing::OneACompartment,
        ..Entry::plain(
            StrategyName::Queue,
            "queue",
            "One queue per compartment, with a single writer",
            |_| Box::new(DatabaseOnly::new(queue::Queue)),
        )
    },
    Entry::plain(
        StrategyName::Hold,
        "hold",
        "A hold with a time to live in front of each seat",
        |brief| {
            let hold = hold::Hold::living(brief.time_to_live);
            Box::new(DatabaseOnly { tables: &[sql::HOLDS], ..DatabaseOnly::new(hold) })
        },
    ),
    Entry {
        // A Redis that was killed has forgotten its holds.
        breaks: &[Fault::Pause, Fault::KillPart],
        part: Some(PartName::Redis),
        ..Entry::plain(
            StrategyName::RedisHold,
            "redis-hold",
            "A key with a time to live in Redis in front of each seat",
            |brief| Box::new(redis_hold::RedisHold::new(brief, Fencing::None)),
        )
    },
    Entry {
        part: Some(PartName::Redis),
        ..Entry::plain(
            StrategyName::RedisHoldFenced,
            "redis-hold-fenced",
            "The same, with a fencing token that the database checks",
            |brief| Box::new(redis_hold::RedisHold::new(brief, Fencing::Checked)),
        )
    },
    Entry {
        breaks: &[Fault::Pause],
        part: Some(PartName::Etcd),
        ..Entry::plain(
            StrategyName::EtcdLock,
            "etcd-lock",
            "A lock in etcd on the seat's number, which lives on a lease",
            |brief| Box::new(etcd_lock::EtcdLock::new(brief, Fencing::None)),
        )
    },
    Entry {
        part: Some(PartName::Etcd),
        ..Entry::plain(
            StrategyName::EtcdLockFenced,
            "etcd-lock-fenced",
            "The same, with the lock's revision as a token that the database checks",
            |brief| Box::new(etcd_lock::EtcdLock::new(brief, Fencing::Checked)),
        )
    },
    Entry {
        part: Some(PartName::Etcd),
        staffing: Staffing::CandidatesACompartment,
        ..Entry::plain(
            StrategyName::EtcdLeader,
            "etcd-leader",
            "One leader per compartment, elected in etcd, is its only writer",
            |brief| Box::new(etcd_leader::EtcdLeader::new(brief)),
        )
    },
    Entry {
        part: Some(PartName::RabbitMq),
        staffing: Staffing::PostedToCompartments,
        ..Entry::plain(
            StrategyName::RabbitQueue,
            "rabbit-queue",
            "A quorum queue in RabbitMQ per compartment, with one consumer who writes",
            |brief| Box::new(rabbit_queue::RabbitQueue::new(brief)),
        )
    },
    Entry {
        part: Some(PartName::Kafka),
        staffing: Staffing::PostedToCompartments,
        ..Entry::plain(
            StrategyName::KafkaQueue,
            "kafka-queue",
            "A partition in Kafka per compartment, whose reader keeps its offset with the seats",
            |brief| Box::new(kafka_queue::KafkaQueue::new(brief)),
        )
    },
];

/// Their names, in the same order.
pub(in crate::rush) const NAMES: [StrategyName; STRATEGIES.len()] = {
    let mut names = [StrategyName::Naive; STRATEGIES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = STRATEGIES[at].name;
        at += 1;
    }
    names
};

impl StrategyName {
    /// Its row of the registry.
    pub(in crate::rush) fn entry(self) -> &'static Entry {
        // A test holds that the rows stand in the order of the names.
        &STRATEGIES[self as usize]
    }
}
