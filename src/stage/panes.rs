//! The sessions on the stage, in screen order, and which of them has the keys.
//!
//! ```text
//!            ┌ first ─┬────────┬─ focus ┐
//!   Alice    │ Bob    │ Carol  │ Mallory│    Trent          as many side by side as have room
//!            └────────┴────────┴────────┘
//! ```

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

/// The width below which a pane that is not focused is of no use.
const NARROWEST: u16 = 18;

/// The sessions, and what of them is in sight.
#[derive(Clone, Debug)]
pub struct Panes {
    all: Vec<Pane>,
    focus: usize,
    /// The leftmost pane in sight.
    first: usize,
    zoomed: bool,
    /// What was typed in earlier runs, oldest first: every session begins with it.
    earlier: Vec<String>,
    /// How many cells they share.
    width: u16,
}

impl Panes {
    /// Nobody, on so many cells.
    pub(super) fn empty(width: u16) -> Self {
        let earlier = Vec::new();
        Self { all: Vec::new(), focus: 0, first: 0, zoomed: false, earlier, width }
    }

    /// The same ones as somebody else sees them.
    pub(super) fn for_others(&self) -> Self {
        let all = self.all.iter().map(Pane::for_others).collect();
        Self { all, ..Self::empty(self.width) }
    }

    /// All of them, in screen order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pane> {
        self.all.iter()
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
        self.all.iter_mut().find(|pane| &pane.name == name)
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
        self.first = self.first_in_sight();
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

    /// They share so many cells from now on, or stand otherwise in as many.
    pub(super) fn resize(&mut self, width: u16) {
        self.width = width;
        self.focus_on(self.focus);
    }

    pub(super) fn width(&self) -> u16 {
        self.width
    }

    /// About how many cells one of them has inside its border.
    pub(super) fn cells(&self) -> usize {
        (usize::from(self.width) / self.in_sight()).saturating_sub(2)
    }

    /// How many are shown side by side.
    pub fn in_sight(&self) -> usize {
        if self.zoomed {
            return 1;
        }
        let comfortable = usize::from(self.width / COMFORTABLE);
        let squeezed = 1 + usize::from(self.width.saturating_sub(COMFORTABLE) / NARROWEST);
        comfortable.max(squeezed.min(3)).min(self.all.len()).max(1)
    }

    /// The leftmost one in sight once the focused one is.
    pub fn first_in_sight(&self) -> usize {
        let shown = self.in_sight();
        let last = self.all.len().saturating_sub(shown);
        self.first.clamp((self.focus + 1).saturating_sub(shown), self.focus).min(last)
    }

    /// The sessions of a fresh setup: whoever was here keeps what was typed.
    pub(super) fn begin_anew(&mut self, sessions: &[SessionName]) {
        let mut old = std::mem::take(&mut self.all);
        let mut pane = |name: &SessionName| match old.iter().position(|pane| &pane.name == name) {
            Some(place) => old.remove(place).fresh(),
            None => self.newcomer(name.clone()),
        };
        self.all = sessions.iter().map(&mut pane).collect();
    }

    /// Turns back to the first.
    pub(super) fn turn_to_first(&mut self) {
        (self.focus, self.first) = (0, 0);
    }

    /// One more, at the end, with the keys; nothing where it is here already.
    pub(super) fn join(&mut self, name: SessionName) {
        if self.of(&name).is_none() {
            self.all.push(self.newcomer(name));
            self.focus_on(self.all.len() - 1);
        }
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

    /// What was sent and did not go out comes back into each editor.
    pub(super) fn take_back(&mut self) {
        self.all.iter_mut().for_each(Pane::take_back);
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
    use super::*;

    fn panes(names: &[&str], width: u16) -> Panes {
        let names: Vec<SessionName> = names.iter().map(|name| SessionName::new(name)).collect();
        let mut panes = Panes::empty(width);
        panes.begin_anew(&names);
        panes
    }

    #[test]
    fn whoever_has_the_keys_is_in_sight() {
        let mut panes = panes(&["Alice", "Bob", "Carol", "Mallory", "Trent"], 80);
        assert_eq!((panes.in_sight(), panes.first_in_sight()), (3, 0));
        panes.focus_on(3);
        assert_eq!(panes.first_in_sight(), 1);
        panes.focus_on(0);
        assert_eq!(panes.first_in_sight(), 0);
        panes.focus_before();
        assert_eq!((panes.focus(), panes.first_in_sight()), (4, 2));
    }

    #[test]
    fn a_zoom_that_is_taken_back_shows_the_same_sessions_again() {
        let mut panes = panes(&["Alice", "Bob", "Carol", "Mallory", "Trent"], 80);
        panes.focus_on(2);
        panes.zoom();
        assert_eq!((panes.in_sight(), panes.first_in_sight()), (1, 2));
        panes.zoom();
        assert_eq!((panes.in_sight(), panes.first_in_sight()), (3, 0));
    }

    #[test]
    fn a_fresh_setup_keeps_what_was_typed_into_the_sessions_that_stay() {
        let mut panes = panes(&["Alice", "Bob"], 80);
        let bob = SessionName::new("Bob");
        panes.of_mut(&bob).unwrap().editor.put("select 1");
        panes.begin_anew(&[bob.clone(), SessionName::new("Carol")]);
        assert_eq!(panes.of(&bob).unwrap().editor.text(), "select 1");
        assert_eq!(panes.cast().len(), 2);
    }
}
