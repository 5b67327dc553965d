//! Files that are read with a bound: what is no regular file may never end, or never begin.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// No file is read that is larger, in bytes.
const LARGEST: u64 = 16 << 20;

/// What a regular file holds.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    whole(open(path)?)
}

/// The same of a pipe too, for whoever names one on the command line and can interrupt it.
pub fn read_any(path: &Path) -> io::Result<Vec<u8>> {
    whole(File::open(path)?)
}

/// How a regular file begins.
pub fn head(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open(path)?.take(bytes).read_to_end(&mut head)?;
    Ok(head)
}

fn open(path: &Path) -> io::Result<File> {
    // Looked at first: opening a pipe waits for whoever writes into it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(path)
}

fn whole(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_read_to_the_bound_and_what_is_no_file_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.sql");
        File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "larger than 16 MiB");
        assert_eq!(head(&path, 10).unwrap().len(), 10);
        let zeros = Path::new("/dev/zero");
        assert_eq!(read_any(zeros).unwrap_err().to_string(), "larger than 16 MiB");
        assert_eq!(read(zeros).unwrap_err().to_string(), "not a regular file");
        assert!(head(zeros, 10).is_err());
    }
}
