//! `-->` lines: what a step must do.
//!
//! ```text
//!   --> postgres at serializable: Mallory resumes: ERROR 40001 could not
//!       └───────── where ───────┘ └─ whose ──────┘ └──── what ─────────┘
//! ```

use std::ops::Range;

use super::super::claim::{Claim, Subject};
use super::super::mistake::{Source, did_you_mean, suggest};
use super::super::{EngineKind, Expectation, Expected, Isolation, Manner, Mistake, SessionName};
use super::unknown_session;

mod cells;
mod either;
mod messages;
mod near_miss;
mod tags;
mod waits;

use near_miss::near_miss;
use tags::{is_tag, row_count};

/// Where a `-->` line stands: under which session's step, if it is a step's.
pub(super) struct ExpectationContext<'a> {
    pub(super) source: Source<'a>,
    pub(super) sessions: &'a [SessionName],
    pub(super) of: Option<&'a SessionName>,
    /// Whether the file has invariants.
    pub(super) has_invariants: bool,
}

/// A part of a line, and where it stands in the file.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Part<'a> {
    fn after(self, bytes: usize) -> Self {
        let rest = &self.text[bytes..];
        let text = rest.trim_start();
        Part { text: text.trim_end(), at: self.at + bytes + rest.len() - text.len() }
    }

    /// What stands behind this beginning, if it begins so.
    fn behind(self, beginning: &str) -> Option<Self> {
        self.text.starts_with(beginning).then(|| self.after(beginning.len()))
    }

    /// The pieces between these separators.
    fn split(self, separators: &[Range<usize>]) -> Vec<Part<'a>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for Range { start: from, end: to } in separators.iter().cloned().chain([self.end()]) {
            pieces.push(Part { text: &self.text[start..from], at: self.at + start }.after(0));
            start = to;
        }
        pieces
    }

    fn with(self, text: &str) -> Part<'_> {
        Part { text, at: self.at }
    }

    fn end(self) -> Range<usize> {
        self.text.len()..self.text.len()
    }
}

/// Where a line holds.
#[derive(Default)]
struct Limits {
    engine: Option<EngineKind>,
    levels: Vec<Isolation>,
}

