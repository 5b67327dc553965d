//! Why a description of a server cannot be understood. No password is ever part of the words, and
//! so no piece of a text in which one could stand.

use std::path::PathBuf;

/// A connection string, a variable or a file that is not as libpq reads it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// No such keyword.
    #[error("there is no connection keyword \"{keyword}\"{}", .meant.map(|meant| format!("; did \
        you mean \"{meant}\"?")).unwrap_or_default())]
    UnknownKeyword {
        /// What was written.
        keyword: String,
        /// The keyword that is most like it.
        meant: Option<&'static str>,
    },
    /// The text does not follow the form of connection strings or URLs.
    #[error("the connection string is wrong at character {at}: {reason}")]
    Malformed {
        /// Where, counted from 1.
        at: usize,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A keyword has a value that it cannot have.
    #[error("{keyword} cannot be \"{value}\"; use {allowed}")]
    WrongValue {
        keyword: &'static str,
        /// What was written.
        value: String,
        /// What can be written.
        allowed: String,
    },
    /// A port that is none. What was written there may be half of a password that was not
    /// percent-encoded.
    #[error(
        "the port of host {which} is not a number from 1 to 65535 (in a URL, a password with : / @ \
         ? \
         or % in it must be percent-encoded)"
    )]
    WrongPort {
        /// Which of the hosts, counted from 1.
        which: usize,
    },
    /// Lists of hosts, addresses and ports that do not go together.
    #[error("there are {found} values for {keyword} and {hosts} hosts; give one per host")]
    Mismatch {
        keyword: &'static str,
        /// How many values it has.
        found: usize,
        /// How many hosts there are.
        hosts: usize,
    },
    /// A keyword of libpq for something that this program does not have.
    #[error("{keyword} is not supported here; leave it out")]
    Unsupported { keyword: &'static str },
    /// Two settings that exclude each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The service is defined nowhere.
    #[error(
        "there is no service \"{service}\" in {}; define it there, or check PGSERVICE",
        list(.looked)
    )]
    UnknownService {
        service: String,
        /// The files that were looked into.
        looked: Vec<PathBuf>,
    },
    /// A service file has a wrong line.
    #[error("{}, line {line}: {reason}", .file.display())]
    ServiceFile {
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", .file.display())]
    Unreadable { file: PathBuf, reason: String },
    /// Nobody knows as whom to connect.
    #[error("no user is given and the system's user name cannot be found; set PGUSER")]
    NoUser,
}

fn list(files: &[PathBuf]) -> String {
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    shown.join(" or ")
}
