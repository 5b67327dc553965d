//! What the gateway must know of a statement: what it does to the transaction, which tables it may
//! name, whether it writes or locks, and whether this engine refuses it.

use std::sync::Arc;

use crate::core::syntax::{self, Strings, Word, begins, has};
use crate::gateway::refusal::Refusal;

mod constants;
mod function;
mod kind;
mod names;
mod refused;
mod single;

pub(crate) use function::function_language;
pub(crate) use kind::{Access, Kind, RowLock};
use kind::{kind, locks};
use names::names;
pub(crate) use names::{Name, TableName, table_name};
use refused::refusal;
pub(crate) use refused::{creates_from_query, is_async, names_wait_for_job, selects_into};
use single::single;
pub(crate) use single::{Arrivals, Expression, Finds, Single, goes_on};

/// A statement and what its words say.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// The SQL, without its semicolon.
    pub(crate) sql: String,
    pub(crate) words: Arc<[Word]>,
    /// How the client's session reads strings.
    pub(crate) strings: Strings,
    pub(crate) kind: Kind,
    /// Every name that could be a table's.
    pub(crate) names: Vec<Name>,
    /// Whether it may change rows: it says INSERT, UPDATE, DELETE or MERGE somewhere, or copies in.
    pub(crate) writes: bool,
    /// Whether it may delete: it says DELETE or MERGE somewhere.
    pub(crate) deletes: bool,
    /// Every word between a SET and what follows it: the columns that an UPDATE changes are among
    /// them.
    pub(crate) sets: Vec<String>,
    /// The row lock that it asks for.
    pub(crate) locks: Option<RowLock>,
    /// Why this engine does not run it.
    pub(crate) refusal: Option<Refusal>,
    /// What of its text the client has not written, from left to right.
    pub(crate) inserted: Vec<Inserted>,
}

/// Something that the gateway has put into a client's text, counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// Behind how many characters of what the client wrote.
    pub(crate) at: usize,
    pub(crate) length: usize,
}

/// DDL that is about a schema as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AboutSchema {
    /// Its comment: nobody who uses its tables is in the way.
    Harmless,
    /// Drops it with what is in it.
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredCursor {
    pub(crate) name: String,
    /// Whether it outlives the transaction: WITH HOLD.
    pub(crate) holds: bool,
}

/// Which of what has names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    One(String),
}

impl Which {
    fn read(word: &Word) -> Option<Self> {
        if word.is("all") {
            Some(Self::All)
        } else {
            word.name().map(|name| Self::One(name.to_owned()))
        }
    }
}

impl Statement {
    /// Reads a statement's words.
    pub(crate) fn read(sql: &str, strings: Strings) -> Self {
        let words = syntax::words(sql, strings);
        let kind = kind(&words);
        let locks = locks(&words);
        Self {
            sql: sql.to_owned(),
            refusal: refusal(sql, &words, &kind),
            names: names(&words),
            writes: writes(&words),
            deletes: ["delete", "merge"].iter().any(|verb| words.iter().any(|word| word.is(verb))),
            sets: sets(&words),
            locks,
            kind,
            words: words.into(),
            strings,
            inserted: Vec::new(),
        }
    }

    /// A place in its text (in characters from 1), as one in what the client wrote.
    pub(crate) fn place(&self, place: usize) -> usize {
        let mut by = 0;
        for Inserted { at, length } in &self.inserted {
            // Within what was put in, it is where that begins.
            by += place.saturating_sub(at + by + 1).min(*length);
        }
        place - by
    }

    /// The command as PostgreSQL names it in errors: `UPDATE`.
    pub(crate) fn command(&self) -> String {
        let first = self.words.first().and_then(Word::name);
        first.map(str::to_uppercase).unwrap_or_default()
    }

    /// What it does to a schema as a whole, if that is what it is about.
    pub(crate) fn about_schema(&self) -> Option<AboutSchema> {
        let words = &self.words;
        if begins(words, &["comment", "on", "schema"]) {
            return Some(AboutSchema::Harmless);
        }
        begins(words, &["drop", "schema"]).then_some(AboutSchema::Drop)
    }

    /// Whether this keyword is its first word.
    pub(crate) fn is_a(&self, keyword: &str) -> bool {
        self.words.first().is_some_and(|word| word.is(keyword))
    }

    /// The statement that a PREPARE prepares.
    pub(crate) fn prepared(&self) -> Self {
        Self::read(self.prepared_text().trim(), self.strings)
    }

