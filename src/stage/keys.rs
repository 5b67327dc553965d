//! Every key, once: what it does, its name in the configuration file, what the help says of it.
//!
//! The footer, the help, the README's table and the configuration file's `[keys]` are all read from
//! [`TABLE`].
//!
//! tmux, screen, a laptop's media keys and the terminal itself each take some keys away, so every
//! function key has a second key, Alt with the same digit, and so has every other key that somebody
//! is known to take. A session's own digit comes after the prefix Ctrl-X.

use std::collections::BTreeMap;
use std::fmt::Write as _;

mod group;
mod key;

pub use group::Group;
pub use key::{Code, Held, Key, NoSuchKey};

/// What a person can ask for with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Show every key.
    Help,
    /// Go on with the other engine.
    SwitchEngine,
    /// Show both engines at once, or one alone again.
    Compare,
    /// Of two engines, turn to the other.
    OtherEngine,
    /// Of two engines, type into one alone, or into both.
    TypeAlone,
    PickScenario,
    /// Show who waits for whom, and the timeline.
    Graph,
    /// Write the session so far into files.
    Export,
    /// Send the script's next step.
    NextStep,
    /// Go back by a step.
    StepBack,
    /// Play on, or stop playing.
    AutoPlay,
    /// Start the script again.
    Restart,
    AddSession,
    /// Edit the next step before it is sent.
    EditStep,
    /// Look through the script, and go to a step.
    Browse,
    /// Show what every order of the script comes to.
    Explore,
    /// Show the story.
    Story,
    /// Complete the word before the cursor; focus the next session where there is no word.
    Complete,
    /// Focus the next session.
    FocusNext,
    /// Focus the session before.
    FocusPrevious,
    /// Focus the session with this number, whichever was pressed.
    FocusNumber(u8),
    /// Send the statement if it is complete, begin a new line otherwise.
    Enter,
    /// Begin a new line in any case.
    NewLine,
    /// Have the line edited in an editor.
    EditLine,
    /// Cancel what runs; empty the line when nothing runs.
    Interrupt,
    /// Close the session, on an empty line.
    EndOfInput,
    /// A statement sent earlier.
    Earlier,
    /// A statement sent later.
    Later,
    /// Find an earlier statement by a part of it.
    FindStatement,
    /// Find text in the pane.
    FindText,
    /// Copy the last result.
    CopyResult,
    /// Select a part of the pane, to copy it.
    Select,
    /// A page up in the pane.
    PageUp,
    /// A page down in the pane.
    PageDown,
    /// The pane's first line.
    Top,
    /// The pane's last line.
    Bottom,
    /// Wide tables: to the left.
    ScrollLeft,
    /// Wide tables: to the right.
    ScrollRight,
    /// Give the focused pane the whole screen, or give it back.
    Zoom,
    /// Let the focused guest's statement go that is held.
    LetGo,
    /// Let everything go that is held.
    LetAllGo,
    /// Let everything go, up to the next breakpoint.
    RunOn,
    /// Let everything go that is held so that the statements meet inside.
    LetGoTogether,
    /// Choose what is answered in the server's place.
    AnswerHeld,
    /// Choose what is held.
    Breakpoints,
    /// Show what passed by itself.
    PassedStatements,
    /// Show the room, in which others follow.
    Room,
    /// Draw the whole screen anew.
    Redraw,
    /// Put the program in the background.
    Suspend,
    Quit,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name in the configuration file.
    pub name: &'static str,
    /// The keys that it has unless the configuration says otherwise, the one to show first.
    pub keys: &'static [&'static str],
    /// Two words for the footer.
    pub short: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
}

const fn entry(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    short: &'static str,
    help: &'static str,
) -> Entry {
    Entry { action, name, keys, short, help }
}

