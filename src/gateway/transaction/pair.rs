//! The SQL between a stored table and its private copy: filling, refreshing, finding what changed,
//! applying it.
//!
//! A copy outlives the transaction. The next one refreshes it: the rows that the journal names are
//! taken anew. Where the journal cannot tell, the table can: `age(xmin)` says which rows were
//! written since the copy's last snapshot, and vanished ones are noticed by counting. A rollback
//! takes the copy back to where it was together with everything else.
//!
//! In a transaction, a row of the copy is *mine* when this transaction wrote it (`xmin`), and not
//! by the commands that brought rows (`cmin`); it is *locked* when `xmax` is this transaction and
//! the row is nevertheless alive.

pub(crate) mod part;
pub(crate) mod references;

use crate::core::syntax::{literal, quote};
use crate::gateway::transaction::shape::{Shape, list};

/// A table and its copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    shape: &'a Shape,
    copy: &'a str,
}

/// What is looked for in a copy beside rows that were written. What cannot be there is not asked
/// for: the server plans a statement in about the time in which it runs it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Sought {
    /// Rows that are gone.
    pub(crate) gone: bool,
    /// Rows that are new, or have another key of any unique index.
    pub(crate) new: bool,
    /// Rows that are locked.
    pub(crate) locked: bool,
    /// Whether rows were brought by commands that are to be named.
    pub(crate) named_fills: bool,
}

/// How the rows of a table are told apart.
enum Key<'a> {
    Columns(Vec<&'a str>),
    /// By their place in the stored table, through a map of places.
    Place,
}

impl<'a> Pair<'a> {
    /// This table and this copy.
    pub(crate) fn new(shape: &'a Shape, copy: &'a str) -> Self {
        Self { shape, copy }
    }

    fn copied(&self) -> String {
        format!("pg_temp.{}", quote(self.copy))
    }

