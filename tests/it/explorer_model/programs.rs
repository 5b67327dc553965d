//! Random programs of two or three sessions.

use proptest::prelude::*;

use super::{Level, Model, Operation, Rows};

const KEYS: std::ops::Range<i32> = 1..4;

fn reading() -> impl Strategy<Value = Operation> {
    prop_oneof![
        Just(Operation::ReadAll),
        KEYS.prop_map(Operation::Read),
        KEYS.prop_map(Operation::ForUpdate),
    ]
}

fn updating() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (KEYS, 5..8).prop_map(|(id, v)| Operation::Set(id, v)),
        (KEYS, 1..3).prop_map(|(id, n)| Operation::Add(id, n)),
        (KEYS, 0..2, 0..3).prop_map(|(id, from, to)| Operation::SetIf(id, from, to)),
        (KEYS, KEYS).prop_map(|(to, from)| Operation::Copy(to, from)),
    ]
}

fn keyed() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (2..5, 5..8).prop_map(|(id, v)| Operation::Insert(id, v)),
        (2..5).prop_map(Operation::Delete),
    ]
}

/// Statements, among them inserts and deletes where these are wanted.
fn statement(has_keys: bool) -> BoxedStrategy<Operation> {
    if has_keys {
        prop_oneof![3 => reading(), 4 => updating(), 3 => keyed()].boxed()
    } else {
        prop_oneof![3 => reading(), 5 => updating()].boxed()
    }
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::ReadCommitted), Just(Level::RepeatableRead)]
}

fn transaction(most: usize, has_keys: bool) -> impl Strategy<Value = Vec<Operation>> {
    let ends = prop_oneof![4 => Just(Operation::Commit), 1 => Just(Operation::Rollback)];
    let statements = prop::collection::vec(statement(has_keys), 1..=most);
    let block = (level(), statements, prop::option::weighted(0.9, ends));
    let block = block.prop_map(|(level, statements, end)| {
        [Operation::Begin(level)].into_iter().chain(statements).chain(end).collect()
    });
    let alone = prop::collection::vec(statement(has_keys), 1..=2);
    prop_oneof![4 => block, 1 => alone]
}

/// A transaction, or one and some statements on their own; a block that is left open ends it.
fn session(most: usize, has_keys: bool) -> impl Strategy<Value = Vec<Operation>> {
    let before = prop::option::weighted(0.2, statement(has_keys));
    (before, transaction(most, has_keys))
        .prop_map(|(before, own)| before.into_iter().chain(own).collect())
}

fn sessions(
    count: usize,
    most: usize,
    has_keys: bool,
) -> impl Strategy<Value = Vec<Vec<Operation>>> {
    prop::collection::vec(session(most, has_keys), count)
}

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::vec(0..3, 3).prop_map(|values| (1..).zip(values).collect())
}

/// Whether three sessions want to lock the same row. A server lets the first of two waiters try
/// again before it has the row's new version, so that either may have it first.
fn has_a_crowd(sessions: &[Vec<Operation>]) -> bool {
    let wants = |own: &Vec<Operation>, row| own.iter().any(|it| it.locks() == Some(row));
    let mut keys = KEYS;
    keys.any(|row| sessions.iter().filter(|own| wants(own, row)).count() > 2)
}

/// Programs that have no more than some thousand orders. Where `is_exact`, what comes of an order
/// depends on nothing but the order.
pub(crate) fn programs(is_exact: bool) -> impl Strategy<Value = Model> {
    let two = sessions(2, 3, true);
    let three = sessions(3, 1, !is_exact);
    let three = three.prop_filter("a crowd", move |it| !is_exact || !has_a_crowd(it));
    let sessions = prop_oneof![two, three];
    let optimistic = if is_exact { Just(false).boxed() } else { prop::bool::weighted(0.2).boxed() };
    (rows(), optimistic, sessions).prop_map(|(rows, is_optimistic, sessions)| Model {
        rows,
        is_optimistic,
        sessions,
    })
}
