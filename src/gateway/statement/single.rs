//! A statement about the rows of one table, which it finds by a condition over that table's own
//! columns: what a copy must hold for it can be told from its text.
//!
//! Read strictly: whatever is not surely of this form is none. PostgreSQL's grammar (gram.y) knows
//! more ways to write the same, and those are served by copies of whole tables.

use std::ops::Range;

use super::constants::{Constant, constants, is_fixed};
use super::names::Name;
use crate::core::syntax::{Word, WordKind};

/// A statement about one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Single {
    /// Which of the statement's names is the table's.
    pub(crate) target: usize,
    /// The name that its columns may be qualified with, as it is written.
    pub(crate) alias: Option<String>,
    pub(crate) finds: Finds,
}

/// How it finds the rows that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finds {
    /// By this condition, or all.
    Where(Option<Expression>),
    /// It brings new ones.
    New,
    /// It brings new ones and does something else where such rows are there: ON CONFLICT.
    Conflicting(Arrivals),
}

/// An expression in a statement, and the functions that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) span: Range<usize>,
    pub(crate) calls: Vec<String>,
    /// Whether it does nothing but compare: then it raises no error, whatever the rows are.
    pub(crate) is_plain: bool,
    /// Its parameters, and where.
    pub(crate) parameters: Vec<(usize, Range<usize>)>,
    /// All its constants, or none of them.
    pub(crate) constants: Vec<Constant>,
    /// Whether no setting has a part in it.
    pub(crate) is_fixed: bool,
}

/// The rows of an INSERT with ON CONFLICT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// The columns that are given; all of the table's where they are not listed.
    pub(crate) columns: Option<Vec<String>>,
    /// The values, `None` for DEFAULT.
    pub(crate) rows: Vec<Vec<Option<Expression>>>,
    /// The columns behind ON CONFLICT; nothing where any key may be hit.
    pub(crate) arbiter: Option<Vec<String>>,
}

/// Behind a table without another name these say what comes next.
const CLAUSES: [&str; 11] = [
    "where",
    "group",
    "having",
    "window",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "returning",
    "set",
];

/// A name behind a table may be one of these and is no other name for it then.
const NO_ALIAS: [&str; 20] = [
    "union",
    "intersect",
    "except",
    "on",
    "using",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "tablesample",
    "as",
    "default",
    "overriding",
    "values",
    "select",
    "with",
    "table",
];

/// Whether a word behind a table goes on with the statement, and is no other name for the table.
pub(crate) fn goes_on(word: &Word) -> bool {
    CLAUSES.iter().chain(&NO_ALIAS).any(|keyword| word.is(keyword))
}

/// Whoever says one of these means rows by where or when they are stored, or further tables.
const OPAQUE: [&str; 14] = [
    "tableoid",
    "xmin",
    "cmin",
    "xmax",
    "cmax",
    "ctid",
    "only",
    "table",
    "tablesample",
    "union",
    "intersect",
    "except",
    "current",
    "with",
];

/// The statement of these words as one about one table, if it surely is one.
pub(super) fn single(sql: &str, words: &[Word], names: &[Name]) -> Option<Single> {
    let reader = Reader::new(sql, words, names)?;
    match words.first()?.text.as_str() {
        "select" => reader.select(),
        "update" => reader.update(),
        "delete" => reader.delete(),
        "insert" => reader.insert(),
        _ => None,
    }
}

