//! Numbers in the server's messages that differ from run to run: processes become the names of the
//! sessions, others are left out.
//!
//! ```text
//! Process 4711 waits for transaction 745                ──▶   Bob waits for transaction
//! schema pg_temp_12, relation with OID 16574            ──▶   schema pg_temp, relation with OID
//! process 4711 still waiting … after 1000.123 ms        ──▶   Bob still waiting … after … ms
//! ```
//!
//! Which message it is, its SQLSTATE says or the server's routine: the words are in whatever
//! language the server speaks (`lc_messages`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Options;
use crate::core::event::{Pid, ServerMessage, SessionName};

/// Schemas that are numbered: by backend, those of TOAST tables by their table.
const NUMBERED: [&str; 3] = ["pg_temp_", "pg_toast_temp_", "pg_toast_"];

/// Which process is whose.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    names: BTreeMap<Pid, SessionName>,
}

impl Processes {
    pub(crate) fn learn(&mut self, pid: Pid, name: &SessionName) {
        self.names.insert(pid, name.clone());
    }

    /// The message as it is told: with its numbers only where they are wanted.
    pub(crate) fn told<'a>(
        &self,
        message: &'a ServerMessage,
        options: Options,
    ) -> Cow<'a, ServerMessage> {
        if options.processes {
            return Cow::Borrowed(message);
        }
        let mut told = self.named(message);
        if !options.times && told.severity == "LOG" {
            told.message = without_duration(&told.message);
        }
        Cow::Owned(told)
    }

    /// The message with names for processes, and without numbers of transactions and of what has no
    /// name. The DETAIL of a deadlock and of a serialization failure has them, and what the server
    /// logs of a wait.
    fn named(&self, message: &ServerMessage) -> ServerMessage {
        let mut named = message.clone();
        if matches!(message.code.as_str(), "40P01" | "40001")
            && let Some(detail) = &mut named.detail
        {
            let is_deadlock = named.code == "40P01";
            let lines = detail.split('\n');
            let lines: Vec<String> = lines.map(|line| self.line_in(line, is_deadlock)).collect();
            *detail = lines.join("\n");
        }
        if is_of_a_wait(&named) {
            named.message = self.line_in(&named.message, true);
        }
        if is_about_the_catalog(&message.code) {
            named.message = without_oid(&named.message);
        }
        let ServerMessage { message: primary, detail, hint, context, more, .. } = &mut named;
        let texts = [detail, hint, context].into_iter().flatten();
        for text in texts.chain([primary]).chain(more.iter_mut().map(|(_, text)| text)) {
            *text = without_backends(text);
        }
        named
    }

    /// A line, be it in English or, if it is all about a wait, in any language.
    fn line_in(&self, line: &str, is_of_a_wait: bool) -> String {
        let is_english = !is_of_a_wait || ENGLISH.iter().any(|words| line.contains(words));
        if is_english { self.line(line) } else { self.foreign(line) }
    }

    /// A line about a wait in another language: where which number stands only that language says,
    /// but which of them are processes of ours we know.
    fn foreign(&self, line: &str) -> String {
        let mut told = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let (number, behind) = number.split_at(end);
            let name = number.parse().ok().and_then(|pid| self.names.get(&Pid(pid)));
            told.push_str(before);
            told.push_str(name.map_or("…", SessionName::as_str));
            rest = behind;
        }
        told + rest
    }

    fn line(&self, line: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let (number, mark) = split_number(word);
            match words.last_mut() {
                Some(last) if !number.is_empty() && last.eq_ignore_ascii_case("process") => {
                    let name = number.parse().ok().and_then(|pid| self.names.get(&Pid(pid)));
                    *last = format!("{}{mark}", name.map_or("somebody", SessionName::as_str));
                }
                Some(last) if !number.is_empty() && is_numbered(last) => last.push_str(mark),
                Some(last) if last == "lock" && word.starts_with('[') => {
                    words.push(advisory_key(word).unwrap_or_else(|| word.to_owned()));
                }
                _ => words.push(word.to_owned()),
            }
        }
        words.join(" ")
    }
}

