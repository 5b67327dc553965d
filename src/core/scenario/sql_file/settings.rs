//! The head of a scenario file: title, story and settings.

use std::ops::Range;

use super::super::mistake::{Source, did_you_mean, list, suggest};
use super::super::{
    Application, EngineKind, Invariant, Isolation, Language, MOST_SESSIONS, Mistake, SearchPath,
    SessionName,
};
use super::marks::{Piece, meaning, pieces, said, would_be_session};
use super::unknown_session;
use crate::core::seats::SeatColumns;
use crate::core::syntax::{self, Strings};

/// The head of a file.
pub(super) struct Head {
    pub(super) title: String,
    pub(super) story: Vec<String>,
    /// What is told once all steps are played.
    pub(super) afterwards: Vec<String>,
    pub(super) settings: Settings,
}

/// The `-- key: value` lines.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) sessions: Vec<SessionName>,
    /// The sessions that do not speak SQL, and what they speak.
    pub(super) languages: Vec<(SessionName, Language)>,
    pub(super) seats: Option<SeatColumns>,
    pub(super) watch: Vec<String>,
    pub(super) levels: Vec<Isolation>,
    pub(super) engines: Vec<EngineKind>,
    pub(super) source: Option<String>,
    pub(super) invariants: Vec<Invariant>,
    pub(super) application: Application,
    pub(super) search_path: SearchPath,
    pub(super) setup_files: Vec<String>,
}

/// The keys of all settings.
pub const KEYS: [&str; 11] = [
    "afterwards",
    "sessions",
    "seats",
    "watch",
    "isolation",
    "engines",
    "source",
    "invariant",
    "application-name",
    "search-path",
    "setup-file",
];

/// A session's `application_name` is `overbooked/NAME`, and PostgreSQL cuts that at 63 bytes.
const LONGEST_NAME: usize = 63 - "overbooked/".len();

/// Reads the head; also tells where it ends.
pub(super) fn head(source: Source) -> Result<(Head, usize), Mistake> {
    let mut lines = Lines::of(source);
    let pieces = pieces(source.text, 0);
    let title = title(source, pieces.first())?;
    let mut last = None;
    let mut end = source.text.len();
    // There is a first piece, since `title` has found one.
    for (piece, range) in &pieces[1..] {
        let comment = &source.text[range.clone()];
        match piece {
            Piece::Block => continue,
            Piece::Sql | Piece::Trailing => return Err(lines.sql_too_early(range.start, last)),
            // With the sessions that have been read so far: the first step must come after
            // `sessions:` anyway.
            Piece::Line if meaning(comment, &lines.settings.sessions).is_some() => {
                end = range.start;
                break;
            }
            Piece::Line => lines.take(range.clone())?,
        }
        last = Some(range.clone());
    }
    lines.check_sessions(end)?;
    let Lines { mut paragraphs, settings, afterwards, .. } = lines;
    let afterwards = paragraphs.split_off(afterwards.unwrap_or(paragraphs.len()));
    let [story, afterwards] = [paragraphs, afterwards].map(said_in);
    Ok((Head { title, story, afterwards, settings }, end))
}

fn said_in(paragraphs: Vec<String>) -> Vec<String> {
    paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).collect()
}

fn title(source: Source, first: Option<&(Piece, Range<usize>)>) -> Result<String, Mistake> {
    let (at, words) = match first {
        Some((Piece::Line, range)) => (range.start, said(&source.text[range.clone()])),
        Some((_, range)) => (range.start, ""),
        None => (0, ""),
    };
    if words.is_empty() || meaning(&format!("-- {words}"), &[]).is_some() {
        let hint = "a scenario starts with `-- its title`";
        return Err(source.mistake(at, "the scenario has no title").with_hint(hint));
    }
    Ok(words.to_owned())
}

/// The head's lines as they are read, one by one.
struct Lines<'a> {
    source: Source<'a>,
    /// Where the last line ended.
    at: usize,
    /// The story so far; an empty last one begins a new paragraph.
    paragraphs: Vec<String>,
    settings: Settings,
    /// The keys read so far.
    seen: Vec<&'static str>,
    /// The paragraph from which on the story is told afterwards.
    afterwards: Option<usize>,
}

impl<'a> Lines<'a> {
    fn of(source: Source<'a>) -> Self {
        let (paragraphs, settings, seen) = (Vec::new(), Settings::default(), Vec::new());
        Self { source, at: 0, paragraphs, settings, seen, afterwards: None }
    }

