//! A client that calls its transaction as the protocol does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::core::event::Pid;
use crate::core::syntax::Strings;
use crate::gateway::backend::{AnswerRow, BackendError, Reaction, ScriptedBackend};
use crate::gateway::news::{News, NewsSender};
use crate::gateway::options::Limits;
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Kind, Statement};
use crate::gateway::transaction::Transaction;
use crate::gateway::transaction::blocks::Completion;
use crate::gateway::transaction::shared::Shared;
use crate::gateway::transaction::tables::Parameters;

/// The one table.
const SEATS: &str = r#"{"oid": 20000, "schema": "public", "name": "seats", "kind": "r",
    "inherits": false, "uncopied": [], "columns": [
        {"name": "id", "number": 1, "type": "text", "not_null": true, "generated": false,
         "identity": "", "sequence": null, "default": null},
        {"name": "holder", "number": 2, "type": "text", "not_null": false, "generated": false,
         "identity": "", "sequence": null, "default": null}],
    "indexes": [{"name": "seats_pkey", "immediate": true, "plain": true, "constraint": true,
         "definition": "CREATE UNIQUE INDEX seats_pkey ON public.seats USING btree (id)",
         "columns": ["id"]}],
    "constraints": [{"name": "seats_pkey", "type": "p", "definition": "PRIMARY KEY (id)",
         "refers_to": 0}],
    "definition": null}"#;

/// Parts of the gateway's questions, by which a script knows them.
pub(super) const PIN: &str = "txid_current_snapshot()";
const FINGERPRINT: &str = "from pg_catalog.pg_proc p where p.oid >= 16384";
const PATH: &str = "select array_to_json(current_schemas(false))";
pub(super) const RESOLVE: &str = "as n(schema, name, ord)";
pub(super) const SHAPE: &str = "json_build_object(\n    'oid', c.oid::bigint";
pub(super) const MAKE: &str = "create temp table";
pub(super) const FILL: &str = "with added as (insert into";
pub(super) const REFRESH: &str = "with fresh as materialized";
pub(super) const REFRESH_ROWS: &str = "with gone as (delete from";
pub(super) const CHANGES: &str = "pg_column_size(c.*)";
pub(super) const APPLY: &str = "update only";

/// A gateway without connections.
pub(super) struct Gate {
    shared: Arc<Shared>,
    pub(super) news: mpsc::UnboundedReceiver<News>,
    clients: i32,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        let (sender, news) = mpsc::unbounded_channel();
        let shared = Shared::new(limits, None, NewsSender::new(sender));
        Self { shared: Arc::new(shared), news, clients: 0 }
    }

    pub(super) fn listen(&self) {
        self.shared.listen();
    }

    /// A client of this name, whose transactions begin after `oldest` and have these numbers.
    pub(super) fn client(&mut self, name: &str) -> Client {
        self.clients += 1;
        let transaction = Transaction::new(Arc::clone(&self.shared), Pid(self.clients), name);
        let mut backend = ScriptedBackend::default();
        backend.on(RESOLVE, Reaction::Rows(Box::new(resolve)));
        backend.on(PATH, Reaction::rows(&[["[\"public\"]", "false"]]));
        backend.on(SHAPE, Reaction::rows(&[[SEATS]]));
        backend.on("to_regclass($1)", Reaction::rows(&[["30000", "30001", "20001"]]));
        for filling in [FILL, REFRESH, REFRESH_ROWS] {
            backend.on(filling, Reaction::rows(&[["5", "file", "file"]]));
        }
        Client { transaction, backend }
    }
}

/// Of all names only `seats` stands for a table.
fn resolve(parameters: &[Option<String>]) -> Vec<AnswerRow> {
    let names = parameters[1].as_deref().unwrap_or_default().trim_matches(['{', '}']);
    let schemas = parameters[0].as_deref().unwrap_or_default().trim_matches(['{', '}']);
    let written = schemas.split(',').zip(names.split(',')).enumerate();
    let seats = written.filter(|(_, (schema, name))| *schema == "NULL" && *name == "\"seats\"");
    let row = |(at, _)| vec![Some(format!("{}", at + 1)), Some("20000".into()), None, None];
    seats.map(row).collect()
}

pub(super) struct Client {
    pub(super) transaction: Transaction,
    pub(super) backend: ScriptedBackend,
}

impl Client {
    /// Its next transaction has this number and this snapshot.
    pub(super) fn pin(&mut self, xid: u64, snapshot: &str) {
        self.pin_in(xid, snapshot, "schema 1");
    }

    /// The same, in a schema of this fingerprint.
    pub(super) fn pin_in(&mut self, xid: u64, snapshot: &str, fingerprint: &str) {
        let xid = xid.to_string();
        let row = [snapshot, "[\"public\"]", &xid, "false", "off"];
        self.backend.on(PIN, Reaction::rows(&[row]));
        self.backend.on(FINGERPRINT, Reaction::rows(&[[fingerprint]]));
    }

