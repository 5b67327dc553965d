//! Laws of the reader, tried on mixtures of everything in which a `;` ends nothing, and cut at
//! every place.

use proptest::prelude::*;

use super::{Statement, Strings, split, unfinished, words};

/// What may stand anywhere in a statement, whatever stands around it.
const PIECES: [&str; 27] = [
    "E'a\\';'",
    // The second line goes on as an escape string, though it has no E of its own.
    "E'a'\n'\\';'",
    "e'' -- ;'\n  '\\\\'",
    "';'",
    "''';'''",
    "'a'\n';'",
    "\"a;\"\"b\"",
    "$$;'$$",
    // Another tag, or an empty one, ends nothing.
    "$a$;$b$;$$;$a$",
    "$é$;$e$;$é$",
    "/* ; /* ' */ $$ */",
    "-- ; ' \" $$ /*\n",
    "(select 1; select (2; 3))",
    "U&'\\0061;' UESCAPE '!'",
    "u&\"d;\"\"\"",
    "X'1f'",
    "b'01'",
    "N'a;'",
    "1.5e3",
    // `1.` would be a number, were it not for the second dot.
    "1..2",
    "$1",
    "a$b$c",
    "::int",
    // A transaction's, outside of a routine: the `;` after it ends the statement.
    "begin",
    "end",
    "ärger😀",
    "<>",
];

/// Whole statements with a `;` of their own.
const WHOLE: [&str; 3] = [
    "create or replace function f() returns int begin atomic select case when true then 1 end; \
     select ';'; end",
    "create procedure p() begin atomic insert into t values (1); end",
    "create rule r as on insert to t do (select 1; select $$;$$)",
];

/// Strings in which a backslash means one thing or the other.
fn backslashed(strings: Strings) -> &'static str {
    match strings {
        Strings::Conforming => "= ';\\'",
        Strings::Escaping => "= '\\';'\n'\\';'",
    }
}

fn strings() -> impl Strategy<Value = Strings> {
    prop_oneof![Just(Strings::Conforming), Just(Strings::Escaping)]
}

fn statement(strings: Strings) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => prop::sample::select(PIECES.to_vec()),
        1 => Just(backslashed(strings)),
    ];
    let between = prop::sample::select(vec![" ", "\n", "\r\n\t", "+"]);
    let mixed = prop::collection::vec((between, piece), 0..6).prop_map(|pieces| {
        let pieces = pieces.into_iter().map(|(between, piece)| format!("{between}{piece}"));
        format!("select{}", pieces.collect::<String>())
    });
    prop_oneof![9 => mixed, 1 => prop::sample::select(WHOLE.to_vec()).prop_map(str::to_owned)]
}

fn mixture() -> impl Strategy<Value = (Strings, Vec<String>)> {
    strings().prop_flat_map(|strings| {
        prop::collection::vec(statement(strings), 1..5).prop_map(move |all| (strings, all))
    })
}

proptest! {
    #[test]
    fn every_statement_ends_where_it_ends((strings, statements) in mixture()) {
        let text = statements.join(";\n") + ";";
        let found: Vec<_> = split(&text, strings).iter().map(Statement::body).collect();
        let expected: Vec<_> = statements.iter().map(|statement| statement.trim_end()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_is_ended_stays_so_whatever_is_typed_after_it((strings, statements) in mixture()) {
        let text = statements.join(";") + ";";
        let all = split(&text, strings);
        for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let before = &text[..cut];
            let found = split(before, strings);
            let ended: Vec<_> = found.iter().filter(|found| found.is_terminated).collect();
            let expected: Vec<_> = all.iter().filter(|whole| whole.range.end <= cut).collect();
            prop_assert_eq!(&ended, &expected, "{:?}", before);
            let is_open = found.last().is_some_and(|last| !last.is_terminated);
            prop_assert!(!is_open || unfinished(before, strings).is_some(), "{before:?}");
        }
    }

    #[test]
    fn a_statement_has_the_same_words_alone_as_in_its_text((strings, statements) in mixture()) {
        let text = statements.join(";") + ";";
        let together = words(&text, strings);
        let words_alone = |statement: &String| words(&format!("{statement};"), strings);
        let alone = statements.iter().flat_map(words_alone);
        let texts: Vec<_> = together.iter().map(|word| &word.text).collect();
        let expected: Vec<_> = alone.map(|word| word.text).collect();
        prop_assert_eq!(texts, expected.iter().collect::<Vec<_>>());
    }
}
