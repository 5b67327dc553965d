//! Which columns a sequence fills, and which refer to those.

use std::collections::BTreeMap;

use super::{PlayerError, Players, SessionPlayer};
use crate::core::event::Row;
use crate::explorer::row_order::Unique;

/// By table and column, whose values these are: `bookings.id`.
type Filled = BTreeMap<(String, String), String>;

impl Players {
    /// The columns of the scenario's tables that sequences fill, or that refer to such.
    pub async fn sequences(&self) -> Result<Filled, PlayerError> {
        match self.players.first() {
            Some(player) => player.filled().await,
            None => Ok(Filled::new()),
        }
    }
}

impl Players {
    /// The columns of the scenario's tables of which no two rows have the same values.
    pub async fn uniques(&self) -> Result<Vec<Unique>, PlayerError> {
        match self.players.first() {
            Some(player) => player.uniques().await,
            None => Ok(Vec::new()),
        }
    }
}

impl SessionPlayer {
    async fn uniques(&self) -> Result<Vec<Unique>, PlayerError> {
        let mut found: BTreeMap<String, Unique> = BTreeMap::new();
        for row in self.control.rows(UNIQUES).await? {
            let index = row.get(2).cloned().flatten().unwrap_or_default();
            if let Some((table, column)) = self.column(&row, 0) {
                found.entry(index).or_insert_with(|| (table, Vec::new())).1.push(column);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn filled(&self) -> Result<Filled, PlayerError> {
        let filled = self.control.rows(FILLED).await?;
        let references = self.control.rows(REFERENCES).await?;
        let mut found: Filled = filled
            .iter()
            .filter_map(|row| {
                let (table, column) = self.column(row, 0)?;
                let of = format!("{table}.{column}");
                Some(((table, column), of))
            })
            .collect();
        // As long as one more is found: a reference may be to one that refers itself.
        loop {
            let known = found.len();
            for row in &references {
                let (Some(own), Some(other)) = (self.column(row, 0), self.column(row, 2)) else {
                    continue;
                };
                if let Some(of) = found.get(&other).cloned() {
                    found.entry(own).or_insert(of);
                }
            }
            if found.len() == known {
                return Ok(found);
            }
        }
    }

    /// The table and the column that stand in a row from here on.
    fn column(&self, row: &Row, at: usize) -> Option<(String, String)> {
        let oid: u32 = row.get(at)?.as_deref()?.parse().ok()?;
        let table = self.tables.all.iter().find(|table| table.oid == oid)?;
        Some((table.name.clone(), row.get(at + 1)?.clone()?))
    }
}

/// Identity columns, and those whose default calls a sequence.
const FILLED: &str = "select a.attrelid::oid, a.attname from pg_catalog.pg_attribute a \
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
    where a.attnum > 0 and not a.attisdropped and (a.attidentity <> '' or exists (\
    select from pg_catalog.pg_depend p join pg_catalog.pg_class s \
    on s.oid = p.refobjid and s.relkind = 'S' \
    where p.classid = 'pg_catalog.pg_attrdef'::regclass and p.objid = d.oid \
    and p.refclassid = 'pg_catalog.pg_class'::regclass))";

/// The columns of each unique index that has every row once, and the index.
const UNIQUES: &str = "select i.indrelid::oid, a.attname, i.indexrelid::oid \
    from pg_catalog.pg_index i, unnest(i.indkey::int2[]) with ordinality as k (attnum, at), \
    pg_catalog.pg_attribute a where i.indisunique and i.indisvalid and i.indpred is null \
    and i.indexprs is null and i.indimmediate and k.at <= i.indnkeyatts \
    and a.attrelid = i.indrelid and a.attnum = k.attnum \
    and not exists (select from unnest(i.indkey::int2[]) as n (attnum), \
    pg_catalog.pg_attribute o where o.attrelid = i.indrelid and o.attnum = n.attnum \
    and not o.attnotnull)";

/// From which column to which each foreign key leads.
const REFERENCES: &str = "select c.conrelid::oid, own.attname, c.confrelid::oid, other.attname \
    from pg_catalog.pg_constraint c, unnest(c.conkey, c.confkey) as k (own, other), \
    pg_catalog.pg_attribute own, pg_catalog.pg_attribute other \
    where c.contype = 'f' and own.attrelid = c.conrelid and own.attnum = k.own \
    and other.attrelid = c.confrelid and other.attnum = k.other";
