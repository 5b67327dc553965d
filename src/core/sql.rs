//! Our own SQL: one constant for each file in `sql/`.
//!
//! Each file begins with a comment that says what it answers. A test prepares every one of them
//! against a real server. Those with `{names}` in braces are templates over a table's names, filled
//! by the observer with quoted identifiers.

/// Schemas of runs: whose they are and whether they still live.
pub mod schema {
    /// Schemas that carry our mark.
    pub const MARKED: &str = include_str!("../../sql/schema/marked.sql");
    /// Whether a schema still carries its mark.
    pub const IS_MARKED: &str = include_str!("../../sql/schema/is_marked.sql");
    pub const CANCEL_BACKEND: &str = include_str!("../../sql/schema/cancel_backend.sql");
    pub const END_BACKEND: &str = include_str!("../../sql/schema/end_backend.sql");
    /// Prepared transactions that are in a schema's way out.
    pub const PREPARED: &str = include_str!("../../sql/schema/prepared.sql");
    /// The lock on a schema's name, for a transaction.
    pub const TAKE_LOCK: &str = include_str!("../../sql/schema/take_lock.sql");
    /// The lock on a schema's name, for as long as a connection.
    pub const TAKE_SESSION_LOCK: &str = include_str!("../../sql/schema/take_session_lock.sql");
    pub const WITHOUT_LIMITS: &str = include_str!("../../sql/schema/without_limits.sql");
    /// Whether the engine keeps advisory locks at all.
    pub const LOCK_IS_REAL: &str = include_str!("../../sql/schema/lock_is_real.sql");
    /// The server's clock in seconds.
    pub const CLOCK: &str = include_str!("../../sql/schema/clock.sql");
}

/// The debugger's gate inside a statement.
pub mod gate {
    /// Makes a table's rows wait there; several statements, a template.
    pub const INSTALL: &str = include_str!("../../sql/gate/install.sql");
    /// Holds some backends up.
    pub const CLOSE: &str = include_str!("../../sql/gate/close.sql");
    /// Who has come.
    pub const ARRIVED: &str = include_str!("../../sql/gate/arrived.sql");
    /// Lets one backend through.
    pub const OPEN_FOR: &str = include_str!("../../sql/gate/open_for.sql");
    /// Lets everybody through.
    pub const OPEN: &str = include_str!("../../sql/gate/open.sql");
}

/// What the debugger asks.
pub mod debugger {
    /// Which tables refer to which, and of which a text does not tell what it touches.
    pub const RELATIONS: &str = include_str!("../../sql/debugger/relations.sql");
    /// What must be unique in a new row.
    pub const KEYS: &str = include_str!("../../sql/debugger/keys.sql");
    /// Which columns sequences fill.
    pub const SEQUENCES: &str = include_str!("../../sql/debugger/sequences.sql");
    /// Which tables are not there.
    pub const MISSING: &str = include_str!("../../sql/debugger/missing.sql");
    /// What is watched with a table.
    pub const RELATIVES: &str = include_str!("../../sql/debugger/relatives.sql");
}

/// What kind of server this is.
pub mod flavor {
    /// What the server calls itself.
    pub const IDENTITY: &str = include_str!("../../sql/flavor/identity.sql");
    /// What a PostgreSQL lets be seen.
    pub const SIGHT: &str = include_str!("../../sql/flavor/sight.sql");
}

