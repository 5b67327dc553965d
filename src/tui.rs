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
//! The loop takes its input as a stream and its terminal as a backend, so the tests type keys through this very loop. Nothing in it waits for a
//! server: what takes time happens in the run, on the other side of two channels.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::run::{Command, Production, Report};
use crate::scenario::EngineKind;

pub mod app;
pub mod backslash;
pub mod chronicle;
pub mod comparison;
pub mod contrasts;
pub mod editor;
pub mod export;
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
mod show;
mod svg;
mod table_view;
pub mod tail;
pub mod text;
pub mod theme;
pub mod timeline;
pub mod view;
pub mod words;
pub mod wrap;

use app::{App, Effect, Setting};
use comparison::{Comparison, Half, HalfEffect};
use export::{Export, ExportError};
use screen::{Frames, Input, Signal};
use show::Show;

/// The time between two frames: 60 a second.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// How many things that have happened are folded before a frame is due: a flood must not keep the screen from being drawn.
const DRAINED: usize = 4096;

/// The two ends of a conversation with a run. Dropping them ends it.
#[derive(Debug)]
pub struct Ends {
    /// To the run.
    pub commands: mpsc::UnboundedSender<Command>,
    /// From the run.
    pub reports: mpsc::Receiver<Report>,
}

/// Starts a run.
pub type StartRun = Box<dyn FnMut(Production) -> Ends + Send>;

/// What the loop is connected to.
pub struct Console {
    /// Starts the first run, and the second one when two engines are to be compared.
    pub start: StartRun,
    /// What is played.
    pub production: Production,
    /// How many engines the screen begins with.
    pub engines: Engines,
    /// How the screen starts.
    pub setting: Setting,
}

/// How many engines are on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engines {
    /// The production's.
    One,
    /// Both: the one where people wait above, the one where COMMIT refuses below.
    Both,
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

/// What came of an export: what was written, or why not.
type Exported = Result<String, ExportError>;

/// Something that the loop reacts to.
enum Happening {
    Input(Input),
    Report(Half, Report),
    RunEnded(Half),
    Exported(Exported),
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
    let Console { mut start, production, engines, setting } = console;
    let clock = Instant::now();
    let show = Show::One(App::new(setting, size, clock));
    let runs = [Some(start(production.clone())), None];
    let mut stage = Stage {
        terminal,
        input,
        start,
        production,
        runs,
        exports: JoinSet::new(),
        clock,
        show,
        drawn: None,
        is_stale: true,
        exit: None,
    };
    if engines == Engines::Both {
        stage.compare();
    }
    stage.draw()?;
    while stage.exit.is_none() {
        stage.turn().await?;
    }
    // What was asked for is written to its end, though nobody is told any more.
    while let Some(exported) = stage.exports.join_next().await {
        tracing::info!(?exported, "written after the screen was left");
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
    start: StartRun,
    production: Production,
    /// By half: `None` where there is no run, or once it has ended.
    runs: [Option<Ends>; 2],
    /// Exports that are being written.
    exports: JoinSet<Exported>,
    clock: Instant,
    show: Show,
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
        self.show.wakes_at(self.now()).into_iter().chain(frame).min()
    }

    async fn next(&mut self) -> Result<Happening, LoopError> {
        let deadline = self.wakes_at().and_then(|at| self.clock.checked_add(at));
        let happening = next_of(self.input, &mut self.runs, &mut self.exports);
        match deadline {
            None => happening.await,
            Some(at) => {
                tokio::time::timeout_at(at.into(), happening).await.unwrap_or(Ok(Happening::Moment))
            }
        }
    }

    fn next_ready(&mut self) -> Option<Result<Happening, LoopError>> {
        next_of(self.input, &mut self.runs, &mut self.exports).now_or_never()
    }

    fn react(&mut self, happening: Happening) -> Result<(), LoopError> {
        let now = self.now();
        self.is_stale = true;
        let mut effects = match happening {
            Happening::Input(Input::Terminal(event)) => self.show.input(event, now),
            Happening::Input(Input::Ended(signal)) => {
                self.exit = Some(Exit::Signal(signal));
                Vec::new()
            }
            Happening::Input(Input::Trouble(trouble)) => {
                self.show.refuse(trouble);
                Vec::new()
            }
            Happening::Exported(Ok(written)) => {
                self.show.say(written);
                Vec::new()
            }
            Happening::Exported(Err(error)) => {
                self.show.refuse(error.to_string());
                Vec::new()
            }
            Happening::Report(half, report) => self.show.apply(half, report, now),
            Happening::RunEnded(half) => {
                self.runs[half as usize] = None;
                let ended = Report::Broken("its task has ended".to_owned());
                self.show.apply(half, ended, now)
            }
            Happening::InputEnded => {
                self.exit = Some(Exit::NoInput);
                Vec::new()
            }
            Happening::Moment => Vec::new(),
        };
        effects.extend(self.show.tick(now));
        effects.into_iter().try_for_each(|effect| self.perform(effect))
    }

