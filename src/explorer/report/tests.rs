use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::core::scenario::{EngineKind, Isolation, spec_file, sql_file};
use crate::explorer::exploration::Options;
use crate::explorer::explore::{Exploring, explore};
use crate::explorer::fake::{Counters, EveryOrder, TWO};
use crate::explorer::naming;
use crate::explorer::outcome::{Noise, Outcome};
use crate::explorer::program::Program;
use crate::explorer::search::Coverage;

const SCRIPT: &str = "\
-- A counter
-- sessions: Alice, Bob

-- Alice: begins
begin;
-- Alice: reads
select x;
-- Alice: writes
update x;
-- Alice: commits
commit;
-- Bob: begins
begin;
-- Bob: reads
select x;
-- Bob: writes
update x;
-- Bob: commits
commit;
";

async fn explored(text: &str, budget: Option<u64>) -> Exploration {
    let scenario = if text.starts_with("--") {
        sql_file::parse(text, Path::new("counter.sql"), "counter").unwrap()
    } else {
        spec_file::parse(text, Path::new("counter.spec"), "counter").unwrap()
    };
    let program = Program::of(&scenario);
    let (news, _) = unbounded_channel();
    let noise = Noise::default();
    let exploring = Exploring {
        scenario: &scenario,
        program: &program,
        noise: &noise,
        budget,
        repeat: 2,
        tells_orders: false,
        kind: &|_| None,
    };
    let mut players = [Counters::of(&scenario, &program)];
    for step in players[0].steps.iter_mut().flatten() {
        *step = step.trim_end_matches(';').to_owned();
    }
    let stop = CancellationToken::new();
    let orders = EveryOrder::of(&program);
    let found = explore(exploring, orders, &mut players, &news, &stop).await.unwrap();
    let outcomes: Vec<&Outcome> = found.classes.iter().map(|it| &it.class.outcome).collect();
    Exploration {
        names: naming::names(&scenario, &program, &outcomes),
        kinds: vec![None; found.classes.len()],
        deeds: None,
        scenario: Arc::new(scenario),
        program,
        engine: EngineKind::Postgres,
        product: "PostgreSQL 15.18".to_owned(),
        level: Isolation::ReadCommitted,
        options: Options { mode: Mode::Every, budget, ..Options::default() },
        found,
        coverage: Coverage::default(),
        effects: Vec::new(),
        notes: Vec::new(),
        took: Duration::from_millis(300),
    }
}

#[tokio::test]
async fn a_table_for_a_terminal() {
    let text = text(&explored(SCRIPT, None).await);
    let expected = "\
counter: 2 sessions, 8 steps: 70 orders · all played · 0.3 s · PostgreSQL 15.18, read committed
  outcome             orders   like one after another?   shortest witness
✔ n 2 · Alice sees 0      17   Alice, Bob                Alice, Bob
✔ n 2 · Alice sees 1      17   Bob, Alice                Bob, Alice
✗ n 1 · Alice sees 0      36   in no order               Alice reads · Bob · Alice writes, commits
each witness was played again twice and came to the same
✗ the file does not expect n 1 · Alice sees 0 (in no order)
";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn what_the_file_says_is_held_against_what_was_found() {
    let with = |claim: &str| format!("{SCRIPT}--> explore: {claim}\n");
    let kept = explored(&with("anomaly possible at read committed"), None).await;
    assert!(Expected::of(&kept).is_kept());
    assert!(text(&kept).contains("✔ line 20: explore: anomaly is possible at read committed"));
    let broken = explored(&with("anomaly is not possible"), None).await;
    assert!(!Expected::of(&broken).is_kept());
    assert!(text(&broken).contains("it is, see n 1 · Alice sees 0"));
    let missing = explored(&with("deadlock is possible"), None).await;
    assert_eq!(Expected::of(&missing).told[0].fate, Fate::Broken);
    let unknown = explored(&with("deadlock is possible"), Some(3)).await;
    assert_eq!(Expected::of(&unknown).told[0].fate, Fate::Unknown);
    let elsewhere = explored(&with("anomaly possible at serializable"), None).await;
    assert_eq!(Expected::of(&elsewhere).unexpected.len(), 1);
}

#[tokio::test]
async fn a_table_for_a_wiki_and_one_of_levels() {
    let exploration = explored(SCRIPT, None).await;
    let markdown = markdown(&exploration);
    assert!(markdown.starts_with("## A counter\n\n2 sessions, 8 steps"), "{markdown}");
    assert!(markdown.contains("| ✗ | n 1 · Alice sees 0 | 36 | in no order | Alice reads · Bob ·"));
    let other = Exploration { level: Isolation::Serializable, ..exploration.clone() };
    let table = levels(&[exploration, other]);
    let last = table.lines().last().unwrap();
    assert_eq!(table.lines().count(), 4);
    assert_eq!(last.matches("✗ 36").count(), 2, "{table}");
}

#[tokio::test]
async fn a_line_for_each_class() {
    let text = json(&explored(SCRIPT, None).await);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["played"], 70);
    assert_eq!(lines[0]["is_expected"], false);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3]["verdict"], "anomaly");
    assert_eq!(lines[3]["witness"][1], "Alice: reads");
    assert_eq!(lines[3]["answers"]["Bob"][1][0]["rows"][0][0], "0");
}

#[tokio::test]
async fn witnesses_are_written_for_isolationtester() {
    for text in [SCRIPT, TWO] {
        let spec = permutations(&explored(text, None).await).unwrap();
        let read = spec_file::parse(&spec, Path::new("a.spec"), "a").unwrap();
        assert_eq!(read.schedules.count(), Some(3), "{spec}");
        assert!(read.schedules.iter().all(|schedule| schedule.launches.len() == 8));
    }
}

#[tokio::test]
async fn what_was_left_out_is_said() {
    let some = explored(SCRIPT, Some(5)).await;
    assert!(text(&some).contains("5 played, which stand for 5, then the budget was spent"));
    let mut sample = explored(SCRIPT, None).await;
    sample.options.mode = Mode::Sample { orders: 70, seed: 7 };
    assert!(text(&sample).contains("70 orders · 70 sampled, seed 7, 3 classes so far"));
}
