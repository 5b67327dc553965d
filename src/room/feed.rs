//! What followers are told: the whole stage, or what of it has changed since they last heard.
//!
//! ```text
//!  parts of the stage ──▶ Feed ─┬─ whole, number 17          for who joins, or was away too long
//!                               └─ 15 ─ 16 ─ 17              what changed, for everybody else
//! ```
//!
//! There is one list for all of them, and a follower is a number in it. Whoever cannot keep up has
//! no queue that grows: it gets the whole stage again.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

/// How many bytes of changes are kept.
const KEPT: usize = 256 * 1024;

/// A part of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// JSON, told anew when it changes.
    Value(String),
    /// Lines of JSON, the first of which has this number: only those that differ are told.
    Lines { first: u64, lines: Vec<String> },
}

/// All that is shown, by name.
pub(super) type Parts = BTreeMap<String, Part>;

/// What is shown, and how it came to that.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// The number of the last change.
    number: u64,
    parts: Parts,
    changes: VecDeque<(u64, String)>,
    kept: usize,
}

impl Feed {
    /// This is shown now; whether that is anything new.
    pub(super) fn show(&mut self, parts: Parts) -> bool {
        let changed = difference(&self.parts, &parts);
        self.parts = parts;
        let Some(changed) = changed else { return false };
        self.number += 1;
        let event = event(self.number, "change", &changed);
        self.kept += event.len();
        self.changes.push_back((self.number, event));
        while self.kept > KEPT {
            let Some((_, gone)) = self.changes.pop_front() else { break };
            self.kept -= gone.len();
        }
        true
    }

    /// What to tell somebody who has heard everything up to this number, or nothing; and the number
    /// that they have heard then. `None` where there is nothing to tell.
    pub(super) fn after(&self, heard: Option<u64>) -> Option<(u64, String)> {
        let Some(heard) = heard.filter(|heard| self.remembers(*heard)) else {
            return Some((self.number, self.whole()));
        };
        let missed = self.changes.iter().filter(|(number, _)| *number > heard);
        let events: String = missed.map(|(_, event)| event.as_str()).collect();
        (!events.is_empty()).then_some((self.number, events))
    }

    /// Whether all that came after this is kept.
    fn remembers(&self, heard: u64) -> bool {
        let first = self.changes.front().map_or(self.number, |(number, _)| number - 1);
        (first..=self.number).contains(&heard)
    }

    fn whole(&self) -> String {
        let parts = self.parts.iter().map(|(name, part)| (name, part.whole()));
        event(self.number, "whole", &object(parts))
    }
}

impl Part {
    fn whole(&self) -> String {
        match self {
            Self::Value(json) => json.clone(),
            Self::Lines { first, lines } => tail(*first, *first, lines),
        }
    }

    /// What of it is new.
    fn since(&self, old: &Self) -> String {
        let (Self::Lines { first: then, lines: old }, Self::Lines { first, lines }) = (old, self)
        else {
            return self.whole();
        };
        let fallen = usize::try_from(first.saturating_sub(*then)).unwrap_or(usize::MAX);
        if first < then || fallen > old.len() {
            return self.whole();
        }
        let alike = lines.iter().zip(&old[fallen..]).take_while(|(new, old)| new == old).count();
        tail(*first, *first + alike as u64, &lines[alike..])
    }
}

/// These lines stand from this number on, and none before the first.
fn tail(first: u64, from: u64, lines: &[String]) -> String {
    format!(r#"{{"first":{first},"from":{from},"lines":[{}]}}"#, lines.join(","))
}

/// The parts that have changed; null stands for those that are gone.
fn difference(old: &Parts, new: &Parts) -> Option<String> {
    let changed = new.iter().filter_map(|(name, part)| match old.get(name) {
        Some(before) if before == part => None,
        Some(before) => Some((name, part.since(before))),
        None => Some((name, part.whole())),
    });
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let mut all = changed.chain(gone.map(|name| (name, "null".to_owned()))).peekable();
    all.peek().is_some().then(|| object(all))
}

fn object<'a>(parts: impl Iterator<Item = (&'a String, String)>) -> String {
    let mut json = String::from("{");
    for (place, (name, value)) in parts.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let name = serde_json::Value::from(name.as_str());
        let _ = write!(json, "{comma}{name}:{value}");
    }
    json + "}"
}

