//! `overbooked play` as people run it: the program itself, its output and its exit code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) fn overbooked(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overbooked")).args(arguments).output().unwrap()
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn own(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/specs").join(name);
    path.to_str().unwrap().to_owned()
}

pub(crate) fn written(name: &str, text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

#[test]
fn a_scenario_is_told_as_isolationtester_would() {
    let output = overbooked(&["play", "--format", "spec", "adjacent-seats"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!(complaint(&output), "adjacent-seats: as expected\n");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn a_specification_is_told_by_play_as_by_spec() {
    for name in ["markers.spec", "news.spec", "refused.spec"] {
        let (played, spec) = (
            overbooked(&["play", "--format", "spec", &own(name)]),
            overbooked(&["spec", &own(name)]),
        );
        assert_eq!(told(&played), told(&spec));
        assert_eq!(complaint(&played), complaint(&spec));
        assert_eq!(played.status.code(), spec.status.code());
    }
}

const TURNS: &str = "\
setup \
{ create table seats (seat text primary key, booked_by text); insert into seats values ('A-4'); }
teardown { drop table seats; }
session alice
setup { begin; }
step a { update seats set booked_by = 'Alice'; }
step c { commit; }
session bob
setup { begin isolation level serializable; }
step b { update seats set booked_by = 'Bob'; }
step r { rollback; }
permutation a c b r
permutation a b c r
";

#[test]
fn sessions_play_their_own_setups_before_the_first_step() {
    let (_folder, path) = written("turns.spec", TURNS);
    let output = overbooked(&["play", "--permutation", "2", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let told = told(&output);
    let (title, story) = told.split_once("\n\n").unwrap();
    assert!(title.starts_with("turns, permutation 2 of 2 (PostgreSQL"), "{title}");
    insta::assert_snapshot!(story);
}

#[test]
fn a_setup_of_a_session_that_fails_ends_the_play() {
    let (_folder, path) =
        written("fails.spec", "session alice setup { select 1 / 0; } step a { select 1; }");
    let output = overbooked(&["play", &path]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = complaint(&output);
    assert!(complaint.contains("fails.spec:1:23\nERROR:  22012: division by zero"), "{complaint}");
}

#[test]
fn a_permutation_that_there_is_not_is_refused_before_anything_runs() {
    let (_folder, path) = written("turns.spec", TURNS);
    for arguments in [
        &["play", "--permutation", "3", &path][..],
        &["spec", "--permutation", "3", &path],
        &["--permutation", "3", &path],
    ] {
        let output = overbooked(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            complaint(&output),
            "overbooked: --permutation: turns has no permutation 3; it has 2, numbered from 1 to \
             2\n"
        );
    }
}

#[test]
fn a_specification_has_its_documents_too() {
    let (_folder, path) = written("turns.spec", TURNS);
    for format in ["markdown", "json", "mermaid"] {
        let output = overbooked(&["spec", "--permutation", "2", "--format", format, &path]);
        assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
        insta::assert_snapshot!(format!("specification_as_{format}"), told(&output));
    }
}

#[test]
fn json_reads_the_same_from_run_to_run() {
    let play = || told(&overbooked(&["play", "--format", "json", "adjacent-seats"]));
    let first = play();
    assert!(first.lines().count() > 30, "{first}");
    assert_eq!(first, play());
}

const STATEMENTS: &str = "\
-- Several statements in a step
--
-- sessions: A, B

-- setup
create table t (id int primary key, v text);
insert into t values (1, 'x'), (2, 'y');

-- A: inserts and fails
insert into t values (3, 'z');
select 1/0;
update t set v = v;
--> INSERT 0 1
--> ERROR 22012
--> UPDATE 3

-- B: looks
select count(*) from t;
--> 3

-- B: builds an index as only a statement of its own may
create index concurrently on t (v); vacuum t;
--> CREATE INDEX
--> VACUUM

-- A: holds a row
begin; update t set v = 'a' where id = 1;
--> BEGIN
--> UPDATE 1

-- B: wants it, and counts
update t set v = 'b' where id = 1; select count(*) from t;
--> waits for A

-- A: lets it go
commit;
--> COMMIT
--> B resumes: UPDATE 1

-- finally
select v from t where id = 1;
select v from t where id = 2;
--> b
--> y
";

#[test]
fn a_steps_statements_go_one_by_one_as_psql_sends_what_is_typed() {
    let (_folder, path) = written("statements.sql", STATEMENTS);
    let output = overbooked(&["play", &path]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", complaint(&output));
    let order = ["INSERT 0 1", "division by zero", "UPDATE 3"].map(|said| told.find(said).unwrap());
    assert!(order.is_sorted(), "{told}");
    let document = self::told(&overbooked(&["play", "--format", "markdown", &path]));
    assert_eq!(document.matches("\n## 1. ").count(), 1, "{document}");
    assert!(document.contains("## 7. Finally") && !document.contains("## 8."), "{document}");
    let spec = self::told(&overbooked(&["play", "--format", "spec", &path]));
    let begun: Vec<&str> = spec.lines().filter(|line| line.starts_with("step ")).collect();
    assert_eq!(begun.len(), 7, "six steps, one of which waits: {spec}");
}

#[test]
fn what_a_step_of_several_statements_should_have_said_first_is_missed() {
    let text = STATEMENTS.replace("--> INSERT 0 1\n", "--> INSERT 0 2\n");
    let text = text.replace("--> B resumes: UPDATE 1", "--> B resumes: UPDATE 0");
    let (_folder, path) = written("statements.sql", &text);
    let output = overbooked(&["play", &path]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert!(
        told.contains("expected INSERT 0 2") && told.contains("B resumes: UPDATE 0, got"),
        "{told}"
    );
}

#[test]
fn binaries_may_be_named_from_the_working_folder() {
    let binaries = Command::new("pg_config").arg("--bindir").output();
    let Ok(binaries) = binaries else { return println!("pg_config is not to be had; left out") };
    let binaries = PathBuf::from(String::from_utf8(binaries.stdout).unwrap().trim());
    let Some(parent) = binaries.parent().filter(|_| binaries.join("initdb").exists()) else {
        return println!("no server's programs beside pg_config; left out");
    };
    let output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["play", "adjacent-seats", "--pg-bin", "./bin"])
        .current_dir(parent)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
}

#[test]
fn a_table_to_be_watched_that_is_not_there_is_not_as_expected() {
    let scenario = |watch: &str| {
        format!(
            "-- Watching\n--\n-- sessions: Alice\n-- watch: {watch}\n\n-- setup\n\
             create table early (id int);\n\n\
             -- Alice: makes another\ncreate table late (id int);\n"
        )
    };
    for (watch, complains) in [("early, late", false), ("early, never", true)] {
        let (_folder, path) = written("watching.sql", &scenario(watch));
        let output = overbooked(&["play", &path]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(i32::from(complains)), "{told}");
        let said = told.contains("cannot watch table never: it does not exist");
        assert_eq!(said, complains, "{told}");
    }
}

#[test]
fn a_scenario_is_played_at_one_of_its_levels_and_another_is_told_plainly() {
    let written_for = ["phantom", "--isolation", "repeatable-read"];
    let output = overbooked(&[&["play"], &written_for[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", told(&output), complaint(&output));
    assert_eq!(complaint(&output), "");
    let output = overbooked(&["play", "write-skew", "--isolation", "read-committed"]);
    let note =
        "write-skew: written for repeatable read and serializable, and played at read committed\n";
    assert_eq!(complaint(&output), note);
    // Lines without a level hold there too, and there are no others for it.
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn the_list_says_which_scenarios_are_for_several_levels() {
    let told = told(&overbooked(&["scenarios"]));
    let line = |name: &str| told.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    assert!(
        line("hermitage/g0").ends_with("  G0, dirty write, at every isolation level"),
        "{told}"
    );
    assert!(line("write-skew").ends_with(", at repeatable read and serializable"), "{told}");
    assert!(line("retry-loop").ends_with("  Try, try again"), "{told}");
}

/// Nobody can connect any more, and so the last step finds no connection.
const CLOSED: &str = "\
-- Title
-- sessions: Alice, Bob

-- Alice: is ended
select pg_terminate_backend(pg_backend_pid());
--> lost: FATAL 57P01

-- Bob: closes the database
update pg_database set datallowconn = false where datname = current_database();
--> UPDATE 1

-- Alice: comes back
select 1;
--> 1

-- teardown
update pg_database set datallowconn = true where datname = current_database();
";

#[test]
fn a_step_that_finds_no_connection_is_not_as_expected() {
    let (_folder, path) = written("closed.sql", CLOSED);
    let output = overbooked(&["play", &path]);
    assert_eq!(output.status.code(), Some(1), "{}{}", told(&output), complaint(&output));
    let words = "closed.sql:14: Alice comes back: expected 1, got connection lost";
    assert!(told(&output).contains(words), "{}", told(&output));
}
