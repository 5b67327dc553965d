//! A mistake in a scenario file: where it is, what is wrong, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong in a file that was read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, counted in characters.
    pub column: usize,
    /// What is wrong: `no session is called Alise`.
    pub problem: String,
    /// What to do: `did you mean Alice?`.
    pub hint: Option<String>,
}

impl Mistake {
    /// The same mistake with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, problem, hint } = self;
        write!(f, "{}:{line}:{column}: {problem}", path.display())?;
        hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Mistake {}

/// A file's text, for pointing into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) path: &'a Path,
}

impl Source<'_> {
    /// A mistake at a byte of the text.
    pub(super) fn mistake(&self, at: usize, problem: impl Into<String>) -> Mistake {
        let (path, problem) = (self.path.to_owned(), problem.into());
        Mistake { path, line: self.line(at), column: self.column(at), problem, hint: None }
    }

    /// The column of a byte of the text, from 1, counted in characters.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[..at].chars().rev().take_while(|&c| c != '\n').count() + 1
    }

    /// The line of a byte of the text, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }
}

/// The text of a file: without a byte order mark, its lines ended by line feeds alone.
pub fn decode(bytes: &[u8], path: &Path) -> Result<String, Mistake> {
    Ok(decode_verbatim(bytes, path)?.replace("\r\n", "\n"))
}

/// The same, with the ends of its lines as they are: a literal that goes over one has them in it.
pub fn decode_verbatim(bytes: &[u8], path: &Path) -> Result<String, Mistake> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let text = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let source = Source { text, path };
            let byte = bytes[error.valid_up_to()];
            Err(source
                .mistake(
                    text.len(),
                    format!("the file is not UTF-8: byte 0x{byte:02X} is not valid here"),
                )
                .with_hint("save it as UTF-8"))
        }
    }
}

/// The candidate that the word was probably meant to be.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        // A third of the letters may be wrong. In a name of two letters that would be none at all.
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean Alice?`, or else all that there is to choose from.
pub(super) fn suggest(word: &str, what: &str, candidates: &[&str]) -> String {
    match did_you_mean(word, candidates.iter().copied()) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("{what} {}", list(candidates)),
    }
}

/// `a, b and c`.
pub(crate) fn list(items: &[&str]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("Alise", ["Bob", "Alice"]), Some("Alice"));
        assert_eq!(did_you_mean("alice", ["Bob", "Alice"]), Some("Alice"));
        assert_eq!(did_you_mean("Zoe", ["Bob", "Alice"]), None);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_pointed_at() {
        let mistake = decode(b"-- Title\nab\xff", Path::new("a.sql")).unwrap_err();
        assert_eq!(
            mistake.to_string(),
            "a.sql:2:3: the file is not UTF-8: byte 0xFF is not valid here; save it as UTF-8"
        );
    }

    #[test]
    fn a_byte_order_mark_and_carriage_returns_go() {
        assert_eq!(decode(b"\xef\xbb\xbfa\r\nb", Path::new("a.sql")).unwrap(), "a\nb");
    }
}
