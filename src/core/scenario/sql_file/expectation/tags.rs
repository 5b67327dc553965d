//! Words with a meaning of their own: command tags, counts of rows, severities.

/// `(3 rows)`.
pub(super) fn row_count(text: &str) -> Option<u64> {
    let (count, rows) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(' ')?;
    matches!(rows, "row" | "rows").then(|| count.parse().ok())?
}

/// Whether the text is a command tag: capitals that begin like one, and numbers.
pub(super) fn is_tag(text: &str) -> bool {
    let mut words = text.split(' ');
    let is_known =
        words.next().is_some_and(|first| TAGS.contains(&first) || ETCD_TAGS.contains(&first));
    is_known
        && words.all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
}

/// How serious a message is that is no error (PostgreSQL documentation, 54.8).
pub(super) const SEVERITIES: [&str; 5] = ["NOTICE", "WARNING", "INFO", "LOG", "DEBUG"];

/// Whether the word is a severity.
pub(super) fn is_severity(word: &str) -> bool {
    SEVERITIES.contains(&word)
}

/// Whether the word is an SQLSTATE.
pub(super) fn is_code(word: &str) -> bool {
    word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// The first words of what commands to etcd are answered that no database is asked.
const ETCD_TAGS: [&str; 8] =
    ["ELECT", "GET", "KEEP", "PUT", "RESIGN", "UNLOCK", "UNWATCH", "WATCH"];

/// The first words of all command tags (PostgreSQL sources, `cmdtaglist.h`).
pub(super) const TAGS: [&str; 47] = [
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
];
