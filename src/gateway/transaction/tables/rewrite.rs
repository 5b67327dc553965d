//! A statement turned towards the copies.
//!
//! Of the columns that every table has without naming them (PostgreSQL documentation, 5.5, "System
//! Columns"), `tableoid` is turned into the stored table's; the others tell of the copy's row.
//! `ctid` names a row for as long as its transaction, in which a statement may well use what
//! another has read. `xmin`, `xmax`, `cmin` and `cmax` say when the copy got the row, and not who
//! wrote it: they tell two states of a row apart in one session, and mean nothing in another.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Named, Rewritten, Tables};
use crate::core::syntax::{Word, quote};
use crate::gateway::facade::Edit;
use crate::gateway::statement::{Name, Single, Statement};

impl Tables {
    /// The statement with its qualified names turned towards the copies, and with these edits of
    /// other pieces.
    pub(crate) fn rewrite(
        &self,
        statement: &Statement,
        named: &Named,
        edits: Vec<Edit>,
    ) -> Rewritten {
        self.rewritten(statement, named, self.turned(statement, named).as_ref(), edits)
    }

    /// A view's definition, the same.
    pub(super) fn rewrite_view(&self, definition: &Statement, named: &Named) -> Rewritten {
        let turned = self.views_names(definition, named);
        self.rewritten(definition, named, None, turned)
    }

    /// Large tables under a view that are named by their schema, as they are once a copy stands
    /// before them. While the view is made, their copies have the tables' names.
    fn views_names(&self, definition: &Statement, named: &Named) -> Vec<Edit> {
        let is_meant = |(_, part, table): &&(usize, usize, u32)| *part > 0 && self.is_apart(*table);
        let edits = named.found.iter().filter(is_meant).map(|(place, part, _)| {
            let name = &definition.names[*place];
            let span = name.spans[0].start..name.spans[*part].end;
            Edit { span, by: format!("pg_temp.{}", quote(&name.parts[*part])) }
        });
        edits.collect()
    }

    fn rewritten(
        &self,
        statement: &Statement,
        named: &Named,
        turned: Option<&(usize, Single)>,
        mut edits: Vec<Edit>,
    ) -> Rewritten {
        let found_as = |relation: u32| (relation, self.copy_found(relation));
        let relations = named.all().into_iter().map(found_as).collect();
        let stored = self.stored_numbers(statement, named);
        for (place, name) in statement.names.iter().enumerate() {
            let found = named.found.iter().find(|(known, ..)| *known == place);
            if let Some((_, part, relation)) = found.filter(|(.., table)| self.is_apart(*table)) {
                if let Some((_, single)) = turned.filter(|(at, _)| *at == place) {
                    let (span, copy) = self.own_copy(name, *part, *relation, single);
                    edits.push(Edit { span, by: copy });
                }
                continue;
            }
            let copy =
                found.and_then(|(_, part, relation)| self.copy_named(name, *part, *relation));
            match (&stored, copy) {
                (Some(stored), copy) if name.is_table_number() => {
                    let whole = name.spans[0].start..name.spans[name.spans.len() - 1].end;
                    let mut column = statement.sql[whole.clone()].to_owned();
                    if let Some((span, copy)) = copy {
                        column.replace_range(..span.len(), &copy);
                    }
                    let by =
                        format!("(select case {column}{stored} else {column} end as tableoid)");
                    edits.push(Edit { span: whole, by });
                }
                (_, Some((span, by))) => edits.push(Edit { span, by }),
                (_, None) => {}
            }
        }
        Rewritten::naming(relations, statement.sql.clone()).edited(edits)
    }

    /// Whether it is a large table, which a statement finds where it is stored unless it is turned.
    fn is_apart(&self, table: u32) -> bool {
        self.large.contains(&table) && !self.is_found(table)
    }

    /// The number of the copy that statements find instead of what is stored.
    fn copy_found(&self, relation: u32) -> Option<u32> {
        let copy = self.copies.get(&relation).filter(|_| !self.is_apart(relation));
        let copy = copy.map(|copy| copy.numbers);
        let copy = copy.or_else(|| self.views.get(&relation).map(|view| view.numbers));
        copy.map(|numbers| numbers.copy)
    }

    /// Where the name of the table stands of which a part is copied, and what stands for it.
    fn own_copy(
        &self,
        name: &Name,
        part: usize,
        table: u32,
        single: &Single,
    ) -> (Range<usize>, String) {
        let span = name.spans[0].start..name.spans[part].end;
        let copy = self.copies.get(&table).map_or("", |copy| &copy.name[..]);
        let copied = format!("pg_temp.{}", quote(copy));
        match &single.alias {
            Some(_) => (span, copied),
            None => (span, format!("{copied} as {}", quote(&name.parts[part]))),
        }
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
