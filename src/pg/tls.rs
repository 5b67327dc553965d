//! TLS: whether it is asked for, and on which certificates (PostgreSQL documentation, 34.19).
//!
//! ```text
//!  sslmode       first try          second try, if the first is refused
//!  disable       plain              -
//!  allow         plain              TLS
//!  prefer        TLS, if offered    plain
//!  require ...   TLS                -
//! ```
//!
//! As in libpq, whoever has a file of root certificates has every certificate checked against it,
//! in any mode that gets as far as TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, SupportedProtocolVersion};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::CertificateVerifier;
use super::error::{ConnectError, WireError};
use super::message::frontend::put_ssl_request;
use super::policy::{Choice, SslCertMode, SslMode, SslNegotiation};
use super::socket::Socket;
use super::target::{Host, ServerAddress};
use super::terms::{ServerNameIndication, TlsTerms, TlsVersions};

/// What PostgreSQL's protocol is called within TLS (PostgreSQL 17).
pub(crate) const ALPN: &[u8] = b"postgresql";

/// How one attempt to connect treats TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Encryption {
    Plain,
    IfOffered,
    Demanded,
}

impl Encryption {
    /// The attempts that `sslmode` has for a place. Sockets are never encrypted.
    pub(super) fn attempts(mode: SslMode, place: &ServerAddress) -> &'static [Self] {
        match (mode, &place.host) {
            (SslMode::Disable, _) | (_, Host::Socket(_)) => &[Self::Plain],
            (SslMode::Allow, _) => &[Self::Plain, Self::Demanded],
            // The second one is for a server that offers TLS but fails at it, or whose
            // `pg_hba.conf` has only `hostnossl` lines for the user.
            (SslMode::Prefer, _) => &[Self::IfOffered, Self::Plain],
            _ => &[Self::Demanded],
        }
    }
}

/// Makes a TCP stream what the attempt wants it to be.
pub(super) async fn negotiate(
    mut stream: TcpStream,
    place: &ServerAddress,
    terms: &TlsTerms,
    encryption: Encryption,
) -> Result<Socket, ConnectError> {
    if encryption == Encryption::Plain {
        return Ok(Socket::Tcp(stream));
    }
    // `sslnegotiation=direct` begins with the handshake, in which a server has no way to decline:
    // `terms` refuses it together with a mode that could do without TLS.
    if terms.negotiation == SslNegotiation::Postgres && !offers_tls(&mut stream, place).await? {
        return match encryption {
            Encryption::Demanded => {
                Err(ConnectError::TlsRefused { place: place.to_string(), mode: terms.mode.name() })
            }
            _ => Ok(Socket::Tcp(stream)),
        };
    }
    let stream = handshake(stream, place, terms).await?;
    Ok(Socket::Tls(Box::new(stream)))
}

/// Asks by `SSLRequest`. Exactly one byte is read: whatever somebody puts behind it in clear text
/// becomes part of the handshake and breaks it (CVE-2021-23222).
async fn offers_tls(stream: &mut TcpStream, place: &ServerAddress) -> Result<bool, ConnectError> {
    let broken = |source| ConnectError::Broken { place: place.to_string(), source };
    let mut request = BytesMut::new();
    put_ssl_request(&mut request);
    stream.write_all(&request).await.map_err(|error| broken(error.into()))?;
    match stream.read_u8().await {
        Ok(b'S') => Ok(true),
        // An error message comes from a server that is too old to know the question, or too busy
        // for it.
        Ok(b'N' | b'E') => Ok(false),
        Ok(other) => Err(foreign(stream, place, other)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(broken(WireError::Closed))
        }
        Err(error) => Err(broken(error.into())),
    }
}

/// Somebody else's answer: the byte that was read and what lies behind it already.
fn foreign(stream: &TcpStream, place: &ServerAddress, first: u8) -> ConnectError {
    // Only what has come with it: a server that speaks first, like SSH's, has sent its greeting by
    // now, and waiting for more could take for ever.
    let mut answer = [first; 24];
    let read = stream.try_read(&mut answer[1..]).unwrap_or(0);
    let first = format!("\"{}\"", answer[..=read].escape_ascii());
    ConnectError::NotPostgres { place: place.to_string(), first }
}

