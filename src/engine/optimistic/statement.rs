//! What the gateway must know of a statement: what it does to the transaction, which tables it may name, whether it writes
//! or locks, and whether this engine refuses it.

use std::ops::Range;

use super::refusal::Refusal;
use super::words::{Word, WordKind, words};

/// A statement and what its words say.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// The SQL, without its semicolon.
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// Every name that could be a table's.
    pub(super) names: Vec<Name>,
    /// Whether it may change rows: it says INSERT, UPDATE, DELETE or MERGE somewhere, or copies in.
    pub(super) writes: bool,
    /// Whether it may delete: it says DELETE or MERGE somewhere.
    pub(super) deletes: bool,
    /// Every word between a SET and what follows it: the columns that an UPDATE changes are among them.
    pub(super) sets: Vec<String>,
    /// The row lock that it asks for.
    pub(super) locks: Option<RowLock>,
    /// Why this engine does not run it.
    pub(super) refusal: Option<Refusal>,
}

/// A name with its qualification, as far as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `["public", "seats"]`.
    pub(super) parts: Vec<String>,
    /// The bytes of each part.
    pub(super) spans: Vec<Range<usize>>,
    /// Whether a parenthesis follows, as after a function's name.
    pub(super) is_called: bool,
}

/// The row locks that this engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowLock {
    Update,
    KeyShare,
}

/// What a statement is to the transaction around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Begin(Access),
    Commit,
    Rollback,
    /// Changes the schema; the word after CREATE, ALTER or DROP.
    Ddl(String),
    /// Settings and the like: SET, SHOW, RESET, DISCARD, DEALLOCATE. No table is touched.
    Session,
    /// `PREPARE name AS ...`.
    Prepare(String),
    /// `EXECUTE name`.
    Execute(String),
    /// Anything that reads or writes.
    Query,
}

/// What BEGIN allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Access {
    #[default]
    ReadWrite,
    ReadOnly,
}

impl Statement {
    /// Reads a statement's words.
    pub(super) fn read(sql: &str) -> Self {
        let words = words(sql);
        let kind = kind(&words);
        let locks = locks(&words);
        Self {
            sql: sql.to_owned(),
            refusal: refusal(&words, &kind),
            names: names(&words),
            writes: writes(&words),
            deletes: ["delete", "merge"].iter().any(|verb| words.iter().any(|word| word.is(verb))),
            sets: sets(&words),
            locks,
            kind,
        }
    }

    /// The command as PostgreSQL names it in errors: `UPDATE`.
    pub(super) fn command(&self) -> String {
        let first = words(&self.sql).first().and_then(|word| word.name().map(str::to_uppercase));
        first.unwrap_or_default()
    }

    /// Whether it may change the search path.
    pub(super) fn may_move_path(&self) -> bool {
        let words = words(&self.sql);
        let resets = words.first().is_some_and(|word| word.is("reset") || word.is("discard"));
        resets || self.sql.to_lowercase().contains("search_path")
    }

    /// The statement that a PREPARE prepares, or the statement itself.
    pub(super) fn prepared_text(&self) -> &str {
        let words = words(&self.sql);
        let after = words.iter().find(|word| word.is("as")).map(|word| word.span.end);
        match (&self.kind, after) {
            (Kind::Prepare(_), Some(after)) => &self.sql[after..],
            _ => &self.sql,
        }
    }

    /// Whether it may change rows, or executes something that may.
    pub(super) fn may_write(&self) -> bool {
        self.writes || matches!(self.kind, Kind::Execute(_))
    }

    /// Whether it is a COPY.
    pub(super) fn copies(&self) -> bool {
        words(&self.sql).first().is_some_and(|word| word.is("copy"))
    }

    /// Whether it may say anything that changes how names are resolved.
    pub(super) fn may_move_names(&self) -> bool {
        self.kind == Kind::Session || self.names.iter().any(|name| name.last() == "set_config")
    }
}

impl Name {
    /// The unqualified name.
    pub(super) fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }
}

