//! A command's arguments, as psql reads them (PostgreSQL sources, `psqlscanslash.l`): parted by
//! blanks; `'...'` with C's escapes; variables outside of quotes by their values. Double quotes
//! stay, since they are part of a name.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use crate::core::syntax::{literal, quote};

/// Longer than the name of any variable, in characters.
const NAME: usize = 256;

type Variables = BTreeMap<String, String>;

/// The arguments in this text. What is a quote without its end is the mistake.
pub fn arguments(text: &str, variables: &Variables) -> Result<Vec<String>, String> {
    let mut chars = text.chars().peekable();
    let mut arguments = Vec::new();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(arguments);
        }
        arguments.push(argument(&mut chars, variables)?);
    }
}

fn argument(chars: &mut Peekable<Chars<'_>>, variables: &Variables) -> Result<String, String> {
    let mut argument = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
        match c {
            '\'' => argument.push_str(&quoted(chars)?),
            '"' => {
                let name = until(chars, '"').ok_or("unterminated quoted string")?;
                argument.extend(["\"", &name, "\""]);
            }
            '`' => return Err("no programs are run here, so `...` means nothing".to_owned()),
            ':' => argument.push_str(&variable(chars, variables)),
            c => argument.push(c),
        }
    }
    Ok(argument)
}

fn until(chars: &mut Peekable<Chars<'_>>, end: char) -> Option<String> {
    let mut inner = String::new();
    loop {
        match chars.next()? {
            c if c == end => return Some(inner),
            c => inner.push(c),
        }
    }
}

/// What stands in single quotes: `''` is one, a backslash begins an escape.
fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next().ok_or("unterminated quoted string")? {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Ok(text),
            '\\' => text.push(match chars.next().ok_or("unterminated quoted string")? {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                'r' => '\r',
                'f' => '\u{c}',
                c => c,
            }),
            c => text.push(c),
        }
    }
}

/// What follows a colon: the value of the variable that is named, or the same text again.
fn variable(chars: &mut Peekable<Chars<'_>>, variables: &Variables) -> String {
    let ahead: String = chars.clone().take(NAME).collect();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (sign, inner) = match ahead.chars().next() {
        Some(sign @ ('\'' | '"')) => (Some(sign), &ahead[1..]),
        _ => (None, ahead.as_str()),
    };
    let name = &inner[..inner.find(|c| !is_name(c)).unwrap_or(inner.len())];
    let is_closed = sign.is_none_or(|sign| inner[name.len()..].starts_with(sign));
    let Some(value) = variables.get(name).filter(|_| is_closed) else { return ":".to_owned() };
    let read = name.chars().count() + if sign.is_some() { 2 } else { 0 };
    chars.by_ref().take(read).for_each(drop);
    match sign {
        Some('\'') => literal(value),
        Some(_) => quote(value),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let variables = [("a", "1"), ("name", "O'Neil")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        arguments(text, &BTreeMap::from(variables))
    }

    #[test]
    fn arguments_are_parted_by_blanks_and_quotes_keep_them_together() {
        assert_eq!(
            read("  one  'two three' fo'ur ' ''").unwrap(),
            ["one", "two three", "four ", ""]
        );
        assert_eq!(read("'it''s' 'a\\nb' \"S t\".x").unwrap(), ["it's", "a\nb", "\"S t\".x"]);
        assert!(read("it's").is_err());
        assert!(read("`date`").is_err());
    }

    #[test]
    fn variables_are_filled_in_outside_of_quotes() {
        assert_eq!(
            read(":a :name :'name' :\"name\" ':a' x:a :b a::int").unwrap(),
            ["1", "O'Neil", "'O''Neil'", "\"O'Neil\"", ":a", "x1", ":b", "a::int"]
        );
    }
}
