//! Whether everything was put back before an order.

use crate::explorer::outcome::is_moment;
use crate::explorer::played::TableRows;

/// Whether a table is not as it was: it has other rows, or other values than moments and
/// identifiers that are made anew each time.
pub(super) fn differs(one: &TableRows, other: &TableRows) -> bool {
    told(one) != told(other)
}

fn told(table: &TableRows) -> Vec<Vec<Option<&String>>> {
    let row = table.rows.iter().map(|row| row.iter().map(|it| kept(it.as_ref())).collect());
    let mut rows: Vec<Vec<Option<&String>>> = row.collect();
    rows.sort();
    rows
}

fn kept(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !is_moment(value) && !is_uuid(value))
}

fn is_uuid(text: &str) -> bool {
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| {
        if is_hyphen(at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> TableRows {
        let row = |row: &&[&str]| row.iter().map(|value| Some((*value).to_owned())).collect();
        TableRows {
            table: "t".to_owned(),
            columns: Vec::new(),
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn a_row_more_and_another_value_are_not_put_back() {
        let empty = table(&[]);
        assert!(differs(&empty, &table(&[&["1"]])));
        assert!(differs(&table(&[&["1"]]), &table(&[&["2"]])));
        assert!(!differs(&table(&[&["1"], &["2"]]), &table(&[&["2"], &["1"]])));
    }

    #[test]
    fn moments_and_identifiers_are_made_anew() {
        let one = table(&[&["2026-11-29 21:22:41.1", "0b9e8a7c-1111-4222-8333-444455556666"]]);
        let other = table(&[&["2026-11-29 21:22:42.7", "aaaaaaaa-1111-4222-8333-444455556666"]]);
        assert!(!differs(&one, &other));
    }
}
