//! Theme files: TOML that paints roles.
//!
//! ```toml
//! base = "dark"                    # a built-in theme; what this file leaves out comes from there
//! sessions = [{ fg = "#89b4fa" }]  # accents, in screen order, coming round again
//!
//! [styles]
//! locked = { fg = "#f9e2af", fg16 = "yellow", attributes = ["bold"] }
//! ```
//!
//! `fg16` and `bg16` say what a terminal of sixteen colours shows; without them it gets the nearest
//! one. `bare` names attributes for where there are no colours at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use thiserror::Error;

use super::{Depth, Role};

/// The themes that are compiled in.
pub const BUILT_IN: [&str; 3] = ["dark", "light", "projector"];

/// A theme that cannot be had.
#[derive(Debug, Error)]
pub enum ThemeError {
    /// Neither a built-in theme nor a file.
    #[error(
        "unknown theme {name:?}: it is neither built in ({}) nor a file{}",
        BUILT_IN.join(", "),
        did_you_mean(name)
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the theme {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file is no theme.
    #[error("mistake in the theme {origin}: {source}")]
    Mistake {
        origin: String,
        /// What and where, with the line itself.
        source: Box<toml::de::Error>,
    },
    /// The file builds on a theme that does not exist.
    #[error(
        "unknown base {base:?} in the theme {origin}; a base is one of {}{}",
        BUILT_IN.join(", "),
        did_you_mean(base)
    )]
    UnknownBase {
        origin: String,
        /// What it names.
        base: String,
    },
}

fn did_you_mean(name: &str) -> String {
    BUILT_IN
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(known, &name.to_lowercase()) <= 2)
        .map_or_else(String::new, |known| format!("; did you mean {known}?"))
}

/// What a theme file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Painted {
    base: Option<String>,
    #[serde(default)]
    pub(super) sessions: Vec<Paint>,
    #[serde(default)]
    pub(super) styles: BTreeMap<Role, Paint>,
}

/// How one role is painted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paint {
    fg: Option<Shade>,
    bg: Option<Shade>,
    fg16: Option<Basic>,
    bg16: Option<Basic>,
    #[serde(default)]
    attributes: Vec<Attribute>,
    /// More of them, where there are no colours to tell it from its neighbours.
    #[serde(default)]
    bare: Vec<Attribute>,
}

impl Paint {
    pub(super) fn style(&self, depth: Depth) -> Style {
        let shade = |full: Option<Shade>, basic: Option<Basic>| match depth {
            Depth::Bare => None,
            Depth::True => full.map(Shade::full).or(basic.map(|basic| basic.0)),
            Depth::Sixteen => basic.map(|basic| basic.0).or(full.map(Shade::nearest)),
        };
        let style = Style {
            fg: shade(self.fg, self.fg16),
            bg: shade(self.bg, self.bg16),
            ..Style::default()
        };
        let bare = self.bare.iter().filter(|_| depth == Depth::Bare);
        let attributes = self.attributes.iter().chain(bare);
        style.add_modifier(attributes.map(|attribute| attribute.modifier()).collect())
    }
}

/// A colour as a theme file writes it: `"#rrggbb"` or one of the sixteen names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Shade(Color);

impl Shade {
    fn full(self) -> Color {
        self.0
    }

    fn nearest(self) -> Color {
        let Color::Rgb(r, g, b) = self.0 else { return self.0 };
        let distance = |&(_, _, rgb): &(&str, Color, [u8; 3])| -> u32 {
            [r, g, b].iter().zip(rgb).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
        };
        SIXTEEN.iter().min_by_key(|known| distance(known)).map_or(Color::Reset, |known| known.1)
    }
}

impl TryFrom<String> for Shade {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rgb = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let rgb = rgb.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if let Some(rgb) = rgb {
            return Ok(Self(Color::from_u32(rgb)));
        }
        Basic::try_from(text.clone()).map(|basic| Self(basic.0)).map_err(|_| {
            format!("{text:?} is not a colour: write \"#rrggbb\" or {}", basic_names())
        })
    }
}

/// One of the sixteen colours, or the terminal's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Basic(Color);

impl TryFrom<String> for Basic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self(Color::Reset));
        }
        SIXTEEN
            .iter()
            .find(|(name, ..)| *name == text)
            .map(|(_, colour, _)| Self(*colour))
            .ok_or_else(|| format!("{text:?} is not one of the sixteen colours: {}", basic_names()))
    }
}

fn basic_names() -> String {
    let names: Vec<_> = SIXTEEN.iter().map(|(name, ..)| *name).collect();
    format!("{} or default", names.join(", "))
}

