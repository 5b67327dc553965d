//! What Aurora DSQL refuses though this engine could do it: what `serve --dsql` refuses as well, in
//! the service's words.
//!
//! ```text
//!  a statement's words ──▶ facts: tables of what is refused, and what is allowed ──▶ Refusal
//!                          columns: the types that a statement declares
//! ```
//!
//! The words come from answers of a cluster in September 2026; what no answer was at hand for is
//! named as the service names statements: PostgreSQL's parse node without `Stmt`.

use super::refusal::Refusal;
use super::statement::{Kind, Statement, what_is_set};
use crate::core::syntax::{Word, begins, has};

mod alter;
mod columns;
mod facts;
mod sequences;

/// Whether statements are refused that the service refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// As much of PostgreSQL as there can be.
    #[default]
    Lenient,
    /// As Aurora DSQL.
    Dsql,
}

/// Why the service does not run this statement, though this engine would, or in what other words
/// than this engine it refuses it.
pub(super) fn refusal(statement: &Statement) -> Option<Refusal> {
    let words = &statement.words[..];
    if let Kind::Ddl(_) = statement.kind {
        return refused_ddl(words);
    }
    facts::refused(words).or_else(|| refused_query(words)).or_else(|| refused_setting(statement))
}

fn refused_ddl(words: &[Word]) -> Option<Refusal> {
    facts::refused(words)
        .or_else(|| facts::refused_object(words))
        .or_else(|| sequences::refusal(words))
        .or_else(|| alter::refusal(words))
        .or_else(|| columns::refusal(words))
}

fn refused_query(words: &[Word]) -> Option<Refusal> {
    if has(words, &["tablesample"]) {
        return Some(Refusal::unsupported("TABLESAMPLE is not supported"));
    }
    // A name behind INTO, or one of a WITH clause, has columns in its parentheses.
    let is_called = |at: &usize| {
        let is_behind = |keyword: &str| *at > 0 && words[at - 1].is(keyword);
        words[at + 1].is_mark('(') && !["into", "with", "recursive"].iter().any(|it| is_behind(it))
    };
    let mut called = (0..words.len().saturating_sub(1)).filter(is_called);
    called.find_map(|at| facts::refused_function(words[at].name()?, words))
}

fn refused_setting(statement: &Statement) -> Option<Refusal> {
    let words = &statement.words[..];
    let is_of_transactions = begins(words, &["set", "transaction"])
        || begins(words, &["set", "session", "characteristics"]);
    if statement.kind != Kind::Session || !begins(words, &["set"]) || is_of_transactions {
        return None;
    }
    let name = what_is_set(words)?;
    (!facts::SETTINGS.contains(&name)).then(|| Refusal::setting(name))
}

#[cfg(test)]
mod tests;
