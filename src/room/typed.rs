//! What somebody with a pane may send: a statement that books, or one of its transaction.
//!
//! The role of the session can do nothing else either. But a role keeps nobody from lifting his own
//! limits (SET), from asking for what never ends, or from reading what fills a memory; so what is
//! let through is named here, and everything else is refused before it is sent.

use crate::core::syntax::{Strings, Verb, Word, WordKind, split, unfinished, verb, words};

/// The longest statement, in characters.
pub(super) const LONGEST: usize = 500;

/// How often a statement may name the table: each time multiplies the rows that are read.
const MOST_TABLES: usize = 3;

/// How many SELECTs there may be in one statement.
const MOST_SELECTS: usize = 2;

/// What may stand before a parenthesis: functions that take little and give little, and what is no
/// function.
const BEFORE_PARENTHESES: [&str; 30] = [
    "count", "min", "max", "sum", "coalesce", "lower", "upper", "in", "and", "or", "not", "where",
    "on", "using", "exists", "any", "all", "some", "set", "from", "select", "when", "then", "else",
    "by", "as", "is", "between", "having", "case",
];

/// What begins something that takes or gives much, or reaches beyond the table.
const REFUSED: [&str; 12] = [
    "with",
    "values",
    "into",
    "array",
    "row",
    "union",
    "intersect",
    "except",
    "lateral",
    "similar",
    "tablesample",
    "prepared",
];

/// The longest number. An exponent makes a long one out of a short text.
const LONGEST_NUMBER: usize = 10;

/// Signs that are none of SQL's simplest.
const MARKS: &str = "(),.;=<>*+-/";

/// What a statement may be about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) columns: &'a [String],
}

/// Why something typed is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TypedError {
    #[error("a statement is at most {LONGEST} characters long")]
    TooLong,
    #[error("this is not finished: a quote or a parenthesis is open")]
    Unfinished,
    #[error("one statement at a time")]
    Several,
    #[error(
        "only SELECT and UPDATE of the seats can be sent, and BEGIN, COMMIT, ROLLBACK and SAVEPOINT"
    )]
    Verb,
    #[error("\u{201c}{0}\u{201d} cannot be used here")]
    Word(String),
    #[error("at most {MOST_SELECTS} SELECTs and {MOST_TABLES} tables in one statement")]
    TooMuch,
}

/// The statement that is meant, if it is one that may be sent into a database with this table.
pub(super) fn statement(text: &str, table: Table<'_>) -> Result<String, TypedError> {
    if text.chars().count() > LONGEST {
        return Err(TypedError::TooLong);
    }
    // A command of psql's begins with it, and so does a way to write a name that is not read here.
    if text.contains('\\') {
        return Err(TypedError::Word("\\".to_owned()));
    }
    let text = text.trim();
    let whole = if text.ends_with(';') { text.to_owned() } else { format!("{text};") };
    if unfinished(&whole, Strings::Conforming).is_some() {
        return Err(TypedError::Unfinished);
    }
    let statements = split(&whole, Strings::Conforming);
    let [only] = &statements[..] else { return Err(TypedError::Several) };
    let words = words(only.body(), Strings::Conforming);
    match verb(&words) {
        Verb::Begin
        | Verb::Commit
        | Verb::Rollback
        | Verb::Savepoint
        | Verb::Release
        | Verb::RollbackTo => {}
        Verb::Select | Verb::Update => rows(&words, table.name)?,
        _ => return Err(TypedError::Verb),
    }
    refuse_words(&words, table)?;
    Ok(only.text.to_owned())
}

fn rows(words: &[Word], table: &str) -> Result<(), TypedError> {
    let is_dot = |word: Option<&Word>| word.is_some_and(|word| word.is_mark('.'));
    let names =
        |(at, word): &(usize, &Word)| word.name() == Some(table) && !is_dot(words.get(at + 1));
    let tables = words.iter().enumerate().filter(names).count();
    let selects = words.iter().filter(|word| word.is("select")).count();
    if tables > MOST_TABLES || selects > MOST_SELECTS {
        return Err(TypedError::TooMuch);
    }
    Ok(())
}

