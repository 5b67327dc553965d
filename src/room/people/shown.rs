//! What is shown of the people: to everybody in the room, and on the console.

use serde_json::json;

use super::{People, Person};
use crate::room::board::Verdict;
use crate::room::booking::Outcome;
use crate::room::feed::{Part, Parts};
use crate::room::view::shown;
use crate::stage::Stage;
use crate::stage::room::{Board, Overview, Present, Rules};
use crate::stage::words;

impl People {
    /// Puts in what everybody sees of the people.
    pub(in crate::room) fn show(&self, stage: &Stage, parts: &mut Parts) {
        let mut put = |name: String, value: serde_json::Value| {
            parts.insert(name, Part::Value(value.to_string()));
        };
        let Rules { strategy, is_open, .. } = self.rules;
        let rules = json!({
            "open": is_open,
            "strategy": strategy.name(),
            "words": strategy.words(),
            "think": self.rules.think().as_secs(),
        });
        put("rules".to_owned(), rules);
        put("board".to_owned(), board_json(&self.board(stage)));
        put("question".to_owned(), self.question_json(stage));
        for person in &self.all {
            let (state, words) = self.stands(person, stage);
            let value = json!({
                "name": person.name.as_str(),
                "state": state,
                "words": words,
                "seat": person.seat(),
                "pane": person.pane.is_given,
                "paneRefused": person.pane.refused,
            });
            put(format!("person:{}", person.number), value);
        }
    }

    fn question_json(&self, stage: &Stage) -> serde_json::Value {
        let Some(question) = &self.question else { return json!({"seat": null}) };
        let poll = question.poll(stage);
        json!({
            "number": self.asked,
            "seat": poll.seat,
            "open": poll.is_open,
            "bars": poll.bars,
            "outcome": poll.outcome,
            "decided": question.is_decided(stage),
            "right": question.right(stage),
        })
    }

    /// What the console shows of the people.
    pub(in crate::room) fn overview(&self, stage: &Stage) -> Overview {
        Overview {
            rules: self.rules,
            people: self.present(stage),
            board: self.board(stage),
            poll: self.question.as_ref().map(|it| it.poll(stage)),
            ..Overview::default()
        }
    }

    /// Who is in it, and how they stand.
    pub(super) fn present(&self, stage: &Stage) -> Vec<Present> {
        let present = |person: &Person| {
            let (state, words) = self.stands(person, stage);
            let words = person.pane.refused.clone().unwrap_or(words);
            let (name, has_pane) = (person.name.as_str().to_owned(), person.pane.is_given);
            Present { name, state, words, has_pane }
        };
        self.all.iter().map(present).collect()
    }

    /// A word for how a person stands, and the words for it.
    fn stands(&self, person: &Person, stage: &Stage) -> (&'static str, String) {
        if let Some(attempt) = &person.attempt {
            let state = match (&attempt.waits, attempt.is_thinking()) {
                (Some(_), _) => "waits",
                (None, true) => "thinks",
                (None, false) => "works",
            };
            return (state, attempt.doing());
        }
        let Some((key, outcome)) = &person.outcome else { return ("idle", String::new()) };
        let tables = stage.watched().tables();
        match (outcome, self.sales.lost_to(person.name.as_str(), key, tables)) {
            (Outcome::Booked, Some(other)) => {
                let other = other.map_or_else(|| "nobody".to_owned(), shown);
                let words =
                    format!("you were told to have {key}; the database says {other} has it");
                ("overwritten", words)
            }
            _ => (outcome.name(), outcome.words(key)),
        }
    }

    /// How many have got what.
    pub(super) fn board(&self, stage: &Stage) -> Board {
        let verdict = Verdict::of(&self.sales, stage.watched().tables());
        let count = |is_it: fn(&Person) -> bool| self.all.iter().filter(|it| is_it(it)).count();
        let longest = self.longest.as_ref();
        Board {
            people: self.all.len(),
            booked: count(|it| matches!(it.outcome, Some((_, Outcome::Booked)))),
            refused: count(|it| it.outcome.as_ref().is_some_and(|(_, it)| it.is_refusal())),
            waiting: count(|it| it.attempt.as_ref().is_some_and(|it| it.waits.is_some())),
            under_way: count(|it| it.attempt.is_some()),
            sold_twice: verdict.sold_twice(),
            longest_wait: longest.map(|(who, waited)| format!("{who}, {}", words::wait(*waited))),
            verdict: verdict.words(),
        }
    }
}

fn board_json(board: &Board) -> serde_json::Value {
    json!({
        "people": board.people,
        "booked": board.booked,
        "refused": board.refused,
        "waiting": board.waiting,
        "underWay": board.under_way,
        "soldTwice": board.sold_twice,
        "longestWait": board.longest_wait,
        "verdict": board.verdict,
    })
}
