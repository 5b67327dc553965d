//! What a statement is without its values: `select * from seats where id = ?`.
//!
//! ```text
//!  text ──▶ pieces: no comments, one case, ? for literals ──▶ lists folded ──▶ text again
//! ```
//!
//! Two statements of one shape come from one place in a program. So what differs from call to call
//! is gone: values, whether they came as parameters or in the text, how many of them an IN or a
//! VALUES lists, and the names that drivers number: savepoints, cursors, prepared statements.
//! PostgreSQL's own `pg_stat_statements` does so with its normalized query texts.

use std::fmt;
use std::sync::Arc;

use crate::core::syntax::{self, Strings};

mod fold;
mod pieces;

use pieces::{Piece, PieceKind};

/// A statement's shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape(Arc<str>);

impl Shape {
    /// That of a statement, or of a Query message of several. A shape's own is itself.
    pub fn of(sql: &str, strings: Strings) -> Self {
        let pieces = fold::folded(pieces::pieces(sql, strings));
        Self(written(&pieces).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A name as SQL may have it, in quotes only where it needs them, and fit to be shown.
pub fn shown_name(name: &str) -> String {
    let name = name.replace(char::is_control, "\u{fffd}");
    if is_plain_name(&name) { name } else { syntax::quote(&name) }
}

/// Whether a name means the same without quotes.
fn is_plain_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_' || !c.is_ascii());
    let is_part = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$' || !c.is_ascii()
    };
    begins && name.chars().all(is_part) && !syntax::is_keyword(name) && !fold::is_value(name)
}

fn written(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 && is_blank_between(&pieces[at - 1], piece) {
            text.push(' ');
        }
        text.push_str(&piece.text);
    }
    text
}

