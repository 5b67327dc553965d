//! What can follow the words before the cursor.

use super::tables::name;
use crate::core::syntax::{Word, WordKind, is_keyword};

/// What can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A relation, or one of these words.
    Relation(&'static [&'static str]),
    /// A column of this table.
    ColumnOf(Vec<String>),
    /// A setting, or one of these words.
    Setting(&'static [&'static str]),
    Type,
    /// A name that is new: nothing fits.
    Name,
    /// A value.
    Operand,
    /// What follows a value.
    Operator,
}

/// What a statement begins with.
pub(super) const STATEMENTS: &[&str] = &[
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "comment on",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete from",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "insert into",
    "listen",
    "lock table",
    "merge into",
    "notify",
    "prepare",
    "prepare transaction",
    "refresh materialized view",
    "reindex",
    "release savepoint",
    "reset",
    "revoke",
    "rollback",
    "rollback to savepoint",
    "savepoint",
    "select",
    "set",
    "show",
    "start transaction",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
    "with",
];

const TRANSACTION: &[&str] =
    &["isolation level", "read only", "read write", "deferrable", "not deferrable"];

const AFTER_BEGIN: &[&str] =
    &["isolation level", "read only", "read write", "deferrable", "work", "transaction"];

const AFTER_SET_TRANSACTION: &[&str] =
    &["isolation level", "read only", "read write", "deferrable", "snapshot"];

const LEVELS: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];

const LOCK_MODES: &[&str] = &[
    "access share mode",
    "row share mode",
    "row exclusive mode",
    "share update exclusive mode",
    "share mode",
    "share row exclusive mode",
    "exclusive mode",
    "access exclusive mode",
];

const OBJECTS: &[&str] = &[
    "table",
    "index",
    "view",
    "materialized view",
    "sequence",
    "schema",
    "function",
    "procedure",
    "trigger",
    "type",
    "domain",
    "extension",
    "role",
    "user",
    "database",
    "policy",
    "rule",
];

const MADE: &[&str] = &[
    "table",
    "temporary table",
    "unlogged table",
    "index",
    "unique index",
    "view",
    "or replace view",
    "materialized view",
    "sequence",
    "schema",
    "function",
    "or replace function",
    "procedure",
    "trigger",
    "type",
    "domain",
    "extension",
    "role",
    "user",
    "database",
    "policy",
    "rule",
];

const ROW_LOCKS: &[&str] = &["update", "no key update", "share", "key share"];

const AFTER_ROW_LOCK: &[&str] = &["of", "nowait", "skip locked"];

/// What can follow these words at a statement's beginning.
#[rustfmt::skip]
const BEGINNINGS: &[(&[&str], &[&str])] = &[
    (&["begin"], AFTER_BEGIN),
    (&["begin", "transaction"], TRANSACTION),
    (&["begin", "work"], TRANSACTION),
    (&["start"], &["transaction"]),
    (&["start", "transaction"], TRANSACTION),
    (&["set", "transaction"], AFTER_SET_TRANSACTION),
    (&["commit"], &["and chain", "and no chain", "prepared", "work"]),
    (&["end"], &["and chain", "and no chain", "work"]),
    (&["rollback"], &["to savepoint", "and chain", "and no chain", "prepared", "work"]),
    (&["rollback", "to"], &["savepoint"]),
    (&["release"], &["savepoint"]),
    (&["insert"], &["into"]),
    (&["merge"], &["into"]),
    (&["delete"], &["from"]),
    (&["create"], MADE),
    (&["drop"], OBJECTS),
    (&["alter"], OBJECTS),
    (&["comment"], &["on"]),
    (&["explain"], &["analyze", "verbose", "select", "insert into", "update", "delete from"]),
    (&["explain", "analyze"], &["select", "insert into", "update", "delete from"]),
    (&["discard"], &["all", "plans", "sequences", "temporary"]),
];

