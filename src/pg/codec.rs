//! Frames: what makes bytes from a server into messages, and messages into bytes.
//!
//! `pgwire` decodes a body that is shaped as its type says and panics where one is too short, and
//! it reads strings to the next zero byte even when that lies in the message behind. So a frame is
//! cut out first and its shape is looked at, and only then `pgwire` reads it: no bytes from a
//! socket can stop the program. Nor is one replaced because it is no UTF-8.

use bytes::{Buf, BufMut as _, BytesMut};
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage};
use tokio_util::codec::{Decoder, Encoder};

use super::error::WireError;
use crate::core::event::octets;

/// A message that is longer than this is no message: PostgreSQL's own limit for a string
/// (`MaxAllocSize`).
const LONGEST: usize = 0x3fff_ffff;

/// The longest body of a message other than rows, errors and the like: libpq's limit
/// (fe-protocol3.c, 30000).
const LONGEST_SMALL: usize = 30_000;

/// The type byte and the length.
const HEAD: usize = 5;

/// Both directions of a client's connection.
#[derive(Debug, Default)]
pub(super) struct Codec {
    context: DecodeContext,
}

impl Decoder for Codec {
    type Item = PgWireBackendMessage;
    type Error = WireError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, WireError> {
        let Some(length) = frame_length(bytes)? else { return Ok(None) };
        if bytes.len() < length {
            bytes.reserve(length - bytes.len());
            return Ok(None);
        }
        let frame = bytes.split_to(length);
        if !is_well_formed(frame[0], &frame[HEAD..]) {
            return Err(WireError::malformed(&frame));
        }
        let mut frame = with_octets_kept(frame);
        let decoded = PgWireBackendMessage::decode(&mut frame, &self.context);
        decoded?.ok_or_else(|| WireError::malformed(&frame)).map(Some)
    }
}

impl Encoder<PgWireFrontendMessage> for Codec {
    type Error = WireError;

    fn encode(
        &mut self,
        message: PgWireFrontendMessage,
        bytes: &mut BytesMut,
    ) -> Result<(), WireError> {
        Ok(message.encode(bytes)?)
    }
}

/// The frame with its strings in UTF-8, in which bytes of another encoding are kept: `pgwire` would
/// replace them.
fn with_octets_kept(frame: BytesMut) -> BytesMut {
    let body = &frame[HEAD..];
    let body = match frame[0] {
        kind if !b"ENSCAT".contains(&kind) || is_plain(body) => return frame,
        b'A' => [&body[..4], octets::keep(&body[4..]).as_bytes()].concat(),
        b'T' => row_description_kept(body),
        _ => octets::keep(body).into_bytes(),
    };
    let mut kept = BytesMut::with_capacity(HEAD + body.len());
    kept.put_u8(frame[0]);
    // What was at most as long as a string may be is at most four times as long now, and fits.
    kept.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    kept.put_slice(&body);
    kept
}

/// Whether nothing has to be kept: it is UTF-8, without a character that would be taken for a byte.
fn is_plain(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(octets::is_byte))
}

/// Each column: a string with its zero, then 18 bytes.
fn row_description_kept(body: &[u8]) -> Vec<u8> {
    let mut kept = body[..2].to_vec();
    let mut rest = &body[2..];
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (name, behind) = rest.split_at(end);
        let (numbers, next) = behind.split_at(19.min(behind.len()));
        kept.extend_from_slice(octets::keep(name).as_bytes());
        kept.extend_from_slice(numbers);
        rest = next;
    }
    kept
}

/// How long the first frame is, its head included; nothing while its head is not there.
fn frame_length(bytes: &BytesMut) -> Result<Option<usize>, WireError> {
    if bytes.first().is_some_and(|kind| !is_known(*kind)) {
        return Err(WireError::malformed(bytes));
    }
    if bytes.len() < HEAD {
        return Ok(None);
    }
    let length = (&bytes[1..]).get_i32();
    match usize::try_from(length) {
        Ok(length) if (4..=longest(bytes[0])).contains(&length) => Ok(Some(length + 1)),
        _ => Err(WireError::malformed(bytes)),
    }
}

/// Whether a server may begin a message with this byte.
fn is_known(kind: u8) -> bool {
    b"RSKv123snICZENATtDGHWdcf".contains(&kind)
}

/// Row and error messages may be long; a long message of another type is a sign of lost
/// synchronisation.
fn longest(kind: u8) -> usize {
    if b"TDdVENAt".contains(&kind) { LONGEST } else { LONGEST_SMALL }
}

/// Whether a body holds everything that `pgwire` will read from it.
fn is_well_formed(kind: u8, body: &[u8]) -> bool {
    match kind {
        b'R' => body.len() >= if body.starts_with(&[0, 0, 0, 5]) { 8 } else { 4 },
        b'K' | b'v' => body.len() >= 8,
        b'Z' => body.len() == 1,
        b'E' | b'N' => body == [0] || body.ends_with(&[0, 0]),
        b'A' => body.len() >= 6 && body.ends_with(&[0]),
        b'T' => is_row_description(body),
        b't' => count(body).is_some_and(|n| body.len() >= 2 + 4 * n),
        b'D' => count(body).is_some(),
        b'G' | b'H' | b'W' => body.get(1..).and_then(count).is_some(),
        _ => true,
    }
}

