//! Refusals as they are written: `update seats:2 as 40P01`.

use std::fmt;
use std::str::FromStr;

use super::{Rule, When};
use crate::debugger::breakpoints::Breakpoint;
use crate::debugger::guests::Answer;
use crate::gateway::{self, Verdict};

/// How a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Answer(Answer),
    /// OC001, as Aurora DSQL would.
    SchemaChanged,
    /// Another SQLSTATE.
    Code(String),
}

/// What is wrong in a refusal, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refusal `{text}`, column {column}: {problem}")]
pub struct RefusalError {
    pub text: String,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// Stands for any statement.
const ANY: &str = "any";
const LOST: &str = "lost";
const SCHEMA_CHANGED: &str = "OC001";

/// The classes of errors that PostgreSQL has (PostgreSQL documentation, appendix A).
const CLASSES: [&str; 36] = [
    "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22", "23", "24", "25", "26", "27",
    "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "44", "53", "54", "55",
    "57", "58", "P0", "XX",
];

impl Fault {
    pub fn verdict(&self) -> Verdict {
        let refuse = |code: &str, message: &str| Verdict::Refuse {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        match self {
            Self::Answer(answer) => answer.verdict(),
            Self::SchemaChanged => refuse("40001", gateway::SCHEMA_CHANGED),
            Self::Code(code) => refuse(code, "refused on demand"),
        }
    }

    /// The one of that name.
    fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case(LOST) {
            return Some(Self::Answer(Answer::CutAfter));
        }
        if name.eq_ignore_ascii_case(SCHEMA_CHANGED) {
            return Some(Self::SchemaChanged);
        }
        let code = name.to_ascii_uppercase();
        let is_code = code.len() == 5 && code.chars().all(|c| c.is_ascii_alphanumeric());
        let is_known = is_code && CLASSES.iter().any(|class| code.starts_with(class));
        Answer::named(name).map(Self::Answer).or(is_known.then_some(Self::Code(code)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Answer(Answer::CutAfter) => LOST,
            Self::Answer(answer) => answer.name(),
            Self::SchemaChanged => SCHEMA_CHANGED,
            Self::Code(code) => code,
        })
    }
}

impl FromStr for Rule {
    type Err = RefusalError;

