//! `overbooked show`: a scenario of the library as it stands in its file.

use std::io::Write as _;
use std::path::Path;

use color_eyre::eyre;

use crate::commands::exit::{Exit, Failure};
use crate::core::scenario::library;

/// Prints the file of the scenario that has this name.
pub fn run(name: &str) -> eyre::Result<Exit> {
    if Path::new(name).is_file() {
        return Err(Failure::misuse(format!(
            "{name} is a file of yours; show prints the scenarios that come with the program"
        ))
        .into());
    }
    let entry = library::named(name).map_err(Failure::from)?;
    std::io::stdout().write_all(entry.text.as_bytes())?;
    Ok(Exit::Fine)
}
