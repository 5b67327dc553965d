//! Who may come in: SCRAM-SHA-256 (RFC 5802, RFC 7677), over TLS bound to the channel as well (RFC
//! 5929), against a file of users and passwords, or everybody where there is no file.
//!
//! A line of the file is `user:password`, or `user:` and a verifier as PostgreSQL keeps it in
//! `pg_authid` (`SCRAM-SHA-256$4096:salt$stored:server`). Empty lines and lines that begin with `#`
//! say nothing. A user who is not in the file is asked like any other and told the same as one with
//! a wrong password.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::BufMut;
use ring::{digest, hmac, pbkdf2};

use super::error::GatewayError;
use super::refusal::Refusal;
use crate::pg::frame::{ClientTag, FrameStream, put, put_text};

const MECHANISM: &str = "SCRAM-SHA-256";
/// The same, bound to the certificate that the client has seen: nobody can stand in between with
/// another.
const BOUND_MECHANISM: &str = "SCRAM-SHA-256-PLUS";
/// PostgreSQL's own number of rounds.
const ROUNDS: u32 = 4096;
/// The length of its salts.
const SALT: usize = 16;

/// The users and what proves that they are themselves.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    users: Option<HashMap<String, Verifier>>,
    /// What a stranger's salt is made of, for as long as the gateway runs.
    secret: [u8; 32],
}

/// What the server keeps of a password: enough to check it, not enough to use it.
#[derive(Clone, Debug)]
struct Verifier {
    rounds: u32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Verifier {
    fn of_password(password: &str) -> Self {
        let salt = rand::random::<[u8; SALT]>();
        let mut salted = [0; 32];
        let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
        let password = prepared(password);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
        Self {
            rounds: ROUNDS,
            salt: salt.to_vec(),
            stored_key: sha256(&sign(&salted, b"Client Key")),
            server_key: sign(&salted, b"Server Key"),
        }
    }

    /// Nobody's password. Nothing tells a stranger from a user: asked again, he gets the same salt,
    /// and it costs as little (`mock_scram_secret`). An empty key is no hash of anything, and no
    /// proof is right.
    fn of_stranger(secret: &[u8], user: &str) -> Self {
        let mut salt = sign(secret, user.as_bytes());
        salt.truncate(SALT);
        Self { rounds: ROUNDS, salt, stored_key: Vec::new(), server_key: Vec::new() }
    }

    /// Reads `SCRAM-SHA-256$4096:salt$stored:server`.
    fn parse(text: &str) -> Option<Self> {
        let (head, keys) = text.strip_prefix(MECHANISM)?.strip_prefix('$')?.split_once('$')?;
        let (rounds, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let bytes = |text: &str| BASE64.decode(text).ok();
        Some(Self {
            rounds: rounds.parse().ok()?,
            salt: bytes(salt)?,
            stored_key: bytes(stored)?,
            server_key: bytes(server)?,
        })
    }

    /// Whether this proof was made by somebody who knows the password.
    fn accepts(&self, proof: &[u8], exchange: &str) -> bool {
        // The proof is the client's key XOR this signature, and the stored key is that key's hash
        // (RFC 5802, section 3).
        let signature = sign(&self.stored_key, exchange.as_bytes());
        // `zip` ends with the shorter one: a longer proof would count by its first 32 bytes.
        if proof.len() != signature.len() {
            return false;
        }
        let key: Vec<u8> = proof.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        sha256(&key) == self.stored_key
    }
}

/// A password as clients spell it to prove that they know it (RFC 4013). What that prohibits is
/// taken as it is, as by PostgreSQL (`pg_be_scram_build_secret`).
fn prepared(password: &str) -> Cow<'_, str> {
    let prepared = stringprep::saslprep(password).ok().filter(|prepared| !prepared.is_empty());
    prepared.unwrap_or(Cow::Borrowed(password))
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

impl Passwords {
    /// Reads a password file.
    pub(super) fn read(path: &Path) -> Result<Self, GatewayError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| GatewayError::Unreadable { path: path.to_owned(), source })?;
        let mut users = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, password) = line.split_once(':').ok_or_else(|| {
                GatewayError::PasswordLine { path: path.to_owned(), line: number + 1 }
            })?;
            // Whatever is no verifier is a password, even if it begins like one, as for PostgreSQL
            // (`get_password_type`).
            let verifier =
                Verifier::parse(password).unwrap_or_else(|| Verifier::of_password(password));
            users.insert(user.to_owned(), verifier);
        }
        Ok(Self { users: Some(users), secret: rand::random() })
    }

    /// Whether anybody is asked.
    pub(super) fn are_asked(&self) -> bool {
        self.users.is_some()
    }

    /// Asks the client for its password, on a channel that can be bound to this end point, and says
    /// no to it by itself.
    pub(super) async fn admit(
        &self,
        client: &mut FrameStream<ClientTag>,
        user: &str,
        end_point: Option<&[u8]>,
    ) -> io::Result<bool> {
        let Some(users) = &self.users else { return Ok(true) };
        let stranger = || Verifier::of_stranger(&self.secret, user);
        let verifier = users.get(user).cloned().unwrap_or_else(stranger);
        if exchange(client, &verifier, end_point).await?.is_some() {
            return Ok(true);
        }
        Refusal::wrong_password(user).write_fatal(&mut client.out);
        Ok(false)
    }
}

