//! Scenario files: ordinary SQL whose comments say who does what, and what must come of it.
//!
//! ```sql
//! -- The title
//! --
//! -- The story.
//! --
//! -- sessions: Alice, Bob
//!
//! -- setup
//! create table seats (...);
//!
//! -- Alice: books A-4
//! update seats set ...;
//! --> UPDATE 1
//!
//! -- finally
//! select ...;
//! --> A | 4 | Alice
//! ```
//!
//! Reading goes in three steps: `marks` finds the comments that mean something (a comment inside a
//! string is none), `settings` reads the head, and this file puts each part's SQL together.
//! [`render`] writes a scenario back; reading that gives the same scenario.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::mistake::{Source, suggest};
use super::{
    Expectation, Finally, Language, Launch, Mistake, Origin, Player, Scenario, Schedule, Schedules,
    SessionName, Statement, Step, pause,
};
use crate::core::etcd_command;
use crate::core::syntax::{self, Strings};

mod expectation;
mod marks;
mod parts;
mod render;
mod settings;
mod unsendable;

pub use render::render;
pub use settings::KEYS as SETTINGS;

use marks::{Mark, Meaning};
use parts::Part;
use settings::{Head, Settings};
use unsendable::Place;

/// Reads a scenario file's text. The name is the file's, without its ending.
pub fn parse(text: &str, path: &Path, name: &str) -> Result<Scenario, Mistake> {
    let source = Source { text, path };
    if text.trim().is_empty() {
        return Err(source
            .mistake(0, "the file is empty")
            .with_hint("a scenario starts with `-- its title`"));
    }
    // The head comes first: a comment is a step's mark only if it begins with a session's name.
    let (head, body) = settings::head(source)?;
    let sessions = &head.settings.sessions;
    let has_invariants = !head.settings.invariants.is_empty();
    let marks = marks::marks(source, body, sessions)?;
    let mut file = File {
        source,
        sessions,
        has_invariants,
        setup: None,
        teardown: None,
        finally: None,
        steps: vec![],
    };
    for (nth, mark) in marks.iter().enumerate() {
        let end = marks.get(nth + 1).map_or(text.len(), |next| next.range.start);
        file.part(mark, mark.range.end..end)?;
    }
    let File { setup, teardown, finally, steps, .. } = file;
    scenario(source, head, steps, name).map(|scenario| Scenario {
        setup: setup.unwrap_or_default(),
        teardown: teardown.unwrap_or_default(),
        finally,
        ..scenario
    })
}

/// The names of sessions, as a file's head has them: `Ann, Ben`; or what is wrong with them.
pub fn session_names(text: &str) -> Result<Vec<SessionName>, String> {
    let source = Source { text, path: Path::new("") };
    let names = settings::session_names(source).map_err(|mistake| match mistake.hint {
        Some(hint) => format!("{}; {hint}", mistake.problem),
        None => mistake.problem,
    })?;
    if names.is_empty() {
        Err("no session is named; write 2, or Ann,Ben".to_owned())
    } else {
        Ok(names)
    }
}

/// The statements of a file that has nothing but SQL, each of which knows the file.
pub(super) fn statements(text: &str, path: &Path) -> Result<Vec<Statement>, Mistake> {
    let source = Source { text, path };
    let whole = 0..text.trim_end().len();
    unsendable::check(source, &whole, Place::Elsewhere)?;
    parts::check_end(source, &whole)?;
    let file: Arc<Path> = Arc::from(path);
    let here = |statement| Statement { file: Some(Arc::clone(&file)), ..statement };
    Ok(each(source, text, 0).into_iter().map(here).collect())
}

/// The statements of this SQL, which begins at a byte of the source.
fn each(source: Source, sql: &str, at: usize) -> Vec<Statement> {
    // A file is read before there is a session: it is written as the standard says.
    let statements = syntax::split(sql, Strings::default()).into_iter();
    statements
        .filter(|statement| !statement.is_empty)
        .map(|statement| {
            let begin = at + statement.range.start;
            let (line, column) = (source.line(begin), source.column(begin));
            Statement { sql: statement.text.to_owned(), line, column, file: None }
        })
        .collect()
}

