//! A client's stream that is listened to for the hooks: what the client says, what it is told, and
//! whether it is told anything more.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gateway::guest::Joined;
use crate::gateway::talk::Talk;
use crate::pg::frame::{Frame, FromClient, FromServer, Stream};

/// What was heard of a conversation.
pub(super) struct Heard {
    joined: Arc<Joined>,
    talk: Mutex<Talk>,
    is_muted: AtomicBool,
}

impl Heard {
    /// Nothing yet, of a client that calls itself so.
    pub(super) fn new(joined: Arc<Joined>, application: &str) -> Self {
        let talk = Mutex::new(Talk::of(application));
        Self { joined, talk, is_muted: AtomicBool::new(false) }
    }

    /// The type of a parameter of a prepared statement, where the client was told it.
    pub(super) fn type_of(&self, prepared: &str, parameter: usize) -> Option<u32> {
        self.talk().type_of(prepared, parameter)
    }

    /// From now on the client is told nothing more.
    pub(super) fn mute(&self) {
        self.is_muted.store(true, Ordering::Relaxed);
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_said(&self, frame: &FromClient) {
        self.talk().note_said(frame);
    }

    fn note_told(&self, frame: &FromServer) {
        let hooks = self.joined.hooks();
        let told = {
            let mut talk = self.talk();
            let told = if hooks.wants_answers() { talk.told(frame) } else { Vec::new() };
            talk.note_answered(frame);
            told
        };
        for what in told {
            hooks.told(self.joined.client(), what);
        }
    }
}

/// The stream, and what of either side's messages is not whole yet.
pub(super) struct Tap {
    stream: Box<dyn Stream>,
    heard: Arc<Heard>,
    said: BytesMut,
    told: BytesMut,
}

impl Tap {
    /// Listens to a stream, of which this has been read already.
    pub(super) fn new(stream: Box<dyn Stream>, read: &[u8], heard: Arc<Heard>) -> Self {
        let mut tap = Self { stream, heard, said: BytesMut::new(), told: BytesMut::new() };
        tap.note_said(read);
        tap
    }

    fn note_said(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
        // What is no message is for whoever reads it to complain of.
        while let Ok(Some(frame)) = Frame::take(&mut self.said) {
            self.heard.note_said(&frame);
        }
    }

    fn note_told(&mut self, bytes: &[u8]) {
        self.told.extend_from_slice(bytes);
        while let Ok(Some(frame)) = Frame::take(&mut self.told) {
            self.heard.note_told(&frame);
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.note_said(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.heard.is_muted.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.note_told(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
