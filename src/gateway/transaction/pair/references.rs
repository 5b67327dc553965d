//! The SQL that looks along a foreign key where no copy has it: the rows of a transaction are those
//! of its copies, and the stored ones that it has not brought.

use super::{Key, Pair};
use crate::core::syntax::quote;
use crate::gateway::transaction::shape::{Action, Constraint};

/// Which stored rows of a table are a transaction's beside those in its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// All: of those that were brought none is gone, or has another key.
    All,
    /// Those that were not brought; the keys of the others are parameters from this one on.
    NotBrought(usize),
    /// None: all rows were brought.
    Nothing,
}

/// Which stored rows a copy has, or had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// Those whose keys are parameters from this one on.
    Keys(usize),
    All,
}

/// A table, and where its rows are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) pair: Pair<'a>,
    pub(crate) stored: Stored,
    /// Whether the transaction uses the copy.
    pub(crate) is_copied: bool,
}

impl Side<'_> {
    /// Whether the stored row of this name is the transaction's beside those in its copy.
    fn counts(&self, alias: &str) -> String {
        match self.stored {
            Stored::All => "true".to_owned(),
            Stored::NotBrought(from) => self.pair.not_brought(alias, from),
            Stored::Nothing => "false".to_owned(),
        }
    }
}

/// `a.x = b.y`, for each of these columns.
fn equal(alias: &str, columns: &[String], others: &[String]) -> String {
    let pairs = columns.iter().zip(others);
    let equal = pairs.map(|(column, other)| format!("{alias}.{} = {other}", quote(column)));
    equal.collect::<Vec<_>>().join(" and ")
}

fn qualified(alias: &str, columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| format!("{alias}.{}", quote(column))).collect()
}

fn are_given(values: &[String]) -> String {
    let given = values.iter().map(|value| format!("{value} is not null"));
    given.collect::<Vec<_>>().join(" and ")
}

/// As PostgreSQL shows the values of a key.
fn shown(values: &[String]) -> String {
    let texts = values.iter().map(|value| format!("{value}::text"));
    format!("concat_ws(', ', {})", texts.collect::<Vec<_>>().join(", "))
}

