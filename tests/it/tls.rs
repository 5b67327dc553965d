//! TLS and passwords, against a server that tells its users apart by them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use overbooked::cluster::{Cluster, ClusterOptions};
use overbooked::gateway::{Gateway, Mode, Options};
use overbooked::pg::{ConnectError, Connection, Environment, Refusal, Target};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::runtime::Runtime;

use crate::support;

const HBA: &str = "
local     all all                        trust
hostssl   all scram     127.0.0.1/32     scram-sha-256
host      all md5       127.0.0.1/32     md5
host      all clear     127.0.0.1/32     password
hostssl   all encrypted 127.0.0.1/32     trust
hostnossl all plain     127.0.0.1/32     trust
hostssl   all cert      127.0.0.1/32     cert
";

const USERS: &str = "
create user encrypted; create user plain; create user cert; create user clear password 'word';
set password_encryption = 'scram-sha-256'; create user scram password 'pass word';
set password_encryption = 'md5'; create user md5 password 'word';
";

/// A server with certificates, and the files that a client needs for it.
struct Fort {
    cluster: Cluster,
    _runtime: Runtime,
    port: u16,
    files: PathBuf,
}

static FORT: LazyLock<Fort> =
    LazyLock::new(|| std::thread::spawn(build).join().expect("the fort stands"));

fn build() -> Fort {
    let runtime = Runtime::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = ClusterOptions { listen_tcp: Some(port), ..ClusterOptions::default() };
    let mut cluster = runtime.block_on(Cluster::start(&options, &|_| {})).unwrap();
    let files = runtime.block_on(fortify(&mut cluster));
    Fort { cluster, _runtime: runtime, port, files }
}

