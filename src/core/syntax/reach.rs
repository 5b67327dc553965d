//! What a statement may change when only one schema is ours: what it names elsewhere, and what
//! cannot be told from its text.
//!
//! An unqualified name is ours as long as the `search_path` is the run's own; a qualified one is
//! somebody else's. Strings are read too: they are the bodies of `DO` and of routines. Where the
//! text cannot tell, that is said: a doubt is never taken for a no.

use std::collections::BTreeSet;

use super::built_in::is_built_in;
use super::{Strings, Word, WordKind};

/// What a statement may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// What it changes by a name of another schema, or of none: `public.accounts`, `role clerk`.
    pub outside: BTreeSet<String>,
    /// What it does of which the text does not tell what that changes: `calls public.transfer()`.
    pub doubts: BTreeSet<String>,
    /// The unqualified names that it changes: ours unless the session has moved to another
    /// `search_path`.
    pub unqualified: BTreeSet<String>,
    /// The sequences that it advances or sets, unqualified ones among them. No rollback takes that
    /// back.
    pub sequences: BTreeSet<String>,
    /// What a CREATE makes by an unqualified name, which is among `unqualified`.
    pub makes: Option<Made>,
    /// The routines that it calls by unqualified names; PostgreSQL's own are not among them.
    pub calls: BTreeSet<String>,
    /// Whether it changes the `search_path`.
    pub moves: bool,
    /// What the routine that it makes may change whenever it is called.
    pub routine: Option<Box<Self>>,
}

/// What a CREATE makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A table, a view or a sequence.
    Relation(String),
    /// A function or a procedure.
    Routine(String),
    /// What no later statement changes rows by: an index, a trigger, a type.
    Other(String),
}

impl Made {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Relation(name) | Self::Routine(name) | Self::Other(name) => name,
        }
    }
}

impl Reach {
    /// Whether nothing but our own schema can be changed, as long as unqualified names are ours.
    pub fn is_within(&self) -> bool {
        let is_within = |name: &String| !name.contains('.');
        self.outside.is_empty() && self.doubts.is_empty() && self.sequences.iter().all(is_within)
    }
}

/// Schemas in which nothing lasts that a statement could change by name.
const NOBODYS: [&str; 3] = ["pg_catalog", "information_schema", "pg_temp"];
/// What a CREATE, ALTER or DROP names that is in no schema.
// The first word has to do: `event` is EVENT TRIGGER, `access` is ACCESS METHOD, `system` is what
// ALTER SYSTEM sets, and `foreign` is FOREIGN DATA WRAPPER or FOREIGN TABLE, whose rows are
// elsewhere.
const WITHOUT_SCHEMA: [&str; 16] = [
    "role",
    "user",
    "group",
    "database",
    "schema",
    "extension",
    "tablespace",
    "language",
    "publication",
    "subscription",
    "server",
    "system",
    "event",
    "foreign",
    "access",
    "cast",
];
/// Where what a CREATE, ALTER, GRANT or their like names ends, and what it says of that begins.
// `owned`, because `t.c` in `alter sequence s owned by t.c` is a column, and no table of schema
// `t`.
const ENDS_OF_NAMES: [&str; 8] = ["(", "as", "select", "owned", "add", "set", "execute", "returns"];
/// What stands in a definition between its verb and the first name.
const BEFORE_NAMES: [&str; 22] = [
    "or",
    "replace",
    "unlogged",
    "unique",
    "materialized",
    "recursive",
    "constraint",
    "aggregate",
    "table",
    "view",
    "index",
    "sequence",
    "function",
    "procedure",
    "type",
    "domain",
    "trigger",
    "rule",
    "if",
    "not",
    "exists",
    "only",
];
/// Before `update`, these say that it is no statement: FOR UPDATE, DO UPDATE, ON UPDATE and so on.
const NO_STATEMENT: [&str; 9] = ["for", "do", "then", "key", "on", "or", "of", "before", "after"];

