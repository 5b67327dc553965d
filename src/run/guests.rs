//! Clients of the debugger, who take part in a run without being its sessions.
//!
//! ```text
//!  their programs ──▶ gateway ──▶ PostgreSQL
//!                        │ hooks
//!                     debugger ── GuestNews ──▶ run: told, watched and waited for like sessions
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::core::event::{Event, Kind, SessionName, SubmissionId, Wait};
use crate::gateway::StatementHooks;

/// What a session is called that a person opens beside the programs; more have a number behind it.
/// No client has such a name.
pub const OWN_SESSION: &str = "You";

/// What becomes known of the debugger's clients.
#[derive(Clone, Debug, PartialEq)]
pub enum GuestNews {
    /// There is one more whose transactions are told under this name.
    Joined(SessionName),
    /// Something has happened to it.
    Happened(SessionName, Kind),
    /// Somebody touches this table.
    Touches(String),
    /// Nothing more is told under this name.
    Parted(SessionName),
}

/// Who holds the statements of programs, and is told in return what a run sees of them.
pub trait Debugs: StatementHooks {
    /// This submission of a guest waits for somebody, or no longer does.
    fn note_wait(&self, guest: &SessionName, submission: SubmissionId, wait: Option<&Wait>);
}

/// The way in for the programs that are debugged: a gateway in front of the engine that is played
/// on, opened together with it.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Where to listen.
    pub addresses: Vec<SocketAddr>,
    /// Who holds their statements.
    debugger: Arc<dyn Debugs>,
    /// Where it is told that it is open, and at which addresses.
    opened: mpsc::UnboundedSender<Vec<SocketAddr>>,
    // A run takes it when it begins; a second one on the same engines has no guests.
    news: Arc<Mutex<Option<mpsc::Receiver<GuestNews>>>>,
}

impl Entrance {
    /// Opened at these addresses, port 0 taking a free one; and what tells where it is then.
    pub fn new(
        addresses: Vec<SocketAddr>,
        debugger: Arc<dyn Debugs>,
        news: mpsc::Receiver<GuestNews>,
    ) -> (Self, mpsc::UnboundedReceiver<Vec<SocketAddr>>) {
        let (opened, is_open) = mpsc::unbounded_channel();
        let news = Arc::new(Mutex::new(Some(news)));
        (Self { addresses, debugger, opened, news }, is_open)
    }

    /// Who holds their statements.
    pub(crate) fn hooks(&self) -> Arc<dyn StatementHooks> {
        Arc::clone(&self.debugger) as Arc<dyn StatementHooks>
    }

    /// What the debugger tells; once.
    pub(crate) fn take_news(&self) -> Option<mpsc::Receiver<GuestNews>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// It is open at these addresses.
    pub(crate) fn tell_open(&self, addresses: Vec<SocketAddr>) {
        // Who does not listen any more leaves.
        let _ = self.opened.send(addresses);
    }
}

/// Tells the debugger who waits, as the run tells its driver.
#[derive(Debug, Default)]
pub(crate) struct WaitsTold {
    /// What each has sent last: a wait is that submission's.
    sent: BTreeMap<SessionName, SubmissionId>,
}

impl WaitsTold {
    /// An event on its way to the driver.
    pub(crate) fn hear(&mut self, event: &Event, entrance: &Entrance) {
        let Some(guest) = &event.session else { return };
        let wait = match &event.kind {
            Kind::Sent { submission, .. } => {
                self.sent.insert(guest.clone(), *submission);
                return;
            }
            Kind::Waiting(wait) => Some(wait),
            Kind::Resumed { .. } => None,
            _ => return,
        };
        if let Some(submission) = self.sent.get(guest) {
            entrance.debugger.note_wait(guest, *submission, wait);
        }
    }
}
