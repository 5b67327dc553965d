//! Where a player plays: a database of its own on a server of ours, a schema of its own on
//! somebody's.

use super::control::Control;
use super::tables::Tables;
use super::{PlayerError, Session};
use crate::core::scenario::{EngineKind, Origin, Scenario};
use crate::core::syntax::{literal, quote};
use crate::pg::{Connection, Reconnector, Target};
use crate::run::engines::{Engine, OpenEngine, OptimisticEngine, Ownership};
use crate::run::schema::RunSchema;
use crate::run::{Production, SCHEMA_PREFIX, lasting_of};

/// How the databases of players are called.
const DATABASE_PREFIX: &str = "overbooked_explorer";
/// What they have as their comment.
const MARK: &str = "overbooked made this for its explorer";

/// A place, and the ways to it.
pub(super) struct Place {
    /// To the server itself.
    direct: Reconnector,
    /// Where the players connect.
    pub(super) front: Reconnector,
    pub(super) is_behind_gateway: bool,
    /// The scenario's own schema.
    pub(super) schema: Option<String>,
    pub(super) is_superuser: bool,
    home: Home,
}

/// What was made, to be taken away again.
enum Home {
    /// A database on a server of ours.
    Database {
        server: Box<Reconnector>,
        name: String,
        gateway: Option<Box<OptimisticEngine>>,
        /// Whether the server is kept, so that the database has to be dropped.
        is_kept: bool,
        /// As long as this is connected to it, the database is in use.
        keeper: Control,
    },
    /// A schema on somebody's server.
    Schema { engine: Box<OpenEngine>, schema: Option<RunSchema> },
}

impl Place {
    /// Makes one.
    pub(super) async fn make(engine: Engine, production: &Production) -> Result<Self, PlayerError> {
        if let Some(session) = production.scenario.etcd_sessions().first() {
            let why = format!("{session} speaks to etcd, and orders are explored of SQL alone");
            return Err(PlayerError::Unexplorable(why));
        }
        match engine.ownership {
            Ownership::Embedded => Self::database(engine, production).await,
            Ownership::Guest => Self::guest(engine, production).await,
        }
    }

    async fn database(engine: Engine, production: &Production) -> Result<Self, PlayerError> {
        let server = Box::new(way(&engine.target).await?);
        let name = format!("{DATABASE_PREFIX}_{:08x}", rand::random::<u32>());
        let control = Control::open(&server).await?;
        if engine.is_kept {
            sweep(&control).await?;
        }
        // `template0`: what somebody keeps in template1 is not part of an order.
        control.run(&format!("create database {name} template template0")).await?;
        let target = engine.target.with_database(&name);
        let inside = Engine { target: target.clone(), ..engine };
        let direct = way(&target).await?;
        let keeper = Control::open(&direct).await?;
        // Who is marked is connected as well: what is marked and has nobody is of a dead explorer.
        control.run(&format!("comment on database {name} is {}", literal(MARK))).await?;
        control.close().await;
        let gateway = match production.engine {
            EngineKind::Optimistic => Some(Box::new(OptimisticEngine::open(&inside, None).await?)),
            _ => None,
        };
        let front = match &gateway {
            Some(gateway) => way(gateway.target()).await?,
            None => direct.clone(),
        };
        let scenario = &production.scenario;
        let schema = scenario.search_path.has_a_schema_of_the_run();
        Ok(Self {
            direct,
            front,
            is_behind_gateway: gateway.is_some(),
            schema: schema.then(|| SCHEMA_PREFIX.to_owned()),
            is_superuser: true,
            home: Home::Database { server, name, gateway, is_kept: inside.is_kept, keeper },
        })
    }

    async fn guest(engine: Engine, production: &Production) -> Result<Self, PlayerError> {
        refuse_what_lasts(production)?;
        let (open, _swept) = OpenEngine::open(production.engine, engine, None).await?;
        if production.engine == EngineKind::Optimistic && open.front.is_none() {
            open.close().await;
            return Err(PlayerError::Unexplorable(THE_ENGINE_ITSELF.to_owned()));
        }
        let schema = if production.scenario.search_path.has_a_schema_of_the_run() {
            Some(RunSchema::create(&open.pool, SCHEMA_PREFIX).await?)
        } else {
            None
        };
        let direct = way(&open.direct_target().target).await?;
        let front = way(&open.session_target().target).await?;
        let control = Control::open(&direct).await?;
        let is_superuser = control.cell("show is_superuser").await?.as_deref() == Some("on");
        control.close().await;
        Ok(Self {
            direct,
            front,
            is_behind_gateway: open.front.is_some(),
            schema: schema.as_ref().map(|schema| schema.name().to_owned()),
            is_superuser,
            home: Home::Schema { engine: Box::new(open), schema },
        })
    }

