//! The stage as it goes over the wire: JSON, a part for each thing that changes by itself.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::feed::{Part, Parts};
use crate::core::event::SessionName;
use crate::stage::panes::Pane;
use crate::stage::panes::pane::Link;
use crate::stage::panes::scrollback::{Line, Look};
use crate::stage::script::{Mark, Script};
use crate::stage::waits::{deadlocks, waits};
use crate::stage::{BEING_SET_UP, Stage, text, words};

mod seats;
mod timeline;

/// How many lines of a session are shown.
const LINES: usize = 200;

/// How much of a line is shown, in cells: a value may be a whole book.
const LONGEST_LINE: usize = 2_000;

/// All of the stage.
pub(super) fn of(stage: &Stage) -> Parts {
    let mut parts = Parts::new();
    let mut put = |name: &str, value: Value| {
        parts.insert(name.to_owned(), Part::Value(value.to_string()));
    };
    put("course", course(stage));
    put("script", stage.course().script().map_or(Value::Null, script));
    put("tables", seats::tables(stage.watched()));
    put("panes", stage.panes().iter().map(pane).collect());
    put("waits", who_waits(stage));
    put("timeline", timeline::of(stage.history().timeline()));
    for pane in stage.panes() {
        parts.insert(format!("lines:{}", shown(pane.name.as_str())), said(pane));
    }
    parts
}

/// Text from outside, safe to be seen.
pub(super) fn shown(text: &str) -> String {
    text::visible(text).into_owned()
}

/// The same of SQL, which has lines.
fn shown_sql(sql: &str) -> String {
    sql.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn course(stage: &Stage) -> Value {
    let course = stage.course();
    let script = course.script();
    let title = course.scenario().map(|it| shown(&it.title));
    let engine = course.engine().line().map(|line| {
        json!({
            "product": shown(&line.product),
            "place": shown(&line.place),
            "isolation": line.isolation.as_sql(),
        })
    });
    let next = script
        .and_then(Script::next_step)
        .map(|step| json!({"session": shown(step.session.as_str()), "sql": shown_sql(&step.sql)}));
    json!({
        "title": title,
        "engine": engine,
        "step": script.map_or(0, Script::next),
        "steps": script.map_or(0, Script::len),
        "next": next,
        "broken": course.broken().map(shown),
        "setup": script.is_none().then_some(BEING_SET_UP),
    })
}

fn script(script: &Script) -> Value {
    let step = |launch: usize| {
        let (mark, why) = match script.mark(launch) {
            Mark::Ahead if launch == script.next() => ("next", Vec::new()),
            Mark::Ahead => ("ahead", Vec::new()),
            Mark::Sent => ("sent", Vec::new()),
            Mark::Done => ("done", Vec::new()),
            Mark::Kept => ("kept", Vec::new()),
            Mark::Broken(why) => ("broken", why),
        };
        let step = script.step(launch)?;
        let why: Vec<String> = why.iter().map(|line| shown(line)).collect();
        Some(json!({
            "session": shown(step.session.as_str()),
            "sql": shown_sql(&step.sql),
            "mark": mark,
            "why": why,
        }))
    };
    (0..script.len()).filter_map(step).collect()
}

fn pane(pane: &Pane) -> Value {
    let state = match (pane.link, &pane.waiting) {
        (Link::Open, Some(waiting)) => {
            format!("waits for {}", words::whom_and_what(&waiting.wait))
        }
        _ => pane.state(std::time::Duration::ZERO).into_iter().next().unwrap_or_default(),
    };
    json!({
        "name": shown(pane.name.as_str()),
        "prompt": shown(&pane.prompt(None)),
        "state": shown(&state),
        "waits": pane.waiting.is_some(),
        "transaction": pane.has_transaction(),
    })
}

/// What was said in a session, from the last lines that are shown.
fn said(pane: &Pane) -> Part {
    let scrollback = &pane.scrollback;
    let first = scrollback.end().saturating_sub(LINES as u64).max(scrollback.first());
    let skipped = usize::try_from(first - scrollback.first()).unwrap_or(usize::MAX);
    let lines = scrollback.lines().skip(skipped).map(line).collect();
    Part::Lines { first, lines }
}

/// What it is, what it says, and what stands at its end.
fn line(line: &Line) -> String {
    let look = match line.look {
        Look::Statement { .. } => "statement",
        Look::Heading => "heading",
        Look::Rule => "rule",
        Look::Row => "row",
        Look::Tag => "tag",
        Look::Error => "error",
        Look::Detail => "detail",
        Look::Lesson => "lesson",
        Look::Notice => "notice",
        Look::Wait => "wait",
        Look::Note => "note",
        Look::Lost => "lost",
    };
    let shown = line.shown(usize::MAX);
    json!([look, cut(&shown, LONGEST_LINE), line.aside.as_deref()]).to_string()
}

/// Text that ends with an ellipsis where it would take more than these cells.
fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    text::fit(text, cells, "\u{2026}")
}

/// Who waits for whom, and whether in a circle.
fn who_waits(stage: &Stage) -> Value {
    let waits = waits(stage.panes());
    let circles = deadlocks(&waits);
    let is_in_circle = |name: &SessionName| circles.iter().flatten().any(|it| it == name);
    let wait = waits.iter().map(|(name, wait)| {
        json!({
            "who": shown(name.as_str()),
            "for": shown(&words::whom_and_what(wait)),
            "circle": is_in_circle(name),
        })
    });
    wait.collect()
}

#[cfg(test)]
mod tests;