/// What has been read of a file's body.
struct File<'a> {
    source: Source<'a>,
    sessions: &'a [SessionName],
    has_invariants: bool,
    setup: Option<Vec<Statement>>,
    teardown: Option<Vec<Statement>>,
    finally: Option<Finally>,
    steps: Vec<Step>,
}

impl File<'_> {
    /// Reads one part: a mark and what stands under it.
    fn part(&mut self, mark: &Mark, body: Range<usize>) -> Result<(), Mistake> {
        let second = self.source.mistake(mark.range.start, "this section appears twice");
        let second = second.with_hint("put everything under the first one");
        match &mark.meaning {
            Meaning::Setup => {
                let statements = self.statements(body)?;
                once(&mut self.setup, statements, second)
            }
            Meaning::Teardown => {
                let statements = self.statements(body)?;
                once(&mut self.teardown, statements, second)
            }
            Meaning::Finally => {
                let finally = self.finally(mark, body)?;
                once(&mut self.finally, finally, second)
            }
            Meaning::Pause(length) => {
                let step = self.pause(mark, length, body)?;
                self.steps.push(step);
                Ok(())
            }
            Meaning::Step { session, narration } => {
                let step = self.step(mark, session, narration, body)?;
                self.steps.push(step);
                Ok(())
            }
        }
    }

    fn statements(&self, body: Range<usize>) -> Result<Vec<Statement>, Mistake> {
        let Part { sql, at, arrows } = parts::read(self.source, body, Place::Elsewhere)?;
        if let Some(arrow) = arrows.first() {
            return Err(self
                .source
                .mistake(arrow.start, "a `-->` line belongs under a step or under `-- finally`")
                .with_hint("setup and teardown take no expectations; they must succeed"));
        }
        Ok(each(self.source, &sql, at))
    }

    fn finally(&self, mark: &Mark, body: Range<usize>) -> Result<Finally, Mistake> {
        let Part { sql, arrows, .. } = parts::read(self.source, body, Place::Elsewhere)?;
        if sql.is_empty() {
            return Err(self
                .source
                .mistake(mark.range.start, "`-- finally` has no SQL")
                .with_hint("write a query under it that shows the final state"));
        }
        let expectations = self.expectations(&arrows, None)?;
        Ok(Finally { sql, expectations, line: self.source.line(mark.range.start) })
    }

    fn step(
        &self,
        mark: &Mark,
        session: &SessionName,
        narration: &str,
        body: Range<usize>,
    ) -> Result<Step, Mistake> {
        let Part { sql, arrows, .. } = parts::read(self.source, body, Place::Step)?;
        if sql.is_empty() {
            return Err(self
                .source
                .mistake(mark.range.start, format!("{session}'s step has no SQL"))
                .with_hint("write the SQL that the session sends under it, ended by `;`"));
        }
        let expectations = self.expectations(&arrows, Some(session))?;
        let name = self.name(session, narration);
        let (session, narration) = (session.clone(), narration.to_owned());
        Ok(Step {
            name,
            session,
            narration,
            sql,
            expectations,
            line: self.source.line(mark.range.start),
        })
    }

    fn pause(&self, mark: &Mark, length: &str, body: Range<usize>) -> Result<Step, Mistake> {
        if pause::duration(length).is_none() {
            let problem = format!("{length} is not a pause");
            let hint = format!(
                "write `-- pause 300 ms` or `-- pause 1.5 s`, at most {} s",
                pause::LONGEST.as_secs()
            );
            return Err(self.source.mistake(mark.range.start, problem).with_hint(hint));
        }
        let arrows = parts::arrows_alone(self.source, body)?;
        let session = SessionName::pause();
        let expectations = self.expectations(&arrows, Some(&session))?;
        let (narration, line) = (length.to_owned(), self.source.line(mark.range.start));
        let name = self.name(&session, length);
        Ok(Step { name, session, narration, sql: String::new(), expectations, line })
    }

    /// `Bob: begins`, and if there is one already, `Bob: begins (2)`.
    fn name(&self, session: &SessionName, narration: &str) -> String {
        let name = format!("{session}: {narration}").trim_end().to_owned();
        let is_free = |name: &str| self.steps.iter().all(|step| step.name != name);
        if is_free(&name) {
            return name;
        }
        (2..=self.steps.len() + 2)
            .map(|n| format!("{name} ({n})"))
            // So many names cannot all be taken: there are fewer steps.
            .find(|name| is_free(name))
            .unwrap_or(name)
    }

    fn expectations(
        &self,
        arrows: &[Range<usize>],
        of: Option<&SessionName>,
    ) -> Result<Vec<Expectation>, Mistake> {
        let place = expectation::ExpectationContext {
            source: self.source,
            sessions: self.sessions,
            of,
            has_invariants: self.has_invariants,
        };
        arrows.iter().map(|arrow| place.read(arrow.clone())).collect()
    }
}

