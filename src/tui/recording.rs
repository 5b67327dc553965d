//! What the terminal was shown, in a file that `asciinema play` shows again: asciicast, version 2
//! (<https://docs.asciinema.org/manual/asciicast/v2/>), a header and then a line for each frame.
//!
//! ```text
//!   frames ──▶ Output ──┬──▶ the terminal
//!                       └──▶ Tape ──▶ a channel ──▶ a thread ──▶ FILE.cast
//! ```
//!
//! The screen must not wait for a disk, so the thread does the writing. A disk that is full, or
//! that falls too far behind, ends the recording and not the program; that is told once, as an
//! [`Input`].

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::stream::{self, BoxStream, StreamExt as _};
use serde::Serialize;
use tokio::sync::mpsc;

use super::screen::Input;
use crate::cluster::removal::{Identity, remove_file};

/// How many frames may wait for the disk: a minute of them at full speed.
const BEHIND: usize = 3600;

/// What keeps a recording from being begun.
#[derive(Debug, thiserror::Error)]
#[error("cannot record to {}: {source}", path.display())]
pub struct RecordingError {
    path: PathBuf,
    source: io::Error,
}

impl RecordingError {
    fn new(path: &Path, source: io::Error) -> Self {
        let source = match source.kind() {
            io::ErrorKind::AlreadyExists => {
                let advice = "the file already exists; choose another name, or move it away";
                io::Error::new(io::ErrorKind::AlreadyExists, advice)
            }
            _ => source,
        };
        Self { path: path.to_owned(), source }
    }
}

/// A recording under way, or none: its parts go where they are needed. It goes on until its tape is
/// dropped.
pub struct Recording {
    /// Takes in what is shown.
    pub tape: Option<Tape>,
    /// What goes wrong while it runs.
    pub troubles: BoxStream<'static, io::Result<Input>>,
    /// The end to wait for.
    pub ending: Ending,
}

/// The end of a recording that frames go into.
#[derive(Debug)]
pub struct Tape {
    /// `None` once the recording has ended before its time.
    frames: Option<SyncSender<Frame>>,
    troubles: mpsc::UnboundedSender<String>,
    path: PathBuf,
    /// Which file it is, so that none but this is removed.
    identity: Identity,
    /// When the first frame was shown: an engine may take its time before that.
    began: Option<Instant>,
    size: (u16, u16),
    shown: Vec<u8>,
}

/// What was shown at once.
#[derive(Debug)]
struct Frame {
    at: Duration,
    /// The terminal's new size, if it has changed.
    resized: Option<(u16, u16)>,
    shown: Vec<u8>,
}

impl Recording {
    pub fn none() -> Self {
        Self { tape: None, troubles: stream::empty().boxed(), ending: Ending(None) }
    }

    /// Begins a recording: from here on the file is there and has its header.
    pub fn start(path: &Path, title: &str) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::new(path, source);
        let size = crossterm::terminal::size().map_err(failed)?;
        let file = File::create_new(path).map_err(failed)?;
        let identity = Identity::of(&file).map_err(failed)?;
        let mut file = BufWriter::new(file);
        write_header(&mut file, size, title).map_err(failed)?;
        let (frames, to_write) = sync_channel(BEHIND);
        let (troubles, told) = mpsc::unbounded_channel();
        let (name, tell) = (path.display().to_string(), troubles.clone());
        let thread = std::thread::spawn(move || {
            let error = write_frames(file, &to_write).err()?;
            let trouble = format!("recording stopped: cannot write {name}: {error}");
            tell.send(trouble).err().map(|untold| untold.0)
        });
        let tape = Tape::new(frames, troubles, (path, identity), size);
        Ok(Self { tape: Some(tape), troubles: inputs_of(told), ending: Ending(Some(thread)) })
    }
}

fn inputs_of(told: mpsc::UnboundedReceiver<String>) -> BoxStream<'static, io::Result<Input>> {
    let next = |mut told: mpsc::UnboundedReceiver<String>| async move {
        let trouble = told.recv().await?;
        Some((Ok(Input::Trouble(trouble)), told))
    };
    stream::unfold(told, next).boxed()
}

/// The end of a recording.
#[derive(Debug)]
pub struct Ending(Option<JoinHandle<Option<String>>>);

impl Ending {
    /// Waits until the last frame is on the disk, once the tape is dropped; gives what went wrong
    /// after everybody had stopped listening.
    pub fn wait(self) -> Option<String> {
        self.0?.join().ok().flatten()
    }
}

impl Tape {
    fn new(
        frames: SyncSender<Frame>,
        troubles: mpsc::UnboundedSender<String>,
        (path, identity): (&Path, Identity),
        size: (u16, u16),
    ) -> Self {
        let (path, frames) = (path.to_owned(), Some(frames));
        Self { frames, troubles, path, identity, began: None, size, shown: Vec::new() }
    }

    /// Takes in bytes on their way to the terminal.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.frames.is_some() {
            self.shown.extend_from_slice(bytes);
        }
    }

    /// The bytes so far have reached the terminal: they are a frame.
    pub(super) fn cut(&mut self) {
        let Some(frames) = self.frames.as_ref().filter(|_| !self.shown.is_empty()) else { return };
        let size = crossterm::terminal::size().unwrap_or(self.size);
        let resized = (size != self.size).then_some(size);
        self.size = size;
        let at = self.began.get_or_insert_with(Instant::now).elapsed();
        let frame = Frame { at, resized, shown: std::mem::take(&mut self.shown) };
        match frames.try_send(frame) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => {
                let trouble = "recording stopped: the disk is too slow".to_owned();
                let _ = self.troubles.send(trouble);
            }
            // The thread has told why before it ended.
            Err(TrySendError::Disconnected(_)) => {}
        }
        self.frames = None;
    }
}

