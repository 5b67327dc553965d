//! The messages that are read and not only moved, one file a kind (PostgreSQL documentation, 54.7).
//!
//! A server's message is read where it lies: what is made of a frame borrows its bytes. It is read
//! to its end before anybody gets it, so that whoever walks its columns or values meets no
//! surprise:
//!
//! ```text
//!  Frame ──DataRow::read──▶ DataRow ──values──▶ Some(b"Alice"), None, Some(b"7")
//!            └── WireError::Unreadable("DataRow"), where lengths and body do not agree
//! ```
//!
//! What is said to a server is written by [`frontend`]'s functions right behind what is queued.

mod authentication;
mod backend_key;
mod command_complete;
mod copy_response;
mod data_row;
mod error_fields;
pub(crate) mod frontend;
mod notification;
mod parameter_status;
mod row_description;
mod transaction_status;

use super::error::WireError;
use super::frame::{Fields, FromServer};

pub(crate) use authentication::Authentication;
pub(crate) use backend_key::BackendKey;
pub(crate) use command_complete::CommandComplete;
pub(crate) use copy_response::CopyResponse;
pub(crate) use data_row::DataRow;
pub(crate) use error_fields::ErrorFields;
pub(crate) use notification::Notification;
pub(crate) use parameter_status::ParameterStatus;
pub(crate) use row_description::RowDescription;

/// What the body of a server's message is read as.
pub(crate) trait Message<'a>: Sized {
    /// Takes the body's fields; nothing where they are none of this kind.
    fn parse(fields: &mut Fields<'a>) -> Option<Self>;

    /// Reads the whole body. Like libpq, this accepts nothing behind the last field.
    fn read(frame: &'a FromServer) -> Result<Self, WireError> {
        let mut fields = frame.fields();
        let message = Self::parse(&mut fields).filter(|_| fields.rest().is_empty());
        message.ok_or(WireError::Unreadable(frame.tag.name()))
    }
}

#[cfg(test)]
mod tests;
