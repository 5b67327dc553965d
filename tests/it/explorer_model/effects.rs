//! What each operation does to others, as it would be measured on a server.

use overbooked::explorer::effects::{Access, Effects, Footprint, Resource};

use super::{Level, Model, Operation};

fn row(id: i32) -> Resource {
    Resource::Row { table: "t".to_owned(), key: id.to_string() }
}

fn reads(operation: Operation) -> Footprint {
    let rows: Vec<Resource> = match operation {
        Operation::ReadAll => vec![Resource::Table("t".to_owned())],
        Operation::Copy(to, from) => vec![row(to), row(from)],
        Operation::Read(id)
        | Operation::ForUpdate(id)
        | Operation::Set(id, _)
        | Operation::Add(id, _)
        | Operation::SetIf(id, ..)
        | Operation::Insert(id, _)
        | Operation::Delete(id) => vec![row(id)],
        Operation::Begin(_) | Operation::Commit | Operation::Rollback => Vec::new(),
    };
    rows.into_iter().map(|resource| (resource, Access::Shared)).collect()
}

fn locks(operation: Operation) -> Footprint {
    operation.locks().map(|id| (row(id), Access::Exclusive)).into_iter().collect()
}

fn writes(operation: Operation) -> Footprint {
    if matches!(operation, Operation::ForUpdate(_)) { Footprint::new() } else { locks(operation) }
}

fn all(operations: &[Operation], of: impl Fn(Operation) -> Footprint) -> Footprint {
    operations.iter().flat_map(|operation| of(*operation)).collect()
}

/// Each session's operations' effects.
pub(crate) fn of(model: &Model) -> Vec<Vec<Effects>> {
    model.sessions.iter().map(|own| session(own, model.is_optimistic)).collect()
}

fn session(operations: &[Operation], is_optimistic: bool) -> Vec<Effects> {
    let mut effects: Vec<Effects> = Vec::new();
    let mut rest = operations;
    while let Some(&first) = rest.first() {
        let is_end = |o: &Operation| matches!(o, Operation::Commit | Operation::Rollback);
        let length = match first {
            Operation::Begin(_) => rest.iter().position(is_end).map_or(rest.len(), |end| end + 1),
            _ => 1,
        };
        let (own, others) = rest.split_at(length);
        effects.extend(match first {
            Operation::Begin(_) if is_optimistic => private(own),
            Operation::Begin(level) => block(own, level),
            _ => vec![alone(first)],
        });
        rest = others;
    }
    effects
}

fn alone(operation: Operation) -> Effects {
    Effects {
        reads: reads(operation),
        locks: locks(operation),
        publishes: writes(operation),
        releases: locks(operation),
        is_unknown: false,
    }
}

fn block(own: &[Operation], level: Level) -> Vec<Effects> {
    let effects = own.iter().enumerate().map(|(place, &operation)| Effects {
        reads: match (level, place) {
            (Level::ReadCommitted, _) => reads(operation),
            (Level::RepeatableRead, 1) => all(own, reads),
            (Level::RepeatableRead, _) => Footprint::new(),
        },
        locks: locks(operation),
        publishes: match operation {
            Operation::Commit => all(own, writes),
            _ => Footprint::new(),
        },
        releases: match operation {
            Operation::Commit | Operation::Rollback => all(own, locks),
            _ => Footprint::new(),
        },
        is_unknown: false,
    });
    effects.collect()
}

/// An optimistic engine's: a snapshot at the beginning, everything else at the end.
fn private(own: &[Operation]) -> Vec<Effects> {
    let effects = own.iter().map(|operation| match operation {
        Operation::Begin(_) => Effects { reads: all(own, reads), ..Effects::default() },
        Operation::Commit => {
            Effects { locks: all(own, locks), publishes: all(own, writes), ..Effects::default() }
        }
        _ => Effects::default(),
    });
    effects.collect()
}
