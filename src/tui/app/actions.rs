//! What a key's action does.

use std::time::Duration;

use super::{App, Effect};
use crate::core::scenario::EngineKind;
use crate::run::Command;
use crate::stage::backslash::Backslash;
use crate::stage::words;
use crate::tui::again::{self, Errand};
use crate::tui::app::{BEING_SET_UP, ON_ITS_WAY, Stepping};
use crate::tui::editor::Editor;
use crate::tui::export::Export;
use crate::tui::keys::Action;
use crate::tui::layer::{FindStatement, FindText, Layer, Picker, Question};
use crate::tui::losses;
use crate::tui::pane::{self, Link};
use crate::tui::scrollback::{Direction, Look, Room};
use crate::tui::view::layout::Framing;
use crate::tui::view::timeline::Cursor;

/// How far wide tables move sideways.
const SIDEWAYS: isize = 8;

impl App {
    /// Reacts to an action.
    pub fn update(&mut self, action: Action, now: Duration) -> Vec<Effect> {
        match action {
            Action::NextStep => return self.step(now),
            Action::StepBack => return self.step_back(),
            Action::Restart => return self.go_to(0),
            Action::AutoPlay => return self.auto_play(now),
            Action::SwitchEngine => return self.switch_engine(),
            Action::Compare => return self.compare(),
            Action::OtherEngine | Action::TypeAlone => {
                let compare = self.key(Action::Compare);
                self.say(format!("there is one engine here; {compare} shows both"));
            }
            Action::AddSession => return vec![Effect::Ask(Command::AddSession(None))],
            Action::EditStep => self.edit_step(),
            Action::Enter => return self.enter(),
            Action::Interrupt => return self.interrupt(),
            Action::EndOfInput => return self.close(),
            Action::Quit => return self.quit(),
            Action::Suspend => return vec![Effect::Suspend],
            Action::Redraw => return vec![Effect::Redraw],
            Action::FocusNext => self.focus_by(1),
            Action::FocusPrevious => self.focus_by(self.panes.len().saturating_sub(1)),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Help => self.layers.push(Layer::Help { down: 0 }),
            Action::Story => self.layers.push(Layer::Story),
            Action::Graph => self.layers.push(Layer::Graph(Cursor::default())),
            Action::Export => return self.export(),
            Action::PickScenario => self.pick_scenario(),
            Action::FindText => self.layers.push(Layer::FindText(FindText::default())),
            Action::FindStatement => {
                self.layers.push(Layer::FindStatement(FindStatement::default()));
            }
            _ => self.update_pane(action),
        }
        Vec::new()
    }

    fn update_pane(&mut self, action: Action) {
        let room = self.room();
        let screenful = room.rows.saturating_sub(1).max(1);
        let Some(pane) = self.pane_mut() else { return };
        match action {
            Action::NewLine => pane.editor.new_line(),
            Action::Earlier => pane.editor.walk_back(),
            Action::Later => pane.editor.walk_forward(),
            Action::PageUp => pane.scrollback.scroll_up(screenful, room),
            Action::PageDown => pane.scrollback.scroll_down(screenful, room),
            Action::Top => pane.scrollback.show_first(room),
            Action::Bottom => pane.scrollback.follow(),
            Action::ScrollLeft => pane.scrollback.shift_by(-SIDEWAYS, room),
            Action::ScrollRight => pane.scrollback.shift_by(SIDEWAYS, room),
            _ => {}
        }
    }

    /// The room in which the focused pane shows its lines.
    pub(super) fn room(&self) -> Room {
        self.places().room(self, self.focus)
    }

    fn focus_by(&mut self, steps: usize) {
        let count = self.panes.len().max(1);
        self.focus_on((self.focus + steps) % count);
    }