/// The words from here on begin with these keywords.
fn begins(words: &[Word], keywords: &[&str]) -> bool {
    words.len() >= keywords.len()
        && keywords.iter().zip(words).all(|(keyword, word)| word.is(keyword))
}

fn has(words: &[Word], keywords: &[&str]) -> bool {
    (0..words.len()).any(|at| begins(&words[at..], keywords))
}

fn kind(words: &[Word]) -> Kind {
    let Some(first) = words.first() else { return Kind::Empty };
    let name_at = |at: usize| words.get(at).and_then(Word::name).unwrap_or("").to_owned();
    let WordKind::Plain(first) = &first.kind else { return Kind::Query };
    match first.as_str() {
        "begin" | "start" => Kind::Begin(access(words)),
        "commit" | "end" => Kind::Commit,
        "rollback" | "abort" if !has(words, &["to"]) => Kind::Rollback,
        "create" | "alter" | "drop" | "comment" | "grant" | "revoke" | "security" | "analyze"
        | "import" | "reassign" => Kind::Ddl(ddl_object(words)),
        "set" | "show" | "reset" | "discard" | "deallocate" => Kind::Session,
        "prepare" if !begins(words, &["prepare", "transaction"]) => Kind::Prepare(name_at(1)),
        "execute" => Kind::Execute(name_at(1)),
        _ => Kind::Query,
    }
}

/// The word that says what kind of object a DDL statement is about.
fn ddl_object(words: &[Word]) -> String {
    const DECORATION: [&str; 8] =
        ["or", "replace", "unique", "temp", "temporary", "global", "local", "unlogged"];
    let object =
        words.iter().skip(1).filter_map(Word::name).find(|word| !DECORATION.contains(word));
    object.unwrap_or("").to_owned()
}

fn access(words: &[Word]) -> Access {
    if has(words, &["read", "only"]) { Access::ReadOnly } else { Access::ReadWrite }
}

fn writes(words: &[Word]) -> bool {
    let is_write = |at: usize, word: &Word| {
        ["insert", "update", "delete", "merge"].iter().any(|verb| word.is(verb))
            && !(at > 0 && (words[at - 1].is("for") || words[at - 1].is("key")))
    };
    let copies_in = words.first().is_some_and(|word| word.is("copy")) && has(words, &["from"]);
    copies_in || words.iter().enumerate().any(|(at, word)| is_write(at, word))
}

fn sets(words: &[Word]) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 0_i32;
    // How deep in parentheses the SET stands whose columns are being read.
    let mut set: Option<i32> = None;
    for word in words {
        depth += i32::from(word.is_mark('(')) - i32::from(word.is_mark(')'));
        let ends = ["where", "from", "returning"].iter().any(|keyword| word.is(keyword));
        set = set.filter(|at| depth >= *at && !(ends && depth == *at));
        if word.is("set") {
            set = set.or(Some(depth));
        } else if set.is_some() {
            found.extend(word.name().map(str::to_owned));
        }
    }
    found
}

fn locks(words: &[Word]) -> Option<RowLock> {
    if has(words, &["for", "update"]) {
        Some(RowLock::Update)
    } else if has(words, &["for", "key", "share"]) {
        Some(RowLock::KeyShare)
    } else {
        None
    }
}

/// Words that are never a table's name without quotes (PostgreSQL documentation, appendix C).
const RESERVED: [&str; 56] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "intersect",
    "into",
    "lateral",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "primary",
    "references",
    "returning",
    "select",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "using",
    "when",
    "where",
    "window",
    "with",
];

fn names(words: &[Word]) -> Vec<Name> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let chain = chain(&words[at..]);
        if chain.parts.is_empty() {
            at += 1;
            continue;
        }
        at += 2 * chain.parts.len() - 1;
        found.push(chain);
    }
    found
}

/// Names joined by dots, from the first word on.
fn chain(words: &[Word]) -> Name {
    let mut name = Name { parts: Vec::new(), spans: Vec::new(), is_called: false };
    let reserved = |word: &Word| matches!(&word.kind, WordKind::Plain(word) if RESERVED.contains(&word.as_str()));
    let mut at = 0;
    while let Some(part) = words.get(at).filter(|word| at > 0 || !reserved(word)) {
        let Some(text) = part.name() else { break };
        name.parts.push(text.to_owned());
        name.spans.push(part.span.clone());
        if !words.get(at + 1).is_some_and(|word| word.is_mark('.')) {
            name.is_called = words.get(at + 1).is_some_and(|word| word.is_mark('('));
            break;
        }
        at += 2;
    }
    name
}

