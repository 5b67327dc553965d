//! A name's pattern, as psql reads it (psql's documentation, "Patterns"): `*` is any text, `?` any
//! character, a dot parts schema and name, letters outside of double quotes are small ones.

use crate::core::syntax::literal;

/// What is looked for.
pub(super) struct Sought<'a> {
    pub(super) pattern: Option<&'a str>,
    /// The column of the object's name.
    pub(super) name: &'static str,
    /// The column of its schema, if it is in one.
    pub(super) schema: Option<&'static str>,
    /// What holds of those that are found without a schema.
    pub(super) visible: &'static str,
    /// What holds of those that are not the system's own, which are listed only when asked for.
    pub(super) ours: &'static str,
    /// Whether the system's own are listed without a pattern.
    pub(super) with_system: bool,
}

impl Sought<'_> {
    /// The conditions, joined by AND.
    pub(super) fn conditions(&self) -> String {
        let mut all = Vec::new();
        let parts = self.pattern.map(regexes).unwrap_or_default();
        let [.., name] = &parts[..] else {
            if !self.with_system {
                all.push(self.ours.to_owned());
            }
            all.push(self.visible.to_owned());
            return joined(&all);
        };
        all.extend(matches(self.name, name));
        match (self.schema, parts.len().checked_sub(2).map(|at| &parts[at])) {
            (Some(column), Some(schema)) => all.extend(matches(column, schema)),
            (Some(_), None) => all.push(self.visible.to_owned()),
            (None, _) => {}
        }
        if let Some(database) = parts.len().checked_sub(3).map(|at| &parts[at]) {
            all.extend(matches("pg_catalog.current_database()", database));
        }
        joined(&all)
    }
}

fn joined(all: &[String]) -> String {
    let some: Vec<&str> = all.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    if some.is_empty() { "true".to_owned() } else { some.join(" AND ") }
}

fn matches(column: &str, regex: &str) -> Option<String> {
    let whole = literal(&format!("^({regex})$"));
    (regex != ".*").then(|| {
        format!("{column} OPERATOR(pg_catalog.~) {} COLLATE pg_catalog.\"default\"", whole.trim())
    })
}

/// The parts of a pattern between its dots, as regular expressions.
fn regexes(pattern: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(std::mem::take(&mut part)),
            '*' if !is_quoted => part.push_str(".*"),
            '?' if !is_quoted => part.push('.'),
            '$' => part.push_str("\\$"),
            '[' if chars.peek() == Some(&']') => part.push_str("\\["),
            c if is_quoted && "|*+?()[]{}.^\\".contains(c) => part.extend(['\\', c]),
            c if is_quoted => part.push(c),
            c => part.extend(c.to_lowercase()),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_read_as_psql_reads_it() {
        assert_eq!(regexes("pub*.o?"), ["pub.*", "o."]);
        assert_eq!(regexes("Seats"), ["seats"]);
        assert_eq!(regexes("\"Se\"\"a.t*s\""), ["Se\"a\\.t\\*s"]);
        assert_eq!(regexes("a$b[0-9]"), ["a\\$b[0-9]"]);
        assert_eq!(regexes("int[]"), ["int\\[]"]);
    }

    fn conditions(pattern: Option<&str>) -> String {
        let (name, schema, visible, ours) = ("c.relname", Some("n.nspname"), "seen", "ours");
        let with_system = false;
        Sought { pattern, name, schema, visible, ours, with_system }.conditions()
    }

    #[test]
    fn what_is_named_without_a_schema_must_be_in_sight() {
        let like = |column: &str, regex: &str| {
            format!("{column} OPERATOR(pg_catalog.~) '^({regex})$' COLLATE pg_catalog.\"default\"")
        };
        assert_eq!(conditions(None), "ours AND seen");
        assert_eq!(conditions(Some("t")), format!("{} AND seen", like("c.relname", "t")));
        assert_eq!(conditions(Some("s.*")), like("n.nspname", "s"));
        assert_eq!(conditions(Some("*.*")), "true");
        assert!(conditions(Some("it's")).contains("'^(it''s)$'"));
    }
}
