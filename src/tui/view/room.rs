//! The room: its address as a code for a camera and as text, and who follows.
//!
//! ```text
//! ╭ the room ──────────────────────────────────────────────────╮
//! │   █▀▀▀▀▀█ ▄▀ ▄ █▀▀▀▀▀█     http://192.168.7.3:8080/join/…  │
//! │   █ ███ █ ▀▄▀▄ █ ███ █                                     │
//! │   █ ▀▀▀ █ █▀ ▄ █ ▀▀▀ █     12 browsers follow              │
//! │                                                            │
//! │ o closes it   b booking   s strategy   Esc hides this      │
//! ╰────────────────────────────────────────────────────────────╯
//! ```
//!
//! Where there is no room beside the code, the text stands below it; where there is none at all for
//! the code, the text stands alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::dialog::{height_of, keys_line};
use super::{View, centred, lines, open_box};
use crate::core::scenario::counted;
use crate::stage::room::{Board, Opened, Poll, QrCode, Standing};
use crate::stage::text;
use crate::tui::theme::{Charset, Role};

const TITLE: &str = "the room";

/// The widest line that reads well.
const READABLE: usize = 60;

/// How many blanks there are behind a key.
const BETWEEN: usize = 3;

/// How many light modules there are around a code, so that a camera finds it.
const QUIET: usize = 2;

/// A camera needs dark on light, whatever the theme.
const CODE: Style = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(231));

/// Draws what there is to know of the room.
pub(super) fn draw(view: &View<'_>, screen: Rect, buffer: &mut Buffer) {
    let overview = view.stage.room();
    let cells = usize::from(screen.width).saturating_sub(4);
    let picture = match &overview.standing {
        Standing::Open(opened) if view.theme.charset() != Charset::Ascii => code(&opened.code),
        _ => Vec::new(),
    };
    let code_width = picture.first().map_or(0, Line::width);
    let beside = cells.saturating_sub(code_width + 2);
    let keys = keys(&overview.standing);
    let room = usize::from(screen.height).saturating_sub(4);
    let (code, words) = if !picture.is_empty() && beside >= 30 && picture.len() <= room {
        let words = words(view, beside.min(READABLE));
        (picture, words)
    } else {
        (Vec::new(), words(view, cells.min(READABLE)))
    };
    let width = if code.is_empty() { 0 } else { code_width + 2 };
    let widest = words.iter().map(Line::width).max().unwrap_or(0).max(20);
    let narrowest = width + widest;
    let width = narrowest.max(cells.min(READABLE));
    let keys = rows_of_keys(view, &keys, width);
    let width = keys.iter().map(Line::width).max().unwrap_or(0).max(narrowest);
    let height = code.len().max(words.len()) + 1 + keys.len();
    let width = u16::try_from(width + 4).unwrap_or(u16::MAX);
    let area = centred(screen, width, height_of(&vec![Line::default(); height]));
    let inner = open_box(view, area, TITLE, buffer);
    lines::put_lines(buffer, inner, &code);
    let shift = if code.is_empty() { 0 } else { u16::try_from(code_width + 2).unwrap_or(0) };
    let text = Rect { x: inner.x + shift, width: inner.width.saturating_sub(shift), ..inner };
    let rows = u16::try_from(keys.len()).unwrap_or(1).min(inner.height);
    let text = Rect { height: text.height.saturating_sub(rows), ..text };
    lines::put_lines(buffer, text, &words);
    lines::put_lines(buffer, Rect { y: inner.bottom() - rows, height: rows, ..inner }, &keys);
}

