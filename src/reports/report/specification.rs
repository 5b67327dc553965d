//! A specification that was played, as a document: what isolationtester tells, told of whom,
//! permutation by permutation.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::markdown::fenced;
use super::mermaid::text;
use super::{Format, legible};
use crate::core::event::{ServerMessage, SessionName};
use crate::core::scenario::Scenario;
use crate::reports::isolation_output::Telling;

/// What a specification's document is made of.
#[derive(Clone, Copy, Debug)]
pub struct SpecReport<'a> {
    /// What was played.
    pub spec: &'a Scenario,
    /// What was told of it.
    pub tellings: &'a [Telling],
}

/// A telling and what it belongs to; as JSON, a line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    spec: &'a str,
    /// Counted from 1 among all that the file has; 0 before the first.
    permutation: u64,
    session: Option<String>,
    kind: Telling,
}

impl SpecReport<'_> {
    /// The document, ending in a line break. What the server said in another encoding than UTF-8 is
    /// shown as far as can be.
    pub fn render(&self, format: Format) -> String {
        let document = (format.entry().specified)(self);
        legible(&document, format)
    }

    pub(super) fn text(&self) -> String {
        self.tellings.iter().map(ToString::to_string).collect()
    }

    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        for line in self.lines() {
            // A telling holds nothing that JSON could not say: no maps, no numbers out of range.
            out.push_str(&serde_json::to_string(&line).unwrap_or_default());
            out.push('\n');
        }
        out
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!("# {}\n", self.spec.title);
        for paragraph in &self.spec.story {
            let _ = write!(out, "\n{paragraph}\n");
        }
        let mut number = self.spec.schedules.first_number() - 1;
        for part in self.tellings.chunk_by(|_, next| !matches!(next, Telling::Permutation { .. })) {
            let mut body = part;
            if let [Telling::Permutation { steps }, rest @ ..] = part {
                number += 1;
                body = rest;
                let _ = write!(out, "\n## {number}. {}\n", steps.join(" "));
            }
            let told = body.iter().filter(|telling| !matches!(telling, Telling::Parsed { .. }));
            let told: String = told.map(ToString::to_string).collect();
            if !told.is_empty() {
                let _ = write!(out, "\n{}", fenced(&told));
            }
        }
        out
    }

    /// One diagram for all permutations; a note begins each.
    pub(super) fn mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nsequenceDiagram\n", text(&self.spec.title));
        for (place, player) in self.spec.sessions.iter().enumerate() {
            let _ = writeln!(out, "    participant S{place} as {}", text(player.name.as_str()));
        }
        out.push_str("    participant DB as PostgreSQL\n");
        let lanes: HashMap<&str, usize> = self
            .spec
            .sessions
            .iter()
            .zip(0..)
            .map(|(player, lane)| (player.name.as_str(), lane))
            .collect();
        for line in behind_their_requests(self.lines()) {
            let lane = line.session.as_deref().and_then(|name| lanes.get(name));
            let lane = lane.map_or("S0".to_owned(), |place| format!("S{place}"));
            for drawn in arrows(&line.kind, &lane) {
                let _ = writeln!(out, "    {drawn}");
            }
        }
        out
    }

    /// Each telling with its permutation and the session that it is about.
    fn lines(&self) -> Vec<Line<'_>> {
        let sessions: HashMap<&str, &SessionName> =
            self.spec.steps.iter().map(|step| (step.name.as_str(), &step.session)).collect();
        let (mut permutation, mut current) = (0, None);
        let line = |telling: &Telling| {
            let session = match telling {
                Telling::Permutation { .. } => {
                    permutation = match permutation {
                        0 => self.spec.schedules.first_number(),
                        number => number + 1,
                    };
                    current = None;
                    None
                }
                Telling::Step { name, .. }
                | Telling::Waiting { name, .. }
                | Telling::Completed { name }
                | Telling::Cancelled { name, .. }
                | Telling::NotSent { name, .. } => {
                    current = sessions.get(name.as_str()).map(ToString::to_string);
                    current.clone()
                }
                Telling::Notice { session, .. } | Telling::Notification { session, .. } => {
                    Some(session.clone())
                }
                Telling::Table { .. }
                | Telling::Failed(_)
                | Telling::Broken(_)
                | Telling::Unexpected(_) => current.clone(),
                Telling::Parsed { .. } | Telling::Aside { .. } | Telling::Complaint(_) => None,
            };
            Line { spec: &self.spec.name, permutation, session, kind: steady(telling) }
        };
        self.tellings.iter().map(line).collect()
    }
}

/// isolationtester prints the notices of a step before the step; in a diagram they come back from
/// the request that they answer. Notices of a step that was seen waiting, and of a setup, stay
/// where they are.
fn behind_their_requests(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let requests = requests(&lines);
    let mut open: HashSet<String> = HashSet::new();
    let mut held: HashMap<usize, Vec<Line>> = HashMap::new();
    let mut ordered = Vec::with_capacity(lines.len());
    for (place, line) in lines.into_iter().enumerate() {
        let session = line.session.clone().unwrap_or_default();
        match (&line.kind, requests[place]) {
            (Telling::Notice { .. }, Some(request)) if !open.contains(&session) => {
                held.entry(request).or_default().push(line);
                continue;
            }
            (Telling::Waiting { .. }, _) => _ = open.insert(session),
            (Telling::Completed { .. }, _) => _ = open.remove(&session),
            (Telling::Permutation { .. }, _) => open.clear(),
            _ => {}
        }
        ordered.push(line);
        ordered.extend(held.remove(&place).into_iter().flatten());
    }
    ordered
}