/// What an English line about a wait has in it.
const ENGLISH: [&str; 4] = [" waits for ", " waiting for ", " acquired ", " avoided deadlock "];

/// Whether the server logs that somebody waits, or no longer (`log_lock_waits`): it tells clients
/// too, if they want to hear it.
fn is_of_a_wait(message: &ServerMessage) -> bool {
    let is_from_there = |(letter, text): &(char, String)| *letter == 'R' && text == "ProcSleep";
    message.severity == "LOG" && message.more.iter().any(is_from_there)
}

/// The text without its first time, `1000.123 ms`.
fn without_duration(text: &str) -> String {
    let Some(end) = text.find(" ms") else { return text.to_owned() };
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '…');
    let before = text[..end].trim_end_matches(is_of_number);
    if before.len() == end { text.to_owned() } else { format!("{before}…{}", &text[end..]) }
}

/// The number that a word begins with, `3/45` too, and what follows it.
fn split_number(word: &str) -> (&str, &str) {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '/').unwrap_or(word.len());
    if word.starts_with(|c: char| c.is_ascii_digit()) { word.split_at(end) } else { ("", word) }
}

/// Whether a transaction's number follows.
fn is_numbered(word: &str) -> bool {
    matches!(word, "transaction" | "pivot" | "token")
}

/// `[5,0,8,1];`, in which the first is the database's oid, as people give the key: `8;`.
fn advisory_key(word: &str) -> Option<String> {
    let (inner, mark) = word.strip_prefix('[')?.split_once(']')?;
    let parts: Result<Vec<u32>, _> = inner.split(',').map(str::parse).collect();
    let key = match parts.ok()?[..] {
        [_, high, low, 1] => (u64::from(high) << 32 | u64::from(low)).cast_signed().to_string(),
        [_, first, second, 2] => format!("{},{}", first.cast_signed(), second.cast_signed()),
        _ => return None,
    };
    Some(key + mark)
}

/// Whether an error of this code may tell an object by its number: internal errors, and what is not
/// there.
fn is_about_the_catalog(code: &str) -> bool {
    matches!(code, "XX000" | "42P01" | "42704" | "42883")
}

