//! The types that a statement declares: of a table's columns, of a column that is added, of a
//! domain.

use super::facts::{TYPES, TYPES_REFUSED};
use crate::core::syntax::{Word, begins, has, parenthesized};
use crate::gateway::refusal::Refusal;

/// What begins something else than a column in a table's parentheses.
const NO_COLUMN: [&str; 7] =
    ["constraint", "check", "unique", "primary", "foreign", "exclude", "like"];

/// The most columns that a table can have (Aurora DSQL documentation, Quotas and limits).
const MOST_COLUMNS: usize = 255;

/// The most columns of a key.
const MOST_KEY_COLUMNS: usize = 8;

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
        let at = words.iter().position(|word| word.is("as")).map_or(3, |at| at + 1);
        return refused_type(&words[at.min(words.len())..]);
    }
    if is(0, "create") && words.iter().take(4).any(|word| word.is("table")) {
        return refused_table(words);
    }
    if is(0, "create") && has(words, &["index"]) {
        return refused_keys(words);
    }
    None
}

fn refused_table(words: &[Word]) -> Option<Refusal> {
    if has(words, &["inherits"]) {
        return Some(Refusal::unsupported("INHERITS not supported for CREATE TABLE"));
    }
    if has(words, &["partition", "by"]) || has(words, &["partition", "of"]) {
        return Some(Refusal::unsupported("PARTITION not supported for CREATE TABLE"));
    }
    let items = items(words);
    let columns: Vec<&[Word]> = items.into_iter().filter(|item| is_column(item)).collect();
    if let Some(refused) = columns.iter().find_map(|column| refused_type(&column[1..])) {
        return Some(refused);
    }
    if columns.len() > MOST_COLUMNS {
        return Some(Refusal::limit(format!("tables can have at most {MOST_COLUMNS} columns")));
    }
    refused_keys(words)
}

fn refused_keys(words: &[Word]) -> Option<Refusal> {
    let is_index = words.iter().take(3).any(|word| word.is("index"));
    let starts = (0..words.len()).filter(|at| {
        let is_key = |pair: &[&str]| begins(&words[*at..], pair);
        let opens = |offset: usize| words.get(at + offset).is_some_and(|word| word.is_mark('('));
        (is_key(&["primary", "key"]) && opens(2)) || (is_key(&["unique"]) && opens(1))
    });
    let index = is_index.then(|| words.iter().position(|word| word.is("on"))).flatten();
    let mut keys = starts.chain(index).map(|at| items(&words[at..]).len());
    keys.any(|columns| columns > MOST_KEY_COLUMNS).then(|| {
        Refusal::limit(format!(
            "more than {MOST_KEY_COLUMNS} column keys in an index are not supported"
        ))
    })
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
    if TYPES.contains(&name.as_str()) || !TYPES_REFUSED.contains(&name.as_str()) {
        return None;
    }
    unsupported(&name)
}

/// The type that begins here.
pub(super) fn declared(words: &[Word]) -> Option<Declared> {
    let first = words.first()?.name()?;
    let says = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
    let zone = |at: usize| {
        // The precision may stand in between: `time (3) with time zone`.
        let at = if words.get(at).is_some_and(|word| word.is_mark('(')) { at + 3 } else { at };
        says(at, "with") && says(at + 1, "time")
    };
    let name = match first {
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
    let end = words.iter().position(|word| {
        let ends = ["not", "null", "default", "primary", "unique", "check", "references"];
        word.is_mark(',') || ends.iter().any(|keyword| word.is(keyword))
    });
    let own = &words[..end.unwrap_or(words.len())];
    let is_array = own.iter().any(|word| word.is_mark('[') || word.is("array"));
    Some(Declared { name: name.to_owned(), is_array })
}
