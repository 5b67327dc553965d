//! The loop: waits for something to happen, folds everything that has, draws a frame when one is
//! due.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::export::{self, ExportError};
use super::external_editor::{Editor, EditorError};
use super::files::{FileNews, Files};
use super::history::History;
use super::include;
use super::screen::keys::{self, Lent};
use super::screen::{Frames, Input, Signal};
use super::view::{self, svg};
use super::{Console, Ends, Exit, LoopError, StartExploration, StartRun};
use crate::core::event::SessionName;
use crate::core::scenario::EngineKind;
use crate::debugger::Debugger;
use crate::debugger::guests::Order;
use crate::run::{Command, Production, Report};
use crate::stage::audience::{Arrival, Arrivals, Audience};
use crate::stage::comparison::{Comparison, Half, HalfEffect};
use crate::stage::effect::Inclusion;
use crate::stage::exploring::{Explore, Told};
use crate::stage::export::Export;
use crate::stage::mode::Mode;
use crate::stage::room::{News, Order as RoomOrder};
use crate::stage::script::Script;
use crate::stage::{Effect, EngineCount, Stage};

mod files;

/// The least time from one frame to the next: 60 a second.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// No frame is put off for longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many things that have happened are folded before a frame is due: a flood must not keep the
/// screen from being drawn.
const DRAINED: usize = 4096;

/// What came of an export: what was written, or why not.
type Exported = Result<String, ExportError>;

/// What an editor outside has made of a session's line, and the keys that it had.
type Edited = (Lent, SessionName, Result<String, EditorError>);

/// A file that was read for a session, or why it was not.
type Included = (Half, Inclusion, Result<String, String>);

/// Something that the loop reacts to.
enum Happening {
    Input(Input),
    Report(Half, Report),
    RunEnded(Half),
    Exported(Exported),
    Edited(Edited),
    Included(Included),
    Files(FileNews),
    Arrival(Arrival),
    InputEnded,
    Moment,
}

/// A run, and who listens to it beside the screen.
struct OpenRun {
    ends: Ends,
    audience: Audience,
}

impl OpenRun {
    fn new(ends: Ends) -> Self {
        Self { ends, audience: Audience::default() }
    }
}

/// Everything that the loop holds.
pub(super) struct EventLoop<'a, B: Frames, I> {
    terminal: &'a mut Terminal<B>,
    input: &'a mut I,
    start: StartRun,
    production: Production,
    /// By half: `None` where there is no run, or once it has ended.
    runs: [Option<OpenRun>; 2],
    /// Others who want to look at what is played.
    arrivals: Arrivals,
    /// Exports that are being written.
    exports: JoinSet<Exported>,
    /// The editor that has the terminal meanwhile, if one has.
    editing: JoinSet<Edited>,
    /// Ends the editor with the screen.
    leaving: CancellationToken,
    history: History,
    /// Files that are being read.
    files: JoinSet<Included>,
    /// Scenario files of one's own.
    own_files: Files,
    debugger: Option<Arc<Debugger>>,
    /// Explores, and the explorations that have not come to their end.
    explore: Option<StartExploration>,
    explorations: JoinSet<()>,
    /// Stops the last of them.
    exploration: CancellationToken,
    room: Option<mpsc::UnboundedSender<RoomOrder>>,
    clock: Instant,
    app: App,
    /// From when on the next frame may be drawn.
    next_frame: Duration,
    /// Whether something has changed since then.
    is_stale: bool,
    exit: Option<Exit>,
}

