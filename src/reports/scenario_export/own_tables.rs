//! A console without a scenario, as a file can play it again: with tables like those that it began
//! with, in the schema of whoever plays it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::event::{Event, Kind, Row};
use crate::core::scenario::{Scenario, SearchPath, Statement, list};
use crate::core::syntax::{self, Strings, Word};
use crate::core::table_copy::TableCopy;

/// The scenario with tables like these, unless it makes its own.
pub fn on_own_tables(
    scenario: &Arc<Scenario>,
    tables: &[TableCopy],
    events: &[Event],
) -> Arc<Scenario> {
    if scenario.search_path.has_a_schema_of_the_run() {
        return Arc::clone(scenario);
    }
    let (named, copied): (Vec<&TableCopy>, Vec<&TableCopy>) =
        tables.iter().partition(|table| is_named_with_its_schema(table, events));
    let mut setup: Vec<Statement> =
        scenario.setup.iter().filter(|it| !is_about(it, &copied)).cloned().collect();
    setup.extend(copied.iter().flat_map(|table| making(table)).map(statement));
    setup.extend(copied.iter().flat_map(|table| table.references.clone()).map(statement));
    Arc::new(Scenario {
        story: story(&copied, &named),
        watch: watch(scenario, &copied),
        search_path: search_path(tables),
        setup,
        ..(**scenario).clone()
    })
}

fn statement(sql: String) -> Statement {
    Statement { sql, line: 0, column: 0, file: None }
}

/// Whether somebody has called it by its full name, which no copy can have.
fn is_named_with_its_schema(table: &TableCopy, events: &[Event]) -> bool {
    let names_it = |words: &[Word]| match words {
        [schema, dot, name] => {
            schema.name() == Some(&table.schema)
                && dot.is_mark('.')
                && name.name() == Some(&table.name)
        }
        _ => false,
    };
    events.iter().any(|event| match &event.kind {
        Kind::Sent { sql, .. } => syntax::words(sql, Strings::default()).windows(3).any(names_it),
        _ => false,
    })
}

/// Whether a statement of the setup has made one of these, or changed it: the copy is of what came
/// of that.
fn is_about(statement: &Statement, copied: &[&TableCopy]) -> bool {
    let reach = syntax::reach(&syntax::words(statement, Strings::default()));
    let names: BTreeSet<String> = reach.unqualified.into_iter().chain(reach.outside).collect();
    copied.iter().any(|table| {
        names.contains(&table.name) || names.contains(&format!("{}.{}", table.schema, table.name))
    })
}

/// The table, its rows, its indexes.
fn making(table: &TableCopy) -> Vec<String> {
    let mut made = vec![table.made_by.clone()];
    made.extend(insert(table));
    made.extend(table.indexes.iter().cloned());
    made
}

fn insert(table: &TableCopy) -> Option<String> {
    if table.rows.is_empty() || table.columns.is_empty() {
        return None;
    }
    let rows: Vec<String> = table.rows.iter().map(values).collect();
    let (name, columns) = (&table.written, table.columns.join(", "));
    Some(format!("insert into {name} ({columns}) values\n  {};", rows.join(",\n  ")))
}

fn values(row: &Row) -> String {
    let value = |value: &Option<String>| match value {
        Some(text) => syntax::literal(text),
        None => "null".to_owned(),
    };
    format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))
}

/// What the file has of the tables, and what it needs.
fn story(copied: &[&TableCopy], needed: &[&TableCopy]) -> Vec<String> {
    let about_copies = (!copied.is_empty()).then(|| about_copies(copied));
    about_copies.into_iter().chain([about_originals(needed)]).collect()
}

fn about_copies(copied: &[&TableCopy]) -> String {
    let all = listed(copied.iter().map(|table| table.written.clone()));
    let parts = copied.iter().filter(|table| !table.is_whole);
    let parts: Vec<String> = parts.map(|table| table.written.clone()).collect();
    let left_out: Vec<String> = copied.iter().flat_map(|table| table.left_out.clone()).collect();
    let mut words = format!("It begins with copies of {all} as they were then.");
    if !parts.is_empty() {
        words = format!("{words} Of {} it has only part of the rows.", listed(parts));
    }
    if !left_out.is_empty() {
        words = format!("{words} Left out: {}.", listed(left_out));
    }
    words
}

