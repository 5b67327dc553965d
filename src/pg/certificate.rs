//! Judging a server's certificate as libpq does, which is more and less than the web's rules.
//!
//! More: a certificate without names of its own is for its subject's common name, and one that is
//! itself among the roots is good (PostgreSQL's own documentation makes such). Less: `verify-ca`
//! does not look at names, and `require` at nothing.

use std::net::IpAddr;
use std::sync::Arc;

use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::auth::EndPoint;
use super::error::ConnectError;
use super::policy::SslMode;
use super::target::{Host, ServerAddress};
use super::terms::{Roots, TlsTerms};
use super::tls::{certificates, unusable};

/// Decides whether a certificate will do.
#[derive(Debug)]
pub(super) struct CertificateVerifier {
    provider: Arc<CryptoProvider>,
    chain: Option<Chain>,
    /// The name that it must be for, under `verify-full`.
    name: Option<String>,
}

/// Whose signature counts.
#[derive(Debug)]
struct Chain {
    roots: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl CertificateVerifier {
    pub(super) fn new(
        place: &ServerAddress,
        terms: &TlsTerms,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConnectError> {
        let name = match &place.host {
            Host::Tcp { name, .. } if terms.mode == SslMode::VerifyFull => Some(name.clone()),
            _ => None,
        };
        let chain = match roots(terms)? {
            Some(roots) => Some(Chain { verifier: verifier(&roots, terms, provider)?, roots }),
            None => None,
        };
        Ok(Self { provider: provider.clone(), chain, name })
    }

    fn judge_name(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        match &self.name {
            Some(name) if !is_for(&parse(certificate)?, name) => {
                Err(Error::InvalidCertificate(CertificateError::NotValidForName))
            }
            _ => Ok(()),
        }
    }
}

/// The root certificates; nothing where any certificate will do.
fn roots(terms: &TlsTerms) -> Result<Option<Vec<CertificateDer<'static>>>, ConnectError> {
    match &terms.roots {
        Roots::System => Ok(Some(rustls_native_certs::load_native_certs().certs)),
        Roots::File(file) if file.exists() => certificates(file).map(Some),
        Roots::File(file) if terms.mode >= SslMode::VerifyCa => Err(unusable(
            file,
            "this file of root certificates does not exist; create it, or use sslrootcert=system \
             or \
             another sslmode",
        )),
        Roots::Nowhere if terms.mode >= SslMode::VerifyCa => Err(unusable(
            std::path::Path::new("~/.postgresql/root.crt"),
            "there is no home folder; name a file of root certificates in sslrootcert",
        )),
        Roots::File(_) | Roots::Nowhere => Ok(None),
    }
}

fn verifier(
    roots: &[CertificateDer<'static>],
    terms: &TlsTerms,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
    let mut store = RootCertStore::empty();
    // One by one rather than all or none: a system's store may hold a certificate that webpki
    // cannot parse, and that must not make the others unusable. A store of which nothing is left is
    // an error of `build`.
    store.add_parsable_certificates(roots.iter().cloned());
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
    let file = match &terms.roots {
        Roots::File(file) => file.as_path(),
        _ => std::path::Path::new("the system's root certificates"),
    };
    let built = builder.with_crls(revocations(terms)?).build();
    built.map_err(|error| unusable(file, &error.to_string()))
}

fn revocations(
    terms: &TlsTerms,
) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectError> {
    let Some(file) = terms.revocations.as_deref().filter(|file| file.exists()) else {
        return Ok(Vec::new());
    };
    CertificateRevocationListDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(file, &error.to_string()))
}

impl Chain {
    /// A certificate that is itself a root needs no signature, only its time; all others need a way
    /// to a root.
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        // webpki refuses a CA's certificate as a server's (`CaUsedAsEndEntity`), and one that
        // `openssl req -x509` has signed by itself is a CA's.
        if self.roots.iter().any(|root| root == certificate) {
            let valid = parse(certificate)?.validity().is_valid();
            return valid.then_some(()).ok_or(CertificateError::Expired.into());
        }
        // webpki looks at the name last: when only that is wrong, the chain is good.
        match self.verifier.verify_server_cert(certificate, intermediates, name, &[], now) {
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            // First the signature: what an unsigned certificate says of its name proves nothing,
            // and "not for this host" would send the user to look for the wrong mistake.
            chain.judge(certificate, intermediates, name, now)?;
        }
        self.judge_name(certificate)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Even where any certificate will do: the signature proves that the other side has the
        // certificate's key. Without it somebody in between could show the real server's
        // certificate, and SCRAM bound to its hash would succeed.
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    let parsed = X509Certificate::from_der(certificate);
    let (_, parsed) = parsed.map_err(|_| Error::from(CertificateError::BadEncoding))?;
    Ok(parsed)
}

/// Whether a certificate is for this host (fe-secure-common.c): by its alternative names, or where
/// it has none for hosts, by its common name.
fn is_for(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names = alternatives.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut for_hosts = names
        .iter()
        .filter(|name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_)));
    if for_hosts.clone().next().is_some() {
        return for_hosts.any(|name| names_host(name, host));
    }
    let common = certificate.subject().iter_common_name().next();
    common.and_then(|name| name.as_str().ok()).is_some_and(|pattern| matches(pattern, host))
}

fn names_host(name: &GeneralName<'_>, host: &str) -> bool {
    match name {
        GeneralName::DNSName(pattern) => matches(pattern, host),
        GeneralName::IPAddress(bytes) => host.parse().is_ok_and(|address: IpAddr| match address {
            IpAddr::V4(address) => address.octets() == *bytes,
            IpAddr::V6(address) => address.octets() == *bytes,
        }),
        _ => false,
    }
}

/// A star stands for exactly one label, the first.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// What SCRAM can be bound to on a connection with this certificate.
pub(super) fn end_point(certificate: Option<&CertificateDer<'_>>) -> EndPoint {
    certificate.and_then(channel_binding).map_or(EndPoint::Nameless, EndPoint::Certificate)
}

/// `tls-server-end-point`: the certificate's hash by the algorithm of its signature, MD5 and SHA-1
/// strengthened to SHA-256 (RFC 5929, 4.1).
pub(crate) fn channel_binding(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = parse(certificate).ok()?;
    let algorithm = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // md5, sha1 and sha256 with RSA; sha1 and sha256 with ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        // Ed25519 has no hash to bind to, and RSASSA-PSS names its own in parameters that are not
        // read here. A guess would be refused by the server; no binding is not.
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(matches("*.example.com", "DB.example.com"));
        for host in ["example.com", "a.b.example.com", ".example.com", "db.example.org"] {
            assert!(!matches("*.example.com", host), "{host}");
        }
    }
}