/// Every key there is, in the order in which the help shows them.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(Action::NextStep, "next_step", &["F5", "Alt-5"], "next step", "send the script's next \
        step to its session"),
    entry(Action::StepBack, "step_back", &["F6", "Alt-6"], "back", "go back one step (replays from \
        a fresh setup)"),
    entry(Action::AutoPlay, "auto_play", &["F7", "Alt-7"], "play", "play at a reading pace; any \
        key stops"),
    entry(Action::Restart, "restart", &["F8", "Alt-8"], "restart", "restart the script from a \
        fresh setup"),
    entry(Action::EditStep, "edit_step", &["Alt-e", "F10"], "edit step", "edit the next step's SQL \
        before sending it"),
    entry(Action::Browse, "browse", &["Alt-j"], "script", "browse the script and go to any step: \
        play on to it, or back"),
    entry(Action::Explore, "explore", &["Alt-a", "Ctrl-X a"], "all orders", "explore every order \
        of the script, and what can come of it"),
    entry(Action::AddSession, "add_session", &["F9", "Alt-9"], "add session", "add a session"),
    entry(Action::SwitchEngine, "switch_engine", &["F2", "Alt-2"], "engine", "switch to the other \
        engine (a fresh setup, replayed to the same step)"),
    entry(Action::Compare, "compare", &["Alt-c", "Ctrl-G"], "compare", "run both engines at once, \
        in step; again: this engine only"),
    entry(Action::OtherEngine, "other_engine", &["Alt-o", "Ctrl-O"], "other half", "when \
        comparing: go to the other engine"),
    entry(Action::TypeAlone, "type_alone", &["Alt-t", "Ctrl-T"], "type alone", "when comparing: \
        type into this engine only, or into both again"),
    entry(Action::PickScenario, "pick_scenario", &["F3", "Alt-3"], "scenario", "pick a scenario"),
    entry(Action::Graph, "graph", &["F4", "Alt-4"], "waits", "show who waits for whom, and the \
        timeline"),
    entry(Action::Export, "export", &["Ctrl-S", "Alt-x"], "export", "export the session so far: \
        Markdown, Mermaid, a scenario, the screen as SVG"),
    entry(Action::Story, "story", &["Alt-s", "F12"], "story", "show the scenario's story"),
    entry(Action::Complete, "complete", &["Tab"], "complete", "complete the word before the \
        cursor; on an empty line, go to the next session"),
    entry(Action::FocusNext, "focus_next", &["Alt-n", "Ctrl-X o"], "session", "go to the next \
        session, even in the middle of a line (or click on one)"),
    entry(Action::FocusPrevious, "focus_previous", &["Shift-Tab", "Alt-p"], "previous session",
        "go to the previous session"),
    entry(Action::FocusNumber(0), "focus_number", &["Ctrl-X 1-9"], "session N", "go to the session \
        with that number"),
    entry(Action::Zoom, "zoom", &["Alt-z", "F11"], "zoom", "zoom this session"),
    entry(Action::Enter, "enter", &["Enter"], "run", "send the statement if it is complete (;), \
        otherwise start a new line"),
    entry(Action::NewLine, "new_line", &["Alt-Enter", "Ctrl-J"], "new line", "always start a new \
        line"),
    entry(Action::EditLine, "edit_line", &["Ctrl-X Ctrl-E"], "editor", "edit the line, or the last \
        statement, in your editor (EDITOR); \\e does so too"),
    entry(Action::Interrupt, "interrupt", &["Ctrl-C"], "cancel", "cancel the running or waiting \
        statement; when idle, clear the line"),
    entry(Action::EndOfInput, "end_of_input", &["Ctrl-D"], "close", "close this session (on an \
        empty line)"),
    entry(Action::Earlier, "earlier", &["Up", "Ctrl-P"], "earlier", "previous statement in the \
        history (from the first line)"),
    entry(Action::Later, "later", &["Down", "Ctrl-N"], "later", "next statement in the history \
        (from the last line)"),
    entry(Action::FindStatement, "find_statement", &["Ctrl-R"], "find statement", "search the \
        history for a statement"),
    entry(Action::FindText, "find_text", &["Ctrl-F", "Alt-/"], "find", "find text in this \
        session's pane"),
    entry(Action::CopyResult, "copy_result", &["y", "Ctrl-X y"], "copy", "copy this session's last \
        result (y on an empty line); tmux needs set-clipboard on"),
    entry(Action::Select, "select", &["Alt-y", "Ctrl-X ["], "select", "select text in this pane \
        with the arrow keys and copy it (or Shift-drag with the mouse)"),
    entry(Action::PageUp, "page_up", &["PageUp", "Alt-v"], "up", "scroll this session's pane up a \
        page (or use the wheel)"),
    entry(Action::PageDown, "page_down", &["PageDown", "Ctrl-V"], "down", "scroll down a page"),
    entry(Action::Top, "top", &["Ctrl-Home", "Alt-<"], "top", "go to the pane's first line"),
    entry(Action::Bottom, "bottom", &["Ctrl-End", "Alt->"], "bottom", "go to the pane's last line"),
    entry(Action::ScrollLeft, "scroll_left", &["Alt-Left", "Alt-,"], "left", "scroll left in a \
        wide table"),
    entry(Action::ScrollRight, "scroll_right", &["Alt-Right", "Alt-."], "right", "scroll right in \
        a wide table"),
    entry(Action::Room, "room", &["Alt-r", "Ctrl-X r"], "room", "show the room: others follow and \
        take part in their browsers"),
    entry(Action::Redraw, "redraw", &["Ctrl-L"], "redraw", "redraw the screen"),
    entry(Action::Suspend, "suspend", &["Ctrl-Z"], "suspend", "suspend Overbooked (fg brings it \
        back)"),
    entry(Action::Help, "help", &["?", "F1", "Alt-1"], "help", "show every key (? on an empty \
        line)"),
    entry(Action::Quit, "quit", &["Ctrl-Q", "Alt-q"], "quit", "quit; cancels statements and rolls \
        back transactions"),
];

