//! What is held: how much, and at which breakpoints; more can be typed.

use super::find::edit;
use crate::debugger::breakpoints::{Breakpoint, HoldMode};
use crate::debugger::guests::{Order, Overview};
use crate::stage::Effect;
use crate::stage::keys::{Action, Code, Key};

/// The lines of the panel: how much is held, the breakpoints, the one that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakpointPanel {
    mode: HoldMode,
    breakpoints: Vec<Breakpoint>,
    marked: usize,
    typed: String,
    /// Why what was typed is no breakpoint.
    mistake: Option<String>,
}

/// A line that can be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelLine<'a> {
    Mode(HoldMode),
    Breakpoint(&'a Breakpoint),
    /// What is being typed.
    Typed(&'a str),
}

/// What comes of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pressed {
    /// The panel stays, and this is done.
    Stays(Vec<Effect>),
    /// It closes, and this is done.
    Closes(Vec<Effect>),
}

impl BreakpointPanel {
    /// As it stands now, with the cursor where a breakpoint is typed.
    pub fn new(overview: &Overview) -> Self {
        let (mode, breakpoints) = (overview.mode, overview.breakpoints.clone());
        let marked = HoldMode::ALL.len() + breakpoints.len();
        Self { mode, breakpoints, marked, typed: String::new(), mistake: None }
    }

    /// How much is held.
    pub fn mode(&self) -> HoldMode {
        self.mode
    }

    /// All of them, and whether each is marked.
    pub fn lines(&self) -> impl Iterator<Item = (PanelLine<'_>, bool)> {
        let modes = HoldMode::ALL.into_iter().map(PanelLine::Mode);
        let breakpoints = self.breakpoints.iter().map(PanelLine::Breakpoint);
        let all = modes.chain(breakpoints).chain([PanelLine::Typed(&self.typed)]);
        all.enumerate().map(|(place, line)| (line, place == self.marked))
    }

    /// Why what was typed is no breakpoint.
    pub fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// Somebody else may have changed what is held.
    pub fn refresh(&mut self, overview: &Overview) {
        let is_typing = self.marked == self.last();
        (self.mode, self.breakpoints) = (overview.mode, overview.breakpoints.clone());
        self.marked = if is_typing { self.last() } else { self.marked.min(self.last()) };
    }

    fn last(&self) -> usize {
        HoldMode::ALL.len() + self.breakpoints.len()
    }

    /// Text that is pasted comes to what was typed.
    pub(crate) fn paste(&mut self, text: &str) {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.typed.extend(line.chars().filter(|letter| !letter.is_control()));
        self.marked = self.last();
    }

    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Pressed {
        let on_breakpoint = self.marked.checked_sub(HoldMode::ALL.len());
        let on_breakpoint = on_breakpoint.filter(|place| *place < self.breakpoints.len());
        match (action, key.code()) {
            (Some(Action::Interrupt | Action::Breakpoints), _) | (_, Code::Esc) => {
                return Pressed::Closes(Vec::new());
            }
            (Some(Action::Enter), _) => return self.enter(),
            (_, Code::Up) => self.marked = self.marked.saturating_sub(1),
            (_, Code::Down) => self.marked = (self.marked + 1).min(self.last()),
            (_, Code::Delete | Code::Backspace) if on_breakpoint.is_some() => {
                return self.remove(on_breakpoint.unwrap_or_default());
            }
            (_, Code::Char(digit)) if self.typed.is_empty() && mode_of(digit).is_some() => {
                return self.hold(mode_of(digit).unwrap_or_default());
            }
            _ => {
                self.mistake = None;
                self.marked = self.last();
                edit(&mut self.typed, key);
            }
        }
        Pressed::Stays(Vec::new())
    }

    fn enter(&mut self) -> Pressed {
        if let Some(mode) = HoldMode::ALL.get(self.marked) {
            return self.hold(*mode);
        }
        if self.typed.trim().is_empty() {
            return Pressed::Closes(Vec::new());
        }
        match self.typed.parse::<Breakpoint>() {
            Ok(breakpoint) => self.add(breakpoint),
            Err(error) => {
                self.mistake = Some(format!("column {}: {}", error.column, error.problem));
                Pressed::Stays(Vec::new())
            }
        }
    }