    pub(in crate::tui) fn step(&mut self, now: Duration) -> Vec<Effect> {
        if self.script.is_none() && self.broken.is_none() {
            self.say(format!("{BEING_SET_UP}; then comes the step"));
            return vec![Effect::Ask(Command::Step)];
        }
        let Some((session, _)) = self.next_session() else {
            self.say_the_end();
            return Vec::new();
        };
        if let Some(stepping) = &mut self.stepping
            && now < stepping.since + ON_ITS_WAY
        {
            stepping.more += 1;
            return Vec::new();
        }
        if let Some(why) = self.why_no_step() {
            self.plays_at = None;
            self.refuse_because_of(&session, why);
            return Vec::new();
        }
        self.watch(&session);
        self.expect_step(now);
        vec![Effect::Ask(Command::Step)]
    }

    pub(super) fn say_the_end(&mut self) {
        let restart = self.key(Action::Restart);
        self.say(format!("that was the last step; {restart} starts again"));
    }

    /// A step is on its way from now on.
    pub(in crate::tui) fn expect_step(&mut self, now: Duration) {
        let towards = self.destination() + 1;
        self.stepping = Some(Stepping { since: now, more: 0, towards });
    }

    /// Where the play stands, or will once the replay that is under way has ended.
    pub(in crate::tui) fn destination(&self) -> usize {
        let next = self.script.as_ref().map_or(0, |script| script.next);
        self.going_to.unwrap_or(next)
    }

    /// The same once the steps that were asked for have been played too.
    fn destination_after_steps(&self) -> usize {
        let last = self.script.as_ref().map_or(0, |script| script.schedule.launches.len());
        let after = self.stepping.map_or(0, |stepping| stepping.towards + stepping.more);
        self.destination().max(after.min(last))
    }

    /// What keeps the next step from being sent, in words.
    pub(in crate::tui) fn why_no_step(&self) -> Option<String> {
        let (session, narration) = self.next_session()?;
        let why = self.why_not_into(&session)?;
        Some(format!("{why}, so \u{201c}{narration}\u{201d} has to wait"))
    }

    fn next_session(&self) -> Option<(crate::core::event::SessionName, String)> {
        let step = self.script.as_ref()?.next_step()?;
        Some((step.session.clone(), step.narration.clone()))
    }

    /// What keeps a session from taking a statement, in words.
    pub(in crate::tui) fn why_not_into(
        &self,
        session: &crate::core::event::SessionName,
    ) -> Option<String> {
        let pane = self.panes.iter().find(|pane| &pane.name == session)?;
        match (&pane.waiting, pane.link) {
            (Some(waiting), _) => {
                let whom = crate::stage::words::blockers(&waiting.wait.blockers);
                Some(format!("{session} still waits for {whom}"))
            }
            (None, Link::Lost) => Some(format!("{session} has lost the connection")),
            (None, Link::Closed) => {
                let restart = self.key(Action::Restart);
                Some(format!("{session} has left ({restart} starts again with everybody)"))
            }
            _ => pane.is_busy().then(|| format!("{session} is still busy")),
        }
    }

    /// Turns to the session in which something is about to happen, unless somebody is typing
    /// elsewhere.
    fn watch(&mut self, session: &crate::core::event::SessionName) {
        if self.pane().is_none_or(|pane| pane.editor.is_empty())
            && let Some(place) = self.panes.iter().position(|pane| &pane.name == session)
        {
            self.focus_on(place);
        }
    }

    fn step_back(&mut self) -> Vec<Effect> {
        match self.destination() {
            0 => {
                self.say("this is the beginning");
                Vec::new()
            }
            next => self.go_to(next - 1),
        }
    }

    pub(in crate::tui) fn go_to(&mut self, step: usize) -> Vec<Effect> {
        if self.ask_before_again(Errand::Back(step)) {
            return Vec::new();
        }
        let command = Command::GoTo(step);
        self.expect(&command);
        vec![Effect::Ask(command)]
    }

    /// From one engine to both, or back to this one.
    fn compare(&mut self) -> Vec<Effect> {
        let joins = self.framing == Framing::Whole && self.alone().is_none();
        if joins && self.ask_before_again(Errand::Compare) {
            return Vec::new();
        }
        vec![Effect::Compare]
    }

