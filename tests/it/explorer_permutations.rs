//! Every order that the explorer plays, played by isolationtester: the same answers and the same
//! waits, byte for byte.
//!
//! isolationtester comes with PostgreSQL's server development package; where it is not installed,
//! these tests say so and pass. `OVERBOOKED_EXPLORER_PERMUTED` says how many random programs are
//! taken besides those that stand here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use overbooked::core::event::Row;
use overbooked::core::event::answer::Outcome as Answer;
use overbooked::core::scenario::{EngineKind, Interleavings, Isolation, Scenario, spec_file};
use overbooked::explorer::outcome::{Noise, Outcome, Reply};
use overbooked::explorer::played::{Played, Player as _};
use overbooked::explorer::player::{Manner, Players};
use overbooked::explorer::program::Program;
use overbooked::explorer::report::{Permutation, Specification};
use overbooked::explorer::search::{Mode, Next, Search};
use overbooked::reports::isolation_output::Telling;
use overbooked::run::Production;
use overbooked::run::engines::Engines;

use crate::explorer_real::{every_program, number, scenario};
use crate::spec_random::{ours, tester, theirs};
use crate::support::{self, Database};

/// A random program of more orders is passed over.
const MOST_ORDERS: u64 = 150;

const TABLE: &str = "setup { create table t (id int primary key, v int); \
    insert into t values (1, 0), (2, 0); }\nteardown { drop table t; }\n";

/// The second writer of a row waits for the first.
const WRITERS: &str = "
session Alice
step ab { begin; }
step ar { select v from t where id = 1; }
step aw { update t set v = v + 1 where id = 1; }
step ac { commit; }
session Bob
step bb { begin; }
step br { select v from t where id = 1; }
step bw { update t set v = v + 1 where id = 1; }
step bc { commit; }
";

/// Each locks a row and wants the other's.
const CIRCLE: &str = "
session Alice
step ab { begin; }
step a1 { update t set v = v + 1 where id = 1; }
step a2 { update t set v = v + 1 where id = 2; }
step ac { commit; }
session Bob
step bb { begin; }
step b2 { update t set v = v + 1 where id = 2; }
step b1 { update t set v = v + 1 where id = 1; }
step bc { commit; }
";

/// The same key, by two who may take it back.
const KEYS: &str = "
session Alice
step ab { begin; }
step ai { insert into t values (7, 1); }
step ar { rollback; }
session Bob
step bb { begin; }
step bi { insert into t values (7, 2); }
step bc { commit; }
session Carol
step cr { select id, v from t order by id; }
";

/// A lock that outlasts transactions: whoever does not let it go keeps the other to the end.
const KEPT: &str = "
session Alice
step al { select pg_advisory_lock(1); }
step au { select pg_advisory_unlock(1); }
session Bob
step bl { select pg_advisory_lock(1); }
step br { select count(*) from t; }
";

/// What an order came to, with the isolationtester's text for it.
struct Order {
    turns: Vec<usize>,
    outcome: Outcome,
    text: String,
}

/// Plays every order that is possible.
async fn play_every(engines: &Engines, scenario: &Arc<Scenario>, level: Isolation) -> Vec<Order> {
    let schedule = Arc::new(scenario.schedules.first());
    let (isolation, scenario) = (Some(level), Arc::clone(scenario));
    let production = Production { schedule, engine: EngineKind::Postgres, isolation, scenario };
    let manner = Manner::default();
    let mut players = Players::prepare(engines, &production, manner, 1).await.unwrap();
    let program = Program::of(&production.scenario);
    let mut search = Search::new(&players.measured.effects(), Mode::Every, None);
    let mut orders = Vec::new();
    while let Next::Play(mut turn) = search.next_order() {
        let played = players.players[0].play(&mut *turn).await.unwrap();
        orders.push(Order {
            turns: played.launches.iter().map(|launched| launched.session).collect(),
            outcome: Outcome::of(&program, &played, &Noise::default()),
            text: transcript(&production.scenario, &program, &played),
        });
        search.played(*turn, &played);
    }
    players.close().await.unwrap();
    orders.sort_by(|one, other| one.turns.cmp(&other.turns));
    orders
}

