//! What the keys of the debugger do, and what is said as long as nobody has come.

use std::fmt::Write as _;

use super::keys::Action;
use super::layers::{BreakpointPanel, Choice, Choices, Layer, PassedList, Question};
use super::panes::Pane;
use super::{Effect, Stage};
use crate::core::event::SessionName;
use crate::core::scenario::counted;
use crate::debugger::breakpoints::HoldMode;
use crate::debugger::guests::{Answer, Order, Overview};
use crate::run::Command;
use crate::run::guests::OWN_SESSION;

/// What there is to know beside the debugger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debugging {
    /// How to connect: a line each.
    pub addresses: Vec<String>,
    /// Whether statements can be made to meet inside a table.
    pub has_gate: bool,
    /// How much is held, who is connected, what has passed by itself.
    pub overview: Overview,
}

impl Debugging {
    /// How many clients are idle and how many statements have passed by themselves, in words: the
    /// longest first.
    pub fn others(&self) -> Vec<String> {
        let Overview { connections, idle, passed, .. } = self.overview;
        let mut idle = match (connections, idle) {
            (0, _) => "nobody is connected".to_owned(),
            (1, 1) => "1 connection, idle".to_owned(),
            (all, idle) if all == idle => format!("{all} connections, all idle"),
            (all, 0) => counted(all as u64, "connection"),
            (_, idle) => counted(idle as u64, "idle connection"),
        };
        let unseen = self.overview.without_pane;
        if unseen > 0 {
            let _ = write!(idle, ", {} without a pane", counted(unseen as u64, "transaction"));
        }
        if passed == 0 {
            return vec![idle];
        }
        let by_itself = if passed == 1 { "itself" } else { "themselves" };
        vec![
            format!("{idle}, {} passed by {by_itself}", counted(passed, "statement")),
            format!("{idle}, {passed} passed by {by_itself}"),
            format!("{idle}, {passed} passed"),
            idle,
        ]
    }

    /// What is held, in words: the longest first.
    pub fn holds(&self) -> Vec<String> {
        let Overview { mode, breakpoints, watched, .. } = &self.overview;
        match (mode, breakpoints.as_slice(), watched.as_slice()) {
            (HoldMode::Watch, ..) => vec!["holds nothing".to_owned()],
            (HoldMode::Everything, ..) => vec!["holds everything".to_owned()],
            (HoldMode::Breakpoints, [], []) => {
                vec!["holds what touches a table".to_owned(), "holds tables".to_owned()]
            }
            (HoldMode::Breakpoints, [], watched) => {
                let tables = watched.join(", ");
                vec![format!("holds what touches {tables}"), "holds what is watched".to_owned()]
            }
            (HoldMode::Breakpoints, [one], _) => {
                vec![format!("holds at: {one}"), "holds at 1 breakpoint".to_owned()]
            }
            (HoldMode::Breakpoints, many, _) => {
                vec![format!("holds at {} breakpoints", many.len())]
            }
        }
    }
}

impl Stage {
    /// What there is to know beside the debugger, if this is one.
    pub fn debugging(&self) -> Option<&Debugging> {
        self.setting.debugging.as_ref()
    }

    /// Programs can connect, at these addresses.
    pub fn opened_to_programs(&mut self, addresses: Vec<String>) {
        if let Some(debugging) = &mut self.setting.debugging {
            debugging.addresses = addresses;
        }
    }

    /// Something of the debugger has changed.
    pub fn debugger_at_a_glance(&mut self, overview: Overview) {
        if let Some(debugging) = &mut self.setting.debugging {
            if let Some(Layer::Breakpoints(panel)) = self.layers.top_mut() {
                panel.refresh(&overview);
            }
            debugging.overview = overview;
        }
    }

    /// Opens a session of the console's own: beside programs it has a name that none of them has.
    pub(super) fn add_session(&mut self) -> Vec<Effect> {
        let is_free = |name: &SessionName| self.panes.of(name).is_none();
        let names = (2..).map(|number| format!("{OWN_SESSION}-{number}"));
        let mut names = std::iter::once(OWN_SESSION.to_owned()).chain(names);
        let name = names.find_map(|name| Some(SessionName::new(&name)).filter(is_free));
        vec![Effect::Ask(Command::AddSession(name.filter(|_| self.debugging().is_some())))]
    }

    /// Whether the focused pane is a program's, into which nothing is typed; says so.
    pub(super) fn refuses_typing(&mut self) -> bool {
        let Some(name) = self.panes.focused().filter(|pane| pane.is_guest).map(|it| &it.name)
        else {
            return false;
        };
        let add = self.key(Action::AddSession);
        let words = format!(
            "{name} is your program\u{2019}s; nothing can be typed into it ({add} opens a session \
             of your own)"
        );
        self.refuse(words);
        self.has_refused_typing = true;
        true
    }

    /// Enter at the end of what was not taken as typing lets nothing go.
    pub(super) fn refuses_enter(&mut self) -> bool {
        let held = self.panes.focused().filter(|pane| pane.is_guest && pane.held.is_some());
        let Some(name) = held.map(|pane| pane.name.clone()) else { return false };
        self.refuse(format!("that was typing, so nothing is let go; Enter alone lets {name} go"));
        true
    }

