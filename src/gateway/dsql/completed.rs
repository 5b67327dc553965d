//! What the service adds to a statement that leaves it out.

use super::facts::{OWN_PREFIX, OWN_SETTING};
use super::types::NUMERIC;
use super::{alter, columns, statements};
use crate::core::syntax::{Word, begins};
use crate::gateway::statement::{Inserted, Kind, Statement};

/// The statement as the service understands it.
pub(in crate::gateway) fn completed(statement: Statement) -> Statement {
    let additions = match statement.kind {
        Kind::Ddl(_) => sizes(&statement.words),
        Kind::Session => own_setting(&statement.words).into_iter().collect(),
        _ => return statement,
    };
    if additions.is_empty() {
        return statement;
    }
    let (mut sql, mut inserted) = (statement.sql.clone(), Vec::new());
    for (place, text) in additions.into_iter().rev() {
        let at = sql[..place].chars().count();
        inserted.insert(0, Inserted { at, length: text.len() });
        sql.insert_str(place, text);
    }
    Statement { inserted, ..Statement::read(&sql, statement.strings) }
}

/// Something to be put in, with the byte before which it belongs.
type Addition = (usize, &'static str);

/// The sizes of numbers.
fn sizes(words: &[Word]) -> Vec<Addition> {
    let columns = |part: &'_ [Word]| -> Vec<usize> {
        let types = columns::column_types(part).into_iter().chain(alter::added_types(part));
        types.filter_map(columns::bare_numeric).collect()
    };
    let places = statements::parts(words).into_iter().flat_map(columns);
    places.map(|place| (place, NUMERIC)).collect()
}

/// PostgreSQL takes a setting that it does not know where it has a prefix.
fn own_setting(words: &[Word]) -> Option<Addition> {
    let sets = begins(words, &["set"]) || begins(words, &["reset"]);
    let known = |word: &&Word| word.name() == Some(OWN_SETTING);
    let word = words.iter().take(3).find(known).filter(|_| sets)?;
    Some((word.span.start, OWN_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn sent(sql: &str) -> Statement {
        completed(Statement::read(sql, Strings::Conforming))
    }

    #[test]
    fn a_number_has_a_size_where_a_column_does_not_say_one() {
        for (types, sized) in [
            (
                "a numeric, b decimal not null, c dec (3)",
                "a N, b decimal(18,6) not null, c dec (3)",
            ),
            ("A NUMERIC UNIQUE, d numeric(5, 2)", "A NUMERIC(18,6) UNIQUE, d numeric(5, 2)"),
            ("b pg_catalog.\"numeric\"", "b pg_catalog.\"numeric\"(18,6)"),
        ] {
            let create = |types: &str| format!("CREATE TABLE IF NOT EXISTS t ({types})");
            assert_eq!(sent(&create(types)).sql, create(&sized.replace("a N", "a numeric(18,6)")));
        }
        assert_eq!(
            sent("alter table t add a numeric, add column if not exists b dec storage main").sql,
            "alter table t add a numeric(18,6), add column if not exists b dec(18,6) storage main"
        );
        assert_eq!(
            sent("create schema s create table t (a numeric) grant select on t to b").sql,
            "create schema s create table t (a numeric(18,6)) grant select on t to b"
        );
        for same in [
            "create table t (numeric int, check (numeric::numeric > 0), like u)",
            "create table t (a int default 1::numeric)",
            "create domain d as numeric",
            "create view v as select 1::numeric",
            "alter table t add constraint c check (a::numeric > 0) not valid",
            "select 1::numeric",
            "show disable_sync_create_index",
            "set search_path = disable_sync_create_index",
        ] {
            assert_eq!(sent(same).sql, same);
        }
    }

    #[test]
    fn a_setting_of_the_services_own_has_a_prefix() {
        for (sql, expected) in [
            ("SET DISABLE_SYNC_CREATE_INDEX = off", "SET dsql.DISABLE_SYNC_CREATE_INDEX = off"),
            (
                "set local \"disable_sync_create_index\" to default",
                "set local dsql.\"disable_sync_create_index\" to default",
            ),
            ("reset disable_sync_create_index", "reset dsql.disable_sync_create_index"),
        ] {
            assert_eq!(sent(sql).sql, expected);
        }
    }

    #[test]
    fn a_place_in_it_is_told_as_one_in_the_clients_text() {
        let sql = "create table t (\"ä\" numeric, b numeric, c wrong)";
        let statement = sent(sql);
        for word in ["create", "b ", "wrong"] {
            let place = |text: &str| text[..text.find(word).unwrap()].chars().count() + 1;
            assert_eq!(statement.place(place(&statement.sql)), place(sql), "{word}");
        }
    }
}
