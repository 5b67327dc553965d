//! The SQL of a copy that holds no more of a stored table's rows than a transaction needs.

use super::{Key, Pair, Sought};
use crate::core::syntax::quote;
use crate::gateway::transaction::shape::list;

/// Which stored rows are to be brought into a copy.
pub(crate) struct Wanted {
    /// By what name the condition knows the table, quoted where it has to be.
    pub(crate) alias: String,
    pub(crate) condition: String,
    /// Whether the condition may raise errors.
    pub(crate) raises_errors: bool,
    /// Whether no row is in the copy.
    pub(crate) is_empty: bool,
    /// From which parameter on the keys of rows stand that were brought; nothing where those are
    /// all in the copy.
    pub(crate) lacking_from: Option<usize>,
}

impl Pair<'_> {
    /// Asks for the file that holds the table, and the one that holds it by the snapshot. An error
    /// where the columns are others than are known.
    pub(crate) fn look(&self) -> String {
        // UNION wants as many columns on either side. What can be told without running it is not
        // run, but PostgreSQL locks and looks at whatever a prepared statement names before it is
        // run again (`RevalidateCachedQuery` in plancache.c).
        format!(
            "select {files} where true or exists (select from (select {columns} from only {stored} \
             union all select * from only {stored}) as x)",
            files = self.files(),
            columns = list("", self.shape.columns.iter().map(|column| column.name.as_str())),
            stored = self.shape.stored(),
        )
    }

    /// Takes all rows away, for the rest of the transaction.
    pub(crate) fn sweep(&self) -> String {
        format!("delete from {}", self.copied())
    }

    /// Brings the stored rows that are wanted. Answers the command that brought each, twice, and
    /// its key. Whatever travels behind it finds the command in a setting.
    pub(crate) fn bring(&self, wanted: &Wanted) -> String {
        let (alias, condition) = (&wanted.alias, &wanted.condition);
        let mut lacks = Vec::new();
        if !wanted.is_empty {
            lacks.push(format!(
                "not exists (select from {} \"overbooked c\" where {})",
                self.copied(),
                self.same_key("\"overbooked c\"", alias)
            ));
        }
        if let Some(from) = wanted.lacking_from {
            lacks.push(self.not_brought(alias, from));
        }
        let lacks = lacks.join(" and ");
        let which = match (lacks.is_empty(), wanted.raises_errors) {
            (true, _) => format!("({condition})"),
            (false, false) => format!("({condition}) and {lacks}"),
            // In this order: of a row that is changed by now, the stored state must raise no error
            // (PostgreSQL documentation, 4.2.14).
            (false, true) => format!("case when {lacks} then ({condition}) else false end"),
        };
        let from = format!("from only {} as {alias} where {which}", self.shape.stored());
        self.bringing(&self.columns(""), &from)
    }

    /// Brings rows of these columns from somewhere.
    pub(super) fn bringing(&self, columns: &str, from: &str) -> String {
        format!(
            "with added as (insert into {copied} ({own}) select {columns} {from} \
               returning cmin::text as c, {keys}) \
             select set_config({setting}, c, true), added.* from added",
            setting = self.fill_setting(),
            copied = self.copied(),
            own = self.columns(""),
            keys = self.key_texts(),
        )
    }

    /// Brings all stored rows that were not brought; the keys of those that were are parameters.
    /// Answers as [`fill`](Self::fill) does.
    pub(crate) fn bring_rest(&self) -> String {
        format!(
            "with added as (insert into {copied} ({columns}) select {columns} from only {stored} s \
             where {lacks} {order} returning cmin::text::int4 as c) \
             select coalesce((select max(c) from added), -1)::text, {files}",
            copied = self.copied(),
            columns = self.columns(""),
            stored = self.shape.stored(),
            lacks = self.not_brought("s", 1),
            order = self.order(),
            files = self.files(),
        )
    }

    /// Brings the stored rows that have a unique key of a row that this transaction wrote, other
    /// than by these commands (`$1`), and that were not brought: PostgreSQL refuses the
    /// first.
    pub(crate) fn collisions(&self) -> String {
        let columns = list("s.", self.shape.plain_columns().map(|column| column.name.as_str()));
        let by_key = self.shape.unique_keys().enumerate().map(|(at, key)| {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            format!(
                "select {columns}, c.ctid as \"overbooked place\", {at} as \"overbooked key\" \
                 from {copied} c join only {stored} s on {same} where {is_mine} and {lacks}",
                copied = self.copied(),
                stored = self.shape.stored(),
                same = Self::same("s", "c", &key),
                is_mine = self.is_mine(true),
                lacks = self.not_brought("s", 2),
            )
        });
        // PostgreSQL tells of the first row's first key.
        format!(
            "insert into {copied} ({columns}) select {columns} from ({colliding}) as x \
             order by \"overbooked place\", \"overbooked key\"",
            copied = self.copied(),
            columns = self.columns(""),
            colliding = by_key.collect::<Vec<_>>().join(" union all ")
        )
    }

    pub(super) fn not_brought(&self, alias: &str, from: usize) -> String {
        format!("not exists (select from {} where {})", self.rows(from), self.among(alias))
    }

    pub(super) fn same_key(&self, one: &str, other: &str) -> String {
        match self.key() {
            Key::Columns(key) => Self::same(one, other, &key),
            Key::Place => "false".to_owned(),
        }
    }

    pub(super) fn key_texts(&self) -> String {
        let key = self.shape.key().unwrap_or_default();
        let texts = key.iter().enumerate();
        let texts = texts.map(|(at, key)| format!("{}::text as k{at}", quote(&key.name)));
        texts.collect::<Vec<_>>().join(", ")
    }

    /// What [`changes`](Self::changes) tells, of a copy that holds a part of the rows: where gone
    /// ones are sought, the keys of those that were brought are parameters from `$2` on.
    pub(crate) fn changes_of_part(&self, sought: Sought) -> String {
        let Key::Columns(key) = self.key() else {
            // None was brought: a row that was told apart by its place could not be.
            return self.changes_by_place(sought, " and cardinality($2::text[]) = 0");
        };
        let texts = (1..=key.len()).map(|at| format!("d.k{at}::text"));
        let gone = sought.gone.then(|| {
            format!(
                "select 'd', '0', null, {texts} from {brought} \
                 where not exists (select from {copied} c where {same})",
                texts = texts.collect::<Vec<_>>().join(", "),
                brought = self.rows(2),
                copied = self.copied(),
                same = self.among("c"),
            )
        });
        self.changes_by_columns(&key, gone, sought)
    }
}