/// The words of a statement, each with how deep in parentheses it stands.
struct Reader<'a> {
    sql: &'a str,
    words: &'a [Word],
    names: &'a [Name],
    depths: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(sql: &'a str, words: &'a [Word], names: &'a [Name]) -> Option<Self> {
        let mut depths = Vec::with_capacity(words.len());
        let mut depth = 0_usize;
        for word in words {
            if word.is_mark(')') || word.is_mark(']') {
                depth = depth.checked_sub(1)?;
            }
            depths.push(depth);
            depth += usize::from(word.is_mark('(') || word.is_mark('['));
        }
        let is_opaque = |word: &Word| word.name().is_some_and(|name| OPAQUE.contains(&name));
        let is_plain = words.iter().all(|word| word.kind != WordKind::Escaped && !is_opaque(word));
        (depth == 0 && is_plain).then_some(Self { sql, words, names, depths })
    }

    fn count(&self, keyword: &str) -> usize {
        self.words.iter().filter(|word| word.is(keyword)).count()
    }

    /// The next place, from this one on, of one of these keywords outside of parentheses.
    fn next_of(&self, from: usize, keywords: &[&str]) -> Option<usize> {
        let is_one = |at: &usize| {
            self.depths[*at] == 0
                && keywords.iter().any(|keyword| self.words[*at].is(keyword))
                && !self.is_behind_dot(*at)
                && !self.is_comparing(*at)
        };
        (from..self.words.len()).find(is_one)
    }

    /// Behind a dot any word is a name.
    fn is_behind_dot(&self, at: usize) -> bool {
        at > 0 && self.words[at - 1].is_mark('.')
    }

    /// Whether it is the FROM of `is distinct from`.
    fn is_comparing(&self, at: usize) -> bool {
        let before = |by: usize| at.checked_sub(by).map(|place| &self.words[place]);
        self.words[at].is("from")
            && before(1).is_some_and(|word| word.is("distinct"))
            && before(2).is_some_and(|word| word.is("is") || word.is("not"))
    }

    fn select(self) -> Option<Single> {
        let from = self.next_of(1, &["from"])?;
        let is_one = self.count("select") == 1 && self.next_of(1, &["into"]).is_none();
        let (target, alias, next) = self.table(from + 1).filter(|_| is_one)?;
        let is_whole = next == self.words.len() || self.is_clause(next);
        let finds = self.found(next, &CLAUSES[1..10])?;
        is_whole.then_some(Single { target, alias, finds })
    }

    fn update(self) -> Option<Single> {
        let (target, alias, next) = self.table(1)?;
        let is_one = self.words.get(next)?.is("set")
            && self.count("select") == 0
            && self.next_of(next, &["from"]).is_none();
        let finds = self.found(next, &["returning"])?;
        is_one.then_some(Single { target, alias, finds })
    }

    fn delete(self) -> Option<Single> {
        let (target, alias, next) = self.table(2).filter(|_| self.words[1].is("from"))?;
        let is_whole = next == self.words.len() || self.is_clause(next);
        let finds = self.found(next, &["returning"])?;
        (is_whole && self.count("select") == 0).then_some(Single { target, alias, finds })
    }

    fn is_clause(&self, at: usize) -> bool {
        CLAUSES.iter().any(|clause| self.words[at].is(clause))
    }

    /// The table at this place: which name it is, its other name, and what comes behind.
    fn table(&self, at: usize) -> Option<(usize, Option<String>, usize)> {
        let start = self.words.get(at)?.span.start;
        let target = self.names.iter().position(|name| name.spans[0].start == start)?;
        let name = &self.names[target];
        if name.parts.len() > 2 || name.has_star || self.depths[at] > 0 {
            return None;
        }
        let next = at + 2 * name.parts.len() - 1;
        let (alias, next) = self.alias(next)?;
        Some((target, alias, next))
    }

    fn alias(&self, at: usize) -> Option<(Option<String>, usize)> {
        let Some(word) = self.words.get(at) else { return Some((None, at)) };
        let is_as = word.is("as");
        let place = at + usize::from(is_as);
        let other = self.words.get(place).filter(|_| is_as || !self.is_clause(at));
        let Some(other) = other.filter(|other| other.name().is_some()) else {
            return (!is_as).then_some((None, at));
        };
        let is_keyword = other.kind == WordKind::Plain && NO_ALIAS.contains(&other.text.as_str());
        if is_keyword {
            return (!is_as).then_some((None, at));
        }
        Some((Some(self.sql[other.span.clone()].to_owned()), place + 1))
    }

    /// The condition behind WHERE, up to one of these keywords.
    fn found(&self, from: usize, until: &[&str]) -> Option<Finds> {
        let Some(begin) = self.next_of(from, &["where"]) else { return Some(Finds::Where(None)) };
        // What ends it must not come before it.
        let first = self.next_of(from, until);
        if first.is_some_and(|at| at < begin) {
            return None;
        }
        let end = self.next_of(begin, until).unwrap_or(self.words.len());
        Some(Finds::Where(Some(self.expression(begin + 1..end)?)))
    }

    fn expression(&self, range: Range<usize>) -> Option<Expression> {
        let words = self.words.get(range.clone()).filter(|words| !words.is_empty())?;
        let span = words[0].span.start..words[words.len() - 1].span.end;
        let (mut calls, mut is_plain, mut parameters) = (Vec::new(), true, Vec::new());
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1);
            match word.kind {
                // A cast of what no row has a part in.
                WordKind::Mark if self.is_cast_of_constant(range.start + at) => {}
                WordKind::Mark => is_plain &= "=<>!(),.".contains(word.text.as_str()),
                WordKind::Value if word.text.starts_with('$') => {
                    parameters.push((word.text[1..].parse().ok()?, word.span.clone()));
                }
                WordKind::Plain if KEYWORDS_WITH_PARENTHESES.contains(&word.text.as_str()) => {}
                WordKind::Plain | WordKind::Quoted if next.is_some_and(|it| it.is_mark('(')) => {
                    calls.push(word.text.clone());
                    is_plain &= HARMLESS.contains(&word.text.as_str());
                }
                _ => {}
            }
        }
        let constants = constants(self.sql, words);
        let is_fixed = is_fixed(words);
        Some(Expression { span, calls, is_plain, parameters, constants, is_fixed })
    }

    /// Whether this is one of the colons of `'x'::uuid` or `$1::int`.
    fn is_cast_of_constant(&self, at: usize) -> bool {
        let is_colon = |at: usize| self.words.get(at).is_some_and(|word| word.is_mark(':'));
        let first = if is_colon(at + 1) { Some(at) } else { at.checked_sub(1) };
        let before = first.filter(|first| is_colon(*first) && is_colon(first + 1));
        let before = before.and_then(|first| first.checked_sub(1)).map(|at| self.words[at].kind);
        matches!(before, Some(WordKind::Text | WordKind::Value))
    }

    fn insert(self) -> Option<Single> {
        if !self.words.get(1)?.is("into") {
            return None;
        }
        let verbs = ["update", "delete", "merge", "insert"];
        let (target, alias, next) = self.table(2)?;
        let conflict = self.next_of(next, &["conflict"]);
        let finds = match conflict {
            Some(conflict) => Finds::Conflicting(self.arrivals(next, conflict)?),
            None if verbs.iter().map(|verb| self.count(verb)).sum::<usize>() == 1 => Finds::New,
            None => return None,
        };
        Some(Single { target, alias, finds })
    }

    fn arrivals(&self, from: usize, conflict: usize) -> Option<Arrivals> {
        if self.count("select") > 0 {
            return None;
        }
        let values = self.next_of(from, &["values"])?;
        let listed = self.words.get(from).filter(|word| word.is_mark('('));
        let columns = match listed {
            Some(_) => Some(self.columns(from)?),
            None => None,
        };
        let on = conflict.checked_sub(1).filter(|on| self.words[*on].is("on"))?;
        let mut rows = Vec::new();
        let mut at = values + 1;
        while at < on {
            let end = self.closing(at)?;
            rows.push(self.row(at + 1..end)?);
            at = end + 1;
            if at < on {
                self.words[at].is_mark(',').then_some(())?;
                at += 1;
            }
        }
        let aimed = self.words.get(conflict + 1).filter(|word| word.is_mark('('));
        let arbiter = aimed.and_then(|_| self.columns(conflict + 1));
        Some(Arrivals { columns, rows, arbiter })
    }

    /// Where the parenthesis closes that opens here.
    fn closing(&self, at: usize) -> Option<usize> {
        self.words.get(at).filter(|word| word.is_mark('('))?;
        let closes =
            |end: &usize| self.depths[*end] == self.depths[at] && self.words[*end].is_mark(')');
        (at + 1..self.words.len()).find(closes)
    }

    /// Plain names in parentheses.
    fn columns(&self, at: usize) -> Option<Vec<String>> {
        let end = self.closing(at)?;
        let inner = &self.words[at + 1..end];
        let name = |(place, word): (usize, &Word)| match place % 2 {
            0 => word.name().map(|name| Some(name.to_owned())),
            _ => word.is_mark(',').then_some(None),
        };
        let names = inner.iter().enumerate().map(name).collect::<Option<Vec<_>>>()?;
        (names.len() % 2 == 1).then(|| names.into_iter().flatten().collect())
    }

    fn row(&self, range: Range<usize>) -> Option<Vec<Option<Expression>>> {
        let depth = self.depths[range.start.checked_sub(1)?] + 1;
        let is_comma = |at: &usize| self.depths[*at] == depth && self.words[*at].is_mark(',');
        let ends = range.clone().filter(is_comma).chain([range.end]);
        let mut begin = range.start;
        let mut values = Vec::new();
        for end in ends {
            let is_default = end == begin + 1 && self.words[begin].is("default");
            let value = if is_default { None } else { Some(self.expression(begin..end)?) };
            values.push(value);
            begin = end + 1;
        }
        Some(values)
    }
}

