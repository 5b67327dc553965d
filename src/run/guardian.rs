//! What keeps leaving from committing when the program has no time to leave in good order: it was
//! killed, or it crashed.
//!
//! The system closes a dead program's sockets one after the other. Alice's server process sees that
//! at once and rolls back, so that Bob's autocommit UPDATE, which waited for her row, goes on and
//! commits, though nobody is there. (The server's own `client_connection_check_interval` is of no
//! help: his process looks after its client only now and then, hers is told at once.) Therefore the
//! program starts itself once more, and that process, the guardian, holds every session's socket
//! open, too:
//!
//! ```text
//!  overbooked ─────────── socket ──────────┬──▶ Alice's server process
//!      │                                   │
//!      │ duplicates of the sockets,        │    after a kill: 1. cancel whatever runs
//!      │ what cancels their statements     │                  2. hear that it has ended
//!      ▼                                   │                  3. close, and so roll back
//!  overbooked guardian ─── the same one ───┘
//! ```
//!
//! Who leaves in good order releases its sockets before, and the guardian finds nothing to do when
//! the line between the two ends. It has a session of the system's to itself, so that a terminal's
//! keys and its end do not reach it, and it holds neither terminal nor pipe.
//!
//! A statement begins and ends more often than a session, and that costs no message: whether one
//! runs stands in a file without a name, the ledger, a byte for each socket, which the guardian
//! reads when it has to.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::pg::Connection;

mod keeper;
mod line;

pub use keeper::keep;
use line::{Message, send};

/// The subcommand under which the program is a guardian.
pub const SUBCOMMAND: &str = "guardian";
/// How long the guardian may take to be ready.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// What it says then.
const READY: u8 = b'+';

/// The guardian, as the program sees it that is guarded. It ends with the last clone of this value.
#[derive(Clone, Debug)]
pub struct Guardian(Arc<Ends>);

#[derive(Debug)]
struct Ends {
    line: Mutex<UnixStream>,
    ledger: File,
    /// The next socket's number.
    next: AtomicU64,
}

/// What a session's connection is doing, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Activity {
    /// No statement was sent that is not answered whole.
    Idle = 0,
    /// The server may be working on one, or will be.
    Busy = 1,
}

impl Guardian {
    /// Starts the program as a guardian, and waits until it is one.
    pub async fn start(program: &Path) -> io::Result<Self> {
        let program = program.to_owned();
        let started = tokio::task::spawn_blocking(move || Self::start_and_wait(&program)).await;
        started.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn start_and_wait(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let ledger = tempfile::tempfile()?;
        Command::new(program)
            .arg(SUBCOMMAND)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        ours.set_read_timeout(Some(START_PATIENCE))?;
        let mut said = [0];
        (&ours).read_exact(&mut said)?;
        send(&ours, &Message::Ledger, Some(ledger.as_fd()))?;
        Ok(Self(Arc::new(Ends { line: Mutex::new(ours), ledger, next: AtomicU64::new(0) })))
    }

    /// Has a connection's socket held, too, for as long as the value lives.
    pub(crate) fn hold(&self, connection: &Connection) -> io::Result<Held> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let message = Message::Hold {
            number,
            canceller: Box::new(connection.canceller()),
            is_encrypted: connection.is_encrypted(),
        };
        let line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        send(&line, &message, Some(connection.as_fd()))?;
        drop(line);
        Ok(Held { guardian: self.clone(), number })
    }
}

/// A connection whose socket the guardian holds. Dropping this releases it: the connection is over,
/// or is allowed to be.
#[derive(Debug)]
pub(crate) struct Held {
    guardian: Guardian,
    number: u64,
}

impl Held {
    /// Writes into the ledger what the connection is doing. A statement is written down before it
    /// is sent.
    pub(crate) fn note(&self, activity: Activity) {
        let written = self.guardian.0.ledger.write_all_at(&[activity as u8], self.number);
        if let Err(error) = written {
            tracing::warn!(%error, "the guardian does not know what runs");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let line = self.guardian.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        // A guardian that is gone holds nothing.
        let _ = send(&line, &Message::Release { number: self.number }, None);
    }
}
