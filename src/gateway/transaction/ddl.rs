//! Changes of the schema: how one goes ahead, steps back and goes ahead again. The rule is told in
//! [`client_handle`](super::client_handle).

use std::io;

use super::Transaction;
use super::clients::Closed;
use super::prepare_statement::Admitted;
use super::state::{Ddl, DdlState, State};
use super::tables::{Named, low};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{AboutSchema, Access, Statement};

/// Where the transaction steps back to.
const SAVEPOINT: &str = "savepoint overbooked_ddl";
const STEP_BACK: &str = "rollback to savepoint overbooked_ddl";

impl Transaction {
    /// DDL works on the stored tables; this client's copies go out of its way, and so do others'
    /// transactions.
    pub(super) async fn admit_ddl(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<Admitted, BackendError> {
        let is_alone = self.is_idle();
        self.ensure_begun(backend).await?;
        let named = self.look(backend, statement).await?;
        let tables = named.relations();
        self.check_ddl(statement)?;
        let begun = self.open()?.schema_change;
        if !is_alone && self.client.is_new(&named.unknown, begun) {
            return Err(Refusal::schema_changed().into());
        }
        let closed = self.closed_by(backend, statement).await?;
        // PostgreSQL finds a copy before the stored table, so ALTER TABLE would change the copy.
        if is_alone {
            self.abandon(backend).await?;
            self.tables.forget(backend).await?;
        } else {
            backend.ask_all(self.tables.removal()).await?;
            self.tables.forget_views();
        }
        // A transaction of its own begins only behind this wait: an earlier snapshot would not see
        // what those committed who were waited for.
        self.client.close(&closed).await.map_err(Refusal::from)?;
        self.ensure_begun(backend).await?;
        backend.ask(Question::prepared(SAVEPOINT)).await?;
        let sql = statement.plain_ddl();
        self.open()?.ddl = Some(Ddl {
            sql: sql.sql.clone(),
            demanding: sql.without_if_not_exists(),
            names: statement.names.clone(),
            relations: tables.clone(),
            known: Vec::new(),
            closed,
            state: DdlState::Made,
        });
        let rewritten = self.tables.rewrite(&sql, &Named::default(), Vec::new());
        let may_move_names = statement.may_move_names();
        Ok(Admitted { rewritten, tables, unknown: Vec::new(), may_move_names })
    }

    fn check_ddl(&mut self, statement: &Statement) -> Result<(), Refusal> {
        let open = self.open()?;
        if open.ddl.is_some() {
            return Err(Refusal::unsupported(
                "multiple ddl statements not supported in a transaction",
            ));
        }
        if open.dml {
            return Err(Refusal::unsupported(
                "ddl and dml are not supported in the same transaction",
            ));
        }
        if open.access == Access::ReadOnly {
            return Err(Refusal::read_only(&statement.command()));
        }
        Ok(())
    }

    /// No table is used beside DDL, one that it has made itself least of all.
    pub(super) fn refuse_beside_ddl(&mut self, named: &Named) -> Result<(), Refusal> {
        if named.is_empty() || self.open()?.ddl.is_none() {
            return Ok(());
        }
        Err(Refusal::unsupported("ddl and dml are not supported in the same transaction"))
    }

    /// Whom a change of the schema meets. What a drop meets besides, the watchdog ends when it is
    /// in the way.
    async fn closed_by(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<Closed, BackendError> {
        let closed = match statement.about_schema() {
            Some(AboutSchema::Harmless) => Vec::new(),
            Some(AboutSchema::Drop) => self.tables.inside(backend, statement).await?,
            None => {
                let named = self.tables.resolve(backend, &statement.names).await?;
                let named = named.relations();
                // `drop index i` changes a table that it does not name. CREATE needs nobody out of
                // its way unless it names a table.
                if named.is_empty() && statement.command() != "CREATE" {
                    return Ok(Closed::Anything);
                }
                named
            }
        };
        Ok(Closed::Tables(closed))
    }

    /// After its statement: what the names stand for now, for whoever names them next; and nobody
    /// need wait for it any more.
    pub(super) async fn ddl_has_run(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let Some(names) = self.ddl().map(|ddl| ddl.names.clone()) else { return Ok(()) };
        // `resolve` remembers what the names stood for before the statement.
        self.tables.forget_names();
        let now = self.tables.resolve(backend, &names).await?;
        let known = now.known(&names);
        let has_made = self.has_made_what_was_missing(backend).await?;
        if let Some(ddl) = self.ddl() {
            // What it has made is a name that others may take as well, and the first to COMMIT has
            // it: made again, it must not pass over what is there by then.
            let demanding = ddl.demanding.take().filter(|_| has_made);
            ddl.sql = demanding.unwrap_or_else(|| std::mem::take(&mut ddl.sql));
            ddl.relations.extend(now.relations());
            ddl.known = known;
        }
        self.client.rest();
        Ok(())
    }

    /// Whether a CREATE … IF NOT EXISTS has created anything.
    async fn has_made_what_was_missing(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<bool, BackendError> {
        // Rows that are seen and younger than the transaction are its own.
        const MADE: &str = "select (exists (select from pg_catalog.pg_class c \
              where c.relpersistence <> 't' and age(c.xmin) <= age($1::text::xid)) \
            or exists (select from pg_catalog.pg_namespace n \
              where age(n.xmin) <= age($1::text::xid) and n.nspname !~ '^pg_temp_'))::text";
        let Some(xid) = self.xid() else { return Ok(false) };
        if self.ddl().is_none_or(|ddl| ddl.demanding.is_none()) {
            return Ok(false);
        }
        let answer = backend.ask(Question::prepared(MADE).with(low(xid))).await?;
        Ok(answer.value(0) == Some("true"))
    }

    fn ddl(&mut self) -> Option<&mut Ddl> {
        match &mut self.state {
            State::Open(open) => open.ddl.as_mut(),
            _ => None,
        }
    }

    /// A statement has run after it in the same transaction: what it leaves behind in the session,
    /// stepping back would undo.
    pub(super) fn bind_ddl(&mut self, statement: &Statement, admitted: &Admitted) {
        let leaves = admitted.may_move_names || statement.declares();
        if let Some(ddl) = self.ddl().filter(|_| leaves) {
            ddl.state = DdlState::Bound;
        }
    }

    /// Undoes the DDL for as long as others need its tables. Says whether there is any that can be
    /// undone by itself.
    pub(super) async fn step_back(&mut self, backend: &mut impl Questions) -> io::Result<bool> {
        if self.ddl().is_none_or(|ddl| ddl.state != DdlState::Made) {
            return Ok(false);
        }
        match backend.ask(Question::prepared(STEP_BACK)).await {
            Ok(_) => {}
            Err(BackendError::Lost(error)) => return Err(error),
            Err(_) => return Ok(false),
        }
        if let Some(ddl) = self.ddl() {
            ddl.state = DdlState::Undone;
        }
        // Whatever was seen of the catalog since was seen through views that are gone as well.
        self.tables.forget_views();
        // Only after PostgreSQL has released the locks: others go ahead at once.
        self.client.step_back();
        Ok(true)
    }

    /// Makes DDL again that has stepped back; OC001 where somebody else's was first.
    pub(super) async fn apply_again(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let State::Open(open) = &self.state else { return Ok(()) };
        let Some(ddl) = open.ddl.clone().filter(|ddl| ddl.state == DdlState::Undone) else {
            return Ok(());
        };
        let begun = open.schema_change;
        self.client.close(&ddl.closed).await.map_err(Refusal::from)?;
        // Asked after the wait, during which somebody else's DDL may have been committed. A
        // relation that has come by the name of one that this has made is none of `relations`.
        if self.shared.clients.is_changed_since(&ddl.relations, begun)
            || self.client.is_new(&ddl.known, begun)
        {
            return Err(Refusal::schema_changed().into());
        }
        // ROLLBACK TO keeps the savepoint, so this can step back once more.
        backend.ask(Question::once(ddl.sql)).await.map_err(overtaken)?;
        if let Some(ddl) = self.ddl() {
            ddl.state = DdlState::Made;
        }
        self.ddl_has_run(backend).await
    }

    /// Tells the other clients what they may find from now on.
    pub(super) fn announce(&self, ddl: &Ddl) {
        self.client.announce(&ddl.known);
    }

    /// Tells the other clients that these tables' definitions have changed; this one has seen it.
    pub(super) fn publish(&mut self, ddl: &Ddl) {
        let clients = &self.shared.clients;
        clients.changed(&ddl.relations, &ddl.known);
        for relation in &ddl.relations {
            self.tables.look_at(*relation, clients.version(*relation));
        }
        self.tables.forget_names();
    }
}

/// What it means that DDL fails which had gone well before: what it builds on is no longer what it
/// was. A cancelled statement and a server in trouble tell for themselves.
fn overtaken(trouble: BackendError) -> BackendError {
    let Some(code) = trouble.code() else { return trouble };
    let tells_for_itself = ["53", "57", "58"].iter().any(|class| code.starts_with(class));
    if tells_for_itself { trouble } else { Refusal::schema_changed().into() }
}
