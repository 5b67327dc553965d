//! What holds whatever happens, in any order: scripts that nobody has written.

use proptest::prelude::*;

use super::{Line, Script};
use crate::run::machine::Machine;

/// Lines that may come at any time; those that make no sense then are left out.
const LINES: &[&str] = &[
    "step",
    "submit Alice select",
    "submit Bob begin",
    "cancel Bob",
    "close Mallory",
    "reconnect Bob",
    "add",
    "goto 0",
    "goto 2",
    "switch optimistic",
    "open pair.sql",
    "open own.spec",
    "open timeout.sql",
    "open watched.sql",
    "open blank",
    "open blank-with-setup",
    "again goto 1",
    "wait 1ms",
    "wait 40ms",
    "wait 3s",
    "wait 10s",
    "help",
    "stop helping",
    "Alice connects",
    "Bob connects",
    "runner connects",
    "Alice sends",
    "Alice answers LISTEN",
    "Bob answers BEGIN in=transaction",
    "Bob answers UPDATE 1",
    "Bob fails 40P01 in=failed",
    "Mallory answers UPDATE 0",
    "Mallory fails 55P03",
    "runner answers OK",
    "runner fails 42P01",
    "Alice loses its connection",
    "Bob loses its connection in=transaction",
    "runner loses its connection",
    "Mallory closes",
    "Alice was heard",
    "Bob is silent in=transaction",
    "Alice is stubborn",
    "Alice is gone",
    "Bob has left",
    "observer sees nobody waiting",
    "observer sees Mallory behind Bob",
    "observer sees Mallory behind Bob and Bob behind Mallory",
    "observer sees Bob behind psql idle=psql",
    "observer says Mallory waits for Bob",
    "observer says nothing",
    "observer is blind",
    "observer shows Bob holding A-4",
    "observer shows nothing new",
    "observer cannot show tables",
    "observer misses seats",
    "observer tells how tables are made",
    "engine is open",
    "engine is open kept=yes",
    "engine fails",
    "schema is made",
    "schema fails",
    "schema is dropped",
    "schema stays",
    "server lives",
    "server was dead",
    "backend is ended",
    "backend stays",
    "gateway says Bob has changed A-4",
    "gateway says Bob loses A-4 to Alice",
];

/// What the sessions that nobody waits for play.
const FILES: &[&str] = &["seats.sql", "own.spec", "finally.sql", "teardown.sql", "blank"];

fn line(text: &str) -> Line {
    let (named, words): (Vec<&str>, Vec<&str>) =
        text.split(' ').partition(|word| word.contains('='));
    let named = named.iter().filter_map(|word| word.split_once('='));
    Line {
        words: words.into_iter().map(str::to_owned).collect(),
        named: named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

/// A run of this scenario in which all of this has happened.
fn played(file: &str, lines: &[&str]) -> Script {
    let mut script = Script::default();
    let mut out = String::new();
    script.play(&line(&format!("play {file}")), &mut out).unwrap();
    for text in lines {
        // What makes no sense now does not happen.
        let _ = script.play(&line(text), &mut out);
        assert_law(&mut script, text);
    }
    script
}

/// The machine is never due again at once, which would keep a processor busy; and a session has one
/// submission at a time.
fn assert_law(script: &mut Script, after: &str) {
    let mut out = String::new();
    let is_due_once = script.wait(std::time::Duration::ZERO, &mut out);
    assert!(is_due_once.is_ok(), "the machine is due again and again after {after}");
    for (name, sent) in &script.sent {
        assert!(sent.len() <= 1, "{name} has {} submissions in flight after {after}", sent.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Sessions that never answer again hold up nobody who leaves. What is asked of a server of
    /// ours, and of the observer, is answered: they have limits of their own.
    #[test]
    fn whoever_leaves_is_let_go(
        file in prop::sample::select(FILES),
        ready in any::<bool>(),
        lines in prop::collection::vec(prop::sample::select(LINES), 0..60),
    ) {
        let opening = ["help", "goto 0", "stop helping"];
        let opening = if ready { &opening[..] } else { &[] };
        let lines: Vec<&str> = opening.iter().copied().chain(lines).collect();
        let mut script = played(file, &lines);
        let made = "observer tells how tables are made";
        let answers = ["server lives", made, "observer misses nothing"];
        let answers = lines.iter().flat_map(|_| answers);
        let last = ["stop helping", "leave"].into_iter().chain(answers).chain(["wait 60s"]);
        for text in last {
            let _ = script.play(&line(text), &mut String::new());
            assert_law(&mut script, text);
        }
        let _ = script.play(&line("engine is closed"), &mut String::new());
        let is_ended = script.machine.as_ref().is_some_and(Machine::is_ended);
        prop_assert!(is_ended, "{:#?}", script.machine);
    }
}

#[test]
fn every_line_is_understood_somewhere() {
    for text in LINES {
        let mut script = Script::default();
        let failed = script.play(&line(text), &mut String::new()).err();
        let reason = failed.map(|failed| failed.to_string()).unwrap_or_default();
        assert!(!reason.contains("understands") && !reason.contains("cannot"), "{text}: {reason}");
    }
}