/// Why this engine does not run a statement of these words.
fn refusal(words: &[Word], kind: &Kind) -> Option<Refusal> {
    if words.iter().any(|word| word.kind == WordKind::Escaped) {
        return Some(Refusal::unsupported(
            "names with Unicode escapes (U&\"...\") are not supported",
        ));
    }
    refused_begin(words, kind)
        .or_else(|| refused_command(words))
        .or_else(|| refused_ddl(words, kind))
        .or_else(|| refused_locking(words))
        .or_else(|| refused_function(words))
}

fn refused_begin(words: &[Word], kind: &Kind) -> Option<Refusal> {
    if matches!(kind, Kind::Commit | Kind::Rollback) {
        let prepared = has(words, &["prepared"]).then(|| Refusal::statement("TwoPhaseCommit"));
        let chained = has(words, &["and", "chain"]).then(|| Refusal::statement("AND CHAIN"));
        return prepared.or(chained);
    }
    let Kind::Begin(_) = kind else { return None };
    for level in [&["serializable"][..], &["read", "committed"], &["read", "uncommitted"]] {
        if has(words, level) {
            let level = level.join(" ").to_uppercase();
            return Some(Refusal::unsupported(format!("Unsupported isolation level: {level}")));
        }
    }
    None
}

fn refused_command(words: &[Word]) -> Option<Refusal> {
    let first = words.first()?.name()?;
    let named = |name: &str| Some(Refusal::statement(name));
    match first {
        "savepoint" => Some(Refusal::unsupported("unsupported transaction statement: SAVEPOINT")),
        "release" => Some(Refusal::unsupported("unsupported transaction statement: RELEASE")),
        "rollback" | "abort" if has(words, &["to"]) => {
            Some(Refusal::unsupported("unsupported transaction statement: ROLLBACK TO"))
        }
        "set"
            if begins(words, &["set", "transaction"])
                || begins(words, &["set", "session", "characteristics"]) =>
        {
            Some(Refusal::unsupported(
                "setting configuration parameter \"TRANSACTION\" not supported",
            ))
        }
        "truncate" => named("Truncate"),
        "listen" => named("Listen"),
        "unlisten" => named("Unlisten"),
        "notify" => named("Notify"),
        "lock" => named("LockTable"),
        "do" => named("Do"),
        "call" => named("Call"),
        "cluster" => named("Cluster"),
        "reindex" => named("Reindex"),
        "refresh" => named("RefreshMaterializedView"),
        "checkpoint" => named("Checkpoint"),
        "load" => named("Load"),
        "prepare" if begins(words, &["prepare", "transaction"]) => named("PrepareTransaction"),
        "vacuum" => Some(Refusal::unsupported("unsupported VACUUM statement")),
        "select" | "with" if selects_into(words) => named("SelectInto"),
        _ => None,
    }
}

/// `SELECT ... INTO t`, as against `INSERT INTO t`.
fn selects_into(words: &[Word]) -> bool {
    (1..words.len())
        .any(|at| words[at].is("into") && !words[at - 1].is("insert") && !words[at - 1].is("merge"))
}

