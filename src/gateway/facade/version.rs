//! The version that the service says of itself: everywhere the same one, since clients switch on
//! it.

use super::mention::{Edit, Mention};
use crate::core::syntax::{Word, WordKind, literal, parenthesized};
use crate::gateway::options::{SERVER_VERSION, SERVER_VERSION_NUMBER};

/// What `version()` answers: no platform and no compiler, as a cluster does (answers of September
/// 2026).
const VERSION: &str = "PostgreSQL 16";

/// The settings that have other values here.
const SETTINGS: [(&str, &str); 2] =
    [("server_version", SERVER_VERSION), ("server_version_num", SERVER_VERSION_NUMBER)];

/// `SHOW ALL`, with them. A setting of which `pg_settings` says nothing has been made up by
/// somebody and is listed with an empty description.
pub(in crate::gateway) fn show_all() -> String {
    format!(
        "select name, {} as setting, short_desc as description from \
         pg_catalog.pg_show_all_settings()",
        other("name", "setting")
    )
}

/// What is sent otherwise of this name, where it asks for the version.
pub(super) fn edits(sql: &str, mention: Mention<'_>) -> Vec<Edit> {
    if mention.is_catalogs("version") {
        let call = mention.bare_call();
        return call.map(|it| it.as_value(sql, VERSION, "text", "version")).into_iter().collect();
    }
    if mention.is_catalogs("current_setting") {
        return current_setting(sql, mention).unwrap_or_default();
    }
    if mention.is_of_table("pg_catalog", "pg_settings") {
        return vec![mention.without_schema("pg_settings")];
    }
    if mention.is_catalogs("pg_settings") {
        return mention.as_table(&settings(), "pg_settings").into_iter().collect();
    }
    Vec::new()
}

fn current_setting(sql: &str, mention: Mention<'_>) -> Option<Vec<Edit>> {
    let (arguments, rest) = parenthesized(&mention.words[mention.end..])?;
    let end = mention.words.len() - rest.len();
    let [Word { kind: WordKind::Text, text, .. }] = arguments.first()? else {
        return reckoned(mention, &arguments, end);
    };
    let name = text.to_lowercase();
    let (_, value) = SETTINGS.iter().find(|(known, _)| *known == name)?;
    let call = Mention { end, ..mention };
    Some(vec![call.as_value(sql, value, "text", "current_setting")])
}

/// A setting whose name PostgreSQL has to reckon: once, since that may have effects.
fn reckoned(mention: Mention<'_>, arguments: &[&[Word]], end: usize) -> Option<Vec<Edit>> {
    const NAME: &str = "overbooked.setting";
    let (columns, call, kinds): (_, _, &[&str]) = match arguments {
        [[_, ..]] => ("setting", NAME.to_owned(), &["text"]),
        [[_, ..], [_, ..]] => {
            ("setting, missing_ok", format!("{NAME}, overbooked.missing_ok"), &["text", "bool"])
        }
        _ => return None,
    };
    let asked = other(NAME, &format!("pg_catalog.current_setting({call})"));
    let words = mention.words;
    let open = words[mention.at].span.start..words[mention.end].span.end;
    let mut edits = vec![Edit {
        span: open,
        by: format!("(select {asked} as current_setting from (values (("),
    }];
    if let [first, _] = arguments {
        let comma = &words[mention.end + 1 + first.len()];
        edits.push(Edit { span: comma.span.clone(), by: ")::pg_catalog.text,(".to_owned() });
    }
    let last = kinds.last()?;
    let by = format!(")::pg_catalog.{last})) as overbooked({columns}))");
    edits.push(Edit { span: words[end - 1].span.clone(), by });
    Some(edits)
}

/// The setting of this name, or what else it is.
fn other(name: &str, otherwise: &str) -> String {
    let whens = SETTINGS.map(|(name, value)| format!(" when '{name}' then {}", literal(value)));
    let name = if name == "name" { name.to_owned() } else { format!("pg_catalog.lower({name})") };
    format!("case {name}{} else {otherwise} end", whens.concat())
}

/// `pg_settings` with them (PostgreSQL documentation, 54.24).
fn settings() -> String {
    let setting = other("name", "setting");
    let boot = other("name", "boot_val");
    let reset = other("name", "reset_val");
    format!(
        "select name, {setting} as setting, unit, category, short_desc, extra_desc, context, \
         vartype, source, min_val, max_val, enumvals, {boot} as boot_val, {reset} as reset_val, \
         sourcefile, sourceline, pending_restart from pg_catalog.pg_settings"
    )
}
