//! The end of a statement that went well.

use super::Message;
use crate::core::event::octets;
use crate::pg::frame::Fields;

/// `CommandComplete`: the statement's tag, `UPDATE 12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandComplete<'a> {
    tag: &'a [u8],
}

impl<'a> Message<'a> for CommandComplete<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        Some(Self { tag: fields.string()? })
    }
}

impl<'a> CommandComplete<'a> {
    /// The tag's bytes.
    pub(crate) fn tag(self) -> &'a [u8] {
        self.tag
    }

    /// The tag as text, bytes of other encodings kept.
    pub(crate) fn text(self) -> String {
        octets::keep(self.tag)
    }

    /// How many rows the statement has found or written; some commands do not say.
    pub(crate) fn rows(self) -> Option<u64> {
        // `INSERT 0 3` has an object's number before it, always 0 since PostgreSQL 12.
        let last = self.tag.rsplit(|byte| *byte == b' ').next()?;
        std::str::from_utf8(last).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tags_number_is_its_last_word() {
        for (tag, rows) in [("INSERT 0 3", Some(3)), ("UPDATE 12", Some(12)), ("COMMIT", None)] {
            assert_eq!(CommandComplete { tag: tag.as_bytes() }.rows(), rows, "{tag:?}");
        }
        assert_eq!(CommandComplete { tag: b"" }.rows(), None);
    }
}
