//! psql's backslash commands, and what can stand behind them.

use super::identifier::Partial;
use super::{Candidate, CandidateKind, Completions, Typed};
use crate::core::psql::COMMANDS;

pub(super) fn completions(typed: Typed<'_>) -> Completions {
    let before = &typed.text[..typed.cursor];
    let begin = before.find('\\').unwrap_or(0);
    let word = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1).max(begin);
    let partial = Partial::of(&before[word..]);
    if word == begin {
        let fitting = COMMANDS.iter().map(|command| format!("\\{}", command.name));
        let mut fitting: Vec<String> =
            fitting.filter(|command| command.starts_with(partial.text)).collect();
        fitting.sort();
        let candidate = |text| Candidate { text, kind: CandidateKind::Command };
        return Completions {
            from: word,
            candidates: fitting.into_iter().map(candidate).collect(),
        };
    }
    let command = before[begin..].split_whitespace().next().unwrap_or_default();
    let name = command.trim_start_matches('\\').trim_end_matches(['S', '+']);
    let is_described = matches!(name, "d" | "dt" | "di" | "dv" | "dm" | "ds");
    let candidates = if is_described { relations(typed, partial) } else { Vec::new() };
    Completions { from: word, candidates }
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
