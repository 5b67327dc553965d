//! Queues of parts that are there and do not do what they are asked: what is said, and that nothing
//! hangs.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::parts::private;
use overbooked::rush::attempt_error::ErrorClass;
use overbooked::rush::board::{Board, End};
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use overbooked::rush::strategy::StrategyName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::front::{Front, certify};
use crate::rush::{finished, options, rush};
use crate::rush_ends::url;
use crate::rush_parts::is_here;
use crate::support::Database;

/// What a rush with these flags breaks with.
async fn why_not(flags: &str) -> String {
    let database = Database::create().await;
    let flags = format!("{flags} --requests 20 --seats 10 --workers 2");
    let board = timeout(Duration::from_mins(1), rush(&database, &flags)).await.expect("it ends");
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    why.clone()
}

/// Lets everybody in and says this.
async fn listener(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut guests = Vec::new();
        while let Ok((mut guest, _)) = listener.accept().await {
            let _ = guest.write_all(words).await;
            guests.push(guest);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_not_there_is_named() {
    let why = why_not("rabbit-queue --amqp amqp://127.0.0.1:1").await;
    assert!(why.starts_with("cannot reach RabbitMQ at 127.0.0.1:1: "), "{why}");
    let why = why_not("kafka-queue --kafka 127.0.0.1:1").await;
    assert!(why.starts_with("cannot reach Kafka at 127.0.0.1:1: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_answer_is_not_waited_for_for_ever() {
    let silent = listener(b"").await;
    for (flags, part) in [
        (format!("rabbit-queue --amqp amqp://{silent}"), "RabbitMQ"),
        (format!("kafka-queue --kafka {silent}"), "Kafka"),
        (format!("etcd-lock --etcd http://{silent}"), "etcd"),
    ] {
        let why = why_not(&flags).await;
        assert_eq!(why, format!("{part} at {silent} did not answer within 2 s"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_rabbitmq_and_no_kafka_is_said_to_be_none() {
    let other = listener(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n").await;
    let why = why_not(&format!("rabbit-queue --amqp amqp://{other}")).await;
    assert!(why.contains("RabbitMQ"), "{why}");
    let why = why_not(&format!("kafka-queue --kafka {other}")).await;
    assert!(why.contains("does not speak Kafka's protocol"), "{why}");
}

async fn asked(options: Options) -> Board {
    let database = Database::create().await;
    let target = database.target();
    let rush = headless(&options, &target, CancellationToken::new());
    timeout(Duration::from_mins(1), rush).await.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_short_of_memory_says_so() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let short = "vm_memory_high_watermark.absolute = 1000000\n";
    let (server, url) = private::start_rabbitmq_with(short).await.unwrap();
    let flags = "rabbit-queue --requests 2 --seats 10 --workers 2 --amqp amqp://ours";
    let board = asked(Options { amqp: Some(url), ..options(flags) }).await;
    let tally = &finished(&board, StrategyName::RabbitQueue).tally;
    assert_eq!((tally.settled, tally.failed), (2, 2));
    let errors: Vec<&str> = tally.errors.keys().map(ErrorClass::as_str).collect();
    assert!(errors.contains(&"RabbitMQ blocked"), "{errors:?}");
    server.stop().await.unwrap();
}

/// The program's own words, its exit code with them; `trusted` is a certificate.
pub(crate) fn said(
    database: &Database,
    flags: &str,
    trusted: Option<&Path>,
) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    program.args(["rush", "--headless", "--requests", "20", "--seats", "5", "--workers", "2"]);
    program.args(flags.split(' ')).args(["--url", &url(database)]).env_remove("SSL_CERT_FILE");
    program.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
    let output = program.output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_wants_its_password_and_a_certificate_that_is_trusted() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let (server, place) = private::start_rabbitmq_with("").await.unwrap();
    let why = why_not(&format!("rabbit-queue --amqp amqp://rush:wrong@{place}")).await;
    assert!(why.starts_with("RabbitMQ 403: ACCESS_REFUSED"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let front = Front::bind(folder.path()).await;
    let port = front.port();
    front.lead_to(place.to_string());
    let database = Database::create().await;
    let flags = format!("rabbit-queue --amqp amqps://rush:wrong@localhost:{port}");
    let (code, words) = said(&database, &flags, None);
    assert!(code == Some(1) && words.contains("cannot reach RabbitMQ at localhost"), "{words}");
    assert!(words.contains("certificate"), "{words}");
    let (code, words) = said(&database, &flags, Some(&folder.path().join("server.crt")));
    assert!(code == Some(1) && words.contains("RabbitMQ 403: ACCESS_REFUSED"), "{words}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_behind_tls_is_trusted_if_its_certificate_is() {
    if !is_here("tansu") {
        return;
    }
    let (server, place) = private::start_kafka().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let front = Front::bind(folder.path()).await;
    let port = front.port();
    front.lead_to(place.to_string());
    let database = Database::create().await;
    let flags = format!("kafka-queue --kafka kafkas://localhost:{port}");
    let (code, words) = said(&database, &flags, None);
    assert!(code == Some(1) && words.contains("cannot reach Kafka at localhost"), "{words}");
    assert!(words.contains("certificate"), "{words}");
    // It is let in, and then sent to where the broker says that it is, without TLS.
    let (_, words) = said(&database, &flags, Some(&folder.path().join("server.crt")));
    assert!(!words.contains("certificate"), "{words}");
    server.stop().await.unwrap();
}

/// An etcd of a test's own, on a port.
struct OwnEtcd {
    server: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for OwnEtcd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl OwnEtcd {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Free a moment ago; nobody else here asks for one by number.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let clients = format!("http://127.0.0.1:{port}");
        let server = Command::new("etcd")
            .args(["--data-dir", "etcd", "--name", "rush", "--initial-cluster"])
            .args(["rush=http://localhost:2", "--initial-advertise-peer-urls"])
            .args(["http://localhost:2", "--listen-peer-urls", "unix://localhost:2"])
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let etcd = Self { server, port, _folder: folder };
        let up = async {
            let mut pulse = interval(Duration::from_millis(10));
            while etcd.post("/v3/kv/range", r#"{"key":"YQ=="}"#).await.is_none() {
                pulse.tick().await;
            }
        };
        timeout(Duration::from_mins(1), up).await.expect("etcd starts");
        etcd
    }

    /// The answer to a question of its JSON gateway, if there is a good one.
    async fn post(&self, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let question = format!(
            "POST {path} HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(question.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(answer)
    }

    /// From now on nobody is let in without a password.
    async fn lock(&self) {
        for (path, body) in [
            ("/v3/auth/user/add", r#"{"name":"root","password":"s3cret"}"#),
            ("/v3/auth/role/add", r#"{"name":"root"}"#),
            ("/v3/auth/user/grant", r#"{"user":"root","role":"root"}"#),
            ("/v3/auth/enable", "{}"),
        ] {
            assert!(self.post(path, body).await.is_some(), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_wants_its_password_and_a_certificate_that_is_trusted() {
    if !is_here("etcd") {
        return;
    }
    let etcd = OwnEtcd::start().await;
    etcd.lock().await;
    let place = format!("127.0.0.1:{}", etcd.port);
    let why = why_not(&format!("etcd-lock --etcd http://{place}")).await;
    assert!(why.starts_with("etcd ") && why.contains("user name is empty"), "{why}");
    let why = why_not(&format!("etcd-lock --etcd http://root:wrong@{place}")).await;
    assert!(why.starts_with("etcd ") && why.contains("invalid user ID or password"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let front = Front::bind(folder.path()).await;
    let port = front.port();
    front.lead_to(place);
    let database = Database::create().await;
    let flags = format!("etcd-lock-fenced --etcd https://root:s3cret@localhost:{port}");
    let (code, words) = said(&database, &flags, None);
    assert!(code == Some(1) && words.contains("cannot reach etcd at localhost"), "{words}");
    assert!(words.contains("certificate"), "{words}");
    let (code, words) = said(&database, &flags, Some(&folder.path().join("server.crt")));
    assert_eq!(code, Some(0), "{words}");
}
