//! What is asked before something that does again what was committed outside the run's schema.

use std::collections::BTreeSet;

use super::Question;
use crate::core::scenario::EngineKind;
use crate::run::{Command, Lasting, Part};
use crate::stage::Effect;

/// How many parts are named; the rest are counted.
const NAMED: usize = 5;

/// What would do it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Going back to before this step.
    Back(usize),
    /// Going to the other engine, to the same step.
    Switch(EngineKind),
    /// Starting the other engine beside this one.
    Compare,
    /// Opening a scenario that was played before.
    Open(Command),
}

/// The question, where there is anything to ask: what lasts, and what of it is sent again at once
/// if the steps before `until` are played.
pub(crate) fn question(lasting: &[Lasting], errand: Errand, until: usize) -> Option<Question> {
    if lasting.is_empty() {
        return None;
    }
    let until = match &errand {
        Errand::Back(step) => *step,
        Errand::Switch(_) | Errand::Compare => until,
        Errand::Open(_) => 0,
    };
    let (title, yes, no, effect) = match errand {
        Errand::Back(0) => ("Start again?", "start again", "stay", again(Command::GoTo(0))),
        Errand::Back(step) => ("Go back?", "go back", "stay", again(Command::GoTo(step))),
        Errand::Switch(kind) => ("Switch?", "switch", "stay", again(Command::Switch(kind))),
        Errand::Compare => ("Compare?", "compare", "stay", Effect::Compare),
        Errand::Open(command) => ("Open it again?", "open", "stay", again(command)),
    };
    Some(Question { title, words: words(lasting, until), yes, no, effects: vec![effect] })
}

fn again(command: Command) -> Effect {
    Effect::Ask(Command::Again(Box::new(command)))
}

fn words(lasting: &[Lasting], until: usize) -> Vec<String> {
    let head = "Changed outside the run's schema, where going back cannot undo it:".to_owned();
    let named = lasting.iter().take(NAMED).map(|lasting| format!("  {lasting}"));
    let more = lasting.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    let is_sent = |lasting: &&Lasting| match lasting.part {
        Part::Setup => true,
        Part::Step(step) => step < until,
        Part::Finally => false,
    };
    let sent: BTreeSet<Part> = lasting.iter().filter(is_sent).map(|lasting| lasting.part).collect();
    let tail = match sent.len() {
        0 => "Playing it again makes these changes a second time.".to_owned(),
        _ => format!(
            "{} sent again at once, which makes these changes a second time.",
            sent_again(&sent)
        ),
    };
    std::iter::once(head).chain(named).chain(more).chain([tail]).collect()
}

/// `The setup and steps 2, 5 are`.
fn sent_again(parts: &BTreeSet<Part>) -> String {
    let steps: Vec<String> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Step(step) => Some((step + 1).to_string()),
            Part::Setup | Part::Finally => None,
        })
        .collect();
    let has_setup = parts.contains(&Part::Setup);
    match (has_setup, steps.as_slice()) {
        (true, []) => "The setup is".to_owned(),
        (true, [one]) => format!("The setup and step {one} are"),
        (true, many) => format!("The setup and steps {} are", many.join(", ")),
        (false, [one]) => format!("Step {one} is"),
        (false, many) => format!("Steps {} are", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::SessionName;

    fn lasting(part: Part, changed: &[&str], doubts: &[&str]) -> Lasting {
        let set = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let session = matches!(part, Part::Step(_)).then(|| SessionName::new("Alice"));
        let sequences = BTreeSet::new();
        Lasting { part, session, changed: set(changed), sequences, doubts: set(doubts) }
    }

    #[test]
    fn the_question_says_what_lasts_and_what_is_sent_again() {
        let parts = [
            lasting(Part::Setup, &["public.accounts"], &[]),
            lasting(Part::Step(1), &["public.accounts"], &[]),
            lasting(Part::Step(4), &[], &["calls public.transfer()"]),
        ];
        let asked = question(&parts, Errand::Back(4), 9).unwrap();
        assert_eq!(
            asked.words,
            [
                "Changed outside the run's schema, where going back cannot undo it:",
                "  the setup: public.accounts",
                "  step 2 (Alice): public.accounts",
                "  step 5 (Alice): perhaps more: it calls public.transfer()",
                "The setup and step 2 are sent again at once, which makes these changes a second \
                 time.",
            ]
        );
        let asked = question(&parts[1..], Errand::Back(0), 9).unwrap();
        assert_eq!(
            asked.words.last().unwrap(),
            "Playing it again makes these changes a second time."
        );
        assert!(question(&[], Errand::Compare, 9).is_none());
    }
}
