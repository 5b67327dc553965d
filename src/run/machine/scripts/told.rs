//! What the machine wants done, as the scripts show it: a line each.

use super::Script;
use crate::core::event::{Blocker, Event, Kind, SessionName, TransactionStatus, Typed, Wait};
use crate::core::seats::{Holder, WatchedTables};
use crate::run::Report;
use crate::run::machine::output::{Demand, Depth, EngineRequest, Newcomer, Output, Question, Role};
use crate::run::participant::Submission;

/// One thing to be done.
pub(super) fn output(output: &Output, script: &Script) -> String {
    let line = match output {
        Output::Report(report) => format!("! {}", report_of(report)),
        Output::Untidy(untidy) => format!("! untidy: {untidy}"),
        Output::Engine(request) => format!("engine <- {}", request_of(*request, script)),
        Output::Watch(watch) => {
            let schema = watch.schema.as_deref();
            format!("observer <- watch {}", schema.unwrap_or("what the search path finds"))
        }
        Output::WatchAlso(watch) => format!("observer <- watch also {}", watch.tables.join(", ")),
        Output::Join(Newcomer { name, prelude, role, application }) => {
            let role = if *role == Role::Runner { "the server" } else { "the engine" };
            let last = prelude.last().map_or("", String::as_str);
            format!("{name} <- connect to {role} as {application}: {last}")
        }
        Output::Ask(name, demand) => format!("{name} <- {}", demand_of(demand)),
        Output::Observe(question) => format!("observer <- {}", question_of(question, script)),
    };
    line + "\n"
}

fn request_of(request: EngineRequest, script: &Script) -> String {
    match request {
        EngineRequest::Open(kind) => format!("open {kind:?}"),
        EngineRequest::Revive => "revive the server".to_owned(),
        EngineRequest::Close => "close".to_owned(),
        EngineRequest::MakeSchema => "make the schema".to_owned(),
        EngineRequest::DropSchema => "drop the schema".to_owned(),
        EngineRequest::CancelBackend(pid) => format!("cancel {}'s backend", script.name_of(pid)),
        EngineRequest::EndBackend(pid) => format!("end {}'s backend", script.name_of(pid)),
        EngineRequest::AwaitOthers => "await the silence of others".to_owned(),
        EngineRequest::GiveUp => "give up".to_owned(),
    }
}

fn demand_of(demand: &Demand) -> String {
    match demand {
        Demand::Submit(submission) => submission_of(submission),
        Demand::TellLoss(submission) => format!("tell as lost {}", submission_of(submission)),
        Demand::Cancel => "cancel".to_owned(),
        Demand::Reconnect => "reconnect".to_owned(),
        Demand::Revive(submission) => format!("reconnect, then {}", submission_of(submission)),
        Demand::Hear(_) => "say what you have heard".to_owned(),
        Demand::Silence => "be silent".to_owned(),
        Demand::Release => "leave".to_owned(),
    }
}

fn submission_of(submission: &Submission) -> String {
    let step = submission.step.map(|step| format!(" (step {step})")).unwrap_or_default();
    format!("{}{step}", submission.sql.trim())
}

fn question_of(question: &Question, script: &Script) -> String {
    let names = |pids: &[_]| -> String {
        let names: Vec<String> = pids.iter().map(|pid| script.name_of(*pid)).collect();
        names.join(", ")
    };
    match question {
        Question::Blocked { busy, to_run, .. } if to_run.is_empty() => {
            format!("who is in the way of {}?", names(busy))
        }
        Question::Blocked { busy, to_run, .. } => {
            format!("who is in the way of {}? does {} run?", names(busy), names(to_run))
        }
        Question::Waits { .. } => "who waits for what?".to_owned(),
        Question::WatchedTables { depth: Depth::WatchedTables, .. } => "the tables?".to_owned(),
        Question::WatchedTables { .. } => "has anything happened to the tables?".to_owned(),
        Question::Missing => "which tables are missing?".to_owned(),
        Question::TableCopies => "how are the tables made?".to_owned(),
    }
}

