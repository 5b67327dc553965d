//! Copies a cluster's folder: the files, their modes, their owner.

use std::fs;
use std::io;
use std::path::Path;

use super::account::RunAs;

/// Copies the folder `from` to `to`, which must not be there yet, and gives all of it to the
/// server's user.
///
/// `fs::copy` shares the blocks where the file system can (btrfs, XFS, APFS) and copies them in the
/// kernel elsewhere.
pub(super) fn copy_folder(from: &Path, to: &Path, run_as: &RunAs) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, run_as)?;
        } else {
            fs::copy(entry.path(), &target)?;
            run_as.give(&target)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    run_as.give(to)
}