/// A server-sent event. JSON as serde writes it is one line.
fn event(number: u64, name: &str, json: &str) -> String {
    format!("id: {number}\nevent: {name}\ndata: {json}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Part {
        Part::Value(json.to_owned())
    }

    fn lines(first: u64, lines: &[&str]) -> Part {
        Part::Lines { first, lines: lines.iter().map(|line| format!("\"{line}\"")).collect() }
    }

    fn parts(all: &[(&str, Part)]) -> Parts {
        all.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect()
    }

    #[test]
    fn whoever_comes_gets_all_and_then_what_changes() {
        let mut feed = Feed::default();
        assert!(feed.show(parts(&[("a", value("1")), ("b", value("2"))])));
        let (heard, whole) = feed.after(None).unwrap();
        assert_eq!(whole, "id: 1\nevent: whole\ndata: {\"a\":1,\"b\":2}\n\n");
        assert_eq!(feed.after(Some(heard)), None);
        assert!(!feed.show(parts(&[("a", value("1")), ("b", value("2"))])), "nothing is new");
        assert!(feed.show(parts(&[("a", value("3"))])));
        let (heard, change) = feed.after(Some(heard)).unwrap();
        assert_eq!((heard, &*change), (2, "id: 2\nevent: change\ndata: {\"a\":3,\"b\":null}\n\n"));
    }

    #[test]
    fn whoever_slept_gets_what_was_missed_in_order() {
        let mut feed = Feed::default();
        for number in 1..=5 {
            feed.show(parts(&[("a", value(&number.to_string()))]));
        }
        let (heard, missed) = feed.after(Some(3)).unwrap();
        assert_eq!(heard, 5);
        assert!(missed.contains("{\"a\":4}") && missed.contains("{\"a\":5}"));
        assert!(!missed.contains("{\"a\":3}"));
    }

    #[test]
    fn whoever_is_too_far_behind_or_ahead_gets_all_again() {
        let mut feed = Feed::default();
        let long = "x".repeat(KEPT / 4);
        for number in 0..9 {
            feed.show(parts(&[("a", value(&format!("\"{number}{long}\"")))]));
        }
        assert!(feed.kept <= KEPT, "memory is bounded");
        assert!(feed.after(Some(1)).unwrap().1.contains("event: whole"));
        assert!(feed.after(Some(99)).unwrap().1.contains("event: whole"), "of another room");
        assert!(feed.after(Some(8)).unwrap().1.contains("event: change"));
    }

    #[test]
    fn of_lines_only_the_new_ones_are_told() {
        let mut feed = Feed::default();
        feed.show(parts(&[("l", lines(0, &["a", "b", "c"]))]));
        feed.show(parts(&[("l", lines(0, &["a", "b", "d", "e"]))]));
        let (_, change) = feed.after(Some(1)).unwrap();
        assert!(change.contains(r#"{"first":0,"from":2,"lines":["d","e"]}"#), "{change}");
        feed.show(parts(&[("l", lines(2, &["d", "e", "f"]))]));
        let (_, change) = feed.after(Some(2)).unwrap();
        assert!(change.contains(r#"{"first":2,"from":4,"lines":["f"]}"#), "{change}");
        feed.show(parts(&[("l", lines(0, &["z"]))]));
        let (_, change) = feed.after(Some(3)).unwrap();
        assert!(change.contains(r#"{"first":0,"from":0,"lines":["z"]}"#), "{change}");
    }
}
