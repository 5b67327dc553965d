//! Random transactions: the statements, and what their answers mean.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::RngExt;
use rand::rngs::StdRng;

use super::connection::{Done, Statement, Style};
use super::history::{Key, Operation, Value};

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    /// Rows of arrays.
    Arrays,
    /// Rows of texts.
    Texts,
    /// A row for each value: lists of one.
    Entries,
    /// Arrays of a table that is renamed, dropped and made anew.
    Churn,
}

/// A statement, and what it is about.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) statement: Statement,
    table: Table,
    append: Option<(u32, Value)>,
    reads: Range<u32>,
}

/// A transaction to be tried.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) shape: Shape,
    pub(super) fate: Fate,
}

/// Where a transaction begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Between BEGIN and COMMIT, each statement answered before the next.
    Block,
    /// The same, all sent at once.
    BlockAtOnce,
    /// All sent at once without BEGIN.
    Implicit,
    /// A single statement.
    Alone,
}

/// What becomes of the client meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lives,
    /// It leaves in the middle.
    Leaves,
    /// It leaves with its last message unanswered.
    LeavesUnheard,
    /// It reads its first answer slowly.
    IsSlow,
}

/// How many lists are in use at a time.
pub(super) const WINDOW: u32 = 4;

const BETWEEN: &str = "k >= $1::int and k < $2::int";

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Arrays => "arrays",
            Self::Texts => "texts",
            Self::Entries => "entries",
            Self::Churn => "churn",
        }
    }

    /// The columns that every statement answers: which table of that name, the row, the list.
    fn columns(self) -> &'static str {
        match self {
            Self::Arrays | Self::Entries => "0, k, array_to_string(list, ',')",
            Self::Texts => "0, k, list",
            Self::Churn => "generation, k, array_to_string(list, ',')",
        }
    }

    fn one(self) -> &'static str {
        if self == Self::Texts { "$2::text" } else { "array[$2::int]" }
    }

    fn longer(self) -> &'static str {
        if self == Self::Texts { "t.list || ',' || $2::text" } else { "t.list || $2::int" }
    }

    fn key(self, generation: &str, row: u32) -> Key {
        match self {
            Self::Churn => Key::new(format!("churn_{generation}"), row),
            _ => Key::new(self.name(), row),
        }
    }

    /// Only a row tells which table of a name it stands in.
    fn is_told_by_rows(self) -> bool {
        self == Self::Churn
    }
}

impl Step {
    fn read(table: Table, reads: Range<u32>, suffix: &str) -> Self {
        let (name, columns) = (table.name(), table.columns());
        let sql = format!("select {columns} from {name} where {BETWEEN} {suffix}");
        Self::reading(table, reads, sql)
    }

    /// Reads the same lists many times over, with more beside them than any buffer holds.
    fn read_much(table: Table, reads: Range<u32>) -> Self {
        let (name, columns) = (table.name(), table.columns());
        let sql = format!(
            "select {columns}, repeat('x', 2000) from {name}, generate_series(1, 400) \
             where {BETWEEN}"
        );
        Self::reading(table, reads, sql)
    }

    fn reading(table: Table, reads: Range<u32>, sql: String) -> Self {
        let values = vec![reads.start.to_string(), reads.end.to_string()];
        Self { statement: Statement { sql, values }, table, append: None, reads }
    }

    fn append(table: Table, row: u32, value: Value, sql: String) -> Self {
        let values = vec![row.to_string(), value.to_string()];
        let reads = row..row + 1;
        Self { statement: Statement { sql, values }, table, append: Some((row, value)), reads }
    }

    fn insert(table: Table, row: u32, value: Value) -> Self {
        let (name, one) = (table.name(), table.one());
        let sql = format!("insert into {name} (k, list) values ($1::int, {one})");
        Self::append(table, row, value, sql)
    }

    fn upsert(table: Table, row: u32, value: Value, returns: bool) -> Self {
        let (name, one, longer) = (table.name(), table.one(), table.longer());
        let mut sql = format!(
            "insert into {name} as t (k, list) values ($1::int, {one}) \
             on conflict (k) do update set list = {longer}"
        );
        if returns {
            sql = format!("{sql} returning {}", table.columns());
        }
        Self::append(table, row, value, sql)
    }

    fn update(table: Table, row: u32, value: Value) -> Self {
        let (name, longer) = (table.name(), table.longer());
        let sql = format!("update {name} as t set list = {longer} where k = $1::int");
        Self::append(table, row, value, sql)
    }

