//! The page about scenario files: each of its examples is played, on every engine that it is for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overbooked::core::scenario::{
    EngineKind, Expected, Isolation, Manner, Order, Scenario, Whom, library, sql_file,
};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, play};
use tokio_util::sync::CancellationToken;

use crate::support;

const PAGE: &str = include_str!("../../docs/scenarios.md");

/// The blocks of SQL on the page, each with what stands behind the word `sql` above it.
fn blocks() -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = PAGE.split("```sql").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter_map(|block| block.split_once('\n')).map(|(word, text)| (word.trim(), text))
}

/// The page's examples, read as files; other blocks lie beside them under their names.
pub(crate) fn examples() -> Vec<Scenario> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in blocks().filter(|(word, _)| word.contains('.')) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().join("an example.sql");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        library::read(&path).unwrap()
    };
    let examples = blocks().filter(|(word, _)| word.is_empty()).map(|(_, text)| read(text));
    let examples: Vec<Scenario> = examples.collect();
    assert!(examples.len() > 5, "the page has its examples");
    examples
}

/// Those that a test can play, and those that need somebody outside.
fn all_examples() -> Vec<Scenario> {
    let alone = blocks().filter(|(word, _)| *word == "not-played");
    let read = |text| sql_file::parse(text, Path::new("scenarios.md"), "an example").unwrap();
    examples().into_iter().chain(alone.map(|(_, text)| read(text))).collect()
}

#[test]
fn every_setting_has_an_example_and_a_line_in_the_table() {
    for key in sql_file::SETTINGS {
        let is_used = blocks().any(|(_, text)| text.contains(&format!("\n-- {key}:")));
        assert!(is_used, "no example has {key}");
        assert!(PAGE.contains(&format!("| `{key}:")), "{key} is missing in the table");
    }
}

/// Which form of a line this is.
fn forms(expected: &Expected) -> Vec<&'static str> {
    let whom = |whom: &Whom| match whom {
        Whom::Session(_) => "waits for a session",
        Whom::Prepared(_) => "waits for a prepared transaction",
        Whom::Somebody(None) => "waits for somebody",
        Whom::Somebody(Some(_)) => "waits for somebody by name",
    };
    match expected {
        Expected::Tag(_) => vec!["tag"],
        Expected::Row(_) => vec!["row"],
        Expected::Only(_) => vec!["only"],
        Expected::Rows(Order::AsWritten) => vec!["rows"],
        Expected::Rows(Order::Any) => vec!["rows in any order"],
        Expected::RowCount(_) => vec!["count"],
        Expected::Capture(_) => vec!["names"],
        Expected::Error { text, .. } if text.is_empty() => vec!["error"],
        Expected::Error { .. } => vec!["error with text"],
        Expected::Notice { code: None, .. } => vec!["notice"],
        Expected::Notice { code: Some(_), .. } => vec!["notice with a code"],
        Expected::Notify { from: None, .. } => vec!["notify"],
        Expected::Notify { from: Some(_), .. } => vec!["notify from"],
        Expected::Lost { .. } => vec!["lost"],
        Expected::WaitsFor(who) => vec![whom(who)],
        Expected::WaitsThen { .. } => vec!["waits, then"],
        Expected::Running => vec!["running"],
        Expected::Of { manner, what, .. } => {
            let manner = match manner {
                Manner::Resumes => "resumes",
                Manner::Answers => "answers",
                Manner::Anyhow => "of another",
            };
            forms(what).into_iter().chain([manner]).collect()
        }
        Expected::Either(sides) => {
            sides.iter().flatten().flat_map(forms).chain(["either"]).collect()
        }
        Expected::Holds(_) => vec!["holds"],
        Expected::Explore(_) => vec!["explore"],
    }
}

#[test]
fn every_form_of_a_line_has_an_example() {
    let examples = all_examples();
    let steps = examples.iter().flat_map(|it| &it.steps).flat_map(|step| &step.expectations);
    let ends = examples.iter().filter_map(|it| it.finally.as_ref());
    let lines: Vec<_> = steps.chain(ends.flat_map(|finally| &finally.expectations)).collect();
    let shown: BTreeSet<&str> = lines.iter().flat_map(|line| forms(&line.expected)).collect();
    for form in [
        "tag",
        "row",
        "only",
        "rows",
        "rows in any order",
        "count",
        "names",
        "error",
        "error with text",
        "notice",
        "notice with a code",
        "notify",
        "notify from",
        "lost",
        "waits for a session",
        "waits for a prepared transaction",
        "waits for somebody",
        "waits for somebody by name",
        "waits, then",
        "running",
        "resumes",
        "answers",
        "of another",
        "either",
        "explore",
    ] {
        assert!(shown.contains(form), "no example shows: {form}; there is {shown:?}");
    }
    assert!(lines.iter().any(|it| it.engine.is_some() && !it.levels.is_empty()), "both limits");
    assert!(lines.iter().any(|it| it.engine.is_none() && !it.levels.is_empty()), "a level alone");
}

/// What was not as the example says.
async fn reproach(
    engines: &Engines,
    scenario: Scenario,
    engine: EngineKind,
    isolation: Option<Isolation>,
) -> Option<String> {
    let schedule = Arc::new(scenario.schedules.first());
    let production = Production { scenario: Arc::new(scenario), schedule, engine, isolation };
    let patience = Patience::with_steps(Duration::from_secs(30));
    let played = play(engines, production, patience, &CancellationToken::new()).await.unwrap();
    let roster: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    let told = transcript(&played.events, &roster, Options::default());
    let (title, breaches, stop) = (&played.scenario.title, &played.breaches, &played.stop);
    let place = format!("{title} on {engine} at {isolation:?}");
    (!played.is_kept()).then(|| format!("{place}: {breaches:#?} {stop:?}\n{told}"))
}

#[tokio::test]
async fn every_example_does_what_it_says() {
    let engines = Engines::embedded(support::cluster_options());
    let mut broken = Vec::new();
    for scenario in examples() {
        for engine in [EngineKind::Postgres, EngineKind::Optimistic] {
            if !scenario.is_for(engine) || !support::finds_its_etcd(&scenario) {
                continue;
            }
            for level in support::levels_on(&scenario, engine) {
                broken.extend(reproach(&engines, scenario.clone(), engine, level).await);
            }
        }
    }
    engines.stop().await.unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn one_example_is_written_for_several_levels() {
    let several = |it: &Scenario| it.levels == Isolation::ALL;
    assert!(examples().iter().any(several));
}