    /// What its transaction has done from now on: `u A-4` for each row.
    pub(super) fn did(&mut self, deeds: &[&str]) {
        self.did_of_size(deeds, 30);
    }

    pub(super) fn did_of_size(&mut self, deeds: &[&str], size: u64) {
        let row = |op: &&str| {
            let (op, key) = op.split_once(' ').unwrap();
            [op, &size.to_string(), "(0,1)", key].map(|text| Some(text.to_owned())).to_vec()
        };
        let rows: Vec<AnswerRow> = deeds.iter().map(row).collect();
        self.backend.on(CHANGES, Reaction::Rows(Box::new(move |_| rows.clone())));
    }

    /// Somebody past the gateway has given the table another column.
    pub(super) fn reshape(&mut self) {
        let shape = SEATS.replace("\"holder\"", "\"owner\"");
        self.backend.on(SHAPE, Reaction::rows(&[[shape.as_str()]]));
    }

    /// Runs a statement of one row; what it was refused with.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), String> {
        self.run_rows(sql, 1).await
    }

    /// The same, of so many rows.
    pub(super) async fn run_rows(&mut self, sql: &str, rows: u64) -> Result<(), String> {
        let statement = Statement::read(sql, Strings::Conforming);
        let ran = self.try_run(&statement, rows).await;
        self.end(ran).await
    }

    /// A COMMIT, and what came of it.
    pub(super) async fn commit(&mut self) -> Result<Completion, String> {
        let ended = self.transaction.commit_block(&mut self.backend).await;
        self.end(ended).await
    }

    /// The end of a message.
    pub(super) async fn sync(&mut self) -> Result<Completion, String> {
        let settled = self.transaction.settle(&mut self.backend).await;
        self.end(settled).await
    }

    /// Begins with this number and snapshot, and has read the table.
    pub(super) async fn begin(&mut self, xid: u64, snapshot: &str) {
        self.pin(xid, snapshot);
        self.run("begin").await.unwrap();
        self.run("select * from seats").await.unwrap();
    }

    /// Begins with this number and snapshot, and does this to rows.
    pub(super) async fn change(&mut self, xid: u64, snapshot: &str, deeds: &[&str]) {
        self.pin(xid, snapshot);
        self.run("begin").await.unwrap();
        self.did(deeds);
        self.run("update seats set holder = 'me'").await.unwrap();
    }

    async fn try_run(&mut self, statement: &Statement, rows: u64) -> Result<(), BackendError> {
        let Self { transaction, backend } = self;
        match statement.kind {
            _ if statement.refusal.is_some() => {}
            Kind::Begin(access) => return transaction.begin_block(backend, access).await.map(drop),
            Kind::Commit => return transaction.commit_block(backend).await.map(drop),
            Kind::Rollback => return Ok(transaction.roll_back_block(backend).await?),
            _ => {}
        }
        let admitted = transaction.admit(backend, statement, statement, Parameters::None).await?;
        transaction.check_numbers(backend, statement, &admitted).await?;
        transaction.note_part();
        let ahead = transaction.ask_ahead(backend, statement);
        transaction.hear_ahead(backend, ahead).await?;
        transaction.after_statement(backend, statement, &admitted).await?;
        transaction.note_effects(backend, statement, &admitted, Some(rows)).await
    }

    /// Does to the transaction what an error does, as the protocol has to.
    async fn end<T>(&mut self, ran: Result<T, BackendError>) -> Result<T, String> {
        let Err(trouble) = ran else { return ran.map_err(|_| String::new()) };
        let Self { transaction, backend } = self;
        match trouble {
            BackendError::Lost(_) => Err("lost".to_owned()),
            BackendError::Refused(refusal) => {
                transaction.after_refusal(backend, &refusal).await.unwrap();
                Err(told(&refusal))
            }
            trouble @ BackendError::Server(_) => {
                transaction.after_error(backend).await.unwrap();
                Err(format!("server: {}", trouble.code().unwrap()))
            }
        }
    }

    /// How often it has asked what has such a text in it, since this was asked before.
    pub(super) fn asked(&mut self, text: &str) -> Vec<String> {
        let asked = self.backend.take_asked();
        asked.into_iter().filter(|question| question.contains(text)).collect()
    }
}

fn told(refusal: &Refusal) -> String {
    format!("{}: {}", refusal.code(), refusal.message())
}

pub(super) const CONFLICT: &str =
    "40001: change conflicts with another transaction, please retry: (OC000)";
pub(super) const SCHEMA_CHANGED: &str =
    "40001: schema has been updated by another transaction, please retry: (OC001)";
pub(super) const IN_FAILED: &str =
    "25P02: current transaction is aborted, commands ignored until end of transaction block";

/// A future that waits for another client.
pub(super) async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
}
