//! The extended protocol through the optimistic engine, message by message: whatever makes the
//! copies anew or ends a transaction from outside between two messages, what is acknowledged is
//! stored.

use tokio_postgres::Client;

use crate::gateway::{Served, says};
use crate::raw::{Answer, Raw, line};

const TABLE: &str =
    "create table t (a int primary key, b text); insert into t values (1, 'x'), (2, 'y')";

async fn table() -> (Served, Raw, Client) {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TABLE).await.unwrap();
    let (raw, other) = (Raw::connect(served.folder.path()).await, served.client().await);
    (served, raw, other)
}

/// What makes the copies anew.
const CHANGES: [&str; 10] = [
    "alter table t add column c int",
    "create table other (id int)",
    "comment on table t is 'x'",
    "grant select on t to public",
    "create index async on t (b)",
    "create view v as select 1 as x",
    "analyze t",
    "discard temp",
    "set search_path = public",
    "vacuum full t",
];

const STATEMENTS: [(&str, &str, &str); 5] = [
    ("insert into t (a, b) values (3, 'new')", "[INSERT 0 1]", "1x2y3new"),
    ("update t set b = 'new' where a = 1", "[UPDATE 1]", "1new2y"),
    ("delete from t where a = 1", "[DELETE 1]", "2y"),
    (
        "with w as (insert into t values (1, 'z') on conflict (a) do update set b = t.b || 'z' \
         returning b) select b from w",
        "(xz) [SELECT 1]",
        "1xz2y",
    ),
    ("select count(*) from t", "(2) [SELECT 1]", "1x2y"),
];

/// Sends what `messages` puts until it is answered otherwise than by OC001, which asks for a retry.
async fn retried(raw: &mut Raw, messages: impl Fn(&mut Raw)) -> String {
    loop {
        messages(raw);
        let said = raw.says().await;
        if !said.contains("!40001") {
            return said;
        }
    }
}

fn in_one(raw: &mut Raw) {
    raw.bind("", "p").execute("").sync();
}

fn flushed_in_between(raw: &mut Raw) {
    raw.describe("Sp").bind("c", "p").flush().describe("Pc").flush().execute("c").sync();
}

fn behind_another_portal(raw: &mut Raw) {
    raw.parse("", "select 1")
        .bind("one", "")
        .bind("", "p")
        .flush()
        .execute("one")
        .execute("")
        .sync();
}

async fn stored(served: &Served) -> String {
    let all = "select string_agg(a || b, '' order by a) from t";
    served.outsider().await.query_one(all, &[]).await.unwrap().get(0)
}

/// Where the statement runs, and when the change comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In no block, behind the change.
    NoBlock,
    /// In a block that begins behind the change.
    Block,
    /// In a block that has begun before the change.
    OpenBlock,
}

/// Everybody who is there.
struct Clients {
    served: Served,
    raw: Raw,
    other: Client,
}

impl Clients {
    async fn reset(&self) {
        let reset = "truncate t; insert into t values (1, 'x'), (2, 'y'); drop view if exists v; \
            drop table if exists other; alter table t drop column if exists c";
        self.served.outsider().await.batch_execute(reset).await.unwrap();
    }

    /// Makes the change, the client itself or another one.
    async fn change(&mut self, change: &str, is_own: bool) {
        if change.starts_with("vacuum") {
            self.served.outsider().await.batch_execute(change).await.unwrap();
        } else if is_own {
            retried(&mut self.raw, |raw| {
                raw.query(change);
            })
            .await;
        } else {
            says(&self.other, change).await;
        }
    }

