//! The rush on a screen: the seats filling up, how fast, how slowly, who was in the way; and what
//! the strategies came to so far.
//!
//! ```text
//!   keys, signals ──┐                          ┌──▶ stop
//!                   ├──▶ select! ──▶ RushStage ┤
//!   the rush ───────┘                          └──▶ a frame, at most ten a second
//! ```
//!
//! The rush runs in a task of its own. Ten frames a second show it well, and cost it little: this
//! screen shares the machine with what it measures.

use std::io;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyEvent, KeyEventKind};
use futures::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::LoopError;
use super::keyboard::key_of;
use super::screen::{Frames, Input};
use super::theme::Theme;
use crate::pg::Target;
use crate::rush::board::{Board, Report};
use crate::rush::fault::Fault;
use crate::rush::options::Options;
use crate::rush::{self, RushError};
use crate::stage::rush::keys::Action;
use crate::stage::rush::{Over, Phase, RushStage};

pub use super::view::rush::draw;

/// The time between two frames: the charts have four new points a second, and drawing costs the
/// server its processor.
const FRAME: Duration = Duration::from_millis(200);
/// How many reports may wait for the screen.
const REPORTS: usize = 1024;
/// How many faults may wait to strike.
const FAULTS: usize = 16;
/// How many reports are folded before the next look at the keys.
const DRAINED: usize = 256;

/// What a rush came to, and how its screen was left.
#[derive(Debug)]
pub struct Left {
    /// Everything that was measured.
    pub board: Board,
    /// Whether somebody ended it before its time.
    pub interrupted: bool,
}

/// When a screen that nobody touches goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Not before somebody has seen the result.
    WhenAsked,
    /// With the rush.
    WhenOver,
}

/// Why the screen of a rush ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RushScreenError {
    /// The rush could not take place.
    #[error(transparent)]
    Rush(#[from] RushError),
    /// The terminal failed.
    #[error(transparent)]
    Terminal(#[from] LoopError),
}

/// Runs a rush and shows it until somebody leaves the screen. Leaving stops the rush in good order:
/// what was sold gets its verdict, and nothing stays in the database.
pub async fn show<B, I>(
    terminal: &mut Terminal<B>,
    input: &mut I,
    theme: &Theme,
    options: &Options,
    target: &Target,
    leaving: Leaving,
) -> Result<Left, RushScreenError>
where
    B: Frames,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let stop = CancellationToken::new();
    let (reports, heard) = mpsc::channel(REPORTS);
    let (faults, struck) = mpsc::channel(FAULTS);
    let (asked, place, until) = (options.clone(), target.clone(), stop.clone());
    let rush =
        tokio::spawn(
            async move { rush::run_with_faults(&asked, &place, reports, until, struck).await },
        );
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (stage, clock) = (RushStage::new(options), Instant::now());
    let mut event_loop =
        EventLoop { terminal, input, theme, stop, faults, heard, frames, clock, stage, leaving };
    let shown = event_loop.play().await;
    let asked_to_stop = event_loop.stop.is_cancelled();
    event_loop.stop.cancel();
    let interrupted = asked_to_stop || event_loop.stage.phase != Phase::Over;
    event_loop.hear_out().await;
    end_of(rush).await?;
    shown?;
    Ok(Left { board: event_loop.stage.board, interrupted })
}

