//! What was typed, kept from one run to the next: a line an entry, the newest last.
//!
//! Several consoles may write into the same file; each does so under a lock, which is a file of its
//! own: the history itself is replaced where it has become too large. A disk must not hold up the
//! screen, so a thread writes, and nobody waits for it longer than a moment at the end. What may
//! hold a password is not kept.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::screen::Input;
use crate::core::scenario::regular_file;

/// How many entries a run begins with.
const ENTRIES: usize = 1000;

/// From this size on the file is cut to its newest entries when a console opens.
const LARGE: u64 = 1 << 20;

/// No entry is longer; a pasted dump is nothing that anybody types again.
const LONGEST: usize = 16 * 1024;

/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was typed in earlier runs, and where this one's is kept.
#[derive(Debug, Default)]
pub struct History {
    earlier: Vec<String>,
    writer: Option<Writer>,
}

/// The way to the thread that writes.
#[derive(Debug)]
struct Writer {
    typed: Sender<String>,
    last: String,
    ended: Receiver<()>,
}

impl History {
    /// Nothing, and nothing is kept.
    pub fn none() -> Self {
        Self::default()
    }

    /// What stands in this file, which need not be there. What goes wrong with it later is told
    /// once.
    pub fn open(path: PathBuf, troubles: mpsc::UnboundedSender<io::Result<Input>>) -> Self {
        let earlier = read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "the history cannot be read");
            Vec::new()
        });
        let (typed, entries) = channel();
        let (ends, ended) = channel();
        std::thread::spawn(move || {
            write_all(&path, &entries, &troubles);
            // Whoever does not wait any more need not know.
            let _ = ends.send(());
        });
        let last = earlier.last().cloned().unwrap_or_default();
        Self { earlier, writer: Some(Writer { typed, last, ended }) }
    }

    /// What was typed in earlier runs, oldest first; once.
    pub(super) fn take_earlier(&mut self) -> Vec<String> {
        std::mem::take(&mut self.earlier)
    }

    /// Keeps what was typed, unless it was typed just before, or may hold a password.
    pub(super) fn keep(&mut self, typed: &str) {
        let Some(writer) = &mut self.writer else { return };
        let typed = typed.trim_end();
        if typed.is_empty() || typed == writer.last || typed.len() > LONGEST || is_secret(typed) {
            return;
        }
        typed.clone_into(&mut writer.last);
        // A thread that has met with trouble has told of it.
        let _ = writer.typed.send(typed.to_owned());
    }

    /// Waits until what was typed is written, for as long as that is worth.
    pub(super) fn end(self) {
        if let Some(Writer { typed, ended, .. }) = self.writer {
            drop(typed);
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

/// Whether it may hold a password, or a secret of another kind.
fn is_secret(typed: &str) -> bool {
    let typed = typed.to_lowercase();
    let words = ["passw", "passphrase", "secret", "credential", "pgp_sym_", "crypt("];
    words.iter().any(|word| typed.contains(word)) || has_password_in_url(&typed)
}

/// `postgres://user:password@host`. A password may have any sign in it, also a slash and another @,
/// so whatever has a colon before an @ is refused.
fn has_password_in_url(typed: &str) -> bool {
    typed.match_indices("://").any(|(at, colon)| {
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, '\'' | '"');
        let url = typed[at + colon.len()..].split(is_end).next().unwrap_or_default();
        url.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

fn write_all(
    path: &Path,
    entries: &Receiver<String>,
    troubles: &mpsc::UnboundedSender<io::Result<Input>>,
) {
    for entry in entries {
        if let Err(error) = append(path, &entry) {
            let words = format!("what you type is not kept: {}: {error}", path.display());
            let _ = troubles.send(Ok(Input::Trouble(words)));
            return;
        }
    }
}

fn append(path: &Path, entry: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let _lock = locked(path)?;
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let ends = if is_broken_off(&mut file)? { "\n" } else { "" };
    file.write_all(format!("{ends}{}\n", escaped(entry)).as_bytes())
}

/// Keeps other consoles from the file for as long as this lives.
fn locked(path: &Path) -> io::Result<File> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let lock = OpenOptions::new().append(true).create(true).mode(0o600).open(name)?;
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
}

/// Whether the last line has no end: a disk was full, or somebody has edited it.
fn is_broken_off(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The newest entries.
fn read(path: &Path) -> io::Result<Vec<String>> {
    if !path.try_exists()? {
        return Ok(Vec::new());
    }
    // Before a lock is put beside a device.
    regular_file::head(path, 0)?;
    let _lock = locked(path)?;
    // A pipe or a device may never end, and what is that large is somebody's other file: it would
    // be cut.
    let bytes = regular_file::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let kept = &lines[lines.len().saturating_sub(ENTRIES)..];
    if bytes.len() as u64 > LARGE {
        cut(path, kept)?;
    }
    Ok(kept.iter().map(|line| unescaped(line)).collect())
}

/// Written beside it first: whatever goes wrong on the way, one of the two is whole.
fn cut(path: &Path, kept: &[&str]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(&path))?;
    file.write_all((kept.join("\n") + "\n").as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// An entry on one line.
fn escaped(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescaped(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, false) => entry.push(letter),
            (_, true) => match letters.next() {
                Some('n') => entry.push('\n'),
                Some('r') => entry.push('\r'),
                Some(other) => entry.push(other),
                None => entry.push('\\'),
            },
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn opened(path: &Path) -> History {
        History::open(path.to_owned(), mpsc::unbounded_channel().0)
    }

    /// What a run begins with after another one in which this was typed.
    fn kept(path: &Path, typed: &[&str]) -> Vec<String> {
        let mut history = opened(path);
        for typed in typed {
            history.keep(typed);
        }
        history.end();
        opened(path).take_earlier()
    }

    #[test]
    fn what_was_typed_is_there_in_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/overbooked/history");
        assert_eq!(kept(&path, &[]), [""; 0]);
        assert!(!path.exists(), "nothing is made before there is something to keep");
        let typed = ["select 1;", "select 'a\\n'\n, 'two\\\\';", "\\d seats", "\\d seats", "  "];
        assert_eq!(kept(&path, &typed), typed[..3]);
        assert_eq!(kept(&path, &["\\d seats", "select 2;"]).len(), 4);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for nobody else to read");
    }

    #[test]
    fn what_may_hold_a_password_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let secrets = [
            "ALTER ROLE bob PASSWORD 'x';",
            "create user mapping for bob server s options (user 'bob', passwd 'x');",
            "select dblink_connect('postgres://bob:hunter2@host/db');",
            "select crypt('x', gen_salt('bf'));",
            "select dblink_connect('postgres://bob:hunter/2@host/db');",
            "select dblink_connect('postgres://bob:hun@ter2@host/db');",
            "select dblink_connect('postgres://bob:h://2@host/db');",
        ];
        assert_eq!(kept(&path, &secrets), [""; 0]);
        let harmless = ["select 'postgres://host/db', 'a:b@c';", "select pass from seats;"];
        assert_eq!(kept(&path, &harmless), harmless);
    }

    #[test]
    fn a_large_file_is_cut_to_its_newest_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let line = |number: usize| format!("select {number}, '{}';", "x".repeat(1000));
        let text: Vec<String> = (0..2000).map(line).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let earlier = opened(&path).take_earlier();
        assert_eq!((earlier.len(), &earlier[999]), (ENTRIES, &text[1999]));
        assert!(std::fs::metadata(&path).unwrap().len() < 1_100_000);
        assert_eq!(opened(&path).take_earlier(), earlier);
    }

    #[test]
    fn a_large_file_is_replaced_and_not_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let text = format!("select '{}';\nselect 2;\n", "x".repeat(1 << 20));
        std::fs::write(&path, &text).unwrap();
        let other = File::open(&path).unwrap();
        assert_eq!(opened(&path).take_earlier().len(), 2);
        let whole = io::read_to_string(other).unwrap();
        assert!(whole == text);
        let names = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["history", "history.lock"]);
    }

    #[test]
    fn an_entry_begins_a_line_though_the_last_one_has_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        std::fs::write(&path, "select 1;\nselect 2;").unwrap();
        let typed = ["select 1;", "select 2;", "select 3;"];
        assert_eq!(kept(&path, &["select 3;"]), typed);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let (troubles, mut told) = mpsc::unbounded_channel();
        let path = folder.path().join("history");
        std::fs::create_dir(&path).unwrap();
        let mut history = History::open(path, troubles);
        history.keep("select 1;");
        history.keep("select 2;");
        history.end();
        let Some(Ok(Input::Trouble(words))) = told.blocking_recv() else { panic!("silent") };
        assert!(words.starts_with("what you type is not kept: "), "{words}");
        assert!(told.blocking_recv().is_none());
    }
}
