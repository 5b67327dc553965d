//! The gateway's certificate: given, or made for localhost and written where clients can be pointed
//! to it (`sslrootcert`).
//!
//! ```text
//!  ~/.local/share/overbooked/       locked (flock) while somebody writes or sweeps here
//!      localhost-5433.crt           held (flock) by its gateway for as long as that lives
//!          overbooked made this; alive while locked
//!          file localhost-5433.crt
//!          inode 1234567
//!          -----BEGIN CERTIFICATE----- and so on: what stands before it is a note
//! ```
//!
//! It is written in a folder with a mark of its own and gets its name when it is whole: whoever is
//! killed in between leaves nothing that could be anybody's.
//!
//! A gateway takes its file away in the end. The file of one that was killed is known by its mark
//! and its free lock, and the next start takes it away. A file that is not exactly so is
//! somebody's: it is never written to, and a gateway of that port takes another name.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::error::GatewayError;
use crate::cluster::marked::{Doubt, MADE, MarkedFolder, Why, abandoned};
use crate::cluster::removal::{Identity, remove_file};
use crate::cluster::{CERTIFICATE, HALF_MADE};
use crate::pg::{ALPN, channel_binding};

/// Whether and how the gateway speaks TLS.
#[derive(Clone, Debug, Default)]
pub enum Certificate {
    /// Not at all.
    #[default]
    None,
    /// With a certificate (and those that vouch for it) and its key, both PEM.
    Files { certificate: PathBuf, key: PathBuf },
    /// With one that the gateway makes for localhost and writes into this folder; the key never
    /// leaves the process.
    SelfSigned { folder: PathBuf },
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
    /// Held as a lock, where there are any.
    _file: File,
    made: Identity,
    doubts: Vec<Doubt>,
}

impl Published {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What looked like a leftover of a killed gateway, and was left alone.
    pub(super) fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // What somebody has changed or replaced is somebody's.
        if is_made(&self.path).is_ok_and(|text| text.is_some())
            && let Err(error) = remove_file(&self.path, self.made)
        {
            tracing::warn!(file = %self.path.display(), %error, "it could not be removed");
        }
    }
}

impl Certificate {
    /// For whoever listens on this port: the file has the port in its name, so that two gateways do
    /// not overwrite each other's.
    pub(super) fn ready(&self, port: u16) -> Result<Ready, GatewayError> {
        match self {
            Self::None => Ok(Ready { tls: None, published: None }),
            Self::Files { certificate, key } => {
                let chain = read_chain(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
                Ok(Ready { tls: Some(speak(chain, key, certificate)?), published: None })
            }
            Self::SelfSigned { folder } => self_signed(folder, port),
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
    // The first is the server's own, which is what a client binds to (RFC 5929, section 4).
    let end_point = chain.first().and_then(channel_binding).map(Arc::from);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(path, error))?;
    // libpq insists on it where it begins TLS without a question (`sslnegotiation=direct`).
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), end_point })
}

fn self_signed(folder: &Path, port: u16) -> Result<Ready, GatewayError> {
    let path = &folder.join(name(port, 1));
    // A client compares the certificate with the host as its user has written it: the name, or
    // either address.
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let names =
        std::iter::once("localhost".to_owned()).chain(addresses.map(|name| name.to_string()));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>());
    let made = made.map_err(|error| unusable(path, error))?;
    let written = write_alone(folder, port, &made.cert.pem());
    let published = written.map_err(|error| unusable(path, error))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| unusable(path, error))?;
    let tls = speak(vec![made.cert.der().clone()], key, published.path())?;
    Ok(Ready { tls: Some(tls), published: Some(published) })
}

/// How many names are tried for one port; a gateway on another address of it may have the first.
const NAMES: u32 = 100;

/// `localhost-5433.crt`, `localhost-5433-2.crt`.
fn name(port: u16, number: u32) -> String {
    match number {
        1 => format!("{PREFIX}{port}{SUFFIX}"),
        number => format!("{PREFIX}{port}-{number}{SUFFIX}"),
    }
}