fn about_originals(needed: &[&TableCopy]) -> String {
    if needed.is_empty() {
        return "Anything else that it names must exist where it is played.".to_owned();
    }
    let names = needed.iter().map(|table| format!("{}.{}", table.written_schema, table.written));
    format!(
        "It names {} with the schema, so it works on the original; that, and anything else that \
         it names, must exist where it is played.",
        listed(names)
    )
}

fn listed(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    list(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Copies are found by their own names.
fn watch(scenario: &Scenario, copied: &[&TableCopy]) -> Vec<String> {
    let own = |label: &String| {
        let copy = copied.iter().find(|table| table.label == *label);
        copy.map_or_else(|| label.clone(), |table| table.written.clone())
    };
    scenario.watch.iter().map(own).collect()
}

/// The run's own schema first, then where the originals are, for what was not copied.
fn search_path(tables: &[TableCopy]) -> SearchPath {
    let mut path = vec!["run".to_owned()];
    let schemas = tables.iter().map(|table| table.written_schema.clone());
    for schema in schemas.chain(["public".to_owned()]) {
        if !path.contains(&schema) {
            path.push(schema);
        }
    }
    SearchPath::Listed(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::core::event::{SessionName, SubmissionId};
    use crate::core::scenario::sql_file;

    fn inventory() -> TableCopy {
        let row = |values: [Option<&str>; 2]| values.map(|it| it.map(str::to_owned)).to_vec();
        TableCopy {
            label: "public.inventory".to_owned(),
            schema: "public".to_owned(),
            name: "inventory".to_owned(),
            written_schema: "public".to_owned(),
            written: "inventory".to_owned(),
            made_by: "create table inventory (\n  sku text\n);".to_owned(),
            columns: vec!["sku".to_owned(), "\"Odd Name\"".to_owned()],
            rows: vec![row([Some("it's"), None]), row([Some("-- A: acts"), Some("2")])],
            is_whole: false,
            indexes: vec!["CREATE INDEX i ON inventory USING btree (sku);".to_owned()],
            references: vec![
                "alter table inventory add constraint f foreign key (a) references b;".to_owned(),
            ],
            left_out: vec!["the trigger audit of inventory".to_owned()],
        }
    }

    fn written(setup: &[&str], typed: &str) -> Scenario {
        let sessions = vec![SessionName::new("A")];
        let setup = setup.iter().map(|sql| statement((*sql).to_owned())).collect();
        let watch = vec!["public.inventory".to_owned()];
        let blank = Arc::new(Scenario::blank(sessions.clone(), watch, setup));
        let sql = typed.into();
        let kind = Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None };
        let event = Event { at: Duration::ZERO, session: Some(sessions[0].clone()), kind };
        (*on_own_tables(&blank, &[inventory()], &[event])).clone()
    }

    #[test]
    fn a_file_makes_tables_like_those_that_were_there() {
        let setup = ["create type mood as enum ('a');", "insert into inventory values ('it''s');"];
        let scenario = written(&setup, "update inventory set sku = 'x';");
        let sql: Vec<&str> = scenario.setup.iter().map(|it| it.sql.as_str()).collect();
        let inserted = "insert into inventory (sku, \"Odd Name\") values\n  ('it''s', null),\n  \
                        ('-- A: acts', '2');";
        assert_eq!(sql[..3], [setup[0], "create table inventory (\n  sku text\n);", inserted]);
        assert_eq!(sql.len(), 5, "an index, a foreign key");
        assert_eq!(scenario.watch, ["inventory"]);
        assert_eq!(scenario.search_path.written(), ["run", "public"]);
        let told = scenario.story.join(" ");
        assert!(told.contains("Of inventory it has only part of the rows. Left out: the trigger"));
        let step = crate::core::scenario::Step {
            name: String::new(),
            session: SessionName::new("A"),
            narration: "acts".to_owned(),
            sql: "select 1;".to_owned(),
            expectations: Vec::new(),
            line: 0,
        };
        let text = sql_file::render(&Scenario { steps: vec![step], ..scenario.clone() });
        let read = sql_file::parse(&text, Path::new("console.sql"), "console").unwrap();
        let again: Vec<&str> = read.setup.iter().map(|it| it.sql.as_str()).collect();
        assert_eq!(again, sql, "{text}");
    }

    #[test]
    fn what_was_named_with_its_schema_is_needed_where_it_is_played() {
        let scenario = written(&[], "update Public.inventory set sku = 'x';");
        assert!(scenario.setup.is_empty());
        assert_eq!(scenario.watch, ["public.inventory"]);
        assert!(scenario.story[0].starts_with("It names public.inventory with the schema"));
    }
}
