//! Makes a plan shorter as long as the check stays broken: what is left is the race.
//!
//! It is told how each plan that it proposes went, and proposes the next: first without the half of
//! the turns, then without smaller parts, at last without single ones (delta debugging, as in
//! Zeller's `ddmin`). A turn that is left out is no longer held: its statement passes by itself. It
//! ends when each turn that is left is needed: without any single one the check holds.

use std::collections::HashSet;

use super::plan::{Plan, Release};

/// A search for the shortest plan.
#[derive(Clone, Debug)]
pub struct Shrink {
    plan: Plan,
    /// The turns of the shortest plan so far that breaks the check, by their places in `turns`.
    kept: Vec<usize>,
    /// Each turn of the plan: its release, and its place in that.
    turns: Vec<(usize, usize)>,
    /// How many turns are left out at once, and from which on.
    size: usize,
    from: usize,
    /// Whether a plan broke the check in this pass.
    has_shrunk: bool,
    /// Those that did not break it: none is tried twice.
    held: HashSet<Vec<usize>>,
    tries: usize,
}

impl Shrink {
    /// Of a plan that breaks the check.
    pub fn new(plan: Plan) -> Self {
        let releases = plan.releases.iter().enumerate();
        let turns: Vec<_> = releases
            .flat_map(|(release, all)| (0..all.turns.len()).map(move |nth| (release, nth)))
            .collect();
        let kept: Vec<_> = (0..turns.len()).collect();
        let size = kept.len().div_ceil(2);
        Self { plan, kept, turns, size, from: 0, has_shrunk: false, held: HashSet::new(), tries: 0 }
    }

    /// The shortest plan so far that breaks the check.
    pub fn shortest(&self) -> Plan {
        self.plan_of(&self.kept)
    }

    /// How many plans were tried.
    pub fn tries(&self) -> usize {
        self.tries
    }

    /// The next plan to try; `None` when the shortest is found.
    pub fn next_plan(&mut self) -> Option<Plan> {
        while self.size > 0 {
            if self.from >= self.kept.len() {
                self.begin_pass();
            } else if self.held.contains(&self.candidate()) {
                self.from += self.size;
            } else {
                return Some(self.plan_of(&self.candidate()));
            }
        }
        None
    }

    /// How the plan went that was proposed last: whether the check was broken. A plan that no
    /// longer fits has not broken it.
    pub fn tried(&mut self, is_broken: bool) {
        if self.size == 0 {
            return;
        }
        self.tries += 1;
        let candidate = self.candidate();
        if is_broken {
            // What follows moves up to the same place.
            self.kept = candidate;
            self.has_shrunk = true;
        } else {
            self.held.insert(candidate);
            self.from += self.size;
        }
    }

    /// A pass is over: the next leaves out less at once. Single turns are tried until none can go.
    fn begin_pass(&mut self) {
        self.from = 0;
        self.size = match self.size {
            _ if self.kept.is_empty() => 0,
            1 if !self.has_shrunk => 0,
            size => (size / 2).max(1).min(self.kept.len()),
        };
        self.has_shrunk = false;
    }

    fn candidate(&self) -> Vec<usize> {
        let end = (self.from + self.size).min(self.kept.len());
        [&self.kept[..self.from], &self.kept[end..]].concat()
    }

    fn plan_of(&self, kept: &[usize]) -> Plan {
        let mut releases: Vec<(usize, Release)> = Vec::new();
        for &place in kept {
            let (release, nth) = self.turns[place];
            let turn = self.plan.releases[release].turns[nth].clone();
            match releases.last_mut() {
                Some((last, together)) if *last == release => together.turns.push(turn),
                _ => releases.push((release, Release { turns: vec![turn] })),
            }
        }
        let releases = releases.into_iter().map(|(_, release)| release).collect();
        Plan { releases, ..self.plan.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use proptest::prelude::*;

    use super::*;
    use crate::core::syntax::Strings;
    use crate::debugger::plan::Turn;
    use crate::debugger::statement::Statement;

    fn plan(releases: &[Vec<usize>]) -> Plan {
        let turn = |actor: &usize| {
            let statement = Statement::read("select * from seats", Strings::Conforming);
            Turn::of(&actor.to_string(), &statement)
        };
        let release = |actors: &Vec<usize>| Release { turns: actors.iter().map(turn).collect() };
        Plan { releases: releases.iter().map(release).collect(), ..Plan::default() }
    }

    fn actors(plan: &Plan) -> Vec<usize> {
        let turns = plan.releases.iter().flat_map(|release| &release.turns);
        turns.map(|turn| turn.actor.parse().unwrap()).collect()
    }

    fn shortest(plan: Plan, is_broken: impl Fn(&Plan) -> bool) -> (Plan, usize) {
        let mut shrink = Shrink::new(plan);
        while let Some(candidate) = shrink.next_plan() {
            shrink.tried(is_broken(&candidate));
        }
        (shrink.shortest(), shrink.tries())
    }

    fn without(plan: &Plan, nth: usize) -> Plan {
        let mut left = nth;
        let mut plan = plan.clone();
        for release in &mut plan.releases {
            if left < release.turns.len() {
                release.turns.remove(left);
                break;
            }
            left -= release.turns.len();
        }
        plan.releases.retain(|release| !release.turns.is_empty());
        plan
    }

    #[test]
    fn four_turns_of_forty_are_found() {
        let all: Vec<_> = (0..40).map(|actor| vec![actor]).collect();
        let needed = [3, 17, 18, 39];
        let broken = |plan: &Plan| needed.iter().all(|actor| actors(plan).contains(actor));
        let (found, tries) = shortest(plan(&all), broken);
        assert_eq!(actors(&found), needed);
        assert!(tries < 100, "{tries}");
    }

    #[test]
    fn what_is_let_go_together_stays_together_if_that_is_needed() {
        let all = [vec![0], vec![1, 2, 3], vec![4]];
        let broken = |plan: &Plan| plan.releases.iter().any(|release| release.turns.len() >= 2);
        let (found, _) = shortest(plan(&all), broken);
        assert_eq!(found.releases.len(), 1);
        assert_eq!(found.releases[0].turns.len(), 2);
    }

    #[test]
    fn a_check_that_is_broken_without_any_plan_needs_none() {
        let (found, tries) = shortest(plan(&[vec![0], vec![1], vec![2]]), |_| true);
        assert!(found.releases.is_empty() && tries <= 3, "{tries}");
        assert_eq!(shortest(Plan::default(), |_| true), (Plan::default(), 0));
    }

    proptest! {
        /// Whatever the check depends on, a single turn less mends it.
        #[test]
        fn each_turn_of_the_shortest_plan_is_needed(
            releases in prop::collection::vec(prop::collection::vec(0_usize..4, 1..3), 0..12),
            needs in prop::collection::vec(0_usize..4, 0..5),
            whim in any::<u64>(),
        ) {
            let all = plan(&releases);
            let broken = |plan: &Plan| {
                let mut actors = actors(plan).into_iter();
                let has_race = needs.iter().all(|actor| actors.any(|other| other == *actor));
                let mut hasher = DefaultHasher::new();
                (plan.to_string(), whim).hash(&mut hasher);
                *plan == all || (has_race && hasher.finish().is_multiple_of(3))
            };
            let (found, _) = shortest(all.clone(), broken);
            prop_assert!(broken(&found));
            let turns: usize = found.releases.iter().map(|release| release.turns.len()).sum();
            for nth in 0..turns {
                prop_assert!(!broken(&without(&found, nth)), "{} of {}", nth, found);
            }
        }
    }
}