fn refused_ddl(words: &[Word], kind: &Kind) -> Option<Refusal> {
    let Kind::Ddl(object) = kind else { return None };
    let creates = words.first().is_some_and(|word| word.is("create"));
    let decoration: Vec<_> = words.iter().take(4).filter_map(Word::name).collect();
    let temporary = decoration.contains(&"temp") || decoration.contains(&"temporary");
    match object.as_str() {
        _ if creates && temporary => Some(Refusal::statement("CreateTemporary")),
        "trigger" | "event" => Some(Refusal::statement("CreateTrigger")),
        "rule" => Some(Refusal::statement("CreateRule")),
        "extension" => Some(Refusal::statement("CreateExtension")),
        "materialized" => Some(Refusal::statement("CreateMaterializedView")),
        "system" => Some(Refusal::statement("AlterSystem")),
        "database" | "tablespace" if creates => Some(Refusal::statement("CreateDatabase")),
        "index" if creates && !is_async(words) => {
            Some(Refusal::unsupported("unsupported mode. please use CREATE INDEX ASYNC."))
        }
        "table" if creates && creates_from_query(words) => {
            Some(Refusal::statement("CreateTableAs"))
        }
        // A body names tables that the caller's statement does not, and so would read stale copies.
        "function" | "procedure" if creates => {
            Some(Refusal::unsupported("functions are not supported on this engine"))
        }
        _ => None,
    }
}

/// Whether this is `CREATE [UNIQUE] INDEX ASYNC`.
pub(super) fn is_async(words: &[Word]) -> bool {
    has(words, &["index", "async"])
}

fn creates_from_query(words: &[Word]) -> bool {
    has(words, &["as", "select"])
        || has(words, &["as", "table"])
        || has(words, &["as", "with"])
        || has(words, &["as", "values"])
        || (0..words.len().saturating_sub(1))
            .any(|at| words[at].is("as") && words[at + 1].is_mark('('))
            && !has(words, &["generated"])
}

fn refused_locking(words: &[Word]) -> Option<Refusal> {
    const WEAK: &str = "locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported";
    if has(words, &["for", "share"]) || has(words, &["for", "no", "key", "update"]) {
        return Some(Refusal::unsupported(WEAK));
    }
    locks(words)?;
    if has(words, &["skip", "locked"]) {
        return Some(Refusal::unsupported("SKIP LOCKED is not supported"));
    }
    has(words, &["nowait"]).then(|| Refusal::unsupported("NOWAIT is not supported"))
}

fn refused_function(words: &[Word]) -> Option<Refusal> {
    let called =
        words.windows(2).filter(|pair| pair[1].is_mark('(')).filter_map(|pair| pair[0].name());
    let mut called = called.filter(|name| {
        name.starts_with("pg_advisory")
            || name.starts_with("pg_try_advisory")
            || *name == "pg_notify"
    });
    called.next().map(|name| Refusal::unsupported(format!("unsupported function: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> String {
        format!("{:?}", Statement::read(sql).refusal)
    }

    #[test]
    fn the_first_words_say_what_a_statement_does_to_the_transaction() {
        assert_eq!(Statement::read("").kind, Kind::Empty);
        assert_eq!(Statement::read("begin transaction").kind, Kind::Begin(Access::ReadWrite));
        assert_eq!(
            Statement::read("START TRANSACTION READ ONLY").kind,
            Kind::Begin(Access::ReadOnly)
        );
        assert_eq!(Statement::read("end").kind, Kind::Commit);
        assert_eq!(Statement::read("ABORT work").kind, Kind::Rollback);
        assert_eq!(
            Statement::read("create unique index async i on t(a)").kind,
            Kind::Ddl("index".into())
        );
        assert_eq!(Statement::read("execute \"P\"(1)").kind, Kind::Execute("P".into()));
        assert_eq!(Statement::read("(select 1)").kind, Kind::Query);
    }

    #[test]
    fn locking_is_no_writing() {
        let locking = Statement::read("select * from seats for update of seats");
        assert_eq!((locking.writes, locking.locks), (false, Some(RowLock::Update)));
        let sharing = Statement::read("select 1 from seats for key share");
        assert_eq!((sharing.writes, sharing.locks), (false, Some(RowLock::KeyShare)));
        assert!(
            Statement::read("with x as (update seats set a = 1 returning *) select * from x")
                .writes
        );
        assert!(Statement::read("copy seats from stdin").writes);
        assert!(!Statement::read("copy seats to stdout").writes);
    }

    #[test]
    fn every_name_that_could_be_a_table_is_found() {
        let statement = Statement::read("select s.a from public.\"Seats\" s join seats on true");
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
        assert_eq!(refused("update t set a = 1"), "None");
    }
}
