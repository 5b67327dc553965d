//! The tables: what is refused by which words, and what is allowed.

use crate::core::syntax::{Word, WordKind, begins, has};
use crate::gateway::refusal::Refusal;

/// A statement that begins with these words, decoration left out, and what is said of it.
struct Refused {
    words: &'static [&'static str],
    says: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "a fact has its source beside it"))]
    source: Source,
}

/// Where a fact is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A cluster has answered so.
    Answered,
    /// It is named as all other statements are: PostgreSQL's parse node without `Stmt`.
    Named,
}

use Source::{Answered, Named};

macro_rules! refused {
    ($([$($word:literal),*] => $says:literal, $source:ident;)*) => {
        [$(Refused { words: &[$($word),*], says: $says, source: $source }),*]
    };
}

/// Statements that are refused whatever follows. The first that fits counts.
const REFUSED: [Refused; 49] = refused! {
    ["create", "trigger"] => "CREATE TRIGGER not supported", Answered;
    ["create", "constraint", "trigger"] => "CREATE TRIGGER not supported", Named;
    ["create", "event", "trigger"] => "unsupported statement: CreateEventTrig", Named;
    ["create", "database"] => "unsupported statement: Createdb", Answered;
    ["drop", "database"] => "unsupported statement: Dropdb", Named;
    ["alter", "database"] => "unsupported statement: AlterDatabase", Named;
    ["create", "tablespace"] => "unsupported statement: CreateTableSpace", Named;
    ["drop", "tablespace"] => "unsupported statement: DropTableSpace", Named;
    ["create", "materialized"] => "unsupported statement: CreateTableAs", Answered;
    ["refresh"] => "unsupported statement: RefreshMatView", Named;
    ["create", "extension"] => "unsupported statement: CreateExtension", Named;
    ["alter", "extension"] => "unsupported statement: AlterExtension", Named;
    ["create", "foreign", "table"] => "unsupported statement: CreateForeignTable", Named;
    ["create", "foreign", "data"] => "unsupported statement: CreateFdw", Named;
    ["create", "server"] => "unsupported statement: CreateForeignServer", Named;
    ["create", "user", "mapping"] => "unsupported statement: CreateUserMapping", Named;
    ["import", "foreign"] => "unsupported statement: ImportForeignSchema", Named;
    ["create", "rule"] => "unsupported statement: Rule", Named;
    ["create", "policy"] => "unsupported statement: CreatePolicy", Named;
    ["alter", "policy"] => "unsupported statement: AlterPolicy", Named;
    ["create", "publication"] => "unsupported statement: CreatePublication", Named;
    ["create", "subscription"] => "unsupported statement: CreateSubscription", Named;
    ["create", "statistics"] => "unsupported statement: CreateStats", Named;
    ["create", "aggregate"] => "unsupported statement: Define", Named;
    ["create", "operator", "class"] => "unsupported statement: CreateOpClass", Named;
    ["create", "operator", "family"] => "unsupported statement: CreateOpFamily", Named;
    ["create", "operator"] => "unsupported statement: Define", Named;
    ["create", "collation"] => "unsupported statement: Define", Named;
    ["create", "text", "search"] => "unsupported statement: Define", Named;
    ["create", "cast"] => "unsupported statement: CreateCast", Named;
    ["create", "conversion"] => "unsupported statement: CreateConversion", Named;
    ["create", "transform"] => "unsupported statement: CreateTransform", Named;
    ["create", "language"] => "unsupported statement: CreatePLang", Named;
    ["create", "trusted", "language"] => "unsupported statement: CreatePLang", Named;
    ["create", "access", "method"] => "unsupported statement: CreateAm", Named;
    ["alter", "system"] => "unsupported statement: AlterSystem", Answered;
    ["security", "label"] => "unsupported statement: SecLabel", Named;
    ["truncate"] => "unsupported statement: Truncate", Answered;
    ["vacuum"] => "unsupported VACUUM statement", Answered;
    ["lock"] => "unsupported statement: Lock", Named;
    ["cluster"] => "unsupported statement: Cluster", Named;
    ["reindex"] => "unsupported statement: Reindex", Named;
    ["checkpoint"] => "unsupported statement: CheckPoint", Named;
    ["load"] => "unsupported statement: Load", Named;
    ["do"] => "unsupported statement: Do", Named;
    ["listen"] => "unsupported statement: Listen", Named;
    ["notify"] => "unsupported statement: Notify", Named;
    ["unlisten"] => "unsupported statement: Unlisten", Named;
    ["merge"] => "unsupported statement: Merge", Named;
};

/// Words between CREATE and what is created that say how.
const DECORATION: [&str; 6] = ["or", "replace", "unlogged", "global", "local", "unique"];

/// Why a statement of these words is refused whatever follows.
pub(super) fn refused(words: &[Word]) -> Option<Refusal> {
    let plain: Vec<Word> = words
        .iter()
        .take(8)
        .filter(|word| !DECORATION.iter().any(|decoration| word.is(decoration)))
        .cloned()
        .collect();
    let fits = |row: &&Refused| begins(&plain, row.words);
    REFUSED.iter().find(fits).map(|row| Refusal::unsupported(row.says))
}

