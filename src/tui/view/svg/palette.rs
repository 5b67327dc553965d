//! The terminal's own colours, as a picture needs them: a terminal knows what "red" is, a picture
//! must be told.

use ratatui::style::Color;

/// The colour of text that has none.
pub(super) const INK: &str = "#cad3f5";
/// The background where there is none.
pub(super) const BACKGROUND: &str = "#1e2030";

/// The sixteen, in their usual order.
const SIXTEEN: [&str; 16] = [
    "#494d64", "#ed8796", "#a6da95", "#eed49f", "#8aadf4", "#c6a0f6", "#8bd5ca", "#b8c0e0",
    "#6e738d", "#f28fa0", "#b4e2a6", "#f5dfb3", "#a0bdf7", "#d4b5f9", "#9fe0d6", "#f0f3ff",
];

/// The levels of a channel in the cube of 216 colours (xterm's `256colres.pl`).
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// A colour as `#rrggbb`.
pub(super) fn hex(colour: Color, default: &str) -> String {
    let sixteen = |place: usize| SIXTEEN[place].to_owned();
    match colour {
        Color::Reset => default.to_owned(),
        Color::Black => sixteen(0),
        Color::Red => sixteen(1),
        Color::Green => sixteen(2),
        Color::Yellow => sixteen(3),
        Color::Blue => sixteen(4),
        Color::Magenta => sixteen(5),
        Color::Cyan => sixteen(6),
        Color::Gray => sixteen(7),
        Color::DarkGray => sixteen(8),
        Color::LightRed => sixteen(9),
        Color::LightGreen => sixteen(10),
        Color::LightYellow => sixteen(11),
        Color::LightBlue => sixteen(12),
        Color::LightMagenta => sixteen(13),
        Color::LightCyan => sixteen(14),
        Color::White => sixteen(15),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(index @ 0..16) => sixteen(usize::from(index)),
        Color::Indexed(index @ 16..232) => {
            let cube = usize::from(index - 16);
            let [r, g, b] = [cube / 36, cube / 6 % 6, cube % 6].map(|level| LEVELS[level]);
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        Color::Indexed(index) => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
