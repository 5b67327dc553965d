//! The tables: what is refused by which words, and what is allowed, each row with its source.

/// A statement that begins with these words, decoration left out, and what is said of it.
pub(super) struct Refused {
    pub(super) words: &'static [&'static str],
    pub(super) says: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "a fact has its source beside it"))]
    source: Source,
}

/// Where a fact is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A cluster has answered so.
    Answered,
    /// AWS says so: the Aurora DSQL User Guide, or its own dsql-lint, the tests of which are played
    /// on a cluster (awslabs/aurora-dsql-tools, August 2026).
    Documented,
    /// AWS's guide for agents tells what a cluster answered (Troubleshooting, Limits and error
    /// codes, October 2026), or somebody has written down what his did between August and October.
    Reported,
    /// It is named as all others are: a statement by PostgreSQL's parse node without `Stmt`, an
    /// action of ALTER TABLE as PostgreSQL itself does (`alter_table_type_to_string`).
    Named,
}

use Source::{Answered, Documented, Named, Reported};

macro_rules! refused {
    ($([$($word:literal),*] => $says:literal, $source:ident;)*) => {
        [$(Refused { words: &[$($word),*], says: $says, source: $source }),*]
    };
}

/// Statements that are refused whatever follows. The first that fits counts. PREPARE and DISCARD
/// are refused on a cluster by dsql-lint's tests, which do not tell by which words. What AWS's
/// adapter for Django tells of DECLARE (Known issues) goes for all that is said of cursors, and
/// what EXPLAIN says of EXECUTE (launchbadge/sqlx#4162) for EXECUTE itself.
pub(super) const REFUSED: [Refused; 75] = refused! {
    ["create", "trigger"] => "CREATE TRIGGER not supported", Answered;
    ["create", "constraint", "trigger"] => "CREATE TRIGGER not supported", Named;
    ["create", "event", "trigger"] => "unsupported statement: CreateEventTrig", Named;
    ["create", "database"] => "unsupported statement: Createdb", Answered;
    ["drop", "database"] => "unsupported statement: Dropdb", Named;
    ["create", "tablespace"] => "unsupported statement: CreateTableSpace", Named;
    ["drop", "tablespace"] => "unsupported statement: DropTableSpace", Named;
    ["create", "materialized"] => "unsupported statement: CreateTableAs", Answered;
    ["refresh"] => "unsupported statement: RefreshMatView", Named;
    ["create", "extension"] => "unsupported statement: CreateExtension", Reported;
    ["alter", "extension"] => "unsupported statement: AlterExtension", Named;
    ["create", "foreign", "table"] => "unsupported statement: CreateForeignTable", Named;
    ["create", "foreign", "data"] => "unsupported statement: CreateFdw", Named;
    ["create", "server"] => "unsupported statement: CreateForeignServer", Named;
    ["create", "user", "mapping"] => "unsupported statement: CreateUserMapping", Named;
    ["import", "foreign"] => "unsupported statement: ImportForeignSchema", Named;
    ["create", "rule"] => "unsupported statement: Rule", Named;
    ["create", "policy"] => "unsupported statement: CreatePolicy", Reported;
    ["alter", "policy"] => "unsupported statement: AlterPolicy", Named;
    ["create", "publication"] => "unsupported statement: CreatePublication", Named;
    ["create", "subscription"] => "unsupported statement: CreateSubscription", Named;
    ["drop", "index", "concurrently"] =>
        "DROP INDEX CONCURRENTLY must be first action in transaction", Reported;
    ["create", "procedure"] => "PROCEDURE is not supported", Reported;
    ["create", "aggregate"] => "unsupported statement: Define", Named;
    ["create", "operator", "class"] => "unsupported statement: CreateOpClass", Named;
    ["create", "operator", "family"] => "unsupported statement: CreateOpFamily", Named;
    ["create", "operator"] => "unsupported statement: Define", Named;
    ["create", "collation"] => "unsupported statement: Define", Named;
    ["create", "cast"] => "unsupported statement: CreateCast", Named;
    ["create", "conversion"] => "unsupported statement: CreateConversion", Named;
    ["create", "transform"] => "unsupported statement: CreateTransform", Named;
    ["create", "language"] => "unsupported statement: CreatePLang", Named;
    ["create", "trusted", "language"] => "unsupported statement: CreatePLang", Named;
    ["create", "access", "method"] => "unsupported statement: CreateAm", Named;
    ["alter", "system"] => "unsupported statement: AlterSystem", Answered;
    ["security", "label"] => "unsupported statement: SecLabel", Named;
    ["truncate"] => "unsupported statement: Truncate", Answered;
    ["vacuum"] => "unsupported VACUUM statement", Answered;
    ["cluster"] => "unsupported statement: Cluster", Named;
    ["reindex"] => "unsupported statement: Reindex", Named;
    ["checkpoint"] => "unsupported statement: CheckPoint", Named;
    ["load"] => "unsupported statement: Load", Named;
    ["do"] => "unsupported statement: Do", Named;
    ["listen"] => "unsupported statement: Listen", Named;
    ["notify"] => "unsupported statement: Notify", Named;
    ["unlisten"] => "unsupported statement: Unlisten", Named;
    ["merge"] => "unsupported statement: Merge", Named;
    ["lock"] => "unsupported statement: Lock", Documented;
    ["create", "text", "search"] => "unsupported statement: Define", Reported;
    ["alter", "text", "search", "configuration"] =>
        "unsupported statement: AlterTSConfiguration", Reported;
    ["alter", "text", "search", "dictionary"] => "unsupported statement: AlterTSDictionary", Named;
    ["alter", "database"] => "unsupported statement: AlterDatabase", Named;
    ["alter", "server"] => "unsupported statement: AlterForeignServer", Named;
    ["alter", "foreign", "data"] => "unsupported statement: AlterFdw", Named;
    ["alter", "user", "mapping"] => "unsupported statement: AlterUserMapping", Named;
    ["drop", "user", "mapping"] => "unsupported statement: DropUserMapping", Named;
    ["alter", "publication"] => "unsupported statement: AlterPublication", Named;
    ["alter", "subscription"] => "unsupported statement: AlterSubscription", Named;
    ["drop", "subscription"] => "unsupported statement: DropSubscription", Named;
    ["alter", "event", "trigger"] => "unsupported statement: AlterEventTrig", Named;
    ["alter", "operator", "family"] => "unsupported statement: AlterOpFamily", Named;
    ["alter", "operator"] => "unsupported statement: AlterOperator", Named;
    ["alter", "collation"] => "unsupported statement: AlterCollation", Named;
    ["alter", "tablespace"] => "unsupported statement: AlterTableSpaceOptions", Named;
    ["alter", "type"] => "ALTER TYPE not supported", Reported;
    ["prepare", "transaction"] => "unsupported transaction statement: PREPARE TRANSACTION", Named;
    ["commit", "prepared"] => "unsupported transaction statement: COMMIT PREPARED", Named;
    ["rollback", "prepared"] => "unsupported transaction statement: ROLLBACK PREPARED", Named;
    ["prepare"] => "unsupported statement: Prepare", Named;
    ["discard"] => "unsupported statement: Discard", Named;
    ["execute"] => "unsupported statement: Execute", Named;
    ["declare"] => "unsupported statement: DeclareCursor", Documented;
    ["fetch"] => "unsupported statement: Fetch", Named;
    ["move"] => "unsupported statement: Fetch", Named;
    ["close"] => "unsupported statement: ClosePortal", Named;
};

