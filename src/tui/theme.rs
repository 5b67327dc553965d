//! Colours by meaning: a view asks for "locked" or "keyword", never for yellow.
//!
//! A theme is a TOML file (`assets/themes/`, or one of the user's own) that paints [`Role`]s. What
//! reaches the terminal depends on the terminal:
//!
//! ```text
//!  theme file ──▶ a role's paint ──┬──▶ Depth::True     24-bit colour, where COLORTERM says so
//!                                  ├──▶ Depth::Sixteen  the terminal's own 16 colours
//!                                  └──▶ Depth::Bare     attributes alone: NO_COLOR, TERM=dumb
//! ```
//!
//! Colour never carries a meaning alone: every state of a seat has one of the [`Signs`] and a word
//! too.

use std::path::Path;

use ratatui::style::Style;
use ratatui::symbols::border;
use serde::Deserialize;

use crate::core::event::SessionName;

mod file;
mod signs;

pub use file::{BUILT_IN, ThemeError};
pub use signs::{Charset, Signs};

/// What a piece of the screen means; the theme says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The whole screen: ordinary text and the background under everything.
    Screen,
    /// Text that matters more than its neighbours.
    Strong,
    /// Text that matters less.
    Dim,
    /// The border of a pane.
    Border,
    /// The border of the pane that the keys go to.
    Focus,
    /// A pane's title.
    Title,
    /// The header of a table, a row's letter, the screen that the seats face.
    Heading,
    /// A free seat.
    Free,
    /// A row lock.
    Locked,
    /// A change that is not committed yet.
    Uncommitted,
    /// A committed booking.
    Booked,
    Waiting,
    /// A statement that the debugger holds.
    Held,
    /// What does not go together: a refusal, a difference between two engines.
    Conflict,
    /// Laid over what has just changed.
    Changed,
    /// ERROR and what belongs to it.
    Error,
    /// NOTICE, WARNING, and what the console itself has to say.
    Notice,
    /// One line in plain words under an answer that teaches.
    Lesson,
    /// The answer to the statement that was sent last.
    Answer,
    Prompt,
    /// The cell under the cursor.
    Cursor,
    /// A selection, or the chosen line of a list.
    Selection,
    /// What a search found.
    Found,
    /// SQL: a keyword.
    Keyword,
    /// SQL: a string.
    String,
    /// SQL: a number.
    Number,
    /// SQL: a comment.
    Comment,
    /// The script's next step.
    Next,
    /// An expectation that was kept.
    Kept,
    /// An expectation that was broken.
    Broken,
    /// The name of a key in the footer and in the help.
    Key,
}

impl Role {
    /// Every role, in the order of declaration.
    pub const ALL: [Self; 31] = [
        Self::Screen,
        Self::Strong,
        Self::Dim,
        Self::Border,
        Self::Focus,
        Self::Title,
        Self::Heading,
        Self::Free,
        Self::Locked,
        Self::Uncommitted,
        Self::Booked,
        Self::Waiting,
        Self::Held,
        Self::Conflict,
        Self::Changed,
        Self::Error,
        Self::Notice,
        Self::Lesson,
        Self::Answer,
        Self::Prompt,
        Self::Cursor,
        Self::Selection,
        Self::Found,
        Self::Keyword,
        Self::String,
        Self::Number,
        Self::Comment,
        Self::Next,
        Self::Kept,
        Self::Broken,
        Self::Key,
    ];
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None to be used: bold, dim, underlined and reversed must do.
    Bare,
    /// The sixteen that every terminal has, in the user's own palette.
    Sixteen,
    /// 24-bit colour.
    True,
}

impl Depth {
    /// What the environment says: `NO_COLOR` (<https://no-color.org>), `TERM`, `COLORTERM`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if is_set("NO_COLOR") || variable("TERM").as_deref() == Some("dumb") {
            return Self::Bare;
        }
        match variable("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ => Self::Sixteen,
        }
    }
}

/// How everything looks: a style for each role, an accent for each session, the signs.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
    accents: Vec<Style>,
    charset: Charset,
}

impl Theme {
    /// The built-in theme of this name ([`BUILT_IN`]), or else the theme file at this path.
    pub fn find(name_or_path: &str, depth: Depth, charset: Charset) -> Result<Self, ThemeError> {
        match file::built_in(name_or_path) {
            Some(text) => Self::parse(text, name_or_path, depth, charset),
            None => Self::open(Path::new(name_or_path), depth, charset),
        }
    }

    fn open(path: &Path, depth: Depth, charset: Charset) -> Result<Self, ThemeError> {
        let text = file::read(path)?;
        Self::parse(&text, &path.display().to_string(), depth, charset)
    }

    /// A theme from a file's text; `origin` names the file in an error.
    pub fn parse(
        text: &str,
        origin: &str,
        depth: Depth,
        charset: Charset,
    ) -> Result<Self, ThemeError> {
        let painted = file::parse(text, origin)?;
        let style = |role| painted.styles.get(&role).map_or_else(Style::new, |p| p.style(depth));
        Ok(Self {
            styles: Role::ALL.map(style),
            accents: painted.sessions.iter().map(|paint| paint.style(depth)).collect(),
            charset,
        })
    }

