//! What a client says first: a packet without a tag (PostgreSQL documentation, 54.7), read as
//! PostgreSQL reads it.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::core::event::octets;
use crate::pg::frame::Stream;
use crate::pg::message::frontend::{CANCEL_REQUEST, SSL_REQUEST};

const GSS_REQUEST: u32 = 80_877_104;
/// `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL, which does not count the length itself.
const LONGEST: u32 = 10_000 + 4;
/// The first byte of a TLS handshake, which as that of a length would be far too much.
const HANDSHAKE: u8 = 0x16;

/// The first packet, or what stands in its place.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Whether TLS is to be had.
    Encrypt,
    /// Whether GSSAPI is.
    EncryptOtherwise,
    /// TLS without a question (`sslnegotiation=direct`), of which these bytes have been read.
    Handshake([u8; 4]),
    /// More, right behind such a question and before its answer.
    Early(&'static str),
    /// A statement of another connection is to be cancelled.
    Cancel(Bytes),
    /// A session is to begin, or something that nobody understands.
    Session(Bytes),
}

impl Opening {
    /// Reads one. PostgreSQL closes the connection without a word after a length that cannot be,
    /// and so does this error.
    pub(crate) async fn read(stream: &mut Box<dyn Stream>) -> io::Result<Self> {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        if head[0] == HANDSHAKE {
            return Ok(Self::Handshake(head));
        }
        let length = u32::from_be_bytes(head);
        if !(8..=LONGEST).contains(&length) {
            let text = format!("{length} is not a valid length for a start-up packet");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut packet = BytesMut::zeroed(length as usize);
        packet[..4].copy_from_slice(&head);
        stream.read_exact(&mut packet[4..]).await?;
        let packet = packet.freeze();
        Ok(match (&packet[4..]).get_u32() {
            SSL_REQUEST => Self::Encrypt,
            GSS_REQUEST => Self::EncryptOtherwise,
            CANCEL_REQUEST => Self::Cancel(packet),
            _ => Self::Session(packet),
        })
    }

    /// What stands in the place of a version in a request for encryption.
    pub(crate) fn code(&self) -> u32 {
        match self {
            Self::Encrypt => SSL_REQUEST,
            _ => GSS_REQUEST,
        }
    }
}

/// A packet that begins a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartUp {
    version: u32,
    parameters: Vec<(Bytes, Bytes)>,
}

impl StartUp {
    /// Reads it; nothing where PostgreSQL refuses to. Whatever this takes for a packet that
    /// PostgreSQL refuses must be one: nobody is asked for a password before it goes there.
    pub(crate) fn parse(packet: &Bytes) -> Option<Self> {
        let mut rest = packet.slice(4..);
        let version = rest.get_u32();
        let mut parameters = Vec::new();
        loop {
            let name = text(&mut rest)?;
            if name.is_empty() {
                break;
            }
            parameters.push((name, text(&mut rest)?));
        }
        let start_up = Self { version, parameters };
        // The minor version is for the server to negotiate (PostgreSQL documentation, 54.2.1). That
        // the terminator is the last byte, and that a user is named, is what PostgreSQL demands
        // (`ProcessStartupPacket`).
        let is_whole = version >> 16 == 3 && rest.is_empty() && !start_up.user().is_empty();
        is_whole.then_some(start_up)
    }

    /// The value of a parameter; of several the last, as for PostgreSQL.
    pub(crate) fn get(&self, name: &str) -> Option<&Bytes> {
        let mut known = self.parameters.iter().rev();
        known.find(|(known, _)| known == name.as_bytes()).map(|(_, value)| value)
    }

    pub(crate) fn user(&self) -> &[u8] {
        self.get("user").map_or(&[], |user| user)
    }

    /// Sets a parameter.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.remove(name);
        let value = Bytes::copy_from_slice(value.as_bytes());
        self.parameters.push((Bytes::from_static(name.as_bytes()), value));
    }

    /// Sets a parameter that the client leaves open.
    pub(crate) fn set_unless_there(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
            self.parameters.push((text(name), text(value)));
        }
    }

    /// Takes a parameter away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.parameters.retain(|(known, _)| known != name.as_bytes());
    }

    /// All parameters, bytes of other encodings kept.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let text = |(name, value): &(Bytes, Bytes)| (octets::keep(name), octets::keep(value));
        self.parameters.iter().map(text).collect()
    }

    /// The first parameter that is not in UTF-8, by its name as far as that can be told.
    pub(crate) fn not_utf8(&self) -> Option<String> {
        let is_text = |bytes: &Bytes| std::str::from_utf8(bytes).is_ok();
        let wrong = self.parameters.iter().find(|(name, value)| !is_text(name) || !is_text(value));
        wrong.map(|(name, _)| String::from_utf8_lossy(name).into_owned())
    }

    pub(crate) fn bytes(&self) -> BytesMut {
        let mut out = BytesMut::new();
        out.put_u32(0);
        out.put_u32(self.version);
        for text in self.parameters.iter().flat_map(|(name, value)| [name, value]) {
            out.put_slice(text);
            out.put_u8(0);
        }
        out.put_u8(0);
        let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out[..4].copy_from_slice(&length.to_be_bytes());
        out
    }
}

/// The bytes up to the next zero, which is taken away with them.
fn text(rest: &mut Bytes) -> Option<Bytes> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let text = rest.split_to(end);
    rest.advance(1);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(version: u32, body: &[u8]) -> Bytes {
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], &version.to_be_bytes(), body].concat().into()
    }

    #[test]
    fn a_packet_that_is_read_and_written_is_the_same() {
        let packet = packet(0x0003_0002, b"user\0caf\xe9\0_pq_.x\0\0options\0-c a=b\0\0");
        let start_up = StartUp::parse(&packet).unwrap();
        assert_eq!(start_up.user(), b"caf\xe9");
        assert_eq!(start_up.not_utf8().as_deref(), Some("user"));
        assert_eq!(start_up.bytes(), packet);
    }

    #[test]
    fn what_postgresql_refuses_is_no_packet() {
        for (version, body) in [
            (0x0003_0000, &b"\0"[..]),
            (0x0003_0000, b"user\0\0\0"),
            (0x0003_0000, b"user\0a"),
            (0x0003_0000, b"user\0a\0"),
            (0x0003_0000, b"user\0a\0\0x"),
            (0x0003_0000, b""),
            (0x0002_0000, b"user\0a\0\0"),
            (0x0004_0000, b"user\0a\0\0"),
        ] {
            assert_eq!(StartUp::parse(&packet(version, body)), None, "{version:x} {body:?}");
        }
    }

    #[test]
    fn of_a_parameter_that_is_there_twice_the_last_counts() {
        let packet = packet(0x0003_0000, b"user\0a\0user\0b\0\0");
        let mut start_up = StartUp::parse(&packet).unwrap();
        assert_eq!(start_up.user(), b"b");
        start_up.set("user", "c");
        assert_eq!(&start_up.bytes()[8..], b"user\0c\0\0");
    }

    #[tokio::test]
    async fn a_packet_is_as_long_as_postgresql_takes_it() {
        for (length, is_taken) in [(7, false), (8, true), (10_004, true), (10_005, false)] {
            let (ours, mut theirs) = tokio::io::duplex(20_000);
            let mut packet = vec![0; length];
            packet[..4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            tokio::io::AsyncWriteExt::write_all(&mut theirs, &packet).await.unwrap();
            let mut stream: Box<dyn Stream> = Box::new(ours);
            assert_eq!(Opening::read(&mut stream).await.is_ok(), is_taken, "{length}");
        }
    }
}
