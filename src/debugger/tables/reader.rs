//! Finds tables by the keywords in front of them, in each query of a statement for itself.

use super::{TableName, Tables};
use crate::core::syntax::{Word, WordKind};

/// Before `update`, these say that it is no statement: FOR UPDATE, DO UPDATE, FOR NO KEY UPDATE.
const NO_STATEMENT: [&str; 9] = ["for", "do", "then", "key", "on", "or", "of", "before", "after"];
/// What ends a FROM. ON does not: `from a join b on true, c`.
const ENDS_FROM: [&str; 16] = [
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "fetch",
    "union",
    "intersect",
    "except",
    "window",
    "returning",
    "set",
    "when",
    "for",
    "values",
];
/// What may stand between a keyword and the table behind it.
const BEFORE_TABLES: [&str; 3] = ["only", "lateral", "table"];

/// Adds the tables of these words.
pub(super) fn read(words: &[Word], tables: &mut Tables) {
    let queries = WithQueries::of(words);
    let mut reader = Reader { words, queries, levels: vec![Level::default()], tables };
    let mut at = 0;
    while at < words.len() {
        at = reader.take(at);
    }
}

/// A name at a place, and the place behind it.
pub(super) fn name_at(words: &[Word], at: usize) -> Option<(Vec<&str>, usize)> {
    let (mut parts, mut next) = (vec![words.get(at)?.name()?], at + 1);
    while words.get(next).is_some_and(|word| word.is_mark('.'))
        && let Some(part) = words.get(next + 1).and_then(Word::name)
    {
        parts.push(part);
        next += 2;
    }
    Some((parts, next))
}

struct Reader<'a> {
    words: &'a [Word],
    queries: WithQueries<'a>,
    /// The parentheses that are open; never empty.
    levels: Vec<Level>,
    tables: &'a mut Tables,
}

/// What is being read between two parentheses.
#[derive(Clone, Copy, Default)]
struct Level {
    query: Query,
    clause: Clause,
}

/// Whether a query or a statement has begun here, so that a FROM is its clause, and not part of
/// `extract(year from x)`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Query {
    #[default]
    None,
    Begun,
    /// DELETE or MERGE, before their USING.
    ReadsByUsing,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Clause {
    #[default]
    Other,
    From,
    /// A FROM, where a table comes next.
    NextTable,
}

impl Level {
    fn of(query: Query) -> Self {
        Self { query, clause: Clause::Other }
    }

    /// Behind a comma or a JOIN, if that is a FROM's.
    fn expect_table(&mut self) {
        if self.clause != Clause::Other {
            self.clause = Clause::NextTable;
        }
    }

    fn leave_table(&mut self) {
        if self.clause == Clause::NextTable {
            self.clause = Clause::From;
        }
    }
}

enum Access {
    Writes,
    Locks,
}

