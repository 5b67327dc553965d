//! Lines broken into rows, and the part of a wide line that is in sight: as ranges of bytes, so
//! that a line's colours stay with its text.
//!
//! Everything counts in grapheme clusters, so that a base letter keeps its combining marks and a
//! wide character is never halved.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::stage::text::width;

/// The part of `text` that begins after `from` cells and occupies at most `cells`, as a range of
/// bytes.
pub fn window(text: &str, from: usize, cells: usize) -> Range<usize> {
    if text.is_ascii() {
        let start = from.min(text.len());
        return start..start.saturating_add(cells).min(text.len());
    }
    let (mut start, mut column) = (text.len(), 0);
    for (offset, cluster) in text.grapheme_indices(true) {
        if column >= from && start == text.len() {
            start = offset;
            column = from;
        }
        let next = column + width(cluster);
        if start < text.len() && next > from.saturating_add(cells) {
            return start..offset;
        }
        column = next;
    }
    start..text.len()
}

/// Breaks a line into rows of at most `cells`, at blanks where there are any; rows after the first
/// are `hanging` cells narrower.
///
/// There is always at least one row, and the rows together are the text without the blanks at which
/// it was broken.
pub fn wrapped(text: &str, cells: usize, hanging: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::with_capacity(1);
    let mut rest = 0;
    loop {
        let room = if rows.is_empty() { cells } else { cells.saturating_sub(hanging) };
        let row = first_row(&text[rest..], room.max(1));
        rows.push(rest..rest + row.end);
        rest += row.next;
        if rest >= text.len() {
            return rows;
        }
    }
}

/// Where a row ends, and where the next one begins.
struct Break {
    end: usize,
    next: usize,
}

fn first_row(text: &str, cells: usize) -> Break {
    if text.len() <= cells {
        return Break { end: text.len(), next: text.len() };
    }
    let (mut column, mut blank) = (0, None);
    for (offset, cluster) in text.grapheme_indices(true) {
        column += width(cluster);
        if column > cells {
            return break_at(text, offset, cluster, blank);
        }
        if cluster == " " && column > 1 {
            blank = Some(offset);
        }
    }
    Break { end: text.len(), next: text.len() }
}

fn break_at(text: &str, offset: usize, cluster: &str, blank: Option<usize>) -> Break {
    match blank {
        _ if cluster == " " && offset > 0 => Break { end: offset, next: offset + 1 },
        Some(blank) => Break { end: blank, next: blank + 1 },
        // A cluster wider than the whole row still has to go somewhere.
        None if offset == 0 => Break { end: cluster.len(), next: cluster.len() },
        None => Break { end: offset, next: offset.min(text.len()) },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, cells: usize) -> Vec<&str> {
        wrapped(text, cells, 0).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn rows_break_at_blanks() {
        assert_eq!(rows("select * from seats", 10), ["select *", "from seats"]);
        assert_eq!(rows("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
        assert_eq!(rows("", 5), [""]);
    }

    #[test]
    fn a_wide_character_is_never_halved() {
        assert_eq!(rows("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(&"漢字"[window("漢字", 0, 3)], "漢");
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_blanks(
            text in "\\PC{0,60}",
            cells in 0..30_usize,
            hanging in 0..5_usize,
        ) {
            let rows = wrapped(&text, cells, hanging);
            let kept: String = rows.iter().map(|row| &text[row.clone()]).collect();
            prop_assert_eq!(kept.replace(' ', ""), text.replace(' ', ""));
            prop_assert!(rows.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }

        #[test]
        fn a_window_is_no_wider_than_asked(
            text in "\\PC{0,60}",
            from in 0..40_usize,
            cells in 0..40_usize,
        ) {
            prop_assert!(width(&text[window(&text, from, cells)]) <= cells);
        }
    }
}
