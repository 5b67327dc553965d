//! A statement with its place in the file, so that what a server says about it can be found there.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::Scenario;

/// SQL that is sent in one message, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    /// The file's line on which it begins, from 1; 0 where it comes from no file.
    pub line: usize,
    /// The column in which it begins, from 1, counted in characters.
    pub column: usize,
    /// The file that it stands in, where that is not the scenario's own.
    pub file: Option<Arc<Path>>,
}

/// Whoever sends it needs no more than its SQL.
impl Deref for Statement {
    type Target = str;

    fn deref(&self) -> &str {
        &self.sql
    }
}

impl Statement {
    /// The line and the column of one of its characters, which a server counts from 1; of its
    /// beginning without one.
    pub fn place(&self, position: Option<u32>) -> (usize, usize) {
        let at = position.map_or(0, |position| (position as usize).saturating_sub(1));
        let before: Vec<char> = self.sql.chars().take(at).collect();
        let lines = before.iter().filter(|&&c| c == '\n').count();
        let in_line = before.iter().rev().take_while(|&&c| c != '\n').count();
        let column = if lines == 0 { self.column + in_line } else { in_line + 1 };
        (self.line + lines, column)
    }
}

impl Scenario {
    /// Where one of a statement's characters stands, which a server counts from 1:
    /// `seats.sql:12:8`.
    pub fn place_of(&self, statement: &Statement, position: Option<u32>) -> String {
        let file = statement.file.as_deref().or(self.path.as_deref());
        let file = file.map_or_else(|| self.name.clone(), |path| path.display().to_string());
        let (line, column) = statement.place(position);
        format!("{file}:{line}:{column}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_position_leads_into_the_file() {
        let sql = "insert into übung\nvalues (1);".to_owned();
        let statement = Statement { sql, line: 12, column: 5, file: None };
        assert_eq!(statement.place(None), (12, 5));
        assert_eq!(statement.place(Some(1)), (12, 5));
        assert_eq!(statement.place(Some(13)), (12, 17));
        assert_eq!(statement.place(Some(19)), (13, 1));
        assert_eq!(statement.place(Some(27)), (13, 9));
        // More characters than there are: the place behind the last.
        assert_eq!(statement.place(Some(9_999)), (13, 12));
    }
}
