//! What the server says: `ERROR 40001`, `NOTICE: hello`, `WARNING 25001`, `NOTIFY channel:
//! payload`, `lost: FATAL 25P03`.

use super::super::super::{Expected, Mistake};
use super::tags::{is_code, is_severity};
use super::{ExpectationContext, Part};
use crate::core::event::SqlState;

impl ExpectationContext<'_> {
    /// What the server says, if the line begins so.
    pub(super) fn message(&self, part: Part) -> Result<Option<Expected>, Mistake> {
        let word = part.text.split([' ', ':']).next().unwrap_or_default();
        let rest = part.after(word.len());
        match word {
            // `ERROR: text` is how psql prints it, without the SQLSTATE: `near_miss` says how to
            // write it.
            "ERROR" if !rest.text.starts_with(':') => self.error(rest).map(Some),
            "NOTIFY" if rest.text.contains(':') => Ok(Some(self.notify(rest))),
            "lost" if rest.text.starts_with(':') => Ok(Some(lost(rest.after(1)))),
            _ if is_severity(word) => Ok(notice(word, rest)),
            _ => Ok(None),
        }
    }

    fn error(&self, part: Part) -> Result<Expected, Mistake> {
        let (code, text) = code_and_text(part.text);
        let Some(code) = code else {
            let mistake = self.source.mistake(part.at, "an error needs its SQLSTATE");
            return Err(
                mistake.with_hint("write `ERROR 40001`, then text that the message must contain")
            );
        };
        Ok(Expected::Error { code, text: text.to_owned() })
    }

    /// `channel: payload from Bob`.
    fn notify(&self, part: Part) -> Expected {
        let colon = part.text.find(':').unwrap_or(part.text.len());
        let channel = part.text[..colon].trim().to_owned();
        let payload = part.after(colon + 1).text;
        // From the right, and only before a session's name: a payload may have that word as well.
        let (payload, from) = match payload.rsplit_once("from ") {
            Some((before, name))
                if self.is_session(name) && (before.is_empty() || before.ends_with(' ')) =>
            {
                (before.trim_end(), Some(name))
            }
            _ => (payload, None),
        };
        let from = from.map(crate::core::event::SessionName::new);
        Expected::Notify { channel, payload: payload.to_owned(), from }
    }
}

/// ` 25001: text`, `: text`, ` 25001`.
fn notice(severity: &str, rest: Part) -> Option<Expected> {
    let (code, text) = match rest.text.strip_prefix(':') {
        Some(text) => (None, text.trim()),
        None => {
            let (code, text) = rest.text.split_once(':').unwrap_or((rest.text, ""));
            (Some(code.trim()).filter(|code| is_code(code)), text.trim())
        }
    };
    let is_notice = rest.text.starts_with(':') || code.is_some();
    let code = code.map(|code| SqlState(code.to_owned()));
    let (severity, text) = (severity.to_owned(), text.to_owned());
    is_notice.then_some(Expected::Notice { severity, code, text })
}

fn lost(part: Part) -> Expected {
    let said = part.text.strip_prefix("FATAL").map_or(part.text, str::trim_start);
    let (code, text) = code_and_text(said);
    match code {
        Some(code) => Expected::Lost { code: Some(code), text: text.to_owned() },
        None => Expected::Lost { code: None, text: part.text.to_owned() },
    }
}

/// An SQLSTATE at the beginning, and what follows it.
fn code_and_text(text: &str) -> (Option<SqlState>, &str) {
    let code = text.split_whitespace().next().unwrap_or_default();
    if is_code(code) {
        (Some(SqlState(code.to_owned())), text[code.len()..].trim())
    } else {
        (None, text)
    }
}
