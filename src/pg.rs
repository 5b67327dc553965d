//! PostgreSQL's protocol, from the client's side.
//!
//! ```text
//!  text, PG*, .pgpass, services ──▶ Target ──▶ Connection::connect ──▶ submit ⇄ next, fold
//!          (target, conninfo, ...)     │          socket → tls → startup → auth        │
//!                                      └── who, where, how; no password    └── canceller
//!
//!  bytes ──frame──▶ Frame ──message──▶ DataRow, ErrorFields, … ──response──▶ Part of an answer
//!                     └── passed on unread by the gateway
//! ```
//!
//! A [`Connection`] hides nothing that the server says: command tags, the transaction status byte
//! and every error field are parts of an answer, and it is the session that makes events of them.

mod ask;
mod auth;
mod cancel;
mod certificate;
mod connection;
mod conninfo;
mod driver;
mod entrance;
mod environment;
mod error;
pub(crate) mod frame;
mod keywords;
pub(crate) mod message;
mod passfile;
mod places;
mod policy;
mod reconnector;
mod resolve;
pub(crate) mod response;
mod service;
mod session_attrs;
mod socket;
mod startup;
mod target;
mod target_error;
mod terms;
mod tls;
mod unix;
mod uri;

pub use ask::Reply;
pub use cancel::Canceller;
pub(crate) use certificate::channel_binding;
pub use connection::Connection;
pub(crate) use connection::ServerFrames;
pub(crate) use entrance::{Entrance, lets_in};
pub use environment::Environment;
pub use error::{ConnectError, Refusal, WireError};
pub use reconnector::Reconnector;
pub use target::{Host, Password, ServerAddress, Target};
pub use target_error::TargetError;
pub(crate) use tls::ALPN;
pub(crate) use unix::UnixSocket;