/// The 16-bit count at the beginning of a body, when it is there and not negative.
fn count(body: &[u8]) -> Option<usize> {
    let bytes = body.first_chunk::<2>()?;
    usize::try_from(i16::from_be_bytes(*bytes)).ok()
}

/// Each column: a string with its zero, then 18 bytes.
fn is_row_description(body: &[u8]) -> bool {
    let Some(columns) = count(body) else { return false };
    let mut rest = &body[2..];
    for _ in 0..columns {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else { return false };
        let Some(behind) = rest.get(end + 19..) else { return false };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use pgwire::messages::data::{DataRow, FieldDescription, RowDescription};
    use pgwire::messages::response::{
        CommandComplete, ErrorResponse, NotificationResponse, ReadyForQuery, TransactionStatus,
    };
    use pgwire::messages::startup::ParameterStatus;
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        // Without those that stand for bytes: they are kept as four, and not given back as one.
        "[^\0\u{10ff80}-\u{10ffff}]{0,40}"
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let row = prop::collection::vec(any::<u8>(), 0..200)
            .prop_map(|data| PgWireBackendMessage::DataRow(DataRow::new(data[..].into(), 1)));
        let field = |name| FieldDescription::new(name, 1, 2, 25, -1, -1, 0);
        let columns = prop::collection::vec(text(), 0..5).prop_map(move |names| {
            let fields = names.into_iter().map(field).collect();
            PgWireBackendMessage::RowDescription(RowDescription::new(fields))
        });
        let error = prop::collection::vec((b'A'..=b'Z', text()), 0..5)
            .prop_map(|fields| PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields)));
        let told = (any::<i32>(), text(), text()).prop_map(|(pid, channel, payload)| {
            let told = NotificationResponse::new(pid, channel, payload);
            PgWireBackendMessage::NotificationResponse(told)
        });
        let done =
            text().prop_map(|tag| PgWireBackendMessage::CommandComplete(CommandComplete::new(tag)));
        let parameter = (text(), text()).prop_map(|(name, value)| {
            PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name, value))
        });
        let ready = Just(TransactionStatus::Idle)
            .prop_map(|status| PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status)));
        prop_oneof![row, columns, error, told, done, parameter, ready].prop_map(|message| {
            let mut bytes = BytesMut::new();
            message.encode(&mut bytes).unwrap();
            bytes.to_vec()
        })
    }

    /// Decodes everything that is there, and encodes it anew.
    fn drain(codec: &mut Codec, buffer: &mut BytesMut, out: &mut BytesMut) {
        while let Some(message) = codec.decode(buffer).unwrap() {
            message.encode(out).unwrap();
        }
    }

    #[test]
    fn bytes_of_another_encoding_are_kept_in_every_string() {
        let decode = |frame: &[u8]| {
            let message = Codec::default().decode(&mut BytesMut::from(frame)).unwrap();
            message.unwrap()
        };
        let frame = |kind: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[kind], &length[..], body].concat()
        };
        let kept = octets::keep(b"caf\xe9");
        let error = decode(&frame(b'E', b"C42P01\0Mcaf\xe9\0\0"));
        let PgWireBackendMessage::ErrorResponse(error) = error else { panic!("{error:?}") };
        assert_eq!(error.fields, [(b'C', "42P01".to_owned()), (b'M', kept.clone())]);
        let told = decode(&frame(b'A', b"\xff\0\0\x07caf\xe9\0x\0"));
        let PgWireBackendMessage::NotificationResponse(told) = told else { panic!("{told:?}") };
        assert_eq!((told.channel, told.payload), (kept.clone(), "x".to_owned()));
        let numbers =
            [0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
        let body = [&b"\0\x02caf\xe9\0"[..], &numbers, b"n\0", &numbers].concat();
        let columns = decode(&frame(b'T', &body));
        let PgWireBackendMessage::RowDescription(columns) = columns else { panic!("{columns:?}") };
        let names: Vec<&str> = columns.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, [kept.as_str(), "n"]);
    }

    proptest! {
        #[test]
        fn messages_survive_any_chunking(
            messages in prop::collection::vec(message(), 1..10),
            sizes in prop::collection::vec(1usize..50, 1..20),
        ) {
            let all = messages.concat();
            let (mut codec, mut buffer, mut out) = (Codec::default(), BytesMut::new(), BytesMut::new());
            let mut rest = &all[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break }
                let (chunk, behind) = rest.split_at(rest.len().min(*size));
                rest = behind;
                buffer.extend_from_slice(chunk);
                drain(&mut codec, &mut buffer, &mut out);
            }
            prop_assert_eq!(&out[..], &all[..]);
        }

        #[test]
        fn no_bytes_from_a_socket_can_stop_the_program(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = Codec::default().decode(&mut buffer) {}
        }

        #[test]
        fn no_body_can_stop_the_program(
            kind in prop::sample::select(b"RSKv123snICZENATtDGHWdcf".to_vec()),
            body in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..60),
        ) {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            let mut buffer = BytesMut::from(&[&[kind], &length[..], &body].concat()[..]);
            Codec::default().decode(&mut buffer).ok();
        }
    }
}
