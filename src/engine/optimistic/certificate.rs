//! The gateway's certificate: given, or made for localhost and written where clients can be pointed to it (`sslrootcert`).
//!
//! ```text
//!  ~/.local/share/overbooked/       locked (flock) while somebody writes or sweeps here
//!      localhost-5433.crt           held (flock) by its gateway for as long as that lives
//! ```
//!
//! A gateway takes its file away in the end. The file of one that was killed is known by its free lock, and the next start takes it away.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::GatewayError;
use crate::engine::marked::MADE;
use crate::engine::removal::{Identity, remove_file};
use crate::wire::{ALPN, channel_binding};

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

/// TLS as the gateway speaks it.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate's hash, to which SCRAM can be bound.
    pub(super) end_point: Option<Arc<[u8]>>,
}

/// A certificate that is ready for use.
pub(super) struct Ready {
    pub(super) tls: Option<Tls>,
    /// The file that a client of a self-signed certificate trusts.
    pub(super) published: Option<Published>,
}

/// A file that is there, and locked, while this value lives.
#[derive(Debug)]
pub(super) struct Published {
    path: PathBuf,
    identity: Identity,
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
            remove_file(&self.path, self.identity).ok();
        }
    }
}

impl Certificate {
    /// For whoever listens on this port: the file has the port in its name, so that two gateways do not overwrite each other's.
    pub(super) fn ready(&self, port: u16) -> Result<Ready, GatewayError> {
        match self {
            Self::None => Ok(Ready { tls: None, published: None }),
            Self::Files { certificate, key } => {
                let chain = read_chain(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
                Ok(Ready { tls: Some(speak(chain, key, certificate)?), published: None })
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

fn speak(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: &Path,
) -> Result<Tls, GatewayError> {
    let end_point = chain.first().and_then(channel_binding).map(Arc::from);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(path, error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), end_point })
}

fn self_signed(folder: &Path, path: &Path) -> Result<Ready, GatewayError> {
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let names =
        std::iter::once("localhost".to_owned()).chain(addresses.map(|name| name.to_string()));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>());
    let made = made.map_err(|error| unusable(path, error))?;
    let written = write_alone(folder, path, &made.cert.pem());
    let published = written.map_err(|error| unusable(path, error))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| unusable(path, error))?;
    let tls = speak(vec![made.cert.der().clone()], key, path)?;
    Ok(Ready { tls: Some(tls), published: Some(published) })
}

/// Writes the file and locks it, after sweeping. The folder is locked meanwhile: nobody else must take away what is not locked yet. Where a file system has no
/// locks, nothing is swept. A file that somebody else has written is never overwritten.
fn write_alone(folder: &Path, path: &Path, certificate: &str) -> io::Result<Published> {
    let alone = File::open(folder)?;
    match alone.lock() {
        Ok(()) => sweep(folder),
        Err(error) => tracing::warn!(%error, "no locks here: what killed gateways left stays"),
    }
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_marked(path)?,
        Err(error) => return Err(error),
    };
    let is_ours = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    let identity = Identity::of(&file)?;
    file.set_len(0)?;
    file.write_all(format!("{}{certificate}", mark(path, &file)?).as_bytes())?;
    Ok(Published { path: path.to_owned(), identity, _file: file, is_ours })
}

/// What stands before the certificate; whoever reads PEM passes over it (RFC 7468, 5.2). A copy has another inode.
fn mark(path: &Path, file: &File) -> io::Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let inode = file.metadata()?.ino();
    Ok(format!("{MADE}\nname {name}\ninode {inode}\n"))
}

/// The file of that name that a gateway has made. It is no link, and nothing that would make us wait.
fn open_marked(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let expected = mark(path, &file)?;
    let mut found = vec![0; expected.len()];
    let is_read = file.metadata()?.is_file() && file.read_exact(&mut found).is_ok();
    if is_read && found == expected.as_bytes() {
        file.rewind()?;
        return Ok(file);
    }
    let words =
        "a file that Overbooked did not make has this name; move it away, or give another folder";
    Err(io::Error::new(io::ErrorKind::AlreadyExists, words))
}

/// Takes away what killed gateways left. What cannot be taken away is left for the next start: a start is no place to fail over
/// somebody's leftovers.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let named = entries.flatten().filter(|entry| is_name(&entry.file_name().to_string_lossy()));
    for path in named.map(|entry| entry.path()) {
        if let Err(error) = remove_if_abandoned(&path) {
            tracing::warn!(file = %path.display(), %error, "left alone");
        }
    }
}

/// Whether a gateway calls its file so.
fn is_name(name: &str) -> bool {
    let port = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn remove_if_abandoned(path: &Path) -> io::Result<()> {
    let file = open_marked(path)?;
    if file.try_lock().is_ok() {
        tracing::info!(file = %path.display(), "removing what a killed gateway left");
        remove_file(path, Identity::of(&file)?)?;
    }
    Ok(())
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

    /// A file as a gateway leaves it that was killed.
    fn leave_one(folder: &Path, port: u16) {
        let path = folder.join(format!("{PREFIX}{port}{SUFFIX}"));
        let mut file = File::create_new(&path).unwrap();
        let text = format!("{}a certificate", mark(&path, &file).unwrap());
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let living = signed.ready(5433).unwrap();
        leave_one(folder.path(), 5434);
        for somebodys in ["localhost-5436.crt", "localhost-mine.crt"] {
            fs::write(at(somebodys), "mine").unwrap();
        }
        fs::copy(at("localhost-5434.crt"), at("localhost-5437.crt")).unwrap();
        let newcomer = signed.ready(5435).unwrap();
        let others = ["localhost-5436.crt", "localhost-5437.crt", "localhost-mine.crt"];
        let left = [&["localhost-5433.crt", "localhost-5435.crt"], &others[..]].concat();
        assert_eq!(names(folder.path()), left);
        drop((living, newcomer));
        assert_eq!(names(folder.path()), others);
    }

    #[test]
    fn a_file_that_somebody_else_has_written_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("localhost-5433.crt");
        fs::write(&mine, "mine").unwrap();
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let Err(refused) = signed.ready(5433) else { panic!("it was overwritten") };
        assert!(refused.to_string().contains("did not make"), "{refused}");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    }
}
