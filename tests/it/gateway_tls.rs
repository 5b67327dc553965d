//! The gateway's own TLS: begun in either way, bound to passwords, and ended as the other side
//! expects it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::{Certificate, Gateway, Mode, Options};
use overbooked::pg::{ConnectError, Connection, Environment, Target};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::{Served, connect, says};
use crate::support::{self, Database};

const MODES: [Mode; 2] = [Mode::Optimistic, Mode::PassThrough];

/// A gateway with a certificate of its own, which asks for passwords.
struct Fortified {
    gateway: Gateway,
    database: Database,
    folder: TempDir,
}

impl Fortified {
    async fn start(mode: Mode, passwords: Option<&str>) -> Self {
        let (database, folder) = (Database::create().await, tempfile::tempdir().unwrap());
        let password_file = passwords.map(|passwords| {
            let file = folder.path().join("passwords");
            std::fs::write(&file, passwords).unwrap();
            file
        });
        let options = Options {
            mode,
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            certificate: Certificate::SelfSigned { folder: folder.path().to_owned() },
            password_file,
            ..Options::new(database.target())
        };
        Self { gateway: Gateway::start(options).await.unwrap(), database, folder }
    }

    fn certificate(&self) -> PathBuf {
        self.gateway.certificate().unwrap().to_owned()
    }

    /// How libpq's users would say it.
    fn terms(&self, more: &str) -> String {
        format!(
            "host=localhost hostaddr=127.0.0.1 port={} user={SUPERUSER} dbname={} sslrootcert={} \
             {more}",
            self.gateway.address().unwrap().port(),
            self.database.name(),
            self.certificate().display()
        )
    }

    async fn connect(&self, more: &str) -> Result<Connection, ConnectError> {
        let target = Target::resolve(Some(&self.terms(more)), &Environment::empty()).unwrap();
        Connection::connect(&target).await
    }

    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.gateway.address().unwrap()).await.unwrap()
    }

    /// The handshake, without a word before it.
    async fn encrypt(
        &self,
        stream: TcpStream,
        protocols: &[&[u8]],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.certificate()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// The handshake after the question for it.
    async fn encrypt_when_asked(&self) -> TlsStream<TcpStream> {
        let mut stream = self.dial().await;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'S');
        self.encrypt(stream, &[b"postgresql"]).await.unwrap()
    }

    /// A request that comes before its statement cancels nothing.
    async fn until_somebody_sleeps(&self) {
        let cluster = support::server();
        let outsider = connect(cluster.folder(), cluster.port(), self.database.name()).await;
        let sleeps = "select count(*) from pg_stat_activity \
                      where datname = current_database() and wait_event = 'PgSleep'";
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let seen = async {
            while says(&outsider, sleeps).await != "1; (1)" {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), seen).await.expect("somebody sleeps");
    }

    fn start_up(&self) -> Vec<u8> {
        let body = format!("user\0{SUPERUSER}\0database\0{}\0\0", self.database.name());
        let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&length[..], &[0, 3, 0, 0], body.as_bytes()].concat()
    }
}

/// The messages up to one with this tag; each with its body.
async fn until(stream: &mut TlsStream<TcpStream>, last: u8) -> Vec<(u8, Vec<u8>)> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|(tag, _)| *tag != last) {
        let tag = stream.read_u8().await.unwrap();
        let mut body = vec![0; stream.read_u32().await.unwrap() as usize - 4];
        stream.read_exact(&mut body).await.unwrap();
        heard.push((tag, body));
    }
    heard
}

/// Whoever reads the end of TLS without `close_notify` is told of an attack (`UnexpectedEof`).
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_is_heard_and_ends_as_tls_ends() {
    for mode in MODES {
        let fort = Fortified::start(mode, None).await;
        let mut client = fort.encrypt_when_asked().await;
        client.write_all(&fort.start_up()).await.unwrap();
        let heard = until(&mut client, b'Z').await;
        let (_, key) = heard.iter().find(|(tag, _)| *tag == b'K').unwrap();
        client.write_all(b"Q\0\0\0\x19select pg_sleep(600)\0").await.unwrap();
        client.flush().await.unwrap();
        fort.until_somebody_sleeps().await;
        let mut other = fort.encrypt_when_asked().await;
        other.write_all(&[&[0, 0, 0, 16, 4, 210, 22, 46][..], key].concat()).await.unwrap();
        let mut nothing = Vec::new();
        assert_eq!(other.read_to_end(&mut nothing).await.unwrap(), 0, "{mode:?}");
        let heard = until(&mut client, b'Z').await;
        let error = heard.iter().find(|(tag, _)| *tag == b'E').unwrap();
        assert!(String::from_utf8_lossy(&error.1).contains("C57014"), "{mode:?}");
        fort.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_may_be_begun_without_asking_by_who_says_for_which_protocol() {
    for mode in MODES {
        let fort = Fortified::start(mode, None).await;
        fort.connect("sslmode=verify-full sslnegotiation=direct").await.unwrap();
        let mut client = fort.encrypt(fort.dial().await, &[b"postgresql"]).await.unwrap();
        // Within TLS there is no more of it to be had.
        client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
        let heard = until(&mut client, b'E').await;
        let text = String::from_utf8_lossy(&heard[0].1).into_owned();
        assert!(text.contains("unsupported frontend protocol 1234.5679"), "{text}");
        for protocols in [&[][..], &[&b"http/1.1"[..]]] {
            // What comes of it is either no handshake or nothing after it.
            if let Ok(mut client) = fort.encrypt(fort.dial().await, protocols).await {
                client.write_all(&fort.start_up()).await.ok();
                assert!(!matches!(client.read(&mut [0]).await, Ok(1)), "{protocols:?}");
            }
        }
        fort.gateway.stop().await;
    }
}

/// As PostgreSQL without one, which takes the handshake for the length of a packet or closes
/// without a word (`ProcessSSLStartup`).
#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_certificate_a_handshake_ends_without_a_word() {
    for mode in MODES {
        let served = Served::with(|options| options.mode = mode).await;
        let mut client = TcpStream::connect(served.gateway.address().unwrap()).await.unwrap();
        client.write_all(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]).await.unwrap();
        let mut nothing = Vec::new();
        // What was not read may end it with a reset.
        client.read_to_end(&mut nothing).await.ok();
        assert!(nothing.is_empty(), "{mode:?}");
    }
}

