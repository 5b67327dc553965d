//! What is typed into a session: sent, cancelled, the session closed, the program left.

use std::collections::BTreeMap;

use super::effect::Inclusion;
use super::keys::Action;
use super::layers::{Layer, Question, losses};
use super::message::Message;
use super::panes::Pane;
use super::panes::backslash::Backslash;
use super::panes::pane::Link;
use super::panes::queue::{DEEPEST, File, Queued};
use super::panes::scrollback::Look;
use super::script::Script;
use super::{Effect, EngineCount, Stage};
use crate::core::event::SessionName;
use crate::core::syntax::read;
use crate::run::Command;

/// What psql says to `\r`.
const CLEARED: &str = "Query buffer reset (cleared).";

/// What `etcdctl` does not want.
const COMMANDS_END: &str = "a command to etcd ends with ; here, as a statement does";

impl Stage {
    pub(super) fn enter(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        pane.scrollback.follow();
        if pane.is_guest {
            return self.let_go_here();
        }
        if pane.is_gone() {
            return vec![Effect::Ask(Command::Reconnect(pane.name.clone()))];
        }
        let text = pane.editor.text();
        let has_turn = pane.turn().is_none();
        let is_due = |command: &Backslash| *command != Backslash::Clear || has_turn;
        if let Some(command) = Backslash::at_once(&text).filter(is_due) {
            let effects = self.at_once(&command);
            return self.remembering(text, effects);
        }
        if text.trim().is_empty() {
            pane.editor.clear();
            pane.echo("");
        } else if pane.editor.is_complete() {
            let effects = self.submit();
            return self.remembering(text, effects);
        } else {
            pane.editor.new_line();
            let name = pane.name.clone();
            let script = self.course.script.as_ref();
            if script.is_some_and(|script| script.speaks_to_etcd(&name)) {
                self.message = Some(Message::plain(COMMANDS_END).because_of(&name));
            }
        }
        Vec::new()
    }

    /// What was typed is kept once it is gone from the line: what is refused stays there.
    fn remembering(&self, typed: String, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.panes.focused().is_none_or(|pane| pane.editor.text() != typed) {
            effects.push(Effect::Remember(typed));
        }
        effects
    }

    fn submit(&mut self) -> Vec<Effect> {
        if self.course.progress.is_replaying() {
            self.refuse("replaying the steps so far; one moment");
            return Vec::new();
        }
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        let name = pane.name.clone();
        if let Some(turn) = pane.turn() {
            pane.queue_typed();
            let words = format!("will be sent {turn}");
            self.message = Some(Message::plain(words).because_of(&name));
            return Vec::new();
        }
        if let Some(why) = self.why_not_into(&name) {
            let cancel = self.key(Action::Interrupt);
            let words = format!("{why}; {cancel} cancels that");
            self.message = Some(Message::refusal(words).because_of(&name));
            return Vec::new();
        }
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        pane.queue_typed();
        self.go_on(&name)
    }

    /// Has what is typed edited outside, or the last statement where nothing is, as psql does.
    pub(super) fn edit_line(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        let typed = pane.editor.text();
        let is_statement = |earlier: &&String| !earlier.starts_with('\\');
        let last = || pane.editor.earlier().iter().rfind(is_statement).cloned();
        let text = if typed.trim().is_empty() { last().unwrap_or_default() } else { typed };
        vec![Effect::Edit { session: pane.name.clone(), text }]
    }