    /// Nobody closes a program's connection by accident.
    pub(super) fn close_guest(&mut self, name: &SessionName) {
        if self.panes.of(name).is_some_and(|pane| pane.held.is_some()) {
            let words = vec![format!(
                "{name}\u{2019}s statement has not gone to the server. Its program loses the \
                 connection, and with it an open transaction."
            )];
            let effects = vec![Effect::Debug(Order::Answer(name.clone(), Answer::Cut))];
            let (yes, no) = ("cut the connection", "hold on");
            let title = "Cut the connection?";
            self.layers.push(Layer::Question(Question { title, words, yes, no, effects }));
            return;
        }
        self.refuse(format!(
            "{name} is your program\u{2019}s connection; it can be cut while a statement is held"
        ));
    }

    /// Turns to the statement that has just been held, unless the keys are needed where they are,
    /// or the user has put them there.
    pub(super) fn turn_to_held(&mut self, name: &SessionName) {
        let is_free = |pane: &Pane| pane.is_guest && pane.held.is_none();
        if self.panes.is_chosen() {
            return;
        }
        if self.panes.focused().is_none_or(is_free) {
            self.panes.focus_on_session(name);
        }
    }

    /// Whose statements are held.
    fn held(&self) -> Vec<SessionName> {
        let held = self.panes.iter().filter(|pane| pane.held.is_some());
        held.map(|pane| pane.name.clone()).collect()
    }

    /// The focused guest whose statement is held; says so where there is none.
    fn focused_held(&mut self) -> Option<SessionName> {
        let focused = self.panes.focused().filter(|pane| pane.held.is_some());
        if let Some(pane) = focused {
            return Some(pane.name.clone());
        }
        let words = match &self.held()[..] {
            [] => "nothing is held".to_owned(),
            names => {
                let names: Vec<&str> = names.iter().map(SessionName::as_str).collect();
                format!("nothing is held here; held: {}", names.join(", "))
            }
        };
        self.say(words);
        None
    }

    /// Lets the focused guest's statement go.
    pub(super) fn let_go_here(&mut self) -> Vec<Effect> {
        let held = self.focused_held();
        held.map(|name| Effect::Debug(Order::LetGo(name))).into_iter().collect()
    }

    /// Lets the focused guest's statement go, or the only one that is held.
    pub(super) fn let_go(&mut self) -> Vec<Effect> {
        let held = self.meant_held();
        held.map(|name| Effect::Debug(Order::LetGo(name))).into_iter().collect()
    }

    /// Who is meant where the focused session is not held: the only one that is, if it is one.
    fn meant_held(&mut self) -> Option<SessionName> {
        let is_here = self.panes.focused().is_some_and(|pane| pane.held.is_some());
        match &self.held()[..] {
            [only] if !is_here => Some(only.clone()),
            _ => self.focused_held(),
        }
    }

    pub(super) fn let_all_go(&mut self) -> Vec<Effect> {
        let unseen = self.debugging().map_or(0, |it| it.overview.held_without_pane);
        if self.held().is_empty() && unseen == 0 {
            self.say("nothing is held");
            return Vec::new();
        }
        if self.held().len() > 1 {
            self.say("each goes once the one before it is answered or waits");
        }
        vec![Effect::Debug(Order::LetAllGo)]
    }

    pub(super) fn run_on(&mut self) -> Vec<Effect> {
        self.say("running on to the next breakpoint");
        vec![Effect::Debug(Order::Run)]
    }

    pub(super) fn let_go_together(&mut self) -> Vec<Effect> {
        if self.held().len() < 2 {
            self.say("two statements at least must be held to meet inside");
            return Vec::new();
        }
        vec![Effect::Debug(Order::LetGoTogether)]
    }

    /// Answers what is held with a cancellation, or cancels what runs.
    pub(super) fn cancel_guest(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        let name = pane.name.clone();
        if pane.held.is_some() {
            return vec![Effect::Debug(Order::Answer(name, Answer::Cancelled))];
        }
        if pane.is_busy() {
            return vec![Effect::Ask(Command::Cancel(name))];
        }
        self.say(format!("nothing of {name} is running or held"));
        Vec::new()
    }

    pub(super) fn choose_answer(&mut self) {
        let Some(name) = self.meant_held() else { return };
        let choices = Answer::ALL.into_iter().map(|answer| Choice {
            name: answer.name().to_owned(),
            words: answer.words().to_owned(),
            effects: vec![Effect::Debug(Order::Answer(name.clone(), answer))],
        });
        let title = format!("answer {name} in the server\u{2019}s place");
        self.layers.push(Layer::Choices(Choices::new(title, choices.collect(), 0)));
    }

    pub(super) fn open_breakpoints(&mut self) {
        let Some(debugging) = self.debugging() else { return };
        let panel = BreakpointPanel::new(&debugging.overview);
        self.layers.push(Layer::Breakpoints(panel));
    }

    pub(super) fn show_passed(&mut self) {
        let Some(debugging) = self.debugging() else { return };
        match debugging.overview.last_passed.len() {
            0 => self.say("nothing has passed by itself yet"),
            count => self.layers.push(Layer::Passed(PassedList::of(count))),
        }
    }
}
