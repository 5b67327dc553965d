//! A message of several statements is read as a whole before any of it runs, as PostgreSQL reads
//! it: a syntax error anywhere in it means that nothing has been done.
//!
//! The grammar is PostgreSQL's own. It is asked to parse every statement in a form in which it does
//! nothing but that, since what a statement names may be made by the one before it:
//!
//! | statement | form |
//! |---|---|
//! | SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE, WITH | within a PREPARE |
//! | EXPLAIN, DECLARE, CALL, CREATE TABLE AS | within a function's body, from PostgreSQL 14 on |
//! | any other | as it is: what it names is looked up when it runs |

use super::Protocol;
use super::reply::Submitted;
use crate::gateway::backend::BackendError;
use crate::gateway::dsql::shown_own_setting;
use crate::gateway::facade::MappingChange;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::tables::Rewritten;

/// The first version with function bodies that are not strings.
const WITH_BODIES: u32 = 14;

const PREPARE: (&str, &str) = ("prepare overbooked_syntax as ", "");
const BODY: (&str, &str) = (
    "create function pg_temp.overbooked_syntax() returns void language sql begin atomic ",
    // On a line of its own, since the statement may end with a comment: `select 1 -- one`.
    "\n; end",
);
const AS_IT_IS: (&str, &str) = ("", "");

/// A statement of a longer message.
pub(super) struct Part {
    pub(super) statement: Statement,
    /// How many characters stand before it.
    pub(super) before: usize,
    /// Whether a semicolon ends it, to which an error may point.
    pub(super) is_terminated: bool,
}

impl Protocol {
    /// Refuses a message of several statements in which one cannot be parsed.
    pub(super) async fn check_syntax(&mut self, parts: &[Part]) -> Result<(), BackendError> {
        // PostgreSQL itself parses a single statement as a whole before it runs.
        if parts.len() < 2 {
            return Ok(());
        }
        let version = self.backend.parameters().major_version();
        let parsed = parts.iter().filter_map(|part| Some((part, part.text(part.form(version)?))));
        let (parsed, texts): (Vec<_>, Vec<_>) = parsed.unzip();
        let Some((place, refused)) = self.backend.try_to_parse(&texts).await? else {
            return Ok(());
        };
        let Some(part) = parsed.get(place) else { return Err(BackendError::Server(refused)) };
        // What a form adds may be in the error: by itself it is told as it is.
        let text = part.text(AS_IT_IS);
        match self.backend.try_to_parse(std::slice::from_ref(&text)).await? {
            // The form is at fault, not the statement: whether that is right shows when it runs.
            None => Ok(()),
            Some((_, refused)) => {
                let rewritten = &Rewritten::whole(text);
                let submitted =
                    Submitted { statement: &part.statement, rewritten, before: part.before };
                Err(BackendError::Server(submitted.moved(&refused)))
            }
        }
    }
}

impl Part {
    /// What stands around it so that it is parsed and nothing else; none where this server has no
    /// such form, or is not sent the statement.
    fn form(&self, version: u32) -> Option<(&'static str, &'static str)> {
        const PREPARED: [&str; 8] =
            ["select", "insert", "update", "delete", "merge", "values", "table", "with"];
        const LOOKED_INTO: [&str; 3] = ["explain", "declare", "call"];
        let words = &self.statement.words;
        // PostgreSQL has nothing of the kind.
        if MappingChange::read(words).is_some() || shown_own_setting(&self.statement).is_some() {
            return None;
        }
        let is_any = |known: &[&str]| known.iter().any(|word| self.statement.is_a(word));
        let is_filled = self.statement.is_a("create")
            && words.iter().any(|word| word.is("as"))
            && words.iter().any(|word| word.is("table") || word.is("materialized"));
        if is_any(&PREPARED) || words.first().is_some_and(|word| word.is_mark('(')) {
            Some(PREPARE)
        } else if is_any(&LOOKED_INTO) || is_filled {
            (version >= WITH_BODIES).then_some(BODY)
        } else {
            Some(AS_IT_IS)
        }
    }

    fn text(&self, (before, after): (&str, &str)) -> String {
        let end = if self.is_terminated { ";" } else { "" };
        // CREATE INDEX ASYNC is known to the gateway alone.
        format!("{before}{}{end}{after}", self.statement.plain_ddl().sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn text(sql: &str, version: u32) -> Option<String> {
        let statement = Statement::read(sql, Strings::Conforming);
        let part = Part { statement, before: 0, is_terminated: true };
        part.form(version).map(|form| part.text(form))
    }

    #[test]
    fn every_statement_has_a_form_that_is_only_parsed() {
        for sql in ["select 1", "(table t)", "with a as (select 1) delete from t", "values (1)"] {
            let expected = format!("prepare overbooked_syntax as {sql};");
            assert_eq!(text(sql, 12).as_deref(), Some(&*expected));
        }
        for sql in
            ["create table t (a int)", "begin", "drop table t", "selct 1", "copy t to stdout"]
        {
            assert_eq!(text(sql, 12), Some(format!("{sql};")));
        }
        for sql in
            ["explain select 1", "create table t as select 1", "declare c cursor for select 1"]
        {
            assert_eq!(text(sql, 13), None);
            assert!(text(sql, 14).unwrap().ends_with(&format!("atomic {sql};\n; end")), "{sql}");
        }
        let index = text("create index async i on t (a)", 15);
        assert_eq!(index.as_deref(), Some("create index       i on t (a);"));
    }
}
