use std::time::Duration;

use super::*;
use crate::core::event::{
    Blocker, Certainty, ServerMessage, SubmissionId, TransactionStatus, Wait, WaitTarget,
};

fn told(account: &mut Account, session: &str, kind: Kind) {
    let session = Some(SessionName::new(session));
    account.apply(&Event { at: Duration::ZERO, session, kind });
}

fn sent(account: &mut Account, session: &str, step: Option<usize>) {
    told(
        account,
        session,
        Kind::Sent { submission: SubmissionId(1), sql: "select 1".into(), step, typed: None },
    );
}

fn done(account: &mut Account, session: &str, tag: &str) {
    told(account, session, Kind::Done { tag: tag.to_owned(), rows: 0 });
    let (submission, status) = (SubmissionId(1), TransactionStatus::Idle);
    told(account, session, Kind::Ready { submission, status, elapsed: Duration::ZERO });
}

fn waits(account: &mut Account, session: &str) {
    let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
    let (target, certainty) = (WaitTarget::Transaction, Certainty::Observed);
    told(account, session, Kind::Waiting(Wait { blockers, target, certainty }));
}

#[test]
fn a_wait_differs_from_an_answer_and_goes_on_to_after_it_has_ended() {
    let (mut above, mut below) = (Account::default(), Account::default());
    sent(&mut above, "Mallory", Some(6));
    sent(&mut below, "Mallory", Some(6));
    done(&mut below, "Mallory", "UPDATE 1");
    assert!(!above.differs_at(&below, 6), "one of them is still on its way");
    waits(&mut above, "Mallory");
    assert!(above.differs_at(&below, 6) && above.differs_in(&below, &SessionName::new("Mallory")));
    assert_eq!(above.step(6).unwrap().words_beside(None), "waits for Bob");
    told(&mut above, "Mallory", Kind::Resumed { waited: Duration::ZERO });
    done(&mut above, "Mallory", "UPDATE 0");
    assert_eq!(above.step(6).unwrap().words_beside(None), "waits for Bob, then UPDATE 0");
    assert!(above.differs_at(&below, 6));
}

#[test]
fn the_same_tag_is_no_difference_and_a_refusal_is_one() {
    let (mut above, mut below) = (Account::default(), Account::default());
    for account in [&mut above, &mut below] {
        sent(account, "Bob", Some(0));
        done(account, "Bob", "BEGIN");
        sent(account, "Bob", Some(1));
    }
    done(&mut above, "Bob", "COMMIT");
    let message = "change conflicts with another transaction, please retry: (OC000)".to_owned();
    let refusal = ServerMessage { code: "40001".to_owned(), message, ..ServerMessage::default() };
    told(&mut below, "Bob", Kind::Failed(refusal));
    let (submission, status) = (SubmissionId(1), TransactionStatus::Idle);
    told(&mut below, "Bob", Kind::Ready { submission, status, elapsed: Duration::ZERO });
    assert!(!above.differs_at(&below, 0) && above.differs_at(&below, 1));
    assert_eq!(below.step(1).unwrap().words_beside(None), "ERROR 40001 (OC000)");
}

#[test]
fn of_two_results_of_the_same_size_the_row_that_differs_is_shown() {
    let mut accounts = [Account::default(), Account::default()];
    for (account, holder) in accounts.iter_mut().zip(["Bob", "Mallory"]) {
        sent(account, "Alice", Some(0));
        told(account, "Alice", Kind::Columns(Vec::new()));
        let row = |name: &str| vec![Some("A-4".to_owned()), Some(name.to_owned())];
        told(account, "Alice", Kind::Rows(vec![row("Carol"), row(holder)]));
        told(account, "Alice", Kind::Done { tag: "SELECT 2".to_owned(), rows: 2 });
        done(account, "Alice", "COMMIT");
    }
    let [above, below] = &accounts;
    let words = above.step(0).unwrap().words_beside(below.step(0));
    assert_eq!(words, "A-4 | Bob, COMMIT");
    assert_eq!(above.step(0).unwrap().words_beside(None), "(2 rows), COMMIT");
}

#[test]
fn what_was_typed_into_one_alone_is_compared_with_nothing() {
    let (mut above, mut below) = (Account::default(), Account::default());
    sent(&mut above, "Bob", None);
    done(&mut above, "Bob", "UPDATE 1");
    assert!(!above.differs_in(&below, &SessionName::new("Bob")));
    sent(&mut below, "Bob", None);
    done(&mut below, "Bob", "UPDATE 0");
    assert!(above.differs_in(&below, &SessionName::new("Bob")));
}
