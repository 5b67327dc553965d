//! A watched table: its names, its key, and our queries about it.
//!
//! sqlx takes only `&'static str` for SQL, so that nobody pastes a value into it. A table's name
//! cannot be a parameter, though. The templates are filled here and nowhere else, with nothing but
//! identifiers that the server itself gave and that [`quote`] has quoted; that is what makes
//! [`AssertSqlSafe`] true. Values always travel as parameters.

use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, FromRow};

use crate::core::event::Pid;
use crate::core::sql;
use crate::core::syntax::{identifier, quote};

/// A table as the catalog describes it, and what the lock table says about it as a whole.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Table {
    /// Which of the watched names it is, from 1.
    pub(super) place: i64,
    pub(super) oid: Oid,
    pub(super) schema: String,
    pub(super) name: String,
    /// What kind of relation it is: `pg_class.relkind`.
    kind: String,
    /// How many rows it has by the planner's estimate; -1 where it has none (PostgreSQL
    /// documentation, 53.11).
    estimate: i64,
    pub(super) columns: Vec<String>,
    /// The attribute number of each column; dropped columns leave gaps.
    pub(super) numbers: Vec<i16>,
    /// The type of each column.
    pub(super) types: Vec<Oid>,
    /// The primary key's columns.
    pub(super) key: Option<Vec<String>>,
    /// Whether reading it would make us wait for an access exclusive lock.
    pub(super) shut: bool,
    shut_by: Option<i32>,
    /// Whether that lock is held, and not only wanted.
    pub(super) is_locked: bool,
    lockers: Option<Vec<i32>>,
    writers: Option<Vec<i32>>,
}

impl Table {
    /// Who has, or is first to want, the access exclusive lock.
    pub(super) fn shut_by(&self) -> Option<Pid> {
        self.shut_by.map(Pid)
    }

    /// Whether it has pages of its own to inspect; a partitioned table has none.
    pub(super) fn has_pages(&self) -> bool {
        self.kind == "r"
    }

    /// Why its rows are not shown, where it has none that could be.
    pub(super) fn why_not_shown(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "v" => Some("it is a view, which has no rows of its own: watch the tables behind it"),
            // Those of many wrappers refuse xmax and its like, and none has locks on its rows.
            "f" => Some("it is a foreign table, whose rows and locks are elsewhere"),
            _ => None,
        }
    }

    /// How many rows it has by the planner's estimate.
    pub(super) fn estimate(&self) -> Option<u64> {
        // Before PostgreSQL 14 a table that was never analyzed says 0 and not -1.
        u64::try_from(self.estimate).ok().filter(|rows| *rows > 0)
    }

    /// Whether a running transaction may have locked or written rows.
    pub(super) fn is_open(&self) -> bool {
        self.lockers.is_some()
    }

    /// Whose running transactions may have written rows.
    pub(super) fn writers(&self) -> impl Iterator<Item = Pid> {
        self.writers.iter().flatten().copied().map(Pid)
    }

    /// The table's name with its schema, quoted.
    pub(super) fn qualified(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// Where the column stands among `columns`, its name read as SQL reads it.
    pub(super) fn column(&self, written: &str) -> Option<usize> {
        let name = identifier(written);
        self.columns.iter().position(|column| *column == name)
    }

    /// Where the key's columns stand among `columns`.
    pub(super) fn key_columns(&self) -> Vec<usize> {
        let key = self.key.iter().flatten();
        key.filter_map(|name| self.columns.iter().position(|column| column == name)).collect()
    }

    /// `rows.sql` for this table.
    pub(super) fn rows_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::ROWS))
    }

    /// `sample.sql` for this table.
    pub(super) fn sample_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::SAMPLE))
    }

    /// `rows.sql` for those of its rows that stand at the places in `$3`.
    pub(super) fn sampled_rows_query(&self) -> AssertSqlSafe<String> {
        let names = self.names();
        let table = names.qualified();
        let sample = format!(
            "(SELECT ctid, xmax, cmin, * FROM {table} WHERE ctid = ANY ($3::text[]::tid[])) \
             AS sample"
        );
        AssertSqlSafe(names.fill_of(sql::observer::ROWS, sample))
    }

    /// `row_keys.sql` for this table.
    pub(super) fn keys_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::ROW_KEYS))
    }

    /// `catalog_rows.sql` for this table.
    pub(super) fn catalog_rows_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::CATALOG_ROWS))
    }

    /// `shared_rows.sql` for this table.
    pub(super) fn shared_rows_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::SHARED_ROWS))
    }

    /// `marked_rows.sql` for this table.
    pub(super) fn marked_rows_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.names().fill(sql::observer::MARKED_ROWS))
    }

    /// `versions.sql`, with pageinspect in the schema named.
    pub(super) fn versions_query(pageinspect: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(sql::observer::VERSIONS.replace("{pageinspect}", &quote(pageinspect)))
    }

    fn names(&self) -> Names<'_> {
        Names {
            schema: &self.schema,
            name: &self.name,
            columns: &self.columns,
            key: self.key.as_deref(),
            keyless_order: "ctid",
        }
    }
}

