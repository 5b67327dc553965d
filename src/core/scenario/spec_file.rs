//! isolationtester's files (PostgreSQL sources, `src/test/isolation/README`).
//!
//! ```text
//! setup { CREATE TABLE t (a int); }
//! teardown { DROP TABLE t; }
//!
//! session s1
//! setup { BEGIN; }
//! step s1a { INSERT INTO t VALUES (1); }
//! step s1c { COMMIT; }
//! session s2
//! step s2a { SELECT * FROM t; }
//!
//! permutation s1a s2a(*) s1c(s2a)
//! ```
//!
//! The grammar is `specparse.y`'s, the words are `specscanner.l`'s. A file without permutations
//! means every interleaving. What isolationtester complains about is a [`Mistake`] here, before
//! anything runs.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::mistake::{Source, suggest};
use super::{
    Interleavings, Launch, MOST_SESSIONS, Marker, Mistake, Origin, Player, Scenario, Schedule,
    Schedules, SessionName, Statement, Step,
};

mod words;

use words::{Keyword, What, Word, words};

/// Reads a specification's text. The name is the file's, without its ending.
pub fn parse(text: &str, path: &Path, name: &str) -> Result<Scenario, Mistake> {
    parse_up_to(MOST_SESSIONS, text, path, name)
}

/// The same, with as many sessions as the server lets in: for whoever needs no screen for them.
pub fn parse_of_any_size(text: &str, path: &Path, name: &str) -> Result<Scenario, Mistake> {
    parse_up_to(usize::MAX, text, path, name)
}

fn parse_up_to(most: usize, text: &str, path: &Path, name: &str) -> Result<Scenario, Mistake> {
    let source = Source { text, path };
    let mut reader = Reader::new(source, most)?;
    // The order is the grammar's: setups, one teardown, sessions, permutations.
    let setup = reader.setup()?;
    let teardown = reader.block(Keyword::Teardown)?;
    let cast = reader.cast()?;
    let mut schedules = Vec::new();
    while let Some(word) = reader.keyword(Keyword::Permutation) {
        schedules.push(reader.permutation(&word, &cast)?);
    }
    let Cast { players, steps, .. } = cast;
    reader.end()?;
    Ok(Scenario {
        name: name.to_owned(),
        title: name.to_owned(),
        story: story(text),
        afterwards: vec![],
        path: Some(path.to_owned()),
        origin: Origin::Specification,
        schedules: if schedules.is_empty() {
            Schedules::Interleavings(piles(&players, &steps))
        } else {
            Schedules::Listed(schedules)
        },
        sessions: players,
        seats: None,
        watch: vec![],
        levels: vec![],
        engines: vec![],
        source: None,
        invariants: vec![],
        application: super::Application::default(),
        search_path: super::SearchPath::Run,
        setup_files: vec![],
        setup,
        teardown: teardown.into_iter().collect(),
        finally: None,
        steps,
    })
}

/// Who plays, and what.
#[derive(Default)]
struct Cast {
    players: Vec<Player>,
    steps: Vec<Step>,
    /// The steps' places by their names.
    places: HashMap<String, usize>,
}

/// Each session's steps as a pile.
fn piles(players: &[Player], steps: &[Step]) -> Interleavings {
    let own = |player: &Player| {
        (0..steps.len()).filter(|&step| steps[step].session == player.name).collect()
    };
    Interleavings::new(players.iter().map(own).collect())
}

