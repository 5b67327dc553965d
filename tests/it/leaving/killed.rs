//! The program is killed, and has no time to leave in good order.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Line;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use overbooked::cluster::SUPERUSER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::interval;

use super::{DEADLINE, LOOK, SLEEPS, STOCK, Shop, waiting_console};
use crate::headless::written;
use crate::support::{Database, server};
use crate::tls::database_behind_tls;

/// What the user's table has, whoever was at it.
async fn stock_of(shop: &Shop) -> i64 {
    shop.is_left().await;
    let mut own = shop.connect().await;
    sqlx::query_scalar("select n::bigint from public.stock").fetch_one(&mut own).await.unwrap()
}

fn play(url: &str, path: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["play", "--url", url, path])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The guardian of a program that runs.
fn guardian_of(program: u32) -> u32 {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid=,args="]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let found = listed.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&program.to_string().as_str())
            && words.last() == Some(&"guardian");
        is_it.then(|| words[0].parse().unwrap())
    });
    found.unwrap_or_else(|| panic!("{program} has no guardian:\n{listed}"))
}

/// Waits until a process has ended, whether or not somebody has asked how.
async fn has_ended(process: u32) {
    let lives = || {
        let state = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output();
        let state = String::from_utf8_lossy(&state.unwrap().stdout).trim().to_owned();
        !state.is_empty() && !state.starts_with('Z')
    };
    let ended = async {
        let mut look = interval(LOOK);
        while lives() {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.unwrap_or_else(|_| panic!("{process} lives on"));
}

/// Plays until Bob waits for Alice and Carol sleeps, and kills that.
async fn is_killed(shop: &Shop, path: &str) {
    let mut playing = play(&shop.url, path);
    shop.waits_until("asleep", SLEEPS).await;
    let guardian = guardian_of(playing.id());
    playing.kill().unwrap();
    playing.wait().unwrap();
    assert_eq!(stock_of(shop).await, 0, "Bob's statement was let through");
    has_ended(guardian).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_play_that_is_killed_commits_nothing() {
    let (_folder, path) = written("stock.sql", STOCK);
    let shop = Shop::open().await;
    for _ in 0..20 {
        is_killed(&shop, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_speaks_tls_commits_nothing_either() {
    let (_folder, path) = written("stock.sql", STOCK);
    let (options, url) = database_behind_tls("killed").await;
    let shop = Shop::open_in(options, url).await;
    let grant = "grant all on public.stock to encrypted";
    sqlx::raw_sql(grant).execute(&mut shop.connect().await).await.unwrap();
    for _ in 0..3 {
        is_killed(&shop, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_commits_nothing() {
    let (_folder, path) = written("stock.sql", STOCK);
    let shop = Shop::open().await;
    let guardian = tokio::task::block_in_place(|| {
        let mut console = waiting_console(&["--url", &shop.url, &path]);
        let guardian = guardian_of(console.pid().try_into().unwrap());
        console.signal("KILL");
        console.wait_for_end();
        guardian
    });
    assert_eq!(stock_of(&shop).await, 0, "Bob's statement was let through");
    has_ended(guardian).await;
}

/// The program's end of the line to a guardian that is ready, and that guardian.
fn guardian() -> (Line, Child) {
    let (mut ours, theirs) = Line::pair().unwrap();
    let guardian = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .arg("guardian")
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    ours.set_write_timeout(Some(DEADLINE)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (ours, guardian)
}

#[test]
fn a_guardian_that_does_not_understand_waits_for_the_end() {
    let (mut line, mut guardian) = guardian();
    line.write_all(b"what nobody understands\n").unwrap();
    // More than the line holds: somebody still takes it.
    line.write_all(&vec![b'?'; 1024 * 1024]).unwrap();
    drop(line);
    assert!(guardian.wait().unwrap().success());
}

/// Passes connections on, and counts those that only want something cancelled.
struct Counter {
    port: u16,
    cancels: Arc<AtomicUsize>,
}

/// What a `CancelRequest` begins with: its length and its code (PostgreSQL documentation, 54.7).
const CANCEL: [u8; 8] = [0, 0, 0, 16, 4, 210, 22, 46];

impl Counter {
    async fn before(folder: &Path, port: u16) -> Self {
        let socket = folder.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancels = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cancels);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, counted) = (socket.clone(), Arc::clone(&counted));
                tokio::spawn(async move { pass_on(client, &socket, &counted).await });
            }
        });
        Self { port, cancels }
    }
}

async fn pass_on(mut client: TcpStream, socket: &Path, cancels: &AtomicUsize) -> io::Result<()> {
    let mut head = [0; CANCEL.len()];
    client.read_exact(&mut head).await?;
    cancels.fetch_add(usize::from(head == CANCEL), Ordering::SeqCst);
    let mut server = UnixStream::connect(socket).await?;
    server.write_all(&head).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Carol goes on until somebody says so, and then Alice commits: nothing is left that would have to
/// be cancelled.
const UNTIL_TOLD: &str = "\
do $$ begin while not exists (select from public.told) loop perform pg_sleep(0.01); end loop; end \
$$;

-- Alice: is done
commit;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_play_that_ends_by_itself_has_nothing_cancelled_and_leaves_no_guardian() {
    let text = STOCK.replace("select pg_sleep(600);\n", UNTIL_TOLD);
    let (_folder, path) = written("stock.sql", &text);
    let database = Database::create().await;
    let counter = Counter::before(server().folder(), server().port()).await;
    let (port, name) = (counter.port, database.name());
    let url = format!("host=127.0.0.1 port={port} sslmode=disable user={SUPERUSER} dbname={name}");
    let shop = Shop::open_in(database.sqlx_options(), url).await;
    let mut own = shop.connect().await;
    sqlx::raw_sql("create table public.told ()").execute(&mut own).await.unwrap();
    let mut playing = play(&shop.url, &path);
    shop.waits_until("waiting", &SLEEPS.replace("pg_sleep(600)", "public.told")).await;
    let guardian = guardian_of(playing.id());
    let tell = "insert into public.told default values";
    sqlx::raw_sql(tell).execute(&mut own).await.unwrap();
    drop(own);
    let ended = tokio::task::spawn_blocking(move || playing.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    has_ended(guardian).await;
    assert_eq!(stock_of(&shop).await, 101);
    assert_eq!(counter.cancels.load(Ordering::SeqCst), 0);
}
