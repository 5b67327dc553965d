//! Nobody waits for a client of the optimistic engine: not for one that copies slowly, not for one
//! that does not read, and not for one that leaves a change of the schema open. The rule is told in
//! the gateway's own module about places.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use overbooked::cluster::SUPERUSER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_postgres::Client;

use crate::gateway::{SCHEMA_CHANGED, Served, says, served_seats};
use crate::headless::{complaint, overbooked, told, written};

/// Longer than anybody works here; whoever waits for a client waits for ever.
const DEADLINE: Duration = Duration::from_mins(1);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("nobody waits for a client")
}

/// A client whose every byte is the test's.
struct Bytes {
    stream: UnixStream,
}

impl Bytes {
    async fn connect(served: &Served) -> Self {
        let path = served.folder.path().join(".s.PGSQL.5432");
        let mut client = Self { stream: UnixStream::connect(path).await.unwrap() };
        let mut body = BytesMut::new();
        body.put_u32(196_608);
        body.put_slice(format!("user\0{SUPERUSER}\0\0").as_bytes());
        client.stream.write_u32(u32::try_from(body.len()).unwrap() + 4).await.unwrap();
        client.stream.write_all(&body).await.unwrap();
        client.until_ready().await;
        client
    }

    async fn send(&mut self, tag: u8, body: &[u8]) {
        self.stream.write_all(&message(tag, body)).await.unwrap();
    }

    async fn query(&mut self, sql: &str) {
        self.send(b'Q', format!("{sql}\0").as_bytes()).await;
    }

    async fn next(&mut self) -> (u8, Vec<u8>) {
        let tag = self.stream.read_u8().await.unwrap();
        let length = self.stream.read_u32().await.unwrap() as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).await.unwrap();
        (tag, body)
    }

    /// The tags up to `ReadyForQuery`, rows left out, and the SQLSTATE of the error among them.
    async fn until_ready(&mut self) -> (String, Option<String>) {
        let (mut tags, mut code) = (String::new(), None);
        loop {
            let (tag, body) = self.next().await;
            if tag != b'D' {
                tags.push(char::from(tag));
            }
            if tag == b'E' {
                let fields = body.split(|byte| *byte == 0);
                let found =
                    fields.map(String::from_utf8_lossy).find(|field| field.starts_with('C'));
                code = found.map(|field| field[1..].to_owned());
            }
            if tag == b'Z' {
                return (tags, code);
            }
        }
    }
}

fn message(tag: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(tag);
    out.put_u32(u32::try_from(body.len()).unwrap() + 4);
    out.put_slice(body);
    out
}

const TABLES: &str = "create table slow (id int primary key, v text); \
                      insert into slow select n, repeat('x', 1000) from generate_series(1, 20000) \
                      n; \
                      create table other (id int primary key)";

async fn slow() -> (Served, Client, Client) {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TABLES).await.unwrap();
    let (bob, mallory) = (served.client().await, served.client().await);
    (served, bob, mallory)
}

/// Whoever has looked before is told once that the schema has changed; and so is DDL in the way of
/// a client that asks for the table's definition anew, as it does after changes by tests beside
/// this one.
async fn says_or_retries(client: &Client, sql: &str) -> String {
    let told = in_time(says(client, sql)).await;
    if told == SCHEMA_CHANGED { in_time(says(client, sql)).await } else { told }
}

