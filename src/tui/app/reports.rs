//! What the run tells, folded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{App, Effect, Opening};
use crate::core::event::{Event, Kind, SessionName};
use crate::run::{Command, Fresh, Report};
use crate::stage::event_log::EventLog;
use crate::stage::timeline::Timeline;
use crate::tui::layer::Layer;
use crate::tui::pane::{Link, Pane};
use crate::tui::script::Script;

impl App {
    /// Folds a report; what a pane's queue holds may be sent then.
    pub fn apply(&mut self, report: Report, now: Duration) -> Vec<Effect> {
        match report {
            Report::Fresh(fresh) => self.fresh(&fresh),
            Report::Joined(name) => self.joined(name),
            Report::Event(event) => return self.happened(&event, now),
            Report::Next(next) => self.moved_to(next),
            Report::Lasting(lasting) => self.lasting = lasting,
            // The house says so as long as it is so.
            Report::Unwatched(_) => {}
            Report::Over => {
                if self.plays_at.take().is_some() {
                    self.say_the_end();
                }
            }
            Report::Refused(why) => {
                self.stepping = None;
                self.going_to = None;
                self.plays_at = None;
                self.panes.iter_mut().for_each(Pane::take_back);
                self.refuse(why);
            }
            Report::Broken(why) => {
                self.stepping = None;
                self.going_to = None;
                self.plays_at = None;
                self.broken = Some(why);
            }
        }
        Vec::new()
    }

    fn moved_to(&mut self, next: usize) {
        self.going_to.take_if(|step| *step == next);
        let Some(script) = &mut self.script else { return };
        if std::mem::replace(&mut script.next, next) != next {
            self.edit_anew();
        }
    }

    /// An editor that was opened while another step was on its way holds that one's SQL.
    fn edit_anew(&mut self) {
        if self.layers.pop_if(|layer| matches!(layer, Layer::EditStep(_))).is_some() {
            self.edit_step();
        }
    }

    fn fresh(&mut self, fresh: &Fresh) {
        let is_new = self.script.as_ref().is_none_or(|old| old.scenario != fresh.scenario);
        let mut old: VecDeque<Pane> = std::mem::take(&mut self.panes).into();
        let mut pane = |name: &SessionName| {
            let place = old.iter().position(|pane| &pane.name == name);
            place
                .and_then(|place| old.remove(place))
                .map_or_else(|| Pane::new(name.clone()), Pane::fresh)
        };
        self.panes = fresh.sessions.iter().map(&mut pane).collect();
        self.script = Some(Script::new(fresh));
        self.engine = Some(fresh.engine.clone());
        self.house = Arc::default();
        self.timeline = Timeline::new(&fresh.sessions);
        self.chronicle = EventLog::default();
        self.broken = None;
        self.lasting.clear();
        self.stepping = None;
        if is_new {
            self.open_scenario();
        }
        self.edit_anew();
        self.focus_on(self.focus);
    }

    fn open_scenario(&mut self) {
        self.going_to = None;
        self.focus = 0;
        self.first = 0;
        self.plays_at = None;
        self.layers.clear();
        if self.setting.opening == Opening::Story {
            self.layers.push(Layer::Story);
        }
    }

    fn joined(&mut self, name: SessionName) {
        self.timeline.join(&name);
        if self.pane_of(&name).is_none() {
            self.panes.push(Pane::new(name));
            self.focus_on(self.panes.len() - 1);
        }
    }

    fn happened(&mut self, event: &Event, now: Duration) -> Vec<Effect> {
        if let Some(script) = &mut self.script {
            script.apply(event);
        }
        self.timeline.apply(event);
        self.chronicle.apply(event);
        match (&event.session, &event.kind) {
            (Some(name), _) => return self.happened_in(name, event, now),
            (None, Kind::WatchedTables(house)) => {
                self.flashes.apply(&self.house, house, self.clock + now);
                self.house = house.clone();
            }
            (None, Kind::Quiet) => return self.became_quiet(now),
            (None, Kind::Note(text)) => self.say(text.clone()),
            _ => {}
        }
        Vec::new()
    }

    fn became_quiet(&mut self, now: Duration) -> Vec<Effect> {
        if self.plays_at.is_some() {
            self.plays_at = Some(now + self.setting.pace);
        }
        let next = self.script.as_ref().map_or(0, |script| script.next);
        match self.stepping.take_if(|stepping| next >= stepping.towards) {
            Some(stepping) if stepping.more > 0 => {
                let effects = self.step(now);
                if let Some(next) = &mut self.stepping {
                    next.more = stepping.more - 1;
                }
                effects
            }
            _ => Vec::new(),
        }
    }

    fn happened_in(&mut self, name: &SessionName, event: &Event, now: Duration) -> Vec<Effect> {
        let Some(pane) = self.pane_of(name) else { return Vec::new() };
        pane.apply(event, now);
        let closed = pane.link == Link::Closed;
        let queued = pane.next_of_queue();
        if self.why_not_into(name).is_none() {
            self.message.take_if(|message| message.about.as_ref() == Some(name));
        }
        if closed {
            self.remove(name);
        }
        let submit = |sql| Effect::Ask(Command::Submit { session: name.clone(), sql });
        queued.map(submit).into_iter().collect()
    }

    /// A closed session leaves the screen, unless the script still needs its place.
    fn remove(&mut self, name: &SessionName) {
        let plays = self.script.as_ref().is_some_and(|script| {
            script.scenario.sessions.iter().any(|player| &player.name == name)
        });
        if !plays {
            self.panes.retain(|pane| &pane.name != name);
            self.focus_on(self.focus);
        }
    }
}
