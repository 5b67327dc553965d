//! What the client has prepared and opened, by name. PREPARE and Parse share one namespace, and so
//! do DECLARE and Bind: whichever way a name was given, it may be used, closed and refused in
//! either.
//!
//! A prepared statement outlives the copies for which it was turned. Under another search path, or
//! after a table of the same name has come, its text would mean other copies; so what the server
//! has under the name is compared with what it should have before each use, and made anew where it
//! differs.
//!
//! A portal lives as long as the transaction in which it was made, on the server and here: a name
//! that is not noted here is no portal's.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::syntax::Strings;
use crate::gateway::backend::{BackendError, Question};
use crate::gateway::protocol::waiting::Undo;
use crate::gateway::protocol::{Session, State};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{DeclaredCursor, Kind, Statement, Which};
use crate::gateway::transaction::tables::Turned;

/// A statement under a name of the client's.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) statement: Arc<Statement>,
    pub(crate) by: By,
    /// What the server has; nothing where it has none.
    pub(crate) sent: Option<Turned>,
}

/// How it was prepared.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// By Parse, with what followed the text: the types of its parameters.
    Parse(Bytes),
    /// By this PREPARE.
    Sql(Arc<Statement>),
}

/// A prepared statement with its parameters, or a cursor.
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    pub(crate) statement: Arc<Statement>,
    life: Life,
    /// Whether it was made behind DDL, with which it is undone.
    behind_ddl: bool,
}

/// How long a portal lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// As long as its transaction.
    Transaction,
    /// Beyond its transaction, once that has committed.
    Holding,
    /// Until it is closed.
    Held,
}

impl Portal {
    /// One that Bind makes.
    fn bound(statement: Arc<Statement>, behind_ddl: bool) -> Self {
        Self { statement, life: Life::Transaction, behind_ddl }
    }

    /// One that DECLARE makes: the copies under it were brought up to date then, and to fetch from
    /// it needs nothing more.
    fn declared(cursor: &DeclaredCursor) -> Self {
        let life = if cursor.holds { Life::Holding } else { Life::Transaction };
        // A statement that declares holds DDL to its place: nothing behind it is undone.
        let statement = Arc::new(Statement::read("fetch", Strings::Conforming));
        Self { statement, life, behind_ddl: false }
    }
}

impl Statement {
    /// Statements that the gateway runs by itself never reach the server.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Begin(_) | Kind::Commit | Kind::Rollback | Kind::Empty)
    }
}

impl Session {
    /// The statement of this name.
    pub(crate) fn known(&self, name: &str) -> Result<Arc<Statement>, Refusal> {
        let found = self.prepared.get(name).map(|prepared| Arc::clone(&prepared.statement));
        found.ok_or_else(|| Refusal::no_statement(name))
    }

    /// The portal of this name.
    pub(crate) fn portal(&self, name: &str) -> Result<Portal, Refusal> {
        self.portals.get(name).cloned().ok_or_else(|| Refusal::no_portal(name))
    }

    /// Whether Parse may give this name: only the statement without a name gives way.
    pub(crate) fn check_free(&self, name: &str) -> Result<(), Refusal> {
        if !name.is_empty() && self.prepared.contains_key(name) {
            return Err(Refusal::statement_exists(name));
        }
        Ok(())
    }

    /// Notes a statement under a name. What undoes it is for the case that the server refuses.
    pub(crate) fn note_prepared(&mut self, name: String, prepared: Prepared) -> Undo {
        let before = self.prepared.insert(name.clone(), prepared);
        // The server forgets the statement without a name before it looks at the new one.
        let before = before.filter(|_| !name.is_empty());
        Undo { name, before }
    }

