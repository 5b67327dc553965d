//! What sessions do.

use std::time::Duration;

use super::{Failure, Line, Script, session_called};
use crate::core::event::{Event, Kind, Pid, ServerMessage, SessionName, TransactionStatus};
use crate::run::machine::input::Input;
use crate::run::participant::{Silence, Submission};

impl Script {
    /// A line that begins with a session's name.
    pub(super) fn session_does(&mut self, line: &Line, out: &mut String) -> Result<(), Failure> {
        let name = session_called(&line.words[0]);
        let status = status(line)?;
        match line.words()[1..] {
            ["connects"] => self.connects(&name, out),
            ["sends"] => self.tell_sent(&name, out),
            ["begins", "an", "answer"] => {
                self.tell_sent(&name, out)?;
                self.tell(&name, Kind::Columns(Vec::new()), out)
            }
            ["answers", ref tags @ ..] => self.answers(&name, tags, status, out),
            ["fails", code] => self.fails(&name, code, line, out),
            ["is", "ready"] => self.is_ready(&name, status, out),
            ["loses", "its", "connection"] => self.is_lost(&name, line, out),
            ["closes"] => self.tell(&name, Kind::Closed, out),
            ["is", "notified"] => self.is_notified(&name, line, out),
            ["is", "told", setting, value] => {
                let (name_of, value) = (setting.to_owned(), value.to_owned());
                self.tell(&name, Kind::Parameter { name: name_of, value }, out)
            }
            ["was", "heard"] => {
                let epoch = self.hearing.get(&name).copied().ok_or("nobody has asked")?;
                self.feed(Input::Heard(name, epoch), out)
            }
            ["is", "silent"] => self.falls(name, Silence::Kept(status), out),
            ["is", "gone"] => self.falls(name, Silence::Absent, out),
            ["is", "stubborn"] => {
                let pid = self.backends.get(&name).copied().unwrap_or(Pid(0));
                self.falls(name, Silence::Broken(pid), out)
            }
            ["has", "left"] => self.feed(Input::Released(name), out),
            _ => Err(format!("nobody understands: {}", line.words.join(" ")).into()),
        }
    }

    pub(super) fn tell(
        &mut self,
        name: &SessionName,
        kind: Kind,
        out: &mut String,
    ) -> Result<(), Failure> {
        let event = Event { at: self.now, session: Some(name.clone()), kind };
        self.feed(Input::Event(event), out)
    }

    /// With a backend that nobody had before.
    pub(super) fn connects(&mut self, name: &SessionName, out: &mut String) -> Result<(), Failure> {
        self.connections += 1;
        let pid = Pid(self.connections);
        self.backends.insert(name.clone(), pid);
        self.tell(name, Kind::Connected { pid }, out)
    }

    /// What was sent last is on its way, which is told before any answer.
    fn tell_sent(&mut self, name: &SessionName, out: &mut String) -> Result<(), Failure> {
        if self.is_told.get(name).copied().unwrap_or_default() {
            return Ok(());
        }
        let Submission { id, sql, step, typed } = self.in_flight(name)?;
        self.is_told.insert(name.clone(), true);
        self.tell(name, Kind::Sent { submission: id, sql, step, typed }, out)
    }

    fn in_flight(&self, name: &SessionName) -> Result<Submission, Failure> {
        let first = self.sent.get(name).and_then(|sent| sent.front());
        first.cloned().ok_or_else(|| format!("{name} has nothing in flight").into())
    }

    /// `NAME answers UPDATE 1`: the whole answer.
    pub(super) fn answers(
        &mut self,
        name: &SessionName,
        tag: &[&str],
        status: TransactionStatus,
        out: &mut String,
    ) -> Result<(), Failure> {
        self.tell_sent(name, out)?;
        let (tag, rows) = (tag.join(" "), 0);
        self.tell(name, Kind::Done { tag, rows }, out)?;
        self.is_ready(name, status, out)
    }

    fn fails(
        &mut self,
        name: &SessionName,
        code: &str,
        line: &Line,
        out: &mut String,
    ) -> Result<(), Failure> {
        self.tell_sent(name, out)?;
        let message = line.named.get("says").cloned().unwrap_or_default();
        let (severity, code) = ("ERROR".to_owned(), code.to_owned());
        let message = ServerMessage { severity, code, message, ..ServerMessage::default() };
        self.tell(name, Kind::Failed(message), out)?;
        self.is_ready(name, status(line)?, out)
    }

    fn is_ready(
        &mut self,
        name: &SessionName,
        status: TransactionStatus,
        out: &mut String,
    ) -> Result<(), Failure> {
        let submission = self.in_flight(name)?.id;
        self.answered(name);
        self.tell(name, Kind::Ready { submission, status, elapsed: Duration::ZERO }, out)
    }

    fn answered(&mut self, name: &SessionName) {
        self.sent.entry(name.clone()).or_default().pop_front();
        self.is_told.insert(name.clone(), false);
    }

    /// What was in flight is lost with it.
    fn is_lost(
        &mut self,
        name: &SessionName,
        line: &Line,
        out: &mut String,
    ) -> Result<(), Failure> {
        self.answered(name);
        let reason = line.named.get("says").map_or("the server is gone", String::as_str);
        let in_transaction = line.named.contains_key("in");
        self.tell(name, Kind::Lost { reason: reason.to_owned(), in_transaction }, out)
    }

    fn is_notified(
        &mut self,
        name: &SessionName,
        line: &Line,
        out: &mut String,
    ) -> Result<(), Failure> {
        let of = |what: &str| line.named.get(what).cloned().unwrap_or_default();
        let (channel, payload, from) = (of("channel"), of("payload"), self.pid_of(&of("from")));
        self.tell(name, Kind::Notification { channel, payload, from }, out)
    }

    /// Nothing that it was sent is answered any more.
    pub(super) fn falls(
        &mut self,
        name: SessionName,
        silence: Silence,
        out: &mut String,
    ) -> Result<(), Failure> {
        self.sent.remove(&name);
        self.is_told.remove(&name);
        self.feed(Input::Silent(name, silence), out)
    }
}

/// `in=transaction`, `in=failed`; otherwise in none.
fn status(line: &Line) -> Result<TransactionStatus, Failure> {
    match line.named.get("in").map(String::as_str) {
        None => Ok(TransactionStatus::Idle),
        Some("transaction") => Ok(TransactionStatus::InTransaction),
        Some("failed") => Ok(TransactionStatus::Failed),
        Some(other) => Err(format!("in={other}? transaction, failed").into()),
    }
}