/// The exchange of four messages; `None` where the client does not prove itself.
async fn exchange(
    client: &mut FrameStream<ClientTag>,
    verifier: &Verifier,
    end_point: Option<&[u8]>,
) -> io::Result<Option<()>> {
    offer(client, end_point).await?;
    let Some((mechanism, first)) = read_first(client).await? else { return Ok(None) };
    let Some(first) = First::parse(&mechanism, &first, end_point) else { return Ok(None) };
    // The client refuses a nonce that does not begin with its own (RFC 5802, section 5.1).
    // Hexadecimal, since a comma would end the attribute.
    let nonce = format!("{}{:032x}", first.nonce, rand::random::<u128>());
    let salt = BASE64.encode(&verifier.salt);
    let challenge = format!("r={nonce},s={salt},i={}", verifier.rounds);
    put(&mut client.out, b'R', |out| {
        out.put_u32(11);
        out.put_slice(challenge.as_bytes());
    });
    client.flush().await?;
    let Some(last) = read_password(client).await? else { return Ok(None) };
    // What is replaced here belongs to a proof that is none.
    let last = String::from_utf8_lossy(&last).into_owned();
    // The proof is the last attribute, and vouches for all before it (RFC 5802, section 7).
    let Some((unproven, proof)) = last.rsplit_once(",p=") else { return Ok(None) };
    // The client's first message is unprotected. Its head stands here once more, under the proof:
    // whoever in between has turned a `p` or `y` of it into `n`, so that no binding is asked for,
    // is found out.
    let is_ours = unproven == format!("c={},r={nonce}", BASE64.encode(&first.binding));
    let proof = BASE64.decode(proof).unwrap_or_default();
    // `AuthMessage` of RFC 5802, section 3.
    let whole = format!("{},{challenge},{unproven}", first.bare);
    if !is_ours || !verifier.accepts(&proof, &whole) {
        return Ok(None);
    }
    // AuthenticationOk does not follow from here. The server behind says it once it has let the
    // gateway in, and the client gets that.
    let signature = BASE64.encode(sign(&verifier.server_key, whole.as_bytes()));
    put(&mut client.out, b'R', |out| {
        out.put_u32(12);
        out.put_slice(format!("v={signature}").as_bytes());
    });
    Ok(Some(()))
}