    /// The text of the statement that a PREPARE prepares, or of the statement itself.
    pub(crate) fn prepared_text(&self) -> &str {
        let after = self.words.iter().find(|word| word.is("as")).map(|word| word.span.end);
        match (&self.kind, after) {
            (Kind::Prepare(_), Some(after)) => &self.sql[after..],
            _ => &self.sql,
        }
    }

    /// Whether it may change rows, or executes something that may.
    pub(crate) fn may_write(&self) -> bool {
        self.writes || matches!(self.kind, Kind::Execute(_))
    }

    /// Whether it may bring new rows.
    pub(crate) fn may_insert(&self) -> bool {
        let brings = |word: &Word| ["insert", "merge", "copy"].iter().any(|verb| word.is(verb));
        self.writes && self.words.iter().any(brings)
    }

    /// Whether it may change or delete rows that are there.
    pub(crate) fn may_change(&self) -> bool {
        self.deletes || self.writes && self.words.iter().any(|word| word.is("update"))
    }

    /// This as a statement about one table, if it surely is one.
    pub(crate) fn single(&self) -> Option<Single> {
        let is_query = self.kind == Kind::Query;
        is_query.then(|| single(&self.sql, &self.words, &self.names)).flatten()
    }

    /// Whether it declares a cursor, which locks rows when they are fetched.
    pub(crate) fn declares(&self) -> bool {
        self.is_a("declare")
    }

    /// The cursor that it declares.
    pub(crate) fn declared(&self) -> Option<DeclaredCursor> {
        let words = &self.words;
        words.first().filter(|word| word.is("declare"))?;
        let name = words.get(1)?.name()?.to_owned();
        // Up to FOR: in the query behind it `with hold as (…)` is something else.
        let options = words.iter().position(|word| word.is("for")).unwrap_or(words.len());
        Some(DeclaredCursor { name, holds: has(&words[..options], &["with", "hold"]) })
    }

    /// Which prepared statements it takes away.
    pub(crate) fn deallocates(&self) -> Option<Which> {
        let words = &self.words;
        match words.first()? {
            first if first.is("discard") && words.get(1)?.is("all") => Some(Which::All),
            first if first.is("deallocate") => {
                // `deallocate prepare` by itself is about a statement of the name `prepare`.
                let names_follow = words.len() > 2 && words[1].is("prepare");
                Which::read(words.get(if names_follow { 2 } else { 1 })?)
            }
            _ => None,
        }
    }

    /// Which cursors and portals it closes.
    pub(crate) fn closes(&self) -> Option<Which> {
        let words = &self.words;
        match words.first()? {
            first if first.is("discard") && words.get(1)?.is("all") => Some(Which::All),
            first if first.is("close") => Which::read(words.get(1)?),
            _ => None,
        }
    }

    /// With what a BEGIN is called complete.
    pub(crate) fn begin_tag(&self) -> &'static str {
        if self.is_a("start") { "START TRANSACTION" } else { "BEGIN" }
    }

    /// Whether it is a COPY.
    pub(crate) fn copies(&self) -> bool {
        self.is_a("copy")
    }

    /// Whether it asks the catalog what there is, as psql's `\d` does.
    pub(crate) fn asks_catalog(&self) -> bool {
        self.names.iter().any(Name::is_catalog)
    }

    /// Whether it may say anything that changes how names are resolved.
    pub(crate) fn may_move_names(&self) -> bool {
        let sets = self.kind == Kind::Session && !self.is_a("show");
        sets || self.names.iter().any(|name| name.last() == "set_config")
    }
}

