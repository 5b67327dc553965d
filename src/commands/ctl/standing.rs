//! How things stand, a line each.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::debugger::control::doing;
use crate::debugger::guests::{State, TransactionState};
use crate::reports::psql::one_line;
use crate::stage::words::seconds;

/// Who does what; and what is held at all.
pub(super) fn lines(state: &State) -> Vec<String> {
    let names = state.names().map(UnicodeWidthStr::width);
    let width = names.max().unwrap_or(0);
    let padded = |name: &str| format!("{name}{}", " ".repeat(width - name.width()));
    let in_flight = state.transactions.iter().map(|it| {
        let words = format!("{}  {}", padded(&it.name), in_words(it));
        one_line(&words)
    });
    let ended = state.ended.iter().map(|it| {
        let words = if it.gone { "is gone" } else { "has ended" };
        format!("{}  {words}", padded(&it.name))
    });
    std::iter::once(head(state)).chain(in_flight).chain(ended).collect()
}

fn head(state: &State) -> String {
    let held = match (&*state.mode, &state.breakpoints[..]) {
        ("breakpoints", []) => "what touches a watched table is held".to_owned(),
        ("breakpoints", rules) => format!("held: {}", one_line(&rules.join(", "))),
        ("watch", _) => "nothing is held".to_owned(),
        (mode, _) => format!("{mode} is held"),
    };
    let listening = match &state.listening[..] {
        [] => "programs cannot connect yet".to_owned(),
        all => format!("listening on {}", all.join(", ")),
    };
    let connected = match state.connections {
        1 => "1 connection".to_owned(),
        number => format!("{number} connections"),
    };
    format!("{listening}; {connected}; {held}")
}

/// `is held 2.1 s (updates A-4)  update seats set …`
fn in_words(transaction: &TransactionState) -> String {
    let words = doing(transaction);
    let (words, sql) = match (&transaction.held, &transaction.running) {
        (Some(held), _) => {
            let since = seconds(Duration::from_millis(held.milliseconds));
            (words.replacen("is held", &format!("is held {since}"), 1), Some(&held.sql))
        }
        (None, running) => (words, running.as_ref()),
    };
    match sql {
        Some(sql) => format!("{words}  {}", sql.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debugger::guests::{EndedState, HeldState, samples};

    #[test]
    fn everybody_has_a_line() {
        let sql = "update seats\n  set a = '\u{1b}[1m'";
        let held = HeldState { milliseconds: 2150, ..samples::held(sql) };
        let alice = TransactionState { held: Some(held), ..samples::transaction("alice") };
        let state = State {
            mode: "breakpoints".to_owned(),
            listening: vec!["127.0.0.1:5433".to_owned()],
            connections: 1,
            transactions: vec![alice],
            ended: vec![EndedState { name: "bob".to_owned(), gone: true }],
            ..State::default()
        };
        assert_eq!(
            lines(&state),
            [
                "listening on 127.0.0.1:5433; 1 connection; what touches a watched table is held",
                "alice  is held 2.1 s (updates A-4)  update seats set a = '\\x1B[1m'",
                "bob    is gone",
            ]
        );
    }
}
