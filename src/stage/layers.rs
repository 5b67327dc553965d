//! What can lie over the screen: the topmost gets the keys first.

use std::sync::Arc;
use std::time::Duration;

use super::effect::Scroll;
use super::keys::{Action, Code, Key};
use super::panes::editor::Editor;
use super::panes::scrollback::{Direction, Motion};
use super::room::Panel;
use super::timeline::{Cursor, Timeline};
use super::{Effect, Stage, words};
use crate::core::scenario::Scenario;
use crate::core::scenario::own::OwnFile;
use crate::core::syntax::Unfinished;
use crate::run::Command;

pub(super) mod again;
mod breakpoints;
mod browse;
mod choices;
mod classes;
mod find;
mod help;
pub mod losses;
mod menu;
mod mistake;
mod passed;
mod picker;
mod question;
mod selection;

pub use breakpoints::{BreakpointPanel, PanelLine};
pub use browse::Browse;
pub use choices::{Choice, Choices};
pub use classes::ClassList;
pub use find::{FindStatement, FindText};
pub use help::Help;
pub use menu::Menu;
pub use mistake::Mistake;
pub use passed::PassedList;
pub use picker::{Listed, Picker};
pub use question::Question;
pub use selection::{Selection, Spot};

use breakpoints::Pressed as PanelPressed;
use browse::Browsed;
use choices::Chosen;
use find::{Found, Sought};
use help::Pressed;
use menu::Choice as MenuChoice;
use picker::Picked;
use question::Reply;
pub(super) use selection::Selected;

/// Something that lies over the screen.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are never more than a few, and no copies")]
pub enum Layer {
    /// "A transaction is open. Leave?"
    Quit,
    /// Something else that is asked first.
    Question(Question),
    /// Every key.
    Help(Help),
    /// The scenario's story.
    Story,
    /// Who waits for whom, and who did what when.
    Graph(Cursor),
    /// What is wrong in a file.
    Mistake(Mistake),
    /// The script, to look through.
    Browse(Browse),
    /// What every order of the script comes to.
    Classes(ClassList),
    /// Which scenario to play.
    Picker(Picker),
    /// Text to be found in the focused pane.
    FindText(FindText),
    /// An earlier statement to be found by a part of it.
    FindStatement(FindStatement),
    /// The next step's SQL, to be changed.
    EditStep(Editor),
    /// A part of the focused pane, to be copied.
    Select(Selection),
    /// Words that can stand at the cursor.
    Menu(Menu),
    /// Things of which one can be chosen.
    Choices(Choices),
    /// What is held, and where.
    Breakpoints(BreakpointPanel),
    /// What has passed by itself.
    Passed(PassedList),
    /// The room, in which others follow.
    Room(Panel),
}

/// What lies over the screen, one above the other.
#[derive(Clone, Debug, Default)]
pub struct Layers(Vec<Layer>);

impl Layers {
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

    /// Keeps the chosen class chosen where others come before it.
    pub(super) fn follow_class(&mut self, before: &[usize], now: &[usize]) {
        let lists = self.0.iter_mut().filter_map(|layer| match layer {
            Layer::Classes(list) => Some(list),
            _ => None,
        });
        lists.for_each(|list| list.follow(before, now));
    }

    /// Scrolls the help by so many rows, of which at most so many are out of sight above.
    pub(super) fn scroll_help(&mut self, direction: Direction, rows: u16, most: u16) {
        if let Some(Layer::Help(help)) = self.0.last_mut() {
            help.scroll(direction, rows, most);
        }
    }
}

