//! The lines of one part of a scenario, and how they fare.

use std::collections::BTreeMap;

use super::scene::{Before, Found, Scene, is_of_a_wait};
use super::{Breach, Part, Verdict};
use crate::core::scenario::variables::fill;
use crate::core::scenario::{EngineKind, Expectation, Expected, Isolation};
use crate::core::syntax::Strings;

/// The lines of one part, and how they fare.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    line: usize,
    pub(super) lines: Vec<Expectation>,
    pub(super) verdicts: Vec<Verdict>,
    /// A wait that no line speaks of.
    pub(super) unsaid: Option<String>,
    pub(super) is_settled: bool,
    /// How everybody stood when it was sent.
    pub(super) before: Before,
    /// Whether a person has cancelled something before it was judged.
    pub(super) is_excused: bool,
}

impl Judged {
    pub(super) fn new(
        line: usize,
        lines: &[Expectation],
        engine: EngineKind,
        level: Isolation,
    ) -> Self {
        let own = lines.iter().any(|line| line.engine == Some(engine));
        let is_here = |line: &Expectation| match line.engine {
            None => true,
            Some(kind) if kind == engine => true,
            // What is said of the optimistic engine holds for DSQL too, unless the step says
            // something of DSQL itself.
            Some(EngineKind::Optimistic) => engine == EngineKind::Dsql && !own,
            Some(_) => false,
        };
        let verdicts = lines.iter().map(|line| {
            let is_here = is_here(line) && (line.levels.is_empty() || line.levels.contains(&level));
            let is_of_a_play = !matches!(line.expected, Expected::Explore(_));
            if is_here && is_of_a_play { Verdict::NotReached } else { Verdict::NotHere }
        });
        Self { line, lines: lines.to_vec(), verdicts: verdicts.collect(), ..Self::default() }
    }

    /// The lines that are still to be judged.
    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Expected)> {
        let open = self.lines.iter().zip(&self.verdicts).enumerate();
        open.filter(|(_, (_, verdict))| **verdict == Verdict::NotReached)
            .map(|(nth, (line, _))| (nth, &line.expected))
    }

    /// Puts values in the places of their names in the invariants: they go out so.
    pub(super) fn fill_invariants(&mut self, variables: &BTreeMap<String, String>) {
        for line in &mut self.lines {
            if let Expected::Holds(sql) = &mut line.expected {
                *sql = fill(sql, variables, Strings::default());
            }
        }
    }

    /// Judges it at the quiet after it was sent.
    pub(super) fn settle(&mut self, scene: &Scene) -> Found {
        // Before judging, since a wait that is kept is open no longer.
        let says_waiting = self.open().any(|(_, expected)| is_of_a_wait(expected));
        let found = self.judge(scene);
        self.is_settled = true;
        let Some(own) = scene.own().filter(|own| own.is_busy && !says_waiting) else {
            return found;
        };
        self.unsaid = (!self.is_excused).then(|| own.describe());
        // The step has had its turn: what is still open is about an answer that did not come.
        let open: Vec<usize> = self.open().map(|(nth, _)| nth).collect();
        for nth in open {
            self.decide(nth, Verdict::Broken { found: own.describe() });
        }
        found
    }

    /// Judges what can be judged by now.
    pub(super) fn judge(&mut self, scene: &Scene) -> Found {
        let mut found = Found::default();
        let (open, lines): (Vec<usize>, Vec<&Expected>) = self.open().unzip();
        let verdicts = scene.judge(&lines, &mut found);
        for (nth, verdict) in open.into_iter().zip(verdicts) {
            self.decide(nth, verdict);
        }
        found
    }

    fn decide(&mut self, nth: usize, verdict: Verdict) {
        self.verdicts[nth] = match verdict {
            Verdict::Broken { .. } if self.is_excused => Verdict::Excused,
            verdict => verdict,
        };
    }

    pub(super) fn breaches(&self, part: Part) -> Vec<Breach> {
        let lines = self.lines.iter().zip(&self.verdicts).filter_map(|(line, verdict)| {
            let Verdict::Broken { found } = verdict else { return None };
            Some(Breach {
                part,
                line: line.line,
                expected: line.text.clone(),
                found: found.clone(),
            })
        });
        let unsaid = self.unsaid.iter().map(|found| Breach {
            part,
            line: self.line,
            expected: "an answer".to_owned(),
            found: found.clone(),
        });
        let lines: Vec<Breach> = lines.collect();
        // A line that is broken says already what was found.
        if lines.is_empty() { unsaid.collect() } else { lines }
    }
}
