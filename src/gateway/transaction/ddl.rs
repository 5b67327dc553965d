//! Changes of the schema: how one goes ahead, steps back and goes ahead again. The rule is told in
//! [`place`](super::place).

use std::io;

use crate::gateway::backend::{BackendError, Question, error_field};
use crate::gateway::protocol::{Session, State};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{AboutSchema, Access, Kind, Name, Statement};
use crate::gateway::transaction::client_handle::Closed;
use crate::gateway::transaction::prepare_statement::{Admitted, plain_ddl};
use crate::gateway::transaction::tables::Named;

/// A change of the schema in an open transaction.
#[derive(Clone, Debug)]
pub(crate) struct Ddl {
    /// As PostgreSQL runs it.
    sql: String,
    /// The names in it.
    names: Vec<Name>,
    /// What they stand for, before and after.
    relations: Vec<u32>,
    /// The names under which there are relations afterwards.
    known: Vec<String>,
    /// What it keeps others out of.
    closed: Closed,
    standing: DdlState,
}

/// What has become of a change so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DdlState {
    /// PostgreSQL has made it, or is about to.
    Made,
    /// The same, and what the client did afterwards would be undone with it: a setting, a cursor.
    Bound,
    /// It has been undone for others, and must be made again.
    Undone,
}

/// Where the transaction steps back to.
const SAVEPOINT: &str = "savepoint overbooked_ddl";
const STEP_BACK: &str = "rollback to savepoint overbooked_ddl";

impl Session {
    /// DDL works on the stored tables; this client's copies go out of its way, and so do others'
    /// transactions.
    pub(crate) async fn admit_ddl(
        &mut self,
        statement: &Statement,
    ) -> Result<Admitted, BackendError> {
        let is_alone = matches!(self.state, State::Idle);
        self.ensure_begun().await?;
        let tables = self.look(statement).await?.relations();
        self.check_ddl(statement)?;
        let closed = self.closed_by(statement).await?;
        if is_alone {
            self.abandon().await?;
            self.tables.forget(&mut self.server).await?;
        } else {
            self.server.ask_all(self.tables.removal()).await?;
        }
        self.place.close(&closed).await.map_err(Refusal::from)?;
        self.ensure_begun().await?;
        self.server.ask(Question::prepared(SAVEPOINT)).await?;
        let sql = plain_ddl(statement);
        self.open()?.ddl = Some(Ddl {
            sql: sql.sql.clone(),
            names: statement.names.clone(),
            relations: tables.clone(),
            known: Vec::new(),
            closed,
            standing: DdlState::Made,
        });
        let turned = self.tables.turn(&sql, &Named::default());
        Ok(Admitted { turned, tables, unknown: Vec::new() })
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
    pub(crate) fn refuse_beside_ddl(&mut self, named: &Named) -> Result<(), Refusal> {
        if named.is_empty() || self.open()?.ddl.is_none() {
            return Ok(());
        }
        Err(Refusal::unsupported("ddl and dml are not supported in the same transaction"))
    }

    /// Whom a change of the schema meets. What a drop meets besides, the lookout ends when it is in
    /// the way.
    async fn closed_by(&mut self, statement: &Statement) -> Result<Closed, BackendError> {
        let closed = match statement.about_schema() {
            Some(AboutSchema::Harmless) => Vec::new(),
            Some(AboutSchema::Drop) => self.tables.inside(&mut self.server, statement).await?,
            None => {
                let named = self.tables.resolve(&mut self.server, &statement.names).await?;
                let named = named.relations();
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
    pub(crate) async fn ddl_has_run(&mut self) -> Result<(), BackendError> {
        let Some(names) = self.ddl().map(|ddl| ddl.names.clone()) else { return Ok(()) };
        self.tables.forget_names();
        let now = self.tables.resolve(&mut self.server, &names).await?;
        let known = now.known(&names);
        if let Some(ddl) = self.ddl() {
            ddl.relations.extend(now.relations());
            ddl.known = known;
        }
        self.place.rest();
        Ok(())
    }

    fn ddl(&mut self) -> Option<&mut Ddl> {
        match &mut self.state {
            State::Open(open) => open.ddl.as_mut(),
            _ => None,
        }
    }

    /// A statement has run after it in the same transaction: what it leaves behind in the session,
    /// stepping back would undo.
    pub(crate) fn bind_ddl(&mut self, statement: &Statement) {
        let shows = statement.kind == Kind::Session && statement.command() == "SHOW";
        let leaves = (statement.may_move_names() && !shows) || statement.declares();
        if let Some(ddl) = self.ddl().filter(|_| leaves) {
            ddl.standing = DdlState::Bound;
        }
    }

    /// Undoes the DDL for as long as others need its tables. Says whether there is any that can be
    /// undone by itself.
    pub(crate) async fn step_back(&mut self) -> io::Result<bool> {
        if self.ddl().is_none_or(|ddl| ddl.standing != DdlState::Made) {
            return Ok(false);
        }
        match self.server.ask(Question::prepared(STEP_BACK)).await {
            Ok(_) => {}
            Err(BackendError::Lost(error)) => return Err(error),
            Err(_) => return Ok(false),
        }
        // What was bound after it is gone with it.
        self.drop_portals_behind_ddl();
        if let Some(ddl) = self.ddl() {
            ddl.standing = DdlState::Undone;
        }
        self.place.step_back();
        Ok(true)
    }

    /// Whether the DDL is undone at the moment.
    pub(crate) fn has_stepped_back(&mut self) -> bool {
        self.ddl().is_some_and(|ddl| ddl.standing == DdlState::Undone)
    }

    /// Makes DDL again that has stepped back; OC001 where somebody else's was first.
    pub(crate) async fn apply_again(&mut self) -> Result<(), BackendError> {
        let State::Open(open) = &self.state else { return Ok(()) };
        let Some(ddl) = open.ddl.clone().filter(|ddl| ddl.standing == DdlState::Undone) else {
            return Ok(());
        };
        let begun = open.schema_change;
        self.place.close(&ddl.closed).await.map_err(Refusal::from)?;
        if self.common.is_changed_since(&ddl.relations, begun) {
            return Err(Refusal::schema_changed().into());
        }
        self.server.ask(Question::once(ddl.sql)).await.map_err(overtaken)?;
        if let Some(ddl) = self.ddl() {
            ddl.standing = DdlState::Made;
        }
        self.ddl_has_run().await
    }

    /// Tells the other clients what they may find from now on.
    pub(crate) fn announce(&self, ddl: &Ddl) {
        self.place.announce(&ddl.known);
    }

    /// Tells the other clients that these tables' definitions have changed; this one has seen it.
    pub(crate) fn publish(&mut self, ddl: &Ddl) {
        self.common.changed(&ddl.relations, &ddl.known);
        for relation in &ddl.relations {
            self.tables.look_at(*relation, self.common.version(*relation));
        }
        self.tables.forget_names();
    }
}

/// What it means that DDL fails which had gone well before: what it builds on is no longer what it
/// was. A cancelled statement and a server in trouble tell for themselves.
fn overtaken(trouble: BackendError) -> BackendError {
    let BackendError::Server(frame) = &trouble else { return trouble };
    let code = error_field(frame, b'C').unwrap_or_default();
    let tells_for_itself = ["53", "57", "58"].iter().any(|class| code.starts_with(class));
    if tells_for_itself { trouble } else { Refusal::schema_changed().into() }
}
