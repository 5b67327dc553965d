//! What a server asks of whoever wants to come in.

use super::Message;
use crate::pg::frame::Fields;

/// An authentication request, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication<'a> {
    /// Nothing more is asked.
    Ok,
    CleartextPassword,
    /// The password, hashed with this salt.
    Md5Password([u8; 4]),
    /// The beginning of a SASL exchange by one of these mechanisms.
    Sasl(Mechanisms<'a>),
    /// The server's part of a SASL exchange.
    SaslContinue(&'a [u8]),
    /// The server's last part of a SASL exchange.
    SaslFinal(&'a [u8]),
    /// A way that this program does not speak, by its name.
    Foreign(&'static str),
}

impl<'a> Message<'a> for Authentication<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let foreign = |fields: &mut Fields<'a>, name| {
            // What such a request goes on with is not known here. It is taken, so that the body is
            // read to its end and the refusal names the method instead of an unreadable message.
            fields.take_rest();
            Self::Foreign(name)
        };
        Some(match fields.long()? {
            0 => Self::Ok,
            2 => foreign(fields, "Kerberos"),
            3 => Self::CleartextPassword,
            5 => Self::Md5Password(*fields.bytes(4)?.first_chunk()?),
            6 => foreign(fields, "SCM credentials"),
            7 | 8 => foreign(fields, "GSSAPI"),
            9 => foreign(fields, "SSPI"),
            10 => Self::Sasl(Mechanisms::parse(fields)?),
            11 => Self::SaslContinue(fields.take_rest()),
            12 => Self::SaslFinal(fields.take_rest()),
            _ => return None,
        })
    }
}

/// The names of SASL mechanisms, the server's favourite first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mechanisms<'a>(Fields<'a>);

impl<'a> Mechanisms<'a> {
    /// Up to an empty one.
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let names = *fields;
        while !fields.string()?.is_empty() {}
        Some(Self(names))
    }

    /// The names, one after the other.
    pub(crate) fn iter(mut self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || self.0.string().filter(|name| !name.is_empty()))
    }
}
