//! Where transactions are told: who has which place, and which of them are free.

use crate::core::event::{Pid, SessionName};
use crate::debugger::identity::session_name;
use crate::run::guests::OWN_SESSION;

/// How many places there are at most before those that are free are given to others.
const COMFORTABLE: usize = 12;

/// How many places there are at most: a session more has no room on the screen.
const MOST: usize = 60;

/// The places, in the order in which they were first needed.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Vec<Place>,
    /// Counts what takes a place.
    turns: u64,
}

#[derive(Debug)]
struct Place {
    name: SessionName,
    actor: String,
    is_taken: bool,
    /// Whether it has a pane.
    is_shown: bool,
    /// Whether the connection of that backend has been closed.
    is_gone: bool,
    /// The backend whose transaction was told here last.
    backend: Option<Pid>,
    /// When it was taken last.
    turn: u64,
}

/// What came of asking for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) name: SessionName,
    /// Whether it is new.
    pub(super) is_new: bool,
    /// Whether there was room to show it.
    pub(super) is_shown: bool,
    /// Whether another backend's transactions were told here before.
    pub(super) is_other_backend: bool,
    /// Whose place had to go.
    pub(super) parted: Option<SessionName>,
}

impl Places {
    /// A place for a transaction of this actor. Where there is no room for one more, it is not
    /// shown, and goes when the transaction is over: whatever is sent has a place, or it could not
    /// be held.
    pub(super) fn take(&mut self, actor: &str, backend: Pid) -> Taken {
        self.turns += 1;
        let turn = self.turns;
        // By its own connection's first: two that take turns are not mixed up without need.
        let free = |place: &&mut Place| place.actor == actor && !place.is_taken;
        let position = (self.all.iter_mut().filter(free)).map(|place| place.backend);
        let has_own = position.into_iter().any(|known| known == Some(backend));
        let own = |place: &Place| !has_own || place.backend == Some(backend);
        if let Some(place) = self.all.iter_mut().find(|place| free(place) && own(place)) {
            let is_other_backend = place.backend != Some(backend);
            (place.is_taken, place.backend, place.turn) = (true, Some(backend), turn);
            place.is_gone = false;
            let name = place.name.clone();
            return Taken { name, is_new: false, is_shown: true, is_other_backend, parted: None };
        }
        let room = self.make_room();
        let is_shown = room.is_some();
        let name = self.free_name(actor);
        self.all.push(Place {
            name: name.clone(),
            actor: actor.to_owned(),
            is_taken: true,
            is_shown,
            is_gone: false,
            backend: Some(backend),
            turn,
        });
        let parted = room.flatten();
        Taken { name, is_new: true, is_shown, is_other_backend: true, parted }
    }

    /// Whether what happens there is told.
    pub(super) fn is_shown(&self, name: &SessionName) -> bool {
        self.all.iter().all(|place| place.is_shown || &place.name != name)
    }

    /// How many transactions have no pane.
    pub(super) fn unseen(&self) -> usize {
        self.all.iter().filter(|place| !place.is_shown).count()
    }

    /// Its transaction is over.
    pub(super) fn free(&mut self, name: &SessionName) {
        if let Some(place) = self.all.iter_mut().find(|place| &place.name == name) {
            place.is_taken = false;
        }
        self.all.retain(|place| place.is_shown || place.is_taken);
    }

    /// The connection of this backend is closed.
    pub(super) fn leave(&mut self, backend: Pid) {
        for place in self.all.iter_mut().filter(|place| place.backend == Some(backend)) {
            place.is_gone = true;
        }
    }

    /// Where no transaction is in flight, and whether the connection of the last one is closed.
    pub(super) fn ended(&self) -> impl Iterator<Item = (&SessionName, bool)> {
        let free = self.all.iter().filter(|place| !place.is_taken);
        free.map(|place| (&place.name, place.is_gone))
    }

    /// Who has had to go so that there is room for one more; `None` where there is none.
    #[expect(clippy::option_option, reason = "whether there is room, and who had to go for it")]
    fn make_room(&mut self) -> Option<Option<SessionName>> {
        let shown = self.all.len() - self.unseen();
        if shown < COMFORTABLE {
            return Some(None);
        }
        let free = self.all.iter().enumerate().filter(|(_, place)| !place.is_taken);
        let oldest = free.min_by_key(|(_, place)| place.turn).map(|(at, _)| at);
        match oldest {
            Some(at) => Some(Some(self.all.remove(at).name)),
            None => (shown < MOST).then_some(None),
        }
    }

