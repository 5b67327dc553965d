//! ALTER TABLE: what of it the service does.

use super::{columns, sequences};
use crate::core::syntax::{Word, begins, has};
use crate::gateway::refusal::Refusal;

/// Words behind a column's type with which more is wanted than a column.
const CONSTRAINTS: [&str; 7] =
    ["not", "default", "check", "unique", "primary", "references", "constraint"];

/// Why a table cannot be altered so.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    if !begins(words, &["alter", "table"]) {
        return None;
    }
    let is_async = words.get(2).is_some_and(|word| word.is("async"));
    let action = action(&words[if is_async { 3 } else { 2 }..]);
    let [first, rest @ ..] = action else { return None };
    match first.name()? {
        "add" => refused_add(rest),
        "validate" if !is_async => Some(unsupported("VALIDATE CONSTRAINT")),
        "alter" => refused_column(rest),
        "inherit" | "no" => Some(unsupported("INHERIT")),
        "enable" | "disable" => Some(unsupported("ROW LEVEL SECURITY")),
        "cluster" => Some(unsupported("CLUSTER ON")),
        "attach" | "detach" => Some(unsupported("PARTITION")),
        "replica" => Some(unsupported("REPLICA IDENTITY")),
        _ => None,
    }
}

/// What follows the table's name.
fn action(words: &[Word]) -> &[Word] {
    let skipped = words
        .iter()
        .take_while(|word| ["if", "exists", "only"].iter().any(|keyword| word.is(keyword)));
    let name = skipped.count();
    let qualified = words.get(name + 1).is_some_and(|word| word.is_mark('.'));
    let star = |at: usize| usize::from(words.get(at).is_some_and(|word| word.is_mark('*')));
    let end = name + if qualified { 3 } else { 1 };
    words.get(end + star(end)..).unwrap_or_default()
}

fn refused_add(rest: &[Word]) -> Option<Refusal> {
    if begins(rest, &["constraint"]) {
        return refused_constraint(rest.get(2..)?);
    }
    let is_constraint =
        ["check", "unique", "primary", "foreign", "exclude"].iter().any(|it| begins(rest, &[it]));
    if is_constraint {
        return refused_constraint(rest);
    }
    let skipped = rest.iter().take_while(|word| {
        ["column", "if", "not", "exists"].iter().any(|keyword| word.is(keyword))
    });
    let column = rest.get(skipped.count()..)?;
    let kind = column.get(1..)?;
    if let Some(refused) = columns::refused_type(kind) {
        return Some(refused);
    }
    let is_identity_of_bigint = sequences::declares_identity(kind)
        && columns::declared(kind).is_some_and(|declared| declared.name == "bigint");
    let is_more = kind.iter().any(|word| CONSTRAINTS.iter().any(|keyword| word.is(keyword)));
    let generated = kind.iter().any(|word| word.is("generated")) && !is_identity_of_bigint;
    let by_default = is_identity_of_bigint && has(kind, &["by", "default"]);
    ((is_more && !by_default) || generated)
        .then(|| Refusal::unsupported("ALTER TABLE ADD COLUMN with constraint not supported"))
}

/// A constraint is taken where nothing has to be checked for it now.
fn refused_constraint(rest: &[Word]) -> Option<Refusal> {
    let is_taken = match rest.first()?.name()? {
        "check" | "foreign" => has(rest, &["not", "valid"]),
        "unique" => has(rest, &["using", "index"]),
        _ => false,
    };
    (!is_taken).then(|| unsupported("ADD CONSTRAINT"))
}

fn refused_column(rest: &[Word]) -> Option<Refusal> {
    let skipped = usize::from(begins(rest, &["column"]));
    let action = rest.get(skipped + 1..)?;
    let kind = if begins(action, &["type"]) {
        action.get(1..)
    } else if begins(action, &["set", "data", "type"]) {
        action.get(3..)
    } else {
        None
    };
    columns::refused_type(kind?).map(|_| unsupported("ALTER COLUMN ... SET DATA TYPE"))
}

fn unsupported(action: &str) -> Refusal {
    Refusal::unsupported(format!("unsupported ALTER TABLE {action} statement"))
}
