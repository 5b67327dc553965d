//! Reads a plan's text.

use std::str::FromStr;

use super::{Plan, Release, Turn, VERSION};
use crate::core::syntax::Strings;
use crate::debugger::guests::Answer;
use crate::debugger::shape::Shape;
use crate::debugger::tables::TableName;

/// What is wrong in a plan, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PlanError {
    /// From 1.
    pub line: usize,
    pub problem: String,
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().map(str::trim).enumerate();
        let mut lines = lines.map(|(nth, line)| Line { number: nth + 1, text: line });
        let mut plan = Self::default();
        // Whoever keeps many of them may begin each with what it is about.
        let header = lines.find(|line| !plan.take_note(*line) && !line.text.is_empty());
        header.unwrap_or(Line { number: 1, text: "" }).check_header()?;
        for line in lines {
            if !line.text.is_empty() && !plan.take_note(line) {
                plan.take(line)?;
            }
        }
        Ok(plan)
    }
}

/// A line without the blanks around it.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl Plan {
    fn take_note(&mut self, line: Line) -> bool {
        let note = line.text.strip_prefix('#');
        self.notes.extend(note.map(|note| note.trim().to_owned()));
        note.is_some()
    }

    fn take(&mut self, line: Line) -> Result<(), PlanError> {
        if let Some(table) = line.text.strip_prefix("gate:") {
            self.gates.push(line.table(table)?);
            return Ok(());
        }
        let Some(together) = line.text.strip_prefix('+') else {
            self.releases.push(Release { turns: line.turns(line.text)? });
            return Ok(());
        };
        let turns = line.turns(together.trim_start())?;
        match self.releases.last_mut() {
            Some(release) => release.turns.extend(turns),
            None => {
                return Err(line.wrong("there is no release before this one; leave out the `+`"));
            }
        }
        Ok(())
    }
}

impl Line<'_> {
    fn check_header(self) -> Result<(), PlanError> {
        let version = self.text.strip_prefix("overbooked plan");
        let Some(version) = version.and_then(|version| version.trim().parse::<u32>().ok()) else {
            let problem = "this is no plan; one begins with `overbooked plan 1`";
            return Err(self.wrong(problem));
        };
        if version == 0 || version > VERSION {
            return Err(self.wrong(&format!(
                "version {version} of plans is not known here; this program reads version {VERSION}"
            )));
        }
        Ok(())
    }

    fn table(self, text: &str) -> Result<TableName, PlanError> {
        TableName::read(text.trim()).ok_or_else(|| {
            self.wrong(&format!("`{}` is no table's name; write it as in SQL", text.trim()))
        })
    }

    fn turns(self, text: &str) -> Result<Vec<Turn>, PlanError> {
        let mut actors = Vec::new();
        let mut rest = text;
        loop {
            let (actor, behind) = self.actor(rest)?;
            actors.push(actor);
            let behind = behind.trim_start();
            rest = match behind.strip_prefix('+') {
                Some(next) => next.trim_start(),
                None => {
                    let what = behind.strip_prefix(':').ok_or_else(|| {
                        self.wrong("a `:` is missing behind the actor: `alice: commits | commit`")
                    })?;
                    return self.what(actors, what);
                }
            };
        }
    }

    /// An actor's name, and what follows it.
    fn actor(self, text: &str) -> Result<(String, &str), PlanError> {
        let Some(quoted) = text.strip_prefix('"') else {
            let end = text.find([':', '+']).unwrap_or(text.len());
            let name = text[..end].trim();
            if name.is_empty() {
                return Err(self.wrong("an actor's name belongs before the `:`"));
            }
            return Ok((name.to_owned(), &text[end..]));
        };
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let Some((part, behind)) = rest.split_once('"') else {
                return Err(self.wrong("the actor's name begins with a `\"` and has no end"));
            };
            name.push_str(part);
            match behind.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => return Ok((name, behind)),
            }
        }
    }

    fn what(self, actors: Vec<String>, what: &str) -> Result<Vec<Turn>, PlanError> {
        let Some((summary, shape)) = what.split_once('|') else {
            let problem = "a `|` is missing, with the statement behind it: `commits | commit`";
            return Err(self.wrong(problem));
        };
        let shape = Shape::of(shape, Strings::default());
        let (answer, summary) = answered(summary.trim());
        let summary = summary.to_owned();
        let turn = |actor| Turn { actor, shape: shape.clone(), summary: summary.clone(), answer };
        Ok(actors.into_iter().map(turn).collect())
    }

    fn wrong(self, problem: &str) -> PlanError {
        PlanError { line: self.number, problem: problem.to_owned() }
    }
}

/// What stands in brackets in front of what people call it, if that is an answer.
fn answered(summary: &str) -> (Option<Answer>, &str) {
    let split = summary.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let read = split.and_then(|(name, rest)| Some((Answer::named(name.trim())?, rest)));
    read.map_or((None, summary), |(answer, rest)| (Some(answer), rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrong(text: &str) -> String {
        text.parse::<Plan>().unwrap_err().to_string()
    }

    #[test]
    fn a_plan_may_be_written_by_hand() {
        let text = "\u{feff}# why\r\n\r\nOVERBOOKED".to_lowercase()
            + " plan 1\r\n  alice+bob :| SELECT * FROM seats WHERE id=4;  \r\n+carol: ends|END\r\n";
        let plan: Plan = text.parse().unwrap();
        assert_eq!(plan.notes, ["why"]);
        let [Release { turns }] = plan.releases.as_slice() else { panic!("{plan:?}") };
        let actors: Vec<_> = turns.iter().map(|turn| turn.actor.as_str()).collect();
        assert_eq!(actors, ["alice", "bob", "carol"]);
        assert_eq!(turns[1].shape.as_str(), "select * from seats where id = ?");
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_to_do() {
        let plan = |line: &str| format!("overbooked plan 1\n\n{line}");
        for (text, expected) in [
            (String::new(), "line 1: this is no plan; one begins with `overbooked plan 1`"),
            (
                "\nselect 1".to_owned(),
                "line 2: this is no plan; one begins with `overbooked plan 1`",
            ),
            (
                "overbooked plan 2".to_owned(),
                "line 1: version 2 of plans is not known here; this program reads version 1",
            ),
            (
                plan("alice commits"),
                "line 3: a `:` is missing behind the actor: `alice: commits | commit`",
            ),
            (
                plan("alice: commit"),
                "line 3: a `|` is missing, with the statement behind it: `commits | commit`",
            ),
            (plan(": commits | commit"), "line 3: an actor's name belongs before the `:`"),
            (
                plan("\"alice: | commit"),
                "line 3: the actor's name begins with a `\"` and has no end",
            ),
            (
                plan("+ alice: | commit"),
                "line 3: there is no release before this one; leave out the `+`",
            ),
            (plan("gate: a b"), "line 3: `a b` is no table's name; write it as in SQL"),
        ] {
            assert_eq!(wrong(&text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), line in "[a-b:+|\"# ]{0,20}") {
            let _ = text.parse::<Plan>();
            if let Ok(plan) = format!("overbooked plan 1\n{line}\n").parse::<Plan>() {
                let text = plan.to_string();
                prop_assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
            }
        }
    }
}