/// What the observer asks.
pub mod observer {
    /// What backends call themselves.
    pub const APPLICATIONS: &str = include_str!("../../sql/observer/applications.sql");
    /// Who waits, and for whom: the quiet rule's verdict.
    pub const BLOCKED: &str = include_str!("../../sql/observer/blocked.sql");
    /// What rows of a catalog describe; a template.
    pub const CATALOG_ROWS: &str = include_str!("../../sql/observer/catalog_rows.sql");
    /// Who is connected.
    pub const CLIENTS: &str = include_str!("../../sql/observer/clients.sql");
    /// CockroachDB's locked keys.
    pub const COCKROACH_LOCKS: &str = include_str!("../../sql/observer/cockroach_locks.sql");
    /// What makes tables like these.
    pub const DEFINITIONS: &str = include_str!("../../sql/observer/definitions.sql");
    /// Who sits idle in an open transaction.
    pub const IDLE_IN_TRANSACTION: &str =
        include_str!("../../sql/observer/idle_in_transaction.sql");
    /// Where pageinspect's functions are.
    pub const INSPECTOR: &str = include_str!("../../sql/observer/inspector.sql");
    /// Makes pageinspect's functions for a connection; several statements.
    pub const INSTALL_INSPECTOR: &str = include_str!("../../sql/observer/install_inspector.sql");
    /// The rows that a transaction has deleted or changed; a template.
    pub const MARKED_ROWS: &str = include_str!("../../sql/observer/marked_rows.sql");
    /// What a statement can name.
    pub const NAMES: &str = include_str!("../../sql/observer/names.sql");
    /// What an object is called.
    pub const OBJECT: &str = include_str!("../../sql/observer/object.sql");
    /// Whether anything has happened.
    pub const PULSE: &str = include_str!("../../sql/observer/pulse.sql");
    /// A table's rows where there is no PostgreSQL underneath; a template.
    pub const PLAIN_ROWS: &str = include_str!("../../sql/observer/plain_rows.sql");
    /// The watched tables where there is no PostgreSQL underneath.
    pub const PLAIN_TABLES: &str = include_str!("../../sql/observer/plain_tables.sql");
    /// What a relation is called.
    pub const RELATION: &str = include_str!("../../sql/observer/relation.sql");
    /// The keys of the rows at given places; a template.
    pub const ROW_KEYS: &str = include_str!("../../sql/observer/row_keys.sql");
    /// A table's rows, their holders and queues; a template.
    pub const ROWS: &str = include_str!("../../sql/observer/rows.sql");
    /// The rows of a large table that are worth showing; a template.
    pub const SAMPLE: &str = include_str!("../../sql/observer/sample.sql");
    /// A connection's settings.
    pub const SETTINGS: &str = include_str!("../../sql/observer/settings.sql");
    /// The rows that two transactions have locked together; a template.
    pub const SHARED_ROWS: &str = include_str!("../../sql/observer/shared_rows.sql");
    /// The tables that a wait for a transaction can be about.
    pub const SUSPECTS: &str = include_str!("../../sql/observer/suspects.sql");
    /// The watched tables, their columns and keys.
    pub const TABLES: &str = include_str!("../../sql/observer/tables.sql");
    /// Which backends have begun with their statement.
    pub const UNDER_WAY: &str = include_str!("../../sql/observer/under_way.sql");
    /// A table's row versions, committed or not; a template.
    pub const VERSIONS: &str = include_str!("../../sql/observer/versions.sql");
    /// Who waits for whom, for what.
    pub const WAITS: &str = include_str!("../../sql/observer/waits.sql");
    /// YugabyteDB's locked keys.
    pub const YUGABYTE_LOCKS: &str = include_str!("../../sql/observer/yugabyte_locks.sql");
}

/// What psql's commands ask of the catalog; templates over `{where}`.
pub mod psql {
    pub const CONNECTION: &str = include_str!("../../sql/psql/connection.sql");
    pub const DATABASES: &str = include_str!("../../sql/psql/databases.sql");
    /// What stands on the sheet of a relation.
    pub const DESCRIBE: &str = include_str!("../../sql/psql/describe.sql");
    pub const FUNCTIONS: &str = include_str!("../../sql/psql/functions.sql");
    pub const RELATIONS: &str = include_str!("../../sql/psql/relations.sql");
    pub const ROLES: &str = include_str!("../../sql/psql/roles.sql");
    pub const SCHEMAS: &str = include_str!("../../sql/psql/schemas.sql");
}

pub mod rush;

/// What the optimistic engine asks of the PostgreSQL behind it.
pub mod optimistic {
    /// A question about one table, behind what finds that.
    macro_rules! about_table {
        ($file:literal) => {
            concat!(
                include_str!("../../sql/optimistic/subject.sql"),
                include_str!(concat!("../../sql/optimistic/", $file))
            )
        };
    }

    /// What a drop of schemas shuts.
    pub const INSIDE: &str = include_str!("../../sql/optimistic/inside.sql");
    /// What changes with the definitions of relations.
    pub const MARKS: &str = include_str!("../../sql/optimistic/marks.sql");
    /// The transaction's snapshot, a number that changes with the schema, how names are resolved.
    pub const PIN: &str = include_str!("../../sql/optimistic/pin.sql");
    /// A number that changes with the schema.
    pub const FINGERPRINT: &str = include_str!("../../sql/optimistic/fingerprint.sql");
    /// Which names are relations.
    pub const RESOLVE: &str = include_str!("../../sql/optimistic/resolve.sql");
    /// The views through which clients see the catalog.
    pub const SIGHT: &str = include_str!("../../sql/optimistic/sight.sql");
    /// What a private copy must know of a relation.
    pub const SHAPE: &str = include_str!("../../sql/optimistic/shape.sql");
    /// How many there are of what the service has limits for.
    pub const COUNTS: &str = include_str!("../../sql/optimistic/counts.sql");
    pub const ROLES: &str = include_str!("../../sql/optimistic/roles.sql");
    /// Which of a key's columns has a type that no key can have.
    pub const KEY_TYPES: &str = about_table!("key_types.sql");
    /// What of a primary key an ALTER TABLE would drop.
    pub const PRIMARY_KEY: &str = about_table!("primary_key.sql");
    /// What a job of an ASYNC statement is about.
    pub const JOB: &str = about_table!("job.sql");
    /// What calls a function that may read tables without naming it.
    pub const UNNAMED: &str = include_str!("../../sql/optimistic/unnamed.sql");
}

/// A template without the lines of comment that explain it. They name what is filled in, and a name
/// with a line break in it would end the comment that it stands in: the rest of it would be SQL.
pub fn without_comments(template: &str) -> String {
    template.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}
