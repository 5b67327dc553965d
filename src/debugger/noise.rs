//! What passes by itself: what pools, drivers and frameworks send beside the program's own work.

use std::fmt;

use super::statement::{Part, Statement};
use crate::core::event::TransactionStatus;
use crate::core::syntax::{Verb, begins};

/// Why a statement is noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noise {
    /// Nothing but blanks, comments and `;`.
    Empty,
    /// `SELECT 1`, `select version()`: a query of no table.
    NoTable,
    /// Reads of `pg_catalog` and `information_schema`.
    Catalog,
    /// SET, SHOW.
    Setting,
    /// RESET, DISCARD, DEALLOCATE, CLOSE ALL, UNLISTEN: what a pool resets.
    Reset,
    /// LISTEN.
    Listen,
    /// COMMIT or ROLLBACK where there is no transaction.
    NoTransaction,
}

/// PostgreSQL's own functions that act, so that a query of no table is the program's own work.
const ACTS: [&str; 12] = [
    "pg_advisory_",
    "pg_try_advisory_",
    "pg_sleep",
    "pg_notify",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_export_snapshot",
    "nextval",
    "setval",
    "lo_",
    "query_to_",
    "pg_logical_",
];

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "sends nothing",
            Self::NoTable => "reads no table",
            Self::Catalog => "reads the catalog",
            Self::Setting => "sets or shows a setting",
            Self::Reset => "resets the session",
            Self::Listen => "listens",
            Self::NoTransaction => "ends no transaction",
        })
    }
}

/// Why a statement is noise; `None` if it, or one of its parts, is not. `status` is what the server
/// would say before it.
pub fn noise(statement: &Statement, status: TransactionStatus) -> Option<Noise> {
    let mut kinds = Vec::new();
    for part in &statement.parts {
        kinds.push(of_part(part, status)?);
    }
    // Of several the one that says most: a pool's reset has a SELECT in it.
    Some(kinds.into_iter().max().unwrap_or(Noise::Empty))
}

fn of_part(part: &Part, status: TransactionStatus) -> Option<Noise> {
    match part.verb {
        Verb::Empty => Some(Noise::Empty),
        Verb::Select => query(part),
        Verb::Set | Verb::SetTransaction | Verb::Show => Some(Noise::Setting),
        Verb::Reset | Verb::Deallocate => Some(Noise::Reset),
        Verb::Cursor if begins(&part.words, &["close", "all"]) => Some(Noise::Reset),
        Verb::Listen if part.words[0].is("unlisten") => Some(Noise::Reset),
        Verb::Listen => Some(Noise::Listen),
        Verb::Commit | Verb::Rollback if status == TransactionStatus::Idle => {
            Some(Noise::NoTransaction)
        }
        _ => None,
    }
}

fn query(part: &Part) -> Option<Noise> {
    let only_catalog = part.tables.all().all(super::tables::TableName::is_catalog);
    let changes = !part.tables.writes.is_empty();
    if changes || !only_catalog || !part.doubts.is_empty() || acts(part) {
        return None;
    }
    Some(if part.tables.is_empty() { Noise::NoTable } else { Noise::Catalog })
}

/// Whether it calls a function that does something.
fn acts(part: &Part) -> bool {
    part.words.windows(2).any(|pair| {
        let is_call = pair[1].is_mark('(');
        // What a pool asks for at its reset: no lock is taken by it.
        let name = pair[0].name().filter(|name| is_call && *name != "pg_advisory_unlock_all");
        name.is_some_and(|name| ACTS.iter().any(|acts| name.starts_with(acts)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn of(sql: &str, status: TransactionStatus) -> Option<Noise> {
        noise(&Statement::read(sql, Strings::Conforming), status)
    }

    #[test]
    fn what_pools_drivers_and_frameworks_send_is_noise() {
        for (sql, expected) in [
            ("", Noise::Empty),
            (" ; ;", Noise::Empty),
            ("-- ping", Noise::Empty),
            ("/* ping */ SELECT 1", Noise::NoTable),
            ("select pg_catalog.version()", Noise::NoTable),
            ("select current_schema(), set_config('a.b', 'c', false)", Noise::NoTable),
            ("SHOW TRANSACTION ISOLATION LEVEL", Noise::Setting),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Noise::Setting),
            ("set extra_float_digits = 3; set client_encoding to 'utf8'", Noise::Setting),
            (
                "SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = \
                 ns.oid WHERE typname = 'hstore'",
                Noise::Catalog,
            ),
            ("select * from information_schema.tables where table_name = 'seats'", Noise::Catalog),
            (
                "with recursive x(n) as (select 1 union all select n from x) select * from x, \
                 pg_catalog.pg_class",
                Noise::Catalog,
            ),
            ("SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;", Noise::Reset),
            ("DISCARD ALL", Noise::Reset),
            ("DEALLOCATE ALL", Noise::Reset),
            ("deallocate pdo_stmt_1", Noise::Reset),
            ("listen seats", Noise::Listen),
            ("ROLLBACK", Noise::NoTransaction),
            ("COMMIT", Noise::NoTransaction),
        ] {
            assert_eq!(of(sql, TransactionStatus::Idle), Some(expected), "{sql}");
        }
    }

    #[test]
    fn what_a_program_does_is_not() {
        for sql in [
            "select * from seats",
            "select 1 from public.pg_seats",
            "select 1; select * from seats",
            "select 1 from pg_class, seats",
            "select book_seat(4)",
            "select pg_advisory_xact_lock(4)",
            "select pg_notify('a', 'b')",
            "select nextval('s')",
            "select pg_sleep(1)",
            "update pg_catalog.pg_class set relname = 'x'",
            "with gone as (delete from pg_x returning 1) select 1",
            "begin",
            "savepoint a",
            "notify a",
            "close c",
            "insert into seats values (1)",
            "do $$ begin end $$",
            "create table t ()",
            "selec",
        ] {
            assert_eq!(of(sql, TransactionStatus::Idle), None, "{sql}");
        }
        for sql in ["commit", "rollback"] {
            assert_eq!(of(sql, TransactionStatus::InTransaction), None, "{sql}");
            assert_eq!(of(sql, TransactionStatus::Failed), None, "{sql}");
        }
    }
}
