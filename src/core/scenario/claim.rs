//! `--> explore:` lines: what all orders of a scenario's steps together can come to, and what none
//! of them does.
//!
//! ```text
//!  anomaly possible at read committed, not at repeatable read, serializable
//!  └ what ┘ possible   └── levels ──┘  not at └───────── levels ─────────┘
//!  sold twice is not possible
//! ```

use std::fmt;

use super::mistake::{did_you_mean, list};
use super::{Isolation, listed};

/// What is claimed, and at which levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub what: Subject,
    /// Where it is possible, and where not.
    pub says: Says,
}

/// What may come of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Something that no order of whole transactions gives.
    Anomaly,
    /// An anomaly of this kind.
    Kind(AnomalyKind),
    /// An error with this SQLSTATE.
    Error(String),
    /// Somebody waits to the end, and nobody is left who could let them go on.
    Stuck,
    /// An invariant is broken, in the file's own words: `sold twice`.
    Broken(String),
}

/// Where something is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// At these levels, and not at those; of all others nothing is said.
    At { possible: Vec<Isolation>, not: Vec<Isolation> },
    /// At every level.
    Possible,
    /// At none.
    NotPossible,
}

/// The anomalies that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnomalyKind {
    DirtyRead,
    LostUpdate,
    NonRepeatableRead,
    Phantom,
    ReadSkew,
    WriteSkew,
}

impl AnomalyKind {
    pub const ALL: [Self; 6] = [
        Self::DirtyRead,
        Self::LostUpdate,
        Self::NonRepeatableRead,
        Self::Phantom,
        Self::ReadSkew,
        Self::WriteSkew,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirtyRead => "dirty read",
            Self::LostUpdate => "lost update",
            Self::NonRepeatableRead => "non-repeatable read",
            Self::Phantom => "phantom",
            Self::ReadSkew => "read skew",
            Self::WriteSkew => "write skew",
        }
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anomaly => f.write_str("anomaly"),
            Self::Kind(kind) => kind.fmt(f),
            Self::Error(code) if code == DEADLOCK => f.write_str("deadlock"),
            Self::Error(code) => f.write_str(code),
            Self::Stuck => f.write_str(STUCK),
            Self::Broken(words) => f.write_str(words),
        }
    }
}

const DEADLOCK: &str = "40P01";
const STUCK: &str = "waiting to the end";

/// How a claim is written.
const FORM: &str = "write what is possible and where, as in `anomaly possible at read committed` \
                    or `deadlock is not possible`";

impl Claim {
    /// Reads what stands behind `explore:`.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some((before, behind)) = split_at_possible(text) else {
            return Err(format!("this does not say what is possible; {FORM}"));
        };
        let before = before.strip_suffix(" is").unwrap_or(before);
        let (what, is_not) = match before.strip_suffix(" not").or(before.strip_suffix(" never")) {
            Some(what) => (what.strip_suffix(" is").unwrap_or(what), true),
            None => (before, false),
        };
        if matches!(what.trim(), "" | "is" | "not" | "never") {
            return Err(format!("this does not say what it is that is possible; {FORM}"));
        }
        Ok(Self { what: subject(what.trim()), says: says(is_not, behind)? })
    }

    /// Whether it says that it is possible at this level, or that it is not; nothing where it says
    /// nothing of this level.
    pub fn at(&self, level: Isolation) -> Option<bool> {
        match &self.says {
            Says::Possible => Some(true),
            Says::NotPossible => Some(false),
            Says::At { possible, .. } if possible.contains(&level) => Some(true),
            Says::At { not, .. } if not.contains(&level) => Some(false),
            Says::At { .. } => None,
        }
    }
}

/// What stands before `possible` and behind it.
fn split_at_possible(text: &str) -> Option<(&str, &str)> {
    let (before, behind) = text.split_once("possible")?;
    let is_word = before.ends_with(' ') && (behind.is_empty() || behind.starts_with([' ', ',']));
    is_word.then(|| (before.trim_end(), behind.trim()))
}

fn subject(what: &str) -> Subject {
    let what = what.strip_prefix("an ").or_else(|| what.strip_prefix("a ")).unwrap_or(what);
    let is_state = what.len() == 5
        && what.bytes().all(|it| it.is_ascii_digit() || it.is_ascii_uppercase())
        && what.bytes().any(|it| it.is_ascii_digit());
    let kind = AnomalyKind::ALL.into_iter().find(|kind| kind.as_str() == what);
    match (what, kind) {
        ("anomaly", _) => Subject::Anomaly,
        ("deadlock", _) => Subject::Error(DEADLOCK.to_owned()),
        (STUCK, _) => Subject::Stuck,
        (_, Some(kind)) => Subject::Kind(kind),
        (code, None) if is_state => Subject::Error(code.to_owned()),
        (words, None) => Subject::Broken(words.to_owned()),
    }
}

