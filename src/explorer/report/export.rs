//! Witnesses as isolationtester's permutations.

use std::fmt::Write as _;

use super::in_order;
use crate::core::scenario::{EngineKind, Isolation, Origin, Scenario};
use crate::core::syntax::quote;
use crate::explorer::exploration::Exploration;

/// Where a scenario that was no specification makes its tables.
const SCHEMA: &str = "overbooked_explored";

/// A specification that plays the witness of each class, one permutation a class.
pub fn permutations(exploration: &Exploration) -> String {
    let scenario = &exploration.scenario;
    let mut text = String::new();
    match scenario.origin {
        Origin::Specification => as_specification(scenario, &mut text),
        Origin::Script => as_script(scenario, &mut text),
    }
    for (session, own) in exploration.program.sessions.iter().enumerate() {
        let player = &scenario.sessions[session];
        let _ = writeln!(text, "session {}", quote(player.name.as_str()));
        setup_of_session(exploration, session, &mut text);
        for &step in own {
            let step = &scenario.steps[step];
            let _ = writeln!(text, "step {} {{ {} }}", quote(&step.name), step.sql.trim());
        }
        if let Some(teardown) = &player.teardown {
            let _ = writeln!(text, "teardown {{ {} }}", teardown.sql.trim());
        }
        text.push('\n');
    }
    for class in in_order(exploration) {
        let _ = writeln!(text, "# {}", exploration.names[class]);
        let _ = writeln!(text, "permutation{}\n", steps(exploration, class));
    }
    text
}

fn as_specification(scenario: &Scenario, text: &mut String) {
    for statement in &scenario.setup {
        let _ = writeln!(text, "setup {{ {} }}", statement.sql.trim());
    }
    for statement in &scenario.teardown {
        let _ = writeln!(text, "teardown {{ {} }}", statement.sql.trim());
    }
    text.push('\n');
}

fn as_script(scenario: &Scenario, text: &mut String) {
    let _ = writeln!(text, "# {}", scenario.title);
    let _ =
        writeln!(text, "setup {{ create schema {SCHEMA}; set search_path = {SCHEMA}, public; }}");
    for statement in &scenario.setup {
        let _ = writeln!(text, "setup {{ {} }}", statement.sql.trim());
    }
    let _ = writeln!(text, "teardown {{ drop schema {SCHEMA} cascade; }}\n");
}

/// What a session begins with.
fn setup_of_session(exploration: &Exploration, session: usize, text: &mut String) {
    let scenario = &exploration.scenario;
    let mut setup = String::new();
    if scenario.origin == Origin::Script {
        let _ = write!(setup, "set search_path = {SCHEMA}, public;");
    }
    if exploration.engine != EngineKind::Optimistic && exploration.level != Isolation::ReadCommitted
    {
        let level = exploration.level.as_sql();
        let _ = write!(setup, " set default_transaction_isolation = '{level}';");
    }
    if let Some(own) = &scenario.sessions[session].setup {
        let _ = write!(setup, " {}", own.sql.trim());
    }
    if !setup.is_empty() {
        let _ = writeln!(text, "setup {{ {} }}", setup.trim());
    }
}

fn steps(exploration: &Exploration, class: usize) -> String {
    let mut next = vec![0; exploration.program.sessions.len()];
    let witness = &exploration.found.classes[class].class.witness;
    let steps = witness.iter().filter_map(|&session| {
        let step = *exploration.program.sessions[session].get(next[session])?;
        next[session] += 1;
        Some(format!(" {}", quote(&exploration.scenario.steps[step].name)))
    });
    steps.collect()
}
