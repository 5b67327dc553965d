//! The server that a client of the optimistic engine believes to speak with: its version, its
//! users, its jobs.

use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::{Sizes, Strictness, Users, Wording};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_postgres::{Client, NoTls};

use crate::gateway::{Served, says};

const DEADLINE: Duration = Duration::from_secs(30);

/// A client that calls itself so.
async fn client_called(served: &Served, name: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(served.folder.path()).port(5432).user(name).dbname(served.database());
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn the_version_is_one_whatever_asks_for_it() {
    let served = Served::start().await;
    let client = served.client().await;
    for (asked, told) in [
        ("select version()", "PostgreSQL 16; (1)"),
        ("select v from version() v", "PostgreSQL 16; (1)"),
        ("show server_version", "16.15; (0)"),
        ("SHOW Server_Version_Num", "160015; (0)"),
        ("select current_setting('server_VERSION_num')::int / 10000", "16; (1)"),
        (
            "select current_setting(n), pg_catalog.current_setting(n, true) from (values \
             ('server_version'), ('port')) s (n) where n <> 'port'",
            "16.15|16.15; (1)",
        ),
        (
            "select s.name, p.setting from pg_settings s join pg_catalog.pg_settings as p using \
             (name) where name like 'server_version%' order by 1",
            "server_version|16.15; server_version_num|160015; (2)",
        ),
        ("select current_setting('no.such', true) is null", "t; (1)"),
    ] {
        assert_eq!(says(&client, asked).await, told, "{asked}");
    }
    let shown = says(&client, "show all").await;
    assert!(
        shown.contains("server_version|16.15|") && shown.contains("server_version_num|160015|")
    );
    let asked = client.query_one("select current_setting($1)", &[&"server_version"]).await.unwrap();
    assert_eq!(asked.get::<_, &str>(0), "16.15");
    assert_eq!(asked.columns()[0].name(), "current_setting");
    says(&client, "create table versions (v text)").await;
    assert_eq!(
        says(&client, "insert into versions values (version()) returning v").await,
        "PostgreSQL 16; (1)"
    );
}

#[tokio::test]
async fn each_client_is_itself_on_a_server_of_our_own() {
    let served = Served::with(|options| options.users = Users::Clients).await;
    let (alice, bob) =
        tokio::join!(client_called(&served, "Alice \"A\""), client_called(&served, "bob"));
    let who = "select current_user, session_user, user, current_role";
    let name = "Alice \"A\"";
    assert_eq!(says(&alice, who).await, format!("{name}|{name}|{name}|{name}; (1)"));
    assert_eq!(says(&bob, who).await, "bob|bob|bob|bob; (1)");
    says(&bob, "create table mine (who text default current_user, n int primary key)").await;
    says(&alice, "insert into mine (n) values (1)").await;
    assert_eq!(says(&bob, "select who from mine").await, format!("{name}; (1)"));
    let owner = "select tableowner from pg_tables where tablename = 'mine'";
    assert_eq!(says(&alice, owner).await, "bob; (1)");
    // Known already, and known again by whoever comes next.
    let again = client_called(&served, "bob").await;
    assert_eq!(says(&again, "select current_user").await, "bob; (1)");
    assert_eq!(
        says(&again, "select rolname from pg_roles where rolname = 'admin'").await,
        "admin; (1)"
    );
    // PostgreSQL keeps this name for itself.
    let reserved = client_called(&served, "pg_monitor_of_mine").await;
    assert_eq!(says(&reserved, "select current_user").await, format!("{SUPERUSER}; (1)"));
    // A role that was dropped is made again for the next client of its name.
    says(&alice, "drop table mine").await;
    drop((bob, again));
    // Their copies are theirs until their backends are gone.
    let gone = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        let there = "select count(*) from pg_stat_activity where usename = 'bob'";
        while says(&alice, there).await != "0; (1)" {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
    let dropped = says(&alice, "drop role bob").await;
    assert_eq!(dropped, "(0)");
    let anew = client_called(&served, "bob").await;
    assert_eq!(says(&anew, "select current_user").await, "bob; (1)");
}

#[tokio::test]
async fn a_job_is_told_of_once_it_is_committed() {
    let served = Served::start().await;
    let client = served.client().await;
    let count = "select count(*) from sys.jobs";
    assert_eq!(says(&client, count).await, "0; (1)");
    says(&client, "create table t (a int, b int, check (a > 0))").await;
    let given = says(&client, "create index async on t (a)").await;
    let id = given.split(';').next().unwrap();
    assert!(id.len() == 26, "{given}");
    let jobs = format!(
        "select j.status, job_type, details is null, class_id::regclass, object_id::regclass, \
         object_name, start_time <= now() from sys.jobs j where j.job_id = '{id}'"
    );
    let told = "completed|INDEX_BUILD|t|pg_class|t_a_idx|public.t_a_idx|t; (1)";
    assert_eq!(says(&client, &jobs).await, told);
    assert_eq!(says(&client, &format!("call sys.wait_for_job('{id}')")).await, "t; (0)");
    let prepared = client.prepare("call sys.wait_for_job($1)").await.unwrap();
    assert_eq!(prepared.columns()[0].name(), "succeeded");
    let waited = client.query_one(&prepared, &[&id]).await.unwrap();
    assert_eq!(waited.get::<_, Option<bool>>(0), Some(true));
    let other = client.query_one(&prepared, &[&"77e6id3hjbasddybtihl43gega"]).await.unwrap();
    assert_eq!(other.get::<_, Option<bool>>(0), None);
    // What is taken back has not been done.
    says(&client, "begin; create index async i on t (b)").await;
    says(&client, "rollback").await;
    assert_eq!(says(&client, count).await, "1; (1)");
    says(&client, "begin; create index async i on t (b); commit").await;
    assert_eq!(says(&client, count).await, "2; (1)");
    says(&client, "alter table t add constraint c check (b > 0) not valid").await;
    says(&client, "alter table async only public.t validate constraint c").await;
    let last = "select job_type, object_name from sys.jobs where class_id <> 'pg_class'::regclass";
    assert_eq!(says(&client, last).await, "VALIDATE_CONSTRAINT|public.c; (1)");
}

#[tokio::test]
async fn the_service_s_own_schema_answers() {
    let served = Served::start().await;
    let (one, other) = (served.client().await, served.client().await);
    assert_eq!(says(&one, "select * from sys").await, "42P01 relation \"sys\" does not exist");
    let session = "select sys.current_session_id()::text";
    let mine = says(&one, session).await;
    assert_eq!(says(&one, session).await, mine);
    assert_ne!(says(&other, session).await, mine);
    assert_eq!(says(&one, "select * from sys.dsql_major_version()").await, "1; (1)");
    assert_eq!(says(&one, "select arn from sys.iam_pg_role_mappings").await, "(0)");
    assert_eq!(
        says(&one, "select sys.wait_for_job((select job_id from sys.jobs limit 1))").await,
        "42809 sys.wait_for_job(text) is a procedure"
    );
    assert_eq!(
        says(&one, "call sys.wait_for_job((select job_id from sys.jobs limit 1))").await,
        "0A000 cannot use subquery in CALL argument"
    );
}

async fn strict() -> Served {
    Served::with(|options| {
        options.strictness = Strictness::Dsql;
        options.wording = Wording::Plain;
        options.limits.sizes = Some(Sizes::default());
    })
    .await
}

#[tokio::test]
async fn there_are_only_so_many_indexes_and_schemas() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (id int primary key, a int, b int unique)").await;
    for at in 0..22 {
        let made = says(&client, &format!("create index async i{at} on t (a)")).await;
        assert!(made.ends_with("(0)"), "{at}: {made}");
    }
    let more = "54000 more than 24 indexes per table are not allowed";
    assert_eq!(says(&client, "create unique index async more on t (a)").await, more);
    assert_eq!(says(&client, "select count(*) from sys.jobs").await, "22; (1)");
    says(&client, "drop index i3").await;
    assert!(says(&client, "create index async more on t (a)").await.ends_with("(0)"));
    let keys: Vec<String> = (0..25).map(|at| format!("c{at} int unique")).collect();
    assert_eq!(says(&client, &format!("create table u ({})", keys.join(", "))).await, more);
    for at in 0..10 {
        assert_eq!(says(&client, &format!("create schema s{at}")).await, "(0)");
    }
    let more = "54000 more than 10 schemas not allowed";
    assert_eq!(says(&client, "create schema more").await, more);
    says(&client, "create table docs (id int primary key, doc jsonb, \"Text\" json)").await;
    for (keys, kind) in [("id, doc", "jsonb"), ("\"Text\", doc", "json")] {
        let index = format!("create index async on only public.docs ({keys})");
        let refused = format!("0A000 datatype {kind} is not supported in a key");
        assert_eq!(says(&client, &index).await, refused);
    }
    assert!(says(&client, "create index async on docs ((doc ->> 'a'))").await.ends_with("(0)"));
}

#[tokio::test]
async fn a_primary_key_stays() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a int, b int, c int unique, primary key (a, b))").await;
    for (drop, column) in [("t drop b", "b"), ("public.t drop column if exists a cascade", "a")] {
        assert_eq!(
            says(&client, &format!("alter table {drop}")).await,
            format!("0A000 cannot drop primary key column {column}")
        );
    }
    assert_eq!(
        says(&client, "alter table only t drop constraint t_pkey").await,
        "0A000 unsupported ALTER TABLE DROP CONSTRAINT statement"
    );
    for fine in [
        "alter table t drop constraint t_c_key",
        "alter table t drop column c",
        "alter table t add column d text storage plain",
        "alter table t alter column d set storage extended",
        "alter table if exists nothing drop a",
    ] {
        assert_eq!(says(&client, fine).await, "(0)", "{fine}");
    }
}

