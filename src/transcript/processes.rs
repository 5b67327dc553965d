//! Process numbers in the server's messages, replaced by the names of the sessions: numbers differ from run to run.

use std::collections::BTreeMap;

use crate::event::{Pid, ServerMessage, SessionName};

/// Which process is whose.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    names: BTreeMap<Pid, SessionName>,
}

impl Processes {
    pub(crate) fn learn(&mut self, pid: Pid, name: &SessionName) {
        self.names.insert(pid, name.clone());
    }

    /// The message with names for processes, and without transaction numbers; a deadlock's DETAIL has both.
    pub(crate) fn named(&self, message: &ServerMessage) -> ServerMessage {
        let detail = message.detail.as_deref().map(|detail| {
            detail.split('\n').map(|line| self.line(line)).collect::<Vec<_>>().join("\n")
        });
        ServerMessage { detail, ..message.clone() }
    }

    fn line(&self, line: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let digits = word.bytes().take_while(u8::is_ascii_digit).count();
            let (number, mark) = word.split_at(digits);
            match words.last_mut() {
                Some(last) if digits > 0 && last.eq_ignore_ascii_case("process") => {
                    let name = number.parse().ok().and_then(|pid| self.names.get(&Pid(pid)));
                    *last = format!("{}{mark}", name.map_or("somebody", SessionName::as_str));
                }
                Some(last) if digits > 0 && last == "transaction" => last.push_str(mark),
                _ => words.push(word.to_owned()),
            }
        }
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadlock_is_told_by_names() {
        let mut processes = Processes::default();
        processes.learn(Pid(4711), &SessionName::new("Bob"));
        assert_eq!(
            processes.line(
                "Process 4711 waits for ShareLock on transaction 745; blocked by process 99."
            ),
            "Bob waits for ShareLock on transaction; blocked by somebody."
        );
    }
}
