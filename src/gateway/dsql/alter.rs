//! ALTER TABLE: what of it the service does.

use super::columns;
use super::facts::{Action, COLUMN_ACTIONS, TABLE_ACTIONS};
use crate::core::syntax::{Word, begins, has};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{TableName, table_name};

/// Words behind a column's type with which more is wanted than a column.
const CONSTRAINTS: [&str; 8] =
    ["not", "default", "check", "unique", "primary", "references", "constraint", "generated"];

/// Of a key that is judged at the end of a transaction (reported).
const DEFERRED_KEY: &str =
    "ALTER TABLE / ADD CONSTRAINT UNIQUE / DEFERRED / INITIALLY DEFERRED not supported";

/// Why a table cannot be altered so.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let actions = actions(words)?;
    let is_async = words.get(2).is_some_and(|word| word.is("async"));
    actions.into_iter().find_map(|action| refused_action(action, is_async))
}

/// What an ALTER TABLE drops, the primary key of which the service keeps.
pub(in crate::gateway) struct Drops {
    pub(in crate::gateway) schema: Option<String>,
    pub(in crate::gateway) table: String,
    pub(in crate::gateway) columns: Vec<String>,
    pub(in crate::gateway) constraints: Vec<String>,
}

/// What these words drop of a table; nothing where they are about something else.
pub(super) fn drops(words: &[Word]) -> Option<Drops> {
    let ((schema, table), _) = subject(words)?;
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    for action in actions(words)?.into_iter().filter(|action| begins(action, &["drop"])) {
        let is_constraint = begins(&action[1..], &["constraint"]);
        let decoration = ["constraint", "column", "if", "exists"];
        let name =
            action[1..].iter().find(|word| !decoration.iter().any(|keyword| word.is(keyword)));
        let dropped = if is_constraint { &mut constraints } else { &mut columns };
        dropped.extend(name.and_then(Word::name).map(str::to_owned));
    }
    let are_any = !columns.is_empty() || !constraints.is_empty();
    are_any.then_some(Drops { schema, table, columns, constraints })
}

/// The table of an ALTER TABLE, or what else is altered by the same statement (`AlterTableStmt` in
/// gram.y), and what comes behind.
fn subject(words: &[Word]) -> Option<(TableName, &[Word])> {
    const DECORATION: [&str; 6] = ["async", "if", "exists", "only", "view", "table"];
    const ALTERED: [&[&str]; 4] =
        [&["table"], &["index"], &["materialized", "view"], &["foreign", "table"]];
    if !begins(words, &["alter"]) || !ALTERED.iter().any(|kind| begins(&words[1..], kind)) {
        return None;
    }
    let is_name = |word: &Word| !DECORATION.iter().any(|keyword| word.is(keyword));
    let at = words[2..].iter().position(is_name)?;
    table_name(&words[2 + at..])
}

/// What an ALTER TABLE does, its actions one by one.
fn actions(words: &[Word]) -> Option<Vec<&[Word]>> {
    let (_, rest) = subject(words)?;
    let rest = rest.get(usize::from(rest.first().is_some_and(|word| word.is_mark('*')))..)?;
    let mut depth = 0_i32;
    let parts = rest.split(|word| {
        depth += i32::from(word.is_mark('(')) - i32::from(word.is_mark(')'));
        depth == 0 && word.is_mark(',')
    });
    Some(parts.collect())
}

fn refused_action(action: &[Word], is_async: bool) -> Option<Refusal> {
    let [first, rest @ ..] = action else { return None };
    if is_async {
        return refused_async(first, action);
    }
    if first.is("add") {
        return refused_add(rest);
    }
    let (named, is_taken) = named(action)?;
    (!is_taken).then(|| unsupported(named))
}

/// What an action is called that adds nothing, and whether it is done.
fn named(action: &[Word]) -> Option<(&'static str, bool)> {
    let [first, rest @ ..] = action else { return None };
    let is_of_column = first.is("alter") && !begins(rest, &["constraint"]);
    if !is_of_column {
        return find(&TABLE_ACTIONS, action).map(|found| (found.named, found.is_taken));
    }
    let column = usize::from(begins(rest, &["column"]));
    let action = rest.get(column + 1..)?;
    if let [set, open, ..] = action
        && set.is("set")
        && open.is_mark('(')
    {
        return Some(("ALTER COLUMN ... SET", false));
    }
    find(&COLUMN_ACTIONS, action).map(|found| (found.named, found.is_taken))
}

/// Only a constraint is validated so (Aurora DSQL User Guide, ALTER TABLE).
fn refused_async(first: &Word, action: &[Word]) -> Option<Refusal> {
    if first.is("validate") {
        return None;
    }
    let added = if constraint(&action[1..]).is_some() { "ADD CONSTRAINT" } else { "ADD COLUMN" };
    let named = if first.is("add") { Some(added) } else { named(action).map(|(named, _)| named) };
    named.map(unsupported)
}

fn find<'a>(actions: &'a [Action], words: &[Word]) -> Option<&'a Action> {
    actions.iter().find(|action| begins(words, action.words))
}

/// The constraint that an ADD adds, without its name; nothing where it adds a column.
fn constraint(rest: &[Word]) -> Option<&[Word]> {
    const KINDS: [&str; 5] = ["check", "unique", "primary", "foreign", "exclude"];
    if begins(rest, &["constraint"]) {
        return rest.get(2..);
    }
    KINDS.iter().any(|kind| begins(rest, &[kind])).then_some(rest)
}

fn refused_add(rest: &[Word]) -> Option<Refusal> {
    if let Some(constraint) = constraint(rest) {
        return refused_constraint(constraint);
    }
    let kind = added_type(rest)?;
    let is_more = kind.iter().any(|word| CONSTRAINTS.iter().any(|keyword| word.is(keyword)));
    columns::refused_column(kind).or_else(|| {
        is_more
            .then(|| Refusal::unsupported("ALTER TABLE ADD COLUMN with constraint not supported"))
    })
}

/// What stands behind the name of a column that is added.
fn added_type(rest: &[Word]) -> Option<&[Word]> {
    let skipped = rest.iter().take_while(|word| {
        ["column", "if", "not", "exists"].iter().any(|keyword| word.is(keyword))
    });
    rest.get(skipped.count() + 1..)
}

/// The columns that an ALTER TABLE adds, each from its type on.
pub(super) fn added_types(words: &[Word]) -> Vec<&[Word]> {
    let added = |action: &'_ [Word]| action.first().is_some_and(|word| word.is("add"));
    let actions = actions(words).unwrap_or_default().into_iter().filter(|action| added(action));
    actions.filter_map(|action| added_type(&action[1..])).collect()
}

/// A constraint is taken where nothing has to be checked for it now.
fn refused_constraint(rest: &[Word]) -> Option<Refusal> {
    let is_taken = match rest.first()?.name()? {
        "check" | "foreign" => has(rest, &["not", "valid"]),
        "unique" => has(rest, &["using", "index"]),
        _ => false,
    };
    if !is_taken {
        return Some(unsupported("ADD CONSTRAINT"));
    }
    let is_key = begins(rest, &["unique"]);
    (is_key && columns::is_deferred(rest)).then(|| Refusal::unsupported(DEFERRED_KEY))
}

/// So the service names an action that it does not do.
pub(super) fn unsupported(action: &str) -> Refusal {
    Refusal::unsupported(format!("unsupported ALTER TABLE {action} statement"))
}
