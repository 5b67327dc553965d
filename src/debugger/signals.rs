//! Statements by which one session ends what another does.
//!
//! Some drivers cancel so, over a second connection, and not by a request of the protocol. The
//! backend of a statement that is held has nothing to cancel, so the debugger does what is meant.

use super::statement::{NamedStatement, Part, Statement};
use crate::core::event::Pid;
use crate::core::syntax::{Word, WordKind};

/// What is done to another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Its statement is cancelled.
    Cancel(Pid),
    /// Its connection is ended.
    Terminate(Pid),
}

/// Whom a statement signals by a number that stands in it.
pub(super) fn signals(statement: &Statement) -> Vec<Signal> {
    // What is only prepared runs later.
    let prepares = |part: &&Part| matches!(part.name, Some(NamedStatement::Prepares(_)));
    let parts = statement.parts.iter().filter(|part| !prepares(part));
    parts.flat_map(|part| part.words.windows(3)).filter_map(signal).collect()
}

fn signal(words: &[Word]) -> Option<Signal> {
    let [function, open, number] = words else { return None };
    let is_number = matches!(number.kind, WordKind::Value | WordKind::Text);
    if !open.is_mark('(') || !is_number {
        return None;
    }
    let pid = Pid(number.text.parse().ok()?);
    match function.name()? {
        "pg_cancel_backend" => Some(Signal::Cancel(pid)),
        "pg_terminate_backend" => Some(Signal::Terminate(pid)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn read(sql: &str) -> Vec<Signal> {
        signals(&Statement::read(sql, Strings::default()))
    }

    #[test]
    fn whoever_is_named_by_a_number_is_signalled() {
        assert_eq!(read("SELECT pg_cancel_backend(12)"), [Signal::Cancel(Pid(12))]);
        assert_eq!(read("select pg_catalog.pg_cancel_backend('12')"), [Signal::Cancel(Pid(12))]);
        assert_eq!(read("select pg_terminate_backend(7, 100)"), [Signal::Terminate(Pid(7))]);
        for nobody in [
            "select pg_cancel_backend(pid) from pg_stat_activity",
            "select 'pg_cancel_backend(12)'",
            "select cancel(12)",
            "select pg_cancel_backend($1)",
            "prepare c as select pg_cancel_backend(12)",
        ] {
            assert_eq!(read(nobody), [], "{nobody}");
        }
    }
}
