//! The schema of a session's temporary tables, which are the engine's private copies: a client can
//! have none, and so has no such schema.

use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Name, Statement};

/// Why a statement is refused that names a table there, in PostgreSQL's words for a session that
/// has no such schema.
pub(super) fn refusal(statement: &Statement) -> Option<Refusal> {
    let is_temporary =
        |name: &&Name| name.is_path() && !name.is_called && is_of_temporary_tables(&name.parts[0]);
    let name = statement.names.iter().find(is_temporary)?;
    let schema = &name.parts[0];
    if statement.is_a("drop") {
        return Some(Refusal::undefined_schema(format!("schema \"{schema}\" does not exist")));
    }
    let table = name.parts.get(1)?;
    Some(Refusal::undefined_table(format!("relation \"{schema}.{table}\" does not exist")))
}

fn is_of_temporary_tables(schema: &str) -> bool {
    schema == "pg_temp" || schema.starts_with("pg_temp_") || schema.starts_with("pg_toast_temp_")
}
