//! What a look at its words says of SQL: setups that may be sent before their turn, and steps that
//! wait for nobody.
//!
//! isolationtester sends one setup after the other, and hears each out. A setup that only begins a
//! transaction, or only sets what concerns its own session, takes no snapshot and no lock, so
//! nobody can tell whether it was sent a moment earlier; sent together with the setup before it, it
//! costs no round trip of its own. What it says is still told in its turn.

/// The words of BEGIN and START TRANSACTION.
const BEGINNING: [&str; 15] = [
    "begin",
    "start",
    "transaction",
    "work",
    "isolation",
    "level",
    "serializable",
    "repeatable",
    "read",
    "committed",
    "uncommitted",
    "only",
    "write",
    "not",
    "deferrable",
];

/// Settings that are looked up in no catalog, and that nobody else sees.
const SETTINGS: [&str; 3] = ["enable_", "default_transaction_", "deadlock_timeout"];

/// Whether this setup concerns nobody but its own session.
pub(super) fn is_private(sql: &str) -> bool {
    every_statement(sql, |words| begins(words) || sets(words))
}

/// The first words of statements that begin, mark and end transactions.
const BRACKETS: [&str; 6] = ["commit", "rollback", "end", "abort", "savepoint", "release"];

/// The first words of statements that read and write rows.
const ROWS: [&str; 5] = ["select", "insert", "update", "delete", "merge"];

/// Whether this step only begins and ends transactions, and so waits for nobody.
pub(super) fn never_waits(sql: &str) -> bool {
    every_statement(sql, |words| brackets(words) || begins(words))
}

/// Whether this step only reads and writes rows, and so wants of others their rows and no more than
/// any statement wants of a table. A function that it calls may want more: the words do not tell.
pub(super) fn is_about_rows(sql: &str) -> bool {
    // FOR UPDATE and its like have no such word in them; LOCK TABLE and pg_advisory_lock have, and
    // want more than rows. To unlock waits for nobody.
    let locks = sql.to_lowercase().replace("pg_advisory_unlock", "").contains("lock");
    !locks
        && every_statement(sql, |words| {
            ROWS.contains(&words[0]) || brackets(words) || begins(words)
        })
}

fn brackets(words: &[&str]) -> bool {
    BRACKETS.contains(&words[0])
}

/// Whether that holds for each statement's words, of which there is at least one.
pub(super) fn every_statement(sql: &str, is: impl Fn(&[&str]) -> bool) -> bool {
    let sql = sql.to_lowercase();
    // At every semicolon, one in a string or a comment, too: pieces of those are no statements that
    // anybody knows here, and what is not known keeps its turn.
    let mut statements = sql.split(';').map(words).filter(|words| !words.is_empty());
    statements.all(|words| is(&words))
}

fn words(statement: &str) -> Vec<&str> {
    let is_blank = |c: char| c.is_ascii_whitespace() || c == ',';
    statement.split(is_blank).filter(|word| !word.is_empty()).collect()
}

fn begins(words: &[&str]) -> bool {
    matches!(words, ["begin", ..] | ["start", "transaction", ..])
        && words.iter().all(|word| BEGINNING.contains(word))
}

/// `set NAME = VALUE`, the value in one word and without anything that would end it elsewhere.
fn sets(words: &[&str]) -> bool {
    let ["set", rest @ ..] = words else { return false };
    let rest = rest.strip_prefix(&["local"]).or(rest.strip_prefix(&["session"])).unwrap_or(rest);
    let [name, "=" | "to", value] = rest else { return false };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "'_.".contains(c);
    SETTINGS.iter().any(|known| name.starts_with(known)) && value.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_and_a_setting_of_its_own_concern_nobody_else() {
        for sql in [
            "BEGIN;",
            "\n\tBEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE;\n",
            "START TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL enable_seqscan = off;",
            "SET deadlock_timeout = '10ms'; begin",
            "SET SESSION default_transaction_isolation TO 'serializable'",
        ] {
            assert!(is_private(sql), "{sql}");
        }
    }

    #[test]
    fn an_end_waits_for_nobody() {
        for sql in ["COMMIT;", "\n\tROLLBACK;\n", "commit; begin", "SAVEPOINT a; RELEASE a;"] {
            assert!(never_waits(sql), "{sql}");
        }
        assert!(!never_waits("UPDATE t SET a = 1; COMMIT;") && !never_waits("LOCK TABLE t"));
    }

    #[test]
    fn a_statement_about_rows_asks_for_no_other_lock() {
        for sql in [
            "SELECT * FROM t;",
            "update t set a = 1; COMMIT",
            "BEGIN ISOLATION LEVEL READ COMMITTED; INSERT INTO t VALUES (1)",
            "SELECT pg_advisory_unlock(7)",
        ] {
            assert!(is_about_rows(sql), "{sql}");
        }
        for sql in [
            "LOCK TABLE t",
            "DELETE FROM t; TRUNCATE t",
            "SELECT pg_advisory_unlock(7), pg_advisory_lock(8)",
            "VACUUM t",
            "ALTER TABLE t ENABLE TRIGGER g",
        ] {
            assert!(!is_about_rows(sql), "{sql}");
        }
    }

    #[test]
    fn what_others_can_see_or_what_sees_others_keeps_its_turn() {
        for sql in [
            "BEGIN; SELECT 1;",
            "BEGIN; LOCK TABLE t;",
            "SET ROLE somebody;",
            "SET SESSION AUTHORIZATION somebody;",
            "SET default_tablespace = 'other';",
            "SET TRANSACTION SNAPSHOT '1-2';",
            "BEGIN; -- a remark\nTRUNCATE t;",
            "SET deadlock_timeout = 'a;b'",
            "SET enable_seqscan = off /* and */",
            "COMMIT",
        ] {
            assert!(!is_private(sql), "{sql}");
        }
    }
}
