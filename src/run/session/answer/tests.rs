use super::*;
use crate::core::event::Column;
use crate::pg::frame::FromServer;
use crate::pg::response::Response;

/// What becomes of an answer of these frames: its facts, and how it goes on after the last.
fn after(frames: &[(u8, &[u8])]) -> (Vec<Kind>, Result<Turn, WireError>) {
    let (mut response, mut answer) = (Response::default(), Answer::new(SubmissionId(7)));
    response.await_one();
    let (mut kinds, mut turn) = (Vec::new(), Ok(Turn::Listen));
    for (tag, body) in frames {
        let frame = FromServer::with(*tag, body);
        turn = answer.apply(response.apply(&frame).unwrap(), &mut kinds);
    }
    (kinds, turn)
}

const ROW: (u8, &[u8]) = (b'D', b"\0\x01\0\0\0\x01x");

#[test]
fn a_select_is_columns_rows_and_an_end() {
    let number = [0; 6];
    let column = [&b"\0\x01name\0"[..], &number, &[0, 0, 0, 25], &[0; 8]].concat();
    let frames = [(b'T', &column[..]), ROW, ROW, (b'C', b"SELECT 2\0"), (b'Z', b"T")];
    let (kinds, turn) = after(&frames);
    let row = vec![Some("x".to_owned())];
    assert_eq!(
        kinds[..3],
        [
            Kind::Columns(vec![Column { name: "name".to_owned(), type_oid: 25 }]),
            Kind::Rows(vec![row.clone(), row]),
            Kind::Done { tag: "SELECT 2".to_owned(), rows: 2 },
        ]
    );
    assert!(matches!(kinds[3], Kind::Ready { submission: SubmissionId(7), .. }));
    assert_eq!(turn.unwrap(), Turn::Over(TransactionStatus::InTransaction));
}

#[test]
fn rows_that_nobody_could_look_at_are_counted_and_not_kept() {
    let mut frames = vec![ROW; ROWS_KEPT + 10];
    frames.push((b'C', b"SELECT\0"));
    let (kinds, _) = after(&frames);
    let kept: usize =
        kinds.iter().map(|kind| if let Kind::Rows(rows) = kind { rows.len() } else { 0 }).sum();
    assert_eq!(kept, ROWS_KEPT);
    let rows = ROWS_KEPT as u64 + 10;
    assert_eq!(kinds.last(), Some(&Kind::Done { tag: "SELECT".to_owned(), rows }));
}

#[test]
fn a_copy_that_wants_data_is_refused_in_either_form() {
    for tag in [b'G', b'W'] {
        assert_eq!(after(&[(tag, b"\0\0\0")]).1.unwrap(), Turn::RefuseCopy);
    }
    let (kinds, turn) = after(&[(b'H', b"\0\0\0"), (b'd', b"a line\n"), (b'c', b"")]);
    assert!(matches!(&kinds[..], [Kind::Note(note)] if note.contains("sent 1 lines (7 bytes)")));
    assert_eq!(turn.unwrap(), Turn::Listen);
}

#[test]
fn no_query_is_answered_by_a_step_of_the_extended_protocol() {
    let error = after(&[(b'1', b"")]).1.unwrap_err().to_string();
    assert!(error.contains("ParseComplete came unexpectedly"), "{error}");
}