/// What can follow these words anywhere.
#[rustfmt::skip]
const SEQUENCES: &[(&[&str], &[&str])] = &[
    (&["isolation"], &["level"]),
    (&["isolation", "level"], LEVELS),
    (&["repeatable"], &["read"]),
    (&["level", "read"], &["committed", "uncommitted"]),
    (&["order"], &["by"]),
    (&["group"], &["by"]),
    (&["partition"], &["by"]),
    (&["for"], ROW_LOCKS),
    (&["for", "no"], &["key update"]),
    (&["for", "no", "key"], &["update"]),
    (&["for", "key"], &["share"]),
    (&["for", "update"], AFTER_ROW_LOCK),
    (&["for", "share"], AFTER_ROW_LOCK),
    (&["key", "update"], AFTER_ROW_LOCK),
    (&["key", "share"], AFTER_ROW_LOCK),
    (&["skip"], &["locked"]),
    (&["left"], &["join", "outer join"]),
    (&["right"], &["join", "outer join"]),
    (&["full"], &["join", "outer join"]),
    (&["inner"], &["join"]),
    (&["cross"], &["join"]),
    (&["outer"], &["join"]),
    (&["on", "conflict"], &["do nothing", "do update set", "on constraint"]),
    (&["conflict", "do"], &["nothing", "update set"]),
    (&["do", "update"], &["set"]),
    (&["is"], &["null", "not null", "distinct from", "true", "false"]),
    (&["is", "not"], &["null", "distinct from", "true", "false"]),
    (&["and", "no"], &["chain"]),
    (&["nulls"], &["first", "last"]),
];

/// What can follow these words.
pub(super) fn expected(before: &[Word]) -> Expected {
    let Some(last) = before.last() else { return Expected::Words(STATEMENTS) };
    let follows = |keywords: &[&str]| ends(before, keywords);
    if let Some((_, words)) =
        BEGINNINGS.iter().find(|(all, _)| before.len() == all.len() && follows(all))
    {
        return Expected::Words(words);
    }
    if let Some(expected) = setting(before).or_else(|| lock(before)) {
        return expected;
    }
    let sequences = SEQUENCES.iter().filter(|(all, _)| follows(all));
    if let Some((_, words)) = sequences.max_by_key(|(all, _)| all.len()) {
        return Expected::Words(words);
    }
    if names_something_new(before) {
        return Expected::Name;
    }
    if let [.., one, two] = before
        && one.is_mark(':')
        && two.is_mark(':')
    {
        return Expected::Type;
    }
    if let Some(relation) = relation(before) {
        return relation;
    }
    if let Some(table) = assigned(before).or_else(|| inserted(before)) {
        return Expected::ColumnOf(table);
    }
    if ends_a_value(last) { Expected::Operator } else { Expected::Operand }
}

fn ends(before: &[Word], keywords: &[&str]) -> bool {
    before.len() >= keywords.len()
        && before[before.len() - keywords.len()..].iter().zip(keywords).all(|(w, k)| w.is(k))
}

/// SET, SHOW and RESET.
fn setting(before: &[Word]) -> Option<Expected> {
    let texts: Vec<&str> = before.iter().map(|word| word.text.as_str()).collect();
    let words: &[&str] = match texts.as_slice() {
        ["set"] => &["local", "session", "transaction", "constraints"],
        ["set", "session"] => &["characteristics as transaction", "authorization"],
        ["set", "local"] => &[],
        ["show" | "reset"] => &["all"],
        ["set", _] | ["set", "local" | "session", _] if texts[1] != "transaction" => {
            return Some(Expected::Words(&["to", "="]));
        }
        _ => return None,
    };
    Some(Expected::Setting(words))
}

/// LOCK TABLE and its modes.
fn lock(before: &[Word]) -> Option<Expected> {
    if !before.first()?.is("lock") {
        return None;
    }
    let last = before.last()?;
    Some(match before.len() {
        1 => Expected::Relation(&["table", "only"]),
        _ if last.is("in") => Expected::Words(LOCK_MODES),
        _ if last.is("mode") => Expected::Words(&["nowait"]),
        _ if last.is("table") || last.is("only") || last.is_mark(',') => Expected::Relation(&[]),
        _ => Expected::Words(&["in", "nowait"]),
    })
}

/// Whether a name of somebody's own choice comes next.
fn names_something_new(before: &[Word]) -> bool {
    let Some(last) = before.last() else { return false };
    let is_made = before.first().is_some_and(|first| first.is("create"))
        && before.len() <= 5
        && [
            "table", "view", "index", "sequence", "schema", "type", "domain", "function",
            "trigger", "exists",
        ]
        .iter()
        .any(|object| last.is(object));
    let makes_savepoint = last.is("savepoint") && before.len() == 1;
    is_made || makes_savepoint || last.is("as")
}

