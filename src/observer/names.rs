//! What a statement can name: for whoever completes what is being typed.

use super::{Observer, ObserverError, about};
use crate::core::catalog::{Catalog, Relation, Routine};
use crate::core::sql;

/// A line of the answer: what it is, its schema, its name, its columns.
type Named = (String, String, String, Vec<String>);

impl Observer {
    /// Everything in the database that has a name, within bounds.
    pub async fn names(&self) -> Result<Catalog, ObserverError> {
        let run = self.state().watch.schema.clone();
        let named: Vec<Named> = sqlx::query_as(sql::observer::NAMES)
            .bind(&run)
            .fetch_all(&self.pool)
            .await
            .map_err(about("what can be named"))?;
        let mut catalog = Catalog { run, ..Catalog::default() };
        for named in named {
            put(&mut catalog, named);
        }
        Ok(catalog)
    }
}

fn put(catalog: &mut Catalog, (kind, schema, name, columns): Named) {
    match kind.as_str() {
        "relation" => catalog.relations.push(Relation { schema, name, columns }),
        "function" => catalog.functions.push(Routine { schema, name }),
        "type" => catalog.types.push(name),
        "setting" => catalog.settings.push(name),
        "schema" => catalog.schemas.push(name),
        _ => catalog.path = columns,
    }
}
