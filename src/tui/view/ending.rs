//! What was read in the end, under the script's last line: the rows, and beside them what the file says of them.
//!
//! ```text
//! │ ✔ finally  as it should be              select seat_row, seat_number ...   │
//! │             seat_row | seat_number | booked_by     ✔ A | 4 | Bob           │
//! │            ----------+-------------+-----------    ✔ A | 5 | Alice         │
//! │             A        |           4 | Bob           ✔ (2 rows)              │
//! │             A        |           5 | Alice                                 │
//! │            (2 rows)                                                        │
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::scenario::Expected;
use crate::scenario::check::Verdict;
use crate::tui::app::App;
use crate::tui::script::Script;
use crate::tui::scrollback;
use crate::tui::text;
use crate::tui::theme::Role;

/// Between the rows and what the file says of them.
const GAP: u16 = 4;

/// Draws as much of it as there is room for, and says how much there is not.
pub(super) fn draw(app: &App, script: &Script, area: Rect, buffer: &mut Buffer) {
    let (answer, lines) = (script.ending().lines(), said(app, script));
    let height = usize::from(area.height);
    let total = answer.len().max(lines.len());
    let shown = if total > height { height.saturating_sub(1) } else { height };
    let width = answer_width(answer, &lines, area.width);
    for (line, y) in answer.iter().take(shown).zip(area.top()..) {
        draw_answer(app, line, Rect { y, width, height: 1, ..area }, buffer);
    }
    let x = area.x.saturating_add(width + GAP).min(area.right());
    let beside = Rect { x, width: area.right() - x, ..area };
    for (line, y) in lines.iter().take(shown).zip(area.top()..) {
        super::put_line(app, line.clone(), Rect { y, height: 1, ..beside }, buffer);
    }
    if shown < total && area.height > 0 {
        let words = format!("{} {} more lines", app.setting.theme.signs().ellipsis, total - shown);
        let at = (area.x, area.bottom() - 1);
        text::put(buffer, area, at, &words, app.style(Role::Notice));
    }
}

/// How wide the rows are drawn: as they are, unless that leaves what the file says of them less than a third.
fn answer_width(answer: &[scrollback::Line], lines: &[Vec<Span<'_>>], room: u16) -> u16 {
    let width_of = |line: &Vec<Span<'_>>| line.iter().map(Span::width).sum::<usize>();
    let said = lines.iter().map(width_of).max().map_or(0, |said| said + usize::from(GAP));
    let most = usize::from(room) - said.min(usize::from(room / 3));
    let widths = answer.iter().map(|line| text::width(&line.shown(most)));
    u16::try_from(widths.max().unwrap_or(0).min(most)).unwrap_or(room)
}

fn draw_answer(app: &App, line: &scrollback::Line, area: Rect, buffer: &mut Buffer) {
    let words = line.shown(usize::from(area.width));
    super::put_line(app, vec![Span::styled(&*words, app.look(line.look))], area, buffer);
}

/// Each line of the file that is about the end, with its sign.
fn said(app: &App, script: &Script) -> Vec<Vec<Span<'static>>> {
    let signs = app.setting.theme.signs();
    let line = |(expected, verdict): (&Expected, &Verdict)| {
        let expected = text::visible(&expected.to_string()).into_owned();
        Some(match verdict {
            Verdict::Kept => {
                vec![
                    app.span(format!("{} ", signs.kept), Role::Kept),
                    app.span(expected, Role::Dim),
                ]
            }
            Verdict::Broken { found } => {
                let words = format!("{} {expected}, but {}", signs.broken, text::visible(found));
                vec![app.span(words, Role::Broken)]
            }
            Verdict::NotReached | Verdict::NotHere => return None,
        })
    };
    script.said_of_the_end().into_iter().filter_map(line).collect()
}
