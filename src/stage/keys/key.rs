//! A key with what is held down beside it, whatever told of it: a terminal, a page, a test.
//!
//! There are not enough keys that no terminal, multiplexer or desktop takes away, so some are
//! pressed after a prefix, as in Emacs and readline: `Ctrl-X 2`.

use std::fmt;
use std::str::FromStr;

/// What is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A letter, a digit, a sign.
    Char(char),
    /// F1, F2 and so on.
    F(u8),
    /// Enter, or return.
    Enter,
    Tab,
    Esc,
    /// What deletes the letter before.
    Backspace,
    /// What deletes the letter after.
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// In a table of keys: each digit from 1 to 9.
    Digit,
    /// A key that nothing here knows by a name.
    Other,
}

/// What is held down beside a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    pub control: bool,
    /// Alt, or Meta.
    pub alt: bool,
    /// Shift, where the key itself does not tell.
    pub shift: bool,
}

impl Held {
    pub const NOTHING: Self = Self { control: false, alt: false, shift: false };
    pub const CONTROL: Self = Self { control: true, ..Self::NOTHING };
    pub const ALT: Self = Self { alt: true, ..Self::NOTHING };
    pub const SHIFT: Self = Self { shift: true, ..Self::NOTHING };

    /// Whether all of these are held.
    fn contains(self, other: Self) -> bool {
        self.with(other) == self
    }

    fn with(self, other: Self) -> Self {
        Self {
            control: self.control || other.control,
            alt: self.alt || other.alt,
            shift: self.shift || other.shift,
        }
    }
}

/// A key with what is held down beside it. `parse` and `Display` are inverses: `Ctrl-C`, `F5`,
/// `Alt-5`, `PageUp`, `?`, `Ctrl-X 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    code: Code,
    held: Held,
    /// Whether it is pressed after the prefix.
    is_prefixed: bool,
}

impl Key {
    /// One key, one value: terminals disagree on whether Ctrl-C carries a capital, and whether `?`
    /// carries Shift.
    pub fn new(code: Code, held: Held) -> Self {
        let is_prefixed = false;
        let Code::Char(letter) = code else { return Self { code, held, is_prefixed } };
        let held = Held { shift: false, ..held };
        let letter = if held.control { letter.to_ascii_lowercase() } else { letter };
        Self { code: Code::Char(letter), held, is_prefixed }
    }

    /// The same key, pressed after the prefix.
    #[must_use]
    pub fn after_prefix(self) -> Self {
        Self { is_prefixed: true, ..self }
    }

    /// Whether it is pressed after the prefix.
    pub fn is_prefixed(self) -> bool {
        self.is_prefixed
    }

    /// What is pressed after the prefix.
    pub(super) fn without_prefix(self) -> Self {
        Self { is_prefixed: false, ..self }
    }

    /// Whether it is the prefix itself.
    pub fn is_prefix(self) -> bool {
        self.held == Held::CONTROL && self.code == Code::Char('x') && !self.is_prefixed
    }

    /// The key that stands for every digit in a table, and which digit this one is.
    pub(super) fn any_digit(self) -> Option<(Self, u8)> {
        let Code::Char(letter @ '1'..='9') = self.code else { return None };
        let digit = u8::try_from(letter.to_digit(10)?).ok()?;
        Some((Self { code: Code::Digit, ..self }, digit))
    }

    /// What is pressed.
    pub fn code(self) -> Code {
        self.code
    }

    /// What is held down beside it.
    pub fn held(self) -> Held {
        self.held
    }

    /// Whether it types a character.
    pub fn is_text(self) -> bool {
        let is_held = self.held.control || self.held.alt || self.is_prefixed;
        matches!(self.code, Code::Char(_)) && !is_held
    }

    /// Whether it is the key that cancels in readline and in psql.
    pub fn is_cancel(self) -> bool {
        self.held.control && matches!(self.code, Code::Char('c' | 'g'))
    }
}