fn says(is_not: bool, behind: &str) -> Result<Says, String> {
    if behind.is_empty() {
        return Ok(if is_not { Says::NotPossible } else { Says::Possible });
    }
    let (at, not) = match behind.split_once("not at ") {
        Some((at, not)) => (at.trim().trim_end_matches(','), Some(not)),
        None => (behind, None),
    };
    let at = match at.strip_prefix("at ") {
        Some(names) => levels(names)?,
        None if at.is_empty() && not.is_some() && !is_not => Vec::new(),
        None => return Err(format!("nobody knows what `{behind}` means here; {FORM}")),
    };
    let not = not.map(levels).transpose()?.unwrap_or_default();
    if let Some(level) = at.iter().find(|level| not.contains(level)) {
        return Err(format!("it cannot be both possible and not at {}", level.as_sql()));
    }
    Ok(match is_not {
        // `not possible at serializable`
        true if not.is_empty() => Says::At { possible: Vec::new(), not: at },
        true => return Err(format!("`not` stands here twice; {FORM}")),
        // Possible, but not there: everywhere else.
        false if at.is_empty() => {
            let others = Isolation::ALL.into_iter().filter(|level| !not.contains(level));
            Says::At { possible: others.collect(), not }
        }
        false => Says::At { possible: at, not },
    })
}

fn levels(names: &str) -> Result<Vec<Isolation>, String> {
    let names = names.replace(" and ", ", ");
    let level = |name: &str| {
        Isolation::named(name).ok_or_else(|| {
            let known = Isolation::ALL.map(Isolation::as_sql);
            match did_you_mean(name, known) {
                Some(close) => format!("there is no level called {name}; did you mean {close}?"),
                None => format!("there is no level called {name}; they are {}", list(&known)),
            }
        })
    };
    names.split(',').map(str::trim).map(level).collect()
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.says {
            Says::Possible => write!(f, "{what} is possible"),
            Says::NotPossible => write!(f, "{what} is not possible"),
            Says::At { possible, not } if possible.is_empty() => {
                write!(f, "{what} is not possible at {}", listed(not))
            }
            Says::At { possible, not } => {
                write!(f, "{what} is possible at {}", listed(possible))?;
                if not.is_empty() { Ok(()) } else { write!(f, ", not at {}", listed(not)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Isolation::{ReadCommitted, RepeatableRead, Serializable};
    use super::*;

    fn at(text: &str) -> [Option<bool>; 3] {
        let claim = Claim::read(text).unwrap();
        Isolation::ALL.map(|level| claim.at(level))
    }

    #[test]
    fn a_claim_says_where_something_is_possible() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(at("anomaly possible"), [yes, yes, yes]);
        assert_eq!(at("anomaly is possible at read committed"), [yes, None, None]);
        assert_eq!(at("anomaly possible at read committed, not at serializable"), [yes, None, no]);
        assert_eq!(
            at("anomaly possible at read committed, repeatable read, not at serializable"),
            [yes, yes, no]
        );
        assert_eq!(at("anomaly possible, not at serializable"), [yes, yes, no]);
        assert_eq!(at("deadlock is not possible"), [no, no, no]);
        assert_eq!(at("40001 never possible at read committed"), [no, None, None]);
    }

    #[test]
    fn what_is_possible_has_a_name_or_is_told_in_words() {
        let what = |text: &str| Claim::read(&format!("{text} is possible")).unwrap().what;
        assert_eq!(what("anomaly"), Subject::Anomaly);
        assert_eq!(what("a lost update"), Subject::Kind(AnomalyKind::LostUpdate));
        assert_eq!(what("deadlock"), Subject::Error("40P01".to_owned()));
        assert_eq!(what("23505"), Subject::Error("23505".to_owned()));
        assert_eq!(what("waiting to the end"), Subject::Stuck);
        assert_eq!(what("sold twice"), Subject::Broken("sold twice".to_owned()));
    }

    #[test]
    fn what_it_is_written_as_reads_back() {
        for text in [
            "anomaly is possible",
            "lost update is possible at read committed, not at repeatable read and serializable",
            "deadlock is not possible at read committed",
            "sold twice is not possible",
        ] {
            let claim = Claim::read(text).unwrap();
            assert_eq!(claim.to_string(), text);
            assert_eq!(Claim::read(&claim.to_string()), Ok(claim));
        }
        assert_eq!(
            Claim::read("anomaly possible, not at serializable").unwrap().says,
            Says::At { possible: vec![ReadCommitted, RepeatableRead], not: vec![Serializable] }
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_to_write() {
        for text in ["", "anomaly", "possible", "impossible anomaly", "is possible"] {
            assert!(Claim::read(text).unwrap_err().contains(FORM), "{text}");
        }
        let levels = Claim::read("anomaly possible at read comitted").unwrap_err();
        assert!(levels.ends_with("did you mean read committed?"), "{levels}");
        let both = "anomaly possible at serializable, not at serializable";
        assert!(Claim::read(both).unwrap_err().contains("both"));
        assert!(Claim::read("anomaly possible on tuesdays").is_err());
    }
}
