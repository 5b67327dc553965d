//! A key with what is held down beside it, whatever told of it: a terminal, a page, a test.

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
/// `Alt-5`, `PageUp`, `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    code: Code,
    held: Held,
}

impl Key {
    /// One key, one value: terminals disagree on whether Ctrl-C carries a capital, and whether `?`
    /// carries Shift.
    pub fn new(code: Code, held: Held) -> Self {
        let Code::Char(letter) = code else { return Self { code, held } };
        let held = Held { shift: false, ..held };
        let letter = if held.control { letter.to_ascii_lowercase() } else { letter };
        Self { code: Code::Char(letter), held }
    }

    /// What is pressed.
    pub fn code(self) -> Code {
        self.code
    }

    /// What is held down beside it.
    pub fn held(self) -> Held {
        self.held
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
];

const HELD: &[(&str, Held)] =
    &[("Ctrl-", Held::CONTROL), ("Alt-", Held::ALT), ("Shift-", Held::SHIFT)];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
#[error("unknown key {0:?}; write F5, Alt-5, Ctrl-C, Shift-Tab, PageUp or a single character")]
pub struct NoSuchKey(pub String);

impl FromStr for Key {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
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
    }
}
