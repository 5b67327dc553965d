//! Which tables a statement names.

use std::fmt;

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use super::{TokenKind, tokens};

/// A table's name as PostgreSQL understands it: folded to lower case unless it was quoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, where the statement says it.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

/// Deeper nesting than this is not parsed: the parser is recursive, and no person writes it.
const DEEPEST: usize = 100;

/// The tables and views that a text names, in order of their first mention; names of common table
/// expressions are among them. Where the text nests too deeply to be parsed, every name in it counts.
pub fn tables(text: &str) -> Vec<Name> {
    if depth(text) > DEEPEST {
        return names(text).into_iter().map(|table| Name { schema: None, table }).collect();
    }
    let mut found = Vec::new();
    let tree = SourceFile::parse(text).syntax_node();
    for name in tree.descendants().filter(names_a_table).filter_map(|node| read(&node)) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Every name in a text, folded, each once: more than the tables, but surely every table that it names outside of strings.
pub fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens(text) {
        let word = &text[token.range];
        let name = match token.kind {
            TokenKind::Word => word.to_lowercase(),
            TokenKind::QuotedName => unquote(word),
            _ => continue,
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens(text) {
        match &text[token.range] {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn names_a_table(node: &SyntaxNode) -> bool {
    matches!(
        node.kind(),
        SyntaxKind::RELATION_NAME_REF | SyntaxKind::TABLE_NAME_REF | SyntaxKind::TABLE_NAME
    )
}

fn read(node: &SyntaxNode) -> Option<Name> {
    let text = node.text().to_string();
    let mut parts: Vec<String> = tokens(&text)
        .into_iter()
        .filter_map(|token| match token.kind {
            TokenKind::Word => Some(text[token.range].to_lowercase()),
            TokenKind::QuotedName => Some(unquote(&text[token.range])),
            _ => None,
        })
        .collect();
    let table = parts.pop()?;
    Some(Name { schema: parts.pop(), table })
}

pub(super) fn unquote(quoted: &str) -> String {
    quoted.trim_start_matches(['u', 'U', '&']).trim_matches('"').replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(sql: &str) -> Vec<String> {
        tables(sql).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tables_are_found_wherever_a_statement_names_them() {
        for (sql, expected) in [
            ("select * from seats", vec!["seats"]),
            (
                "select * from Seats s, \"Rows\" join public.houses using (id)",
                vec!["seats", "Rows", "public.houses"],
            ),
            (
                "select (select max(n) from a), x from b where y in (select 1 from c)",
                vec!["a", "b", "c"],
            ),
            ("insert into seats select * from old", vec!["seats", "old"]),
            ("update only seats set a = 1 from b where true", vec!["seats", "b"]),
            ("delete from seats using b", vec!["seats", "b"]),
            ("merge into seats using b on true when matched then delete", vec!["seats", "b"]),
            ("truncate a, b", vec!["a", "b"]),
            ("copy seats to stdout", vec!["seats"]),
            ("table seats", vec!["seats"]),
            ("lock table seats", vec!["seats"]),
            ("select 'from seats'", vec![]),
        ] {
            assert_eq!(named(sql), expected, "{sql}");
        }
    }

    #[test]
    fn nesting_too_deep_to_parse_is_answered_with_every_name() {
        let sql = format!("select {}1{} from seats", "(".repeat(100_000), ")".repeat(100_000));
        assert!(named(&sql).contains(&"seats".to_owned()));
    }
}