/// The keys of the debugger alone; there they go before those of a script.
#[rustfmt::skip]
pub const DEBUGGER: &[Entry] = &[
    entry(Action::LetGo, "let_go", &["F5", "Alt-5"], "let go", "let the focused guest's held \
        statement go to the server"),
    entry(Action::LetAllGo, "let_all_go", &["F6", "Alt-6"], "all", "let every held statement go, \
        oldest first"),
    entry(Action::RunOn, "run_on", &["F7", "Alt-7"], "run on", "let everything run up to the next \
        breakpoint"),
    entry(Action::LetGoTogether, "let_go_together", &["F8", "Alt-8"], "together", "let every held \
        statement go at the same instant, inside the table named by --gate"),
    entry(Action::AnswerHeld, "answer_held", &["F10", "Alt-e"], "answer", "answer the held \
        statement in the server's place, or cut its connection"),
    entry(Action::Breakpoints, "breakpoints", &["Alt-b", "F2"], "breakpoints", "choose what is \
        held: everything, what meets a breakpoint, nothing; add and remove breakpoints"),
    entry(Action::PassedStatements, "passed_statements", &["F3", "Alt-3"], "what passed", "show \
        the statements that passed by themselves: settings, pings, reads of the catalog"),
];

/// What has no meaning where no script is played.
const OF_SCRIPTS: [Action; 14] = [
    Action::NextStep,
    Action::StepBack,
    Action::AutoPlay,
    Action::Restart,
    Action::EditStep,
    Action::Browse,
    Action::Explore,
    Action::Story,
    Action::PickScenario,
    Action::SwitchEngine,
    Action::Compare,
    Action::OtherEngine,
    Action::TypeAlone,
    Action::Room,
];

/// Which keys do what: the table, with what the configuration file changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMap {
    keys: BTreeMap<Action, Vec<Key>>,
    /// What the configuration file says of the debugger's.
    of_debugger: BTreeMap<Action, Vec<Key>>,
}

impl Default for KeyMap {
    fn default() -> Self {
        let parsed = |entry: &Entry| entry.keys.iter().filter_map(|key| key.parse().ok()).collect();
        let keys = TABLE.iter().map(|entry| (entry.action, parsed(entry))).collect();
        Self { keys, of_debugger: BTreeMap::new() }
    }
}

impl KeyMap {
    /// The same for the debugger, where no script is played.
    #[must_use]
    pub fn for_debugging(mut self) -> Self {
        self.keys.retain(|action, _| !OF_SCRIPTS.contains(action));
        for entry in DEBUGGER {
            let usual = || entry.keys.iter().filter_map(|key| key.parse().ok()).collect();
            let keys = self.of_debugger.get(&entry.action).cloned().unwrap_or_else(usual);
            self.bind(entry.action, keys);
        }
        self
    }

