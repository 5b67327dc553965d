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
use super::layout::Places;
use super::{View, centred, lines, open_box};
use crate::core::scenario::counted;
use crate::stage::room::{Board, Opened, Overview, Page, Panel, Poll, QrCode, Remote, Standing};
use crate::stage::text;
use crate::tui::theme::{Charset, Role};

mod people;

/// The widest box: a code, and beside it lines that read well.
const WIDEST: usize = 96;

/// The fewest cells that words beside a code need.
const NARROWEST: usize = 30;

/// The widest line that reads well.
const READABLE: usize = 60;

/// How many blanks there are behind a key.
const BETWEEN: usize = 3;

/// How many light modules there are around a code, so that a camera finds it.
const QUIET: usize = 2;

/// A camera needs dark on light, whatever the theme.
const CODE: Style = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(231));

/// Draws what there is to know of the room. While presses are taken, the seats above are what
/// everybody looks at, so they stay in sight.
pub(super) fn draw(
    view: &View<'_>,
    panel: Panel,
    places: &Places,
    screen: Rect,
    buffer: &mut Buffer,
) {
    let overview = view.stage.room();
    let area = if overview.rules.is_open { below(places, screen) } else { screen };
    let cells = usize::from(area.width).saturating_sub(4);
    let code = picture(view, panel.page);
    let code_width = code.first().map_or(0, Line::width);
    let beside = cells.saturating_sub(code_width + 2);
    let room = usize::from(area.height).saturating_sub(4);
    let is_drawn = code_width > 0 && beside >= NARROWEST && code.len() <= room;
    let (code, shift) = if is_drawn { (code, code_width + 2) } else { (Vec::new(), 0) };
    // As wide whatever is said, so that nothing moves while it changes.
    let width = cells.min(WIDEST);
    let keys = rows_of_keys(view, &keys(&overview.standing, panel.page), width);
    let rows = room.saturating_sub(keys.len() - 1);
    let words = words(view, panel, (width - shift).min(READABLE), rows);
    let height = code.len().max(words.len()) + 1 + keys.len();
    let size = u16::try_from(width + 4).unwrap_or(u16::MAX);
    let area = centred(area, size, height_of(&vec![Line::default(); height]));
    let inner = open_box(view, area, title(panel.page), buffer);
    lines::put_lines(buffer, inner, &code);
    let shift = u16::try_from(shift).unwrap_or(0);
    let text = Rect { x: inner.x + shift, width: inner.width.saturating_sub(shift), ..inner };
    let rows = u16::try_from(keys.len()).unwrap_or(1).min(inner.height);
    let text = Rect { height: text.height.saturating_sub(rows), ..text };
    lines::put_lines(buffer, text, &words);
    lines::put_lines(buffer, Rect { y: inner.bottom() - rows, height: rows, ..inner }, &keys);
}

/// What is left of the screen below the seats.
fn below(places: &Places, screen: Rect) -> Rect {
    let top = places.watched.bottom().clamp(screen.y, screen.bottom());
    let bottom = places.footer.y.clamp(top, screen.bottom());
    Rect { y: top, height: bottom - top, ..screen }
}

fn title(page: Page) -> &'static str {
    match page {
        Page::Overview => "the room",
        Page::People => "the room: who is in",
        Page::Remote => "the room: the teacher's remote",
    }
}

