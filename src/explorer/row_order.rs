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
const BY_PLACE: [&str; 22] = [
    "limit",
    "offset",
    "fetch",
    "tablesample",
    "ctid",
    "any_value",
    "array_agg",
    "string_agg",
    "json_agg",
    "json_arrayagg",
    "json_objectagg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "xmlagg",
    "row_number",
    "ntile",
    "first_value",
    "last_value",
    "nth_value",
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
            told.hear(text, sequences);
        }
        told
    }

    /// Takes in what some statements tell.
    pub fn hear(&mut self, text: &str, sequences: &Sequences) {
        for statement in split(text, Strings::default()) {
            self.add(&words(statement.text, Strings::default()), sequences);
        }
    }

    fn add(&mut self, words: &[Word], sequences: &Sequences) {
        let named: BTreeSet<String> = Tables::of(words).all().map(|it| it.name.clone()).collect();
        if looks_at_places(words) {
            self.by_place.extend(named.iter().cloned());
        }
        let is_row = matches!(verb(words), Verb::Insert | Verb::Merge);
        let from = if is_row { 0 } else { clause(words).unwrap_or(words.len()) };
        let reckoned = reckoned_with(&words[..from]);
        let used = words[from..].iter().filter_map(Word::name).chain(reckoned);
        let used: BTreeSet<&str> = used.collect();
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
                effects.locks.extend(tables.iter().map(|table| order_of_rows(table)));
            }
        }
    }

    /// Has a step that adds single rows depend on others that do, in a table whose rows are told by
    /// their places.
    pub fn bind_added(&self, effects: &mut Effects) {
        let added = effects.locks.iter().filter_map(|(resource, access)| match resource {
            Resource::Row { table, .. } if *access == Access::Exclusive => Some(table),
            _ => None,
        });
        let bound: Vec<_> = added
            .filter(|table| self.by_place.contains(bare(table)))
            .map(|it| order_of_rows(it))
            .collect();
        effects.locks.extend(bound);
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

fn order_of_rows(table: &str) -> (Resource, Access) {
    (Resource::Named(format!("the order of rows in {table}")), Access::Exclusive)
}

fn looks_at_places(words: &[Word]) -> bool {
    // A list of what a SELECT finds, and the first row of each group.
    let is_pair = |pair: &[Word]| {
        pair[0].is("array") && pair[1].is_mark('(') || pair[0].is("distinct") && pair[1].is("on")
    };
    words.iter().any(|word| BY_PLACE.iter().any(|name| word.is(name)))
        || words.windows(2).any(is_pair)
}

/// The names in a SELECT's list that are more than shown: all but columns by themselves.
fn reckoned_with(list: &[Word]) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let items = list.split(move |word| {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && word.is_mark(',')
    });
    items.filter(|item| !is_column(item)).flatten().filter_map(Word::name)
}

/// Whether an item of a list is a column, perhaps under another name, with what comes before the
/// first and behind the last item.
fn is_column(item: &[Word]) -> bool {
    let around = ["select", "all", "distinct", "as"];
    let own = item.iter().take_while(|word| !word.is("from"));
    let own = own.filter(|word| !around.iter().any(|name| word.is(name)));
    let (mut names, mut dots, mut others) = (0_usize, 0, 0);
    for word in own {
        match word {
            word if word.is_mark('.') => dots += 1,
            word if word.is_mark('*') || word.name().is_some() => names += 1,
            _ => others += 1,
        }
    }
    others == 0 && names <= 2 + dots
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
    fn a_list_or_the_first_of_a_group_tells_places_too() {
        for sql in [
            "select array(select who from queue)",
            "select distinct on (who) who from queue",
            "select nth_value(who, 2) over () from queue",
            "select json_arrayagg(who) from queue",
        ] {
            assert!(told(sql).by_place.contains("queue"), "{sql}");
        }
        for sql in ["select distinct who from queue", "select array[who, 'a'] from queue"] {
            assert!(told(sql).by_place.is_empty(), "{sql}");
        }
    }

    #[test]
    fn a_sequence_that_is_reckoned_with_in_a_list_tells_who_was_first() {
        for sql in [
            "select who, id > 1 from queue",
            "select who, id % 2 as half from queue",
            "select max(id) from queue",
            "select case when id is null then who else who end from queue",
        ] {
            assert!(told(sql).by_sequence.contains("queue"), "{sql}");
        }
        for sql in ["select q.id, who as name, q.* from queue q", "select distinct id from queue"] {
            assert_eq!(told(sql), Told::default(), "{sql}");
        }
    }

    #[test]
    fn single_rows_depend_on_each_other_where_places_are_told() {
        let row = Resource::Row { table: "queue".to_owned(), key: "1".to_owned() };
        let added = |told: &Told| {
            let mut effects = Effects::default();
            effects.locks.insert(row.clone(), Access::Exclusive);
            told.bind_added(&mut effects);
            effects.locks.len()
        };
        assert_eq!(added(&told("select who from queue limit 1")), 2);
        assert_eq!(added(&told("select who from queue")), 1);
        assert_eq!(added(&told("select who from stubs limit 1")), 1);
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
