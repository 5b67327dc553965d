//! Text from outside, made safe and measured in cells.
//!
//! Names and values come from a database and may hold anything: an escape sequence, a mark that
//! turns the line's direction round, a character two cells wide. [`visible`] makes the dangerous
//! ones visible, as psql does with control characters; everything else here counts cells, never
//! bytes, and never cuts a grapheme in two.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::core::event::octets;

/// The text with control characters, and bytes that are no UTF-8, as `\x1B` and marks that reorder
/// or hide text as `\u202E`.
pub fn visible(text: &str) -> Cow<'_, str> {
    let text = octets::shown(text);
    if !text.chars().any(is_unsafe) {
        return text;
    }
    Cow::Owned(text.chars().map(spelled).collect())
}

fn spelled(character: char) -> String {
    match u32::from(character) {
        _ if !is_unsafe(character) => character.to_string(),
        code if code < 0x80 => format!("\\x{code:02X}"),
        code => format!("\\u{code:04X}"),
    }
}

fn is_unsafe(character: char) -> bool {
    character.is_control() || is_reordering(character) || is_invisible(character)
}

/// Marks of the Unicode bidirectional algorithm (UAX 9): they would turn round what stands beside
/// them.
fn is_reordering(character: char) -> bool {
    matches!(
        character,
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// Characters without a shape that would make two different names look the same. The joiners stay:
/// emoji and Persian need them.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200B}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// How many cells the text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text, cut to this many cells with the ellipsis for what is left out.
pub fn fit<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut short = head(text, room).to_owned();
    if width(ellipsis) <= cells {
        short.push_str(ellipsis);
    }
    Cow::Owned(short)
}

/// The longest beginning of the text that takes no more than this many cells.
pub fn head(text: &str, cells: usize) -> &str {
    let mut taken = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        taken += width(grapheme);
        if taken > cells {
            return &text[..start];
        }
    }
    text
}

/// The text fitted, then filled with blanks to exactly this many cells.
pub fn pad(text: &str, cells: usize, ellipsis: &str) -> String {
    let mut padded = fit(text, cells, ellipsis).into_owned();
    padded.extend(std::iter::repeat_n(' ', cells.saturating_sub(width(&padded))));
    padded
}

/// The text broken at blanks into lines of at most this many cells; a longer word is cut.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) > cells {
            lines.push(String::new());
        }
        push_word(&mut lines, word, cells.max(1));
    }
    lines
}

fn push_word(lines: &mut Vec<String>, word: &str, cells: usize) {
    let Some(line) = lines.last_mut() else { return };
    if !line.is_empty() {
        line.push(' ');
    }
    let mut rest = word;
    while !rest.is_empty() {
        let piece = head(rest, cells.saturating_sub(lines.last().map_or(0, |line| width(line))));
        if let (false, Some(line)) = (piece.is_empty(), lines.last_mut()) {
            line.push_str(piece);
            rest = &rest[piece.len()..];
        }
        if !rest.is_empty() {
            if piece.is_empty() && lines.last().is_some_and(String::is_empty) {
                return; // a grapheme wider than the whole line
            }
            lines.push(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_and_reordering_marks_are_made_visible() {
        assert_eq!(visible("a\x1b[31mb"), "a\\x1B[31mb");
        assert_eq!(visible("\u{202E}bob"), "\\u202Ebob");
        assert_eq!(visible("\u{85}"), "\\u0085");
        assert!(matches!(visible("Zoë 張 👩‍🚀"), Cow::Borrowed(_)));
    }

    #[test]
    fn cells_are_counted_and_graphemes_stay_whole() {
        assert_eq!(fit("Charlie", 5, "…"), "Char…");
        assert_eq!(fit("張偉強", 4, "…"), "張…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
        assert_eq!(pad("張", 4, "…"), "張  ");
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_are_cut() {
        assert_eq!(wrap("row locks cannot be seen", 10), ["row locks", "cannot be", "seen"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }

    proptest! {
        #[test]
        fn visible_text_holds_nothing_dangerous(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(is_unsafe));
        }

        #[test]
        fn fitted_text_fits(text in any::<String>(), cells in 0_usize..12) {
            prop_assert!(width(&fit(&text, cells, "…")) <= cells);
        }

        #[test]
        fn wrapped_lines_fit(text in "[a-z張 ]{0,40}", cells in 2_usize..12) {
            for line in wrap(&text, cells) {
                prop_assert!(width(&line) <= cells, "{line:?}");
            }
        }
    }
}
