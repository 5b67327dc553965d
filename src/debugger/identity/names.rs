//! The names of guests: a number for who has none, and what a scenario can call anybody.

use crate::core::event::SessionName;
use crate::core::scenario::sql_file;

/// How many guests have got a number for a name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    numbers: usize,
}

impl Names {
    pub(super) fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
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
    }
}
