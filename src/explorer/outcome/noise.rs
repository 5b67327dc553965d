//! Which values are never the same twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::event::answer::Outcome;
use crate::core::scenario::Scenario;
use crate::core::syntax::{Strings, split, words};
use crate::explorer::played::Played;
use crate::explorer::program::Program;
use crate::explorer::row_order::{Unique, is_fixed};

/// The types whose values only number things of the server: xid, cid, tid, `pg_lsn`,
/// `txid_snapshot`, `pg_snapshot`, xid8 (PostgreSQL sources, `pg_type.dat`).
const NUMBERS_OF_THE_SERVER: [u32; 7] = [28, 29, 27, 3220, 2970, 5038, 5069];

/// What a function that calls a sequence names its column.
const CALLS: [&str; 3] = ["nextval", "currval", "lastval"];

/// A column of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerColumn {
    pub session: usize,
    pub step: usize,
    pub statement: usize,
    pub column: usize,
}

/// A column of what is looked at in the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndColumn {
    /// Of a table.
    Table { table: String, column: String },
    /// Of the answer to a statement of the `finally` part.
    Finally { statement: usize, column: usize },
}

/// Which columns hold values that are never the same twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// Columns of tables that a sequence fills or that refer to such a one, by table and column;
    /// and whose values they are.
    sequences: BTreeMap<(String, String), String>,
    /// For each step, the columns by name that its answers may show of those.
    shown: BTreeMap<(usize, usize), BTreeMap<String, String>>,
    /// The same of the `finally` part.
    shown_finally: BTreeMap<String, String>,
    /// The statements of steps whose rows come in one order only.
    fixed: BTreeSet<(usize, usize, usize)>,
    fixed_finally: BTreeSet<usize>,
    /// What differed between two plays of the same order.
    answers: BTreeSet<AnswerColumn>,
    ends: BTreeSet<EndColumn>,
}

impl Noise {
    /// Of programs: with these columns filled by sequences.
    pub fn of_programs(sequences: BTreeMap<(String, String), String>) -> Self {
        Self { sequences, ..Self::default() }
    }

    /// With these columns filled by sequences: table and column, and whose values they are.
    pub fn of_sequences(
        scenario: &Scenario,
        program: &Program,
        sequences: BTreeMap<(String, String), String>,
    ) -> Self {
        let mut noise = Self { sequences, ..Self::default() };
        for (session, steps) in program.sessions.iter().enumerate() {
            for (step, &place) in steps.iter().enumerate() {
                let shown = noise.shown_by(&scenario.steps[place].sql);
                noise.shown.insert((session, step), shown);
            }
        }
        if let Some(finally) = &scenario.finally {
            noise.shown_finally = noise.shown_by(&finally.sql);
        }
        noise
    }

    /// And where rows come in one order only, since these columns are unique.
    #[must_use]
    pub fn with_fixed_rows(
        mut self,
        scenario: &Scenario,
        program: &Program,
        uniques: &[Unique],
    ) -> Self {
        let fixed = |sql: &str| -> Vec<usize> {
            let statements = split(sql, Strings::default()).into_iter();
            let statements = statements.filter(|statement| !statement.is_empty).enumerate();
            let fixed = statements.filter(|(_, it)| is_fixed(it.text, uniques, &self.sequences));
            fixed.map(|(nth, _)| nth).collect()
        };
        let mut found = BTreeSet::new();
        for (session, steps) in program.sessions.iter().enumerate() {
            for (step, &place) in steps.iter().enumerate() {
                let own = fixed(&scenario.steps[place].sql);
                found.extend(own.into_iter().map(|nth| (session, step, nth)));
            }
        }
        let finally = scenario.finally.iter().flat_map(|it| fixed(&it.sql)).collect();
        (self.fixed, self.fixed_finally) = (found, finally);
        self
    }

    pub(super) fn is_fixed(&self, at: (usize, usize, usize)) -> bool {
        self.fixed.contains(&at)
    }

    pub(super) fn is_fixed_finally(&self, statement: usize) -> bool {
        self.fixed_finally.contains(&statement)
    }

    /// Takes in what a step sends, of programs, whose steps are not known before; whether its
    /// answers may show more than was known.
    pub fn learn_text(&mut self, (session, step): (usize, usize), sql: &str) -> bool {
        let shown = self.shown_by(sql);
        let known = self.shown.entry((session, step)).or_default();
        let before = known.len();
        known.extend(shown);
        known.len() > before
    }

