//! What a key's action does.

use std::time::Duration;

use super::effect::Scroll;
use super::export::Export;
use super::keys::Action;
use super::layers::{FindStatement, FindText, Help, Layer, Picker};
use super::panes::editor::Editor;
use super::panes::scrollback::{Direction, Motion};
use super::timeline::Cursor;
use super::{Effect, Stage};
use crate::reports::scenario_export::on_own_tables;

/// How far wide tables move sideways.
const SIDEWAYS: isize = 8;

impl Stage {
    /// Reacts to an action.
    #[expect(clippy::too_many_lines, reason = "a line an action")]
    pub fn update(&mut self, action: Action, now: Duration) -> Vec<Effect> {
        match action {
            Action::NextStep
            | Action::StepBack
            | Action::AutoPlay
            | Action::EditStep
            | Action::Browse
            | Action::Explore
            | Action::Story
                if self.course.has_no_script() =>
            {
                self.say_there_is_no_script();
            }
            Action::NextStep => return self.step(now),
            Action::StepBack => return self.step_back(),
            Action::Restart => return self.start_again(),
            Action::AutoPlay => return self.auto_play(now),
            Action::SwitchEngine => return self.switch_engine(),
            Action::Compare => return self.compare(),
            Action::OtherEngine | Action::TypeAlone => {
                let compare = self.key(Action::Compare);
                self.say(format!("only one engine is on screen; {compare} shows both"));
            }
            Action::LetGo => return self.let_go(),
            Action::LetAllGo => return self.let_all_go(),
            Action::RunOn => return self.run_on(),
            Action::LetGoTogether => return self.let_go_together(),
            Action::AnswerHeld => self.choose_answer(),
            Action::Breakpoints => self.open_breakpoints(),
            Action::PassedStatements => self.show_passed(),
            Action::Room => return self.show_room(),
            Action::AddSession => return self.add_session(),
            Action::EditStep => self.edit_step(),
            Action::Browse => self.browse(),
            Action::Explore => return self.explore(),
            Action::Enter => return self.enter(),
            Action::EditLine | Action::NewLine | Action::FindStatement if self.refuses_typing() => {
            }
            Action::EditLine => return self.edit_line(),
            Action::Interrupt => return self.interrupt(),
            Action::EndOfInput => return self.close(),
            Action::Quit => return self.quit(),
            Action::Suspend => return vec![Effect::Suspend],
            Action::Redraw => return vec![Effect::Redraw],
            Action::Complete => return self.complete(),
            Action::FocusNext => {
                self.panes.focus_by(1);
                self.panes.choose();
            }
            Action::FocusPrevious => {
                self.panes.focus_before();
                self.panes.choose();
            }
            Action::FocusNumber(number) => self.focus_on_number(number),
            Action::Zoom => self.panes.zoom(),
            Action::Help => self.layers.push(Layer::Help(Help::default())),
            Action::Story => self.layers.push(Layer::Story),
            Action::Graph => self.layers.push(Layer::Graph(Cursor::default())),
            Action::Export => return self.export(),
            Action::PickScenario => self.pick_scenario(),
            Action::CopyResult => return self.copy_result(),
            Action::Select => self.begin_selection(),
            Action::FindText => self.layers.push(Layer::FindText(FindText::default())),
            Action::FindStatement => {
                self.layers.push(Layer::FindStatement(FindStatement::default()));
            }
            _ => return self.update_pane(action),
        }
        Vec::new()
    }

    fn update_pane(&mut self, action: Action) -> Vec<Effect> {
        let Some(pane) = self.panes.focused_mut() else { return Vec::new() };
        let motion = match action {
            Action::Earlier if pane.is_guest => Motion::Rows(Direction::Up, 1),
            Action::Later if pane.is_guest => Motion::Rows(Direction::Down, 1),
            Action::PageUp => Motion::Screenful(Direction::Up),
            Action::PageDown => Motion::Screenful(Direction::Down),
            Action::Top => Motion::First,
            Action::ScrollLeft => Motion::Sideways(-SIDEWAYS),
            Action::ScrollRight => Motion::Sideways(SIDEWAYS),
            _ => {
                match action {
                    Action::NewLine => pane.editor.new_line(),
                    Action::Earlier => pane.editor.walk_back(),
                    Action::Later => pane.editor.walk_forward(),
                    Action::Bottom => pane.scrollback.follow(),
                    _ => {}
                }
                return Vec::new();
            }
        };
        vec![self.scroll_focused(motion)]
    }

    fn focus_on_number(&mut self, number: u8) {
        match usize::from(number).checked_sub(1).filter(|place| *place < self.panes.len()) {
            Some(place) => {
                self.panes.focus_on(place);
                self.panes.choose();
            }
            None => self.refuse(format!("there is no session {number}")),
        }
    }

    /// Shows another part of what was said in the focused session.
    pub(super) fn scroll_focused(&self, motion: Motion) -> Effect {
        Effect::Scroll(Scroll::Pane { pane: self.panes.focus(), motion })
    }

    pub(super) fn edit_step(&mut self) {
        match self.course.next_step() {
            Some(step) => {
                let pane = self.panes.of(&step.session);
                let mut editor = Editor::holding(&step.sql);
                editor.read_strings(pane.map(|pane| pane.editor.strings()).unwrap_or_default());
                self.layers.push(Layer::EditStep(editor));
            }
            None => self.say("no next step to edit"),
        }
    }

    /// The session so far, to be written into files.
    pub(super) fn export(&self) -> Vec<Effect> {
        let (Some(script), Some(engine)) = (self.course.script(), self.course.engine().line())
        else {
            return Vec::new();
        };
        let lanes = self.history.timeline().lanes().iter();
        let events = self.history.log().events();
        let export = Export {
            scenario: on_own_tables(script.scenario(), self.course.copies(), &events),
            schedule: script.schedule().clone(),
            engine: engine.clone(),
            cast: lanes.map(|lane| lane.session.clone()).collect(),
            events,
            completeness: self.history.log().completeness(),
            breaches: script.breaches(),
        };
        vec![Effect::Export(Box::new(export))]
    }

    fn pick_scenario(&mut self) {
        let picker = Picker::among(&self.setting, self.course.scenario(), None);
        self.layers.push(Layer::Picker(picker));
    }
}