/// Writes the file and locks it, after sweeping. The folder is locked meanwhile: nobody else must
/// take away what is not locked yet. Where a file system has no locks, nothing is swept.
fn write_alone(folder: &Path, port: u16, certificate: &str) -> io::Result<Published> {
    let alone = File::open(folder)?;
    let doubts = match alone.lock() {
        Ok(()) => sweep(folder),
        Err(error) => {
            tracing::warn!(%error, "no locks here: what killed gateways left stays");
            Vec::new()
        }
    };
    let half_made = MarkedFolder::create(folder, HALF_MADE, None)?;
    let written = half_made.path().join(CERTIFICATE);
    let file = File::create_new(&written)?;
    // Where there are no locks, nothing is swept either.
    let _no_locks_here = file.try_lock();
    let made = Identity::of(&file)?;
    for number in 1..=NAMES {
        let path = folder.join(name(port, number));
        // The mark has the name in it, so it is written anew for each. The inode in it stays true:
        // neither a link nor another name changes that.
        write(&file, &format!("{}{certificate}", mark(&path, &file)?))?;
        match give_name(&written, &path) {
            Ok(()) => return Ok(Published { path, _file: file, made, doubts }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Gives a file a name that nobody has. Not every file system can give it a second one.
fn give_name(written: &Path, path: &Path) -> io::Result<()> {
    // A plain rename would replace somebody's file; a link fails where the name is taken.
    match fs::hard_link(written, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Ok(rustix::fs::renameat_with(CWD, written, CWD, path, RenameFlags::NOREPLACE)?)
        }
        named => named,
    }
}

/// Writes a file's whole contents.
fn write(file: &File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(text.as_bytes(), 0)
}

/// What is written before the certificate: this very file, and no copy of it, is a gateway's.
fn mark(path: &Path, file: &File) -> io::Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let inode = file.metadata()?.ino();
    Ok(format!("{MADE}\nfile {name}\ninode {inode}\n"))
}

/// Takes away what killed gateways left, and says what somebody has changed. What cannot be taken
/// away is left for the next start: a start is no place to fail over somebody's leftovers.
fn sweep(folder: &Path) -> Vec<Doubt> {
    let mut doubts = sweep_half_made(folder);
    let Ok(entries) = fs::read_dir(folder) else { return doubts };
    let named = entries.flatten().filter(|entry| is_name(&entry.file_name().to_string_lossy()));
    doubts.extend(named.filter_map(|entry| sweep_one(&entry.path()).err()));
    doubts
}

/// What gateways left that were killed while they wrote.
fn sweep_half_made(folder: &Path) -> Vec<Doubt> {
    let owners = [rustix::process::geteuid().as_raw()];
    let (found, mut doubts) = abandoned(folder, HALF_MADE, &owners);
    doubts.extend(found.into_iter().filter_map(|folder| folder.remove(&owners).err()));
    doubts
}

fn sweep_one(path: &Path) -> Result<(), Doubt> {
    let failed = |error: io::Error| Doubt::new(path, error);
    let Some(file) = is_made(path).map_err(failed)? else { return changed(path) };
    if file.try_lock().is_err() {
        return Ok(());
    }
    tracing::info!(file = %path.display(), "removing what a killed gateway left");
    let made = Identity::of(&file).map_err(failed)?;
    remove_file(path, made).map(drop).map_err(failed)
}

/// A file that was a gateway's, and is not as that has written it, is somebody's by now.
fn changed(path: &Path) -> Result<(), Doubt> {
    let is_marked = fs::read(path).is_ok_and(|text| text.starts_with(MADE.as_bytes()));
    if is_marked { Err(Doubt::new(path, Why::Changed)) } else { Ok(()) }
}

/// Whether a gateway calls its file so.
fn is_name(name: &str) -> bool {
    let middle = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| {
        let (port, number) = middle.split_once('-').unwrap_or((middle, "2"));
        port.parse::<u16>().is_ok() && number.parse::<u32>().is_ok()
    })
}

/// The file, if it is as a gateway writes it: a regular file of ours, its own mark, one
/// certificate, and nothing else.
fn is_made(path: &Path) -> io::Result<Option<File>> {
    // A symbolic link may lead to somebody's file, and opening a pipe that nobody writes to would
    // block the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { return Ok(None) };
    let file = File::from(file);
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() {
        return Ok(None);
    }
    let mut text = String::new();
    let is_text = (&file).take(LONGEST).read_to_string(&mut text).is_ok();
    let certificate = text.strip_prefix(&mark(path, &file)?).unwrap_or_default();
    // Two lines with two of these marks each. A second certificate, or a key, would mean that
    // somebody uses the file for something of his own.
    let is_one = certificate.starts_with(BEGIN)
        && certificate.trim_end().ends_with(END)
        && certificate.matches("-----").count() == 4;
    Ok((is_text && is_one).then_some(file))
}

/// A self-signed certificate has about 700 bytes.
const LONGEST: u64 = 16 * 1024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicBool, Ordering};

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
        let at = |name: &str| folder.path().join(name);
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let living = signed.ready(5433).unwrap();
        // A gateway that was killed leaves its file without a lock on it.
        let killed = signed.ready(5434).unwrap().published.unwrap();
        let text = fs::read(killed.path()).unwrap();
        fs::rename(killed.path(), at("away")).unwrap();
        drop(killed);
        fs::rename(at("away"), at("localhost-5434.crt")).unwrap();
        for (name, text) in [
            ("localhost-1.crt", &b"somebody's"[..]),
            ("localhost-2.crt", b""),
            ("localhost-3.crt", &text),
            ("localhost-mine.crt", &text),
        ] {
            fs::write(at(name), text).unwrap();
        }
        std::os::unix::fs::symlink(at("localhost-1.crt"), at("localhost-4.crt")).unwrap();
        let newcomer = signed.ready(5435).unwrap();
        let theirs = ["1", "2", "3", "4"].map(|port| format!("localhost-{port}.crt"));
        let both = ["localhost-5433.crt".to_owned(), "localhost-5435.crt".to_owned()];
        let mine = "localhost-mine.crt".to_owned();
        assert_eq!(names(folder.path()), [&theirs[..], &both[..], &[mine.clone()][..]].concat());
        drop((living, newcomer));
        assert_eq!(names(folder.path()), [&theirs[..], &[mine][..]].concat());
    }

    #[test]
    fn whoever_is_killed_while_it_writes_leaves_nothing_that_the_next_does_not_take_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut killed = MarkedFolder::create(folder.path(), HALF_MADE, None).unwrap();
        fs::write(killed.path().join(CERTIFICATE), "").unwrap();
        killed.hand_over();
        drop(killed);
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let next = signed.ready(5433).unwrap();
        assert_eq!(names(folder.path()), ["localhost-5433.crt"]);
        drop(next);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn the_file_is_whole_from_its_first_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("localhost-5433.crt");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let Ok(text) = fs::read_to_string(&path) else { continue };
                    assert!(text.starts_with(MADE) && text.trim_end().ends_with(END), "{text:?}");
                }
            });
            for _ in 0..300 {
                drop(write_alone(folder.path(), 5433, &format!("{BEGIN}\n{END}\n")).unwrap());
            }
            is_over.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_file_of_somebodys_is_not_written_to_and_another_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("localhost-5433.crt");
        fs::write(&taken, "somebody's").unwrap();
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let ready = [signed.ready(5433).unwrap(), signed.ready(5433).unwrap()];
        let paths: Vec<_> =
            ready.iter().map(|ready| ready.published.as_ref().unwrap().path()).collect();
        assert!(paths[0].ends_with("localhost-5433-2.crt"), "{paths:?}");
        assert!(paths[1].ends_with("localhost-5433-3.crt"), "{paths:?}");
        assert_eq!(read_chain(paths[0]).unwrap().len(), 1, "the mark is no part of it");
        drop(ready);
        assert_eq!(names(folder.path()), ["localhost-5433.crt"]);
        assert_eq!(fs::read_to_string(taken).unwrap(), "somebody's");
    }

    #[test]
    fn a_file_that_somebody_has_added_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let signed = Certificate::SelfSigned { folder: folder.path().to_owned() };
        let published = signed.ready(5433).unwrap().published.unwrap();
        let mut file = File::options().append(true).open(published.path()).unwrap();
        file.write_all(b"# my own authority\n").unwrap();
        drop(published);
        let next = signed.ready(5434).unwrap().published.unwrap();
        assert!(next.doubts()[0].to_string().contains("localhost-5433.crt"));
        drop(next);
        assert_eq!(names(folder.path()), ["localhost-5433.crt"]);
    }
}
