//! The one place where files and folders are removed.
//!
//! Nothing is removed because of its name. A file goes if it still is the one that whoever asks has
//! made; a folder goes if all that is in it, looked at beforehand, is what its maker puts there.
//! What was looked at is then removed entry by entry, so that something that comes in meanwhile
//! stays, and its folder with it. Symbolic links are never followed.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

/// How often a folder is looked at again because something has come into it meanwhile: the last
/// process of a server may still write.
const LOOKS: usize = 3;

/// Which file something is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of what stands at the path itself, should it be a link.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|found| Self::from(&found))
    }

    /// Of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|found| Self::from(&found))
    }
}

impl From<&fs::Metadata> for Identity {
    fn from(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// Removes the file at the path if it is this one; whether it was. One that is gone is as good.
#[expect(clippy::disallowed_methods, reason = "the one place where files are removed")]
pub(crate) fn remove_file(path: &Path, ours: Identity) -> io::Result<bool> {
    match Identity::at(path) {
        Ok(found) if found == ours => fs::remove_file(path).map(|()| true),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    Folder,
    Socket,
    /// A symbolic link, wherever it leads.
    Link,
    /// A device, a pipe.
    Other,
}

/// What a folder must be for it to be removed.
pub(crate) struct Shape<'a> {
    /// Whether its maker puts such an entry there; the path begins below the folder.
    pub(crate) allows: fn(&Path, Kind) -> bool,
    /// Whom the entries may belong to.
    pub(crate) owners: &'a [u32],
    /// The entry that is removed last: what marks the folder until nothing else is left in it.
    pub(crate) last: &'static str,
}

/// Why a folder was not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// Something in it is not its maker's.
    #[error("it contains {}, which Overbooked did not make", .0.display())]
    Stranger(PathBuf),
    /// Something in it belongs to somebody else.
    #[error("{} in it belongs to somebody else", .0.display())]
    Foreign(PathBuf),
    /// Another file system, or another part of this one, is mounted in it.
    #[error("something is mounted on {} in it", .0.display())]
    Mounted(PathBuf),
    /// The system does not let us.
    #[error("it cannot be removed: {0}")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for Refused {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Removes the folder, which is open, if nothing but what the shape allows is in it. One that is
/// gone is as good.
pub(crate) fn remove_folder(
    path: &Path,
    folder: &OwnedFd,
    shape: &Shape<'_>,
) -> Result<(), Refused> {
    if !leads_to(path, folder)? {
        return Ok(());
    }
    if is_mounted(folder.as_fd(), c"")? {
        return Err(Refused::Mounted(path.to_owned()));
    }
    for _ in 1..LOOKS {
        let tree = survey(folder.as_fd(), Path::new(""), shape)?;
        match take(folder.as_fd(), tree, shape.last).and_then(|()| take_itself(path, folder)) {
            Err(rustix::io::Errno::NOTEMPTY | rustix::io::Errno::EXIST) => {}
            taken => return Ok(taken?),
        }
    }
    let tree = survey(folder.as_fd(), Path::new(""), shape)?;
    Ok(take(folder.as_fd(), tree, shape.last).and_then(|()| take_itself(path, folder))?)
}

/// What was seen in a folder.
struct Tree(Vec<(CString, Option<Tree>)>);

fn survey(folder: BorrowedFd<'_>, below: &Path, shape: &Shape<'_>) -> Result<Tree, Refused> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let path = below.join(OsStr::from_bytes(name.to_bytes()));
        match look_at(folder, name, path, shape) {
            Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            seen => entries.push((name.to_owned(), seen?)),
        }
    }
    Ok(Tree(entries))
}

/// An entry that may go; a folder with what is in it.
fn look_at(
    folder: BorrowedFd<'_>,
    name: &CStr,
    path: PathBuf,
    shape: &Shape<'_>,
) -> Result<Option<Tree>, Refused> {
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Socket => Kind::Socket,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    if !(shape.allows)(&path, kind) {
        return Err(Refused::Stranger(path));
    }
    if !shape.owners.contains(&found.st_uid) {
        return Err(Refused::Foreign(path));
    }
    if kind != Kind::Folder {
        return Ok(None);
    }
    if is_mounted(folder, name)? {
        return Err(Refused::Mounted(path));
    }
    survey(open_folder(folder, name)?.as_fd(), &path, shape).map(Some)
}

