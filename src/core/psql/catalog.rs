//! `\d` and its kin: what is asked of the catalog, and what becomes of the answer.
//!
//! Each is one statement, whose answer has everything that psql prints: the server finds the
//! relations that a pattern names, and says of each what stands on its sheet.

use super::pattern::Sought;
use crate::core::event::Form;
use crate::core::sql::{psql as sql, without_comments};

/// What is not the system's own.
const OURS: &str = "n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' \
    AND n.nspname <> 'information_schema'";
const TABLE_IS_VISIBLE: &str = "pg_catalog.pg_table_is_visible(c.oid)";

/// How much a command shows.
#[derive(Clone, Copy)]
struct Extent {
    /// `S`: the system's own objects too.
    with_system: bool,
    /// `+`: more of each.
    with_more: bool,
}

/// The query of a command, without its backslash, and what becomes of the answer.
pub(super) fn query(command: &str, pattern: Option<&str>) -> Option<(String, Form)> {
    let name = command.trim_end_matches(['S', '+']);
    let of_extent = &command[name.len()..];
    let extent =
        Extent { with_system: of_extent.contains('S'), with_more: of_extent.contains('+') };
    let pattern = pattern.map(|pattern| pattern.trim_end_matches(';'));
    let pattern = pattern.filter(|pattern| !pattern.is_empty());
    Some(match (name, pattern) {
        ("d", Some(pattern)) => described(pattern, extent),
        ("d", None) => relations(&["r", "p", "v", "m", "S", "f"], None, extent),
        ("dt", _) => relations(&["r", "p"], pattern, extent),
        ("di", _) => relations(&["i", "I"], pattern, extent),
        ("dv", _) => relations(&["v"], pattern, extent),
        ("dm", _) => relations(&["m"], pattern, extent),
        ("ds", _) => relations(&["S"], pattern, extent),
        ("df", _) => functions(pattern, extent),
        ("dn", _) => schemas(pattern, extent),
        ("du" | "dg", _) => roles(pattern, extent),
        ("l", _) => databases(pattern, extent),
        ("conninfo", _) => (sql::CONNECTION.to_owned(), Form::Table),
        _ => return None,
    })
}

/// The template with the parts of these names, which stand in braces, and without the others.
fn template(sql: &str, parts: &[&str]) -> String {
    let sql = without_comments(sql);
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql.as_str();
    while let Some((before, (part, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        text.push_str(before);
        match part.split_once(' ') {
            Some((name, body)) if parts.contains(&name) => text.push_str(body),
            Some(_) => {}
            None => text.extend(["{", part, "}"]),
        }
        rest = after;
    }
    text + rest
}

fn of_extent(extent: Extent) -> &'static [&'static str] {
    if extent.with_more { &["plus"] } else { &[] }
}

fn list(title: &str, none: Option<String>) -> Form {
    Form::List { title: title.to_owned(), none }
}

fn no_relation(pattern: Option<&str>) -> String {
    match pattern {
        Some(pattern) => format!("Did not find any relation named \"{pattern}\"."),
        None => "Did not find any relations.".to_owned(),
    }
}

fn of_relations(pattern: Option<&str>, Extent { with_system, .. }: Extent) -> Sought<'_> {
    let (name, schema) = ("c.relname", Some("n.nspname"));
    Sought { pattern, name, schema, visible: TABLE_IS_VISIBLE, ours: OURS, with_system }
}

fn described(pattern: &str, extent: Extent) -> (String, Form) {
    let conditions = of_relations(Some(pattern), extent).conditions();
    let sql = without_comments(sql::DESCRIBE).replace("{plus}", &extent.with_more.to_string());
    let sql = sql.replace("{where}", &conditions);
    (sql, Form::Sheets { none: no_relation(Some(pattern)) })
}

fn relations(kinds: &[&str], pattern: Option<&str>, extent: Extent) -> (String, Form) {
    let has = |kind: &str| kinds.contains(&kind);
    let with_toast = has("r") && (extent.with_system || pattern.is_some());
    let listed = kinds.iter().copied().chain(with_toast.then_some("t"));
    let listed: Vec<String> = listed.map(|kind| format!("'{kind}'")).collect();
    let conditions = of_relations(pattern, extent).conditions();
    let conditions = format!("c.relkind IN ({}) AND {conditions}", listed.join(", "));
    let has_method = extent.with_more && (has("r") || has("m") || has("i"));
    let parts = [(has("i"), "table"), (extent.with_more, "plus"), (has_method, "method")];
    let parts: Vec<&str> = parts.iter().filter(|(is, _)| *is).map(|(_, part)| *part).collect();
    let sql = template(sql::RELATIONS, &parts).replace("{where}", &conditions);
    (sql, list("List of relations", Some(no_relation(pattern))))
}

fn functions(pattern: Option<&str>, extent: Extent) -> (String, Form) {
    let (name, schema) = ("p.proname", Some("n.nspname"));
    let visible = "pg_catalog.pg_function_is_visible(p.oid)";
    let with_system = extent.with_system;
    let sought = Sought { pattern, name, schema, visible, ours: OURS, with_system };
    let sql = template(sql::FUNCTIONS, of_extent(extent));
    (sql.replace("{where}", &sought.conditions()), list("List of functions", None))
}

fn schemas(pattern: Option<&str>, extent: Extent) -> (String, Form) {
    let ours = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let (name, schema, visible) = ("n.nspname", None, "");
    let with_system = extent.with_system;
    let sought = Sought { pattern, name, schema, visible, ours, with_system };
    let sql = template(sql::SCHEMAS, of_extent(extent));
    (sql.replace("{where}", &sought.conditions()), list("List of schemas", None))
}

fn roles(pattern: Option<&str>, extent: Extent) -> (String, Form) {
    let (name, schema, visible, ours) = ("r.rolname", None, "", "r.rolname !~ '^pg_'");
    let with_system = extent.with_system;
    let sought = Sought { pattern, name, schema, visible, ours, with_system };
    let sql = template(sql::ROLES, of_extent(extent));
    (sql.replace("{where}", &sought.conditions()), Form::Sheets { none: String::new() })
}

fn databases(pattern: Option<&str>, extent: Extent) -> (String, Form) {
    let (name, schema, visible, ours) = ("d.datname", None, "", "");
    let sought = Sought { pattern, name, schema, visible, ours, with_system: true };
    let sql = template(sql::DATABASES, of_extent(extent));
    (sql.replace("{where}", &sought.conditions()), list("List of databases", None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::psql::{COMMANDS, Doer};

    #[test]
    fn every_list_of_the_table_has_its_query() {
        let of_catalog = |name: &str| name.starts_with('d') || name == "l";
        for command in COMMANDS.iter().filter(|it| of_catalog(it.name)) {
            assert_eq!(command.doer, Doer::Session);
            for extent in ["", "+", "S", "S+"] {
                let name = format!("{}{extent}", command.name);
                for pattern in [None, Some("pub*.o?")] {
                    let (sql, _) = query(&name, pattern).unwrap();
                    assert!(!sql.replace("'{0}'", "").contains('{'), "{sql}");
                    let is_description = command.name == "d" && pattern.is_some();
                    let has_more = sql.contains("\"Description\"");
                    assert_eq!(has_more || is_description, extent.contains('+') || is_description);
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_said_with_its_name() {
        let (_, form) = query("d", Some("Nobody;")).unwrap();
        let none = "Did not find any relation named \"Nobody\".".to_owned();
        assert_eq!(form, Form::Sheets { none });
    }
}
