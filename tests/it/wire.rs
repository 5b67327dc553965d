//! Servers that are not there, or are something else.

use std::time::Duration;

use overbooked::pg::{ConnectError, Connection, Environment, Refusal, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support;

fn target(text: &str) -> Target {
    let environment = Environment::empty().with_user("alice");
    Target::resolve(Some(text), &environment).unwrap()
}

/// A listener that answers everybody with these bytes, whatever they say.
async fn impostor(answer: &'static [u8]) -> Target {
    target(&listening(answer).await)
}

/// The same, which is not asked for TLS first.
async fn plain_impostor(answer: &'static [u8]) -> Target {
    target(&format!("{} sslmode=disable", listening(answer).await))
}

async fn listening(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            let _heard = stream.read(&mut heard).await;
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    });
    format!("host=127.0.0.1 port={port}")
}

async fn failure(target: &Target) -> ConnectError {
    Connection::connect(target).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_server_of_another_kind_is_named_by_its_first_words() {
    for (answer, shown) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP/1.1"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
        (b"J\0\0\0\n8.0.36\0", "8.0.36"),
        (b"220 mail.example ESMTP\r\n", "220 mail"),
    ] {
        for target in [impostor(answer).await, plain_impostor(answer).await] {
            let error = failure(&target).await.to_string();
            let is_named = error.contains("is not a PostgreSQL server") && error.contains(shown);
            assert!(is_named, "{error}");
        }
    }
}

/// A server may say that it speaks no newer protocol, whatever was asked for; and its secret may be
/// longer than four bytes.
#[tokio::test]
async fn a_server_that_speaks_of_its_protocol_lets_us_in() {
    let spoken = b"v\0\0\0\x14\0\0\0\0\0\0\0\x01_pq_.a\0\0";
    let spoken = [&spoken[..], b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0"].concat();
    let spoken = [&spoken[..], b"K\0\0\0\x10\0\0\0\x07longer!!Z\0\0\0\x05I"].concat();
    let target = plain_impostor(spoken.leak()).await;
    let connection = Connection::connect(&target).await.unwrap();
    assert_eq!((connection.key_pid().0, connection.parameter("a")), (7, Some("b")));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_told_by_its_name() {
    for (answer, name) in [
        (&b"R\0\0\0\x05\0"[..], "Authentication"),
        (b"K\0\0\0\x08\0\0\0\x07", "BackendKeyData"),
        (b"S\0\0\0\x06ab", "ParameterStatus"),
        (b"E\0\0\0\x06Sx", "ErrorResponse"),
        (b"D\0\0\0\x06\0\0", "DataRow came unexpectedly"),
    ] {
        let error = failure(&plain_impostor(answer).await).await.to_string();
        assert!(
            error.contains("violated PostgreSQL's protocol") && error.contains(name),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told() {
    let error = failure(&impostor(b"").await).await;
    assert!(matches!(error, ConnectError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = failure(&target(&format!("host=127.0.0.1 port={free}"))).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }));
    let text = error.to_string();
    assert!(
        text.contains(&format!("127.0.0.1, port {free}")) && text.contains("refused"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("host=127.0.0.1 port={port} connect_timeout=1");
    let error = failure(&target(&text)).await;
    assert!(
        matches!(error, ConnectError::TimedOut { after, .. } if after == Duration::from_secs(2))
    );
}

#[tokio::test]
async fn the_next_host_is_tried_when_the_first_is_not_there() {
    let cluster = support::server();
    let folder = cluster.folder().display();
    let port = cluster.port();
    let text = format!("host=/nowhere,{folder} port={port} user=postgres dbname=postgres");
    let user = overbooked::cluster::SUPERUSER;
    Connection::connect(&target(&text.replace("user=postgres", &format!("user={user}"))))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let cluster = support::server();
    let user = overbooked::cluster::SUPERUSER;
    let target = Target::unix(cluster.folder(), cluster.port(), user, "nowhere");
    let error = failure(&target).await;
    assert_eq!(error.refusal(), Some(Refusal::NoDatabase));
    assert!(error.to_string().contains("database \"nowhere\" does not exist"), "{error}");
}

#[tokio::test]
async fn target_session_attrs_turns_the_wrong_kind_away() {
    let cluster = support::server();
    let text = format!(
        "host={} port={} user={} dbname=postgres target_session_attrs=",
        cluster.folder().display(),
        cluster.port(),
        overbooked::cluster::SUPERUSER
    );
    let error = failure(&target(&format!("{text}standby"))).await;
    assert!(matches!(error, ConnectError::Unsuitable { wanted: "standby", .. }), "{error}");
    for attrs in ["primary", "read-write", "prefer-standby"] {
        Connection::connect(&target(&format!("{text}{attrs}"))).await.unwrap();
    }
}
