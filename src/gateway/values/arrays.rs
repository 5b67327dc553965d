//! Arrays (`array_recv` and `array_out`).

use std::fmt::Write as _;

use super::known_text;
use crate::pg::frame::Fields;

/// An array's dimensions are six at most (`MAXDIM`).
const MOST_DIMENSIONS: i32 = 6;

/// An array of elements whose form is known here.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let mut fields = Fields::of(bytes);
    let count = fields.long().filter(|count| (0..=MOST_DIMENSIONS).contains(count))?;
    let (_has_nulls, element) = (fields.long()?, fields.long()?.cast_unsigned());
    let bounds = (0..count).map(|_| Some((fields.long()?, fields.long()?)));
    let bounds: Vec<(i32, i32)> = bounds.collect::<Option<_>>()?;
    if bounds.is_empty() {
        return Some("{}".to_owned());
    }
    let mut text = String::new();
    // Only an array that does not begin at 1 says where it begins.
    if bounds.iter().any(|(_, first)| *first != 1) {
        for (length, first) in &bounds {
            let _never_fails = write!(text, "[{first}:{}]", first.checked_add(length - 1)?);
        }
        text.push('=');
    }
    put_dimension(&mut text, &bounds, element, &mut fields)?;
    Some(text)
}

fn put_dimension(
    text: &mut String,
    bounds: &[(i32, i32)],
    element: u32,
    fields: &mut Fields<'_>,
) -> Option<()> {
    let Some(((length, _), inner)) = bounds.split_first() else {
        match fields.value_bytes()? {
            None => text.push_str("NULL"),
            Some(value) => put_element(text, &known_text(element, value)?),
        }
        return Some(());
    };
    text.push('{');
    for at in 0..*length {
        if at > 0 {
            text.push(',');
        }
        put_dimension(text, inner, element, fields)?;
    }
    text.push('}');
    Some(())
}

/// In quotes where it would be read as something else without.
fn put_element(text: &mut String, element: &str) {
    let is_special = |c: char| {
        matches!(c, '"' | '\\' | '{' | '}' | ',' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
    };
    let is_plain = !element.is_empty()
        && !element.eq_ignore_ascii_case("null")
        && !element.contains(is_special);
    if is_plain {
        return text.push_str(element);
    }
    text.push('"');
    for c in element.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}
