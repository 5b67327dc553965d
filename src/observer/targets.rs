//! What a wait is for, by name.
//!
//! The lock table speaks in numbers: a relation, a row's place, an object of a catalog, a
//! transaction. Most have a name that can be read. A transaction alone is waited for when it has no
//! row to queue for; then it is a unique key, or a row that both have share-locked
//! ([`contested`](super::contested)).
//!
//! A wait keeps the name that it got first: while somebody wants the table for himself, the row
//! behind it cannot be read any more.

use std::collections::HashMap;

use sqlx::postgres::types::Oid;

use super::rows::FoundRow;
use super::table::Table;
use super::waits::WaitRow;
use super::{Observer, ObserverError};
use crate::core::event::WaitTarget;
use crate::core::sql;
use crate::core::syntax::quote;
use crate::reports::transcript::without_backends;

/// Where the server keeps its own tables.
pub(super) const CATALOG: &str = "pg_catalog";
/// `pg_database`, whose object 0 stands for the queue of notifications (`async.c`).
const DATABASES: Oid = Oid(1262);

/// Rows by table and place, translated to what tells them from others.
type Keys = HashMap<(Oid, String), String>;

impl Observer {
    /// What each of these waits for.
    pub(super) async fn targets(
        &self,
        waiting: &[WaitRow],
    ) -> Result<Vec<WaitTarget>, ObserverError> {
        let known: Vec<Option<WaitTarget>> = waiting.iter().map(|row| self.told(row)).collect();
        let news = waiting.iter().zip(&known).filter(|(_, known)| known.is_none());
        let keys = self.keys(&news.map(|(row, _)| row).collect::<Vec<_>>()).await?;
        let mut targets = Vec::new();
        for (row, known) in waiting.iter().zip(known) {
            targets.push(match known {
                Some(target) => target,
                None => self.target(row, &keys).await?,
            });
        }
        let signed = waiting.iter().zip(&targets);
        let told = signed.map(|(row, target)| (row.pid(), (row.sign.clone(), target.clone())));
        self.state().targets = told.collect();
        Ok(targets)
    }

    /// What this very wait was told to be for.
    fn told(&self, row: &WaitRow) -> Option<WaitTarget> {
        let state = self.state();
        let (sign, target) = state.targets.get(&row.pid())?;
        (*sign == row.sign).then(|| target.clone())
    }

    async fn target(&self, row: &WaitRow, keys: &Keys) -> Result<WaitTarget, ObserverError> {
        if row.safe_snapshot {
            return Ok(WaitTarget::SafeSnapshot);
        }
        // Asked before the lock's type: a row's first waiter waits for a transaction, and only the
        // tuple lock that it holds meanwhile tells that this is about a row.
        if let Some((oid, tid)) = row.row() {
            let key = keys.get(&(oid, tid.to_owned())).cloned();
            return Ok(self.row_target(row, key));
        }
        Ok(match row.locktype.as_deref() {
            Some("transactionid") => self.contested(row).await?.unwrap_or(WaitTarget::Transaction),
            Some("relation") if row.kind.as_deref() == Some("table") => WaitTarget::Table {
                table: self.relation_name(row),
                mode: row.mode.clone().unwrap_or_default(),
            },
            Some("object") => WaitTarget::Other(self.object(row).await),
            Some("advisory") => {
                WaitTarget::Advisory { key: row.advisory_key.clone().unwrap_or_default() }
            }
            other => WaitTarget::Other(self.words(other, row)),
        })
    }

    /// A row, or what it describes where it is the server's own.
    fn row_target(&self, row: &WaitRow, key: Option<String>) -> WaitTarget {
        let table = self.relation_name(row);
        match (row.relation(), key) {
            (Some((CATALOG, _)), Some(described)) => {
                WaitTarget::Other(format!("{}, a row of {table}", self.at_home(&described)))
            }
            (_, key) => WaitTarget::Row { table, key, wants: row.wants.clone() },
        }
    }

    fn words(&self, locktype: Option<&str>, row: &WaitRow) -> String {
        let relation = || match &row.kind {
            Some(kind) => format!("{kind} {}", self.relation_name(row)),
            None if row.here => "a relation that is being created".to_owned(),
            None => "a relation of another database".to_owned(),
        };
        match locktype {
            Some("relation") => {
                format!("{}, {}", relation(), row.mode.as_deref().unwrap_or_default())
            }
            Some("extend") => format!("space at the end of {}", relation()),
            Some("page") => format!("a page of {}", relation()),
            Some("virtualxid") => "an older transaction".to_owned(),
            Some("frozenid") => "the database's oldest transaction id".to_owned(),
            Some("spectoken") => "an insertion in progress".to_owned(),
            Some(other) => other.to_owned(),
            // The leader of a parallel query waits for nothing itself: its workers do.
            None => "a lock that its parallel workers want".to_owned(),
        }
    }