/// What can be dropped and renamed.
pub(super) const OBJECTS: [&str; 14] = [
    "table",
    "view",
    "index",
    "schema",
    "sequence",
    "domain",
    "function",
    "procedure",
    "role",
    "user",
    "group",
    "owned",
    "statistics",
    "routine",
];

/// What GRANT and REVOKE say of a kind of objects that nobody is given rights on (reported of
/// databases).
pub(super) const OBJECTS_WITHOUT_RIGHTS: [&str; 6] =
    ["database", "foreign", "language", "large", "parameter", "tablespace"];

/// Schemas that are the service's own: `sys` (Aurora DSQL User Guide, System tables and commands)
/// and those of PostgreSQL.
pub(super) const OWN_SCHEMAS: [&str; 3] = ["sys", "pg_catalog", "information_schema"];

/// What a role can only be by the will of one that is it already, which `admin` is not (PostgreSQL
/// 16, `CreateRole` in `user.c`).
pub(super) const PRIVILEGED: [&str; 3] = ["superuser", "replication", "bypassrls"];

/// Functions of the server's files and processes, which only a superuser may call (PostgreSQL
/// documentation, 9.27, System Administration Functions).
pub(super) const FUNCTIONS_OF_SUPERUSERS: [&str; 18] = [
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_ls_logdir",
    "pg_ls_waldir",
    "pg_ls_tmpdir",
    "pg_ls_archive_statusdir",
    "pg_stat_file",
    "pg_current_logfile",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_switch_wal",
    "pg_create_restore_point",
    "pg_promote",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "lo_import",
    "lo_export",
];

/// Settings that only a superuser may see (`GUC_SUPERUSER_ONLY` in PostgreSQL 16's `guc_tables.c`).
pub(super) const SETTINGS_OF_SUPERUSERS: [&str; 19] = [
    "config_file",
    "data_directory",
    "dynamic_library_path",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "krb_server_keyfile",
    "local_preload_libraries",
    "log_directory",
    "log_filename",
    "primary_conninfo",
    "primary_slot_name",
    "recovery_target_name",
    "session_preload_libraries",
    "shared_preload_libraries",
    "ssl_ca_file",
    "stats_temp_directory",
    "unix_socket_directories",
    "unix_socket_group",
];

