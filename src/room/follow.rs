//! Follows the stage, shows it to everybody, and does what is asked for.
//!
//! Everything about the people is decided here, by one task, so nothing needs a lock.

use std::future::pending;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::people::{People, Refusal};
use super::shared::Shared;
use super::token::Visitor;
use super::view;
use crate::stage::audience::{Invitation, Listener};
use crate::stage::keys::Action;
use crate::stage::room::{News, Order};

/// How much that has happened is folded before it is shown.
const DRAINED: usize = 256;

/// How many requests may wait for an answer.
pub(super) const REQUESTS: usize = 256;

/// What a visitor asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Who am I?
    Who {
        is_teacher: bool,
    },
    Name(String),
    Press(String),
    /// What they think will happen, to the question of this number where the page says which.
    Answer(Option<usize>, String),
    /// Into a pane of their own.
    Sql(String),
    /// By the teacher's remote.
    Steer(RemoteButton),
}

/// What the teacher's remote can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RemoteButton {
    Next,
    Back,
    Restart,
    Engine,
    Booking,
    Strategy,
    Think,
    Ask,
}

impl RemoteButton {
    /// What it is to the console, or else to the room.
    fn meaning(self) -> Result<Action, Order> {
        match self {
            Self::Next => Ok(Action::NextStep),
            Self::Back => Ok(Action::StepBack),
            Self::Restart => Ok(Action::Restart),
            Self::Engine => Ok(Action::SwitchEngine),
            Self::Booking => Err(Order::Booking),
            Self::Strategy => Err(Order::Strategy),
            Self::Think => Err(Order::Think),
            Self::Ask => Err(Order::Ask),
        }
    }
}

/// A request, and where its answer goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) visitor: Visitor,
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Result<Value, Refusal>>,
}

/// What the task hears beside the run.
pub(super) struct Ears {
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    /// The moment from which the stage's times are counted.
    pub(super) begin: Instant,
}

/// Follows whatever is played, until nothing is any more.
pub(super) async fn follow(
    invitation: Invitation,
    shared: &Shared,
    people: &mut People,
    mut ears: Ears,
) {
    while let Some(mut listener) = invitation.join().await {
        show(shared, people, &listener);
        while attend(&mut listener, shared, people, &mut ears).await {
            for command in people.take_commands() {
                shared.say(News::Ask(command));
            }
            show(shared, people, &listener);
        }
    }
}

/// Waits for something to happen, and takes in all that has; whether the run goes on.
async fn attend(
    listener: &mut Listener,
    shared: &Shared,
    people: &mut People,
    ears: &mut Ears,
) -> bool {
    let Ears { asked, orders, begin } = ears;
    let now = || begin.elapsed();
    let due = people.due();
    tokio::select! {
        biased;
        is_on = listener.hear_and(now, |report, at| people.hear(report, at)) => {
            is_on && drain(listener, people, *begin)
        }
        Some(order) = orders.recv() => {
            obey(&order, shared, people, listener);
            true
        }
        Some(asked) = asked.recv() => {
            answer(asked, shared, people, listener, begin.elapsed());
            true
        }
        () = alarm(*begin, due) => {
            people.wake(begin.elapsed());
            true
        }
    }
}

/// Takes in what is there already; whether the run goes on.
fn drain(listener: &mut Listener, people: &mut People, begin: Instant) -> bool {
    for _ in 0..DRAINED {
        let now = || begin.elapsed();
        let heard = listener.hear_and(now, |report, at| people.hear(report, at)).now_or_never();
        match heard {
            Some(true) => {}
            Some(false) => return false,
            None => return true,
        }
    }
    true
}

fn obey(order: &Order, shared: &Shared, people: &mut People, listener: &Listener) {
    match order {
        Order::OfferRemote => shared.offer_remote(),
        Order::WithdrawRemote => shared.withdraw_remote(),
        order => people.obey(order, listener.stage()),
    }
}

fn answer(asked: Asked, shared: &Shared, people: &mut People, listener: &Listener, now: Duration) {
    let Asked { visitor, request, answer } = asked;
    let me = |people: &People| match people.who(visitor) {
        Some((number, name)) => json!({"number": number, "name": name}),
        None => Value::Null,
    };
    let result = match request {
        Request::Who { is_teacher } => Ok(json!({"person": me(people), "teacher": is_teacher})),
        Request::Sql(sql) => {
            people.type_sql(visitor, &sql, listener.stage(), now).map(|()| json!({}))
        }
        Request::Steer(button) => {
            match button.meaning() {
                Ok(action) => shared.say(News::Press(action)),
                Err(order) => people.obey(&order, listener.stage()),
            }
            Ok(json!({}))
        }
        Request::Name(text) => people.call(visitor, &text, listener.stage()).map(|_| me(people)),
        Request::Press(key) => {
            people.press(visitor, &key, listener.stage(), now).map(|()| json!({}))
        }
        Request::Answer(number, option) => {
            people.answer(visitor, number, &option, now).map(|()| json!({}))
        }
    };
    // Whoever has hung up does not want to know.
    let _ = answer.send(result);
}

fn show(shared: &Shared, people: &People, listener: &Listener) {
    let stage = listener.stage();
    let mut parts = view::of(stage);
    people.show(stage, &mut parts);
    shared.show(parts);
    shared.note_people(people.overview(stage));
}

/// Comes when somebody has thought enough.
async fn alarm(begin: Instant, due: Option<Duration>) {
    match due.and_then(|due| begin.checked_add(due)) {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
