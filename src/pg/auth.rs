//! Proving who we are: trust, cleartext, MD5, SCRAM-SHA-256 with and without channel binding.
//!
//! The arithmetic is `postgres-protocol`'s; here are the decisions: which mechanism, and what is
//! too weak for what `channel_binding` and `require_auth` ask.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};

use super::error::ConnectError;
use super::message::Authentication;
use super::message::frontend::{put_password, put_sasl, put_sasl_initial};
use super::policy::{AcceptedMethods, AuthMethod, BindingDemand, Choice};
use super::target::{Password, ServerAddress, Target};
use crate::core::event::octets;

/// Our side of an authentication: who we are, and how far it has come.
pub(super) struct Authenticator {
    place: ServerAddress,
    user: String,
    demand: BindingDemand,
    accepted: AcceptedMethods,
    end_point: EndPoint,
    state: State,
}

/// What a channel can be bound to (RFC 5929, `tls-server-end-point`).
pub(super) enum EndPoint {
    /// The connection is not encrypted.
    Plain,
    /// It is, but the certificate's signature names no hash to make a binding of.
    Nameless,
    /// The hash of the server's certificate.
    Certificate(Vec<u8>),
}

/// How far an authentication has come.
enum State {
    /// The server has asked nothing yet; its `Ok` would be trust.
    Unasked,
    /// We answered, and it is for the server to like it or not.
    Answered,
    /// SCRAM: the server has yet to prove that it knows the password too.
    Scram(Box<ScramSha256>, Bound),
    /// SCRAM: the server has proved it.
    Mutual(Bound),
}

/// Whether a SCRAM exchange is bound to the TLS channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    ToChannel,
    ToNothing,
}

impl Authenticator {
    pub(super) fn new(target: &Target, place: &ServerAddress, end_point: EndPoint) -> Self {
        Self {
            place: place.clone(),
            user: target.user.clone(),
            demand: target.channel_binding,
            accepted: target.require_auth.clone(),
            end_point,
            state: State::Unasked,
        }
    }

    /// Queues what is to be said to the server's request, if anything.
    pub(super) fn answer(
        &mut self,
        request: Authentication<'_>,
        out: &mut BytesMut,
    ) -> Result<(), ConnectError> {
        match request {
            Authentication::Ok => self.finish(),
            Authentication::CleartextPassword => {
                // All demands are checked before the password is queued: once it has left in clear
                // text, finding out at the end that it should not have is too late.
                let password = self.plain_password(AuthMethod::Password)?.to_owned();
                self.give_password(&password, out)
            }
            Authentication::Md5Password(salt) => self.give_hash(salt, out),
            Authentication::Sasl(mechanisms) => {
                let offered: Vec<_> = mechanisms.iter().map(octets::keep).collect();
                self.begin_scram(&offered, out)
            }
            Authentication::SaslContinue(challenge) => self.continue_scram(challenge, out),
            Authentication::SaslFinal(verdict) => self.finish_scram(verdict),
            Authentication::Foreign(way) => {
                Err(self.wrong(&format!("it asks for {way}, which this program does not support")))
            }
        }
    }

    /// The server lets us in: was that after everything that we demand?
    fn finish(&self) -> Result<(), ConnectError> {
        match &self.state {
            // SCRAM is mutual: somebody who does not know the password can make up a challenge and
            // send `AuthenticationOk` right away, but not the signature of `SaslFinal` (RFC 5802,
            // 3). Without this arm an impostor would be taken for the server.
            State::Scram(..) => {
                Err(self.wrong("the server never proved that it knows the password"))
            }
            State::Mutual(Bound::ToChannel) => Ok(()),
            _ if self.demand == BindingDemand::Require => {
                Err(self.wrong("channel_binding=require, and the server let us in without it"))
            }
            // Trust, peer and certificates ask nothing over the wire: to the client they all are
            // `none`.
            State::Unasked => self.accept(AuthMethod::None),
            _ => Ok(()),
        }
    }

    fn give_hash(&mut self, salt: [u8; 4], out: &mut BytesMut) -> Result<(), ConnectError> {
        let password = self.plain_password(AuthMethod::Md5)?;
        let hash = md5_hash(self.user.as_bytes(), password.as_bytes(), salt);
        self.give_password(&hash, out)
    }

    fn give_password(&mut self, text: &str, out: &mut BytesMut) -> Result<(), ConnectError> {
        // The message's string would end at the zero byte: a part of the password would be sent,
        // and be called wrong. SCRAM never sends the password, so it needs no such check.
        if text.contains('\0') {
            return Err(self.wrong("the password contains a zero byte"));
        }
        self.state = State::Answered;
        put_password(out, text);
        Ok(())
    }

