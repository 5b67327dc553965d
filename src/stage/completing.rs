//! Tab: the word before the cursor is completed, or what fits is shown to choose from.
//!
//! What can be named is asked for once somebody types, and again after it may have changed, so it
//! is usually there when Tab is pressed. Where it is not, the word is completed when it comes, and
//! keys that are pressed meanwhile do what they do after that, as in psql; the screen goes on.

use std::sync::Arc;

use super::completion::{Candidate, Completions, Typed};
use super::keys::{Action, Code, Key};
use super::layers::{Layer, Menu};
use super::script::Script;
use super::{Effect, Stage};
use crate::core::catalog::Catalog;
use crate::core::event::Kind;
use crate::run::Command;

/// So many keys wait for a completion at most; whoever has pressed more does not wait for it.
const MOST_HELD: usize = 1024;

/// What is known of the names in the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    catalog: Option<Arc<Catalog>>,
    state: Knowledge,
    /// Whether an open transaction has changed them: others see that once it commits.
    is_changing: bool,
    wanted: Option<Wanted>,
    /// What was pressed since then.
    held: Vec<Key>,
}

/// A line that is to be completed once the names are here.
#[derive(Clone, Debug)]
struct Wanted {
    line: String,
    cursor: usize,
    /// Whether they were asked for before this was wanted, so that what was made since may not be
    /// among them.
    is_asked_before: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knowledge {
    /// Never asked for, or something has changed.
    #[default]
    Stale,
    Asked,
    Fresh,
}

impl Names {
    /// Folds what some session was told.
    pub(super) fn apply(&mut self, kind: &Kind) {
        let Kind::Done { tag, .. } = kind else { return };
        let changes =
            ["CREATE", "ALTER", "DROP", "IMPORT"].iter().any(|verb| tag.starts_with(verb));
        let is_seen = tag.starts_with("COMMIT") && std::mem::take(&mut self.is_changing);
        self.is_changing |= changes;
        if changes || is_seen {
            self.state = Knowledge::Stale;
        }
    }

    /// Somebody types: what is to be asked, if what is known is old.
    fn refresh(&mut self) -> Vec<Effect> {
        if self.state != Knowledge::Stale {
            return Vec::new();
        }
        self.state = Knowledge::Asked;
        vec![Effect::Ask(Command::ReadCatalog)]
    }
}

impl Stage {
    /// Something is about to be typed: what could be named there is asked for.
    pub(super) fn begins_to_type(&mut self) -> Vec<Effect> {
        self.names.wanted = None;
        if self.can_ask_for_names() { self.names.refresh() } else { Vec::new() }
    }

    /// Whether there is a run that answers.
    fn can_ask_for_names(&self) -> bool {
        self.course.script().is_some() && self.course.broken().is_none()
    }

    /// Another setup has other names.
    pub(super) fn forget_names(&mut self) {
        let held = std::mem::take(&mut self.names.held);
        self.names = Names { held, ..Names::default() };
    }

    /// Whether a word is to be completed, once its name is there.
    pub(super) fn is_completing(&self) -> bool {
        self.names.wanted.is_some()
    }

    /// Whether a key comes before a completion: nothing keeps anybody from leaving or from starting
    /// again.
    pub(super) fn hurries(&self, key: Key) -> bool {
        let action = self.setting.keys.action(key);
        let is_urgent = matches!(action, Some(Action::Quit | Action::Restart));
        self.is_completing() && (is_urgent || self.names.held.len() >= MOST_HELD)
    }

    /// Whether a key is kept until the word before it is completed. What gives that up gives up
    /// what was pressed since, too.
    pub(super) fn holds(&mut self, key: Key) -> bool {
        if !self.is_completing() {
            return false;
        }
        if key.code() == Code::Esc || key.is_cancel() {
            self.names.wanted = None;
            self.names.held.clear();
            return false;
        }
        self.names.held.push(key);
        true
    }

    /// Nothing is completed any more that has not been by now.
    pub(super) fn give_up_completing(&mut self) {
        self.names.wanted = None;
    }

    /// There is nobody who could say what can be named; a run that goes on is asked anew.
    pub(super) fn names_will_not_come(&mut self) {
        self.give_up_completing();
        self.names.state = Knowledge::Stale;
    }

    /// The keys that have waited for a completion.
    pub(super) fn take_held(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.names.held)
    }

    pub(super) fn complete(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        if pane.editor.is_empty() {
            self.panes.focus_by(1);
            self.panes.choose();
            return Vec::new();
        }
        let wanted = Wanted {
            line: pane.editor.text(),
            cursor: pane.editor.cursor(),
            is_asked_before: self.names.state == Knowledge::Asked,
        };
        let effects = self.begins_to_type();
        if !self.can_ask_for_names() {
            if !self.complete_now() {
                self.say("nothing fits here");
            }
            return effects;
        }
        if self.names.state == Knowledge::Asked {
            self.names.wanted = Some(wanted);
            return effects;
        }
        if self.complete_now() {
            return effects;
        }
        // Somebody else may have made what is looked for.
        self.names.state = Knowledge::Stale;
        self.names.wanted = Some(wanted);
        self.names.refresh()
    }

