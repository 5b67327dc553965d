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

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::core::syntax::Strings;
use crate::gateway::backend::{BoundValue, BoundValues};
use crate::gateway::hooks::Parameter;
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{DeclaredCursor, Kind, Statement, Which};
use crate::gateway::talk;
use crate::gateway::transaction::tables::Rewritten;
use crate::pg::frame::Fields;

/// The names that a client has given.
#[derive(Default)]
pub(super) struct Names {
    prepared: HashMap<String, Prepared>,
    /// What it has bound or declared.
    portals: HashMap<String, Portal>,
}

/// A statement under a name of the client's.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    statement: Arc<Statement>,
    by: By,
    /// What the server has; nothing where it has none.
    sent: Option<Rewritten>,
}

/// How it was prepared.
#[derive(Clone, Debug)]
pub(super) enum By {
    /// By Parse, with what followed the text: the types of its parameters.
    Parse(Bytes),
    /// By this PREPARE.
    Sql(Arc<Statement>),
}

impl Prepared {
    /// One that Parse has prepared; `sent` is nothing where it never reaches the server.
    pub(super) fn parsed(statement: Arc<Statement>, types: Bytes, sent: Option<Rewritten>) -> Self {
        Self { statement, by: By::Parse(types), sent }
    }

    /// How it was prepared.
    pub(super) fn by(&self) -> &By {
        &self.by
    }

    /// What the server has to be told to have it: the statement, or the PREPARE of it.
    pub(super) fn whole(&self) -> Arc<Statement> {
        match &self.by {
            By::Parse(_) => Arc::clone(&self.statement),
            By::Sql(whole) => Arc::clone(whole),
        }
    }

    /// Whether the server has it so.
    pub(super) fn is_sent_as(&self, rewritten: &Rewritten) -> bool {
        self.sent.as_ref() == Some(rewritten)
    }
}

/// A prepared statement with its parameters, or a cursor.
#[derive(Clone, Debug)]
struct Portal {
    statement: Arc<Statement>,
    given: Given,
    life: Life,
    /// Whether it was made behind DDL, with which it is undone.
    behind_ddl: bool,
}

/// What a Bind says: of which statement the portal is, with which parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) prepared: String,
    pub(super) parameters: Vec<Parameter>,
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
    fn bound(statement: Arc<Statement>, given: Given, behind_ddl: bool) -> Self {
        Self { statement, given, life: Life::Transaction, behind_ddl }
    }

    /// One that DECLARE makes: the copies under it were brought up to date then, and to fetch from
    /// it needs nothing more.
    fn declared(cursor: &DeclaredCursor) -> Self {
        let life = if cursor.holds { Life::Holding } else { Life::Transaction };
        // A statement that declares holds DDL to its place: nothing behind it is undone.
        let statement = Arc::new(Statement::read("fetch", Strings::Conforming));
        Self { statement, given: Given::default(), life, behind_ddl: false }
    }
}

/// What was there under a name before.
pub(super) struct Undo {
    name: String,
    before: Option<Prepared>,
}

impl Undo {
    /// Whether it was a statement of the gateway's own, which the server has never seen.
    pub(super) fn was_ours(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.statement.is_ours())
    }
}

impl Names {
    /// The statement of this name.
    pub(super) fn known(&self, name: &str) -> Result<Arc<Statement>, Refusal> {
        let found = self.prepared.get(name).map(|prepared| Arc::clone(&prepared.statement));
        found.ok_or_else(|| Refusal::no_statement(name))
    }

    /// The same, and how it was prepared.
    pub(super) fn prepared(&self, name: &str) -> Option<Prepared> {
        self.prepared.get(name).cloned()
    }

    /// The statement of the portal of this name.
    pub(super) fn bound(&self, name: &str) -> Result<Arc<Statement>, Refusal> {
        let found = self.portals.get(name).map(|portal| Arc::clone(&portal.statement));
        found.ok_or_else(|| Refusal::no_portal(name))
    }