impl<'a, B, I> EventLoop<'a, B, I>
where
    B: Frames,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    /// Starts the run, or both.
    pub(super) fn open(
        terminal: &'a mut Terminal<B>,
        input: &'a mut I,
        console: Console,
    ) -> Result<Self, LoopError> {
        let size = terminal.size().map_err(LoopError::drawing::<B>)?;
        let Console { mut start, production, engines, setting, .. } = console;
        let Console { mut history, arrivals, explore, debugger, room, .. } = console;
        let clock = Instant::now();
        let mut app = App::new(setting, size);
        app.recall(&history.take_earlier());
        app.opens(&production.scenario);
        let runs = [Some(OpenRun::new(start(production.clone()))), None];
        let (exports, editing, files) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        let own_files = Files::default();
        let (next_frame, is_stale, exit) = (Duration::ZERO, true, None);
        let mut event_loop = Self {
            terminal,
            input,
            start,
            production,
            runs,
            arrivals,
            exports,
            editing,
            leaving: CancellationToken::new(),
            history,
            files,
            own_files,
            debugger,
            explore,
            explorations: JoinSet::new(),
            exploration: CancellationToken::new(),
            room,
            clock,
            app,
            next_frame,
            is_stale,
            exit,
        };
        if engines == EngineCount::Both {
            event_loop.compare();
        }
        event_loop.watch_files();
        Ok(event_loop)
    }

    /// Shows what happens until somebody leaves.
    pub(super) async fn play(mut self) -> Result<Exit, LoopError> {
        let shown = self.show_until_left().await;
        self.leaving.cancel();
        self.exploration.cancel();
        // What was made for them is taken away before the server goes.
        while self.explorations.join_next().await.is_some() {}
        while self.editing.join_next().await.is_some() {}
        self.history.end();
        // What was asked for is written to its end, though nobody is told any more.
        while let Some(exported) = self.exports.join_next().await {
            tracing::info!(?exported, "written after the screen was left");
        }
        shown.map(|()| self.exit.unwrap_or(Exit::Quit))
    }

    async fn show_until_left(&mut self) -> Result<(), LoopError> {
        self.draw()?;
        while self.exit.is_none() {
            self.turn().await?;
        }
        Ok(())
    }

    /// Waits for something to happen, folds everything that has, draws if a frame is due.
    async fn turn(&mut self) -> Result<(), LoopError> {
        let happening = self.next().await?;
        self.react(happening)?;
        for _ in 0..DRAINED {
            let Some(happening) = self.next_ready() else { break };
            self.react(happening?)?;
        }
        let due = self.now() >= self.next_frame && self.editing.is_empty();
        if self.is_stale && due && self.exit.is_none() { self.draw() } else { Ok(()) }
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The moment at which something must happen by itself: a frame that was put off, a second of a
    /// wait.
    fn wakes_at(&self) -> Option<Duration> {
        let is_due = self.is_stale && self.editing.is_empty();
        let frame = is_due.then_some(self.next_frame);
        self.app.wakes_at(self.now()).into_iter().chain(frame).min()
    }

    async fn next(&mut self) -> Result<Happening, LoopError> {
        let deadline = self.wakes_at().and_then(|at| self.clock.checked_add(at));
        let happening = self.happening();
        match deadline {
            None => happening.await,
            Some(at) => {
                tokio::time::timeout_at(at.into(), happening).await.unwrap_or(Ok(Happening::Moment))
            }
        }
    }

    fn next_ready(&mut self) -> Option<Result<Happening, LoopError>> {
        self.happening().now_or_never()
    }

    fn happening(&mut self) -> impl Future<Output = Result<Happening, LoopError>> {
        let Self { input, runs, arrivals, exports, editing, files, own_files, .. } = self;
        next_of(*input, runs, arrivals, exports, editing, files, own_files)
    }

    fn react(&mut self, happening: Happening) -> Result<(), LoopError> {
        let now = self.now();
        self.is_stale = true;
        let mut effects = match happening {
            Happening::Input(input) => self.take_in(input, now),
            Happening::Files(news) => self.hear_of_files(news),
            Happening::Exported(exported) => {
                match exported {
                    Ok(written) => self.app.say(written),
                    Err(error) => self.app.refuse(error.to_string()),
                }
                Vec::new()
            }
            Happening::Edited(edited) => {
                self.take_back(edited)?;
                Vec::new()
            }
            Happening::Included((half, read, text)) => self.app.included(half, &read, text),
            Happening::Report(half, report) => {
                if let Some(run) = &mut self.runs[half as usize] {
                    run.audience.tell(&report);
                }
                self.app.apply(half, report, now)
            }
            Happening::Arrival(arrival) => {
                self.admit(arrival);
                Vec::new()
            }
            Happening::RunEnded(half) => {
                self.runs[half as usize] = None;
                let ended = Report::Broken("its task has ended".to_owned());
                self.app.apply(half, ended, now)
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

    /// What comes from outside the program.
    fn take_in(&mut self, input: Input, now: Duration) -> Vec<HalfEffect> {
        match input {
            Input::Terminal(event) => return self.app.input(event, now),
            // Whoever presses Ctrl-C in an editor means the editor.
            Input::Ended(Signal::Interrupt) if !self.editing.is_empty() => {}
            Input::Ended(signal) => self.exit = Some(Exit::Signal(signal)),
            Input::Trouble(trouble) => self.app.refuse(trouble),
            Input::Opened(addresses) => self.app.opened_to_programs(addresses),
            Input::Explored(number, told) => self.app.explorer_tells(number, *told),
            Input::Debugger(overview) => self.app.debugger_at_a_glance(*overview),
            Input::Room(news) => return self.hear_of_room(news, now),
        }
        Vec::new()
    }

    fn perform(&mut self, (half, effect): HalfEffect) -> Result<(), LoopError> {
        match effect {
            Effect::Ask(command) => self.ask(half, command),
            Effect::Debug(order) => self.order(order),
            Effect::Room(order) => self.order_room(order),
            Effect::Compare => self.compare(),
            Effect::Explore(wanted) => self.explore(*wanted),
            Effect::StopExploring => self.exploration.cancel(),
            Effect::Find(path) => self.own_files.find(path),
            Effect::Leave => self.exit = Some(Exit::Quit),
            Effect::Redraw => self.draw_anew()?,
            Effect::Export(export) => self.export(*export)?,
            Effect::Remember(typed) => self.history.keep(&typed),
            Effect::Edit { session, text } => self.lend_to_editor(session, text)?,
            Effect::Copy(text) => {
                self.terminal.backend_mut().copy(&text).map_err(LoopError::drawing::<B>)?;
            }
            Effect::Read(inclusion) => self.read(half, *inclusion),
            // Done already, where it is known how much is in sight.
            Effect::Scroll(_) => {}
            Effect::Suspend => {
                self.terminal.backend_mut().suspend().map_err(LoopError::drawing::<B>)?;
                self.draw_anew()?;
            }
        }
        Ok(())
    }

    /// Asks the debugger; a screen without one has no key that does.
    fn order(&mut self, order: Order) {
        let Some(debugger) = &self.debugger else { return };
        if let Err(error) = debugger.obey(order) {
            self.app.refuse(error.to_string());
        }
    }

    /// Begins to explore, in the place of what was explored before.
    fn explore(&mut self, wanted: Explore) {
        self.exploration.cancel();
        while self.explorations.try_join_next().is_some() {}
        let Some(explore) = &mut self.explore else {
            let why = Told::Failed("nothing can be explored here".to_owned());
            self.app.explorer_tells(wanted.number, why);
            return;
        };
        self.exploration = self.leaving.child_token();
        self.explorations.spawn(explore(wanted, self.exploration.clone()));
    }

    /// Asks the room. Where none can be there is no key that does.
    fn order_room(&mut self, order: RoomOrder) {
        if let Some(room) = &self.room {
            let _ = room.send(order);
        }
    }

    /// The room has changed, or asks something of the run that the keys are turned to.
    fn hear_of_room(&mut self, news: News, now: Duration) -> Vec<HalfEffect> {
        match news {
            News::Glance(overview) => {
                self.app.room_at_a_glance(&overview);
                Vec::new()
            }
            News::Press(action) => self.app.press(action, now),
            News::Ask(command) => vec![(self.app.leading().0, Effect::Ask(command))],
        }
    }

    /// Gives the terminal to an editor. Nothing is drawn until it comes back; the run goes on.
    fn lend_to_editor(&mut self, session: SessionName, text: String) -> Result<(), LoopError> {
        if !self.editing.is_empty() {
            return Ok(());
        }
        self.terminal.backend_mut().lend().map_err(LoopError::drawing::<B>)?;
        let editor = Editor::of(|name| std::env::var(name).ok());
        let leaving = self.leaving.clone();
        self.editing.spawn(async move {
            let lent = keys::lend().await;
            (lent, session, editor.edit(&text, &leaving).await)
        });
        Ok(())
    }

    fn take_back(&mut self, (lent, session, edited): Edited) -> Result<(), LoopError> {
        self.terminal.backend_mut().take_again().map_err(LoopError::drawing::<B>)?;
        drop(lent);
        self.draw_anew()?;
        match edited {
            Ok(text) => self.app.edited(&session, &text),
            Err(error) => self.app.refuse(error.to_string()),
        }
        Ok(())
    }

    /// A run that has ended was told of already.
    fn ask(&mut self, half: Half, command: Command) {
        if let Some(run) = &mut self.runs[half as usize] {
            run.audience.tell_asked(&command);
            let _ = run.ends.commands.send(command);
        }
    }

    /// Lets somebody look at what is played, on the engine that the keys are turned to.
    fn admit(&mut self, arrival: Arrival) {
        let (half, stage) = self.app.leading();
        if let Some(run) = &mut self.runs[half as usize] {
            arrival.admit(&mut run.audience, stage);
        }
    }

    /// From one engine to both, or from both to the one that the keys are turned to.
    fn compare(&mut self) {
        let mode = match self.app.mode().clone() {
            Mode::One(stage) => self.join(stage),
            Mode::Two(comparison) => self.part(comparison),
        };
        self.app.show(mode);
    }

    /// Starts the other engine's run, and replays both to the same step.
    fn join(&mut self, mut stage: Stage) -> Mode {
        let Some(missing) = stage.course().engine().to_join(self.production.engine) else {
            let none = "the optimistic engine needs PostgreSQL behind it, and this server is not \
                PostgreSQL";
            stage.refuse(stage.course().engine().alone().unwrap_or(none));
            return Mode::One(stage);
        };
        let (scenario, schedule) = match stage.course().script() {
            Some(script) => (script.scenario().clone(), script.schedule().clone()),
            None => (self.production.scenario.clone(), self.production.schedule.clone()),
        };
        if !scenario.search_path.has_a_schema_of_the_run() {
            stage.refuse("both engines would play on the same tables; switch the engine instead");
            return Mode::One(stage);
        }
        let production =
            Production { scenario, schedule, engine: missing, ..self.production.clone() };
        let step = stage.course().script().map(Script::next);
        let newcomer = Stage::new(stage.setting().clone(), self.app.size().width);
        self.runs[1] = Some(OpenRun::new((self.start)(production)));
        if let Some(step) = step {
            for half in Half::BOTH {
                // Whoever compares was asked before.
                self.ask(half, Command::Again(Box::new(Command::GoTo(step))));
            }
        }
        match missing {
            EngineKind::Postgres => {
                self.runs.swap(0, 1);
                Mode::Two(Comparison::new(newcomer, stage, Half::Below))
            }
            _ => Mode::Two(Comparison::new(stage, newcomer, Half::Above)),
        }
    }

    /// The other run ends by itself when nobody talks to it any more.
    fn part(&mut self, comparison: Comparison) -> Mode {
        let (half, stage) = comparison.into_one();
        let kept = self.runs[half as usize].take();
        self.runs = [kept, None];
        Mode::One(stage)
    }

    /// Forgets what the terminal shows, so that the next frame draws every cell.
    fn draw_anew(&mut self) -> Result<(), LoopError> {
        let size = self.terminal.size().map_err(LoopError::drawing::<B>)?;
        self.terminal
            .resize((ratatui::layout::Position::ORIGIN, size).into())
            .map_err(LoopError::drawing::<B>)
    }

    /// Begins to write the session so far into files. The disk may take its time.
    fn export(&mut self, export: Export) -> Result<(), LoopError> {
        let title = export.scenario.title.clone();
        let picture = self.draw_for(|frame| svg::render(frame, &title))?;
        let plan = self.debugger.as_ref().map(|debugger| debugger.recorded());
        let plan = plan.filter(|plan| !plan.releases.is_empty()).map(|plan| plan.to_string());
        let write = move || export::write(&export, Path::new(""), plan, picture);
        self.exports.spawn_blocking(write);
        Ok(())
    }

    /// Begins to read a file whose statements a session is to send.
    fn read(&mut self, half: Half, inclusion: Inclusion) {
        self.files.spawn_blocking(move || {
            let text = include::read(&inclusion.file.path);
            (half, inclusion, text)
        });
    }

    fn draw(&mut self) -> Result<(), LoopError> {
        self.draw_for(|_| ())
    }

    /// Draws a frame, and lets somebody look at it.
    fn draw_for<T>(&mut self, look: impl FnOnce(&Buffer) -> T) -> Result<T, LoopError> {
        let now = self.now();
        let size = self.terminal.size().map_err(LoopError::drawing::<B>)?;
        self.app.resize(size);
        self.terminal.backend_mut().begin_frame().map_err(LoopError::drawing::<B>)?;
        let app = &self.app;
        let drawn = self.terminal.draw(|frame| view::draw(frame, app, now));
        let seen = drawn.map(|frame| look(frame.buffer)).map_err(LoopError::drawing::<B>)?;
        self.terminal.backend_mut().end_frame().map_err(LoopError::drawing::<B>)?;
        self.next_frame = next_frame(now, self.now());
        self.is_stale = false;
        Ok(seen)
    }
}

/// When the next frame may be drawn. Where drawing is slow, half the time is left for what comes
/// in: keys that are typed or pasted faster than frames are drawn would else cost a frame each. A
/// terminal that was stopped in the middle of a frame is drawn on soon after it goes on.
fn next_frame(begun: Duration, ended: Duration) -> Duration {
    (begun + FRAME).max(ended + ended.saturating_sub(begun).min(LONGEST_PAUSE))
}

/// The next thing from outside, keys first.
async fn next_of<I>(
    input: &mut I,
    runs: &mut [Option<OpenRun>; 2],
    arrivals: &mut Arrivals,
    exports: &mut JoinSet<Exported>,
    editing: &mut JoinSet<Edited>,
    files: &mut JoinSet<Included>,
    own_files: &mut Files,
) -> Result<Happening, LoopError>
where
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let [above, below] = runs;
    tokio::select! {
        biased;
        input = input.next() => match input {
            Some(Ok(input)) => Ok(Happening::Input(input)),
            Some(Err(error)) => Err(LoopError::reading(error)),
            None => Ok(Happening::InputEnded),
        },
        happening = report_of(Half::Above, above) => Ok(happening),
        happening = report_of(Half::Below, below) => Ok(happening),
        arrival = arrivals.next() => Ok(Happening::Arrival(arrival)),
        news = own_files.next() => Ok(Happening::Files(news)),
        Some(joined) = exports.join_next() => {
            Ok(joined.map_or_else(|error| broken("export", &error), Happening::Exported))
        }
        Some(joined) = editing.join_next() => {
            Ok(joined.map_or_else(|error| broken("editor", &error), Happening::Edited))
        }
        Some(joined) = files.join_next() => {
            Ok(joined.map_or_else(|error| broken("reading of a file", &error), Happening::Included))
        }
    }
}

/// What did not come to its end is a defect of ours, and is said all the same.
fn broken(what: &str, error: &JoinError) -> Happening {
    Happening::Input(Input::Trouble(format!("the {what} failed: {error}")))
}

/// The next report of a run; none ever where there is none.
async fn report_of(half: Half, run: &mut Option<OpenRun>) -> Happening {
    match run {
        Some(run) => match run.ends.reports.recv().await {
            Some(report) => Happening::Report(half, report),
            None => Happening::RunEnded(half),
        },
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_time_is_left_for_what_comes_in() {
        let at = Duration::from_millis;
        assert_eq!(next_frame(at(100), at(101)), at(100) + FRAME);
        assert_eq!(next_frame(at(100), at(116)), at(132));
        assert_eq!(next_frame(at(100), at(180)), at(260));
        assert_eq!(next_frame(at(100), at(60_000)), at(60_000) + LONGEST_PAUSE);
    }
}
