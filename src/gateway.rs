//! The optimistic engine: a gateway that speaks PostgreSQL's protocol in front of an ordinary
//! PostgreSQL and behaves as Aurora DSQL does. Nothing ever waits, reads come from the
//! transaction's own snapshot, everything is judged at COMMIT, the first committer wins and the
//! other gets OC000.
//!
//! # How
//!
//! Each client has a backend of its own. In it, every table that the client names has a **private
//! copy**: a temporary table of the same name, which PostgreSQL finds before the stored one.
//! Statements run on copies by PostgreSQL itself, so window functions, RETURNING, ON CONFLICT and
//! reading one's own writes all simply work, and row locks on a private copy block nobody. COMMIT
//! applies what changed to the stored tables inside the same REPEATABLE READ transaction, under one
//! commit lock.
//!
//! ```text
//!            ┌───────────── gateway ─────────────┐        ┌──────── PostgreSQL ────────┐
//!  Alice ────┤ session ── her backend ───────────┼────────┤ pg_temp.seats ┐            │
//!            │     ╲                             │        │               ├▶ public.seats
//!            │      ledger: who committed what   │        │               │   at COMMIT │
//!            │     ╱                             │        │               │            │
//!  Bob ──────┤ session ── his backend ───────────┼────────┤ pg_temp.seats ┘            │
//!            └───────────────────────────────────┘        └────────────────────────────┘
//! ```
//!
//! Of a small table the copy holds all rows and outlives its transaction: the next one brings what
//! others have written since. Of a large one, and of one that many write at once, it holds the
//! rows that a transaction needs, for as long as that lasts; and where nothing of it has changed
//! yet, the table is read where it is stored (`transaction/tables/part`). So a statement that finds
//! its rows by an index costs the same whatever the size of its table. What a foreign key refers
//! to, and what refers to a row that goes, is looked up in the stored table then
//! (`transaction/tables/ties`).
//!
//! # Three owners
//!
//! ```text
//!  protocol     one client's messages: what it says, what it is told, the names it gives
//!     │
//!     ▼
//!  transaction  where the client stands, its private copies, its entry among others, the verdict
//!     │
//!     ▼
//!  backend      one connection to PostgreSQL, and the gateway's own questions on it
//! ```
//!
//! Nobody calls upwards, and no two files import each other, straight or by way of others
//! (`tests/it/layers` holds it). In the transaction's own tests the backend is a script.
//!
//! | beside them | what it holds |
//! |---|---|
//! | `running`, `context`, `connector`, `cancellers`, `options` | a gateway that listens |
//! | `certificate`, `passwords`, `roles`, `packet` | what a connection's way in needs |
//! | `pass_through` | client and server speaking with each other, which is no engine at all |
//! | `statement`, `refusal` | what a statement says, and what is refused |
//! | `facade` | the server that clients believe to speak with |
//! | `hooks`, `news` | who may hold a statement, and what the console is told |
//! | `guest`, `hang_up`, `talk`, `values` | what hooks are told of: clients, messages, values |
//! | `local` | a gateway for this program's own sessions |

mod backend;
mod cancellers;
mod certificate;
mod connector;
mod context;
mod dsql;
mod error;
mod facade;
mod guest;
mod hang_up;
mod hooks;
mod local;
mod mode;
mod news;
mod options;
mod packet;
mod pass_through;
mod passwords;
mod protocol;
mod refusal;
mod roles;
mod running;
mod start_up_options;
mod statement;
mod talk;
mod transaction;
pub(crate) mod values;
mod wording;

pub use certificate::Certificate;
pub use dsql::Strictness;
pub use error::GatewayError;
pub use hooks::{
    Client, ClientId, Form, HeldStatement, HeldVerdict, Parameter, StatementContext,
    StatementHooks, StatementOutcome, Told, Verdict,
};
pub use local::{LocalGateway, LocalGatewayError};
pub use mode::Mode;
pub use news::{Happening, News, PrivateChange};
pub use options::{Limits, Options, Sizes};
pub(crate) use protocol::handshake::{ALONE, BEHIND_ITSELF};
pub(crate) use refusal::{CONFLICT, SCHEMA_CHANGED};
pub use roles::Users;
pub use running::Gateway;
pub use wording::Wording;