/// What comes of a key in something that lies over the screen.
enum Reaction {
    /// Nothing: it stays as it is, or as the key has made it.
    Stays,
    /// It is gone.
    Closes,
    /// It is gone, and the key does what it does below.
    Below,
    /// It stays, and this is done under it.
    Under(Action),
    /// It stays, and another part of it is shown.
    Scrolls(Scroll),
    /// It stays, and this is done.
    StaysAndDoes(Vec<Effect>),
    /// It is gone, and this is done.
    Does(Vec<Effect>),
    /// It is gone, and this scenario is opened.
    Opens(Arc<Scenario>),
    /// It is gone, and what is wrong with this file is said.
    Explains(OwnFile),
    /// It is gone, and this step is to come next.
    Jumps(usize),
    /// It stays, and the focused session is searched in this direction.
    Seeks(Direction),
    /// It is gone, and what was found among earlier statements is taken.
    Takes,
    /// It is gone, and the step is sent as it was edited, if it can be.
    Sends,
    /// What it selects changes, or is copied.
    Selects,
    /// It is a list of classes, whose keys depend on what is known of them.
    Explores,
    /// It is gone, and the word chosen in it is put in.
    Completes,
    /// The key is typed, and what still fits stays.
    Narrows,
    /// It is the room's, whose keys depend on who is in it.
    IsOfTheRoom,
}

impl Layer {
    fn press(&mut self, key: Key, action: Option<Action>, timeline: &Timeline) -> Reaction {
        match self {
            Self::Quit => Reply::of(key).reaction(|| vec![Effect::Leave]),
            Self::Question(question) => Reply::of(key).reaction(|| question.effects.clone()),
            Self::Help(help) => match help.press(key, action) {
                Pressed::Stays => Reaction::Stays,
                Pressed::Closes => Reaction::Closes,
                Pressed::Scrolls(direction, rows) => {
                    Reaction::Scrolls(Scroll::Help(direction, rows))
                }
            },
            // The story closes at any key; a key that does something does it at once.
            Self::Story if action == Some(Action::Story) => Reaction::Closes,
            Self::Story | Self::Mistake(_) => Reaction::Below,
            Self::Graph(cursor) => press_graph(cursor, key, action, timeline),
            Self::Browse(browse) => match browse.press(key, action) {
                Browsed::Stays => Reaction::Stays,
                Browsed::Closes => Reaction::Closes,
                Browsed::Jumps(step) => Reaction::Jumps(step),
            },
            Self::Picker(picker) => match picker.press(key) {
                Picked::Nothing => Reaction::Stays,
                Picked::Scenario(scenario) => Reaction::Opens(scenario),
                Picked::Wrong(file) => Reaction::Explains(file),
                Picked::Path(path) => Reaction::Does(vec![Effect::Find(path)]),
                Picked::Closed => Reaction::Closes,
            },
            Self::FindText(find) => {
                find.press(key, action).map_or(Reaction::Closes, Reaction::Seeks)
            }
            Self::FindStatement(find) => match find.press(key, action) {
                Sought::On => Reaction::Stays,
                Sought::Given => Reaction::Closes,
                Sought::Taken => Reaction::Takes,
            },
            Self::EditStep(editor) => press_step_editor(editor, key, action),
            Self::Select(_) => Reaction::Selects,
            Self::Classes(_) => Reaction::Explores,
            Self::Menu(menu) => match menu.press(key, action) {
                MenuChoice::On => Reaction::Stays,
                MenuChoice::Taken => Reaction::Completes,
                MenuChoice::Left => Reaction::Closes,
                MenuChoice::Typed => Reaction::Narrows,
            },
            Self::Choices(choices) => match choices.press(key, action) {
                Chosen::On => Reaction::Stays,
                Chosen::Nothing => Reaction::Closes,
                Chosen::Does(effects) => Reaction::Does(effects),
            },
            Self::Breakpoints(panel) => match panel.press(key, action) {
                PanelPressed::Stays(effects) => Reaction::StaysAndDoes(effects),
                PanelPressed::Closes(effects) => Reaction::Does(effects),
            },
            Self::Passed(list) => match list.press(key) {
                true => Reaction::Stays,
                false if action == Some(Action::PassedStatements) => Reaction::Closes,
                false => Reaction::Below,
            },
            Self::Room(_) => Reaction::IsOfTheRoom,
        }
    }
}

