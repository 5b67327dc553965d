//! A guest's statement, read once: what its parts do and to which tables, its shape, and what
//! people call it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shape::Shape;
use super::tables::Tables;
use crate::core::syntax::{self, Strings, Verb, Word};

mod summary;

/// What a guest sends: a statement, or a Query message of several, which is one unit to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// As it is shown: with its parameters in their places.
    pub sql: Arc<str>,
    pub shape: Shape,
    /// Each of its statements that is not empty.
    pub parts: Vec<Part>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text, without the `;`.
    pub sql: String,
    pub verb: Verb,
    pub tables: Tables,
    /// The routines that it calls which are not PostgreSQL's own, and what else its text does not
    /// tell: what they do nobody can see from here.
    pub doubts: BTreeSet<String>,
    pub name: Option<NamedStatement>,
    pub(super) words: Vec<Word>,
}

/// What a statement does with one that has a name in the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedStatement {
    /// PREPARE: nothing but a lock of the parser's.
    Prepares(String),
    Executes(String),
    /// DECLARE a cursor.
    Declares(String),
    /// FETCH, MOVE.
    Fetches(String),
}

impl Statement {
    pub fn read(sql: &str, strings: Strings) -> Self {
        Self::with_parameters(sql, sql, strings)
    }

    /// One that came with parameters, and as it is with these in their places: so it is shown, and
    /// so it tells its row.
    pub fn with_parameters(sql: &str, in_place: &str, strings: Strings) -> Self {
        let parts = syntax::split(in_place, strings).into_iter().filter(|part| !part.is_empty);
        Self {
            sql: in_place.into(),
            shape: Shape::of(sql, strings),
            parts: parts.map(|part| Part::read(part.body(), strings)).collect(),
        }
    }

    /// What people call it: `reads seats`, `updates A-4`.
    pub fn summary(&self) -> String {
        match self.parts.as_slice() {
            [] => "sends nothing".to_owned(),
            [only] => only.summary(),
            [first, others @ ..] => format!("{} (+{})", first.summary(), others.len()),
        }
    }

    /// Whether one of its parts does this.
    pub fn does(&self, verb: Verb) -> bool {
        self.parts.iter().any(|part| part.verb == verb)
    }
}

impl Part {
    fn read(sql: &str, strings: Strings) -> Self {
        let words = syntax::words(sql, strings);
        let reach = syntax::reach(&words);
        let calls = reach.calls.iter().map(|name| format!("calls {name}()"));
        let body = words.first().filter(|word| word.is("do")).map(|_| "runs a DO block".to_owned());
        Self {
            sql: sql.to_owned(),
            verb: syntax::verb(&words),
            tables: Tables::of(&words),
            doubts: calls.chain(reach.doubts.iter().cloned()).chain(body).collect(),
            name: NamedStatement::of(&words),
            words,
        }
    }

    pub fn words(&self) -> &[Word] {
        &self.words
    }

    pub fn summary(&self) -> String {
        summary::summary(self).replace(char::is_control, "\u{fffd}")
    }

    /// Whether it is a query that locks its rows: FOR UPDATE and its like.
    pub fn locks_rows(&self) -> bool {
        summary::locks_rows(&self.words)
    }
}

impl NamedStatement {
    fn of(words: &[Word]) -> Option<Self> {
        let name = |at: usize| words.get(at).and_then(Word::name).map(str::to_owned);
        Some(match syntax::verb(words) {
            Verb::Prepare => Self::Prepares(name(1)?),
            Verb::Execute => Self::Executes(name(1)?),
            // EXPLAIN ANALYZE EXECUTE p.
            Verb::Explain if words.len() > 2 && words[words.len() - 2].is("execute") => {
                Self::Executes(name(words.len() - 1)?)
            }
            Verb::Declare => Self::Declares(name(1)?),
            Verb::Cursor if !words[0].is("close") => {
                let last = words.iter().rev().find_map(Word::name);
                Self::Fetches(last?.to_owned())
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    #[test]
    fn people_call_a_statement_by_what_it_does() {
        for (sql, expected) in [
            ("select * from seats", "reads seats"),
            ("select * from seats where id = 42", "reads seats 42"),
            ("select * from seats where seat_row = 'A' and seat_number = 4", "reads A-4"),
            ("select * from seats where name = $1", "reads seats"),
            ("select * from seats where a = 1 or b = 2", "reads seats"),
            ("SELECT * FROM \"seats\" WHERE \"seats\".\"id\" = 'A-4' LIMIT 1", "reads A-4"),
            (
                "select * from seats s join shows h on h.id = s.show where h.id = 3",
                "reads seats, shows 3",
            ),
            ("select 1 from seats where id = 4 for update", "locks seats 4"),
            (
                "update seats set booked_by = 'Bob' where seat_number = '4'::int and seat_row = \
                 'A'",
                "updates 4-A",
            ),
            ("insert into bookings (a) values (1)", "inserts into bookings"),
            (
                "delete from public.bookings where id = 7 returning *",
                "deletes from public.bookings 7",
            ),
            ("merge into a using b on true when matched then delete", "merges into a"),
            ("commit", "commits"),
            ("END", "commits"),
            ("rollback", "rolls back"),
            ("begin isolation level serializable", "begins"),
            ("savepoint a", "sets a savepoint"),
            ("lock table seats", "locks table seats"),
            ("truncate seats", "truncates seats"),
            ("copy seats from stdin", "copies into seats"),
            ("copy seats to stdout", "copies seats out"),
            ("select book_seat(4)", "calls book_seat"),
            ("select pg_advisory_lock(4)", "calls pg_advisory_lock"),
            ("select 1", "selects"),
            ("alter table seats add column a int", "changes seats"),
            ("execute p (1)", "executes p"),
            ("fetch 10 from c", "fetches from c"),
            ("vacuum", "vacuum"),
            ("begin; select * from seats", "begins (+1)"),
            ("", "sends nothing"),
        ] {
            assert_eq!(read(sql).summary(), expected, "{sql}");
        }
    }

    #[test]
    fn parameters_tell_the_row_and_are_no_part_of_the_shape() {
        let sql = "select * from seats where id = $1";
        let in_place = "select * from seats where id = '4'::int8";
        let statement = Statement::with_parameters(sql, in_place, Strings::Conforming);
        assert_eq!(statement.summary(), "reads seats 4");
        assert_eq!(statement.shape.as_str(), "select * from seats where id = ?");
        assert_eq!(&*statement.sql, in_place);
    }

    #[test]
    fn what_its_text_does_not_tell_is_a_doubt() {
        let doubts = |sql: &str| read(sql).parts[0].doubts.iter().cloned().collect::<Vec<_>>();
        assert_eq!(doubts("select book_seat(4)"), ["calls book_seat()"]);
        assert_eq!(doubts("do $$ begin perform 1; end $$"), ["runs a DO block"]);
        assert!(doubts("select now(), count(*) from seats").is_empty());
    }

    #[test]
    fn names_of_the_session_are_told() {
        let name = |sql: &str| read(sql).parts[0].name.clone();
        assert_eq!(name("prepare \"P\" as select 1"), Some(NamedStatement::Prepares("P".into())));
        assert_eq!(name("execute p(1)"), Some(NamedStatement::Executes("p".into())));
        assert_eq!(name("fetch forward 10 from c"), Some(NamedStatement::Fetches("c".into())));
        assert_eq!(name("close c"), None);
    }
}
