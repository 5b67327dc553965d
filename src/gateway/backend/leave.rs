//! The end of a connection to the server.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::pg::Canceller;

/// How long the gateway's end may take: a client that does not read what it is told, a server that
/// does not hear.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// How often a server is told again to give up a statement: a request between two statements
/// cancels nothing.
const INSISTENCE: Duration = Duration::from_millis(100);

/// How much is read at once of what nobody looks at.
const BUFFER: usize = 32 * 1024;

/// Has the server give up what it does for a client, and hangs up; over when its process is gone,
/// or does not hear.
pub(crate) async fn take_leave(
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    canceller: &Canceller,
) {
    tokio::time::timeout(FAREWELL, hang_up(server, canceller)).await.ok();
}

async fn hang_up(server: &mut (impl AsyncRead + AsyncWrite + Unpin), canceller: &Canceller) {
    server.shutdown().await.ok();
    let mut again = tokio::time::interval(INSISTENCE);
    let mut unread = vec![0; BUFFER];
    loop {
        tokio::select! {
            biased;
            // What the server still says is read and dropped: while it is blocked in a write it
            // looks at no cancellation (`ProcessClientWriteInterrupt`).
            read = server.read(&mut unread) => if !matches!(read, Ok(1..)) { return },
            // Nobody may hear it any more, which is what is wanted.
            _ = again.tick() => { canceller.cancel().await.ok(); }
        }
    }
}
