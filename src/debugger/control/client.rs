//! The other end: asks a debugger.

use std::io;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address::Address;
use super::requests::Refused;
use super::server::is_by_the_same_user;

/// How long an answer may take, beside what was asked to be waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a debugger.
#[derive(Debug)]
pub struct Client {
    address: Address,
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

/// What a debugger has answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    Done(T),
    /// Wrong use: it will never be done.
    Misuse(Refused),
    /// It is not so, or cannot be done as things stand.
    NotSo(Refused),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no debugger listens at {address}")]
    Nobody { address: Address, source: io::Error },
    #[error("{0} is another user's socket")]
    Stranger(Address),
    #[error("the debugger at {address} has ended")]
    Ended { address: Address, source: hyper::Error },
    #[error("the debugger at {0} does not answer")]
    Silent(Address),
    #[error("what answers at {0} is no debugger of this version")]
    Strange(Address),
}

impl Client {
    /// Connects, and asks nothing yet.
    pub async fn connect(address: &Address) -> Result<Self, ClientError> {
        let nobody = |source| ClientError::Nobody { address: address.clone(), source };
        match address {
            Address::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(nobody)?;
                if !is_by_the_same_user(&stream) {
                    return Err(ClientError::Stranger(address.clone()));
                }
                Self::greet(address, stream).await
            }
            Address::Http(at) => {
                let stream = TcpStream::connect(at).await.map_err(nobody)?;
                Self::greet(address, stream).await
            }
        }
    }

    async fn greet<S>(address: &Address, stream: S) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ended = |source| ClientError::Ended { address: address.clone(), source };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(ended)?;
        // What breaks is told to whoever waits for the answer.
        let connection = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { address: address.clone(), sender, connection })
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<Answer<T>, ClientError> {
        self.ask(Method::GET, path, Bytes::new(), Duration::ZERO).await
    }

    /// Asks for something to be done, which takes so long.
    pub async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        asked: &impl Serialize,
        takes: Duration,
    ) -> Result<Answer<T>, ClientError> {
        let body = serde_json::to_vec(asked).unwrap_or_default();
        self.ask(Method::POST, path, body.into(), takes).await
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        takes: Duration,
    ) -> Result<Answer<T>, ClientError> {
        let host = match &self.address {
            Address::Socket(_) => "localhost".to_owned(),
            Address::Http(address) => address.to_string(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body));
        let strange = || ClientError::Strange(self.address.clone());
        let request = request.map_err(|_| strange())?;
        let answered = async {
            let answer = self.sender.send_request(request).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let ended = |source| ClientError::Ended { address: self.address.clone(), source };
        let silent = |_| ClientError::Silent(self.address.clone());
        let (status, body) =
            timeout(takes + PATIENCE, answered).await.map_err(silent)?.map_err(ended)?;
        read(status, &body).ok_or_else(strange)
    }
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Option<Answer<T>> {
    if status.is_success() {
        return serde_json::from_slice(body).ok().map(Answer::Done);
    }
    let refused = serde_json::from_slice(body).ok()?;
    Some(match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Answer::Misuse(refused),
        _ => Answer::NotSo(refused),
    })
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
