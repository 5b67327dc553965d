//! Hooks that hold nothing, or hold and let go: what is said through them is what is said without
//! them, byte for byte, whatever the client says.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use overbooked::gateway::{Gateway, Mode, Options};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{DEADLINE, Wire};
use crate::support;

const STATEMENTS: &[&str] = &[
    "begin",
    "begin isolation level serializable",
    "commit",
    "rollback",
    "savepoint s",
    "rollback to s",
    "commit and chain",
    "select count(*) from t",
    "select * from t order by id",
    "insert into t values (1, 'a')",
    "insert into t values (2, null) returning *",
    "delete from t",
    "selct",
    "select 1/0",
    "set application_name = 'x'",
    "set local datestyle = 'German'",
    "listen l",
    "notify l, 'it'",
    "show application_name",
    "deallocate all",
    "declare c cursor for select * from t",
    "fetch 1 from c",
    "copy t to stdout",
    "",
    ";",
    "do $$ begin raise notice 'hear'; end $$",
    "prepare p as select 1",
    "execute p",
    "lock table t",
    "values (1), (2), (3)",
    "show transaction_timeout",
    "set local transaction_timeout = '11min'",
    "vacuum t",
];

const SEVERAL: &[&str] = &[
    "select 1; select 2",
    "begin; insert into t values (3, 'c')",
    "insert into t values (4, 'd'); commit",
    "select 1; selct",
    "select 1/0; select 2",
];

const NAMES: [&str; 3] = ["", "s", "p"];

fn put(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.push(tag);
    out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
}

fn one_of<T: Copy>(random: &mut StdRng, all: &[T]) -> T {
    all[random.random_range(0..all.len())]
}

/// One message, or a few that belong together.
fn put_some(out: &mut Vec<u8>, random: &mut StdRng) {
    let (name, portal) = (one_of(random, &NAMES), one_of(random, &NAMES));
    let sql = one_of(random, STATEMENTS);
    match random.random_range(0..12) {
        0..3 => {
            put(out, b'P', format!("{name}\0{sql}\0\0\0").as_bytes());
            put(out, b'B', format!("{portal}\0{name}\0\0\0\0\0\0\0").as_bytes());
            put(out, b'D', format!("P{portal}\0").as_bytes());
            put(out, b'E', format!("{portal}\0\0\0\0\0").as_bytes());
        }
        3 => put(out, b'B', format!("{portal}\0{name}\0\0\0\0\0\0\0").as_bytes()),
        4 => put(out, b'E', format!("{portal}\0\0\0\0\x01").as_bytes()),
        5 => put(out, b'D', format!("S{name}\0").as_bytes()),
        6 => put(out, b'C', format!("S{name}\0").as_bytes()),
        7 => put(out, b'H', b""),
        8 => {
            put(out, b'S', b"");
            put(out, b'Q', format!("{}\0", one_of(random, SEVERAL)).as_bytes());
        }
        9 => {
            put(out, b'S', b"");
            put(out, b'Q', b"copy t (id) from stdin\0");
            put(out, b'd', b"7\n");
            put(out, if random.random() { b'c' } else { b'f' }, b"");
        }
        10 => {
            put(out, b'P', b"\0copy t (id) from stdin\0\0\0");
            put(out, b'B', b"\0\0\0\0\0\0\0\0");
            put(out, b'E', b"\0\0\0\0\0");
            put(out, b'd', b"8\n");
            put(out, b'c', b"");
            put(out, b'S', b"");
        }
        _ => {
            put(out, b'S', b"");
            put(out, b'Q', format!("{sql}\0").as_bytes());
        }
    }
}

/// All that a client says, from its second message to its last.
fn said(seed: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut out = Vec::new();
    put(&mut out, b'Q', b"truncate t\0");
    // An error before PostgreSQL 17; from there on it is a setting that is touched while a
    // statement is held.
    put(&mut out, b'Q', b"set transaction_timeout = '10min'\0");
    for _ in 0..40 {
        put_some(&mut out, &mut random);
    }
    put(&mut out, b'S', b"");
    put(&mut out, b'X', b"");
    out
}

/// What the server says to it, message by message, but for what differs from one connection to
/// another.
async fn answered(gateway: &std::path::Path, database: &str, said: &[u8]) -> Vec<String> {
    let mut stream = UnixStream::connect(gateway.join(".s.PGSQL.5432")).await.unwrap();
    let user = overbooked::cluster::SUPERUSER;
    let body = format!("\0\x03\0\0user\0{user}\0database\0{database}\0\0");
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&length, body.as_bytes()].concat()).await.unwrap();
    // Not before the gateway has let us in.
    let mut answers = Vec::new();
    while !answers.last().is_some_and(|last: &String| last.starts_with('Z')) {
        answers.push(answer(&mut stream).await.expect("it lets us in"));
    }
    answers.clear();
    stream.write_all(said).await.unwrap();
    while let Some(answer) = answer(&mut stream).await {
        answers.push(answer);
    }
    answers
}

async fn answer(stream: &mut UnixStream) -> Option<String> {
    let read = async {
        let tag = stream.read_u8().await.ok()?;
        let mut body = vec![0; stream.read_u32().await.ok()? as usize - 4];
        stream.read_exact(&mut body).await.ok()?;
        // Who has notified is another process each time.
        let body = if tag == b'A' { &body[4..] } else { &body[..] };
        Some(format!("{} {}", char::from(tag), body.escape_ascii()))
    };
    timeout(DEADLINE, read).await.expect("the server answers")
}

/// A gateway without hooks in front of the same database, and its folder.
async fn plain(wire: &Wire) -> (Gateway, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = support::server().target().with_database(wire.served.database());
    let mut options = Options::new(target);
    options.mode = Mode::PassThrough;
    options.socket_folder = Some(folder.path().to_owned());
    (Gateway::start(options).await.unwrap(), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_said_is_answered_as_without_hooks() {
    let wire = Wire::with(Mode::PassThrough, |_| false, true, |_| {}).await;
    let (gateway, folder) = plain(&wire).await;
    for seed in 0..60 {
        let said = said(seed);
        let expected = answered(folder.path(), wire.served.database(), &said).await;
        let hooked = answered(wire.served.folder.path(), wire.served.database(), &said).await;
        assert!(expected.len() > 20, "{expected:?}");
        assert_eq!(hooked, expected, "seed {seed}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_held_is_answered_as_if_it_had_not_been() {
    let mut wire = Wire::with(Mode::PassThrough, |_| true, true, |_| {}).await;
    let (gateway, folder) = plain(&wire).await;
    let (served, count) = (Arc::clone(&wire.served), AtomicUsize::new(0));
    let talking = async {
        for seed in 1_000..1_040 {
            let said = said(seed);
            let expected = answered(folder.path(), served.database(), &said).await;
            let held = answered(served.folder.path(), served.database(), &said).await;
            assert_eq!(held, expected, "seed {seed}");
        }
    };
    tokio::select! {
        () = talking => {}
        () = wire.let_go("no text", &count) => unreachable!("the gateway is there"),
    }
    assert!(count.into_inner() > 500);
    gateway.stop().await;
}
