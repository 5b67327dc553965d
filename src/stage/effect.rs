//! What is to be done about what has happened.

use std::path::PathBuf;

use super::exploring::Explore;
use super::export::Export;
use super::panes::queue::File;
use super::panes::scrollback::{Direction, Motion};
use super::room;
use crate::core::event::SessionName;
use crate::debugger::guests::Order;
use crate::run::Command;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the run.
    Ask(Command),
    /// Ask the debugger.
    Debug(Order),
    /// Ask the room.
    Room(room::Order),
    /// Show both engines at once, or one alone again.
    Compare,
    /// Look what lies under this path: a scenario, a folder with some.
    Find(PathBuf),
    /// Leave the screen.
    Leave,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Write the session so far into files, and the screen with it.
    Export(Box<Export>),
    /// Keep what was typed, for whoever looks for it later.
    Remember(String),
    /// Have this edited outside: what comes back is in that session's line.
    Edit { session: SessionName, text: String },
    /// Put this into the clipboard.
    Copy(String),
    /// Read a file whose statements a session is to send.
    Read(Box<Inclusion>),
    /// Explore the orders of a scenario.
    Explore(Box<Explore>),
    /// Explore no more.
    StopExploring,
    /// Show another part of something. Only whoever draws it knows how much of it is in sight.
    Scroll(Scroll),
}

/// A file whose statements a session is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    pub session: SessionName,
    pub file: File,
}

/// Which part to show of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    /// Of a session's lines.
    Pane {
        /// The session's place in screen order.
        pane: usize,
        motion: Motion,
    },
    /// Of the help: so many rows up or down.
    Help(Direction, u16),
}