    fn from_str(text: &str) -> Result<Self, RefusalError> {
        let reader = Reader { text };
        let (end, fault) = reader.fault()?;
        let rest = &text[..end];
        if let Some(when) = reader.share(rest, 0)? {
            return Ok(Self { target: None, when, fault });
        }
        let Some(colon) = rest.rfind(':') else {
            let how_often = "how often is missing: `commit:1`, `commit:every 3` or `commit:10%`";
            return Err(reader.wrong(rest.trim_end().len(), how_often));
        };
        let when = reader.when(&rest[colon + 1..], colon + 1)?;
        Ok(Self { target: reader.target(&rest[..colon])?, when, fault })
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    /// How it is refused, and where that begins to be said.
    fn fault(&self) -> Result<(usize, Fault), RefusalError> {
        let by_default = Fault::Answer(Answer::SerializationFailure);
        // Lower case of ASCII has the same places.
        let Some(at) = self.text.to_ascii_lowercase().rfind(" as ") else {
            return Ok((self.text.len(), by_default));
        };
        let name = self.text[at + " as ".len()..].trim();
        if let Some(fault) = Fault::named(name) {
            return Ok((at, fault));
        }
        // `shape select a as b from t:1` says nothing of how.
        if name.contains([' ', ':']) {
            return Ok((self.text.len(), by_default));
        }
        let place = at + " as ".len() + self.text[at + " as ".len()..].find(name).unwrap_or(0);
        let known = "40001, 40P01, 55P03, 57014, OC000, OC001, another SQLSTATE, lost or cut";
        Err(self.wrong(place, &format!("nothing is refused as `{name}`; it is {known}")))
    }

    fn target(&self, text: &str) -> Result<Option<Breakpoint>, RefusalError> {
        if text.trim().eq_ignore_ascii_case(ANY) {
            return Ok(None);
        }
        let read = text.parse::<Breakpoint>();
        read.map(Some).map_err(|error| RefusalError {
            text: self.text.to_owned(),
            column: error.column,
            problem: error.problem,
        })
    }

    fn when(&self, text: &str, at: usize) -> Result<When, RefusalError> {
        if let Some(share) = self.share(text, at)? {
            return Ok(share);
        }
        let words: Vec<_> = text.split_whitespace().collect();
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let when = match words.as_slice() {
            [nth] => number(nth).map(When::Nth),
            [every, step] if every.eq_ignore_ascii_case("every") => number(step).map(When::Every),
            _ => None,
        };
        when.ok_or_else(|| {
            let blanks = text.len() - text.trim_start().len();
            self.wrong(at + blanks, "how often belongs behind the `:`: 1, every 3 or 10%")
        })
    }

    /// `10% seed 7`, if it is one.
    fn share(&self, text: &str, at: usize) -> Result<Option<When>, RefusalError> {
        let words: Vec<_> = text.split_whitespace().collect();
        let is_number = |text: &&str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let percent = words.first().and_then(|word| word.strip_suffix('%')).filter(is_number);
        let Some(percent) = percent else { return Ok(None) };
        let at = at + text.len() - text.trim_start().len();
        let known = percent.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        let Some(percent) = known else {
            return Err(self.wrong(at, "a share is a number from 0% to 100%"));
        };
        let seed = match words[1..] {
            [] => Some(0),
            [word, seed] if word.eq_ignore_ascii_case("seed") => seed.parse().ok(),
            _ => None,
        };
        match seed {
            Some(seed) => Ok(Some(When::Share { percent, seed })),
            None => {
                Err(self.wrong(at, "behind a share nothing but a seed may stand: `10% seed 7`"))
            }
        }
    }

    fn wrong(&self, at: usize, problem: &str) -> RefusalError {
        RefusalError {
            text: self.text.to_owned(),
            column: self.text[..at].chars().count() + 1,
            problem: problem.to_owned(),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.target, self.when) {
            (Some(target), _) => write!(f, "{target}:")?,
            (None, When::Share { .. }) => {}
            (None, _) => write!(f, "{ANY}:")?,
        }
        match self.when {
            When::Nth(nth) => write!(f, "{nth}")?,
            When::Every(step) => write!(f, "every {step}")?,
            When::Share { percent, seed } => write!(f, "{percent}% seed {seed}")?,
        }
        write!(f, " as {}", self.fault)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Rule>().unwrap().to_string()
    }

    #[test]
    fn a_refusal_is_written_whole() {
        for (text, expected) in [
            ("commit:1", "commit:1 as 40001"),
            ("commit: every 3", "commit:every 3 as 40001"),
            ("update seats:2 as 40001", "update seats:2 as 40001"),
            ("commit:1 as lost", "commit:1 as lost"),
            ("commit:1 as cut-after", "commit:1 as lost"),
            ("commit:1 AS Cut", "commit:1 as cut"),
            ("10% seed 7 as oc000", "10% seed 7 as OC000"),
            ("any:1", "any:1 as 40001"),
            (
                "write seats and actor a:b:0.5% as 23505",
                "write seats and actor a:b:0.5% seed 0 as 23505",
            ),
            (
                "shape select a as b, c::int from t:1",
                "shape select a as b, c::int from t:1 as 40001",
            ),
            ("commit:1 as OC001", "commit:1 as OC001"),
        ] {
            assert_eq!(written(text), expected);
            assert_eq!(written(expected), expected);
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_to_do() {
        for (text, column, problem) in [
            ("commit", 7, "how often is missing: `commit:1`, `commit:every 3` or `commit:10%`"),
            ("commit:0", 8, "how often belongs behind the `:`: 1, every 3 or 10%"),
            ("commit: often", 9, "how often belongs behind the `:`: 1, every 3 or 10%"),
            (
                "commit:1 as 4001",
                13,
                "nothing is refused as `4001`; it is 40001, 40P01, 55P03, 57014, OC000, OC001, \
                 another SQLSTATE, lost or cut",
            ),
            ("commit:101%", 8, "a share is a number from 0% to 100%"),
            ("10% sed 7", 1, "behind a share nothing but a seed may stand: `10% seed 7`"),
            ("updat seats:1", 1, "there is no condition `updat`; did you mean update?"),
            ("update a b:1", 8, "`a b` is no table's name; write it as in SQL"),
            (":1", 1, "it is empty; write `table seats` or `commit`"),
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert_eq!(error, format!("refusal `{text}`, column {column}: {problem}"));
        }
    }

    #[test]
    fn what_is_refused_reads_like_the_servers_own() {
        let verdict = |name: &str| Fault::named(name).unwrap().verdict();
        let refused = |code: &str, message: &str| Verdict::Refuse {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        for (name, code, message) in [
            ("40001", "40001", "could not serialize access due to concurrent update"),
            ("40P01", "40P01", "deadlock detected"),
            ("OC000", "40001", "change conflicts with another transaction, please retry: (OC000)"),
            (
                "OC001",
                "40001",
                "schema has been updated by another transaction, please retry: (OC001)",
            ),
            ("23505", "23505", "refused on demand"),
        ] {
            assert_eq!(verdict(name), refused(code, message));
        }
        assert_eq!(verdict("lost"), Verdict::CutAfter);
        assert_eq!(verdict("cut"), Verdict::Cut);
        assert_eq!(Fault::named("OCOOO"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), how in "[a-z0-9%: ]{0,16}") {
            for text in [text.clone(), format!("commit:{how}"), format!("{how} as {text}")] {
                if let Ok(rule) = text.parse::<Rule>() {
                    let text = rule.to_string();
                    prop_assert_eq!(text.parse::<Rule>(), Ok(rule), "{}", text);
                }
            }
        }
    }
}