/// Whether a blank stands between two pieces, whatever stood there in the program.
fn is_blank_between(before: &Piece, piece: &Piece) -> bool {
    let tight_before = [")", "]", ",", ";", ".", "::"];
    if before.kind == PieceKind::Sign && ["(", "[", ".", "::"].contains(&&*before.text) {
        // `. .` and `:: :` would be read as something else.
        let begins_alike =
            |whole: &str| before.text == whole && piece.text.starts_with(&whole[..1]);
        return begins_alike(".") || begins_alike("::");
    }
    if piece.kind != PieceKind::Sign {
        return true;
    }
    match &*piece.text {
        // `count(`, but `in (`; and `a[1]`, `array[1]`.
        "(" => before.kind != PieceKind::Name,
        "[" => !matches!(before.kind, PieceKind::Name) && before.text != "array",
        "::" | "." => before.kind == PieceKind::Sign && !matches!(&*before.text, ")" | "]"),
        mark => !tight_before.contains(&mark),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(sql: &str) -> String {
        Shape::of(sql, Strings::Conforming).as_str().to_owned()
    }

    #[test]
    fn values_blanks_comments_and_case_are_gone() {
        for (sql, expected) in [
            ("SELECT  *\nFROM Seats -- all\n WHERE id=4;", "select * from seats where id = ?"),
            ("select * from seats where id = $1", "select * from seats where id = ?"),
            ("/* a */ select /* b */ 1", "select ?"),
            (
                "select 'a' || E'\\'b' || $x$c$x$, 1.5e3, -4, a -4, a - -4",
                "select ? || ? || ?, ?, ?, a - ?, a - ?",
            ),
            ("select 'a'\n  'b'", "select ?"),
            (
                "where a = true and b is not null and c = NULL and d is true",
                "where a = ? and b is not null and c = ? and d is true",
            ),
            (
                "SELECT \"seats\".\"id\", \"Odd\".\"order\" FROM \"seats\"",
                "select seats.id, \"Odd\".\"order\" from seats",
            ),
            (
                "select * from t where a in (1,2, 3) and b IN ($1)",
                "select * from t where a in (?) and b in (?)",
            ),
            ("where (a, b) in ((1, 2), (3, 4))", "where (a, b) in ((?, ?))"),
            ("where a in (select b, b from c)", "where a in (select b, b from c)"),
            ("where a in ($1::int, $2::int)", "where a in (?::int)"),
            (
                "insert into t (a, b) values (1, 'x'), (2, now()), (3, 'y') on conflict do nothing",
                "insert into t(a, b) values (?, ?), (?, now()) on conflict do nothing",
            ),
            ("select array[1,2], '{}'::int[], a[1], b . c", "select array[?], ?::int[], a[?], b.c"),
            (
                "select a->>'b', c@>'d', e?|array['f'], g#>>'{}'",
                "select a ->> ?, c @> ?, e ?| array[?], g #>> ?",
            ),
            ("select * from t where id=?", "select * from t where id = ?"),
            ("SAVEPOINT \"s12_x1\"", "savepoint ?"),
            ("rollback to savepoint s1", "rollback to savepoint ?"),
            ("release sp_3", "release ?"),
            (
                "DECLARE c_12 NO SCROLL CURSOR FOR SELECT 1",
                "declare ? no scroll cursor for select ?",
            ),
            ("fetch forward 10 from c_12", "fetch forward ? from ?"),
            ("close c_12", "close ?"),
            ("deallocate prepare pdo_1", "deallocate prepare ?"),
            ("close all", "close all"),
            ("begin; update t set a=1 ; commit;", "begin; update t set a = ?; commit"),
            ("select count( * ),coalesce (a,0)", "select count(*), coalesce(a, ?)"),
            ("", ""),
            (";", ""),
            (
                "select timestamp '2026-01-01', interval '1' day",
                "select timestamp ?, interval ? day",
            ),
        ] {
            assert_eq!(shape(sql), expected, "{sql}");
            assert_eq!(shape(expected), expected, "the shape's own");
        }
    }

    #[test]
    fn an_insert_of_many_rows_has_the_shape_of_one() {
        let one = shape("insert into t values ($1, $2)");
        let rows: Vec<_> = (0..5000).map(|row| format!("({row}, 'x{row}')")).collect();
        assert_eq!(shape(&format!("insert into t values {}", rows.join(","))), one);
    }

    #[test]
    fn a_name_is_quoted_where_it_must_be() {
        for (name, expected) in [
            ("seats", "seats"),
            ("Seats", "\"Seats\""),
            ("order", "\"order\""),
            ("null", "\"null\""),
            ("a b", "\"a b\""),
            ("ä1", "ä1"),
        ] {
            assert_eq!(shown_name(name), expected);
        }
    }

    const PIECES: [&str; 44] = [
        "select",
        "IN",
        "values",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        ";",
        "::",
        ":",
        "?",
        "?|",
        "-",
        "+",
        "=",
        "<>",
        "*",
        "1",
        "1.5",
        "'a'",
        "E'\\''",
        "$1",
        "$x$;$x$",
        "a",
        "Ab",
        "\"a\"",
        "\"A\"",
        "\"in\"",
        "null",
        "is",
        "not",
        "array",
        "/* c */",
        "-- c\n",
        "\n",
        "savepoint",
        "close",
        "|",
        "&",
        "@",
        "from",
        "U&\"x\"",
    ];

    fn mixture() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(PIECES.as_slice());
        let blank = prop::sample::select(vec!["", " "]);
        prop::collection::vec((piece, blank), 0..16)
            .prop_map(|all| all.into_iter().flat_map(|(piece, blank)| [piece, blank]).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_shape_of_a_shape_is_itself(sql in mixture()) {
            let once = shape(&sql);
            prop_assert_eq!(shape(&once), once, "{}", sql);
        }

        #[test]
        fn no_text_makes_it_panic(sql in any::<String>()) {
            for strings in [Strings::Conforming, Strings::Escaping] {
                Shape::of(&sql, strings);
            }
        }

        #[test]
        fn what_stands_between_words_does_not_matter(
            blanks in prop::collection::vec(
                prop::sample::select(vec![" ", "\n", "\t ", " /* x */ ", " -- y\n "]), 8..9,
            ),
            id in any::<i64>(),
            name in "[a-z']{0,8}",
        ) {
            let words = ["select", "a", "from", "seats", "where", "id", "="];
            let sql: String = words.iter().zip(&blanks).flat_map(|(w, b)| [*w, b]).collect();
            let expected = "select a from seats where id = ?";
            prop_assert_eq!(shape(&format!("{sql}{id}")), expected);
            prop_assert_eq!(shape(&format!("{sql}{}", syntax::literal(&name))), expected);
            prop_assert_eq!(shape(&format!("{}$1", sql.to_uppercase())), expected);
        }
    }
}
