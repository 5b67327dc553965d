//! What has to be explained of an order: all but what was refused.

use std::collections::{BTreeMap, BTreeSet};

use super::Sent;
use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome as Answer;
use crate::explorer::played::{Launched, Played};
use crate::explorer::transaction::REFUSALS;

/// What was played without the transactions that were refused: nobody has to explain what they
/// saw, and whoever begins again has seen something else.
pub(super) fn explained(played: &Played, sent: &[Sent]) -> Played {
    let refused = refused(played, sent);
    let mut steps: BTreeMap<usize, usize> = BTreeMap::new();
    let kept = played.launches.iter().enumerate().filter(|(at, _)| !refused.contains(at));
    let kept = kept.map(|(_, launch)| {
        let next = steps.entry(launch.session).or_default();
        *next += 1;
        Launched { step: *next - 1, ..launch.clone() }
    });
    Played { launches: kept.collect(), ..played.clone() }
}

/// The places of what belongs to transactions that were refused.
fn refused(played: &Played, sent: &[Sent]) -> BTreeSet<usize> {
    let mut open: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut all = Vec::new();
    for (at, (launch, sent)) in played.launches.iter().zip(sent).enumerate() {
        let own = open.entry(sent.connection).or_default();
        own.push(at);
        let answer = launch.answer.as_ref();
        if answer.is_some_and(|it| it.status == TransactionStatus::Idle) {
            all.push(std::mem::take(own));
        }
    }
    all.extend(open.into_values());
    let launches = |places: &[usize]| -> Vec<&Launched> {
        places.iter().map(|at| &played.launches[*at]).collect()
    };
    all.into_iter().filter(|places| is_refused(&launches(places))).flatten().collect()
}

fn is_refused(transaction: &[&Launched]) -> bool {
    let answers = transaction.iter().filter_map(|launch| launch.answer.as_ref());
    let outcomes: Vec<&Answer> = answers.flat_map(|answer| &answer.outcomes).collect();
    let is_refusal = |answer: &&Answer| match answer {
        Answer::Failed(error) => REFUSALS.contains(&error.code.as_str()),
        _ => false,
    };
    let commits = |answer: &&Answer| matches!(answer, Answer::Done { tag } if tag == "COMMIT");
    outcomes.iter().any(is_refusal) && !outcomes.last().is_some_and(commits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::ServerMessage;
    use crate::explorer::played::Answered;

    fn launched(session: usize, step: usize, said: &str, is_over: bool) -> Launched {
        let outcomes = vec![match said {
            "40001" => {
                Answer::Failed(ServerMessage { code: said.to_owned(), ..ServerMessage::default() })
            }
            tag => Answer::Done { tag: tag.to_owned() },
        }];
        let status =
            if is_over { TransactionStatus::Idle } else { TransactionStatus::InTransaction };
        let answer = Some(Answered { outcomes, status, lost: None, after: 0 });
        Launched { session, step, enabled: Vec::new(), answer }
    }

    /// What is kept where each program has one connection.
    fn kept(launches: Vec<Launched>) -> Vec<Launched> {
        let sent = |launch: &Launched| Sent { connection: launch.session, ..Sent::default() };
        let sent: Vec<Sent> = launches.iter().map(sent).collect();
        explained(&Played { launches, ..Played::default() }, &sent).launches
    }

    #[test]
    fn what_was_refused_and_done_again_counts_once() {
        let launches = vec![
            launched(0, 0, "UPDATE 1", false),
            launched(1, 0, "40001", true),
            launched(0, 1, "COMMIT", true),
            launched(1, 1, "UPDATE 1", false),
            launched(1, 2, "COMMIT", true),
        ];
        let kept = kept(launches);
        let kept: Vec<_> = kept.iter().map(|it| (it.session, it.step)).collect();
        assert_eq!(kept, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }

    #[test]
    fn a_refusal_that_was_committed_over_is_an_answer() {
        let launches = vec![launched(0, 0, "40001", false), launched(0, 1, "COMMIT", true)];
        assert_eq!(kept(launches).len(), 2);
    }
}
