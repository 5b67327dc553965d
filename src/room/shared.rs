//! What every request of an open room can see.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::Say;
use super::feed::{Feed, Parts};
use super::follow::Asked;
use super::limits::Limits;
use super::token::{Guesses, Keys, Part, RemoteKey};
use super::{address, qr};
use crate::stage::room::{News, Opened, Overview, Remote, Standing};

/// An open room.
pub(super) struct Shared {
    pub(super) bound: SocketAddr,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    guesses: Mutex<Guesses>,
    remote: Mutex<RemoteKey>,
    feed: Mutex<Feed>,
    changed: watch::Sender<()>,
    /// How many browsers follow.
    followers: watch::Sender<usize>,
    glance: Mutex<Glance>,
    say: Say,
    /// What takes requests to whoever decides about the people.
    pub(super) asks: mpsc::Sender<Asked>,
}

/// What the console is told of the room.
#[derive(Default)]
struct Glance {
    opened: Opened,
    /// How the people stand; the rest of it is not looked at.
    people: Overview,
}

impl Shared {
    pub(super) fn new(
        bound: SocketAddr,
        keys: Keys,
        limits: Limits,
        opened: Opened,
        say: Say,
        asks: mpsc::Sender<Asked>,
    ) -> Self {
        Self {
            bound,
            keys,
            limits,
            guesses: Mutex::default(),
            remote: Mutex::default(),
            feed: Mutex::default(),
            changed: watch::Sender::new(()),
            followers: watch::Sender::new(0),
            glance: Mutex::new(Glance { opened, ..Glance::default() }),
            say,
            asks,
        }
    }

    /// A cookie's name: a browser sends those of one host to all of its ports.
    pub(super) fn cookie_name(&self) -> String {
        format!("overbooked_room_{}", self.bound.port())
    }

    pub(super) fn guesses(&self) -> MutexGuard<'_, Guesses> {
        lock(&self.guesses)
    }

    /// Lets one browser have the remote, and none that has it already.
    pub(super) fn offer_remote(&self) {
        let token = lock(&self.remote).offer();
        let address = address::joining(self.bound, &token);
        let code = qr::code(&address);
        self.note_remote(Remote::Offered { address, code });
    }

    /// Lets no browser have it that has not got it yet.
    pub(super) fn withdraw_remote(&self) {
        let mut remote = lock(&self.remote);
        remote.withdraw();
        let is_taken = remote.is_taken();
        drop(remote);
        self.note_remote(if is_taken { Remote::Taken } else { Remote::Nobody });
    }

    /// What this token lets somebody do.
    pub(super) fn part(&self, token: &str) -> Option<Part> {
        let taken = lock(&self.remote).take(token);
        if taken.is_some() {
            self.note_remote(Remote::Taken);
        }
        taken.or_else(|| self.keys.lets_in(token).then_some(Part::Guest))
    }

    /// What a browser may do that was once let do this.
    pub(super) fn part_now(&self, part: Part) -> Part {
        lock(&self.remote).part_now(part)
    }

    fn note_remote(&self, remote: Remote) {
        lock(&self.glance).opened.remote = remote;
        self.tell();
    }

    pub(super) fn feed(&self) -> MutexGuard<'_, Feed> {
        lock(&self.feed)
    }

    /// Everybody sees this from now on.
    pub(super) fn show(&self, parts: Parts) {
        if self.feed().show(parts) {
            self.changed.send_replace(());
        }
    }

    /// Tells when something else is shown.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// One more browser follows, until what is given is dropped.
    pub(super) fn one_more(self: &Arc<Self>) -> Follower {
        self.followers.send_modify(|count| *count += 1);
        self.tell();
        Follower(Arc::clone(self))
    }

    /// Tells how many browsers follow.
    #[cfg(test)]
    pub(super) fn followers(&self) -> watch::Receiver<usize> {
        self.followers.subscribe()
    }

    /// A browser has reached the room.
    pub(super) fn note_reached(&self) {
        let is_news = !std::mem::replace(&mut lock(&self.glance).opened.is_reached, true);
        if is_news {
            self.tell();
        }
    }

    /// The people stand so from now on.
    pub(super) fn note_people(&self, people: Overview) {
        let mut glance = lock(&self.glance);
        if glance.people == people {
            return;
        }
        glance.people = people;
        drop(glance);
        self.tell();
    }

    /// Tells the console something, or asks something of the run.
    pub(super) fn say(&self, news: News) {
        (self.say)(news);
    }

    /// This has come of the self-test.
    pub(super) fn note_self_test(&self, result: Result<(), String>) {
        lock(&self.glance).opened.self_test = Some(result);
        self.tell();
    }

    /// Tells the console how it stands.
    pub(super) fn tell(&self) {
        let glance = lock(&self.glance);
        let overview = Overview {
            standing: Standing::Open(Box::new(glance.opened.clone())),
            followers: *self.followers.borrow(),
            ..glance.people.clone()
        };
        // Told with the lock held, so that what is told last is what is so.
        (self.say)(News::Glance(Box::new(overview)));
    }
}

/// A browser that follows.
pub(super) struct Follower(Arc<Shared>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.followers.send_modify(|count| *count -= 1);
        self.0.tell();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
