//! PostgreSQL's protocol, from the client's side.
//!
//! The messages are `pgwire`'s, but for those who move or answer many thousands a second (`frame`).
//! What is ours is the way to a server that libpq's users are used to:
//!
//! ```text
//!  text, PG*, .pgpass, services ──▶ Target ──▶ Connection::connect ──▶ submit ⇄ next
//!          (target, conninfo, ...)     │          socket → tls → startup → auth        │
//!                                      └── who, where, how; no password    └── canceller
//! ```
//!
//! A [`Connection`] hides nothing that the server says: command tags, the transaction status byte
//! and every error field arrive as messages, and it is the session that makes events of them.

mod ask;
mod auth;
mod cancel;
mod certificate;
mod codec;
mod connection;
mod conninfo;
mod driver;
mod entrance;
mod environment;
mod error;
pub(crate) mod frame;
mod keywords;
mod passfile;
mod places;
mod policy;
mod raw;
mod reconnector;
mod resolve;
mod server_message;
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

pub(crate) use ask::{cells, transaction_status};
pub use cancel::Canceller;
pub(crate) use certificate::channel_binding;
pub use connection::Connection;
pub(crate) use entrance::{Entrance, lets_in};
pub use environment::Environment;
pub use error::{ConnectError, Refusal, WireError};
pub use reconnector::Reconnector;
pub(crate) use socket::Socket;
pub use target::{Host, Password, ServerAddress, Target};
pub use target_error::TargetError;
pub(crate) use tls::ALPN;
pub(crate) use unix::UnixSocket;
