//! Numbers and orders in words.

use unicode_width::UnicodeWidthStr as _;

use crate::core::scenario::{Origin, Scenario, Step};
use crate::core::syntax::{Strings, Verb, split, verb, words};
use crate::explorer::program::Program;

/// How many columns it takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `34,650`; `many` where nobody can count them.
pub(super) fn counted(number: Option<u64>) -> String {
    let Some(number) = number else { return "many".to_owned() };
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 order`, `70 orders`.
pub(super) fn plural(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", counted(Some(number)))
}

/// An order in words. Whoever plays all steps at a stretch is only named, and of a step that
/// begins a transaction nothing is said: `Alice reads · Bob reads, sells · Alice sells`.
pub fn witness(scenario: &Scenario, program: &Program, turns: &[usize]) -> String {
    let mut next = vec![0; program.sessions.len()];
    let mut blocks: Vec<(usize, Vec<&Step>)> = Vec::new();
    for &session in turns {
        let Some(&step) = program.sessions[session].get(next[session]) else { continue };
        next[session] += 1;
        let step = &scenario.steps[step];
        match blocks.last_mut() {
            Some((last, steps)) if *last == session => steps.push(step),
            _ => blocks.push((session, vec![step])),
        }
    }
    let told = blocks.into_iter().map(|(session, steps)| {
        let is_whole = steps.len() == program.sessions[session].len();
        let told = steps.into_iter().filter(|it| !is_begin(it)).map(|it| words_of(scenario, it));
        (session, told.collect(), is_whole)
    });
    in_words(scenario, told.collect())
}

/// An order of programs in words: what each turn did is told beside it.
pub(super) fn witness_of_programs(
    scenario: &Scenario,
    turns: &[usize],
    deeds: &[String],
) -> String {
    let count = |session: usize| turns.iter().filter(|turn| **turn == session).count();
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (&session, does) in turns.iter().zip(deeds) {
        match blocks.last_mut() {
            Some((last, told, _)) if *last == session => told.push(does),
            _ => blocks.push((session, vec![does], false)),
        }
    }
    for (session, told, is_whole) in &mut blocks {
        *is_whole = told.len() == count(*session);
    }
    in_words(scenario, blocks)
}

/// Whose steps come at a stretch, what they do, and whether these are all.
type Block<'a> = (usize, Vec<&'a str>, bool);

fn in_words(scenario: &Scenario, blocks: Vec<Block<'_>>) -> String {
    let are_whole = blocks.iter().all(|(.., is_whole)| *is_whole);
    let each = blocks.into_iter().map(|(session, told, is_whole)| {
        let name = scenario.sessions[session].name.as_str();
        match (is_whole, told.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name} begins"),
            (false, false) => format!("{name} {}", told.join(", ")),
        }
    });
    each.collect::<Vec<_>>().join(if are_whole { ", " } else { " · " })
}

fn words_of<'a>(scenario: &Scenario, step: &'a Step) -> &'a str {
    let is_named = scenario.origin == Origin::Script && !step.narration.is_empty();
    if is_named { &step.narration } else { &step.name }
}

fn is_begin(step: &Step) -> bool {
    let statements = split(&step.sql, Strings::default());
    statements.iter().all(|statement| {
        let verb = verb(&words(statement.text, Strings::default()));
        matches!(verb, Verb::Empty | Verb::Begin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::fake::{TWO, scenario};

    #[test]
    fn numbers_have_commas() {
        assert_eq!(
            [0, 999, 1000, 34_650].map(|it| counted(Some(it))),
            ["0", "999", "1,000", "34,650"]
        );
        assert_eq!(plural(1, "order"), "1 order");
    }

    #[test]
    fn whoever_plays_at_a_stretch_is_only_named() {
        let (scenario, program) = scenario(TWO);
        let of = |turns: &[usize]| witness(&scenario, &program, turns);
        assert_eq!(of(&[0, 0, 0, 0, 1, 1, 1, 1]), "Alice, Bob");
        assert_eq!(of(&[0, 0, 1, 1, 1, 1, 0, 0]), "Alice a2 · Bob · Alice a3, a4");
        assert_eq!(of(&[0, 1, 1, 1, 1, 0, 0, 0]), "Alice begins · Bob · Alice a2, a3, a4");
    }
}
