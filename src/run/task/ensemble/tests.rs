//! What reaches a participant, and what comes back from it, without a server: whoever takes part
//! here keeps a record of what is asked and answers when the test says so.

use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::*;
use crate::core::event::{Kind, SubmissionId, TransactionStatus};
use crate::run::participant::{Silence, Submission};

/// A participant in memory.
#[derive(Clone, Default)]
struct Recorded {
    calls: Arc<Mutex<Vec<String>>>,
    /// What is awaited is done once this says so.
    done: Arc<Notify>,
}

impl Recorded {
    fn call(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn when_done<T: Send + 'static>(&self, answer: T) -> BoxFuture<'static, T> {
        let done = Arc::clone(&self.done);
        Box::pin(async move {
            done.notified().await;
            answer
        })
    }
}

impl Participant for Recorded {
    fn submit(&self, submission: Submission) {
        self.call(format!("submit {}", submission.sql));
    }

    fn cancel(&self) {
        self.call("cancel");
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.call("release");
        self.when_done(())
    }

    fn reconnect(&self) {
        self.call("reconnect");
    }

    fn revive(&self, submission: Submission) {
        self.call(format!("revive {}", submission.sql));
    }

    fn tell_loss(&self, submission: Submission) {
        self.call(format!("tell loss of {}", submission.sql));
    }

    fn hear(&self) -> BoxFuture<'static, ()> {
        self.call("hear");
        self.when_done(())
    }

    fn silence(&self) -> BoxFuture<'static, Silence> {
        self.call("silence");
        self.when_done(Silence::Kept(TransactionStatus::Idle))
    }
}

fn alice() -> SessionName {
    SessionName::new("Alice")
}

fn with_alice() -> (Ensemble, Recorded) {
    let mut ensemble = Ensemble::new(Instant::now());
    let recorded = Recorded::default();
    ensemble.participants.insert(alice(), Box::new(recorded.clone()));
    (ensemble, recorded)
}

fn submission(sql: &str) -> Submission {
    Submission { id: SubmissionId(1), sql: sql.into(), step: None, typed: None }
}

fn note(text: &str) -> Event {
    let kind = Kind::Note(text.to_owned());
    Event { at: Duration::ZERO, session: Some(alice()), kind }
}

#[tokio::test]
async fn each_demand_reaches_whom_it_names_and_nobody_else() {
    let (mut ensemble, recorded) = with_alice();
    ensemble.ask(alice(), Demand::Submit(submission("begin")));
    ensemble.ask(SessionName::new("Bob"), Demand::Cancel);
    ensemble.ask(alice(), Demand::Cancel);
    ensemble.ask(alice(), Demand::TellLoss(submission("commit")));
    ensemble.ask(alice(), Demand::Reconnect);
    ensemble.ask(alice(), Demand::Revive(submission("begin")));
    let asked = ["submit begin", "cancel", "tell loss of commit", "reconnect", "revive begin"];
    assert_eq!(recorded.calls(), asked);
    assert!(ensemble.next().now_or_never().is_none(), "none of these is answered");
}

#[tokio::test]
async fn what_is_awaited_comes_back_as_an_input_once_it_is_done() {
    let (mut ensemble, recorded) = with_alice();
    ensemble.ask(alice(), Demand::Hear(7));
    assert!(ensemble.next().now_or_never().is_none());
    recorded.done.notify_one();
    assert!(matches!(ensemble.next().await, Input::Heard(name, 7) if name == alice()));

    ensemble.ask(alice(), Demand::Silence);
    recorded.done.notify_one();
    let Input::Silent(name, silence) = ensemble.next().await else { panic!("no silence") };
    assert_eq!((name, silence), (alice(), Silence::Kept(TransactionStatus::Idle)));
}

#[tokio::test]
async fn whoever_is_released_is_asked_nothing_more() {
    let (mut ensemble, recorded) = with_alice();
    ensemble.ask(alice(), Demand::Release);
    ensemble.ask(alice(), Demand::Submit(submission("select 1")));
    ensemble.ask(alice(), Demand::Release);
    assert_eq!(recorded.calls(), ["release"]);
    recorded.done.notify_one();
    assert!(matches!(ensemble.next().await, Input::Released(name) if name == alice()));
    assert!(ensemble.next().now_or_never().is_none(), "released once");
}

#[tokio::test]
async fn events_come_before_answers_but_do_not_hold_them_up_for_ever() {
    let (mut ensemble, recorded) = with_alice();
    ensemble.ask(alice(), Demand::Hear(1));
    recorded.done.notify_one();
    while ensemble.answers.inputs.is_empty() {
        tokio::task::yield_now().await;
    }
    let events = ensemble.events_out.clone();
    for _ in 0..EVENTS_QUEUED {
        events.try_send(note("goes first")).unwrap();
        assert!(matches!(ensemble.next().await, Input::Event(_)));
    }
    events.try_send(note("has to wait")).unwrap();
    assert!(matches!(ensemble.next().await, Input::Heard(_, 1)));
    assert!(matches!(ensemble.next().await, Input::Event(_)));
}
