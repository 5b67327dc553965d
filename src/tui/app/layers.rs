//! What a key does in something that lies over the screen. Each of these puts its layer back unless
//! it is done with.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::mouse::moved;
use super::{App, Effect};
use crate::core::scenario::Scenario;
use crate::core::syntax::Unfinished;
use crate::run::Command;
use crate::stage::words;
use crate::tui::editor::Editor;
use crate::tui::keys::Action;
use crate::tui::layer::{FindStatement, FindText, Layer, Picker, Question};
use crate::tui::scrollback::Direction;
use crate::tui::view;
use crate::tui::view::timeline::Cursor;

/// How many moments the page keys go on the time line.
const PAGE: isize = 10;

impl App {
    pub(in crate::tui) fn key_on(
        &mut self,
        layer: Layer,
        key: KeyEvent,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match action {
            Some(Action::Quit) => return self.quit_from(&layer),
            Some(Action::Export) => {
                self.layers.push(layer);
                return self.export();
            }
            _ => {}
        }
        match layer {
            Layer::Quit => self.key_on_quit(key),
            Layer::Question(question) => self.key_on_question(question, key),
            Layer::Help { down } => self.key_on_help(down, key),
            Layer::Story => self.key_on_story(key, action, now),
            Layer::Graph(gaze) => self.key_on_graph(gaze, key, action, now),
            Layer::Picker(picker) => self.key_on_picker(picker, key),
            Layer::FindText(find) => self.key_on_find_text(find, key, action),
            Layer::FindStatement(find) => self.key_on_find_statement(find, key, action, now),
            Layer::EditStep(editor) => self.key_on_edit_step(editor, key, action, now),
        }
    }

    /// The quit key in a layer leaves the program, not the layer; in the question itself it says
    /// yes.
    fn quit_from(&mut self, layer: &Layer) -> Vec<Effect> {
        match layer {
            Layer::Quit => vec![Effect::Leave],
            _ => self.update(Action::Quit, Duration::ZERO),
        }
    }

