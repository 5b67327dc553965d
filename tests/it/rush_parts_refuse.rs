//! Parts that are there and do not do what they are asked: what is said, and that nothing hangs.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::rush::board::End;
use tokio::net::{TcpListener, UnixStream};
use tokio::time::{interval, timeout};

use crate::front::certify;
use crate::rush::rush;
use crate::rush_ends::url;
use crate::rush_parts::is_here;
use crate::support::Database;

/// A Redis of a test's own, ended with this value.
struct OwnRedis {
    server: Child,
    folder: tempfile::TempDir,
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl OwnRedis {
    async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { server, folder };
        let up = async {
            let mut pulse = interval(Duration::from_millis(10));
            while UnixStream::connect(redis.socket()).await.is_err() {
                pulse.tick().await;
            }
        };
        timeout(Duration::from_mins(1), up).await.expect("redis-server starts");
        redis
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("redis.sock")
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

/// What a rush over this Redis breaks with.
async fn why_not(redis: &str) -> String {
    let database = Database::create().await;
    let flags = format!("redis-hold --requests 20 --seats 10 --workers 2 --redis {redis}");
    let board = timeout(Duration::from_mins(1), rush(&database, &flags)).await.expect("it ends");
    match &board.ended[0].end {
        End::Broken(why) => why.clone(),
        End::Finished(finished) if finished.verdict.holds() => "sold".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_with_a_password_wants_it() {
    if !is_here("redis-server") {
        return;
    }
    let redis = OwnRedis::start(&["--requirepass", "s3cret"]).await;
    let why = why_not(&redis.url()).await;
    assert!(why.starts_with("Redis NOAUTH: "), "{why}");
    let why = why_not(&format!("{}?pass=wrong", redis.url())).await;
    assert!(why.contains("Password authentication failed"), "{why}");
    assert_eq!(why_not(&format!("{}?pass=s3cret", redis.url())).await, "sold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_out_of_memory_says_so() {
    if !is_here("redis-server") {
        return;
    }
    let redis = OwnRedis::start(&["--maxmemory", "1"]).await;
    let why = why_not(&redis.url()).await;
    assert!(why.contains("OOM") && why.contains("maxmemory"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_not_waited_for_for_ever() {
    if !is_here("redis-server") {
        return;
    }
    let redis = OwnRedis::start(&[]).await;
    let signal = |signal: &str| {
        let pid = redis.server.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    };
    signal("STOP");
    let why = why_not(&redis.url()).await;
    assert!(why.ends_with("did not answer within 1 s"), "{why}");
    signal("CONT");
    assert_eq!(why_not(&redis.url()).await, "sold");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_redis_and_no_etcd_is_said_to_be_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut client, b"SSH-2.0-x\r\n").await;
        }
    });
    let why = why_not(&format!("redis://{address}")).await;
    assert!(why.contains("Redis"), "{why}");
    let database = Database::create().await;
    let flags = format!("etcd-lock --requests 20 --etcd http://{address}");
    let board = timeout(Duration::from_mins(1), rush(&database, &flags)).await.expect("it ends");
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(why.contains("etcd"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_behind_tls_is_trusted_if_its_certificate_is() {
    if !is_here("redis-server") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (place("server.crt"), place("server.key"));
    // Free a moment ago; nobody else here asks for one by number.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let port = port.to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"];
    let _redis = OwnRedis::start(&[&tls[..], &more[..]].concat()).await;
    let database = Database::create().await;
    let rush = |trusted: Option<&str>| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
        program.args(["rush", "redis-hold", "--headless", "--requests", "20", "--seats", "5"]);
        program.args(["--redis", &format!("rediss://localhost:{port}")]);
        program.args(["--url", &url(&database)]).env_remove("SSL_CERT_FILE");
        program.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        let output = program.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = rush(None);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == Some(1) && words.contains("cannot reach Redis at localhost"), "{said}");
    assert!(words.contains("certificate"), "{said}");
    let (code, said) = rush(Some(&certificate));
    assert!(code == Some(0), "{said}");
}
