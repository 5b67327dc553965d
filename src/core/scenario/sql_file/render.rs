//! Writes a scenario as a file; reading that gives the same scenario.

use std::fmt::Write;

use super::super::{Application, Expectation, Scenario, Step};

/// Lines of the story are broken at this width.
const WIDTH: usize = 100;

/// The scenario as a scenario file.
///
/// What only isolationtester's files have (setup of a session, several schedules, markers) has no
/// place in it.
pub fn render(scenario: &Scenario) -> String {
    let mut parts = vec![head(scenario)];
    parts.extend(section("setup", scenario.setup.iter().map(|statement| &statement.sql)));
    parts.extend(scenario.steps.iter().map(step));
    parts.extend(
        scenario.finally.as_ref().map(|finally| {
            format!("-- finally\n{}\n{}", finally.sql, arrows(&finally.expectations))
        }),
    );
    parts.extend(section("teardown", scenario.teardown.iter().map(|statement| &statement.sql)));
    parts.join("\n")
}

fn head(scenario: &Scenario) -> String {
    let mut head = format!("-- {}\n", scenario.title);
    tell(&mut head, &scenario.story);
    if !scenario.afterwards.is_empty() {
        head.push_str("--\n-- afterwards:\n");
        tell(&mut head, &scenario.afterwards);
    }
    head.push_str("--\n");
    for (key, value) in settings(scenario) {
        let _ = writeln!(head, "-- {key}: {value}");
        if key == "sessions" {
            for session in scenario.etcd_sessions() {
                let _ = writeln!(head, "-- session {session}: etcd");
            }
        }
    }
    head
}

fn tell(head: &mut String, paragraphs: &[String]) {
    for paragraph in paragraphs {
        head.push_str("--\n");
        for line in wrapped(paragraph) {
            let _ = writeln!(head, "-- {line}");
        }
    }
}

fn settings(scenario: &Scenario) -> impl Iterator<Item = (&'static str, String)> {
    let names: Vec<&str> = scenario.sessions.iter().map(|player| player.name.as_str()).collect();
    let engines: Vec<&str> = scenario.engines.iter().map(|engine| engine.as_str()).collect();
    let seats = scenario.seats.as_ref().map(|seats| {
        let columns =
            [&seats.row, &seats.number, &seats.holder].into_iter().chain(&seats.compartment);
        let columns: Vec<&str> = columns.map(String::as_str).collect();
        format!("{} ({})", seats.table, columns.join(", "))
    });
    let levels: Vec<&str> = scenario.levels.iter().map(|level| level.as_sql()).collect();
    let application = match scenario.application {
        Application::Prefixed => "",
        Application::Plain => "plain",
    };
    [
        ("sessions", names.join(", ")),
        ("seats", seats.unwrap_or_default()),
        ("watch", scenario.watch.join(", ")),
        ("isolation", levels.join(", ")),
        ("engines", engines.join(", ")),
        ("source", scenario.source.clone().unwrap_or_default()),
        ("application-name", application.to_owned()),
        ("search-path", scenario.search_path.written().join(", ")),
        ("setup-file", scenario.setup_files.join(", ")),
    ]
    .into_iter()
    .chain(scenario.invariants.iter().map(|it| ("invariant", it.sql.clone())))
    .filter(|(_, value)| !value.is_empty())
}

fn section<'a>(name: &str, statements: impl Iterator<Item = &'a String>) -> Option<String> {
    let statements: Vec<&str> = statements.map(String::as_str).collect();
    (!statements.is_empty()).then(|| format!("-- {name}\n{}\n", statements.join("\n")))
}

fn step(step: &Step) -> String {
    let Step { session, narration, sql, expectations, .. } = step;
    if step.pause().is_some() {
        return format!("-- pause {narration}\n{}", arrows(expectations));
    }
    let mark = format!("-- {session}: {narration}");
    format!("{}\n{sql}\n{}", mark.trim_end(), arrows(expectations))
}

fn arrows(expectations: &[Expectation]) -> String {
    expectations.iter().fold(String::new(), |lines, expectation| {
        lines + format!("--> {}", expectation.text).trim_end() + "\n"
    })
}

/// The paragraph in lines. No line begins with a word and a colon: it would be read as a setting.
fn wrapped(paragraph: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split(' ') {
        match lines.last_mut() {
            Some(line) if word.ends_with(':') || line.len() + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
