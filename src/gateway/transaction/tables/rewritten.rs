//! A statement as it is sent, and where it differs from what the client wrote.

use std::cmp::Reverse;

use crate::gateway::facade::Edit;

/// A statement as it is sent, and where it differs from what the client wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) sql: String,
    /// What its names stand for, each with the copy that is found by its name now: PostgreSQL holds
    /// on to a stored table that it has found under a bare name, although a copy of that name has
    /// come since.
    relations: Vec<(u32, Option<u32>)>,
    /// Where, in characters of what the client wrote, and by how much longer.
    shifts: Vec<(usize, isize)>,
}

impl Rewritten {
    /// A text of the gateway's own, in which no place is one of the client's.
    pub(crate) fn whole(sql: String) -> Self {
        Self { sql, relations: Vec::new(), shifts: Vec::new() }
    }

    /// A text in which these relations are named, as the client wrote it.
    pub(super) fn naming(relations: Vec<(u32, Option<u32>)>, sql: String) -> Self {
        Self { relations, ..Self::whole(sql) }
    }

    /// Whether any is named.
    pub(crate) fn names_relations(&self) -> bool {
        !self.relations.is_empty()
    }

    /// This text with pieces replaced. What lies within another piece goes with that.
    pub(super) fn edited(mut self, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| (edit.span.start, !edit.span.is_empty(), Reverse(edit.span.end)));
        let mut replaced = 0;
        edits.retain(|edit| {
            let is_apart = edit.span.start >= replaced;
            replaced = replaced.max(edit.span.end);
            is_apart
        });
        for edit in edits.into_iter().rev() {
            self.replace(edit.span, &edit.by);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_within_a_replaced_piece_goes_with_it() {
        let edit = |span, by: &str| Edit { span, by: by.to_owned() };
        let rewritten = Rewritten::whole("f(a, b) c".to_owned());
        let edits = vec![edit(2..3, "inner"), edit(8..9, "cc"), edit(0..7, "g")];
        assert_eq!(rewritten.edited(edits).sql, "g cc");
    }

    #[test]
    fn an_errors_place_is_counted_in_characters() {
        let sql = "select 'äöü' from seats where nothing";
        let mut rewritten = Rewritten::naming(Vec::new(), sql.to_owned());
        let seats = sql.find("seats").unwrap();
        rewritten.replace(seats..seats + "seats".len(), "pg_temp.\"sitzplätze\"");
        let place = |text: &str| {
            let before = text.split("nothing").next().unwrap();
            before.chars().count() + 1
        };
        assert_eq!(rewritten.place(place(&rewritten.sql)), place(sql));
    }
}