/// What a statement of these words may change.
pub fn reach(words: &[Word]) -> Reach {
    let mut reach = Reach::default();
    let text = |place: usize| words.get(place).map_or("", |word| word.text.as_str());
    match text(0) {
        "create" | "alter" | "drop" | "grant" | "revoke" | "comment" | "reassign" | "import"
        | "security" => definition(words, &mut reach),
        // EXPLAIN only plans; with ANALYZE, which may be spelt ANALYSE, it executes.
        "explain" if !words.iter().any(|word| word.text.starts_with("analy")) => return reach,
        "set" | "reset" | "discard" => {
            // `set schema 'app'` is short for the search path. RESET ALL and DISCARD ALL take the
            // run's own path away: that was set, and is no default.
            reach.moves = words.iter().any(|w| matches!(w.text.as_str(), "search_path" | "all"))
                || (text(1) == "schema" || text(2) == "schema");
            return reach;
        }
        "do" => body(words, &mut reach),
        _ => changes(words, &mut reach),
    }
    reach
}

fn is_name(word: &Word) -> bool {
    matches!(word.kind, WordKind::Plain | WordKind::Quoted | WordKind::Escaped)
}

/// The words of a string that is SQL itself.
fn words_in(string: &Word) -> Vec<Word> {
    super::words(&string.text, Strings::Conforming)
}

/// A name at a place, and the place behind it: `"Odd".accounts` is two words and a sign.
fn name_at(words: &[Word], place: usize) -> Option<(Vec<&str>, usize)> {
    let first = words.get(place).filter(|word| is_name(word))?;
    let (mut parts, mut next) = (vec![first.text.as_str()], place + 1);
    while words.get(next).is_some_and(|word| word.text == ".")
        && let Some(part) = words.get(next + 1).filter(|word| is_name(word))
    {
        parts.push(&part.text);
        next += 2;
    }
    Some((parts, next))
}

fn note(parts: &[&str], reach: &mut Reach) {
    match parts {
        [.., schema, _] if NOBODYS.contains(schema) || schema.starts_with("pg_temp") => {}
        [name] => drop(reach.unqualified.insert((*name).to_owned())),
        _ => drop(reach.outside.insert(parts.join("."))),
    }
}

fn note_sequence(parts: &[&str], reach: &mut Reach) {
    let is_temporary =
        parts.iter().rev().nth(1).is_some_and(|schema| schema.starts_with("pg_temp"));
    if !is_temporary {
        reach.sequences.insert(parts.join("."));
    }
}

/// The tables whose rows are changed, anywhere in a statement or in a routine's body, and what is
/// called.
fn changes(words: &[Word], reach: &mut Reach) {
    // At every place, not at the first alone: behind WITH, PREPARE and EXPLAIN ANALYZE, and in a
    // body.
    for place in 0..words.len() {
        if let Some(mut target) = target_at(words, place) {
            while let Some((parts, next)) = name_at(words, target) {
                note(&parts, reach);
                // TRUNCATE alone names several tables. Behind another one's comma something else
                // follows.
                let goes_on = words[place].is("truncate") && words.get(next).is_some_and(is_comma);
                target = if goes_on { next + 1 } else { words.len() };
            }
        }
        call_at(words, place, reach);
    }
}

fn is_comma(word: &Word) -> bool {
    word.text == ","
}