    fn take(&mut self, range: Range<usize>) -> Result<(), Mistake> {
        let comment = &self.source.text[range.clone()];
        if comment.starts_with("-->") {
            let problem = "a `-->` line comes before any step";
            return Err(self
                .source
                .mistake(range.start, problem)
                .with_hint("put it under a step's SQL"));
        }
        if self.source.text[self.at..range.start].matches('\n').count() > 1 {
            self.paragraphs.push(String::new());
        }
        self.at = range.end;
        if let Some((name, language)) = spoken(comment) {
            return self.set_language(name, language, &range);
        }
        match setting(comment) {
            Some((key, value)) if KEYS.contains(&key) => self.set(key, value, &range),
            // In the middle of a paragraph a word and a colon are prose; at its beginning, a
            // mistyped key.
            Some((key, _)) if self.is_between_paragraphs() => Err(self.unknown(key, &range)),
            _ => {
                self.tell(said(comment));
                Ok(())
            }
        }
    }

    fn is_between_paragraphs(&self) -> bool {
        self.paragraphs.last().is_none_or(String::is_empty)
    }

    fn tell(&mut self, words: &str) {
        let words: Vec<&str> = words.split_whitespace().collect();
        match self.paragraphs.last_mut() {
            _ if words.is_empty() => self.paragraphs.push(String::new()),
            Some(paragraph) if !paragraph.is_empty() => {
                *paragraph = format!("{paragraph} {}", words.join(" "));
            }
            _ => self.paragraphs.push(words.join(" ")),
        }
    }

    fn unknown(&self, key: &str, range: &Range<usize>) -> Mistake {
        let at = range.start + self.source.text[range.clone()].find(key).unwrap_or(0);
        let sessions = &self.settings.sessions;
        if did_you_mean(key, sessions.iter().map(SessionName::as_str)).is_some() {
            return unknown_session(self.source, at, key, sessions);
        }
        let hint = suggest(key, "the settings are", &KEYS);
        self.source.mistake(at, format!("there is no setting called {key}")).with_hint(hint)
    }

    fn set(&mut self, key: &str, value: &str, range: &Range<usize>) -> Result<(), Mistake> {
        self.paragraphs.push(String::new());
        // Found in any case, for `take` has looked; this one lives as long as the program.
        let Some(&key) = KEYS.iter().find(|known| **known == key) else { return Ok(()) };
        // The last place: in `seats: seats (a, b, c)` the key looks like the value.
        let at = range.start + self.source.text[range.clone()].rfind(value).unwrap_or(0);
        if self.seen.contains(&key) && key != "invariant" {
            let hint = format!("put everything into the first `{key}:`");
            let problem = format!("the setting {key} appears twice");
            return Err(self.source.mistake(range.start, problem).with_hint(hint));
        }
        self.seen.push(key);
        let value = Value { source: self.source, at, text: value };
        match key {
            "afterwards" => {
                self.afterwards = Some(self.paragraphs.len());
                self.tell(value.text);
            }
            "sessions" => self.settings.sessions = value.sessions()?,
            "seats" => self.settings.seats = Some(value.seats()?),
            "watch" => {
                self.settings.watch = value.words();
            }
            "isolation" => self.settings.levels = value.levels()?,
            "engines" => self.settings.engines = value.engines()?,
            "invariant" => self.settings.invariants.push(value.invariant()?),
            "application-name" => self.settings.application = value.application()?,
            "search-path" => self.settings.search_path = SearchPath::listed(value.words()),
            "setup-file" => self.settings.setup_files = value.words(),
            _ => self.settings.source = Some(value.text.to_owned()),
        }
        Ok(())
    }

    /// `-- session Lock: etcd`
    fn set_language(
        &mut self,
        name: &str,
        language: &str,
        range: &Range<usize>,
    ) -> Result<(), Mistake> {
        self.paragraphs.push(String::new());
        let comment = &self.source.text[range.clone()];
        let at = |word: &str| range.start + comment.rfind(word).unwrap_or(0);
        let sessions = &self.settings.sessions;
        let Some(session) = sessions.iter().find(|session| session.as_str() == name) else {
            let at = range.start + comment.find(name).unwrap_or(0);
            return Err(unknown_session(self.source, at, name, sessions));
        };
        let spoken = match language {
            "etcd" => Language::Etcd,
            "sql" => Language::Sql,
            other => {
                let problem = format!("{other} is nothing that a session can speak");
                return Err(self
                    .source
                    .mistake(at(other), problem)
                    .with_hint("write `etcd`; a session without such a line speaks SQL"));
            }
        };
        if self.settings.languages.iter().any(|(known, _)| known == session) {
            let problem = format!("what {name} speaks is said twice");
            return Err(self
                .source
                .mistake(range.start, problem)
                .with_hint("one line for each session is enough"));
        }
        self.settings.languages.push((session.clone(), spoken));
        Ok(())
    }