/// The code that belongs to the page, if there is one.
fn picture(view: &View<'_>, page: Page) -> Vec<Line<'static>> {
    let Standing::Open(opened) = &view.stage.room().standing else { return Vec::new() };
    match (page, &opened.remote) {
        _ if view.theme.charset() == Charset::Ascii => Vec::new(),
        (Page::Overview, _) => code(&opened.code),
        (Page::Remote, Remote::Offered { code: offered, .. }) => code(offered),
        (Page::People | Page::Remote, _) => Vec::new(),
    }
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

fn keys(standing: &Standing, page: Page) -> Vec<(String, &'static str)> {
    let is_open = matches!(standing, Standing::Open(_));
    let opens = match standing {
        Standing::Closed | Standing::Failed(_) => "opens it",
        Standing::Opening | Standing::Open(_) => "closes it",
    };
    let keys: &[(&str, &'static str)] = match page {
        Page::Overview if is_open => &[
            ("o", opens),
            ("b", "booking"),
            ("s", "strategy"),
            ("t", "think"),
            ("a", "asks"),
            ("w", "who is in"),
            ("r", "remote"),
            ("Esc", "hides this"),
        ],
        Page::People if is_open => &[
            ("Up Down", "marks somebody"),
            ("p", "gives a pane, or takes it back"),
            ("Esc", "goes back"),
        ],
        Page::Remote if is_open => &[("n", "a new one"), ("Esc", "goes back")],
        _ => &[("o", opens), ("Esc", "hides this")],
    };
    keys.iter().map(|(key, words)| ((*key).to_owned(), *words)).collect()
}

/// What the page says, in as many rows as there are.
fn words(view: &View<'_>, panel: Panel, cells: usize, rows: usize) -> Vec<Line<'static>> {
    let overview = view.stage.room();
    match &overview.standing {
        Standing::Closed => plain(view, "The room is closed.", cells, Role::Screen),
        Standing::Opening => plain(view, "opening", cells, Role::Dim),
        Standing::Failed(why) => plain(view, &text::visible(why), cells, Role::Broken),
        Standing::Open(opened) => match panel.page {
            Page::Overview => of_overview(view, opened, cells),
            Page::People => people::lines(view, &overview.people, panel.chosen, cells, rows),
            Page::Remote => of_remote(view, &opened.remote, cells),
        },
    }
}

/// Words in rows of so many cells.
fn plain(view: &View<'_>, words: &str, cells: usize, role: Role) -> Vec<Line<'static>> {
    let rows = text::wrap(words, cells).into_iter();
    rows.map(|row| Line::from(Span::styled(row, view.style(role)))).collect()
}

fn of_overview(view: &View<'_>, opened: &Opened, cells: usize) -> Vec<Line<'static>> {
    let overview = view.stage.room();
    let plain = |words: &str, role| plain(view, words, cells, role);
    let mut all = address(view, &opened.address, cells);
    all.push(Line::default());
    all.extend(plain(&who(overview), Role::Strong));
    let rules = overview.rules;
    let (strategy, think) = (rules.strategy, rules.think().as_secs());
    let open = if rules.is_open { "open" } else { "closed" };
    let booking = format!("booking is {open}: {}, {think} s to think", strategy.name());
    all.extend(plain(&booking, if rules.is_open { Role::Strong } else { Role::Screen }));
    // Known by then, and there are seats to be seen.
    if !rules.is_open {
        all.extend(plain(strategy.words(), Role::Dim));
    }
    all.extend(board(&overview.board).iter().flat_map(|(line, role)| plain(line, *role)));
    let charset = view.theme.charset();
    let poll = overview.poll.iter().flat_map(|it| poll(it, charset, cells));
    // Not wrapped: that would take the blanks by which the bars stand below each other.
    all.extend(poll.map(|(line, role)| Line::from(Span::styled(line, view.style(role)))));
    if opened.self_test == Some(Ok(())) && !rules.is_open {
        all.extend(plain("self-test: this machine reaches the address", Role::Dim));
    }
    for doubt in opened.doubts() {
        all.push(Line::default());
        all.extend(plain(&text::visible(&doubt), Role::Waiting));
    }
    all
}

/// How many follow, and how many take part.
fn who(overview: &Overview) -> String {
    let followers = match overview.followers {
        0 => "nobody follows".to_owned(),
        1 => "1 browser follows".to_owned(),
        many => format!("{} follow", counted(many as u64, "browser")),
    };
    let people = match overview.board.people {
        0 => "nobody takes part".to_owned(),
        1 => "1 person takes part".to_owned(),
        many => format!("{many} people take part"),
    };
    format!("{followers}, {people}")
}

/// How the teacher's browser comes by the remote.
fn of_remote(view: &View<'_>, remote: &Remote, cells: usize) -> Vec<Line<'static>> {
    let plain = |words: &str, role| plain(view, words, cells, role);
    match remote {
        Remote::Nobody => plain("No browser has the remote: n lets one have it.", Role::Screen),
        Remote::Taken => plain(
            "A browser has the remote. If it is not yours: n takes it away, and lets another \
             have it.",
            Role::Kept,
        ),
        Remote::Offered { address: offered, .. } => {
            let mut all = address(view, offered, cells);
            all.push(Line::default());
            all.extend(plain(
                "The first browser that opens this address steers the script and the room; no \
                 other can then. The address works only while this page is shown, so keep the \
                 page off the projector.",
                Role::Waiting,
            ));
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
fn poll(poll: &Poll, charset: Charset, cells: usize) -> Vec<(String, Role)> {
    let asked = if poll.is_open { "asked" } else { "answered" };
    let mut lines = vec![(format!("{asked}: who will have {}?", poll.seat), Role::Strong)];
    let most = poll.bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let digits = most.to_string().len();
    let longest = poll.bars.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let name = longest.min(cells.saturating_sub(digits + BAR + 2));
    let (block, cut) = match charset {
        Charset::Ascii => ("#", ".."),
        Charset::Unicode => ("\u{2588}", "\u{2026}"),
    };
    lines.extend(poll.bars.iter().map(|(answer, count)| {
        let bar = block.repeat((count * BAR).div_ceil(most));
        let line = format!("{} {count:>digits$} {bar}", text::pad(answer, name, cut));
        (line.trim_end().to_owned(), Role::Screen)
    }));
    lines.extend(poll.outcome.iter().map(|outcome| (outcome.clone(), Role::Kept)));
    lines.into_iter().map(|(line, role)| (text::visible(&line).into_owned(), role)).collect()
}

/// An address, in two rows where it is too long for one: the token stays whole.
fn address(view: &View<'_>, address: &str, cells: usize) -> Vec<Line<'static>> {
    let token = address.rfind('/').map_or(0, |at| at + 1);
    let rows = match address.split_at(token) {
        _ if address.len() <= cells => vec![address],
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
