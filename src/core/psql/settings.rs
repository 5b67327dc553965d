//! What a session has set and sent, as far as psql and not the server keeps it; and what becomes of
//! a line that is typed into it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::{arguments, catalog, commands, help};
use crate::core::event::{Form, Typed, octets};
use crate::core::scenario::fill;
use crate::core::syntax::{Command, Piece, Strings, read};

/// How long `\watch` waits unless it is told otherwise.
const WATCHES: Duration = Duration::from_secs(2);
/// It never sends more often than that, nor waits longer.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_hours(24)];

/// Variables that would change how psql sends: here each statement goes as it is typed.
const NOT_VARIABLES: [&str; 6] =
    ["AUTOCOMMIT", "ON_ERROR_ROLLBACK", "ON_ERROR_STOP", "SINGLELINE", "SINGLESTEP", "FETCH_COUNT"];

type Variables = BTreeMap<String, String>;

/// What one session has set and sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    expanded: Expanded,
    /// The query that `\g` sends again.
    last: Option<String>,
}

/// `\x`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expanded {
    #[default]
    Off,
    On,
    Auto,
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// This is sent.
    Send { sql: String, typed: Option<Typed> },
    /// The server is asked nothing.
    Local(Typed),
}

impl Settings {
    /// What becomes of a line: a statement, or a command with the query that it sends.
    pub fn prepare(&mut self, line: &str, variables: &Variables, strings: Strings) -> Prepared {
        let read = read(line, strings);
        match read.pieces.first() {
            Some(Piece::Command(command)) => self.command(line, command, variables, strings),
            _ => self.statement(line, variables, strings),
        }
    }

    fn statement(&mut self, line: &str, variables: &Variables, strings: Strings) -> Prepared {
        let sql = filled(line, variables, strings);
        let typed = Typed { line: line.to_owned(), answer: self.form(), every: None };
        let is_plain = sql == line && typed.answer == Form::Table;
        self.last = Some(sql.clone());
        Prepared::Send { sql, typed: (!is_plain).then_some(typed) }
    }

    fn form(&self) -> Form {
        match self.expanded {
            Expanded::Off => Form::Table,
            Expanded::On => Form::Expanded,
            Expanded::Auto => Form::Auto,
        }
    }

    fn command(
        &mut self,
        line: &str,
        command: &Command,
        variables: &Variables,
        strings: Strings,
    ) -> Prepared {
        let whole = command.arguments.as_str();
        let line = line.to_owned();
        let local = |answer| Prepared::Local(Typed { line: line.clone(), answer, every: None });
        let said = |text: String| local(Form::Said(text));
        let is_whole_line = matches!(command.name.as_str(), "h" | "help");
        let given = if is_whole_line { Ok(vec![]) } else { arguments(whole, variables) };
        let given = match given {
            Ok(given) => given,
            Err(mistake) => return said(format!("\\{}: {mistake}", command.name)),
        };
        let first = given.first().map(String::as_str);
        match command.name.as_str() {
            "g" | "gx" | "gset" | "watch" => self.send(line, command, first, variables, strings),
            "x" => said(self.expand(first)),
            "set" => set(&given, variables).map_or_else(said, local),
            "unset" => match first {
                Some(name) => local(Form::Set { name: name.to_owned(), value: None }),
                None => said("\\unset: missing required argument".to_owned()),
            },
            "echo" => said(echo(&given)),
            "h" | "help" => said(help::help(whole)),
            "?" => said(commands::list()),
            "timing" => said("The time of every statement is shown beside its answer.".to_owned()),
            name if commands::find(name).is_some() => match catalog::query(name, first) {
                Some((sql, answer)) => {
                    Prepared::Send { sql, typed: Some(Typed { line, answer, every: None }) }
                }
                None => said(unknown(name)),
            },
            name => said(unknown(name)),
        }
    }

