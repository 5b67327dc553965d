//! Text from the database, made fit to be shown.
//!
//! psql writes control characters as `\x1B` and `\u0085`, a carriage return as `\r`, and expands
//! tabs (PostgreSQL sources, `mbprint.c`). Added here are the characters that turn a whole line
//! around (U+202E and its kin): they would carry one cell's text into the next.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::core::event::octets;

/// A line that is fit to be shown, and how many columns of a terminal it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub width: usize,
}

/// The lines of a text. There is always at least one.
pub fn visible(text: &str) -> Vec<Line> {
    text.split('\n').map(line).collect()
}

/// A text on one line, its line breaks visible as well.
pub fn one_line(text: &str) -> String {
    line(&text.replace('\n', "\\n")).text
}

fn line(text: &str) -> Line {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Line { text: text.to_owned(), width: text.len() };
    }
    let mut shown = String::with_capacity(text.len());
    for c in octets::shown(text).chars() {
        match c {
            '\t' => tab(&mut shown),
            '\r' => shown.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' => escape(&mut shown, format_args!("\\x{:02X}", u32::from(c))),
            c if c.is_control() || turns_around(c) => {
                escape(&mut shown, format_args!("\\u{:04X}", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    let width = shown.width();
    Line { text: shown, width }
}

fn escape(shown: &mut String, escape: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = shown.write_fmt(escape);
}

/// Blanks up to the next multiple of eight columns.
fn tab(shown: &mut String) {
    let blanks = 8 - shown.width() % 8;
    shown.extend(std::iter::repeat_n(' ', blanks));
}

/// The characters that change the direction of the text after them, and Unicode's own line ends.
pub(super) fn turns_around(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(one_line("\u{1b}[2J\r\u{7f}\u{85}\u{202e}x"), "\\x1B[2J\\r\\x7F\\u0085\\u202Ex");
    }

    #[test]
    fn a_byte_of_another_encoding_is_written_out() {
        assert_eq!(one_line(&octets::keep(b"caf\xe9")), "caf\\xE9");
    }

    #[test]
    fn a_tab_goes_to_the_next_stop() {
        assert_eq!(one_line("ab\tc\t"), "ab      c       ");
    }

    #[test]
    fn wide_and_combining_characters_have_their_widths() {
        assert_eq!(visible("漢字")[0].width, 4);
        assert_eq!(visible("e\u{301}")[0].width, 1);
    }

    proptest! {
        #[test]
        fn nothing_that_moves_the_cursor_is_left(text in any::<String>()) {
            for line in visible(&text) {
                prop_assert!(!line.text.contains(|c: char| c.is_control() || turns_around(c)));
            }
        }
    }
}
