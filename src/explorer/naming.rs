//! Names classes by what differs between them.
//!
//! What is told first is who was refused and who still waits; then rows of the tables at the end,
//! then what the `finally` part shows, then answers: as many of these as are needed to tell the
//! classes apart, and no more.

use std::collections::BTreeMap;

use crate::core::scenario::Scenario;
use crate::explorer::outcome::{Outcome, Reply, Said};
use crate::explorer::program::Program;

mod rows;

/// No name has more characters of one thing than this.
const LONGEST: usize = 40;

/// A statement in a transaction that has failed before: only a consequence.
const IN_FAILED_TRANSACTION: &str = "25P02";

/// What one thing is in each class; nothing where there is nothing to say.
type Aspect = Vec<String>;

/// A name for each outcome.
pub fn names(scenario: &Scenario, program: &Program, outcomes: &[&Outcome]) -> Vec<String> {
    let who = |session: usize| scenario.sessions[session].name.to_string();
    let sessions = 0..program.sessions.len();
    let mut chosen: Vec<Aspect> = Vec::new();
    for session in sessions.clone() {
        let fates = outcomes.iter().map(|outcome| fate(&who(session), &outcome.replies[session]));
        let aspect: Aspect = fates.collect();
        // Where there is but one, it is not enough that nothing differs.
        let is_alone = outcomes.len() == 1 && !aspect[0].is_empty();
        if is_alone || !is_constant(&aspect) {
            chosen.push(aspect);
        }
    }
    let mut more = rows::of_tables(outcomes);
    more.extend(rows::of_finally(outcomes));
    more.extend(sessions.flat_map(|session| rows::of_answers(&who(session), session, outcomes)));
    for aspect in more {
        if groups(&chosen, outcomes.len()) == outcomes.len() {
            break;
        }
        if refines(&chosen, &aspect) {
            chosen.push(aspect);
        }
    }
    numbered((0..outcomes.len()).map(|class| name(&chosen, class, outcomes.len())).collect())
}

fn name(chosen: &[Aspect], class: usize, classes: usize) -> String {
    let parts: Vec<String> = chosen
        .iter()
        .map(|aspect| shortened(&aspect[class]))
        .filter(|part| !part.is_empty())
        .collect();
    match (parts.is_empty(), classes) {
        (true, 1) => "the only outcome".to_owned(),
        (true, _) => "nobody is refused".to_owned(),
        (false, _) => parts.join(" · "),
    }
}

/// Whether a session was refused something or still waits, in words.
fn fate(who: &str, replies: &[Reply]) -> String {
    let failures = replies.iter().flat_map(Reply::failures);
    let failures: Vec<&str> = failures.filter(|code| *code != IN_FAILED_TRANSACTION).collect();
    let mut words: Vec<String> = failures.iter().map(|code| refused(who, code)).collect();
    words.dedup();
    let is_lost = replies.iter().any(|reply| match reply {
        Reply::Answered(said) => said.contains(&Said::Lost),
        _ => false,
    });
    if is_lost {
        words.push(format!("{who} loses the connection"));
    }
    if replies.contains(&Reply::Waits) {
        words.push(format!("{who} still waits"));
    }
    words.join(", ")
}

fn refused(who: &str, code: &str) -> String {
    match code {
        "40P01" => format!("{who} deadlock victim"),
        "40001" => format!("{who} refused 40001"),
        "23505" => format!("{who} duplicate key"),
        "55P03" => format!("{who} lock not available"),
        "57014" => format!("{who} cancelled"),
        code => format!("{who} error {code}"),
    }
}

fn is_constant(aspect: &[String]) -> bool {
    aspect.windows(2).all(|pair| pair[0] == pair[1])
}

/// How many classes these tell apart.
fn groups(chosen: &[Aspect], classes: usize) -> usize {
    let mut seen: Vec<Vec<&str>> =
        (0..classes).map(|class| chosen.iter().map(|it| it[class].as_str()).collect()).collect();
    seen.sort();
    seen.dedup();
    seen.len()
}

fn refines(chosen: &[Aspect], aspect: &Aspect) -> bool {
    let mut with = chosen.to_vec();
    with.push(aspect.clone());
    groups(&with, aspect.len()) > groups(chosen, aspect.len())
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONGEST - 1).collect();
    format!("{begin}\u{2026}")
}

/// The same, those that are alike after all with numbers.
fn numbered(names: Vec<String>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let number = |name: String| {
        let count = seen.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { name } else { format!("{name} ({count})") }
    };
    names.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests;
