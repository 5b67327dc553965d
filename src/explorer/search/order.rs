//! An order that is to be played: a beginning that is prescribed, then whatever nothing else
//! stands for.

use std::sync::Arc;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::super::played::{Guide, Launched};
use super::dependence::{Deed, Dependence};

/// What somebody says whose turn it is.
#[derive(Debug)]
pub struct Order {
    pub(super) generation: u64,
    /// How often it was already tried in vain.
    pub(super) attempts: usize,
    /// The sessions that are prescribed.
    pub(super) path: Vec<usize>,
    /// Who should go on after that.
    pub(super) hint: Vec<usize>,
    pub(super) rest: Rest,
    pub(super) ended: Ended,
}

/// How it goes on where nothing is prescribed.
#[derive(Debug)]
pub(super) enum Rest {
    /// The same session as long as it can.
    Any,
    /// The same session as long as it can; orders that stand for others that are played are not.
    Reduced(Reduced),
    /// At random: how many steps each session has, and the dice.
    Random(Vec<usize>, Xoshiro256PlusPlus),
}

#[derive(Debug)]
pub(super) struct Reduced {
    pub(super) dependence: Arc<Dependence>,
    /// For the last prescribed launch and each after it: what is asleep before it. Whatever was
    /// played from there and commutes with all since needs not be played again.
    pub(super) asleep: Vec<Vec<Deed>>,
}

/// Why no more was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The guide did not end it.
    No,
    /// All that could go on is asleep.
    Asleep,
    /// The session that is prescribed could not go on.
    Diverged,
}

impl Order {
    pub(super) fn random(steps: Vec<usize>, seed: u64) -> Rest {
        Rest::Random(steps, Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn prescribed(&mut self, session: usize, enabled: &[usize]) -> Option<usize> {
        let next = enabled.contains(&session).then_some(session);
        if next.is_none() {
            self.ended = Ended::Diverged;
        }
        next
    }

    fn chosen(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        let free: Vec<usize> = match &mut self.rest {
            Rest::Any => enabled.to_vec(),
            Rest::Random(steps, dice) => return random(steps, dice, so_far, enabled),
            Rest::Reduced(reduced) => reduced.awake(so_far, enabled),
        };
        let last = so_far.last().map(|launched| launched.session);
        let hint = self.hint.get(so_far.len() - self.path.len()).copied();
        let wanted = hint.or(last).filter(|session| free.contains(session));
        let next = wanted.or_else(|| free.first().copied());
        if next != hint {
            self.hint.clear();
        }
        if next.is_none() {
            self.ended = Ended::Asleep;
        }
        next
    }
}

impl Reduced {
    fn awake(&mut self, so_far: &[Launched], enabled: &[usize]) -> Vec<usize> {
        if let (Some(asleep), false) = (self.asleep.last(), so_far.is_empty()) {
            let deed = self.dependence.deed(so_far, so_far.len() - 1);
            let still = |other: &&Deed| !self.dependence.depend(other, &deed);
            let still = asleep.iter().filter(still).cloned().collect();
            self.asleep.push(still);
        }
        let asleep = self.asleep.last();
        let sleeps = |session| asleep.is_some_and(|a| a.iter().any(|d| d.session() == session));
        enabled.iter().copied().filter(|&session| !sleeps(session)).collect()
    }
}

/// A session with many steps left is likelier to be next, as it is among all orders.
fn random(
    steps: &[usize],
    dice: &mut Xoshiro256PlusPlus,
    so_far: &[Launched],
    enabled: &[usize],
) -> Option<usize> {
    let sent = |session| so_far.iter().filter(|launched| launched.session == session).count();
    let left = |&session: &usize| steps[session].saturating_sub(sent(session));
    let all: usize = enabled.iter().map(left).sum();
    let mut place = dice.random_range(0..all.max(1));
    let chosen = enabled.iter().find(|session| {
        let own = left(session);
        let is_here = place < own;
        place = place.saturating_sub(own);
        is_here
    });
    chosen.or(enabled.first()).copied()
}

impl Guide for Order {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        match self.path.get(so_far.len()) {
            Some(&session) => self.prescribed(session, enabled),
            None => self.chosen(so_far, enabled),
        }
    }
}
