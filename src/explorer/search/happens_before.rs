//! What must come before what in a play, if nobody is to notice a difference.

use super::super::played::Launched;
use super::dependence::{Deed, Dependence};

/// The launches of a play, partly ordered.
#[derive(Debug)]
pub(super) struct HappensBefore {
    sessions: Vec<usize>,
    pub(super) deeds: Vec<Deed>,
    /// For each launch how many launches of each session come before it or are it.
    clocks: Vec<Vec<usize>>,
    /// For each launch its number among its session's, from 1.
    numbers: Vec<usize>,
    /// For each launch the one that let its session go on to it.
    enabled_by: Vec<Option<usize>>,
}

/// Two launches that might have come the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Race {
    /// The place of the earlier one.
    pub(super) place: usize,
    /// The sessions of which one must be sent there instead.
    pub(super) initials: Vec<usize>,
    /// The sessions as they are sent from there, until the later one is.
    pub(super) reversed: Vec<usize>,
}

impl HappensBefore {
    pub(super) fn of(dependence: &Dependence, launches: &[Launched]) -> Self {
        let sessions: Vec<usize> = launches.iter().map(|launched| launched.session).collect();
        let deeds = (0..launches.len()).map(|place| dependence.deed(launches, place)).collect();
        let enabled_by = (0..launches.len()).map(|place| enabled_by(launches, place)).collect();
        let mut order =
            Self { numbers: numbers(&sessions), sessions, deeds, clocks: Vec::new(), enabled_by };
        let count = order.sessions.iter().max().map_or(0, |most| most + 1);
        for later in 0..launches.len() {
            let mut clock = vec![0; count];
            clock[order.sessions[later]] = order.numbers[later];
            for earlier in 0..later {
                if order.is_direct(dependence, launches, earlier, later) {
                    for (known, seen) in clock.iter_mut().zip(&order.clocks[earlier]) {
                        *known = (*known).max(*seen);
                    }
                }
            }
            order.clocks.push(clock);
        }
        order
    }

    fn is_direct(&self, by: &Dependence, launches: &[Launched], one: usize, later: usize) -> bool {
        let answered = launches[one].answer.as_ref().map(|answer| answer.after);
        by.depend(&self.deeds[one], &self.deeds[later])
            || self.enabled_by[later] == Some(one)
            || answered == Some(later)
    }

    fn comes_before(&self, one: usize, later: usize) -> bool {
        self.clocks[later][self.sessions[one]] >= self.numbers[one]
    }

    /// The races of the launch at this place with those before it.
    pub(super) fn races(&self, dependence: &Dependence, later: usize) -> Vec<Race> {
        let reversible = |&one: &usize| {
            let between = |other| self.comes_before(one, other) && self.comes_before(other, later);
            self.sessions[one] != self.sessions[later]
                && self.enabled_by[later] != Some(one)
                && self.comes_before(one, later)
                && !(one + 1..later).any(between)
        };
        let race = |one| self.race(dependence, one, later);
        (0..later).filter(reversible).map(race).collect()
    }

    fn race(&self, dependence: &Dependence, place: usize, later: usize) -> Race {
        let free: Vec<usize> =
            (place + 1..later).filter(|&other| !self.comes_before(place, other)).collect();
        let is_first = |other: &usize| {
            free.iter().take_while(|before| *before < other).all(|&b| !self.comes_before(b, *other))
        };
        let firsts = free.iter().filter(|other| is_first(other));
        let mut initials: Vec<usize> = firsts.map(|&other| self.sessions[other]).collect();
        // Sent earlier, it may have to wait.
        let waiting = Dependence::waiting(&self.deeds[later]);
        let alone = free.iter().all(|&other| {
            !self.comes_before(other, later) && !dependence.depend(&self.deeds[other], &waiting)
        });
        if alone {
            initials.push(self.sessions[later]);
        }
        let reversed = free.iter().chain([&later]).map(|&other| self.sessions[other]);
        Race { place, initials, reversed: reversed.collect() }
    }

    /// The launches' sessions, as they were sent.
    pub(super) fn sessions(&self) -> &[usize] {
        &self.sessions
    }

    /// For the launch at this place how many of each session come before it or are it.
    pub(super) fn clock(&self, place: usize) -> &[usize] {
        &self.clocks[place]
    }
}

/// Who let the session go on to the launch at this place, if its launch before had to wait.
fn enabled_by(launches: &[Launched], place: usize) -> Option<usize> {
    let session = launches[place].session;
    let before = launches[..place].iter().rposition(|other| other.session == session)?;
    let after = launches[before].answer.as_ref()?.after;
    (after != before).then_some(after)
}

fn numbers(sessions: &[usize]) -> Vec<usize> {
    let number = |(place, session): (usize, &usize)| {
        sessions[..=place].iter().filter(|other| *other == session).count()
    };
    sessions.iter().enumerate().map(number).collect()
}
