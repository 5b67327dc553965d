//! What must be so before a statement may run: it is allowed here and now, a transaction is open,
//! and the copies of the tables that it names are filled.

mod catalog_visibility;
mod path;

pub(crate) use catalog_visibility::show_copies;

use crate::gateway::backend::BackendError;
use crate::gateway::protocol::{Block, Session, State, Transaction};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Access, Kind, RowLock, Statement};
use crate::gateway::transaction::tables::{Named, Open, Turned};

/// A statement that may run.
pub(crate) struct Admitted {
    /// As it is sent.
    pub(crate) turned: Turned,
    /// The tables under what it names.
    pub(crate) tables: Vec<u32>,
    /// Names in it that stand for no table.
    pub(crate) unknown: Vec<String>,
}

impl Session {
    /// Lets a statement in, or says why not. Settings and the like need no transaction.
    pub(crate) async fn admit(&mut self, statement: &Statement) -> Result<Admitted, BackendError> {
        self.foreseen = None;
        self.check_state()?;
        if let Some(refusal) = &statement.refusal {
            return Err(refusal.clone().into());
        }
        catalog_visibility::show_copies(self).await?;
        match &statement.kind {
            Kind::Ddl(_) => self.admit_ddl(statement).await,
            Kind::Session | Kind::Empty => Ok(Admitted {
                turned: self.turned(statement, &Named::default()),
                tables: Vec::new(),
                unknown: Vec::new(),
            }),
            _ => self.admit_query(statement).await,
        }
    }

    /// Whether this transaction may go on at all.
    pub(crate) fn check_state(&mut self) -> Result<(), Refusal> {
        match &self.state {
            State::Failed => Err(Refusal::aborted()),
            State::Aborted(_) => {
                self.state = State::Idle;
                Err(Refusal::schema_changed())
            }
            State::Open(open) if open.since.elapsed() > self.common.limits.age => {
                Err(Refusal::too_old())
            }
            State::Open(_) | State::Idle => Ok(()),
        }
    }

    async fn admit_query(&mut self, statement: &Statement) -> Result<Admitted, BackendError> {
        self.ensure_begun().await?;
        let executed = self.executed(statement);
        let named = self.look(&executed).await?;
        self.follow_path(&named).await?;
        self.check_use(&executed, &named)?;
        if let Some(refusal) = self.tables.refused_call(&executed.names) {
            return Err(refusal.into());
        }
        let tables = self.copies_for(&executed, &named).await?;
        if named.is_empty() && executed.asks_catalog() {
            self.apply_again().await?;
            catalog_visibility::hide_copies(self).await?;
        }
        self.fill(&tables).await?;
        self.note_use(&executed, &tables).await?;
        if let Kind::Execute(name) = &statement.kind {
            self.renew(name).await?;
        }
        Ok(Admitted {
            unknown: named.unknown.clone(),
            turned: self.tables.turn(statement, &named_in(statement, &executed, named)),
            tables,
        })
    }

    /// The copies that a statement works on. A write may check or cascade along foreign keys;
    /// reading does not.
    async fn copies_for(
        &mut self,
        executed: &Statement,
        named: &Named,
    ) -> Result<Vec<u32>, BackendError> {
        let tables = self.ensure_copies(executed, named).await?;
        Ok(if executed.writes { self.tables.tied(&tables) } else { tables })
    }

    /// The statement behind an EXECUTE, or the statement itself.
    pub(crate) fn executed(&self, statement: &Statement) -> Statement {
        let Kind::Execute(name) = &statement.kind else { return statement.clone() };
        self.prepared.get(name).map_or(statement, |found| &found.statement).clone()
    }

    /// Opens an implicit transaction where none is open.
    pub(crate) async fn ensure_begun(&mut self) -> Result<(), BackendError> {
        if matches!(self.state, State::Idle) {
            self.begin(Block::Implicit, Access::AsSet).await?;
        }
        Ok(())
    }

    /// Which relations the statement names; OC001 where one of them is not what it was when this
    /// client last looked.
    pub(crate) async fn look(&mut self, statement: &Statement) -> Result<Named, BackendError> {
        if self.tables.is_outdated(statement) {
            return Err(Refusal::schema_changed().into());
        }
        let named = self.tables.resolve(&mut self.server, &statement.names).await?;
        let mut changed = false;
        for relation in named.relations() {
            changed |= self.tables.look_at(relation, self.common.version(relation));
        }
        if changed { Err(Refusal::schema_changed().into()) } else { Ok(named) }
    }