/// What was played, in isolationtester's words.
fn transcript(scenario: &Scenario, program: &Program, played: &Played) -> String {
    let step = |launch: usize| {
        let launched = &played.launches[launch];
        &scenario.steps[program.sessions[launched.session][launched.step]]
    };
    let all = 0..played.launches.len();
    let steps = all.clone().map(|launch| step(launch).name.clone()).collect();
    let mut text = Telling::Permutation { steps }.to_string();
    let mut waiting: Vec<usize> = Vec::new();
    for launch in all {
        let (name, sql) = (step(launch).name.clone(), step(launch).sql.clone());
        let answer_after = |other: usize| {
            played.launches[other].answer.as_ref().filter(|answer| answer.after == launch)
        };
        if let Some(answer) = answer_after(launch) {
            text += &Telling::Step { name, sql }.to_string();
            text += &answers(&answer.outcomes);
        } else {
            text += &Telling::Waiting { name, sql }.to_string();
        }
        waiting.retain(|&other| {
            let Some(answer) = answer_after(other) else { return true };
            text += &Telling::Completed { name: step(other).name.clone() }.to_string();
            text += &answers(&answer.outcomes);
            false
        });
        if answer_after(launch).is_none() {
            waiting.push(launch);
        }
    }
    text
}

fn answers(outcomes: &[Answer]) -> String {
    let told = outcomes.iter().filter_map(|outcome| match outcome {
        Answer::Done { .. } => None,
        Answer::Failed(message) => Some(Telling::Failed(message.clone())),
        Answer::Result { columns, rows, .. } => {
            let (columns, rows): (_, Vec<Row>) = (columns.clone(), rows.clone());
            Some(Telling::Table { columns, rows })
        }
    });
    told.map(|telling| telling.to_string()).collect()
}

/// The orders as a file, whose name is also the program's.
fn written(folder: &Path, scenario: &Scenario, level: Isolation, orders: &[&Order]) -> String {
    let program = Program::of(scenario);
    let permutations: Vec<Permutation<'_>> = orders
        .iter()
        .map(|it| Permutation { title: "an order", turns: &it.turns, outcome: &it.outcome })
        .collect();
    let engine = EngineKind::Postgres;
    let specification = Specification { scenario, program: &program, engine, level };
    let text = specification.text(&permutations).unwrap();
    let path = folder.join(format!("{}.spec", scenario.name));
    fs::write(&path, &text).unwrap();
    text
}

/// What isolationtester prints, permutation by permutation; what it prints before the first is
/// left out.
fn blocks(printed: &[u8]) -> Vec<String> {
    let text = String::from_utf8(printed.to_vec()).unwrap();
    let all = text.split("\nstarting permutation:").skip(1);
    all.map(|rest| format!("\nstarting permutation:{rest}")).collect()
}

struct Compared {
    orders: usize,
    /// How many were played again, because something differed at first.
    again: usize,
    differences: String,
}

/// Every order of a scenario, by the explorer, by isolationtester, by `overbooked spec`.
async fn compare(engines: &Engines, scenario: Scenario, level: Isolation) -> Option<Compared> {
    let tester = tester()?;
    let scenario = Arc::new(scenario);
    let all = play_every(engines, &scenario, level).await;
    let mut orders: Vec<&Order> = all.iter().collect();
    let total = orders.len();
    let database = Database::create().await;
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join(format!("{}.spec", scenario.name));
    let (mut differences, mut again) = (String::new(), 0);
    // isolationtester looks whether a step waits every 10 ms: on a machine that stood still it
    // sees what is over sooner as a wait. What differs is played again, and by itself.
    for _ in 0..3 {
        let text = written(folder.path(), &scenario, level, &orders);
        let count = spec_file::parse(&text, &spec, "all").unwrap().schedules.count();
        orders.retain(|it| !waits_to_the_end(&it.outcome));
        assert_eq!(count, Some(orders.len() as u64));
        let printed = blocks(&theirs(&tester, &spec, &database));
        let printed_by_us = blocks(&ours(&spec, &database));
        assert_eq!((printed.len(), printed_by_us.len()), (orders.len(), orders.len()));
        differences.clear();
        let mut different = Vec::new();
        for ((order, theirs), ours) in orders.iter().zip(&printed).zip(&printed_by_us) {
            if order.text != *theirs || ours != theirs {
                let sides =
                    [("explorer", &order.text), ("isolationtester", theirs), ("spec", ours)];
                for (side, text) in sides {
                    writeln!(differences, "{side}:{text}").unwrap();
                }
                different.push(*order);
            }
        }
        orders = different;
        if orders.is_empty() {
            break;
        }
        again += orders.len();
    }
    Some(Compared { orders: total, again, differences })
}