    /// Reads what a Bind says behind its two names, of which the second is this.
    pub(super) fn read_given(&self, prepared: String, fields: &mut Fields<'_>) -> Given {
        let types = self.prepared.get(&prepared).map(|prepared| match &prepared.by {
            By::Parse(types) => talk::Prepared::of_types(&mut Fields::of(types)),
            By::Sql(_) => talk::Prepared::default(),
        });
        let types = Arc::new(types.unwrap_or_default());
        let portal = talk::Portal::bound(types, fields, Bytes::copy_from_slice);
        Given { prepared, parameters: portal.parameters() }
    }

    /// The values that a Bind gives behind its two names, of which the second is this.
    pub(super) fn read_values(&self, prepared: &str, mut fields: Fields<'_>) -> BoundValues {
        let given = self.read_given(prepared.to_owned(), &mut fields);
        let types = given.parameters.iter().map(|parameter| parameter.type_oid).collect();
        let value = |parameter: Parameter| BoundValue {
            value: parameter.value,
            is_binary: parameter.is_binary,
        };
        BoundValues { types, values: given.parameters.into_iter().map(value).collect() }
    }

    /// What the Bind of a portal gave: the name of its statement, and the parameters.
    pub(super) fn given(&self, portal: &str) -> (String, Vec<Parameter>) {
        let given = self.portals.get(portal).map(|portal| portal.given.clone());
        let Given { prepared, parameters } = given.unwrap_or_default();
        (prepared, parameters)
    }

    /// The statement behind an EXECUTE, or the statement itself.
    pub(super) fn executed(&self, statement: &Statement) -> Statement {
        let Kind::Execute(name) = &statement.kind else { return statement.clone() };
        // A name that nobody has prepared is for the server to refuse.
        let found = self.prepared.get(name).map(|prepared| &*prepared.statement);
        found.unwrap_or(statement).clone()
    }

    /// Whether Parse may give this name: only the statement without a name gives way.
    pub(super) fn check_free(&self, name: &str) -> Result<(), Refusal> {
        if !name.is_empty() && self.prepared.contains_key(name) {
            return Err(Refusal::statement_exists(name));
        }
        Ok(())
    }

    /// Whether Bind may give this name.
    pub(super) fn check_free_portal(&self, name: &str) -> Result<(), Refusal> {
        if !name.is_empty() && self.portals.contains_key(name) {
            return Err(Refusal::portal_exists(name));
        }
        Ok(())
    }

    /// Notes a statement under a name. What undoes it is for the case that the server refuses.
    pub(super) fn note_prepared(&mut self, name: String, prepared: Prepared) -> Undo {
        let before = self.prepared.insert(name.clone(), prepared);
        // The server forgets the statement without a name before it looks at the new one.
        let before = before.filter(|_| !name.is_empty());
        Undo { name, before }
    }

    /// Notes what the server has under a name; nothing while that is not known.
    pub(super) fn note_sent(&mut self, name: &str, sent: Option<Rewritten>) {
        if let Some(prepared) = self.prepared.get_mut(name) {
            prepared.sent = sent;
        }
    }

    /// Notes the portal that a Bind makes, with DDL before it in its transaction or without.
    pub(super) fn note_bound(
        &mut self,
        name: String,
        statement: Arc<Statement>,
        given: Given,
        has_ddl: bool,
    ) {
        let is_ddl = matches!(statement.kind, Kind::Ddl(_));
        // COMMIT and its kin never reach the server, so that nothing of them is undone.
        let behind_ddl = !statement.is_ours() && (is_ddl || has_ddl);
        self.portals.insert(name, Portal::bound(statement, given, behind_ddl));
    }

    /// A Close of a statement. What undoes it is for the case that the server never got there.
    pub(super) fn close_statement(&mut self, name: &str) -> Undo {
        Undo { name: name.to_owned(), before: self.prepared.remove(name) }
    }

    /// A Close of a portal; the statement that it was of.
    pub(super) fn close_portal(&mut self, name: &str) -> Option<Arc<Statement>> {
        self.portals.remove(name).map(|portal| portal.statement)
    }

