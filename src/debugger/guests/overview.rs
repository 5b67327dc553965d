//! What whoever looks at the screen wants to know beside the transactions in flight.

use std::sync::Arc;

use super::Guests;
use crate::debugger::breakpoints::{Breakpoint, HoldMode};

/// How much of a statement that passed by itself is remembered, in characters.
const REMEMBERED: usize = 500;

/// The debugger at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    pub mode: HoldMode,
    pub breakpoints: Vec<Breakpoint>,
    /// The watched tables, which are what is held without breakpoints; none where any table is.
    pub watched: Vec<String>,
    /// How many clients are connected.
    pub connections: usize,
    /// How many of them have no transaction in flight.
    pub idle: usize,
    /// How many transactions in flight have no pane, and how many of them are held.
    pub without_pane: usize,
    pub held_without_pane: usize,
    /// How many statements have passed by themselves.
    pub passed: u64,
    /// The last of them, oldest first.
    pub last_passed: Vec<PassedStatement>,
}

/// A statement that has passed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedStatement {
    /// Who has sent it, as far as that was known.
    pub actor: Arc<str>,
    /// Its beginning, on one line.
    pub sql: Arc<str>,
}

impl PassedStatement {
    pub(super) fn new(actor: &str, sql: &str) -> Self {
        Self { actor: actor.into(), sql: one_line(sql, REMEMBERED).into() }
    }
}

impl Guests {
    /// The debugger at a glance.
    pub fn overview(&self) -> Overview {
        let idle = self.clients.values().filter(|guest| guest.place.is_none()).count();
        let held = self.held.values().filter(|held| !self.places.is_shown(&held.place));
        Overview {
            mode: self.rules.mode,
            breakpoints: self.rules.breakpoints.clone(),
            watched: self.rules.watched.iter().map(ToString::to_string).collect(),
            connections: self.clients.len(),
            idle,
            without_pane: self.places.unseen(),
            held_without_pane: held.count(),
            passed: self.noise,
            last_passed: self.passed.iter().cloned().collect(),
        }
    }
}

/// The beginning of a statement, so many characters of it.
pub(super) fn one_line(sql: &str, most: usize) -> String {
    // Blanks in a row become one, so of a long statement not even the beginning is read whole.
    let beginning = &sql[..sql.floor_char_boundary(most.saturating_mul(8))];
    let line = beginning.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if beginning.len() < sql.len() => format!("{line}…"),
        None => line,
    }
}
