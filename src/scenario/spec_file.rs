//! isolationtester's files.

use std::path::Path;

use super::mistake::Source;
use super::{Mistake, Scenario};

/// Reads a specification's text. The name is the file's, without its ending.
pub fn parse(text: &str, path: &Path, _name: &str) -> Result<Scenario, Mistake> {
    Err(Source { text, path }.mistake(0, "specifications cannot be read yet"))
}
