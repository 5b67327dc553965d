//! Random programs of concurrent transactions, against a model of who conflicts with whom.
//!
//! The model knows nothing of PostgreSQL: a store of committed rows, each transaction's own view of
//! it since BEGIN, and the matrix. It says what every statement must answer and whether every
//! COMMIT must succeed; that each read equals the state at BEGIN plus one's own writes is snapshot
//! isolation, and that a refused COMMIT leaves no trace shows in every later read.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio_postgres::Client;

use crate::gateway::{CONFLICT, Served, says};

const KEYS: std::ops::RangeInclusive<i32> = 1..=3;

/// What one session does next.
#[derive(Clone, Copy, Debug)]
enum Action {
    Begin,
    Read,
    ForUpdate(i32),
    ForKeyShare(i32),
    Insert(i32, i32),
    Update(i32, i32),
    Rekey(i32, i32),
    Delete(i32),
    Commit,
    Rollback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    KeyShare,
    Update,
    Strong,
}

/// `(value, tag)`; the tag is unique in its table's index.
type Row = (i32, i32);
type Store = BTreeMap<i32, Row>;

/// A transaction as the model sees it.
#[derive(Clone, Default)]
struct Transaction {
    begun_at: usize,
    seen: Store,
    view: Store,
    claims: BTreeMap<i32, Claim>,
}

#[derive(Default)]
struct Model {
    stored: Store,
    commits: Vec<BTreeMap<i32, Claim>>,
    open: BTreeMap<usize, Transaction>,
}

fn conflict(one: Claim, other: Claim) -> bool {
    matches!((one, other), (Claim::Strong, _) | (_, Claim::Strong) | (Claim::Update, Claim::Update))
}

impl Transaction {
    fn claim(&mut self, key: i32, claim: Claim) {
        let held = self.claims.entry(key).or_insert(claim);
        *held = (*held).max(claim);
    }

    fn show(&self) -> String {
        let rows = self.view.iter().map(|(key, (value, tag))| format!("{key}|{value}|{tag}; "));
        format!("{}({})", rows.collect::<String>(), self.view.len())
    }

    fn lock(&mut self, key: i32, claim: Claim) -> String {
        if !self.view.contains_key(&key) {
            return "(0)".to_owned();
        }
        // A row of one's own making is nobody else's to conflict with, beyond its own insertion.
        self.claim(key, claim);
        format!("{key}; (1)")
    }

    fn change(&mut self, key: i32, change: impl FnOnce(&mut Row), claim: Claim) -> String {
        let Some(row) = self.view.get_mut(&key) else { return "(0)".to_owned() };
        change(row);
        self.claim(key, claim);
        "(1)".to_owned()
    }
}

impl Model {
    /// What a session's action must answer. Nothing where the action makes no sense now and is left
    /// out.
    fn expect(&mut self, session: usize, action: Action) -> Option<String> {
        match action {
            Action::Begin if !self.open.contains_key(&session) => {
                let (seen, view) = (self.stored.clone(), self.stored.clone());
                let begun_at = self.commits.len();
                self.open.insert(
                    session,
                    Transaction { begun_at, seen, view, ..Transaction::default() },
                );
                Some("(0)".to_owned())
            }
            Action::Begin => None,
            Action::Rollback => self.open.remove(&session).map(|_| "(0)".to_owned()),
            Action::Commit => {
                self.open.remove(&session).map(|transaction| self.commit(&transaction))
            }
            other => self.open.get_mut(&session).and_then(|open| run(open, other)),
        }
    }

    fn commit(&mut self, transaction: &Transaction) -> String {
        let claims = transaction.final_claims();
        let lost = self.commits[transaction.begun_at..].iter().any(|commit| {
            claims
                .iter()
                .any(|(key, claim)| commit.get(key).is_some_and(|done| conflict(*claim, *done)))
        });
        if lost || self.clashes(transaction) {
            return CONFLICT.to_owned();
        }
        for (key, claim) in &claims {
            if *claim != Claim::KeyShare {
                match transaction.view.get(key) {
                    Some(row) => drop(self.stored.insert(*key, *row)),
                    None => drop(self.stored.remove(key)),
                }
            }
        }
        self.commits.push(claims);
        "(0)".to_owned()
    }

    /// Whether a tag that the transaction brings is another row's by now.
    fn clashes(&self, transaction: &Transaction) -> bool {
        transaction.view.iter().any(|(key, row)| {
            transaction.seen.get(key).is_none_or(|seen| seen.1 != row.1)
                && self.stored.iter().any(|(other, stored)| {
                    other != key
                        && stored.1 == row.1
                        && transaction.view.get(other).is_none_or(|mine| mine.1 != row.1)
                        && !transaction.gives_up(*other, row.1)
                })
        })
    }
}

impl Transaction {
    /// What is claimed at COMMIT: a row that came and went again within the transaction is nothing.
    fn final_claims(&self) -> BTreeMap<i32, Claim> {
        let mut claims = self.claims.clone();
        claims.retain(|key, _| self.seen.contains_key(key) || self.view.contains_key(key));
        claims
    }

