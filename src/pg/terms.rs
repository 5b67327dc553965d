//! What TLS is to be like: `sslmode` and its kin, read but not yet acted upon.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::keywords::Settings;
use super::policy::{Choice, SslCertMode, SslMode, SslNegotiation};
use super::resolve::{choice, wrong_value};
use super::target_error::TargetError;

/// The terms on which TLS is spoken, or not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct TlsTerms {
    pub(super) mode: SslMode,
    pub(super) negotiation: SslNegotiation,
    pub(super) roots: Roots,
    pub(super) certificate_mode: SslCertMode,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) revocations: Option<PathBuf>,
    pub(super) server_name: ServerNameIndication,
    pub(super) versions: TlsVersions,
}

/// Whose signature makes a server's certificate good. A file that is not there makes every
/// certificate good, unless `sslmode` demands a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Roots {
    #[default]
    Nowhere,
    System,
    File(PathBuf),
}

/// `sslsni`: whether the host's name is told before the encryption begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ServerNameIndication {
    #[default]
    Sent,
    Withheld,
}

impl Choice for ServerNameIndication {
    const CHOICES: &'static [(&'static str, Self)] = &[("1", Self::Sent), ("0", Self::Withheld)];
}

/// Which versions of TLS are allowed; rustls has no older ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TlsVersions {
    #[default]
    Both,
    Only12,
    Only13,
}

impl TlsTerms {
    /// The same with whole paths, for a process that works in another folder.
    pub(super) fn in_any_folder(self) -> Self {
        // Without a folder of our own there is nothing that a path could begin in.
        let whole = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Self {
            roots: match self.roots {
                Roots::File(path) => Roots::File(whole(path)),
                other => other,
            },
            certificate: self.certificate.map(whole),
            key: self.key.map(whole),
            revocations: self.revocations.map(whole),
            ..self
        }
    }

    /// Reads the terms. Files of `~/.postgresql` stand in for those that are not named.
    pub(super) fn read(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, TargetError> {
        let file = |keyword: &str, usual: &str| {
            let named = settings.get(keyword).map(PathBuf::from);
            named.or_else(|| environment.at_home(&format!(".postgresql/{usual}")))
        };
        let roots = match settings.get("sslrootcert") {
            Some("system") => Roots::System,
            _ => file("sslrootcert", "root.crt").map_or(Roots::Nowhere, Roots::File),
        };
        let terms = Self {
            mode: mode(settings, &roots)?,
            negotiation: choice(settings, "sslnegotiation")?,
            roots,
            certificate_mode: choice(settings, "sslcertmode")?,
            certificate: file("sslcert", "postgresql.crt"),
            key: file("sslkey", "postgresql.key"),
            revocations: file("sslcrl", "root.crl"),
            server_name: choice(settings, "sslsni")?,
            versions: versions(settings)?,
        };
        terms.refuse_contradictions()?;
        Ok(terms)
    }

    fn refuse_contradictions(&self) -> Result<(), TargetError> {
        if self.roots == Roots::System && self.mode < SslMode::VerifyFull {
            return Err(TargetError::Contradiction(
                "sslrootcert=system needs sslmode=verify-full: any website can have a certificate \
                 from these roots",
            ));
        }
        if self.negotiation == SslNegotiation::Direct && self.mode < SslMode::Require {
            return Err(TargetError::Contradiction(
                "sslnegotiation=direct needs sslmode=require, verify-ca or verify-full",
            ));
        }
        Ok(())
    }
}

/// The system's roots make full verification the default.
fn mode(settings: &Settings, roots: &Roots) -> Result<SslMode, TargetError> {
    match (settings.get("sslmode"), roots) {
        // Anything less is refused below, `prefer` included, which an unset `sslmode` would be.
        (None, Roots::System) => Ok(SslMode::VerifyFull),
        _ => choice(settings, "sslmode"),
    }
}

fn versions(settings: &Settings) -> Result<TlsVersions, TargetError> {
    let lowest = version(settings, "ssl_min_protocol_version")?.unwrap_or(12);
    let highest = version(settings, "ssl_max_protocol_version")?.unwrap_or(13);
    match (lowest, highest) {
        (lowest, highest) if lowest > highest => Err(TargetError::Contradiction(
            "ssl_min_protocol_version is higher than ssl_max_protocol_version",
        )),
        (_, ..12) => Err(TargetError::Contradiction(
            "ssl_max_protocol_version must be TLSv1.2 or TLSv1.3: the older ones are insecure",
        )),
        (13, _) => Ok(TlsVersions::Only13),
        (_, 12) => Ok(TlsVersions::Only12),
        _ => Ok(TlsVersions::Both),
    }
}

fn version(settings: &Settings, keyword: &'static str) -> Result<Option<u8>, TargetError> {
    let Some(text) = settings.get(keyword) else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "tlsv1" => Ok(Some(10)),
        "tlsv1.1" => Ok(Some(11)),
        "tlsv1.2" => Ok(Some(12)),
        "tlsv1.3" => Ok(Some(13)),
        _ => Err(wrong_value(keyword, text, "TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3".to_owned())),
    }
}
