//! The types that a statement declares: of a table's columns, of a column that is added, of a
//! domain.

use super::facts::TABLE_CLAUSES;
use super::types::{SIZES, TYPES, TYPES_WITHOUT_VALUES, is_type_refused};
use crate::core::syntax::{Word, WordKind, begins, has, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{creates_from_query, table_name};

/// What begins something else than a column in a table's parentheses.
const NO_COLUMN: [&str; 7] =
    ["constraint", "check", "unique", "primary", "foreign", "exclude", "like"];

/// What begins another clause behind a column's type.
const BEHIND_A_TYPE: [&str; 12] = [
    "not",
    "null",
    "default",
    "primary",
    "unique",
    "check",
    "references",
    "collate",
    "constraint",
    "generated",
    "storage",
    "compression",
];

/// The most columns that a table can have: one more than the service says (Aurora DSQL's guide for
/// agents, Limits and error codes, October 2026).
const MOST_COLUMNS: usize = 256;

/// The most columns of a key.
pub(super) const MOST_KEY_COLUMNS: usize = 8;

/// The most bytes that the columns of a key may be declared with (Aurora DSQL's guide for agents,
/// Limits and error codes, October 2026).
const LARGEST_KEY: u64 = 2_000;

/// A type as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// As `format_type` names it, without what stands in parentheses.
    pub(super) name: String,
    pub(super) is_array: bool,
}

/// Why the types or keys that these words declare cannot be had.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let is = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
    if is(0, "create") && is(1, "domain") {
        let (_, kind) = table_name(&words[2..])?;
        return refused_column(if begins(kind, &["as"]) { &kind[1..] } else { kind });
    }
    if is(0, "create") && words.iter().take(4).any(|word| word.is("table")) {
        return refused_table(words);
    }
    None
}

fn refused_table(words: &[Word]) -> Option<Refusal> {
    if creates_from_query(words) {
        return Some(Refusal::statement("CreateTableAs"));
    }
    for clause in ["by", "of"] {
        if has(words, &["partition", clause]) {
            let clause = clause.to_uppercase();
            return Some(Refusal::unsupported(format!(
                "PARTITION {clause} clause not supported for CREATE TABLE"
            )));
        }
    }
    let items = items(words);
    if items.iter().any(|item| has(&item[..item.len().min(3)], &["exclude"])) {
        return Some(Refusal::unsupported("EXCLUDE constraint not supported for CREATE TABLE"));
    }
    if let Some(refused) = refused_clause(words) {
        return Some(refused);
    }
    let columns: Vec<&[Word]> = items.iter().copied().filter(|item| is_column(item)).collect();
    if let Some(refused) = columns.iter().find_map(|column| refused_column(&column[1..])) {
        return Some(refused);
    }
    if columns.len() > MOST_COLUMNS {
        return Some(too_many_columns(&items));
    }
    let is_deferred = |item: &&[Word]| is_key(item) && is_deferred(item);
    if items.iter().any(is_deferred) {
        return Some(Refusal::unsupported("DEFERRABLE constraint not supported"));
    }
    keys(&items).iter().find_map(|key| refused_key(key, &columns))
}

/// A table with a primary key is stored as that key's index (the same guide).
fn too_many_columns(items: &[&[Word]]) -> Refusal {
    let is_keyed = items.iter().any(|item| has(item, &["primary", "key"]));
    Refusal::too_many_columns(if is_keyed {
        format!("cannot use more than {MOST_COLUMNS} columns in an index")
    } else {
        format!("tables can have at most {} columns", MOST_COLUMNS - 1)
    })
}

/// Why a table cannot have what stands behind its columns.
fn refused_clause(words: &[Word]) -> Option<Refusal> {
    let open = words.iter().position(|word| word.is_mark('('))?;
    let (_, behind) = parenthesized(&words[open..])?;
    let clause = |at: usize| TABLE_CLAUSES.iter().find(|(clause, _)| begins(&behind[at..], clause));
    let (_, says) = (0..behind.len()).find_map(clause)?;
    Some(Refusal::unsupported(*says))
}

/// Whether a unique or a primary key is declared here, and no foreign one, which may be judged
/// later.
fn is_key(item: &[Word]) -> bool {
    let says = |keyword: &str| item.iter().any(|word| word.is(keyword));
    (says("unique") || says("primary")) && !says("references")
}

/// Whether a constraint is judged at the end of a transaction.
pub(super) fn is_deferred(constraint: &[Word]) -> bool {
    let is_deferrable = |at: usize| {
        constraint[at].is("deferrable") && !constraint[..at].last().is_some_and(|it| it.is("not"))
    };
    (0..constraint.len()).any(is_deferrable) || has(constraint, &["initially", "deferred"])
}