/// A server that speaks 3.0 alone says so, and goes on (PostgreSQL documentation,
/// `NegotiateProtocolVersion`); one that speaks 3.2 has keys for cancelling of up to 256 bytes.
#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_negotiated_within_tls_as_the_server_does_it() {
    for mode in MODES {
        for version in [[0, 3, 0, 2], [0, 3, 39, 15]] {
            let fort = Fortified::start(mode, None).await;
            let mut client = fort.encrypt(fort.dial().await, &[b"postgresql"]).await.unwrap();
            let mut start_up = fort.start_up();
            start_up[4..8].copy_from_slice(&version);
            client.write_all(&start_up).await.unwrap();
            let heard = until(&mut client, b'Z').await;
            let body = |tag: u8| heard.iter().find(|(told, _)| *told == tag).map(|(_, body)| body);
            let (key, negotiated) = (body(b'K').unwrap(), body(b'v'));
            let minor = negotiated.map_or(version[3], |told| told[3]);
            let is_short = key.len() == 8;
            assert_eq!(minor < 2, is_short, "{mode:?} {version:?}: {negotiated:?}");
            assert!(is_short || (9..=260).contains(&key.len()), "{mode:?} {version:?}");
            fort.gateway.stop().await;
        }
    }
}

/// As PostgreSQL answers where it has a certificate (`ProcessStartupPacket`).
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_twice_and_nothing_is_said_before_the_answer() {
    for mode in MODES {
        let fort = Fortified::start(mode, None).await;
        for (code, version) in [(47, "1234.5679"), (48, "1234.5680")] {
            let mut client = fort.encrypt_when_asked().await;
            client.write_all(&[0, 0, 0, 8, 4, 210, 22, code]).await.unwrap();
            let told = refusal(&mut client).await;
            let expected = format!(
                "C0A000 Munsupported frontend protocol {version}: server supports 3.0 to 3."
            );
            assert!(told.contains(&expected), "{mode:?}: {told}");
        }
        let mut stream = fort.dial().await;
        let early = [&[0, 0, 0, 8, 4, 210, 22, 47][..], &fort.start_up()].concat();
        stream.write_all(&early).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'S');
        let mut client = fort.encrypt(stream, &[b"postgresql"]).await.unwrap();
        let told = refusal(&mut client).await;
        let expected = "SFATAL VFATAL C08P01 Mreceived unencrypted data after SSL request";
        assert!(told.starts_with(expected), "{mode:?}: {told}");
        fort.gateway.stop().await;
    }
}

/// The fields of the error that is all that is said.
async fn refusal(client: &mut TlsStream<TcpStream>) -> String {
    let heard = until(client, b'E').await;
    assert_eq!(heard.len(), 1);
    String::from_utf8_lossy(&heard[0].1).replace('\0', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_can_be_bound_to_the_certificate() {
    for mode in MODES {
        let fort = Fortified::start(mode, Some(&format!("{SUPERUSER}:pencil\n"))).await;
        for terms in [
            "sslmode=verify-full channel_binding=require",
            "sslmode=verify-full channel_binding=require sslnegotiation=direct",
            "sslmode=require channel_binding=disable",
            "sslmode=disable",
        ] {
            fort.connect(&format!("{terms} password=pencil")).await.unwrap();
            let refused = fort.connect(&format!("{terms} password=pen")).await.unwrap_err();
            assert!(refused.to_string().contains("password authentication failed"), "{refused}");
        }
        libpq_binds(&fort).await;
        fort.gateway.stop().await;
    }
}

async fn libpq_binds(fort: &Fortified) {
    let terms = fort.terms("sslmode=verify-full channel_binding=require password=pencil");
    let psql = tokio::process::Command::new("psql").args(["-XAtc", "select 42", &terms]).output();
    match psql.await {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(said, "42\n", "{}", String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => eprintln!("left out: psql does not run here: {error}"),
    }
    assert!(fort.folder.path().exists());
}