fn waits_to_the_end(outcome: &Outcome) -> bool {
    outcome.replies.iter().flatten().any(|reply| *reply == Reply::Waits)
}

fn parsed(name: &str, sessions: &str) -> Scenario {
    spec_file::parse(&format!("{TABLE}{sessions}"), Path::new("a.spec"), name).unwrap()
}

#[tokio::test]
async fn isolationtester_says_of_every_order_what_the_explorer_says() {
    let engines = Engines::embedded(support::cluster_options());
    let mut all = Vec::new();
    for (name, sessions, level) in [
        ("writers", WRITERS, Isolation::ReadCommitted),
        ("writers", WRITERS, Isolation::RepeatableRead),
        ("circle", CIRCLE, Isolation::ReadCommitted),
        ("keys", KEYS, Isolation::ReadCommitted),
        ("kept", KEPT, Isolation::ReadCommitted),
    ] {
        all.push((parsed(name, sessions), level));
    }
    let more = number("OVERBOOKED_EXPLORER_PERMUTED", 6);
    let random = every_program().map(|model| scenario(&model));
    let small = random.filter(|it| Program::of(it).orders().is_some_and(|n| n <= MOST_ORDERS));
    all.extend(small.take(more as usize).map(|it| (it, Isolation::ReadCommitted)));
    let (mut orders, mut again, mut differences) = (0, 0, String::new());
    for (scenario, level) in all {
        let Some(compared) = compare(&engines, scenario, level).await else {
            engines.stop().await.unwrap();
            return eprintln!("skipped: isolationtester is not installed");
        };
        orders += compared.orders;
        again += compared.again;
        differences += &compared.differences;
    }
    engines.stop().await.unwrap();
    eprintln!("{orders} orders; {again} were played again, because they differed at first");
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test]
async fn an_order_that_is_not_possible_is_none_for_isolationtester_either() {
    let Some(tester) = tester() else {
        return eprintln!("skipped: isolationtester is not installed");
    };
    let engines = Engines::embedded(support::cluster_options());
    let scenario = Arc::new(parsed("writers", WRITERS));
    let level = Isolation::ReadCommitted;
    let possible = play_every(&engines, &scenario, level).await;
    engines.stop().await.unwrap();
    let program = Program::of(&scenario);
    let turns_of = |launch: usize| usize::from(program.sessions[1].contains(&launch));
    let all = Interleavings::new(program.sessions.clone());
    let all: BTreeSet<Vec<usize>> = all
        .iter()
        .map(|order| order.launches.iter().map(|launch| turns_of(launch.step)).collect())
        .collect();
    let known: BTreeSet<Vec<usize>> = possible.iter().map(|order| order.turns.clone()).collect();
    assert!(known.is_subset(&all));
    let impossible = all.difference(&known).next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let order = Order {
        turns: impossible.clone(),
        outcome: possible[0].outcome.clone(),
        text: String::new(),
    };
    written(folder.path(), &scenario, level, &[&order]);
    let spec = folder.path().join("writers.spec");
    let printed = theirs(&tester, &spec, &Database::create().await);
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains("isolationtester: canceling step"), "{printed}");
}
