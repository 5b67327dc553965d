//! The same scenario at several levels and on several engines, side by side.

use std::fmt::Write as _;

use super::in_order;
use super::told::{counted, width};
use crate::core::scenario::EngineKind;
use crate::explorer::expected::is_bad;
use crate::explorer::exploration::Exploration;
use crate::explorer::naming;
use crate::explorer::outcome::Outcome;

/// A row a class, a column a level: how many orders come to it there.
pub fn levels(explorations: &[Exploration]) -> String {
    let Some(first) = explorations.first() else { return String::new() };
    let mut outcomes: Vec<&Outcome> = Vec::new();
    for exploration in explorations {
        for class in in_order(exploration) {
            let outcome = &exploration.found.classes[class].class.outcome;
            if !outcomes.contains(&outcome) {
                outcomes.push(outcome);
            }
        }
    }
    let names = naming::names(&first.scenario, &first.program, &outcomes);
    let heads: Vec<String> = explorations.iter().map(head).collect();
    let wide = names.iter().map(|name| width(name)).max().unwrap_or(0).max("outcome".len());
    let mut text = format!("{:wide$}", "outcome");
    for head in &heads {
        let _ = write!(text, "   {head}");
    }
    text.push('\n');
    for (name, outcome) in names.iter().zip(outcomes) {
        let mut line = format!("{name}{}", " ".repeat(wide - width(name)));
        for (exploration, head) in explorations.iter().zip(&heads) {
            let cell = cell(exploration, outcome);
            let _ =
                write!(line, "   {cell}{}", " ".repeat(width(head).saturating_sub(width(&cell))));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn head(exploration: &Exploration) -> String {
    match exploration.engine {
        EngineKind::Optimistic => "optimistic engine".to_owned(),
        _ => exploration.level.as_sql().to_owned(),
    }
}

fn cell(exploration: &Exploration, outcome: &Outcome) -> String {
    let mut classes = exploration.found.classes.iter();
    match classes.find(|it| it.class.outcome == *outcome) {
        None => "\u{2013}".to_owned(),
        Some(judged) => {
            let mark = if is_bad(judged) { '\u{2717}' } else { '\u{2714}' };
            format!("{mark} {}", counted(judged.class.orders))
        }
    }
}
