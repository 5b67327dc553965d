//! Who would lose what, in the words of the question that is asked first.

use crate::core::event::Blocker;
use crate::stage::panes::Panes;
use crate::stage::panes::pane::{Link, Pane};
use crate::stage::{Stage, words};

/// What would be lost with the sessions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Losses {
    transactions: Vec<String>,
    /// Whose statements that run or wait, and how they stand.
    statements: Vec<(String, String)>,
    /// Whether programs are connected that the debugger holds.
    has_guests: bool,
}

impl Losses {
    /// Those of everybody on these stages, each name once.
    pub fn of(stages: &[&Stage]) -> Self {
        let mut losses = Self::default();
        for pane in stages.iter().flat_map(|stage| stage.panes()) {
            let name = pane.name.to_string();
            if pane.has_transaction() && !losses.transactions.contains(&name) {
                losses.transactions.push(name.clone());
            }
            let statement = (name, statement_state(pane));
            let is_at_work = pane.is_busy() || pane.held.is_some();
            losses.has_guests |= pane.is_guest && pane.has_something_to_lose();
            if pane.link == Link::Open && is_at_work && !losses.statements.contains(&statement) {
                losses.statements.push(statement);
            }
        }
        losses
    }
}

/// How what a session has sent stands.
fn statement_state(pane: &Pane) -> String {
    match &pane.waiting {
        _ if pane.held.is_some() => "is held".to_owned(),
        Some(waiting) => format!("waits for {}", words::blockers(&waiting.wait.blockers)),
        None => "still runs".to_owned(),
    }
}

/// What leaving costs: nobody's statement goes on, and nothing that is open is committed.
pub fn losses_on_leaving(losses: &Losses) -> Vec<String> {
    losses_on("Leaving", losses)
}

/// What doing this costs, which ends every session.
pub(crate) fn losses_on(doing: &str, losses: &Losses) -> Vec<String> {
    let transactions = match losses.transactions.as_slice() {
        [] => None,
        [one] => Some(format!("{one} has an open transaction. {doing} rolls it back.")),
        many => Some(format!("Open transactions: {}. {doing} rolls them back.", many.join(", "))),
    };
    let statements = match losses.statements.as_slice() {
        [] => None,
        [(name, stands)] => Some(format!("{name}'s statement {stands}. {doing} cancels it.")),
        many => {
            let each: Vec<_> =
                many.iter().map(|(name, stands)| format!("{name} {stands}")).collect();
            Some(format!("Statements under way: {}. {doing} cancels them.", each.join(", ")))
        }
    };
    let guests = losses.has_guests.then(|| "Your programs lose their connections.".to_owned());
    transactions.into_iter().chain(statements).chain(guests).collect()
}

/// What the end of one session does to the others; nothing to say where nobody waits for it.
pub(crate) fn losses_on_closing(panes: &Panes, closed: &Pane) -> Vec<String> {
    let waits_for_it = |pane: &&Pane| {
        let blockers = pane.waiting.iter().flat_map(|waiting| &waiting.wait.blockers);
        blockers.into_iter().any(|b| matches!(b, Blocker::Session(name) if *name == closed.name))
    };
    if !closed.has_transaction() {
        return Vec::new();
    }
    let waiters: Vec<&str> =
        panes.iter().filter(waits_for_it).map(|pane| pane.name.as_str()).collect();
    let goes_on = match waiters.as_slice() {
        [] => return Vec::new(),
        [one] => format!("{one}'s statement, waiting for it, will then proceed."),
        [first @ .., last] => {
            let first = first.join(", ");
            format!("The statements of {first} and {last}, waiting for it, will then proceed.")
        }
    };
    let name = &closed.name;
    vec![format!("{name} has an open transaction. Closing the session rolls it back."), goes_on]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_loses_something_is_named() {
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let stands = |name: &str, words: &str| (name.to_owned(), words.to_owned());
        let statements = vec![stands("Bob", "waits for Alice"), stands("Carol", "still runs")];
        let losses = Losses { transactions: named(&["Alice"]), statements, ..Losses::default() };
        assert_eq!(
            losses_on_leaving(&losses),
            [
                "Alice has an open transaction. Leaving rolls it back.",
                "Statements under way: Bob waits for Alice, Carol still runs. Leaving cancels them."
            ]
        );
        assert!(losses_on_leaving(&Losses::default()).is_empty());
    }
}
