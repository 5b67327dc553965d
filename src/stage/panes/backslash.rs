//! The commands of psql's that the console itself carries out; the run does the others, see
//! [`core::psql`](crate::core::psql), whose table is the only list of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::queue::{Queued, path_of};
use crate::core::psql::arguments;
use crate::core::syntax::{Piece, Strings, read};

/// What psql makes of a file's name behind `\e`, nobody does here.
const NO_FILE: &str = "\\e edits what is typed, or the last statement, and no file";

/// What a command that is the console's own comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backslash {
    /// `\q`: close the session.
    Close,
    /// `\e`: edit what is typed, or the last statement, in an editor.
    Edit,
    /// `\r`: forget what is being typed.
    Clear,
    /// `\i` and `\ir`: carry out what stands in this file.
    Include(PathBuf),
    /// It lacks something, which this says.
    Incomplete(String),
}

impl Backslash {
    /// Reads a command that has come to its turn.
    pub fn of(queued: &Queued, variables: &BTreeMap<String, String>) -> Option<Self> {
        let given = || arguments(queued.arguments().trim_end_matches(';'), variables);
        Some(match queued.command()? {
            "q" => Self::Close,
            "r" | "reset" => Self::Clear,
            "e" | "edit" => Self::Incomplete("\\e stands alone on its line".to_owned()),
            name @ ("i" | "ir") => match given().map(|given| given.into_iter().next()) {
                Ok(Some(file)) => Self::Include(path_of(&file, name == "ir", queued.file.as_ref())),
                Ok(None) => Self::Incomplete(format!("\\{name}: missing required argument")),
                Err(mistake) => Self::Incomplete(format!("\\{name}: {mistake}")),
            },
            _ => return None,
        })
    }

    /// Reads what is typed, if it is one command alone that need not wait for its turn.
    pub fn at_once(text: &str) -> Option<Self> {
        match &read(text, Strings::default()).pieces[..] {
            [Piece::Command(command)] if command.name == "q" => Some(Self::Close),
            [Piece::Command(command)] if matches!(command.name.as_str(), "e" | "edit") => {
                let is_alone = command.arguments.is_empty();
                Some(if is_alone { Self::Edit } else { Self::Incomplete(NO_FILE.to_owned()) })
            }
            [Piece::Command(command)] if matches!(command.name.as_str(), "r" | "reset") => {
                Some(Self::Clear)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::panes::queue::Queue;

    fn of(text: &str) -> Option<Backslash> {
        let mut queue = Queue::default();
        queue.add(text, Strings::default());
        let variables = BTreeMap::from([("file".to_owned(), "c.sql".to_owned())]);
        Backslash::of(&queue.pop()?, &variables)
    }

    #[test]
    fn what_is_the_consoles_own_is_known_and_what_is_the_runs_is_not() {
        assert_eq!(of("\\q"), Some(Backslash::Close));
        assert_eq!(of("\\i a.sql;"), Some(Backslash::Include("a.sql".into())));
        assert_eq!(of("\\i 'two words.sql'"), Some(Backslash::Include("two words.sql".into())));
        assert!(matches!(of("\\ir"), Some(Backslash::Incomplete(said)) if said.contains("\\ir")));
        assert_eq!(of("\\i :file"), Some(Backslash::Include("c.sql".into())));
        assert_eq!(of("\\i 'a''b.sql' x"), Some(Backslash::Include("a'b.sql".into())));
        let unended = of("\\i 'a.sql");
        assert!(matches!(unended, Some(Backslash::Incomplete(said)) if said.contains("quoted")));
        assert_eq!(of("\\d"), None);
        assert_eq!(of("select 1;"), None);
    }

    #[test]
    fn a_session_is_closed_whatever_it_is_doing() {
        assert_eq!(Backslash::at_once(" \\q "), Some(Backslash::Close));
        assert_eq!(Backslash::at_once("select 1 \\r"), Some(Backslash::Clear));
        assert_eq!(Backslash::at_once("select 1 \\e"), Some(Backslash::Edit));
        assert_eq!(Backslash::at_once("select 1; \\q"), None);
        let refused = Backslash::at_once("\\e a.sql");
        assert!(matches!(refused, Some(Backslash::Incomplete(said)) if said.contains("no file")));
    }
}
