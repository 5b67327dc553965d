//! What every request of an open room can see.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Say;
use super::feed::{Feed, Parts};
use super::token::{Guesses, Keys};
use crate::stage::room::{News, Opened, Overview, Standing};

/// An open room.
pub(super) struct Shared {
    pub(super) bound: SocketAddr,
    pub(super) keys: Keys,
    guesses: Mutex<Guesses>,
    feed: Mutex<Feed>,
    changed: watch::Sender<()>,
    glance: Mutex<Glance>,
    say: Say,
}

/// What the console is told of the room.
struct Glance {
    opened: Opened,
    followers: usize,
}

impl Shared {
    pub(super) fn new(bound: SocketAddr, keys: Keys, opened: Opened, say: Say) -> Self {
        Self {
            bound,
            keys,
            guesses: Mutex::default(),
            feed: Mutex::default(),
            changed: watch::Sender::new(()),
            glance: Mutex::new(Glance { opened, followers: 0 }),
            say,
        }
    }

    /// A cookie's name: a browser sends those of one host to all of its ports.
    pub(super) fn cookie_name(&self) -> String {
        format!("overbooked_room_{}", self.bound.port())
    }

    pub(super) fn guesses(&self) -> MutexGuard<'_, Guesses> {
        lock(&self.guesses)
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
        lock(&self.glance).followers += 1;
        self.tell();
        Follower(Arc::clone(self))
    }

    /// A browser has reached the room.
    pub(super) fn note_reached(&self) {
        let is_news = !std::mem::replace(&mut lock(&self.glance).opened.is_reached, true);
        if is_news {
            self.tell();
        }
    }

    /// This has come of the self-test.
    pub(super) fn note_self_test(&self, result: Result<(), String>) {
        lock(&self.glance).opened.self_test = Some(result);
        self.tell();
    }

    /// Tells the console how it stands.
    pub(super) fn tell(&self) {
        let glance = lock(&self.glance);
        let standing = Standing::Open(Box::new(glance.opened.clone()));
        // Told with the lock held, so that what is told last is what is so.
        (self.say)(News::Glance(Box::new(Overview { standing, followers: glance.followers })));
    }
}

/// A browser that follows.
pub(super) struct Follower(Arc<Shared>);

impl Drop for Follower {
    fn drop(&mut self) {
        lock(&self.0.glance).followers -= 1;
        self.0.tell();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