impl ExpectationContext<'_> {
    /// Reads one `-->` comment.
    pub(super) fn read(&self, comment: Range<usize>) -> Result<Expectation, Mistake> {
        let line = self.source.line(comment.start);
        let whole =
            Part { text: &self.source.text[comment.clone()], at: comment.start }.after("-->".len());
        let (Limits { engine, levels }, said) = self.limits(whole)?;
        let expected = self.expected(said)?;
        Ok(Expectation { engine, levels, expected, text: whole.text.to_owned(), line })
    }

    /// Takes `ENGINE:`, `ENGINE at LEVEL:` or `at LEVEL, LEVEL:` off the front.
    fn limits<'a>(&self, part: Part<'a>) -> Result<(Limits, Part<'a>), Mistake> {
        let Some((words, _)) = part.text.split_once(':') else {
            return Ok((Limits::default(), part));
        };
        let rest = part.after(words.len() + 1);
        let (word, levels) = match words.split_once(" at ") {
            Some((word, levels)) => (word, Some(levels)),
            None => match words.strip_prefix("at ") {
                Some(levels) => ("", Some(levels)),
                None => (words, None),
            },
        };
        let engine = EngineKind::named(word);
        if engine.is_none() && !(word.is_empty() && levels.is_some()) {
            let names_level = levels.is_some_and(|levels| self.levels(part.with(levels)).is_ok());
            let word = if names_level { word } else { words };
            return self.check_engine(part, word, rest).map(|()| (Limits::default(), part));
        }
        let at = levels.map_or(0, |levels| words.len() - levels.len());
        let levels = levels.map(|text| self.levels(Part { text, at: part.at + at }.after(0)));
        Ok((Limits { engine, levels: levels.transpose()?.unwrap_or_default() }, rest))
    }

    fn levels(&self, part: Part) -> Result<Vec<Isolation>, Mistake> {
        let level = |name: &str| {
            let known = Isolation::ALL.map(Isolation::as_sql);
            Isolation::ALL.into_iter().find(|level| level.as_sql() == name).ok_or_else(|| {
                let at = part.at + part.text.find(name).unwrap_or(0);
                let mistake = self.source.mistake(at, format!("there is no level called {name}"));
                mistake.with_hint(suggest(name, "the levels are", &known))
            })
        };
        part.text.split(',').map(str::trim).map(level).collect()
    }

    /// A word before a colon is no engine; it may have been meant as one.
    fn check_engine(&self, part: Part, word: &str, rest: Part) -> Result<(), Mistake> {
        let known = EngineKind::ALL.map(EngineKind::as_str);
        let is_word = !word.is_empty() && word.chars().all(char::is_alphanumeric);
        // A row may have a colon too. In `12:30` none is followed by a blank; in `note: hello` the
        // word resembles no engine and what follows is a row like any other.
        let is_spaced = self.source.text[..rest.at].ends_with(' ');
        let is_other =
            self.is_session(word) || OWN_COLONS.contains(&word) || tags::is_severity(word);
        let is_meant = did_you_mean(word, known).is_some() || !is_row(rest.text);
        if is_word && is_spaced && !is_other && is_meant {
            let mistake = self.source.mistake(part.at, format!("there is no engine called {word}"));
            return Err(mistake.with_hint(suggest(word, "the engines are", &known)));
        }
        Ok(())
    }

    /// What a line says behind its limits.
    fn expected(&self, part: Part) -> Result<Expected, Mistake> {
        if let Some(text) = part.behind("explore:") {
            return self.claim(text).map(Expected::Explore);
        }
        // Its sides may begin with names of their own, so it comes before those.
        if let Some(rest) = part.behind("either:") {
            return self.either(rest);
        }
        match self.of_another(part)? {
            Some(expected) => Ok(expected),
            None => self.simple(part),
        }
    }

    /// What is said of all orders of the steps.
    fn claim(&self, part: Part) -> Result<Claim, Mistake> {
        let claim = Claim::read(part.text).map_err(|problem| {
            let (problem, hint) = problem.split_once("; ").unwrap_or((&problem, ""));
            let mistake = self.source.mistake(part.at, problem);
            if hint.is_empty() { mistake } else { mistake.with_hint(hint) }
        })?;
        match &claim.what {
            Subject::Broken(words) if !self.has_invariants => {
                let problem = format!("there is no invariant by which to tell \"{words}\"");
                Err(self.source.mistake(part.at, problem).with_hint(
                    "write one into the head, as in `-- invariant: select count(*) <= 1 from \
                     tickets`, or say `anomaly`, `lost update`, `write skew`, `deadlock`, an \
                     SQLSTATE or `waiting to the end`",
                ))
            }
            _ => Ok(claim),
        }
    }

    /// `NAME resumes: what it does`, `NAME answers: ...`, `NAME waits for ...`, `NAME: ...`.
    fn of_another(&self, part: Part) -> Result<Option<Expected>, Mistake> {
        let Some((name, _)) = part.text.split_once([' ', ':']) else { return Ok(None) };
        let behind = part.after(name.len());
        let (manner, what) = match (behind.text, part.text.as_bytes().get(name.len())) {
            (_, Some(b':')) if self.is_session(name) => (Manner::Anyhow, behind.after(1)),
            (_, Some(b':')) => return Ok(None),
            (text, _) if is_said(text, "resumes") => (Manner::Resumes, after_verb(behind)),
            (text, _) if is_said(text, "answers") => (Manner::Answers, after_verb(behind)),
            // A notification's channel and payload may say anything.
            (text, _) if text.starts_with("waits for ") && name != "NOTIFY" => {
                (Manner::Anyhow, behind)
            }
            _ => return Ok(None),
        };
        let session = self.session(Part { text: name, at: part.at })?;
        if Some(&session) == self.of {
            return match manner {
                Manner::Anyhow => self.simple(what).map(Some),
                Manner::Resumes | Manner::Answers => Err(self.of_itself(part, &session, manner)),
            };
        }
        if what.text.is_empty() {
            let mistake =
                self.source.mistake(part.at, format!("this does not say what {session} does"));
            let verb = &part.text[name.len()..].trim_end_matches(':');
            return Err(mistake.with_hint(format!("say it, as in `{session}{verb}: UPDATE 0`")));
        }
        let what = Box::new(self.simple_of(what, &session)?);
        Ok(Some(Expected::Of { session, manner, what }))
    }

    fn of_itself(&self, part: Part, session: &SessionName, manner: Manner) -> Mistake {
        let (verb, how) = match manner {
            Manner::Answers => ("answer", "allows this much time to pass"),
            Manner::Resumes | Manner::Anyhow => ("resume", "lets it go on"),
        };
        let problem = format!("{session} cannot {verb} in its own step");
        let hint = match manner {
            Manner::Answers => format!("put the line under a later step, which {how}"),
            _ => format!("put the line under the step that releases {session}"),
        };
        self.source.mistake(part.at, problem).with_hint(hint)
    }

    fn simple(&self, part: Part) -> Result<Expected, Mistake> {
        match self.of {
            Some(of) => self.simple_of(part, of),
            None => self.simple_of_nobody(part, None),
        }
    }

    /// What this session does.
    fn simple_of(&self, part: Part, of: &SessionName) -> Result<Expected, Mistake> {
        self.simple_of_nobody(part, Some(of))
    }

    fn simple_of_nobody(&self, part: Part, of: Option<&SessionName>) -> Result<Expected, Mistake> {
        if let Some(rest) = part.behind("waits for ") {
            return self.waits(rest, of);
        }
        if let Some(message) = self.message(part)? {
            return Ok(message);
        }
        if let Some(row) = self.rows(part)? {
            return Ok(row);
        }
        if let Some(right) = near_miss(part.text, self.sessions) {
            let problem = format!("`{}` looks like an expectation, but is not one", part.text);
            let hint = format!(
                "write {right}, or `{}` if it is a value",
                crate::core::scenario::Cell::Quoted(part.text.to_owned())
            );
            return Err(self.source.mistake(part.at, problem).with_hint(hint));
        }
        // A row is whatever is nothing else.
        Ok(cells::row(part.text))
    }

    fn session(&self, part: Part) -> Result<SessionName, Mistake> {
        let known = self.sessions.iter().find(|session| session.as_str() == part.text);
        known
            .cloned()
            .ok_or_else(|| unknown_session(self.source, part.at, part.text, self.sessions))
    }

    fn is_session(&self, name: &str) -> bool {
        self.sessions.iter().any(|session| session.as_str() == name)
    }
}

/// Words that have a colon of their own behind them.
const OWN_COLONS: [&str; 5] = ["either", "explore", "lost", "rows", "ERROR"];

/// Whether the verb is said, with a colon or with nothing behind it.
fn is_said(text: &str, verb: &str) -> bool {
    text.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What stands behind `resumes:`.
fn after_verb(part: Part) -> Part {
    part.after(
        (part.text.find(':').map_or(part.text.len(), |colon| colon + 1)).min(part.text.len()),
    )
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
