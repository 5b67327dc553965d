//! A specification that was played, as a document: what isolationtester tells, told of whom, permutation by permutation.

use std::fmt::Write as _;

use serde::Serialize;

use super::Format;
use super::markdown::fenced;
use super::mermaid::text;
use crate::event::ServerMessage;
use crate::isolation_output::Telling;
use crate::scenario::Scenario;

/// What a specification's document is made of.
#[derive(Clone, Copy, Debug)]
pub struct SpecBill<'a> {
    /// What was played.
    pub spec: &'a Scenario,
    /// What was told of it.
    pub tellings: &'a [Telling],
}

/// A telling and what it belongs to; as JSON, a line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    spec: &'a str,
    /// Counted from 1; 0 before the first.
    permutation: usize,
    session: Option<String>,
    kind: Telling,
}

impl SpecBill<'_> {
    /// The document, ending in a line break.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text | Format::Spec => self.tellings.iter().map(ToString::to_string).collect(),
            Format::Markdown => self.markdown(),
            Format::Json => self.json(),
            Format::Mermaid => self.mermaid(),
        }
    }

    fn json(&self) -> String {
        let mut out = String::new();
        for line in self.lines() {
            // A telling holds nothing that JSON could not say: no maps, no numbers out of range.
            out.push_str(&serde_json::to_string(&line).unwrap_or_default());
            out.push('\n');
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = format!("# {}\n", self.spec.title);
        for paragraph in &self.spec.story {
            let _ = write!(out, "\n{paragraph}\n");
        }
        let mut number = 0;
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
    fn mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nsequenceDiagram\n", text(&self.spec.title));
        for (place, player) in self.spec.sessions.iter().enumerate() {
            let _ = writeln!(out, "    participant S{place} as {}", text(player.name.as_str()));
        }
        out.push_str("    participant DB as PostgreSQL\n");
        for line in self.lines() {
            let lane = line.session.as_deref().and_then(|name| self.lane(name));
            let lane = lane.map_or("S0".to_owned(), |place| format!("S{place}"));
            for drawn in arrows(&line.kind, &lane) {
                let _ = writeln!(out, "    {drawn}");
            }
        }
        out
    }

    fn lane(&self, name: &str) -> Option<usize> {
        self.spec.sessions.iter().position(|player| player.name.as_str() == name)
    }

    /// Each telling with its permutation and the session that it is about.
    fn lines(&self) -> Vec<Line<'_>> {
        let (mut permutation, mut current) = (0, None);
        let line = |telling: &Telling| {
            let session = match telling {
                Telling::Permutation { .. } => {
                    permutation += 1;
                    current = None;
                    None
                }
                Telling::Step { name, .. }
                | Telling::Waiting { name, .. }
                | Telling::Completed { name }
                | Telling::Cancelled { name, .. }
                | Telling::NotSent { name, .. } => {
                    current = self.session_of(name);
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

    fn session_of(&self, step: &str) -> Option<String> {
        let step = self.spec.steps.iter().find(|known| known.name == step)?;
        Some(step.session.to_string())
    }
}

/// The telling without what differs from run to run: isolationtester shows an error's first line only, since its DETAIL names processes
/// and transactions.
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
        Telling::Completed { name } => vec![format!("Note over {lane},DB: {} goes on", text(name))],
        Telling::Table { rows, .. } => {
            vec![format!("DB-->>{lane}: {}", crate::scenario::rows(rows.len() as u64))]
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
        _ => vec![],
    }
}
