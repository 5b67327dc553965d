//! Values that are names of tables: PostgreSQL writes a `regclass` and a `regtype` as the search
//! path finds it, and there it finds copies.

use bytes::{BufMut, BytesMut};

use super::{Copy, Tables};
use crate::core::syntax::quote_if_needed;
use crate::pg::frame::FromServer;
use crate::pg::message::{DataRow, Message as _, RowDescription};

/// `regclass` and `regtype`, by their fixed numbers (`pg_type.dat`).
const TYPES: [u32; 2] = [2205, 2206];

impl Tables {
    /// The columns of a result in which names of copies may stand.
    pub(crate) fn columns_of_names(&self, frame: &FromServer) -> Vec<usize> {
        let described = RowDescription::read(frame).ok().filter(|_| self.has_copies());
        described.map(|columns| columns.texts_of(&TYPES)).unwrap_or_default()
    }

    /// A row with the stored tables' names in these columns; nothing where it is the same.
    pub(crate) fn retold_names(&self, frame: &FromServer, columns: &[usize]) -> Option<FromServer> {
        let mut told = BytesMut::from(&frame.body()[..2]);
        let mut is_other = false;
        for (at, value) in DataRow::read(frame).ok()?.values().enumerate() {
            let Some(value) = value else {
                told.put_i32(NULL);
                continue;
            };
            let name = std::str::from_utf8(value).ok().filter(|_| columns.contains(&at));
            let stored = name.and_then(|name| self.stored_name(name));
            is_other |= stored.is_some();
            let value = stored.as_ref().map_or(value, String::as_bytes);
            told.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            told.put_slice(value);
        }
        is_other.then(|| frame.with_body(&told))
    }

    /// What PostgreSQL would write without copies, where it has written this.
    fn stored_name(&self, written: &str) -> Option<String> {
        self.copies.values().find_map(|copy| {
            let stored = self.shown(copy);
            let qualified = qualified(copy);
            let is_hidden = copy.name == copy.shape.name && written == qualified;
            let is_copy = copy.name != copy.shape.name && written == quote_if_needed(&copy.name);
            ((is_hidden || is_copy) && stored != written).then_some(stored)
        })
    }

    /// The name of the stored table, as the search path wants it.
    fn shown(&self, copy: &Copy) -> String {
        let found = self.names.get(&(None, copy.shape.name.clone())).copied().flatten();
        if copy.name == copy.shape.name || found == Some(copy.shape.oid) {
            quote_if_needed(&copy.shape.name)
        } else {
            qualified(copy)
        }
    }
}

/// How a value that is NULL is told in the place of its length.
const NULL: i32 = -1;

fn qualified(copy: &Copy) -> String {
    format!("{}.{}", quote_if_needed(&copy.shape.schema), quote_if_needed(&copy.shape.name))
}