async fn offer(client: &mut FrameStream<ClientTag>, end_point: Option<&[u8]>) -> io::Result<()> {
    put(&mut client.out, b'R', |out| {
        out.put_u32(10);
        if end_point.is_some() {
            put_text(out, BOUND_MECHANISM);
        }
        put_text(out, MECHANISM);
        out.put_u8(0);
    });
    client.flush().await
}

async fn read_password(client: &mut FrameStream<ClientTag>) -> io::Result<Option<Vec<u8>>> {
    let frame = client.next().await?;
    Ok(frame.filter(|frame| frame.tag == ClientTag::Password).map(|frame| frame.body().to_vec()))
}

/// The mechanism's name, and behind a length the client's first message.
async fn read_first(client: &mut FrameStream<ClientTag>) -> io::Result<Option<(String, String)>> {
    let Some(frame) = client.next().await?.filter(|frame| frame.tag == ClientTag::Password) else {
        return Ok(None);
    };
    let mut fields = frame.fields();
    let mechanism = fields.text();
    let text = fields.long().map(|_| String::from_utf8_lossy(fields.rest()).into_owned());
    Ok(mechanism.zip(text))
}

/// The client's first message: `n,,n=user,r=nonce`.
#[derive(Debug, PartialEq, Eq)]
struct First<'a> {
    /// What its last message must repeat: the head up to the second comma, and the end point to
    /// which it has bound itself.
    binding: Vec<u8>,
    bare: &'a str,
    nonce: &'a str,
}

impl<'a> First<'a> {
    /// Reads it; nothing where it does not go with the mechanism, or the mechanism with what was
    /// offered.
    fn parse(mechanism: &str, text: &'a str, end_point: Option<&[u8]>) -> Option<Self> {
        let (flag, rest) = text.split_once(',')?;
        let (_, bare) = rest.split_once(',')?;
        let head = &text.as_bytes()[..text.len() - bare.len()];
        let binding = match (mechanism, flag, end_point) {
            (BOUND_MECHANISM, "p=tls-server-end-point", Some(hash)) => [head, hash].concat(),
            // One who thinks that there is no binding, where there is, was told so by somebody in
            // between.
            (MECHANISM, "n", _) | (MECHANISM, "y", None) => head.to_vec(),
            _ => return None,
        };
        let nonce = bare.split(',').find_map(|part| part.strip_prefix("r="))?;
        Some(Self { binding, bare, nonce })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    async fn read(stream: &mut DuplexStream) -> Vec<u8> {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 8];
        stream.read_exact(&mut body).await.unwrap();
        body
    }

    async fn answer(stream: &mut DuplexStream, body: &[u8]) {
        let mut out = bytes::BytesMut::new();
        put(&mut out, b'p', |out| out.extend_from_slice(body));
        stream.write_all(&out).await.unwrap();
    }