    /// The way to the server itself.
    pub(super) fn direct_way(&self) -> &Reconnector {
        &self.direct
    }

    /// The connection that asks and puts back.
    pub(super) async fn control(&self) -> Result<Control, PlayerError> {
        let control = Control::open(&self.direct).await?;
        if self.is_superuser {
            // Constraints and triggers are not for rows that are put back.
            control.run("set session_replication_role = replica").await?;
        }
        Ok(control)
    }

    /// The session that sets up and looks at the end.
    pub(super) async fn runner(&self) -> Result<Session, PlayerError> {
        Ok(Session::open("the runner", &self.direct, false).await?)
    }

    /// Whether rows cannot simply be put back: something would be done beside it.
    pub(super) fn must_set_up_anew(&self, tables: &Tables) -> bool {
        tables.has_rules || !self.is_superuser && tables.has_triggers
    }

    /// The tables that are there.
    pub(super) async fn tables(&self, control: &Control) -> Result<Tables, PlayerError> {
        let is_guest = matches!(self.home, Home::Schema { .. });
        Tables::find(control, self.schema.as_deref(), is_guest).await
    }

    /// Has no vacuum come by while tables that are ours are measured and played on: it would hold
    /// locks that no step has taken, and change how rows are found.
    pub(super) async fn leave_alone(&self, control: &Control) -> Result<(), PlayerError> {
        let schemas = match (&self.home, &self.schema) {
            (Home::Database { .. }, _) => {
                "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'".to_owned()
            }
            (Home::Schema { .. }, Some(schema)) => format!("n.nspname = {}", literal(schema)),
            (Home::Schema { .. }, None) => return Ok(()),
        };
        let statement = format!(
            "do $$ declare found record; begin for found in \
             select c.oid::pg_catalog.regclass as name from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where c.relkind = 'r' and {schemas} loop execute pg_catalog.format(\
             'alter table %s set (autovacuum_enabled = off)', found.name); end loop; end $$"
        );
        Ok(control.run(&statement).await?)
    }

    /// Takes away what an earlier setup has made.
    pub(super) async fn empty(&self, control: &Control) -> Result<(), PlayerError> {
        if let Home::Database { .. } = &self.home {
            for rollback in control.rows(PREPARED).await?.into_iter().flatten().flatten() {
                control.run(&rollback).await?;
            }
        }
        let schemas = match (&self.home, &self.schema) {
            (Home::Database { .. }, _) => control.rows(SCHEMAS).await?,
            (Home::Schema { .. }, Some(schema)) => vec![vec![Some(schema.clone())]],
            (Home::Schema { .. }, None) => Vec::new(),
        };
        for schema in schemas.into_iter().flatten().flatten() {
            let name = quote(&schema);
            match &self.home {
                Home::Database { .. } => {
                    control.run(&format!("drop schema {name} cascade")).await?;
                }
                // The schema itself carries the mark.
                Home::Schema { .. } => control.run(&emptied(&schema)).await?,
            }
        }
        if let Home::Database { .. } = &self.home {
            control.run("create schema if not exists public").await?;
            if let Some(schema) = &self.schema {
                control.run(&format!("create schema {schema}")).await?;
            }
        }
        Ok(())
    }

    /// Takes away what was made.
    pub(super) async fn leave(self) -> Result<(), PlayerError> {
        match self.home {
            Home::Database { server, name, gateway, is_kept, keeper } => {
                if let Some(gateway) = gateway {
                    gateway.stop().await;
                }
                keeper.close().await;
                // Otherwise it goes with its server.
                if is_kept {
                    let control = Control::open(&server).await?;
                    control.run(&format!("drop database {name} with (force)")).await?;
                    control.close().await;
                }
            }
            Home::Schema { engine, schema } => {
                if let Some(schema) = schema {
                    schema.drop().await?;
                }
                engine.close().await;
            }
        }
        Ok(())
    }
}