/// A table's names, to be put into a template.
pub(super) struct Names<'a> {
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    pub(super) columns: &'a [String],
    pub(super) key: Option<&'a [String]>,
    /// What orders the rows of a table without a primary key: an expression of ours.
    pub(super) keyless_order: &'static str,
}

impl Names<'_> {
    /// `plain_rows.sql` for this table.
    pub(super) fn plain_rows_query(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.fill(sql::observer::PLAIN_ROWS))
    }

    fn fill(&self, template: &str) -> String {
        self.fill_of(template, self.qualified())
    }

    /// Fills the template with what stands in the table's place.
    fn fill_of(&self, template: &str, table: String) -> String {
        let columns: Vec<String> = self.columns.iter().map(|name| as_text(name)).collect();
        let filled = [
            ("{key}", self.key_expression()),
            ("{values}", format!("ARRAY[{}]", columns.join(", "))),
            ("{order}", self.order()),
            ("{first}", self.first()),
            ("{near}", self.near()),
            ("{table}", table),
        ];
        fill(template, &filled)
    }

    fn qualified(&self) -> String {
        format!("{}.{}", quote(self.schema), quote(self.name))
    }

    /// What brings its first rows by an index, if it has a key.
    fn first(&self) -> String {
        self.key.map(|_| format!("ORDER BY {}", self.order())).unwrap_or_default()
    }

    /// The rows beside contested ones by their key, two on each side.
    fn near(&self) -> String {
        let Some(key) = self.key else { return String::new() };
        let table = self.qualified();
        let of = |alias: &str, suffix: &str| {
            let parts = key.iter().map(|name| format!("{alias}.{}{suffix}", quote(name)));
            parts.collect::<Vec<_>>().join(", ")
        };
        let beside = |alias: &str, comparison: &str, suffix: &str| {
            format!(
                "(SELECT {alias}.ctid AS tid FROM {table} {alias} \
                 WHERE ROW({}) {comparison} ROW({}) ORDER BY {} LIMIT 2)",
                of(alias, ""),
                of("t", ""),
                of(alias, suffix)
            )
        };
        format!(
            "UNION SELECT n.tid::text FROM {table} t CROSS JOIN LATERAL ({} UNION ALL {}) AS n \
             WHERE t.ctid = ANY (ARRAY(SELECT tid FROM contested LIMIT 10))",
            beside("a", ">", ""),
            beside("b", "<", " DESC")
        )
    }

    fn key_expression(&self) -> String {
        match self.key {
            None => "NULL::text".to_owned(),
            Some(key) => {
                let parts: Vec<String> = key.iter().map(|name| as_text(name)).collect();
                format!("concat_ws('-', {})", parts.join(", "))
            }
        }
    }

    fn order(&self) -> String {
        match self.key {
            None => self.keyless_order.to_owned(),
            // By the columns and not by their text, else seat 10 would stand before seat 2.
            Some(key) => key.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Replaces each name in braces in one pass, so that what is put in is never read as a template.
fn fill(template: &str, names: &[(&str, String)]) -> String {
    let template = sql::without_comments(template);
    let mut filled = String::with_capacity(template.len());
    let mut rest = template.as_str();
    while let Some((at, (name, text))) =
        names.iter().filter_map(|name| rest.find(name.0).map(|at| (at, name))).min_by_key(|m| m.0)
    {
        filled.push_str(&rest[..at]);
        filled.push_str(text);
        rest = &rest[at + name.len()..];
    }
    filled.push_str(rest);
    filled
}

fn as_text(column: &str) -> String {
    // All columns of a row travel in one array, and so in the one type that each has a cast to.
    format!("{}::text", quote(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_stands_in_a_comment_that_it_could_end() {
        let names = [("{table}", "\"a\ncreate table b ()\"".to_owned())];
        let filled = fill("-- {table} is its name\nselect * from {table}", &names);
        assert_eq!(filled, "select * from \"a\ncreate table b ()\"");
    }

    #[test]
    fn a_name_that_looks_like_a_template_is_only_a_name() {
        let names = [("{key}", "{table}".to_owned()), ("{table}", "seats".to_owned())];
        assert_eq!(fill("select {key} from {table}", &names), "select {table} from seats");
    }
}
