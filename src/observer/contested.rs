//! What two transactions are at odds about when one waits for the other's end and queues for no
//! row.
//!
//! ```text
//! both have share-locked row 1, Alice wants to change it   the row whose multixact has both
//! Alice has inserted key 1, Bob inserts key 1              the key that both have written
//! the same, and Bob says ON CONFLICT DO NOTHING            Alice's key, if she has but one
//! ```
//!
//! Uncommitted rows are in the pages only, so that without pageinspect the table and the key's
//! columns are all that can be told.

use std::collections::BTreeSet;

use sqlx::FromRow;
use sqlx::postgres::types::Oid;
use sqlx::types::Json;

use super::rows::FoundRow;
use super::table::Table;
use super::targets::{CATALOG, described_by};
use super::versions::Versions;
use super::waits::WaitRow;
use super::{Observer, ObserverError, about};
use crate::core::event::WaitTarget;
use crate::core::sql;
use crate::core::syntax::{identifier, quote};

/// A table that a wait can be about.
#[derive(Clone, Debug, FromRow)]
struct Suspect {
    oid: Oid,
    schema: String,
    name: String,
    /// The columns of each unique key that the statement under way may write.
    keys: Json<Vec<Vec<String>>>,
}

/// A unique key's columns and values, each joined by commas.
type Key = (String, String);

impl Observer {
    /// The row or the key, as far as it can be told.
    pub(super) async fn contested(
        &self,
        row: &WaitRow,
    ) -> Result<Option<WaitTarget>, ObserverError> {
        let suspects: Vec<Suspect> = sqlx::query_as(sql::observer::SUSPECTS)
            .bind(row.pid().0)
            .fetch_all(&self.pool)
            .await
            .map_err(about("which tables a session writes to"))?;
        let names: Vec<String> = suspects.iter().map(Suspect::qualified).collect();
        let tables = self.open_tables(&names).await?;
        // First what is certain: a multixact that has both of them names the row. A key is only
        // inferred, from what both have written.
        if let Some(shared) = self.shared_row(row, &tables).await {
            return Ok(Some(shared));
        }
        let keyed: Vec<&Suspect> = suspects.iter().filter(|it| !it.keys.is_empty()).collect();
        for suspect in &keyed {
            let table = tables.iter().find(|table| table.oid == suspect.oid);
            let Some(table) = table else { continue };
            if let Some(key) = self.contested_key(row, suspect, table).await {
                return Ok(Some(self.key_target(suspect, Some(key))));
            }
        }
        // Without the pages no key can be read; but where the statement writes to one table alone,
        // it is one of that table's.
        Ok(match keyed[..] {
            [only] => Some(self.key_target(only, None)),
            _ => None,
        })
    }

    /// The row that waiter and holder have share-locked together. With several of them, which one
    /// is meant cannot be told.
    async fn shared_row(&self, row: &WaitRow, tables: &[Table]) -> Option<WaitTarget> {
        let mut found: Vec<(&Table, FoundRow)> = Vec::new();
        for table in tables.iter().filter(|table| table.schema != CATALOG) {
            let query = sqlx::query_as(table.shared_rows_query()).bind(row.pid().0);
            let rows = query.bind(row.transaction.as_deref()).fetch_all(&self.pool).await;
            let blurred = |error: &sqlx::Error| tracing::warn!(%error, "no shared rows");
            let rows: Vec<FoundRow> = rows.inspect_err(blurred).unwrap_or_default();
            found.extend(rows.into_iter().map(|row| (table, row)));
        }
        let (table, first) = found.first()?;
        let is_one_table = found.iter().all(|(other, _)| other.oid == table.oid);
        is_one_table.then(|| WaitTarget::Row {
            table: self.table_name(&table.schema, &table.name),
            key: (found.len() == 1).then(|| first.identity()),
            wants: None,
        })
    }

