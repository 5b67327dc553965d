//! A Unix socket that wakes its reader only when there is something to read.
//!
//! tokio's own stream asks the system about room to write as well, for as long as it lives. On a
//! Unix socket the peer makes room whenever it reads, so every statement would wake us once for
//! nothing, while we wait for its answer: a twentieth of a short statement's time. Here room is
//! asked about only while there is none.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// As much as is read in one go: what a codec's buffer begins with.
const GULP: usize = 8 * 1024;

/// A connected Unix socket.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    stream: AsyncFd<UnixStream>,
    /// The same socket once more, while a write waits for room.
    congested: Option<AsyncFd<UnixStream>>,
    /// Where the system puts what it has, so that a caller's buffer need not be filled with zeros
    /// first.
    landing: Box<[u8; GULP]>,
}

impl UnixSocket {
    /// Connects to whoever listens at the path.
    pub(super) async fn connect(path: &Path) -> io::Result<Self> {
        Self::adopt(tokio::net::UnixStream::connect(path).await?)
    }

    /// Takes over a stream of tokio's: a client's, as the listener gives it.
    pub(crate) fn adopt(stream: tokio::net::UnixStream) -> io::Result<Self> {
        Self::new(stream.into_std()?)
    }

    /// The stream must not block.
    fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self {
            stream: watch(stream, Interest::READABLE)?,
            congested: None,
            landing: Box::new([0; GULP]),
        })
    }

    /// Waits until there may be room to write.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.congested.is_none() {
            // A duplicate, because epoll knows a descriptor only once and this one is registered
            // for reading. Room that appears between the write that found none and the registration
            // is not missed: epoll tells at once of a descriptor that is ready when it is added
            // (epoll(7)).
            let again = self.stream.get_ref().try_clone()?;
            self.congested = Some(watch(again, Interest::WRITABLE)?);
        }
        if let Some(congested) = &self.congested {
            // Told once, to be asked anew if it turns out not to be so.
            ready!(congested.poll_write_ready(cx))?.clear_ready();
        }
        Poll::Ready(Ok(()))
    }
}

/// Asks the system to tell about one direction of a stream.
fn watch(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a `UnixStream` owns its descriptor and names the same one until it is dropped, which
    // the `AsyncFd` does last; nothing here replaces the stream within it.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}

impl AsFd for UnixSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.get_ref().as_fd()
    }
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wanted = buffer.remaining().min(GULP);
        loop {
            let mut arrived = ready!(this.stream.poll_read_ready(cx))?;
            let landing = &mut this.landing[..wanted];
            match arrived.try_io(|socket| socket.get_ref().read(landing)) {
                Ok(Ok(read)) => {
                    // Less than there was place for: the socket is empty, and epoll tells when that
                    // changes. Zero bytes are the end, of which it tells only once: the readiness
                    // stays, so that whoever reads again gets the end again.
                    if (1..wanted).contains(&read) {
                        arrived.clear_ready();
                    }
                    buffer.put_slice(&landing[..read]);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            match this.stream.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(this.poll_room(cx))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    this.congested = None;
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream.get_ref().shutdown(Shutdown::Write) {
            // A peer that is gone already cannot be told that nothing more comes, and need not be.
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn pair() -> (UnixSocket, tokio::net::UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        (UnixSocket::new(ours).unwrap(), tokio::net::UnixStream::from_std(theirs).unwrap())
    }

    #[tokio::test]
    async fn more_than_the_system_has_room_for_arrives_whole_in_both_directions() {
        let (mut ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..3_000_000u32).map(|number| number.to_le_bytes()[1]).collect();
        for _ in 0..2 {
            let mut received = vec![0; sent.len()];
            let (writing, reading) =
                tokio::join!(ours.write_all(&sent), theirs.read_exact(&mut received));
            writing.and(reading.map(|_| ())).unwrap();
            assert!(received == sent);
            let mut received = vec![0; sent.len()];
            let (writing, reading) =
                tokio::join!(theirs.write_all(&sent), ours.read_exact(&mut received));
            writing.and(reading.map(|_| ())).unwrap();
            assert!(received == sent);
            assert!(ours.congested.is_none());
        }
    }

    #[tokio::test]
    async fn what_was_said_before_hanging_up_is_heard_and_then_the_end() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(b"the last words").await.unwrap();
        drop(theirs);
        let mut heard = Vec::new();
        ours.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"the last words");
        assert!(ours.write_all(b"an answer").await.is_err());
    }

    #[tokio::test]
    async fn hanging_up_is_heard_while_the_other_still_speaks() {
        let (mut ours, mut theirs) = pair();
        ours.shutdown().await.unwrap();
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty());
        theirs.write_all(b"still here").await.unwrap();
        let mut buffer = [0; 20];
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 10);
    }

    #[tokio::test]
    async fn a_message_that_fills_the_place_to_the_byte_is_followed_by_the_next() {
        let (mut ours, mut theirs) = pair();
        // A read of exactly `GULP` bytes proves nothing about what is left; clearing the readiness
        // after it would lose a message that has arrived already.
        for length in [GULP - 1, GULP, GULP + 1] {
            let (sent, mut received) = (vec![7; length], vec![0; length]);
            for _ in 0..3 {
                let (writing, reading) =
                    tokio::join!(theirs.write_all(&sent), ours.read_exact(&mut received));
                writing.and(reading.map(|_| ())).unwrap();
                assert!(received == sent);
                received.fill(0);
            }
        }
    }
}
