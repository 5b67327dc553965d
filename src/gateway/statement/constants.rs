//! The constants in a condition, so that a statement of the gateway's own may have parameters in
//! their places: then its text is the same whatever they are, and PostgreSQL plans it once.
//!
//! Told are either all constants of a condition or none. A constant that is not told stays in the
//! text as it is, so whatever is in doubt is none.

use std::ops::Range;

use crate::core::syntax::{Word, WordKind};

/// A constant, as a parameter would have its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constant {
    pub(crate) span: Range<usize>,
    pub(crate) value: String,
    /// The type that PostgreSQL takes it for; 0 where it infers that, as it does of a parameter
    /// without a type (PostgreSQL documentation, 4.1.2.7 and 10.2).
    pub(crate) type_oid: u32,
}

/// The constants of a condition that does nothing but compare, each of which stands right behind a
/// comparison. Whatever has parentheses may want a constant where it stands, as `varchar(5)` does.
pub(super) fn constants(sql: &str, words: &[Word]) -> Vec<Constant> {
    let all = words.iter().enumerate().filter(|(_, word)| is_constant(word));
    let told = all.map(|(at, word)| compares(&words[..at]).then(|| constant(sql, word)).flatten());
    let are_plain = !words.iter().any(|word| is_one_of(word, "()[]:"));
    told.collect::<Option<Vec<_>>>().filter(|_| are_plain).unwrap_or_default()
}

/// Whether a condition does nothing but compare columns with numbers and parameters. Whatever else
/// stands in one may depend on settings, as the meaning of `'1/2/2020'` and of `current_date` does.
pub(super) fn is_fixed(words: &[Word]) -> bool {
    let is_part = |(at, word): (usize, &Word)| {
        let next = words.get(at + 1);
        match word.kind {
            WordKind::Value => true,
            WordKind::Mark if is_one_of(word, "=<>!") => {
                next.is_some_and(|next| next.kind == WordKind::Value || is_one_of(next, "=>"))
            }
            WordKind::Mark => word.is_mark('.'),
            WordKind::Plain if CONNECTIVES.contains(&word.text.as_str()) => true,
            WordKind::Plain | WordKind::Quoted => next.is_some_and(is_behind_column),
            WordKind::Text | WordKind::Escaped => false,
        }
    };
    words.iter().enumerate().all(is_part) && !words.iter().any(reads_the_clock)
}

const CONNECTIVES: [&str; 6] = ["and", "or", "not", "between", "is", "null"];

fn is_behind_column(word: &Word) -> bool {
    is_one_of(word, "=<>!.") || ["between", "is", "not"].iter().any(|keyword| word.is(keyword))
}

fn reads_the_clock(word: &Word) -> bool {
    let begins = |prefix: &&str| word.text.starts_with(prefix);
    word.kind == WordKind::Plain && ["current_", "local"].iter().any(begins)
}

fn is_one_of(word: &Word, marks: &str) -> bool {
    word.kind == WordKind::Mark && marks.contains(&word.text)
}

fn is_constant(word: &Word) -> bool {
    match word.kind {
        WordKind::Text => true,
        WordKind::Value => !word.text.starts_with('$'),
        _ => false,
    }
}

/// Whether what stands behind these words is compared with something: that gives it a type.
fn compares(words: &[Word]) -> bool {
    match words {
        [.., between, _, and] if and.is("and") => between.is("between"),
        [.., before] => is_one_of(before, "=<>") || before.is("between"),
        [] => false,
    }
}

fn constant(sql: &str, word: &Word) -> Option<Constant> {
    const INT4: u32 = 23;
    const INT8: u32 = 20;
    let written = &sql[word.span.clone()];
    let (value, type_oid) = if word.kind == WordKind::Text {
        // In whichever way the client's strings are read, one without a backslash is the same.
        let inner = written.strip_prefix('\'')?.strip_suffix('\'')?;
        let is_plain = !inner.contains('\\') && !inner.replace("''", "").contains('\'');
        (is_plain.then(|| inner.replace("''", "'"))?, 0)
    } else {
        let is_whole = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_whole.then(|| written.parse::<i64>().ok()).flatten()?;
        (written.to_owned(), if i32::try_from(number).is_ok() { INT4 } else { INT8 })
    };
    Some(Constant { span: word.span.clone(), value, type_oid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn told(sql: &str) -> Vec<(String, u32)> {
        let words = words(sql, Strings::Conforming);
        let constants = constants(sql, &words);
        constants.into_iter().map(|constant| (constant.value, constant.type_oid)).collect()
    }

    #[test]
    fn constants_behind_comparisons_are_told_with_their_types() {
        for (sql, values) in [
            ("id = 5", vec![("5", 23)]),
            (
                "t.id >= 2147483647 and b <> 2147483648",
                vec![("2147483647", 23), ("2147483648", 20)],
            ),
            ("a between 1 and 007", vec![("1", 23), ("007", 23)]),
            ("name = 'o''hara' and id = $1", vec![("o'hara", 0)]),
            ("a = '' or b is null", vec![("", 0)]),
        ] {
            let values: Vec<_> =
                values.into_iter().map(|(value, oid)| (value.to_owned(), oid)).collect();
            assert_eq!(told(sql), values, "{sql}");
        }
    }

    #[test]
    fn whether_settings_have_a_part_is_told() {
        for (sql, expected) in [
            ("id = 5", true),
            ("t.id >= $1 and \"B\" <> 2.5 or c is not null", true),
            ("a between 1 and $2", true),
            ("a = b", false),
            ("a = 'x'", false),
            ("a = current_date", false),
            ("current_date = $1", false),
            ("a between $1 and localtimestamp", false),
            ("a = $1::date", false),
            ("lower(a) = $1", false),
            ("a in (1, 2)", false),
        ] {
            assert_eq!(is_fixed(&words(sql, Strings::Conforming)), expected, "{sql}");
        }
    }

    #[test]
    fn where_one_is_in_doubt_none_is_told() {
        for sql in [
            "id = $1",
            "id in (1, 2)",
            "id = 1 and a = 1.5",
            "id = 1 and a = 9223372036854775808",
            "id = 1 and a = date '2020-01-01'",
            "id = 1 and a = E'x'",
            "id = 1 and a = $$x$$",
            "id = 1 and a = 'x\\y'",
            "id = 1 and a = b'1'",
            "id = 1 and a = '5'::int",
            "id = 1 and a = cast('5' as varchar(3))",
            "id = 1 and a[1] = 2",
            "1 = id",
            "id = 1 and 'x' is not null",
            "id = 1 and 2 = b",
            "id = -1",
            "a = 'x'\n'y'",
        ] {
            assert_eq!(told(sql), [], "{sql}");
        }
    }
}
