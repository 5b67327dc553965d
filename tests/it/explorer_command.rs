//! `overbooked explore`, the real program on a real server.

use std::path::Path;
use std::process::{Command, Output};

use overbooked::core::scenario::{spec_file, sql_file};
use serde_json::Value;

/// Both read a counter and write one more; the file says nothing of what can come of it.
const LOST: &str = "\
-- A counter
-- sessions: Alice, Bob
-- invariant: select n = 2 from counter
-- isolation: read committed, repeatable read

-- setup
create table counter (n int);
insert into counter values (0);

-- Alice: begins
begin;

-- Alice: reads
select n from counter;

-- Alice: writes
update counter set n = 1 + (select 0);

-- Alice: commits
commit;

-- Bob: begins
begin;

-- Bob: reads
select n from counter;

-- Bob: writes
update counter set n = 2;

-- Bob: commits
commit;

-- finally
select n from counter;
";

fn explore(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_overbooked");
    Command::new(program).arg("explore").args(arguments).output().unwrap()
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn an_anomaly_that_the_file_does_not_expect_is_found_told_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "lost.sql", LOST);
    let exported = folder.path().join("witnesses");
    let output = explore(&[&file, "--repeat", "1", "--export", exported.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("2 sessions, 8 steps: 70 orders"), "{text}");
    assert!(text.contains("in no order: lost update"), "{text}");
    assert!(text.contains("breaks: select n = 2 from counter, which gave f"), "{text}");
    assert!(text.contains("the file does not expect"), "{text}");
    let spec = std::fs::read_to_string(exported.join("lost-witnesses.spec")).unwrap();
    let spec = spec_file::parse(&spec, Path::new("a.spec"), "a").unwrap();
    let scenarios = std::fs::read_dir(&exported).unwrap().count() - 1;
    assert_eq!(spec.schedules.count(), Some(scenarios as u64));
    let one = std::fs::read_to_string(exported.join("lost-1.sql")).unwrap();
    let one = sql_file::parse(&one, Path::new("lost-1.sql"), "lost-1").unwrap();
    assert!(one.steps.iter().all(|step| !step.expectations.is_empty()));
}

