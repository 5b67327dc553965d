//! What was typed into a session, or read from a file, and waits for its turn.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::psql::{Doer, find};
use crate::core::syntax::{Piece, Strings, read};

/// How deep files may read files: one that reads itself ends there.
pub const DEEPEST: usize = 16;

/// A statement or a command that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// As it was typed.
    pub text: String,
    piece: Piece,
    /// The file that it stands in, if it does.
    pub file: Option<File>,
}

/// A file that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is.
    pub path: Arc<Path>,
    /// How many files have led to it.
    pub depth: usize,
}

/// What waits, in order.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    all: VecDeque<Queued>,
    /// The file that is being read and comes before all of it. Read twice, a file has two paths
    /// here: it is this very one that is waited for.
    awaited: Option<Arc<Path>>,
}

impl Queued {
    /// Whether the console does it, and not the run.
    pub fn is_for_console(&self) -> bool {
        self.command()
            .is_some_and(|name| find(name).is_some_and(|command| command.doer == Doer::Console))
    }

    /// The name of the command that it is, if it is one.
    pub fn command(&self) -> Option<&str> {
        match &self.piece {
            Piece::Command(command) => Some(&command.name),
            Piece::Statement(_) => None,
        }
    }

    /// What follows the command's name.
    pub fn arguments(&self) -> &str {
        match &self.piece {
            Piece::Command(command) => &command.arguments,
            Piece::Statement(_) => "",
        }
    }
}

impl Queue {
    /// Adds what was typed at the end; gives what of it is not ended.
    pub fn add(&mut self, text: &str, strings: Strings) -> String {
        let (queued, rest) = pieces(text, strings, None);
        self.all.extend(queued);
        rest
    }

    /// Puts what stands in a file before everything else. What is not ended there is carried out as
    /// it is, as psql does at the end of a file.
    pub fn include(&mut self, text: &str, file: &File, strings: Strings) {
        self.awaited = None;
        let (mut queued, rest) = pieces(text, strings, Some(file));
        if !rest.is_empty() {
            let (piece, file) = (Piece::Statement(rest.clone()), Some(file.clone()));
            queued.push(Queued { text: rest, piece, file });
        }
        for one in queued.into_iter().rev() {
            self.all.push_front(one);
        }
    }

    /// A file is being read; until it is there, nothing goes on.
    pub fn wait(&mut self, file: &File) {
        self.awaited = Some(Arc::clone(&file.path));
    }

    /// Whether this reading of a file is still waited for.
    pub fn awaits(&self, file: &File) -> bool {
        self.awaited.as_ref().is_some_and(|path| Arc::ptr_eq(path, &file.path))
    }

    /// What stands in the same file as this is forgotten.
    pub fn leave(&mut self, queued: &Queued) {
        while self.all.front().is_some_and(|next| next.file == queued.file) {
            self.all.pop_front();
        }
    }

    /// The next one, unless a file is being read whose lines come before it.
    pub fn pop(&mut self) -> Option<Queued> {
        if self.awaited.is_some() { None } else { self.all.pop_front() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.awaited = None;
        self.all.clear();
    }

    /// What of files would be forgotten, in words.
    pub fn rest_of_files(&self) -> Option<String> {
        if let Some(path) = &self.awaited {
            return Some(format!("{} was not carried out", path.display()));
        }
        let rest = || self.all.iter().filter_map(|queued| queued.file.as_ref());
        let first = rest().next()?;
        let (count, path) = (rest().count(), first.path.display());
        let others = if rest().all(|file| file == first) { "" } else { " and others" };
        let (commands, were) = if count == 1 { ("command", "was") } else { ("commands", "were") };
        Some(format!("the last {count} {commands} of {path}{others} {were} not carried out"))
    }

    /// Everything that was typed; what comes from files is forgotten.
    pub fn take(&mut self) -> Vec<String> {
        self.awaited = None;
        let all = std::mem::take(&mut self.all).into_iter();
        all.filter(|queued| queued.file.is_none()).map(|queued| queued.text).collect()
    }
}

fn pieces(text: &str, strings: Strings, file: Option<&File>) -> (Vec<Queued>, String) {
    let read = read(text, strings);
    let queued = |piece: Piece| Queued { text: piece.text(), piece, file: file.cloned() };
    let rest = if read.unfinished.is_some() { read.rest.trim().to_owned() } else { String::new() };
    (read.pieces.into_iter().map(queued).collect(), rest)
}

/// Where a file is that is named in another: beside it for `\ir`, else where the program was
/// started.
pub fn path_of(name: &str, is_relative: bool, file: Option<&File>) -> PathBuf {
    let beside = file.filter(|_| is_relative).and_then(|file| file.path.parent());
    beside.map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File { path: Arc::from(Path::new(path)), depth: 1 }
    }

    fn texts(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).map(|queued| queued.text).collect()
    }

    #[test]
    fn what_is_not_ended_stays() {
        let mut queue = Queue::default();
        let rest = queue.add("begin; select 1 \\gx\nselect", Strings::default());
        assert_eq!(rest, "select");
        assert_eq!(texts(&mut queue), ["begin;", "select 1 \\gx"]);
    }

    #[test]
    fn a_file_comes_before_what_was_typed_behind_it() {
        let mut queue = Queue::default();
        queue.add("select 2;", Strings::default());
        queue.include("select 1;\n\\ir b.sql\nselect 3", &file("dir/a.sql"), Strings::default());
        let first = queue.pop().unwrap();
        let second = queue.pop().unwrap();
        assert_eq!(first.text, "select 1;");
        assert!(second.is_for_console() && !first.is_for_console());
        let path = path_of(second.arguments(), true, second.file.as_ref());
        assert_eq!(path, Path::new("dir/b.sql"));
        assert_eq!(texts(&mut queue), ["select 3", "select 2;"]);
    }

    #[test]
    fn a_file_is_waited_for_until_everything_is_forgotten() {
        let mut queue = Queue::default();
        queue.add("select 2;", Strings::default());
        let (first, second) = (file("a.sql"), file("a.sql"));
        queue.wait(&first);
        assert!(queue.awaits(&first) && queue.pop().is_none());
        queue.clear();
        assert!(!queue.awaits(&first));
        queue.wait(&second);
        assert!(!queue.awaits(&first), "the same file, read for something else");
    }

    #[test]
    fn what_of_files_is_forgotten_is_counted() {
        let mut queue = Queue::default();
        queue.add("select 2;", Strings::default());
        assert_eq!(queue.rest_of_files(), None);
        queue.include("select 1; select 3;", &file("a.sql"), Strings::default());
        let rest = "the last 2 commands of a.sql were not carried out";
        assert_eq!(queue.rest_of_files().as_deref(), Some(rest));
        queue.include("select 0;", &file("b.sql"), Strings::default());
        let rest = "the last 3 commands of b.sql and others were not carried out";
        assert_eq!(queue.rest_of_files().as_deref(), Some(rest));
        assert_eq!(queue.take(), ["select 2;"]);
        assert_eq!(queue.rest_of_files(), None);
    }
}
