//! A statement with its parameters in their places, as literals: what a person reads, and what a
//! scenario keeps.
//!
//! ```text
//!  update seats set note = $2 where id = $1    4, 'it''s'
//!  update seats set note = 'it''s' where id = 4
//! ```
//!
//! The text means to the server what the statement meant with its parameters, as far as their
//! types are known. A value in a binary form that nobody here can read is shown by its bytes, and
//! marked.

use crate::core::event::octets;
use crate::core::syntax::{Strings, TokenKind, literal, tokens};
use crate::gateway::Parameter;
use crate::gateway::values::{hex, known_text, oid, type_name};

/// Puts parameters in their places. What has no value stays as it is.
pub fn with_parameters(sql: &str, parameters: &[Parameter], strings: Strings) -> String {
    if parameters.is_empty() {
        return sql.to_owned();
    }
    let mut text = String::with_capacity(sql.len());
    for token in tokens(sql, strings) {
        let piece = &sql[token.range.clone()];
        match parameter(piece, token.kind, parameters) {
            // Whatever stands before it has its own end already: a parameter is no part of a word.
            Some(parameter) => text.push_str(written(parameter).trim_start()),
            None => text.push_str(piece),
        }
    }
    text
}

fn parameter<'a>(
    piece: &str,
    kind: TokenKind,
    parameters: &'a [Parameter],
) -> Option<&'a Parameter> {
    let number = piece.strip_prefix('$').filter(|_| kind == TokenKind::Parameter)?;
    parameters.get(number.parse::<usize>().ok()?.checked_sub(1)?)
}

fn written(parameter: &Parameter) -> String {
    let Parameter { type_oid, value, is_binary } = parameter;
    let Some(value) = value else { return "NULL".to_owned() };
    let text = if *is_binary { known_text(*type_oid, value) } else { Some(octets::keep(value)) };
    match text {
        Some(text) => literal_of(*type_oid, &text),
        None => format!("{} /* of type {type_oid} */", literal(&hex(value))),
    }
}

/// A value by its text: a number as it is, and anything else as a string of its type. A string of
/// its own is taken for the text that most strings are, or for what stands beside it.
fn literal_of(type_oid: u32, text: &str) -> String {
    match (type_oid, text) {
        (oid::BOOL, "t" | "true") => "true".to_owned(),
        (oid::BOOL, "f" | "false") => "false".to_owned(),
        (oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::NUMERIC, number)
            if is_number(number) =>
        {
            // Two minus signs in a row would begin a comment.
            if number.starts_with('-') { format!("({number})") } else { number.to_owned() }
        }
        (oid::TEXT | oid::VARCHAR | oid::UNKNOWN | 0, text) => literal(text),
        (_, text) => match type_name(type_oid) {
            Some(name) => format!("{}::{name}", literal(text)),
            None => literal(text),
        },
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn text(type_oid: u32, value: &'static str) -> Parameter {
        Parameter { type_oid, value: Some(Bytes::from_static(value.as_bytes())), is_binary: false }
    }

    fn binary(type_oid: u32, value: &'static [u8]) -> Parameter {
        Parameter { type_oid, value: Some(Bytes::from_static(value)), is_binary: true }
    }

    fn shown(sql: &str, parameters: &[Parameter]) -> String {
        with_parameters(sql, parameters, Strings::Conforming)
    }

    #[test]
    fn parameters_stand_in_their_places_and_nowhere_else() {
        let parameters = [text(23, "4"), text(0, "it's"), text(0, "$1")];
        let sql =
            "update t set a = $2, b = '$1', c = $$ $1 $$ -- $1\n where \"$1\" = $1 or $10 = $3";
        let expected = "update t set a = 'it''s', b = '$1', c = $$ $1 $$ -- $1\n \
            where \"$1\" = 4 or $10 = '$1'";
        assert_eq!(shown(sql, &parameters), expected);
        assert_eq!(shown("select 1", &[]), "select 1");
    }

    #[test]
    fn a_value_is_a_literal_of_its_type() {
        let null = Parameter { type_oid: 23, value: None, is_binary: false };
        for (parameter, expected) in [
            (null, "NULL"),
            (text(23, "-4"), "(-4)"),
            (text(0, "4"), "'4'"),
            (text(16, "t"), "true"),
            (text(1700, "1.50"), "1.50"),
            (text(1700, "NaN"), "'NaN'::numeric"),
            (text(25, r"a\b"), r"E'a\\b'"),
            (text(1184, "2026-11-29"), "'2026-11-29'::timestamptz"),
            (text(1007, "{1,2}"), "'{1,2}'::int4[]"),
            (text(999_999, "x"), "'x'"),
            (binary(23, &[0, 0, 0, 7]), "7"),
            (binary(16, &[0]), "false"),
            (binary(17, &[0, 255]), r"E'\\x00ff'::bytea"),
            (binary(999_999, &[1, 2]), r"E'\\x0102' /* of type 999999 */"),
            (binary(23, &[7]), r"E'\\x07' /* of type 23 */"),
        ] {
            assert_eq!(shown("$1", &[parameter]), expected);
        }
        assert_eq!(shown("select 5 -$1", &[text(23, "-4")]), "select 5 -(-4)");
    }
}
