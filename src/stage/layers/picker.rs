//! The list of scenarios: those of one's own first, then those that come with the program.

use std::path::PathBuf;
use std::sync::Arc;

use super::find::edit;
use crate::core::scenario::own::{OwnFile, Says};
use crate::core::scenario::{Scenario, library};
use crate::stage::Setting;
use crate::stage::keys::{Code, Key};
use crate::stage::panes::scrollback::Direction;

/// How many lines the page keys go.
const PAGE: usize = 10;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// One that comes with the program.
    Library(Arc<Scenario>),
    /// A file of one's own, perhaps with something wrong in it.
    Own(OwnFile),
}

impl Listed {
    /// What can be played.
    pub fn scenario(&self) -> Option<&Arc<Scenario>> {
        match self {
            Self::Library(scenario) => Some(scenario),
            Self::Own(file) => file.scenario(),
        }
    }

    /// What stands in the list: of a file of one's own, its name too.
    pub fn title(&self) -> String {
        match self {
            Self::Library(scenario) => scenario.title.clone(),
            Self::Own(file) => match file.scenario() {
                Some(scenario) => format!("{} ({})", scenario.title, file.name()),
                None => format!("{} has a mistake", file.name()),
            },
        }
    }

    /// Everything by which it is found, in small letters: kept by the list, not made at each look.
    fn searched(&self) -> String {
        let mut words = vec![self.title()];
        if let Self::Own(file) = self {
            words.push(file.path.display().to_string());
        }
        if let Some(scenario) = self.scenario() {
            words.push(scenario.name.clone());
            words.extend(scenario.story.iter().chain(&scenario.afterwards).cloned());
        }
        words.join("\n").to_lowercase()
    }

    /// Whether it is the same one, whatever it says by now.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Library(here), Self::Library(there)) => here.name == there.name,
            (Self::Own(here), Self::Own(there)) => here.path == there.path,
            _ => false,
        }
    }

    fn is(&self, playing: &Scenario) -> bool {
        match self {
            Self::Library(scenario) => playing.path.is_none() && scenario.name == playing.name,
            Self::Own(file) => playing.path.as_ref() == Some(&file.path),
        }
    }
}

fn listed(setting: &Setting) -> Vec<Listed> {
    let own = setting.own.files.iter().filter(|file| file.says != Says::Gone);
    let own = own.cloned().map(Listed::Own);
    own.chain(setting.library.iter().cloned().map(Listed::Library)).collect()
}

/// The list of scenarios.
#[derive(Clone, Debug)]
pub struct Picker {
    all: Vec<Listed>,
    /// By what each of them is found.
    searched: Vec<String>,
    filter: String,
    chosen: usize,
}

/// What a key has picked.
#[derive(Clone, Debug)]
pub(super) enum Picked {
    Nothing,
    Scenario(Arc<Scenario>),
    /// A file with something wrong in it.
    Wrong(OwnFile),
    /// What lies under this path, whatever that is.
    Path(PathBuf),
    /// Nothing, and nothing will be.
    Closed,
}

impl Picker {
    /// A list in which the one that is played is chosen, or this file.
    pub(crate) fn among(
        setting: &Setting,
        playing: Option<&Arc<Scenario>>,
        file: Option<&OwnFile>,
    ) -> Self {
        let all = listed(setting);
        let is_file = |listed: &Listed| matches!(listed, Listed::Own(own) if Some(own) == file);
        let is_playing = |listed: &Listed| playing.is_some_and(|scenario| listed.is(scenario));
        let chosen = all.iter().position(is_file).or_else(|| all.iter().position(is_playing));
        let searched = all.iter().map(Listed::searched).collect();
        Self { all, searched, filter: String::new(), chosen: chosen.unwrap_or(0) }
    }

    /// The files are others now; what was typed and chosen stays so.
    pub(crate) fn relist(&mut self, setting: &Setting) {
        let choice = self.choice().cloned();
        let is_path = choice.is_none() && self.typed_path().is_some();
        self.all = listed(setting);
        self.searched = self.all.iter().map(Listed::searched).collect();
        let is_it = |listed: &&Listed| choice.as_ref().is_some_and(|it| it.is_same(listed));
        let last = self.last();
        let place = self.matching().iter().position(is_it);
        self.chosen = place.unwrap_or(if is_path { last } else { self.chosen.min(last) });
    }

    /// All of them.
    pub fn all(&self) -> &[Listed] {
        &self.all
    }

    /// What was typed to narrow the list.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The chosen line of what is left.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// Those that hold every word that was typed: in their title, their story or the name of their
    /// file.
    pub fn matching(&self) -> Vec<&Listed> {
        let words = self.filter.to_lowercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        let holds_all = |text: &String| words.iter().all(|word| text.contains(word));
        let found = self.all.iter().zip(&self.searched).filter(|(_, text)| holds_all(text));
        found.map(|(listed, _)| listed).collect()
    }

    /// The chosen one; none where that is the path that was typed.
    pub fn choice(&self) -> Option<&Listed> {
        self.matching().get(self.chosen).copied()
    }