    /// Sends the query before the command, or the last one again.
    fn send(
        &mut self,
        line: String,
        command: &Command,
        argument: Option<&str>,
        variables: &Variables,
        strings: Strings,
    ) -> Prepared {
        let local = |text: String| {
            let answer = Form::Said(text);
            Prepared::Local(Typed { line: line.clone(), answer, every: None })
        };
        let every = match (command.name.as_str(), argument) {
            ("watch", Some(seconds)) => match pause(seconds) {
                Some(every) => Some(every),
                None => return local(format!("\\watch: {seconds} is no number of seconds")),
            },
            ("watch", None) => Some(WATCHES),
            ("g" | "gx", Some(_)) => {
                return local("no file is written here: \\g and \\gx show the answer".to_owned());
            }
            _ => None,
        };
        if !command.query.is_empty() {
            self.last = Some(filled(&command.query, variables, strings));
        }
        let Some(sql) = self.last.clone() else {
            return local(match every {
                Some(_) => "\\watch cannot be used with an empty query".to_owned(),
                None => String::new(),
            });
        };
        let answer = match command.name.as_str() {
            "gx" => Form::Expanded,
            "gset" => Form::Kept { prefix: argument.unwrap_or_default().to_owned() },
            _ => self.form(),
        };
        Prepared::Send { sql, typed: Some(Typed { line, answer, every }) }
    }

    /// `\x`, in psql's words.
    fn expand(&mut self, argument: Option<&str>) -> String {
        self.expanded = match (argument, self.expanded) {
            (None, Expanded::Off) | (Some("on" | "true" | "yes" | "1"), _) => Expanded::On,
            (None | Some("off" | "false" | "no" | "0"), _) => Expanded::Off,
            (Some("auto"), _) => Expanded::Auto,
            (Some(value), _) => {
                return format!(
                    "unrecognized value \"{value}\" for \"expanded\"\n\
                     Available values are: on, off, auto."
                );
            }
        };
        match self.expanded {
            Expanded::Off => "Expanded display is off.",
            Expanded::On => "Expanded display is on.",
            Expanded::Auto => "Expanded display is used automatically.",
        }
        .to_owned()
    }
}

/// The SQL with values in the places of their names. What the values have of other encodings is
/// kept in them, and so must be in the SQL.
fn filled(sql: &str, variables: &Variables, strings: Strings) -> String {
    fill(&octets::keep(sql.as_bytes()), variables, strings)
}

fn unknown(name: &str) -> String {
    format!("invalid command \\{name}\nTry \\? for help.")
}

fn pause(seconds: &str) -> Option<Duration> {
    let seconds: f64 = seconds.parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
    let [shortest, longest] = PAUSES;
    let most = longest.as_secs_f64();
    Some(Duration::from_secs_f64(seconds.clamp(0.0, most)).max(shortest))
}

/// `\set`: the variable that is set, or all of them as text.
fn set(given: &[String], variables: &Variables) -> Result<Form, String> {
    let Some((name, values)) = given.split_first() else { return Err(listed(variables)) };
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    if NOT_VARIABLES.contains(&name.as_str()) {
        return Err(format!(
            "{name} has no meaning here: each statement is sent as it is typed; use BEGIN, \
             SAVEPOINT and COMMIT"
        ));
    }
    if !name.chars().all(is_name) {
        return Err(format!("invalid variable name: \"{name}\""));
    }
    Ok(Form::Set { name: name.clone(), value: Some(values.concat()) })
}

fn listed(variables: &Variables) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} = '{value}'");
    }
    text
}