async fn end_of(rush: JoinHandle<Result<(), RushError>>) -> Result<(), RushError> {
    match rush.await {
        Ok(ended) => ended,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Everything that the loop holds.
struct EventLoop<'a, B: Frames, I> {
    terminal: &'a mut Terminal<B>,
    input: &'a mut I,
    theme: &'a Theme,
    stop: CancellationToken,
    faults: mpsc::Sender<Fault>,
    heard: mpsc::Receiver<Report>,
    frames: Interval,
    clock: Instant,
    stage: RushStage,
    leaving: Leaving,
}

/// Whether the screen stays.
#[derive(PartialEq, Eq)]
enum Turn {
    Stay,
    Leave,
}

impl<B, I> EventLoop<'_, B, I>
where
    B: Frames,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    async fn play(&mut self) -> Result<(), LoopError> {
        loop {
            match self.turn().await {
                Ok(Turn::Stay) => {}
                Ok(Turn::Leave) | Err(LoopError::Gone) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn turn(&mut self) -> Result<Turn, LoopError> {
        let reporting = self.stage.phase != Phase::Over;
        tokio::select! {
            biased;
            input = self.input.next() => {
                self.obey(input.transpose().map_err(LoopError::reading)?.as_ref())
            }
            _ = self.frames.tick() => self.draw().map(|()| Turn::Stay),
            report = self.heard.recv(), if reporting => {
                self.hear(report);
                self.after_report()
            }
        }
    }

    fn after_report(&mut self) -> Result<Turn, LoopError> {
        if self.stage.phase != Phase::Over {
            return Ok(Turn::Stay);
        }
        self.draw()?;
        Ok(if self.leaving == Leaving::WhenOver { Turn::Leave } else { Turn::Stay })
    }

    /// What was sold is told also to somebody who does not want to see how the rush ends.
    async fn hear_out(&mut self) {
        while let Some(report) = self.heard.recv().await {
            self.stage.apply(report, self.clock.elapsed());
        }
    }

    /// What has been reported meanwhile is folded too, but not so much that a key would have to
    /// wait.
    fn hear(&mut self, report: Option<Report>) {
        let now = self.clock.elapsed();
        let Some(report) = report else { return self.stage.end() };
        self.stage.apply(report, now);
        for _ in 0..DRAINED {
            let Some(Some(report)) = self.heard.recv().now_or_never() else { return };
            self.stage.apply(report, now);
        }
    }

    fn obey(&mut self, input: Option<&Input>) -> Result<Turn, LoopError> {
        match input {
            Some(Input::Terminal(Event::Key(key))) => self.press(*key),
            Some(Input::Terminal(Event::Resize(..))) => self.stay(),
            Some(
                Input::Terminal(_)
                | Input::Opened(_)
                | Input::Explored(..)
                | Input::Debugger(_)
                | Input::Room(_),
            ) => Ok(Turn::Stay),
            Some(Input::Trouble(trouble)) => {
                self.stage.apply(Report::Note(trouble.clone()), self.clock.elapsed());
                Ok(Turn::Stay)
            }
            Some(Input::Ended(_)) | None => Ok(Turn::Leave),
        }
    }

    /// Whatever lies over the screen takes the next key, and is gone.
    fn press(&mut self, key: KeyEvent) -> Result<Turn, LoopError> {
        if key.kind == KeyEventKind::Release {
            return Ok(Turn::Stay);
        }
        match (self.stage.over.take(), Action::of(key_of(key))) {
            (Some(_), _) => self.stay(),
            (None, Some(Action::Leave)) => self.leave(),
            (None, Some(Action::Help)) => {
                self.stage.over = Some(Over::Help);
                self.stay()
            }
            (None, Some(Action::Strike(fault))) => {
                // With that many on their way already, one more changes nothing.
                let _ = self.faults.try_send(fault);
                Ok(Turn::Stay)
            }
            (None, None) => Ok(Turn::Stay),
        }
    }

    /// The first time it stops the rush, the next time it leaves the screen; so it does when the
    /// rush is over.
    fn leave(&mut self) -> Result<Turn, LoopError> {
        if self.stage.phase != Phase::Going {
            return Ok(Turn::Leave);
        }
        self.stage.phase = Phase::Stopping;
        self.stop.cancel();
        self.stay()
    }

    fn stay(&mut self) -> Result<Turn, LoopError> {
        self.draw().map(|()| Turn::Stay)
    }

    fn draw(&mut self) -> Result<(), LoopError> {
        let failed = LoopError::drawing::<B>;
        let (stage, theme, now) = (&mut self.stage, self.theme, self.clock.elapsed());
        stage.tick(now);
        self.terminal.backend_mut().begin_frame().map_err(failed)?;
        self.terminal.draw(|frame| draw(frame, stage, theme)).map_err(failed)?;
        self.terminal.backend_mut().end_frame().map_err(failed)
    }
}