    fn key_on_quit(&mut self, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Char('y' | 'Y') => vec![Effect::Leave],
            KeyCode::Char('n' | 'N') | KeyCode::Esc => Vec::new(),
            _ => self.keep(Layer::Quit),
        }
    }

    fn key_on_question(&mut self, question: Question, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Char('y' | 'Y') => {
                for effect in &question.effects {
                    if let Effect::Ask(command) = effect {
                        self.expect(command);
                    }
                }
                question.effects
            }
            KeyCode::Char('n' | 'N') | KeyCode::Esc => Vec::new(),
            _ => self.keep(Layer::Question(question)),
        }
    }

    fn keep(&mut self, layer: Layer) -> Vec<Effect> {
        self.layers.push(layer);
        Vec::new()
    }

    fn key_on_help(&mut self, down: u16, key: KeyEvent) -> Vec<Effect> {
        let down = match key.code {
            KeyCode::Down => moved(down, Direction::Down),
            KeyCode::Up => moved(down, Direction::Up),
            KeyCode::PageDown => down.saturating_add(10),
            KeyCode::PageUp => down.saturating_sub(10),
            _ => return Vec::new(),
        };
        self.keep(Layer::Help { down: down.min(view::help_beyond(self)) })
    }

    /// The story closes at any key; a key that does something does it at once.
    fn key_on_story(
        &mut self,
        key: KeyEvent,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        if action == Some(Action::Story) {
            return Vec::new();
        }
        self.key_below(key, action, now)
    }

    /// What a key does that has closed what lay over the screen: what it does there, if it is not
    /// for closing alone.
    fn key_below(&mut self, key: KeyEvent, action: Option<Action>, now: Duration) -> Vec<Effect> {
        match (action, key.code) {
            (Some(Action::Enter | Action::Interrupt), _) | (_, KeyCode::Esc) => Vec::new(),
            (Some(action), _) => self.update(action, now),
            (None, KeyCode::Char(' ')) => Vec::new(),
            (None, _) => {
                self.type_over(key);
                Vec::new()
            }
        }
    }

    fn type_over(&mut self, key: KeyEvent) {
        if let Some(pane) = self.pane_mut() {
            pane.editor.type_key(key);
        }
    }

    /// The graph stays while the script is stepped under it, and while somebody looks along the
    /// time line.
    fn key_on_graph(
        &mut self,
        gaze: Cursor,
        key: KeyEvent,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        if let Some(gaze) = self.turned(gaze, key) {
            return self.keep(Layer::Graph(gaze));
        }
        match action {
            Some(
                action @ (Action::NextStep | Action::StepBack | Action::Restart | Action::AutoPlay),
            ) => {
                let effects = self.update(action, now);
                self.layers.push(Layer::Graph(gaze));
                effects
            }
            Some(Action::Graph) => Vec::new(),
            _ => self.key_below(key, action, now),
        }
    }

    fn turned(&self, gaze: Cursor, key: KeyEvent) -> Option<Cursor> {
        let timeline = &self.timeline;
        Some(match key.code {
            _ if !key.modifiers.is_empty() => return None,
            KeyCode::Left => gaze.back(1, timeline),
            KeyCode::Right => gaze.back(-1, timeline),
            KeyCode::PageUp => gaze.back(PAGE, timeline),
            KeyCode::PageDown => gaze.back(-PAGE, timeline),
            KeyCode::Home => gaze.begin(timeline),
            KeyCode::End => Cursor { moment: None, ..gaze },
            KeyCode::Up => gaze.down(-1, timeline),
            KeyCode::Down => gaze.down(1, timeline),
            _ => return None,
        })
    }

    fn key_on_picker(&mut self, mut picker: Picker, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Esc | KeyCode::F(_) => return Vec::new(),
            KeyCode::Enter => {
                let Some(scenario) = picker.choice().cloned() else {
                    return self.keep(Layer::Picker(picker));
                };
                return self.open(scenario);
            }
            KeyCode::Up => picker.go(Direction::Up, 1),
            KeyCode::Down => picker.go(Direction::Down, 1),
            KeyCode::PageUp => picker.go(Direction::Up, 10),
            KeyCode::PageDown => picker.go(Direction::Down, 10),
            _ if is_cancel(key) => return Vec::new(),
            _ => {
                edit(&mut picker.filter, key);
                picker.chosen = 0;
            }
        }
        self.keep(Layer::Picker(picker))
    }

    /// Opens a scenario, on the engine that it is for.
    fn open(&mut self, scenario: Arc<Scenario>) -> Vec<Effect> {
        // Opening what is being played is starting it again.
        if self.script.as_ref().is_some_and(|script| script.scenario == scenario)
            && !self.lasting.is_empty()
        {
            return self.go_to(0);
        }
        let title = &scenario.title;
        let Some(kind) = self.engine_for(&scenario) else {
            self.say(format!("opening \u{201c}{title}\u{201d}"));
            return vec![Effect::Ask(Command::Open(scenario))];
        };
        self.say(format!(
            "opening \u{201c}{title}\u{201d} on {}, which it is for",
            words::engine(kind)
        ));
        self.engine_asked = Some(kind);
        vec![Effect::Ask(Command::OpenOn(scenario, kind))]
    }

    fn key_on_find_text(
        &mut self,
        mut find: FindText,
        key: KeyEvent,
        action: Option<Action>,
    ) -> Vec<Effect> {
        if key.code == KeyCode::Esc || is_cancel(key) {
            return Vec::new();
        }
        match (action, key.code) {
            (Some(Action::FindText), _) | (_, KeyCode::Enter | KeyCode::Up) => {
                self.find(&mut find, Direction::Up);
            }
            (_, KeyCode::Down) => self.find(&mut find, Direction::Down),
            _ => {
                edit(&mut find.needle, key);
                find.at = None;
                self.find(&mut find, Direction::Up);
            }
        }
        self.keep(Layer::FindText(find))
    }

    fn find(&mut self, find: &mut FindText, direction: Direction) {
        let room = self.room();
        let Some(pane) = self.panes.get_mut(self.focus) else { return };
        let from = find.at.unwrap_or(pane.scrollback.end());
        let found = (!find.needle.is_empty())
            .then(|| pane.scrollback.find(&find.needle, from, direction))
            .flatten();
        match found {
            Some(line) => {
                find.at = Some(line);
                pane.scrollback.show(line, room);
            }
            None if find.needle.is_empty() => pane.scrollback.follow(),
            None => self.say(format!("no further \u{201c}{}\u{201d}", find.needle)),
        }
    }

    fn key_on_find_statement(
        &mut self,
        mut find: FindStatement,
        key: KeyEvent,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match (action, key.code) {
            (Some(Action::FindStatement), _) | (_, KeyCode::Up) => find.skip += 1,
            (_, KeyCode::Down) => find.skip = find.skip.saturating_sub(1),
            (_, KeyCode::Esc) => return Vec::new(),
            _ if is_cancel(key) => return Vec::new(),
            (_, KeyCode::Char(_) | KeyCode::Backspace) => {
                edit(&mut find.needle, key);
                find.skip = 0;
            }
            _ => return self.take_found(&find, action, now),
        }
        self.keep(Layer::FindStatement(find))
    }

    /// As in readline, Enter runs what was found, and any other key begins to edit it.
    fn take_found(
        &mut self,
        find: &FindStatement,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        if let Some(pane) = self.pane_mut()
            && let Some(found) = find.found(pane.editor.earlier()).map(str::to_owned)
        {
            pane.editor.put(&found);
        }
        if action == Some(Action::Enter) { self.update(Action::Enter, now) } else { Vec::new() }
    }

    fn key_on_edit_step(
        &mut self,
        mut editor: Editor,
        key: KeyEvent,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match (action, key.code) {
            (_, KeyCode::Esc) | (Some(Action::Interrupt), _) => return Vec::new(),
            (Some(Action::Enter), _) if editor.is_complete() => {
                return self.send_edited(editor, now);
            }
            (Some(Action::NextStep), _) => return self.send_edited(editor, now),
            (Some(Action::Enter | Action::NewLine), _) => editor.new_line(),
            _ => editor.type_key(key),
        }
        self.keep(Layer::EditStep(editor))
    }

    fn send_edited(&mut self, editor: Editor, now: Duration) -> Vec<Effect> {
        if !matches!(editor.unfinished(), None | Some(Unfinished::Statement)) {
            self.refuse("something is not closed in it: a quote, a parenthesis or a comment");
            return self.keep(Layer::EditStep(editor));
        }
        if self.stepping.is_some() {
            self.refuse("the step before is still on its way".to_owned());
            return self.keep(Layer::EditStep(editor));
        }
        let sql = editor.text();
        let mut effects = self.step(now);
        if effects.is_empty() {
            self.layers.push(Layer::EditStep(editor));
        }
        for effect in &mut effects {
            if *effect == Effect::Ask(Command::Step) {
                *effect = Effect::Ask(Command::StepEdited(sql.clone()));
            }
        }
        effects
    }
}

fn is_cancel(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'g'))
}

/// The few keys that a short search text needs.
fn edit(text: &mut String, key: KeyEvent) {
    let held = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
        KeyCode::Char(letter) if !held => text.push(letter),
        KeyCode::Backspace => {
            text.pop();
        }
        _ => {}
    }
}
