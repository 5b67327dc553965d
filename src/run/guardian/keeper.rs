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
/// How often nothing at all may have come by then of a statement that may never have been sent: the
/// program was killed in the middle of that.
const SILENCES_OF_THE_UNSENT: u32 = 10;
/// How often nothing more may have come by then of an answer that cannot be read.
const SILENCES_OF_THE_UNREAD: u32 = 2;
/// What an answer ends with, but for the transaction's status behind it (PostgreSQL documentation,
/// 54.7, `ReadyForQuery`).
const READY_FOR_QUERY: [u8; 5] = [b'Z', 0, 0, 0, 5];

/// Is the guardian of whoever is at the other end of the line, until that is gone and nothing of it
/// goes on. Must be called within a tokio runtime.
pub async fn keep(line: UnixStream) -> io::Result<()> {
    // A terminal's keys and its end reach the processes of its own session.
    rustix::process::setsid()?;
    // Before it says that it is ready: from then on it is relied on, whatever signal comes.
    let _unheard = not_to_be_ended_by_signals()?;
    (&line).write_all(&[READY])?;
    let mut receiver = Receiver::new(line)?;
    let mut keeper = Keeper::default();
    loop {
        match receiver.next().await {
            Ok(Some((message, descriptor))) => keeper.take(message, descriptor),
            Ok(None) => break,
            // Not to understand the program is no reason to end what it does.
            Err(_not_understood) => {
                receiver.until_gone().await;
                break;
            }
        }
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
        let busy = self.held.iter().filter_map(|(number, connection)| {
            let is_sent = match self.activity(*number) {
                Activity::Idle => return None,
                activity => activity == Activity::Busy,
            };
            Some(connection.cancel_until_idle(is_sent))
        });
        let ends = join_all(busy);
        // Nobody is left who could be told.
        let _ = timeout(PATIENCE, ends).await;
    }

    fn activity(&self, number: u64) -> Activity {
        // What has never been written has never been busy.
        let mut activity = [Activity::Idle as u8];
        let ledger = self.ledger.as_ref();
        let _read = ledger.map(|ledger| ledger.read_exact_at(&mut activity, number));
        match activity {
            [idle] if idle == Activity::Idle as u8 => Activity::Idle,
            [sending] if sending == Activity::Sending as u8 => Activity::Sending,
            // In doubt it is busy: a cancel that finds nothing does no harm.
            [_] => Activity::Busy,
        }
    }
}

impl Connection {
    /// Cancels what runs here until it has ended.
    async fn cancel_until_idle(&self, is_sent: bool) {
        let answer = Answer::on(&self.socket, is_sent, self.is_encrypted);
        let Ok(mut answer) = answer else { return };
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
    /// Whether the statement is known to have been sent whole.
    is_sent: bool,
    is_encrypted: bool,
    /// How often in a row nothing has come.
    silences: u32,
    /// How much has come.
    length: usize,
    /// Its last bytes.
    tail: Vec<u8>,
}

impl Answer {
    fn on(socket: &OwnedFd, is_sent: bool, is_encrypted: bool) -> io::Result<Self> {
        let socket = UnixStream::from(socket.try_clone()?);
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UnixStream::from_std(socket)?;
        let (silences, length, tail) = (0, 0, Vec::new());
        Ok(Self { socket, is_sent, is_encrypted, silences, length, tail })
    }

    /// Whether the answer has ended.
    async fn ends_within(&mut self, patience: Duration) -> bool {
        let before = self.length;
        let has_ended = timeout(patience, self.until_end()).await.is_ok();
        self.silences = if self.length == before { self.silences + 1 } else { 0 };
        has_ended || self.has_ended_in_silence()
    }

    /// Whether so little comes that nothing more will. A server tells the error of a statement that
    /// was cancelled when it can commit no more; of one that was never sent it tells nothing. One
    /// that was sent may take its time.
    fn has_ended_in_silence(&self) -> bool {
        match self.length {
            0 => !self.is_sent && self.silences >= SILENCES_OF_THE_UNSENT,
            _ => self.is_encrypted && self.silences >= SILENCES_OF_THE_UNREAD,
        }
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
                // Asked only when nothing more is there: in the middle of what has come, these
                // bytes may be a part of a row.
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

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] = b"Z\0\0\0\x05I";

    /// How many rounds in a row are without a byte until the answer is taken to have ended, if this
    /// comes first.
    async fn silences(is_sent: bool, is_encrypted: bool, first: &[u8]) -> Option<u32> {
        let (socket, mut server) = UnixStream::pair().unwrap();
        let mut answer = Answer::on(&OwnedFd::from(socket), is_sent, is_encrypted).unwrap();
        server.write_all(first).unwrap();
        if !first.is_empty() {
            answer.socket.readable().await.unwrap();
        }
        for _ in 0..100 {
            if answer.ends_within(Duration::ZERO).await {
                return Some(answer.silences);
            }
        }
        None
    }

    #[tokio::test]
    async fn what_was_sent_is_waited_for_and_what_may_not_have_been_for_a_moment() {
        for is_encrypted in [false, true] {
            assert_eq!(silences(true, is_encrypted, b"").await, None);
            assert_eq!(silences(false, is_encrypted, b"").await, Some(SILENCES_OF_THE_UNSENT));
        }
    }

    #[tokio::test]
    async fn an_answer_that_has_begun_ends_where_it_says_so_if_it_can_be_read() {
        for is_sent in [false, true] {
            assert_eq!(silences(is_sent, false, b"N").await, None);
            assert_eq!(silences(is_sent, false, READY).await, Some(0));
            assert_eq!(silences(is_sent, true, b"N").await, Some(SILENCES_OF_THE_UNREAD));
        }
    }
}
