//! Systems that stand beside the database: how they are reached, and how one is started privately.
//!
//! ```text
//!  --redis URL ─▶ address ─┐
//!                          ├─▶ link, which can be cut ─▶ client: Redis, etcd, RabbitMQ, Kafka
//!  --with redis ─▶ private ┘
//! ```
//!
//! A client says what the part answered, and keeps "it cannot be reached" apart from "it refuses".
//! What is made of that is its caller's business.

pub mod address;
pub mod amqp_client;
mod amqp_runtime;
pub mod error;
pub mod etcd_client;
pub mod kafka_client;
mod kafka_wire;
pub mod link;
pub mod private;
pub mod redis_client;

pub use error::PartError;