    fn free_name(&self, actor: &str) -> SessionName {
        // A session of the console's own may have that name.
        let lower = actor.to_lowercase();
        let actor = if actor.starts_with(OWN_SESSION) { &lower } else { actor };
        let is_free = |name: &SessionName| self.all.iter().all(|place| &place.name != name);
        let mut number = 1_usize;
        loop {
            let name = match number {
                1 => session_name(actor),
                _ => session_name(&format!("{actor} {number}")),
            };
            if is_free(&name) {
                return name;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(places: &mut Places, actor: &str, pid: i32) -> String {
        places.take(actor, Pid(pid)).name.to_string()
    }

    #[test]
    fn an_actor_has_one_place_for_transactions_that_follow_each_other() {
        let mut places = Places::default();
        assert_eq!(take(&mut places, "shop", 1), "shop");
        assert_eq!(take(&mut places, "shop", 2), "shop-2");
        places.free(&SessionName::new("shop"));
        let again = places.take("shop", Pid(3));
        assert_eq!(
            (again.name.as_str(), again.is_new, again.is_other_backend),
            ("shop", false, true)
        );
        places.free(&SessionName::new("shop"));
        places.free(&SessionName::new("shop-2"));
        assert_eq!(take(&mut places, "shop", 2), "shop-2");
    }

    #[test]
    fn who_has_ended_longest_ago_makes_room() {
        let mut places = Places::default();
        for number in 0..12 {
            take(&mut places, &format!("a{number}"), number);
        }
        places.free(&SessionName::new("a7"));
        places.free(&SessionName::new("a3"));
        let taken = places.take("new", Pid(20));
        assert_eq!(taken.parted.unwrap().as_str(), "a3");
        assert_eq!(places.take("newer", Pid(21)).parted.unwrap().as_str(), "a7");
        assert_eq!(places.take("newest", Pid(22)).parted, None);
    }

    #[test]
    fn nobody_is_called_as_the_consoles_own_sessions_are() {
        let mut places = Places::default();
        assert_eq!(take(&mut places, "You", 1), "you");
        assert_eq!(take(&mut places, "You", 2), "you-2");
    }

    #[test]
    fn there_is_an_end_of_room() {
        let mut places = Places::default();
        for number in 0..60 {
            assert!(places.take("a", Pid(number)).is_new);
        }
        let unseen = places.take("a", Pid(60));
        assert_eq!((unseen.name.as_str(), unseen.is_shown), ("a-61", false));
        assert_eq!(places.unseen(), 1);
        assert!(!places.is_shown(&unseen.name) && places.is_shown(&SessionName::new("a-60")));
        places.free(&unseen.name);
        assert_eq!((places.unseen(), places.ended().count()), (0, 0));
        places.free(&SessionName::new("a-7"));
        assert!(places.take("b", Pid(61)).is_shown);
    }

    #[test]
    fn who_has_the_same_name_at_once_gets_a_number() {
        let mut places = Places::default();
        let [one, two, three] = [1, 2, 3].map(|pid| take(&mut places, "alice", pid));
        assert_eq!([&*one, &*two, &*three], ["alice", "alice-2", "alice-3"]);
        places.free(&SessionName::new(&two));
        assert_eq!(take(&mut places, "alice", 2), two);
        places.free(&SessionName::new(&one));
        assert_eq!(take(&mut places, "alice", 1), one);
        assert_eq!(take(&mut places, "alice 2", 4), "alice-2-2");
    }

    proptest! {
        #[test]
        fn no_two_in_flight_have_one_name(
            steps in prop::collection::vec((0_usize..4, any::<bool>()), 1..40)
        ) {
            let mut places = Places::default();
            let mut taken: Vec<SessionName> = Vec::new();
            for (number, (which, takes)) in (0..).zip(steps) {
                if takes {
                    let actor = ["alice", "alice 2", "alice-2", "a#b"][which];
                    let name = places.take(actor, Pid(number)).name;
                    prop_assert!(!taken.contains(&name), "{name}");
                    taken.push(name);
                } else if which < taken.len() {
                    places.free(&taken.swap_remove(which));
                }
            }
        }
    }
}