/// The highest target of statistics (AWS's guide for agents, Limits and error codes, October 2026).
pub(super) const HIGHEST_STATISTICS_TARGET: u64 = 100;

/// What may not stand behind a table's columns: dsql-lint's tests have it refused on a cluster and
/// do not tell by which words, which are those of INHERITS (reported) and PARTITION BY.
pub(super) const TABLE_CLAUSES: [(&[&str], &str); 5] = [
    (&["inherits"], "INHERITS clause not supported for CREATE TABLE"),
    (&["with"], "WITH clause not supported for CREATE TABLE"),
    (&["tablespace"], "TABLESPACE clause not supported for CREATE TABLE"),
    (&["on", "commit"], "ON COMMIT clause not supported for CREATE TABLE"),
    (&["using"], "USING clause not supported for CREATE TABLE"),
];

/// Functions of text search that take a configuration before anything else.
pub(super) const TEXT_SEARCH: [&str; 5] =
    ["to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"];

/// The one configuration that there is (reported; of `english` a cluster has answered that it does
/// not exist).
pub(super) const TEXT_SEARCH_CONFIGURATION: &str = "simple";

/// What a session can set, by whichever means (Aurora DSQL User Guide, Accessing Aurora DSQL with
/// PostgreSQL-compatible clients, Supported session parameters).
pub(super) const SETTINGS: [&str; 17] = [
    "application_name",
    "client_encoding",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "timezone",
    "search_path",
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_seqscan",
    "dsql.enable_batched_nestloop",
    "disable_sync_create_index",
];

/// One of these is none of PostgreSQL's, and has this prefix where it is set.
pub(in crate::gateway) const OWN_SETTING: &str = "disable_sync_create_index";
pub(super) const OWN_PREFIX: &str = "dsql.";

/// What only SET LOCAL can set (the same).
pub(super) const LOCAL_SETTINGS: [&str; 1] = ["role"];

/// What an action of ALTER TABLE is, and whether the service does it.
pub(super) struct Action {
    pub(super) words: &'static [&'static str],
    pub(super) named: &'static str,
    pub(super) is_taken: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "a fact has its source beside it"))]
    source: Source,
}

macro_rules! actions {
    ($([$($word:literal),*] $taken:literal $named:literal, $source:ident;)*) => {
        [$(Action { words: &[$($word),*], is_taken: $taken, named: $named, source: $source }),*]
    };
}

/// What ALTER TABLE does to a table. The first that fits counts. ADD has rules of its own.
pub(super) const TABLE_ACTIONS: [Action; 36] = actions! {
    ["drop", "constraint"] true "DROP CONSTRAINT", Reported;
    ["drop"] true "DROP COLUMN", Reported;
    ["rename"] true "RENAME", Reported;
    ["owner", "to"] true "OWNER TO", Reported;
    ["set", "schema"] true "SET SCHEMA", Reported;
    ["alter", "constraint"] true "ALTER CONSTRAINT", Reported;
    ["validate", "constraint"] false "VALIDATE CONSTRAINT", Answered;
    ["cluster", "on"] false "CLUSTER ON", Named;
    ["set", "without", "cluster"] false "SET WITHOUT CLUSTER", Named;
    ["set", "without", "oids"] false "SET WITHOUT OIDS", Named;
    ["set", "logged"] false "SET LOGGED", Named;
    ["set", "unlogged"] false "SET UNLOGGED", Named;
    ["set", "access", "method"] false "SET ACCESS METHOD", Named;
    ["set", "tablespace"] false "SET TABLESPACE", Named;
    ["set"] false "SET", Named;
    ["reset"] false "RESET", Named;
    ["enable", "always", "trigger"] true "ENABLE ALWAYS TRIGGER", Documented;
    ["enable", "replica", "trigger"] true "ENABLE REPLICA TRIGGER", Documented;
    ["enable", "always", "rule"] false "ENABLE ALWAYS RULE", Named;
    ["enable", "replica", "rule"] false "ENABLE REPLICA RULE", Named;
    ["enable", "trigger"] true "ENABLE TRIGGER", Documented;
    ["enable", "rule"] false "ENABLE RULE", Named;
    ["enable", "row"] false "ENABLE ROW SECURITY", Reported;
    ["disable", "trigger"] true "DISABLE TRIGGER", Documented;
    ["disable", "rule"] false "DISABLE RULE", Named;
    ["disable", "row"] false "DISABLE ROW SECURITY", Named;
    ["force", "row"] false "FORCE ROW SECURITY", Named;
    ["no", "force"] false "NO FORCE ROW SECURITY", Named;
    ["inherit"] false "INHERIT", Named;
    ["no", "inherit"] false "NO INHERIT", Named;
    ["of"] false "OF", Named;
    ["not", "of"] false "NOT OF", Named;
    ["replica", "identity"] false "REPLICA IDENTITY", Named;
    ["options"] false "OPTIONS", Named;
    ["attach"] false "ATTACH PARTITION", Named;
    ["detach"] false "DETACH PARTITION", Named;
};

