//! What the words of a statement say that no measurement can tell.

use crate::core::syntax::{Strings, Verb, Word, WordKind, verb, words};

/// What is known of a statement before it is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Said {
    /// What it does is not measured: it depends on every step.
    pub(super) is_unknown: bool,
    /// Which rows it takes depends on who has locked others, or on where they are stored.
    pub(super) takes_whole_tables: bool,
    /// It may lock rows that it does not change for itself alone.
    pub(super) locks_alone: bool,
    /// It says that it locks rows.
    pub(super) may_lock: bool,
    /// It says that it takes an advisory lock, which nobody can see where it is held already.
    pub(super) names_advisory_locks: bool,
}

/// Words that choose among rows by who has locked them, or by where they are.
const CHOOSERS: [&str; 5] = ["skip", "nowait", "ctid", "limit", "fetch"];
/// Beginnings of what only the server itself knows.
const INNER: [&str; 3] = ["pg_", "txid_", "dblink"];
/// Those of them that concern nobody else, or that are measured.
const HARMLESS: [&str; 16] = [
    "pg_backend_pid",
    "pg_sleep",
    "pg_typeof",
    "pg_get_serial_sequence",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_shared",
    "pg_advisory_unlock_all",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "pg_catalog",
];

impl Said {
    pub(super) fn of(sql: &str) -> Self {
        let words = words(sql, Strings::default());
        let has = |word: &str| words.iter().any(|it| it.is(word));
        let is_unknown = !is_measured(verb(&words)) || is_inner(&words);
        let takes_whole_tables = CHOOSERS.iter().any(|word| has(word));
        let locks_alone = has("for") && (has("update") || has("delete"));
        let may_lock = has("for");
        let names_advisory_locks =
            words.iter().filter_map(Word::name).any(|name| name.contains("advisory"));
        Self { is_unknown, takes_whole_tables, locks_alone, may_lock, names_advisory_locks }
    }
}

/// Whether a text, a routine's or a view's, asks for what only the server itself knows.
pub(super) fn is_far(text: &str) -> bool {
    is_inner(&words(text, Strings::default()))
}

fn is_inner(words: &[Word]) -> bool {
    words.iter().filter(|word| word.kind != WordKind::Text).filter_map(Word::name).any(|name| {
        name == "setval"
            || !HARMLESS.contains(&name) && INNER.iter().any(|start| name.starts_with(start))
    })
}

fn is_measured(verb: Verb) -> bool {
    verb.is_dml()
        || verb.is_control()
        || matches!(
            verb,
            Verb::Reset
                | Verb::Prepare
                | Verb::Execute
                | Verb::Deallocate
                | Verb::Declare
                | Verb::Cursor
                | Verb::Listen
                | Verb::Notify
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_server_knows_is_not_measured() {
        for sql in [
            "select count(*) from pg_locks",
            "select pg_terminate_backend(1)",
            "create table t ()",
            "copy t from stdin",
            "select setval('s', 7)",
            "lock table t",
        ] {
            assert!(Said::of(sql).is_unknown, "{sql}");
        }
        for sql in
            ["select 'pg_locks'", "select pg_advisory_lock(1), pg_sleep(0)", "begin", "values (1)"]
        {
            assert!(!Said::of(sql).is_unknown, "{sql}");
        }
    }

    #[test]
    fn who_chooses_by_locks_takes_whole_tables() {
        assert!(Said::of("select * from t for update skip locked").takes_whole_tables);
        assert!(Said::of("select * from t order by n limit 1").takes_whole_tables);
        assert!(!Said::of("select * from t for update").takes_whole_tables);
    }

    #[test]
    fn a_foreign_key_only_shares_its_parent() {
        assert!(Said::of("select * from t for update").locks_alone);
        assert!(Said::of("select * from t for no key update").locks_alone);
        assert!(!Said::of("insert into t values (1)").locks_alone);
        assert!(!Said::of("select * from t for share").locks_alone);
    }
}
