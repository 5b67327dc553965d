//! What `--sessions` says: a number of sessions, or their names.

use crate::commands::exit::Failure;
use crate::core::event::SessionName;
use crate::core::scenario::{MOST_SESSIONS, sql_file};
use crate::run::first_names;

/// How many sessions there are where nobody says so.
const SESSIONS: usize = 2;

/// The sessions that were asked for.
pub fn sessions(asked_for: Option<&str>) -> Result<Vec<SessionName>, Failure> {
    let Some(text) = asked_for else { return Ok(first_names(SESSIONS)) };
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        let count = text.parse().ok().filter(|count| (1..=MOST_SESSIONS).contains(count));
        return count.map(first_names).ok_or_else(|| {
            let words = format!("--sessions: {text} is not a number from 1 to {MOST_SESSIONS}");
            Failure::misuse(words)
        });
    }
    sql_file::session_names(text).map_err(|why| Failure::misuse(format!("--sessions: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(asked_for: &str) -> Result<Vec<String>, String> {
        let names = sessions(Some(asked_for)).map_err(|failure| failure.sentence)?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn sessions_are_counted_or_named() {
        assert_eq!(told("3").unwrap(), ["Alice", "Bob", "Mallory"]);
        assert_eq!(told("Ann, Ben").unwrap(), ["Ann", "Ben"]);
        assert_eq!(sessions(None).unwrap().len(), SESSIONS);
    }

    #[test]
    fn what_cannot_be_is_said_in_a_sentence() {
        for (asked_for, words) in [
            ("0", "--sessions: 0 is not a number from 1 to 60"),
            ("61", "--sessions: 61 is not a number from 1 to 60"),
            ("Ann,Ann", "--sessions: Ann is named twice; give each session a name of its own"),
            ("", "--sessions: no session is named; write 2, or Ann,Ben"),
        ] {
            assert_eq!(told(asked_for).unwrap_err(), words);
        }
    }
}
