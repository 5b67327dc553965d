//! The sessions on the stage, in screen order, and which of them has the keys.

use std::cmp::Reverse;

use crate::core::event::SessionName;

pub mod backslash;
pub mod editor;
pub mod pane;
pub mod queue;
pub mod result;
pub mod scrollback;
pub mod search_path;

pub use pane::Pane;

/// The width at which a session's pane shows the seats' table whole.
pub const COMFORTABLE: u16 = 38;

/// The sessions, and which of them somebody looks at.
#[derive(Clone, Debug, Default)]
pub struct Panes {
    all: Vec<Pane>,
    /// Those of the people in the room, which are not shown.
    people: Vec<Pane>,
    /// Whose of them are shown among the others.
    shown: Vec<SessionName>,
    focus: usize,
    /// Where the user has put the keys.
    chosen: Option<SessionName>,
    zoomed: bool,
    /// What was typed in earlier runs, oldest first: every session begins with it.
    earlier: Vec<String>,
    /// How many statements were sent in all of them.
    sent: u64,
    /// How many cells they share.
    width: u16,
}

impl Panes {
    /// Nobody, on so many cells.
    pub(super) fn empty(width: u16) -> Self {
        Self { width, ..Self::default() }
    }

    /// The same ones as somebody else sees them.
    pub(super) fn for_others(&self) -> Self {
        let all = self.all.iter().map(Pane::for_others).collect();
        let people = self.people.iter().map(Pane::for_others).collect();
        let shown = self.shown.clone();
        Self { all, people, shown, sent: self.sent, ..Self::empty(self.width) }
    }