fn refuse_words(words: &[Word], table: Table<'_>) -> Result<(), TypedError> {
    for (at, word) in words.iter().enumerate() {
        let is_attribute = at.checked_sub(1).is_some_and(|before| words[before].is_mark('.'));
        // `seats.f` is f(seats) where there is no such column (PostgreSQL documentation, 8.16.5).
        let is_known =
            |name: &str| name == table.name || table.columns.iter().any(|column| column == name);
        if is_attribute && word.name().is_some_and(|name| !is_known(name)) {
            return Err(TypedError::Word(word.text.clone()));
        }
        let is_called = words.get(at + 1).is_some_and(|next| next.is_mark('('));
        let is_allowed = match word.kind {
            WordKind::Plain if is_called => BEFORE_PARENTHESES.contains(&word.text.as_str()),
            WordKind::Plain => {
                !REFUSED.contains(&word.text.as_str()) && !is_of_the_system(&word.text)
            }
            WordKind::Quoted => !is_called && !is_of_the_system(&word.text),
            WordKind::Escaped => false,
            WordKind::Text => true,
            WordKind::Value => is_plain_number(&word.text),
            WordKind::Mark if word.text == "!=" => true,
            WordKind::Mark if word.text == "!" => {
                words.get(at + 1).is_some_and(|next| next.is_mark('='))
            }
            WordKind::Mark => word.text.chars().all(|mark| MARKS.contains(mark)),
        };
        if !is_allowed {
            return Err(TypedError::Word(word.text.clone()));
        }
    }
    Ok(())
}

fn is_plain_number(text: &str) -> bool {
    text.len() <= LONGEST_NUMBER && text.chars().all(|it| it.is_ascii_digit() || it == '.')
}

/// Whether it is a name of what the server keeps about itself.
fn is_of_the_system(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, TypedError> {
        let columns = ["seat_row", "seat_number", "booked_by"].map(str::to_owned);
        statement(text, Table { name: "seats", columns: &columns })
    }

    fn refusal(text: &str) -> String {
        read(text).expect_err(text).to_string()
    }

    #[test]
    fn what_books_is_sent() {
        for text in [
            "select * from seats",
            "select booked_by from seats where seat_row = 'A' and seat_number = 4 for update;",
            "update seats set booked_by = 'Ann' where (seat_row, seat_number) = ('A', 4)",
            "update seats set booked_by = null where booked_by = 'O''Neil';",
            "select count(*) from seats where booked_by is null and seat_number in (1, 2)",
            "select seat_row, max(seat_number) from seats group by seat_row order by 1",
            "select * from seats where seat_number = (select min(seat_number) from seats)",
            "select s.*, s.booked_by from seats as s where s.seat_number != 4",
            "begin isolation level serializable",
            "BEGIN",
            "commit;",
            "rollback",
            "savepoint a",
            "rollback to a",
        ] {
            let sent = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert!(sent.ends_with(';') && sent.starts_with(text.trim_end_matches(';')), "{sent}");
        }
    }

    #[test]
    fn what_lifts_limits_never_ends_or_reaches_further_is_refused() {
        for text in [
            "set statement_timeout = 0",
            "reset all",
            "select set_config('statement_timeout', '0', false)",
            "select pg_sleep(1000)",
            "select \"pg_sleep\"(1000)",
            "select U&\"\\0070g_sleep\"(1000)",
            "select pg_catalog.pg_terminate_backend(1)",
            "select repeat('x', 1000000000)",
            "select * from generate_series(1, 1000000000)",
            "select 'x' || 'y'",
            "select 10 ^ 100000",
            "select 'a' ~ 'b'",
            "select array[1, 2]",
            "select cast('x' as text)",
            "select 'x'::text",
            "select 1e131000",
            "update seats set booked_by = 12345678901",
            "select 30000 !",
            "select s.row_to_json from seats s",
            "select * from pg_class",
            "select * from information_schema.tables",
            "with recursive r as (select 1 union all select 1 from r) select * from r",
            "select * from (values (1), (2)) as v",
            "select 1 into t",
            "select * from seats a, seats b, seats c, seats d",
            "select (s, s) from (select (s, s) as s from (select 'x' as s) as a) as b",
            "insert into seats values ('A', 9, null)",
            "delete from seats",
            "lock table seats",
            "copy seats to stdout",
            "listen x",
            "notify x",
            "do 'begin end'",
            "prepare transaction 'x'",
            "commit prepared 'x'",
            "explain analyze select 1",
            "declare c cursor with hold for select 1",
            "\\! true",
            "select 1 \\gexec",
            "select :name",
            "begin; drop table seats",
            "select 1; select 2",
            "select 'x",
            "select (1",
            "",
            "-- nothing",
        ] {
            assert!(!refusal(text).is_empty());
        }
        assert!(refusal(&format!("select '{}'", "x".repeat(LONGEST))).contains("500"));
        assert!(refusal("select pg_sleep(9)").contains("pg_sleep"));
        assert!(refusal("select 1; select 2").contains("one statement"));
    }
}
