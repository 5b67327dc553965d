//! Connection strings of the form `host=localhost user='a b'` (PostgreSQL documentation, 34.1.1.1).

use std::iter::Peekable;
use std::str::CharIndices;

use super::keywords::Settings;
use super::target_error::TargetError;

/// Reads keywords and their values.
pub(super) fn parse(text: &str) -> Result<Settings, TargetError> {
    let mut reader = Reader { text, rest: text.char_indices().peekable() };
    let mut settings = Settings::default();
    while let Some(keyword) = reader.keyword()? {
        let value = reader.value()?;
        settings.set(&keyword, value)?;
    }
    Ok(settings)
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Reader<'_> {
    /// The next keyword, its `=` consumed; nothing at the end of the text.
    fn keyword(&mut self) -> Result<Option<String>, TargetError> {
        self.skip_space();
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let at = self.position();
        let keyword = self.take_while(|c| c != '=' && !c.is_ascii_whitespace());
        self.skip_space();
        match self.rest.next() {
            Some((_, '=')) if !keyword.is_empty() => Ok(Some(keyword)),
            Some((_, '=')) => Err(malformed(at, "a keyword is missing before \"=\"")),
            _ => Err(malformed(
                at,
                "this word has no \"=\" after it; put a value with spaces in single quotes",
            )),
        }
    }

    fn value(&mut self) -> Result<String, TargetError> {
        self.skip_space();
        if self.rest.next_if(|(_, c)| *c == '\'').is_some() {
            self.quoted()
        } else {
            Ok(self.bare())
        }
    }

    fn quoted(&mut self) -> Result<String, TargetError> {
        let at = self.position();
        let mut value = String::new();
        loop {
            match self.rest.next() {
                Some((_, '\'')) => return Ok(value),
                Some((_, '\\')) => value.extend(self.rest.next().map(|(_, c)| c)),
                Some((_, c)) => value.push(c),
                None => return Err(malformed(at - 1, "this single quote is never closed")),
            }
        }
    }

    fn bare(&mut self) -> String {
        let mut value = String::new();
        while let Some((_, c)) = self.rest.next_if(|(_, c)| !c.is_ascii_whitespace()) {
            let c = if c == '\\' { self.rest.next().map(|(_, c)| c) } else { Some(c) };
            value.extend(c);
        }
        value
    }

    fn skip_space(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some((_, c)) = self.rest.next_if(|(_, c)| belongs(*c)) {
            taken.push(c);
        }
        taken
    }

    /// The next character's number, counted from 1.
    fn position(&mut self) -> usize {
        let byte = self.rest.peek().map_or(self.text.len(), |(byte, _)| *byte);
        self.text[..byte].chars().count() + 1
    }
}

fn malformed(at: usize, reason: &'static str) -> TargetError {
    TargetError::Malformed { at, reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(&'static str, String)> {
        let settings = parse(text).unwrap();
        settings.pairs().into_iter().map(|(k, v)| (k, v.to_owned())).collect()
    }

    /// Writes a value so that any reader of libpq's form gets it back.
    fn quote(value: &str) -> String {
        format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    }

    #[test]
    fn spaces_around_the_sign_and_escapes_are_read_as_libpq_does() {
        let text = r"host = db  user=a\ b password='it\'s \\' port=5433 options=";
        let expected = [
            ("host", "db"),
            ("options", ""),
            ("password", r"it's \"),
            ("port", "5433"),
            ("user", "a b"),
        ];
        let found = read(text);
        assert_eq!(found, expected.map(|(k, v)| (k, v.to_owned())));
    }

    #[test]
    fn a_later_mention_wins() {
        assert_eq!(read("user=a user=b"), [("user", "b".to_owned())]);
    }

    #[test]
    fn an_unknown_keyword_is_named_with_the_one_that_was_meant() {
        let error = parse("hots=db").err().unwrap();
        assert_eq!(
            error.to_string(),
            "there is no connection keyword \"hots\"; did you mean \"host\"?"
        );
    }

    #[test]
    fn a_half_of_a_password_is_not_repeated_in_the_error() {
        let error = parse("password=correct horse").err().unwrap();
        assert!(!error.to_string().contains("horse"), "{error}");
    }

    #[test]
    fn an_open_quote_is_found_where_it_opens() {
        let error = parse("user=x password='y").err().unwrap();
        let reason = "this single quote is never closed";
        assert_eq!(error, TargetError::Malformed { at: 17, reason });
    }

    proptest! {
        #[test]
        fn any_value_survives_quoting(user in any::<String>(), host in any::<String>()) {
            let text = format!("user={} host={}", quote(&user), quote(&host));
            prop_assert_eq!(read(&text), [("host", host), ("user", user)]);
        }

        #[test]
        fn no_text_is_too_strange_to_be_read_or_refused(text in any::<String>()) {
            parse(&text).ok();
        }
    }
}