#[tokio::test]
async fn values_are_only_so_large() {
    let served = strict().await;
    let client = served.client().await;
    says(&client, "create table t (a text, b text, v text, w text, primary key (a, b))").await;
    let insert = |a: &str, b: &str, v: &str| format!("insert into t values ({a}, {b}, {v}, {v})");
    let long = "repeat('x', 987)";
    assert_eq!(says(&client, &insert(long, long, "''")).await, "(1)");
    let key = "54000 key size too large";
    assert_eq!(says(&client, &insert(long, "repeat('y', 988)", "''")).await, key);
    // However well it could be compressed.
    assert_eq!(says(&client, &insert("repeat('x', 20000)", "''", "''")).await, key);
    let random = "(select string_agg(md5(random()::text), '') from generate_series(1, 40000))";
    assert_eq!(
        says(&client, &format!("insert into t (a, b, v) values ('', '', {random})")).await,
        "54000 datatype limit greater than 1048576 bytes not supported for text"
    );
    let half = random.replace("40000", "36000");
    let row = format!("insert into t values ('', '', {half}, {half})");
    assert_eq!(says(&client, &row).await, "54000 maximum row size exceeded");
    assert_eq!(
        says(&client, "insert into t (a, b, v) values ('', '', repeat('x', 3000000))").await,
        "(1)"
    );
    says(&client, "begin").await;
    assert_eq!(says(&client, &insert("repeat('x', 1974)", "'b'", "''")).await, key);
    assert!(says(&client, "select 1").await.starts_with("25P02"));
    says(&client, "rollback; begin").await;
    let bound = client.execute("insert into t values ($1, '', '')", &[&"x".repeat(1975)]).await;
    assert_eq!(bound.unwrap_err().code().unwrap().code(), "54000");
    says(&client, "rollback").await;
}

