//! Programs that nobody here wrote, with every statement of theirs held and let go again: they end
//! as they do straight at the server. One that is not installed is left out, and the test says so.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::Mode;

use super::Wire;
use crate::gateway_clients::play;

/// What is in a statement that is held until its client cancels it.
const NEVER: &str = "/* never */";

/// Plays a program whose statements are all held, and let go one by one; how many those were, and
/// what it said. Nothing where it is not installed.
async fn play_held(
    program: &'static str,
    arguments: &[&str],
    check: &'static [&'static str],
) -> Option<(usize, String)> {
    let mut wire = Wire::with(Mode::PassThrough, |_| true, true, |_| {}).await;
    let served = Arc::clone(&wire.served);
    let count = AtomicUsize::new(0);
    let said = tokio::select! {
        said = play(&served, program, arguments, check) => said,
        () = wire.let_go(NEVER, &count) => unreachable!("the gateway is there"),
    };
    said.map(|said| (count.into_inner(), said))
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_plain_prepared_and_in_pipelines() {
    let script = include_str!("drivers/psycopg.py");
    let arguments = ["-c", script, "PORT", "DATABASE", SUPERUSER];
    let played = play_held("python3", &arguments, &["-c", "import psycopg"]).await;
    let Some((count, said)) = played else { return };
    assert_eq!(said, "21\n");
    assert!(count > 40, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncpg_with_its_pool() {
    let script = include_str!("drivers/asyncpg.py");
    let arguments = ["-c", script, "PORT", "DATABASE", SUPERUSER];
    let played = play_held("python3", &arguments, &["-c", "import asyncpg"]).await;
    let Some((count, said)) = played else { return };
    assert_eq!(said, "25\n");
    assert!(count > 40, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_postgres_with_its_pool() {
    let script = include_str!("drivers/node_postgres.js");
    let arguments = ["-e", script, "PORT", "DATABASE", SUPERUSER];
    let played = play_held("node", &arguments, &["-e", "require('pg')"]).await;
    let Some((count, said)) = played else { return };
    assert_eq!(said, "10\n");
    assert!(count > 30, "{count}");
}

const PSQL: &str = r"
create table seats (id int primary key, holder text);
begin;
insert into seats values (1, 'Alice'), (2, null);
\copy seats from program 'printf ''3\tBob\n4\t\\N\n'''
savepoint a;
insert into seats values (1, 'twice');
rollback to a;
commit;
select count(*) from seats;
select 1 \; select 2;
\copy (select id from seats order by id) to stdout
\set FETCH_COUNT 2
select id from seats order by id;
";

#[tokio::test(flavor = "multi_thread")]
async fn psql_plays_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.sql");
    std::fs::write(&script, PSQL).unwrap();
    let connection = format!("host=127.0.0.1 port=PORT user={SUPERUSER} dbname=DATABASE");
    let arguments = ["-XqAt", &connection, "-f", script.to_str().unwrap()];
    let Some((count, said)) = play_held("psql", &arguments, &["--version"]).await else { return };
    assert_eq!(said, "4\n1\n2\n1\n2\n3\n4\n1\n2\n3\n4\n");
    assert!(count > 15, "{count}");
}
