//! Where a session looks for names without a schema, as far as what was sent into it says so: a
//! server tells nobody else (PostgreSQL 18 tells the session itself).

use crate::core::event::{Kind, TransactionStatus};
use crate::core::syntax::{Strings, Word, begins, words};

/// The setting.
const NAME: &str = "search_path";

/// The path that a session has set, if it has set one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    now: Option<Vec<String>>,
    /// What it is again after ROLLBACK.
    before: Option<Vec<String>>,
    /// Whether it was set for this transaction alone.
    is_local: bool,
    was_rolled_back: bool,
}

impl SearchPath {
    /// The path that was set.
    pub fn get(&self) -> Option<&[String]> {
        self.now.as_deref()
    }

    /// Folds what happens to the session, and the statement that is in flight.
    pub(super) fn apply(&mut self, kind: &Kind, sql: &str, strings: Strings) {
        match kind {
            Kind::Connected { .. } => *self = Self::default(),
            Kind::Parameter { name, value } if name == NAME => {
                self.now = Some(names(&words(value, strings)));
            }
            Kind::Done { tag, .. } => match tag.as_str() {
                "SET" | "RESET" | "DISCARD ALL" => self.set(&words(sql, strings)),
                "ROLLBACK" => self.was_rolled_back = true,
                _ => {}
            },
            Kind::Ready { status: TransactionStatus::Idle, .. } => self.end_transaction(),
            _ => {}
        }
    }

    fn end_transaction(&mut self) {
        if std::mem::take(&mut self.was_rolled_back) || std::mem::take(&mut self.is_local) {
            self.now.clone_from(&self.before);
        }
        self.is_local = false;
        self.before.clone_from(&self.now);
    }

    fn set(&mut self, words: &[Word]) {
        let is_reset = begins(words, &["reset", NAME])
            || begins(words, &["reset", "all"])
            || begins(words, &["discard", "all"]);
        if is_reset {
            self.now = None;
            return;
        }
        let [set, rest @ ..] = words else { return };
        let is_local = rest.first().is_some_and(|word| word.is("local"));
        let is_scoped = is_local || rest.first().is_some_and(|word| word.is("session"));
        let rest = &rest[usize::from(is_scoped)..];
        if !set.is("set") || !rest.first().is_some_and(|word| word.is(NAME)) {
            return;
        }
        self.is_local = is_local;
        let value = rest.get(2..).unwrap_or_default();
        let is_default = value.first().is_some_and(|word| word.is("default"));
        self.now = (!is_default).then(|| names(value));
    }
}

/// The names in a list: with quotes of either kind, or without.
fn names(list: &[Word]) -> Vec<String> {
    let named = list.iter().filter(|word| !word.is_mark(',') && !word.is_mark(';'));
    named.map(|word| word.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::SubmissionId;

    fn sends(path: &mut SearchPath, sql: &str, tag: &str, status: TransactionStatus) {
        let done = Kind::Done { tag: tag.to_owned(), rows: 0 };
        path.apply(&done, sql, Strings::default());
        let elapsed = std::time::Duration::ZERO;
        let ready = Kind::Ready { submission: SubmissionId(1), status, elapsed };
        path.apply(&ready, sql, Strings::default());
    }

    #[test]
    fn what_is_set_holds_until_it_is_reset() {
        use TransactionStatus::Idle;
        let mut path = SearchPath::default();
        sends(&mut path, "set search_path to shop, \"Mixed\", 'public';", "SET", Idle);
        assert_eq!(path.get().unwrap(), ["shop", "Mixed", "public"]);
        sends(&mut path, "set work_mem = 1", "SET", Idle);
        assert_eq!(path.get().unwrap().len(), 3);
        sends(&mut path, "set search_path = default", "SET", Idle);
        assert_eq!(path.get(), None);
    }

    #[test]
    fn a_transaction_that_is_rolled_back_takes_its_path_with_it() {
        use TransactionStatus::{Idle, InTransaction};
        let mut path = SearchPath::default();
        sends(&mut path, "set search_path = a", "SET", Idle);
        sends(&mut path, "begin", "BEGIN", InTransaction);
        sends(&mut path, "set session search_path = b", "SET", InTransaction);
        assert_eq!(path.get().unwrap(), ["b"]);
        sends(&mut path, "rollback", "ROLLBACK", Idle);
        assert_eq!(path.get().unwrap(), ["a"]);
        sends(&mut path, "begin", "BEGIN", InTransaction);
        sends(&mut path, "set local search_path = c", "SET", InTransaction);
        assert_eq!(path.get().unwrap(), ["c"]);
        sends(&mut path, "commit", "COMMIT", Idle);
        assert_eq!(path.get().unwrap(), ["a"], "it was for the transaction alone");
    }
}
