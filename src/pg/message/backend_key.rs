//! What a server wants to hear from whoever cancels a statement.

use super::Message;
use crate::pg::frame::Fields;

/// `BackendKeyData`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackendKey<'a> {
    /// The server's process.
    pub(crate) pid: i32,
    /// The secret: four bytes, and more since protocol 3.2.
    pub(crate) secret: &'a [u8],
}

impl<'a> Message<'a> for BackendKey<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let key = Self { pid: fields.long()?, secret: fields.take_rest() };
        Some(key).filter(|key| key.secret.len() >= 4)
    }
}