    /// How this role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The signs of the seat map, the script and the panes.
    pub fn signs(&self) -> &'static Signs {
        Signs::of(self.charset)
    }

    /// The characters that the terminal can show.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// The accent of the session at this place of the screen's order.
    pub fn accent(&self, place: usize) -> Style {
        let accents = self.accents.len().max(1);
        self.accents.get(place % accents).copied().unwrap_or_default()
    }

    /// The accent of a session by its name; a name that does not play gets ordinary text.
    pub fn accent_of(&self, name: &SessionName, cast: &[SessionName]) -> Style {
        let place = cast.iter().position(|player| player == name);
        place.map_or_else(|| self.style(Role::Screen), |place| self.accent(place))
    }

    /// The lines of which a pane's border is drawn.
    pub fn border(&self) -> border::Set<'static> {
        self.signs().border
    }
}

impl Default for Theme {
    /// The dark theme in the terminal's sixteen colours.
    fn default() -> Self {
        Self::find("dark", Depth::Sixteen, Charset::Unicode)
            .expect("the built-in themes are well formed; a test reads each of them")
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn true_colour_is_used_only_where_the_terminal_says_so() {
        assert_eq!(Depth::of(environment(&[("COLORTERM", "truecolor")])), Depth::True);
        assert_eq!(Depth::of(environment(&[("COLORTERM", "24bit")])), Depth::True);
        assert_eq!(Depth::of(environment(&[("TERM", "xterm-256color")])), Depth::Sixteen);
    }

    #[test]
    fn no_color_wins_over_everything_unless_it_is_empty() {
        let set = environment(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
        let empty = environment(&[("NO_COLOR", ""), ("COLORTERM", "truecolor")]);
        assert_eq!((Depth::of(set), Depth::of(empty)), (Depth::Bare, Depth::True));
    }

    #[test]
    fn every_role_stands_at_its_own_place() {
        for (place, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, place, "{role:?}");
        }
    }

    #[test]
    fn a_bare_theme_has_attributes_and_no_colour_at_all() {
        for name in BUILT_IN {
            let theme = Theme::find(name, Depth::Bare, Charset::Unicode).unwrap();
            for role in Role::ALL {
                let style = theme.style(role);
                assert_eq!((style.fg, style.bg), (None, None), "{name} {role:?}");
            }
            assert!(theme.style(Role::Changed).add_modifier.contains(Modifier::REVERSED));
        }
    }

    #[test]
    fn sixteen_colours_are_never_rgb() {
        for name in BUILT_IN {
            let theme = Theme::find(name, Depth::Sixteen, Charset::Unicode).unwrap();
            let painted = Role::ALL.map(|role| theme.style(role));
            let is_rgb = |colour: Option<Color>| matches!(colour, Some(Color::Rgb(..)));
            assert!(!painted.iter().any(|style| is_rgb(style.fg) || is_rgb(style.bg)), "{name}");
        }
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = rgb.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Every style of a theme that text is written in, by name. A border is no text.
    fn styles_of_text(theme: &Theme) -> Vec<(String, Style)> {
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Border);
        let roles = roles.map(|role| (format!("{role:?}"), theme.style(role)));
        let accents = theme.accents.iter().enumerate();
        roles.chain(accents.map(|(n, style)| (format!("session {n}"), *style))).collect()
    }

    /// 4.5 to 1 is what WCAG 2.2 asks of text (1.4.3). Where a theme leaves the background to the
    /// terminal, it is black or one of the dark ones that people have.
    #[test]
    fn all_text_can_be_read_on_its_background_in_every_theme() {
        let own = [[0, 0, 0], [0x1e, 0x1e, 0x2e]];
        for (name, depth) in
            BUILT_IN.iter().flat_map(|name| [(name, Depth::True), (name, Depth::Sixteen)])
        {
            let theme = Theme::find(name, depth, Charset::Unicode).unwrap();
            let screen = theme.style(Role::Screen);
            for (what, style) in styles_of_text(&theme) {
                let text = style.fg.or(screen.fg).and_then(file::rgb_of);
                let text = text.unwrap_or([0xe5, 0xe5, 0xe5]);
                let ground = style.bg.or(screen.bg).and_then(file::rgb_of);
                // In sixteen colours the palette is xterm's, whose background is black.
                let grounds = ground.map_or(own.to_vec(), |ground| vec![ground]);
                for ground in grounds.iter().take(if depth == Depth::True { 2 } else { 1 }) {
                    let found = contrast(text, *ground);
                    assert!(found >= 4.5, "{name} {depth:?} {what}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn only_results_and_waits_are_bold_and_nothing_is_underlined() {
        let bold = [Role::Waiting, Role::Conflict, Role::Changed, Role::Answer];
        for name in BUILT_IN {
            let theme = Theme::find(name, Depth::True, Charset::Unicode).unwrap();
            for role in Role::ALL {
                let attributes = theme.style(role).add_modifier;
                assert!(!attributes.contains(Modifier::UNDERLINED), "{name} {role:?}");
                let is_bold = attributes.contains(Modifier::BOLD);
                assert!(!is_bold || bold.contains(&role), "{name} {role:?}");
            }
            let accents = theme.accents.iter();
            assert!(accents.clone().all(|accent| accent.add_modifier.is_empty()), "{name}");
        }
    }

    #[test]
    fn accents_come_round_again() {
        let theme = Theme::default();
        let cast: Vec<_> = (0..60).map(|n| SessionName::new(&format!("s{n}"))).collect();
        assert_ne!(theme.accent(0), theme.accent(1));
        assert_eq!(theme.accent_of(&cast[59], &cast), theme.accent(59));
    }
}
