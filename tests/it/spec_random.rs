//! Random specifications: what `overbooked spec` makes of one is what isolationtester makes of it,
//! on the same server.
//!
//! isolationtester comes with PostgreSQL's server development package; where it is not installed,
//! these tests say so and pass. A specification of which isolationtester itself does not always
//! print the same has nothing to be compared with: those are counted and told.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use overbooked::cluster::SUPERUSER;

use crate::support::{Database, server};

mod generator;

use generator::{Endings, specification};

const TESTER: &str = "lib/pgxs/src/test/isolation/isolationtester";

/// A step that waits for ever is cancelled after so many seconds, by both.
const STEP_SECONDS: &str = "2";

/// The newest one among Debian's packages.
pub(crate) fn tester() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let testers = versions.map(|version| version.path().join(TESTER));
    testers.filter(|path| path.exists()).max()
}

/// `OVERBOOKED_SPECIFICATIONS=500` plays more of each kind than a quick run does.
fn specifications() -> u64 {
    let number = std::env::var("OVERBOOKED_SPECIFICATIONS").ok();
    number.and_then(|text| text.parse().ok()).unwrap_or(30)
}

/// Both of isolationtester's streams, in the environment that `pg_isolation_regress` gives it.
pub(crate) fn theirs(tester: &Path, spec: &Path, database: &Database) -> Vec<u8> {
    let out = spec.with_extension("theirs");
    let told = File::create(&out).unwrap();
    let name = spec.file_stem().unwrap().to_str().unwrap();
    Command::new(tester)
        .arg(format!("dbname={}", database.name()))
        .env("PGHOST", server().folder())
        .env("PGPORT", server().port().to_string())
        .env("PGUSER", SUPERUSER)
        .env("PGAPPNAME", format!("isolation/{name}"))
        .env("PGTZ", "PST8PDT")
        .env("PGDATESTYLE", "Postgres, MDY")
        .env("PGOPTIONS", "-c intervalstyle=postgres_verbose -c lc_messages=C")
        .env("PGISOLATIONTIMEOUT", STEP_SECONDS)
        .stdin(File::open(spec).unwrap())
        .stderr(told.try_clone().unwrap())
        .stdout(told)
        .status()
        .unwrap();
    fs::read(out).unwrap()
}

pub(crate) fn ours(spec: &Path, database: &Database) -> Vec<u8> {
    let folder = spec.parent().unwrap();
    let (host, port) = (server().folder().display(), server().port());
    let url = format!("host={host} port={port} user={SUPERUSER} dbname={}", database.name());
    let status = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["spec", "--url", &url, "--output"])
        .arg(folder)
        .arg(spec)
        .env("PGISOLATIONTIMEOUT", STEP_SECONDS)
        .status()
        .unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    fs::read(spec.with_extension("out")).unwrap()
}

/// Plays one, and says how it went; nothing where either program contradicts itself.
fn is_equal(tester: &Path, spec: &Path, database: &Database) -> Option<bool> {
    let expected = theirs(tester, spec, database);
    let told = ours(spec, database);
    if told == expected {
        return Some(true);
    }
    // Only now, since most are equal: which of both is not sure of itself?
    if (0..4).any(|_| theirs(tester, spec, database) != expected) {
        return None;
    }
    // A machine that stood still between two looks is no difference of ours: one that is shows
    // again.
    if (0..2).all(|_| ours(spec, database) == expected) {
        return None;
    }
    eprintln!("{}", String::from_utf8_lossy(&fs::read(spec).unwrap()));
    eprintln!("isolationtester:\n{}", String::from_utf8_lossy(&expected));
    eprintln!("overbooked:\n{}", String::from_utf8_lossy(&told));
    Some(false)
}

async fn compare(endings: Endings) {
    let Some(tester) = tester() else {
        return eprintln!("skipped: isolationtester is not installed");
    };
    let database = Database::create().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut different, mut not_comparable) = (Vec::new(), 0);
    for seed in 0..specifications() {
        let spec = folder.path().join(format!("random-{seed}.spec"));
        fs::write(&spec, specification(endings, seed)).unwrap();
        match is_equal(&tester, &spec, &database) {
            Some(true) => {}
            Some(false) => different.push(seed),
            None => not_comparable += 1,
        }
    }
    eprintln!("{endings:?}: one of both contradicts itself in {not_comparable} specifications");
    assert!(different.is_empty(), "{endings:?}: seeds {different:?}");
}

#[tokio::test]
async fn locks_and_deadlocks_read_alike() {
    compare(Endings::Steps).await;
}

#[tokio::test]
async fn timeouts_read_alike() {
    compare(Endings::Timeouts).await;
}

#[tokio::test]
async fn cancels_read_alike() {
    compare(Endings::Cancels).await;
}

#[tokio::test]
async fn terminations_read_alike() {
    compare(Endings::Terminations).await;
}
