use std::time::Duration;

use super::*;

fn tell(places: &mut Places, name: &str, kinds: impl IntoIterator<Item = Kind>) {
    for kind in kinds {
        places.hear(GuestNews::Happened(SessionName::new(name), kind));
    }
}

fn held(sql: &str) -> Kind {
    Kind::Held { sql: sql.into(), does: format!("does {sql}"), why: String::new(), patience: None }
}

fn goes(submission: u64, sql: &str) -> [Kind; 2] {
    let sent = Kind::Sent {
        submission: SubmissionId(submission),
        sql: sql.into(),
        step: None,
        typed: None,
    };
    [Kind::LetGo { held: Duration::ZERO, fate: Fate::Passed }, sent]
}

fn done(submission: u64, tag: &str, status: TransactionStatus) -> [Kind; 2] {
    let (submission, elapsed) = (SubmissionId(submission), Duration::ZERO);
    [Kind::Done { tag: tag.to_owned(), rows: 0 }, Kind::Ready { submission, status, elapsed }]
}

fn two() -> Places {
    let mut places = Places::new(vec!["alice".to_owned(), "bob".to_owned()], 2);
    for (name, pid) in [("alice", 11), ("bob", 12)] {
        tell(&mut places, name, [Kind::Connected { pid: crate::core::event::Pid(pid) }]);
    }
    places
}

const INSIDE: TransactionStatus = TransactionStatus::InTransaction;

#[test]
fn a_launch_is_what_it_came_to_and_after_which_launch_that_was() {
    let mut places = two();
    tell(&mut places, "alice", [held("u1")]);
    tell(&mut places, "bob", [held("u2")]);
    assert_eq!(places.held(), [0, 1]);
    places.launch(0, "".into(), vec![0, 1]);
    tell(&mut places, "alice", goes(1, "u1"));
    assert_eq!(places.running(), [11]);
    tell(&mut places, "alice", done(1, "UPDATE 1", INSIDE));
    places.launch(1, "".into(), vec![1]);
    tell(&mut places, "bob", goes(2, "u2"));
    tell(&mut places, "alice", [held("commit")]);
    places.launch(0, "".into(), vec![0]);
    tell(&mut places, "alice", goes(3, "commit"));
    tell(&mut places, "alice", done(3, "COMMIT", TransactionStatus::Idle));
    tell(&mut places, "bob", done(2, "UPDATE 0", TransactionStatus::Idle));
    let (played, sent) = places.into_played();
    let after: Vec<_> =
        played.launches.iter().map(|launch| launch.answer.as_ref().unwrap().after).collect();
    assert_eq!(after, [0, 2, 2]);
    let steps: Vec<_> = played.launches.iter().map(|it| (it.session, it.step)).collect();
    assert_eq!(steps, [(0, 0), (1, 0), (0, 1)]);
    assert_eq!((sent[2].before, sent[2].after), (INSIDE, TransactionStatus::Idle));
    assert_eq!(sent[0].does, "does u1");
}

#[test]
fn what_passes_by_itself_belongs_to_the_step_before_it() {
    let mut places = two();
    tell(&mut places, "alice", [held("s")]);
    places.launch(0, "".into(), vec![0]);
    tell(&mut places, "alice", goes(1, "s"));
    tell(&mut places, "alice", done(1, "SELECT 0", INSIDE));
    let [_, rollback] = goes(2, "rollback");
    tell(&mut places, "alice", [rollback]);
    tell(&mut places, "alice", done(2, "ROLLBACK", TransactionStatus::Idle));
    let (played, sent) = places.into_played();
    assert_eq!(sent[0].passed, [Arc::from("rollback")]);
    let answer = played.launches[0].answer.as_ref().unwrap();
    assert_eq!((answer.outcomes.len(), answer.status), (2, TransactionStatus::Idle));
}

#[test]
fn a_second_connection_belongs_to_its_actor_and_a_stranger_to_nobody() {
    let mut places = two();
    tell(&mut places, "alice-2", [held("s")]);
    tell(&mut places, "psql", [held("s")]);
    assert_eq!(places.names, ["alice", "bob", "alice-2"]);
    assert_eq!((places.held(), places.next_of(0)), (vec![0], Some(2)));
}

#[test]
fn a_program_thinks_while_nothing_of_it_is_held_or_on_its_way() {
    let mut places = two();
    assert!(places.think(&[true, false]) && !places.think(&[false, false]));
    tell(&mut places, "alice-2", [held("s")]);
    assert!(!places.think(&[true, false]) && places.think(&[true, true]));
    // It has ended with its transaction open: the server has not heard of that.
    tell(&mut places, "bob", goes(1, "u").into_iter().chain(done(1, "UPDATE 1", INSIDE)));
    assert!(places.think(&[true, false]));
    let lost = Kind::Lost { reason: HUNG_UP.to_owned(), in_transaction: true };
    tell(&mut places, "bob", [lost]);
    assert!(!places.think(&[true, false]));
}

#[test]
fn a_connection_that_was_cut_is_lost_and_one_that_was_ended_is_not() {
    let mut places = two();
    tell(&mut places, "alice", [held("s")]);
    places.launch(0, "".into(), vec![0]);
    tell(&mut places, "alice", goes(1, "s"));
    let lost = Kind::Lost { reason: HUNG_UP.to_owned(), in_transaction: true };
    tell(&mut places, "alice", [lost.clone()]);
    tell(&mut places, "bob", [held("s")]);
    places.launch(1, "".into(), vec![1]);
    tell(&mut places, "bob", goes(2, "s").into_iter().chain(done(2, "SELECT 0", INSIDE)));
    tell(&mut places, "bob", [lost]);
    let launches = places.launched();
    assert_eq!(launches[0].answer.as_ref().unwrap().lost.as_deref(), Some(HUNG_UP));
    assert_eq!(launches[1].answer.as_ref().unwrap().lost, None);
}
