//! What can lie over the screen: the topmost gets the keys first.

use std::sync::Arc;
use std::time::Duration;

use super::effect::Scroll;
use super::keys::{Action, Code, Key};
use super::panes::editor::Editor;
use super::panes::scrollback::{Direction, Motion};
use super::timeline::Cursor;
use super::{Effect, Stage, words};
use crate::core::scenario::Scenario;
use crate::core::syntax::Unfinished;
use crate::run::Command;

pub(super) mod again;
mod find;
pub mod losses;
mod picker;
mod question;

pub use find::{FindStatement, FindText};
pub use picker::Picker;
pub use question::Question;

use find::{Found, Sought};
use picker::Picked;
use question::Reply;

/// How many rows the page keys go in the help.
const HELP_PAGE: u16 = 10;

/// Something that lies over the screen.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are never more than a few, and no copies")]
pub enum Layer {
    /// "A transaction is open. Leave?"
    Quit,
    /// Something else that is asked first.
    Question(Question),
    /// Every key; scrolled down by so many rows.
    Help {
        /// By how many.
        down: u16,
    },
    /// The scenario's story.
    Story,
    /// Who waits for whom, and who did what when.
    Graph(Cursor),
    /// Which scenario to play.
    Picker(Picker),
    /// Text to be found in the focused pane.
    FindText(FindText),
    /// An earlier statement to be found by a part of it.
    FindStatement(FindStatement),
    /// The next step's SQL, to be changed.
    EditStep(Editor),
}

/// What lies over the screen, one above the other.
#[derive(Clone, Debug, Default)]
pub struct Layers(Vec<Layer>);

impl Layers {
    /// The topmost.
    pub fn top(&self) -> Option<&Layer> {
        self.0.last()
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut Layer> {
        self.0.last_mut()
    }

    /// Whether nothing lies over the screen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, layer: Layer) {
        self.0.push(layer);
    }

    pub(super) fn extend(&mut self, layer: Option<Layer>) {
        self.0.extend(layer);
    }

    pub(super) fn pop(&mut self) -> Option<Layer> {
        self.0.pop()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Closes the editor of a step, if it is the topmost; whether it was.
    pub(super) fn close_step_editor(&mut self) -> bool {
        self.0.pop_if(|layer| matches!(layer, Layer::EditStep(_))).is_some()
    }

    /// Scrolls the help by so many rows, of which at most so many are out of sight above.
    pub(super) fn scroll_help(&mut self, direction: Direction, rows: u16, most: u16) {
        if let Some(Layer::Help { down }) = self.0.last_mut() {
            let moved = match direction {
                Direction::Up => down.saturating_sub(rows),
                Direction::Down => down.saturating_add(rows),
            };
            *down = moved.min(most);
        }
    }
}

/// What a key does in something that lies over the screen. Each of these puts its layer back unless
/// it is done with.
impl Stage {
    pub(super) fn press_on(
        &mut self,
        layer: Layer,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match (action, layer) {
            // The quit key in a layer leaves the program, not the layer; in the question itself it
            // says yes.
            (Some(Action::Quit), Layer::Quit) => vec![Effect::Leave],
            (Some(Action::Quit), _) => self.quit(),
            (Some(Action::Export), layer) => {
                self.layers.push(layer);
                self.export()
            }
            (_, Layer::Quit) => match Reply::of(key) {
                Reply::Yes => vec![Effect::Leave],
                Reply::No => Vec::new(),
                Reply::None => self.keep(Layer::Quit),
            },
            (_, Layer::Question(question)) => self.press_on_question(question, key),
            (_, layer @ Layer::Help { .. }) => self.press_on_help(layer, key),
            // The story closes at any key; a key that does something does it at once.
            (Some(Action::Story), Layer::Story) => Vec::new(),
            (_, Layer::Story) => self.press_below(key, action, now),
            (_, Layer::Graph(cursor)) => self.press_on_graph(cursor, key, action, now),
            (_, Layer::Picker(picker)) => self.press_on_picker(picker, key),
            (_, Layer::FindText(find)) => self.press_on_find_text(find, key, action),
            (_, Layer::FindStatement(find)) => self.press_on_find_statement(find, key, action, now),
            (_, Layer::EditStep(editor)) => self.press_on_step_editor(editor, key, action, now),
        }
    }

    fn keep(&mut self, layer: Layer) -> Vec<Effect> {
        self.layers.push(layer);
        Vec::new()
    }

    fn press_on_question(&mut self, question: Question, key: Key) -> Vec<Effect> {
        match Reply::of(key) {
            Reply::Yes => {
                for effect in &question.effects {
                    if let Effect::Ask(command) = effect {
                        self.expect(command);
                    }
                }
                question.effects
            }
            Reply::No => Vec::new(),
            Reply::None => self.keep(Layer::Question(question)),
        }
    }