/// What can be dropped and renamed.
const OBJECTS: [&str; 11] = [
    "table",
    "view",
    "index",
    "schema",
    "sequence",
    "domain",
    "function",
    "procedure",
    "role",
    "user",
    "owned",
];

/// Why an object of this kind cannot be made, changed or dropped.
pub(super) fn refused_object(words: &[Word]) -> Option<Refusal> {
    let [first, rest @ ..] = words else { return None };
    let unsupported = |says: &str| Some(Refusal::unsupported(says));
    let is = |keyword: &str| rest.first().is_some_and(|word| word.is(keyword));
    if first.is("create") {
        let is_kind = |word: &Word| OBJECTS.iter().any(|object| word.is(object));
        let how: Vec<&Word> = rest.iter().take_while(|word| !is_kind(word)).take(3).collect();
        if how.iter().any(|word| word.is("temp") || word.is("temporary")) {
            return unsupported("TEMPORARY or TEMP table not supported for CREATE TABLE");
        }
        if how.first().is_some_and(|word| word.is("unlogged")) {
            return unsupported("UNLOGGED table not supported for CREATE TABLE");
        }
        return is("type").then(|| refused_type(rest));
    }
    let is_known = || OBJECTS.iter().any(|object| is(object));
    let renames = has(rest, &["rename"]);
    match () {
        () if first.is("drop") && !is_known() => {
            unsupported("unsupported object in DROP statement")
        }
        () if first.is("alter") && renames && !is_known() => {
            unsupported("unsupported object in RENAME statement")
        }
        () if first.is("alter") && is("type") => unsupported("unsupported statement: AlterEnum"),
        () => None,
    }
}

/// `type NAME AS …`: no type can be made.
fn refused_type(rest: &[Word]) -> Refusal {
    let after = rest.iter().position(|word| word.is("as")).map(|at| &rest[at + 1..]);
    let named = match after.and_then(<[Word]>::first) {
        Some(word) if word.is("enum") => "CreateEnum",
        Some(word) if word.is("range") => "CreateRange",
        Some(word) if word.is_mark('(') => "CompositeType",
        _ => "Define",
    };
    Refusal::statement(named)
}

/// The types of columns, as `format_type` names them (Aurora DSQL documentation, Supported data
/// types; json and jsonb as a cluster takes them since 2026).
pub(super) const TYPES: [&str; 21] = [
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric",
    "character",
    "character varying",
    "bpchar",
    "text",
    "date",
    "time without time zone",
    "time with time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "boolean",
    "bytea",
    "uuid",
    "json",
    "jsonb",
];

/// The types of PostgreSQL that columns cannot have. What is in neither list may be a domain.
pub(super) const TYPES_REFUSED: [&str; 43] = [
    "money",
    "xml",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "bit",
    "bit varying",
    "pg_lsn",
    "pg_snapshot",
    "oid",
    "regclass",
    "regproc",
    "regprocedure",
    "regtype",
    "regrole",
    "regnamespace",
    "xid",
    "xid8",
    "cid",
    "tid",
    "jsonpath",
];

/// Functions that make values of types that the service does not have.
const TYPES_AS_FUNCTIONS: [&str; 7] = ["point", "line", "lseg", "box", "path", "polygon", "circle"];

/// Functions of text search; their configuration is what is missing.
const TEXT_SEARCH: [&str; 6] = [
    "to_tsvector",
    "to_tsquery",
    "plainto_tsquery",
    "phraseto_tsquery",
    "websearch_to_tsquery",
    "ts_headline",
];

/// Why a call of this function is refused.
pub(super) fn refused_function(name: &str, words: &[Word]) -> Option<Refusal> {
    if TYPES_AS_FUNCTIONS.contains(&name) {
        return Some(Refusal::unsupported(format!("datatype {name} not supported")));
    }
    if !TEXT_SEARCH.contains(&name) {
        return None;
    }
    let called = words.windows(3).find(|three| three[0].name() == Some(name))?;
    let configuration = match called[2].kind {
        WordKind::Text => called[2].text.as_str(),
        _ => "simple",
    };
    let message = format!("text search configuration \"{configuration}\" does not exist");
    Some(Refusal::undefined(message))
}

/// What SET can set.
pub(super) const SETTINGS: [&str; 22] = [
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "intervalstyle",
    "lock_timeout",
    "names",
    "role",
    "row_security",
    "schema",
    "search_path",
    "standard_conforming_strings",
    "statement_timeout",
    "time",
    "timezone",
    "transaction_isolation",
    "transaction_read_only",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn every_row_refuses_what_begins_so_in_its_own_words() {
        for row in &REFUSED {
            let text = format!("{} x", row.words.join(" "));
            let refused = refused(&words(&text, Strings::Conforming)).unwrap();
            assert_eq!((refused.code(), refused.message()), ("0A000", row.says), "{text}");
        }
    }

    #[test]
    fn what_a_cluster_has_answered_is_told_from_what_follows_from_it() {
        let answered = REFUSED.iter().filter(|row| row.source == Answered).count();
        assert_eq!((answered, REFUSED.len()), (6, 49));
    }

    #[test]
    fn no_type_is_allowed_and_refused() {
        assert!(TYPES.iter().all(|allowed| !TYPES_REFUSED.contains(allowed)));
    }
}
