//! The fields of a body, in their order.

use bytes::Buf as _;

/// Reads a body's fields where they lie; a body that is too short gives `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// A string up to its zero byte, where it is UTF-8.
    pub(crate) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.string()?.into()).ok()
    }

    /// The bytes of a string up to its zero byte.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let string = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(string)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, behind) = self.0.split_first()?;
        self.0 = behind;
        Some(*byte)
    }

    /// A 16-bit number.
    pub(crate) fn short(&mut self) -> Option<u16> {
        self.0.try_get_u16().ok()
    }

    /// A 32-bit number.
    pub(crate) fn long(&mut self) -> Option<i32> {
        self.0.try_get_i32().ok()
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, behind) = self.0.split_at_checked(length)?;
        self.0 = behind;
        Some(bytes)
    }

    /// The bytes of a value of a row (PostgreSQL documentation, 54.7, `DataRow`): the inner `None`
    /// is NULL.
    pub(crate) fn value_bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.long()? {
            -1 => Some(None),
            // Any other negative length means nothing, and must not become a huge positive one.
            length => self.bytes(usize::try_from(length).ok()?).map(Some),
        }
    }

    /// Everything that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Everything that is left, taken.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