    fn key(&self) -> Key<'a> {
        match self.shape.key() {
            Some(key) => Key::Columns(key.into_iter().map(|column| column.name.as_str()).collect()),
            None => Key::Place,
        }
    }

    /// `s.a = c.a and s.b = c.b`
    fn same(one: &str, other: &str, names: &[&str]) -> String {
        let equal = |name: &&str| format!("{one}.{0} = {other}.{0}", quote(name));
        names.iter().map(equal).collect::<Vec<_>>().join(" and ")
    }

    fn columns(&self, prefix: &str) -> String {
        list(prefix, self.shape.plain_columns().map(|column| column.name.as_str()))
    }

    /// Fills an empty copy. Answers the command that filled, the file that holds the table, and the
    /// one that holds it by the snapshot: where they differ, the table has been emptied, written
    /// anew or replaced since, and its rows are not the snapshot's.
    pub(crate) fn fill(&self) -> String {
        format!(
            "with added as (insert into {copied} ({columns}) select {columns} from only {stored} s \
             {order} \
             returning cmin::text::int4 as c) \
             select coalesce((select max(c) from added), -1)::text, {files}",
            files = self.files_and_size(),
            copied = self.copied(),
            columns = self.columns(""),
            stored = self.shape.stored(),
            order = self.order(),
        )
    }

    /// In which order the stored rows `s` are read: by it the map is made.
    fn order(&self) -> &'static str {
        match self.key() {
            Key::Columns(_) => "",
            Key::Place => "order by s.ctid",
        }
    }

    /// Takes away whatever is in the copy, dead rows too.
    pub(crate) fn clear(&self) -> String {
        format!("truncate {}", self.copied())
    }

    /// Brings a copy up to date, `$1` being the oldest transaction that its last snapshot did not
    /// see the end of. Answers as [`fill`](Self::fill) does. What changed and what vanished goes
    /// before anything comes, since a unique value may have passed from one row to another.
    pub(crate) fn refresh(&self) -> Option<String> {
        // By `age`, since `xid` wraps around and has no order. The counts are constant for the
        // statement, so all rows are compared only where one is missing. Always true, the sum makes
        // `added` wait for the deletions: the parts of a WITH run in no certain order (PostgreSQL
        // documentation, 7.8.4).
        let Key::Columns(key) = self.key() else { return None };
        Some(format!(
            "with fresh as materialized (select {columns} from only {stored} s \
               where age(s.xmin) <= (select age($1::text::xid))), \
             changed as (delete from {copied} c where c.ctid = any (array( \
               select (select o.ctid from {copied} o where {is_fresh}) from fresh)) returning 1), \
             vanished as (delete from {copied} c \
               where (select count(*) from {copied}) <> (select count(*) from only {stored}) \
                   - (select count(*) from fresh where not exists (select from {copied} o where \
                   {is_fresh})) \
                 and not exists (select from only {stored} s where {is_stored}) returning 1), \
             added as (insert into {copied} ({columns}) select {columns} from fresh \
               where (select count(*) from changed) + (select count(*) from vanished) >= 0 \
               returning cmin::text::int4 as c) \
             select coalesce((select max(c) from added), -1)::text, {files}",
            files = self.files_and_size(),
            columns = self.columns(""),
            stored = self.shape.stored(),
            copied = self.copied(),
            is_fresh = Self::same("o", "fresh", &key),
            is_stored = Self::same("s", "c", &key),
        ))
    }

    /// Takes the rows of these keys (parameters from `$1` on) anew. Answers as [`fill`](Self::fill)
    /// does.
    pub(crate) fn refresh_rows(&self) -> Option<String> {
        let Key::Columns(key) = self.key() else { return None };
        let lacking = |from: &str| {
            let columns = list(&format!("{from}."), key.iter().copied());
            format!("({columns}) in (select d.* from {})", self.rows(1))
        };
        Some(format!(
            "with gone as (delete from {copied} c where {gone} returning 1), \
             added as (insert into {copied} ({columns}) select {columns} from only {stored} s \
               where {lacking} and (select count(*) from gone) >= 0 returning cmin::text::int4 as \
               c) \
             select coalesce((select max(c) from added), -1)::text, {files}",
            files = self.files_and_size(),
            copied = self.copied(),
            columns = self.columns(""),
            stored = self.shape.stored(),
            gone = lacking("c"),
            lacking = lacking("s"),
        ))
    }

    /// The map from the copy's places to the stored ones, for a table whose rows nothing else tells
    /// apart.
    pub(crate) fn map(&self) -> String {
        quote(&format!("overbooked map {}", self.shape.oid))
    }

    /// Makes the map, empty.
    pub(crate) fn map_creation(&self) -> Option<String> {
        let Key::Place = self.key() else { return None };
        Some(format!(
            "create temp table pg_temp.{} (copied tid, stored tid) on commit delete rows",
            self.map()
        ))
    }

    /// Fills the map, right after the copy was filled in the order of the stored rows.
    pub(crate) fn map_filling(&self) -> Option<String> {
        self.map_filling_where("")
    }

    /// The same, where only what this command (`$1`) has brought is stored.
    pub(crate) fn map_filling_of_command(&self) -> Option<String> {
        self.map_filling_where("where k.cmin::text = $1")
    }

    fn map_filling_where(&self, which: &str) -> Option<String> {
        // An empty table stores rows in the order of their insertion, so the n-th place of the copy
        // belongs to the n-th stored row.
        let Key::Place = self.key() else { return None };
        Some(format!(
            "insert into pg_temp.{map} \
             select c.place, s.place \
             from (select ctid as place, row_number() over (order by ctid) as n from {copied} k \
             {which}) c \
             join (select ctid as place, row_number() over (order by ctid) as n from only \
             {stored}) s using (n)",
            map = self.map(),
            copied = self.copied(),
            stored = self.shape.stored()
        ))
    }

    /// What this transaction changed, other than by its commands `$1` if there are any, and what
    /// else of it is sought. Each row: what was done (`i`nserted, `u`pdated, `k`ey updated,
    /// `d`eleted, `l`ocked), its size, its place in the copy, then its key.
    pub(crate) fn changes(&self, sought: Sought) -> String {
        match self.key() {
            Key::Columns(key) => {
                let gone = sought.gone.then(|| self.gone(&key));
                self.changes_by_columns(&key, gone, sought)
            }
            Key::Place => self.changes_by_place(sought, ""),
        }
    }

    /// The stored rows that are not in the copy.
    fn gone(&self, key: &[&str]) -> String {
        let (copied, stored) = (self.copied(), self.shape.stored());
        let texts = key.iter().map(|name| format!("s.{}::text", quote(name)));
        format!(
            "select 'd', '0', null, {s_keys} from only {stored} s \
             where (select count(*) from {copied}) \
                <> (select count(*) from only {stored}) + (select count(*) from changed where \
                is_new) \
               and not exists (select from {copied} c where {same})",
            s_keys = texts.collect::<Vec<_>>().join(", "),
            same = Self::same("s", "c", key),
        )
    }

    fn changes_by_columns(&self, key: &[&str], gone: Option<String>, sought: Sought) -> String {
        let (copied, stored) = (self.copied(), self.shape.stored());
        let (locked, is_mine) = (sought.locked, self.is_mine(sought.named_fills));
        let texts = |from: &str| {
            let text = |name: &&str| format!("{from}.{}::text", quote(name));
            key.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        let numbered = |piece: &dyn Fn(usize, &str) -> String, between: &str| {
            let pieces = key.iter().enumerate().map(|(at, name)| piece(at + 1, &quote(name)));
            pieces.collect::<Vec<_>>().join(between)
        };
        if !(sought.new || sought.gone || sought.locked) {
            return format!(
                "select 'u', pg_column_size(c.*)::text, c.ctid::text, {} from {copied} c \
                 where {is_mine}",
                texts("c")
            );
        }
        // All unique columns, not only those that tell rows apart: the service counts a change of
        // any as a change of key. A row that is both changed and locked is a `k`, too, since that
        // claims as much as its lock does. A foreign key's check claims less than any change, and
        // so does ON CONFLICT, which locks what it is about to change.
        let judged = self.shape.key_columns();
        let judged = judged.iter().enumerate();
        let judged: Vec<_> =
            judged.map(|(at, name)| format!("c.{} as j{at}", quote(name))).collect();
        let claims_lock = locked && !self.shape.is_referred_to();
        let or_locked = if claims_lock { format!(" or locker = {OWN}") } else { String::new() };
        let locked = locked.then(|| {
            format!(
                "select 'l', '0', c.ctid::text, {} from {copied} c \
                 where c.xmax = {OWN} and not ({is_mine})",
                texts("c")
            )
        });
        let others = gone.into_iter().chain(locked);
        // A column may be called as the row is: only `c.*` means the row, and always. LIMIT has
        // each row looked up by its key, also by a plan that was made when the table was small.
        let written = format!(
            "with mine as materialized (select c.ctid as place, c.xmax as locker, \
               pg_column_size(c.*) as size, {keys}, {judged} \
               from {copied} c where {is_mine}), \
             changed as materialized (select mine.*, s.\"overbooked place\" is null as is_new, \
               {rekeyed} as rekeyed \
               from mine left join lateral (select s.ctid as \"overbooked place\", s.* \
                 from only {stored} s where {same_mine} limit 1) s on true) \
             select case when is_new then 'i' when rekeyed{or_locked} then 'k' else 'u' end, \
               size::text, place::text, {changed_keys} from changed",
            keys = numbered(&|at, name| format!("c.{name} as k{at}"), ", "),
            judged = judged.join(", "),
            rekeyed = self.rekeyed(),
            same_mine = numbered(&|at, name| format!("s.{name} = mine.k{at}"), " and "),
            changed_keys = numbered(&|at, _| format!("changed.k{at}::text"), ", "),
        );
        std::iter::once(written).chain(others).collect::<Vec<_>>().join(" union all ")
    }

    /// Whether this transaction wrote the copy's row `c`, other than by bringing it: by the command
    /// that brought the latest, or by one of the commands `$1`.
    fn is_mine(&self, named_fills: bool) -> String {
        let others = if named_fills { " and c.cmin::text::int4 <> all ($1::int4[])" } else { "" };
        format!(
            "c.xmin = {OWN} \
             and c.cmin::text is distinct from current_setting({}, true){others}",
            self.fill_setting()
        )
    }

    /// The setting in which, until the transaction ends, the command stands that brought the latest
    /// rows of this table's.
    fn fill_setting(&self) -> String {
        format!("'overbooked.fill_{}'", self.shape.oid)
    }

    /// Whether the stored row `s` and my row differ in a column that some unique index has.
    fn rekeyed(&self) -> String {
        let differs =
            |(at, name): (usize, &&str)| format!("mine.j{at} is distinct from s.{}", quote(name));
        let differences: Vec<_> =
            self.shape.key_columns().iter().enumerate().map(differs).collect();
        if differences.is_empty() {
            "false".to_owned()
        } else {
            format!("({})", differences.join(" or "))
        }
    }

    /// Without a key, a changed row is one that went and one that came; the former where this holds
    /// as well.
    fn changes_by_place(&self, sought: Sought, and: &str) -> String {
        let (copied, map) = (self.copied(), self.map());
        let is_mine = self.is_mine(sought.named_fills);
        let mut parts = vec![format!(
            "select 'i', pg_column_size(c.*)::text, c.ctid::text, c.ctid::text from {copied} c \
             where {is_mine}"
        )];
        if sought.gone {
            parts.push(format!(
                "select 'd', '0', null, m.stored::text from pg_temp.{map} m \
                 where not exists (select from {copied} c where c.ctid = m.copied and not \
                 ({is_mine})){and}"
            ));
        }
        if sought.locked {
            parts.push(format!(
                "select 'l', '0', c.ctid::text, m.stored::text from {copied} c \
                 join pg_temp.{map} m on m.copied = c.ctid \
                 where c.xmax = {OWN} and not ({is_mine})"
            ));
        }
        parts.join(" union all ")
    }

    /// The rows that something other than this transaction has marked, by mark and key.
    pub(crate) fn marks(&self) -> String {
        let copied = self.copied();
        let marked = format!("c.xmax::text <> '0' and c.xmax <> {OWN}");
        match self.key() {
            Key::Columns(key) => {
                let texts = key.iter().map(|name| format!("c.{}::text", quote(name)));
                let texts = texts.collect::<Vec<_>>().join(", ");
                format!("select c.xmax::text, {texts} from {copied} c where {marked}")
            }
            Key::Place => format!(
                "select c.xmax::text, m.stored::text from {copied} c \
                 join pg_temp.{} m on m.copied = c.ctid where {marked}",
                self.map()
            ),
        }
    }

    /// The values of the copy's rows at the places `$1`, the place last.
    pub(crate) fn values(&self) -> String {
        let texts =
            self.shape.columns.iter().map(|column| format!("c.{}::text", quote(&column.name)));
        format!(
            "select {}, c.ctid::text from {} c where c.ctid = any ($1::text::tid[])",
            texts.collect::<Vec<_>>().join(", "),
            self.copied()
        )
    }

    /// How large, among the copy's rows at the places `$1`, the largest value of each column is,
    /// and the largest key. A key is measured as it is, and not compressed: as a text, where it is
    /// no bytes.
    pub(crate) fn sizes(&self) -> String {
        let values = self.shape.columns.iter().map(|column| quote(&column.name));
        let values = values.map(|name| format!("max(pg_column_size(c.{name}))::text"));
        let key = self.shape.key().unwrap_or_default();
        let key = key.iter().map(|column| {
            let cast = if column.type_name == "bytea" { "" } else { "::text" };
            format!(" + octet_length(c.{}{cast})", quote(&column.name))
        });
        format!(
            "select {}, max(0{})::text from {} c where c.ctid = any ($1::text::tid[])",
            values.collect::<Vec<_>>().join(", "),
            key.collect::<String>(),
            self.copied()
        )
    }

    /// How many parameters name a row: the columns of its key, or its place.
    pub(crate) fn key_types(&self) -> Vec<&'a str> {
        match self.shape.key() {
            Some(key) => key.into_iter().map(|column| column.type_name.as_str()).collect(),
            None => vec!["tid"],
        }
    }

    /// The rows that a statement is about, as `d(k1, ...)`, from this parameter on. The values are
    /// texts until they stand one by one: an array of arrays or of rows would come apart.
    fn rows(&self, from: usize) -> String {
        let types = self.key_types();
        let places = 0..types.len();
        let arrays: Vec<_> = places.clone().map(|at| format!("${}::text[]", at + from)).collect();
        let texts: Vec<_> = places.map(|at| format!("t{at}")).collect();
        let values =
            types.iter().enumerate().map(|(at, name)| format!("u.t{at}::{name} as k{}", at + 1));
        format!(
            "(select {} from unnest({}) as u({})) as d",
            values.collect::<Vec<_>>().join(", "),
            arrays.join(", "),
            texts.join(", ")
        )
    }

    /// `s.a = d.k1 and s.b = d.k2`
    fn among(&self, alias: &str) -> String {
        match self.key() {
            Key::Place => format!("{alias}.ctid = d.k1"),
            Key::Columns(key) => {
                let equal =
                    |(at, name): (usize, &&str)| format!("{alias}.{} = d.k{}", quote(name), at + 1);
                key.iter().enumerate().map(equal).collect::<Vec<_>>().join(" and ")
            }
        }
    }

    /// The file that holds the table, and the one that holds it by the snapshot.
    fn files(&self) -> String {
        let (file, oid) = (self.file(), self.shape.oid);
        format!(
            "{file}::text, \
             (select c.relfilenode::text from pg_catalog.pg_class c where c.oid = {oid})"
        )
    }

    /// The same, and how large the table is.
    fn files_and_size(&self) -> String {
        let stored = literal(&self.shape.stored());
        format!("{}, pg_relation_size({stored}::regclass)::text", self.files())
    }

    /// The file that holds the stored table, now.
    pub(crate) fn file(&self) -> String {
        format!("pg_relation_filenode({}::regclass)", literal(&self.shape.stored()))
    }

    /// Deletes stored rows by key.
    pub(crate) fn apply_deletes(&self, from: usize) -> String {
        format!(
            "delete from only {} s using {} where {}",
            self.shape.stored(),
            self.rows(from),
            self.among("s")
        )
    }

    /// Gives stored rows the copy's values, by key.
    pub(crate) fn apply_updates(&self, from: usize) -> String {
        let set: Vec<_> =
            self.shape.settable_columns().map(|column| column.name.as_str()).collect();
        format!(
            // ROW, because `set (a) = (c.a)` with one column is refused: its source is no row.
            "update only {} s set ({}) = row({}) from {} c, {} where {} and {}",
            self.shape.stored(),
            list("", set.iter().copied()),
            list("c.", set.iter().copied()),
            self.copied(),
            self.rows(from),
            self.among("c"),
            self.among("s"),
        )
    }

    /// Inserts rows of the copy, by key or by their place in the copy.
    pub(crate) fn apply_inserts(&self, from: usize) -> String {
        format!(
            // An identity's number was drawn when the copy's row was inserted, and the client may
            // know it.
            "insert into {} ({}) overriding system value select {} from {} c, {} where {}",
            self.shape.stored(),
            self.columns(""),
            self.columns("c."),
            self.copied(),
            self.rows(from),
            self.among("c"),
        )
    }

    /// Locks stored rows that were only locked. That fails as well where the row has changed since
    /// the snapshot; who comes later is left to the ledger. They are not rewritten: a row keeps its
    /// place, and a table its order.
    pub(crate) fn apply_locks(&self, from: usize) -> String {
        let (stored, rows, among) = (self.shape.stored(), self.rows(from), self.among("s"));
        format!("select 1 from only {stored} s, {rows} where {among} for update of s")
    }
}

/// The transaction's own number. Its lower half, since `xid` wraps around (PostgreSQL
/// documentation, 9.27.7).
const OWN: &str = "(select (txid_current() & 4294967295)::text::xid)";

/// Several statements that write as one, where they have nothing to do with each other; nothing
/// where there is none.
pub(crate) fn at_once(mut statements: Vec<String>) -> Option<String> {
    let last = statements.pop()?;
    let parts = statements.iter().enumerate().map(|(at, text)| format!("p{at} as ({text})"));
    let parts = parts.collect::<Vec<_>>().join(", ");
    Some(if parts.is_empty() { last } else { format!("with {parts} {last}") })
}

/// What gives a copy another name.
pub(crate) fn renaming(from: &str, to: &str) -> String {
    format!("alter table pg_temp.{} rename to {}", quote(from), quote(to))
}

/// An array literal of these texts (PostgreSQL documentation, 8.15.2).
pub(crate) fn array<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let quoted = texts
        .into_iter()
        .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}
