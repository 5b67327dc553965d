//! What the program tells its guardian: a line of JSON each, some with a file descriptor (unix(7),
//! `SCM_RIGHTS`).
//!
//! A descriptor comes with its message's first bytes at the latest, and in their order: the first
//! message that lacks one has the first.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;

use crate::pg::Canceller;

/// As much as is read in one go.
const GULP: usize = 8 * 1024;
/// As many descriptors as can come with it; a system gives fewer.
const DESCRIPTORS: usize = 16;

/// What is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// Here is the ledger.
    Ledger,
    /// Here is a socket to hold.
    Hold {
        /// Its place in the ledger.
        number: u64,
        /// What cancels the statement that runs there.
        canceller: Box<Canceller>,
        /// Whether the server's answers can only be heard, not read.
        is_encrypted: bool,
    },
    /// The socket of that number need not be held any more.
    Release { number: u64 },
}

impl Message {
    fn has_descriptor(&self) -> bool {
        matches!(self, Self::Ledger | Self::Hold { .. })
    }
}

/// Tells the guardian something.
pub(super) fn send(
    line: &UnixStream,
    message: &Message,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut text = serde_json::to_vec(message)?;
    text.push(b'\n');
    let sent = match descriptor {
        Some(descriptor) => send_with(line, &text, descriptor)?,
        None => 0,
    };
    (&*line).write_all(&text[sent..])
}

fn send_with(
    line: &UnixStream,
    text: &[u8],
    descriptor: BorrowedFd<'_>,
) -> rustix::io::Result<usize> {
    let descriptors = [descriptor];
    retry_on_intr(|| {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(line, &[IoSlice::new(text)], &mut control, SendFlags::empty())
    })
}

/// The guardian's end.
#[derive(Debug)]
pub(super) struct Receiver {
    line: tokio::net::UnixStream,
    text: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl Receiver {
    pub(super) fn new(line: UnixStream) -> io::Result<Self> {
        line.set_nonblocking(true)?;
        let line = tokio::net::UnixStream::from_std(line)?;
        Ok(Self { line, text: Vec::new(), descriptors: VecDeque::new() })
    }

    /// The next message, with its descriptor if it has one; nothing once the program is gone.
    pub(super) async fn next(&mut self) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let message: Message = serde_json::from_slice(&self.text[..end])?;
                self.text.drain(..=end);
                let descriptor = self.descriptor_of(&message)?;
                return Ok(Some((message, descriptor)));
            }
            if self.receive().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Waits until the program is gone, whatever it says until then.
    pub(super) async fn until_gone(mut self) {
        while matches!(self.receive().await, Ok(1..)) {
            self.text.clear();
            self.descriptors.clear();
        }
    }

    fn descriptor_of(&mut self, message: &Message) -> io::Result<Option<OwnedFd>> {
        if !message.has_descriptor() {
            return Ok(None);
        }
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "a descriptor is missing");
        self.descriptors.pop_front().ok_or_else(missing).map(Some)
    }

    async fn receive(&mut self) -> io::Result<usize> {
        let Self { line, text, descriptors } = self;
        line.async_io(Interest::READABLE, || Ok(receive(line.as_fd(), text, descriptors)?)).await
    }
}

fn receive(
    line: BorrowedFd<'_>,
    text: &mut Vec<u8>,
    descriptors: &mut VecDeque<OwnedFd>,
) -> rustix::io::Result<usize> {
    let mut bytes = [0; GULP];
    let received = retry_on_intr(|| {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received =
            recvmsg(line, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::empty())?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(found) = message {
                descriptors.extend(found);
            }
        }
        Ok(received.bytes)
    })?;
    text.extend_from_slice(&bytes[..received]);
    Ok(received)
}