impl Reply {
    fn reaction(self, yes: impl FnOnce() -> Vec<Effect>) -> Reaction {
        match self {
            Self::Yes => Reaction::Does(yes()),
            Self::No => Reaction::Closes,
            Self::None => Reaction::Stays,
        }
    }
}

/// The graph stays while the script is stepped under it, and while somebody looks along the time
/// line.
fn press_graph(
    cursor: &mut Cursor,
    key: Key,
    action: Option<Action>,
    timeline: &Timeline,
) -> Reaction {
    if let Some(turned) = cursor.turned(key, timeline) {
        *cursor = turned;
        return Reaction::Stays;
    }
    match action {
        Some(
            action @ (Action::NextStep | Action::StepBack | Action::Restart | Action::AutoPlay),
        ) => Reaction::Under(action),
        Some(Action::Graph) => Reaction::Closes,
        _ => Reaction::Below,
    }
}

fn press_step_editor(editor: &mut Editor, key: Key, action: Option<Action>) -> Reaction {
    match (action, key.code()) {
        (_, Code::Esc) | (Some(Action::Interrupt), _) => return Reaction::Closes,
        (Some(Action::Enter), _) if editor.is_complete() => return Reaction::Sends,
        (Some(Action::NextStep), _) => return Reaction::Sends,
        (Some(Action::Enter | Action::NewLine), _) => editor.new_line(),
        _ => editor.type_key(key),
    }
    Reaction::Stays
}

impl Stage {
    /// What a key does in what was the topmost layer, which is put back unless it is done with.
    pub(super) fn press_on(
        &mut self,
        mut layer: Layer,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        match (action, &layer) {
            // The quit key in a layer leaves the program, not the layer; in the question itself it
            // says yes.
            (Some(Action::Quit), Layer::Quit) => return vec![Effect::Leave],
            (Some(Action::Quit), _) => return self.quit(),
            (Some(Action::Export), _) => {
                self.layers.push(layer);
                return self.export();
            }
            _ => {}
        }
        let reaction = layer.press(key, action, self.history.timeline());
        self.react(reaction, layer, key, action, now)
    }

    fn react(
        &mut self,
        reaction: Reaction,
        layer: Layer,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        let effects = match reaction {
            Reaction::Closes => return Vec::new(),
            Reaction::Below => return self.press_below(key, action, now),
            Reaction::Does(effects) => return self.do_as_answered(effects),
            Reaction::Opens(scenario) => return self.open(scenario),
            Reaction::Jumps(step) => return self.jump(step, now),
            Reaction::Explains(file) => {
                self.open_wrong(&file);
                return Vec::new();
            }
            Reaction::Takes => return self.take_found(&layer, action, now),
            Reaction::Sends => return self.send_edited(layer, now),
            Reaction::Stays => Vec::new(),
            Reaction::StaysAndDoes(effects) => effects,
            Reaction::Under(action) => self.update(action, now),
            Reaction::Scrolls(scroll) => vec![Effect::Scroll(scroll)],
            Reaction::IsOfTheRoom => {
                let Layer::Room(panel) = layer else { return Vec::new() };
                return self.press_room(panel, key, action, now);
            }
            Reaction::Seeks(direction) => return self.seek(layer, direction),
            Reaction::Selects => {
                let Layer::Select(selection) = layer else { return Vec::new() };
                return self.select(selection, key, action);
            }
            Reaction::Explores => {
                let Layer::Classes(list) = layer else { return Vec::new() };
                return self.press_classes(list, key, action, now);
            }
            Reaction::Narrows => {
                self.narrow(key);
                return Vec::new();
            }
            Reaction::Completes => {
                if let Layer::Menu(menu) = &layer {
                    self.take_choice(menu);
                }
                return Vec::new();
            }
        };
        self.layers.push(layer);
        effects
    }

    fn do_as_answered(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        for effect in &effects {
            if let Effect::Ask(command) = effect {
                self.course.expect(command);
            }
        }
        effects
    }