/// `could not open relation with OID 16574`, `cache lookup failed for relation 16574` without their
/// numbers.
fn without_oid(text: &str) -> String {
    let is_lookup = text.starts_with("cache lookup failed for ");
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if !(is_number && (is_lookup || words.last() == Some(&"OID"))) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The text without the numbers of schemas and tables that are numbered.
pub(crate) fn without_backends(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, stem)) =
        NUMBERED.iter().filter_map(|stem| Some((rest.find(stem)?, stem))).min_by_key(|it| it.0)
    {
        let after = &rest[at + stem.len()..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        told.push_str(&rest[..at]);
        told.push_str(if digits > 0 { stem.trim_end_matches('_') } else { stem });
        rest = &after[digits..];
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes() -> Processes {
        let mut processes = Processes::default();
        processes.learn(Pid(4711), &SessionName::new("Bob"));
        processes
    }

    #[test]
    fn a_deadlock_is_told_by_names() {
        let told = [
            (
                "Process 4711 waits for ShareLock on transaction 745; blocked by process 99.",
                "Bob waits for ShareLock on transaction; blocked by somebody.",
            ),
            (
                "Process 4711 waits for ShareLock on virtual transaction 3/45; blocked by process \
                 99.",
                "Bob waits for ShareLock on virtual transaction; blocked by somebody.",
            ),
            (
                "Process 4711 waits for ShareLock on speculative token 2 of transaction 745; \
                 blocked by process 99.",
                "Bob waits for ShareLock on speculative token of transaction; blocked by somebody.",
            ),
            (
                "Process 4711 waits for ExclusiveLock on advisory lock [16384,0,7,1]; blocked by \
                 process 99.",
                "Bob waits for ExclusiveLock on advisory lock 7; blocked by somebody.",
            ),
            (
                "Process 4711 waits for ExclusiveLock on advisory lock [5,7,4294967287,2]; blocked \
                 by process 99.",
                "Bob waits for ExclusiveLock on advisory lock 7,-9; blocked by somebody.",
            ),
        ];
        for (said, named) in told {
            assert_eq!(processes().line(said), named);
        }
    }

    #[test]
    fn a_deadlock_is_told_by_names_in_any_language() {
        let german = "Prozess 4711 wartet auf ShareLock-Sperre auf Transaktion 745; blockiert von \
            Prozess 99.";
        let message = ServerMessage {
            code: "40P01".to_owned(),
            detail: Some(german.to_owned()),
            ..ServerMessage::default()
        };
        assert_eq!(
            processes().named(&message).detail.unwrap(),
            "Prozess Bob wartet auf ShareLock-Sperre auf Transaktion …; blockiert von Prozess …."
        );
    }

    #[test]
    fn what_the_server_logs_of_a_wait_is_told_without_its_numbers() {
        for (said, told) in [
            (
                "process 4711 still waiting for ShareLock on transaction 745 after 1000.123 ms",
                "Bob still waiting for ShareLock on transaction after … ms",
            ),
            (
                "process 4711 acquired AccessExclusiveLock on advisory lock [5,0,7,1] after 12.5 \
                 ms",
                "Bob acquired AccessExclusiveLock on advisory lock 7 after … ms",
            ),
            (
                "Prozess 4711 wartet immer noch auf ShareLock-Sperre auf Transaktion 745 nach \
                 1000,123 ms",
                "Prozess Bob wartet immer noch auf ShareLock-Sperre auf Transaktion … nach … ms",
            ),
        ] {
            let message = ServerMessage {
                severity: "LOG".to_owned(),
                code: "00000".to_owned(),
                message: said.to_owned(),
                more: vec![('R', "ProcSleep".to_owned())],
                ..ServerMessage::default()
            };
            assert_eq!(processes().told(&message, Options::default()).message, told);
        }
    }

    #[test]
    fn a_logged_duration_differs_from_run_to_run_and_is_told_where_times_are_wanted() {
        let message = ServerMessage {
            severity: "LOG".to_owned(),
            message: "duration: 0.123 ms  statement: select '5 ms'".to_owned(),
            ..ServerMessage::default()
        };
        let told = |options| processes().told(&message, options).message.clone();
        assert_eq!(told(Options::default()), "duration: … ms  statement: select '5 ms'");
        assert_eq!(told(Options { times: true, ..Options::default() }), message.message);
    }

    #[test]
    fn a_serialization_failures_reason_loses_its_transaction() {
        let said = "Reason code: Canceled on identification as a pivot, with conflict out to old \
            committed transaction 745.";
        assert!(processes().line(said).ends_with("old committed transaction."));
        assert_eq!(
            processes().line("conflict out to old pivot 745."),
            "conflict out to old pivot."
        );
    }

    #[test]
    fn schemas_that_are_numbered_lose_their_number() {
        let told = [
            ("pg_temp_12", "pg_temp"),
            ("table pg_temp_3.t, pg_toast_temp_3.u", "table pg_temp.t, pg_toast_temp.u"),
            ("pg_toast_16390", "pg_toast"),
            ("pg_temp_blue", "pg_temp_blue"),
        ];
        for (said, named) in told {
            assert_eq!(without_backends(said), named);
        }
    }

    #[test]
    fn what_is_gone_is_told_without_the_number_that_it_had() {
        let gone = "could not open relation with OID 16574";
        assert_eq!(without_oid(gone), "could not open relation with OID");
        let lookup = "cache lookup failed for relation 16574";
        assert_eq!(without_oid(lookup), "cache lookup failed for relation");
        assert_eq!(without_oid("row 5 of 7"), "row 5 of 7");
    }

    #[test]
    fn what_people_say_keeps_its_numbers() {
        let said = ServerMessage {
            code: "P0001".to_owned(),
            message: "process 4711 has the OID 7".to_owned(),
            detail: Some("transaction 3".to_owned()),
            ..ServerMessage::default()
        };
        assert_eq!(processes().named(&said), said);
    }
}
