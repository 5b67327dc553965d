//! What must be known of tables to tell their rows apart.

use std::collections::BTreeMap;

use crate::core::event::Row;
use crate::core::syntax::quote;
use crate::explorer::player::control::Control;
use crate::explorer::player::tables::{Tables, row_of};
use crate::explorer::player::{PlayerError, measure::words};

/// So many rows in all are looked at before and after each statement; what is more is taken as a
/// whole.
const MOST_ROWS: usize = 500;

/// The tables, as their rows are told apart.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Catalog {
    pub(super) tables: Vec<Shape>,
    /// From the object id of a table, or of one of its indexes.
    pub(super) relations: BTreeMap<u32, Relation>,
    /// Whether a routine or a view asks for what only the server itself knows.
    pub(super) is_far: bool,
    /// Whether a statement may touch tables that it does not name: by routines, triggers, or
    /// foreign keys that change or delete.
    pub(super) is_dynamic: bool,
    /// Whether constraints or triggers may be looked at by a COMMIT.
    pub(super) has_deferred: bool,
    /// Whether a routine or a trigger of somebody's may lock rows.
    pub(super) has_routines: bool,
    /// The question for every row: which table, its key, where it is, who locked it last, its
    /// unique keys and its indexed values.
    pub(super) question: String,
}

/// What an object id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Table(usize),
    IndexOf(usize),
    Sequence,
}

/// A table.
pub(super) struct Shape {
    pub(super) name: String,
    /// The unique indexes whose values are told.
    pub(super) uniques: Vec<String>,
    /// Whether its rows are told apart; otherwise it is taken as a whole.
    pub(super) has_rows: bool,
}

impl Catalog {
    pub(super) async fn read(control: &Control, tables: &Tables) -> Result<Self, PlayerError> {
        let mut relations = BTreeMap::new();
        for (at, table) in tables.all.iter().enumerate() {
            relations.insert(table.oid, Relation::Table(at));
        }
        let indexes = read_indexes(control).await?;
        for index in &indexes {
            if let Some(Relation::Table(at)) = relations.get(&index.table) {
                relations.insert(index.oid, Relation::IndexOf(*at));
            }
        }
        for row in control.rows(SEQUENCES).await? {
            if let Some(oid) = number(&row, 0) {
                relations.insert(oid, Relation::Sequence);
            }
        }
        let awkward: Vec<u32> =
            control.rows(AWKWARD).await?.iter().filter_map(|row| number(row, 0)).collect();
        let mut left = MOST_ROWS;
        let (mut shapes, mut questions) = (Vec::new(), Vec::new());
        for (at, table) in tables.all.iter().enumerate() {
            let own: Vec<&Index> = indexes.iter().filter(|it| it.table == table.oid).collect();
            let key = own.iter().find(|index| index.is_primary);
            let is_told = own.iter().all(|index| index.is_plain)
                && !awkward.contains(&table.oid)
                && table.count() * 2 <= left;
            if let Some(key) = key.filter(|_| is_told) {
                left -= table.count() * 2;
                questions.push(question(at, table.full(), key, &own));
            }
            let uniques = own.iter().filter(|index| index.is_unique);
            shapes.push(Shape {
                name: table.name.clone(),
                uniques: uniques.map(|index| index.name.clone()).collect(),
                has_rows: key.is_some() && is_told,
            });
        }
        let routines = control.rows(ROUTINES).await?;
        let mut texts = routines.iter().flatten().flatten();
        Ok(Self {
            tables: shapes,
            relations,
            is_far: texts.any(|text| words::is_far(text)),
            is_dynamic: !routines.is_empty() || !control.rows(ACTIONS).await?.is_empty(),
            has_deferred: !control.rows(DEFERRED).await?.is_empty(),
            has_routines: !routines.is_empty(),
            question: questions.join(" union all "),
        })
    }
}

struct Index {
    oid: u32,
    table: u32,
    name: String,
    is_primary: bool,
    is_unique: bool,
    /// Over columns alone, all rows, and checked at once.
    is_plain: bool,
    columns: Vec<String>,
}

async fn read_indexes(control: &Control) -> Result<Vec<Index>, PlayerError> {
    let rows = control.rows(INDEXES).await?;
    let index = |row: &Row| {
        let cell = |at: usize| row.get(at)?.as_deref();
        Some(Index {
            oid: number(row, 0)?,
            table: number(row, 1)?,
            name: cell(2)?.to_owned(),
            is_primary: cell(3)? == "t",
            is_unique: cell(4)? == "t",
            is_plain: cell(5)? == "t",
            columns: serde_json::from_str(cell(6)?).ok()?,
        })
    };
    let all = rows.iter().map(index).collect::<Option<Vec<_>>>();
    all.ok_or(PlayerError::Unreadable("its indexes"))
}

fn question(at: usize, table: &str, key: &Index, own: &[&Index]) -> String {
    let uniques = own.iter().filter(|index| index.is_unique);
    let uniques: Vec<String> = uniques.map(|index| unique(&index.columns)).collect();
    let indexed = own.iter().map(|index| row_of(&index.columns)).collect::<Vec<_>>().join(" || ");
    format!(
        "select {at}, {}, t.ctid::text, t.xmax::text, \
         pg_catalog.json_build_array({})::text, {indexed} from only {table} as t",
        row_of(&key.columns),
        uniques.join(", ")
    )
}

/// What nobody else may have: nothing where a part is null.
fn unique(columns: &[String]) -> String {
    let each: Vec<String> = columns.iter().map(|it| format!("t.{}", quote(it))).collect();
    format!("case when num_nulls({}) = 0 then {} end", each.join(", "), row_of(columns))
}

fn number(row: &Row, at: usize) -> Option<u32> {
    row.get(at)?.as_deref()?.parse().ok()
}

const INDEXES: &str = "select i.indexrelid, i.indrelid, c.relname, i.indisprimary, \
    i.indisunique, i.indpred is null and i.indexprs is null and i.indimmediate \
    and not i.indisexclusion \
    and coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) = false, \
    coalesce((select json_agg(a.attname order by k.place) \
    from pg_catalog.unnest(i.indkey::int2[]) with ordinality as k(attnum, place) \
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum), '[]') \
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid \
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' order by 3";

const SEQUENCES: &str = "select oid from pg_catalog.pg_class where relkind = 'S'";

/// Tables whose rows have constraints that are checked later, or that have parts.
const AWKWARD: &str = "select conrelid from pg_catalog.pg_constraint \
    where condeferrable or contype = 'x' \
    union select inhrelid from pg_catalog.pg_inherits \
    union select inhparent from pg_catalog.pg_inherits";

/// Foreign keys that do more than to refuse.
const ACTIONS: &str = "select from pg_catalog.pg_constraint where contype = 'f' \
    and (confdeltype in ('c', 'n', 'd') or confupdtype in ('c', 'n', 'd')) limit 1";

const DEFERRED: &str = "select from pg_catalog.pg_trigger where tgdeferrable limit 1";

/// The texts of somebody's routines, views and rules.
const ROUTINES: &str = "select coalesce(prosrc, '') from pg_catalog.pg_proc p \
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' \
    union all select definition from pg_catalog.pg_views \
    where schemaname not like 'pg\\_%' and schemaname <> 'information_schema'";
