//! `-->` lines: what a step must do.

use std::ops::Range;

use super::super::mistake::{Source, did_you_mean, suggest};
use super::super::{EngineKind, Expectation, Expected, Mistake, SessionName};
use super::unknown_session;
use crate::event::SqlState;

/// Where a `-->` line stands: under which session's step, if it is a step's.
pub(super) struct Place<'a> {
    pub(super) source: Source<'a>,
    pub(super) sessions: &'a [SessionName],
    pub(super) of: Option<&'a SessionName>,
}

/// A part of a line, and where it stands in the file.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl Part<'_> {
    fn after(self, bytes: usize) -> Self {
        let rest = &self.text[bytes..];
        let text = rest.trim_start();
        Part { text: text.trim_end(), at: self.at + bytes + rest.len() - text.len() }
    }
}

impl Place<'_> {
    /// Reads one `-->` comment.
    pub(super) fn read(&self, comment: Range<usize>) -> Result<Expectation, Mistake> {
        let line = self.source.line(comment.start);
        let whole =
            Part { text: &self.source.text[comment.clone()], at: comment.start }.after("-->".len());
        let (engine, said) = self.engine(whole)?;
        let expected = match self.resumes(said)? {
            Some(resumes) => resumes,
            None => self.simple(said)?,
        };
        Ok(Expectation { engine, expected, text: whole.text.to_owned(), line })
    }

    /// Takes `ENGINE:` off the front.
    fn engine<'a>(&self, part: Part<'a>) -> Result<(Option<EngineKind>, Part<'a>), Mistake> {
        let Some((word, _)) = part.text.split_once(':') else { return Ok((None, part)) };
        let rest = part.after(word.len() + 1);
        if let Some(kind) = EngineKind::named(word) {
            return Ok((Some(kind), rest));
        }
        let known = EngineKind::ALL.map(EngineKind::as_str);
        let is_word = !word.is_empty() && word.chars().all(char::is_alphanumeric);
        let is_meant = did_you_mean(word, known).is_some() || !is_row(rest.text);
        if is_word && is_meant && part.text[word.len() + 1..].starts_with(' ') {
            let mistake = self.source.mistake(part.at, format!("no engine is called {word}"));
            return Err(mistake.with_hint(suggest(word, "the engines are", &known)));
        }
        Ok((None, part))
    }

    /// `NAME resumes: what it does`.
    fn resumes(&self, part: Part) -> Result<Option<Expected>, Mistake> {
        let Some((name, rest)) = part.text.split_once(" resumes") else { return Ok(None) };
        if name.contains(char::is_whitespace) || !(rest.is_empty() || rest.starts_with(':')) {
            return Ok(None);
        }
        let session = self.session(Part { text: name, at: part.at })?;
        if Some(&session) == self.of {
            let problem = format!("{session} cannot resume by its own step");
            let hint = format!("put the line under the step that lets {session} go on");
            return Err(self.source.mistake(part.at, problem).with_hint(hint));
        }
        let with = part.after((name.len() + " resumes:".len()).min(part.text.len()));
        if with.text.is_empty() {
            let mistake = self.source.mistake(part.at, format!("what does {session} do then?"));
            return Err(mistake.with_hint(format!("say it: `{session} resumes: UPDATE 0`")));
        }
        let with = Box::new(self.simple(with)?);
        Ok(Some(Expected::Resumes { session, with }))
    }

    fn simple(&self, part: Part) -> Result<Expected, Mistake> {
        if let Some(name) = part.text.strip_prefix("waits for ") {
            return self.waits(part.after("waits for ".len()), name);
        }
        if part.text == "ERROR" || part.text.starts_with("ERROR ") {
            return self.error(part.after("ERROR".len()));
        }
        Ok(match row_count(part.text) {
            Some(count) => Expected::RowCount(count),
            None if is_tag(part.text) => Expected::Tag(part.text.to_owned()),
            None => {
                Expected::Row(part.text.split('|').map(|cell| cell.trim().to_owned()).collect())
            }
        })
    }

    fn waits(&self, part: Part, name: &str) -> Result<Expected, Mistake> {
        let session = self.session(part)?;
        if Some(&session) == self.of {
            let problem = format!("{} cannot wait for itself", name.trim());
            return Err(self
                .source
                .mistake(part.at, problem)
                .with_hint("name who stands in the way"));
        }
        Ok(Expected::WaitsFor(session))
    }

    fn error(&self, part: Part) -> Result<Expected, Mistake> {
        let code = part.text.split_whitespace().next().unwrap_or("");
        let is_code = code.len() == 5
            && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !is_code {
            let mistake = self.source.mistake(part.at, "an error is known by its SQLSTATE");
            return Err(
                mistake.with_hint("write `ERROR 40001`, then text that the message must contain")
            );
        }
        let text = part.after(code.len()).text.to_owned();
        Ok(Expected::Error { code: SqlState(code.to_owned()), text })
    }

    fn session(&self, part: Part) -> Result<SessionName, Mistake> {
        let known = self.sessions.iter().find(|session| session.as_str() == part.text);
        known
            .cloned()
            .ok_or_else(|| unknown_session(self.source, part.at, part.text, self.sessions))
    }
}

/// Whether the text can only be a row.
fn is_row(text: &str) -> bool {
    let says_more = text.starts_with("waits for ")
        || text.contains(" resumes:")
        || text.starts_with("ERROR ")
        || is_tag(text)
        || row_count(text).is_some();
    !says_more
}

/// `(3 rows)`.
fn row_count(text: &str) -> Option<u64> {
    let (count, rows) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(' ')?;
    matches!(rows, "row" | "rows").then(|| count.parse().ok())?
}

/// Whether the text is a command tag: capitals that begin like one, and numbers.
fn is_tag(text: &str) -> bool {
    let mut words = text.split(' ');
    let is_known = words.next().is_some_and(|first| TAGS.contains(&first));
    is_known
        && words.all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
}

/// The first words of all command tags (PostgreSQL sources, `cmdtaglist.h`).
const TAGS: [&str; 47] = [
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
];