    fn press_on_help(&mut self, layer: Layer, key: Key) -> Vec<Effect> {
        let (direction, rows) = match key.code() {
            Code::Down => (Direction::Down, 1),
            Code::Up => (Direction::Up, 1),
            Code::PageDown => (Direction::Down, HELP_PAGE),
            Code::PageUp => (Direction::Up, HELP_PAGE),
            _ => return Vec::new(),
        };
        self.layers.push(layer);
        vec![Effect::Scroll(Scroll::Help(direction, rows))]
    }

    /// What a key does that has closed what lay over the screen: what it does there, if it is not
    /// for closing alone.
    fn press_below(&mut self, key: Key, action: Option<Action>, now: Duration) -> Vec<Effect> {
        match (action, key.code()) {
            (Some(Action::Enter | Action::Interrupt), _) | (_, Code::Esc) => Vec::new(),
            (Some(action), _) => self.update(action, now),
            (None, Code::Char(' ')) => Vec::new(),
            (None, _) => {
                if let Some(pane) = self.panes.focused_mut() {
                    pane.editor.type_key(key);
                }
                Vec::new()
            }
        }
    }

    /// The graph stays while the script is stepped under it, and while somebody looks along the
    /// time line.
    fn press_on_graph(
        &mut self,
        cursor: Cursor,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        if let Some(cursor) = cursor.turned(key, self.history.timeline()) {
            return self.keep(Layer::Graph(cursor));
        }
        match action {
            Some(
                action @ (Action::NextStep | Action::StepBack | Action::Restart | Action::AutoPlay),
            ) => {
                let effects = self.update(action, now);
                self.layers.push(Layer::Graph(cursor));
                effects
            }
            Some(Action::Graph) => Vec::new(),
            _ => self.press_below(key, action, now),
        }
    }

    fn press_on_picker(&mut self, mut picker: Picker, key: Key) -> Vec<Effect> {
        match picker.press(key) {
            Picked::Nothing => self.keep(Layer::Picker(picker)),
            Picked::Scenario(scenario) => self.open(scenario),
            Picked::Closed => Vec::new(),
        }
    }

    /// Opens a scenario, on the engine that it is for.
    fn open(&mut self, scenario: Arc<Scenario>) -> Vec<Effect> {
        // Opening what is being played is starting it again.
        if self.script.as_ref().is_some_and(|script| *script.scenario() == scenario)
            && !self.lasting.is_empty()
        {
            return self.go_to(0);
        }
        let title = &scenario.title;
        let Some(kind) = self.engine_for(&scenario) else {
            self.say(format!("opening \u{201c}{title}\u{201d}"));
            return vec![Effect::Ask(Command::Open(scenario))];
        };
        let engine = words::engine(kind);
        self.say(format!("opening \u{201c}{title}\u{201d} on {engine}, which it is for"));
        self.engine.ask_for(kind);
        vec![Effect::Ask(Command::OpenOn(scenario, kind))]
    }

    fn press_on_find_text(
        &mut self,
        mut find: FindText,
        key: Key,
        action: Option<Action>,
    ) -> Vec<Effect> {
        let Some(direction) = find.press(key, action) else { return Vec::new() };
        let found = self.panes.focused_mut().map(|pane| find.look(&mut pane.scrollback, direction));
        let shown = match found {
            Some(Found::At(line)) => vec![self.scroll_focused(Motion::Line(line))],
            Some(Found::Nowhere) => {
                self.say(format!("no further \u{201c}{}\u{201d}", find.needle));
                Vec::new()
            }
            Some(Found::NothingSought) | None => Vec::new(),
        };
        self.layers.push(Layer::FindText(find));
        shown
    }

    fn press_on_find_statement(
        &mut self,
        mut find: FindStatement,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match find.press(key, action) {
            Sought::On => self.keep(Layer::FindStatement(find)),
            Sought::Given => Vec::new(),
            Sought::Taken => self.take_found(&find, action, now),
        }
    }

    /// As in readline, Enter runs what was found, and any other key begins to edit it.
    fn take_found(
        &mut self,
        find: &FindStatement,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        if let Some(pane) = self.panes.focused_mut()
            && let Some(found) = find.found(pane.editor.earlier()).map(str::to_owned)
        {
            pane.editor.put(&found);
        }
        if action == Some(Action::Enter) { self.update(Action::Enter, now) } else { Vec::new() }
    }

    fn press_on_step_editor(
        &mut self,
        mut editor: Editor,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match (action, key.code()) {
            (_, Code::Esc) | (Some(Action::Interrupt), _) => return Vec::new(),
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
        if self.progress.is_stepping() {
            self.refuse("the step before is still on its way");
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
