//! One of a scenario's orders, picked by its number.

use super::{Picked, Scenario, Schedules};

/// There is no order of that number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} has no permutation {number}; it has {}", range(*count))]
pub struct NoPermutation {
    pub name: String,
    /// What was asked for.
    pub number: u64,
    /// How many there are; `None` for more than can be said.
    pub count: Option<u64>,
}

fn range(count: Option<u64>) -> String {
    match count {
        Some(1) => "only one, number 1".to_owned(),
        Some(count) => format!("{count}, numbered from 1 to {count}"),
        None => "more than can be counted, numbered from 1".to_owned(),
    }
}

impl Scenario {
    /// The same scenario with this permutation alone, counted from 1. Where there were others, the
    /// title says which it is.
    pub fn with_permutation(self, number: u64) -> Result<Self, NoPermutation> {
        let count = self.schedules.count();
        let schedule = number.checked_sub(1).and_then(|place| self.schedules.nth(place));
        let Some(schedule) = schedule else {
            return Err(NoPermutation { name: self.name, number, count });
        };
        let title = match count {
            Some(1) => self.title,
            Some(count) => format!("{}, permutation {number} of {count}", self.title),
            None => format!("{}, permutation {number}", self.title),
        };
        let played = self.schedules.played().unwrap_or_else(|| (0..self.steps.len()).collect());
        let picked = Picked { number, schedule, played };
        Ok(Self { title, schedules: Schedules::Picked(picked), ..self })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::core::scenario::spec_file;

    fn spec() -> Scenario {
        let text = "session a step a1 {1} step a2 {2} session b step b1 {3}";
        spec_file::parse(text, Path::new("turns.spec"), "turns").unwrap()
    }

    #[test]
    fn one_is_kept_and_named() {
        let second = spec().with_permutation(2).unwrap();
        let steps: Vec<usize> = second.schedules.first().launches.iter().map(|l| l.step).collect();
        assert_eq!((second.title.as_str(), steps), ("turns, permutation 2 of 3", vec![0, 2, 1]));
        assert_eq!(second.schedules.count(), Some(1));
    }

    #[test]
    fn it_keeps_its_number_and_the_steps_that_others_play() {
        let text = "session a step a1 {1} step a2 {2} step a3 {3} permutation a1 permutation a2";
        let spec = spec_file::parse(text, Path::new("turns.spec"), "turns").unwrap();
        let second = spec.with_permutation(2).unwrap();
        assert_eq!(second.schedules.first_number(), 2);
        assert_eq!(second.schedules.played(), Some(HashSet::from([0, 1])));
    }

    #[test]
    fn a_number_that_there_is_not_is_told_how_many_there_are() {
        for number in [0, 4, u64::MAX] {
            let error = spec().with_permutation(number).unwrap_err();
            let expected =
                format!("turns has no permutation {number}; it has 3, numbered from 1 to 3");
            assert_eq!(error.to_string(), expected);
        }
    }
}
