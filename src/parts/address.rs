//! Where a part is, and a stream to it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use hyper::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::link::{Link, Linked};

/// Where a part listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp {
        host: String,
        port: u16,
        /// Whether it speaks TLS there.
        tls: bool,
    },
    /// A Unix socket.
    Socket(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What the URL of a part says: `scheme://[user:password@]host[:port][/path]`.
pub(super) struct Url {
    pub(super) scheme: String,
    /// As whom we come; percent-decoded.
    pub(super) account: Option<(String, String)>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// With its slash; percent-encoded as it stands.
    pub(super) path: String,
}

impl Url {
    /// Nothing where the text is no such URL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let account = uri.authority()?.as_str().rsplit_once('@').map(|(account, _)| {
            let (user, password) = account.split_once(':').unwrap_or((account, ""));
            (decoded(user), decoded(password))
        });
        let host = uri.host().filter(|host| !host.is_empty())?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let (scheme, path) = (uri.scheme_str()?.to_owned(), uri.path().to_owned());
        Some(Self { scheme, account, host, port: uri.port_u16(), path })
    }
}

/// Undoes percent-encoding.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What can be read from and written to.
pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Bytes for S {}

/// A stream to a part.
pub type Stream = Linked<Box<dyn Bytes>>;

impl Address {
    /// A new stream to whoever listens there.
    pub async fn open(&self, link: &Link) -> io::Result<Stream> {
        link.passable().await;
        let stream: Box<dyn Bytes> = match self {
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tcp { host, port, tls } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                if *tls { Box::new(encrypted(stream, host).await?) } else { Box::new(stream) }
            }
        };
        Ok(Linked::new(stream, link.clone()))
    }
}

async fn encrypted(
    stream: TcpStream,
    host: &str,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(trust()?).connect(name, stream).await
}

/// The certificates that the system trusts, or those in `SSL_CERT_FILE`.
fn trust() -> io::Result<Arc<ClientConfig>> {
    static TRUST: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(trust) = TRUST.get() {
        return Ok(Arc::clone(trust));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(TRUST.get_or_init(|| Arc::new(config))))
}
