//! A console without a scenario: which sessions, on which tables, after which SQL.

use crate::commands::cli::{EngineArgs, OwnTablesArgs};
use crate::commands::exit::Failure;
use crate::commands::sessions::sessions;
use crate::core::scenario::{Scenario, is_table_name, library};
use crate::pg::Environment;

/// The variables by which psql is told of another server than the one of this machine.
const SERVER_VARIABLES: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGSERVICE"];

/// The scenario of a console that has none.
pub fn scenario(arguments: OwnTablesArgs) -> Result<Scenario, Failure> {
    for table in &arguments.watch {
        if !is_table_name(table) {
            return Err(Failure::misuse(format!(
                "--watch: {table:?} is not a table's name; write inventory, public.orders or \
                 '\"Odd Name\"', and --watch once for each table"
            )));
        }
    }
    let sessions = sessions(arguments.sessions.as_deref())?;
    let setup = arguments.setup.as_deref().map(library::read_sql).transpose()?;
    Ok(Scenario::blank(sessions, arguments.watch, setup.unwrap_or_default()))
}

/// Where one's own tables are: without a word about it, where psql would look for them, if it is
/// told of a server.
pub fn engine(arguments: EngineArgs, environment: &Environment) -> EngineArgs {
    let is_told = SERVER_VARIABLES.iter().any(|name| environment.is_set(name));
    let is_private = arguments.data.is_some() || !is_told;
    let url = arguments.url.or_else(|| (!is_private).then(String::new));
    EngineArgs { url, ..arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sessions: Option<&str>, watch: &[&str]) -> Result<Scenario, String> {
        let watch = watch.iter().map(ToString::to_string).collect();
        let sessions = sessions.map(str::to_owned);
        scenario(OwnTablesArgs { watch, sessions, setup: None }).map_err(|error| error.sentence)
    }

    fn names(sessions: Option<&str>) -> Vec<String> {
        let scenario = told(sessions, &["inventory"]).unwrap();
        scenario.sessions.iter().map(|player| player.name.to_string()).collect()
    }

    #[test]
    fn sessions_are_counted_or_named() {
        assert_eq!(names(None), ["Alice", "Bob"]);
        assert_eq!(names(Some("3")), ["Alice", "Bob", "Mallory"]);
        assert_eq!(names(Some("Ann, Ben")), ["Ann", "Ben"]);
        assert_eq!(names(Some("12")).len(), 12);
    }

    #[test]
    fn what_cannot_be_is_said_in_a_sentence() {
        for (sessions, words) in [
            ("0", "--sessions: 0 is not a number from 1 to 60"),
            ("61", "--sessions: 61 is not a number from 1 to 60"),
            ("Ann,Ann", "--sessions: Ann is named twice; give each session a name of its own"),
            ("", "--sessions: no session is named; write 2, or Ann,Ben"),
        ] {
            assert_eq!(told(Some(sessions), &[]).unwrap_err(), words);
        }
        let words = told(None, &["a,b"]).unwrap_err();
        assert!(words.starts_with("--watch: \"a,b\" is not a table's name; "), "{words}");
    }

    #[test]
    fn tables_are_looked_for_where_psql_is_told_to_look() {
        let url = |arguments: EngineArgs, variable: Option<&str>| {
            let environment = Environment::empty();
            let environment = match variable {
                Some(name) => environment.with(name, "x"),
                None => environment,
            };
            engine(arguments, &environment).url
        };
        let named = || EngineArgs { url: Some("host=a".to_owned()), ..EngineArgs::default() };
        let kept = || EngineArgs { data: Some("folder".into()), ..EngineArgs::default() };
        assert_eq!(url(EngineArgs::default(), None), None);
        assert_eq!(url(EngineArgs::default(), Some("PGSERVICE")).as_deref(), Some(""));
        assert_eq!(url(named(), Some("PGHOST")).as_deref(), Some("host=a"));
        assert_eq!(url(kept(), Some("PGHOST")), None);
    }
}