fn report_of(report: &Report) -> String {
    match report {
        Report::Fresh(fresh) => {
            let engine = &fresh.engine;
            let sessions: Vec<&str> = fresh.sessions.iter().map(SessionName::as_str).collect();
            let (name, product) = (&fresh.scenario.name, &engine.product);
            let isolation = engine.isolation.as_sql();
            format!("fresh {name} on {product} ({isolation}): {}", sessions.join(", "))
        }
        Report::Joined(name) => format!("joined: {name}"),
        Report::GuestJoined(name) => format!("guest joined: {name}"),
        Report::PaneGiven(name) => format!("pane given: {name}"),
        Report::PaneTaken(name) => format!("pane taken: {name}"),
        Report::PersonJoined(name) => format!("person joined: {name}"),
        Report::Parted(name) => format!("parted: {name}"),
        Report::Event(event) => event_of(event),
        Report::Next(step) => format!("next: {step}"),
        Report::Unwatched(tables) => format!("unwatched: {}", tables.join(", ")),
        Report::Over => "over".to_owned(),
        Report::Refused { session: None, why } => format!("refused: {why}"),
        Report::Refused { session: Some(session), why } => format!("refused {session}: {why}"),
        Report::Lasting(lasting) => {
            let lasting: Vec<String> = lasting.iter().map(ToString::to_string).collect();
            format!("lasting: {}", lasting.join("; "))
        }
        // The task reads it beside the machine.
        Report::Catalog(_) => "catalog".to_owned(),
        Report::TableCopies(copies) => {
            let names: Vec<&str> = copies.iter().map(|copy| copy.name.as_str()).collect();
            format!("tables can be made like: {}", names.join(", "))
        }
        Report::Broken(reason) => format!("broken: {reason}"),
    }
}

/// `typed \x: nothing is sent`, `typed select :a;: sent select 1;`.
fn sent_as_typed(sql: &str, typed: &Typed) -> String {
    let sent = if sql.is_empty() { "nothing is sent".to_owned() } else { format!("sent {sql}") };
    match typed.line.as_str() {
        "" => format!("{sent}, by itself"),
        line => format!("typed {line}: {sent}"),
    }
}

fn event_of(event: &Event) -> String {
    let who = event.session.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
    let what = match &event.kind {
        Kind::Connected { .. } => "is connected".to_owned(),
        Kind::Lost { reason, in_transaction: false } => {
            format!("has lost its connection: {reason}")
        }
        Kind::Lost { reason, .. } => {
            format!("has lost its connection and its transaction: {reason}")
        }
        Kind::Closed => "is closed".to_owned(),
        Kind::Sent { sql, typed: Some(typed), .. } => sent_as_typed(sql, typed),
        Kind::Sent { sql, .. } => format!("sent {}", sql.trim()),
        Kind::Columns(_) => "begins an answer".to_owned(),
        Kind::Rows(rows) => format!("got {} rows", rows.len()),
        Kind::Done { tag, .. } => format!("got {tag}"),
        Kind::Failed(message) => {
            format!("got {} {} {}", message.severity, message.code, message.message)
        }
        Kind::Notice(message) => format!("got a notice: {}", message.message),
        Kind::Notification { channel, payload, .. } => {
            format!("is notified on {channel}: {payload}")
        }
        Kind::Parameter { name, value } => format!("is told {name} = {value}"),
        Kind::Ready { status, .. } => format!("is ready{}", status_of(*status)),
        Kind::Waiting(wait) => wait_of(wait),
        Kind::Resumed { waited } => format!("waits no longer, after {waited:?}"),
        Kind::WatchedTables(tables) => tables_of(tables),
        Kind::Conflict(conflict) => {
            let winner = conflict.winner.as_deref().unwrap_or("somebody");
            format!("lost row {} of {} to {winner}", conflict.key, conflict.table)
        }
        Kind::Held { sql, does, why, .. } => format!("is held: {does}, {why}: {sql}"),
        Kind::LetGo { fate, .. } => format!("is let go: {fate:?}"),
        Kind::Quiet => "quiet".to_owned(),
        Kind::Note(text) => format!("note: {text}"),
    };
    format!("{who}{what}").trim_end().to_owned()
}

fn status_of(status: TransactionStatus) -> &'static str {
    match status {
        TransactionStatus::Idle => "",
        TransactionStatus::InTransaction => ", in a transaction",
        TransactionStatus::Failed => ", in a failed transaction",
    }
}

fn wait_of(wait: &Wait) -> String {
    let blockers: Vec<String> = wait.blockers.iter().map(Blocker::to_string).collect();
    format!("waits for {}: {} ({:?})", blockers.join(", "), wait.target, wait.certainty)
}

/// The rows that somebody holds.
fn tables_of(tables: &WatchedTables) -> String {
    let rows =
        tables.tables.iter().flat_map(|table| table.places.iter().map(move |row| (table, row)));
    let held = rows.flat_map(|(table, row)| {
        row.holders.iter().map(move |hold| {
            let holder = match &hold.holder {
                Holder::Session(name) => name.to_string(),
                other => format!("{other:?}"),
            };
            format!("{holder} has {} of {}", row.key, table.name)
        })
    });
    let held: Vec<String> = held.collect();
    let count = tables.tables.len();
    if held.is_empty() {
        format!("tables: {count}, nothing held")
    } else {
        format!("tables: {}", held.join(", "))
    }
}
