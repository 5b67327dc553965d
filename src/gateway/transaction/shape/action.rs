//! What foreign keys do about rows that are referred to and go (PostgreSQL documentation, 5.4.5).

use crate::core::syntax::{Word, begins, parenthesized};

/// What a foreign key does about a row that is referred to and goes, or gets another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It refuses, unless another row has the key at the end of the statement.
    None,
    /// It refuses.
    Restrict,
    /// The rows that refer to it go or change with it.
    Cascade,
    /// These of their columns become null.
    SetNull(Vec<String>),
    /// Their columns get their defaults.
    SetDefault,
}

impl Action {
    /// What a foreign key over these columns does about this event, by its definition's words.
    pub(super) fn read(words: &[Word], event: &str, columns: &[String]) -> Self {
        let at = (0..words.len()).find(|at| begins(&words[*at..], &["on", event]));
        let words = at.map(|at| &words[at + 2..]).unwrap_or_default();
        if begins(words, &["restrict"]) {
            Self::Restrict
        } else if begins(words, &["cascade"]) {
            Self::Cascade
        } else if begins(words, &["set", "null"]) {
            let listed = parenthesized(&words[2..]).map(|(parts, _)| names(&parts));
            Self::SetNull(listed.unwrap_or_else(|| columns.to_vec()))
        } else if begins(words, &["set", "default"]) {
            Self::SetDefault
        } else {
            Self::None
        }
    }
}

fn names(parts: &[&[Word]]) -> Vec<String> {
    parts.iter().filter_map(|part| Some(part.first()?.name()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn what_is_done_is_told_by_the_definition() {
        let both = vec!["a".to_owned(), "B".to_owned()];
        for (tail, on_update, on_delete) in [
            ("", Action::None, Action::None),
            (" ON DELETE CASCADE", Action::None, Action::Cascade),
            (" ON UPDATE CASCADE ON DELETE RESTRICT", Action::Cascade, Action::Restrict),
            (" ON DELETE SET NULL", Action::None, Action::SetNull(both.clone())),
            (" ON DELETE SET NULL (\"B\")", Action::None, Action::SetNull(both[1..].to_vec())),
            (" ON UPDATE SET DEFAULT DEFERRABLE", Action::SetDefault, Action::None),
        ] {
            let head = "FOREIGN KEY (a, \"B\") REFERENCES \"on delete cascade\"(x, y)";
            let words = words(&format!("{head}{tail}"), Strings::Conforming);
            let done = |event| Action::read(&words, event, &both);
            assert_eq!((done("update"), done("delete")), (on_update, on_delete), "{tail}");
        }
    }
}
