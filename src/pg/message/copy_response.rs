//! The beginning of a COPY, in whichever direction.

use super::Message;
use crate::pg::frame::Fields;

/// `CopyInResponse`, `CopyOutResponse` or `CopyBothResponse`. Nobody here sends such data or shows
/// them, so nobody asks for the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyResponse;

impl<'a> Message<'a> for CopyResponse {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let _format = fields.byte()?;
        let columns = fields.short()?;
        fields.bytes(2 * usize::from(columns)).map(|_formats| Self)
    }
}
