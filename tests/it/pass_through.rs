//! The way in: what a client says first is answered by a gateway that passes through as the server
//! behind it would answer, byte for byte; and by the optimistic engine with what it serves, or in
//! words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::{Gateway, Mode, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::gateway::{Served, connect, says};
use crate::gateway_kill::postmaster;
use crate::support;

/// How long an answer may take before a test gives up on it.
const DEADLINE: Duration = Duration::from_mins(1);

const VERSION_3: u32 = 0x0003_0000;

/// A first packet.
fn packet(version: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &version.to_be_bytes(), body].concat()
}

/// One that begins a session.
fn start_up(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for text in parameters.iter().flat_map(|(name, value)| [name, value]) {
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    packet(version, &body)
}

/// One message of the server, readable; the process and its secret, which are never the same, by
/// their length.
fn readable(tag: u8, body: &[u8]) -> String {
    let text = if tag == b'K' { body.len().to_string() } else { body.escape_ascii().to_string() };
    format!("{} {text}", char::from(tag))
}

/// Everything that is answered to a packet, and to a look around where that lets us in, until the
/// connection ends.
async fn conversation(socket: &Path, first: &[u8]) -> Vec<String> {
    const LOOK: &str = "select current_user, session_user, current_database(), \
        current_setting('work_mem'), current_setting('client_encoding')\0";
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(first).await.unwrap();
    let mut answers = Vec::new();
    let reading = async {
        while let Ok(tag) = stream.read_u8().await {
            let length = stream.read_u32().await.unwrap();
            // Who speaks an older version than 3 is answered in that, without lengths.
            if length > 10_000 {
                let mut text = length.to_be_bytes().to_vec();
                stream.read_to_end(&mut text).await.unwrap();
                answers.push(readable(tag, &text));
                break;
            }
            let mut body = vec![0; length as usize - 4];
            stream.read_exact(&mut body).await.unwrap();
            let is_first = !answers.iter().any(|answer: &String| answer.starts_with('Z'));
            answers.push(readable(tag, &body));
            if tag == b'Z' && is_first {
                let mut look = vec![b'Q'];
                look.extend(u32::try_from(LOOK.len() + 4).unwrap().to_be_bytes());
                look.extend(LOOK.as_bytes());
                look.extend(b"X\0\0\0\x04");
                stream.write_all(&look).await.unwrap();
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the connection ends");
    answers
}

/// The sockets of a gateway and of the server behind it.
fn sockets(served: &Served) -> (PathBuf, PathBuf) {
    let cluster = support::server();
    let straight = cluster.folder().join(format!(".s.PGSQL.{}", cluster.port()));
    (served.folder.path().join(".s.PGSQL.5432"), straight)
}

/// Says the same to the gateway and to the server, and expects the same of both, with this in it.
async fn same(served: &Served, first: &[u8], expected: &str) {
    let (through, straight) = sockets(served);
    let (through, straight) =
        (conversation(&through, first).await, conversation(&straight, first).await);
    let first = first.escape_ascii();
    assert_eq!(through, straight, "{first}");
    let found = straight.iter().any(|answer| answer.contains(expected));
    assert!(found || expected.is_empty() && straight.is_empty(), "{first}: {straight:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_client_asks_for_goes_to_the_server() {
    let served = Served::passing_through().await;
    let database = served.database();
    let role = format!("{database}_role");
    let outsider = served.outsider().await;
    outsider.batch_execute(&format!("create role {role} login")).await.unwrap();
    let (user, root) = (("user", role.as_str()), ("user", SUPERUSER));
    let other = ("database", "template1");
    let own = ("database", database);
    for (parameters, expected) in [
        (&[user, own][..], &*format!("{role}\\x00")),
        (&[root, other], "template1"),
        (&[root], "C3D000"),
        (&[own, ("options", "-c work_mem=7MB"), user, root], "7MB"),
        (&[user, own, ("work_mem", "9MB"), ("application_name", "x")], "9MB"),
        (&[user, own, ("client_encoding", "LATIN1")], "LATIN1"),
        (&[root, own, ("replication", "database")], "current_database"),
        (&[root, own, ("replication", "on")], "replication"),
        (&[root, own, ("replication", "perhaps")], "C22023"),
        (&[user, own, ("replication", "true")], "C28000"),
        (&[root, ("database", "nowhere")], "C3D000"),
        (&[("user", "nobody at all"), own], "C28000"),
        (&[user, own, ("options", "-c nonsense=1")], "C42704"),
        (&[user, own, ("options", "--x")], "C42601"),
        (&[user, own, ("work_mem", "much")], "C22023"),
        (&[user, own, ("client_encoding", "nonsense")], "C22023"),
        (&[own], "C28000"),
        (&[("user", ""), own], "C28000"),
    ] {
        same(&served, &start_up(VERSION_3, parameters), expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_refusals_and_warnings_are_passed_on() {
    let served = Served::passing_through().await;
    let database = served.database();
    let outsider = served.outsider().await;
    let sql = format!(
        "create role {database}_full login connection limit 0;
         create role {database}_warned login;
         alter role {database}_warned set work_mem = '1MB';
         update pg_db_role_setting set setconfig = '{{work_mem=much}}'
         where setrole = '{database}_warned'::regrole;
         create database {database}_closed allow_connections false"
    );
    for statement in sql.split(';') {
        outsider.batch_execute(statement).await.unwrap();
    }
    let at = |user: &str, end: &str| {
        let (user, database) = (format!("{database}{user}"), format!("{database}{end}"));
        start_up(VERSION_3, &[("user", &user), ("database", &database)])
    };
    same(&served, &at("_full", ""), "C53300").await;
    same(&served, &at("_warned", ""), "N SWARNING").await;
    same(&served, &at("_warned", "_closed"), "C55000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_options_of_the_protocol_are_the_servers_affair() {
    let served = Served::passing_through().await;
    let own = [("user", SUPERUSER), ("database", served.database())];
    let option = [&own[..], &[("_pq_.nonsense", "1"), ("_pq_.other", "")]].concat();
    same(&served, &start_up(0x0003_0002, &own), "Z I").await;
    same(&served, &start_up(0x0003_0009, &own), "v \\x00").await;
    same(&served, &start_up(VERSION_3, &option), "_pq_.nonsense").await;
    same(&served, &start_up(0x0003_0002, &option), "_pq_.other").await;
    for version in [0x0002_0000, 0x0004_0000, 0x0001_0000, 0, 80_877_105] {
        same(&served, &start_up(version, &own), "unsupported frontend protocol").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_packets_get_postgresqls_errors() {
    let served = Served::passing_through().await;
    for body in [
        &b""[..],
        b"\0",
        b"user",
        b"user\0",
        b"user\0a",
        b"user\0a\0",
        b"user\0a\0\0\0",
        b"\0user\0a\0\0",
    ] {
        let code = if body == b"\0" { "C28000" } else { "C08P01" };
        same(&served, &packet(VERSION_3, body), code).await;
    }
    for nonsense in
        [&b"\0\0\0\x07\0\x03\0"[..], b"\0\0\0\0", b"\0\0\x30\0", b"GET / HTTP/1.0\r\n\r\n"]
    {
        same(&served, nonsense, "").await;
    }
}

/// What is answered, one request after the other; where it is more than a letter, all of it up to
/// the end.
async fn negotiation(socket: &Path, requests: &[&[u8]]) -> Vec<String> {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let mut answers = Vec::new();
    for request in requests {
        stream.write_all(request).await.unwrap();
        let mut answer = vec![stream.read_u8().await.unwrap()];
        if answer[0] != b'N' {
            if answer[0] == b'E' {
                stream.read_to_end(&mut answer).await.unwrap();
            }
            answers.push(answer.escape_ascii().to_string());
            break;
        }
        answers.push("N".to_owned());
    }
    answers
}

/// Each kind may be asked for once; over a Unix socket there is none.
#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_declined_as_the_server_declines_it() {
    let served = Served::passing_through().await;
    let own = start_up(VERSION_3, &[("user", SUPERUSER), ("database", served.database())]);
    let (ssl, gss) = (&packet(80_877_103, b"")[..], &packet(80_877_104, b"")[..]);
    let (through, straight) = sockets(&served);
    for (requests, last) in [
        (&[ssl, gss, &own][..], "R"),
        (&[gss, ssl, &own], "R"),
        (&[ssl, gss, ssl], "protocol 1234.5679: server supports 3.0 to 3."),
        (&[gss, ssl, gss], "protocol 1234.5680: server supports 3.0 to 3."),
        (&[gss, ssl, ssl], "protocol 1234.5679: server supports 3.0 to 3."),
        (&[ssl, ssl], "protocol 1234.5679: server supports 3.0 to 3."),
        (&[gss, gss], "protocol 1234.5680: server supports 3.0 to 3."),
        (&[ssl, gss, gss], "protocol 1234.5680: server supports 3.0 to 3."),
    ] {
        let heard = negotiation(&through, requests).await;
        assert_eq!(heard, negotiation(&straight, requests).await);
        assert!(heard.last().unwrap().contains(last), "{heard:?}");
    }
}

/// An error's fields, but for the place in the server's source that has raised it.
fn unplaced(told: &str) -> String {
    let fields = told.split("\\x00").filter(|field| !field.starts_with(['F', 'L', 'R']));
    fields.collect::<Vec<_>>().join(" ")
}

/// Whoever means to be encrypted says nothing before.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_answer_to_a_request_for_encryption_is_refused() {
    let passing = Served::passing_through().await;
    let optimistic = Served::start().await;
    let own = start_up(VERSION_3, &[("user", SUPERUSER), ("database", passing.database())]);
    for code in [80_877_103, 80_877_104] {
        let first = [packet(code, b""), own.clone()].concat();
        let mut heard = Vec::new();
        let (through, straight) = sockets(&passing);
        let (engine, _) = sockets(&optimistic);
        for socket in [straight, through, engine] {
            let mut stream = UnixStream::connect(socket).await.unwrap();
            stream.write_all(&first).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            // The letter, the tag and the length, which counts the place.
            assert_eq!((&answer[..2], answer.len() > 6), (&b"NE"[..], true));
            heard.push(unplaced(&answer[6..].escape_ascii().to_string()));
        }
        assert!(heard[0].contains("C08P01 Mreceived unencrypted data after"), "{heard:?}");
        assert!(heard.iter().all(|told| *told == heard[0]), "{heard:#?}");
    }
}

/// A smart shutdown waits for whoever is there, and turns away whoever comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shuts_down_says_so_itself() {
    let cluster = support::start_own().await;
    let stays = connect(cluster.folder(), cluster.port(), "postgres").await;
    let row = stays.query_one("show data_directory", &[]).await.unwrap();
    let mut doors = vec![cluster.folder().join(format!(".s.PGSQL.{}", cluster.port()))];
    let mut gateways = Vec::new();
    for mode in [Mode::PassThrough, Mode::Optimistic] {
        let folder = tempfile::tempdir().unwrap();
        let socket_folder = Some(folder.path().to_owned());
        let options = Options { mode, socket_folder, ..Options::new(cluster.target()) };
        doors.push(folder.path().join(".s.PGSQL.5432"));
        gateways.push((Gateway::start(options).await.unwrap(), folder));
    }
    rustix::process::kill_process(postmaster(&row), rustix::process::Signal::TERM).unwrap();
    let own = start_up(VERSION_3, &[("user", SUPERUSER), ("database", "postgres")]);
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let shuts_down = async {
        while !conversation(&doors[0], &own).await[0].contains("C57P03") {
            pace.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, shuts_down).await.expect("it turns others away");
    let straight = conversation(&doors[0], &own).await;
    assert_eq!(conversation(&doors[1], &own).await, straight);
    assert_eq!(conversation(&doors[2], &own).await, straight);
    for (gateway, _) in gateways {
        gateway.stop().await;
    }
    drop(stays);
}

/// What the optimistic engine answers to a packet, as far as it is no parameter.
async fn answer(served: &Served, parameters: &[(&str, &str)]) -> String {
    let (through, _) = sockets(served);
    let answers = conversation(&through, &start_up(VERSION_3, parameters)).await;
    let told = answers.iter().filter(|answer| !answer.starts_with('S'));
    told.map(String::as_str).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_optimistic_engine_says_what_it_does_not_serve() {
    let served = Served::start().await;
    let (user, own) = (("user", "alice"), ("database", served.database()));
    for (more, expected) in [
        (("database", "template1"), "C3D000\\x00Mdatabase \\\"template1\\\" is not served here"),
        (("replication", "database"), "C0A000\\x00Mreplication is not supported"),
        (("client_encoding", "LATIN1"), "C0A000\\x00Mclient_encoding LATIN1 is not supported"),
        (("work_mem", "much"), "C22023"),
        (("options", "-c nonsense=1"), "C42704"),
        (("options", "-c work_mem=7MB"), "7MB"),
        (("replication", "off"), "Z I"),
        (("_pq_.nonsense", "1"), "_pq_.nonsense"),
    ] {
        let told = answer(&served, &[user, own, more]).await;
        assert!(told.contains(expected), "{more:?}: {told}");
    }
    let told = answer(&served, &[user]).await;
    assert!(told.contains(served.database()) && told.contains("Z I"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_the_gateway_running_is_told_when_it_ends() {
    for served in [Served::start().await, Served::passing_through().await] {
        let outsider = served.outsider().await;
        outsider.batch_execute("create table t (v int); insert into t values (1)").await.unwrap();
        let mut clients = Vec::new();
        for doing in ["", "begin; update t set v = 2", "select pg_sleep(600)", FLOOD] {
            clients.push(begun(&served, doing).await);
        }
        let begun = "select count(*) = 2 from pg_stat_activity where datname = current_database() \
                     and wait_event in ('PgSleep', 'ClientWrite')";
        let mut look = tokio::time::interval(Duration::from_millis(10));
        let both_run = async {
            while says(&outsider, begun).await != "t; (1)" {
                look.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, both_run).await.unwrap();
        let Served { gateway, folder, .. } = served;
        gateway.stop().await;
        let left = says(
            &outsider,
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> \
             pg_backend_pid()",
        );
        assert_eq!(left.await, "0; (1)");
        let reads_too_late = clients.pop().unwrap();
        for client in clients {
            let last = last_words(client).await;
            assert!(last.starts_with("E SFATAL\\x00VFATAL\\x00C57P01"), "{last}");
        }
        // A row that is cut off, or told after the last one that was whole.
        let last = last_words(reads_too_late).await;
        assert!(last.starts_with("D ") || last.contains("C57P01"), "{last}");
        drop(folder);
    }
}

/// More than fits into the buffers on the way: it is begun, and not taken.
const FLOOD: &str = "select repeat('x', 1000) from generate_series(1, 1000000)";

async fn begun(served: &Served, sql: &str) -> UnixStream {
    let (through, _) = sockets(served);
    let mut stream = UnixStream::connect(through).await.unwrap();
    let first = start_up(VERSION_3, &[("user", SUPERUSER), ("database", served.database())]);
    stream.write_all(&first).await.unwrap();
    until_ready(&mut stream).await;
    if !sql.is_empty() {
        let length = u32::try_from(sql.len() + 5).unwrap().to_be_bytes();
        stream.write_all(&[b"Q", &length[..], sql.as_bytes(), b"\0"].concat()).await.unwrap();
    }
    if sql.starts_with("begin") {
        until_ready(&mut stream).await;
    }
    stream
}

async fn until_ready(stream: &mut UnixStream) {
    while stream.read_u8().await.unwrap() != b'Z' {
        let mut body = vec![0; stream.read_u32().await.unwrap() as usize - 4];
        stream.read_exact(&mut body).await.unwrap();
    }
    stream.read_exact(&mut [0; 5]).await.unwrap();
}

/// The last whole message before the end; what comes is whole.
async fn last_words(mut stream: UnixStream) -> String {
    let mut last = String::new();
    while let Ok(tag) = stream.read_u8().await {
        let mut body = vec![0; stream.read_u32().await.unwrap() as usize - 4];
        if stream.read_exact(&mut body).await.is_err() {
            return last;
        }
        last = readable(tag, &body);
    }
    last
}
