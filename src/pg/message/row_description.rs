//! What the columns of a result are.

use super::Message;
use crate::core::event::{Column, octets};
use crate::pg::frame::Fields;

/// `RowDescription`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowDescription<'a> {
    count: u16,
    columns: Fields<'a>,
}

/// What is said of one column, as far as anybody here asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ColumnDescription<'a> {
    name: &'a [u8],
    type_oid: u32,
    is_binary: bool,
}

impl<'a> Message<'a> for RowDescription<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let count = fields.short()?;
        let columns = *fields;
        for _ in 0..count {
            ColumnDescription::parse(fields)?;
        }
        Some(Self { count, columns })
    }
}

impl<'a> ColumnDescription<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let name = fields.string()?;
        let _table_and_its_column = fields.bytes(6)?;
        let type_oid = fields.long()?.cast_unsigned();
        let _size_and_modifier = fields.bytes(6)?;
        Some(Self { name, type_oid, is_binary: fields.short()? == 1 })
    }
}

impl<'a> RowDescription<'a> {
    fn described(self) -> impl Iterator<Item = ColumnDescription<'a>> {
        let mut columns = self.columns;
        (0..self.count).map_while(move |_| ColumnDescription::parse(&mut columns))
    }

    /// The places of the columns of these types whose values are told as texts.
    pub(crate) fn texts_of(self, types: &[u32]) -> Vec<usize> {
        let columns = self.described().enumerate();
        let of_types = columns.filter(|(_, it)| !it.is_binary && types.contains(&it.type_oid));
        of_types.map(|(at, _)| at).collect()
    }

    /// The columns, bytes of other encodings in their names kept.
    pub(crate) fn columns(self) -> Vec<Column> {
        let column = |ColumnDescription { name, type_oid, .. }: ColumnDescription<'_>| Column {
            name: octets::keep(name),
            type_oid,
        };
        self.described().map(column).collect()
    }

    /// The type of each column, and whether its values come in binary.
    pub(crate) fn formatted(self) -> Vec<(u32, bool)> {
        self.described().map(|column| (column.type_oid, column.is_binary)).collect()
    }
}