    /// Has the server prepare a statement anew whose text means other copies by now.
    pub(crate) async fn renew(&mut self, name: &str) -> Result<(), BackendError> {
        let Some(prepared) = self.prepared.get(name).cloned() else { return Ok(()) };
        let whole = match &prepared.by {
            By::Parse(_) => Arc::clone(&prepared.statement),
            By::Sql(whole) => Arc::clone(whole),
        };
        if whole.is_ours() || matches!(whole.kind, Kind::Ddl(_)) {
            return Ok(());
        }
        let named = self.tables.resolve(&mut self.server, &whole.names).await?;
        let turned = self.turned(&whole, &named);
        if prepared.sent.as_ref() == Some(&turned) {
            return Ok(());
        }
        self.dispatch(None).await?;
        self.note_sent(name, None);
        match &prepared.by {
            By::Parse(types) => self.server.prepare_anew(name, &turned.sql, types).await?,
            By::Sql(_) => {
                self.server.close_statement(name).await?;
                self.server.ask(Question::once(turned.sql.clone())).await?;
            }
        }
        self.note_sent(name, Some(turned));
        Ok(())
    }

    fn note_sent(&mut self, name: &str, sent: Option<Turned>) {
        if let Some(prepared) = self.prepared.get_mut(name) {
            prepared.sent = sent;
        }
    }

    /// What a statement that has run has done to names.
    pub(crate) fn note_names(&mut self, statement: &Statement, sent: &Turned) {
        if let Kind::Prepare(name) = &statement.kind {
            let prepared = Prepared {
                statement: Arc::new(statement.prepared()),
                by: By::Sql(Arc::new(statement.clone())),
                sent: Some(sent.clone()),
            };
            self.prepared.insert(name.clone(), prepared);
        }
        if let Some(cursor) = statement.declared() {
            self.portals.insert(cursor.name.clone(), Portal::declared(&cursor));
        }
        match statement.deallocates() {
            // DEALLOCATE knows names only, and takes the gateway's own along.
            Some(Which::All) => {
                self.prepared.retain(|name, _| name.is_empty());
                self.server.forget_prepared();
            }
            Some(Which::One(name)) => drop(self.prepared.remove(&name)),
            None => {}
        }
        match statement.closes() {
            Some(Which::All) => self.portals.clear(),
            Some(Which::One(name)) => drop(self.portals.remove(&name)),
            None => {}
        }
    }

    /// DEALLOCATE of what never reached the server.
    pub(crate) fn deallocates_ours(&self, statement: &Statement) -> bool {
        let Some(Which::One(name)) = statement.deallocates() else { return false };
        self.prepared.get(&name).is_some_and(|prepared| prepared.statement.is_ours())
    }

    /// The transaction has committed: cursors WITH HOLD stay.
    pub(crate) fn keep_held_portals(&mut self) {
        self.portals.retain(|_, portal| portal.life != Life::Transaction);
        self.portals.values_mut().for_each(|portal| portal.life = Life::Held);
    }

    /// The transaction was rolled back: what it has opened is gone.
    pub(crate) fn drop_portals(&mut self) {
        self.portals.retain(|_, portal| portal.life == Life::Held);
    }

    /// Notes the portal that a Bind makes.
    pub(crate) fn note_bound(&mut self, name: String, statement: Arc<Statement>) {
        let is_ddl = matches!(statement.kind, Kind::Ddl(_));
        let has_ddl = matches!(&self.state, State::Open(open) if open.ddl.is_some());
        // COMMIT and its kin never reach the server, so that nothing of them is undone.
        let behind_ddl = !statement.is_ours() && (is_ddl || has_ddl);
        self.portals.insert(name, Portal::bound(statement, behind_ddl));
    }

    /// DDL steps back: what was bound behind it is gone with it.
    pub(crate) fn drop_portals_behind_ddl(&mut self) {
        self.portals.retain(|_, portal| !portal.behind_ddl);
    }

    /// Outside of a block nothing that Bind has made outlives its message.
    pub(crate) fn drop_portals_outside_blocks(&mut self) {
        if matches!(self.state, State::Idle) {
            self.drop_portals();
        }
    }
}
