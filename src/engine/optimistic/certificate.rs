//! The gateway's certificate: given, or made for localhost and written where clients can be pointed to it (`sslrootcert`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::GatewayError;

/// Whether and how the gateway speaks TLS.
#[derive(Clone, Debug, Default)]
pub enum Certificate {
    /// Not at all.
    #[default]
    None,
    /// With a certificate (and those that vouch for it) and its key, both PEM.
    Files {
        /// The certificates.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// With one that the gateway makes for localhost and writes into this folder; the key never leaves the process.
    SelfSigned {
        /// Where.
        folder: PathBuf,
    },
}

/// A certificate that is ready for use.
pub(super) struct Ready {
    pub(super) acceptor: Option<TlsAcceptor>,
    /// The file that a client of a self-signed certificate trusts.
    pub(super) path: Option<PathBuf>,
}

impl Certificate {
    /// For whoever listens on this port: the file has the port in its name, so that two gateways do not overwrite each other's.
    pub(super) fn ready(&self, port: u16) -> Result<Ready, GatewayError> {
        match self {
            Self::None => Ok(Ready { acceptor: None, path: None }),
            Self::Files { certificate, key } => {
                let chain = read_chain(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
                Ok(Ready { acceptor: Some(acceptor(chain, key, certificate)?), path: None })
            }
            Self::SelfSigned { folder } => {
                self_signed(&folder.join(format!("localhost-{port}.crt")))
            }
        }
    }
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> GatewayError {
    GatewayError::Certificate { path: path.to_owned(), reason: error.to_string() }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, GatewayError> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, error))?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, error))?;
    if chain.is_empty() { Err(unusable(path, "no certificate in it")) } else { Ok(chain) }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: &Path,
) -> Result<TlsAcceptor, GatewayError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(path, error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn self_signed(path: &Path) -> Result<Ready, GatewayError> {
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let names =
        std::iter::once("localhost".to_owned()).chain(addresses.map(|name| name.to_string()));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>());
    let made = made.map_err(|error| unusable(path, error))?;
    std::fs::write(path, made.cert.pem()).map_err(|error| unusable(path, error))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| unusable(path, error))?;
    let acceptor = acceptor(vec![made.cert.der().clone()], key, path)?;
    Ok(Ready { acceptor: Some(acceptor), path: Some(path.to_owned()) })
}
