//! CREATE FUNCTION: the language in which a function is written.

use crate::core::syntax::{Word, begins, parenthesized};

/// The language of a function that these words make, in small letters; nothing where they make
/// none, or say nothing of it.
pub(crate) fn function_language(words: &[Word]) -> Option<String> {
    let function = words.iter().take(4).position(|word| word.is("function"))?;
    begins(words, &["create"]).then_some(())?;
    let open = words[function..].iter().position(|word| word.is_mark('('))?;
    let (_, behind) = parenthesized(&words[function + open..])?;
    // What follows RETURNS is a type, or the columns of a table, whatever it is called.
    let mut is_type = false;
    for (word, behind) in (Beside { words: behind }) {
        if std::mem::replace(&mut is_type, word.is("returns")) {
            continue;
        }
        if word.is("language") {
            return behind.first().map(|word| word.text.to_lowercase());
        }
        // A body that is no string comes last, and is SQL (`opt_routine_body` in gram.y).
        if word.is("return") || word.is("begin") {
            return Some("sql".to_owned());
        }
    }
    None
}

/// The words that are not in parentheses, each with what comes behind it.
struct Beside<'a> {
    words: &'a [Word],
}

impl<'a> Iterator for Beside<'a> {
    type Item = (&'a Word, &'a [Word]);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((_, rest)) = parenthesized(self.words) {
            self.words = rest;
        }
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some((first, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn the_language_is_the_one_of_the_functions_options() {
        for (sql, language) in [
            ("create function f() returns int language plpgsql as $$ language sql $$", "plpgsql"),
            ("create function f() returns int as 'language sql' language plpgsql", "plpgsql"),
            ("create function f(language text) returns int language 'SQL' as ''", "sql"),
            ("create function f(a int default (1)) returns table (language c) language sql", "sql"),
            ("create or replace function s.\"language\"() returns language language \"C\"", "c"),
            ("create function f() returns int /* language c */ LANGUAGE sql return 1", "sql"),
            ("create function f() returns int return (select language from t)", "sql"),
            ("create function f() returns int begin atomic select language from t; end", "sql"),
            ("create function f() returns int as 'select 1'", ""),
            ("create procedure f() language sql as ''", ""),
            ("alter function f() language sql", ""),
        ] {
            let found = function_language(&words(sql, Strings::Conforming));
            assert_eq!(found.unwrap_or_default(), language, "{sql}");
        }
    }
}