    /// Asks before something that does again what was committed outside the run's schema; whether
    /// there is anything to ask.
    fn ask_before_again(&mut self, errand: Errand) -> bool {
        let until = self.destination_after_steps();
        let question = again::question(&self.lasting, errand, until);
        let is_asked = question.is_some();
        self.layers.extend(question.map(Layer::Question));
        is_asked
    }

    /// Takes note that the run is being asked for this, which will take a moment.
    pub(in crate::tui) fn expect(&mut self, command: &Command) {
        match command.plain() {
            Command::GoTo(step) => {
                self.stepping = None;
                self.going_to = Some(*step);
            }
            Command::Switch(kind) => {
                self.going_to = Some(self.destination_after_steps());
                self.stepping = None;
                self.plays_at = None;
                self.engine_asked = Some(*kind);
            }
            _ => {}
        }
    }

    /// From the engine where people wait to the one where COMMIT refuses, or back.
    fn switch_engine(&mut self) -> Vec<Effect> {
        if let Some(why) = self.alone() {
            self.refuse(why);
            return Vec::new();
        }
        let kind = match self.engine_ahead() {
            Some(EngineKind::Postgres) => EngineKind::Optimistic,
            Some(EngineKind::Optimistic) => EngineKind::Postgres,
            Some(_) => {
                self.refuse(
                    "the optimistic engine stands in front of a PostgreSQL, and this is none",
                );
                return Vec::new();
            }
            None => return Vec::new(),
        };
        if self.ask_before_again(Errand::Switch(kind)) {
            return Vec::new();
        }
        let more = self.stepping.map_or(0, |stepping| stepping.more);
        self.expect(&Command::Switch(kind));
        if self.script.as_ref().is_some_and(|script| !script.scenario.is_for(kind)) {
            self.say(format!("this scenario is not meant for {}", words::engine(kind)));
        }
        // Whoever has asked for more steps than one still wants them, on the other engine.
        let steps = std::iter::repeat_n(Effect::Ask(Command::Step), more);
        std::iter::once(Effect::Ask(Command::Switch(kind))).chain(steps).collect()
    }

    fn auto_play(&mut self, now: Duration) -> Vec<Effect> {
        self.plays_at = Some(now);
        self.say("playing; any key stops");
        self.tick(now)
    }

    pub(super) fn edit_step(&mut self) {
        match self.script.as_ref().and_then(|script| script.next_step()) {
            Some(step) => {
                let pane = self.panes.iter().find(|pane| pane.name == step.session);
                let mut editor = Editor::holding(&step.sql);
                editor.read_strings(pane.map(|pane| pane.editor.strings()).unwrap_or_default());
                self.layers.push(Layer::EditStep(editor));
            }
            None => self.say("there is no next step to edit"),
        }
    }

    /// The session so far, to be written into files.
    pub(super) fn export(&mut self) -> Vec<Effect> {
        let (Some(script), Some(engine)) = (&self.script, &self.engine) else { return Vec::new() };
        let export = Export {
            scenario: script.scenario.clone(),
            schedule: script.schedule.clone(),
            engine: engine.clone(),
            cast: self.timeline.lanes().iter().map(|lane| lane.session.clone()).collect(),
            events: self.chronicle.events(),
            wholeness: self.chronicle.wholeness(),
            breaches: script.breaches(),
        };
        vec![Effect::Export(Box::new(export))]
    }

    fn pick_scenario(&mut self) {
        let library = self.setting.library.clone();
        let name = self.script.as_ref().map(|script| script.scenario.name.clone());
        let chosen = library.iter().position(|s| Some(&s.name) == name.as_ref()).unwrap_or(0);
        self.layers.push(Layer::Picker(Picker { library, filter: String::new(), chosen }));
    }

