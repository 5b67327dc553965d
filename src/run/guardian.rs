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
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
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
/// How long it may take to take in a message. One that does not is as good as gone.
const TELL_PATIENCE: Duration = Duration::from_secs(1);
/// How much of the ledger is written at the start, a byte for each connection that is ever made:
/// a disk that is full later cannot keep a statement from being written down.
const LEDGER_LENGTH: usize = 64 * 1024;
/// What it says once it is ready.
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
    /// Whether nobody holds anything any more, or nobody can be told so.
    is_gone: Arc<AtomicBool>,
}

impl Ends {
    fn tell(&self, message: &Message, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_gone() {
            return Err(gone());
        }
        // Half a message makes nonsense of the next.
        send(&line, message, descriptor).inspect_err(|_| self.is_gone.store(true, Ordering::SeqCst))
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "it has ended")
}

/// What a session's connection is doing, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Activity {
    /// No statement was sent that is not answered whole.
    Idle = 0,
    /// One is about to be sent, or is being sent.
    Sending = 1,
    /// The server works on one, or will.
    Busy = 2,
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
        let ledger = blank_ledger()?;
        let child = Command::new(program)
            .arg(SUBCOMMAND)
            // As its standard input: whatever else we have open is closed by the exec, and no
            // number needs to be told.
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Where the program was started must not be in use for longer than the program.
            .current_dir("/")
            .spawn()?;
        // Before it has said anything: one that never gets ready must not stay as a zombie either.
        let is_gone = notice_end_of(child)?;
        ours.set_read_timeout(Some(START_PATIENCE))?;
        ours.set_write_timeout(Some(TELL_PATIENCE))?;
        let mut said = [0];
        (&ours).read_exact(&mut said)?;
        send(&ours, &Message::Ledger, Some(ledger.as_fd()))?;
        let (line, next) = (Mutex::new(ours), AtomicU64::new(0));
        Ok(Self(Arc::new(Ends { line, ledger, next, is_gone })))
    }

    /// Has a connection's socket held, too, for as long as the value lives.
    pub(crate) fn hold(&self, connection: &Connection) -> io::Result<Held> {
        // Never given twice: what is noted late for a connection that is over must not be
        // another's.
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let message = Message::Hold {
            number,
            canceller: Box::new(connection.canceller().in_any_folder()),
            is_encrypted: connection.is_encrypted(),
        };
        self.0.tell(&message, Some(connection.as_fd()))?;
        Ok(Held { guardian: self.clone(), number })
    }
}

/// A file without a name that has its place on the disk.
fn blank_ledger() -> io::Result<File> {
    let ledger = tempfile::tempfile()?;
    ledger.write_all_at(&vec![Activity::Idle as u8; LEDGER_LENGTH], 0)?;
    Ok(ledger)
}

/// Waits for the process's end beside everything else, and says when it has come.
fn notice_end_of(mut child: Child) -> io::Result<Arc<AtomicBool>> {
    let is_gone = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&is_gone);
    let wait = move || {
        let ended = child.wait();
        noticed.store(true, Ordering::SeqCst);
        tracing::info!(?ended, "the guardian has ended");
    };
    thread::Builder::new().name("guardian".to_owned()).spawn(wait)?;
    Ok(is_gone)
}

/// A connection whose socket the guardian holds. Dropping this releases it: the connection is over,
/// or is allowed to be.
#[derive(Debug)]
pub(crate) struct Held {
    guardian: Guardian,
    number: u64,
}

impl Held {
    /// Why nobody holds it any more, where that is so.
    pub(crate) fn loss(&self) -> Option<io::Error> {
        self.guardian.0.is_gone().then(gone)
    }

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
        // A guardian that is gone holds nothing.
        let _ = self.guardian.0.tell(&Message::Release { number: self.number }, None);
    }
}
