//! Every file of `sql/` that is ours to run is prepared by a real server.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

use crate::support;

/// What stands in for the names in a template.
const NAMES: [(&str, &str); 8] = [
    ("{where}", "true"),
    ("{table}", "seats"),
    ("{key}", "number::text"),
    ("{values}", "ARRAY[number::text]"),
    ("{order}", "number"),
    ("{first}", "ORDER BY number"),
    ("{near}", ""),
    ("{pageinspect}", "pg_temp"),
];

/// Written for servers that are not here: their grammar is all that can be checked.
const OF_OTHERS: [&str; 2] = ["yugabyte_locks.sql", "cockroach_locks.sql"];

/// Several statements in one message, which cannot be prepared.
const MESSAGES: [&str; 1] = ["install_inspector.sql"];

fn files() -> Vec<PathBuf> {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let folders =
        ["debugger", "flavor", "observer", "psql", "schema"].map(|folder| sql.join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn is_one_of(file: &Path, names: &[&str]) -> bool {
    names.iter().any(|name| file.ends_with(name))
}

fn filled(file: &Path) -> String {
    let template = std::fs::read_to_string(file).unwrap();
    // All that a list can show.
    let part = |sql: String, name: &str| match sql.split_once(&format!("{{{name} ")) {
        Some((before, after)) => format!("{before}{}", after.replacen('}', "", 1)),
        None => sql,
    };
    let parts = ["table", "plus", "method", "plus", "plus"];
    let template = parts.into_iter().fold(template, part).replace("{plus}", "true");
    NAMES.iter().fold(template, |sql, (name, text)| sql.replace(name, text))
}

#[tokio::test]
async fn a_server_prepares_every_file() {
    let database = support::Database::create().await;
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    // A catalog has a column `oid`.
    connection.execute("create table seats (number int primary key, oid oid)").await.unwrap();
    let install = overbooked::core::sql::observer::INSTALL_INSPECTOR;
    sqlx::raw_sql(install).execute(&mut connection).await.unwrap();
    for file in files() {
        if is_one_of(&file, &OF_OTHERS) || is_one_of(&file, &MESSAGES) {
            continue;
        }
        let prepared = connection.prepare(AssertSqlSafe(filled(&file)).into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", file.display(), prepared.err());
    }
}

#[test]
fn sql_for_servers_that_are_not_here_parses() {
    for file in files().iter().filter(|file| is_one_of(file, &OF_OTHERS)) {
        let parsed = squawk_syntax::SourceFile::parse(&filled(file));
        assert!(parsed.errors().is_empty(), "{}: {:?}", file.display(), parsed.errors());
    }
}

#[test]
fn every_file_says_what_it_answers() {
    for file in files() {
        assert!(filled(&file).starts_with("-- "), "{}", file.display());
    }
}