#[tokio::test]
async fn functions_in_sql_are_made_and_called_where_they_name_no_table() {
    let served = strict().await;
    let client = served.client().await;
    let one = "create function one() returns int language sql as $$ SELECT 1 $$";
    assert_eq!(says(&client, one).await, "(0)");
    says(&client, "create table t (a int primary key)").await;
    says(&client, "insert into t values (one())").await;
    assert_eq!(says(&client, "select one() + a from t").await, "2; (1)");
    let reading = "create function held() returns bigint language sql as 'select count(*) from t'";
    assert_eq!(says(&client, reading).await, "(0)");
    assert!(says(&client, "select held()").await.starts_with("0A000 function held() may read"));
    let indirect = "create function twice() returns bigint language sql as 'select 2 * held()'";
    assert_eq!(says(&client, indirect).await, "(0)");
    assert!(says(&client, "select twice()").await.starts_with("0A000 function twice() may read"));
}

#[tokio::test]
async fn a_client_may_set_what_the_service_can_set() {
    let served = strict().await;
    let mut config = tokio_postgres::Config::new();
    config.host_path(served.folder.path()).port(5432).user("a").dbname(served.database());
    assert!(config.clone().options("-c extra_float_digits=1").connect(NoTls).await.is_ok());
    let address = served.gateway.address().unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = format!("user\0a\0database\0{}\0work_mem\x004MB\0\0", served.database());
    let length = u32::try_from(body.len() + 8).unwrap();
    let packet = [&length.to_be_bytes()[..], &0x0003_0000_u32.to_be_bytes(), body.as_bytes()];
    stream.write_all(&packet.concat()).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    let refused = "setting configuration parameter \"work_mem\" not supported";
    assert!(said.contains("FATAL") && said.contains(refused), "{said}");
}

/// Two tables of one name, one of which the search path does not find.
const TWICE: &str = "create table acc (id int primary key); create schema s2; \
    create table s2.acc (id int primary key, email text constraint mail unique); \
    insert into acc values (1); insert into s2.acc values (1, 'a')";

#[tokio::test]
async fn no_value_tells_of_the_copies() {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TWICE).await.unwrap();
    let (client, outsider) = (served.client().await, served.outsider().await);
    says(&client, "begin; update acc set id = id; update s2.acc set id = id").await;
    for sql in [
        "select tableoid::regclass, id from s2.acc",
        "select tableoid::regclass from public.acc",
        "select a, pg_typeof(a) from s2.acc a",
        "select to_regclass('acc'), to_regclass('public.acc'), to_regclass('s2.acc')",
        "select current_schemas(true), pg_my_temp_schema()",
        "select 'pg_catalog' = any (current_schemas(true))",
        "explain (verbose, costs off) select * from s2.acc where id = 1",
        "explain (costs off) select id from acc where id = 1",
        "explain (format json, costs off) select * from s2.acc where id = 1",
        "explain (format json, verbose, costs off) select a.id from acc a join s2.acc b on true",
        "explain (format yaml, verbose, costs off) select id from acc where id = 1",
        "select '\"s2.acc\"'::text, 'public.acc'::text",
    ] {
        assert_eq!(says(&client, sql).await, says(&outsider, sql).await, "{sql}");
    }
    let prepared = client.query("select tableoid::regclass::text from s2.acc", &[]).await.unwrap();
    assert_eq!(prepared.len(), 1);
    assert_eq!(
        says(&client, "insert into s2.acc values (2, 'a')").await,
        "23505 duplicate key value violates unique constraint \"mail\""
    );
}
