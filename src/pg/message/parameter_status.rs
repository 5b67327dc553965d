//! A setting of the session as the server reports it (PostgreSQL documentation, 54.2.7).

use super::Message;
use crate::pg::frame::Fields;

/// `ParameterStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParameterStatus<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> Message<'a> for ParameterStatus<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        Some(Self { name: fields.string()?, value: fields.string()? })
    }
}