    /// After a statement: PostgreSQL finds tables by their names as they are now, and so one that
    /// has been made out of the snapshot's sight, without a copy. What is merely prepared is made
    /// anew before its use.
    pub(crate) fn check_unknown(
        &self,
        statement: &Statement,
        admitted: &Admitted,
    ) -> Result<(), Refusal> {
        match &self.state {
            _ if matches!(statement.kind, Kind::Prepare(_)) => Ok(()),
            State::Open(open) if self.place.is_new(&admitted.unknown, open.schema_change) => {
                Err(Refusal::schema_changed())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn open(&mut self) -> Result<&mut Transaction, Refusal> {
        match &mut self.state {
            State::Open(open) => Ok(open),
            _ => Err(Refusal::protocol("no transaction is open")),
        }
    }

    fn check_use(&mut self, statement: &Statement, named: &Named) -> Result<(), Refusal> {
        let open = self.open()?;
        if statement.writes && open.access == Access::ReadOnly {
            return Err(Refusal::read_only(&statement.command()));
        }
        if named.is_empty() {
            return Ok(());
        }
        self.refuse_beside_ddl(named)?;
        let open = self.open()?;
        if open.path.has_moved() {
            return Err(Refusal::unsupported(
                "the search_path changed after this transaction had named tables: end it before naming more",
            ));
        }
        open.dml = true;
        Ok(())
    }

    /// Makes the structure of missing copies: for a statement without a block before its
    /// transaction, since a rollback would take away what is made inside.
    pub(crate) async fn ensure_copies(
        &mut self,
        statement: &Statement,
        named: &Named,
    ) -> Result<Vec<u32>, BackendError> {
        let relations = &named.all();
        let open = match &self.state {
            State::Open(open)
                if open.block == Block::Explicit
                    || open.has_part
                    || open.path.was_followed()
                    || self.tables.is_used() =>
            {
                Open::Yes
            }
            _ => Open::No,
        };
        if open == Open::Yes || !self.tables.lacks(relations) {
            self.touch(relations).await?;
            return self.tables.ensure(&mut self.server, relations, Open::Yes).await;
        }
        self.abandon().await?;
        self.touch(relations).await?;
        self.tables.ensure(&mut self.server, relations, Open::No).await?;
        self.begin(Block::Implicit, Access::AsSet).await?;
        // In another snapshot the names may stand for other relations.
        if self.look(statement).await?.all() != *relations {
            return Err(Refusal::schema_changed().into());
        }
        self.tables.ensure(&mut self.server, relations, Open::Yes).await
    }

    /// Before PostgreSQL locks one of these relations, or what is under it: the way is free, and
    /// they are what the snapshot shows.
    async fn touch(&mut self, relations: &[u32]) -> Result<(), BackendError> {
        let reached = self.tables.reach(&mut self.server, relations).await?;
        self.place.touch(&reached).await.map_err(Refusal::from)?;
        match &self.state {
            State::Open(open) if self.common.is_changed_since(&reached, open.schema_change) => {
                Err(Refusal::schema_changed().into())
            }
            _ => Ok(()),
        }
    }

    /// Brings the copies up to date that this transaction has not used yet.
    pub(crate) async fn fill(&mut self, tables: &[u32]) -> Result<(), BackendError> {
        let unfilled = self.tables.unfilled(tables);
        if unfilled.is_empty() {
            return Ok(());
        }
        self.place.touch(&unfilled).await.map_err(Refusal::from)?;
        let common = std::sync::Arc::clone(&self.common);
        let open = self.open()?;
        if common.is_changed_since(&unfilled, open.schema_change) {
            return Err(Refusal::schema_changed().into());
        }
        let snapshot = open.snapshot.clone();
        let lacks = |table: u32| common.journal().lacks(table, self.tables.seen(table)?, &snapshot);
        let lacking = unfilled.into_iter().map(|table| (table, lacks(table))).collect();
        self.tables.fill(&mut self.server, lacking).await
    }

    /// A copy takes its numbers from the stored table's sequence by a default, so whether a value
    /// may be given for a column that is GENERATED ALWAYS is for the stored table to say:
    /// PostgreSQL looks when it parses.
    pub(crate) async fn check_numbers(
        &mut self,
        statement: &Statement,
        tables: &[u32],
    ) -> Result<(), BackendError> {
        if statement.writes && !statement.copies() && self.tables.are_numbered(tables) {
            self.server.try_on_stored(statement.prepared_text()).await?;
        }
        Ok(())
    }

    /// Remembers what the statement may do to these tables.
    async fn note_use(
        &mut self,
        statement: &Statement,
        tables: &[u32],
    ) -> Result<(), BackendError> {
        let referred = self.tables.are_referred_to(tables);
        if statement.writes {
            self.gather_locks(tables).await?;
        }
        for table in tables {
            let may_vanish = self.tables.may_vanish(*table, statement);
            if let Some(state) = self.tables.state(*table) {
                state.may_vanish |= may_vanish;
                state.written |= statement.writes;
                state.locked |= statement.locks == Some(RowLock::Update) && !referred;
            }
        }
        Ok(())
    }
}

/// The names as they stand in the statement that is sent: an EXECUTE has none of its own to turn.
fn named_in(statement: &Statement, executed: &Statement, named: Named) -> Named {
    if statement.sql == executed.sql { named } else { Named::default() }
}

/// CREATE INDEX ASYNC without the word that PostgreSQL does not know.
pub(crate) fn plain_ddl(statement: &Statement) -> Statement {
    let words = &statement.words;
    let place = words.windows(2).position(|pair| pair[0].is("index") && pair[1].is("async"));
    let Some(place) = place else { return statement.clone() };
    let mut sql = statement.sql.clone();
    sql.replace_range(words[place + 1].span.clone(), "     ");
    let (before, after) = (&words[..=place], &words[place + 2..]);
    Statement { sql, words: [before, after].concat().into(), ..statement.clone() }
}
