//! What must be so before a statement may run: it is allowed here and now, a transaction is open,
//! and the copies of the tables that it names are filled. And what follows from it when it has run.

use super::Transaction;
use super::state::{Block, State};
use super::tables::{
    Approach, Bringing, Named, Open, Parameters, ReferenceCheck, Rewritten, Unnoted,
};
use crate::gateway::backend::{BackendError, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Access, Kind, RowLock, Statement};

/// A statement that may run.
pub(crate) struct Admitted {
    /// As it is sent.
    pub(crate) rewritten: Rewritten,
    /// The tables under what it names.
    pub(super) tables: Vec<u32>,
    /// Names in it that stand for no table.
    pub(super) unknown: Vec<String>,
    /// Whether it, or what it executes, may change how names are resolved.
    pub(super) may_move_names: bool,
}

impl Transaction {
    /// Lets a statement in, or says why not; `executed` is what an EXECUTE executes, or the
    /// statement itself. Settings and the like need no transaction.
    pub(crate) async fn admit(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        executed: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Admitted, BackendError> {
        self.foreseen = None;
        self.check_statement(statement)?;
        self.show_copies(backend).await?;
        match &statement.kind {
            Kind::Ddl(_) => self.admit_ddl(backend, statement).await,
            Kind::Session | Kind::Empty => Ok(Admitted {
                rewritten: self.turned(statement, &Named::default()),
                tables: Vec::new(),
                unknown: Vec::new(),
                may_move_names: statement.may_move_names(),
            }),
            _ => self.admit_query(backend, statement, executed, parameters).await,
        }
    }

    /// Whether this transaction may go on, and with such a statement.
    pub(crate) fn check_statement(&mut self, statement: &Statement) -> Result<(), Refusal> {
        self.check()?;
        statement.refusal.clone().map_or(Ok(()), Err)
    }

    /// Opens the transaction and makes the copies that a statement names: before it is prepared or
    /// described.
    pub(crate) async fn prepare_names(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        self.check()?;
        if statement.is_outside_transactions() {
            return Ok(());
        }
        self.ensure_begun(backend).await?;
        if !matches!(statement.kind, Kind::Ddl(_)) {
            self.show_copies(backend).await?;
            let named = self.look(backend, statement).await?;
            self.refuse_beside_ddl(&named)?;
            self.follow_path(backend, &named).await?;
            self.ensure_copies(backend, statement, statement, &named).await?;
        }
        Ok(())
    }

    /// A statement as it is sent, its names turned towards the copies. DDL is about the stored
    /// tables.
    pub(crate) async fn rewrite(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<Rewritten, BackendError> {
        if let Kind::Ddl(_) = statement.kind {
            return Ok(self.turned(&statement.plain_ddl(), &Named::default()));
        }
        let named = self.tables.resolve(backend, &statement.names).await?;
        Ok(self.turned(statement, &named))
    }

    async fn admit_query(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        executed: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Admitted, BackendError> {
        if self.may_assume(statement, parameters) {
            self.assume(backend)?;
        } else {
            self.ensure_begun(backend).await?;
        }
        let named = self.look(backend, executed).await?;
        self.follow_path(backend, &named).await?;
        self.check_use(executed, &named)?;
        if let Some(refusal) = self.tables.refused_call(&executed.names) {
            return Err(refusal.into());
        }
        let (tables, approach) = self.copies_for(backend, statement, executed, &named).await?;
        // Behind what may have had to begin the transaction once more.
        self.open()?.dml |= !named.is_empty();
        if named.is_empty() && executed.asks_catalog() {
            // Its own change of the schema must be found in the catalog, even if it has stepped
            // back for others.
            self.apply_again(backend).await?;
            self.hide_copies(backend).await?;
        }
        self.fill(backend, &tables).await?;
        self.prepare_parts(backend, executed, &approach, parameters).await?;
        let is_by_view = named.all().iter().any(|relation| self.tables.is_view(*relation));
        self.note_use(backend, executed, &tables, is_by_view).await?;
        Ok(Admitted {
            unknown: named.unknown.clone(),
            rewritten: self.turned(statement, &named_in(statement, executed, named)),
            tables,
            may_move_names: executed.may_move_names(),
        })
    }

    /// The copies that a statement works on. A write may check or cascade along foreign keys;
    /// reading does not.
    async fn copies_for(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        executed: &Statement,
        named: &Named,
    ) -> Result<(Vec<u32>, Approach), BackendError> {
        let (tables, approach) = self.ensure_copies(backend, statement, executed, named).await?;
        let tables = if executed.writes { self.tables.with_bound(&tables) } else { tables };
        Ok((tables, approach))
    }

    /// What a statement needs of large tables: asked at once, or on the way to it.
    async fn prepare_parts(
        &mut self,
        backend: &mut impl Questions,
        executed: &Statement,
        approach: &Approach,
        parameters: Parameters<'_>,
    ) -> Result<(), BackendError> {
        if approach.needs_whole() {
            self.bring_now(backend).await?;
        }
        let rows = self.tables.bring(backend, approach, executed, parameters).await?;
        let collides = self.tables.may_collide(executed, approach);
        let open = self.open()?;
        let looks = approach.unfilled().filter(|table| open.looked_at.insert(*table)).collect();
        // Let in by its Bind, it is let in by its Execute once more.
        let collides = collides.filter(|table| !open.collisions.contains(table));
        open.collisions.extend(collides);
        for check in &approach.checks {
            match check {
                ReferenceCheck::TakesAlong(table) => open.losing = Some(*table),
                check if open.references.contains(check) => {}
                check => open.references.push(*check),
            }
        }
        let bringing = Bringing { looks, rows };
        if !bringing.is_nothing() {
            self.bringing = Some(bringing);
        }
        if self.may_be_brought_with(executed, approach) {
            return Ok(());
        }
        self.bring_now(backend).await
    }

    /// Which relations the statement names; OC001 where one of them is not what it was when this
    /// client last looked.
    pub(super) async fn look(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<Named, BackendError> {
        if self.tables.is_outdated(statement) {
            return Err(Refusal::schema_changed().into());
        }
        let named = self.tables.resolve(backend, &statement.names).await?;
        let mut changed = false;
        // No early return: each that has changed is noted as seen, so that the retry is not refused
        // for the next one.
        for relation in named.relations() {
            changed |= self.tables.look_at(relation, self.shared.clients.version(relation));
        }
        if changed { Err(Refusal::schema_changed().into()) } else { Ok(named) }
    }

    fn check_use(&mut self, statement: &Statement, named: &Named) -> Result<(), Refusal> {
        let open = self.open()?;
        if statement.writes && open.access == Access::ReadOnly {
            return Err(Refusal::read_only(&statement.command()));
        }
        self.refuse_beside_ddl(named)
    }

    /// Makes the structure of missing copies: for a statement without a block before its
    /// transaction, since a rollback would take away what is made inside.
    async fn ensure_copies(
        &mut self,
        backend: &mut impl Questions,
        sent: &Statement,
        statement: &Statement,
        named: &Named,
    ) -> Result<(Vec<u32>, Approach), BackendError> {
        let relations = &named.all();
        let approach = self.tables.approach(backend, sent, statement, named).await?;
        let open = match &self.state {
            State::Open(open)
                if open.is_block()
                    || open.has_part
                    || open.path.was_followed()
                    || self.tables.is_used() =>
            {
                Open::Yes
            }
            _ => Open::No,
        };
        if open == Open::Yes || !self.tables.lacks(&approach.needed) {
            self.touch(backend, relations).await?;
            let tables = self.tables.ensure(backend, &approach.needed, Open::Yes).await?;
            return Ok((tables, approach));
        }
        self.abandon(backend).await?;
        self.touch(backend, relations).await?;
        self.tables.ensure(backend, &approach.needed, Open::No).await?;
        self.begin(backend, Block::Implicit, Access::AsSet).await?;
        // In another snapshot the names may stand for other relations.
        let named = self.look(backend, statement).await?;
        if named.all() != *relations {
            return Err(Refusal::schema_changed().into());
        }
        let approach = self.tables.approach(backend, sent, statement, &named).await?;
        let tables = self.tables.ensure(backend, &approach.needed, Open::Yes).await?;
        Ok((tables, approach))
    }

    /// Before PostgreSQL locks one of these relations, or what is under it: the way is free, and
    /// they are what the snapshot shows.
    async fn touch(
        &mut self,
        backend: &mut impl Questions,
        relations: &[u32],
    ) -> Result<(), BackendError> {
        let reached = self.tables.reach(backend, relations).await?;
        self.client.touch(&reached).await.map_err(Refusal::from)?;
        // Asked after the wait: DDL that kept this client out may have been committed.
        let clients = &self.shared.clients;
        match &self.state {
            State::Open(open) if clients.is_changed_since(&reached, open.schema_change) => {
                Err(Refusal::schema_changed().into())
            }
            _ => Ok(()),
        }
    }

    /// Brings the copies up to date that this transaction has not used yet.
    pub(super) async fn fill(
        &mut self,
        backend: &mut impl Questions,
        tables: &[u32],
    ) -> Result<(), BackendError> {
        let unfilled = self.tables.unfilled(tables);
        if unfilled.is_empty() {
            return Ok(());
        }
        self.client.touch(&unfilled).await.map_err(Refusal::from)?;
        let shared = std::sync::Arc::clone(&self.shared);
        let open = self.open()?;
        if shared.clients.is_changed_since(&unfilled, open.schema_change) {
            return Err(Refusal::schema_changed().into());
        }
        let snapshot = open.snapshot.clone();
        let lacks = |table: u32| shared.journal().lacks(table, self.tables.seen(table)?, &snapshot);
        let lacking = unfilled.into_iter().map(|table| (table, lacks(table))).collect();
        self.tables.fill(backend, lacking).await
    }

    /// A copy takes its numbers from the stored table's sequence by a default, so whether a value
    /// may be given for a column that is GENERATED ALWAYS is for the stored table to say:
    /// PostgreSQL looks when it parses.
    pub(crate) async fn check_numbers(
        &mut self,
        backend: &mut impl Questions,
        executed: &Statement,
        admitted: &Admitted,
    ) -> Result<(), BackendError> {
        let is_numbered = self.tables.are_numbered(&admitted.tables);
        if executed.writes && !executed.copies() && is_numbered {
            backend.try_on_stored(executed.prepared_text()).await?;
        }
        Ok(())
    }

    /// Remembers what the statement may do to these tables. A view may have other names for their
    /// columns.
    async fn note_use(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        tables: &[u32],
        is_by_view: bool,
    ) -> Result<(), BackendError> {
        // Foreign keys' checks leave the same mark as FOR UPDATE on the rows that they find. Of
        // such tables the statements' locks have been read already (`row_locks`), and what marks
        // are left are the checks'.
        let referred = self.tables.are_referred_to(tables);
        if statement.writes {
            self.gather_claims(backend, statement, tables).await?;
        }
        let locks = statement.locks == Some(RowLock::Update) && !referred;
        let unnoted = match (locks, statement.declares()) {
            (false, _) => Unnoted::Nothing,
            (true, false) => Unnoted::Past,
            (true, true) => Unnoted::Coming,
        };
        let is_unknown = is_by_view && statement.writes;
        let takes_keys = is_unknown || self.tables.may_take_keys(tables, statement);
        for table in tables {
            let may_vanish = is_unknown || self.tables.may_vanish(*table, statement);
            let may_be_new = is_unknown || self.tables.may_be_new(*table, statement);
            let is_marked = statement.writes && self.tables.may_be_marked(*table);
            if let Some(state) = self.tables.state(*table) {
                state.may_vanish |= may_vanish;
                state.may_be_new |= may_be_new;
                state.written |= statement.writes;
                state.unnoted_deletes |= takes_keys;
                state.locked |= locks || is_marked;
                state.unnoted = state.unnoted.max(unnoted);
            }
        }
        Ok(())
    }

    /// After a statement has run: whether it has, for all that anybody can tell, run on what its
    /// snapshot shows.
    pub(crate) async fn after_statement(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        admitted: &Admitted,
    ) -> Result<(), BackendError> {
        self.check_unknown(statement, admitted)?;
        if matches!(statement.kind, Kind::Ddl(_)) {
            self.ddl_has_run(backend).await
        } else {
            self.bind_ddl(statement, admitted);
            Ok(())
        }
    }

    /// Keeps count of what it has done: to names, and to this many rows, where it has said so.
    pub(crate) async fn note_effects(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        admitted: &Admitted,
        rows: Option<u64>,
    ) -> Result<(), BackendError> {
        self.check_keys(backend, statement).await?;
        if admitted.may_move_names {
            if let State::Open(open) = &mut self.state {
                open.are_settings_kept = false;
            }
            self.names_may_have_moved(backend, statement).await?;
        }
        let locks = statement.locks == Some(RowLock::Update);
        if (statement.may_write() || locks) && !admitted.tables.is_empty() {
            self.check_rows(backend, rows).await?;
            self.tell_private(backend).await?;
        } else if statement.locks.is_some() {
            self.tell_private(backend).await?;
        }
        Ok(())
    }

    /// PostgreSQL finds tables by their names as they are now, and so one that has been made out of
    /// the snapshot's sight, without a copy. What is merely prepared is made anew before its use.
    fn check_unknown(&self, statement: &Statement, admitted: &Admitted) -> Result<(), Refusal> {
        match &self.state {
            _ if matches!(statement.kind, Kind::Prepare(_)) => Ok(()),
            State::Open(open) if self.client.is_new(&admitted.unknown, open.schema_change) => {
                Err(Refusal::schema_changed())
            }
            _ => Ok(()),
        }
    }
}

/// The names as they stand in the statement that is sent: an EXECUTE has none of its own to turn.
fn named_in(statement: &Statement, executed: &Statement, named: Named) -> Named {
    if statement.sql == executed.sql { named } else { Named::default() }
}
