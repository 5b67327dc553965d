//! Raw column bytes, as pageinspect gives them, made text: only the simple types, the rest stays
//! unknown.
//!
//! A value of variable length begins with its length: one byte with the lowest bit set for short
//! ones, else four bytes with the two lowest bits clear (`varatt.h`, little-endian). Compressed and
//! out-of-line values are left alone.

use super::table::Table;

/// A column's value: `None` when it cannot be read, `Some(None)` for NULL.
pub(super) fn decode(
    table: &Table,
    raw: &[Option<Vec<u8>>],
    column: usize,
) -> Option<Option<String>> {
    let number = usize::try_from(*table.numbers.get(column)?).ok()?;
    match raw.get(number.checked_sub(1)?)? {
        None => Some(None),
        Some(bytes) => text(table.types.get(column)?.0, bytes).map(Some),
    }
}

/// The text of a value of the type with this oid (`pg_type.dat`).
fn text(type_oid: u32, bytes: &[u8]) -> Option<String> {
    // These stand beside committed values, which come as `::text`. So a bool is `true` and not
    // psql's `t`, and what cannot be given in exactly that form stays unknown.
    match type_oid {
        19 => utf8(bytes.split(|byte| *byte == 0).next()?),
        26 => Some(u32::from_le_bytes(bytes.try_into().ok()?).to_string()),
        2950 => uuid(bytes),
        16 => bytes.first().map(|byte| (*byte != 0).to_string()),
        20 => Some(i64::from_le_bytes(bytes.try_into().ok()?).to_string()),
        21 => Some(i16::from_le_bytes(bytes.try_into().ok()?).to_string()),
        23 => Some(i32::from_le_bytes(bytes.try_into().ok()?).to_string()),
        25 | 1043 => utf8(variable(bytes)?),
        // char(n)::text drops the padding.
        1042 => utf8(variable(bytes)?).map(|padded| padded.trim_end_matches(' ').to_owned()),
        _ => None,
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    // Stored byte by byte as it is written (`pg_uuid_t`), not as a number of the machine's.
    let number = u128::from_be_bytes(bytes.try_into().ok()?);
    let digits = format!("{number:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-"))
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn variable(bytes: &[u8]) -> Option<&[u8]> {
    let first = *bytes.first()?;
    if first & 1 == 1 {
        // The length counts its own byte. A pointer to an out-of-line value begins with 0x01 alone
        // (`VARATT_IS_1B_E`): it reads as the length 0 here, and the range 1..0 gives nothing.
        return bytes.get(1..usize::from(first >> 1));
    }
    let (head, _) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*head);
    // Compressed (`VARATT_IS_4B_C`).
    if length & 2 != 0 {
        return None;
    }
    bytes.get(4..usize::try_from(length >> 2).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn simple_types_read_as_their_text() {
        assert_eq!(text(23, &4_i32.to_le_bytes()).as_deref(), Some("4"));
        assert_eq!(text(25, b"\x09Bob").as_deref(), Some("Bob"));
        assert_eq!(text(25, b"\x0bBob").as_deref(), None, "the length does not fit");
        assert_eq!(text(25, b"\x1c\0\0\0Bob").as_deref(), Some("Bob"));
        assert_eq!(text(1042, b"\x09A  ").as_deref(), Some("A"));
        assert_eq!(text(16, b"\x01").as_deref(), Some("true"));
        assert_eq!(text(19, b"seats\0\0\0").as_deref(), Some("seats"));
        assert_eq!(text(26, &16_384_u32.to_le_bytes()).as_deref(), Some("16384"));
        let id = text(2950, b"\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11");
        assert_eq!(id.as_deref(), Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
    }

    #[test]
    fn compressed_and_outlying_values_stay_unknown() {
        assert_eq!(text(25, b"\x1e\0\0\0Bob"), None);
        assert_eq!(text(25, b"\x01\x12"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            oid in prop::sample::select(vec![
                16_u32, 19, 20, 21, 23, 25, 26, 1042, 1043, 2950, 600,
            ]),
            bytes: Vec<u8>,
        ) {
            let _ = text(oid, &bytes);
        }
    }
}