    /// What a key does that has closed what lay over the screen: what it does there, if it is not
    /// for closing alone.
    fn press_below(&mut self, key: Key, action: Option<Action>, now: Duration) -> Vec<Effect> {
        match (action, key.code()) {
            (Some(Action::Enter | Action::Interrupt), _) | (_, Code::Esc) => Vec::new(),
            (Some(action), _) => self.update(action, now),
            (None, Code::Char(' ')) => Vec::new(),
            (None, _) => self.type_key(key),
        }
    }

    /// Opens a scenario, on the engine that it is for.
    pub(super) fn open(&mut self, scenario: Arc<Scenario>) -> Vec<Effect> {
        // Opening what is being played is starting it again.
        let is_this = self.course.scenario().is_some_and(|it| it.is_of_the_same_file(&scenario));
        if is_this && !self.course.lasting().is_empty() {
            return self.restart();
        }
        let opens = match self.engine_for(&scenario) {
            Some(kind) => Command::OpenOn(Arc::clone(&scenario), kind),
            None => Command::Open(Arc::clone(&scenario)),
        };
        let question = self.course.question_before_opening(opens.clone()).filter(|_| !is_this);
        if let Some(question) = question {
            self.layers.push(Layer::Question(question));
            return Vec::new();
        }
        if self.ask_before_losing("Open it?", "open", "Opening it", Effect::Ask(opens)) {
            return Vec::new();
        }
        let title = &scenario.title;
        let Some(kind) = self.engine_for(&scenario) else {
            self.say(format!("opening \u{201c}{title}\u{201d}"));
            self.course.ask_for(&scenario);
            return vec![Effect::Ask(Command::Open(scenario))];
        };
        let engine = words::engine(kind);
        self.say(format!("opening \u{201c}{title}\u{201d} on {engine}, the engine it is for"));
        self.course.ask_for(&scenario);
        self.course.engine.ask_for(kind);
        vec![Effect::Ask(Command::OpenOn(scenario, kind))]
    }

    fn seek(&mut self, mut layer: Layer, direction: Direction) -> Vec<Effect> {
        let mut shown = Vec::new();
        if let (Layer::FindText(find), Some(pane)) = (&mut layer, self.panes.focused_mut()) {
            match find.look(&mut pane.scrollback, direction) {
                Found::At(line) => shown.push(self.scroll_focused(Motion::Line(line))),
                Found::Nowhere => {
                    let words = format!("no more matches for \u{201c}{}\u{201d}", find.needle);
                    self.say(words);
                }
                Found::NothingSought => {}
            }
        }
        self.layers.push(layer);
        shown
    }

    /// As in readline, Enter runs what was found, and any other key begins to edit it.
    fn take_found(&mut self, layer: &Layer, action: Option<Action>, now: Duration) -> Vec<Effect> {
        if let (Layer::FindStatement(find), Some(pane)) = (layer, self.panes.focused_mut())
            && let Some(found) = find.found(pane.editor.earlier()).map(str::to_owned)
        {
            pane.editor.put(&found);
        }
        if action == Some(Action::Enter) { self.update(Action::Enter, now) } else { Vec::new() }
    }

    fn send_edited(&mut self, layer: Layer, now: Duration) -> Vec<Effect> {
        let Layer::EditStep(editor) = &layer else { return Vec::new() };
        let sql = editor.text();
        if !matches!(editor.unfinished(), None | Some(Unfinished::Statement)) {
            self.refuse("the SQL is unfinished: close the quote, parenthesis or comment");
            self.layers.push(layer);
            return Vec::new();
        }
        if self.course.progress.is_stepping() {
            self.refuse("the previous step is still running");
            self.layers.push(layer);
            return Vec::new();
        }
        let mut effects = self.step(now);
        if effects.is_empty() {
            self.layers.push(layer);
        }
        for effect in &mut effects {
            if *effect == Effect::Ask(Command::Step) {
                *effect = Effect::Ask(Command::StepEdited(sql.clone()));
            }
        }
        effects
    }
}
