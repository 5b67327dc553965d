//! Scenarios as the command line names them: by name, by file, by folder.

use std::path::Path;

use crate::commands::exit::Failure;
use crate::core::scenario::own::{self, OwnFile, Says};
use crate::core::scenario::{Scenario, library};
use crate::stage::own_files::OwnFiles;

/// The scenario to open, and the files of one's own for the list.
pub fn opened(named: &[String], permutation: u64) -> Result<(Scenario, OwnFiles), Failure> {
    let mut own = OwnFiles::default();
    let mut first = None;
    for name in named {
        let scenario = match folder(name)? {
            Some(files) => {
                let scenario = files.iter().find_map(OwnFile::scenario).cloned();
                own.folders.push(name.into());
                own.files.extend(files);
                scenario
            }
            None => {
                let scenario = std::sync::Arc::new(library::open(name)?);
                own.files.extend(OwnFile::of(&scenario));
                Some(scenario)
            }
        };
        first = first.or(scenario);
    }
    let scenario = match first {
        Some(scenario) => (*scenario).clone(),
        None => library::open(library::DEFAULT)?,
    };
    Ok((scenario.with_permutation(permutation)?, own))
}

/// What is to be played by these words: of a folder, every scenario in it.
pub fn each(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for word in words {
        match folder(word)? {
            Some(files) => names.extend(files.iter().map(|file| file.path.display().to_string())),
            None => names.push(word.clone()),
        }
    }
    Ok(names)
}

/// The scenarios of a folder, if it is one; at least one of them can be played.
fn folder(name: &str) -> Result<Option<Vec<OwnFile>>, Failure> {
    let path = Path::new(name);
    if library::find(name).is_some() || !path.is_dir() {
        return Ok(None);
    }
    let files = own::in_folder(path)
        .map_err(|error| Failure::misuse(format!("cannot read {name}: {error}")))?;
    let wrong = files.iter().find_map(|file| match &file.says {
        Says::Wrong(wrong) => Some(format!("{}: {}", wrong.place, wrong.problem)),
        Says::Scenario(_) | Says::Gone => None,
    });
    match (files.iter().any(|file| file.scenario().is_some()), wrong) {
        (true, _) => Ok(Some(files)),
        (false, Some(wrong)) => Err(Failure::misuse(wrong)),
        (false, None) => Err(Failure::misuse(format!(
            "there is no scenario in {name}: no .spec, and no .sql with a `-- sessions:` line"
        ))),
    }
}