/// Where the name of the table stands that is changed by what begins here.
fn target_at(words: &[Word], place: usize) -> Option<usize> {
    let is = |offset: usize, keyword| words.get(place + offset).is_some_and(|w| w.is(keyword));
    let before = place.checked_sub(1).map_or("", |before| words[before].text.as_str());
    let target = match words[place].text.as_str() {
        _ if words[place].kind != WordKind::Plain => return None,
        "insert" | "merge" if is(1, "into") => place + 2,
        "delete" if is(1, "from") => place + 2,
        "update" if !NO_STATEMENT.contains(&before) => place + 1,
        "truncate" if !NO_STATEMENT.contains(&before) => place + 1 + usize::from(is(1, "table")),
        // COPY is no reserved word: `select * into public.copy from t` has a table of that name.
        "copy" if before.is_empty() => copied_into(words, place)?,
        // Only in a statement of its own: in a body, which begins with another word, INTO fills a
        // variable.
        "into" if before != "insert" && before != "merge" && words[0].is("select") => place + 1,
        _ => return None,
    };
    let skipped = ["only", "table", "temp", "temporary", "unlogged"];
    let target = target
        + words[target.min(words.len())..]
            .iter()
            .take_while(|w| skipped.contains(&w.text.as_str()))
            .count();
    // `then update set a = 1`, `before update of a on t`, `after update or delete on t`.
    let no_name = ["set", "of", "on", "or"];
    words.get(target).filter(|word| !no_name.contains(&word.text.as_str())).map(|_| target)
}

/// COPY changes a table if it reads FROM somewhere.
fn copied_into(words: &[Word], place: usize) -> Option<usize> {
    let (_, next) = name_at(words, place + 1)?;
    let rest = words[next..].iter().skip_while(|word| word.text != "from" && word.text != "to");
    rest.take(1).any(|word| word.is("from")).then_some(place + 1)
}

/// A call of a routine of another schema, or of one that changes what is in no schema.
fn call_at(words: &[Word], place: usize, reach: &mut Reach) {
    let follows_a_dot = place > 0 && words[place - 1].text == ".";
    let Some((parts, next)) = name_at(words, place).filter(|_| !follows_a_dot) else { return };
    if words.get(next).is_none_or(|word| word.text != "(") {
        return;
    }
    let argument = words.get(next + 1).filter(|word| word.kind == WordKind::Text);
    match parts.as_slice() {
        ["pg_catalog", name] | [name] => match *name {
            "nextval" | "setval" => {
                let named = argument.map(words_in).unwrap_or_default();
                match name_at(&named, 0) {
                    Some((parts, _)) => note_sequence(&parts, reach),
                    None => drop(reach.doubts.insert(format!("calls {name}()"))),
                }
            }
            // An argument that is no literal may turn out to be the search path.
            "set_config" if argument.is_none_or(|w| w.text.eq_ignore_ascii_case("search_path")) => {
                reach.moves = true;
            }
            // Large objects are in no schema; dblink sends its SQL over a connection that nobody
            // here sees.
            name if name.starts_with("lo_") || name.starts_with("dblink") => {
                reach.doubts.insert(format!("calls {name}()"));
            }
            name => {
                if parts.len() == 1 && is_a_call(words, place, next) {
                    reach.calls.insert(name.to_owned());
                }
            }
        },
        [schema, ..] if NOBODYS.contains(schema) => {}
        // `insert into public.t (a, b)` is no call.
        _ if is_named_for_rows(words, place) => {}
        parts => drop(reach.doubts.insert(format!("calls {}()", parts.join(".")))),
    }
}

/// Whether an unqualified name with a parenthesis behind it is that of a routine which somebody has
/// made.
fn is_a_call(words: &[Word], place: usize, next: usize) -> bool {
    let before = place.checked_sub(1).map_or("", |before| words[before].text.as_str());
    // CALL names a procedure, and PostgreSQL has none of its own.
    if before == "call" {
        return true;
    }
    let is_keyword_or_its_own = is_built_in(&words[place].text);
    // `u (a, b)` names columns: of what is defined, or of what stands in a FROM.
    let names_columns = [
        ")",
        "as",
        "with",
        "recursive",
        "function",
        "procedure",
        "aggregate",
        "prepare",
        "execute",
        "vacuum",
        "analyze",
    ];
    let is_a_later_cte = before == "," && words[0].is("with") && is_defined(words, next);
    !is_keyword_or_its_own
        && !names_columns.contains(&before)
        && !is_named_for_rows(words, place)
        && !is_a_later_cte
}

