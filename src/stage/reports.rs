//! What the run tells, folded.

use std::time::Duration;

use super::history::History;
use super::keys::Action;
use super::layers::Layer;
use super::panes::scrollback::Look;
use super::processes::NAMES_ARE_OURS;
use super::setting::Opening;
use super::{Effect, EngineCount, Stage};
use crate::core::event::{Event, Kind, SessionName, Typed};
use crate::core::scenario::counted;
use crate::run::{Fresh, Report};

impl Stage {
    /// Folds a report; what a pane's queue holds may be sent then.
    pub fn apply(&mut self, report: Report, now: Duration) -> Vec<Effect> {
        match report {
            Report::Fresh(fresh) => {
                self.fresh(&fresh);
                return self.released(now);
            }
            Report::Joined(name) => {
                self.history.join(&name);
                self.panes.join(name);
            }
            Report::GuestJoined(name) => {
                self.history.join(&name);
                self.panes.join_guest(name);
            }
            Report::PersonJoined(name) => self.panes.join_person(name),
            Report::PaneGiven(name) => {
                self.history.join(&name);
                self.panes.show_person(&name);
            }
            Report::PaneTaken(name) => self.panes.hide_person(&name),
            Report::Parted(name) => self.panes.remove(&name),
            Report::Event(event) => return self.happened(&event, now),
            Report::Next(next) => self.moved_to(next),
            Report::Lasting(lasting) => self.course.last(lasting),
            Report::TableCopies(copies) => self.course.begin_with(copies),
            // The tables themselves say so as long as it is so.
            Report::Unwatched(_) => {}
            Report::Over => {
                if self.course.progress.stop_playing() {
                    self.say_the_end();
                }
            }
            // The room tells whoever it concerns.
            Report::Refused { session: Some(name), .. }
                if self.panes.is_told_by_the_room(&name) => {}
            Report::Refused { session, why } => {
                self.course.progress.stop();
                if let Some(pane) = session.and_then(|name| self.panes.of_mut(&name)) {
                    pane.take_back();
                }
                self.refuse(why);
            }
            Report::Catalog(catalog) => {
                let mut effects = self.learn(catalog);
                effects.extend(self.released(now));
                return effects;
            }
            Report::Broken(why) => {
                self.course.break_off(why);
                self.names_will_not_come();
                return self.released(now);
            }
        }
        Vec::new()
    }

    /// What was pressed while a word was being completed; of two engines, whoever compares them
    /// presses it.
    fn released(&mut self, now: Duration) -> Vec<Effect> {
        if self.engines == EngineCount::One { self.press_held(now) } else { Vec::new() }
    }

    fn moved_to(&mut self, next: usize) {
        if self.course.move_to(next) {
            self.edit_anew();
        }
    }

    /// An editor that was opened while another step was on its way holds that one's SQL.
    fn edit_anew(&mut self) {
        if self.layers.close_step_editor() {
            self.edit_step();
        }
    }

    fn fresh(&mut self, fresh: &Fresh) {
        let before = self.course.script().and_then(|script| script.scenario().path.clone());
        let is_saved = before.is_some() && before == fresh.scenario.path;
        let typed = self.history.typed();
        let is_new = self.course.begin_anew(fresh);
        self.forget_names();
        self.panes.begin_anew(&fresh.sessions);
        self.watched.begin_anew();
        self.history = History::of(&fresh.sessions);
        if is_new {
            // Whoever edits a file knows its story.
            if !is_saved {
                self.open_scenario();
            }
            let engine = &fresh.engine;
            if let Some(note) = fresh.scenario.level_note(engine.kind, engine.isolation) {
                self.say(note);
            }
        }
        if !is_new && typed > 0 {
            // Nothing is done twice that a person has typed: only the script is replayed.
            let are = if typed == 1 { "is" } else { "are" };
            self.say(format!("{} {are} not sent again", counted(typed, "typed statement")));
        }
        self.edit_anew();
        self.panes.focus_on(self.panes.focus());
    }

    fn open_scenario(&mut self) {
        self.panes.turn_to_first();
        self.layers.clear();
        if self.setting.debugging.is_some() {
            return;
        }
        if self.course.has_no_script() {
            let export = self.key(Action::Export);
            self.say(format!("type SQL into a session; {export} writes it down as a scenario"));
        } else if self.setting.opening == Opening::Story {
            self.layers.push(Layer::Story);
        }
    }

    fn happened(&mut self, event: &Event, now: Duration) -> Vec<Effect> {
        if let Some(script) = &mut self.course.script {
            script.apply(event);
        }
        self.history.apply(event);
        self.names.apply(&event.kind);
        match (&event.session, &event.kind) {
            (Some(name), _) => return self.happened_in(name, event, now),
            (None, Kind::WatchedTables(tables)) => self.watched.apply(tables, now),
            (None, Kind::Quiet) => return self.became_quiet(now),
            (None, Kind::Note(text)) => self.say(text.clone()),
            _ => {}
        }
        Vec::new()
    }

    fn happened_in(&mut self, name: &SessionName, event: &Event, now: Duration) -> Vec<Effect> {
        if is_of_somebody(&event.kind) {
            self.panes.turn_to_what_comes(name);
        }
        self.processes.apply(name, event);
        let named = self.processes.named(event);
        let cells = self.panes.cells();
        let Some(pane) = self.panes.of_mut(name) else { return Vec::new() };
        pane.widen(cells);
        pane.apply(named.as_ref().unwrap_or(event), now);
        if named.is_some() {
            pane.say(Look::Note, NAMES_ARE_OURS);
        }
        if matches!(event.kind, Kind::Held { .. }) {
            self.turn_to_held(name);
        }
        if self.panes.is_person(name) {
            return Vec::new();
        }
        let is_closed = matches!(event.kind, Kind::Closed);
        let effects = self.go_on(name);
        if self.why_not_into(name).is_none() {
            self.message.take_if(|message| message.is_about(name));
        }
        if is_closed && self.can_do_without(name) {
            let close = self.key(Action::EndOfInput);
            self.say(format!("{name} is closed; {close} once more removes its pane"));
        }
        effects
    }
}

/// Whether something is sent that a person or the script has asked for just now: a query that
/// repeats itself is no news.
fn is_of_somebody(kind: &Kind) -> bool {
    let repeats = |typed: &Option<Box<Typed>>| typed.as_ref().is_some_and(|it| it.line.is_empty());
    matches!(kind, Kind::Sent { typed, .. } if !repeats(typed))
}