/// The columns of a table's keys.
fn keys<'a>(items: &[&'a [Word]]) -> Vec<Vec<&'a str>> {
    let key = |item: &&'a [Word]| {
        let at = item.iter().position(|word| word.is("primary") || word.is("unique"))?;
        if is_column(item) {
            return Some(vec![item.first()?.name()?]);
        }
        let open = item[at..].iter().position(|word| word.is_mark('('))?;
        let (columns, _) = parenthesized(&item[at + open..])?;
        Some(columns.iter().filter_map(|column| column.first()?.name()).collect())
    };
    items.iter().filter_map(key).collect()
}

fn refused_key(key: &[&str], columns: &[&[Word]]) -> Option<Refusal> {
    if key.len() > MOST_KEY_COLUMNS {
        return Some(too_many_key_columns());
    }
    let of = |name: &&str| columns.iter().find(|column| column[0].name() == Some(name));
    let declared: Vec<_> = key.iter().filter_map(|name| Some(&of(name)?[1..])).collect();
    let json = declared.iter().filter_map(|kind| Some(self::declared(kind)?.name));
    if let Some(name) = json.into_iter().find(|name| ["json", "jsonb"].contains(&&**name)) {
        return Some(Refusal::unsupported(format!("datatype {name} is not supported in a key")));
    }
    let size = declared.iter().filter_map(|kind| declared_size(kind)).sum::<u64>();
    (size > LARGEST_KEY)
        .then(|| Refusal::limit(format!("key size greater than {LARGEST_KEY} bytes not supported")))
}

/// A key of more columns than there can be.
pub(super) fn too_many_key_columns() -> Refusal {
    Refusal::too_many_columns(format!(
        "more than {MOST_KEY_COLUMNS} column keys in an index are not supported"
    ))
}

/// There is one collation, C.
pub(super) fn no_collation() -> Refusal {
    Refusal::unsupported("COLLATE clause not supported")
}

/// Why there cannot be a column that is declared so, from its type on.
pub(super) fn refused_column(words: &[Word]) -> Option<Refusal> {
    let says = |keyword: &str| words.iter().any(|word| word.is(keyword));
    let compressed = || Refusal::unsupported("COMPRESSION clause not supported");
    refused_type(words)
        .or_else(|| refused_size(words))
        .or_else(|| says("collate").then(no_collation))
        .or_else(|| says("compression").then(compressed))
}

/// Why a text cannot be declared to be so long.
fn refused_size(words: &[Word]) -> Option<Refusal> {
    let Declared { name, .. } = declared(words)?;
    let size = declared_size(words)?;
    let (_, called, most) = SIZES.iter().find(|(known, ..)| *known == name)?;
    (size > *most).then(|| {
        Refusal::limit(format!(
            "Datatype limit greater than {most} bytes not supported for {called}"
        ))
    })
}

/// The size in parentheses behind a type of texts.
fn declared_size(words: &[Word]) -> Option<u64> {
    let Declared { name, .. } = declared(words)?;
    SIZES.iter().find(|(known, ..)| *known == name)?;
    let open = words.iter().take(3).position(|word| word.is_mark('('))?;
    let size = words.get(open + 1).filter(|word| word.kind == WordKind::Value)?;
    size.text.parse().ok()
}

/// Behind which byte the size of a `numeric` that is declared here without one belongs.
pub(super) fn bare_numeric(words: &[Word]) -> Option<usize> {
    let words = unqualified(words);
    let (kind, behind) = words.split_first()?;
    let is_numeric = declared(words).is_some_and(|declared| declared.name == "numeric");
    let is_sized = behind.first().is_some_and(|word| word.is_mark('('));
    (is_numeric && !is_sized).then_some(kind.span.end)
}

/// The columns of a table that these words create, each from its type on.
pub(super) fn column_types(words: &[Word]) -> Vec<&[Word]> {
    let makes = begins(words, &["create"]) && words.iter().take(4).any(|word| word.is("table"));
    let items = if makes { items(words) } else { Vec::new() };
    items.into_iter().filter(|item| is_column(item)).map(|item| &item[1..]).collect()
}

/// What stands between the commas of the first parentheses.
fn items(words: &[Word]) -> Vec<&[Word]> {
    let open = words.iter().position(|word| word.is_mark('('));
    let items = open.and_then(|open| parenthesized(&words[open..]));
    items.map(|(items, _)| items).unwrap_or_default()
}

fn is_column(item: &[Word]) -> bool {
    item.first().is_some_and(|word| !NO_COLUMN.iter().any(|keyword| word.is(keyword)))
}

/// Why a column cannot be of the type that begins here.
pub(super) fn refused_type(words: &[Word]) -> Option<Refusal> {
    let Declared { name, is_array } = declared(words)?;
    if ["serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"]
        .contains(&name.as_str())
    {
        return Some(Refusal::undefined(format!("type \"{name}\" does not exist")));
    }
    let unsupported =
        |name: &str| Some(Refusal::unsupported(format!("datatype {name} not supported")));
    if is_array {
        return unsupported(&format!("{name}[]"));
    }
    if TYPES.contains(&name.as_str()) || !is_type_refused(&name) {
        return None;
    }
    unsupported(&name)
}

