//! What a stored table looks like, and the SQL that makes a private copy of it.

mod action;
mod own_names;

use serde::Deserialize;

use crate::core::syntax::{Strings, Word, WordKind, begins, has, literal, quote, words};
use crate::gateway::backend::Question;
use crate::gateway::refusal::Refusal;
pub(crate) use action::Action;

/// A relation of the stored schema.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Shape {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    kind: String,
    #[serde(default)]
    options: Option<Vec<String>>,
    inherits: bool,
    /// What a copy would not have of it: triggers, rules, row security.
    uncopied: Vec<String>,
    /// The SQL of its check constraints.
    #[serde(default, deserialize_with = "or_empty")]
    checks: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    late_checks: Vec<LateCheck>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) columns: Vec<ColumnShape>,
    #[serde(default, deserialize_with = "or_empty")]
    indexes: Vec<UniqueIndex>,
    #[serde(default, deserialize_with = "or_empty")]
    constraints: Vec<Constraint>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) referred_by: Vec<u32>,
    #[serde(default)]
    pub(crate) actions: Actions,
    pub(crate) definition: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ColumnShape {
    pub(crate) name: String,
    /// Its number in the stored table, where columns that were dropped have numbers as well.
    number: i16,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    not_null: bool,
    generated: bool,
    identity: String,
    sequence: Option<String>,
    default: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct UniqueIndex {
    name: String,
    immediate: bool,
    plain: bool,
    constraint: bool,
    definition: String,
    #[serde(default, deserialize_with = "or_empty")]
    columns: Vec<String>,
}

/// A check constraint that is NOT VALID: rows that were there before it need not meet it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct LateCheck {
    name: String,
    expression: String,
}

impl LateCheck {
    /// What makes it one that rows meet which are copied, as they are copied while foreign keys
    /// sleep.
    fn change(&self) -> String {
        let (name, expression) = (quote(&self.name), &self.expression);
        format!(
            "drop constraint {name}, add constraint {name} check (({expression}) or \
             current_setting('session_replication_role') = 'replica')"
        )
    }
}

/// A key, an exclusion or a foreign key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Constraint {
    /// Its number, by which older ones come first.
    #[serde(default)]
    pub(crate) oid: u32,
    pub(crate) name: String,
    #[serde(rename = "type")]
    kind: String,
    definition: String,
    pub(crate) refers_to: u32,
    /// A foreign key's columns.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) columns: Vec<String>,
    /// Those that they refer to.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) referred: Vec<String>,
    /// Whether a foreign key holds for every row, and for one with a null refers to nothing.
    #[serde(default)]
    is_simple: bool,
}

impl Constraint {
    /// What a foreign key does where a row that is referred to goes.
    pub(crate) fn on_delete(&self) -> Action {
        Action::read(&read(&self.definition), "delete", &self.columns)
    }

    /// What it does where such a row gets another key.
    pub(crate) fn on_update(&self) -> Action {
        Action::read(&read(&self.definition), "update", &self.columns)
    }
}

/// When foreign keys act that refer to other columns than the primary key; nothing where there is
/// none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Actions {
    pub(crate) on_delete: Option<bool>,
    pub(crate) on_update: Option<bool>,
}

/// What COMMIT does to the rows of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It keeps them.
    Rows,
    /// It takes them away: without a key no later transaction could bring them up to date one by
    /// one.
    Nothing,
}

/// `json_agg` of nothing is null.
fn or_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Names joined by commas, each quoted and with a prefix.
pub(crate) fn list<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = names.into_iter().map(|name| format!("{prefix}{}", quote(name)));
    quoted.collect::<Vec<_>>().join(", ")
}

/// The words of a definition. The catalog writes them as they are read by default.
fn read(definition: &str) -> Vec<Word> {
    words(definition, Strings::Conforming)
}