    /// SQL has come before any mark. Often the mark is there, but names nobody who takes part.
    fn sql_too_early(&self, at: usize, last: Option<Range<usize>>) -> Mistake {
        let sessions = &self.settings.sessions;
        let before = last.map(|range| (range.start, &self.source.text[range]));
        let named =
            before.and_then(|(at, comment)| Some((at, comment, would_be_session(comment)?)));
        match named.filter(|(_, _, name)| !KEYS.contains(name)) {
            Some((at, comment, name)) if !sessions.is_empty() => {
                unknown_session(self.source, at + comment.find(name).unwrap_or(0), name, sessions)
            }
            _ if sessions.is_empty() => self.no_sessions(at),
            _ => self
                .source
                .mistake(at, "this SQL belongs to no step")
                .with_hint("start it with `-- setup` or `-- NAME: what happens`"),
        }
    }

    fn no_sessions(&self, at: usize) -> Mistake {
        self.source
            .mistake(at, "the scenario names no sessions")
            .with_hint("name them at the top: `-- sessions: Alice, Bob`")
    }

    fn check_sessions(&self, end: usize) -> Result<(), Mistake> {
        if self.settings.sessions.is_empty() { Err(self.no_sessions(end)) } else { Ok(()) }
    }
}

/// `-- key: value`, where the key is one word in small letters.
fn setting(comment: &str) -> Option<(&str, &str)> {
    let key = would_be_session(comment)?;
    let value = said(comment)[key.len() + 1..].trim();
    key.chars().all(|c| c.is_ascii_lowercase() || c == '-').then_some((key, value))
}

/// `-- session NAME: LANGUAGE`, where the language is one word: a sentence is part of the story.
fn spoken(comment: &str) -> Option<(&str, &str)> {
    let (name, language) = said(comment).strip_prefix("session ")?.split_once(':')?;
    let (name, language) = (name.trim(), language.trim());
    let are_words = [name, language].iter().all(|it| !it.is_empty() && !it.contains(' '));
    are_words.then_some((name, language))
}

/// The names of sessions, where they are all that there is.
pub(super) fn session_names(source: Source) -> Result<Vec<SessionName>, Mistake> {
    Value { source, at: 0, text: source.text }.sessions()
}

/// A setting's value, and where it stands.
struct Value<'a> {
    source: Source<'a>,
    at: usize,
    text: &'a str,
}

impl<'a> Value<'a> {
    /// The items between commas, each with its place.
    fn items(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let (start, text) = (self.at, self.text);
        text.split(',').filter(|item| !item.trim().is_empty()).map(move |item| {
            let item = item.trim();
            // An item is a slice of the text, so its distance from the beginning is its place. To
            // search for it would find an earlier item that has it in it: `Bobby, Bob`.
            (start + (item.as_ptr() as usize - text.as_ptr() as usize), item)
        })
    }

    fn sessions(&self) -> Result<Vec<SessionName>, Mistake> {
        let mut names: Vec<SessionName> = Vec::new();
        for (at, name) in self.items() {
            self.check_name(at, name)?;
            if names.iter().any(|known| known.as_str() == name) {
                return Err(self
                    .source
                    .mistake(at, format!("{name} is named twice"))
                    .with_hint("give each session a name of its own"));
            }
            names.push(SessionName::new(name));
        }
        if names.len() > MOST_SESSIONS {
            let problem = format!("{} sessions are too many", names.len());
            let hint = format!("a scenario can have at most {MOST_SESSIONS}");
            return Err(self.source.mistake(self.at, problem).with_hint(hint));
        }
        Ok(names)
    }

    fn check_name(&self, at: usize, name: &str) -> Result<(), Mistake> {
        let is_word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        // The words after the marks have a colon of their own in `-->` lines (`OWN_COLONS`).
        let reserved =
            ["setup", "teardown", "finally", "pause", "either", "explore", "lost", "rows"];
        let (problem, hint) = if !is_word {
            (
                format!("{name} cannot be a session's name"),
                "use letters, digits, `_` and `-`, a letter first".to_owned(),
            )
        } else if KEYS.contains(&name)
            || reserved.contains(&name)
            || EngineKind::named(name).is_some()
        {
            (
                format!("{name} cannot be a session's name"),
                "it has a meaning of its own here; write it with a capital letter".to_owned(),
            )
        } else if name.len() > LONGEST_NAME {
            (
                format!("the name {name} is too long"),
                format!("it can have at most {LONGEST_NAME} bytes"),
            )
        } else {
            return Ok(());
        };
        Err(self.source.mistake(at, problem).with_hint(hint))
    }