/// Whether `AS (` follows the parentheses that open here: `with a as (...), b (x) as (...)`.
fn is_defined(words: &[Word], opening: usize) -> bool {
    let mut depth = 0_usize;
    let closing = words[opening..].iter().position(|word| {
        match word.text.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    closing
        .is_some_and(|closing| words.get(opening + closing + 1).is_some_and(|word| word.is("as")))
}

fn is_named_for_rows(words: &[Word], place: usize) -> bool {
    let before = place.checked_sub(1).map_or("", |before| words[before].text.as_str());
    matches!(before, "into" | "references" | "table" | "on" | "only" | "exists" | "copy")
}

/// CREATE and its like: what they name, up to what they say of it.
fn definition(words: &[Word], reach: &mut Reach) {
    let kind = words.iter().skip(1).find(|word| {
        !["or", "replace", "temp", "temporary", "global", "local", "unlogged", "trusted"]
            .contains(&word.text.as_str())
    });
    let kind = kind.map_or("", |word| word.text.as_str());
    if words[1..].iter().take(3).any(|word| word.is("temp") || word.is("temporary")) {
        return;
    }
    let names_end = words.iter().skip(1).position(|word| {
        !matches!(word.kind, WordKind::Quoted | WordKind::Escaped)
            && ENDS_OF_NAMES.contains(&word.text.as_str())
    });
    // `position` has counted from the second word on: this leaves out the word at which the names
    // end.
    let head = &words[..names_end.map_or(words.len(), |end| end + 1)];
    let is_grant_of_a_role = ["grant", "revoke"].contains(&words[0].text.as_str())
        && !words.iter().any(|word| word.is("on"));
    if WITHOUT_SCHEMA.contains(&kind) || is_grant_of_a_role || names_something_global(words, kind) {
        let said: Vec<&str> = head.iter().skip(1).take(3).map(|word| word.text.as_str()).collect();
        reach.outside.insert(said.join(" "));
        return;
    }
    let parts_of_its_own =
        // COMMENT ON COLUMN: the last part is the column's name, so `t.c` tells no schema yet.
        if kind == "on" && words.get(2).is_some_and(|w| w.is("column")) { 2 } else { 1 };
    let mut place = 1;
    while place < head.len() {
        match name_at(head, place) {
            Some((parts, next)) => {
                // Most words of a definition are keywords, and look like unqualified names. Only
                // qualified ones can be told, and the others are ours anyway.
                if parts.len() > parts_of_its_own {
                    note(&parts, reach);
                }
                place = next;
            }
            None => place += 1,
        }
    }
    let named = name_unqualified(head, reach);
    if words[0].is("create") {
        reach.makes = named.map(|name| made(kind, name));
    }
    if kind == "trigger" {
        reach.routine = called_by_trigger(words);
    }
    if kind == "function" || kind == "procedure" {
        let mut routine = Reach::default();
        body(words, &mut routine);
        reach.routine = Some(Box::new(routine));
    }
    if kind == "rule" {
        changes(&words[1..], reach);
        // `create rule r as on update to t do ...`.
        let table = words.iter().position(|word| word.is("to"));
        if let Some((parts, _)) = table.and_then(|to| name_at(words, to + 1)) {
            note(&parts, reach);
        }
    }
}

fn made(kind: &str, name: String) -> Made {
    match kind {
        "table" | "view" | "materialized" | "recursive" | "sequence" => Made::Relation(name),
        "function" | "procedure" => Made::Routine(name),
        _ => Made::Other(name),
    }
}

/// What a trigger's function may do, which is another statement's to make: that it is called.
fn called_by_trigger(words: &[Word]) -> Option<Box<Reach>> {
    let called = words.iter().position(|word| word.is("execute"))? + 2;
    let (parts, _) = name_at(words, called)?;
    let mut trigger = Reach::default();
    match parts.as_slice() {
        [name] => drop(trigger.calls.insert((*name).to_owned())),
        [schema, ..] if NOBODYS.contains(schema) => {}
        parts => drop(trigger.doubts.insert(format!("calls {}()", parts.join(".")))),
    }
    Some(Box::new(trigger))
}

/// Notes what a definition names without a schema: the objects, and the table that they are on; the
/// object's name, if it has one.
fn name_unqualified(head: &[Word], reach: &mut Reach) -> Option<String> {
    let is_before =
        |word: &&Word| word.kind == WordKind::Plain && BEFORE_NAMES.contains(&&*word.text);
    let named = 1 + head.iter().skip(1).take_while(is_before).count();
    let on = head
        .iter()
        .position(|word| word.is("on"))
        .map(|on| on + 1 + head[on + 1..].iter().take_while(is_before).count());
    let is_on = |place: &usize| head.get(*place).is_some_and(|word| word.is("on"));
    let own = name_at(head, named).filter(|_| !is_on(&named));
    let own = own.and_then(|(parts, _)| match parts[..] {
        [name] => Some(name.to_owned()),
        _ => None,
    });
    for mut place in [Some(named).filter(|place| !is_on(place)), on].into_iter().flatten() {
        while let Some((parts, next)) = name_at(head, place) {
            if let [name] = parts[..] {
                reach.unqualified.insert(name.to_owned());
            }
            if !head.get(next).is_some_and(is_comma) {
                break;
            }
            place = next + 1;
        }
    }
    own
}

/// GRANT ... ON SCHEMA, COMMENT ON ROLE, ALTER DEFAULT PRIVILEGES, DROP OWNED.
fn names_something_global(words: &[Word], kind: &str) -> bool {
    if ["default", "owned", "label"].contains(&kind)
        || ["reassign", "import"].contains(&words[0].text.as_str())
    {
        return true;
    }
    let on = words.iter().position(|word| word.is("on"));
    let is_of_grants = ["grant", "revoke", "comment"].contains(&words[0].text.as_str());
    let what = on.and_then(|on| words.get(on + 1)).filter(|_| is_of_grants);
    what.is_some_and(|what| WITHOUT_SCHEMA.contains(&what.text.as_str()))
}

/// What a routine's body, which is a string or stands between BEGIN ATOMIC and END, changes.
fn body(statement: &[Word], reach: &mut Reach) {
    changes(statement, reach);
    for string in statement.iter().filter(|word| word.kind == WordKind::Text) {
        let inner = words_in(string);
        if inner.iter().any(|word| word.is("execute")) {
            reach.doubts.insert("runs SQL that it composes".to_owned());
        }
        let moves = inner.iter().any(|word| word.is("search_path"));
        let defines = inner.iter().enumerate().any(|(place, word)| {
            // Any of these words may name a column or a variable as well; it is a statement only
            // where one begins.
            let starts = place == 0
                || [";", "begin", "then", "loop", "else"].contains(&inner[place - 1].text.as_str());
            starts && ["create", "alter", "drop", "grant", "revoke"].iter().any(|ddl| word.is(ddl))
        });
        // DDL that qualifies nothing stays within what is ours.
        if moves || (defines && inner.iter().any(|word| word.text == ".")) {
            reach.doubts.insert("runs statements that the console does not follow".to_owned());
        }
        changes(&inner, reach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(sql: &str) -> Reach {
        super::reach(&crate::core::syntax::words(sql, Strings::Conforming))
    }

    fn outside(sql: &str) -> Vec<String> {
        reach(sql).outside.into_iter().collect()
    }

    #[test]
    fn what_is_ours_or_only_read_is_within() {
        for sql in [
            "update tickets set owner = 'x' where t.id = 1",
            "insert into tickets (a, b) select a, b from public.events",
            "select * from public.accounts for update",
            "select * from public.accounts for no key update",
            "select t.a, count(*) from public.t t group by t.a",
            "insert into t values (1) on conflict (id) do update set a = excluded.a",
            "create table t (id int primary key, a int references public.other (id))",
            "create index on t (a)",
            "create temp table x as select * from public.y",
            "create trigger x before insert or update on t for each row execute function f()",
            "comment on column t.c is 'x'",
            "alter sequence s owned by t.c",
            "explain update public.accounts set a = 1",
            "copy public.accounts to stdout",
            "vacuum public.accounts",
            "lock table public.accounts",
            "begin",
            "select pg_advisory_lock(1), pg_catalog.now(), nextval('s')",
            "do $$ begin update tickets set a = 1; perform pg_sleep(0); end $$",
            "merge into t using s on true when matched then update set a = 1",
            "",
        ] {
            assert!(reach(sql).is_within(), "{sql}: {:?}", reach(sql));
        }
    }

    #[test]
    fn what_is_changed_elsewhere_is_named() {
        for (sql, expected) in [
            ("UPDATE Public.Accounts SET a = 1", "public.accounts"),
            ("update only public.accounts a set b = 1", "public.accounts"),
            ("insert into \"Odd\".t (a, b) values (1, 2)", "Odd.t"),
            ("with gone as (delete from app.t returning *) select * from gone", "app.t"),
            ("explain (analyze) update public.t set a = 1", "public.t"),
            ("prepare p as update public.t set a = 1", "public.t"),
            ("merge into public.t using s on true when matched then update set a = 1", "public.t"),
            ("truncate table t, public.u", "public.u"),
            ("copy public.t from stdin", "public.t"),
            ("select * into public.copy from t", "public.copy"),
            ("create table public.t (id int)", "public.t"),
            ("create unique index concurrently i on public.t (a)", "public.t"),
            ("drop table if exists t, public.u", "public.u"),
            ("alter table public.t add column a int", "public.t"),
            ("create role clerk login", "role clerk login"),
            ("drop schema app cascade", "schema app cascade"),
            ("do $$ begin update public.t set a = 1; end $$", "public.t"),
            ("create or replace function public.f() returns void as 'select 1'", "public.f"),
            ("create procedure app.p(a public.mood) as 'delete from public.t'", "app.p"),
        ] {
            assert_eq!(outside(sql), [expected], "{sql}");
        }
    }

    #[test]
    fn what_a_routine_changes_counts_when_it_is_called() {
        let makes = "create function f() returns void language sql as 'delete from public.t'";
        let made = reach(makes);
        assert!(made.is_within(), "{made:?}");
        assert_eq!(Vec::from_iter(made.routine.unwrap().outside), ["public.t"]);
        assert!(reach("alter table t rename to u").routine.is_none());
    }

    #[test]
    fn a_definition_names_what_it_makes_and_what_that_is_on() {
        for (sql, names) in [
            ("create table if not exists t (a int)", &["t"][..]),
            ("create unique index i on only t (a)", &["i", "t"]),
            ("create index on t (a)", &["t"]),
            ("create trigger g before update on t execute function f()", &["g", "t"]),
            ("alter table only t add column b int", &["t"]),
            ("drop table if exists a, public.b, \"C\" cascade", &["C", "a"]),
            ("create or replace view v as select 1", &["v"]),
            ("create temp table x (a int)", &[]),
        ] {
            assert_eq!(Vec::from_iter(reach(sql).unqualified), names, "{sql}");
        }
    }

    #[test]
    fn what_a_definition_makes_is_not_what_it_is_on() {
        let makes = |sql| reach(sql).makes;
        let other = |name: &str| Some(Made::Other(name.to_owned()));
        assert_eq!(makes("create index i on t (a)"), other("i"));
        assert_eq!(makes("create index on t (a)"), None);
        assert_eq!(makes("create trigger g before update on t execute function f()"), other("g"));
        let rule = reach("create rule r as on update to t do instead nothing");
        assert_eq!(
            (rule.makes, Vec::from_iter(rule.unqualified)),
            (other("r"), vec!["r".to_owned(), "t".to_owned()])
        );
        for sql in [
            "create table if not exists t (a int)",
            "create or replace view t as select 1",
            "create materialized view t as select 1",
            "create sequence t",
        ] {
            assert_eq!(makes(sql), Some(Made::Relation("t".to_owned())), "{sql}");
        }
        let routine = makes("create or replace procedure p(a int) language sql as ''");
        assert_eq!(routine, Some(Made::Routine("p".to_owned())));
        assert_eq!(makes("drop table t"), None);
    }

    #[test]
    fn own_routines_that_are_called_are_named_and_postgresqls_are_not() {
        for (sql, calls) in [
            ("call transfer(1, 2)", &["transfer"][..]),
            ("call abs(1)", &["abs"]),
            ("select book_seat(4), public.other(1)", &["book_seat"]),
            ("update t set a = Next_Price(a) where \"Odd\"(b)", &["Odd", "next_price"]),
            ("with a as (select 1), b (x) as (select f(1)) select g(x) from b", &["f", "g"]),
            (
                "do $$ begin perform book_seat(1); if (x) then return; end if; end $$",
                &["book_seat"],
            ),
            ("explain analyze select f()", &["f"]),
            ("select count(*) filter (where a in (1)), coalesce(max(a), 0) from t", &[]),
            ("select cast(a as numeric(4, 2)), extract(year from now()) from u as v (a)", &[]),
            ("select * from generate_series(1, 3) g (x) where exists (select 1)", &[]),
            ("insert into t (a) values (nextval('s')) on conflict (a) do nothing", &[]),
            ("select sum(a) over (partition by b) from t join u using (b)", &[]),
            ("select pg_sleep(1), pg_advisory_xact_lock(1), gen_random_uuid()", &[]),
            ("merge into t using s on (true) when not matched then insert (a) values (1)", &[]),
            ("create function f(a int) returns int language sql as 'select 1'", &[]),
        ] {
            assert_eq!(Vec::from_iter(reach(sql).calls), calls, "{sql}");
        }
        let trigger = reach("create trigger g after update on t execute procedure public.f()");
        assert!(!trigger.routine.unwrap().is_within());
    }

    #[test]
    fn sequences_stand_apart() {
        for (sql, expected) in [
            ("select nextval('public.s')", "public.s"),
            ("insert into t values (pg_catalog.nextval('app.\"Odd\"'::regclass))", "app.Odd"),
            ("do $$ begin perform setval('public.s', 1); end $$", "public.s"),
        ] {
            assert_eq!(Vec::from_iter(reach(sql).sequences), [expected], "{sql}");
            assert!(!reach(sql).is_within() && outside(sql).is_empty(), "{sql}");
        }
        assert!(reach("select nextval('pg_temp.s'), currval('public.s')").sequences.is_empty());
    }

    #[test]
    fn what_the_text_cannot_tell_is_a_doubt() {
        for sql in [
            "select public.transfer(1, 2)",
            "call app.transfer(1, 2)",
            "do $$ begin execute 'update ' || t; end $$",
            "select lo_create(0)",
            "select dblink_exec('dbname=x', 'delete from t')",
            "do $$ begin create table public.t (); end $$",
        ] {
            assert!(!reach(sql).doubts.is_empty(), "{sql}: {:?}", reach(sql));
        }
    }

    #[test]
    fn a_session_that_moves_to_another_search_path_is_told() {
        for sql in [
            "set search_path = public",
            "set local search_path to public",
            "select set_config('search_path', 'public', false)",
            "reset all",
            "set schema 'public'",
            "discard all",
        ] {
            assert!(reach(sql).moves, "{sql}");
        }
        assert!(!reach("set lock_timeout = '1s'").moves);
        assert_eq!(Vec::from_iter(reach("update t set a = 1").unqualified), ["t"]);
    }
}
