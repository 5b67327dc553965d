//! What a statement is to the transaction around it, and which rows it locks.

use crate::core::syntax::{Verb, Word, begins, has, verb};

/// What a statement is to the transaction around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Empty,
    Begin(Access),
    Commit,
    Rollback,
    /// Changes the schema; the word after CREATE, ALTER or DROP.
    Ddl(String),
    /// Settings and the like: SET, SHOW, RESET, DISCARD, DEALLOCATE. No table is touched.
    Session,
    /// `PREPARE name AS ...`.
    Prepare(String),
    /// `EXECUTE name`.
    Execute(String),
    /// Anything that reads or writes.
    Query,
}

/// What BEGIN allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// It does not say: the session's default does.
    #[default]
    AsSet,
    ReadWrite,
    ReadOnly,
}

impl Access {
    /// This, or the other where it does not say.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::AsSet { other } else { self }
    }
}

/// The row locks that this engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLock {
    Update,
    KeyShare,
}

/// What a statement of these words is.
pub(super) fn kind(words: &[Word]) -> Kind {
    let name_at = |at: usize| words.get(at).and_then(Word::name).unwrap_or("").to_owned();
    match verb(words) {
        Verb::Empty => Kind::Empty,
        Verb::Begin => Kind::Begin(access(words)),
        // COMMIT PREPARED is refused by its words; as one of the gateway's own it could reach no
        // server in any case.
        Verb::Commit | Verb::CommitPrepared => Kind::Commit,
        Verb::Rollback | Verb::RollbackPrepared => Kind::Rollback,
        Verb::Ddl => Kind::Ddl(ddl_object(words)),
        // It writes to the catalog what it finds, for everybody.
        Verb::Maintenance if begins(words, &["analyze"]) || begins(words, &["analyse"]) => {
            Kind::Ddl(ddl_object(words))
        }
        Verb::Set | Verb::SetTransaction | Verb::Show | Verb::Reset | Verb::Deallocate => {
            Kind::Session
        }
        Verb::Prepare => Kind::Prepare(name_at(1)),
        Verb::Execute => Kind::Execute(name_at(1)),
        _ => explained_execute(words).map_or(Kind::Query, |at| Kind::Execute(name_at(at))),
    }
}

/// Where in an EXPLAIN of an EXECUTE the name stands of what that executes, as it does if it is to
/// be analyzed.
fn explained_execute(words: &[Word]) -> Option<usize> {
    if !begins(words, &["explain"]) {
        return None;
    }
    let is_option = |word: &Word| ["analyze", "analyse", "verbose"].iter().any(|it| word.is(it));
    let at = if words.get(1)?.is_mark('(') {
        words.iter().position(|word| word.is_mark(')'))? + 1
    } else {
        1 + words[1..].iter().take_while(|word| is_option(word)).count()
    };
    words.get(at)?.is("execute").then_some(at + 1)
}

/// The word that says what kind of object a DDL statement is about.
fn ddl_object(words: &[Word]) -> String {
    const DECORATION: [&str; 8] =
        ["or", "replace", "unique", "temp", "temporary", "global", "local", "unlogged"];
    let object =
        words.iter().skip(1).filter_map(Word::name).find(|word| !DECORATION.contains(word));
    object.unwrap_or("").to_owned()
}

fn access(words: &[Word]) -> Access {
    if has(words, &["read", "only"]) {
        Access::ReadOnly
    } else if has(words, &["read", "write"]) {
        Access::ReadWrite
    } else {
        Access::AsSet
    }
}

/// The row lock that these words ask for.
pub(super) fn locks(words: &[Word]) -> Option<RowLock> {
    if has(words, &["for", "update"]) {
        Some(RowLock::Update)
    } else if has(words, &["for", "key", "share"]) {
        Some(RowLock::KeyShare)
    } else {
        None
    }
}
