//! What is listened at: HTTP/1.1, by a Unix socket or on this machine.
//!
//! Everything is bounded: how many are connected, how many wait, how long a request may be and how
//! long it may take to arrive. Whoever hangs up while it waits is waited for no longer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::socket_file::own_user;

/// How many may be connected; the next have to wait until one of them leaves.
pub(super) const CONNECTIONS: usize = 128;

/// How long a request may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(10);

/// How much of a request is read ahead.
const AHEAD: usize = 16 * 1024;

/// Where it is listened.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Somebody who has connected.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    async fn accept(&self) -> io::Result<Option<Box<dyn Stream>>> {
        match self {
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(is_by_the_same_user(&stream).then(|| Box::new(stream) as Box<dyn Stream>))
            }
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Some(Box::new(stream)))
            }
        }
    }
}

/// Whether the other end is this user's program, or the administrator's.
pub(super) fn is_by_the_same_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|other| [own_user(), 0].contains(&other.uid()) || own_user() == 0)
}

/// Answers whoever connects, until it is dropped.
#[expect(clippy::disallowed_methods, reason = "nobody tells when files can be opened again")]
pub(super) async fn serve(
    listener: Listener,
    router: Router,
    places: Arc<Semaphore>,
    arrival: Duration,
) {
    let mut connected = JoinSet::new();
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connected.join_next() => continue,
        };
        match accepted {
            Ok(Some(stream)) => {
                connected.spawn(answer(stream, router.clone(), place, arrival));
            }
            Ok(None) => {}
            // Such as too many open files, which does not end by asking at once again.
            Err(error) => {
                tracing::warn!(%error, "the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(
    stream: Box<dyn Stream>,
    router: Router,
    place: OwnedSemaphorePermit,
    arrival: Duration,
) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(arrival)
        .max_buf_size(AHEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the control socket");
    }
    drop(place);
}