/// The sixteen colours with the values that xterm gives them.
const SIXTEEN: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright black", Color::DarkGray, [127, 127, 127]),
    ("bright red", Color::LightRed, [255, 0, 0]),
    ("bright green", Color::LightGreen, [0, 255, 0]),
    ("bright yellow", Color::LightYellow, [255, 255, 0]),
    ("bright blue", Color::LightBlue, [92, 92, 255]),
    ("bright magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright cyan", Color::LightCyan, [0, 255, 255]),
    ("bright white", Color::White, [255, 255, 255]),
];

/// What a colour is on a screen, with xterm's values for the sixteen; the terminal's default is
/// its own affair.
#[cfg(test)]
pub(super) fn rgb_of(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        named => SIXTEEN.iter().find(|known| known.1 == named).map(|known| known.2),
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
}

impl Attribute {
    fn modifier(self) -> Modifier {
        match self {
            Self::Bold => Modifier::BOLD,
            Self::Dim => Modifier::DIM,
            Self::Italic => Modifier::ITALIC,
            Self::Underlined => Modifier::UNDERLINED,
            Self::Reversed => Modifier::REVERSED,
        }
    }
}

pub(super) fn built_in(name: &str) -> Option<&'static str> {
    match name {
        "dark" => Some(include_str!("../../../assets/themes/dark.toml")),
        "light" => Some(include_str!("../../../assets/themes/light.toml")),
        "projector" => Some(include_str!("../../../assets/themes/projector.toml")),
        _ => None,
    }
}

pub(super) fn read(path: &Path) -> Result<String, ThemeError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ThemeError::Unknown { name: path.display().to_string() },
        _ => ThemeError::Unreadable { path: path.to_owned(), source },
    })
}

/// Reads a theme's text, laid over its base.
pub(super) fn parse(text: &str, origin: &str) -> Result<Painted, ThemeError> {
    let painted = parse_alone(text, origin)?;
    let Some(base) = painted.base.as_deref() else { return Ok(painted) };
    let under = built_in(base).ok_or_else(|| ThemeError::UnknownBase {
        origin: origin.to_owned(),
        base: base.to_owned(),
    })?;
    let mut whole = parse_alone(under, base)?;
    whole.styles.extend(painted.styles);
    if !painted.sessions.is_empty() {
        whole.sessions = painted.sessions;
    }
    Ok(whole)
}

fn parse_alone(text: &str, origin: &str) -> Result<Painted, ThemeError> {
    toml::from_str(text).map_err(|source| ThemeError::Mistake {
        origin: origin.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Charset, Theme};

    fn mistake(text: &str) -> String {
        parse(text, "mine.toml").unwrap_err().to_string()
    }

    #[test]
    fn built_in_themes_paint_every_role_and_eight_sessions() {
        for name in BUILT_IN {
            let painted = parse(built_in(name).unwrap(), name).unwrap();
            let bare: Vec<_> =
                Role::ALL.into_iter().filter(|role| !painted.styles.contains_key(role)).collect();
            assert!(bare.is_empty(), "{name} leaves out {bare:?}");
            assert!(painted.sessions.len() >= 8, "{name}");
        }
    }

    #[test]
    fn a_theme_of_ones_own_changes_what_it_names_and_keeps_the_rest() {
        let mine = "base = \"dark\"\n[styles]\nlocked = { fg = \"#010203\" }";
        let theme = Theme::parse(mine, "mine.toml", Depth::True, Charset::Unicode).unwrap();
        let dark = Theme::find("dark", Depth::True, Charset::Unicode).unwrap();
        assert_eq!(theme.style(Role::Locked).fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(theme.style(Role::Error), dark.style(Role::Error));
        assert_eq!(theme.accent(0), dark.accent(0));
    }

    #[test]
    fn mistakes_are_shown_with_their_line() {
        insta::assert_snapshot!(
            [
                mistake("[styles]\nlocked = { fg = \"#12345\" }"),
                mistake("[styles]\nloked = { fg = \"red\" }"),
                mistake("[styles]\nlocked = { fg16 = \"orange\" }"),
                mistake("base = \"drak\""),
                Theme::find("projektor", Depth::True, Charset::Unicode).unwrap_err().to_string(),
            ]
            .join("\n---\n")
        );
    }

    #[test]
    fn sixteen_colours_get_the_nearest_where_a_theme_names_none() {
        let red = Shade::try_from("#d01010".to_owned()).unwrap();
        assert_eq!(red.nearest(), Color::Red);
    }
}