async fn fortify(cluster: &mut Cluster) -> PathBuf {
    let mut connection = PgConnection::connect_with(&support::options(cluster)).await.unwrap();
    sqlx::raw_sql(USERS).execute(&mut connection).await.unwrap();
    let data: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await.unwrap();
    let data = PathBuf::from(data);
    // Of these the server wants its own: what else lies in its folder would be a stranger's, and
    // keep the folder.
    let files = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    make_certificates(&data, &files);
    for setting in ["ssl = on", "ssl_ca_file = 'root.crt'"] {
        let alter = sqlx::AssertSqlSafe(format!("alter system set {setting}"));
        sqlx::raw_sql(alter).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    std::fs::write(data.join("pg_hba.conf"), HBA).unwrap();
    cluster.restart().await.unwrap();
    files
}

/// A root, a server's certificate for localhost, a client's for the user `cert`, and a root that
/// signed nothing.
fn make_certificates(data: &Path, files: &Path) {
    let (root, issuer) = authority("root");
    write(data, "root.crt", &root);
    write(files, "root.crt", &root);
    write(files, "other.crt", &authority("other").0);
    let names = vec!["localhost".to_owned()];
    sign(data, "server", &CertificateParams::new(names).unwrap(), &issuer);
    let mut client = CertificateParams::default();
    client.distinguished_name.push(DnType::CommonName, "cert");
    sign(files, "client", &client, &issuer);
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    (root.pem(), Issuer::new(params, key))
}

fn sign(folder: &Path, name: &str, params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    write(folder, &format!("{name}.crt"), &certificate.pem());
    write(folder, &format!("{name}.key"), &key.serialize_pem());
}

/// Files of the server's user, whom its folder belongs to.
fn write(folder: &Path, name: &str, text: &str) {
    let (file, owner) = (folder.join(name), std::fs::metadata(folder).unwrap());
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// A new database of a user who is let in with TLS alone: how its server is reached from within,
/// and how the user reaches it.
pub(crate) async fn database_behind_tls(name: &str) -> (PgConnectOptions, String) {
    let options = support::options(&FORT.cluster);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {name} owner encrypted"));
    sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (port, files) = (FORT.port, FORT.files.display());
    let url = format!(
        "host=localhost hostaddr=127.0.0.1 port={port} user=encrypted dbname={name} \
         sslmode=verify-full sslrootcert={files}/root.crt"
    );
    (options.database(name), url)
}

async fn connect(user: &str, more: &str) -> Result<Connection, ConnectError> {
    Connection::connect(&target(FORT.port, user, more)).await
}

fn target(port: u16, user: &str, more: &str) -> Target {
    let more = more.replace("FILES", FORT.files.to_str().unwrap());
    let text =
        format!("host=localhost hostaddr=127.0.0.1 port={port} user={user} dbname=postgres {more}");
    Target::resolve(Some(&text), &Environment::empty()).unwrap()
}

/// Whether the server sees the connection encrypted.
async fn is_encrypted(mut connection: Connection) -> bool {
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    connection.ask(sql).await.unwrap().cell.unwrap().as_deref() == Some("t")
}

#[track_caller]
fn refusal(result: Result<Connection, ConnectError>) -> Option<Refusal> {
    result.map(|_| ()).unwrap_err().refusal()
}

#[tokio::test]
async fn every_sslmode_encrypts_when_it_says_so() {
    for (user, mode, encrypted) in [
        ("plain", "disable", false),
        ("plain", "allow", false),
        ("encrypted", "allow", true),
        ("encrypted", "prefer", true),
        ("plain", "prefer", false),
        ("encrypted", "require", true),
        ("encrypted", "verify-ca sslrootcert=FILES/root.crt", true),
        ("encrypted", "verify-full sslrootcert=FILES/root.crt", true),
        ("encrypted", "require sslrootcert=FILES/root.crt", true),
        ("encrypted", "require ssl_max_protocol_version=TLSv1.2 sslsni=0", true),
    ] {
        let connection = connect(user, &format!("sslmode={mode}")).await;
        let connection = connection.unwrap_or_else(|error| panic!("{user} {mode}: {error}"));
        assert_eq!(is_encrypted(connection).await, encrypted, "{user} {mode}");
    }
}

#[tokio::test]
async fn users_who_may_not_are_refused() {
    for (user, mode) in [("encrypted", "disable"), ("plain", "require")] {
        let refused = refusal(connect(user, &format!("sslmode={mode}")).await);
        assert_eq!(refused, Some(Refusal::NotPermitted), "{user} {mode}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_wherever_there_are_roots() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let more = format!("sslmode={mode} sslrootcert=FILES/other.crt");
        let error = connect("encrypted", &more).await.unwrap_err();
        assert!(error.to_string().contains("not signed by any"), "{mode}: {error}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_by_verify_full_alone() {
    let more = "host=127.0.0.1 sslrootcert=FILES/root.crt sslmode=";
    let error = connect("encrypted", &format!("{more}verify-full")).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not for 127.0.0.1"), "{error}");
    assert!(connect("encrypted", &format!("{more}verify-ca")).await.is_ok());
}

#[tokio::test]
async fn verification_without_roots_says_which_file_is_missing() {
    let more = "sslmode=verify-full sslrootcert=FILES/nowhere.crt";
    let error = connect("encrypted", more).await.unwrap_err();
    assert!(matches!(&error, ConnectError::TlsFile { file, .. } if file.ends_with("nowhere.crt")));
}

#[tokio::test]
async fn a_server_that_is_too_old_for_direct_tls_is_told_apart() {
    let error = connect("encrypted", "sslmode=require sslnegotiation=direct").await;
    assert!(matches!(error.unwrap_err(), ConnectError::Tls { .. }));
}

#[tokio::test]
async fn a_client_certificate_lets_its_user_in() {
    let more = "sslmode=require sslcert=FILES/client.crt sslkey=FILES/client.key";
    let key = FORT.files.join("client.key");
    assert_eq!(std::fs::metadata(key).unwrap().mode() & 0o777, 0o600);
    connect("cert", more).await.unwrap();
    assert_eq!(refusal(connect("cert", "sslmode=require").await), Some(Refusal::NotPermitted));
}

#[tokio::test]
async fn every_kind_of_password_is_proved() {
    for (user, more) in [
        ("clear", "password=word sslmode=disable"),
        ("md5", "password=word sslmode=disable"),
        ("scram", "password='pass word' sslmode=require channel_binding=disable"),
        ("scram", "password='pass word' sslmode=require channel_binding=prefer"),
        ("scram", "password='pass word' sslmode=require channel_binding=require"),
        ("scram", "password='pass word' sslmode=require require_auth=scram-sha-256"),
    ] {
        let connected = connect(user, more).await;
        assert!(connected.is_ok(), "{user} {more}: {}", connected.unwrap_err());
    }
}

#[tokio::test]
async fn a_wrong_password_is_called_so_and_never_shown() {
    for user in ["clear", "md5", "scram"] {
        let error = connect(user, "password=guessed").await.unwrap_err();
        assert_eq!(error.refusal(), Some(Refusal::WrongPassword), "{error}");
        assert!(!format!("{error} {error:?}").contains("guessed"));
    }
}

#[tokio::test]
async fn no_password_says_where_to_put_one() {
    let error = connect("clear", "sslmode=disable").await.unwrap_err();
    assert!(error.to_string().contains("PGPASSWORD"), "{error}");
}

#[tokio::test]
async fn weaker_proof_than_was_asked_for_is_refused() {
    for (user, more) in [
        ("clear", "password=word require_auth=!password"),
        ("md5", "password=word require_auth=scram-sha-256"),
        ("md5", "password=word channel_binding=require"),
        ("encrypted", "sslmode=require channel_binding=require"),
        ("encrypted", "sslmode=require require_auth=!none"),
    ] {
        let error = connect(user, more).await.unwrap_err();
        let first = match &error {
            ConnectError::Several(errors) => &errors[0],
            error => error,
        };
        assert!(matches!(first, ConnectError::Authentication { .. }), "{user} {more}: {error}");
    }
}

#[tokio::test]
async fn a_cancel_request_goes_the_encrypted_way_too() {
    let mut connection = connect("encrypted", "sslmode=require").await.unwrap();
    let canceller = connection.canceller();
    let mut pulse = tokio::time::interval(Duration::from_millis(100));
    let mut sleeping = std::pin::pin!(connection.ask("select pg_sleep(60)"));
    let slept = loop {
        tokio::select! {
            slept = &mut sleeping => break slept.unwrap(),
            // A request that comes before the server has begun with the statement cancels nothing.
            _ = pulse.tick() => canceller.cancel().await.unwrap(),
        }
    };
    assert_eq!(slept.cell.unwrap_err().code, "57014");
}

/// Who proves what to whom when a gateway stands between: it knows its own user's password and
/// nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_gateway_each_proves_what_it_knows() {
    for (own, tls) in
        [("scram password='pass word'", "verify-full"), ("clear password=word", "prefer")]
    {
        let (user, password) = own.split_once(' ').unwrap();
        let terms = format!("{password} sslmode={tls} sslrootcert=FILES/root.crt");
        let options = Options {
            mode: Mode::PassThrough,
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            ..Options::new(target(FORT.port, user, &terms))
        };
        let gateway = Gateway::start(options).await.unwrap();
        let port = gateway.address().unwrap().port();
        let enter = async |user, more| Connection::connect(&target(port, user, more)).await;
        let whom = |result: Result<Connection, ConnectError>| match result {
            Ok(_) => None,
            Err(ConnectError::NoPassword { .. }) => Some("asked"),
            Err(error) if error.refusal() == Some(Refusal::WrongPassword) => Some("wrong"),
            Err(error) => panic!("{user}: {error}"),
        };
        assert_eq!(whom(enter(user, "sslmode=disable").await), None);
        assert_eq!(whom(enter("md5", "sslmode=disable").await), Some("asked"));
        assert_eq!(whom(enter("md5", "sslmode=disable password=word").await), None);
        assert_eq!(whom(enter("md5", "sslmode=disable password=sword").await), Some("wrong"));
        let other = if user == "scram" { "clear" } else { "scram" };
        let (right, wrong) = ("sslmode=disable password=word", "sslmode=disable password=sword");
        let right = if other == "scram" { "sslmode=disable password='pass word'" } else { right };
        assert_eq!(whom(enter(other, right).await), None);
        assert_eq!(whom(enter(other, wrong).await), Some("wrong"));
        gateway.stop().await;
    }
}

/// Who has proved to the gateway who it is cannot be asked by the server once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_gateway_does_not_know_is_told_by_its_users_name() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    std::fs::write(&passwords, "md5:pencil\nplain:pencil\n").unwrap();
    let options = Options {
        mode: Mode::PassThrough,
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        password_file: Some(passwords),
        ..Options::new(target(FORT.port, "plain", "sslmode=disable"))
    };
    let gateway = Gateway::start(options).await.unwrap();
    let port = gateway.address().unwrap().port();
    let enter = async |user| {
        Connection::connect(&target(port, user, "sslmode=disable password=pencil")).await
    };
    enter("plain").await.unwrap();
    let refused = enter("md5").await.unwrap_err().to_string();
    assert!(refused.contains("no connection to the server behind the gateway"), "{refused}");
    assert!(refused.contains("requires a password for user \"md5\""), "{refused}");
    gateway.stop().await;
}