    /// A Query message takes the unnamed statement and portal away.
    pub(super) fn forget_unnamed(&mut self) {
        self.prepared.remove("");
        self.portals.remove("");
    }

    /// Takes back what was noted, the last first.
    pub(super) fn undo(&mut self, noted: Vec<Undo>) {
        for Undo { name, before } in noted.into_iter().rev() {
            match before {
                Some(before) => drop(self.prepared.insert(name, before)),
                None => drop(self.prepared.remove(&name)),
            }
        }
    }

    /// What a statement that has run, sent as `sent`, has done to names.
    pub(super) fn note_statement(&mut self, statement: &Statement, sent: &Rewritten) {
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
            // DEALLOCATE ALL leaves the statement without a name, which SQL does not know
            // (`DropAllPreparedStatements`).
            Some(Which::All) => self.prepared.retain(|name, _| name.is_empty()),
            Some(Which::One(name)) => drop(self.prepared.remove(&name)),
            None => {}
        }
        match statement.closes() {
            // Portals of Bind as well: SQL's cursors are portals like them
            // (`PortalHashTableDeleteAll`).
            Some(Which::All) => self.portals.clear(),
            Some(Which::One(name)) => drop(self.portals.remove(&name)),
            None => {}
        }
    }

    /// Whether a statement is a DEALLOCATE of what never reached the server.
    pub(super) fn deallocates_ours(&self, statement: &Statement) -> bool {
        let Some(Which::One(name)) = statement.deallocates() else { return false };
        self.prepared.get(&name).is_some_and(|prepared| prepared.statement.is_ours())
    }

    /// The transaction has committed: cursors WITH HOLD stay.
    pub(super) fn keep_held_portals(&mut self) {
        self.portals.retain(|_, portal| portal.life != Life::Transaction);
        self.portals.values_mut().for_each(|portal| portal.life = Life::Held);
    }

    /// The transaction was rolled back: what it has opened is gone.
    pub(super) fn drop_portals(&mut self) {
        self.portals.retain(|_, portal| portal.life == Life::Held);
    }

    /// DDL steps back: what was bound behind it is gone with it.
    pub(super) fn drop_portals_behind_ddl(&mut self) {
        self.portals.retain(|_, portal| !portal.behind_ddl);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    fn run(names: &mut Names, sql: &str) {
        names.note_statement(&read(sql), &Rewritten::whole(sql.to_owned()));
    }

    #[test]
    fn a_cursor_with_hold_outlives_the_commit_of_its_transaction_and_no_rollback_of_it() {
        let mut names = Names::default();
        run(&mut names, "declare held cursor with hold for select 1");
        run(&mut names, "declare plain cursor for select 1");
        names.keep_held_portals();
        assert!(names.bound("held").is_ok() && names.bound("plain").is_err());
        names.drop_portals();
        assert!(names.bound("held").is_ok());
        run(&mut names, "declare other cursor with hold for select 1");
        names.drop_portals();
        assert!(names.bound("held").is_ok() && names.bound("other").is_err());
    }

    #[test]
    fn what_was_bound_behind_ddl_is_undone_with_it() {
        let mut names = Names::default();
        names.note_bound("before".into(), Arc::new(read("select 1")), Given::default(), false);
        let ddl = Arc::new(read("alter table t add c int"));
        names.note_bound("ddl".into(), ddl, Given::default(), false);
        names.note_bound("behind".into(), Arc::new(read("select 1")), Given::default(), true);
        names.note_bound("commit".into(), Arc::new(read("commit")), Given::default(), true);
        names.drop_portals_behind_ddl();
        assert!(names.bound("before").is_ok() && names.bound("commit").is_ok());
        assert!(names.bound("ddl").is_err() && names.bound("behind").is_err());
    }

    #[test]
    fn prepare_and_parse_share_their_names() {
        let mut names = Names::default();
        run(&mut names, "prepare p as select 1");
        assert!(names.check_free("p").is_err());
        assert_eq!(names.executed(&read("execute p")).sql, "select 1");
        run(&mut names, "deallocate p");
        assert!(names.check_free("p").is_ok());
    }
}
