//! Scenario files of one's own: those in the list, and what becomes of them while somebody edits
//! them.
//!
//! ```text
//!   races/ has changed ──▶ touched_by: which files are to be read again?
//!   races/a.sql was read ──▶ file_read ──┬─ a scenario: in the list; on the stage, F8 plays it
//!                                        ├─ something is wrong: said in full, the old one stays
//!                                        └─ gone: out of the list until it is there again
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::keys::Action;
use super::layers::again::Errand;
use super::layers::{Layer, Mistake, Picker};
use super::{Effect, Stage};
use crate::core::scenario::library;
use crate::core::scenario::own::{OwnFile, Says, Wrong};
use crate::run::Command;

/// Files of one's own, in the order of the list, and the folders that were named.
#[derive(Clone, Debug, Default)]
pub struct OwnFiles {
    pub files: Vec<OwnFile>,
    /// What comes into these comes into the list.
    pub folders: Vec<PathBuf>,
}

/// What was found under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundFiles {
    File(OwnFile),
    /// A folder, and the scenarios in it.
    Folder(Vec<OwnFile>),
    /// Nothing that can be played, and why not.
    Nothing(String),
}

impl OwnFiles {
    /// The folders in which something may change that matters here.
    pub fn watched_folders(&self) -> BTreeSet<PathBuf> {
        let parts = self.files.iter().flat_map(files_of);
        let folders = parts.filter_map(|path| path.parent().map(Path::to_owned));
        folders.chain(self.folders.iter().cloned()).collect()
    }

    fn comes_into_a_folder(&self, path: &Path) -> bool {
        library::is_scenario_name(path)
            && self.folders.iter().any(|folder| path.parent() == Some(folder))
    }

    /// Puts what was read in the place of what was there; a new file comes last. One that is gone
    /// keeps its place: many tools take a file away before they write it again.
    fn put(&mut self, file: &OwnFile) {
        match self.files.iter_mut().find(|known| known.path == file.path) {
            Some(known) => *known = file.clone(),
            None if file.says == Says::Gone => {}
            None => self.files.push(file.clone()),
        }
    }
}

/// Every file that decides what this one says.
fn files_of(file: &OwnFile) -> Vec<PathBuf> {
    let mut paths = vec![file.path.clone()];
    match &file.says {
        Says::Scenario(scenario) => paths.extend(scenario.setup_paths()),
        Says::Wrong(wrong) => paths.push(wrong.file.clone()),
        Says::Gone => {}
    }
    paths
}

impl Stage {
    /// The files to read again once these have changed, files or folders.
    pub fn files_touched_by(&self, changed: &[PathBuf]) -> Vec<PathBuf> {
        let own = &self.setting.own;
        let on_stage = self.course.scenario().and_then(OwnFile::of);
        let known = own.files.iter().chain(&on_stage);
        let has_changed = |path: &Path| changed.iter().any(|changed| changed == path);
        let is_touched = |file: &&OwnFile| {
            let parts = files_of(file);
            parts.iter().any(|it| has_changed(it) || it.parent().is_some_and(has_changed))
        };
        let touched = known.filter(is_touched).map(|file| file.path.clone());
        let new = changed.iter().filter(|path| own.comes_into_a_folder(path)).cloned();
        let all: BTreeSet<PathBuf> = touched.chain(new).collect();
        all.into_iter().collect()
    }

    /// Takes in what a file says now.
    pub fn file_read(&mut self, file: &OwnFile) {
        let is_on_stage =
            self.course.scenario().is_some_and(|it| it.path.as_ref() == Some(&file.path));
        self.setting.own.put(file);
        if let Some(Layer::Picker(picker)) = self.layers.top_mut() {
            picker.relist(&self.setting);
        }
        if is_on_stage {
            self.revise(file);
        }
    }

    /// The file on the stage has been saved.
    fn revise(&mut self, file: &OwnFile) {
        let name = file.name();
        self.layers.close_mistake(&file.path);
        match &file.says {
            Says::Scenario(scenario) => {
                if self.course.revise(scenario) {
                    let restart = self.key(Action::Restart);
                    self.say(format!("{name} has changed; {restart} plays the new version"));
                }
            }
            Says::Wrong(wrong) => {
                self.course.forget_revision();
                self.show_mistake(file, wrong);
            }
            Says::Gone => {
                self.course.forget_revision();
                self.refuse(format!("{name} is gone; this version of it can still be played"));
            }
        }
    }

    /// What is wrong lies under whatever is open already: that has the keys.
    fn show_mistake(&mut self, file: &OwnFile, wrong: &Arc<Wrong>) {
        let is_on_stage =
            self.course.scenario().is_some_and(|it| it.path.as_ref() == Some(&file.path));
        let (path, wrong) = (file.path.clone(), Arc::clone(wrong));
        self.layers.put_below(Layer::Mistake(Mistake { path, wrong, is_on_stage }));
    }

    /// Says in full what is wrong with a file of the list.
    pub(super) fn open_wrong(&mut self, file: &OwnFile) {
        if let Says::Wrong(wrong) = &file.says {
            self.show_mistake(file, wrong);
        }
    }

    /// Starts again from a fresh setup, with what the file on the stage says now.
    pub(super) fn restart(&mut self) -> Vec<Effect> {
        let Some(revision) = self.course.revision().cloned() else { return self.go_to(0) };
        let command = match self.engine_for(&revision) {
            Some(kind) => Command::OpenOn(revision, kind),
            None => Command::Open(revision),
        };
        if let Some(mut question) = self.course.question(Errand::Back(0)) {
            question.effects = vec![Effect::Ask(command)];
            self.layers.push(Layer::Question(question));
            return Vec::new();
        }
        self.course.expect(&command);
        vec![Effect::Ask(command)]
    }

    /// Takes in what was found under a path that somebody has typed.
    pub fn found(&mut self, path: &Path, found: FoundFiles) -> Vec<Effect> {
        match found {
            FoundFiles::Nothing(why) => self.refuse(why),
            FoundFiles::File(file) => {
                self.setting.own.put(&file);
                match file.scenario() {
                    Some(scenario) => return self.open(Arc::clone(scenario)),
                    None => self.open_wrong(&file),
                }
            }
            FoundFiles::Folder(files) => {
                for file in &files {
                    self.setting.own.put(file);
                }
                if !self.setting.own.folders.iter().any(|known| known == path) {
                    self.setting.own.folders.push(path.to_owned());
                }
                let picker = Picker::among(&self.setting, self.course.scenario(), files.first());
                self.layers.push(Layer::Picker(picker));
            }
        }
        Vec::new()
    }
}
