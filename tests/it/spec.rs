//! `overbooked spec` prints what PostgreSQL's own isolationtester printed for the same files.
//!
//! The project's own specifications lie in `specs/`, each with what isolationtester of PostgreSQL
//! 15 made of it, both of its streams in one file, as `pg_isolation_regress` keeps them.
//! PostgreSQL's own suite is compared where a folder with its `specs` and `expected` is named by
//! `OVERBOOKED_ISOLATION` or lies beside the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use overbooked::cluster::{Cluster, ClusterOptions};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use crate::support;

fn overbooked(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overbooked")).arg("spec").args(arguments).output().unwrap()
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/specs").join(name)
}

/// The files of a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

/// Plays files, and gives the folder with what was told of each.
fn play(files: &[PathBuf]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--output", folder.path().to_str().unwrap()];
    arguments.extend(files.iter().map(|path| path.to_str().unwrap()));
    let output = overbooked(&arguments);
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// The expected output for a file, and its alternatives `NAME_1.out` and so on.
fn expected(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let alternatives = (1..10).map(|number| format!("{name}_{number}.out"));
    let names = std::iter::once(format!("{name}.out")).chain(alternatives);
    names.filter_map(|name| fs::read(folder.join(name)).ok()).collect()
}

/// The names of the files that were told differently.
fn differing(specs: &[PathBuf], told: &Path, expectations: &Path) -> Vec<String> {
    let names = specs.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    names
        .filter(|name| {
            let text = fs::read(told.join(format!("{name}.out"))).unwrap();
            !expected(expectations, name).contains(&text)
        })
        .collect()
}

#[test]
fn our_own_specifications_read_as_isolationtester_tells_them() {
    let folder = own("");
    let specs = files(&folder, "spec");
    let told = play(&specs);
    for spec in specs {
        let out = spec.with_extension("out");
        let text = fs::read(told.path().join(out.file_name().unwrap())).unwrap();
        let expected = fs::read(&out).unwrap();
        let (shown, wanted) = (text.escape_ascii(), expected.escape_ascii());
        assert!(text == expected, "{}:\n{shown}\nis not\n{wanted}", spec.display());
    }
}

/// PostgreSQL's suite, if it is there.
fn suite() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/isolation");
    let named = std::env::var_os("OVERBOOKED_ISOLATION").map(PathBuf::from);
    named.or_else(|| beside.is_dir().then_some(beside))
}

#[test]
fn the_suite_of_postgresql_reads_as_it_expects() {
    let Some(suite) = suite() else {
        eprintln!(
            "skipped: OVERBOOKED_ISOLATION names no folder with PostgreSQL's isolation suite"
        );
        return;
    };
    let specs = files(&suite.join("specs"), "spec");
    let told = play(&specs);
    let differing = differing(&specs, told.path(), &suite.join("expected"));
    assert!(differing.is_empty(), "{} of {}: {differing:?}", differing.len(), specs.len());
}

#[test]
fn what_is_told_and_what_is_complained_about_go_apart() {
    let output = overbooked(&[own("refused.spec").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with("starting permutation: s1_step\none\n---\n  1\n(1 row)\n\n"), "{told}");
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(complaints.starts_with("setup failed: ERROR:  relation \"nowhere\""), "{complaints}");
}

#[test]
fn a_picked_permutation_is_not_blamed_for_the_steps_of_others() {
    let spec = own("killed-while-idle.spec");
    let output = overbooked(&["--permutation", "2", spec.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_file_that_is_not_there_is_wrong_use() {
    let output = overbooked(&["nowhere.spec"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read nowhere.spec"));
}

#[test]
fn a_step_that_does_not_end_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless.spec");
    fs::write(&path, "session s1 step nap { SELECT pg_sleep(600); }").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .arg("spec")
        .arg(&path)
        .env("PGISOLATIONTIMEOUT", "1")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Parsed test spec with 1 sessions\n\nstarting permutation: nap\n\
         isolationtester: canceling step nap after 1 seconds\n\
         step nap: SELECT pg_sleep(600);\nERROR:  canceling statement due to user request\n"
    );
}

/// The setup fails the second time, with a session in a transaction and a prepared one left behind.
const GIVEN_UP: &str = "
setup { CREATE TABLE seats (seat int); }
session s1
step s1_prepare { BEGIN; INSERT INTO seats VALUES (1); PREPARE TRANSACTION 'given up'; }
session s2
step s2_begin { BEGIN; INSERT INTO seats VALUES (2); }
permutation s2_begin s1_prepare
permutation s2_begin s1_prepare
";

#[test]
fn what_a_run_that_was_given_up_has_left_is_not_in_the_way_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.spec"), folder.path().join("second.spec"));
    fs::write(&first, GIVEN_UP).unwrap();
    fs::write(&second, "setup { CREATE TABLE seats (); } session s step look { SELECT 1 AS one; }")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["spec", "--jobs", "1"])
        .args([&first, &second])
        .output()
        .unwrap();
    let (told, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}{complaints}");
    assert!(told.ends_with("step look: SELECT 1 AS one;\none\n---\n  1\n(1 row)\n\n"), "{told}");
}

/// A server on this folder, which is kept.
async fn kept(data: &Path) -> Cluster {
    let options = ClusterOptions { data: Some(data.to_owned()), ..support::cluster_options() };
    Cluster::start(&options, &|_| {}).await.unwrap()
}

async fn run(cluster: &Cluster, database: &str, sql: &'static str) {
    let options = support::options(cluster).database(database);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

fn play_on(data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["play", "--format", "spec", "--data"])
        .arg(data)
        .arg(own("news.spec"))
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_database_that_we_have_not_made_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("lesson");
    let cluster = kept(&data).await;
    run(&cluster, "postgres", "create database isolation_regression").await;
    run(&cluster, "isolation_regression", "create table precious ()").await;
    cluster.stop().await.unwrap();

    let output = play_on(&data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("that Overbooked did not create"), "{said}");

    let cluster = kept(&data).await;
    run(&cluster, "isolation_regression", "select from precious").await;
    run(&cluster, "postgres", "alter database isolation_regression rename to mine").await;
    cluster.stop().await.unwrap();
    for _ in 0..2 {
        let output = play_on(&data);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(output.stdout, fs::read(own("news.out")).unwrap());
    }
}
