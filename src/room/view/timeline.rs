//! Who did what when: the last moments, a line each.

use serde_json::{Value, json};

use super::shown;
use crate::core::event::TransactionStatus;
use crate::stage::timeline::{Bar, End, Timeline};
use crate::stage::words;

/// How many moments are shown.
const MOMENTS: usize = 60;

pub(super) fn of(timeline: &Timeline) -> Value {
    let first = timeline.len().saturating_sub(MOMENTS).max(timeline.first());
    (first..timeline.len()).filter_map(|at| moment(timeline, at)).collect()
}

fn moment(timeline: &Timeline, at: usize) -> Option<Value> {
    let moment = timeline.moment(at)?;
    let bar = timeline.sent_at(at);
    Some(json!({
        "number": at,
        "session": shown(moment.session.as_str()),
        "sql": shown(&moment.sql),
        "end": bar.map(end),
        "kind": bar.map(kind),
    }))
}

fn kind(bar: &Bar) -> &'static str {
    match bar.end {
        End::Open if bar.wait.is_some() => "waits",
        End::Open => "runs",
        End::Failed { .. } | End::Lost => "failed",
        End::Committed => "committed",
        End::RolledBack => "rolled back",
        End::Done(_) if bar.after == TransactionStatus::InTransaction => "in transaction",
        End::Done(_) => "done",
    }
}

/// What came of it, in words.
fn end(bar: &Bar) -> String {
    let waited = bar.wait.as_ref().map(words::whom_and_what);
    match (&bar.end, waited) {
        (End::Open, Some(whom)) => format!("waits for {}", shown(&whom)),
        (End::Open, None) => "runs".to_owned(),
        (End::Done(tag), None) => shown(tag),
        (End::Done(tag), Some(whom)) => format!("waited for {}, then {}", shown(&whom), shown(tag)),
        (End::Committed, _) => "COMMIT".to_owned(),
        (End::RolledBack, _) => "ROLLBACK".to_owned(),
        (End::Failed { code, message }, _) => format!("{} {}", shown(code), shown(message)),
        (End::Lost, _) => "connection lost".to_owned(),
    }
}