    /// Runs messages between BEGIN and COMMIT, all of it again as long as OC001 asks for that. The
    /// change, if there is one, comes behind the first BEGIN.
    async fn block(&mut self, messages: fn(&mut Raw), mut change: Option<&str>) -> String {
        loop {
            self.raw.query("begin");
            assert_eq!(self.raw.says().await, "[BEGIN] ZT");
            if let Some(change) = change.take() {
                self.change(change, false).await;
            }
            messages(&mut self.raw);
            let said = self.raw.says().await;
            if said.contains("!40001") {
                continue;
            }
            self.raw.query("commit");
            let ended = self.raw.says().await;
            if ended.contains("!40001") {
                continue;
            }
            assert_eq!(ended, "[COMMIT] ZI", "{said}");
            return said;
        }
    }
}

async fn is_stored_behind_a_change(place: Place) {
    for (number, change) in CHANGES.into_iter().enumerate() {
        let (served, raw, other) = table().await;
        let mut clients = Clients { served, raw, other };
        for (turn, (sql, answer, left)) in STATEMENTS.into_iter().enumerate() {
            clients.reset().await;
            let prepare = |raw: &mut Raw| {
                raw.close("Sp").parse("p", sql).sync();
            };
            assert_eq!(retried(&mut clients.raw, prepare).await, "3 1 ZI");
            if place != Place::OpenBlock {
                clients.change(change, (number + turn) % 2 == 0).await;
            }
            let ways = [in_one, flushed_in_between, behind_another_portal];
            let way = ways[(number + turn) % 3];
            let said = match place {
                Place::NoBlock => retried(&mut clients.raw, way).await,
                Place::Block => clients.block(way, None).await,
                Place::OpenBlock => clients.block(way, Some(change)).await,
            };
            assert!(said.contains(answer), "{place:?}: {change}: {sql}: {said}");
            assert_eq!(stored(&clients.served).await, left, "{place:?}: {change}: {sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_prepared_before_the_copies_were_made_anew_is_stored() {
    is_stored_behind_a_change(Place::NoBlock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_in_a_block_that_begins_afterwards() {
    is_stored_behind_a_change(Place::Block).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_in_a_block_that_has_begun_before() {
    is_stored_behind_a_change(Place::OpenBlock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_ends_before_sync_is_not_called_complete() {
    let update = "update t set b = b || 'x' where a = 1 returning b";
    for ddl in ["alter table t add column c int", "drop table t"] {
        let (_served, mut raw, other) = table().await;
        raw.parse("p", update).sync();
        raw.says().await;
        raw.bind("", "p").execute("").parse("q", "select 1").flush();
        assert_eq!(line(&raw.until(b'1').await), "2 (xx) [UPDATE 1] 1");
        assert_eq!(says(&other, ddl).await, "(0)");
        raw.sync();
        assert_eq!(raw.says().await, "!40001 ZI", "{ddl}");
        raw.query("select 1");
        assert_eq!(raw.says().await, "T (1) [SELECT 1] ZI");
    }
}

/// How a client may go on behind an Execute without a block, what it is told then, and whether what
/// it has executed is stored.
type End = (fn(&mut Raw) -> &mut Raw, &'static str, bool);

const ENDS: [End; 5] = [
    (|raw| raw.sync(), "ZI", true),
    (|raw| raw.flush().sync(), "ZI", true),
    (|raw| raw.query("select 2"), "T (2) [SELECT 1] ZI", true),
    (
        |raw| raw.parse("", "select 2").bind("", "").execute("").sync(),
        "1 2 (2) [SELECT 1] ZI",
        true,
    ),
    (|raw| raw.terminate(), "", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_a_transaction_without_a_block_tells_whether_it_is_stored() {
    for (end, told, is_stored) in ENDS {
        for is_ended_by_another in [false, true] {
            let (served, mut raw, other) = table().await;
            raw.parse("", "update t set b = 'new' where a = 1").bind("", "").execute("").flush();
            assert_eq!(line(&raw.until(b'C').await), "1 2 [UPDATE 1]");
            if is_ended_by_another {
                assert_eq!(says(&other, "alter table t add column c int").await, "(0)");
            }
            end(&mut raw);
            let said = line(&raw.until_ready_or_ended().await);
            let is_told = is_ended_by_another && !told.is_empty();
            assert_eq!(said, if is_told { "!40001 ZI" } else { told });
            let is_stored = is_stored && !is_ended_by_another;
            assert_eq!(stored(&served).await, if is_stored { "1new2y" } else { "1x2y" }, "{told}");
            if !told.is_empty() {
                // What was executed before is not called complete by what comes after.
                raw.parse("", "select 3").bind("", "").execute("").sync();
                assert_eq!(raw.says().await, "1 2 (3) [SELECT 1] ZI", "{told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_whose_transaction_another_has_ended_is_told_so() {
    let (_served, mut raw, other) = table().await;
    raw.query("begin").parse("", "select b from t order by a").bind("c", "").describe("Pc").flush();
    raw.until(b'T').await;
    assert_eq!(says(&other, "alter table t add column c int").await, "(0)");
    raw.execute("c").sync();
    assert_eq!(raw.says().await, "!40001 ZI");
    raw.parse("", "select 1").bind("", "").execute("nobody").sync();
    assert_eq!(raw.says().await, "1 2 !34000 ZI");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_one_owner_in_either_protocol() {
    let (_served, mut raw, _other) = table().await;
    raw.parse("p", "select b from t where a = 1").sync();
    raw.says().await;
    raw.parse("p", "select 2").sync();
    assert_eq!(raw.says().await, "!42P05 ZI");
    raw.query("execute p");
    assert_eq!(raw.says().await, "T (x) [SELECT 1] ZI");
    raw.query("prepare s as update t set b = 'z' where a = 2");
    raw.says().await;
    raw.bind("", "s").execute("").sync();
    assert_eq!(raw.says().await, "2 [UPDATE 1] ZI");
    raw.query("deallocate p; select b from t where a = 2");
    assert_eq!(raw.says().await, "[DEALLOCATE] T (z) [SELECT 1] ZI");
    raw.bind("", "p").sync();
    assert_eq!(raw.says().await, "!26000 ZI");
    raw.close("Ss").parse("s", "select nothing").sync();
    assert_eq!(raw.says().await, "3 !42703 ZI");
    raw.bind("", "s").sync();
    assert_eq!(raw.says().await, "!26000 ZI");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_with_hold_outlives_its_statement_and_is_described() {
    let (_served, mut raw, _other) = table().await;
    raw.query("declare c cursor with hold for select b from t order by a");
    assert_eq!(raw.says().await, "[DECLARE CURSOR] ZI");
    raw.describe("Pc").sync();
    assert_eq!(raw.says().await, "T ZI");
    raw.query("fetch 1 from c");
    assert_eq!(raw.says().await, "T (x) [FETCH 1] ZI");
    raw.query("rollback; close c");
    raw.says().await;
    raw.describe("Pc").sync();
    assert_eq!(raw.says().await, "!34000 ZI");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_statements_survive_a_look_at_the_catalog() {
    let (_served, mut raw, _other) = table().await;
    for _ in 0..2 {
        raw.query(
            "create table if not exists s (id bigint generated always as identity primary \
            key, name text)",
        );
        raw.says().await;
        raw.query("insert into s (name) values ('a')");
        assert_eq!(raw.says().await, "[INSERT 0 1] ZI");
        raw.query("select relname from pg_class where relname = 's'");
        assert_eq!(raw.says().await, "T (s) [SELECT 1] ZI");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_of_the_stored_tables() {
    let (served, mut raw, _other) = table().await;
    let schema = "alter table t add gone int, add d text unique; alter table t drop gone; \
                  create schema other; create table other.t (a int primary key, r int references \
                  t)";
    let outsider = served.outsider().await;
    outsider.batch_execute(schema).await.unwrap();
    let oid: u32 = outsider.query_one("select 't'::regclass::oid", &[]).await.unwrap().get(0);
    raw.query("select d from t");
    let described = raw.until_ready().await;
    assert_eq!(described[0].body[4..10], [&oid.to_be_bytes()[..], &4_i16.to_be_bytes()].concat());
    for (sql, table, constraint) in [
        ("insert into t values (1)", "t", "t_pkey"),
        ("insert into other.t values (1), (1)", "t", "t_pkey"),
    ] {
        raw.query(sql);
        let refused = &raw.until_ready().await[0];
        assert!(!refused.field(b's').unwrap().contains("pg_temp"));
        assert_eq!(refused.field(b't').as_deref(), Some(table));
        assert_eq!(refused.field(b'n').as_deref(), Some(constraint));
        assert!(!refused.field(b'M').unwrap().contains("other."), "{:?}", refused.field(b'M'));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_statements_and_cursors_show_nothing_of_the_gateways_own() {
    let (_served, mut raw, _other) = table().await;
    raw.query("explain (verbose, costs off) select b from t");
    let plan = raw.says().await;
    assert!(plan.contains("(Seq Scan on public.t)"), "{plan}");
    raw.query("explain (verbose, costs off, format json) select b from t");
    let plan = raw.says().await;
    assert!(plan.contains(r#""Schema": "public""#) && !plan.contains("pg_temp"), "{plan}");
    raw.parse("p", "explain (verbose, costs off) update t set b = 'new'")
        .bind("", "p")
        .execute("")
        .sync();
    let plan = raw.says().await;
    assert!(plan.contains("(Update on public.t)") && !plan.contains("pg_temp"), "{plan}");
    raw.query("select name from pg_prepared_statements");
    assert_eq!(raw.says().await, "T (p) [SELECT 1] ZI");
    raw.query("begin; declare c cursor for select a from t; select name from pg_cursors; commit");
    let said = raw.says().await;
    assert!(said.contains("T (c) [SELECT 1]"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn begin_read_only_shows_itself() {
    let (_served, mut raw, _other) = table().await;
    raw.query("start transaction read only; show transaction_read_only");
    assert_eq!(raw.says().await, "[START TRANSACTION] T (on) [SHOW] ZT");
    raw.parse("", "show transaction_read_only").bind("", "").execute("").sync();
    assert_eq!(raw.says().await, "1 2 (on) [SHOW] ZT");
}

/// A call of the old protocol, of a function that does not exist.
const NO_FUNCTION: &[u8] = &[0; 10];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_old_protocol_stands_where_it_stands_in_postgresql() {
    let conversations: [fn(&mut Raw); 5] = [
        |raw| {
            raw.put(b'F', NO_FUNCTION);
        },
        |raw| {
            raw.parse("", "select 7").bind("", "").describe("P").execute("").put(b'F', NO_FUNCTION);
        },
        |raw| {
            raw.parse("", "selct").put(b'F', NO_FUNCTION).sync();
        },
        |raw| {
            raw.parse("", "select 7").parse("a", "selct").put(b'F', NO_FUNCTION).sync();
        },
        |raw| {
            raw.parse("", "select 7").parse("a", "selct").query("select 9").sync();
        },
    ];
    let straight = Served::passing_through().await;
    let through = Served::start().await;
    for (at, conversation) in conversations.into_iter().enumerate() {
        let mut said = Vec::new();
        for served in [&straight, &through] {
            let database = format!("database\0{}\0", served.database());
            let (mut raw, _) = Raw::connect_with(served.folder.path(), &database).await;
            conversation(&mut raw);
            // What it refuses to do, each says with a code of its own.
            let first = codes(&raw.until_ready().await);
            // Nothing more has been said than that.
            raw.query("select 8");
            said.push((first, raw.says().await));
        }
        assert_eq!(said[0], said[1], "{at}");
    }
}

/// Tags of answers; of an error whether it is one of syntax.
fn codes(answers: &[Answer]) -> String {
    let is_syntax = |answer: &Answer| answer.field(b'C').as_deref() == Some("42601");
    let code = |answer: &Answer| match answer.tag {
        b'E' if is_syntax(answer) => "!".to_owned(),
        tag => char::from(tag).to_string(),
    };
    answers.iter().map(code).collect()
}
