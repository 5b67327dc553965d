//! The orders that were played on programs, so that none is played twice: the search begins again
//! whenever it learns of a statement, and starting programs is slow.

use super::Record;
use crate::explorer::played::{Guide, Launched, Played};

/// What was played.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: Vec<Record>,
    /// The one that was asked for last.
    last: Option<usize>,
}

impl Known {
    /// Follows a guide through what was played. Where it leaves that, the order so far.
    pub(super) fn follow(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, Vec<usize>> {
        let mut fit: Vec<usize> = (0..self.all.len()).collect();
        let mut order = Vec::new();
        loop {
            let Some(first) = fit.first().copied() else { return Err(order) };
            let played = &self.all[first].played;
            let at = order.len();
            let enabled = played.launches.get(at).map_or(&played.enabled, |next| &next.enabled);
            if at == played.launches.len() && (enabled.is_empty() || played.end.is_some()) {
                self.last = Some(first);
                return Ok(played.clone());
            }
            let so_far = so_far(&played.launches, at);
            let Some(choice) = guide.next(&so_far, enabled) else {
                let (enabled, waiting) = (enabled.clone(), waiting(&so_far));
                self.last = Some(first);
                return Ok(Played { launches: so_far, enabled, waiting, end: None });
            };
            order.push(choice);
            let all = &self.all;
            fit.retain(|it| {
                all[*it].played.launches.get(at).is_some_and(|it| it.session == choice)
            });
        }
    }

    pub(super) fn add(&mut self, record: Record) {
        self.last = Some(self.all.len());
        self.all.push(record);
    }

    /// The one that was asked for last.
    pub(super) fn last(&self) -> Option<&Record> {
        self.last.and_then(|last| self.all.get(last))
    }
}

/// The launches before this one, with what was answered before it.
fn so_far(launches: &[Launched], at: usize) -> Vec<Launched> {
    let mut launches = launches[..at].to_vec();
    for launch in &mut launches {
        launch.answer.take_if(|answer| answer.after >= at);
    }
    launches
}

fn waiting(launches: &[Launched]) -> Vec<usize> {
    let waiting = launches.iter().filter(|launch| launch.answer.is_none());
    waiting.map(|launch| launch.session).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::TransactionStatus;
    use crate::explorer::played::{Answered, End};

    struct Order(Vec<usize>);

    impl Guide for Order {
        fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
            self.0.get(so_far.len()).copied().filter(|next| enabled.contains(next))
        }
    }

    fn launched(session: usize, step: usize, enabled: &[usize], after: usize) -> Launched {
        let status = TransactionStatus::Idle;
        let answer = Answered { outcomes: Vec::new(), status, lost: None, after };
        Launched { session, step, enabled: enabled.to_vec(), answer: Some(answer) }
    }

    fn played() -> Played {
        Played {
            // The second waits for the third.
            launches: vec![
                launched(0, 0, &[0, 1], 0),
                launched(1, 0, &[0, 1], 2),
                launched(0, 1, &[0], 2),
            ],
            end: Some(End::default()),
            ..Played::default()
        }
    }

    #[test]
    fn an_order_that_was_played_is_looked_up() {
        let mut known = Known::default();
        known.add(Record { played: played(), ..Record::default() });
        assert_eq!(known.follow(&mut Order(vec![0, 1, 0])), Ok(played()));
        assert_eq!(known.last().map(|record| &record.played), Some(&played()));
    }

    #[test]
    fn what_leaves_it_is_to_be_played_from_there() {
        let mut known = Known::default();
        assert_eq!(known.follow(&mut Order(vec![1])), Err(vec![]));
        known.add(Record { played: played(), ..Record::default() });
        assert_eq!(known.follow(&mut Order(vec![0, 0])), Err(vec![0, 0]));
        assert_eq!(known.follow(&mut Order(vec![1])), Err(vec![1]));
    }

    #[test]
    fn broken_off_nobody_knows_what_came_later() {
        let mut known = Known::default();
        known.add(Record { played: played(), ..Record::default() });
        let broken = known.follow(&mut Order(vec![0, 1])).unwrap();
        assert_eq!((broken.enabled, broken.waiting, broken.end), (vec![0], vec![1], None));
        assert_eq!(broken.launches[1].answer, None);
    }
}