    /// All of them, in screen order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pane> {
        self.all.iter()
    }

    /// Those of the people in the room, too.
    pub fn everybody(&self) -> impl Iterator<Item = &Pane> {
        self.all.iter().chain(&self.people)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The one at this place of the screen's order.
    pub fn get(&self, place: usize) -> Option<&Pane> {
        self.all.get(place)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Pane> {
        self.all.get_mut(place)
    }

    /// A session's own.
    pub fn of(&self, name: &SessionName) -> Option<&Pane> {
        self.all.iter().find(|pane| &pane.name == name)
    }

    pub(super) fn of_mut(&mut self, name: &SessionName) -> Option<&mut Pane> {
        self.all.iter_mut().chain(&mut self.people).find(|pane| &pane.name == name)
    }

    /// The place of the one with the keys.
    pub fn focus(&self) -> usize {
        self.focus
    }

    /// The one with the keys.
    pub fn focused(&self) -> Option<&Pane> {
        self.all.get(self.focus)
    }

    pub(super) fn focused_mut(&mut self) -> Option<&mut Pane> {
        self.all.get_mut(self.focus)
    }

    /// The sessions' names in screen order.
    pub fn cast(&self) -> Vec<SessionName> {
        self.all.iter().map(|pane| pane.name.clone()).collect()
    }

    pub(super) fn focus_on(&mut self, place: usize) {
        self.focus = place.min(self.all.len().saturating_sub(1));
    }

    /// So many places further, and from the last on to the first.
    pub(super) fn focus_by(&mut self, places: usize) {
        self.focus_on((self.focus + places) % self.all.len().max(1));
    }

    /// One further back, and from the first to the last.
    pub(super) fn focus_before(&mut self) {
        self.focus_by(self.all.len().saturating_sub(1));
    }

    pub(super) fn focus_on_session(&mut self, name: &SessionName) {
        if let Some(place) = self.all.iter().position(|pane| &pane.name == name) {
            self.focus_on(place);
        }
    }

    /// Gives the focused one all of the room, or gives it back.
    pub(super) fn zoom(&mut self) {
        self.zoomed = !self.zoomed;
    }

    /// Which one has the keys, and whether it has all of the room.
    pub(super) fn sight(&self) -> (usize, bool) {
        (self.focus, self.zoomed)
    }

    /// The same one has the keys as elsewhere, as wide.
    pub(super) fn turn_to(&mut self, (focus, zoomed): (usize, bool)) {
        self.zoomed = zoomed;
        self.focus_on(focus);
    }

    /// Whether the focused one has all of the room.
    pub fn is_zoomed(&self) -> bool {
        self.zoomed
    }

    pub(super) fn width(&self) -> u16 {
        self.width
    }

    /// They share so many cells from now on.
    pub(super) fn resize(&mut self, width: u16) {
        self.width = width;
    }

    /// About how many cells one of them has inside its border.
    pub(super) fn cells(&self) -> usize {
        let abreast = if self.zoomed { 1 } else { usize::from(self.width / COMFORTABLE) };
        (usize::from(self.width) / abreast.min(self.all.len()).max(1)).saturating_sub(2)
    }

    /// Those that are shown where there is room for so many, in screen order. The one with the keys
    /// comes first, then those that wait, are held or were just let through, then whoever was sent
    /// something last, then the nearest.
    pub fn in_sight(&self, room: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.all.len()).collect();
        places.sort_by_key(|place| {
            let pane = &self.all[*place];
            let is_moved_by_others = pane.has_news() && pane.sent_last() != self.sent;
            let matters = is_moved_by_others || pane.waiting.is_some() || pane.held.is_some();
            let sent = Reverse(pane.sent_last());
            (*place != self.focus, !matters, sent, place.abs_diff(self.focus))
        });
        places.truncate(if self.zoomed { 1 } else { room.max(1) });
        places.sort_unstable();
        places
    }

    /// The sessions of a fresh setup: whoever was here keeps what was typed.
    pub(super) fn begin_anew(&mut self, sessions: &[SessionName]) {
        let mut old = std::mem::take(&mut self.all);
        let mut pane = |name: &SessionName| match old.iter().position(|pane| &pane.name == name) {
            Some(place) => old.remove(place).fresh(),
            None => self.newcomer(name.clone()),
        };
        self.all = sessions.iter().map(&mut pane).collect();
        self.people.clear();
        self.shown.clear();
    }

    /// Turns back to the first.
    pub(super) fn turn_to_first(&mut self) {
        self.focus = 0;
    }

    /// One more, at the end, with the keys; nothing where it is here already.
    pub(super) fn join(&mut self, name: SessionName) {
        if self.of(&name).is_none() {
            self.all.push(self.newcomer(name));
            self.focus_on(self.all.len() - 1);
            self.choose();
        }
    }

    /// The focused session is the one that the user wants to have the keys.
    pub(super) fn choose(&mut self) {
        self.chosen = self.focused().map(|pane| pane.name.clone());
    }

    /// Whether the user has put the keys where they are.
    pub(super) fn is_chosen(&self) -> bool {
        let chosen = self.focused().filter(|pane| self.chosen.as_ref() == Some(&pane.name));
        // Into a program that has gone nothing goes any more.
        chosen.is_some_and(|pane| !(pane.is_guest && pane.is_gone()))
    }

    /// One more, at the end: a guest's. Only where nobody has the keys yet does it get them.
    pub(super) fn join_guest(&mut self, name: SessionName) {
        if self.of(&name).is_none() {
            self.all.push(Pane::of_guest(name));
        }
    }

    /// Somebody in the room has a session from now on.
    pub(super) fn join_person(&mut self, name: SessionName) {
        if self.everybody().all(|pane| pane.name != name) {
            self.people.push(Pane::new(name));
        }
    }

    /// Somebody in the room has a pane from now on, the last one.
    pub(super) fn show_person(&mut self, name: &SessionName) {
        if let Some(place) = self.people.iter().position(|pane| &pane.name == name) {
            self.all.push(self.people.remove(place));
            self.shown.push(name.clone());
        }
    }

    /// Somebody in the room has a pane no longer.
    pub(super) fn hide_person(&mut self, name: &SessionName) {
        self.shown.retain(|shown| shown != name);
        if let Some(place) = self.all.iter().position(|pane| &pane.name == name) {
            self.people.push(self.all.remove(place));
            self.focus_on(self.focus);
        }
    }

    /// Whether what was refused in this session is somebody's in the room, whom the room tells:
    /// nothing was typed into it here.
    pub(super) fn is_told_by_the_room(&self, name: &SessionName) -> bool {
        self.is_of_the_room(name) && self.of(name).is_none_or(|pane| !pane.waits_to_be_sent())
    }

    /// Whether it is the session of somebody in the room, shown or not.
    fn is_of_the_room(&self, name: &SessionName) -> bool {
        self.is_person(name) || self.shown.contains(name)
    }

    /// Whether it is the session of somebody in the room that is not shown.
    pub(super) fn is_person(&self, name: &SessionName) -> bool {
        self.people.iter().any(|pane| &pane.name == name)
    }

    fn newcomer(&self, name: SessionName) -> Pane {
        let mut pane = Pane::new(name);
        pane.editor.recall(&self.earlier);
        pane
    }

    /// What was typed in earlier runs can be typed again.
    pub(super) fn recall(&mut self, earlier: Vec<String>) {
        self.all.iter_mut().for_each(|pane| pane.editor.recall(&earlier));
        self.earlier = earlier;
    }

    pub(super) fn remove(&mut self, name: &SessionName) {
        self.all.retain(|pane| &pane.name != name);
        self.focus_on(self.focus);
    }

    /// A statement was sent in this one: what is said from now on, in any of them, is the latest.
    pub(super) fn turn_to_what_comes(&mut self, name: &SessionName) {
        if self.is_person(name) {
            return;
        }
        self.sent += 1;
        for pane in &mut self.all {
            pane.turn_to_what_comes((&pane.name == name).then_some(self.sent));
        }
    }

    /// Whether something would be lost with them.
    pub(super) fn have_something_to_lose(&self) -> bool {
        self.all.iter().any(Pane::has_something_to_lose)
    }
}

