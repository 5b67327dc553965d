//! The gateway's certificate: given, or made for localhost and written where clients can be pointed to it (`sslrootcert`).
//!
//! ```text
//!  ~/.local/share/overbooked/       locked (flock) while somebody writes or sweeps here
//!      localhost-5433.crt           held (flock) by its gateway for as long as that lives
//! ```
//!
//! A gateway takes its file away in the end. The file of one that was killed is known by its free lock, and the next start takes it away.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
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
    pub(super) published: Option<Published>,
}

/// A file that is there, and locked, while this value lives.
#[derive(Debug)]
pub(super) struct Published {
    path: PathBuf,
    /// Held as a lock, where there are any.
    _file: File,
    /// Not where a gateway on another address of the same port has it, too.
    is_ours: bool,
}

impl Published {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if self.is_ours {
            // Gone already is as good.
            fs::remove_file(&self.path).ok();
        }
    }
}

impl Certificate {
    /// For whoever listens on this port: the file has the port in its name, so that two gateways do not overwrite each other's.
    pub(super) fn ready(&self, port: u16) -> Result<Ready, GatewayError> {
        match self {
            Self::None => Ok(Ready { acceptor: None, published: None }),
            Self::Files { certificate, key } => {
                let chain = read_chain(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
                Ok(Ready { acceptor: Some(acceptor(chain, key, certificate)?), published: None })
            }
            Self::SelfSigned { folder } => {
                self_signed(folder, &folder.join(format!("{PREFIX}{port}{SUFFIX}")))
            }
        }
    }
}

const PREFIX: &str = "localhost-";
const SUFFIX: &str = ".crt";

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

fn self_signed(folder: &Path, path: &Path) -> Result<Ready, GatewayError> {
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let names =
        std::iter::once("localhost".to_owned()).chain(addresses.map(|name| name.to_string()));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>());
    let made = made.map_err(|error| unusable(path, error))?;
    let written = write_alone(folder, path, made.cert.pem().as_bytes());
    let published = written.map_err(|error| unusable(path, error))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| unusable(path, error))?;
    let acceptor = acceptor(vec![made.cert.der().clone()], key, path)?;
    Ok(Ready { acceptor: Some(acceptor), published: Some(published) })
}

/// Writes the file and locks it, after sweeping. The folder is locked meanwhile: nobody else must take away what is not locked yet. Where a file system has no
/// locks, nothing is swept.
fn write_alone(folder: &Path, path: &Path, text: &[u8]) -> io::Result<Published> {
    let alone = File::open(folder)?;
    match alone.lock() {
        Ok(()) => sweep(folder),
        Err(error) => tracing::warn!(%error, "no locks here: what killed gateways left stays"),
    }
    let mut file = File::create(path)?;
    let is_ours = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    file.write_all(text)?;
    Ok(Published { path: path.to_owned(), _file: file, is_ours })
}

/// Takes away what killed gateways left. What cannot be taken away is left for the next start: a start is no place to fail over
/// somebody's leftovers.
fn sweep(folder: &Path) {
    for path in abandoned(folder) {
        tracing::info!(file = %path.display(), "removing what a killed gateway left");
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), %error, "a leftover could not be removed");
        }
    }
}

fn abandoned(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let ours = entries.flatten().filter(|entry| is_ours(&entry.file_name().to_string_lossy()));
    ours.map(|entry| entry.path()).filter(|path| is_abandoned(path)).collect()
}

/// Whether a gateway calls its file so.
fn is_ours(name: &str) -> bool {
    let port = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let living = signed.ready(5433).unwrap();
        for not_locked in ["localhost-5434.crt", "localhost-mine.crt"] {
            fs::write(folder.path().join(not_locked), "").unwrap();
        }
        let newcomer = signed.ready(5435).unwrap();
        let left = ["localhost-5433.crt", "localhost-5435.crt", "localhost-mine.crt"];
        assert_eq!(names(folder.path()), left);
        drop((living, newcomer));
        assert_eq!(names(folder.path()), ["localhost-mine.crt"]);
    }
}
