//! How a `-->` line is written; reading one is `sql_file`'s.

use std::fmt;

use super::{Expected, rows};

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Row(cells) => f.write_str(cells.join(" | ").trim_end()),
            Self::RowCount(count) => f.write_str(&rows(*count)),
            Self::Error { code, text } => f.write_str(format!("ERROR {code} {text}").trim_end()),
            Self::WaitsFor(name) => write!(f, "waits for {name}"),
            Self::Resumes { session, with } => write!(f, "{session} resumes: {with}"),
        }
    }
}