impl Statement {
    /// Whether the gateway runs it by itself, so that it never reaches the server.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Begin(_) | Kind::Commit | Kind::Rollback | Kind::Empty)
    }

    /// Whether PostgreSQL runs it outside of transaction blocks only.
    pub(crate) fn is_outside_transactions(&self) -> bool {
        self.kind == Kind::Session && self.is_a("discard")
    }

    /// DDL without what PostgreSQL does not know: the ASYNC of CREATE INDEX and ALTER TABLE, and,
    /// before its version 16, the STORAGE of a new column, which nobody could see.
    pub(crate) fn plain_ddl(&self) -> Self {
        let words = &self.words;
        let left_out: Vec<usize> = (0..words.len())
            .filter(|at| is_async_at(words, *at) || is_storage(words, *at))
            .collect();
        if left_out.is_empty() {
            return self.clone();
        }
        let kept = words.iter().enumerate().filter(|(at, _)| !left_out.contains(at));
        let words: Vec<Word> = kept.map(|(_, word)| word.clone()).collect();
        let sql = self.blank(left_out);
        Self { sql, words: words.into(), ..self.clone() }
    }

    /// A CREATE … IF NOT EXISTS without that condition; nothing of any other statement.
    pub(crate) fn without_if_not_exists(&self) -> Option<String> {
        let words = &self.words;
        let is_condition = |at: &usize| begins(&words[*at..], &["if", "not", "exists"]);
        let place = (0..words.len()).find(is_condition).filter(|_| self.is_a("create"))?;
        Some(self.blank(place..place + 3))
    }

    /// The SQL with blanks instead of these words, as many, so that an error's position is one in
    /// the client's text.
    fn blank(&self, words: impl IntoIterator<Item = usize>) -> String {
        let mut sql = self.sql.clone();
        for word in words.into_iter().map(|at| &self.words[at]) {
            sql.replace_range(word.span.clone(), &" ".repeat(word.span.len()));
        }
        sql
    }
}

fn is_async_at(words: &[Word], at: usize) -> bool {
    let before = if begins(words, &["alter", "table"]) { "table" } else { "index" };
    words[at].is("async") && at > 0 && words[at - 1].is(before)
}

/// Whether this word is the STORAGE of a column that is made, or how it is stored.
fn is_storage(words: &[Word], at: usize) -> bool {
    const WAYS: [&str; 5] = ["plain", "external", "extended", "main", "default"];
    let makes = begins(words, &["create", "table"]) || begins(words, &["alter", "table"]);
    let is_clause = |at: usize| {
        let is_set = words[..at].last().is_some_and(|word| word.is("set") || word.is("column"));
        let way = words.get(at + 1).is_some_and(|word| WAYS.iter().any(|way| word.is(way)));
        words[at].is("storage") && !is_set && way
    };
    // Not a column that is called so: `add storage text`, `(storage text)`.
    makes && at > 2 && (is_clause(at) || is_clause(at - 1))
}

fn writes(words: &[Word]) -> bool {
    // FOR UPDATE and FOR NO KEY UPDATE lock and write nothing.
    let is_write = |at: usize, word: &Word| {
        ["insert", "update", "delete", "merge"].iter().any(|verb| word.is(verb))
            && !(at > 0 && (words[at - 1].is("for") || words[at - 1].is("key")))
    };
    copies_in(words) || words.iter().enumerate().any(|(at, word)| is_write(at, word))
}

/// Whether it is a COPY FROM. Of `copy (select … from …) to`, the FROM says nothing.
fn copies_in(words: &[Word]) -> bool {
    let mut depth = 0_i32;
    let mut outside = words.iter().filter(|word| {
        depth += i32::from(word.is_mark('(')) - i32::from(word.is_mark(')'));
        depth == 0
    });
    let is_copy = words.first().is_some_and(|word| word.is("copy"));
    let direction = outside.find(|word| word.is("from") || word.is("to"));
    is_copy && direction.is_some_and(|word| word.is("from"))
}