/// A relation comes after FROM and its like, and after a comma in such a list.
fn relation(before: &[Word]) -> Option<Expected> {
    let last = before.last()?;
    let is_alone = before.len() == 1;
    let begins = before.first().is_some_and(|first| {
        ["truncate", "vacuum", "analyze", "copy", "table"].iter().any(|it| first.is(it))
    });
    let is_clause = ["from", "join", "into", "references"].iter().any(|it| last.is(it))
        || (last.is("using") && before.first().is_some_and(|first| first.is("delete")))
        || (last.is("update") && is_alone)
        || ((last.is("table") || last.is("only")) && !ends(before, &["create", "table"]))
        || (last.is("exists") && before.first().is_some_and(|first| first.is("drop")))
        || (last.is("on")
            && ["index", "trigger", "policy", "grant"].iter().any(|it| has(before, it)))
        || (begins && is_alone)
        || (last.is_mark(',') && lists_relations(before));
    let words: &[&str] =
        if last.is("from") || last.is("join") { &["lateral", "only"] } else { &[] };
    is_clause.then_some(Expected::Relation(words))
}

/// Whether a comparison begins here that each row is asked for.
pub(super) fn begins_a_condition(before: &[Word]) -> bool {
    ["where", "and", "or", "not", "on"].iter().any(|keyword| ends(before, &[keyword]))
}

fn has(before: &[Word], keyword: &str) -> bool {
    before.iter().take(3).any(|word| word.is(keyword))
}

/// Whether the list in which a comma stands is one of relations.
fn lists_relations(before: &[Word]) -> bool {
    let mut depth = 0_usize;
    for word in before.iter().rev() {
        match () {
            () if word.is_mark(')') => depth += 1,
            () if word.is_mark('(') && depth == 0 => return false,
            () if word.is_mark('(') => depth -= 1,
            () if depth > 0 => {}
            () if ["from", "truncate", "vacuum"].iter().any(|it| word.is(it)) => return true,
            () if word.is("as") || word.is("only") || word.is("lateral") => {}
            () if word.kind == WordKind::Plain && is_keyword(&word.text) => return false,
            () => {}
        }
    }
    false
}

/// The table whose columns an UPDATE sets.
fn assigned(before: &[Word]) -> Option<Vec<String>> {
    let last = before.last()?;
    let at = before.iter().rposition(|word| word.is("update"))?;
    let target = &before[at + 1..];
    let target = if target.first()?.is("only") { &target[1..] } else { target };
    let set = target.iter().position(|word| word.is("set"))?;
    let rest = &target[set..];
    let is_over =
        rest.iter().any(|word| ["where", "from", "returning"].iter().any(|it| word.is(it)));
    let is_next = last.is("set") || (last.is_mark(',') && !is_open(rest));
    // ON CONFLICT DO UPDATE sets what was inserted into.
    let table = if set == 0 { inserts_into(before)? } else { name(target)?.0 };
    (is_next && !is_over).then_some(table)
}

/// The table whose columns an INSERT lists.
fn inserted(before: &[Word]) -> Option<Vec<String>> {
    let at = before.iter().position(|word| word.is("into"))?;
    let (table, length) = name(&before[at + 1..])?;
    let rest = &before[at + 1 + length..];
    let is_list = rest.first()?.is_mark('(') && !rest.iter().any(|word| word.is_mark(')'));
    let last = before.last()?;
    (is_list && (last.is_mark('(') || last.is_mark(','))).then_some(table)
}

fn inserts_into(before: &[Word]) -> Option<Vec<String>> {
    let at = before.iter().position(|word| word.is("into"))?;
    Some(name(&before[at + 1..])?.0)
}

/// Whether a parenthesis is open at their end.
fn is_open(words: &[Word]) -> bool {
    let opened = words.iter().filter(|word| word.is_mark('(')).count();
    opened > words.iter().filter(|word| word.is_mark(')')).count()
}

/// Whether a value is whole with this word, so that an operator or a clause follows.
fn ends_a_value(last: &Word) -> bool {
    match last.kind {
        WordKind::Value | WordKind::Text | WordKind::Quoted | WordKind::Escaped => true,
        WordKind::Plain => {
            let is_value = ["null", "true", "false", "end", "default", "current_timestamp"];
            !is_keyword(&last.text) || is_value.iter().any(|it| last.is(it))
        }
        WordKind::Mark => last.is_mark(')') || last.is_mark(']'),
    }
}