    /// A table's name as the scenario would write it.
    pub(super) fn table_name(&self, schema: &str, name: &str) -> String {
        let is_home = self.state().watch.schema.as_deref().is_none_or(|home| home == schema);
        // Whoever is in another schema says so; the number in `pg_temp_3` is a backend's and
        // differs from run to run.
        if is_home { name.to_owned() } else { without_backends(&format!("{schema}.{name}")) }
    }

    fn relation_name(&self, row: &WaitRow) -> String {
        match row.relation() {
            Some((schema, name)) => self.table_name(schema, name),
            None => "a table".to_owned(),
        }
    }

    /// The server's words without the schema in which everything of the run is.
    fn at_home(&self, words: &str) -> String {
        match &self.state().watch.schema {
            Some(home) => words.replace(&format!("{home}."), ""),
            None => words.to_owned(),
        }
    }

    /// An object of a catalog by its name: `schema stage`.
    async fn object(&self, row: &WaitRow) -> String {
        let (class, object) = (row.class.unwrap_or_default(), row.object.unwrap_or_default());
        if class == DATABASES && object == Oid(0) {
            return "its turn to notify".to_owned();
        }
        let part = row.part.unwrap_or_default();
        let name = if row.here { self.object_name(class, object, part).await } else { None };
        name.unwrap_or_else(|| format!("a {}", described_by(class)))
    }

    /// What an object of a catalog is, and its name, if others can see it.
    pub(super) async fn object_name(&self, class: Oid, object: Oid, part: i32) -> Option<String> {
        let found: Result<Option<(String, String)>, sqlx::Error> =
            sqlx::query_as(sql::observer::OBJECT)
                .bind(class)
                .bind(object)
                .bind(part)
                .fetch_optional(&self.pool)
                .await;
        let unknown = |error: &sqlx::Error| tracing::warn!(%error, "an object has no name");
        let (kind, identity) = found.inspect_err(unknown).ok().flatten()?;
        Some(format!("{kind} {}", self.at_home(&identity)))
    }

    /// What tells the rows apart that are waited for: read now, or remembered where the table is
    /// shut or the version has gone.
    async fn keys(&self, waiting: &[&WaitRow]) -> Result<Keys, ObserverError> {
        let mut places: HashMap<Oid, (String, Vec<String>)> = HashMap::new();
        for (row, (schema, name)) in waiting.iter().filter_map(|w| Some((w.row()?, w.relation()?)))
        {
            let qualified = format!("{}.{}", quote(schema), quote(name));
            places.entry(row.0).or_insert((qualified, Vec::new())).1.push(row.1.to_owned());
        }
        let mut keys = self.remembered_keys(&places);
        let names: Vec<String> = places.values().map(|(name, _)| name.clone()).collect();
        for table in self.open_tables(&names).await? {
            if let Some((_, tids)) = places.get(&table.oid) {
                keys.extend(self.keys_at(&table, tids).await);
            }
        }
        Ok(keys)
    }

    /// Those of the tables that can be read without waiting.
    pub(super) async fn open_tables(&self, names: &[String]) -> Result<Vec<Table>, ObserverError> {
        // With no names `tables.sql` gives all tables of the schema.
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let tables = self.tables(names, &[], None).await?;
        Ok(tables.into_iter().filter(|table| !table.shut).collect())
    }

    fn remembered_keys(&self, places: &HashMap<Oid, (String, Vec<String>)>) -> Keys {
        let state = self.state();
        let all = places.iter().flat_map(|(oid, (_, tids))| tids.iter().map(|tid| (*oid, tid)));
        all.filter_map(|(oid, tid)| {
            let key = state.memory.get(&oid)?.key_at(tid)?;
            Some(((oid, tid.clone()), key.clone()))
        })
        .collect()
    }

    /// A failure leaves the row without a name, or with the one that it had.
    async fn keys_at(&self, table: &Table, tids: &[String]) -> Keys {
        let found = if table.schema == CATALOG {
            let query = sqlx::query_as(table.catalog_rows_query()).bind(table.oid).bind(tids);
            query.fetch_all(&self.pool).await
        } else {
            let query = sqlx::query_as(table.keys_query()).bind(tids);
            let rows: Result<Vec<FoundRow>, sqlx::Error> = query.fetch_all(&self.pool).await;
            rows.map(|rows| rows.iter().map(|row| (row.tid.clone(), row.identity())).collect())
        };
        let found: Vec<(String, String)> =
            found.inspect_err(|error| tracing::warn!(%error, "no keys")).unwrap_or_default();
        found.into_iter().map(|(tid, key)| ((table.oid, tid), key)).collect()
    }
}

/// What a catalog's rows are, by its oid (`pg_class.dat` and the catalogs' own headers).
pub(super) fn described_by(catalog: Oid) -> &'static str {
    match catalog.0 {
        1213 => "tablespace",
        1247 => "type",
        1255 => "function",
        1259 => "relation",
        1260 => "role",
        1262 => "database",
        2615 => "schema",
        2613 => "large object",
        3079 => "extension",
        6104 => "publication",
        6100 => "subscription",
        _ => "catalog's object",
    }
}
