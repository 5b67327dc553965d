//! The guardian itself: holds sockets while the program lives, and ends what runs on them when it
//! has died.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use futures::future::join_all;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::line::{Message, Receiver};
use super::{Activity, READY};
use crate::pg::Canceller;

/// How long the ending of everything may take: it takes milliseconds, but whoever was killed for
/// want of memory leaves a slow machine. What cannot be ended by then goes on without us, as it
/// would have without a guardian.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a statement has to end after it was cancelled, before it is cancelled again: a request
/// that comes before the server has begun with the statement cancels nothing.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);
/// What an answer ends with, but for the transaction's status behind it (PostgreSQL documentation,
/// 54.7, `ReadyForQuery`).
const READY_FOR_QUERY: [u8; 5] = [b'Z', 0, 0, 0, 5];

/// Is the guardian of whoever is at the other end of the line, until that is gone and nothing of it
/// goes on. Must be called within a tokio runtime.
pub async fn keep(line: UnixStream) -> io::Result<()> {
    // A terminal's keys and its end reach the processes of its own session.
    rustix::process::setsid()?;
    let _unheard = not_to_be_ended_by_signals()?;
    (&line).write_all(&[READY])?;
    let mut receiver = Receiver::new(line)?;
    let mut keeper = Keeper::default();
    // A line that cannot be understood is a program that is not well.
    while let Ok(Some((message, descriptor))) = receiver.next().await {
        keeper.take(message, descriptor);
    }
    keeper.end_everything().await;
    Ok(())
}

/// Whoever ends all of our processes by a signal, as a shutdown does, wants nothing to be committed
/// by that either: the guardian ends right after the program, and by itself.
fn not_to_be_ended_by_signals() -> io::Result<Vec<Signal>> {
    let signals = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    signals.into_iter().map(signal).collect()
}

/// What is held.
#[derive(Debug, Default)]
struct Keeper {
    ledger: Option<File>,
    held: BTreeMap<u64, Connection>,
}

/// A session's connection, of which the program has the other copy.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    canceller: Box<Canceller>,
    is_encrypted: bool,
}

impl Keeper {
    fn take(&mut self, message: Message, descriptor: Option<OwnedFd>) {
        match (message, descriptor) {
            (Message::Ledger, Some(ledger)) => self.ledger = Some(File::from(ledger)),
            (Message::Hold { number, canceller, is_encrypted }, Some(socket)) => {
                self.held.insert(number, Connection { socket, canceller, is_encrypted });
            }
            (Message::Release { number }, _) => drop(self.held.remove(&number)),
            (Message::Ledger | Message::Hold { .. }, None) => {}
        }
    }

    /// Cancels what runs and hears the answers. Only when all of them are heard, or the time is up,
    /// are the sockets closed, and with that whatever is open rolled back.
    async fn end_everything(self) {
        let busy = self.held.iter().filter(|(number, _)| self.is_busy(**number));
        let ends = join_all(busy.map(|(_, connection)| connection.cancel_until_idle()));
        // Nobody is left who could be told.
        let _ = timeout(PATIENCE, ends).await;
    }

    fn is_busy(&self, number: u64) -> bool {
        let mut activity = [0];
        let ledger = self.ledger.as_ref();
        // What has never been written has never been busy.
        let read = ledger.and_then(|ledger| ledger.read_exact_at(&mut activity, number).ok());
        read.is_some() && activity != [Activity::Idle as u8]
    }
}

impl Connection {
    /// Cancels what runs here until it has ended.
    async fn cancel_until_idle(&self) {
        let Ok(mut answer) = Answer::on(&self.socket, self.is_encrypted) else { return };
        loop {
            // One that does not get through is made again.
            let _ = self.canceller.cancel().await;
            if answer.ends_within(CANCEL_AGAIN).await {
                return;
            }
        }
    }
}

/// What comes in on a socket whose other reader is gone, perhaps in the middle of a message.
struct Answer {
    /// Whatever kind of socket it is: all are read in the same way.
    socket: tokio::net::UnixStream,
    is_encrypted: bool,
    /// How much has come.
    length: usize,
    /// Its last bytes.
    tail: Vec<u8>,
}

impl Answer {
    fn on(socket: &OwnedFd, is_encrypted: bool) -> io::Result<Self> {
        let socket = UnixStream::from(socket.try_clone()?);
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UnixStream::from_std(socket)?;
        Ok(Self { socket, is_encrypted, length: 0, tail: Vec::new() })
    }

    /// Whether the answer has ended. One that cannot be read has where something has come and
    /// nothing more comes: the server tells the error of a statement that was cancelled when it can
    /// commit no more.
    async fn ends_within(&mut self, patience: Duration) -> bool {
        let before = self.length;
        let has_ended = timeout(patience, self.until_end()).await.is_ok();
        has_ended || (self.is_encrypted && before > 0 && self.length == before)
    }

    /// Until all that has come ends as answers do, or the server has hung up.
    async fn until_end(&mut self) {
        let mut bytes = [0; 8 * 1024];
        loop {
            match self.socket.try_read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => self.take(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                Err(_would_block) if self.is_at_an_end() => return,
                Err(_would_block) if self.socket.readable().await.is_err() => return,
                Err(_would_block) => {}
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(READY_FOR_QUERY.len() + 1);
        self.tail.drain(..surplus);
    }

    fn is_at_an_end(&self) -> bool {
        !self.is_encrypted
            && self.tail.len() > READY_FOR_QUERY.len()
            && self.tail.starts_with(&READY_FOR_QUERY)
    }
}
