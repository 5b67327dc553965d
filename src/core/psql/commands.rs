//! The table of commands. Completion, `\?`, the console and the reader of scenario files have it
//! from here.

use std::fmt::Write as _;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name without the backslash.
    pub name: &'static str,
    /// Its argument, as a manual writes it; empty where it has none.
    pub argument: &'static str,
    /// What it does.
    pub does: &'static str,
    pub doer: Doer,
    /// Whether it may stand in a step of a scenario file.
    pub is_for_files: bool,
}

/// Who carries a command out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// The console: it closes something, opens something or reads a file.
    Console,
    /// The run, for the session in which it was typed.
    Session,
}

const fn console(name: &'static str, argument: &'static str, does: &'static str) -> Command {
    Command { name, argument, does, doer: Doer::Console, is_for_files: false }
}

const fn session(name: &'static str, argument: &'static str, does: &'static str) -> Command {
    Command { name, argument, does, doer: Doer::Session, is_for_files: false }
}

const fn anywhere(name: &'static str, argument: &'static str, does: &'static str) -> Command {
    Command { name, argument, does, doer: Doer::Session, is_for_files: true }
}

/// Every command that is known here.
pub const COMMANDS: [Command; 31] = [
    anywhere("g", "", "send the query, or the last one again"),
    anywhere("gx", "", "the same, and show the answer as records"),
    anywhere("gset", "[PREFIX]", "the same, and keep its row in variables named like its columns"),
    session("watch", "[SECONDS]", "send the query again and again, until it is cancelled"),
    anywhere("x", "[on|off|auto]", "show answers as records, one column a line"),
    anywhere(
        "set",
        "[NAME [VALUE]]",
        "set a variable, or list all; :NAME, :'NAME', :\"NAME\" use it",
    ),
    anywhere("unset", "NAME", "forget a variable"),
    anywhere("echo", "[TEXT]", "show a text"),
    console("i", "FILE", "run the statements and commands in a file"),
    console("ir", "FILE", "the same, a file beside the one that names it"),
    console("e", "", "edit what is typed, or the last query, in your editor"),
    console("edit", "", "the same"),
    session("d", "[PATTERN]", "list tables, views and sequences, or describe those that are named"),
    session("dt", "[PATTERN]", "list tables"),
    session("di", "[PATTERN]", "list indexes"),
    session("dv", "[PATTERN]", "list views"),
    session("dm", "[PATTERN]", "list materialized views"),
    session("ds", "[PATTERN]", "list sequences"),
    session("df", "[PATTERN]", "list functions"),
    session("dn", "[PATTERN]", "list schemas"),
    session("du", "[PATTERN]", "list roles"),
    session("dg", "[PATTERN]", "list roles"),
    session("l", "[PATTERN]", "list databases"),
    session("conninfo", "", "show the database, the user and the server process"),
    session("h", "[COMMAND]", "show the syntax of an SQL command"),
    session("help", "[COMMAND]", "the same"),
    session("timing", "", "times are always shown"),
    session("?", "", "show these commands"),
    console("r", "", "forget the query that is being typed"),
    console("reset", "", "the same"),
    console("q", "", "close this session"),
];

/// What to do instead of a command of psql's that no scenario file can have.
const INSTEAD: [(&str, &str); 14] = [
    ("i", "put the SQL into the file, or name it as `-- setup-file:`"),
    ("ir", "put the SQL into the file, or name it as `-- setup-file:`"),
    ("include", "put the SQL into the file, or name it as `-- setup-file:`"),
    ("include_relative", "put the SQL into the file, or name it as `-- setup-file:`"),
    ("c", "give each connection a name of its own under `-- sessions:`"),
    ("connect", "give each connection a name of its own under `-- sessions:`"),
    ("sleep", "write `-- pause 300 ms`"),
    ("watch", "write the steps one after the other, with `-- pause 1 s` between them"),
    ("copy", "use INSERT, or COPY FROM a file of the server"),
    (".", "this ends data of a COPY FROM STDIN; use INSERT"),
    ("if", "write two scenarios, or limit `-->` lines to an engine"),
    ("gexec", "write the statements themselves"),
    ("q", "end the file here"),
    ("!", "a scenario sends SQL and runs no programs"),
];

/// The command of this name. `S` and `+`, which show more, are read past.
pub fn find(name: &str) -> Option<&'static Command> {
    let of = |name: &str| COMMANDS.iter().find(|command| command.name == name);
    of(name).or_else(|| of(name.trim_end_matches(['S', '+'])).filter(|it| is_list(it.name)))
}

fn is_list(name: &str) -> bool {
    name.starts_with('d') || name == "l"
}

/// What to do instead of this command in a scenario file.
pub fn not_here(name: &str) -> &'static str {
    let instead = INSTEAD.iter().find(|(command, _)| *command == name);
    instead.map_or("write the SQL that shows the same", |(_, hint)| hint)
}

/// All of them, a line each: what `\?` shows.
pub fn list() -> String {
    let usage = |it: &Command| format!("\\{} {}", it.name, it.argument);
    let width = COMMANDS.iter().map(|it| usage(it).len()).max().unwrap_or(0);
    let mut text = String::new();
    for command in &COMMANDS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:width$}  {}", usage(command), command.does);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_stands_there_once() {
        let names: BTreeSet<&str> = COMMANDS.iter().map(|command| command.name).collect();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn what_shows_more_is_the_same_command() {
        assert_eq!(find("dt+").map(|it| it.name), Some("dt"));
        assert_eq!(find("dS+").map(|it| it.name), Some("d"));
        assert_eq!(find("x+"), None);
        assert_eq!(find("dz"), None);
    }
}