    fn random(random: &mut StdRng, start: u32, value: Value) -> Self {
        let row = start + random.random_range(0..WINDOW);
        let table = match random.random_range(0..11) {
            0..4 => Table::Arrays,
            4..7 => Table::Texts,
            7..9 => Table::Churn,
            _ if random.random_bool(0.2) => {
                let before = random.random_range(0..=value);
                return Self::read(Table::Entries, before..before + 1, "");
            }
            _ => return Self::insert(Table::Entries, value, value),
        };
        let row = if table == Table::Churn { row % WINDOW } else { row };
        match random.random_range(0..12) {
            0..5 => Self::upsert(table, row, value, table.is_told_by_rows() || random.random()),
            5..7 if !table.is_told_by_rows() => Self::update(table, row, value),
            7 => Self::insert(Table::Entries, value, value),
            8 => Self::read(table, row..row + 1, "for update"),
            9 => {
                let first = row - row % WINDOW;
                Self::read(table, first..first + WINDOW, "order by k")
            }
            _ => Self::read(table, row..row + 1, ""),
        }
    }

    /// Whether its table may be gone at the moment.
    pub(super) fn may_find_no_table(&self) -> bool {
        self.table == Table::Churn
    }

    /// What it may have appended where nobody heard its answer.
    pub(super) fn intends(&self) -> Option<Operation> {
        let (row, value) = self.append?;
        Some(Operation::Append(Key::new(self.table.name(), row), value))
    }

    /// The value that it appends if there is a row, and only then.
    pub(super) fn updates(&self) -> Option<Value> {
        let (_, value) = self.append?;
        self.statement.sql.starts_with("update").then_some(value)
    }

    /// What an answer tells.
    pub(super) fn learn(&self, done: &Done) -> Vec<Operation> {
        let list = |text: &str| text.split(',').filter_map(|value| value.parse().ok()).collect();
        let rows = done.rows.iter().filter_map(|row| {
            let [generation, row, values, ..] = &row[..] else { return None };
            let row: u32 = row.parse().ok()?;
            Some((row, (self.table.key(generation, row), list(values))))
        });
        let rows: BTreeMap<u32, (Key, Vec<Value>)> = rows.collect();
        let mut operations = Vec::new();
        let is_written = done.tag.ends_with(" 1") && !done.tag.starts_with("SELECT");
        let returns = self.append.is_none() || !rows.is_empty();
        if let Some((row, value)) = self.append.filter(|_| is_written) {
            let key =
                rows.get(&row).map_or_else(|| self.table.key("", row), |(key, _)| key.clone());
            operations.push(Operation::Append(key, value));
        }
        for row in self.reads.clone().filter(|_| returns || !is_written) {
            match rows.get(&row) {
                Some((key, list)) => operations.push(Operation::Read(key.clone(), list.clone())),
                None if self.table.is_told_by_rows() => {}
                None => operations.push(Operation::Read(self.table.key("", row), Vec::new())),
            }
        }
        operations
    }
}

impl Plan {
    /// Some steps in a row; `values` gives a new value each time.
    pub(super) fn random(
        random: &mut StdRng,
        style: Style,
        start: u32,
        mut values: impl FnMut() -> Value,
    ) -> Self {
        let shapes: &[Shape] = match style {
            Style::Simple => &[Shape::Block, Shape::BlockAtOnce, Shape::Implicit, Shape::Alone],
            Style::Pipelined => &[Shape::BlockAtOnce, Shape::Implicit, Shape::Alone],
            _ => &[Shape::Block, Shape::Block, Shape::Alone],
        };
        let shape = shapes[random.random_range(0..shapes.len())];
        let count = if shape == Shape::Alone { 1 } else { random.random_range(1..=4) };
        let mut steps: Vec<_> = (0..count).map(|_| Step::random(random, start, values())).collect();
        let fate = match random.random_range(0..400) {
            0..4 => Fate::Leaves,
            4..8 => Fate::LeavesUnheard,
            8..12 => Fate::IsSlow,
            _ => Fate::Lives,
        };
        if fate == Fate::IsSlow {
            steps[0] = Step::read_much(Table::Arrays, start..start + WINDOW);
        }
        Self { steps, shape, fate }
    }

    /// All will be sent at once.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let steps = self.steps.iter().map(|step| step.statement.clone());
        match self.shape {
            Shape::Implicit | Shape::Alone => steps.collect(),
            Shape::Block | Shape::BlockAtOnce => {
                let (begin, commit) = (Statement::plain("begin"), Statement::plain("commit"));
                std::iter::once(begin).chain(steps).chain([commit]).collect()
            }
        }
    }
}
