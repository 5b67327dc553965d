//! What the AMQP client runs on: tokio, with streams of ours.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures::Stream as Stream_;
use futures::io::{AsyncRead, AsyncWrite};
use tokio_util::compat::Compat;

use super::address::Stream;

/// Tokio's tasks and our streams.
pub(super) type AmqpRuntime = RuntimeParts<Tokio, LinkedReactor>;

/// Of the runtime that we are on.
pub(super) fn current() -> Runtime<AmqpRuntime> {
    let tokio = Tokio::current();
    Runtime::new(RuntimeParts::new(tokio.clone(), LinkedReactor(tokio)))
}

/// Streams over a link that can be cut; everything else is tokio's.
#[derive(Clone, Debug)]
pub(super) struct LinkedReactor(Tokio);

impl Reactor for LinkedReactor {
    type TcpStream = Compat<Stream>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// Nobody asks for it: every stream is opened by us.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Compat<Stream>, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream_<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    /// Nobody asks for it either.
    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
