//! Laws of what is read: what was written comes back, as another reader of the same bytes
//! (`postgres-protocol`) has it; and no bytes can stop the program.

use bytes::{BufMut as _, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message as Theirs;
use proptest::prelude::*;

use super::*;
use crate::core::event::{Column, Row, ServerMessage, TransactionStatus, octets};
use crate::pg::error::WireError;
use crate::pg::frame::{ServerTag, Tag as _, put, put_text};
use crate::pg::response::{Part, Response};

/// Every tag that a server's message can have.
fn tags() -> Vec<u8> {
    (0..=u8::MAX).filter(|byte| ServerTag::of(*byte).is_some()).collect()
}

fn text() -> impl Strategy<Value = String> {
    // Without those that stand for bytes: they are kept as four, and not given back as one.
    "[^\0\u{10ff80}-\u{10ffff}]{0,40}"
}

fn value() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

/// What an answer is made of.
#[derive(Clone, Debug)]
enum Said {
    Columns(Vec<Column>),
    Row(Row),
    Done(String),
    Failed(Vec<(u8, String)>),
    Told(i32, String, String),
    Parameter(String, String),
}

fn said() -> impl Strategy<Value = Said> {
    let column = (text(), any::<u32>()).prop_map(|(name, type_oid)| Column { name, type_oid });
    prop_oneof![
        prop::collection::vec(column, 0..5).prop_map(Said::Columns),
        prop::collection::vec(value(), 0..5).prop_map(Said::Row),
        text().prop_map(Said::Done),
        prop::collection::vec((b'A'..=b'Z', text()), 0..5).prop_map(Said::Failed),
        (any::<i32>(), text(), text()).prop_map(|(pid, on, what)| Said::Told(pid, on, what)),
        (text(), text()).prop_map(|(name, value)| Said::Parameter(name, value)),
    ]
}

fn size(length: usize) -> i32 {
    i32::try_from(length).unwrap()
}

fn put_said(out: &mut BytesMut, said: &Said) {
    match said {
        Said::Columns(columns) => put(out, b'T', |out| {
            out.put_u16(u16::try_from(columns.len()).unwrap());
            for column in columns {
                put_text(out, &column.name);
                out.put_bytes(1, 6);
                out.put_u32(column.type_oid);
                out.put_bytes(0, 8);
            }
        }),
        Said::Row(row) => put(out, b'D', |out| {
            out.put_u16(u16::try_from(row.len()).unwrap());
            for value in row {
                out.put_i32(value.as_ref().map_or(-1, |value| size(value.len())));
                out.put_slice(value.as_deref().unwrap_or_default().as_bytes());
            }
        }),
        Said::Done(tag) => put(out, b'C', |out| put_text(out, tag)),
        Said::Failed(fields) => put(out, b'E', |out| {
            for (letter, text) in fields {
                out.put_u8(*letter);
                put_text(out, text);
            }
            out.put_u8(0);
        }),
        Said::Told(pid, channel, payload) => put(out, b'A', |out| {
            out.put_i32(*pid);
            put_text(out, channel);
            put_text(out, payload);
        }),
        Said::Parameter(name, value) => put(out, b'S', |out| {
            put_text(out, name);
            put_text(out, value);
        }),
    }
}

/// A frame as it is told again from what was read of it.
fn read_again(frame: &FromServer) -> Said {
    let text = |bytes: &[u8]| octets::keep(bytes);
    match frame.tag {
        ServerTag::RowDescription => Said::Columns(RowDescription::read(frame).unwrap().columns()),
        ServerTag::Row => {
            let row = DataRow::read(frame).unwrap();
            assert_eq!(row.utf8().unwrap(), row.texts());
            Said::Row(row.texts())
        }
        ServerTag::CommandComplete => Said::Done(CommandComplete::read(frame).unwrap().text()),
        ServerTag::Error => {
            let fields = ErrorFields::read(frame).unwrap();
            Said::Failed(fields.iter().map(|(letter, field)| (letter, text(field))).collect())
        }
        ServerTag::Notification => {
            let told = Notification::read(frame).unwrap();
            Said::Told(told.from.0, text(told.channel), text(told.payload))
        }
        ServerTag::Parameter => {
            let ParameterStatus { name, value } = ParameterStatus::read(frame).unwrap();
            Said::Parameter(text(name), text(value))
        }
        other => panic!("nobody has said {other:?}"),
    }
}

/// The same bytes as `postgres-protocol` reads them.
fn as_others_read_it(frame: &FromServer) -> Said {
    let message = Theirs::parse(&mut BytesMut::from(frame.bytes())).unwrap().unwrap();
    match message {
        Theirs::RowDescription(body) => Said::Columns(collect(body.fields(), |field| Column {
            name: field.name().to_owned(),
            type_oid: field.type_oid(),
        })),
        Theirs::DataRow(body) => {
            let text = |range| std::str::from_utf8(&body.buffer()[range]).unwrap().to_owned();
            Said::Row(collect(body.ranges(), |range| range.map(text)))
        }
        Theirs::CommandComplete(body) => Said::Done(body.tag().unwrap().to_owned()),
        Theirs::ErrorResponse(body) => Said::Failed(collect(body.fields(), |field| {
            (field.type_(), std::str::from_utf8(field.value_bytes()).unwrap().to_owned())
        })),
        Theirs::NotificationResponse(body) => Said::Told(
            body.process_id(),
            body.channel().unwrap().to_owned(),
            body.message().unwrap().to_owned(),
        ),
        Theirs::ParameterStatus(body) => {
            Said::Parameter(body.name().unwrap().to_owned(), body.value().unwrap().to_owned())
        }
        _ => panic!("nobody has said that"),
    }
}

fn collect<T: FallibleIterator<Error = std::io::Error>, U>(
    items: T,
    mut each: impl FnMut(T::Item) -> U,
) -> Vec<U> {
    items.map(|item| Ok(each(item))).collect().unwrap()
}

fn frame_of(said: &Said) -> FromServer {
    let mut bytes = BytesMut::new();
    put_said(&mut bytes, said);
    FromServer::with(bytes[0], &bytes[5..])
}

#[test]
fn bytes_of_another_encoding_are_kept_in_every_string() {
    let kept = octets::keep(b"caf\xe9");
    let error = FromServer::with(b'E', b"C42P01\0Mcaf\xe9\0\0");
    let message = ServerMessage::from(ErrorFields::read(&error).unwrap());
    assert_eq!((message.code.as_str(), &message.message), ("42P01", &kept));
    let told = FromServer::with(b'A', b"\xff\0\0\x07caf\xe9\0x\0");
    assert_eq!(Notification::read(&told).unwrap().channel, b"caf\xe9");
    let numbers = [0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
    let body = [&b"\0\x02caf\xe9\0"[..], &numbers, b"n\0", &numbers].concat();
    let described = FromServer::with(b'T', &body);
    let columns = RowDescription::read(&described).unwrap().columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, [kept.as_str(), "n"]);
    let row = FromServer::with(b'D', b"\0\x01\0\0\0\x04caf\xe9");
    let row = DataRow::read(&row).unwrap();
    assert_eq!((row.texts(), row.utf8()), (vec![Some(kept)], None));
}

#[test]
fn every_request_to_prove_oneself_is_known() {
    let read = |body: &[u8]| {
        let frame = FromServer::with(b'R', body);
        Authentication::read(&frame).map(|request| format!("{request:?}")).ok()
    };
    assert_eq!(read(&[0; 4]).as_deref(), Some("Ok"));
    assert_eq!(read(b"\0\0\0\x03").as_deref(), Some("CleartextPassword"));
    assert_eq!(read(b"\0\0\0\x05abcd").as_deref(), Some("Md5Password([97, 98, 99, 100])"));
    assert_eq!(read(b"\0\0\0\x05abc"), None);
    assert_eq!(read(b"\0\0\0\x07").as_deref(), Some("Foreign(\"GSSAPI\")"));
    assert_eq!(read(b"\0\0\0\x0a"), None);
    assert_eq!(read(b"\0\0\0\x63"), None);
    let offer = FromServer::with(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let Authentication::Sasl(mechanisms) = Authentication::read(&offer).unwrap() else {
        panic!("it offers SASL")
    };
    let names: Vec<_> = mechanisms.iter().collect();
    assert_eq!(names, [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]);
}

#[test]
fn a_key_may_be_longer_than_four_bytes_but_not_shorter() {
    let key = |body: &[u8]| {
        let frame = FromServer::with(b'K', body);
        BackendKey::read(&frame).ok().map(|key| (key.pid, key.secret.to_vec()))
    };
    assert_eq!(key(b"\0\0\0\x07abcd"), Some((7, b"abcd".to_vec())));
    assert_eq!(key(b"\0\0\0\x07abcdefgh"), Some((7, b"abcdefgh".to_vec())));
    assert_eq!(key(b"\0\0\0\x07abc"), None);
}

/// Against what `postgres-protocol` writes, and by the documentation where it writes nothing.
#[test]
fn what_we_say_is_as_others_say_it() {
    use postgres_protocol::message::frontend as theirs;
    let ours = |say: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        say(&mut out);
        out
    };
    let others = ours;
    let parameters = [("user", "Alice"), ("database", "seats")];
    for (ours, others) in [
        (
            ours(&|out| frontend::put_startup(out, parameters)),
            others(&|out| theirs::startup_message(parameters, out).unwrap()),
        ),
        (ours(&|out| frontend::put_ssl_request(out)), others(&|out| theirs::ssl_request(out))),
        (
            ours(&|out| frontend::put_cancel_request(out, 7, &[0, 0, 1, 2])),
            others(&|out| theirs::cancel_request(7, 258, out)),
        ),
        (
            ours(&|out| frontend::put_password(out, "pencil")),
            others(&|out| theirs::password_message(b"pencil", out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_sasl_initial(out, "SCRAM-SHA-256", b"n,,")),
            others(&|out| theirs::sasl_initial_response("SCRAM-SHA-256", b"n,,", out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_sasl(out, b"c=biws")),
            others(&|out| theirs::sasl_response(b"c=biws", out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_query(out, "select 1")),
            others(&|out| theirs::query("select 1", out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_parse(out, "s", "select $1", b"\0\x01\0\0\0\x17")),
            others(&|out| theirs::parse("s", "select $1", [23], out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_execute(out, "p")),
            others(&|out| theirs::execute("p", 0, out).unwrap()),
        ),
        (
            ours(&|out| frontend::put_close(out, b'S', "s")),
            others(&|out| theirs::close(b'S', "s", out).unwrap()),
        ),
        (ours(&|out| frontend::put_sync(out)), others(&|out| theirs::sync(out))),
        (
            ours(&|out| frontend::put_copy_fail(out, "no")),
            others(&|out| theirs::copy_fail("no", out).unwrap()),
        ),
        (ours(&|out| frontend::put_terminate(out)), others(&|out| theirs::terminate(out))),
    ] {
        assert_eq!(ours, others);
    }
}

proptest! {
    #[test]
    fn what_was_said_is_read_as_it_was_meant(said in said()) {
        let frame = frame_of(&said);
        let said = format!("{said:?}");
        prop_assert_eq!(format!("{:?}", read_again(&frame)), said.clone());
        prop_assert_eq!(format!("{:?}", as_others_read_it(&frame)), said);
    }

    /// Less than a whole body is no message, and neither is more.
    #[test]
    fn a_body_of_another_length_is_told_by_the_messages_name(said in said(), cut in 1..40usize) {
        let frame = frame_of(&said);
        let body = frame.body();
        let (tag, shorter) = (frame.bytes()[0], &body[..body.len().saturating_sub(cut)]);
        let mut response = Response::default();
        response.await_one();
        for body in [shorter, &[body, b"x"].concat()] {
            let frame = FromServer::with(tag, body);
            let part = response.apply(&frame);
            prop_assert!(
                matches!(part, Err(WireError::Unreadable(name)) if name == frame.tag.name()),
                "{:?}", part
            );
        }
    }

    #[test]
    fn no_body_can_stop_the_program(
        tag in prop::sample::select(tags()),
        body in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..60),
    ) {
        let frame = FromServer::with(tag, &body);
        let mut response = Response::default();
        response.await_one();
        match response.apply(&frame) {
            Ok(Part::Row { row, .. }) => _ = (row.texts(), row.utf8()),
            Ok(Part::Columns(columns)) => _ = columns.columns(),
            Ok(Part::Failed(fields)) => _ = ServerMessage::from(fields),
            Ok(Part::Done { tag, .. }) => _ = (tag.text(), tag.rows()),
            Ok(_) => {}
            Err(error) => prop_assert!(error.to_string().contains(frame.tag.name())),
        }
        _ = Authentication::read(&frame);
        _ = BackendKey::read(&frame);
        _ = TransactionStatus::read(&frame);
    }
}
