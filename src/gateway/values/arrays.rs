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
    if bounds.iter().any(|(length, _)| *length < 0) {
        return None;
    }
    if bounds.is_empty() || bounds.iter().any(|(length, _)| *length == 0) {
        return Some("{}".to_owned());
    }
    // A value is never shorter than its length, so more elements than that are not there.
    let most = fields.rest().len() / size_of::<i32>();
    let mut lengths = bounds.iter().map(|(length, _)| usize::try_from(*length).ok());
    let elements = lengths.try_fold(1_usize, |product, length| product.checked_mul(length?));
    elements.filter(|elements| *elements <= most)?;
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

#[cfg(test)]
mod tests {
    use super::super::oid::INT4;
    use super::*;

    /// An `int4[]` of these lengths and elements, which begins at 1.
    fn array(lengths: &[i32], elements: &[i32]) -> Vec<u8> {
        let count = i32::try_from(lengths.len()).unwrap();
        let head = [count, 0, INT4.cast_signed()];
        let bounds = lengths.iter().flat_map(|length| [*length, 1]);
        let values = elements.iter().flat_map(|element| [4, *element]);
        head.into_iter().chain(bounds).chain(values).flat_map(i32::to_be_bytes).collect()
    }

    #[test]
    fn an_array_of_which_a_dimension_is_empty_is_empty() {
        for lengths in [&[][..], &[0], &[1_000_000, 0], &[0, i32::MAX], &[i32::MAX, 0]] {
            assert_eq!(text(&array(lengths, &[])).as_deref(), Some("{}"), "{lengths:?}");
        }
    }

    #[test]
    fn a_negative_length_is_no_array() {
        for lengths in [&[-1][..], &[i32::MIN], &[0, -1], &[-1, -1]] {
            assert_eq!(text(&array(lengths, &[7])), None, "{lengths:?}");
        }
        let from_zero = [1, 0, INT4.cast_signed(), i32::MIN, 0].map(i32::to_be_bytes);
        assert_eq!(text(from_zero.as_flattened()), None);
    }

    #[test]
    fn more_elements_than_there_are_bytes_for_are_no_array() {
        for lengths in [&[3][..], &[i32::MAX], &[2, 2], &[i32::MAX; 6]] {
            assert_eq!(text(&array(lengths, &[1, 2])), None, "{lengths:?}");
        }
        assert_eq!(text(&array(&[1, 2], &[1, 2])).as_deref(), Some("{{1,2}}"));
    }
}
