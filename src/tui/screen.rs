//! The terminal: taken when the console opens, given back however it ends.
//!
//! Raw mode, the alternate screen, the mouse and bracketed paste are four promises to a terminal
//! that outlives this program. [`Screen`] keeps them on `Drop`; a panic restores before its report
//! is printed (color-eyre is installed first, this hook second, so it runs first); SIGTERM and
//! SIGHUP arrive as [`Input`] and end the loop in good order. While another program has the
//! terminal its keys are not read either (`keys`).

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossterm::cursor::{SetCursorStyle, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event,
    EventStream,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend, TestBackend};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

pub(super) mod keys;

use super::background::LateAnswer;
use super::recording::Tape;
use crate::debugger::guests::Overview;
use crate::stage::exploring::Told;
use crate::stage::room::News;

/// What comes in from outside the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A key, a paste, the mouse, a resize.
    Terminal(Event),
    /// SIGTERM, SIGHUP or SIGINT: somebody wants the program to end.
    Ended(Signal),
    /// Something beside the screen has gone wrong, in a sentence: a recording's disk is full.
    Trouble(String),
    /// Other programs can connect, in these ways.
    Opened(Vec<String>),
    /// Something is told of an exploration, by its number.
    Explored(u64, Box<Told>),
    /// The debugger at a glance, since something of that has changed.
    Debugger(Box<Overview>),
    /// The room has something to tell.
    Room(News),
}

/// Why the program should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGINT, from outside: Ctrl-C is a key here.
    Interrupt,
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

/// A backend whose frames appear at once or not at all, where the terminal can do that.
pub trait Frames: Backend {
    /// Before a frame's first cell.
    fn begin_frame(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// After its last.
    fn end_frame(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Gives the terminal back, stops the process, and takes the terminal again once the shell
    /// continues it.
    fn suspend(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Gives the terminal back for a while, to another program.
    fn lend(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Takes it again.
    fn take_again(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Puts a text into the clipboard of whoever sits before the terminal, if the terminal knows
    /// how.
    fn copy(&mut self, _text: &str) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Whether this error says that the terminal is not there any more.
    fn is_gone(_error: &Self::Error) -> bool {
        false
    }
}

impl Frames for TestBackend {}

impl<W: Write> Frames for CrosstermBackend<W> {
    fn begin_frame(&mut self) -> io::Result<()> {
        queue!(self, BeginSynchronizedUpdate)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        execute!(self, EndSynchronizedUpdate)
    }

    fn suspend(&mut self) -> io::Result<()> {
        restore(self);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        take(self)
    }

    fn lend(&mut self) -> io::Result<()> {
        restore(self);
        Ok(())
    }

    fn take_again(&mut self) -> io::Result<()> {
        take(self)
    }

    /// By OSC 52. What was written so far goes out first, so that whoever records can tell the
    /// sequence from a frame.
    fn copy(&mut self, text: &str) -> io::Result<()> {
        io::Write::flush(self)?;
        let encoded = BASE64.encode(text);
        write!(self, "{CLIPBOARD}{encoded}\x07")?;
        io::Write::flush(self)
    }

    fn is_gone(error: &io::Error) -> bool {
        is_gone(error)
    }
}

/// How the sequence begins that sets the clipboard; BEL ends it.
const CLIPBOARD: &str = "\x1b]52;c;";

/// Whether an error of reading or writing says that the terminal is not there any more: its window
/// was closed, its connection was cut. Whoever is not in the terminal's own session gets no SIGHUP
/// and hears of it in this way alone.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let gone = [Errno::IO, Errno::NXIO, Errno::NODEV, Errno::PIPE, Errno::NOTTY, Errno::BADF];
    gone.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether the terminal is ours at the moment: what was taken once is given back once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Standard output; whoever records gets everything that goes there.
#[derive(Debug)]
pub struct Output {
    stdout: Stdout,
    tape: Option<Tape>,
    /// Whether the clipboard is being set: a recording that did so would set that of whoever
    /// watches it.
    is_copying: bool,
    /// Once it is set nothing goes out any more. A ratatui terminal that cannot show its cursor
    /// when it is dropped writes so to the standard error, and panics where that is gone as well:
    /// the sessions would be cut off.
    is_given_back: Arc<AtomicBool>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_given_back.load(Ordering::SeqCst) {
            return Ok(bytes.len());
        }
        let written = self.stdout.write(bytes)?;
        let shown = shown(&mut self.is_copying, &bytes[..written]);
        if let Some(tape) = &mut self.tape {
            tape.take(shown);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_given_back.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.stdout.flush()?;
        if let Some(tape) = &mut self.tape {
            tape.cut();
        }
        Ok(())
    }
}

/// What of this is to be seen: a text for the clipboard is not.
fn shown<'a>(is_copying: &mut bool, bytes: &'a [u8]) -> &'a [u8] {
    *is_copying |= bytes.starts_with(CLIPBOARD.as_bytes());
    if !*is_copying {
        return bytes;
    }
    match bytes.iter().position(|byte| *byte == b'\x07') {
        Some(end) => {
            *is_copying = false;
            &bytes[end + 1..]
        }
        None => &[],
    }
}

/// The terminal as ratatui draws on it.
pub type Glass = CrosstermBackend<BufWriter<Output>>;

/// The terminal, ours until this is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<Glass>,
    is_given_back: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal, and records what it shows if there is a tape. Fails where there is none:
    /// a pipe, a file.
    pub fn open(tape: Option<Tape>) -> io::Result<Self> {
        restore_on_panic();
        // A frame is written in one piece; 64 KiB hold the largest.
        let is_given_back = Arc::<AtomicBool>::default();
        let output = Output {
            stdout: io::stdout(),
            tape,
            is_copying: false,
            is_given_back: Arc::clone(&is_given_back),
        };
        let output = BufWriter::with_capacity(64 * 1024, output);
        let mut glass = CrosstermBackend::new(output);
        take(&mut glass)?;
        let terminal = Terminal::new(glass).inspect_err(|_| restore(&mut io::stdout()))?;
        Ok(Self { terminal, is_given_back })
    }

    /// The terminal to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<Glass> {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore(self.terminal.backend_mut());
        self.is_given_back.store(true, Ordering::SeqCst);
    }
}

fn take(terminal: &mut impl Write) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let taken = execute!(
        terminal,
        EnterAlternateScreen,
        // Whoever was killed there has left its last frame.
        Clear(ClearType::All),
        EnableMouseCapture,
        EnableBracketedPaste,
        SetCursorStyle::SteadyBar
    );
    taken.inspect_err(|_| restore(terminal))
}

