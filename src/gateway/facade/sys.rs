//! The service's own schema, `sys`: it is in no database, but statements that name what is in it
//! are answered.
//!
//! | name | what stands for it |
//! |---|---|
//! | `sys.jobs`, `sys.iam_pg_role_mappings` | a query in FROM |
//! | `sys.current_session_id()`, `sys.dsql_major_version()` | a value |
//! | `CALL sys.wait_for_job(…)` | a query that tells whether the job has succeeded |

use super::jobs::{Jobs, is_identifier};
use super::mappings::Mappings;
use super::mention::{Edit, Mention};
use crate::core::syntax::{Word, WordKind, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Statement, names_wait_for_job};

/// What `sys.dsql_major_version()` answers.
const MAJOR_VERSION: &str = "1";

/// What tells a session from others: a random UUID (RFC 9562, version 4).
pub(in crate::gateway) fn new_session() -> String {
    let random = rand::random::<u128>();
    let number = random & !(0xf << 76 | 0b11 << 62) | 4 << 76 | 0b10 << 62;
    let text = format!("{number:032x}");
    let part = |from: usize, to: usize| &text[from..to];
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// What is sent otherwise of this name, where it is one of the schema's.
pub(super) fn edit(
    jobs: &Jobs,
    mappings: &Mappings,
    session: &str,
    mention: Mention<'_>,
) -> Option<Edit> {
    let ["sys", name, rest @ ..] = mention.parts else { return None };
    if !rest.is_empty() || mention.has_star {
        let mut views = ["jobs", "iam_pg_role_mappings"].into_iter();
        let view = views.find(|view| mention.is_of_table("sys", view))?;
        return Some(mention.without_schema(view));
    }
    match *name {
        "jobs" => mention.as_table(&jobs.table(), name),
        "iam_pg_role_mappings" => mention.as_table(&mappings.table(), name),
        "current_session_id" => {
            Some(mention.bare_call()?.as_query(&format!("'{session}'::pg_catalog.uuid"), name))
        }
        "dsql_major_version" => Some(mention.bare_call()?.as_query(MAJOR_VERSION, name)),
        _ => None,
    }
}

/// What is sent in the place of a CALL that waits for a job.
pub(super) fn wait_for_job(jobs: &Jobs, statement: &Statement) -> Option<String> {
    let argument = match &waited_for(&statement.words)?[..] {
        [[first, .., last]] => first.span.start..last.span.end,
        [[only]] => only.span.clone(),
        _ => return None,
    };
    Some(jobs.waiting_for(&statement.sql[argument]))
}

/// The arguments of a CALL of `sys.wait_for_job`.
fn waited_for(words: &[Word]) -> Option<Vec<&[Word]>> {
    let (call, procedure) = words.split_first()?;
    let is_it = call.is("call") && names_wait_for_job(procedure);
    let (arguments, behind) = parenthesized(procedure.get(3..)?).filter(|_| is_it)?;
    behind.is_empty().then_some(arguments)
}

/// Why a statement that waits for a job is refused, in PostgreSQL's words for a procedure.
pub(super) fn refusal(statement: &Statement) -> Option<Refusal> {
    let words = &statement.words;
    if let Some(arguments) = waited_for(words) {
        return refused_call(&arguments);
    }
    let at = (0..words.len()).find(|at| names_wait_for_job(&words[*at..]))?;
    let (arguments, _) = parenthesized(words.get(at + 3..)?)?;
    let message = format!("sys.wait_for_job({}) is a procedure", types(&arguments));
    Some(Refusal::wrong_object(message).with('H', "To call a procedure, use CALL."))
}

fn refused_call(arguments: &[&[Word]]) -> Option<Refusal> {
    if arguments.iter().any(|words| words.iter().any(|word| word.is("select"))) {
        return Some(Refusal::unsupported("cannot use subquery in CALL argument"));
    }
    match arguments {
        [[Word { kind: WordKind::Text, text, .. }]] => {
            (!is_identifier(text)).then(|| Refusal::invalid_text("Unable to convert text to UUID"))
        }
        [[_, ..]] => None,
        _ => Some(Refusal::undefined_function(format!(
            "procedure sys.wait_for_job({}) does not exist",
            types(arguments)
        ))),
    }
}

/// The types of arguments, as PostgreSQL tells them before it has found what they are for.
fn types(arguments: &[&[Word]]) -> String {
    let kind = |words: &&[Word]| match words {
        [] => None,
        [word] if word.kind == WordKind::Text || word.text.starts_with('$') => Some("unknown"),
        _ => Some("text"),
    };
    arguments.iter().filter_map(kind).collect::<Vec<_>>().join(", ")
}
