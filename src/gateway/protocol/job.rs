//! CREATE INDEX ASYNC and ALTER TABLE ASYNC answer with the job that does what they ask for. Here
//! it is done already; the job is told of once the transaction is committed.

use std::time::SystemTime;

use bytes::BufMut;

use super::Protocol;
use crate::core::sql;
use crate::core::syntax::Word;
use crate::gateway::backend::{BackendError, Question, Questions as _};
use crate::gateway::facade::{Job, JobObject, JobType, new_identifier};
use crate::gateway::statement::{Statement, TableName, table_name};
use crate::pg::frame::{put, put_text};

/// What a statement says of its job.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    kind: JobType,
    table: TableName,
    /// The index or the constraint.
    name: Option<String>,
}

impl Subject {
    fn read(words: &[Word]) -> Option<Self> {
        let is = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
        if is(0, "alter") {
            let skipped = ["if", "exists", "only"];
            let at = (3..words.len()).find(|at| !skipped.iter().any(|word| is(*at, word)))?;
            let (table, behind) = table_name(&words[at..])?;
            let name = behind.last()?.name().map(str::to_owned);
            return Some(Self { kind: JobType::ValidateConstraint, table, name });
        }
        let on = words.iter().position(|word| word.is("on"))?;
        let (table, _) = table_name(&words[on + 1 + usize::from(is(on + 1, "only"))..])?;
        let name = words[..on].last().filter(|word| !word.is("async"));
        let name = name.and_then(Word::name).map(str::to_owned);
        Some(Self { kind: JobType::IndexBuild, table, name })
    }

    fn question(&self) -> Question {
        Question::prepared(sql::optimistic::JOB)
            .with_some(self.table.0.as_deref())
            .with(&self.table.1)
            .with_some(self.name.as_deref())
            .with(self.kind.name())
    }
}

impl Protocol {
    /// Answers with the job of a statement that has run.
    pub(super) async fn put_job(&mut self, statement: &Statement) -> Result<(), BackendError> {
        let id = new_identifier();
        self.put_row("job_id", &id);
        let Some(subject) = Subject::read(&statement.words) else { return Ok(()) };
        let mut rows = self.backend.ask(subject.question()).await?.rows;
        let values = rows.pop().unwrap_or_default().into_iter().flatten().collect::<Vec<_>>();
        let object = <[String; 3]>::try_from(values).ok();
        let object = object.map(|[class, number, name]| JobObject { class, number, name });
        self.done.job = Some(Job { id, kind: subject.kind, object, since: SystemTime::now() });
        Ok(())
    }

    /// A result of one text.
    fn put_row(&mut self, column: &str, text: &str) {
        const TEXT: i32 = 25;
        put(&mut self.client.out, b'T', |out| {
            out.put_u16(1);
            put_text(out, column);
            out.put_i32(0);
            out.put_i16(0);
            out.put_i32(TEXT);
            out.put_i16(-1);
            out.put_i32(-1);
            out.put_u16(0);
        });
        put(&mut self.client.out, b'D', |out| {
            out.put_u16(1);
            out.put_i32(i32::try_from(text.len()).unwrap_or(0));
            out.put_slice(text.as_bytes());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn a_job_is_about_an_index_or_a_constraint() {
        let read = |sql: &str| Subject::read(&words(sql, Strings::Conforming)).unwrap();
        let subject = |kind, schema: Option<&str>, table: &str, name: Option<&str>| Subject {
            kind,
            table: (schema.map(str::to_owned), table.to_owned()),
            name: name.map(str::to_owned),
        };
        let (index, constraint) = (JobType::IndexBuild, JobType::ValidateConstraint);
        for (sql, expected) in [
            ("create index async i on t (a)", subject(index, None, "t", Some("i"))),
            ("create unique index async on only s.\"T\" (a)", subject(index, Some("s"), "T", None)),
            (
                "create index async if not exists i on t using btree (a)",
                subject(index, None, "t", Some("i")),
            ),
            (
                "alter table async if exists only s.t validate constraint \"C\"",
                subject(constraint, Some("s"), "t", Some("C")),
            ),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }
}