/// Drops the databases of explorers that were killed: those with our mark to which nobody is
/// connected. Whatever else is called alike is left alone.
async fn sweep(control: &Control) -> Result<(), PlayerError> {
    for row in control.rows(&format!("{ABANDONED} = {}", literal(MARK))).await? {
        let Some(name) = row.into_iter().next().flatten() else { continue };
        // Somebody else may be about it, or have come meanwhile: the next explorer looks again.
        if let Err(error) = control.run(&format!("drop database {}", quote(&name))).await {
            tracing::warn!(name, %error, "an explorer's database is left");
        }
    }
    Ok(())
}

const ABANDONED: &str = "select d.datname from pg_catalog.pg_database d where not exists \
    (select from pg_catalog.pg_stat_activity a where a.datid = d.oid) \
    and pg_catalog.shobj_description(d.oid, 'pg_database')";

/// An order is played again and again, and so is all that it does outside of its own schema.
fn refuse_what_lasts(production: &Production) -> Result<(), PlayerError> {
    let scenario = &production.scenario;
    let lasting = lasting_of(scenario, &production.schedule);
    let Some(first) = lasting.first() else { return Ok(()) };
    Err(PlayerError::Unexplorable(format!(
        "{} cannot be explored on this server, since every order would change what is not its own, \
         again and again ({first}); on a private server it can: leave out --url",
        scenario.name
    )))
}

const THE_ENGINE_ITSELF: &str = "this server is an optimistic engine already, and what steps touch \
    is measured on the PostgreSQL behind it: connect to that one, with --engine optimistic";

/// What every session begins with.
pub(super) fn prelude(place: &Place, production: &Production) -> Vec<String> {
    let mut prelude = crate::run::prelude(production, production.engine, place.schema.as_deref());
    if production.scenario.origin == Origin::Specification {
        prelude.extend(crate::run::specification::settings());
    }
    if place.is_superuser && !place.is_behind_gateway {
        prelude.push(format!("set deadlock_timeout = {}", super::deadlines::LONG));
    }
    prelude
}

/// Words of what is not confined to a database or a schema.
const FAR: [&str; 9] = [
    "advisory",
    "notify",
    "listen",
    "pg_locks",
    "pg_stat",
    "prepare",
    "role",
    "deferrable",
    "database",
];

/// Whether sessions of this scenario can be played in schemas of one database side by side.
pub(super) fn is_confined(scenario: &Scenario) -> bool {
    let all = scenario.steps.iter().map(|step| step.sql.as_str());
    let all = all.chain(scenario.setup.iter().map(|statement| statement.sql.as_str()));
    all.map(str::to_lowercase).all(|sql| !FAR.iter().any(|word| sql.contains(word)))
}

async fn way(target: &Target) -> Result<Reconnector, PlayerError> {
    let connection = Connection::connect(target).await?;
    let way = Reconnector::of(&connection, target);
    connection.terminate().await?;
    Ok(way)
}

/// All that a setup can have made things in.
const SCHEMAS: &str = "select nspname from pg_catalog.pg_namespace \
    where nspname not like 'pg\\_%' and nspname <> 'information_schema' order by 1";

/// What ends the prepared transactions here.
const PREPARED: &str = "select pg_catalog.format('rollback prepared %L', gid) from \
    pg_catalog.pg_prepared_xacts where database = pg_catalog.current_database()";

/// Drops what is in a schema: tables, views and sequences, routines, types.
fn emptied(schema: &str) -> String {
    let schema = literal(schema);
    format!(
        "do $$ declare found record; begin \
         for found in select c.oid::regclass as name, case c.relkind when 'v' then 'view' \
         when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end as kind \
         from pg_catalog.pg_class c where c.relnamespace = {schema}::regnamespace \
         and c.relkind in ('r', 'p', 'v', 'm', 'S') loop \
         execute pg_catalog.format('drop %s if exists %s cascade', found.kind, found.name); \
         end loop; \
         for found in select p.oid::regprocedure as name from pg_catalog.pg_proc p \
         where p.pronamespace = {schema}::regnamespace loop \
         execute pg_catalog.format('drop routine if exists %s cascade', found.name); end loop; \
         for found in select t.oid::regtype as name from pg_catalog.pg_type t \
         where t.typnamespace = {schema}::regnamespace and t.typtype in ('e', 'd', 'c', 'r') loop \
         execute pg_catalog.format('drop type if exists %s cascade', found.name); end loop; \
         end $$"
    )
}
