//! Which keys belong together in the help.

use super::Action;

/// Keys that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Debugger,
    Script,
    Engines,
    Sessions,
    Typing,
    Reading,
    Program,
}

impl Group {
    /// Every group, in the order in which the help shows them.
    pub const ALL: [Self; 7] = [
        Self::Debugger,
        Self::Script,
        Self::Engines,
        Self::Sessions,
        Self::Typing,
        Self::Reading,
        Self::Program,
    ];

    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Debugger => "The debugger",
            Self::Script => "The script",
            Self::Engines => "Both engines",
            Self::Sessions => "Sessions",
            Self::Typing => "Typing",
            Self::Reading => "Reading a pane",
            Self::Program => "The program",
        }
    }
}

impl Action {
    /// The group it belongs to.
    pub fn group(self) -> Group {
        match self {
            Self::LetGo
            | Self::LetAllGo
            | Self::RunOn
            | Self::LetGoTogether
            | Self::AnswerHeld
            | Self::Breakpoints
            | Self::PassedStatements => Group::Debugger,
            Self::NextStep
            | Self::StepBack
            | Self::AutoPlay
            | Self::Restart
            | Self::EditStep
            | Self::Browse
            | Self::Explore
            | Self::Story
            | Self::PickScenario
            | Self::Graph
            | Self::Export => Group::Script,
            Self::SwitchEngine | Self::Compare | Self::OtherEngine | Self::TypeAlone => {
                Group::Engines
            }
            Self::FocusNext
            | Self::FocusPrevious
            | Self::FocusNumber(_)
            | Self::Zoom
            | Self::AddSession
            | Self::Interrupt
            | Self::EndOfInput => Group::Sessions,
            Self::Enter
            | Self::NewLine
            | Self::Complete
            | Self::EditLine
            | Self::Earlier
            | Self::Later
            | Self::FindStatement => Group::Typing,
            Self::FindText
            | Self::CopyResult
            | Self::Select
            | Self::PageUp
            | Self::PageDown
            | Self::Top
            | Self::Bottom
            | Self::ScrollLeft
            | Self::ScrollRight => Group::Reading,
            Self::Room | Self::Help | Self::Redraw | Self::Suspend | Self::Quit => Group::Program,
        }
    }
}
