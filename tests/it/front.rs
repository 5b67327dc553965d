//! What stands in front of a server: TLS, and a password where the server itself has none.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate for localhost and its key: `server.crt` and `server.key` in this folder.
pub(crate) fn certify(folder: &Path) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("server.crt"), certified.cert.pem()).unwrap();
    std::fs::write(folder.join("server.key"), certified.signing_key.serialize_pem()).unwrap();
}

/// A port with TLS on it.
pub(crate) struct Front {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// What Kafka's clients say who they are by.
    secret: Option<&'static [u8]>,
}

impl Front {
    /// With the certificate in this folder.
    pub(crate) async fn bind(folder: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("server.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor, secret: None }
    }

    /// Lets in only who authenticates so, by SASL PLAIN: user and password, each after a zero.
    pub(crate) fn asking_for(self, secret: &'static [u8]) -> Self {
        Self { secret: Some(secret), ..self }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Passes on to what listens there.
    pub(crate) fn lead_to(self, behind: String) {
        let Self { listener, acceptor, secret } = self;
        tokio::spawn(async move {
            while let Ok((guest, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    let Ok(mut guest) = acceptor.accept(guest).await else { return };
                    if let Some(secret) = secret
                        && !authenticated(&mut guest, secret).await
                    {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(behind).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut guest, &mut server).await;
                });
            }
        });
    }
}

/// Kafka's numbers of the two questions, and of the refusal.
const SASL_HANDSHAKE: i16 = 17;
const SASL_AUTHENTICATE: i16 = 36;
const AUTHENTICATION_FAILED: i16 = 58;

/// As a broker does, which closes the connection on whoever asks something else first.
async fn authenticated(
    guest: &mut (impl AsyncRead + AsyncWrite + Unpin),
    secret: &'static [u8],
) -> bool {
    let Some((SASL_HANDSHAKE, number, _)) = question(guest).await else { return false };
    let none = 0_i16.to_be_bytes();
    let plain = [&none[..], &1_i32.to_be_bytes(), &5_i16.to_be_bytes(), b"PLAIN"].concat();
    answer(guest, number, &plain).await;
    let Some((SASL_AUTHENTICATE, number, said)) = question(guest).await else { return false };
    if said.ends_with(secret) {
        let no_words = (-1_i16).to_be_bytes();
        answer(guest, number, &[&none[..], &no_words, &0_i32.to_be_bytes()].concat()).await;
        return true;
    }
    let words = b"wrong password";
    let refused = [
        &AUTHENTICATION_FAILED.to_be_bytes()[..],
        &i16::try_from(words.len()).unwrap().to_be_bytes(),
        words,
        &0_i32.to_be_bytes(),
    ];
    answer(guest, number, &refused.concat()).await;
    false
}

/// Its kind, its number, and all of it.
async fn question(guest: &mut (impl AsyncRead + Unpin)) -> Option<(i16, [u8; 4], Vec<u8>)> {
    let length = guest.read_i32().await.ok()?;
    let mut whole = vec![0; usize::try_from(length).ok()?];
    guest.read_exact(&mut whole).await.ok()?;
    let kind = i16::from_be_bytes(whole.get(..2)?.try_into().ok()?);
    Some((kind, whole.get(4..8)?.try_into().ok()?, whole))
}

async fn answer(guest: &mut (impl AsyncWrite + Unpin), number: [u8; 4], body: &[u8]) {
    let length = i32::try_from(number.len() + body.len()).unwrap();
    let whole = [&length.to_be_bytes()[..], &number, body].concat();
    guest.write_all(&whole).await.unwrap();
}
