//! What has to be explained of an order: all but what was refused.

use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome as Answer;
use crate::explorer::played::{Launched, Played};
use crate::explorer::transaction::REFUSALS;

/// What was played without the transactions that were refused: nobody has to explain what they
/// saw, and whoever begins again has seen something else.
pub(super) fn explained(played: &Played) -> Played {
    let mut kept: Vec<Launched> = Vec::new();
    let sessions = played.launches.iter().map(|it| it.session + 1).max().unwrap_or_default();
    for session in 0..sessions {
        let own = played.launches.iter().filter(|it| it.session == session);
        let told = of_transactions(own.cloned().collect()).into_iter().flatten();
        kept.extend(told.enumerate().map(|(step, launch)| Launched { step, ..launch }));
    }
    kept.sort_by_key(|launch| {
        let mut launches = played.launches.iter();
        launches.position(|it| it.session == launch.session && it.answer == launch.answer)
    });
    Played { launches: kept, ..played.clone() }
}

/// A session's transactions that were not refused.
fn of_transactions(launches: Vec<Launched>) -> Vec<Vec<Launched>> {
    let mut all = vec![Vec::new()];
    for launch in launches {
        let answer = launch.answer.as_ref();
        let is_over = answer.is_some_and(|it| it.status == TransactionStatus::Idle);
        if let Some(last) = all.last_mut() {
            last.push(launch);
        }
        if is_over {
            all.push(Vec::new());
        }
    }
    all.retain(|transaction: &Vec<Launched>| !is_refused(transaction));
    all
}

fn is_refused(transaction: &[Launched]) -> bool {
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

    #[test]
    fn what_was_refused_and_done_again_counts_once() {
        let launches = vec![
            launched(0, 0, "UPDATE 1", false),
            launched(1, 0, "40001", true),
            launched(0, 1, "COMMIT", true),
            launched(1, 1, "UPDATE 1", false),
            launched(1, 2, "COMMIT", true),
        ];
        let kept = explained(&Played { launches, ..Played::default() }).launches;
        let kept: Vec<_> = kept.iter().map(|it| (it.session, it.step)).collect();
        assert_eq!(kept, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }

    #[test]
    fn a_refusal_that_was_committed_over_is_an_answer() {
        let launches = vec![launched(0, 0, "40001", false), launched(0, 1, "COMMIT", true)];
        assert_eq!(explained(&Played { launches, ..Played::default() }).launches.len(), 2);
    }
}