/// As many of them in a row as there is room for.
fn rows_of_keys(
    view: &View<'_>,
    keys: &[(String, &'static str)],
    cells: usize,
) -> Vec<Line<'static>> {
    let mut rows: Vec<Line<'static>> = Vec::new();
    for key in keys {
        let line = keys_line(view, std::slice::from_ref(key));
        match rows.last_mut().filter(|row| row.width() + line.width() <= cells + BETWEEN) {
            Some(row) => row.spans.extend(line.spans),
            None => rows.push(line),
        }
    }
    rows
}

fn keys(standing: &Standing) -> Vec<(String, &'static str)> {
    let opens = match standing {
        Standing::Closed | Standing::Failed(_) => "opens it",
        Standing::Opening | Standing::Open(_) => "closes it",
    };
    let mut keys = vec![("o".to_owned(), opens)];
    if matches!(standing, Standing::Open(_)) {
        let steers = [("b", "booking"), ("s", "strategy"), ("t", "think"), ("a", "asks")];
        keys.extend(steers.map(|(key, words)| (key.to_owned(), words)));
    }
    keys.push(("Esc".to_owned(), "hides this"));
    keys
}

fn words(view: &View<'_>, cells: usize) -> Vec<Line<'static>> {
    let overview = view.stage.room();
    let plain = |words: &str, role| -> Vec<Line<'static>> {
        let rows = text::wrap(words, cells).into_iter();
        rows.map(|row| Line::from(Span::styled(row, view.style(role)))).collect()
    };
    match &overview.standing {
        Standing::Closed => plain("The room is closed.", Role::Screen),
        Standing::Opening => plain("opening", Role::Dim),
        Standing::Failed(why) => plain(&text::visible(why), Role::Broken),
        Standing::Open(opened) => {
            let mut all = address(view, opened, cells);
            all.push(Line::default());
            let followers = match overview.followers {
                0 => "nobody follows".to_owned(),
                1 => "1 browser follows".to_owned(),
                many => format!("{} follow", counted(many as u64, "browser")),
            };
            let rules = overview.rules;
            let think = rules.think().as_secs();
            let open = if rules.is_open { "open" } else { "closed" };
            let people = match overview.board.people {
                0 => "nobody takes part".to_owned(),
                1 => "1 person takes part".to_owned(),
                many => format!("{many} people take part"),
            };
            all.extend(plain(&format!("{followers}, {people}"), Role::Strong));
            let strategy = rules.strategy.name();
            let booking = format!("booking is {open}: {strategy}, {think} s to think");
            all.extend(plain(&booking, if rules.is_open { Role::Strong } else { Role::Screen }));
            all.extend(plain(rules.strategy.words(), Role::Dim));
            all.extend(board(&overview.board).iter().flat_map(|(line, role)| plain(line, *role)));
            let charset = view.theme.charset();
            let poll = overview.poll.iter().flat_map(|it| poll(it, charset));
            all.extend(poll.flat_map(|(line, role)| plain(&line, role)));
            if opened.self_test == Some(Ok(())) {
                all.extend(plain("self-test: this machine reaches the address", Role::Dim));
            }
            for doubt in opened.doubts() {
                all.push(Line::default());
                all.extend(plain(&text::visible(&doubt), Role::Waiting));
            }
            all
        }
    }
}

/// How many have got what, in lines.
fn board(board: &Board) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let Board { booked, refused, waiting, under_way, sold_twice, .. } = board;
    if booked + refused + under_way > 0 {
        let line = format!(
            "{booked} booked, {refused} refused, {waiting} waiting, {sold_twice} sold twice"
        );
        lines.push((line, Role::Strong));
    }
    let longest =
        board.longest_wait.iter().map(|it| (format!("longest wait: {it}"), Role::Waiting));
    let role = if *sold_twice > 0 { Role::Broken } else { Role::Kept };
    let verdict = board.verdict.iter().map(|it| (it.clone(), role));
    lines.extend(longest.chain(verdict));
    lines.into_iter().map(|(line, role)| (text::visible(&line).into_owned(), role)).collect()
}

/// The longest bar of a poll, in cells.
const BAR: usize = 16;

/// What was asked, a bar for each answer, and who was right.
fn poll(poll: &Poll, charset: Charset) -> Vec<(String, Role)> {
    let asked = if poll.is_open { "asked" } else { "answered" };
    let mut lines = vec![(format!("{asked}: who will have {}?", poll.seat), Role::Strong)];
    let most = poll.bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let name = poll.bars.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let block = if charset == Charset::Ascii { "#" } else { "\u{2588}" };
    lines.extend(poll.bars.iter().map(|(answer, count)| {
        let bar = block.repeat((count * BAR).div_ceil(most));
        (format!("{} {bar} {count}", text::pad(answer, name, "")), Role::Screen)
    }));
    lines.extend(poll.outcome.iter().map(|outcome| (outcome.clone(), Role::Kept)));
    lines.into_iter().map(|(line, role)| (text::visible(&line).into_owned(), role)).collect()
}

/// The address, in two rows where it is too long for one: the token stays whole.
fn address(view: &View<'_>, opened: &Opened, cells: usize) -> Vec<Line<'static>> {
    let token = opened.address.rfind('/').map_or(0, |at| at + 1);
    let rows = match opened.address.split_at(token) {
        _ if opened.address.len() <= cells => vec![opened.address.as_str()],
        (place, token) => vec![place, token],
    };
    let strong = view.style(Role::Strong);
    rows.into_iter().map(|row| Line::from(Span::styled(row.to_owned(), strong))).collect()
}

/// Two rows of modules in a line of cells.
fn code(code: &QrCode) -> Vec<Line<'static>> {
    let size = code.rows.len() + 2 * QUIET;
    if code.rows.is_empty() {
        return Vec::new();
    }
    let is_dark = |x: usize, y: usize| -> bool {
        let row = y.checked_sub(QUIET).and_then(|y| code.rows.get(y));
        let module = row.zip(x.checked_sub(QUIET)).and_then(|(row, x)| row.get(x));
        module.copied().unwrap_or(false)
    };
    let cell = |x: usize, y: usize| match (is_dark(x, y), is_dark(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let line = |y: usize| (0..size).map(|x| cell(x, y)).collect::<String>();
    (0..size).step_by(2).map(|y| Line::from(Span::styled(line(y), CODE))).collect()
}
