//! Whether a client has hung up, while nobody reads what it has said before.

use std::os::fd::{AsFd, OwnedFd};

/// A client's socket once more, to be watched.
#[derive(Debug)]
pub(super) struct HangUp(Option<OwnedFd>);

impl HangUp {
    /// Of this socket, which stays open for as long as this is there.
    pub(super) fn of(socket: &impl AsFd) -> Self {
        Self(socket.as_fd().try_clone_to_owned().ok())
    }

    /// Waits until the other side has ended its direction, however much of what it has said before
    /// lies unread. Its system tells so behind the last that it could send: like PostgreSQL's
    /// `client_connection_check_interval`, this does not see a client die that had more to say than
    /// a socket takes.
    #[cfg(target_os = "linux")]
    pub(super) async fn wait(&self) {
        if let Some(socket) = self.socket() {
            // The end alone, or urgent data, which nobody sends; data is no reason to wake up.
            while let Ok(ready) = socket.ready(tokio::io::Interest::PRIORITY).await {
                if ready.is_read_closed() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
        std::future::pending::<()>().await;
    }

    /// The socket under a descriptor of its own, since epoll knows each only once. Of whichever
    /// kind it is: nothing is asked of it but whether it is ready.
    #[cfg(target_os = "linux")]
    fn socket(&self) -> Option<tokio::net::TcpStream> {
        let again = self.0.as_ref()?.try_clone().ok()?;
        tokio::net::TcpStream::from_std(again.into()).ok()
    }

    /// Only Linux tells the end apart from data that lies before it; elsewhere it is seen when that
    /// is read.
    #[cfg(not(target_os = "linux"))]
    pub(super) async fn wait(&self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_has_said_something_and_hung_up_is_seen_to_be_gone() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let hang_up = HangUp::of(&ours);
        theirs.write_all(b"unread").await.unwrap();
        let mut waiting = std::pin::pin!(hang_up.wait());
        let early = timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(early.is_err(), "data is no end");
        drop(theirs);
        timeout(Duration::from_secs(30), waiting).await.expect("the end is seen");
    }
}