    /// Carries out what waits in a session, as far as that can be done now.
    pub(super) fn go_on(&mut self, name: &SessionName) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(next) = self.panes.of_mut(name).and_then(Pane::next_of_queue) {
            if next.is_for_console() {
                effects.extend(self.command(name, &next));
            } else {
                self.history.count_typed();
                let (session, sql) = (name.clone(), next.text);
                effects.push(Effect::Ask(Command::Submit { session, sql }));
            }
        }
        effects
    }

    /// Does what is typed alone and need not wait for its turn.
    fn at_once(&mut self, command: &Backslash) -> Vec<Effect> {
        if let Backslash::Incomplete(said) = command {
            self.refuse(said.as_str());
            return Vec::new();
        }
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        let line = pane.editor.take();
        match command {
            Backslash::Close => return self.close(),
            Backslash::Edit => {
                let query = read(&line, pane.editor.strings()).rest;
                pane.editor.put(query.trim());
                return self.edit_line();
            }
            _ => {
                pane.echo(&line);
                pane.say(Look::Note, CLEARED);
            }
        }
        Vec::new()
    }

    /// Does what the console itself does for a session.
    fn command(&mut self, name: &SessionName, queued: &Queued) -> Vec<Effect> {
        let variables = self.course.script.as_ref().map(Script::variables);
        let Some(pane) = self.panes.of_mut(name) else { return Vec::new() };
        match Backslash::of(queued, variables.unwrap_or(&BTreeMap::new())) {
            // In a file it is the file's end.
            Some(Backslash::Close) if queued.file.is_some() => pane.queue.leave(queued),
            Some(Backslash::Close) => {
                self.panes.focus_on_session(name);
                return self.close();
            }
            Some(Backslash::Include(path)) => {
                pane.echo(&queued.text);
                let depth = queued.file.as_ref().map_or(1, |file| file.depth + 1);
                if depth > DEEPEST {
                    pane.say(Look::Note, &format!("{DEEPEST} files deep: this is not read"));
                    return Vec::new();
                }
                let file = File { path: path.into(), depth };
                pane.queue.wait(&file);
                return vec![Effect::Read(Box::new(Inclusion { session: name.clone(), file }))];
            }
            Some(Backslash::Incomplete(said)) => {
                pane.echo(&queued.text);
                pane.say(Look::Note, &said);
            }
            Some(Backslash::Clear) => {
                pane.echo(&queued.text);
                pane.say(Look::Note, CLEARED);
            }
            Some(Backslash::Edit) | None => pane.echo(&queued.text),
        }
        Vec::new()
    }

    /// A file was read, or could not be. Nobody wants it any more where the session was
    /// interrupted, closed or set up anew meanwhile.
    pub fn included(&mut self, read: &Inclusion, text: Result<String, String>) -> Vec<Effect> {
        let pane = self.panes.of_mut(&read.session);
        let Some(pane) = pane.filter(|pane| pane.queue.awaits(&read.file)) else {
            return Vec::new();
        };
        match text {
            Ok(text) => pane.include(&text, &read.file),
            Err(why) => {
                pane.include("", &read.file);
                pane.say(Look::Error, &why);
            }
        }
        self.go_on(&read.session)
    }

    pub(super) fn interrupt(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        if pane.is_guest {
            return self.cancel_guest();
        }
        // What follows a query that is repeated comes once that is ended, as in psql.
        let has_left_a_file = pane.repeats.is_none() && pane.empty_queue();
        if pane.is_busy() || pane.repeats.is_some() {
            let session = pane.name.clone();
            self.cancels(&session);
            return vec![Effect::Ask(Command::Cancel(session))];
        }
        if has_left_a_file {
            return Vec::new();
        }
        if pane.editor.is_empty() {
            let quit = self.key(Action::Quit);
            self.say(format!("nothing is running here; {quit} quits"));
        } else {
            pane.editor.clear();
        }
        Vec::new()
    }

    /// A person cancels what a session is doing.
    pub(super) fn cancels(&mut self, session: &SessionName) {
        if let Some(script) = &mut self.course.script {
            script.cancels(session);
        }
    }

    /// Closes the focused session. Where others wait for its transaction it is asked first: its end
    /// lets them through.
    pub(super) fn close(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        if pane.is_guest {
            let name = pane.name.clone();
            self.close_guest(&name);
            return Vec::new();
        }
        if pane.link == Link::Closed && self.can_do_without(&pane.name) {
            let name = pane.name.clone();
            self.panes.remove(&name);
            return Vec::new();
        }
        let effects = vec![Effect::Ask(Command::Close(pane.name.clone()))];
        let words = losses::losses_on_closing(&self.panes, pane);
        if words.is_empty() || self.engines == EngineCount::Both {
            return effects;
        }
        let question =
            Question { title: "Close?", words, yes: "close", no: "keep it open", effects };
        self.layers.push(Layer::Question(question));
        Vec::new()
    }

    /// Whether a session that is closed may leave the screen: the script does not need its place.
    pub(super) fn can_do_without(&self, name: &SessionName) -> bool {
        self.course.script().is_none_or(|script| !script.plays(name))
    }

    pub(super) fn quit(&mut self) -> Vec<Effect> {
        if self.panes.have_something_to_lose() {
            self.layers.push(Layer::Quit);
            return Vec::new();
        }
        vec![Effect::Leave]
    }
}
