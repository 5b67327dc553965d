//! What foreign keys do about rows that are referred to and go (PostgreSQL documentation, 5.4.5).

use super::{Constraint, read};
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

impl Constraint {
    /// What it does where a row that is referred to goes.
    pub(crate) fn on_delete(&self) -> Action {
        self.action("delete")
    }

    /// What it does where such a row gets another key.
    pub(crate) fn on_update(&self) -> Action {
        self.action("update")
    }

    fn action(&self, event: &str) -> Action {
        let words = read(&self.definition);
        let at = (0..words.len()).find(|at| begins(&words[*at..], &["on", event]));
        let words = at.map(|at| &words[at + 2..]).unwrap_or_default();
        if begins(words, &["restrict"]) {
            Action::Restrict
        } else if begins(words, &["cascade"]) {
            Action::Cascade
        } else if begins(words, &["set", "null"]) {
            let listed = parenthesized(&words[2..]).map(|(parts, _)| names(&parts));
            Action::SetNull(listed.unwrap_or_else(|| self.columns.clone()))
        } else if begins(words, &["set", "default"]) {
            Action::SetDefault
        } else {
            Action::None
        }
    }
}

fn names(parts: &[&[Word]]) -> Vec<String> {
    parts.iter().filter_map(|part| Some(part.first()?.name()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tail: &str) -> Constraint {
        let definition =
            format!("FOREIGN KEY (a, \"B\") REFERENCES \"on delete cascade\"(x, y){tail}");
        let text = serde_json::json!({
            "name": "k", "type": "f", "definition": definition, "refers_to": 2,
            "columns": ["a", "B"], "referred": ["x", "y"]
        });
        serde_json::from_value(text).unwrap()
    }

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
            let key = key(tail);
            assert_eq!((key.on_update(), key.on_delete()), (on_update, on_delete), "{tail}");
        }
    }
}
