//! Statements and calls that are refused, by their words.

use super::facts::{OBJECTS, REFUSED, Refused, TEXT_SEARCH, TYPES_AS_FUNCTIONS};
use crate::core::syntax::{Word, WordKind, begins, has};
use crate::gateway::refusal::Refusal;

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
        () if first.is("drop") && is("domain") && has(rest, &["cascade"]) => {
            unsupported("DROP DOMAIN with CASCADE unsupported")
        }
        () if first.is("alter") && is("domain") && has(rest, &["set", "not", "null"]) => {
            unsupported("unsupported ALTER DOMAIN SET NOT NULL statement")
        }
        () if first.is("alter") && is("domain") && has(rest, &["add"]) => {
            unsupported("unsupported ALTER DOMAIN ADD CONSTRAINT statement")
        }
        () if is_about_public(words) => unsupported("feature not supported on system entity"),
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

/// Why a call of this function is refused.
pub(super) fn refused_function(name: &str, words: &[Word]) -> Option<Refusal> {
    if name.starts_with("pg_advisory") || name.starts_with("pg_try_advisory") {
        return Some(Refusal::unsupported(format!("function {name} not supported")));
    }
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

/// Whether rights on the schema `public` are given or taken, which is nobody's to do.
fn is_about_public(words: &[Word]) -> bool {
    let grants = words.first().is_some_and(|word| word.is("grant") || word.is("revoke"));
    let on = words.windows(3).any(|three| {
        three[0].is("on") && three[1].is("schema") && three[2].name() == Some("public")
    });
    grants && on
}

/// Why a function cannot be made: none but those in SQL can be.
pub(super) fn refused_language(words: &[Word]) -> Option<Refusal> {
    let makes = begins(words, &["create"]) && words.iter().take(4).any(|word| word.is("function"));
    let at = words.iter().position(|word| word.is("language")).filter(|_| makes)?;
    let language = words.get(at + 1)?.text.to_lowercase();
    (language != "sql").then(|| {
        Refusal::unsupported(format!("LANGUAGE {language} not supported for CREATE FUNCTION"))
    })
}