    /// The names have come, or it is known that they will not.
    pub(super) fn learn(&mut self, catalog: Option<Arc<Catalog>>) -> Vec<Effect> {
        if catalog.is_some() {
            self.names.catalog = catalog;
        }
        self.names.state = Knowledge::Fresh;
        let Some(wanted) = self.names.wanted.take() else { return Vec::new() };
        let is_there = self.panes.focused().is_some_and(|pane| {
            pane.editor.text() == wanted.line && pane.editor.cursor() == wanted.cursor
        });
        if !is_there || !self.layers.is_empty() || self.complete_now() {
            return Vec::new();
        }
        if wanted.is_asked_before {
            self.names.state = Knowledge::Stale;
            self.names.wanted = Some(Wanted { is_asked_before: false, ..wanted });
            return self.names.refresh();
        }
        self.say("nothing fits here");
        Vec::new()
    }

    /// What can stand at the cursor.
    fn completions(&self) -> Completions {
        let Some(pane) = self.panes.focused() else { return Completions::default() };
        Completions::of(Typed {
            text: &pane.editor.text(),
            cursor: pane.editor.cursor(),
            strings: pane.editor.strings(),
            catalog: self.names.catalog.as_deref(),
            path: &self.search_path(),
        })
    }

    /// Where the focused session looks for names: as it has set it itself, as the scenario has, or
    /// as the server does.
    fn search_path(&self) -> Vec<String> {
        let set = self.panes.focused().and_then(|pane| pane.search_path.get());
        let catalog = self.names.catalog.as_deref();
        match (set, catalog.and_then(|catalog| catalog.run.as_ref())) {
            (Some(path), _) => path.to_vec(),
            (None, None) => catalog.map(|catalog| catalog.path.clone()).unwrap_or_default(),
            (None, Some(run)) => {
                let own = |name: &String| if name == "run" { run.clone() } else { name.clone() };
                let scenario = self.course.script().map(Script::scenario);
                let path = scenario.map(|it| it.search_path.written()).unwrap_or_default();
                if path.is_empty() { vec![run.clone()] } else { path.iter().map(own).collect() }
            }
        }
    }

    /// Completes as far as it is clear how, and shows what there is to choose from; whether
    /// anything fits.
    fn complete_now(&mut self) -> bool {
        let completions = self.completions();
        let Some(pane) = self.panes.focused_mut() else { return false };
        match completions.candidates.as_slice() {
            [] => return false,
            [one] => pane.editor.replace(completions.from, &whole(one)),
            _ => {
                let typed = &pane.editor.text()[completions.from..pane.editor.cursor()];
                let common = completions.common().to_owned();
                if common.len() > typed.len() {
                    pane.editor.replace(completions.from, &common);
                }
                let line = (pane.editor.text(), pane.editor.cursor());
                self.layers.push(Layer::Menu(Menu::of(completions, line)));
            }
        }
        true
    }

    /// Puts a word of the menu in, unless the line is another one by now: what was sent and is
    /// refused comes back into it at any time.
    pub(super) fn take_choice(&mut self, menu: &Menu) {
        if let (Some(pane), Some(choice)) = (self.panes.focused_mut(), menu.choice())
            && menu.is_for(&pane.editor.text(), pane.editor.cursor())
        {
            pane.editor.replace(menu.from(), &whole(choice));
        }
    }

    /// Types on while the menu is open: what still fits stays in it.
    pub(super) fn narrow(&mut self, key: Key) {
        let Some(pane) = self.panes.focused_mut() else { return };
        pane.editor.type_key(key);
        let completions = self.completions();
        let line = self.panes.focused().map(|pane| (pane.editor.text(), pane.editor.cursor()));
        let line = line.unwrap_or_default();
        let typed = line.0.get(completions.from..line.1).unwrap_or_default();
        let is_whole = |candidate: &Candidate| candidate.text == typed;
        let is_over = typed.is_empty() || completions.candidates.iter().all(is_whole);
        if !is_over {
            self.layers.push(Layer::Menu(Menu::of(completions, line)));
        }
    }

    /// A key that is not for the menu closes it.
    pub(super) fn leave_menu_at(&mut self, key: Key) {
        if matches!(self.layers.top(), Some(Layer::Menu(_))) && !Menu::takes(key) {
            self.layers.pop();
        }
    }
}

/// A word that was decided on, with what follows it.
fn whole(candidate: &Candidate) -> String {
    format!("{}{}", candidate.text, candidate.kind.tail())
}
