//! What was found beside what the file says can be found.

use crate::core::scenario::claim::{Claim, Subject};
use crate::explorer::exploration::Exploration;
use crate::explorer::explore::Judged;
use crate::explorer::outcome::Reply;
use crate::explorer::serial::Verdict;

/// What became of a file's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub claim: Claim,
    /// The file's line, from 1.
    pub line: usize,
    /// Whether it says that it is possible here.
    pub is_possible: bool,
    /// A class in which it is so.
    pub found: Option<usize>,
    pub fate: Fate,
}

/// Whether a line is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Broken,
    /// Nobody can say: not everything was played.
    Unknown,
}

/// Everything that the file's lines say of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub told: Vec<Told>,
    /// The classes that are anomalies or break an invariant, and that no line speaks of.
    pub unexpected: Vec<usize>,
}

impl Expected {
    /// What the scenario's lines say of this.
    pub fn of(exploration: &Exploration) -> Self {
        let Exploration { scenario, engine, level, found, .. } = exploration;
        let claims = scenario.claims(*engine, *level);
        let told: Vec<Told> = claims
            .into_iter()
            .map(|(claim, is_possible, line)| told(exploration, claim, is_possible, line))
            .collect();
        let is_expected = |class: usize| {
            let mut possible = told.iter().filter(|it| it.is_possible);
            possible.any(|it| is_so(exploration, class, &it.claim.what))
        };
        let unexpected = (0..found.classes.len())
            .filter(|&class| is_bad(&found.classes[class]) && !is_expected(class))
            .collect();
        Self { told, unexpected }
    }

    /// Whether everything is as the file says.
    pub fn is_kept(&self) -> bool {
        self.unexpected.is_empty() && self.told.iter().all(|it| it.fate != Fate::Broken)
    }
}

/// Whether it is an anomaly, or breaks an invariant.
pub fn is_bad(judged: &Judged) -> bool {
    !judged.class.broken.is_empty() || judged.verdict.as_ref().is_some_and(Verdict::is_anomaly)
}

fn told(exploration: &Exploration, claim: Claim, is_possible: bool, line: usize) -> Told {
    let mut classes = 0..exploration.found.classes.len();
    let found = classes.find(|&class| is_so(exploration, class, &claim.what));
    let fate = match (is_possible, found, exploration.found.is_complete) {
        (true, Some(_), _) | (false, None, true) => Fate::Kept,
        (false, Some(_), _) | (true, None, true) => Fate::Broken,
        (_, None, false) => Fate::Unknown,
    };
    Told { claim, line, is_possible, found, fate }
}

/// Whether a class is what a line speaks of.
fn is_so(exploration: &Exploration, class: usize, what: &Subject) -> bool {
    let judged = &exploration.found.classes[class];
    let mut replies = judged.class.outcome.replies.iter().flatten();
    match what {
        Subject::Anomaly => judged.verdict.as_ref().is_some_and(Verdict::is_anomaly),
        Subject::Kind(kind) => exploration.kinds[class] == Some(*kind),
        Subject::Error(code) => replies.any(|reply| reply.failures().any(|it| it == code)),
        Subject::Stuck => replies.any(|reply| *reply == Reply::Waits),
        Subject::Broken(_) => !judged.class.broken.is_empty(),
    }
}