    /// Whether this row had the tag and the transaction took it away.
    fn gives_up(&self, key: i32, tag: i32) -> bool {
        self.seen.get(&key).is_some_and(|seen| seen.1 == tag)
            && self.view.get(&key).is_none_or(|mine| mine.1 != tag)
    }
}

fn run(open: &mut Transaction, action: Action) -> Option<String> {
    Some(match action {
        Action::Read => open.show(),
        Action::ForUpdate(key) => open.lock(key, Claim::Strong),
        Action::ForKeyShare(key) => open.lock(key, Claim::KeyShare),
        Action::Update(key, value) => open.change(key, |row| row.0 = value, Claim::Update),
        Action::Rekey(key, tag) => {
            // What would violate the key at the statement is another test's matter.
            if open.view.values().any(|row| row.1 == tag) {
                return None;
            }
            let changes = open.seen.get(&key).is_none_or(|seen| seen.1 != tag);
            open.change(key, |row| row.1 = tag, if changes { Claim::Strong } else { Claim::Update })
        }
        Action::Insert(key, tag) => {
            if open.view.contains_key(&key) || open.view.values().any(|row| row.1 == tag) {
                return None;
            }
            open.view.insert(key, (0, tag));
            open.claim(key, Claim::Strong);
            "(1)".to_owned()
        }
        Action::Delete(key) => {
            if open.view.remove(&key).is_none() {
                return Some("(0)".to_owned());
            }
            open.claim(key, Claim::Strong);
            "(1)".to_owned()
        }
        Action::Begin | Action::Commit | Action::Rollback => return None,
    })
}

fn sql(action: Action) -> String {
    match action {
        Action::Begin => "begin".to_owned(),
        Action::Read => "select k, v, tag from rows order by k".to_owned(),
        Action::ForUpdate(key) => format!("select k from rows where k = {key} for update"),
        Action::ForKeyShare(key) => format!("select k from rows where k = {key} for key share"),
        Action::Insert(key, tag) => format!("insert into rows values ({key}, 0, {tag})"),
        Action::Update(key, value) => format!("update rows set v = {value} where k = {key}"),
        Action::Rekey(key, tag) => format!("update rows set tag = {tag} where k = {key}"),
        Action::Delete(key) => format!("delete from rows where k = {key}"),
        Action::Commit => "commit".to_owned(),
        Action::Rollback => "rollback".to_owned(),
    }
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => Just(Action::Begin),
        3 => Just(Action::Read),
        3 => KEYS.prop_map(Action::ForUpdate),
        3 => KEYS.prop_map(Action::ForKeyShare),
        2 => (KEYS, 1..9).prop_map(|(key, tag)| Action::Insert(key, tag)),
        4 => (KEYS, 0..9).prop_map(|(key, value)| Action::Update(key, value)),
        2 => (KEYS, 1..9).prop_map(|(key, tag)| Action::Rekey(key, tag)),
        2 => KEYS.prop_map(Action::Delete),
        4 => Just(Action::Commit),
        1 => Just(Action::Rollback),
    ]
}

fn program() -> impl Strategy<Value = Vec<(usize, Action)>> {
    (2..=5_usize).prop_flat_map(|sessions| prop::collection::vec((0..sessions, action()), 5..30))
}

/// Plays a program; the first answer that the model did not expect.
async fn play(
    clients: &[Client],
    model: &mut Model,
    program: &[(usize, Action)],
) -> Option<String> {
    let end = (0..clients.len()).map(|session| (session, Action::Commit));
    for (session, action) in program.iter().copied().chain(end) {
        let Some(expected) = model.expect(session, action) else { continue };
        let said = says(&clients[session], &sql(action)).await;
        if said != expected {
            return Some(format!(
                "session {session}, {action:?}: said {said}, expected {expected}"
            ));
        }
    }
    let left = says(&clients[0], "select k, v, tag from rows order by k").await;
    let stored = Transaction { view: model.stored.clone(), ..Transaction::default() }.show();
    (left != stored).then(|| format!("left {left}, expected {stored}"))
}

/// `OVERBOOKED_PROGRAMS=5000` plays more than a quick run does.
fn programs() -> usize {
    std::env::var("OVERBOOKED_PROGRAMS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

#[tokio::test]
async fn every_commit_is_judged_as_the_matrix_says() {
    are_judged_as_the_matrix_says(Served::start().await).await;
}

#[tokio::test]
async fn every_commit_on_a_large_table_is_judged_as_the_matrix_says() {
    let served = Served::with(|options| options.large_from = 0).await;
    are_judged_as_the_matrix_says(served).await;
}

async fn are_judged_as_the_matrix_says(served: Served) {
    served
        .outsider()
        .await
        .batch_execute(
            "create table rows (k int primary key, v int, tag int \
        unique); insert into rows values (1, 0, 1), (2, 0, 2)",
        )
        .await
        .unwrap();
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(served.client().await);
    }
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let mut model = Model { stored: [(1, (0, 1)), (2, (0, 2))].into(), ..Model::default() };
    for number in 0..programs() {
        let program = program().new_tree(&mut runner).unwrap().current();
        if let Some(wrong) = play(&clients, &mut model, &program).await {
            panic!("program {number}: {wrong}\n{program:#?}");
        }
    }
}
