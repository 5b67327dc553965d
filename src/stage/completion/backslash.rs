//! psql's backslash commands, and what can stand behind them.

use super::grammar::STATEMENTS;
use super::identifier::Partial;
use super::{Candidate, CandidateKind, Completions, Typed, word_at};
use crate::core::psql::COMMANDS;
use crate::core::syntax::tokens;

/// What can stand in the command before the cursor; `None` where there is no command.
pub(super) fn completions(typed: Typed<'_>) -> Option<Completions> {
    let before = &typed.text[..typed.cursor];
    let begin = before.rfind('\\')?;
    let (query, command) = before.split_at(begin);
    let is_apart = query.is_empty() || query.ends_with(char::is_whitespace);
    let is_in_text = word_at(query, &tokens(query, typed.strings)).is_none();
    if !is_apart || is_in_text || command.contains('\n') {
        return None;
    }
    let from = begin + command.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
    let partial = Partial::of(&before[from..]);
    let candidates = match command[1..].split_once(char::is_whitespace) {
        None => commands(partial),
        Some((name, _)) => arguments(typed, name.trim_end_matches(['S', '+']), partial),
    };
    Some(Completions { from, candidates })
}

fn commands(partial: Partial<'_>) -> Vec<Candidate> {
    let named = COMMANDS.iter().map(|command| format!("\\{}", command.name));
    let mut fitting: Vec<String> = named.filter(|name| name.starts_with(partial.text)).collect();
    fitting.sort_unstable();
    fitting.into_iter().map(|text| Candidate { text, kind: CandidateKind::Command }).collect()
}

fn arguments(typed: Typed<'_>, command: &str, partial: Partial<'_>) -> Vec<Candidate> {
    let candidate = |text: String, kind| Candidate { text, kind };
    match command {
        "d" | "dt" | "dv" | "dm" | "ds" => relations(typed, partial),
        "dn" => {
            let schemas = typed.catalog.map(|catalog| catalog.schemas.as_slice());
            let fitting = schemas.unwrap_or_default().iter();
            let fitting = fitting.filter_map(|schema| partial.completed(schema));
            fitting.map(|text| candidate(text, CandidateKind::Schema)).collect()
        }
        "h" | "help" => {
            let fitting = STATEMENTS.iter().filter(|statement| partial.begins(statement));
            fitting.map(|text| candidate((*text).to_owned(), CandidateKind::Keyword)).collect()
        }
        _ => Vec::new(),
    }
}

fn relations(typed: Typed<'_>, partial: Partial<'_>) -> Vec<Candidate> {
    let Some(catalog) = typed.catalog else { return Vec::new() };
    let candidate = |text: String, kind| Candidate { text, kind };
    if let Some((schema, name)) = partial.text.split_once('.') {
        let of_schema = catalog.relations.iter().filter(|relation| relation.schema == schema);
        let names = of_schema.filter_map(|relation| Partial::of(name).completed(&relation.name));
        let whole = names.map(|name| candidate(format!("{schema}.{name}"), CandidateKind::Table));
        return whole.collect();
    }
    let on_path = catalog.on(typed.path).filter_map(|relation| partial.completed(&relation.name));
    let tables = on_path.map(|name| candidate(name, CandidateKind::Table));
    let schemas = catalog.schemas.iter().filter_map(|schema| partial.completed(schema));
    let schemas = schemas.map(|name| candidate(format!("{name}."), CandidateKind::Schema));
    tables.chain(schemas).collect()
}