/// What it does to a column.
pub(super) const COLUMN_ACTIONS: [Action; 15] = actions! {
    ["type"] false "ALTER COLUMN ... SET DATA TYPE", Answered;
    ["set", "data"] false "ALTER COLUMN ... SET DATA TYPE", Answered;
    ["set", "default"] true "ALTER COLUMN ... SET DEFAULT", Reported;
    ["drop", "default"] true "ALTER COLUMN ... DROP DEFAULT", Reported;
    ["drop", "not"] true "ALTER COLUMN ... DROP NOT NULL", Reported;
    ["set", "not"] false "ALTER COLUMN ... SET NOT NULL", Reported;
    ["drop", "expression"] true "ALTER COLUMN ... DROP EXPRESSION", Reported;
    ["set", "statistics"] false "ALTER COLUMN ... SET STATISTICS", Reported;
    ["set", "storage"] true "ALTER COLUMN ... SET STORAGE", Reported;
    ["set", "compression"] false "ALTER COLUMN ... SET COMPRESSION", Reported;
    ["add", "generated"] true "ALTER COLUMN ... ADD IDENTITY", Reported;
    ["set", "generated"] true "ALTER COLUMN ... SET IDENTITY", Reported;
    ["drop", "identity"] true "ALTER COLUMN ... DROP IDENTITY", Reported;
    ["restart"] true "ALTER COLUMN ... RESTART", Reported;
    ["reset"] false "ALTER COLUMN ... RESET", Named;
};

/// How many of something there may be.
pub(super) struct Limit {
    /// As `counts.sql` calls it.
    pub(super) counted: &'static str,
    pub(super) most: u64,
    pub(super) says: &'static str,
}

/// How many there may be in a database (Aurora DSQL documentation, Cluster quotas and database
/// limits).
pub(super) const LIMITS: [Limit; 6] = [
    Limit { counted: "indexes", most: 24, says: "more than 24 indexes per table are not allowed" },
    Limit { counted: "schemas", most: 10, says: "more than 10 schemas not allowed" },
    Limit { counted: "tables", most: 1_000, says: "creating more than 1000 tables not allowed" },
    Limit { counted: "views", most: 5_000, says: "creating more than 5000 views not allowed" },
    Limit {
        counted: "sequences",
        most: 5_000,
        says: "creating more than 5000 sequences is not allowed",
    },
    Limit {
        counted: "statistics",
        most: 5,
        says: "more than 5 extended statistics per table are not allowed",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;
    use crate::gateway::dsql::refusal;
    use crate::gateway::statement::Statement;

    fn refused(sql: &str) -> Option<(String, String)> {
        let refusal = refusal(&Statement::read(sql, Strings::Conforming))?;
        Some((refusal.code().to_owned(), refusal.message().to_owned()))
    }

    #[test]
    fn every_row_refuses_what_begins_so_in_its_own_words() {
        for row in &REFUSED {
            let text = format!("{} x", row.words.join(" ").to_uppercase());
            assert_eq!(refused(&text), Some(("0A000".to_owned(), row.says.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_action_of_a_table_is_taken_or_refused_by_its_name() {
        let tables =
            TABLE_ACTIONS.iter().map(|action| (action, "alter table if exists only s.\"T\""));
        let columns = COLUMN_ACTIONS.iter().map(|action| (action, "ALTER TABLE t ALTER COLUMN c"));
        for (action, begin) in tables.chain(columns) {
            let sql = format!("{begin} {} x", action.words.join(" "));
            let says = format!("unsupported ALTER TABLE {} statement", action.named);
            let expected = (!action.is_taken).then(|| ("0A000".to_owned(), says));
            assert_eq!(refused(&sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_a_cluster_has_answered_is_told_from_what_follows_from_it() {
        let sources = REFUSED.iter().map(|row| row.source);
        let actions = TABLE_ACTIONS.iter().chain(&COLUMN_ACTIONS).map(|action| action.source);
        let sources: Vec<_> = sources.chain(actions).collect();
        let from = |source| sources.iter().filter(|known| **known == source).count();
        let counted = [Answered, Documented, Reported, Named].map(from);
        assert_eq!(counted, [9, 6, 26, 85]);
    }
}
