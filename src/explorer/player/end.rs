//! What is there at the end of an order: the tables, the `finally` part, the invariants.

use super::{Order, PlayerError, Seen, SessionPlayer};
use crate::core::event::answer::Outcome;
use crate::explorer::played::{BrokenInvariant, End};

impl SessionPlayer {
    /// Looks at the tables, and where the order is whole at all that is asked at its end.
    pub(super) async fn look_at_end(
        &mut self,
        is_whole: bool,
        broken: Vec<BrokenInvariant>,
    ) -> Result<Seen, PlayerError> {
        if self.makes_tables {
            self.tables = self.place.tables(&self.control).await?;
        }
        let now = self.tables.look(&self.control);
        let asked = async {
            if !is_whole {
                return Ok(Vec::new());
            }
            self.runner.ask(&self.finale).await
        };
        let sequences = self.tables.sequence_states(&self.control);
        let (now, sequences, answers) = tokio::join!(now, sequences, asked);
        let (now, sequences, mut answers) = (now?, sequences?, answers?);
        let invariants = self.scenario.invariants.len().min(answers.len());
        let about_invariants = answers.split_off(answers.len() - invariants);
        let mut broken = broken;
        for (invariant, gave) in failing(&about_invariants) {
            if broken.iter().all(|known| known.invariant != invariant) {
                broken.push(BrokenInvariant { invariant, after: None, gave });
            }
        }
        let changed = self.tables.changed(&now);
        if let Some(measured) = &self.measured {
            for &at in &changed {
                let table = &self.tables.all[at];
                let keys = table.changed_keys(&now[at]);
                if keys.as_ref().is_none_or(|keys| !keys.is_empty()) {
                    measured.check_rows(&table.name, keys.as_ref());
                }
            }
        }
        let finally = answers.into_iter().flatten().collect();
        let end = End { tables: self.tables.told(now), finally, broken };
        Ok(Seen { end, changed, sequences })
    }

    /// Looks at the invariants after a step, where that is wanted.
    pub(super) async fn look_at_invariants(
        &mut self,
        order: &mut Order<'_>,
    ) -> Result<(), PlayerError> {
        if !self.looks_after_steps || self.scenario.invariants.is_empty() {
            return Ok(());
        }
        let questions: Vec<String> =
            self.scenario.invariants.iter().map(|invariant| invariant.sql.clone()).collect();
        let after = order.launches.len().checked_sub(1);
        for (invariant, gave) in failing(&self.runner.ask(&questions).await?) {
            if order.broken.iter().all(|known| known.invariant != invariant) {
                order.broken.push(BrokenInvariant { invariant, after, gave });
            }
        }
        Ok(())
    }
}

/// The invariants that do not give true, and what they give instead.
fn failing(answers: &[Vec<Outcome>]) -> Vec<(usize, String)> {
    let each = answers.iter().enumerate();
    each.filter_map(|(at, outcomes)| Some((at, instead_of_true(outcomes.last()?)?))).collect()
}

fn instead_of_true(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(message) => Some(format!("ERROR {}: {}", message.code, message.message)),
        Outcome::Done { tag } => Some(tag.clone()),
        Outcome::Result { rows, .. } => match rows.as_slice() {
            [row] if row.len() == 1 && row[0].as_deref() == Some("t") => None,
            [] => Some("no row".to_owned()),
            [row] => {
                Some(row.iter().map(|cell| shown(cell.as_deref())).collect::<Vec<_>>().join(" | "))
            }
            rows => Some(format!("{} rows", rows.len())),
        },
    }
}

fn shown(cell: Option<&str>) -> &str {
    cell.unwrap_or("null")
}