/// A default that finds its sequences by their names, `nextval('s'::text::regclass)`; nothing where
/// it has none.
fn by_name(default: &str) -> Option<String> {
    let words = read(default);
    let is_cast = |at: &usize| {
        let [text, first, second, to] = &words[*at..at + 4] else { return false };
        let is_sign = first.is_mark(':') && second.is_mark(':');
        text.kind == WordKind::Text && is_sign && to.is("regclass")
    };
    let casts: Vec<_> = (0..words.len().saturating_sub(3)).filter(is_cast).collect();
    let mut by_name = default.to_owned();
    for at in casts.iter().rev() {
        by_name.insert_str(words[*at].span.end, "::text");
    }
    (!casts.is_empty()).then_some(by_name)
}

impl Shape {
    /// Whether it is a view.
    pub(crate) fn is_view(&self) -> bool {
        self.kind == "v"
    }

    /// Whether it has no rows that a transaction could change: a materialized view is read where it
    /// stands.
    pub(crate) fn is_read_where_it_stands(&self) -> bool {
        self.kind == "m"
    }

    /// Why this engine does not work on such a relation.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let no = |what: &str| {
            Some(Refusal::unsupported(format!("{what} are not supported: \"{}\"", self.name)))
        };
        match self.kind.as_str() {
            "p" => no("partitioned tables"),
            "f" => no("foreign tables"),
            _ if self.inherits => no("tables that inherit"),
            _ if self.columns.is_empty() => no("relations without columns"),
            _ if self.is_referred_to() && self.key().is_none() => {
                no("foreign keys to tables without a primary key")
            }
            _ => {
                self.uncopied.first().and_then(|what| no(&format!("tables and views with {what}")))
            }
        }
    }

    /// A view's definition, or a table's defaults and checks: the SQL that runs when somebody names
    /// it.
    pub(crate) fn expressions(&self) -> String {
        let defaults = self.columns.iter().filter_map(|column| column.default.as_deref());
        let checks = self.checks.iter().map(String::as_str);
        let of_a_table = || defaults.chain(checks).collect::<Vec<_>>().join(" ");
        self.definition.clone().unwrap_or_else(of_a_table)
    }

    /// Whether it has a column that is always an identity.
    pub(crate) fn is_numbered(&self) -> bool {
        self.columns.iter().any(|column| column.identity == "a")
    }

    /// The number that a copy's column has in the stored table; the system's columns have the same
    /// everywhere.
    pub(crate) fn stored_number(&self, copied: i16) -> i16 {
        let place = usize::try_from(copied).ok().and_then(|number| number.checked_sub(1));
        place.and_then(|place| self.columns.get(place)).map_or(copied, |column| column.number)
    }

    /// The stored relation, qualified.
    pub(crate) fn stored(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The columns that tell a row from every other: the primary key, or another unique key without
    /// nulls.
    pub(crate) fn key(&self) -> Option<Vec<&ColumnShape>> {
        let columns = |index: &UniqueIndex| -> Option<Vec<&ColumnShape>> {
            index
                .columns
                .iter()
                .map(|name| self.column(name).filter(|found| found.not_null))
                .collect()
        };
        // `shape.sql` puts the primary key first. A deferrable key does not count: within a
        // transaction two rows may have the same.
        let usable = self.indexes.iter().filter(|index| index.plain && index.immediate);
        usable.filter_map(columns).find(|columns| !columns.is_empty())
    }

    fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Columns of any unique index without predicate and expression: changing one is a change of
    /// key.
    pub(crate) fn key_columns(&self) -> Vec<&str> {
        let plain = self.indexes.iter().filter(|index| index.plain);
        let mut names: Vec<_> =
            plain.flat_map(|index| index.columns.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether setting these columns may change a key of any unique index.
    pub(crate) fn changes_keys(&self, sets: &[String]) -> bool {
        self.may_set(self.key_columns(), sets)
    }

    /// Whether setting these columns may change one of those: a generated one changes with others.
    pub(crate) fn may_set<'n>(
        &self,
        columns: impl IntoIterator<Item = &'n str>,
        sets: &[String],
    ) -> bool {
        let is_generated = |name: &str| self.column(name).is_none_or(|column| column.generated);
        columns.into_iter().any(|name| sets.iter().any(|set| set == name) || is_generated(name))
    }

    /// Unique indexes beside the one that tells rows apart, by their columns.
    pub(crate) fn other_unique(&self) -> bool {
        self.indexes.len() > 1 || self.constraints.iter().any(|constraint| constraint.kind == "x")
    }

    /// The columns of each unique index.
    pub(crate) fn unique_keys(&self) -> impl Iterator<Item = &[String]> {
        self.indexes.iter().map(|index| &index.columns[..])
    }

    /// Whether a copy may hold a part of its rows: all that a new row may collide with can be found
    /// by a key, and at once.
    pub(crate) fn may_be_copied_in_part(&self) -> bool {
        let is_simple = |index: &UniqueIndex| {
            // NULLS NOT DISTINCT: a null is found by no equality.
            let words = read(&index.definition);
            index.plain && index.immediate && !has(&words, &["nulls", "not", "distinct"])
        };
        self.kind == "r"
            && self.foreign_keys().all(|key| key.is_simple)
            && self.late_checks.is_empty()
            && !self.is_deferrable()
            && !self.is_key_spelled_by_settings()
            && self.indexes.iter().all(is_simple)
            && self.constraints.iter().all(|constraint| constraint.kind != "x")
    }

    /// The type of a column, and whether it has a value where none is given.
    pub(crate) fn given(&self, name: &str) -> Option<(&str, bool)> {
        let column = self.column(name)?;
        let has_value = column.default.is_some() || !column.identity.is_empty() || column.generated;
        Some((&column.type_name, has_value))
    }

    /// Columns that are stored as given.
    pub(crate) fn plain_columns(&self) -> impl Iterator<Item = &ColumnShape> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// Columns that an UPDATE may set: neither generated nor always an identity.
    pub(crate) fn settable_columns(&self) -> impl Iterator<Item = &ColumnShape> {
        self.plain_columns().filter(|column| column.identity != "a")
    }

    /// Tables that foreign keys tie to this one, in either direction.
    pub(crate) fn tied_to(&self) -> impl Iterator<Item = u32> {
        let refers_to = self.foreign_keys().map(|key| key.refers_to);
        refers_to.chain(self.referred_by.iter().copied())
    }

    /// Whether foreign keys refer to this table.
    pub(crate) fn is_referred_to(&self) -> bool {
        !self.referred_by.is_empty()
    }

    /// Whether foreign keys tie it to any table. A check that old rows need not meet sleeps as they
    /// do, and so counts as one.
    pub(crate) fn is_tied(&self) -> bool {
        self.tied_to().next().is_some() || !self.late_checks.is_empty()
    }

    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|found| found.kind == "f")
    }

    /// Statements that give the copy its foreign keys, once all copies are there, each with the
    /// key's number; `copy_of` names the copy of a table.
    pub(crate) fn tying(
        &self,
        copy: &str,
        copy_of: impl Fn(u32) -> Option<String>,
    ) -> Vec<(u32, String)> {
        let tie = |key: &Constraint| {
            let words = read(&key.definition);
            let references = words.iter().position(|word| word.is("references"))?;
            let columns = words[references..].iter().find(|word| word.is_mark('('))?;
            let (head, tail) = (
                &key.definition[..words[references].span.end],
                &key.definition[columns.span.start..],
            );
            let parent = quote(&copy_of(key.refers_to)?);
            let (copy, name) = (quote(copy), quote(&key.name));
            let sql = format!(
                "alter table pg_temp.{copy} add constraint {name} {head} pg_temp.{parent}{tail}"
            );
            Some((key.oid, sql))
        };
        self.foreign_keys().filter_map(tie).collect()
    }

    /// Statements that make an empty copy of this name in `pg_temp`.
    pub(crate) fn creation(&self, copy_name: &str, keep: Keep) -> Vec<String> {
        let copy = format!("pg_temp.{}", quote(copy_name));
        let keeps = if keep == Keep::Rows { "preserve" } else { "delete" };
        // Not INCLUDING ALL, which would make new sequences for identity columns. Not INDEXES
        // either: PostgreSQL would choose the keys' names, and clients know an error by its
        // constraint's name.
        let mut statements = vec![format!(
            "create temp table {copy} (like {} including defaults including generated \
             including constraints including storage) on commit {keeps} rows",
            self.stored()
        )];
        let changes = self.default_changes().chain(self.constraint_changes(copy_name));
        let changes: Vec<_> =
            changes.chain(self.late_checks.iter().map(LateCheck::change)).collect();
        if !changes.is_empty() {
            statements.push(format!("alter table {copy} {}", changes.join(", ")));
        }
        statements.extend(self.index_creations(copy_name, &copy));
        statements
    }

    /// Sequences are shared with the stored table, and by name: a default that refers to one by its
    /// object would keep the stored table from being dropped.
    fn default_changes(&self) -> impl Iterator<Item = String> {
        self.columns.iter().filter_map(|column| {
            let default = match (&column.default, &column.sequence) {
                (Some(_), _) if column.generated => return None,
                (Some(default), _) => by_name(default)?,
                (None, Some(sequence)) if !column.identity.is_empty() => {
                    format!("nextval({}::text::regclass)", literal(sequence))
                }
                (None, _) => return None,
            };
            Some(format!("alter column {} set default {default}", quote(&column.name)))
        })
    }

    fn constraint_changes(&self, copy: &str) -> impl Iterator<Item = String> {
        let own = self.constraints.iter().filter(|constraint| constraint.kind != "f");
        own.map(move |own| {
            let name = quote(&self.own_name(copy, &own.name));
            format!("add constraint {name} {}", own.definition)
        })
    }

    fn index_creations(&self, copy_name: &str, copy: &str) -> impl Iterator<Item = String> {
        let bare = self.indexes.iter().filter(|index| !index.constraint);
        bare.filter_map(move |index| {
            let words = read(&index.definition);
            let using = words.iter().find(|word| word.is("using"))?;
            let tail = &index.definition[using.span.start..];
            begins(&words, &["create", "unique", "index"]).then(|| {
                let name = quote(&self.own_name(copy_name, &index.name));
                format!("create unique index {name} on {copy} {tail}")
            })
        })
    }

    /// Whether a constraint may be checked as late as COMMIT.
    pub(crate) fn is_deferrable(&self) -> bool {
        let is_late = |constraint: &Constraint| {
            let words = read(&constraint.definition);
            has(&words, &["deferrable"]) && !has(&words, &["not", "deferrable"])
        };
        self.constraints.iter().any(is_late)
    }

    /// Whether the text of a key depends on a client's settings (`datestyle`,
    /// `extra_float_digits`), which differ from client to client.
    fn is_key_spelled_by_settings(&self) -> bool {
        // A type's name begins so: `character varying(10)`, `numeric(8,2)`, or arrays of these.
        const BY_NONE: [&str; 8] =
            ["smallint", "integer", "bigint", "text", "character", "uuid", "boolean", "numeric"];
        let is_plain =
            |column: &&ColumnShape| BY_NONE.iter().any(|name| column.type_name.starts_with(name));
        self.key().is_some_and(|key| !key.iter().all(is_plain))
    }

    /// A question about keys of it: two clients must write a key alike.
    pub(crate) fn asking(&self, question: Question) -> Question {
        if self.is_key_spelled_by_settings() { question.in_our_spelling() } else { question }
    }

    /// Statements that make a view of the same definition, whose names have been turned towards
    /// copies already. A view's columns may have defaults of their own.
    pub(crate) fn view_creation(&self, copy: &str, definition: &str) -> Vec<String> {
        let options = self.options.as_deref().filter(|options| !options.is_empty());
        let with =
            options.map(|options| format!(" with ({})", options.join(", "))).unwrap_or_default();
        let definition = definition.trim_end().trim_end_matches(';');
        let defaults = self.columns.iter().filter_map(|column| {
            let (default, column) = (column.default.as_deref()?, quote(&column.name));
            Some(format!(
                "alter view pg_temp.{} alter column {column} set default {default}",
                quote(copy)
            ))
        });
        let creation = format!("create temp view {}{with} as {definition}", quote(copy));
        std::iter::once(creation).chain(defaults).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with these indexes and constraints, and columns with these defaults.
    fn shape(indexes: &str, constraints: &str, default: &str) -> Shape {
        let text = format!(
            r#"{{"oid": 1, "schema": "public", "name": "t", "kind": "r", "inherits": false,
                "uncopied": [], "definition": null, "indexes": [{indexes}],
                "constraints": [{constraints}], "columns": [
                    {{"name": "a", "number": 1, "type": "text", "not_null": true,
                      "generated": false, "identity": "", "sequence": null,
                      "default": {default}}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn constraint(kind: &str, definition: &str) -> String {
        let definition = serde_json::to_string(definition).unwrap();
        format!(r#"{{"name": "k", "type": "{kind}", "definition": {definition}, "refers_to": 2}}"#)
    }

    #[test]
    fn a_foreign_key_is_told_apart_from_names_that_read_like_one() {
        for (definition, expected) in [
            (
                "FOREIGN KEY (a) REFERENCES u(b) ON DELETE CASCADE",
                r#"FOREIGN KEY (a) REFERENCES pg_temp."u (v)"(b) ON DELETE CASCADE"#,
            ),
            (
                r#"FOREIGN KEY ("a REFERENCES b") REFERENCES other."u (v)"("c (d)")"#,
                r#"FOREIGN KEY ("a REFERENCES b") REFERENCES pg_temp."u (v)"("c (d)")"#,
            ),
            (
                r#"FOREIGN KEY ("references", """ (") REFERENCES """("("(") DEFERRABLE"#,
                r#"FOREIGN KEY ("references", """ (") REFERENCES pg_temp."u (v)"("(") DEFERRABLE"#,
            ),
        ] {
            let shape = shape("", &constraint("f", definition), "null");
            let tying = shape.tying("t", |_| Some("u (v)".to_owned()));
            let whole = format!("alter table pg_temp.\"t\" add constraint \"k\" {expected}");
            assert_eq!(tying, [(0, whole)], "{definition}");
        }
    }

    #[test]
    fn an_index_is_told_apart_from_names_that_read_like_one() {
        let index = r#"{"name": "i USING j", "immediate": true, "plain": true, "constraint": false,
            "definition": "CREATE UNIQUE INDEX \"i USING j\" ON public.t USING btree (a)",
            "columns": ["a"]}"#;
        let creation = shape(index, "", "null").creation("t", Keep::Rows);
        let expected = r#"create unique index "i USING j" on pg_temp."t" using btree (a)"#;
        assert_eq!(creation.last().unwrap().replace("USING btree", "using btree"), expected);
    }

    #[test]
    fn only_a_key_that_is_deferrable_is_checked_late() {
        for (definition, is_late) in [
            ("UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", true),
            (r#"UNIQUE ("x DEFERRABLE")"#, false),
            (r#"UNIQUE ("x NOT DEFERRABLE") DEFERRABLE"#, true),
        ] {
            let shape = shape("", &constraint("u", definition), "null");
            assert_eq!(shape.is_deferrable(), is_late, "{definition}");
        }
    }

    #[test]
    fn a_default_names_its_sequence_as_text_and_nothing_else_of_it_changes() {
        for (default, expected) in [
            ("nextval('s'::regclass)", Some("nextval('s'::text::regclass)")),
            ("'it''::regclass'::text", None),
            ("'now'::text", None),
        ] {
            let text = serde_json::to_string(default).unwrap();
            let creation = shape("", "", &text).creation("t", Keep::Rows);
            let changes = expected.map(|expected| {
                format!("alter table pg_temp.\"t\" alter column \"a\" set default {expected}")
            });
            assert_eq!(creation.get(1), changes.as_ref(), "{default}");
        }
    }
}
