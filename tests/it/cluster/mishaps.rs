//! Binaries that are not there, not PostgreSQL, or do not do their work: one clear sentence, and
//! nothing left.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use overbooked::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;

use super::{is_empty, open_folder, within};

const BANNER: &str = "[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 15.99' && exit\n";

/// Writes a shell script, by a process of its own: a file that this one holds open for writing
/// while another test starts a process could not be executed ("text file busy").
fn script(path: &Path, text: &str) {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    write!(shell.stdin.take().unwrap(), "#!/bin/sh\n{text}").unwrap();
    assert!(shell.wait().unwrap().success());
}

fn binaries(initdb: &str, postgres: &str) -> TempDir {
    let folder = open_folder();
    script(&folder.path().join("initdb"), initdb);
    script(&folder.path().join("postgres"), &format!("{BANNER}{postgres}"));
    folder
}

/// What a start with these binaries says; nothing may be left of it.
async fn said(binaries: &Path) -> String {
    let (cache, temporary) = (open_folder(), open_folder());
    let options = ClusterOptions {
        binaries: Some(binaries.to_owned()),
        cache: Some(cache.path().to_owned()),
        ..within(&temporary)
    };
    let said = Cluster::start(&options, &|_| {}).await.unwrap_err().to_string();
    assert!(is_empty(&temporary));
    said
}

#[tokio::test]
async fn a_folder_without_binaries_is_named_with_what_it_lacks() {
    let empty = open_folder();
    let said = said(empty.path()).await;
    assert!(said.contains(empty.path().to_str().unwrap()), "{said}");
    assert!(said.contains("it has no initdb"), "{said}");
    assert!(said.contains("--pg-bin"), "{said}");
}

#[tokio::test]
async fn a_postgres_that_does_not_run_is_no_postgres() {
    let broken = open_folder();
    script(&broken.path().join("initdb"), "");
    script(&broken.path().join("postgres"), "exit 132\n");
    let said = said(broken.path()).await;
    assert!(said.contains("does not report its version"), "{said}");
}

#[tokio::test]
async fn an_initdb_that_fails_is_quoted() {
    let folder = binaries("echo 'initdb: error: the moon is full' >&2; exit 1\n", "");
    let said = said(folder.path()).await;
    assert!(said.contains("the moon is full"), "{said}");
}

#[tokio::test]
async fn a_server_that_ends_while_it_starts_has_its_log_quoted() {
    let initdb = "while [ \"$1\" != -D ]; do shift; done; mkdir -p \"$2\"\n";
    let folder = binaries(initdb, "echo 'FATAL:  no more stars' >&2; exit 1\n");
    let said = said(folder.path()).await;
    assert!(said.contains("stopped while starting"), "{said}");
    assert!(said.contains("no more stars"), "{said}");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_costs_time_only() {
    let temporary = open_folder();
    let options = ClusterOptions { cache: Some("/dev/null/nowhere".into()), ..within(&temporary) };
    super::start(&options).await.stop().await.unwrap();
    assert!(is_empty(&temporary));
}
