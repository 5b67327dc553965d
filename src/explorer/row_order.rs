//! Which of two rows came first: by footprints alone nobody could see that, but some statements do.
//!
//! ```text
//!  Alice  insert into queue …    Bob  insert into queue …     touch nothing in common, and yet
//!  Carol  select who from queue order by id limit 1           sees who was first
//! ```
//!
//! Where some statement of a scenario can tell it, by the values of a sequence or by where rows are
//! stored, statements that add such rows depend on each other. Everywhere else rows are compared in
//! whatever order they come, unless ORDER BY leaves no choice.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::scenario::Scenario;
use crate::core::syntax::{Strings, Verb, Word, split, verb, words};
use crate::debugger::tables::Tables;
use crate::explorer::effects::{Access, Effects, Resource};
use crate::explorer::program::Program;

/// Columns that a sequence fills or that refer to such: table and column, and whose values.
pub type Sequences = BTreeMap<(String, String), String>;
/// A table, and columns of which no two of its rows have the same values.
pub type Unique = (String, Vec<String>);

/// What tells rows by their places: which come first, or where they are.
const BY_PLACE: [&str; 17] = [
    "limit",
    "offset",
    "fetch",
    "ctid",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "xmlagg",
    "row_number",
    "ntile",
    "first_value",
    "last_value",
    "lag",
    "lead",
];

/// Behind these a column is more than shown.
const CLAUSES: [&str; 7] = ["where", "order", "group", "having", "on", "using", "set"];

/// The tables of which a statement tells which rows came first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// By the values of their sequences.
    by_sequence: BTreeSet<String>,
    by_place: BTreeSet<String>,
}

impl Told {
    /// By the steps of a scenario, and by what is asked in its end.
    pub fn of(scenario: &Scenario, sequences: &Sequences) -> Self {
        let mut told = Self::default();
        let steps = scenario.steps.iter().map(|step| step.sql.as_str());
        let finally = scenario.finally.iter().map(|finally| finally.sql.as_str());
        let invariants = scenario.invariants.iter().map(|invariant| invariant.sql.as_str());
        for text in steps.chain(finally).chain(invariants) {
            for statement in split(text, Strings::default()) {
                told.add(&words(statement.text, Strings::default()), sequences);
            }
        }
        told
    }

    fn add(&mut self, words: &[Word], sequences: &Sequences) {
        let named: BTreeSet<String> = Tables::of(words).all().map(|it| it.name.clone()).collect();
        if words.iter().any(|word| BY_PLACE.iter().any(|name| word.is(name))) {
            self.by_place.extend(named.iter().cloned());
        }
        let is_row = matches!(verb(words), Verb::Insert | Verb::Merge);
        let from = if is_row { 0 } else { clause(words).unwrap_or(words.len()) };
        let used: BTreeSet<&str> = words[from..].iter().filter_map(Word::name).collect();
        for ((table, column), whose) in sequences {
            if named.contains(bare(table)) && used.contains(column.as_str()) {
                let filled = whose.rsplit_once('.').map_or(whose.as_str(), |(table, _)| table);
                self.by_sequence.insert(bare(filled).to_owned());
            }
        }
    }

    /// Has the steps depend on each other that add rows of which it matters which came first.
    pub fn bind(&self, scenario: &Scenario, program: &Program, effects: &mut [Vec<Effects>]) {
        for (steps, effects) in program.sessions.iter().zip(effects) {
            for (&step, effects) in steps.iter().zip(effects) {
                let tables = self.added_by(&scenario.steps[step].sql);
                effects.locks.extend(tables.into_iter().map(|table| {
                    (Resource::Named(format!("the order of rows in {table}")), Access::Exclusive)
                }));
            }
        }
    }

    fn added_by(&self, sql: &str) -> BTreeSet<String> {
        let mut added = BTreeSet::new();
        for statement in split(sql, Strings::default()) {
            let words = words(statement.text, Strings::default());
            let adds = has_insert(&words);
            for table in Tables::of(&words).writes {
                let is_told = self.by_place.contains(&table.name)
                    || adds && self.by_sequence.contains(&table.name);
                if is_told {
                    added.insert(table.name);
                }
            }
        }
        added
    }
}

fn has_insert(words: &[Word]) -> bool {
    words.iter().any(|word| word.is("insert") || word.is("merge") || word.is("copy"))
}

/// Where the part begins in which a column is more than shown.
fn clause(words: &[Word]) -> Option<usize> {
    words.iter().position(|word| CLAUSES.iter().any(|name| word.is(name)))
}

