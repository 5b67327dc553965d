//! The signs that stand beside every word: one set for terminals with UTF-8, one of plain ASCII.

use ratatui::symbols::border;

/// Which characters the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Unicode,
    Ascii,
}

impl Charset {
    /// What the locale says, by POSIX's order: `LC_ALL`, then `LC_CTYPE`, then `LANG`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

/// One sign for each thing that has one. Everything but the hourglass and the arrows takes one
/// cell.
#[derive(Debug, PartialEq, Eq)]
pub struct Signs {
    /// A free seat.
    pub free: &'static str,
    /// A row lock.
    pub locked: &'static str,
    /// A change that is not committed.
    pub uncommitted: &'static str,
    /// A committed booking, where there is no room for a name.
    pub booked: &'static str,
    pub waiting: &'static str,
    /// A seat that somebody waits for, where there is no room for a queue.
    pub awaited: &'static str,
    /// A row that is new.
    pub new: &'static str,
    /// A row that goes.
    pub gone: &'static str,
    /// What the server cannot tell.
    pub unsure: &'static str,
    /// What a change makes of a seat.
    pub becomes: &'static str,
    /// From a waiter to the one in its way.
    pub leads: &'static str,
    /// From the head of a queue to those in it.
    pub followed: &'static str,
    /// A circle of waits.
    pub cycle: &'static str,
    /// It goes on to the left, to the right.
    pub beyond: [&'static str; 2],
    /// The rest does not fit.
    pub ellipsis: &'static str,
    /// An expectation kept, a step done.
    pub kept: &'static str,
    /// An expectation broken.
    pub broken: &'static str,
    /// Not the same on the other engine.
    pub differs: &'static str,
    /// The next step.
    pub next: &'static str,
    /// Between two short things on one line.
    pub between: &'static str,
    /// A line across: a header's rule.
    pub rule: &'static str,
    /// A line down, between columns.
    pub wall: &'static str,
    /// Where a rule and a wall cross.
    pub crossing: &'static str,
    /// The two edges of a bar on the timeline.
    pub edges: [&'static str; 2],
    /// A bar that waits.
    pub hatch: &'static str,
    /// A bar that runs.
    pub runs: &'static str,
    /// A failed transaction.
    pub dashes: &'static str,
    /// A transaction was committed.
    pub committed: &'static str,
    /// A transaction was rolled back.
    pub rolled_back: &'static str,
    /// A branch of a tree, and its last.
    pub branch: [&'static str; 2],
    /// The border of a pane.
    pub border: border::Set<'static>,
}

impl Signs {
    /// The set for a character set.
    pub const fn of(charset: Charset) -> &'static Self {
        match charset {
            Charset::Unicode => &UNICODE,
            Charset::Ascii => &ASCII,
        }
    }
}

const UNICODE: Signs = Signs {
    free: "·",
    locked: "◐",
    uncommitted: "●",
    booked: "■",
    waiting: "⏳",
    awaited: "!",
    new: "+",
    gone: "×",
    unsure: "?",
    becomes: "→",
    leads: "──▶",
    followed: "◀──",
    cycle: "↻",
    beyond: ["‹", "›"],
    ellipsis: "…",
    kept: "✔",
    broken: "✘",
    differs: "≠",
    next: "▶",
    between: "·",
    rule: "─",
    wall: "│",
    crossing: "┼",
    edges: ["▐", "▌"],
    hatch: "▒",
    runs: "█",
    dashes: "╌",
    committed: "◆",
    rolled_back: "◇",
    branch: ["├", "└"],
    border: border::ROUNDED,
};

const ASCII: Signs = Signs {
    free: ".",
    locked: "o",
    uncommitted: "*",
    booked: "#",
    waiting: "zz",
    awaited: "!",
    new: "+",
    gone: "x",
    unsure: "?",
    becomes: ">",
    leads: "-->",
    followed: "<--",
    cycle: "@",
    beyond: ["<", ">"],
    ellipsis: "~",
    kept: "+",
    broken: "x",
    differs: "^",
    next: ">",
    between: "-",
    rule: "-",
    wall: "|",
    crossing: "+",
    edges: ["[", "]"],
    hatch: "/",
    runs: "=",
    dashes: "~",
    committed: "+",
    rolled_back: "<",
    branch: ["+", "+"],
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn states_of_a_seat_never_share_a_sign() {
        for signs in [Signs::of(Charset::Unicode), Signs::of(Charset::Ascii)] {
            let states = [
                signs.free,
                signs.locked,
                signs.uncommitted,
                signs.booked,
                signs.waiting,
                signs.awaited,
            ];
            assert_eq!(states.iter().collect::<BTreeSet<_>>().len(), states.len());
        }
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        assert!(format!("{:?}", Signs::of(Charset::Ascii)).is_ascii());
    }

    #[test]
    fn the_locale_is_read_in_posix_order() {
        let only = |key: &'static str, value: &'static str| {
            move |name: &str| (name == key).then(|| value.to_owned())
        };
        assert_eq!(Charset::of(only("LANG", "de_DE.UTF-8")), Charset::Unicode);
        assert_eq!(Charset::of(only("LC_CTYPE", "en_US.utf8")), Charset::Unicode);
        assert_eq!(Charset::of(|_| None), Charset::Ascii);
        let overruled = |name: &str| match name {
            "LC_ALL" => Some("C".to_owned()),
            _ => Some("de_DE.UTF-8".to_owned()),
        };
        assert_eq!(Charset::of(overruled), Charset::Ascii);
    }
}