async fn handshake(
    stream: TcpStream,
    place: &ServerAddress,
    terms: &TlsTerms,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let config = configuration(place, terms).await?;
    let connected = TlsConnector::from(config).connect(server_name(place)?, stream).await;
    let stream = connected.map_err(|error| failed(place, explain(&error, place)))?;
    let protocol = stream.get_ref().1.alpn_protocol();
    // After an `SSLRequest` the server is known to speak PostgreSQL. Here only ALPN says so: any
    // other service behind TLS would complete the handshake too, and be sent a startup packet
    // (PostgreSQL documentation, 54.2.10).
    if terms.negotiation == SslNegotiation::Direct && protocol != Some(ALPN) {
        return Err(failed(
            place,
            "it does not support sslnegotiation=direct, which is new in PostgreSQL 17; use \
             sslnegotiation=postgres"
                .to_owned(),
        ));
    }
    Ok(stream)
}

/// The name that the certificate is checked for. The judge compares names by libpq's rules; rustls
/// only wants one to be there.
fn server_name(place: &ServerAddress) -> Result<ServerName<'static>, ConnectError> {
    let (name, address) = match &place.host {
        Host::Tcp { name, address } => (name.as_str(), *address),
        Host::Socket(_) => ("localhost", None),
    };
    match (ServerName::try_from(name.to_owned()), address) {
        (Ok(name), _) => Ok(name),
        (Err(_), Some(address)) => Ok(ServerName::IpAddress(address.into())),
        (Err(error), None) => Err(failed(place, error.to_string())),
    }
}

/// Reading certificates is work for a thread that may block.
async fn configuration(
    place: &ServerAddress,
    terms: &TlsTerms,
) -> Result<Arc<ClientConfig>, ConnectError> {
    let (place, terms) = (place.clone(), terms.clone());
    let name = place.to_string();
    let built = tokio::task::spawn_blocking(move || build(&place, &terms)).await;
    built.unwrap_or_else(|error| Err(ConnectError::Tls { place: name, reason: error.to_string() }))
}

fn build(place: &ServerAddress, terms: &TlsTerms) -> Result<Arc<ClientConfig>, ConnectError> {
    let provider = Arc::new(default_provider());
    let judge = CertificateVerifier::new(place, terms, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(terms.versions))
        .map_err(|error| failed(place, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge));
    let mut config = match identity(terms)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| failed(place, format!("sslcert and sslkey do not match: {error}")))?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = terms.server_name == ServerNameIndication::Sent;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

fn versions(versions: TlsVersions) -> Vec<&'static SupportedProtocolVersion> {
    match versions {
        TlsVersions::Both => vec![&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersions::Only12 => vec![&rustls::version::TLS12],
        TlsVersions::Only13 => vec![&rustls::version::TLS13],
    }
}

/// Our own certificate and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(terms: &TlsTerms) -> Result<Option<Identity>, ConnectError> {
    let file = terms.certificate.as_deref().filter(|file| file.exists());
    match (file, terms.certificate_mode) {
        (_, SslCertMode::Disable) | (None, SslCertMode::Allow) => Ok(None),
        (None, SslCertMode::Require) => Err(ConnectError::TlsFile {
            file: terms.certificate.clone().unwrap_or_default(),
            reason: "sslcertmode=require, and there is no such file".to_owned(),
        }),
        (Some(file), _) => {
            let key = terms.key.as_deref().unwrap_or(file);
            Ok(Some((certificates(file)?, private_key(key)?)))
        }
    }
}

/// The certificates of a PEM file.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(unusable(file, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(file, &error.to_string())),
    }
}

/// A key that others may read is no key (libpq's rule; root's may be read by its group).
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, ConnectError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(file).map_err(|error| unusable(file, &error.to_string()))?;
    // A key of root's may be managed by the operating system and open to a group whose members use
    // it (PostgreSQL documentation, 34.19.2).
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(unusable(file, "others may read this key; make its permissions u=rw (0600)"));
    }
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| unusable(file, &format!("{error}; the key must be PEM and not encrypted")))
}

pub(super) fn unusable(file: &Path, reason: &str) -> ConnectError {
    ConnectError::TlsFile { file: file.to_owned(), reason: reason.to_owned() }
}

fn failed(place: &ServerAddress, reason: String) -> ConnectError {
    ConnectError::Tls { place: place.to_string(), reason }
}

/// A handshake's failure, and what to do about it.
fn explain(error: &io::Error, place: &ServerAddress) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "its certificate is not signed by any of the root certificates; check sslrootcert"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForName)) => {
            format!(
                "its certificate is not for {place}; use a host name that it is for, or \
                 sslmode=verify-ca"
            )
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::Expired)) => {
            "its certificate has expired; it needs a new one".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::Revoked)) => {
            "its certificate is revoked".to_owned()
        }
        Some(other) => other.to_string(),
        None => error.to_string(),
    }
}
