//! How the session's transaction stands: what `ReadyForQuery` tells.

use super::Message;
use crate::core::event::TransactionStatus;
use crate::pg::frame::Fields;

impl<'a> Message<'a> for TransactionStatus {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        match fields.byte()? {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::Failed),
            _ => None,
        }
    }
}
