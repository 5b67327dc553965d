//! What a schema's comment says: whose it is, which it is, and how to tell whether its run lives.

use std::fmt;

/// How every mark begins.
pub(super) const MADE: &str = "overbooked made the schema ";

/// A mark. It names its own schema, by the number as well: a copy in another database has the same
/// name, one that was renamed the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) name: String,
    pub(super) oid: i64,
    pub(super) alive: Alive,
}

/// When the schema's run lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alive {
    /// While it holds the lock.
    WhileLocked,
    /// Until this second of the server's clock.
    Until(i64),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, oid, alive } = self;
        match alive {
            Alive::WhileLocked => write!(f, "{MADE}{name} ({oid}); alive while locked"),
            Alive::Until(end) => write!(f, "{MADE}{name} ({oid}); alive until {end}"),
        }
    }
}

impl Mark {
    /// The inverse of `to_string`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (schema, alive) = text.strip_prefix(MADE)?.split_once("; alive ")?;
        // From the right, because a name may contain anything.
        let (name, oid) = schema.strip_suffix(')')?.rsplit_once(" (")?;
        let alive = match alive {
            "while locked" => Alive::WhileLocked,
            lease => Alive::Until(lease.strip_prefix("until ")?.parse().ok()?),
        };
        Some(Self { name: name.to_owned(), oid: oid.parse().ok()?, alive })
    }

    /// Whether the mark is this schema's own.
    pub(super) fn is_of(&self, name: &str, oid: i64) -> bool {
        self.name == name && self.oid == oid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for alive in [Alive::WhileLocked, Alive::Until(1_767_225_600)] {
            let mark = Mark { name: "overbooked_rush_5c1f09aa".to_owned(), oid: 16_423, alive };
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
    }

    #[test]
    fn anything_else_is_no_mark() {
        for text in [
            "",
            "mine",
            "overbooked made this; alive while locked",
            "overbooked made the schema s (1); alive",
            "overbooked made the schema s (1); alive while locked, and mine",
            "overbooked made the schema s (1); alive until tomorrow",
            "overbooked made the schema s; alive while locked",
        ] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
