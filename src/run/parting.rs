//! Runs that end together, as the two of a comparison do: nobody rolls back before everybody has
//! fallen silent.
//!
//! Both may be on one database. What waits in one for a row that the other holds would be let
//! through by the other's rollback.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::watch;

use crate::run::Command;

/// The runs on the same engines.
#[derive(Clone, Default)]
pub(crate) struct Partings(Arc<Mutex<Vec<Arc<Member>>>>);

struct Member {
    /// A run whose commands nobody can give any more is about to end.
    commands: WeakUnboundedSender<Command>,
    is_silent: watch::Sender<bool>,
}

impl Partings {
    /// A run joins, until the value that it is given is dropped.
    pub(crate) fn join(&self, commands: WeakUnboundedSender<Command>) -> Parting {
        let own = Arc::new(Member { commands, is_silent: watch::Sender::new(false) });
        self.members(|members| members.push(Arc::clone(&own)));
        Parting { own, all: self.clone() }
    }

    fn members<R>(&self, look: impl FnOnce(&mut Vec<Arc<Member>>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A run among those that may end together with it.
pub(crate) struct Parting {
    own: Arc<Member>,
    all: Partings,
}

impl Parting {
    /// This run has fallen silent for good; returns once all others that end have, too.
    pub(crate) fn is_silent(&self) -> impl Future<Output = ()> + Send + use<> {
        // `send` would change nothing where nobody has subscribed yet, and whoever asks later would
        // wait for a run that has long been silent.
        self.own.is_silent.send_replace(true);
        let ending = self.all.members(|members| {
            let ending = members.iter().filter(|member| member.commands.strong_count() == 0);
            ending.map(|member| member.is_silent.subscribe()).collect::<Vec<_>>()
        });
        // Whoever is gone has nothing more to say.
        let silences = ending.into_iter().map(|mut silent| async move {
            let _ = silent.wait_for(|is_silent| *is_silent).await;
        });
        join_all(silences).map(|_| ())
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        self.own.is_silent.send_replace(true);
        self.all.members(|members| members.retain(|member| !Arc::ptr_eq(member, &self.own)));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn who_ends_waits_for_the_others_that_end_and_for_nobody_else() {
        let partings = Partings::default();
        let [(first, _a), (second, _b), (third, _c)] = [(); 3].map(|()| mpsc::unbounded_channel());
        let [one, two, _goes_on] =
            [&first, &second, &third].map(|commands| partings.join(commands.downgrade()));
        drop((first, second));
        let mut waits = pin!(one.is_silent());
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(two.is_silent().now_or_never().is_some());
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn who_is_gone_is_waited_for_no_more() {
        let partings = Partings::default();
        let [(first, _a), (second, _b)] = [(); 2].map(|()| mpsc::unbounded_channel());
        let [one, two] = [&first, &second].map(|commands| partings.join(commands.downgrade()));
        drop((first, second));
        let mut waits = pin!(one.is_silent());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(two);
        assert!(waits.now_or_never().is_some());
    }
}
