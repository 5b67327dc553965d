//! The screen: the only room that knows ratatui and crossterm.
//!
//! ```text
//!   keys, mouse, paste, signals ──┐                                  ┌──▶ commands to the run
//!                                 ├──▶ select! ──▶ App ──▶ effects ──┤
//!   reports of the run ───────────┤                 │                └──▶ leave, suspend, redraw
//!   the moment something moves ───┘                 ▼
//!                                           one frame, if anything changed, at most 60 a second
//! ```
//!
//! While two engines are compared there are two runs, each with channels of its own, on one screen.
//!
//! The loop takes its input as a stream and its terminal as a backend, so the tests type keys
//! through this very loop. Nothing in it waits for a server: what takes time happens in the run, on
//! the other side of two channels.

use std::io;
use std::sync::Arc;

use futures::Stream;
use futures::future::BoxFuture;
use ratatui::Terminal;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::debugger::Debugger;
use crate::run::{Command, Production, Report};
use crate::stage::EngineCount;
use crate::stage::audience::Arrivals;
use crate::stage::exploring::Explore;
use crate::stage::room::Order;

pub mod app;
pub mod background;
mod event_loop;
mod export;
mod external_editor;
mod files;
pub mod history;
mod include;
mod keyboard;
pub mod recording;
pub mod rush;
pub mod screen;
pub mod theme;
pub mod view;

use app::Setting;
use event_loop::EventLoop;
use history::History;
use screen::{Frames, Input, Signal};

/// The two ends of a conversation with a run. Dropping them ends it.
#[derive(Debug)]
pub struct Ends {
    /// To the run.
    pub commands: mpsc::UnboundedSender<Command>,
    /// From the run.
    pub reports: mpsc::Receiver<Report>,
}

/// Explores, and tells of it by the screen's input until it is over or stopped.
pub type StartExploration =
    Box<dyn FnMut(Explore, CancellationToken) -> BoxFuture<'static, ()> + Send>;

pub type StartRun = Box<dyn FnMut(Production) -> Ends + Send>;

/// What the loop is connected to.
pub struct Console {
    /// Starts the first run, and the second one when two engines are to be compared.
    pub start: StartRun,
    /// What is played.
    pub production: Production,
    /// How many engines the screen begins with.
    pub engines: EngineCount,
    /// How the screen starts.
    pub setting: Setting,
    /// What was typed in earlier runs, and what keeps what is typed now.
    pub history: History,
    /// Others who want to look at what is played.
    pub arrivals: Arrivals,
    /// Explores a scenario's orders, where that can be done.
    pub explore: Option<StartExploration>,
    /// Who holds the statements of other programs, if anybody does.
    pub debugger: Option<Arc<Debugger>>,
    /// What takes orders to the room, if there can be one.
    pub room: Option<mpsc::UnboundedSender<Order>>,
}

/// Why the screen was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Somebody wanted to.
    Quit,
    /// A signal came.
    Signal(Signal),
    /// The terminal is gone.
    NoInput,
}

/// What broke the loop.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// Nobody is at the other end of the terminal any more, which is an end like any other.
    #[error("the terminal is gone")]
    Gone,
    /// The terminal could not be read.
    #[error("cannot read from the terminal")]
    Read(#[source] io::Error),
    /// The terminal could not be written.
    #[error("cannot draw on the terminal: {0}")]
    Draw(String),
}

impl LoopError {
    /// What became of reading.
    fn reading(error: io::Error) -> Self {
        if screen::is_gone(&error) { Self::Gone } else { Self::Read(error) }
    }

    /// What became of drawing.
    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
    fn drawing<B: Frames>(error: B::Error) -> Self {
        if B::is_gone(&error) { Self::Gone } else { Self::Draw(error.to_string()) }
    }
}

/// Shows the console until somebody leaves it.
pub async fn run<B, I>(
    terminal: &mut Terminal<B>,
    input: &mut I,
    console: Console,
) -> Result<Exit, LoopError>
where
    B: Frames,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let played = match EventLoop::open(terminal, input, console) {
        Ok(event_loop) => event_loop.play().await,
        Err(error) => Err(error),
    };
    match played {
        Err(LoopError::Gone) => Ok(Exit::NoInput),
        played => played,
    }
}