    /// A query, on its line.
    fn invariant(&self) -> Result<Invariant, Mistake> {
        let sql = self.text.trim_end_matches(';').trim_end();
        let with_end = format!("{sql};");
        let is_one = syntax::unfinished(&with_end, Strings::default()).is_none()
            && syntax::split(&with_end, Strings::default()).len() == 1;
        if sql.is_empty() || !is_one {
            let mistake = self.source.mistake(self.at, "an invariant is one query on one line");
            return Err(
                mistake.with_hint("write one that gives true: `select count(*) <= 1 from t`")
            );
        }
        Ok(Invariant { sql: sql.to_owned(), line: self.source.line(self.at) })
    }

    fn application(&self) -> Result<Application, Mistake> {
        match self.text {
            "plain" => Ok(Application::Plain),
            "overbooked/NAME" => Ok(Application::Prefixed),
            other => Err(self
                .source
                .mistake(self.at, format!("{other} is not a way to name sessions"))
                .with_hint("write `plain` for NAME; without it the name is overbooked/NAME")),
        }
    }

    /// Items as they are written.
    fn words(&self) -> Vec<String> {
        self.items().map(|(_, item)| item.to_owned()).collect()
    }

    fn seats(&self) -> Result<SeatColumns, Mistake> {
        let parts = self.text.strip_suffix(')').and_then(|text| text.split_once('('));
        let columns: Vec<&str> =
            parts.map_or(vec![], |(_, columns)| columns.split(',').map(str::trim).collect());
        let table = parts.map_or("", |(table, _)| table.trim());
        let (row, number, holder, compartment) = match columns[..] {
            [row, number, holder] => (row, number, holder, None),
            [row, number, holder, compartment] => (row, number, holder, Some(compartment)),
            _ => return Err(self.malformed_seats()),
        };
        if table.is_empty() || columns.iter().any(|column| column.is_empty()) {
            return Err(self.malformed_seats());
        }
        let [table, row, number, holder] = [table, row, number, holder].map(str::to_owned);
        Ok(SeatColumns { table, compartment: compartment.map(str::to_owned), row, number, holder })
    }

    fn malformed_seats(&self) -> Mistake {
        self.source.mistake(self.at, "this does not describe a seat map").with_hint(
            "name the table and its columns: `seats (seat_row, seat_number, booked_by)`, \
             with the compartment's column as a fourth where there is one",
        )
    }

    /// The levels, the first being the default.
    fn levels(&self) -> Result<Vec<Isolation>, Mistake> {
        let mut levels = Vec::new();
        for (at, name) in self.items() {
            let level = self.level(at, name)?;
            if levels.contains(&level) {
                let problem = format!("{} is named twice", level.as_sql());
                let hint = "name each level once, the default first";
                return Err(self.source.mistake(at, problem).with_hint(hint));
            }
            levels.push(level);
        }
        if levels.is_empty() {
            let hint = format!("the levels are {}", list(&Isolation::ALL.map(Isolation::as_sql)));
            return Err(self
                .source
                .mistake(self.at, "no isolation level is named")
                .with_hint(hint));
        }
        Ok(levels)
    }

    fn level(&self, at: usize, name: &str) -> Result<Isolation, Mistake> {
        let words = name.replace('-', " ").to_lowercase();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Isolation::ALL.into_iter().find(|level| level.as_sql() == words).ok_or_else(|| {
            let known = Isolation::ALL.map(Isolation::as_sql);
            self.source
                .mistake(at, format!("there is no isolation level called {name}"))
                .with_hint(suggest(&words, "the levels are", &known))
        })
    }

    fn engines(&self) -> Result<Vec<EngineKind>, Mistake> {
        let known = EngineKind::ALL.map(EngineKind::as_str);
        let kinds = self.items().map(|(at, name)| {
            EngineKind::named(name).ok_or_else(|| {
                self.source
                    .mistake(at, format!("there is no engine called {name}"))
                    .with_hint(suggest(name, "the engines are", &known))
            })
        });
        let kinds: Vec<EngineKind> = kinds.collect::<Result<_, _>>()?;
        if kinds.is_empty() {
            let hint = format!("the engines are {}", list(&known));
            return Err(self.source.mistake(self.at, "no engine is named").with_hint(hint));
        }
        Ok(kinds)
    }
}