/// What a session sends to etcd must be a command. One that has variables in it is read when they
/// are known.
fn check_commands(source: Source, sessions: &[Player], steps: &[Step]) -> Result<(), Mistake> {
    let speaks_to_etcd = |step: &&Step| {
        let is_its = |player: &Player| player.name == step.session;
        sessions.iter().any(|player| is_its(player) && player.language == Language::Etcd)
    };
    for step in steps.iter().filter(speaks_to_etcd) {
        for statement in syntax::split(&step.sql, Strings::default()) {
            if statement.is_empty || statement.text.contains(':') {
                continue;
            }
            etcd_command::parse(statement.text).map_err(|error| {
                let path = source.path.to_owned();
                let problem = format!("{}: {}", step.name, error.problem);
                Mistake { path, line: step.line, column: 1, problem, hint: Some(error.hint) }
            })?;
        }
    }
    Ok(())
}

/// The scenario of a head and its steps.
fn scenario(source: Source, head: Head, steps: Vec<Step>, name: &str) -> Result<Scenario, Mistake> {
    let Settings { sessions, seats, watch, levels, engines, source: origin, .. } = head.settings;
    let Settings { invariants, application, search_path, setup_files, languages, .. } =
        head.settings;
    if steps.is_empty() {
        let first = sessions.first().map_or("Alice", SessionName::as_str);
        return Err(source
            .mistake(source.text.trim_end().len(), "the scenario has no steps")
            .with_hint(format!("a step starts with `-- {first}: what happens`")));
    }
    let launches = (0..steps.len()).map(|step| Launch { step, markers: vec![] }).collect();
    let player = |name: SessionName| {
        let language = languages.iter().find(|(session, _)| *session == name);
        let language = language.map(|(_, language)| *language).unwrap_or_default();
        Player { language, ..Player::of_database(name) }
    };
    let sessions: Vec<Player> = sessions.into_iter().map(player).collect();
    check_commands(source, &sessions, &steps)?;
    Ok(Scenario {
        name: name.to_owned(),
        title: head.title,
        story: head.story,
        afterwards: head.afterwards,
        path: Some(source.path.to_owned()),
        origin: Origin::Script,
        sessions,
        seats,
        watch,
        levels,
        engines,
        source: origin,
        invariants,
        application,
        search_path,
        setup_files,
        setup: vec![],
        teardown: vec![],
        finally: None,
        steps,
        schedules: Schedules::Listed(vec![Schedule { launches }]),
    })
}

/// Fills what may be there once.
fn once<T>(place: &mut Option<T>, value: T, second: Mistake) -> Result<(), Mistake> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(second),
    }
}

/// The mistake of naming a session that does not take part.
fn unknown_session(source: Source, at: usize, name: &str, sessions: &[SessionName]) -> Mistake {
    let known: Vec<&str> = sessions.iter().map(SessionName::as_str).collect();
    source.mistake(at, format!("there is no session called {name}")).with_hint(suggest(
        name,
        "the sessions are",
        &known,
    ))
}

#[cfg(test)]
mod tests;
