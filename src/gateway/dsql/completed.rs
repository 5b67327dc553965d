//! What the service adds to a statement that leaves it out.

use super::facts::NUMERIC;
use super::{alter, columns};
use crate::gateway::statement::{Inserted, Kind, Statement};

/// The statement as the service understands it.
pub(in crate::gateway) fn completed(statement: Statement) -> Statement {
    if !matches!(statement.kind, Kind::Ddl(_)) {
        return statement;
    }
    let words = &statement.words;
    let types = columns::column_types(words).into_iter().chain(alter::added_types(words));
    let places: Vec<usize> = types.filter_map(columns::bare_numeric).collect();
    if places.is_empty() {
        return statement;
    }
    let (mut sql, mut inserted) = (statement.sql.clone(), Vec::new());
    for place in places.into_iter().rev() {
        let at = sql[..place].chars().count();
        inserted.insert(0, Inserted { at, length: NUMERIC.len() });
        sql.insert_str(place, NUMERIC);
    }
    Statement { inserted, ..Statement::read(&sql, statement.strings) }
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
        for same in [
            "create table t (numeric int, check (numeric::numeric > 0), like u)",
            "create table t (a int default 1::numeric)",
            "create domain d as numeric",
            "create view v as select 1::numeric",
            "alter table t add constraint c check (a::numeric > 0) not valid",
            "select 1::numeric",
        ] {
            assert_eq!(sent(same).sql, same);
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