/// For each notice, the place of its session's next request in the permutation, if the notice
/// answers that one.
fn requests(lines: &[Line]) -> Vec<Option<usize>> {
    let mut next: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut requests = vec![None; lines.len()];
    for (place, line) in lines.iter().enumerate().rev() {
        let session = line.session.as_deref().unwrap_or_default();
        match &line.kind {
            Telling::Step { sql, .. } | Telling::Waiting { sql, .. } => {
                next.insert(session, (place, sql));
            }
            Telling::Notice { sql: answered, .. } => {
                let request = next.get(session).filter(|(_, sql)| sql == answered);
                requests[place] = request.map(|(place, _)| *place);
            }
            Telling::Permutation { .. } => next.clear(),
            _ => {}
        }
    }
    requests
}

/// The telling without what differs from run to run: isolationtester shows an error's first line
/// only, since its DETAIL names processes and transactions.
fn steady(telling: &Telling) -> Telling {
    match telling {
        Telling::Failed(message) => Telling::Failed(ServerMessage {
            severity: message.severity.clone(),
            code: message.code.clone(),
            message: message.message.clone(),
            ..ServerMessage::default()
        }),
        other => other.clone(),
    }
}

fn arrows(telling: &Telling, lane: &str) -> Vec<String> {
    let sent = |name: &str, sql: &str| format!("{lane}->>DB: {}", text(&format!("{name} {sql}")));
    match telling {
        Telling::Permutation { steps } => {
            vec![format!("Note over S0,DB: {}", text(&steps.join(" ")))]
        }
        Telling::Step { name, sql } => vec![sent(name, sql)],
        Telling::Waiting { name, sql } => {
            vec![sent(name, sql), format!("Note over {lane},DB: waits")]
        }
        Telling::Completed { name } => vec![format!("Note over {lane},DB: {} resumes", text(name))],
        Telling::Table { rows, .. } => {
            vec![format!("DB-->>{lane}: {}", crate::core::scenario::rows(rows.len() as u64))]
        }
        Telling::Failed(message) => {
            vec![format!("DB--x{lane}: {} {}", message.severity, text(&message.message))]
        }
        Telling::Broken(_) => vec![format!("DB--x{lane}: connection lost")],
        Telling::Notice { message, .. } => {
            vec![format!("DB-->>{lane}: {} {}", message.severity, text(&message.message))]
        }
        Telling::Notification { channel, payload, .. } => {
            vec![format!("DB-->>{lane}: NOTIFY {} {}", text(channel), text(payload))]
        }
        Telling::Cancelled { name, .. } => {
            vec![format!("Note over {lane},DB: {} is cancelled", text(name))]
        }
        Telling::NotSent { name, .. } => {
            vec![format!("Note over {lane},DB: {} could not be sent", text(name))]
        }
        Telling::Complaint(complaint) => {
            vec![format!("Note over S0,DB: {}", text(&complaint.to_string()))]
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::scenario::spec_file;
    use crate::reports::isolation_output::Complaint;

    fn notice(text: &str, sql: &str) -> Telling {
        let (severity, message) = ("NOTICE".to_owned(), text.to_owned());
        let message = ServerMessage { severity, message, ..ServerMessage::default() };
        Telling::Notice { session: "a".to_owned(), message, sql: sql.to_owned() }
    }

    fn tellings() -> Vec<Telling> {
        let (name, sql) = ("a2".to_owned(), "2".to_owned());
        vec![
            Telling::Parsed { sessions: 1 },
            Telling::Permutation { steps: vec![name.clone()] },
            notice("of a setup", "0"),
            notice("of a step", "2"),
            Telling::Step { name, sql },
            Telling::Complaint(Complaint::MutualBlock),
        ]
    }

    fn document(format: Format) -> String {
        let text = "session a setup {0} step a1 {1} step a2 {2} permutation a1 permutation a2";
        let spec = spec_file::parse(text, Path::new("a.spec"), "a").unwrap();
        let spec = spec.with_permutation(2).unwrap();
        SpecReport { spec: &spec, tellings: &tellings() }.render(format)
    }

    #[test]
    fn a_notice_stands_behind_its_request_and_a_complaint_is_drawn() {
        let diagram = document(Format::Mermaid);
        let drawn: Vec<&str> = diagram.lines().skip(6).map(str::trim).collect();
        assert_eq!(
            drawn,
            [
                "Note over S0,DB: a2",
                "DB-->>S0: NOTICE of a setup",
                "S0->>DB: a2 2",
                "DB-->>S0: NOTICE of a step",
                "Note over S0,DB: failed to complete permutation due to mutually-blocking step…"
            ]
        );
    }

    #[test]
    fn a_picked_permutation_keeps_its_number() {
        assert!(document(Format::Markdown).contains("\n## 2. a2\n"));
        let json = document(Format::Json);
        assert!(json.lines().nth(1).unwrap().contains("\"permutation\":2"), "{json}");
    }

    #[test]
    fn another_encoding_is_shown_as_far_as_can_be() {
        let spec = spec_file::parse("session a step a1 {1}", Path::new("a.spec"), "a").unwrap();
        let tellings = [notice(&crate::core::event::octets::keep(b"caf\xe9"), "1")];
        let json = SpecReport { spec: &spec, tellings: &tellings }.render(Format::Json);
        assert!(json.contains("caf\\\\xE9"), "{json}");
    }
}
