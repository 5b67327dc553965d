//! What is typed into a session: sent, cancelled, the session closed, the program left.

use super::keys::Action;
use super::layers::{Layer, Question, losses};
use super::message::Message;
use super::panes::backslash::Backslash;
use super::panes::scrollback::Look;
use super::{Effect, EngineCount, Stage};
use crate::core::event::SessionName;
use crate::run::Command;

impl Stage {
    pub(super) fn enter(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        pane.scrollback.follow();
        if pane.is_gone() {
            return vec![Effect::Ask(Command::Reconnect(pane.name.clone()))];
        }
        let text = pane.editor.text();
        if let Some(command) = Backslash::parse(&text) {
            let effects = self.backslash(command);
            return self.remembering(text, effects);
        }
        if text.trim().is_empty() {
            pane.editor.clear();
            pane.echo("", None);
        } else if pane.editor.is_complete() {
            let effects = self.submit();
            return self.remembering(text, effects);
        } else {
            pane.editor.new_line();
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
        let first = pane.next_of_queue();
        let submit = |sql| Effect::Ask(Command::Submit { session: name, sql });
        first.map(submit).into_iter().collect()
    }

    /// Has what is typed edited outside, or the last statement where nothing is, as psql does.
    pub(super) fn edit_line(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        let typed = pane.editor.text();
        let is_statement = |earlier: &&String| !earlier.starts_with('\\');
        let last = || pane.editor.earlier().iter().rfind(is_statement).cloned();
        let text = if typed.trim().is_empty() { last().unwrap_or_default() } else { typed };
        vec![Effect::Edit(text)]
    }

    fn backslash(&mut self, command: Backslash) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        let line = pane.editor.take();
        match command {
            Backslash::Sql(sql) => {
                pane.editor.put(&sql);
                return self.submit();
            }
            Backslash::Edit => return self.edit_line(),
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

    pub(super) fn interrupt(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        pane.empty_queue();
        if pane.is_busy() {
            let session = pane.name.clone();
            self.cancels(&session);
            return vec![Effect::Ask(Command::Cancel(session))];
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

    pub(super) fn quit(&mut self) -> Vec<Effect> {
        if self.panes.have_something_to_lose() {
            self.layers.push(Layer::Quit);
            return Vec::new();
        }
        vec![Effect::Leave]
    }
}