    fn enter(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.get_mut(self.focus) else { return Vec::new() };
        pane.scrollback.follow();
        if pane.link == Link::Lost {
            return vec![Effect::Ask(Command::Reconnect(pane.name.clone()))];
        }
        let text = pane.editor.text();
        if let Some(command) = Backslash::parse(&text) {
            return self.backslash(command);
        }
        if text.trim().is_empty() {
            pane.editor.clear();
            pane.echo("", None);
        } else if pane.editor.is_complete() {
            return self.submit();
        } else {
            pane.editor.new_line();
        }
        Vec::new()
    }

    fn submit(&mut self) -> Vec<Effect> {
        if self.going_to.is_some() {
            self.refuse("the steps so far are being replayed; a moment");
            return Vec::new();
        }
        let Some(pane) = self.panes.get_mut(self.focus) else { return Vec::new() };
        let name = pane.name.clone();
        let turn = match pane.link {
            Link::Connecting => Some("once the session is connected"),
            _ if pane.is_busy() && pane.waiting.is_none() => {
                Some("when the statement before it is answered")
            }
            _ => None,
        };
        if let Some(turn) = turn {
            pane.queue_typed();
            self.say_of(&name, format!("that is sent {turn}"));
            return Vec::new();
        }
        if let Some(why) = self.why_not_into(&name) {
            let cancel = self.key(Action::Interrupt);
            self.refuse_because_of(&name, format!("{why}; {cancel} cancels that"));
            return Vec::new();
        }
        let Some(pane) = self.panes.get_mut(self.focus) else { return Vec::new() };
        pane.queue_typed();
        let first = pane.next_of_queue();
        let submit = |sql| Effect::Ask(Command::Submit { session: name, sql });
        first.map(submit).into_iter().collect()
    }

    fn backslash(&mut self, command: Backslash) -> Vec<Effect> {
        let Some(pane) = self.panes.get_mut(self.focus) else { return Vec::new() };
        let line = pane.editor.take();
        match command {
            Backslash::Sql(sql) => {
                pane.editor.put(&sql);
                return self.submit();
            }
            Backslash::Close => return self.close(),
            Backslash::Help => self.layers.push(Layer::Help { down: 0 }),
            Backslash::Clear => {}
            Backslash::Say(words) => {
                pane.echo(&line, None);
                pane.say(Look::Note, &words);
            }
        }
        Vec::new()
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.get_mut(self.focus) else { return Vec::new() };
        pane.queue.clear();
        if pane.is_busy() {
            if let Some(script) = &mut self.script {
                script.cancels(&pane.name);
            }
            return vec![Effect::Ask(Command::Cancel(pane.name.clone()))];
        }
        if pane.editor.is_empty() {
            let quit = self.key(Action::Quit);
            self.say(format!("nothing runs here; {quit} leaves"));
        } else {
            pane.editor.clear();
        }
        Vec::new()
    }

    /// Closes the focused session. Where others wait for its transaction it is asked first: its end
    /// lets them through.
    fn close(&mut self) -> Vec<Effect> {
        let Some(pane) = self.pane() else { return Vec::new() };
        let effects = vec![Effect::Ask(Command::Close(pane.name.clone()))];
        let words = losses::losses_on_closing(self, pane);
        if words.is_empty() || self.framing != Framing::Whole {
            return effects;
        }
        let question =
            Question { title: "Close?", words, yes: "close", no: "keep it open", effects };
        self.layers.push(Layer::Question(question));
        Vec::new()
    }

    fn quit(&mut self) -> Vec<Effect> {
        if self.panes.iter().any(pane::Pane::has_something_to_lose) {
            self.layers.push(Layer::Quit);
            return Vec::new();
        }
        vec![Effect::Leave]
    }

    /// Scrolls a pane by rows, as the wheel does.
    pub(super) fn scroll(&mut self, pane: usize, direction: Direction, rows: usize) {
        let room = self.places().room(self, pane);
        let Some(pane) = self.panes.get_mut(pane) else { return };
        match direction {
            Direction::Up => pane.scrollback.scroll_up(rows, room),
            Direction::Down => pane.scrollback.scroll_down(rows, room),
        }
    }
}