#[test]
fn every_order_that_was_played_is_written_for_isolationtester() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "lost.sql", LOST);
    let export = folder.path().join("orders").display().to_string();
    let all = ["--no-reduction", "--every-order", "--export", &export, "--repeat", "0"];
    let output = explore(&[&[file.as_str()], &all[..]].concat());
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("\"type\""), "{text}");
    let path = Path::new(&export).join("lost-orders.spec");
    let spec = std::fs::read_to_string(path).unwrap();
    let spec = spec_file::parse(&spec, Path::new("a.spec"), "a").unwrap();
    let possible = text.split(" orders, ").nth(1).unwrap().split(' ').next().unwrap();
    let possible: u64 = possible.parse().unwrap();
    assert!((20..70).contains(&possible), "{text}");
    assert_eq!(spec.schedules.count(), Some(possible));
    assert!(spec.schedules.iter().all(|schedule| schedule.launches.len() == 8));
    let output = explore(&[&file, "--every-order"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--every-order"), "{}", said(&output));
}

/// Each locks a row and wants the other's.
const CIRCLE: &str = "\
-- A circle
-- sessions: Alice, Bob

-- setup
create table t (id int primary key, n int);
insert into t values (1, 0), (2, 0);

-- Alice: takes one
begin; update t set n = 1 where id = 1;

-- Alice: takes two
update t set n = 1 where id = 2;

-- Alice: commits
commit;

-- Bob: takes two
begin; update t set n = 2 where id = 2;

-- Bob: takes one
update t set n = 2 where id = 1;

-- Bob: commits
commit;
";

#[test]
fn the_victim_of_a_deadlock_is_its_victim_in_the_scenario_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "circle.sql", CIRCLE);
    let export = folder.path().join("written");
    let output = explore(&[&file, "--repeat", "1", "--export", export.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter(|line| line.starts_with('✔'));
    let names: Vec<&str> = names.map(|line| line[3..].trim_start()).collect();
    let mut victims = 0;
    for (place, name) in names.iter().enumerate() {
        let written = export.join(format!("circle-{}.sql", place + 1));
        let written = std::fs::read_to_string(written).unwrap();
        for who in ["Alice", "Bob"] {
            let is_victim = name.starts_with(&format!("{who} deadlock victim"));
            victims += usize::from(is_victim);
            assert_eq!(!is_victim, !has_failed(&written, who), "{name}: {written}");
        }
    }
    assert_eq!(victims, 2, "{text}");
}

/// Whether a step of the session fails with a deadlock, at once or when it goes on.
fn has_failed(scenario: &str, who: &str) -> bool {
    let steps = scenario.split("\n-- ").filter(|step| step.starts_with(&format!("{who}: ")));
    let mut own = steps.flat_map(str::lines);
    own.any(|line| line.starts_with("--> ERROR 40P01"))
        || scenario.contains(&format!("--> {who} resumes: ERROR 40P01"))
}

#[test]
fn a_witness_says_who_has_found_it_and_what_its_file_says_of_every_order() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().to_str().unwrap();
    let options = ["--isolation", "serializable", "--repeat", "0", "--export", export];
    let output = explore(&[&["write-skew"], &options[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let witness = folder.path().join("write-skew-1.sql");
    let text = std::fs::read_to_string(&witness).unwrap();
    assert!(
        text.contains("An order that the explorer has found on the engine postgres."),
        "{text}"
    );
    assert!(text.contains("\n--> explore: anomaly is not possible at serializable\n"), "{text}");
    let output = explore(&[witness.to_str().unwrap(), "--isolation", "all", "--repeat", "0"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn lines_that_are_true_end_with_0_and_those_that_are_not_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let with = |claims: &str| LOST.to_owned() + claims;
    let claims = "--> explore: anomaly possible at read committed, not at repeatable read\n\
        --> explore: 40001 possible at repeatable read\n\
        --> explore: counted wrongly is possible\n";
    let file = written(folder.path(), "told.sql", &with(claims));
    let output = explore(&[&file, "--isolation", "all", "--repeat", "0"]);
    // At SERIALIZABLE, of which the file says nothing, the invariant is broken as well.
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let file = written(folder.path(), "wrong.sql", &with("--> explore: anomaly is not possible\n"));
    let output = explore(&[&file, "--repeat", "0"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("explore: anomaly is not possible: it is, see "), "{text}");
}

#[test]
fn with_and_without_reduction_the_classes_and_their_orders_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "lost.sql", LOST);
    let classes = |more: &[&str]| {
        let all = [&[file.as_str(), "--format", "json", "--repeat", "0"], more].concat();
        let output = explore(&all);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut classes: Vec<String> = lines
            .iter()
            .filter(|line| line["type"] == "class")
            .map(|line| {
                let told = ["orders", "verdict", "witness", "answers", "tables"];
                told.map(|key| line[key].to_string()).join(" ")
            })
            .collect();
        classes.sort();
        (classes, lines[0]["played"].as_u64().unwrap())
    };
    let (reduced, few) = classes(&[]);
    let (every, many) = classes(&["--no-reduction", "--jobs", "1"]);
    assert_eq!(reduced, every);
    assert!(few < many, "{few} {many}");
}

/// Money is on its way between two statements of one session.
const TRANSFER: &str = "\
-- A transfer
-- sessions: Alice, Bob
-- invariant: select sum(n) = 10 from account

-- setup
create table account (id int primary key, n int);
insert into account values (1, 10), (2, 0);

-- Alice: takes
update account set n = n - 5 where id = 1;

-- Alice: gives
update account set n = n + 5 where id = 2;

-- Bob: counts nothing
select 1;
";

/// Each of two rows is set for a while; that both are is seen in between, and nobody reads them.
const BOTH: &str = "\
-- Both at once
-- sessions: Alice, Bob
-- invariant: select count(*) < 2 from lamp where is_on

-- setup
create table lamp (id int primary key, is_on bool);
insert into lamp values (1, false), (2, false);

-- Alice: on
set enable_seqscan = off;
update lamp set is_on = true where id = 1;

-- Alice: off
update lamp set is_on = false where id = 1;

-- Bob: on
set enable_seqscan = off;
update lamp set is_on = true where id = 2;

-- Bob: off
update lamp set is_on = false where id = 2;
";

#[test]
fn what_is_broken_on_the_way_and_whole_in_the_end_is_found_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("transfer.sql", TRANSFER), ("both.sql", BOTH)] {
        let file = written(folder.path(), name, text);
        let output = explore(&[&file, "--repeat", "0"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        for more in [&[][..], &["--no-reduction"]] {
            let output = explore(&[&[&file, "--repeat", "0", "--every-step"], more].concat());
            let text = said(&output);
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(text.contains("breaks on the way: select"), "{text}");
        }
    }
}

#[test]
fn what_cannot_be_explored_is_said_in_a_sentence() {
    let output = explore(&["no-such-scenario"]);
    assert_eq!(output.status.code(), Some(2));
    let output = explore(&["lost-update", "--reset", "reset.sql"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--reset is for programs"), "{}", said(&output));
    let output = explore(&["--actor", "alice=true"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--actor needs --reset"), "{}", said(&output));
    let programs = ["--actor", "alice=true", "--reset", "true", "--jobs", "2"];
    let output = explore(&programs);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let folder = tempfile::tempdir().unwrap();
    let broken = LOST.replace("create table counter (n int)", "create table counter (n nothing)");
    let file = written(folder.path(), "broken.sql", &broken);
    let output = explore(&[&file]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("the scenario's setup failed at"), "{}", said(&output));
}
