//! A run without a scenario, for typing alone: a scenario with nothing in it.
//!
//! Whoever plays, shows or writes scenarios need not ask whether there is one. What is different
//! follows from what stands in it: no steps, so there is no script; the search path as the server
//! gives it, so no schema is made and no table is the run's own.

use super::{
    Application, Origin, Player, Scenario, Schedule, Schedules, SearchPath, SessionName, Statement,
};
use crate::core::syntax::{self, Strings};

/// What it is called, and so the files that it is written to.
const NAME: &str = "console";

impl Scenario {
    /// Nobody's story: these sessions, on what is there. The setup is sent once.
    pub fn blank(sessions: Vec<SessionName>, watch: Vec<String>, setup: Vec<Statement>) -> Self {
        let title =
            if watch.is_empty() { "Without a scenario".to_owned() } else { watch.join(", ") };
        Self {
            name: NAME.to_owned(),
            title,
            story: Vec::new(),
            afterwards: Vec::new(),
            path: None,
            origin: Origin::Script,
            sessions: sessions.into_iter().map(Player::of_database).collect(),
            seats: None,
            watch,
            levels: Vec::new(),
            engines: Vec::new(),
            source: None,
            invariants: Vec::new(),
            application: Application::default(),
            search_path: SearchPath::Server,
            setup_files: Vec::new(),
            setup,
            teardown: Vec::new(),
            finally: None,
            steps: Vec::new(),
            schedules: Schedules::Listed(vec![Schedule::default()]),
        }
    }
}

/// Whether this is a table's name as SQL has it, with or without its schema: `inventory`,
/// `public."Odd Name"`.
pub fn is_table_name(text: &str) -> bool {
    let words = syntax::words(text, Strings::default());
    let are_names = words.iter().step_by(2).all(|word| word.name().is_some());
    let are_dotted = words.iter().skip(1).step_by(2).all(|word| word.is_mark('.'));
    let spelled: usize = words.iter().map(|word| word.span.len()).sum();
    matches!(words.len(), 1 | 3) && are_names && are_dotted && spelled == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tables_name_is_told_from_what_is_none() {
        for name in ["inventory", "public.orders", "\"Odd, Name\"", "a.\"B.c\"", "Größe"] {
            assert!(is_table_name(name), "{name}");
        }
        for no_name in [
            "",
            "a b",
            "a,b",
            "a.b.c",
            "a;drop table b",
            "'a'",
            "1",
            "a.",
            "a.1",
            "a -- b",
            "a . b",
        ] {
            assert!(!is_table_name(no_name), "{no_name}");
        }
    }

    #[test]
    fn there_is_nothing_to_play_in_it() {
        let blank = Scenario::blank(vec![SessionName::new("Ann")], vec!["a".to_owned()], vec![]);
        assert!(blank.schedules.first().launches.is_empty() && blank.finale().is_none());
        assert!(!blank.search_path.has_a_schema_of_the_run());
        assert_eq!(blank.title, "a");
    }
}