impl<'a> IntoIterator for &'a Panes {
    type Item = &'a Pane;
    type IntoIter = std::slice::Iter<'a, Pane>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::{
        Blocker, Certainty, Event, Kind, Pid, SubmissionId, Wait, WaitTarget,
    };

    fn panes(names: &[&str]) -> Panes {
        let names: Vec<SessionName> = names.iter().map(|name| SessionName::new(name)).collect();
        let mut panes = Panes::default();
        panes.begin_anew(&names);
        for name in &names {
            happens(&mut panes, name.as_str(), Kind::Connected { pid: Pid(1) });
        }
        panes
    }

    fn happens(panes: &mut Panes, name: &str, kind: Kind) {
        let name = SessionName::new(name);
        if matches!(kind, Kind::Sent { .. }) {
            panes.turn_to_what_comes(&name);
        }
        let event = Event { at: Duration::ZERO, session: Some(name.clone()), kind };
        panes.of_mut(&name).unwrap().apply(&event, Duration::ZERO);
    }

    fn sends(panes: &mut Panes, name: &str) {
        let (submission, sql) = (SubmissionId(1), "select 1;".into());
        happens(panes, name, Kind::Sent { submission, sql, step: None, typed: None });
    }

    #[test]
    fn those_that_matter_are_in_sight() {
        let mut panes = panes(&["Alice", "Bob", "Carol", "Mallory", "Trent"]);
        assert_eq!(panes.in_sight(3), [0, 1, 2], "nothing has happened yet");
        for name in ["Mallory", "Bob", "Trent"] {
            sends(&mut panes, name);
        }
        assert_eq!(panes.in_sight(2), [0, 4], "the one with the keys, and what has just happened");
        assert_eq!(panes.in_sight(3), [0, 1, 4]);
        let wait = Wait {
            blockers: vec![Blocker::Session(SessionName::new("Trent"))],
            target: WaitTarget::Transaction,
            certainty: Certainty::Observed,
        };
        happens(&mut panes, "Carol", Kind::Waiting(wait));
        assert_eq!(panes.in_sight(3), [0, 2, 4], "whoever waits");
        panes.focus_on(3);
        assert_eq!(panes.in_sight(1), [3]);
        assert_eq!(panes.in_sight(9), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_zoom_shows_the_one_with_the_keys_alone() {
        let mut panes = panes(&["Alice", "Bob", "Carol"]);
        panes.focus_on(2);
        panes.zoom();
        assert_eq!(panes.in_sight(3), [2]);
        panes.zoom();
        assert_eq!(panes.in_sight(3), [0, 1, 2]);
    }

    #[test]
    fn a_fresh_setup_keeps_what_was_typed_into_the_sessions_that_stay() {
        let mut panes = panes(&["Alice", "Bob"]);
        let bob = SessionName::new("Bob");
        panes.of_mut(&bob).unwrap().editor.put("select 1");
        panes.begin_anew(&[bob.clone(), SessionName::new("Carol")]);
        assert_eq!(panes.of(&bob).unwrap().editor.text(), "select 1");
        assert_eq!(panes.cast().len(), 2);
    }
}
