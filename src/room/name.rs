//! What somebody in the room is called: a session's name, and so letters that a scenario file, a
//! terminal and a page can all take.

/// The longest name, in characters.
pub(super) const LONGEST: usize = 24;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("a name has letters or digits")]
    Empty,
    #[error("a name is at most {LONGEST} letters long")]
    TooLong,
}

/// The name that is meant: letters, digits and underscores as they are, a hyphen for whatever else
/// stands between them. So nothing is left that moves a cursor, turns a line round or hides.
pub(super) fn name(text: &str) -> Result<String, NameError> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> =
        text.split(|c: char| !is_letter(c)).filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    match name.chars().count() {
        0 => Err(NameError::Empty),
        length if length > LONGEST => Err(NameError::TooLong),
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::room::view::shown;

    #[test]
    fn names_of_people_stay_as_they_are() {
        for text in ["Maria", "José", "李雷", "मरिया", "Søren_3"] {
            assert_eq!(name(text).unwrap(), text);
        }
        assert_eq!(name("  Ann Lee ").unwrap(), "Ann-Lee");
        assert_eq!(name("O'Neil").unwrap(), "O-Neil");
    }

    #[test]
    fn what_is_no_name_is_said() {
        for text in ["", "   ", "\u{1b}[\u{7}", "\u{202e}\u{200b}", "'; --"] {
            assert_eq!(name(text), Err(NameError::Empty), "{text:?}");
        }
        assert_eq!(name(&"x".repeat(25)), Err(NameError::TooLong));
    }

    #[test]
    fn sequences_and_statements_come_out_harmless() {
        assert_eq!(name("\u{1b}[31mEve\u{202e}").unwrap(), "31mEve");
        assert_eq!(name("x'); drop table seats;--"), Ok("x-drop-table-seats".to_owned()));
        assert_eq!(name("<b>Eve</b>").unwrap(), "b-Eve-b");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_nothing_dangerous_is_left(text in any::<String>()) {
            if let Ok(name) = name(&text) {
                prop_assert_eq!(shown(&name), name.clone());
                prop_assert!(name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'));
                prop_assert!(name.chars().count() <= LONGEST);
            }
        }
    }
}
