//! psql's backslash commands, and what can stand behind them.

use super::identifier::Partial;
use super::{Candidate, CandidateKind, Completions, Typed};

/// The commands that the console knows.
const COMMANDS: [&str; 10] =
    ["\\?", "\\conninfo", "\\d", "\\dn", "\\dt", "\\du", "\\e", "\\l", "\\q", "\\r"];

pub(super) fn completions(typed: Typed<'_>) -> Completions {
    let before = &typed.text[..typed.cursor];
    let begin = before.find('\\').unwrap_or(0);
    let word = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1).max(begin);
    let partial = Partial::of(&before[word..]);
    if word == begin {
        let fitting = COMMANDS.iter().filter(|command| command.starts_with(partial.text));
        let candidate =
            |text: &&str| Candidate { text: (*text).to_owned(), kind: CandidateKind::Command };
        return Completions { from: word, candidates: fitting.map(candidate).collect() };
    }
    let command = before[begin..].split_whitespace().next().unwrap_or_default();
    let is_described =
        matches!(command, "\\d" | "\\d+" | "\\dt" | "\\dt+" | "\\dv" | "\\dm" | "\\ds");
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
