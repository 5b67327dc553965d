//! The link to a part, which can be cut: then no byte passes, in either direction, as with a cable
//! that was pulled. Nobody is told; whoever waits for an answer finds out by waiting.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// All connections to one part have the same link.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_cut: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Link {
    /// From now on nothing passes.
    pub fn cut(&self) {
        self.0.is_cut.store(true, Ordering::SeqCst);
    }

    /// What waits passes now.
    pub fn mend(&self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.is_cut.store(false, Ordering::SeqCst);
        waiting.drain(..).for_each(Waker::wake);
    }

    /// Once something may pass.
    pub async fn passable(&self) {
        std::future::poll_fn(|context| self.poll_pass(context)).await;
    }

    fn poll_pass(&self, context: &Context<'_>) -> Poll<()> {
        if !self.0.is_cut.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have been mended between the two.
        if !self.0.is_cut.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// A stream over a link.
#[derive(Debug)]
pub struct Linked<S> {
    stream: S,
    link: Link,
}

impl<S> Linked<S> {
    /// What the stream carries passes the link.
    pub fn new(stream: S, link: Link) -> Self {
        Self { stream, link }
    }
}

/// Waits for the link, then passes the call on.
macro_rules! through {
    ($linked:expr, $context:expr, $call:ident $(, $argument:expr)*) => {{
        let linked = $linked.get_mut();
        std::task::ready!(linked.link.poll_pass($context));
        Pin::new(&mut linked.stream).$call($context $(, $argument)*)
    }};
}

impl<S: AsyncRead + Unpin> AsyncRead for Linked<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        through!(self, context, poll_read, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Linked<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        through!(self, context, poll_write, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        through!(self, context, poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn nothing_passes_a_link_that_is_cut_and_everything_one_that_is_mended() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let link = Link::default();
        let mut ours = Linked::new(ours, link.clone());
        theirs.write_all(b"one").await.unwrap();
        let mut heard = [0; 3];
        ours.read_exact(&mut heard).await.unwrap();
        link.cut();
        theirs.write_all(b"two").await.unwrap();
        assert!(ours.read_exact(&mut heard).now_or_never().is_none());
        assert!(ours.write_all(b"three").now_or_never().is_none());
        assert!(link.passable().now_or_never().is_none());
        link.mend();
        ours.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"two");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_the_link_is_mended() {
        let link = Link::default();
        link.cut();
        let waiting = tokio::spawn({
            let link = link.clone();
            async move { link.passable().await }
        });
        tokio::task::yield_now().await;
        link.mend();
        waiting.await.unwrap();
    }
}
