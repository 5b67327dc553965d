//! The names that are in use: two guests with one name at once get `alice` and `alice 2`.

use std::collections::HashSet;

use super::Actor;
use crate::core::event::SessionName;
use crate::core::scenario::sql_file;

/// The names of transactions in flight.
#[derive(Clone, Debug, Default)]
pub struct Names {
    shown: HashSet<String>,
    sessions: HashSet<SessionName>,
    /// How many guests have got a number for a name.
    numbers: usize,
}

/// A name that nobody else has as long as it is in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// As it is shown: `alice 2`.
    pub shown: String,
    /// As a scenario can have it: `alice-2`.
    pub session: SessionName,
}

impl Names {
    pub(super) fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// A transaction of this actor begins: the first name that is free.
    pub fn enter(&mut self, actor: &Actor) -> Name {
        let mut number = 1_usize;
        loop {
            let shown = match number {
                1 => actor.name.clone(),
                _ => format!("{} {number}", actor.name),
            };
            let session = session_name(&shown);
            if !self.shown.contains(&shown) && !self.sessions.contains(&session) {
                self.shown.insert(shown.clone());
                self.sessions.insert(session.clone());
                return Name { shown, session };
            }
            number += 1;
        }
    }

    /// Its transaction is over: the name is free.
    pub fn leave(&mut self, name: &Name) {
        self.shown.remove(&name.shown);
        self.sessions.remove(&name.session);
    }
}

/// The session's name of a scenario that is closest to a name.
pub fn session_name(shown: &str) -> SessionName {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let words: Vec<_> = shown.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    if name.is_empty() {
        "guest".clone_into(&mut name);
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    fitting(name)
}

/// A word as a session's name: not longer than one, and none that means something else.
fn fitting(mut name: String) -> SessionName {
    loop {
        if let Ok([fits]) = sql_file::session_names(&name).as_deref() {
            return fits.clone();
        }
        // What has a meaning of its own is in small letters, and short.
        match name.chars().next() {
            Some(first) if first.is_ascii_lowercase() && name.len() < 24 => {
                name.replace_range(..1, &first.to_ascii_uppercase().to_string());
            }
            _ => drop(shorten(&mut name)),
        }
    }
}

/// Takes away from the middle, since numbers stand at the end.
fn shorten(name: &mut String) -> Option<char> {
    let half = name.chars().count() / 2;
    let (at, _) = name.char_indices().nth(half)?;
    Some(name.remove(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::debugger::identity::Source;

    fn actor(name: &str) -> Actor {
        Actor { name: name.to_owned(), source: Source::Setting }
    }

    #[test]
    fn who_has_the_same_name_at_once_gets_a_number() {
        let mut names = Names::default();
        let [one, two, three] = ["alice"; 3].map(|name| names.enter(&actor(name)));
        assert_eq!([&*one.shown, &*two.shown, &*three.shown], ["alice", "alice 2", "alice 3"]);
        assert_eq!(two.session.as_str(), "alice-2");
        names.leave(&two);
        assert_eq!(names.enter(&actor("alice")), two);
        names.leave(&one);
        assert_eq!(names.enter(&actor("alice")), one);
        assert_eq!(names.enter(&actor("alice 2")).shown, "alice 2 2");
    }

    #[test]
    fn a_session_gets_a_name_that_a_scenario_can_have() {
        for (shown, expected) in [
            ("alice", "alice"),
            ("bookings#create", "bookings-create"),
            ("guest 1", "guest-1"),
            ("PostgreSQL JDBC Driver", "PostgreSQL-JDBC-Driver"),
            ("/seats/:id", "seats-id"),
            ("setup", "Setup"),
            ("postgres", "Postgres"),
            ("7up", "_7up"),
            ("§", "guest"),
            ("ärger", "ärger"),
        ] {
            assert_eq!(session_name(shown).as_str(), expected);
        }
        let long = session_name(&format!("{} 2", "x".repeat(200)));
        assert!(long.as_str().ends_with("x-2") && long.as_str().len() > 40, "{long}");
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_a_scenario_can_have(shown in any::<String>()) {
            let name = session_name(&shown);
            let read = sql_file::session_names(name.as_str());
            prop_assert_eq!(read, Ok(vec![name]));
        }

        #[test]
        fn no_two_in_flight_have_one_name(
            steps in prop::collection::vec((0_usize..4, any::<bool>()), 1..40)
        ) {
            let mut names = Names::default();
            let mut taken: Vec<Name> = Vec::new();
            for (which, enters) in steps {
                if enters {
                    let name = names.enter(&actor(["alice", "alice 2", "alice-2", "a#b"][which]));
                    let is_new = |other: &Name| {
                        other.shown != name.shown && other.session != name.session
                    };
                    prop_assert!(taken.iter().all(is_new));
                    taken.push(name);
                } else if which < taken.len() {
                    names.leave(&taken.swap_remove(which));
                }
            }
        }
    }
}
