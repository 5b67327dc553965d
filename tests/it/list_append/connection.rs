//! A connection that runs statements in one of five styles of the protocol.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use tokio::sync::watch;

use crate::raw::{Answer, Raw};

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Query messages.
    Simple,
    /// Parse, Bind, Describe, Execute and Sync, without names.
    Unnamed,
    /// The same, each statement parsed once under a name of its own.
    Named,
    /// Many before one Sync.
    Pipelined,
    /// Each answer waited for by Flush, rows fetched in parts from a named portal.
    Flushed,
}

pub(super) const STYLES: [Style; 5] =
    [Style::Simple, Style::Unnamed, Style::Named, Style::Pipelined, Style::Flushed];

/// A statement and its parameters.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<String>,
}

/// What a statement answered.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) rows: Vec<Vec<String>>,
    pub(super) tag: String,
}

/// Why a statement was not done.
#[derive(Debug)]
pub(super) enum Failure {
    Refused {
        code: String,
        message: String,
    },
    /// The connection broke before the answer was complete.
    Gone,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// After how many commits of others a slow reader goes on; it goes on as well once there will be no
/// more.
#[derive(Clone, Debug)]
pub(super) struct Slowness {
    pub(super) committed: watch::Receiver<u32>,
    pub(super) until: u32,
}

pub(super) struct Connection {
    raw: Raw,
    pub(super) style: Style,
    named: HashMap<String, String>,
    /// How slowly the next answer is read.
    pub(super) slowness: Option<Slowness>,
}

impl Statement {
    pub(super) fn plain(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// With its parameters in their places.
    fn text(&self) -> String {
        let values = self.values.iter().enumerate();
        values.fold(self.sql.clone(), |sql, (at, value)| {
            sql.replace(&format!("${}", at + 1), &format!("'{value}'"))
        })
    }
}

impl Connection {
    pub(super) async fn open(folder: &Path, style: Style) -> io::Result<Self> {
        let raw = Raw::try_connect(folder).await?;
        Ok(Self { raw, style, named: HashMap::new(), slowness: None })
    }

    /// Runs one statement.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<Done, Failure> {
        match self.style {
            Style::Flushed => return self.run_flushed(statement).await,
            Style::Named => return self.run_named(statement).await,
            Style::Simple | Style::Unnamed | Style::Pipelined => {}
        }
        self.put(std::slice::from_ref(statement));
        Ok(done(&self.answers().await?)?.pop().unwrap_or_default())
    }

    /// Runs all of these in one message, or before one Sync.
    pub(super) async fn run_together(
        &mut self,
        statements: &[Statement],
    ) -> Result<Vec<Done>, Failure> {
        self.put(statements);
        done(&self.answers().await?)
    }

    /// Sends these and leaves without hearing what becomes of them.
    pub(super) async fn run_unheard(mut self, statements: &[Statement]) {
        self.put(statements);
        // Whoever leaves anyway does not care whether the other is there still.
        self.raw.send().await.ok();
    }

    fn put(&mut self, statements: &[Statement]) {
        if self.style == Style::Simple {
            let texts: Vec<_> = statements.iter().map(Statement::text).collect();
            self.raw.query(&texts.join("; "));
            return;
        }
        for Statement { sql, values } in statements {
            self.raw.parse("", sql).bind_values("", "", values).describe("P").execute("");
        }
        self.raw.sync();
    }

    /// Takes the answers at this connection's pace.
    async fn answers(&mut self) -> Result<Vec<Answer>, Failure> {
        self.raw.send().await?;
        if let Some(Slowness { mut committed, until }) = self.slowness.take() {
            // Its end is as good as any number.
            committed.wait_for(|now| *now >= until).await.ok();
        }
        Ok(self.raw.try_until(b'Z').await?)
    }

    async fn run_named(&mut self, statement: &Statement) -> Result<Done, Failure> {
        let known = self.named.get(&statement.sql).cloned();
        let name = known.clone().unwrap_or_else(|| format!("s{}", self.named.len()));
        if known.is_none() {
            // A name whose Parse was refused may be taken all the same.
            self.raw.close(&format!("S{name}")).parse(&name, &statement.sql);
            self.raw.describe(&format!("S{name}"));
        }
        self.raw.bind_values("", &name, &statement.values).execute("").sync();
        let answers = self.answers().await?;
        if answers.iter().any(|answer| answer.tag == b'1') {
            self.named.insert(statement.sql.clone(), name);
        }
        Ok(done(&answers)?.pop().unwrap_or_default())
    }

    async fn run_flushed(&mut self, statement: &Statement) -> Result<Done, Failure> {
        let Statement { sql, values } = statement;
        let mut answers = Vec::new();
        self.raw.parse("", sql).flush();
        let mut goes_on = self.hear(b'1', &mut answers).await?;
        if goes_on {
            self.raw.bind_values("part", "", values).flush();
            goes_on = self.hear(b'2', &mut answers).await?;
        }
        while goes_on {
            self.raw.execute_some("part", 2).flush();
            goes_on = self.hear(b's', &mut answers).await?;
        }
        self.raw.close("Ppart").sync();
        answers.extend(self.answers().await?);
        Ok(done(&answers)?.pop().unwrap_or_default())
    }

    /// Hears answers up to this one, or to what comes in its place; says whether it was this one.
    async fn hear(&mut self, tag: u8, answers: &mut Vec<Answer>) -> Result<bool, Failure> {
        self.raw.send().await?;
        loop {
            let answer = self.raw.try_answer().await?;
            let heard = answer.tag;
            answers.push(answer);
            if [tag, b'C', b'E'].contains(&heard) {
                return Ok(heard == tag);
            }
        }
    }
}

/// What the statements answered, one after the other.
fn done(answers: &[Answer]) -> Result<Vec<Done>, Failure> {
    let mut all = Vec::new();
    let mut rows = Vec::new();
    for answer in answers {
        match answer.tag {
            b'D' => rows.push(answer.values()),
            b'C' => {
                let tag = String::from_utf8_lossy(&answer.body).trim_end_matches('\0').to_owned();
                all.push(Done { rows: std::mem::take(&mut rows), tag });
            }
            b'E' => {
                let field = |letter| answer.field(letter).unwrap_or_default();
                return Err(Failure::Refused { code: field(b'C'), message: field(b'M') });
            }
            _ => {}
        }
    }
    Ok(all)
}
