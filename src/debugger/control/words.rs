//! How things stand, in plain words: what a wait that does not come true is answered.

use crate::core::event::TransactionStatus;
use crate::core::scenario::mistake::did_you_mean;
use crate::debugger::guests::{State, TransactionState};

use super::expression::{Expression, name_of};

/// Everybody, in a sentence without its end: `alice is held (updates A-4); bob has ended`.
pub(super) fn standing(state: &State) -> String {
    let in_flight = state.transactions.iter().map(|it| format!("{} {}", it.name, doing(it)));
    let ended = state.ended.iter().map(|it| {
        let words = if it.gone { "is gone" } else { "has ended" };
        format!("{} {words}", it.name)
    });
    let all: Vec<_> = in_flight.chain(ended).collect();
    match (all.is_empty(), state.listening.is_empty()) {
        (false, _) => all.join("; "),
        (true, false) => "nobody has sent a statement yet".to_owned(),
        (true, true) => "programs cannot connect yet".to_owned(),
    }
}

/// What somebody does: `is held (updates A-4)`.
pub fn doing(transaction: &TransactionState) -> String {
    let TransactionState { status, held, running, waits, .. } = transaction;
    match (held, waits, running) {
        (Some(held), ..) => format!("is held ({})", held.summary),
        (_, Some(waits), _) => {
            format!("waits for {}: {}", waits.blockers.join(" and "), waits.what)
        }
        (.., Some(_)) => "is running".to_owned(),
        _ if *status == TransactionStatus::Failed => "is in a failed transaction".to_owned(),
        _ => "is idle in a transaction".to_owned(),
    }
}

/// Names in an expression that nobody has had so far.
pub(super) fn strangers(expression: &Expression, state: &State) -> Option<String> {
    let is_known = |name: &str| state.names().any(|known| known == name_of(name).as_str());
    let names = expression.names().into_iter().filter(|name| !is_known(name));
    let told = names.map(|name| match did_you_mean(name, state.names()) {
        Some(close) => format!("nobody is called {name}; did you mean {close}?"),
        None => format!("nobody called {name} has come"),
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debugger::guests::samples::{held, transaction};
    use crate::debugger::guests::{EndedState, WaitState};

    #[test]
    fn everybody_is_told_in_words() {
        let nothing = State::default();
        assert_eq!(standing(&nothing), "programs cannot connect yet");
        let open = State { listening: vec![String::new()], ..State::default() };
        assert_eq!(standing(&open), "nobody has sent a statement yet");
        let held = held("");
        let waits = WaitState {
            blockers: vec!["alice".to_owned(), "process 7".to_owned()],
            what: "row A-4 of seats".to_owned(),
        };
        let failed = TransactionStatus::Failed;
        let state = State {
            transactions: vec![
                TransactionState { held: Some(held), ..transaction("alice") },
                TransactionState {
                    running: Some("".into()),
                    waits: Some(waits),
                    ..transaction("bob")
                },
                TransactionState { running: Some("".into()), ..transaction("carol") },
                transaction("dave"),
                TransactionState { status: failed, ..transaction("erin") },
            ],
            ended: vec![
                EndedState { name: "frank".to_owned(), gone: false },
                EndedState { name: "grace".to_owned(), gone: true },
            ],
            ..open
        };
        assert_eq!(
            standing(&state),
            "alice is held (updates A-4); bob waits for alice and process 7: row A-4 of seats; \
             carol is running; dave is idle in a transaction; erin is in a failed transaction; \
             frank has ended; grace is gone"
        );
        let expression = "alcie held and zebulon held and alice held".parse().unwrap();
        assert_eq!(
            strangers(&expression, &state).unwrap(),
            "nobody is called alcie; did you mean alice?; nobody called zebulon has come"
        );
        assert_eq!(strangers(&"alice held".parse().unwrap(), &state), None);
    }
}
