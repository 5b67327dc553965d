//! Clients that nobody here wrote, against the optimistic engine over TCP. One that is not
//! installed is left out, and the test says so.

use std::process::{Command, Stdio};

use overbooked::cluster::SUPERUSER;

use crate::gateway::Served;

/// Where Debian's packages put modules, for a Node.js that is not Debian's own.
const DEBIANS_MODULES: &str = "/usr/share/nodejs";

/// Where Node.js looks for modules: `NODE_PATH`, or what npm or a package has installed for
/// everybody.
fn modules() -> std::ffi::OsString {
    std::env::var_os("NODE_PATH").unwrap_or_else(|| {
        let root = Command::new("npm").args(["root", "-g"]).stderr(Stdio::null()).output();
        let root = root.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        format!("{}:{DEBIANS_MODULES}", root.unwrap_or_default()).into()
    })
}

/// Runs a client's program against the gateway; nothing where the client is not installed.
fn run(program: &str, arguments: &[&str], check: &[&str]) -> Option<String> {
    let installed = Command::new(program)
        .args(check)
        .env("NODE_PATH", modules())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        eprintln!("left out: {program} {} does not run here", check.join(" "));
        return None;
    }
    let output =
        Command::new(program).args(arguments).env("NODE_PATH", modules()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// Waiting for a program blocks; the gateway runs on other threads meanwhile.
pub(crate) async fn play(
    served: &Served,
    program: &'static str,
    before: &[&str],
    check: &'static [&'static str],
) -> Option<String> {
    let port = served.gateway.address().unwrap().port().to_string();
    let put = |text: &&str| text.replace("PORT", &port).replace("DATABASE", served.database());
    let arguments: Vec<String> = before.iter().map(put).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(program, &arguments, check)
    });
    ran.await.unwrap()
}

const PSQL: &str = r"
create table seats (id int primary key, holder text unique);
insert into seats values (1, null), (2, 'Carol');
begin;
update seats set holder = 'Bob' where id = 1 returning id, holder;
\echo :ROW_COUNT
commit;
\copy seats to stdout
savepoint a;
show server_version;
";

#[tokio::test(flavor = "multi_thread")]
async fn psql_plays_a_script() {
    let served = Served::start().await;
    let script = served.folder.path().join("script.sql");
    std::fs::write(&script, PSQL).unwrap();
    let arguments = [
        "-XqAt",
        "host=127.0.0.1 port=PORT user=anybody dbname=DATABASE",
        "-f",
        script.to_str().unwrap(),
    ];
    let Some(said) = play(&served, "psql", &arguments, &["--version"]).await else { return };
    assert_eq!(said, "1|Bob\n1\n2\tCarol\n1\tBob\n16.15\n");
}

/// `OVERBOOKED_TPCB_SECONDS=60` plays for the minute that the figures are given for.
fn seconds() -> String {
    std::env::var("OVERBOOKED_TPCB_SECONDS").unwrap_or_else(|_| "5".to_owned())
}

const SUMS: &str = "select (select sum(abalance) from pgbench_accounts), \
                    (select sum(tbalance) from pgbench_tellers), (select sum(bbalance) from \
                    pgbench_branches), \
                    (select coalesce(sum(delta), 0) from pgbench_history), (select count(*) from \
                    pgbench_history)";

#[tokio::test(flavor = "multi_thread")]
async fn the_balances_of_pgbench_add_up() {
    let served = Served::start().await;
    served.outsider().await.batch_execute(include_str!("gateway_clients/tpcb.sql")).await.unwrap();
    let seconds = seconds();
    let arguments = [
        "-h",
        "127.0.0.1",
        "-p",
        "PORT",
        "-U",
        "anybody",
        "-n",
        "-c",
        "8",
        "-j",
        "2",
        "-s",
        "1",
        "-T",
        &seconds,
        "-M",
        "prepared",
        "--max-tries",
        "1000",
        "DATABASE",
    ];
    if play(&served, "pgbench", &arguments, &["--version"]).await.is_none() {
        return;
    }
    let outsider = served.outsider().await;
    let row = outsider.query_one(SUMS, &[]).await.unwrap();
    let sums: Vec<i64> = (0..4).map(|at| row.get(at)).collect();
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    assert!(row.get::<_, i64>(4) > 0, "nobody got through");
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_prepares_copies_pipelines_and_retries() {
    let served = Served::start().await;
    let script = include_str!("gateway_clients/psycopg.py");
    let said =
        play(&served, "python3", &["-c", script, "PORT", "DATABASE"], &["-c", "import psycopg"])
            .await;
    assert!(said.is_none_or(|said| said.ends_with("done\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_postgres_prepares_and_conflicts() {
    let served = Served::start().await;
    let script = include_str!("gateway_clients/node_postgres.js");
    let said =
        play(&served, "node", &["-e", script, "PORT", "DATABASE"], &["-e", "require('pg')"]).await;
    assert!(said.is_none_or(|said| said.ends_with("done\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_and_pgbench_pass_through() {
    let served = Served::passing_through().await;
    let connection = ["-h", "127.0.0.1", "-p", "PORT", "-U", SUPERUSER];
    let lock =
        "begin; savepoint a; lock table pg_class in share mode; rollback; show server_version_num";
    let psql = [&connection[..], &["-XqAt", "-d", "DATABASE", "-c", lock]].concat();
    if let Some(said) = play(&served, "psql", &psql, &["--version"]).await {
        let outsider = served.outsider().await;
        let row = outsider.query_one("show server_version_num", &[]).await.unwrap();
        assert_eq!(said.trim(), row.get::<_, String>(0));
    }
    for arguments in [&["-i", "-q"][..], &["-n", "-c", "4", "-j", "2", "-t", "50"]] {
        let pgbench = [&connection[..], arguments, &["DATABASE"]].concat();
        if play(&served, "pgbench", &pgbench, &["--version"]).await.is_none() {
            return;
        }
    }
    let row = served.outsider().await.query_one("select count(*) from pgbench_history", &[]).await;
    assert_eq!(row.unwrap().get::<_, i64>(0), 200);
}
