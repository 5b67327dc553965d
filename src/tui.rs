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
//! The loop takes its input as a stream and its terminal as a backend, so the tests type keys through this very loop. Nothing in it waits for a
//! server: what takes time happens in the run, on the other side of two channels.

use std::io;
use std::time::{Duration, Instant};

use futures::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use tokio::sync::mpsc;

use crate::run::{Command, Report};

pub mod app;
pub mod backslash;
pub mod editor;
pub mod flash;
mod flow;
pub mod graph;
pub mod house;
pub mod keys;
pub mod layer;
pub mod layout;
pub mod pane;
pub mod recording;
pub mod remark;
pub mod result;
pub mod rush;
pub mod screen;
pub mod script;
pub mod scrollback;
mod seat_map;
mod table_view;
pub mod tail;
pub mod text;
pub mod theme;
pub mod view;
pub mod words;
pub mod wrap;

use app::{App, Effect, Setting};
use screen::{Frames, Input, Signal};

/// The time between two frames: 60 a second.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// How many things that have happened are folded before a frame is due: a flood must not keep the screen from being drawn.
const DRAINED: usize = 4096;

/// What the loop is connected to.
#[derive(Debug)]
pub struct Console {
    /// To the run.
    pub commands: mpsc::UnboundedSender<Command>,
    /// From the run.
    pub reports: mpsc::Receiver<Report>,
    /// How the screen starts.
    pub setting: Setting,
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
    /// The terminal could not be read.
    #[error("cannot read from the terminal")]
    Read(#[source] io::Error),
    /// The terminal could not be written.
    #[error("cannot draw on the terminal: {0}")]
    Draw(String),
}

/// Something that the loop reacts to.
enum Happening {
    Input(Input),
    Report(Report),
    RunEnded,
    InputEnded,
    Moment,
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
    let size = terminal.size().map_err(draw_error::<B>)?;
    let Console { commands, reports, setting } = console;
    let clock = Instant::now();
    let app = App::new(setting, size, clock);
    let reports = Some(reports);
    let mut stage = Stage {
        terminal,
        input,
        commands,
        reports,
        clock,
        app,
        drawn: None,
        is_stale: true,
        exit: None,
    };
    stage.draw()?;
    while stage.exit.is_none() {
        stage.turn().await?;
    }
    Ok(stage.exit.unwrap_or(Exit::Quit))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn draw_error<B: Frames>(error: B::Error) -> LoopError {
    LoopError::Draw(error.to_string())
}

/// Everything that the loop holds.
struct Stage<'a, B: Frames, I> {
    terminal: &'a mut Terminal<B>,
    input: &'a mut I,
    commands: mpsc::UnboundedSender<Command>,
    /// `None` once the run has ended.
    reports: Option<mpsc::Receiver<Report>>,
    clock: Instant,
    app: App,
    /// When the last frame was drawn.
    drawn: Option<Duration>,
    /// Whether something has changed since then.
    is_stale: bool,
    exit: Option<Exit>,
}

impl<B, I> Stage<'_, B, I>
where
    B: Frames,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    /// Waits for something to happen, folds everything that has, draws if a frame is due.
    async fn turn(&mut self) -> Result<(), LoopError> {
        let happening = self.next().await?;
        self.react(happening)?;
        for _ in 0..DRAINED {
            let Some(happening) = self.next_ready() else { break };
            self.react(happening?)?;
        }
        let due = self.drawn.is_none_or(|drawn| self.now() >= drawn + FRAME);
        if self.is_stale && due && self.exit.is_none() { self.draw() } else { Ok(()) }
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The moment at which something must happen by itself: a frame that was put off, a second of a wait.
    fn wakes_at(&self) -> Option<Duration> {
        let frame = self.drawn.filter(|_| self.is_stale).map(|drawn| drawn + FRAME);
        self.app.wakes_at(self.now()).into_iter().chain(frame).min()
    }

    async fn next(&mut self) -> Result<Happening, LoopError> {
        let deadline = self.wakes_at().and_then(|at| self.clock.checked_add(at));
        let happening = next_of(self.input, self.reports.as_mut());
        match deadline {
            None => happening.await,
            Some(at) => {
                tokio::time::timeout_at(at.into(), happening).await.unwrap_or(Ok(Happening::Moment))
            }
        }
    }

    fn next_ready(&mut self) -> Option<Result<Happening, LoopError>> {
        next_of(self.input, self.reports.as_mut()).now_or_never()
    }

    fn react(&mut self, happening: Happening) -> Result<(), LoopError> {
        let now = self.now();
        self.is_stale = true;
        let mut effects = match happening {
            Happening::Input(Input::Terminal(event)) => self.app.input(event, now),
            Happening::Input(Input::Ended(signal)) => {
                self.exit = Some(Exit::Signal(signal));
                Vec::new()
            }
            Happening::Input(Input::Trouble(trouble)) => {
                self.app.refuse(trouble);
                Vec::new()
            }
            Happening::Report(report) => self.app.apply(report, now),
            Happening::RunEnded => {
                self.reports = None;
                let ended = Report::Broken("its task has ended".to_owned());
                self.app.apply(ended, now)
            }
            Happening::InputEnded => {
                self.exit = Some(Exit::NoInput);
                Vec::new()
            }
            Happening::Moment => Vec::new(),
        };
        effects.extend(self.app.tick(now));
        effects.into_iter().try_for_each(|effect| self.perform(effect))
    }

    fn perform(&mut self, effect: Effect) -> Result<(), LoopError> {
        match effect {
            // A run that has ended was told of already.
            Effect::Ask(command) => drop(self.commands.send(command)),
            Effect::Leave => self.exit = Some(Exit::Quit),
            Effect::Redraw => self.draw_anew()?,
            Effect::Suspend => {
                self.terminal.backend_mut().suspend().map_err(draw_error::<B>)?;
                self.draw_anew()?;
            }
        }
        Ok(())
    }

    /// Forgets what the terminal shows, so that the next frame draws every cell.
    fn draw_anew(&mut self) -> Result<(), LoopError> {
        let size = self.terminal.size().map_err(draw_error::<B>)?;
        self.terminal
            .resize((ratatui::layout::Position::ORIGIN, size).into())
            .map_err(draw_error::<B>)
    }

    fn draw(&mut self) -> Result<(), LoopError> {
        let now = self.now();
        let size = self.terminal.size().map_err(draw_error::<B>)?;
        self.app.resize(size);
        self.terminal.backend_mut().begin_frame().map_err(draw_error::<B>)?;
        let app = &self.app;
        let drawn = self.terminal.draw(|frame| view::draw(frame, app, now)).map(drop);
        drawn.map_err(draw_error::<B>)?;
        self.terminal.backend_mut().end_frame().map_err(draw_error::<B>)?;
        self.drawn = Some(now);
        self.is_stale = false;
        Ok(())
    }
}

/// The next thing from outside, keys first.
async fn next_of<I>(
    input: &mut I,
    reports: Option<&mut mpsc::Receiver<Report>>,
) -> Result<Happening, LoopError>
where
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let report = async {
        match reports {
            Some(reports) => reports.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        input = input.next() => match input {
            Some(Ok(input)) => Ok(Happening::Input(input)),
            Some(Err(error)) => Err(LoopError::Read(error)),
            None => Ok(Happening::InputEnded),
        },
        report = report => Ok(report.map_or(Happening::RunEnded, Happening::Report)),
    }
}
