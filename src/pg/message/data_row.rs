//! One row of a result.

use super::Message;
use crate::core::event::{Row, octets};
use crate::pg::frame::Fields;

/// `DataRow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataRow<'a> {
    count: u16,
    values: Fields<'a>,
}

impl<'a> Message<'a> for DataRow<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let count = fields.short()?;
        let values = *fields;
        for _ in 0..count {
            fields.value_bytes()?;
        }
        Some(Self { count, values })
    }
}

impl<'a> DataRow<'a> {
    /// The bytes of each value; `None` is NULL.
    pub(crate) fn values(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let mut values = self.values;
        (0..self.count).map_while(move |_| values.value_bytes())
    }

    /// The values as texts, bytes of other encodings kept.
    pub(crate) fn texts(self) -> Row {
        self.values().map(|value| value.map(octets::keep)).collect()
    }

    /// The values as they are in UTF-8; nothing where one is not.
    pub(crate) fn utf8(self) -> Option<Row> {
        let utf8 = |value: &[u8]| String::from_utf8(value.into()).ok();
        self.values().map(|value| value.map_or(Some(None), |value| utf8(value).map(Some))).collect()
    }
}
