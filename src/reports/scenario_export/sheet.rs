//! What can stand in a scenario file, tried by reading it.
//!
//! Typed SQL and the values of a result may hold anything: a comment that would begin a step, a
//! line break, a value that reads like a command tag. What does not read back as it was meant is
//! written otherwise or left out.

use std::path::Path;

use crate::core::event::SessionName;
use crate::core::scenario::{Cell, Expectation, Expected, Scenario, Step, Whom, sql_file};
use crate::core::syntax::{Strings, TokenKind, Unfinished, read, tokens_of_lines};

/// SQL that a file can hold: ended by `;`, and without the line comments that would mean something
/// there. `None` if it breaks off in the middle of a string.
pub(super) fn statement(sql: &str) -> Option<String> {
    let mut sql = sql.trim().replace("\r\n", "\n");
    match read(&sql, Strings::default()).unfinished {
        None => {}
        Some(Unfinished::Statement) => sql.push_str("\n;"),
        Some(_) => return None,
    }
    let as_it_is = reads_as(&sql);
    if as_it_is { Some(sql) } else { Some(without_comments(&sql)).filter(|sql| reads_as(sql)) }
}

fn reads_as(sql: &str) -> bool {
    let text = format!("-- T\n-- sessions: A\n\n-- A: acts\n{sql}\n");
    let read = sql_file::parse(&text, Path::new(""), "");
    read.is_ok_and(|scenario| scenario.steps.len() == 1 && scenario.steps[0].sql == sql)
}

fn without_comments(sql: &str) -> String {
    let kept = tokens_of_lines(sql, Strings::default())
        .into_iter()
        .filter(|token| token.kind != TokenKind::Comment);
    let kept: String = kept.map(|token| &sql[token.range]).collect();
    kept.trim().to_owned()
}

/// The scenario with names that a file can have, and with those of its lines that say there what
/// they are to say.
pub(super) fn fair_copy(mut scenario: Scenario) -> Scenario {
    let sessions: Vec<SessionName> = scenario.sessions.iter().map(|p| p.name.clone()).collect();
    for (old, new) in sessions.iter().zip(names(&sessions)).filter(|(old, new)| *old != new) {
        rename(&mut scenario, old, &new);
    }
    let names: Vec<&str> = scenario.sessions.iter().map(|player| player.name.as_str()).collect();
    let head = format!("-- T\n-- sessions: {}\n\n", names.join(", "));
    for step in &mut scenario.steps {
        // A comment could still name one of these sessions.
        if !is_read(&head, step, None) {
            step.sql = without_comments(&step.sql);
        }
        let lines = std::mem::take(&mut step.expectations);
        let lines = lines.into_iter().filter_map(|line| {
            let in_quotes = in_quotes(&line);
            [line, in_quotes].into_iter().find(|line| is_read(&head, step, Some(line)))
        });
        step.expectations = lines.collect();
    }
    scenario
}

/// Whether a file with this step and this line under it gives them back.
fn is_read(head: &str, step: &Step, line: Option<&Expectation>) -> bool {
    let Step { session, sql, .. } = step;
    let arrow = line.map(|line| format!("--> {}\n", line.text)).unwrap_or_default();
    let mark = match step.pause() {
        Some(_) => format!("pause {}", step.narration),
        None => format!("{session}: acts"),
    };
    let text = format!("{head}-- {mark}\n{sql}\n{arrow}");
    let Ok(read) = sql_file::parse(&text, Path::new(""), "") else { return false };
    let [only] = read.steps.as_slice() else { return false };
    let lines = only.expectations.iter().map(|line| &line.expected);
    only.sql == *sql && lines.eq(line.iter().map(|line| &line.expected))
}

/// The line with its values in quotes: some look like a tag or another word with a meaning.
fn in_quotes(line: &Expectation) -> Expectation {
    let expected = quoted(&line.expected);
    Expectation { text: expected.to_string(), expected, ..line.clone() }
}

fn quoted(expected: &Expected) -> Expected {
    match expected {
        Expected::Row(cells) => Expected::Row(cells.iter().cloned().map(Cell::quoted).collect()),
        Expected::Of { session, manner, what } => {
            let (session, what) = (session.clone(), Box::new(quoted(what)));
            Expected::Of { session, manner: *manner, what }
        }
        other => other.clone(),
    }
}

fn is_name(name: &SessionName) -> bool {
    let text = format!("-- T\n-- sessions: {name}\n\n-- {name}: acts\nselect 1;\n");
    let read = sql_file::parse(&text, Path::new(""), "");
    read.is_ok_and(|scenario| scenario.sessions.len() == 1 && scenario.sessions[0].name == *name)
}

/// The sessions' names in a file: their own where it can hold them, since isolationtester's may be
/// anything.
pub(super) fn names(sessions: &[SessionName]) -> Vec<SessionName> {
    let mut names = sessions.to_vec();
    for at in 0..names.len() {
        if !is_name(&names[at]) {
            names[at] = safe_name(&names[at], &names);
        }
    }
    names
}

fn safe_name(name: &SessionName, taken: &[SessionName]) -> SessionName {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let safe = name.as_str().chars().map(|c| if is_safe(c) { c } else { '_' });
    let mut name = format!("S_{}", safe.take(30).collect::<String>());
    while taken.iter().any(|other| other.as_str() == name) {
        name.push('_');
    }
    SessionName::new(&name)
}

fn rename(scenario: &mut Scenario, old: &SessionName, new: &SessionName) {
    let names = scenario.sessions.iter_mut().map(|player| &mut player.name);
    let all = names.chain(scenario.steps.iter_mut().map(|step| &mut step.session));
    all.filter(|name| *name == old).for_each(|name| *name = new.clone());
    for line in scenario.steps.iter_mut().flat_map(|step| &mut step.expectations) {
        match &mut line.expected {
            Expected::WaitsFor(Whom::Session(name)) | Expected::Of { session: name, .. }
                if name == old =>
            {
                *name = new.clone();
            }
            _ => {}
        }
        line.text = line.expected.to_string();
    }
}