fn echo(given: &[String]) -> String {
    match given {
        [first, rest @ ..] if first == "-n" => rest.join(" "),
        all => all.join(" ") + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::from([("seat".to_owned(), "A-4".to_owned())])
    }

    fn prepare(settings: &mut Settings, line: &str) -> Prepared {
        settings.prepare(line, &variables(), Strings::default())
    }

    fn said(settings: &mut Settings, line: &str) -> String {
        match prepare(settings, line) {
            Prepared::Local(Typed { answer: Form::Said(text), .. }) => text,
            other => panic!("{other:?}"),
        }
    }

    fn sent(settings: &mut Settings, line: &str) -> (String, Form) {
        match prepare(settings, line) {
            Prepared::Send { sql, typed } => (sql, typed.map(|it| it.answer).unwrap_or_default()),
            other @ Prepared::Local(_) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_statement_is_sent_as_it_is() {
        let sql = "select 1;".to_owned();
        let plain = Prepared::Send { sql: sql.clone(), typed: None };
        assert_eq!(prepare(&mut Settings::default(), &sql), plain);
    }

    #[test]
    fn a_statement_with_a_variable_keeps_what_was_typed() {
        let line = "select :'seat';";
        let typed = Typed { line: line.to_owned(), answer: Form::Table, every: None };
        let sql = "select 'A-4';".to_owned();
        let filled = Prepared::Send { sql, typed: Some(typed) };
        assert_eq!(prepare(&mut Settings::default(), line), filled);
    }

    #[test]
    fn the_last_query_is_sent_again() {
        let mut settings = Settings::default();
        assert_eq!(said(&mut settings, "\\g"), "");
        assert!(said(&mut settings, "\\watch").contains("empty query"));
        prepare(&mut settings, "select 1;");
        assert_eq!(sent(&mut settings, "\\gx"), ("select 1;".to_owned(), Form::Expanded));
        let kept = Form::Kept { prefix: "p_".to_owned() };
        assert_eq!(
            sent(&mut settings, "select :'seat' as a \\gset p_"),
            ("select 'A-4' as a".to_owned(), kept)
        );
        assert_eq!(sent(&mut settings, "\\g").0, "select 'A-4' as a");
    }

    #[test]
    fn the_expanded_display_is_on_off_or_automatic() {
        let mut settings = Settings::default();
        assert_eq!(said(&mut settings, "\\x"), "Expanded display is on.");
        assert_eq!(sent(&mut settings, "select 1;").1, Form::Expanded);
        assert_eq!(said(&mut settings, "\\x auto"), "Expanded display is used automatically.");
        assert_eq!(sent(&mut settings, "select 1;").1, Form::Auto);
        assert_eq!(said(&mut settings, "\\x"), "Expanded display is off.");
        assert!(said(&mut settings, "\\x maybe").contains("on, off, auto"));
    }

    #[test]
    fn variables_are_set_listed_and_forgotten() {
        let mut settings = Settings::default();
        let set = |value: Option<&str>| Form::Set {
            name: "n".to_owned(),
            value: value.map(str::to_owned),
        };
        let answer = |prepared| match prepared {
            Prepared::Local(Typed { answer, .. }) => answer,
            Prepared::Send { .. } => panic!("sent"),
        };
        assert_eq!(answer(prepare(&mut settings, "\\set n a :seat")), set(Some("aA-4")));
        assert_eq!(answer(prepare(&mut settings, "\\unset n")), set(None));
        assert_eq!(said(&mut settings, "\\set"), "seat = 'A-4'\n");
        assert!(said(&mut settings, "\\set AUTOCOMMIT off").contains("BEGIN"));
        assert_eq!(said(&mut settings, "\\echo :seat 'is it'"), "A-4 is it\n");
    }

    #[test]
    fn a_watch_has_a_pause_that_is_no_flood() {
        let mut settings = Settings::default();
        let mut every = |line| match prepare(&mut settings, line) {
            Prepared::Send { typed, .. } => typed.unwrap().every.unwrap(),
            Prepared::Local(typed) => panic!("{typed:?}"),
        };
        assert_eq!(every("select 1 \\watch"), WATCHES);
        assert_eq!(every("select 1 \\watch 0.5"), Duration::from_millis(500));
        assert_eq!(every("select 1 \\watch 0"), PAUSES[0]);
        assert!(said(&mut settings, "\\watch soon").contains("soon"));
    }

    #[test]
    fn what_is_no_command_is_said_as_psql_says_it() {
        let mut settings = Settings::default();
        let expected = "invalid command \\nonsense\nTry \\? for help.";
        assert_eq!(said(&mut settings, "\\nonsense"), expected);
    }
}