/// The comment at the file's head, a paragraph an entry.
fn story(text: &str) -> Vec<String> {
    let comment = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let mut paragraphs = vec![String::new()];
    for line in comment.map(str::trim) {
        match paragraphs.last_mut() {
            _ if line.is_empty() => paragraphs.push(String::new()),
            Some(paragraph) if !paragraph.is_empty() => *paragraph = format!("{paragraph} {line}"),
            _ => paragraphs.push(line.to_owned()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// A place among the words.
struct Reader<'a> {
    source: Source<'a>,
    words: Vec<Word>,
    place: usize,
    /// Where each line begins.
    lines: Vec<usize>,
    /// How many sessions there may be.
    most: usize,
}

impl<'a> Reader<'a> {
    fn new(source: Source<'a>, most: usize) -> Result<Self, Mistake> {
        let ends = source.text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Ok(Self { source, words: words(source)?, place: 0, lines, most })
    }

    /// The line of a byte of the text, from 1.
    fn line(&self, at: usize) -> usize {
        // Looked up: a specification may have ten thousand steps, and counting the line breaks
        // before each would take quadratic time.
        self.lines.partition_point(|start| *start <= at)
    }

    fn peek(&self) -> Option<&What> {
        self.words.get(self.place).map(|word| &word.what)
    }

    fn take(&mut self) -> Option<Word> {
        let word = self.words.get(self.place).cloned();
        self.place += 1;
        word
    }

    fn keyword(&mut self, keyword: Keyword) -> Option<Word> {
        if self.peek() == Some(&What::Keyword(keyword)) { self.take() } else { None }
    }

    fn sign(&mut self, sign: char) -> Option<Word> {
        if self.peek() == Some(&What::Sign(sign)) { self.take() } else { None }
    }

    /// What stands here is not what should.
    fn unexpected<T>(&self, wanted: &str) -> Result<T, Mistake> {
        let (at, found) = match self.words.get(self.place) {
            Some(word) => (word.at, word.what.to_string()),
            None => (self.source.text.trim_end().len(), "the end of the file".to_owned()),
        };
        Err(self.source.mistake(at, format!("expected {wanted}, not {found}")))
    }

    fn name(&mut self, wanted: &str) -> Result<(String, usize), Mistake> {
        match self.words.get(self.place).cloned() {
            Some(Word { what: What::Name(name), at }) => {
                self.place += 1;
                Ok((name, at))
            }
            Some(Word { what: What::Keyword(keyword), at }) => Err(self
                .source
                .mistake(at, format!("expected {wanted}, not the keyword {keyword}"))
                .with_hint(format!("quote it if it is a name: \"{keyword}\""))),
            _ => self.unexpected(wanted),
        }
    }

    fn sql(&mut self) -> Result<String, Mistake> {
        match self.words.get(self.place).cloned() {
            Some(Word { what: What::Sql(sql), .. }) => {
                self.place += 1;
                Ok(sql)
            }
            _ => self.unexpected("SQL in braces"),
        }
    }

    fn setup(&mut self) -> Result<Vec<Statement>, Mistake> {
        let mut setup = Vec::new();
        while let Some(keyword) = self.keyword(Keyword::Setup) {
            setup.push(self.statement(&keyword)?);
        }
        Ok(setup)
    }

    fn block(&mut self, keyword: Keyword) -> Result<Option<Statement>, Mistake> {
        self.keyword(keyword).map(|keyword| self.statement(&keyword)).transpose()
    }

    /// The SQL behind this keyword, and where it begins: behind its brace and blanks.
    fn statement(&mut self, keyword: &Word) -> Result<Statement, Mistake> {
        let brace = self.words.get(self.place).map_or(keyword.at, |word| word.at);
        let sql = self.sql()?;
        // The blanks behind the brace are not part of the SQL, whose first character is the
        // server's first.
        let at = self.source.text[brace..].find(&sql).map_or(brace, |start| brace + start);
        let (line, column) = (self.line(at), self.source.column(at));
        Ok(Statement { sql, line, column, file: None })
    }

    fn cast(&mut self) -> Result<Cast, Mistake> {
        let mut cast = Cast::default();
        while self.keyword(Keyword::Session).is_some() {
            self.session(&mut cast)?;
        }
        if cast.players.is_empty() {
            return self.unexpected("`session`");
        }
        Ok(cast)
    }

    fn session(&mut self, cast: &mut Cast) -> Result<(), Mistake> {
        let (name, at) = self.name("the session's name")?;
        if cast.players.iter().any(|player| player.name.as_str() == name) {
            return Err(self.source.mistake(at, format!("duplicate session name: {name}")));
        }
        if cast.players.len() == self.most {
            let problem = format!("{} sessions are too many", self.most + 1);
            let hint =
                format!("a scenario can have at most {}; `overbooked spec` takes more", self.most);
            return Err(self.source.mistake(at, problem).with_hint(hint));
        }
        let name = SessionName::new(&name);
        let setup = self.block(Keyword::Setup)?;
        let before = cast.steps.len();
        while let Some(word) = self.keyword(Keyword::Step) {
            self.step(&word, &name, cast)?;
        }
        if cast.steps.len() == before {
            return self.unexpected("`step`");
        }
        let teardown = self.block(Keyword::Teardown)?;
        cast.players.push(Player { setup, teardown, ..Player::of_database(name) });
        Ok(())
    }

    fn step(&mut self, word: &Word, session: &SessionName, cast: &mut Cast) -> Result<(), Mistake> {
        let (name, at) = self.name("the step's name")?;
        if let Some(&first) = cast.places.get(&name) {
            let hint = format!("the first one is on line {}", cast.steps[first].line);
            return Err(self
                .source
                .mistake(at, format!("duplicate step name: {name}"))
                .with_hint(hint));
        }
        let sql = self.sql()?;
        let (session, narration) = (session.clone(), name.clone());
        let line = self.line(word.at);
        cast.places.insert(name.clone(), cast.steps.len());
        cast.steps.push(Step { name, session, narration, sql, expectations: vec![], line });
        Ok(())
    }

    /// A permutation: first all its steps, then their markers, which may name any of them.
    fn permutation(&mut self, keyword: &Word, cast: &Cast) -> Result<Schedule, Mistake> {
        let mut launches: Vec<(usize, Vec<Blocker>)> = Vec::new();
        while let Some(What::Name(_)) = self.peek() {
            let (name, at) = self.name("a step")?;
            let step = self.known(&name, at, cast)?;
            launches.push((step, self.blockers()?));
        }
        if launches.is_empty() {
            let mistake = self.source.mistake(keyword.at, "the permutation has no steps");
            return Err(mistake.with_hint("name the steps in the order in which they run"));
        }
        let played: HashSet<usize> = launches.iter().map(|(step, _)| *step).collect();
        let launches = launches.into_iter().map(|(step, blockers)| {
            let markers =
                blockers.into_iter().map(|blocker| self.marker(blocker, step, &played, cast));
            Ok(Launch { step, markers: markers.collect::<Result<_, _>>()? })
        });
        Ok(Schedule { launches: launches.collect::<Result<_, _>>()? })
    }

    fn known(&self, name: &str, at: usize, cast: &Cast) -> Result<usize, Mistake> {
        cast.places.get(name).copied().ok_or_else(|| {
            let names: Vec<&str> = cast.steps.iter().map(|step| step.name.as_str()).collect();
            self.source
                // isolationtester's words (`check_testspec`), as in the other mistakes that it
                // knows.
                .mistake(at, format!("undefined step \"{name}\" specified in permutation"))
                .with_hint(suggest(name, "the steps are", &names))
        })
    }

    /// `(*, other, other notices 2)`.
    fn blockers(&mut self) -> Result<Vec<Blocker>, Mistake> {
        let mut blockers = Vec::new();
        if self.sign('(').is_none() {
            return Ok(blockers);
        }
        loop {
            blockers.push(self.blocker()?);
            if self.sign(')').is_some() {
                return Ok(blockers);
            }
            if self.sign(',').is_none() {
                return self.unexpected("`,` or `)`");
            }
        }
    }

    fn blocker(&mut self) -> Result<Blocker, Mistake> {
        if self.sign('*').is_some() {
            return Ok(Blocker::Once);
        }
        let (name, at) = self.name("`*` or a step")?;
        if self.keyword(Keyword::Notices).is_none() {
            return Ok(Blocker::Step { name, at, notices: None });
        }
        match self.peek() {
            Some(&What::Number(count)) => {
                self.place += 1;
                Ok(Blocker::Step { name, at, notices: Some(count) })
            }
            _ => self.unexpected("the number of notices"),
        }
    }

    fn marker(
        &self,
        blocker: Blocker,
        step: usize,
        played: &HashSet<usize>,
        cast: &Cast,
    ) -> Result<Marker, Mistake> {
        let Blocker::Step { name, at, notices } = blocker else { return Ok(Marker::Once) };
        let this = &cast.steps[step];
        // A step that this permutation does not play would never complete, and its marker never be
        // met.
        let other = cast.places.get(&name).copied().filter(|other| played.contains(other));
        let Some(other) = other else {
            let problem = format!(
                "undefined blocking step \"{name}\" referenced in permutation step \"{}\"",
                this.name
            );
            return Err(self
                .source
                .mistake(at, problem)
                .with_hint("name a step of this permutation"));
        };
        if cast.steps[other].session == this.session {
            let problem =
                format!("permutation step \"{}\" cannot block on its own session", this.name);
            return Err(self.source.mistake(at, problem));
        }
        Ok(match notices {
            Some(count) => Marker::Notices { step: other, count },
            None => Marker::After(other),
        })
    }

    fn end(&self) -> Result<(), Mistake> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.unexpected("`session`, `permutation` or the file's end"),
        }
    }
}

/// A marker as it is written.
enum Blocker {
    Once,
    Step { name: String, at: usize, notices: Option<usize> },
}

#[cfg(test)]
mod tests;
