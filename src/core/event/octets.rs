//! Bytes that need not be UTF-8, kept in a `String` without losing one.
//!
//! A client may ask for another encoding in the middle of its work, and whoever compares outputs
//! compares bytes. So a byte that is not part of UTF-8 is kept as a character of the last plane's
//! private end, and becomes that byte again when it is printed, as Python does it with its
//! `surrogateescape` (PEP 383).
//!
//! ```text
//! caf E9        ──keep──▶ caf U+10FFE9        ──restore──▶ caf E9        ──shown──▶ caf\xE9
//! F4 8F BF A9   ──keep──▶ four characters     ──restore──▶ F4 8F BF A9          (U+10FFE9 itself)
//! ```

use std::borrow::Cow;
use std::fmt::Write as _;

/// The character that stands for byte 0, if that were ever needed.
// Python takes lone surrogates, which no `char` can be. The last 256 code points of the last plane
// are for private use, and a text that has them anyway comes through whole (see `keep`).
const FIRST: u32 = 0x10_ff00;

/// These bytes as text.
pub fn keep(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte(c) {
                // The text has the very character that stands for a byte. Kept as it is it would
                // come back as one byte and not as four; so its own bytes are kept, each by its
                // stand-in.
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(stand_in)),
                None => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    text
}

/// The bytes that were kept.
pub fn restore(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(|c| byte(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// How many bytes were kept.
pub fn length(text: &str) -> usize {
    text.chars().map(|c| if byte(c).is_some() { 1 } else { c.len_utf8() }).sum()
}

/// The text for people: a byte that is no UTF-8 is written out, `\xE9`. In which encoding it was
/// meant only the session could say, and psql, which sends such bytes to the terminal as they are,
/// does not ask it either.
pub fn shown(text: &str) -> Cow<'_, str> {
    spelled(text, "\\x")
}

/// The same of text in JSON, where the backslash is doubled.
pub fn shown_in_json(text: &str) -> Cow<'_, str> {
    spelled(text, "\\\\x")
}

/// Bytes for people, in whatever encoding a program wrote them.
pub fn spelled_out(bytes: &[u8]) -> String {
    shown(&keep(bytes)).into_owned()
}

fn spelled<'a>(text: &'a str, mark: &str) -> Cow<'a, str> {
    // Borrowed means that no byte was kept in it.
    let Cow::Owned(bytes) = restore(text) else { return Cow::Borrowed(text) };
    let mut shown = String::with_capacity(text.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{mark}{byte:02X}");
        }
    }
    Cow::Owned(shown)
}

/// Whether the character stands for a byte.
pub fn is_byte(c: char) -> bool {
    byte(c).is_some()
}

/// Only bytes above ASCII can be invalid.
fn byte(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(FIRST)?;
    u8::try_from(byte).ok().filter(|byte| !byte.is_ascii())
}

fn stand_in(byte: u8) -> char {
    // FIRST + 255 is U+10FFFF, the last code point there is: the replacement is never needed.
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_byte_of_another_encoding_is_one_character_and_one_byte() {
        let text = keep(b"caf\xe9");
        assert_eq!((text.chars().count(), length(&text)), (4, 4));
        assert_eq!(shown(&text), "caf\\xE9");
        assert_eq!(shown_in_json(&text), "caf\\\\xE9");
    }

    #[test]
    fn a_character_that_could_be_taken_for_a_byte_is_shown_as_itself() {
        assert_eq!(shown(&keep("\u{10ffe9}".as_bytes())), "\u{10ffe9}");
    }

    proptest! {
        #[test]
        fn every_byte_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let text = keep(&bytes);
            prop_assert_eq!(&restore(&text)[..], &bytes[..]);
            prop_assert_eq!(length(&text), bytes.len());
        }

        #[test]
        fn every_text_comes_back(text in "[\u{10ff70}-\u{10ffff}a\u{e9}]{0,20}") {
            let kept = keep(text.as_bytes());
            prop_assert_eq!(&restore(&kept)[..], text.as_bytes());
        }
    }
}
