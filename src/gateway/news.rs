//! What only a local engine can tell: private changes before anybody else can see them, and why a
//! COMMIT was refused.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::core::event::{Conflict, Pid};
use crate::core::seats::HoldKind;

/// A piece of news about one client.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The client's backend, as `pg_backend_pid()` tells it to the client itself.
    pub pid: Pid,
    /// The client's `application_name` (`overbooked/Alice` for a session of the console), perhaps
    /// empty.
    pub application: String,
    pub what: Happening,
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// All its private, uncommitted changes and locks as they are now; none once the transaction is
    /// over.
    Private(Vec<PrivateChange>),
    /// Its COMMIT was refused, and this is why.
    Conflict(Conflict),
    Gone,
}

/// One row that a transaction has changed or locked, privately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateChange {
    /// The table's schema.
    pub schema: String,
    pub table: String,
    /// The row's key, its parts joined by a hyphen.
    pub key: String,
    /// Locked or changed.
    pub kind: HoldKind,
    /// The columns of the table and the row's values after the change; nothing for a deleted or
    /// merely locked row.
    pub becomes: Option<Vec<(String, Option<String>)>>,
}

/// Tells the console, where anybody listens.
pub(super) struct NewsSender {
    news: mpsc::UnboundedSender<News>,
    is_heard: AtomicBool,
}

impl NewsSender {
    /// Nobody listens yet.
    pub(super) fn new(news: mpsc::UnboundedSender<News>) -> Self {
        Self { news, is_heard: AtomicBool::new(false) }
    }

    /// Somebody listens from now on.
    pub(super) fn listen(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }

    /// Whether anybody listens, so that news that cost a question are asked for.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed) && !self.news.is_closed()
    }

    pub(super) fn tell(&self, news: News) {
        if self.is_heard() {
            // The listener may have left this moment; that is no fault of the client's.
            self.news.send(news).ok();
        }
    }
}
