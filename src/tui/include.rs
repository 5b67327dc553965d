//! Files that `\i` names.

use std::path::{Path, PathBuf};

use crate::core::scenario::{mistake, regular_file};

/// What stands in a file; why it cannot be read, as psql says it.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let bytes = regular_file::read(&at_home(path)).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or_default();
        format!("{}: {why}", path.display())
    })?;
    mistake::decode(&bytes, path).map_err(|mistake| mistake.to_string())
}

/// A path that begins with `~/` is in one's own folder.
pub(super) fn at_home(path: &Path) -> PathBuf {
    let home = path.strip_prefix("~").ok().zip(std::env::home_dir());
    home.map_or_else(|| path.to_owned(), |(rest, home)| home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said_as_psql_says_it() {
        let error = read(Path::new("nowhere.sql")).unwrap_err();
        assert_eq!(error, "nowhere.sql: No such file or directory");
        assert_eq!(read(Path::new("/")).unwrap_err(), "/: not a regular file");
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("not a regular file"));
    }

    #[test]
    fn a_file_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "\u{feff}select 1;\r\n").unwrap();
        assert_eq!(read(&path).unwrap(), "select 1;\n");
        std::fs::write(&path, b"select '\xff'").unwrap();
        assert!(read(&path).unwrap_err().contains("a.sql:1:9"));
    }
}
