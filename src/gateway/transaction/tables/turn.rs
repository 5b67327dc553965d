//! A statement turned towards the copies: what is sent, and where it differs from what the client
//! wrote.
//!
//! Of the columns that every table has without naming them (PostgreSQL documentation, 5.5, "System
//! Columns"), `tableoid` is turned into the stored table's; the others tell of the copy's row.
//! `ctid` names a row for as long as its transaction, in which a statement may well use what
//! another has read. `xmin`, `xmax`, `cmin` and `cmax` say when the copy got the row, and not who
//! wrote it: they tell two states of a row apart in one session, and mean nothing in another.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Tables;
use crate::core::syntax::{Word, quote};
use crate::gateway::statement::{Name, Statement};
use crate::gateway::transaction::tables::names::Named;

/// A statement as it is sent, and where it differs from what the client wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) sql: String,
    /// What its names stand for: PostgreSQL holds on to a stored table that it has found under a
    /// bare name, although a copy of that name has come since.
    relations: Vec<u32>,
    /// Where, in characters of what the client wrote, and by how much longer.
    shifts: Vec<(usize, isize)>,
}

impl Turned {
    /// A text of the gateway's own, in which no place is one of the client's.
    pub(crate) fn whole(sql: String) -> Self {
        Self { sql, relations: Vec::new(), shifts: Vec::new() }
    }

    /// Replaces a piece; pieces come from the last to the first.
    fn replace(&mut self, span: std::ops::Range<usize>, by: &str) {
        let characters = |text: &str| text.chars().count();
        let (end, replaced) =
            (characters(&self.sql[..span.end]), characters(&self.sql[span.clone()]));
        let shift = characters(by).cast_signed() - replaced.cast_signed();
        self.shifts.insert(0, (end, shift));
        self.sql.replace_range(span, by);
    }

    /// A place in what was sent (in characters from 1), as one in what the client wrote.
    pub(crate) fn place(&self, sent: usize) -> usize {
        let mut by = 0;
        for (at, shift) in &self.shifts {
            if (sent.cast_signed() - by) > at.cast_signed() {
                by += shift;
            }
        }
        usize::try_from(sent.cast_signed() - by).unwrap_or(1).max(1)
    }
}

impl Tables {
    /// The statement with its qualified names turned towards the copies.
    pub(crate) fn turn(&self, statement: &Statement, named: &Named) -> Turned {
        let mut turned = Turned { relations: named.all(), ..Turned::whole(statement.sql.clone()) };
        let stored = self.stored_numbers(statement, named);
        for (place, name) in statement.names.iter().enumerate().rev() {
            let found = named.found.iter().find(|(known, ..)| *known == place);
            let copy =
                found.and_then(|(_, part, relation)| self.copy_named(name, *part, *relation));
            match (&stored, copy) {
                (Some(stored), copy) if name.is_table_number() => {
                    let whole = name.spans[0].start..name.spans[name.spans.len() - 1].end;
                    let mut column = statement.sql[whole.clone()].to_owned();
                    if let Some((span, copy)) = copy {
                        column.replace_range(..span.len(), &copy);
                    }
                    let number =
                        format!("(select case {column}{stored} else {column} end as tableoid)");
                    turned.replace(whole, &number);
                }
                (_, Some((span, copy))) => turned.replace(span, &copy),
                (_, None) => {}
            }
        }
        turned
    }

    /// Where a name is another one for its copy, and which.
    fn copy_named(
        &self,
        name: &Name,
        part: usize,
        relation: u32,
    ) -> Option<(Range<usize>, String)> {
        let copy = self.copies.get(&relation).map(|copy| &copy.name);
        let copy = copy.or_else(|| self.views.get(&relation).map(|view| &view.name))?;
        let is_other = part > 0 || *copy != name.parts[part];
        let span = name.spans[0].start..name.spans[part].end;
        is_other.then(|| (span, format!("pg_temp.{}", quote(copy))))
    }

    /// The copies' numbers with those of the tables, as the middle of a CASE, for a statement that
    /// asks for numbers. Where it asks for a number by a name (`'seats'::regclass`) it gets the
    /// copy's, and so both of a comparison must be.
    fn stored_numbers(&self, statement: &Statement, named: &Named) -> Option<String> {
        let by_name = |word: &Word| word.is("regclass") || word.is("to_regclass");
        if !statement.names.iter().any(Name::is_table_number) || statement.words.iter().any(by_name)
        {
            return None;
        }
        let relations: BTreeSet<u32> = named.all().into_iter().collect();
        let copies = relations.iter().filter_map(|relation| self.copies.get(relation));
        let pairs = copies.map(|copy| {
            let (copy, stored) = copy.numbers.of_tables();
            format!(" when {copy} then {stored}::pg_catalog.oid")
        });
        Some(pairs.collect::<String>()).filter(|pairs| !pairs.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_place_is_counted_in_characters() {
        let sql = "select 'äöü' from seats where nothing";
        let mut turned = Turned { sql: sql.to_owned(), relations: Vec::new(), shifts: Vec::new() };
        let seats = sql.find("seats").unwrap();
        turned.replace(seats..seats + "seats".len(), "pg_temp.\"sitzplätze\"");
        let place = |text: &str| {
            let before = text.split("nothing").next().unwrap();
            before.chars().count() + 1
        };
        assert_eq!(turned.place(place(&turned.sql)), place(sql));
    }
}
