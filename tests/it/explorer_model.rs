//! A database of a few rows that plays orders without a server: snapshots, row locks, the first
//! updater wins, statements on their own, deadlocks of which the last launch is the victim, and an
//! optimistic engine.

pub(crate) mod effects;
pub(crate) mod machine;
pub(crate) mod programs;

use std::convert::Infallible;

use overbooked::core::event::TransactionStatus;
use overbooked::core::event::answer::Outcome;
use overbooked::explorer::played::{End, Guide, Launched, Played, Player, TableRows};

use machine::Machine;

/// The value of each row, by its key.
pub(crate) type Rows = std::collections::BTreeMap<i32, i32>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    ReadCommitted,
    RepeatableRead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Begin(Level),
    Commit,
    Rollback,
    ReadAll,
    Read(i32),
    ForUpdate(i32),
    Set(i32, i32),
    Add(i32, i32),
    /// The row's value becomes the second if it is the first.
    SetIf(i32, i32, i32),
    /// The first row's value becomes the second's.
    Copy(i32, i32),
    Insert(i32, i32),
    Delete(i32),
}

impl Operation {
    /// The row that it locks if it finds it.
    pub(crate) fn locks(self) -> Option<i32> {
        match self {
            Self::ForUpdate(id)
            | Self::Set(id, _)
            | Self::Add(id, _)
            | Self::SetIf(id, ..)
            | Self::Copy(id, _)
            | Self::Insert(id, _)
            | Self::Delete(id) => Some(id),
            _ => None,
        }
    }

    /// As SQL over a table `t (id int primary key, v int)`.
    pub(crate) fn sql(self) -> String {
        match self {
            Self::Begin(Level::ReadCommitted) => "begin isolation level read committed".to_owned(),
            Self::Begin(Level::RepeatableRead) => {
                "begin isolation level repeatable read".to_owned()
            }
            Self::Commit => "commit".to_owned(),
            Self::Rollback => "rollback".to_owned(),
            Self::ReadAll => "select id, v from t order by id, v".to_owned(),
            Self::Read(id) => format!("select v from t where id = {id} order by v"),
            Self::ForUpdate(id) => format!("select v from t where id = {id} for update"),
            Self::Set(id, to) => format!("update t set v = {to} where id = {id}"),
            Self::Add(id, n) => format!("update t set v = v + {n} where id = {id}"),
            Self::SetIf(id, from, to) => {
                format!("update t set v = {to} where id = {id} and v = {from}")
            }
            Self::Copy(to, from) => format!(
                "update t set v = (select coalesce(sum(v), 0) from t where id = {from}) \
                 where id = {to}"
            ),
            Self::Insert(id, v) => format!("insert into t values ({id}, {v})"),
            Self::Delete(id) => format!("delete from t where id = {id}"),
        }
    }
}

/// What is played, each session's operations in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) rows: Rows,
    pub(crate) is_optimistic: bool,
    pub(crate) sessions: Vec<Vec<Operation>>,
}

impl Model {
    pub(crate) fn play_now(&self, guide: &mut dyn Guide) -> Played {
        let mut machine = Machine::new(self);
        let mut played = Played::default();
        loop {
            played.enabled = machine.enabled();
            if played.enabled.is_empty() {
                break;
            }
            let Some(session) = guide.next(&played.launches, &played.enabled) else { break };
            machine.launch(session, &mut played.launches);
        }
        played.waiting = machine.waiting();
        if played.enabled.is_empty() {
            played.end = Some(end(&machine.committed()));
        }
        played
    }
}

impl Player for Model {
    type Error = Infallible;

    async fn play(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, Infallible> {
        Ok(self.play_now(guide))
    }
}

fn end(rows: &Rows) -> End {
    let table = TableRows {
        table: "t".to_owned(),
        columns: vec!["id".to_owned(), "v".to_owned()],
        rows: rows.iter().map(|(id, v)| vec![Some(id.to_string()), Some(v.to_string())]).collect(),
    };
    End { tables: vec![table], ..End::default() }
}

/// What an order is grouped by: each session's answers, and the end.
pub(crate) fn class(played: &Played) -> String {
    let mut lines: Vec<String> = played.launches.iter().map(line).collect();
    lines.sort();
    let tables = played.end.iter().flat_map(|end| &end.tables);
    lines.extend(tables.map(|table| format!("{} {:?}", table.table, table.rows)));
    lines.join("\n")
}

fn line(Launched { session, step, answer, .. }: &Launched) -> String {
    let Some(answer) = answer else { return format!("{session}.{step:02} waits") };
    let outcomes: Vec<String> = answer.outcomes.iter().map(words).collect();
    let status = match answer.status {
        TransactionStatus::Idle => 'I',
        TransactionStatus::InTransaction => 'T',
        TransactionStatus::Failed => 'E',
    };
    format!("{session}.{step:02} {} {status}", outcomes.join("; "))
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Result { rows, tag, .. } => {
            let rows = rows.iter().map(|row| {
                let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL"));
                cells.collect::<Vec<_>>().join(" ")
            });
            format!("{tag} [{}]", rows.collect::<Vec<_>>().join(", "))
        }
        Outcome::Done { tag } => tag.clone(),
        Outcome::Failed(error) => error.code.clone(),
    }
}