    /// The columns that an answer to this text may show: those of the tables that it names.
    fn shown_by(&self, sql: &str) -> BTreeMap<String, String> {
        let words = words(sql, Strings::default());
        let named: BTreeSet<&str> = words.iter().filter_map(|word| word.name()).collect();
        let columns = self.sequences.iter();
        let own = columns.filter(|((table, _), _)| named.contains(bare(table)));
        own.map(|((_, column), of)| (column.clone(), of.clone())).collect()
    }

    /// Learns from two plays of the same order: what differs there is noise.
    pub fn learn(&mut self, one: &Played, other: &Played) {
        for launch in &one.launches {
            let twin = other.launches.iter();
            let mut twin =
                twin.filter(|twin| (twin.session, twin.step) == (launch.session, launch.step));
            let answers = launch.answer.as_ref().zip(twin.next().and_then(|it| it.answer.as_ref()));
            let Some((a, b)) = answers else { continue };
            for (statement, column) in differing(&a.outcomes, &b.outcomes) {
                let (session, step) = (launch.session, launch.step);
                self.answers.insert(AnswerColumn { session, step, statement, column });
            }
        }
        let (Some(one), Some(other)) = (&one.end, &other.end) else { return };
        for (statement, column) in differing(&one.finally, &other.finally) {
            self.ends.insert(EndColumn::Finally { statement, column });
        }
        for (a, b) in one.tables.iter().zip(&other.tables).filter(|(a, b)| a.table == b.table) {
            for column in columns_apart(&a.rows, &b.rows, a.columns.len()) {
                let column = a.columns[column].clone();
                self.ends.insert(EndColumn::Table { table: a.table.clone(), column });
            }
        }
    }

    /// Whose values this column of an answer holds, if they are noise.
    pub(super) fn of_answer(&self, at: AnswerColumn, name: &str, oid: u32) -> Option<String> {
        let shown = self.shown.get(&(at.session, at.step));
        known(shown, name, oid).or_else(|| {
            self.answers.contains(&at).then(|| format!("{name} of {}.{}", at.session, at.step))
        })
    }

    pub(super) fn of_finally(
        &self,
        (statement, column): (usize, usize),
        name: &str,
        oid: u32,
    ) -> Option<String> {
        let at = EndColumn::Finally { statement, column };
        known(Some(&self.shown_finally), name, oid)
            .or_else(|| self.ends.contains(&at).then(|| format!("{name} of the end")))
    }

    pub(super) fn of_table(&self, table: &str, column: &str) -> Option<String> {
        let place = (table.to_owned(), column.to_owned());
        self.sequences.get(&place).cloned().or_else(|| {
            let (table, column) = place;
            let of = format!("{table}.{column}");
            self.ends.contains(&EndColumn::Table { table, column }).then_some(of)
        })
    }
}

fn known(shown: Option<&BTreeMap<String, String>>, name: &str, oid: u32) -> Option<String> {
    if let Some(of) = shown.and_then(|shown| shown.get(name)) {
        return Some(of.clone());
    }
    let is_call = CALLS.contains(&name);
    let is_number = NUMBERS_OF_THE_SERVER.contains(&oid);
    (is_call || is_number).then(|| if is_call { "nextval".to_owned() } else { oid.to_string() })
}

/// The name without its schema.
fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// Which columns of which statements differ.
fn differing(one: &[Outcome], other: &[Outcome]) -> Vec<(usize, usize)> {
    let pairs = one.iter().zip(other).enumerate();
    let columns = pairs.flat_map(|(statement, pair)| {
        let apart = match pair {
            (Outcome::Result { columns, rows, .. }, Outcome::Result { rows: others, .. }) => {
                columns_apart(rows, others, columns.len())
            }
            _ => Vec::new(),
        };
        apart.into_iter().map(move |column| (statement, column))
    });
    columns.collect()
}

/// The columns whose values are not the same, as sets with repetitions.
fn columns_apart(
    one: &[Vec<Option<String>>],
    other: &[Vec<Option<String>>],
    columns: usize,
) -> Vec<usize> {
    // Another number of rows is another outcome, not noise in one.
    if one.len() != other.len() {
        return Vec::new();
    }
    let sorted = |rows: &[Vec<Option<String>>], column: usize| {
        let mut values: Vec<_> = rows.iter().map(|row| row.get(column).cloned()).collect();
        values.sort();
        values
    };
    (0..columns).filter(|&column| sorted(one, column) != sorted(other, column)).collect()
}