    /// The key that both have written, or the only one that the holder has.
    async fn contested_key(&self, row: &WaitRow, suspect: &Suspect, table: &Table) -> Option<Key> {
        let versions = self.versions(table).await?;
        let own = versions.made_by(&[row.pid()], table);
        let theirs = self.written_by_holder(row, table, &versions).await;
        let mut common = BTreeSet::new();
        for columns in suspect.keys.iter() {
            let places = columns
                .iter()
                .map(|name| table.columns.iter().position(|column| *column == identifier(name)));
            // An index on an expression has parts that are no columns, and so no values to compare.
            let Some(places) = places.collect::<Option<Vec<usize>>>() else { continue };
            let mine: BTreeSet<String> = keys(&own, &places).collect();
            let of_holder = keys(&theirs, &places);
            // INSERT ... ON CONFLICT looks for the key before it writes its own row
            // (`ExecCheckIndexConstraints`): then the waiter has written nothing yet, and every key
            // of the holder's may be the one.
            let both = of_holder.filter(|key| own.is_empty() || mine.contains(key));
            common.extend(both.map(|key| (columns.join(", "), key)));
        }
        // Exactly one: between two candidates nobody can choose.
        common.pop_first().filter(|_| common.is_empty())
    }

    /// What the holder has written, and what it has deleted or overwritten.
    async fn written_by_holder(
        &self,
        row: &WaitRow,
        table: &Table,
        versions: &Versions,
    ) -> Vec<Vec<Option<String>>> {
        let query = sqlx::query_as(table.marked_rows_query());
        let marked = query.bind(row.transaction.as_deref()).fetch_all(&self.pool).await;
        let blurred = |error: &sqlx::Error| tracing::warn!(%error, "no marked rows");
        let marked: Vec<FoundRow> = marked.inspect_err(blurred).unwrap_or_default();
        let mut written = versions.made_by(&row.blockers(), table);
        written.extend(marked.into_iter().map(|row| row.columns));
        written
    }

    /// The key in words; of the server's own tables, what is being made under that name.
    fn key_target(&self, suspect: &Suspect, key: Option<Key>) -> WaitTarget {
        if suspect.schema == CATALOG {
            let kind = described_by(suspect.oid);
            return WaitTarget::Other(match key.and_then(name_in) {
                Some(name) => format!("{kind} {name}, which is being created"),
                None => format!("a {kind} that is being created"),
            });
        }
        let only = || match &suspect.keys[..] {
            [only] => Some(only.join(", ")),
            _ => None,
        };
        let (columns, values) = key.unzip();
        let table = self.table_name(&suspect.schema, &suspect.name);
        WaitTarget::Key { table, columns: columns.or_else(only), values }
    }
}

impl Suspect {
    fn qualified(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// The keys of these rows, those without that have a part that is NULL or cannot be read.
fn keys(rows: &[Vec<Option<String>>], places: &[usize]) -> impl Iterator<Item = String> {
    rows.iter().filter_map(|row| {
        let parts = places.iter().map(|place| row.get(*place)?.as_deref());
        parts.collect::<Option<Vec<&str>>>().map(|parts| parts.join(", "))
    })
}

/// The name in a catalog's key, which has further parts that are numbers: `(typname,
/// typnamespace)=(seats, 2200)`.
fn name_in((columns, values): Key) -> Option<String> {
    let named = columns.split(", ").zip(values.split(", ")).find(|it| it.0.ends_with("name"));
    named.map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_part_that_is_not_known_is_none() {
        let row = |values: [Option<&str>; 2]| values.map(|it| it.map(str::to_owned)).to_vec();
        let rows = [row([Some("B"), Some("1")]), row([None, Some("2")])];
        assert_eq!(keys(&rows, &[0, 1]).collect::<Vec<_>>(), ["B, 1"]);
    }

    #[test]
    fn a_catalogs_key_is_told_by_its_name() {
        let key = ("typname, typnamespace".to_owned(), "seats, 2200".to_owned());
        assert_eq!(name_in(key).as_deref(), Some("seats"));
        assert_eq!(name_in(("oid".to_owned(), "2200".to_owned())), None);
    }
}
