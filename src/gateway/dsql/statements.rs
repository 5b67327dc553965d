//! Statements and calls that are refused, by their words.

use super::facts::{
    FUNCTIONS_OF_SUPERUSERS, HIGHEST_STATISTICS_TARGET, OBJECTS, OBJECTS_WITHOUT_RIGHTS,
    OWN_SCHEMAS, REFUSED, Refused, TEXT_SEARCH, TEXT_SEARCH_CONFIGURATION,
};
use super::settings;
use super::types::{FUNCTIONS_OF_XML, TYPES_AS_FUNCTIONS};
use crate::core::syntax::{Word, WordKind, begins, has, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{function_language, names_wait_for_job};

/// Words between CREATE and what is created that say how.
const DECORATION: [&str; 6] = ["or", "replace", "unlogged", "global", "local", "unique"];

/// A statement, and what it makes besides, each with words of its own: `CREATE SCHEMA s CREATE
/// TABLE t (…)`.
pub(super) fn parts(words: &[Word]) -> Vec<&[Word]> {
    const ELEMENTS: [&str; 2] = ["create", "grant"];
    if !begins(words, &["create", "schema"]) {
        return vec![words];
    }
    let (mut parts, mut begin, mut rest) = (Vec::new(), 0, &words[1..]);
    while let Some((first, behind)) = rest.split_first() {
        if ELEMENTS.iter().any(|element| first.is(element)) {
            let at = words.len() - rest.len();
            parts.push(&words[begin..at]);
            begin = at;
        }
        rest = parenthesized(rest).map_or(behind, |(_, behind)| behind);
    }
    parts.push(&words[begin..]);
    parts
}

/// Why a statement of these words is refused whatever follows.
pub(super) fn refused(words: &[Word]) -> Option<Refusal> {
    let plain: Vec<Word> = words
        .iter()
        .take(8)
        .filter(|word| !DECORATION.iter().any(|decoration| word.is(decoration)))
        .cloned()
        .collect();
    let fits = |row: &&Refused| begins(&plain, row.words);
    let in_general = || REFUSED.iter().find(fits).map(|row| Refusal::unsupported(row.says));
    refused_change(words).or_else(in_general)
}

/// Why what is no object of the service's gets no other name, owner or schema: a statement of its
/// own for all kinds of objects (`RenameStmt`, `AlterOwnerStmt` and `AlterObjectSchemaStmt` in
/// gram.y).
fn refused_change(words: &[Word]) -> Option<Refusal> {
    let [first, kind, rest @ ..] = words else { return None };
    if !first.is("alter") || is_object(kind) {
        return None;
    }
    // A value of an enumeration is renamed by ALTER TYPE itself.
    if has(rest, &["rename"]) && !has(rest, &["rename", "value"]) {
        return Some(Refusal::unsupported("unsupported object in RENAME statement"));
    }
    let named = [
        (&["owner", "to"][..], "AlterOwner"),
        (&["set", "schema"], "AlterObjectSchema"),
        (&["depends", "on", "extension"], "AlterObjectDepends"),
    ];
    let of_all = named.iter().find(|(change, _)| has(rest, change)).map(|(_, named)| *named);
    // What a database's sessions begin with is a statement of its own, its place is not.
    let sets = rest.get(1..).is_some_and(|change| {
        begins(change, &["reset"])
            || begins(change, &["set"]) && !begins(change, &["set", "tablespace"])
    });
    let of_database = (kind.is("database") && sets).then_some("AlterDatabaseSet");
    of_all.or(of_database).map(Refusal::statement)
}

/// Why a file or a program of the server's is nobody's to copy from or to: `admin` is no superuser
/// (dsql-lint's tests have it refused on a cluster; the words are those of PostgreSQL 16).
pub(super) fn refused_copy(words: &[Word]) -> Option<Refusal> {
    const HINT: &str = "Anyone can COPY to stdout or from stdin. psql's \\copy command also works \
        for anyone.";
    if !begins(words, &["copy"]) {
        return None;
    }
    let mut rest = &words[1..];
    while let Some((first, behind)) = rest.split_first()
        && !first.is("from")
        && !first.is("to")
    {
        rest = parenthesized(rest).map_or(behind, |(_, behind)| behind);
    }
    let [direction, what, ..] = rest else { return None };
    let (role, how) = match what.kind {
        _ if what.is("program") => ("pg_execute_server_program", "to or from an external program"),
        WordKind::Text if direction.is("from") => ("pg_read_server_files", "from a file"),
        WordKind::Text => ("pg_write_server_files", "to a file"),
        _ => return None,
    };
    let detail = format!("Only roles with privileges of the \"{role}\" role may COPY {how}.");
    let refusal = Refusal::denied(format!("permission denied to COPY {how}"));
    Some(refusal.with('D', detail).with('H', HINT))
}

/// Why an object of this kind cannot be made, changed or dropped.
pub(super) fn refused_object(words: &[Word]) -> Option<Refusal> {
    let [first, rest @ ..] = words else { return None };
    if first.is("create") {
        return refused_creation(rest);
    }
    if first.is("drop") {
        return refused_drop(rest);
    }
    if first.is("alter") {
        return refused_alteration(rest);
    }
    refused_rights(words)
}

fn refused_alteration(rest: &[Word]) -> Option<Refusal> {
    let kind = rest.first()?.name()?;
    match kind {
        "domain" => refused_change_of_domain(rest),
        "function" | "procedure" | "routine" => refused_change_of_function(rest),
        "statistics" => refused_target(rest),
        "schema" => refused_schema(rest.get(1..2)?),
        _ => None,
    }
}

/// A function gets another name, owner or schema, and nothing else (dsql-lint takes no change of
/// its properties).
fn refused_change_of_function(rest: &[Word]) -> Option<Refusal> {
    let taken = [&["rename", "to"][..], &["owner", "to"], &["set", "schema"], &["depends", "on"]];
    let is_taken = taken.iter().any(|change| has(rest, change));
    (!is_taken).then(|| Refusal::statement("AlterFunction"))
}

fn refused_target(rest: &[Word]) -> Option<Refusal> {
    let at = (0..rest.len()).find(|at| begins(&rest[*at..], &["set", "statistics"]))?;
    let target: u64 = rest.get(at + 2)?.text.parse().ok()?;
    (target > HIGHEST_STATISTICS_TARGET).then(|| {
        Refusal::invalid_parameter(format!(
            "statistics target {target} exceeds maximum allowed value of \
             {HIGHEST_STATISTICS_TARGET}"
        ))
    })
}

/// Why a schema stays as it is: the service's own, and `public`, which is no more anybody's to
/// change than to give rights on (that is reported).
fn refused_schema(names: &[Word]) -> Option<Refusal> {
    let is_own = |name: &str| name == "public" || OWN_SCHEMAS.contains(&name);
    let mut names = names.iter().filter_map(Word::name);
    names.any(is_own).then(|| Refusal::unsupported("feature not supported on system entity"))
}

fn refused_creation(rest: &[Word]) -> Option<Refusal> {
    let unsupported = |says: &str| Some(Refusal::unsupported(says));
    let how: Vec<&Word> = rest.iter().take_while(|word| !is_object(word)).take(3).collect();
    let is_temporary = how.iter().any(|word| word.is("temp") || word.is("temporary"));
    let schema = schema(rest);
    if is_temporary || schema == Some("pg_temp") {
        return unsupported("TEMPORARY or TEMP table not supported for CREATE TABLE");
    }
    if let Some(own) = schema.filter(|schema| OWN_SCHEMAS.contains(schema)) {
        return Some(Refusal::denied(format!("permission denied for schema {own}")));
    }
    if begins(rest, &["schema", "sys"]) {
        return Some(Refusal::duplicate_schema("schema \"sys\" already exists"));
    }
    if how.first().is_some_and(|word| word.is("unlogged")) {
        return unsupported("UNLOGGED table not supported for CREATE TABLE");
    }
    begins(rest, &["type"]).then(|| refused_type(rest))
}

/// The schema in which these words make something, where they say it.
fn schema(rest: &[Word]) -> Option<&str> {
    let at = rest.iter().position(is_object)?;
    let condition = if begins(&rest[at + 1..], &["if", "not", "exists"]) { 3 } else { 0 };
    let [schema, dot, ..] = rest.get(at + 1 + condition..)? else { return None };
    schema.name().filter(|_| dot.is_mark('.'))
}

fn refused_drop(rest: &[Word]) -> Option<Refusal> {
    // There is none, and so with IF EXISTS all goes well (dsql-lint's tests on a cluster).
    let is_trigger = begins(rest, &["trigger"]);
    let is_known = is_trigger || rest.first().is_some_and(is_object);
    if !is_known {
        return Some(Refusal::unsupported("unsupported object in DROP statement"));
    }
    if begins(rest, &["schema"]) {
        return refused_schema(&rest[1..]);
    }
    let cascades = begins(rest, &["domain"]) && has(rest, &["cascade"]);
    cascades.then(|| Refusal::unsupported("DROP DOMAIN with CASCADE unsupported"))
}

fn refused_change_of_domain(rest: &[Word]) -> Option<Refusal> {
    let refused = |says: &str| Refusal::unsupported(format!("unsupported ALTER DOMAIN {says}"));
    if has(rest, &["set", "not", "null"]) {
        return Some(refused("SET NOT NULL statement"));
    }
    if has(rest, &["validate", "constraint"]) {
        return Some(refused("VALIDATE CONSTRAINT statement"));
    }
    has(rest, &["add"]).then(|| refused("ADD CONSTRAINT statement"))
}

fn is_object(word: &Word) -> bool {
    OBJECTS.iter().any(|object| word.is(object))
}

/// `type NAME AS …`: no type can be made.
fn refused_type(rest: &[Word]) -> Refusal {
    let after = rest.iter().position(|word| word.is("as")).map(|at| &rest[at + 1..]);
    let named = match after.and_then(<[Word]>::first) {
        // Reported since August; until July it was CreateEnum.
        Some(word) if word.is("enum") => return Refusal::unsupported("CREATE TYPE not supported"),
        Some(word) if word.is("range") => "CreateRange",
        Some(word) if word.is_mark('(') => "CompositeType",
        _ => "Define",
    };
    Refusal::statement(named)
}

/// Why a call of this function, behind whose name these words stand, is refused.
pub(super) fn refused_function(name: &str, behind: &[Word]) -> Option<Refusal> {
    if name.starts_with("pg_advisory") || name.starts_with("pg_try_advisory") {
        return Some(Refusal::unsupported(format!("function {name} not supported")));
    }
    if TYPES_AS_FUNCTIONS.contains(&name) {
        return Some(Refusal::unsupported(format!("datatype {name} not supported")));
    }
    if FUNCTIONS_OF_XML.contains(&name) {
        return Some(Refusal::unsupported("datatype xml not supported"));
    }
    if FUNCTIONS_OF_SUPERUSERS.contains(&name) {
        return Some(Refusal::denied(format!("permission denied for function {name}")));
    }
    if name == "set_config" || name == "current_setting" {
        return settings::refused_call(name, behind);
    }
    let configuration = TEXT_SEARCH.contains(&name).then(|| configuration(behind)).flatten()?;
    let bare = configuration.strip_prefix("pg_catalog.").unwrap_or(configuration);
    (bare != TEXT_SEARCH_CONFIGURATION).then(|| {
        let says = format!("text search configuration \"{configuration}\" does not exist");
        Refusal::undefined(says)
    })
}

/// The configuration with which a function of text search is called, where it is called with one
/// and says which.
fn configuration(behind: &[Word]) -> Option<&str> {
    let (arguments, _) = parenthesized(behind)?;
    let [first, _] = &arguments[..] else { return None };
    let name = first.first().filter(|word| word.kind == WordKind::Text)?;
    Some(&name.text)
}

/// Why rights are nobody's to give or to take: on objects of this kind, or on the schema `public`.
fn refused_rights(words: &[Word]) -> Option<Refusal> {
    let (verb, end) = match words.first()? {
        first if first.is("grant") => ("GRANT", "to"),
        first if first.is("revoke") => ("REVOKE", "from"),
        _ => return None,
    };
    let on = words.iter().position(|word| word.is("on"))?;
    let objects = words[on + 1..].split(|word| word.is(end)).next()?;
    let kind = objects.first()?;
    if OBJECTS_WITHOUT_RIGHTS.iter().any(|object| kind.is(object)) {
        return Some(Refusal::unsupported(format!("unsupported object type in {verb}")));
    }
    let is_public = kind.is("schema") && objects[1..].iter().any(|it| it.name() == Some("public"));
    is_public.then(|| Refusal::unsupported("feature not supported on system entity"))
}

/// Why a CALL is refused: nobody can make a procedure, and so it is not there, in PostgreSQL's
/// words. The service's own is another's to answer.
pub(super) fn refused_procedure(words: &[Word]) -> Option<Refusal> {
    const HINT: &str = "No procedure matches the given name and argument types. You might need to \
        add explicit type casts.";
    if !begins(words, &["call"]) || names_wait_for_job(&words[1..]) {
        return None;
    }
    let open = words.iter().position(|word| word.is_mark('('))?;
    let name: String = words[1..open].iter().map(|word| word.text.as_str()).collect();
    let (arguments, _) = parenthesized(&words[open..])?;
    let types = arguments.iter().filter_map(|argument| type_of(argument)).collect::<Vec<_>>();
    let says = format!("procedure {name}({}) does not exist", types.join(", "));
    Some(Refusal::undefined_function(says).with('H', HINT))
}

/// The type of an argument as PostgreSQL tells it before it has found what it is for.
fn type_of(argument: &[Word]) -> Option<&'static str> {
    let first = argument.first()?;
    let is_number = first.kind == WordKind::Value && first.text.starts_with(char::is_numeric);
    Some(match first {
        _ if is_number && first.text.contains(['.', 'e', 'E']) => "numeric",
        _ if is_number => "integer",
        word if word.is("true") || word.is("false") => "boolean",
        _ => "unknown",
    })
}

/// Why a function cannot be made: none but those in SQL can be.
pub(super) fn refused_language(words: &[Word]) -> Option<Refusal> {
    let language = function_language(words).filter(|language| language != "sql")?;
    Some(Refusal::unsupported(format!("CREATE FUNCTION with language {language} not supported")))
}
