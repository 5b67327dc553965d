//! Entries of a list set one after the other, as many to a line as fit.

use ratatui::text::{Line, Span};

/// One entry: spans that stay together.
pub(super) type Entry<'a> = Vec<Span<'a>>;

/// Sets the entries into lines of a width, with a gap between them.
pub(super) fn flow(entries: Vec<Entry<'_>>, gap: usize, width: usize) -> Vec<Line<'_>> {
    lines(entries, gap, width).into_iter().map(|line| join(line, gap)).collect()
}

/// An entry that says how many there are of something.
pub(super) type Counted<'a> = (usize, Entry<'a>);

/// The entries on one line, the first ones worth the most: of what does not fit, those that count
/// nothing go first.
pub(super) fn flow_on_one_line(entries: Vec<Counted<'_>>, width: usize) -> Line<'_> {
    const GAPS: [usize; 2] = [3, 2];
    let (mut counts, mut entries): (Vec<usize>, Vec<Entry<'_>>) = entries.into_iter().unzip();
    loop {
        let fits = |gap: &usize| taken(&entries, *gap) <= width;
        if let Some(gap) = GAPS.into_iter().find(fits) {
            return join(entries, gap);
        }
        let nothing = counts.iter().rposition(|count| *count == 0);
        let last = nothing.unwrap_or(entries.len().saturating_sub(1));
        counts.remove(last);
        entries.remove(last);
    }
}

/// The same in at most so many lines; what is left out is told by `more`, which is given how many
/// entries are shown.
pub(super) fn flow_in<'a>(
    entries: Vec<Entry<'a>>,
    total: usize,
    (width, height): (usize, usize),
    more: impl Fn(usize) -> Span<'a>,
) -> Vec<Line<'a>> {
    const GAP: usize = 3;
    let mut lines = lines(entries, GAP, width);
    lines.truncate(height);
    let mut shown: usize = lines.iter().map(Vec::len).sum();
    if let (true, Some(last)) = (shown < total, lines.last_mut()) {
        while last.len() > 1 && taken(last, GAP) + GAP + more(shown).width() > width {
            last.pop();
            shown -= 1;
        }
        last.push(vec![more(shown)]);
    }
    lines.into_iter().map(|line| join(line, GAP)).collect()
}

fn lines(entries: Vec<Entry<'_>>, gap: usize, width: usize) -> Vec<Vec<Entry<'_>>> {
    let mut lines: Vec<Vec<Entry<'_>>> = Vec::new();
    let mut used = 0;
    for entry in entries {
        let cells = entry_width(&entry);
        match lines.last_mut() {
            Some(line) if used + gap + cells <= width => {
                used += gap + cells;
                line.push(entry);
            }
            _ => {
                used = cells;
                lines.push(vec![entry]);
            }
        }
    }
    lines
}

/// How many cells the entries take on one line.
pub(super) fn taken(entries: &[Entry<'_>], gap: usize) -> usize {
    let cells: usize = entries.iter().map(|entry| entry_width(entry)).sum();
    cells + gap * entries.len().saturating_sub(1)
}

fn entry_width(entry: &[Span<'_>]) -> usize {
    entry.iter().map(Span::width).sum()
}

fn join(entries: Vec<Entry<'_>>, gap: usize) -> Line<'_> {
    let mut spans = Vec::new();
    for entry in entries {
        if !spans.is_empty() {
            spans.push(Span::raw(" ".repeat(gap)));
        }
        spans.extend(entry);
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Entry<'_>> {
        text.split(' ').map(|word| vec![Span::raw(word)]).collect()
    }

    #[test]
    fn entries_fill_a_line_and_go_on_below() {
        let lines = flow(words("one two three"), 1, 8);
        assert_eq!(lines.iter().map(ToString::to_string).collect::<Vec<_>>(), ["one two", "three"]);
    }

    #[test]
    fn on_one_line_gaps_go_before_words_and_the_last_words_go_first() {
        let counted = |count| words("one two three").into_iter().map(move |it| (count, it));
        let on_one_line = |width| flow_on_one_line(counted(1).collect(), width).to_string();
        assert_eq!(on_one_line(17), "one   two   three");
        assert_eq!(on_one_line(16), "one  two  three");
        assert_eq!(on_one_line(14), "one   two");
        assert_eq!(on_one_line(2), "");
        let nothing_second = |width| {
            let mut entries: Vec<_> = counted(1).collect();
            entries[1].0 = 0;
            flow_on_one_line(entries, width).to_string()
        };
        assert_eq!(nothing_second(14), "one   three");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let more = |shown: usize| Span::raw(format!("+{}", 5 - shown));
        let lines = flow_in(words("aaa bbb ccc ddd eee"), 5, (14, 1), more);
        assert_eq!(lines[0].to_string(), "aaa   bbb   +3");
    }
}