    fn hold(&mut self, mode: HoldMode) -> Pressed {
        self.mode = mode;
        Pressed::Closes(vec![Effect::Debug(Order::Hold(mode))])
    }

    /// Whoever adds a breakpoint wants it to hold.
    fn add(&mut self, breakpoint: Breakpoint) -> Pressed {
        if !self.breakpoints.contains(&breakpoint) {
            self.breakpoints.push(breakpoint);
        }
        self.typed.clear();
        self.marked = self.last();
        let mut effects = vec![Effect::Debug(Order::Break(self.breakpoints.clone()))];
        if self.mode != HoldMode::Breakpoints {
            self.mode = HoldMode::Breakpoints;
            effects.push(Effect::Debug(Order::Hold(self.mode)));
        }
        Pressed::Stays(effects)
    }

    fn remove(&mut self, place: usize) -> Pressed {
        self.breakpoints.remove(place);
        Pressed::Stays(vec![Effect::Debug(Order::Break(self.breakpoints.clone()))])
    }
}

fn mode_of(digit: char) -> Option<HoldMode> {
    let place = (digit.to_digit(10)? as usize).checked_sub(1)?;
    HoldMode::ALL.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(panel: &mut BreakpointPanel, key: &str) -> Pressed {
        let action = (key == "Enter").then_some(Action::Enter);
        panel.press(key.parse().unwrap(), action)
    }

    fn type_in(panel: &mut BreakpointPanel, text: &str) {
        for letter in text.chars() {
            let key = if letter == ' ' { "Space".to_owned() } else { letter.to_string() };
            assert_eq!(press(panel, &key), Pressed::Stays(Vec::new()));
        }
    }

    fn breaks(rules: &[&str]) -> Effect {
        Effect::Debug(Order::Break(rules.iter().map(|rule| rule.parse().unwrap()).collect()))
    }

    #[test]
    fn a_breakpoint_is_typed_and_removed() {
        let mut panel = BreakpointPanel::new(&Overview::default());
        type_in(&mut panel, "commit");
        assert_eq!(press(&mut panel, "Enter"), Pressed::Stays(vec![breaks(&["commit"])]));
        panel.paste("write\n seats ");
        let both = breaks(&["commit", "write seats"]);
        assert_eq!(press(&mut panel, "Enter"), Pressed::Stays(vec![both]));
        press(&mut panel, "Up");
        press(&mut panel, "Up");
        assert_eq!(press(&mut panel, "Delete"), Pressed::Stays(vec![breaks(&["write seats"])]));
        assert_eq!(press(&mut panel, "Esc"), Pressed::Closes(Vec::new()));
    }

    #[test]
    fn what_is_no_breakpoint_stays_to_be_mended() {
        let mut panel = BreakpointPanel::new(&Overview::default());
        panel.paste("writ seats");
        assert_eq!(press(&mut panel, "Enter"), Pressed::Stays(Vec::new()));
        let mistake = panel.mistake().unwrap();
        assert!(mistake.starts_with("column 1: ") && mistake.contains("write"), "{mistake}");
        assert!(panel.lines().any(|(line, _)| line == PanelLine::Typed("writ seats")));
    }

    #[test]
    fn how_much_is_held_is_chosen_by_a_digit_or_with_enter() {
        let mut panel = BreakpointPanel::new(&Overview::default());
        let holds = |mode| Pressed::Closes(vec![Effect::Debug(Order::Hold(mode))]);
        assert_eq!(press(&mut panel.clone(), "3"), holds(HoldMode::Everything));
        press(&mut panel, "Up");
        assert_eq!(press(&mut panel.clone(), "Enter"), holds(HoldMode::Everything));
        press(&mut panel, "Up");
        press(&mut panel, "Up");
        press(&mut panel, "Up");
        assert_eq!(press(&mut panel, "Enter"), holds(HoldMode::Watch));
    }

    #[test]
    fn a_new_breakpoint_holds_where_nothing_was_held() {
        let overview = Overview { mode: HoldMode::Watch, ..Overview::default() };
        let mut panel = BreakpointPanel::new(&overview);
        panel.paste("commit");
        let holds = Effect::Debug(Order::Hold(HoldMode::Breakpoints));
        assert_eq!(press(&mut panel, "Enter"), Pressed::Stays(vec![breaks(&["commit"]), holds]));
    }
}