/// Gives the terminal back. A terminal that is gone cannot be told, so nothing is made of that.
fn restore(terminal: &mut impl Write) {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        terminal,
        EndSynchronizedUpdate,
        SetCursorStyle::DefaultUserShape,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

fn restore_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore(&mut io::stdout());
        report(panic);
    }));
}

/// Everything that comes in: the terminal's events and the signals that end a program.
pub fn inputs() -> io::Result<impl Stream<Item = io::Result<Input>> + Unpin> {
    Ok(stream::select(ends()?, terminal_events()))
}

/// The signals that end a program.
fn ends() -> io::Result<impl Stream<Item = io::Result<Input>> + Unpin> {
    let signals = [
        listen(SignalKind::interrupt(), Signal::Interrupt)?,
        listen(SignalKind::terminate(), Signal::Terminate)?,
        listen(SignalKind::hangup(), Signal::HangUp)?,
    ];
    Ok(stream::select_all(signals))
}

/// crossterm's stream wakes only whoever asked it first, and the loop asks now and then without
/// waiting: so one task waits for it, and the loop asks a channel, which may be asked in any way.
fn terminal_events() -> BoxStream<'static, io::Result<Input>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while read_keys(&sender).await {
            keys::are_lent().await;
        }
    });
    let next = |mut receiver: mpsc::UnboundedReceiver<_>| async move {
        receiver.recv().await.map(|input| (input, receiver))
    };
    stream::unfold(receiver, next).boxed()
}

/// Reads until the keys are wanted elsewhere; whether they are.
async fn read_keys(sender: &mpsc::UnboundedSender<io::Result<Input>>) -> bool {
    let mut events = EventStream::new();
    let mut late = LateAnswer::default();
    loop {
        let event = tokio::select! {
            biased;
            () = keys::are_wanted() => return true,
            event = events.next() => event,
        };
        let Some(event) = event else { return false };
        let events = match event {
            Ok(event) => late.take(event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        for event in events {
            if sender.send(event.map(Input::Terminal)).is_err() {
                return false;
            }
        }
    }
}

fn listen(kind: SignalKind, meaning: Signal) -> io::Result<BoxStream<'static, io::Result<Input>>> {
    let signals = stream::unfold(signal(kind)?, move |mut signal| async move {
        signal.recv().await.map(|()| (Ok(Input::Ended(meaning)), signal))
    });
    Ok(signals.boxed())
}
