//! Statements that this engine does not run, in the words in which Aurora DSQL refuses them.

use super::function::function_language;
use super::kind::{Kind, locks};
use crate::core::syntax::{Word, WordKind, begins, has};
use crate::gateway::refusal::Refusal;

/// Why this engine does not run a statement of these words.
pub(super) fn refusal(sql: &str, words: &[Word], kind: &Kind) -> Option<Refusal> {
    if sets_our_level(sql, words) {
        return None;
    }
    // The escapes are not decoded here. The table would not be found, and be used past its copy.
    if words.iter().any(|word| word.kind == WordKind::Escaped) {
        return Some(Refusal::unsupported(
            "names with Unicode escapes (U&\"...\") are not supported",
        ));
    }
    refused_begin(words, kind)
        .or_else(|| refused_command(words))
        .or_else(|| refused_ddl(words, kind))
        .or_else(|| refused_locking(words))
        .or_else(|| refused_setting(words))
        .or_else(|| refused_overriding(words))
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
            Some(Refusal::setting("TRANSACTION"))
        }
        "truncate" => named("Truncate"),
        "listen" => named("Listen"),
        "unlisten" => named("Unlisten"),
        "notify" => named("Notify"),
        "lock" => named("LockTable"),
        "do" => named("Do"),
        // The one procedure that there is.
        "call" if names_wait_for_job(&words[1..]) => None,
        "call" => named("Call"),
        "cluster" => named("Cluster"),
        "reindex" => named("Reindex"),
        "refresh" => named("RefreshMaterializedView"),
        "checkpoint" => named("Checkpoint"),
        "load" => named("Load"),
        "prepare" if begins(words, &["prepare", "transaction"]) => named("PrepareTransaction"),
        "vacuum" => Some(Refusal::unsupported("unsupported VACUUM statement")),
        _ if selects_into(words) => named("SelectInto"),
        _ => None,
    }
}

/// Whether these words begin with `sys.wait_for_job`.
pub(crate) fn names_wait_for_job(words: &[Word]) -> bool {
    let [schema, dot, name, ..] = words else { return false };
    schema.name() == Some("sys") && dot.is_mark('.') && name.name() == Some("wait_for_job")
}

/// `SELECT ... INTO t`, as against `INSERT INTO t`.
pub(crate) fn selects_into(words: &[Word]) -> bool {
    let selects = ["select", "with"].iter().any(|verb| begins(words, &[verb]));
    let is_target = |at: usize| {
        words[at].is("into") && !words[at - 1].is("insert") && !words[at - 1].is("merge")
    };
    selects && (1..words.len()).any(is_target)
}

fn refused_ddl(words: &[Word], kind: &Kind) -> Option<Refusal> {
    let Kind::Ddl(object) = kind else { return None };
    let creates = words.first().is_some_and(|word| word.is("create"));
    let decoration: Vec<_> = words.iter().take(4).filter_map(Word::name).collect();
    let temporary = decoration.contains(&"temp") || decoration.contains(&"temporary");
    match object.as_str() {
        _ if creates && temporary => Some(Refusal::statement("CreateTemporary")),
        // What there is of them from elsewhere can go, and TRIGGER is a right as well.
        "trigger" if ["drop", "grant", "revoke"].iter().any(|verb| begins(words, &[verb])) => None,
        "trigger" | "event" => Some(Refusal::statement("CreateTrigger")),
        "rule" => Some(Refusal::statement("CreateRule")),
        "extension" => Some(Refusal::statement("CreateExtension")),
        "materialized" => Some(Refusal::statement("CreateMaterializedView")),
        "system" => Some(Refusal::statement("AlterSystem")),
        "database" | "tablespace" if creates => Some(Refusal::statement("CreateDatabase")),
        "index" if creates && !is_async(words) => Some(Refusal::index_at_once()),
        "table" if creates && creates_from_query(words) => {
            Some(Refusal::statement("CreateTableAs"))
        }
        // Its body names tables that the caller's statement does not, and so would read stale
        // copies: whether it does is looked at where it is called.
        "function" if creates && is_in_sql(words) => None,
        "function" | "procedure" if creates => {
            Some(Refusal::unsupported("functions are not supported on this engine"))
        }
        _ => None,
    }
}

