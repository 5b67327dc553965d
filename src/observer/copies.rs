//! What makes tables like the watched ones, for a file that is to be played without them.

use sqlx::FromRow;
use sqlx::postgres::types::Oid;

use super::flavor::Source;
use super::look::Seen;
use super::table::Table;
use super::{Observer, ObserverError, ROWS_SHOWN, Watch, about};
use crate::core::event::Row;
use crate::core::sql;
use crate::core::table_copy::TableCopy;

/// A table as `definitions.sql` describes it.
#[derive(Debug, FromRow)]
struct Definition {
    oid: Oid,
    schema: String,
    name: String,
    written_schema: String,
    written: String,
    made_by: String,
    columns: Vec<String>,
    generated: Vec<String>,
    indexes: Vec<String>,
    references: Vec<String>,
    notes: Vec<String>,
}

impl Observer {
    /// The watched tables with their committed rows, as far as both can be read.
    pub async fn copies(&self) -> Result<Vec<TableCopy>, ObserverError> {
        if self.flavor.sight.rows != Source::PostgreSql {
            return Ok(Vec::new());
        }
        let watch = self.state().watch.clone();
        let tables = self.watched(&watch).await?.tables;
        let oids: Vec<Oid> = tables.iter().map(|table| table.oid).collect();
        let definitions: Vec<Definition> = sqlx::query_as(sql::observer::DEFINITIONS)
            .bind(oids)
            .fetch_all(&self.pool)
            .await
            .map_err(about("how the watched tables are made"))?;
        let mut copies = Vec::new();
        for definition in definitions {
            if let Some(table) = tables.iter().find(|table| table.oid == definition.oid) {
                copies.push(self.copy(table, definition, &watch).await?);
            }
        }
        Ok(copies)
    }

    async fn copy(
        &self,
        table: &Table,
        definition: Definition,
        watch: &Watch,
    ) -> Result<TableCopy, ObserverError> {
        let seen = match self.rows(table, ROWS_SHOWN).await? {
            Some(Seen::Open(rows, _)) => rows,
            _ => Vec::new(),
        };
        let total = seen.first().map_or(0, |row| row.total);
        let kept = |values: &Row| -> Row {
            let named = table.columns.iter().zip(values);
            let kept = named.filter(|(column, _)| !definition.generated.contains(column));
            kept.map(|(_, value)| value.clone()).collect()
        };
        let first = seen.iter().filter(|row| row.n <= ROWS_SHOWN);
        let rows: Vec<Row> = first.map(|row| kept(&row.columns)).collect();
        let is_whole = i64::try_from(rows.len()) == Ok(total) && !self.is_sampled(table);
        Ok(TableCopy {
            label: Self::label(table, watch),
            schema: definition.schema,
            name: definition.name,
            written_schema: definition.written_schema,
            written: definition.written,
            made_by: definition.made_by,
            columns: definition.columns,
            rows,
            is_whole,
            indexes: definition.indexes,
            references: definition.references,
            left_out: definition.notes,
        })
    }
}