/// The name without its schema.
fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// Whether a statement's rows come in one order only: it ends with ORDER BY the columns of a unique
/// index of the one table that it reads, which no sequence fills.
pub fn is_fixed(sql: &str, uniques: &[Unique], sequences: &Sequences) -> bool {
    let words = words(sql, Strings::default());
    let Some(keys) = keys(&words) else { return false };
    let tables: Vec<String> = Tables::of(&words).all().map(|it| it.name.clone()).collect();
    let [table] = tables.as_slice() else { return false };
    let is_filled = |column: &String| {
        sequences.keys().any(|(known, own)| bare(known) == table && own == column)
    };
    is_alone(&words)
        && uniques.iter().any(|(known, columns)| {
            bare(known) == table
                && columns.iter().all(|column| keys.contains(&column.as_str()))
                && !columns.iter().any(is_filled)
        })
}

/// Whether a statement reads each row of its table once.
fn is_alone(words: &[Word]) -> bool {
    let parts = ["join", "union", "intersect", "except", "lateral", "with"];
    let from = words.iter().position(|word| word.is("from"));
    let ends = |word: &Word| ["where", "group", "order", "for"].iter().any(|it| word.is(it));
    let tables = from.map_or(&[][..], |from| &words[from..]);
    let end = tables.iter().position(ends).unwrap_or(tables.len());
    let others = words.iter().filter(|word| word.is("from")).count();
    others == 1
        && !tables[..end].iter().any(|word| word.is_mark(',') || word.is_mark('('))
        && !words.iter().any(|word| parts.iter().any(|part| word.is(part)))
}

/// The columns by which all rows are ordered, where these are plain ones.
fn keys(words: &[Word]) -> Option<Vec<&str>> {
    let mut depth = 0_usize;
    let mut order = None;
    for (at, word) in words.iter().enumerate() {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && word.is("order") && words.get(at + 1).is_some_and(|it| it.is("by"))
        {
            order = Some(at + 2);
        }
    }
    let rest = &words[order?..];
    let ends = |word: &Word| {
        word.is_mark(';') || ["limit", "offset", "fetch", "for"].iter().any(|it| word.is(it))
    };
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    let keys = rest[..end].split(|word| word.is_mark(',')).map(|key| {
        let is_way =
            |word: &&Word| ["asc", "desc", "nulls", "first", "last"].iter().any(|it| word.is(it));
        let name: Vec<&Word> = key.iter().filter(|word| !is_way(word)).collect();
        match name.as_slice() {
            [column] => column.name(),
            [_, dot, column] if dot.is_mark('.') => column.name(),
            _ => None,
        }
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences() -> Sequences {
        let of = |table: &str, column: &str| {
            ((table.to_owned(), column.to_owned()), "queue.id".to_owned())
        };
        Sequences::from([of("queue", "id"), of("stubs", "queue_id")])
    }

    fn told(sql: &str) -> Told {
        let mut told = Told::default();
        told.add(&words(sql, Strings::default()), &sequences());
        told
    }

    #[test]
    fn a_sequence_that_is_only_shown_tells_nothing() {
        for sql in
            ["select id, who from queue", "insert into queue (who) values ('a') returning who"]
        {
            assert_eq!(told(sql), Told::default(), "{sql}");
        }
    }

    #[test]
    fn one_that_is_compared_or_ordered_by_tells_who_was_first() {
        for sql in [
            "select who from queue order by id",
            "update queue set who = 'x' where id = 1",
            "insert into stubs (queue_id) values (1)",
            "select who from queue where id > 1",
        ] {
            assert!(told(sql).by_sequence.contains("queue"), "{sql}");
        }
        let told = told("select who from queue order by id");
        assert_eq!(told.added_by("insert into queue (who) values ('a')").len(), 1);
        assert!(told.added_by("update queue set who = 'b'").is_empty());
        assert!(told.added_by("insert into stubs values (1)").is_empty());
    }

    #[test]
    fn whoever_takes_the_first_row_looks_at_places() {
        for sql in [
            "select who from queue limit 1",
            "select string_agg(who, ',') from queue",
            "select who from queue fetch first row only",
        ] {
            assert!(told(sql).by_place.contains("queue"), "{sql}");
        }
        let told = told("select who from queue limit 1");
        assert_eq!(told.added_by("update queue set who = 'b'").len(), 1);
    }

    #[test]
    fn an_order_is_fixed_by_a_unique_index_that_no_sequence_fills() {
        let uniques = [
            ("seats".to_owned(), vec!["place".to_owned()]),
            ("queue".to_owned(), vec!["id".to_owned()]),
        ];
        let is_fixed = |sql: &str| is_fixed(sql, &uniques, &sequences());
        assert!(is_fixed("select booked_by from seats order by place"));
        assert!(is_fixed("select booked_by from seats s where n > 1 order by s.place desc, n;"));
        for sql in [
            "select booked_by from seats",
            "select booked_by from seats order by booked_by",
            "select booked_by from seats order by lower(place)",
            "select who from queue order by id",
            "select booked_by from seats, seats as others order by place",
            "select booked_by from seats join queue on true order by place",
            "select * from (select booked_by from seats order by place) as s",
            "select booked_by from seats union all select booked_by from seats order by place",
        ] {
            assert!(!is_fixed(sql), "{sql}");
        }
    }
}
