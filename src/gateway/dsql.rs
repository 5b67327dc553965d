//! What Aurora DSQL refuses though this engine could do it: what `serve --dsql` refuses as well, in
//! the service's words.
//!
//! ```text
//!  a statement's words ──▶ statements, alter, indexes, columns, roles, … ──▶ Refusal
//!                                      │
//!                          facts: tables of what is refused and what is allowed
//! ```
//!
//! The words come from answers of a cluster in September 2026; what no answer was at hand for is
//! named as the service names statements: PostgreSQL's parse node without `Stmt`.

use super::refusal::Refusal;
use super::statement::{Kind, Statement, is_async, selects_into};
use crate::core::syntax::{Word, begins, has};

mod alter;
mod columns;
mod completed;
mod facts;
mod indexes;
mod roles;
mod sequences;
mod settings;
mod statements;
mod temporary;
mod types;

pub(super) use alter::Drops;
pub(super) use completed::completed;
pub(super) use facts::OWN_SETTING;
pub(super) use indexes::KeyColumns;
pub(super) use settings::{
    asks_own_setting, refused_parameter, shown_own_setting, with_own_prefix,
};

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
        let refused = statements::parts(words).into_iter().find_map(refused_ddl);
        return refused.or_else(|| temporary::refusal(statement));
    }
    // PostgreSQL makes it a CREATE TABLE AS.
    if selects_into(words) {
        return Some(Refusal::statement("CreateTableAs"));
    }
    statements::refused(words)
        .or_else(|| statements::refused_copy(words))
        .or_else(|| statements::refused_procedure(words))
        .or_else(|| refused_query(words))
        .or_else(|| settings::refusal(statement))
        .or_else(|| temporary::refusal(statement))
}

fn refused_ddl(words: &[Word]) -> Option<Refusal> {
    statements::refused(words)
        .or_else(|| statements::refused_object(words))
        .or_else(|| roles::refusal(words))
        .or_else(|| statements::refused_language(words))
        .or_else(|| columns::refused_result(words))
        .or_else(|| sequences::refusal(words))
        .or_else(|| alter::refusal(words))
        .or_else(|| indexes::refusal(words))
        .or_else(|| columns::refusal(words))
        .or_else(|| makes_view(words).then(|| refused_query(words)).flatten())
}

fn makes_view(words: &[Word]) -> bool {
    begins(words, &["create"]) && words.iter().take(4).any(|word| word.is("view"))
}

/// What a statement drops of a table.
pub(super) fn drops(statement: &Statement) -> Option<Drops> {
    alter::drops(&statement.words)
}

/// Why a primary key stays: this column of it, or the constraint (reported).
pub(super) fn refused_drop(column: Option<&str>) -> Refusal {
    match column {
        None => alter::unsupported("DROP CONSTRAINT"),
        Some(column) => Refusal::unsupported(format!("cannot drop primary key column {column}")),
    }
}

/// Whether a statement makes an index at once: the service takes that of a session that has set
/// `disable_sync_create_index` off.
pub(super) fn makes_index_at_once(statement: &Statement) -> bool {
    key_columns(statement).is_some() && !is_async(&statement.words)
}

/// Why such an index cannot be of its keys.
pub(super) fn refused_keys(statement: &Statement) -> Option<Refusal> {
    indexes::refused_keys(&statement.words)
}

/// The columns of the index that a statement makes.
pub(super) fn key_columns(statement: &Statement) -> Option<KeyColumns> {
    indexes::key_columns(&statement.words)
}

/// Why no column of this type can be in a key (reported).
pub(super) fn refused_key_type(kind: &str) -> Refusal {
    Refusal::unsupported(format!("datatype {kind} is not supported in a key"))
}

/// Why there cannot be so many of these.
pub(super) fn refused_count(counted: &str, count: u64) -> Option<Refusal> {
    if counted == "keys of jsonb" && count > 0 {
        return Some(refused_key_type("jsonb"));
    }
    if let Some(kind) = counted.strip_prefix("columns of ") {
        return Some(Refusal::unsupported(format!("datatype {kind} not supported")));
    }
    let limit = facts::LIMITS.iter().find(|limit| limit.counted == counted)?;
    (count > limit.most).then(|| Refusal::limit(limit.says))
}

fn refused_query(words: &[Word]) -> Option<Refusal> {
    if has(words, &["merge", "into"]) {
        return Some(Refusal::statement("Merge"));
    }
    if begins(words, &["explain"]) && has(words, &["create"]) {
        return Some(Refusal::statement("CreateTableAs"));
    }
    if begins(words, &["explain"]) && words.iter().any(|word| word.is("execute")) {
        return Some(Refusal::statement("Execute"));
    }
    if begins(words, &["explain"]) && words.iter().any(|word| word.is("declare")) {
        return Some(Refusal::statement("DeclareCursor"));
    }
    if has(words, &["tablesample"]) {
        return Some(Refusal::unsupported("TABLESAMPLE is not supported"));
    }
    // A name behind INTO, or one of a WITH clause, has columns in its parentheses.
    let is_called = |at: &usize| {
        let is_behind = |keyword: &str| *at > 0 && words[at - 1].is(keyword);
        words[at + 1].is_mark('(') && !["into", "with", "recursive"].iter().any(|it| is_behind(it))
    };
    let mut called = (0..words.len().saturating_sub(1)).filter(is_called);
    let refused =
        called.find_map(|at| statements::refused_function(words[at].name()?, &words[at + 1..]));
    refused.or_else(|| columns::refused_cast(words))
}

#[cfg(test)]
mod tests;
