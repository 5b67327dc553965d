//! What another session has told by NOTIFY.

use super::Message;
use crate::core::event::Pid;
use crate::pg::frame::Fields;

/// `NotificationResponse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notification<'a> {
    /// The process of whoever told it.
    pub(crate) from: Pid,
    pub(crate) channel: &'a [u8],
    /// Empty where none was given.
    pub(crate) payload: &'a [u8],
}

impl<'a> Message<'a> for Notification<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let from = Pid(fields.long()?);
        Some(Self { from, channel: fields.string()?, payload: fields.string()? })
    }
}
