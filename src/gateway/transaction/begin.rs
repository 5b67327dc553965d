//! A transaction's beginning on the backend.

use super::Transaction;
use super::journal::Seen;
use super::ledger::Snapshot;
use super::state::{Block, OpenTransaction, State};
use super::tables::{OutOfDate, SchemaMark, TEMPORARY_FIRST, marks_in};
use crate::core::sql;
use crate::gateway::backend::{Answer, BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Access;

/// READ WRITE whatever the client's default is: copies are written even where the client may only
/// read, which is for the gateway to see to.
pub(super) const BEGIN: &str = "begin isolation level repeatable read, read write";

impl Transaction {
    /// Opens a transaction on the backend, its snapshot pinned.
    pub(super) async fn begin(
        &mut self,
        backend: &mut impl Questions,
        block: Block,
        access: Access,
    ) -> Result<(), BackendError> {
        self.foreseen = None;
        // While no transaction is open: what is dropped, made or filled here, no rollback of the
        // client's undoes.
        self.tables.clear(backend).await?;
        self.tables.put_back(backend).await?;
        let undone = self.tables.remake(backend).await?;
        if !undone.is_empty() {
            self.fill_apart(backend, &undone).await?;
        }
        self.open_transaction(backend, block, access).await
    }

    /// Opens an implicit transaction where none is open.
    pub(super) async fn ensure_begun(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if self.is_idle() {
            self.begin(backend, Block::Implicit, Access::AsSet).await?;
        }
        Ok(())
    }

    /// Brings copies up to date in a transaction of its own, which no rollback undoes. Who has lost
    /// to another would otherwise have all of it before him again with every retry, and never come
    /// in before those who have not.
    async fn fill_apart(
        &mut self,
        backend: &mut impl Questions,
        tables: &[u32],
    ) -> Result<(), BackendError> {
        self.open_transaction(backend, Block::Implicit, Access::AsSet).await?;
        let filled = match self.fill(backend, tables).await {
            Ok(()) => self.commit_nothing(backend).await,
            failed => failed,
        };
        match filled {
            Ok(()) => Ok(()),
            Err(BackendError::Lost(error)) => Err(BackendError::Lost(error)),
            // The next statement that needs the copy meets the same trouble, and it has a client to
            // tell.
            Err(_) => Ok(self.abandon(backend).await?),
        }
    }

    /// Ends a transaction in which the client has no part. What it has read stays in the copies.
    async fn commit_nothing(&mut self, backend: &mut impl Questions) -> Result<(), BackendError> {
        let open = self.open()?;
        let seen = Seen { snapshot: open.snapshot.clone(), own: open.xid };
        // It has taken a number, and every copy that lacked the transaction of a number unknown to
        // the journal would be compared with its whole table.
        self.shared.journal().note_nothing(seen.own);
        backend.ask(Question::prepared("commit")).await?;
        self.tables.commit(&seen, 0);
        self.state = State::Idle;
        Ok(self.after_end(backend, false).await?)
    }

    async fn open_transaction(
        &mut self,
        backend: &mut impl Questions,
        block: Block,
        access: Access,
    ) -> Result<(), BackendError> {
        self.doubts = false;
        for own in self.tables.built.drain(..) {
            self.shared.journal().note_nothing(own);
        }
        // Before it is asked for: what is committed until the answer has come, it may not see.
        self.client.await_snapshot();
        let mut pinned = self.pin(backend).await?;
        if !self.is_schema_known(&pinned) && self.compare(backend, &pinned).await?.is_err() {
            self.shared.journal().note_nothing(pinned.xid);
            backend.roll_back().await?;
            self.tables.catch_up(backend).await?;
            pinned = self.pin(backend).await?;
            // Whatever changed between the two looks is seen at the next one.
            self.compare(backend, &pinned).await?.ok();
        }
        // From here on the ledger keeps no more than the commits that this snapshot does not see.
        self.client.begin(pinned.snapshot.oldest);
        self.trying_since.get_or_insert_with(|| self.shared.precedence.number());
        if access != Access::AsSet {
            pinned.access = access;
        }
        self.state = State::Open(Box::new(OpenTransaction::begun(block, pinned)));
        Ok(())
    }

    /// Whether the catalog need not be asked: nobody who may have changed it has come since.
    pub(super) fn is_schema_known(&mut self, pinned: &Pinned) -> bool {
        let journal = self.shared.journal();
        let Pinned { snapshot, path, schema_change, .. } = pinned;
        self.tables.is_known_in(&journal, snapshot, path, *schema_change)
    }

    /// Compares what is known of the schema with what the transaction sees of it.
    pub(super) async fn compare(
        &mut self,
        backend: &mut impl Questions,
        pinned: &Pinned,
    ) -> Result<Result<(), OutOfDate>, BackendError> {
        let mut questions = vec![Question::prepared(sql::optimistic::FINGERPRINT)];
        questions.extend(self.tables.asks_marks());
        let answers = or_roll_back(backend, questions).await?;
        let fingerprint = answers.first().and_then(|answer| answer.value(0)).unwrap_or_default();
        let mark = SchemaMark {
            fingerprint: fingerprint.to_owned(),
            path: pinned.path.clone(),
            change: pinned.schema_change,
        };
        let marks = answers.get(1).map(marks_in).unwrap_or_default();
        let compared = self.tables.check(&mark, &marks);
        if compared.is_ok() {
            self.tables.shown_by(&pinned.snapshot);
        }
        Ok(compared)
    }

    async fn pin(&self, backend: &mut impl Questions) -> Result<Pinned, BackendError> {
        // Read before the snapshot is taken. A change in between then counts as later and is told
        // to the client; read afterwards, it would be taken for one that the snapshot shows.
        let schema_change = self.shared.clients.schema_change();
        // A query behind BEGIN, which takes no snapshot by itself (PostgreSQL documentation,
        // 13.2.2).
        let questions = vec![Question::prepared(BEGIN), Question::prepared(sql::optimistic::PIN)];
        // The first half may have succeeded.
        let answers = or_roll_back(backend, questions).await?;
        match Pinned::read(&answers, schema_change) {
            Ok(pinned) => Ok(pinned),
            Err(refusal) => {
                backend.roll_back().await?;
                Err(refusal.into())
            }
        }
    }
}

/// Asks, and rolls back what is open where that fails.
async fn or_roll_back(
    backend: &mut impl Questions,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, BackendError> {
    match backend.ask_all(questions).await {
        Ok(answers) => Ok(answers),
        Err(trouble) => {
            backend.roll_back().await?;
            Err(trouble)
        }
    }
}

/// What the first statement of a transaction tells.
pub(super) struct Pinned {
    pub(super) snapshot: Snapshot,
    pub(super) xid: u64,
    /// The schemas of the search path, as JSON.
    pub(super) path: String,
    /// The session's default.
    pub(super) access: Access,
    /// How often the schema had changed.
    pub(super) schema_change: u64,
}

impl Pinned {
    /// From the answers to BEGIN and to what takes the snapshot.
    pub(super) fn read(answers: &[Answer], schema_change: u64) -> Result<Self, Refusal> {
        let value = |column| answers.get(1).and_then(|pin| pin.value(column)).unwrap_or_default();
        let snapshot = Snapshot::parse(value(0))
            .ok_or_else(|| Refusal::protocol(format!("no snapshot: {:?}", value(0))))?;
        if value(3) == "true" {
            return Err(Refusal::unsupported(TEMPORARY_FIRST));
        }
        let xid = value(2).parse().map_err(|_| Refusal::protocol("no transaction's number"))?;
        let access = if value(4) == "on" { Access::ReadOnly } else { Access::ReadWrite };
        Ok(Self { snapshot, xid, path: value(1).to_owned(), access, schema_change })
    }
}
