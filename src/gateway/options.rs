//! What a gateway is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::certificate::Certificate;
use super::dsql::Strictness;
use super::hooks::StatementHooks;
use super::mode::Mode;
use super::roles::Users;
use super::wording::Wording;
use crate::pg::Target;

/// What the gateway says it is; Aurora DSQL says so.
pub(super) const SERVER_VERSION: &str = "16.15";

/// The same as one number.
pub(super) const SERVER_VERSION_NUMBER: &str = "160015";

/// The service's limits for one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rows: usize,
    pub bytes: u64,
    /// From BEGIN to COMMIT.
    pub age: Duration,
    /// Of rows and what is in them; PostgreSQL's own where there are none.
    pub sizes: Option<Sizes>,
}

/// How large a row and its values may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The columns of a primary key together; each beyond the first costs seven bytes of it.
    pub key: u64,
    /// One value, compressed if PostgreSQL has compressed it.
    pub value: u64,
    pub row: u64,
}

/// The service's (Aurora DSQL documentation, Cluster quotas and database limits; of a key, AWS's
/// guide for agents, Limits and error codes, October 2026).
impl Default for Sizes {
    fn default() -> Self {
        Self { key: 1_981, value: 1024 * 1024, row: 2 * 1024 * 1024 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let age = Duration::from_mins(5);
        Self { rows: 3_000, bytes: 10 * 1024 * 1024, age, sizes: None }
    }
}

/// What a gateway is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The PostgreSQL behind.
    pub backend: Target,
    /// How to behave.
    pub mode: Mode,
    /// What is refused beyond what this engine cannot do.
    pub strictness: Strictness,
    /// How OC000 and OC001 are worded.
    pub wording: Wording,
    /// As whom clients work.
    pub users: Users,
    /// Where to listen on TCP, perhaps at several addresses; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// A folder in which to make a Unix socket.
    pub socket_folder: Option<PathBuf>,
    /// Users and their passwords, `user:password` a line; without it anybody may come in from this
    /// machine.
    pub password_file: Option<PathBuf>,
    pub certificate: Certificate,
    /// The limits; a test's own are smaller.
    pub limits: Limits,
    /// From how many bytes on a table counts as large: its private copies hold no more rows than
    /// their transactions need.
    pub large_from: u64,
    /// Who is called before and after each statement, if anybody is.
    pub hooks: Option<Arc<dyn StatementHooks>>,
}

/// A smaller table is read as quickly as a part of it is found.
const LARGE_FROM: u64 = 128 * 1024;

/// `OVERBOOKED_LARGE_FROM=0` has every table count as large, so that tests meet small ones as such.
fn large_from() -> u64 {
    let set = std::env::var("OVERBOOKED_LARGE_FROM").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(LARGE_FROM)
}

impl Options {
    /// The optimistic engine in front of this server, listening nowhere yet.
    pub fn new(backend: Target) -> Self {
        Self {
            backend,
            mode: Mode::default(),
            strictness: Strictness::default(),
            wording: Wording::default(),
            users: Users::default(),
            listen: Vec::new(),
            socket_folder: None,
            password_file: None,
            certificate: Certificate::None,
            limits: Limits::default(),
            large_from: large_from(),
            hooks: None,
        }
    }
}
