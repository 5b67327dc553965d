//! The debugger with many guests and with one that floods: it does nothing while nothing happens,
//! and keeps no more than it can hold.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use overbooked::cluster::{Cluster, SUPERUSER};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::gateway::connect;
use crate::support;
use crate::terminal::{MIDDLE, Terminal, key};

const PATIENCE: Duration = Duration::from_mins(1);
const GUESTS: usize = 100;

/// For how long it is looked at.
const SPAN: Duration = Duration::from_secs(4);

/// What it may take of that: a hundredth of a second each second, for the seconds that a held
/// statement's title counts.
const MOST: Duration = Duration::from_millis(160);

const MEBIBYTE: usize = 1 << 20;

/// A debugger in front of a server of its own, which has a table of seats and room for everybody.
struct Debugged {
    screen: Terminal,
    port: u16,
    server: Cluster,
}

impl Debugged {
    async fn open() -> Self {
        let mut server = support::start_own().await;
        let session = connect(server.folder(), server.port(), "postgres").await;
        session.batch_execute("create table seats (seat int primary key)").await.unwrap();
        session.batch_execute("alter system set max_connections = 200").await.unwrap();
        drop(session);
        server.restart().await.unwrap();
        let (folder, port) = (server.folder().display(), server.port());
        let url = format!("host={folder} port={port} user={SUPERUSER} dbname=postgres");
        let arguments = ["debug", "--watch", "seats", "--listen", "127.0.0.1:0", "--url", &url];
        let mut screen = Terminal::open(MIDDLE, &arguments);
        screen.wait_for("@127.0.0.1:");
        let shown = screen.screen();
        let port = shown.split("@127.0.0.1:").nth(1).unwrap();
        let port = port.split(|it: char| !it.is_ascii_digit()).next().unwrap().parse().unwrap();
        Self { screen, port, server }
    }

    async fn guest(&self) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(SUPERUSER).dbname("postgres");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// One that speaks message by message, past its start-up.
    async fn raw(&self) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let body = format!("user\0{SUPERUSER}\0database\0postgres\0\0");
        let length = u32::try_from(body.len() + 8).unwrap();
        let start = [&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), body.as_bytes()];
        stream.write_all(&start.concat()).await.unwrap();
        until_ready(&mut stream, 1).await;
        stream
    }

    /// The time that it has worked so far.
    fn worked(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.screen.pid())).unwrap();
        // Behind the name, which may have blanks, `utime` and `stime` are the 12th and the 13th
        // (proc(5)), in hundredths of a second wherever Linux runs.
        let numbers: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = numbers[11..13].iter().map(|it| it.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The memory that it has had at most, in bytes.
    fn most_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.screen.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    async fn leave(mut self) {
        // Whoever leaves before is asked, since a program is still there.
        self.screen.wait_for("nobody is connected");
        self.screen.type_keys(key::CONTROL_Q);
        assert_eq!(self.screen.wait_for_end(), 0);
        self.server.stop().await.unwrap();
    }
}

fn query(sql: &str) -> Vec<u8> {
    let length = u32::try_from(sql.len() + 5).unwrap().to_be_bytes();
    [b"Q", &length[..], sql.as_bytes(), b"\0"].concat()
}

/// Takes the answers up to so many `ReadyForQuery`.
async fn until_ready(stream: &mut (impl AsyncRead + Unpin), mut wanted: usize) {
    let read = async {
        while wanted > 0 {
            let tag = stream.read_u8().await.unwrap();
            let mut body = vec![0; stream.read_u32().await.unwrap() as usize - 4];
            stream.read_exact(&mut body).await.unwrap();
            wanted -= usize::from(tag == b'Z');
        }
    };
    timeout(PATIENCE, read).await.expect("it is answered");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is a time in which nothing happens"
)]
async fn held_statements_and_a_hundred_idle_guests_take_no_cpu() {
    let mut debugged = Debugged::open().await;
    let mut guests = Vec::new();
    for _ in 0..GUESTS + 2 {
        let guest = debugged.guest().await;
        guest.batch_execute("select 1").await.unwrap();
        guests.push(guest);
    }
    let held: Vec<_> = (0..2)
        .map(|_| guests.pop().unwrap())
        .map(|guest| tokio::spawn(async move { guest.batch_execute("select * from seats").await }))
        .collect();
    debugged.screen.wait_until("two are held", |screen| screen.matches("─ held ").count() == 2);
    let before = debugged.worked();
    tokio::time::sleep(SPAN).await;
    let worked = debugged.worked().saturating_sub(before);
    println!("worked {worked:?} in {SPAN:?}");
    assert!(worked <= MOST, "{worked:?} in {SPAN:?}");
    debugged.screen.type_keys(key::F6);
    for held in held {
        timeout(PATIENCE, held).await.unwrap().unwrap().unwrap();
    }
    drop(guests);
    debugged.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_is_slowed_and_never_buffered_without_end() {
    let mut debugged = Debugged::open().await;
    let mut client = debugged.raw().await;
    client.write_all(&query("select * from seats")).await.unwrap();
    debugged.screen.wait_for("─ held ");
    let before = debugged.most_memory();
    let part = query(&format!("select length('{}')", "x".repeat(64 * 1024 - 24)));
    let (count, taken) = (50 * MEBIBYTE / part.len(), Arc::new(AtomicUsize::new(0)));
    let (answers, mut questions) = client.into_split();
    let noted = Arc::clone(&taken);
    let asking = tokio::spawn(async move {
        for _ in 0..count {
            questions.write_all(&part).await.unwrap();
            noted.fetch_add(1, Ordering::Relaxed);
        }
        questions
    });
    let stalled = stalled(&taken).await;
    assert!((1..count).contains(&stalled), "{stalled} of {count} were taken");
    let grown = debugged.most_memory() - before;
    println!("took {} MiB, grew by {} KiB", stalled / 16, grown / 1024);
    assert!(grown < 10 * MEBIBYTE, "{grown}");
    // Let go, it is answered to the last, and still nothing piles up.
    debugged.screen.type_keys(key::F6);
    let mut answers = BufReader::new(answers);
    until_ready(&mut answers, count + 1).await;
    let grown = debugged.most_memory() - before;
    println!("grew by {} KiB in the end", grown / 1024);
    assert!(grown < 10 * MEBIBYTE, "{grown}");
    drop((asking.await.unwrap(), answers));
    debugged.leave().await;
}

/// Where a count stands that has begun, and has not moved for a while.
async fn stalled(count: &AtomicUsize) -> usize {
    let mut pulse = tokio::time::interval(Duration::from_secs(1));
    let mut last = 0;
    loop {
        pulse.tick().await;
        let now = count.load(Ordering::Relaxed);
        if now > 0 && now == last {
            return now;
        }
        last = now;
    }
}