fn sets(words: &[Word]) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 0_i32;
    // How deep in parentheses the SET stands whose columns are being read.
    let mut set: Option<i32> = None;
    for (place, word) in words.iter().enumerate() {
        depth += i32::from(word.is_mark('(')) - i32::from(word.is_mark(')'));
        let is_operator = || place > 0 && words[place - 1].is("distinct");
        let ends = word.is("where") || word.is("returning") || word.is("from") && !is_operator();
        // Deeper in parentheses a WHERE is a subquery's, and columns follow it: `set a = (select b
        // from t where c), d = 1`.
        set = set.filter(|at| depth >= *at && !(ends && depth == *at));
        if word.is("set") {
            set = set.or(Some(depth));
        } else if set.is_some() {
            found.extend(word.name().map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    fn refused(sql: &str) -> String {
        format!("{:?}", read(sql).refusal)
    }

    #[test]
    fn the_first_words_say_what_a_statement_does_to_the_transaction() {
        assert_eq!(read("").kind, Kind::Empty);
        assert_eq!(read("begin transaction").kind, Kind::Begin(Access::AsSet));
        assert_eq!(read("begin read write").kind, Kind::Begin(Access::ReadWrite));
        assert_eq!(read("START TRANSACTION READ ONLY").kind, Kind::Begin(Access::ReadOnly));
        assert_eq!(read("end").kind, Kind::Commit);
        assert_eq!(read("ABORT work").kind, Kind::Rollback);
        assert_eq!(read("create unique index async i on t(a)").kind, Kind::Ddl("index".into()));
        assert_eq!(read("execute \"P\"(1)").kind, Kind::Execute("P".into()));
        assert_eq!(read("(select 1)").kind, Kind::Query);
    }

    #[test]
    fn what_a_statement_does_to_names_is_read() {
        let declared = |sql: &str| read(sql).declared();
        let holding = DeclaredCursor { name: "C d".into(), holds: true };
        assert_eq!(
            declared("declare \"C d\" no scroll cursor with hold for select 1"),
            Some(holding)
        );
        let with = declared("declare c cursor for with hold as (select 1) select * from hold");
        assert_eq!(with, Some(DeclaredCursor { name: "c".into(), holds: false }));
        assert_eq!(declared("fetch c"), None);
        let named = |name: &str| Some(Which::One(name.to_owned()));
        let deallocated = |sql: &str| read(sql).deallocates();
        assert_eq!(deallocated("deallocate P"), named("p"));
        assert_eq!(deallocated("deallocate prepare \"all\""), named("all"));
        assert_eq!(deallocated("deallocate prepare"), named("prepare"));
        assert_eq!(deallocated("deallocate prepare all"), Some(Which::All));
        assert_eq!(deallocated("discard all"), Some(Which::All));
        assert_eq!(deallocated("discard plans"), None);
        assert_eq!(read("close c").closes(), named("c"));
        assert_eq!(read("close all").closes(), Some(Which::All));
        assert_eq!(read("start transaction").begin_tag(), "START TRANSACTION");
    }

    #[test]
    fn locking_is_no_writing() {
        let locking = read("select * from seats for update of seats");
        assert_eq!((locking.writes, locking.locks), (false, Some(RowLock::Update)));
        let sharing = read("select 1 from seats for key share");
        assert_eq!((sharing.writes, sharing.locks), (false, Some(RowLock::KeyShare)));
        assert!(read("with x as (update seats set a = 1 returning *) select * from x").writes);
        assert!(read("copy seats from stdin").writes);
        for (copy, writes) in [
            ("copy seats to stdout", false),
            ("copy seats (\"from\", \"to\") from stdin", true),
            ("copy (select * from seats) to stdout", false),
            ("copy (select * from seats) to stdout with (format csv)", false),
            ("copy seats from stdin where seat in (select 1 from t)", true),
            ("copy (delete from seats returning *) to stdout", true),
        ] {
            assert_eq!(read(copy).writes, writes, "{copy}");
        }
    }

    #[test]
    fn every_name_that_could_be_a_table_is_found() {
        let statement = read("select s.a from public.\"Seats\" s join seats on true");
        let names: Vec<_> = statement.names.iter().map(|name| name.parts.join(".")).collect();
        assert!(names.contains(&"public.Seats".to_owned()) && names.contains(&"seats".to_owned()));
    }

    #[test]
    fn refusals_are_worded_as_the_service_words_them() {
        assert!(refused("savepoint a").contains("unsupported transaction statement: SAVEPOINT"));
        assert!(
            refused("rollback to a").contains("unsupported transaction statement: ROLLBACK TO")
        );
        assert!(
            refused("begin isolation level serializable")
                .contains("Unsupported isolation level: SERIALIZABLE")
        );
        assert!(refused("select 1 from t for share").contains("locking clauses other than"));
        assert!(refused("create index i on t(a)").contains("CREATE INDEX ASYNC"));
        assert_eq!(refused("create index async i on t(a)"), "None");
        assert_eq!(refused("begin isolation level repeatable read"), "None");
        assert_eq!(refused("insert into t select 1"), "None");
        let not_supported = "setting configuration parameter \\\"TRANSACTION\\\" not supported";
        let session = "set session characteristics as transaction";
        for other in [
            "isolation level serializable",
            "read only, isolation level read committed",
            "deferrable",
        ] {
            let refused = refused(&format!("{session} {other}"));
            assert!(refused.contains(not_supported), "{other}: {refused}");
        }
        for ours in [
            "isolation level repeatable read",
            "read only",
            "read write",
            "isolation level repeatable read, read only",
            "read only isolation level repeatable read",
        ] {
            assert_eq!(refused(&format!("{session} {ours}")), "None", "{ours}");
        }
        assert_eq!(refused("update t set a = 1"), "None");
    }
}