impl Pair<'_> {
    /// Asks to which rows of another table those refer by a foreign key that this transaction
    /// wrote, other than by these commands (`$1`) and by commands behind that one (`$2`), and that
    /// referred to others before. Answers by which command each was written and its place, what
    /// refers to nothing, and the key of what is stored.
    pub(crate) fn references(&self, key: &Constraint, referred: &Side<'_>) -> String {
        let own = qualified("c", &key.columns);
        let other = &referred.pair;
        let keys = (0..other.key_types().len()).map(|at| format!("f.k{at}")).collect::<Vec<_>>();
        // What referred to the same before needs no check, unless that may be gone.
        let are_kept = referred.stored == Stored::All;
        let is_there = referred.counts("p");
        let is_missing = format!(
            "f.is_there is not true and not exists (select from {} o where {})",
            other.copied(),
            equal("o", &key.referred, &own),
        );
        // LIMIT has each row looked up by its key, whatever the plan was made for.
        format!(
            "select c.cmin::text, c.ctid::text, case when {is_missing} then {shown} end, {keys} \
             from {copied} c left join lateral (select {is_there} as is_there, {its_keys} \
               from only {stored} p where {is_stored} limit 1) f on true \
             where {is_mine} and c.cmin::text::int8 > $2::int8 and {are_given}{changed}",
            shown = shown(&own),
            keys = keys.join(", "),
            copied = self.copied(),
            its_keys = other.key_texts(),
            stored = other.shape.stored(),
            is_stored = equal("p", &key.referred, &own),
            is_mine = self.is_mine(true),
            are_given = are_given(&own),
            changed = match self.changed_from_stored(&key.columns) {
                Some(changed) if are_kept => format!(" and {changed}"),
                Some(changed) => format!(" and ({changed} or {is_missing})"),
                None => String::new(),
            },
        )
    }

    /// That the copy's row `c` has no stored one with the same values of these columns.
    fn changed_from_stored(&self, columns: &[String]) -> Option<String> {
        let Key::Columns(key) = self.key() else { return None };
        let columns: Vec<&str> =
            key.into_iter().chain(columns.iter().map(String::as_str)).collect();
        Some(format!(
            "(select true from only {stored} s where {same} limit 1) is null",
            stored = self.shape.stored(),
            same = Self::same("s", "c", &columns),
        ))
    }

    /// Asks for a stored row of those that were brought whose key of this foreign key's no row has
    /// any more, while a row of another table refers to it.
    pub(crate) fn referrers(
        &self,
        key: &Constraint,
        brought: Brought,
        referring: &Side<'_>,
    ) -> String {
        let lost = qualified("l", &key.referred);
        let is_in = |alias: &str| equal(alias, &key.columns, &lost);
        let other = &referring.pair;
        let mut refer = vec![format!(
            "(select true from only {} r where {} and {} limit 1) is not null",
            other.shape.stored(),
            is_in("r"),
            referring.counts("r"),
        )];
        if referring.is_copied {
            refer.push(format!("exists (select from {} r where {})", other.copied(), is_in("r")));
        }
        format!(
            "select null, null, {shown} from {lost} and ({refer}) limit 1",
            shown = shown(&lost),
            lost = self.lost(key, brought),
            refer = refer.join(" or "),
        )
    }

    /// The keys `l` that stored rows have which were brought, and no row any more: a FROM and a
    /// WHERE that goes on.
    fn lost(&self, key: &Constraint, brought: Brought) -> String {
        let lost = qualified("l", &key.referred);
        format!(
            "{brought} where {are_given} and not exists (select from {copied} o where {is_kept})",
            brought = self.brought(key, brought),
            are_given = are_given(&lost),
            copied = self.copied(),
            is_kept = equal("o", &key.referred, &lost),
        )
    }

    /// The keys `l` of stored rows that were brought.
    fn brought(&self, key: &Constraint, brought: Brought) -> String {
        let (values, stored) = (qualified("p", &key.referred).join(", "), self.shape.stored());
        match brought {
            Brought::Keys(from) => format!(
                "{} cross join lateral (select {values} from only {stored} p where {} limit 1) l",
                self.rows(from),
                self.among("p"),
            ),
            Brought::All => format!("(select {values} from only {stored} p) l"),
        }
    }

    /// Asks which stored rows of these keys (parameters from `$1` on) are not in the copy.
    pub(crate) fn gone_of_brought(&self) -> String {
        let texts = (1..=self.key_types().len()).map(|at| format!("d.k{at}::text"));
        format!(
            "select {texts} from {brought} where not exists (select from {copied} c where {same})",
            texts = texts.collect::<Vec<_>>().join(", "),
            brought = self.rows(1),
            copied = self.copied(),
            same = self.among("c"),
        )
    }

    /// The same of all stored rows.
    pub(crate) fn gone_of_all(&self) -> String {
        format!(
            "select {keys} from only {stored} s where not exists (select from {copied} c where \
             {same})",
            keys = self.key_texts(),
            stored = self.shape.stored(),
            copied = self.copied(),
            same = self.same_key("s", "c"),
        )
    }

    /// Brings the stored rows of another table that refer to what is lost, the keys of which are
    /// parameters from `$1` on, and no more than this many. Answers as [`bring`](Self::bring) does.
    pub(crate) fn bring_referrers(
        &self,
        key: &Constraint,
        referring: &Side<'_>,
        most: usize,
    ) -> String {
        let other = &referring.pair;
        let columns = other.shape.plain_columns().map(|column| column.name.clone());
        // OFFSET has the rows looked up by an index, where there is one, whatever the plan was made
        // for.
        let from = format!(
            "from (select l.* from {lost}) l cross join lateral (select * from only {stored} r \
             where {refers} and {is_lacking} offset 0) r limit {most}",
            lost = self.lost(key, Brought::Keys(1)),
            stored = other.shape.stored(),
            refers = equal("r", &key.columns, &qualified("l", &key.referred)),
            is_lacking = referring.counts("r"),
        );
        other.bringing(&qualified("r", &columns.collect::<Vec<_>>()).join(", "), &from)
    }

    /// Takes rows of another table along that refer to what is lost, the commands that brought rows
    /// of that one being `$1` and the keys of what is lost parameters from `$2` on. Answers how
    /// many.
    pub(crate) fn take_along(
        &self,
        key: &Constraint,
        action: &Action,
        referring: &Pair<'_>,
    ) -> String {
        let own = qualified("c", &key.columns);
        let verb = match action {
            Action::SetNull(columns) => {
                let sets = columns.iter().map(|column| format!("{} = null", quote(column)));
                let sets = sets.collect::<Vec<_>>().join(", ");
                format!("update {} c set {sets}", referring.copied())
            }
            _ => format!("delete from {} c", referring.copied()),
        };
        // Without a stored row of that key it was one of the transaction's own that has gone.
        format!(
            "with taken as ({verb} where {are_given} \
               and not exists (select from {copied} o where {is_kept}) \
               and coalesce((select exists (select from {lost} where {is_lost}) \
                 from only {stored} p where {is_stored} limit 1), {is_mine}{changed}) \
               returning 1) select count(*)::text from taken",
            are_given = are_given(&own),
            copied = self.copied(),
            is_kept = equal("o", &key.referred, &own),
            lost = self.rows(2),
            is_lost = self.among("p"),
            stored = self.shape.stored(),
            is_stored = equal("p", &key.referred, &own),
            is_mine = referring.is_mine(true),
            changed = referring
                .changed_from_stored(&key.columns)
                .map_or_else(String::new, |changed| format!(" and {changed}")),
        )
    }
}