/// Whether a function is in SQL, or in no language, which PostgreSQL refuses.
fn is_in_sql(words: &[Word]) -> bool {
    function_language(words).is_none_or(|language| language == "sql")
}

/// Whether this is `CREATE [UNIQUE] INDEX ASYNC` or `ALTER TABLE ASYNC`.
pub(crate) fn is_async(words: &[Word]) -> bool {
    has(words, &["index", "async"]) || begins(words, &["alter", "table", "async"])
}

/// Whether this is CREATE TABLE AS.
pub(crate) fn creates_from_query(words: &[Word]) -> bool {
    has(words, &["as", "select"])
        || has(words, &["as", "table"])
        || has(words, &["as", "with"])
        || has(words, &["as", "values"])
        || has(words, &["as", "execute"])
        // But not the expression of a generated column: `b int generated always as (a * 2) stored`.
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

/// Every transaction is REPEATABLE READ, and one that may not write could not make copies: BEGIN
/// READ ONLY says it to the gateway.
fn refused_setting(words: &[Word]) -> Option<Refusal> {
    const OURS: [&str; 5] = [
        "transaction_isolation",
        "transaction_read_only",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "session_replication_role",
    ];
    words.first().filter(|first| first.is("set"))?;
    // These values are harmless: none of them asks for another level, or for a transaction in which
    // no copy could be made.
    if words.last().is_some_and(|value| {
        ["off", "false", "no", "default", "origin"].iter().any(|plain| value.is(plain))
    }) {
        return None;
    }
    let name = what_is_set(words)?;
    OURS.contains(&name).then(|| Refusal::setting(name))
}

/// The parameter that a SET sets.
fn what_is_set(words: &[Word]) -> Option<&str> {
    let scope = words.get(1).is_some_and(|word| word.is("session") || word.is("local"));
    words.get(if scope { 2 } else { 1 })?.name()
}

/// Whether it asks that transactions have the one level that they have here, as drivers do when
/// they connect.
fn sets_our_level(sql: &str, words: &[Word]) -> bool {
    const SESSION: [&str; 5] = ["set", "session", "characteristics", "as", "transaction"];
    if begins(words, &SESSION) {
        return are_our_modes(&words[SESSION.len()..]);
    }
    let scope = words.get(1).is_some_and(|word| word.is("session") || word.is("local"));
    let [set, .., name, sign, level] = words else { return false };
    let is_set = set.is("set") && words.len() == 4 + usize::from(scope);
    let value = sql[level.span.clone()].trim_matches(['\'', '"']);
    is_set
        && name.name() == Some("default_transaction_isolation")
        && (sign.is("to") || sign.is_mark('='))
        && value.eq_ignore_ascii_case("repeatable read")
}

/// Whether transactions can be so. The service takes these of SET SESSION CHARACTERISTICS
/// (dsql-lint's grammar of what a cluster has taken), and there may be commas between them or none.
fn are_our_modes(words: &[Word]) -> bool {
    const MODES: [&[&str]; 3] =
        [&["isolation", "level", "repeatable", "read"], &["read", "only"], &["read", "write"]];
    let mut rest = words;
    while let Some(mode) = MODES.iter().find(|mode| begins(rest, mode)) {
        rest = &rest[mode.len()..];
        if let [comma, behind @ ..] = rest
            && comma.is_mark(',')
            && !behind.is_empty()
        {
            rest = behind;
        }
    }
    rest.is_empty() && !words.is_empty()
}

/// A copy's identity column has a default, so PostgreSQL would take the user's value that it is
/// told to leave.
fn refused_overriding(words: &[Word]) -> Option<Refusal> {
    has(words, &["overriding", "user", "value"])
        .then(|| Refusal::unsupported("OVERRIDING USER VALUE is not supported"))
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