const NAMED: &[(&str, Code)] = &[
    ("Enter", Code::Enter),
    ("Tab", Code::Tab),
    ("Esc", Code::Esc),
    ("Space", Code::Char(' ')),
    ("Backspace", Code::Backspace),
    ("Delete", Code::Delete),
    ("Insert", Code::Insert),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PageUp", Code::PageUp),
    ("PageDown", Code::PageDown),
    ("1-9", Code::Digit),
];

const PREFIX: &str = "Ctrl-X ";

const HELD: &[(&str, Held)] =
    &[("Ctrl-", Held::CONTROL), ("Alt-", Held::ALT), ("Shift-", Held::SHIFT)];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_prefixed {
            f.write_str(PREFIX)?;
        }
        for (name, modifier) in HELD {
            if self.held.contains(*modifier) {
                f.write_str(name)?;
            }
        }
        let named = NAMED.iter().find(|(_, code)| *code == self.code);
        match (named, self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Code::F(number)) => write!(f, "F{number}"),
            (None, Code::Char(letter)) if self.held.control => {
                write!(f, "{}", letter.to_ascii_uppercase())
            }
            (None, Code::Char(letter)) => write!(f, "{letter}"),
            (None, code) => write!(f, "{code:?}"),
        }
    }
}

/// A key's name that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown key {0:?}; write F5, Alt-5, Ctrl-C, Shift-Tab, PageUp, Ctrl-X 5 or a single \
     character"
)]
pub struct NoSuchKey(pub String);

impl FromStr for Key {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
        if starts_with(text, PREFIX) {
            let after = text[PREFIX.len()..].parse::<Self>();
            return after.map(Self::after_prefix).map_err(|_| NoSuchKey(text.to_owned()));
        }
        let (mut rest, mut held) = (text, Held::NOTHING);
        while let Some((name, modifier)) = HELD.iter().find(|(name, _)| starts_with(rest, name)) {
            rest = &rest[name.len()..];
            held = held.with(*modifier);
        }
        let code = code_named(rest).ok_or_else(|| NoSuchKey(text.to_owned()))?;
        Ok(Self::new(code, held))
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    text.len() > start.len()
        && text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn code_named(name: &str) -> Option<Code> {
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some(*code);
    }
    let mut letters = name.chars();
    match (letters.next()?, letters.as_str()) {
        (letter, "") => Some(Code::Char(letter)),
        ('F' | 'f', number) => number.parse().ok().filter(|n| (1..=24).contains(n)).map(Code::F),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_that_disagree_send_the_same_key() {
        let capital = Key::new(Code::Char('C'), Held { shift: true, ..Held::CONTROL });
        assert_eq!(capital, "Ctrl-C".parse().unwrap());
        assert_eq!(Key::new(Code::Char('?'), Held::SHIFT), "?".parse().unwrap());
        assert_eq!(Key::new(Code::Tab, Held::SHIFT), "shift-tab".parse().unwrap());
    }

    #[test]
    fn a_name_that_is_no_key_is_refused() {
        assert!("Hyper-x".parse::<Key>().is_err());
        assert!("F99".parse::<Key>().is_err());
        assert!("".parse::<Key>().is_err());
        assert!("Ctrl-X ".parse::<Key>().is_err());
        assert!("Ctrl-X Hyper-x".parse::<Key>().is_err());
    }

    #[test]
    fn a_key_after_the_prefix_is_another_key() {
        let key = |text: &str| text.parse::<Key>().unwrap();
        assert_eq!(key("Ctrl-X Ctrl-E"), key("Ctrl-E").after_prefix());
        assert_ne!(key("Ctrl-X 2"), key("2"));
        assert_eq!(key("ctrl-x 2").to_string(), "Ctrl-X 2");
        assert!(key("Ctrl-X").is_prefix() && !key("Ctrl-X Ctrl-X").is_prefix());
    }
}