    /// A client of another hand proves itself, or does not.
    async fn is_admitted_over(
        passwords: &Passwords,
        user: &str,
        password: &'static str,
        (mechanism, binding): (&'static str, ChannelBinding),
        end_point: Option<&[u8]>,
    ) -> bool {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let client = tokio::spawn(async move {
            read(&mut theirs).await;
            let mut scram = ScramSha256::new(password.as_bytes(), binding);
            let mut first = format!("{mechanism}\0").into_bytes();
            first.extend_from_slice(&u32::try_from(scram.message().len()).unwrap().to_be_bytes());
            first.extend_from_slice(scram.message());
            answer(&mut theirs, &first).await;
            let challenge = read(&mut theirs).await;
            // Who is refused at once is not challenged.
            if scram.update(&challenge).is_ok() {
                answer(&mut theirs, scram.message()).await;
            }
            theirs
        });
        let mut line = FrameStream::<ClientTag>::new(Box::new(ours), bytes::BytesMut::new());
        let admitted = passwords.admit(&mut line, user, end_point).await.unwrap();
        line.flush().await.unwrap();
        client.await.unwrap();
        admitted
    }

    fn passwords(file: &str) -> Passwords {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwords");
        std::fs::write(&path, file).unwrap();
        Passwords::read(&path).unwrap()
    }

    #[tokio::test]
    async fn who_knows_the_password_comes_in_and_nobody_else() {
        let passwords = passwords("# users\n\nalice:secret:with a colon\nbob:pencil\n");
        let is_admitted = async |user, password| {
            let plain = (MECHANISM, ChannelBinding::unsupported());
            is_admitted_over(&passwords, user, password, plain, None).await
        };
        assert!(is_admitted("alice", "secret:with a colon").await);
        assert!(is_admitted("bob", "pencil").await);
        assert!(!is_admitted("bob", "pen").await);
        assert!(!is_admitted("mallory", "pencil").await);
    }

    /// Whoever stands in between has another certificate, or has taken an offer away.
    #[tokio::test]
    async fn who_is_bound_to_the_channel_has_nobody_in_between() {
        let passwords = passwords("bob:pencil\n");
        let bound =
            |hash: &[u8]| (BOUND_MECHANISM, ChannelBinding::tls_server_end_point(hash.to_vec()));
        let is_admitted = async |how, end_point| {
            is_admitted_over(&passwords, "bob", "pencil", how, end_point).await
        };
        let ours = Some(&b"our certificate"[..]);
        assert!(is_admitted(bound(b"our certificate"), ours).await);
        assert!(!is_admitted(bound(b"another certificate"), ours).await);
        assert!(!is_admitted(bound(b"our certificate"), None).await);
        assert!(is_admitted((MECHANISM, ChannelBinding::unsupported()), ours).await);
        assert!(!is_admitted((MECHANISM, ChannelBinding::unrequested()), ours).await);
        assert!(is_admitted((MECHANISM, ChannelBinding::unrequested()), None).await);
    }

    /// The salt and the rounds with which this user is challenged.
    async fn challenge(passwords: &Passwords, user: &str) -> String {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let client = tokio::spawn(async move {
            read(&mut theirs).await;
            answer(&mut theirs, b"SCRAM-SHA-256\0\0\0\0\x0dn,,n=,r=nonce").await;
            String::from_utf8(read(&mut theirs).await).unwrap()
        });
        let mut line = FrameStream::<ClientTag>::new(Box::new(ours), bytes::BytesMut::new());
        assert!(!passwords.admit(&mut line, user, None).await.unwrap());
        let challenge = client.await.unwrap();
        challenge.split_once(',').expect("a salt behind the nonce").1.to_owned()
    }

    #[tokio::test]
    async fn a_stranger_is_challenged_as_one_of_the_users_is() {
        let passwords = passwords("bob:pencil\n");
        let challenge = async |user| challenge(&passwords, user).await;
        let (bob, mallory) = (challenge("bob").await, challenge("mallory").await);
        assert_eq!(challenge("bob").await, bob);
        assert_eq!(challenge("mallory").await, mallory);
        assert_ne!(challenge("eve").await, mallory);
        assert_eq!(mallory.len(), bob.len());
    }

    #[tokio::test]
    async fn a_password_may_be_spelled_in_several_ways() {
        // RFC 4013, section 3; the last is prohibited, and taken as it is.
        let passwords = passwords("a:I\u{ad}X\nb:\u{2168}\nc:\u{aa}\nd:x\u{7}\u{2168}\n");
        for (user, password, is_right) in [
            ("a", "IX", true),
            ("a", "I\u{ad}X", true),
            ("b", "IX", true),
            ("b", "\u{2168}", true),
            ("c", "a", true),
            ("c", "\u{aa}", true),
            ("d", "x\u{7}\u{2168}", true),
            ("d", "x\u{7}IX", false),
        ] {
            let plain = (MECHANISM, ChannelBinding::unsupported());
            let admitted = is_admitted_over(&passwords, user, password, plain, None).await;
            assert_eq!(admitted, is_right, "{user} {password:?}");
        }
    }
}