fn open_folder(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

/// Whether a folder is where something is mounted, which a bind mount of the same file system would
/// not show by its device.
#[cfg(target_os = "linux")]
fn is_mounted(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<bool> {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
    let found = statx(folder, name, flags, StatxFlags::empty())?;
    Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Elsewhere a folder on another device is one.
#[cfg(not(target_os = "linux"))]
fn is_mounted(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<bool> {
    if name.is_empty() {
        return Ok(false);
    }
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(found.st_dev != rustix::fs::fstat(folder)?.st_dev)
}

/// Removes what was seen, the one entry that is to be the last after everything else.
fn take(folder: BorrowedFd<'_>, tree: Tree, last: &str) -> rustix::io::Result<()> {
    let (marks, rest): (Vec<_>, Vec<_>) =
        tree.0.into_iter().partition(|(name, _)| name.to_bytes() == last.as_bytes());
    for (name, below) in rest.into_iter().chain(marks) {
        match below {
            None => unlink(folder, &*name, AtFlags::empty())?,
            Some(below) => take_below(folder, &name, below)?,
        }
    }
    Ok(())
}

fn take_below(folder: BorrowedFd<'_>, name: &CStr, below: Tree) -> rustix::io::Result<()> {
    match open_folder(folder, name) {
        Ok(opened) => take(opened.as_fd(), below, "")?,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error),
    }
    unlink(folder, name, AtFlags::REMOVEDIR)
}

/// Removes the empty folder itself, if the path still leads to it.
fn take_itself(path: &Path, folder: &OwnedFd) -> rustix::io::Result<()> {
    if !leads_to(path, folder)? {
        return Ok(());
    }
    unlink(rustix::fs::CWD, path, AtFlags::REMOVEDIR)
}

/// Whether the folder is still where it was: somebody may have moved it away, to keep it.
fn leads_to(path: &Path, folder: &OwnedFd) -> rustix::io::Result<bool> {
    let opened = rustix::fs::fstat(folder)?;
    match rustix::fs::lstat(path) {
        Ok(found) => Ok((found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where folders are removed")]
fn unlink(
    folder: BorrowedFd<'_>,
    name: impl rustix::path::Arg,
    flags: AtFlags,
) -> rustix::io::Result<()> {
    match rustix::fs::unlinkat(folder, name, flags) {
        Err(rustix::io::Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> OwnedFd {
        File::open(path).unwrap().into()
    }

    fn shape(owners: &[u32]) -> Shape<'_> {
        let allows = |path: &Path, kind| {
            kind != Kind::Link && path.file_name().is_some_and(|name| name != "thesis.txt")
        };
        Shape { allows, owners, last: "mark" }
    }

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("ours");
        fs::create_dir_all(folder.join("data/base")).unwrap();
        for file in ["mark", "data/base/1", "data/PG_VERSION"] {
            fs::write(folder.join(file), "").unwrap();
        }
        (parent, folder)
    }

    #[test]
    fn a_folder_with_nothing_else_in_it_goes() {
        let (parent, folder) = tree();
        remove_folder(&folder, &open(&folder), &shape(&[me()])).unwrap();
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn one_file_of_somebodys_keeps_all_of_it() {
        let (_parent, folder) = tree();
        fs::write(folder.join("data/thesis.txt"), "").unwrap();
        let refused = remove_folder(&folder, &open(&folder), &shape(&[me()])).unwrap_err();
        assert!(refused.to_string().contains("data/thesis.txt"), "{refused}");
        assert!(folder.join("mark").exists() && folder.join("data/base/1").exists());
    }

    #[test]
    fn a_link_is_neither_followed_nor_removed() {
        let (parent, folder) = tree();
        let elsewhere = parent.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("1"), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join("data/pg_wal")).unwrap();
        let refused = remove_folder(&folder, &open(&folder), &shape(&[me()])).unwrap_err();
        assert!(matches!(refused, Refused::Stranger(_)), "{refused}");
        assert!(elsewhere.join("1").exists() && folder.join("data/pg_wal").exists());
    }

    #[test]
    fn what_belongs_to_somebody_else_stays() {
        let (_parent, folder) = tree();
        let refused = remove_folder(&folder, &open(&folder), &shape(&[me() + 1])).unwrap_err();
        assert!(matches!(refused, Refused::Foreign(_)), "{refused}");
        assert!(folder.join("mark").exists());
    }

    #[test]
    fn a_folder_that_was_moved_away_stays_and_so_does_what_has_taken_its_name() {
        let (parent, folder) = tree();
        let opened = open(&folder);
        fs::rename(&folder, parent.path().join("moved")).unwrap();
        fs::create_dir(&folder).unwrap();
        remove_folder(&folder, &opened, &shape(&[me()])).unwrap();
        assert!(folder.exists() && parent.path().join("moved/data/base/1").exists());
    }

    #[test]
    fn a_file_goes_only_if_it_is_the_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cast");
        let ours = Identity::of(&File::create_new(&path).unwrap()).unwrap();
        let kept = folder.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        fs::write(&path, "somebody's").unwrap();
        assert!(!remove_file(&path, ours).unwrap());
        assert!(path.exists());
        assert!(remove_file(&kept, ours).unwrap());
        assert!(!kept.exists() && remove_file(&kept, ours).unwrap());
    }
}