    fn perform(&mut self, (half, effect): HalfEffect) -> Result<(), LoopError> {
        match effect {
            Effect::Ask(command) => self.ask(half, command),
            Effect::Compare => self.compare(),
            Effect::Leave => self.exit = Some(Exit::Quit),
            Effect::Redraw => self.draw_anew()?,
            Effect::Export(export) => self.export(*export)?,
            Effect::Suspend => {
                self.terminal.backend_mut().suspend().map_err(draw_error::<B>)?;
                self.draw_anew()?;
            }
        }
        Ok(())
    }

    /// A run that has ended was told of already.
    fn ask(&self, half: Half, command: Command) {
        if let Some(run) = &self.runs[half as usize] {
            let _ = run.commands.send(command);
        }
    }

    /// From one engine to both, or from both to the one that the keys are turned to.
    fn compare(&mut self) {
        self.show = match self.show.clone() {
            Show::One(app) => self.join(app),
            Show::Two(comparison) => self.part(comparison),
        };
    }

    /// Starts the other engine's run, and replays both to the same step.
    fn join(&mut self, mut app: App) -> Show {
        let Some(missing) = app.engine_to_join(self.production.engine) else {
            app.refuse("the optimistic engine stands in front of a PostgreSQL, and this is none");
            return Show::One(app);
        };
        let (scenario, schedule) = match &app.script {
            Some(script) => (script.scenario.clone(), script.schedule.clone()),
            None => (self.production.scenario.clone(), self.production.schedule.clone()),
        };
        let production =
            Production { scenario, schedule, engine: missing, ..self.production.clone() };
        let step = app.script.as_ref().map(|script| script.next);
        let newcomer = App::new(app.setting.clone(), app.size(), self.clock);
        self.runs[1] = Some((self.start)(production));
        if let Some(step) = step {
            for half in Half::BOTH {
                self.ask(half, Command::GoTo(step));
            }
        }
        match missing {
            EngineKind::Postgres => {
                self.runs.swap(0, 1);
                Show::Two(Comparison::new(newcomer, app, Half::Below))
            }
            _ => Show::Two(Comparison::new(app, newcomer, Half::Above)),
        }
    }

    /// The other run ends by itself when nobody talks to it any more.
    fn part(&mut self, comparison: Comparison) -> Show {
        let (half, app) = comparison.into_one();
        let kept = self.runs[half as usize].take();
        self.runs = [kept, None];
        Show::One(app)
    }

    /// Forgets what the terminal shows, so that the next frame draws every cell.
    fn draw_anew(&mut self) -> Result<(), LoopError> {
        let size = self.terminal.size().map_err(draw_error::<B>)?;
        self.terminal
            .resize((ratatui::layout::Position::ORIGIN, size).into())
            .map_err(draw_error::<B>)
    }

    /// Begins to write the session so far into files. The disk may take its time.
    fn export(&mut self, export: Export) -> Result<(), LoopError> {
        let title = export.scenario.title.clone();
        let picture = self.draw_for(|frame| svg::render(frame, &title))?;
        self.exports.spawn_blocking(move || export.write(Path::new(""), picture));
        Ok(())
    }

    fn draw(&mut self) -> Result<(), LoopError> {
        self.draw_for(|_| ())
    }

    /// Draws a frame, and lets somebody look at it.
    fn draw_for<T>(&mut self, look: impl FnOnce(&Buffer) -> T) -> Result<T, LoopError> {
        let now = self.now();
        let size = self.terminal.size().map_err(draw_error::<B>)?;
        self.show.resize(size);
        self.terminal.backend_mut().begin_frame().map_err(draw_error::<B>)?;
        let show = &self.show;
        let drawn = self.terminal.draw(|frame| show.draw(frame, now));
        let seen = drawn.map(|frame| look(frame.buffer)).map_err(draw_error::<B>)?;
        self.terminal.backend_mut().end_frame().map_err(draw_error::<B>)?;
        self.drawn = Some(now);
        self.is_stale = false;
        Ok(seen)
    }
}

/// The next thing from outside, keys first.
async fn next_of<I>(
    input: &mut I,
    runs: &mut [Option<Ends>; 2],
    exports: &mut JoinSet<Exported>,
) -> Result<Happening, LoopError>
where
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let [above, below] = runs;
    tokio::select! {
        biased;
        input = input.next() => match input {
            Some(Ok(input)) => Ok(Happening::Input(input)),
            Some(Err(error)) => Err(LoopError::Read(error)),
            None => Ok(Happening::InputEnded),
        },
        happening = report_of(Half::Above, above) => Ok(happening),
        happening = report_of(Half::Below, below) => Ok(happening),
        Some(joined) = exports.join_next() => Ok(joined.map_or_else(broken, Happening::Exported)),
    }
}

/// An export that did not come to its end is a defect of ours, and is said all the same.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_or_else wants")]
fn broken(error: JoinError) -> Happening {
    Happening::Input(Input::Trouble(format!("the export failed: {error}")))
}

/// The next report of a run; none ever where there is none.
async fn report_of(half: Half, run: &mut Option<Ends>) -> Happening {
    match run {
        Some(run) => match run.reports.recv().await {
            Some(report) => Happening::Report(half, report),
            None => Happening::RunEnded(half),
        },
        None => std::future::pending().await,
    }
}