/// Somebody's DDL on the table, then everybody else's statements.
async fn nobody_waits(bob: &Client, mallory: &Client) {
    assert_eq!(says_or_retries(bob, "alter table slow add column w int").await, "(0)");
    assert_eq!(in_time(says(mallory, "insert into other select count(*) from other")).await, "(1)");
    assert_eq!(says_or_retries(mallory, "select count(w) from slow where id < 3").await, "0; (1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_copies_slowly_holds_nobody_up() {
    let (served, bob, mallory) = slow().await;
    let mut copying = Bytes::connect(&served).await;
    for begin in ["select 1", "begin"] {
        copying.query(begin).await;
        copying.until_ready().await;
        copying.query("copy slow (id, v) from stdin").await;
        assert_eq!(copying.next().await.0, b'G');
        copying.send(b'd', b"30000\tx\n").await;
        nobody_waits(&bob, &mallory).await;
        // It is told at once, in the middle of its copy; what it still sends is ignored.
        assert_eq!(in_time(copying.until_ready()).await, ("EZ".into(), Some("40001".into())));
        copying.send(b'd', b"30001\tx\n").await;
        copying.send(b'c', b"").await;
        assert_eq!(says(&bob, "alter table slow drop column w").await, "(0)");
        copying.query("select 1").await;
        assert_eq!(in_time(copying.until_ready()).await, ("TCZ".into(), None));
        assert_eq!(says(&mallory, "select 1 from slow where id >= 30000").await, SCHEMA_CHANGED);
        assert_eq!(says(&mallory, "select 1 from slow where id >= 30000").await, "(0)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let (served, bob, mallory) = slow().await;
    for begin in ["select 1", "begin"] {
        let mut deaf = Bytes::connect(&served).await;
        deaf.query(begin).await;
        deaf.until_ready().await;
        deaf.query("select * from slow").await;
        // The first row is there, and the rest of 20 MB in nobody's buffers.
        assert_eq!(deaf.next().await.0, b'T');
        nobody_waits(&bob, &mallory).await;
        let (tags, code) = in_time(deaf.until_ready()).await;
        assert_eq!((tags.as_str(), code.as_deref()), ("EZ", Some("40001")));
        assert_eq!(says(&bob, "alter table slow drop column w").await, "(0)");
        says(&mallory, "select 1 from slow where id = 1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_last_answer_holds_nobody_up() {
    let (served, bob, mallory) = slow().await;
    let mut deaf = Bytes::connect(&served).await;
    deaf.query("begin").await;
    deaf.until_ready().await;
    deaf.query("select 1 from slow where id = 1").await;
    deaf.until_ready().await;
    // More than any buffer holds, in answers that are each too small to be handed over by
    // themselves.
    let many = "select repeat('x', 1000)\0".as_bytes().to_vec();
    let flood: Vec<u8> = (0..5_000).flat_map(|_| message(b'Q', &many).to_vec()).collect();
    let (mut read, mut write) = deaf.stream.into_split();
    let writing = tokio::spawn(async move {
        write.write_all(&flood).await.unwrap();
        write
    });
    nobody_waits(&bob, &mallory).await;
    let mut heard = Vec::new();
    let reading = async {
        let mut gulp = vec![0; 64 * 1024];
        while !heard.windows(5).any(|field| field == b"40001") {
            let length = read.read(&mut gulp).await.unwrap();
            heard.extend_from_slice(&gulp[..length]);
            let keep = heard.len().saturating_sub(64 * 1024 + 5);
            heard.drain(..keep);
        }
    };
    in_time(reading).await;
    writing.abort();
}

/// The server begins to answer before all of a batch has reached it.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_many_answers_does_not_stop_halfway() {
    const MANY: usize = 40_000;
    let (served, _, _) = slow().await;
    let client = Bytes::connect(&served).await;
    let mut batch =
        message(b'P', b"p\0select relname, relkind, reltuples from pg_class\0\0\0").to_vec();
    for _ in 0..MANY {
        batch.extend_from_slice(&message(b'D', b"Sp\0"));
    }
    batch.extend_from_slice(&message(b'S', b""));
    let (read, mut write) = client.stream.into_split();
    let writing = tokio::spawn(async move {
        write.write_all(&batch).await.unwrap();
        write
    });
    let mut reading = tokio::io::BufReader::new(read);
    let mut described = 0;
    let reading = async {
        loop {
            let tag = reading.read_u8().await.unwrap();
            let length = reading.read_u32().await.unwrap() as usize;
            reading.read_exact(&mut vec![0; length - 4]).await.unwrap();
            described += usize::from(tag == b'T');
            if tag == b'Z' {
                break;
            }
        }
    };
    in_time(reading).await;
    assert_eq!(described, MANY);
    writing.await.unwrap();
}

const NEVER_WAITS: &str = "\
-- Who waits on the optimistic engine
--
-- sessions: A, B
-- engines: optimistic
-- setup
create table t (id int primary key, v text);
insert into t values (1, 'x');

-- A: begins
begin;

-- A: alters, and leaves it open
alter table t add column w int;
--> ALTER TABLE

-- B: reads
select v from t where id = 1;
--> x

-- A: ends
commit;
--> COMMIT

-- B: reads again
select v, w from t where id = 1;
--> ERROR 40001
";

/// Several at a time, so that they disturb each other.
#[test]
fn a_change_that_is_left_open_is_told_the_same_every_time() {
    let play = || {
        let (_folder, path) = written("never-waits.sql", NEVER_WAITS);
        let output = overbooked(&["play", "--engine", "optimistic", &path]);
        assert_eq!(output.status.code(), Some(0), "{}{}", complaint(&output), told(&output));
        told(&output)
    };
    let told = std::thread::scope(|scope| {
        let plays: Vec<_> = (0..4).map(|_| scope.spawn(play)).collect();
        plays.into_iter().map(|play| play.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(!told[0].contains("waits for"), "{}", told[0]);
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_change_of_the_schema_makes_way_and_commits() {
    let (_served, alice, bob) = served_seats().await;
    for change in [
        "alter table seats add column w int",
        "create index async on seats (note)",
        "comment on table seats is 'x'",
    ] {
        says(&bob, "select 1 from seats where seat_number = 4").await;
        says(&alice, "begin").await;
        assert!(says(&alice, change).await.ends_with("(0)"), "{change}");
        assert_eq!(
            in_time(says(&bob, "select note from seats where seat_number = 4")).await,
            "; (1)"
        );
        let write = "update seats set note = null where seat_number = 4";
        assert_eq!(in_time(says(&bob, write)).await, "(1)");
        assert_eq!(says(&alice, "commit").await, "(0)", "{change}");
    }
    assert_eq!(says(&alice, "select count(w) from seats").await, "0; (1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_schema_goes_ahead_at_its_statement_and_at_its_commit() {
    let (_served, alice, bob) = served_seats().await;
    let read = "begin; select 1 from seats where seat_number = 4";
    let change = "begin; alter table seats add column w int";
    says(&bob, read).await;
    assert_eq!(in_time(says(&alice, change)).await, "(0); (0)");
    assert_eq!(says(&bob, "select 1").await, SCHEMA_CHANGED);
    assert_eq!(in_time(says(&bob, read)).await, "(0); 1; (1)");
    assert_eq!(in_time(says(&alice, "commit")).await, "(0)");
    assert_eq!(says(&bob, "commit").await, SCHEMA_CHANGED);
    assert_eq!(says(&bob, "select count(w) from seats").await, "0; (1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_rolled_back_leaves_everybody_alone() {
    let (_served, alice, bob) = served_seats().await;
    says(&alice, "begin; drop table seats").await;
    assert_eq!(in_time(says(&bob, "begin; select count(*) from seats")).await, "(0); 3; (1)");
    assert_eq!(says(&alice, "rollback").await, "(0)");
    assert_eq!(
        says(&bob, "update seats set note = 'his' where seat_number = 4; commit").await,
        "(1); (0)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_the_first_to_commit_wins() {
    for (one, other) in [
        ("create table made (id int primary key)", "create table made (other text primary key)"),
        ("alter table seats add column w int", "alter table seats add column x int"),
        ("drop table seats", "alter table seats add column x int"),
        ("alter table seats add column w int", "alter table seats add column w int"),
    ] {
        let (_served, alice, bob) = served_seats().await;
        assert_eq!(in_time(says(&alice, &format!("begin; {one}"))).await, "(0); (0)");
        assert_eq!(in_time(says(&bob, &format!("begin; {other}"))).await, "(0); (0)", "{other}");
        assert_eq!(in_time(says(&alice, "commit")).await, "(0)", "{one}");
        assert_eq!(in_time(says(&bob, "commit")).await, SCHEMA_CHANGED, "{other}");

        let (_served, alice, bob) = served_seats().await;
        says(&alice, &format!("begin; {one}")).await;
        assert_eq!(in_time(says(&bob, other)).await, "(0)", "{other}, by itself");
        assert_eq!(in_time(says(&alice, "commit")).await, SCHEMA_CHANGED, "{one}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_sees_its_own_change_and_may_not_use_its_tables() {
    let (_served, alice, bob) = served_seats().await;
    let columns = "select count(*) from pg_catalog.pg_attribute where attname = 'w'";
    assert_eq!(says(&alice, &format!("begin; {columns}")).await, "(0); 0; (1)");
    says(&alice, "alter table seats add column w int").await;
    assert_eq!(says(&alice, columns).await, "1; (1)");
    says(&bob, "select 1 from seats").await;
    assert_eq!(says(&alice, columns).await, "1; (1)", "although it stepped back");
    let mixed = "0A000 ddl and dml are not supported in the same transaction";
    assert_eq!(says(&alice, "select 1 from seats").await, mixed);
    says(&alice, "rollback").await;
    assert_eq!(says(&alice, columns).await, "0; (1)");
    says(&alice, "rollback; begin; create table made (id int)").await;
    says(&bob, "create table others (id int)").await;
    assert_eq!(says(&alice, "insert into made values (1)").await, mixed);
    assert_eq!(says(&alice, "rollback").await, "(0)");
    says(&alice, "begin; create table made (id int)").await;
    assert_eq!(
        alice.execute("insert into made values (1)", &[]).await.unwrap_err().code().unwrap().code(),
        "0A000"
    );
}

/// What would be lost by stepping back is not lost in silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_after_a_change_is_not_undone_in_silence() {
    let (_served, alice, bob) = served_seats().await;
    says(&alice, "begin; alter table seats add column w int; set work_mem = '5MB'; show work_mem")
        .await;
    assert_eq!(in_time(says(&bob, "select count(*) from seats")).await, "3; (1)");
    assert_eq!(says(&alice, "commit").await, SCHEMA_CHANGED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_execute_and_sync_makes_way() {
    let (served, _, bob) = served_seats().await;
    let mut alice = Bytes::connect(&served).await;
    alice.send(b'P', b"\0alter table seats add column w int\0\0\0").await;
    alice.send(b'B', b"\0\0\0\0\0\0\0\0").await;
    alice.send(b'E', b"\0\0\0\0\0").await;
    alice.send(b'H', b"").await;
    assert_eq!((alice.next().await.0, alice.next().await.0), (b'1', b'2'));
    assert_eq!(in_time(says(&bob, "select count(*) from seats")).await, "3; (1)");
    alice.send(b'S', b"").await;
    assert_eq!(in_time(alice.until_ready()).await, ("CZ".into(), None));
    assert_eq!(says(&bob, "select count(w) from seats").await, SCHEMA_CHANGED);
}
