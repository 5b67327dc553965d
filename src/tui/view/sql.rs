//! SQL in colours.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::Span;

use super::View;
use crate::core::syntax::{self, Colour};
use crate::stage::text;
use crate::tui::theme::Role;

/// The role of a part of SQL.
fn role(colour: Colour) -> Role {
    match colour {
        Colour::Keyword => Role::Keyword,
        Colour::Text => Role::String,
        Colour::Number => Role::Number,
        Colour::Comment => Role::Comment,
        Colour::QuotedName => Role::Strong,
    }
}

/// A part of a line as spans, coloured by what stands in the whole of it.
pub(super) fn spans<'a>(
    view: &View<'_>,
    line: &'a str,
    part: Range<usize>,
    colours: impl Iterator<Item = syntax::Span>,
    plain: Style,
) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    let mut at = part.start;
    for span in colours {
        let (from, to) = (span.range.start.max(at), span.range.end.min(part.end));
        if from >= to || !line.is_char_boundary(from) || !line.is_char_boundary(to) {
            continue;
        }
        push(&mut spans, &line[at..from], plain);
        push(&mut spans, &line[from..to], plain.patch(view.style(role(span.colour))));
        at = to;
    }
    push(&mut spans, &line[at.min(part.end)..part.end], plain);
    spans
}

fn push<'a>(spans: &mut Vec<Span<'a>>, text: &'a str, style: Style) {
    if !text.is_empty() {
        spans.push(Span::styled(text::visible(text), style));
    }
}

/// How many bytes of SQL are shown on one line.
pub(super) const ON_ONE_LINE: usize = 1024;

/// SQL on one line: line breaks and indentation become single blanks.
pub(super) fn on_one_line(sql: &str) -> String {
    let kept = &sql[..sql.floor_char_boundary(ON_ONE_LINE)];
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}