    /// The lines of the table that have a key here, in the order in which the help shows them.
    pub fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        every_entry().filter(|entry| self.keys.contains_key(&entry.action))
    }

    /// Gives an action other keys; whoever had them loses them, and where the action is the
    /// debugger's, only there.
    pub fn rebind(&mut self, action: Action, keys: Vec<Key>) {
        if DEBUGGER.iter().any(|entry| entry.action == action) {
            self.of_debugger.insert(action, keys);
        } else {
            self.bind(action, keys);
        }
    }

    fn bind(&mut self, action: Action, keys: Vec<Key>) {
        for others in self.keys.values_mut() {
            others.retain(|key| !keys.contains(key));
        }
        self.keys.insert(action, keys);
    }

    /// What a key does.
    pub fn action(&self, key: Key) -> Option<Action> {
        let has = |key: Key| {
            let mut all = self.keys.iter();
            all.find(|(_, keys)| keys.contains(&key)).map(|(action, _)| *action)
        };
        has(key).or_else(|| {
            let (any, digit) = key.any_digit()?;
            match has(any)? {
                Action::FocusNumber(_) => Some(Action::FocusNumber(digit)),
                other => Some(other),
            }
        })
    }

    /// The key to show for an action, if it has one.
    pub fn shown(&self, action: Action) -> Option<Key> {
        self.all(action).first().copied()
    }

    /// The key that does this whatever is being typed, if the action has one.
    pub fn pressed(&self, action: Action) -> Option<Key> {
        let keys = self.all(action);
        keys.iter().find(|key| !key.is_text()).or(keys.first()).copied()
    }

    /// Every key of an action.
    pub fn all(&self, action: Action) -> &[Key] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The keys of an action in words: `F5 or Alt-5`.
    pub fn words(&self, action: Action) -> String {
        let keys: Vec<String> = self.all(action).iter().map(Key::to_string).collect();
        keys.join(" or ")
    }

    /// The keys that can follow the prefix, in words: `Ctrl-X: 1-9 session N, o session`.
    pub fn prefixed(&self) -> String {
        let mut follow = Vec::new();
        for entry in self.entries() {
            let keys = self.all(entry.action).iter().filter(|key| key.is_prefixed());
            follow.extend(keys.map(|key| format!("{} {}", key.without_prefix(), entry.short)));
        }
        format!("Ctrl-X: {}", follow.join(", "))
    }

    /// The table for the README, or that of the debugger's keys.
    pub fn markdown(&self, entries: &[Entry]) -> String {
        let mut table = String::from("| key | in `[keys]` | what it does |\n|---|---|---|\n");
        for entry in entries {
            let keys: Vec<String> =
                self.all(entry.action).iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(table, "| {} | `{}` | {} |", keys.join(" "), entry.name, entry.help);
        }
        table
    }
}

/// The line of an action, in one table or the other.
pub fn entry_of(action: Action) -> Option<&'static Entry> {
    every_entry().find(|entry| entry.action == action)
}

/// The lines of both tables.
pub fn every_entry() -> impl Iterator<Item = &'static Entry> + Clone {
    DEBUGGER.iter().chain(TABLE)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_key_of_the_table_reads_back_as_itself() {
        for text in every_entry().flat_map(|entry| entry.keys) {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), *text);
        }
    }

    #[test]
    fn no_key_does_two_things() {
        let mut seen = HashSet::new();
        assert!(TABLE.iter().flat_map(|entry| entry.keys).all(|key| seen.insert(key)));
        let mut names = HashSet::new();
        assert!(every_entry().all(|entry| names.insert(entry.name)));
        let mut seen = HashSet::new();
        assert!(DEBUGGER.iter().flat_map(|entry| entry.keys).all(|key| seen.insert(key)));
    }

    #[test]
    fn every_function_key_has_a_second_key_that_is_none() {
        for entry in every_entry().filter(|entry| entry.keys[0].starts_with('F')) {
            assert!(entry.keys.iter().any(|key| key.starts_with("Alt-")), "{}", entry.name);
        }
    }

    #[test]
    fn a_key_given_to_an_action_is_taken_from_the_other() {
        let mut map = KeyMap::default();
        let key = "F6".parse().unwrap();
        map.rebind(Action::NextStep, vec![key]);
        assert_eq!(map.action(key), Some(Action::NextStep));
        assert_eq!(map.all(Action::StepBack).len(), 1);
    }

    #[test]
    fn the_debuggers_keys_are_its_own() {
        let mut map = KeyMap::default();
        let f9 = "F9".parse().unwrap();
        map.rebind(Action::LetGo, vec![f9]);
        assert_eq!(map.action(f9), Some(Action::AddSession), "in a console it is what it was");
        assert_eq!(map.action("F5".parse().unwrap()), Some(Action::NextStep));
        let map = map.for_debugging();
        assert_eq!(map.action(f9), Some(Action::LetGo));
        assert_eq!(map.action("F6".parse().unwrap()), Some(Action::LetAllGo));
        assert_eq!(map.all(Action::NextStep), []);
    }

    #[test]
    fn a_digit_after_the_prefix_is_the_number_of_a_session() {
        let mut map = KeyMap::default();
        let of = |map: &KeyMap, key: &str| map.action(key.parse().unwrap());
        assert_eq!(of(&map, "Ctrl-X 3"), Some(Action::FocusNumber(3)));
        assert_eq!(of(&map, "Alt-5"), Some(Action::NextStep));
        assert_eq!(of(&map, "3"), None);
        map.rebind(Action::FocusNumber(0), vec!["Alt-1-9".parse().unwrap()]);
        assert_eq!(of(&map, "Ctrl-X 3"), None);
        assert_eq!(of(&map, "Alt-0"), None);
    }
}
