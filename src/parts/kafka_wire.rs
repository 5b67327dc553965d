//! A connection to a Kafka broker: questions and answers, each behind its length.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use kafka_protocol::messages::{
    ApiKey, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes, encode_request_header_into_buffer};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::address::Stream;

/// Which versions of the questions we ask: Kafka 2.8 knows them, and so does 4.
const VERSIONS: [(ApiKey, i16); 7] = [
    (ApiKey::Produce, 7),
    (ApiKey::Fetch, 11),
    (ApiKey::Metadata, 10),
    (ApiKey::CreateTopics, 4),
    (ApiKey::DeleteTopics, 3),
    (ApiKey::SaslHandshake, 1),
    (ApiKey::SaslAuthenticate, 0),
];

/// The connection.
pub(super) struct Wire {
    stream: Framed<Stream, LengthDelimitedCodec>,
    asked: i32,
}

impl Wire {
    pub(super) fn over(stream: Stream) -> Self {
        Self { stream: Framed::new(stream, LengthDelimitedCodec::new()), asked: 0 }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask<Q: Encodable, A: Decodable>(
        &mut self,
        key: ApiKey,
        question: &Q,
    ) -> io::Result<A> {
        let version = VERSIONS.iter().find(|(known, _)| *known == key).map_or(0, |known| known.1);
        self.asked = self.asked.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("overbooked")));
        let mut out = BytesMut::new();
        encode_request_header_into_buffer(&mut out, &header).map_err(|error| unreadable(&error))?;
        question.encode(&mut out, version).map_err(|error| unreadable(&error))?;
        self.stream.send(out.freeze()).await?;
        let mut heard = self.stream.next().await.ok_or(io::ErrorKind::UnexpectedEof)??.freeze();
        let header_version = key.response_header_version(version);
        let header = ResponseHeader::decode(&mut heard, header_version)
            .map_err(|error| unreadable(&error))?;
        if header.correlation_id != self.asked {
            return Err(unreadable(&"an answer to another question"));
        }
        A::decode(&mut heard, version).map_err(|error| unreadable(&error))
    }

    /// Says who we are; an error code with words where that is refused.
    pub(super) async fn authenticate(
        &mut self,
        (user, password): &(String, String),
    ) -> io::Result<Result<(), (i16, String)>> {
        let plain =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        let shaken: SaslHandshakeResponse = self.ask(ApiKey::SaslHandshake, &plain).await?;
        if shaken.error_code != 0 {
            let words = "no authentication by a plain password".to_owned();
            return Ok(Err((shaken.error_code, words)));
        }
        let secret = Bytes::from(format!("\0{user}\0{password}"));
        let question = SaslAuthenticateRequest::default().with_auth_bytes(secret);
        let answer: SaslAuthenticateResponse =
            self.ask(ApiKey::SaslAuthenticate, &question).await?;
        match answer.error_code {
            0 => Ok(Ok(())),
            code => {
                let words = answer.error_message.map(|words| words.to_string());
                Ok(Err((code, words.unwrap_or_default())))
            }
        }
    }
}

fn unreadable(why: &impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}
