//! For programs: a line for the exploration, then one for each class.

use serde_json::{Value, json as object};

use super::{in_order, verdict};
use crate::core::scenario::claim::AnomalyKind;
use crate::explorer::expected::{Expected, Fate};
use crate::explorer::exploration::Exploration;
use crate::explorer::outcome::{self, Reply, Said};
use crate::explorer::search::Mode;
use crate::explorer::serial::Verdict;

/// Everything, a line an object.
pub fn json(exploration: &Exploration) -> String {
    let classes = in_order(exploration).into_iter().map(|class| class_line(exploration, class));
    let lines = std::iter::once(head(exploration)).chain(classes);
    lines.flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

fn head(exploration: &Exploration) -> Value {
    let Exploration { scenario, program, engine, product, level, found, .. } = exploration;
    let expected = Expected::of(exploration);
    let claims = expected.told.iter().map(|told| {
        let fate = match told.fate {
            Fate::Kept => "kept",
            Fate::Broken => "broken",
            Fate::Unknown => "unknown",
        };
        object!({ "line": told.line, "claim": told.claim.to_string(), "fate": fate })
    });
    let (mode, seed) = match exploration.options.mode {
        Mode::Reduced => ("reduced", None),
        Mode::Every => ("every", None),
        Mode::Sample { seed, .. } => ("sample", Some(seed)),
    };
    object!({
        "type": "exploration",
        "scenario": scenario.name,
        "engine": engine.as_str(),
        "product": product,
        "isolation": level.as_sql(),
        "sessions": scenario.sessions.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        "steps": program.steps(),
        "orders": program.orders(),
        "possible": found.orders.filter(|_| found.is_complete && seed.is_none()),
        "played": found.plays,
        "classes": found.classes.len(),
        "mode": mode,
        "seed": seed,
        "is_complete": found.is_complete,
        "is_interrupted": found.is_interrupted,
        "restarts": exploration.coverage.restarts,
        "diverged": exploration.coverage.diverged,
        "milliseconds": u64::try_from(exploration.took.as_millis()).unwrap_or(u64::MAX),
        "claims": claims.collect::<Vec<_>>(),
        "is_expected": expected.is_kept(),
    })
}

fn class_line(exploration: &Exploration, at: usize) -> Value {
    let judged = &exploration.found.classes[at];
    let class = &judged.class;
    let outcome = &class.outcome;
    let kind = match &judged.verdict {
        None => "not judged",
        Some(Verdict::Serial(_)) => "serial",
        Some(Verdict::Anomaly { .. }) => "anomaly",
        Some(Verdict::Unknown) => "unknown",
    };
    let tables = outcome.tables.iter().map(|table| {
        object!({ "table": table.name, "columns": table.columns, "rows": rows(&table.rows) })
    });
    let broken = class.broken.iter().map(|broken| {
        let sql = &exploration.scenario.invariants[broken.invariant].sql;
        object!({ "invariant": sql, "after": broken.after, "gave": broken.gave })
    });
    object!({
        "type": "class",
        "class": at,
        "name": exploration.names[at],
        "orders": class.orders,
        "played": class.plays,
        "verdict": kind,
        "like": verdict(exploration, at),
        "anomaly": exploration.kinds[at].map(AnomalyKind::as_str),
        "witness": turns(exploration, &class.witness),
        "deeds": exploration.deeds.as_ref().map(|deeds| &deeds[at]),
        "answers": answers(exploration, at),
        "tables": tables.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
        "again": judged.again,
    })
}

/// The steps by name, in the order's order.
fn turns(exploration: &Exploration, order: &[usize]) -> Vec<String> {
    let mut next = vec![0; exploration.program.sessions.len()];
    let steps = order.iter().filter_map(|&session| {
        let step = *exploration.program.sessions[session].get(next[session])?;
        next[session] += 1;
        Some(exploration.scenario.steps[step].name.clone())
    });
    steps.collect()
}

fn answers(exploration: &Exploration, class: usize) -> Value {
    let replies = &exploration.found.classes[class].class.outcome.replies;
    let sessions = exploration.scenario.sessions.iter().zip(replies);
    let each = sessions.map(|(player, replies)| {
        let said: Vec<Value> = replies.iter().map(reply).collect();
        (player.name.to_string(), Value::from(said))
    });
    Value::Object(each.collect())
}

fn reply(reply: &Reply) -> Value {
    match reply {
        Reply::Waits => object!("waits"),
        Reply::NotSent => Value::Null,
        Reply::Answered(said) => said.iter().map(statement).collect(),
    }
}

fn statement(said: &Said) -> Value {
    match said {
        Said::Done(tag) => object!({ "tag": tag }),
        Said::Failed(code) => object!({ "error": code }),
        Said::Lost => object!({ "lost": true }),
        Said::Rows { columns, rows: told, count, tag } => {
            object!({ "columns": columns, "rows": rows(told), "count": count, "tag": tag })
        }
    }
}

fn rows(rows: &[Vec<outcome::Value>]) -> Vec<Vec<Option<String>>> {
    let cell =
        |value: &outcome::Value| Some(value.to_string()).filter(|_| *value != outcome::Value::Null);
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// A line for an order that was played: whose turn it was, and what came of it.
pub fn order_line(
    sessions: &[String],
    turns: &[usize],
    class: usize,
    orders: Option<u64>,
) -> String {
    let turns: Vec<&str> = turns.iter().map(|&it| sessions[it].as_str()).collect();
    let line = object!({ "type": "order", "turns": turns, "class": class, "orders": orders });
    format!("{line}\n")
}
