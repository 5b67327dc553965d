//! A table of somebody's as it was before anybody typed, so that a file can make one like it.

use crate::core::event::Row;

/// What makes a table like one that is there, in a schema of one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCopy {
    /// The name by which it is watched.
    pub label: String,
    /// The schema of the one that is there.
    pub schema: String,
    pub name: String,
    /// The schema as SQL writes it, quoted if it must be.
    pub written_schema: String,
    /// The name as SQL writes it.
    pub written: String,
    /// `create table ...;`, without the schema.
    pub made_by: String,
    /// The columns, in table order, that a row can be put into, as SQL writes them.
    pub columns: Vec<String>,
    /// The values of those columns by row.
    pub rows: Vec<Row>,
    /// Whether these are all of its rows.
    pub is_whole: bool,
    /// Its indexes, as statements.
    pub indexes: Vec<String>,
    /// Its foreign keys to other tables that are copied, as statements.
    pub references: Vec<String>,
    /// What the copy leaves out: `the trigger audit of orders`.
    pub left_out: Vec<String>,
}