    /// The file or folder that was typed, unless the list has it: the last line, behind whatever
    /// matches the same letters.
    pub fn typed_path(&self) -> Option<PathBuf> {
        let typed = PathBuf::from(self.filter.trim());
        let is_path = self.filter.contains('/') || library::is_scenario_name(&typed);
        let is_it = |listed: &Listed| matches!(listed, Listed::Own(file) if file.path == typed);
        (is_path && !self.all.iter().any(is_it)).then_some(typed)
    }

    /// The last line's place.
    fn last(&self) -> usize {
        let lines = self.matching().len() + usize::from(self.typed_path().is_some());
        lines.saturating_sub(1)
    }

    /// Goes up or down the list.
    pub(crate) fn go(&mut self, direction: Direction, by: usize) {
        let last = self.last();
        self.chosen = match direction {
            Direction::Up => self.chosen.saturating_sub(by),
            Direction::Down => (self.chosen + by).min(last),
        };
    }

    /// Text that is pasted comes to what was typed.
    pub(crate) fn paste(&mut self, text: &str) {
        self.filter.extend(text.trim().chars().filter(|letter| !letter.is_control()));
        self.chosen = 0;
    }

    /// Reacts to a key.
    pub(super) fn press(&mut self, key: Key) -> Picked {
        match key.code() {
            Code::Esc | Code::F(_) => return Picked::Closed,
            Code::Enter => return self.pick(),
            Code::Up => self.go(Direction::Up, 1),
            Code::Down => self.go(Direction::Down, 1),
            Code::PageUp => self.go(Direction::Up, PAGE),
            Code::PageDown => self.go(Direction::Down, PAGE),
            _ if key.is_cancel() => return Picked::Closed,
            _ => {
                edit(&mut self.filter, key);
                self.chosen = 0;
            }
        }
        Picked::Nothing
    }

    fn pick(&self) -> Picked {
        match self.choice() {
            Some(Listed::Own(file)) if matches!(file.says, Says::Wrong(_)) => {
                Picked::Wrong(file.clone())
            }
            Some(listed) => listed.scenario().cloned().map_or(Picked::Nothing, Picked::Scenario),
            None => self.typed_path().map_or(Picked::Nothing, Picked::Path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::scenario::library::ENTRIES;
    use crate::core::scenario::sql_file;
    use crate::stage::keys::{Held, KeyMap};
    use crate::stage::own_files::OwnFiles;
    use crate::stage::setting::Opening;

    fn own(path: &str) -> OwnFile {
        let text = "-- A race of mine\n-- sessions: A\n\n-- A: acts\nselect 1;\n";
        let scenario = sql_file::parse(text, path.as_ref(), "mine").unwrap();
        OwnFile { path: path.into(), says: Says::Scenario(Arc::new(scenario)) }
    }

    fn picker(filter: &str) -> Picker {
        let setting = Setting {
            keys: KeyMap::default(),
            library: ENTRIES.iter().map(|entry| Arc::new(entry.scenario().unwrap())).collect(),
            own: OwnFiles { files: vec![own("races/mine.sql")], folders: Vec::new() },
            pace: std::time::Duration::from_secs(3),
            debugging: None,
            opening: Opening::Stage,
        };
        let mut picker = Picker::among(&setting, None, None);
        for letter in filter.chars() {
            picker.press(Key::new(Code::Char(letter), Held::NOTHING));
        }
        picker
    }

    fn found(filter: &str) -> Vec<String> {
        let picker = picker(filter);
        let matching = picker.matching().into_iter();
        matching.map(|it| it.scenario().unwrap().name.clone()).collect()
    }

    #[test]
    fn a_scenario_is_found_by_any_words_of_its_title_story_and_name() {
        assert_eq!(found("clerk letters"), ["booking-requests"], "words of the story");
        assert_eq!(found("seat AVAILABLE best"), ["skip-locked"], "of the title, in any order");
        assert_eq!(found("g-single"), ["hermitage/g-single"], "of the file's name");
        assert_eq!(found("races/"), ["mine"], "of its folder");
        assert_eq!(found("").len(), ENTRIES.len() + 1);
        assert!(found("nothing of this kind").is_empty());
    }

    #[test]
    fn ones_own_come_first_and_with_the_names_of_their_files() {
        assert_eq!(picker("").matching()[0].title(), "A race of mine (mine.sql)");
    }

    #[test]
    fn what_looks_like_a_path_is_one_unless_the_list_has_it() {
        let typed = |filter: &str| picker(filter).typed_path();
        assert_eq!(typed("other/"), Some("other/".into()));
        assert_eq!(typed("x.sql"), Some("x.sql".into()));
        assert_eq!(typed("races/mine.sql"), None);
        assert_eq!(typed("nothing"), None);
    }

    #[test]
    fn a_typed_path_is_the_last_line_also_where_something_matches_it() {
        let mut picker = picker("races/");
        assert_eq!(picker.matching().len(), 1);
        assert_eq!(picker.choice().unwrap().scenario().unwrap().name, "mine");
        picker.press(Key::new(Code::Down, Held::NOTHING));
        assert_eq!(picker.choice(), None);
        let typed = picker.press(Key::new(Code::Enter, Held::NOTHING));
        assert!(matches!(&typed, Picked::Path(path) if path.as_os_str() == "races/"), "{typed:?}");
        picker.press(Key::new(Code::Down, Held::NOTHING));
        assert_eq!(picker.chosen(), 1, "nothing comes after it");
    }
}