/// They look like calls and are none.
const KEYWORDS_WITH_PARENTHESES: [&str; 12] =
    ["and", "or", "not", "in", "between", "like", "is", "any", "all", "some", "row", "coalesce"];

/// Functions that raise no error, whatever they are given.
const HARMLESS: [&str; 6] = ["lower", "upper", "length", "now", "md5", "btrim"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;
    use crate::gateway::statement::Statement;

    fn statement(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    /// The table, its other name and the condition.
    fn read(sql: &str) -> Option<(String, Option<String>, String)> {
        let statement = statement(sql);
        let single = statement.single()?;
        let finds = match single.finds {
            Finds::Where(None) => "all".to_owned(),
            Finds::Where(Some(condition)) => sql[condition.span].to_owned(),
            Finds::New => "new".to_owned(),
            Finds::Conflicting(arrivals) => format!("{:?}", arrivals.arbiter),
        };
        Some((statement.names[single.target].parts.join("."), single.alias, finds))
    }

    #[test]
    fn the_condition_of_a_statement_about_one_table_is_found() {
        for (sql, table, alias, condition) in [
            ("select * from t", "t", None, "all"),
            ("select v from s.t where id = 5 order by v limit 1", "s.t", None, "id = 5"),
            (
                "select count(*) from t x where x.a in (1, 2) for update",
                "t",
                Some("x"),
                "x.a in (1, 2)",
            ),
            (
                "select a is distinct from b from t as \"X\" where a is not distinct from 1",
                "t",
                Some("\"X\""),
                "a is not distinct from 1",
            ),
            (
                "select extract(year from d) from t where t.order = 1 group by 1",
                "t",
                None,
                "t.order = 1",
            ),
            ("update t set v = 'where' where id = $1 returning *", "t", None, "id = $1"),
            ("update t as x set v = v + 1", "t", Some("x"), "all"),
            ("delete from t where a > 1 and b is null", "t", None, "a > 1 and b is null"),
            ("delete from t", "t", None, "all"),
            ("insert into t values (1, 2)", "t", None, "new"),
            ("insert into t (a) select b from u", "t", None, "new"),
            (
                "insert into t as x (a) values (1) on conflict (a) do nothing",
                "t",
                Some("x"),
                "Some([\"a\"])",
            ),
            ("insert into t values (1) on conflict do nothing", "t", None, "None"),
        ] {
            let expected = (table.to_owned(), alias.map(str::to_owned), condition.to_owned());
            assert_eq!(read(sql), Some(expected), "{sql}");
        }
    }

    #[test]
    fn what_is_not_surely_about_one_table_is_none() {
        for sql in [
            "select 1",
            "select * from t, u",
            "select * from t join u on true",
            "select * from t left join u on true",
            "select * from t cross join u",
            "select * from t natural join u",
            "select * from t x join u on true",
            "select * from t x, u",
            "select * from only t",
            "select * from t *",
            "select * from t tablesample system (1)",
            "select * from t where a in (select b from u)",
            "select (select 1) from t",
            "select * from t union select * from u",
            "select * from t union table u",
            "select * from t where a in (table u)",
            "with x as (select 1) select * from x",
            "select ctid from t",
            "select * from t where xmin::text = '1'",
            "select * from (select 1) t",
            "select * from f(1) t",
            "select * into u from t",
            "update t set a = 1 from u where t.id = u.id",
            "update t set a = (select 1) where id = 1",
            "update only t set a = 1",
            "update t set a = 1 where current of c",
            "delete from t using u where t.a = u.a",
            "delete from t where exists (select 1)",
            "insert into t with x as (delete from u returning *) select * from x",
            "insert into t select 1 on conflict do nothing",
            "explain select * from t",
            "declare c cursor for select * from t",
            "select * from t as (a int)",
            "copy t from stdin",
        ] {
            assert_eq!(read(sql), None, "{sql}");
        }
    }

    #[test]
    fn calls_parameters_and_what_may_raise_an_error_are_told() {
        let condition = |sql: &str| match statement(sql).single().map(|single| single.finds) {
            Some(Finds::Where(Some(condition))) => condition,
            other => panic!("{sql}: {other:?}"),
        };
        let calling = condition("delete from t where a = lower($2) and b in ($3, 4)");
        assert_eq!(calling.calls, ["lower"]);
        let numbers: Vec<_> = calling.parameters.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 3]);
        assert!(calling.is_plain);
        for (plain, is_plain) in [
            ("a = 1 and (b is null or c <> 'x')", true),
            ("a between 1 and 2", true),
            ("a = any ($1)", true),
            ("a = '5'::int and lower(b) = $2::text", true),
            ("a / b = 1", false),
            ("a::int = 1", false),
            ("a + 1 = 2", false),
            ("f(a)", false),
        ] {
            assert_eq!(condition(&format!("delete from t where {plain}")).is_plain, is_plain);
        }
    }

    #[test]
    fn the_values_of_new_rows_are_told_apart() {
        let sql = "insert into t (a, \"B\") values (f(1, 2), default), ($1, 'x, y') \
            on conflict (a, \"B\") do update set a = excluded.a";
        let Some(Single { finds: Finds::Conflicting(arrivals), .. }) = statement(sql).single()
        else {
            panic!("no arrivals")
        };
        assert_eq!(arrivals.columns, Some(vec!["a".to_owned(), "B".to_owned()]));
        assert_eq!(arrivals.arbiter, arrivals.columns);
        let text = |value: &Option<Expression>| {
            value.as_ref().map_or("default", |value| &sql[value.span.clone()])
        };
        let rows: Vec<Vec<_>> =
            arrivals.rows.iter().map(|row| row.iter().map(text).collect()).collect();
        assert_eq!(rows, [["f(1, 2)", "default"], ["$1", "'x, y'"]]);
    }
}