/// Where nothing was ever shown, the name is free for the next attempt.
impl Drop for Tape {
    fn drop(&mut self) {
        if self.began.is_none() {
            let _ = remove_file(&self.path, self.identity);
        }
    }
}

/// The first line of a recording.
#[derive(Serialize)]
struct Header<'a> {
    version: u8,
    width: u16,
    height: u16,
    timestamp: u64,
    title: &'a str,
    env: Environment,
}

#[derive(Serialize)]
struct Environment {
    #[serde(rename = "TERM")]
    term: String,
}

fn write_header(file: &mut impl Write, (width, height): (u16, u16), title: &str) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let env = Environment { term: std::env::var("TERM").unwrap_or_default() };
    let header = Header { version: 2, width, height, timestamp: since.as_secs(), title, env };
    write_line(file, &header)?;
    file.flush()
}

/// Writes frames until there are no more to come. What is written is on the disk before the next is
/// waited for.
fn write_frames(mut file: impl Write, frames: &Receiver<Frame>) -> io::Result<()> {
    while let Ok(frame) = frames.recv() {
        for frame in std::iter::once(frame).chain(frames.try_iter()) {
            write_frame(&mut file, &frame)?;
        }
        file.flush()?;
    }
    Ok(())
}

fn write_frame(file: &mut impl Write, frame: &Frame) -> io::Result<()> {
    let at = frame.at.as_secs_f64();
    if let Some((width, height)) = frame.resized {
        write_line(file, &(at, "r", format!("{width}x{height}")))?;
    }
    // A frame is whole, and what draws it writes UTF-8.
    write_line(file, &(at, "o", String::from_utf8_lossy(&frame.shown)))
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn tape(frames: usize) -> (Tape, Receiver<Frame>, mpsc::UnboundedReceiver<String>) {
        let (frames, to_write) = sync_channel(frames);
        let (troubles, told) = mpsc::unbounded_channel();
        let tape = Tape::new(
            frames,
            troubles,
            (Path::new(""), Identity::at(Path::new("/")).unwrap()),
            (80, 24),
        );
        (tape, to_write, told)
    }

    fn show(tape: &mut Tape, text: &str) {
        tape.take(text.as_bytes());
        tape.cut();
    }

    #[test]
    fn a_frame_is_a_line_and_a_new_size_is_one_before_it() {
        let at = Duration::from_millis(1500);
        let frame = Frame { at, resized: Some((120, 40)), shown: "\x1b[1m\"Zoë\"\r\n".into() };
        let mut file = Vec::new();
        write_frame(&mut file, &frame).unwrap();
        let lines = String::from_utf8(file).unwrap();
        assert_eq!(lines, "[1.5,\"r\",\"120x40\"]\n[1.5,\"o\",\"\\u001b[1m\\\"Zoë\\\"\\r\\n\"]\n");
    }

    #[test]
    fn the_header_names_version_and_size() {
        let mut file = Vec::new();
        write_header(&mut file, (80, 24), "A title").unwrap();
        let header: serde_json::Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(header["version"], 2);
        assert_eq!((&header["width"], &header["height"]), (&80.into(), &24.into()));
    }

    #[test]
    fn the_clock_starts_with_what_is_shown_first() {
        let (mut tape, frames, _told) = tape(4);
        tape.cut();
        assert!(tape.began.is_none(), "nothing was shown");
        show(&mut tape, "first");
        let began = tape.began.unwrap();
        show(&mut tape, "second");
        assert_eq!(tape.began, Some(began));
        let [first, second] = [0, 1].map(|_| frames.try_recv().unwrap().at);
        assert!(first <= second && second <= began.elapsed());
    }

    #[test]
    fn a_recording_of_nothing_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for (shown, is_kept) in [("", false), ("a frame", true)] {
            let path = folder.path().join("a.cast");
            std::fs::write(&path, "").unwrap();
            let identity = Identity::at(&path).unwrap();
            let (frames, _to_write) = sync_channel(1);
            let mut tape =
                Tape::new(frames, mpsc::unbounded_channel().0, (&path, identity), (80, 24));
            show(&mut tape, shown);
            drop(tape);
            assert_eq!(path.exists(), is_kept);
        }
    }

    #[test]
    fn a_full_disk_ends_the_writing_and_later_frames_are_let_go() {
        let (mut tape, frames, _told) = tape(4);
        show(&mut tape, "more than fits");
        assert_eq!(write_frames(Disk(10), &frames).unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(frames);
        show(&mut tape, "one more");
        assert!(tape.frames.is_none());
        show(&mut tape, "and one");
        assert!(tape.shown.is_empty(), "nothing is kept that will never be written");
        assert!(write_header(&mut Disk(10), (80, 24), "A title").is_err());
    }

    #[test]
    fn a_disk_that_is_too_slow_is_told_of_once() {
        let (mut tape, _frames, mut told) = tape(1);
        for _ in 0..3 {
            show(&mut tape, "a frame");
        }
        assert!(told.try_recv().unwrap().contains("too slow"));
        assert!(told.try_recv().is_err());
    }
}
