//! Sequences and identity columns: only with a size of their cache, and of one type.

use super::columns;
use crate::core::syntax::{Word, WordKind, begins, has, parenthesized};
use crate::gateway::refusal::Refusal;

/// The smallest cache that is not 1.
const SMALLEST_CACHE: u64 = 65_536;

/// Why a sequence or an identity column cannot be had so.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let makes = begins(words, &["create", "sequence"]);
    if makes || begins(words, &["alter", "sequence"]) {
        let at = words.iter().position(|word| word.is("as"));
        let kind = at.and_then(|at| columns::declared(&words[at + 1..]));
        let other = kind.map(|kind| kind.name).filter(|kind| kind != "bigint");
        let refused = other.map(|kind| {
            Refusal::unsupported(format!(
                "datatype {kind} not supported, sequence type must be bigint"
            ))
        });
        let says_so = words.iter().any(|word| word.is("cache"));
        let refused_cache = || refused_cache(words, "CREATE SEQUENCE").filter(|_| makes || says_so);
        return refused.or_else(refused_cache);
    }
    let at = (0..words.len()).find(|at| begins(&words[*at..], &["as", "identity"]))?;
    let options = parenthesized(&words[at + 2..]).and_then(|(parts, _)| parts.first().copied());
    let options = options.unwrap_or_default();
    if begins(words, &["alter"]) {
        // A column that is added with it has words of its own.
        let is_of_column = has(&words[..at], &["add", "generated"]);
        return is_of_column.then(|| refused_cache(options, "identity column")).flatten();
    }
    let kind = type_before(&words[..at])?;
    if kind != "bigint" {
        return Some(Refusal::unsupported(format!(
            "datatype {kind} not supported, identity column type must be bigint"
        )));
    }
    refused_cache(options, "identity column")
}

fn refused_cache(words: &[Word], what: &str) -> Option<Refusal> {
    let at = words.iter().position(|word| word.is("cache"));
    let Some(at) = at else {
        return Some(Refusal::unsupported(format!(
            "{what} is not supported without an explicit cache size. please define CACHE greater \
             than or equal to {SMALLEST_CACHE} or equal to 1"
        )));
    };
    let size = words.get(at + 1).filter(|word| word.kind == WordKind::Value)?;
    let size: u64 = size.text.parse().ok()?;
    (size != 1 && size < SMALLEST_CACHE).then(|| {
        Refusal::unsupported(format!(
            "CACHE must be greater than or equal to {SMALLEST_CACHE} or equal to 1"
        ))
    })
}

/// The type of the column whose GENERATED comes at the end of these words.
fn type_before(words: &[Word]) -> Option<String> {
    let generated = words.iter().rposition(|word| word.is("generated"))?;
    let begin = words[..generated]
        .iter()
        .rposition(|word| word.is_mark('(') || word.is_mark(','))
        .map_or(0, |at| at + 1);
    let column = &words[begin..generated];
    let declared = columns::declared(column.get(1..)?)?;
    Some(declared.name)
}