/// Why a function cannot answer with a value of such a type: one that no value has, or a range
/// (reported).
pub(super) fn refused_result(words: &[Word]) -> Option<Refusal> {
    let is_function =
        begins(words, &["create"]) && words.iter().take(4).any(|it| it.is("function"));
    let at = words.iter().position(|word| word.is("returns")).filter(|_| is_function)?;
    let setof = usize::from(words.get(at + 1)?.is("setof"));
    let Declared { name, .. } = declared(words.get(at + 1 + setof..)?)?;
    let is_refused = TYPES_WITHOUT_VALUES.contains(&name.as_str())
        || name.ends_with("range") && is_type_refused(&name);
    is_refused.then(|| Refusal::unsupported(format!("datatype {name} not supported")))
}

/// Why a query cannot make a value of a type that it names: behind `::`, behind AS in CAST, or
/// before a string.
pub(super) fn refused_cast(words: &[Word]) -> Option<Refusal> {
    let is = |at: usize, mark: char| words.get(at).is_some_and(|word| word.is_mark(mark));
    let signs = (2..words.len()).filter(|at| is(at - 1, ':') && is(at - 2, ':'));
    let calls = (0..words.len()).filter(|at| words[*at].is("cast"));
    let signs = signs.map(|at| &words[at..]);
    let is_text = |at: &usize| words[*at].kind == WordKind::Text;
    let literals = (1..words.len()).filter(is_text).map(|at| &words[at - 1..]);
    let casts = calls.filter_map(|at| type_of_cast(&words[at + 1..]));
    let mut types = signs.chain(casts).chain(literals);
    types.find_map(|words| {
        let Declared { name, .. } = declared(words)?;
        let is_refused = TYPES_WITHOUT_VALUES.contains(&name.as_str());
        is_refused.then(|| Refusal::unsupported(format!("datatype {name} not supported")))
    })
}

/// The type behind the last AS in these parentheses that is not within others.
fn type_of_cast(words: &[Word]) -> Option<&[Word]> {
    let (cast, _) = parenthesized(words)?;
    let cast = cast.first()?;
    let mut depth = 0_i32;
    let outside = cast.iter().enumerate().filter(|(_, word)| {
        depth += i32::from(word.is_mark('(')) - i32::from(word.is_mark(')'));
        depth == 0 && word.is("as")
    });
    let (at, _) = outside.last()?;
    Some(&cast[at + 1..])
}

/// The type that begins here.
pub(super) fn declared(words: &[Word]) -> Option<Declared> {
    let words = unqualified(words);
    let first = words.first()?;
    // In quotes a keyword is a name, and another type: `"char"`.
    let is_quoted = first.kind == WordKind::Quoted;
    let first = first.name()?;
    let says = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
    let zone = |at: usize| {
        // The precision may stand in between: `time (3) with time zone`.
        let at = if words.get(at).is_some_and(|word| word.is_mark('(')) { at + 3 } else { at };
        says(at, "with") && says(at + 1, "time")
    };
    let name = match first {
        "char" if is_quoted => "\"char\"",
        quoted if is_quoted => quoted,
        "int2" => "smallint",
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "double" if says(1, "precision") => "double precision",
        "decimal" | "dec" => "numeric",
        "bool" => "boolean",
        "varchar" => "character varying",
        "char" | "character" | "nchar" if says(1, "varying") => "character varying",
        "char" | "nchar" => "character",
        "national" => "character",
        "varbit" => "bit varying",
        "bit" if says(1, "varying") => "bit varying",
        "timetz" => "time with time zone",
        "timestamptz" => "timestamp with time zone",
        "time" if zone(1) => "time with time zone",
        "time" => "time without time zone",
        "timestamp" if zone(1) => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        other => other,
    };
    Some(Declared { name: name.to_owned(), is_array: is_array(words) })
}

/// A type without the catalog's schema.
fn unqualified(words: &[Word]) -> &[Word] {
    match words {
        [schema, dot, rest @ ..] if schema.name() == Some("pg_catalog") && dot.is_mark('.') => rest,
        _ => words,
    }
}

/// Whether the type that begins here is an array: its brackets, or its ARRAY, stand before whatever
/// else is said of the column.
fn is_array(words: &[Word]) -> bool {
    let mut rest = words;
    while let Some((first, behind)) = rest.split_first() {
        if first.is_mark('[') || first.is("array") {
            return true;
        }
        if first.is_mark(',') || BEHIND_A_TYPE.iter().any(|keyword| first.is(keyword)) {
            return false;
        }
        rest = parenthesized(rest).map_or(behind, |(_, behind)| behind);
    }
    false
}
