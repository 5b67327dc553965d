//! Waits: `waits for Bob`, `waits for prepared transaction x`, `waits for somebody (pg_dump)`,
//! `waits for Bob, then ERROR 55P03`.

use super::super::super::{Expected, Mistake, SessionName, Whom};
use super::{ExpectationContext, Part};

impl ExpectationContext<'_> {
    /// What stands behind `waits for`, said of a session.
    pub(super) fn waits(&self, part: Part, of: Option<&SessionName>) -> Result<Expected, Mistake> {
        let Some((name, then)) = part.text.split_once(", then ") else {
            return Ok(Expected::WaitsFor(self.whom(part, of)?));
        };
        let whom = self.whom(Part { text: name.trim_end(), at: part.at }, of)?;
        let then = part.after(part.text.len() - then.len());
        let then = match of {
            Some(of) => self.simple_of(then, of)?,
            None => self.simple(then)?,
        };
        if matches!(then, Expected::WaitsFor(_) | Expected::WaitsThen { .. } | Expected::Running) {
            let problem = "a wait that ends needs an answer after it";
            let hint = "say what the answer is: `waits for Bob, then ERROR 55P03`";
            return Err(self.source.mistake(part.at, problem).with_hint(hint));
        }
        Ok(Expected::WaitsThen { whom, then: Box::new(then) })
    }

    fn whom(&self, part: Part, of: Option<&SessionName>) -> Result<Whom, Mistake> {
        // A session may be called `somebody`, and is meant then.
        if !self.is_session(part.text)
            && let Some(other) = stranger(part.text)
        {
            return Ok(other);
        }
        let session = self.session(part)?;
        if Some(&session) == of {
            let problem = format!("{session} cannot wait for itself");
            let mistake = self.source.mistake(part.at, problem);
            return Err(mistake.with_hint("name the session that it waits for"));
        }
        Ok(Whom::Session(session))
    }
}

/// Somebody in the way who is no session of the scenario.
fn stranger(text: &str) -> Option<Whom> {
    if let Some(name) = text.strip_prefix("prepared transaction ") {
        return Some(Whom::Prepared(name.trim().to_owned()));
    }
    let application = text.strip_prefix("somebody")?.trim();
    if application.is_empty() {
        return Some(Whom::Somebody(None));
    }
    let application = application.strip_prefix('(')?.strip_suffix(')')?.trim();
    Some(Whom::Somebody(Some(application.to_owned())))
}