impl Reader<'_> {
    /// Reads what stands at a place; where to go on.
    fn take(&mut self, at: usize) -> usize {
        let word = &self.words[at];
        if word.kind == WordKind::Mark {
            self.take_mark(word);
            return at + 1;
        }
        let is_part = at > 0 && self.words[at - 1].is_mark('.');
        if is_part || word.name().is_none() {
            return at + 1;
        }
        if self.level().clause == Clause::NextTable
            && let Some(next) = self.take_item(at)
        {
            return next;
        }
        if word.kind == WordKind::Plain { self.take_keyword(at) } else { at + 1 }
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn take_mark(&mut self, mark: &Word) {
        let level = self.level();
        if mark.is_mark('(') {
            // What stands in parentheses for a table is a query, or tables that are joined.
            let inner = match level.clause {
                Clause::NextTable => Clause::NextTable,
                Clause::From | Clause::Other => Clause::Other,
            };
            level.leave_table();
            self.levels.push(Level { clause: inner, ..Level::default() });
        } else if mark.is_mark(')') {
            self.levels.pop();
        } else if mark.is_mark(',') {
            level.expect_table();
        } else if mark.is_mark(';') {
            *level = Level::default();
        }
    }

    /// A table of a FROM; `None` where a query begins.
    fn take_item(&mut self, at: usize) -> Option<usize> {
        let word = &self.words[at];
        if word.is("only") || word.is("lateral") {
            return Some(at + 1);
        }
        self.level().leave_table();
        if ["select", "with", "values", "table"].iter().any(|query| word.is(query)) {
            return None;
        }
        let (parts, next) = name_at(self.words, at)?;
        let is_call = self.words.get(next).is_some_and(|word| word.is_mark('('));
        if !is_call {
            self.note_read(&parts, at);
        }
        Some(next)
    }

    fn note_read(&mut self, parts: &[&str], at: usize) {
        if !self.queries.has(parts, at) {
            self.tables.reads.insert(TableName::of(parts));
        }
    }

    fn take_keyword(&mut self, at: usize) -> usize {
        let text = self.words[at].text.as_str();
        let before = at.checked_sub(1).map_or("", |before| self.words[before].text.as_str());
        match text {
            "select" | "perform" => *self.level() = Level::of(Query::Begun),
            "from" if before == "delete" => return self.begin(at + 1, Query::ReadsByUsing),
            "into" if before == "insert" => return self.begin(at + 1, Query::Begun),
            "into" if before == "merge" => return self.begin(at + 1, Query::ReadsByUsing),
            "update" if !NO_STATEMENT.contains(&before) => return self.begin(at + 1, Query::Begun),
            "truncate" if !NO_STATEMENT.contains(&before) => {
                return self.each(at + 1, &Access::Writes);
            }
            "lock" if at == 0 || before == ";" => return self.each(at + 1, &Access::Locks),
            "copy" if at == 0 || before == ";" => return self.copy(at + 1),
            "table" => return self.table(at + 1),
            "from" => self.from(at),
            "using" if self.level().query == Query::ReadsByUsing => {
                *self.level() = Level { query: Query::Begun, clause: Clause::NextTable };
            }
            "join" => self.level().expect_table(),
            _ if ENDS_FROM.contains(&text) => self.level().clause = Clause::Other,
            _ => {}
        }
        at + 1
    }

    fn from(&mut self, at: usize) {
        let is = |back: usize, keyword| {
            at.checked_sub(back).is_some_and(|before| self.words[before].is(keyword))
        };
        // `a is distinct from b`, and not `select distinct from t`.
        let compares = is(1, "distinct") && (is(2, "is") || is(2, "not"));
        let level = self.level();
        if level.query != Query::None && !compares {
            level.clause = Clause::NextTable;
        }
    }

    /// A statement that changes the table which is named here.
    fn begin(&mut self, at: usize, query: Query) -> usize {
        *self.level() = Level::of(query);
        let at = self.behind_decoration(at);
        let no_name =
            ["set", "of", "on", "or"].iter().any(|no| self.words.get(at).is_some_and(|w| w.is(no)));
        match name_at(self.words, at).filter(|_| !no_name) {
            Some((parts, next)) => {
                self.tables.writes.insert(TableName::of(&parts));
                next
            }
            None => at,
        }
    }

    /// A list of tables.
    fn each(&mut self, at: usize, access: &Access) -> usize {
        let mut at = self.behind_decoration(at);
        while let Some((parts, next)) = name_at(self.words, at) {
            let name = TableName::of(&parts);
            match access {
                Access::Writes => self.tables.writes.insert(name),
                Access::Locks => self.tables.locks.insert(name),
            };
            if !self.words.get(next).is_some_and(|word| word.is_mark(',')) {
                return next;
            }
            at = self.behind_decoration(next + 1);
        }
        at
    }

    fn copy(&mut self, at: usize) -> usize {
        let Some((parts, next)) = name_at(self.words, at) else { return at };
        let direction = self.words[next..].iter().find(|word| word.is("from") || word.is("to"));
        let name = TableName::of(&parts);
        match direction {
            Some(word) if word.is("from") => drop(self.tables.writes.insert(name)),
            _ => drop(self.tables.reads.insert(name)),
        }
        next
    }

    /// `TABLE seats`, which is a query.
    fn table(&mut self, at: usize) -> usize {
        match name_at(self.words, at) {
            Some((parts, next)) => {
                self.note_read(&parts, at);
                next
            }
            None => at,
        }
    }

    fn behind_decoration(&self, mut at: usize) -> usize {
        while BEFORE_TABLES.iter().any(|no| self.words.get(at).is_some_and(|word| word.is(no))) {
            at += 1;
        }
        at
    }
}

/// The queries that a WITH gives names, each with the place from which on it can be read.
struct WithQueries<'a>(Vec<(&'a str, usize)>);

impl<'a> WithQueries<'a> {
    fn of(words: &'a [Word]) -> Self {
        let mut found = Vec::new();
        let mut is_recursive = false;
        for at in 1..words.len() {
            let before = &words[at - 1];
            is_recursive = before.is("recursive") || (is_recursive && !before.is("with"));
            if !before.is("with") && !before.is("recursive") && !before.is_mark(',') {
                continue;
            }
            let Some(body) = words[at].name().and_then(|_| body_at(words, at + 1)) else {
                continue;
            };
            // In its own body the name is still a table's, unless the WITH is a recursive one:
            // `with seats as (select * from seats) …`.
            let from = if is_recursive { at } else { closing(words, body) };
            found.extend(words[at].name().map(|name| (name, from)));
        }
        Self(found)
    }

    fn has(&self, parts: &[&str], at: usize) -> bool {
        let [name] = parts else { return false };
        self.0.iter().any(|(known, from)| known == name && *from <= at)
    }
}

/// Where the body of a WITH query begins, whose name ends before this place.
fn body_at(words: &[Word], at: usize) -> Option<usize> {
    let has_columns = words.get(at)?.is_mark('(');
    let at = if has_columns { closing(words, at) + 1 } else { at };
    words.get(at).filter(|word| word.is("as"))?;
    let decoration = |word: &&Word| word.is("not") || word.is("materialized");
    let body = at + 1 + words[at + 1..].iter().take_while(decoration).count();
    words.get(body).filter(|word| word.is_mark('(')).map(|_| body)
}

/// Where the parenthesis closes that opens here.
fn closing(words: &[Word], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, word) in words.iter().enumerate().skip(at) {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') {
            depth -= 1;
            if depth == 0 {
                return place;
            }
        }
    }
    words.len()
}