    fn begin_scram(&mut self, offered: &[String], out: &mut BytesMut) -> Result<(), ConnectError> {
        self.accept(AuthMethod::Scram)?;
        let (mechanism, bound, binding) = self.choose(offered)?;
        let scram = ScramSha256::new(self.password()?.as_bytes(), binding);
        put_sasl_initial(out, mechanism, scram.message());
        self.state = State::Scram(Box::new(scram), bound);
        Ok(())
    }

    /// The strongest mechanism that both sides can. With a channel to bind to but a server that
    /// offers no binding we say so (`unrequested`), which unmasks somebody in the middle who took
    /// the offer out.
    fn choose(
        &self,
        offered: &[String],
    ) -> Result<(&'static str, Bound, ChannelBinding), ConnectError> {
        let offers = |mechanism| offered.iter().any(|offer| offer == mechanism);
        match (&self.end_point, self.demand) {
            (EndPoint::Certificate(hash), BindingDemand::Prefer | BindingDemand::Require)
                if offers(SCRAM_SHA_256_PLUS) =>
            {
                let binding = ChannelBinding::tls_server_end_point(hash.clone());
                Ok((SCRAM_SHA_256_PLUS, Bound::ToChannel, binding))
            }
            // Ahead of the offer of plain SCRAM: whoever stands between could take `-PLUS` out of
            // the list, and falling back would give up the very thing that was required.
            (_, BindingDemand::Require) => Err(self.wrong(self.why_unbound())),
            _ if !offers(SCRAM_SHA_256) => Err(self.wrong(&format!(
                "it offers {}, and this program supports {SCRAM_SHA_256}",
                offered.join(", ")
            ))),
            // The flag `y` (RFC 5802, 6): a server that does offer `-PLUS` must refuse it, because
            // it then knows that the offer was lost on its way.
            (EndPoint::Certificate(_), BindingDemand::Prefer) => {
                Ok((SCRAM_SHA_256, Bound::ToNothing, ChannelBinding::unrequested()))
            }
            // The flag `n`: `channel_binding=disable`, no TLS, or no hash to bind to. `y` would be
            // wrong here, for the server may well have offered `-PLUS`, and would refuse.
            _ => Ok((SCRAM_SHA_256, Bound::ToNothing, ChannelBinding::unsupported())),
        }
    }

    fn why_unbound(&self) -> &'static str {
        match self.end_point {
            EndPoint::Plain => "channel_binding=require needs TLS, and this connection has none",
            EndPoint::Nameless => {
                "channel_binding=require, but the server's certificate is signed without a hash to \
                 bind to"
            }
            EndPoint::Certificate(_) => {
                "channel_binding=require, but the server does not offer SCRAM-SHA-256-PLUS"
            }
        }
    }

    fn continue_scram(&mut self, challenge: &[u8], out: &mut BytesMut) -> Result<(), ConnectError> {
        let State::Scram(scram, _) = &mut self.state else {
            return Err(self.wrong("it continues a SCRAM exchange that never began"));
        };
        if let Err(error) = scram.update(challenge) {
            return Err(self.wrong(&error.to_string()));
        }
        put_sasl(out, scram.message());
        Ok(())
    }

    fn finish_scram(&mut self, verdict: &[u8]) -> Result<(), ConnectError> {
        let State::Scram(scram, bound) = &mut self.state else {
            return Err(self.wrong("it ends a SCRAM exchange that never began"));
        };
        let bound = *bound;
        match scram.finish(verdict) {
            Ok(()) => self.state = State::Mutual(bound),
            Err(error) => return Err(self.wrong(&error.to_string())),
        }
        Ok(())
    }

    /// The password for a method that cannot bind to the channel.
    fn plain_password(&self, method: AuthMethod) -> Result<&str, ConnectError> {
        self.accept(method)?;
        if self.demand == BindingDemand::Require {
            let name = method.name();
            return Err(self.wrong(&format!("channel_binding=require, but it asks for {name}")));
        }
        self.password()
    }

    fn password(&self) -> Result<&str, ConnectError> {
        self.place.password.as_ref().map(Password::reveal).ok_or_else(|| ConnectError::NoPassword {
            place: self.place.to_string(),
            user: self.user.clone(),
        })
    }

    fn accept(&self, method: AuthMethod) -> Result<(), ConnectError> {
        if self.accepted.contains(method) {
            return Ok(());
        }
        let name = method.name();
        Err(self.wrong(&format!("it asks by method {name}, which require_auth does not allow")))
    }

    fn wrong(&self, reason: &str) -> ConnectError {
        ConnectError::Authentication { place: self.place.to_string(), reason: reason.to_owned() }
    }
}
