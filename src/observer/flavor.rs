//! What kind of server answers, and what it lets an observer see.
//!
//! | product | how it is known | what can be seen |
//! |---|---|---|
//! | PostgreSQL 12 to 18 | `version()` | everything |
//! | Amazon Aurora, RDS | `aurora_version()`, `rds.extensions` | everything but the pages |
//! | YugabyteDB | `-YB-` in `version()` | waits and locked keys, by `pg_locks` of its own kind |
//! | CockroachDB | `version()` begins so | the same, by `crdb_internal.cluster_locks` |
//! | Aurora DSQL | `version()` is `PostgreSQL 16` and nothing more | nothing: nobody waits there |
//! | our own optimistic engine | a parameter that it reports | what is committed |
//! | a pooler in transaction mode | one backend for two ([`shares_backends`]) | nothing |

use sqlx::{Executor as _, PgConnection, PgPool, Row as _};

use crate::core::sql;
use crate::pg::{Connection, Target};

/// The parameter by which the engine is known to itself.
pub(crate) const MARK: &str = "overbooked_engine";

/// Which product this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    PostgreSql,
    /// Amazon Aurora PostgreSQL.
    Aurora,
    /// Amazon RDS for PostgreSQL.
    Rds,
    YugabyteDb,
    CockroachDb,
    /// Amazon Aurora DSQL.
    Dsql,
    /// Our own optimistic engine, in front of a PostgreSQL.
    Optimistic,
    /// Something that speaks PostgreSQL's protocol and is none of these.
    Other,
}

impl EngineKind {
    /// What a scenario's expectations call it.
    pub fn for_expectations(self) -> crate::core::scenario::EngineKind {
        use crate::core::scenario::EngineKind as Expected;
        match self {
            Self::PostgreSql | Self::Aurora | Self::Rds | Self::Other => Expected::Postgres,
            Self::YugabyteDb => Expected::YugabyteDb,
            Self::CockroachDb => Expected::CockroachDb,
            Self::Dsql => Expected::Dsql,
            Self::Optimistic => Expected::Optimistic,
        }
    }
}

/// Which server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flavor {
    pub kind: EngineKind,
    /// Its name and version for people: `PostgreSQL 15.20`. Of the optimistic engine, those that it
    /// says of itself.
    pub product: String,
    /// `server_version_num`, or 0 where the server has none.
    pub version: u32,
    /// What can be seen.
    pub sight: Sight,
}

/// What the server lets an observer see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Where waits are read.
    pub waits: Source,
    /// Where row locks are read.
    pub rows: Source,
    /// What cannot be seen, in sentences for the legend.
    pub blind: Vec<String>,
}

/// Whose tables and functions tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// PostgreSQL's `pg_locks`, `pg_blocking_pids` and row headers.
    PostgreSql,
    /// YugabyteDB's `pg_locks`.
    YugabyteDb,
    /// CockroachDB's `crdb_internal`.
    CockroachDb,
    Nowhere,
}

impl Flavor {
    /// Asks the server, over the pool and over a connection that hears what it reports of itself.
    pub async fn detect(target: &Target, pool: &PgPool) -> Result<Self, sqlx::Error> {
        let (version, _) = identity(&mut *pool.acquire().await?).await?;
        let mut flavor = Self::of_version(&version);
        // Our own engine answers as Aurora DSQL does.
        let may_be_own = matches!(flavor.kind, EngineKind::PostgreSql | EngineKind::Dsql);
        if may_be_own && reports_optimistic(target).await {
            flavor = Self {
                kind: EngineKind::Optimistic,
                product: product(EngineKind::PostgreSql, &version),
                version: 0,
                sight: Sight::of(EngineKind::Optimistic),
            };
        }
        // Not of the optimistic engine, which hands the questions on to the PostgreSQL behind it:
        // the locks there are its own, and none of them is a client's.
        if flavor.kind == EngineKind::PostgreSql {
            match capabilities(pool).await {
                Ok(capabilities) => flavor.refine(&capabilities),
                // Redshift and its like call themselves PostgreSQL and lack the functions to say
                // more.
                Err(sqlx::Error::Database(refusal)) => flavor.demote(refusal.message()),
                Err(error) => return Err(error),
            }
        }
        Ok(flavor)
    }

    /// What `version()` tells by itself.
    fn of_version(version: &str) -> Self {
        let kind = kind_of(version);
        Self { kind, product: product(kind, version), version: 0, sight: Sight::of(kind) }
    }

    fn refine(&mut self, capabilities: &Capabilities) {
        self.version = capabilities.version.unsigned_abs();
        if capabilities.aurora {
            self.rename(EngineKind::Aurora, "Aurora PostgreSQL");
        } else if capabilities.rds {
            self.rename(EngineKind::Rds, "RDS for PostgreSQL");
        }
        if !capabilities.waits {
            self.sight.waits = Source::Nowhere;
            self.sight.blind.push(NO_WAITS.to_owned());
        }
        if !capabilities.row_locks {
            self.sight.rows = Source::Nowhere;
            self.sight.blind.push(NO_ROW_LOCKS.to_owned());
        }
        if !capabilities.statistics {
            self.sight.blind.push(NO_STATISTICS.to_owned());
        }
    }

    fn rename(&mut self, kind: EngineKind, name: &str) {
        self.kind = kind;
        self.product = self.product.replacen("PostgreSQL", name, 1);
    }

    fn demote(&mut self, refusal: &str) {
        tracing::info!(refusal, "not PostgreSQL after all");
        self.kind = EngineKind::Other;
        self.sight = Sight::of(EngineKind::Other);
    }
}

const NO_WAITS: &str = "who waits for whom cannot be seen on this server";
const NO_ROW_LOCKS: &str = "row locks cannot be seen on this server";
const NO_STATISTICS: &str =
    "what other roles' sessions do cannot be seen without the role pg_read_all_stats";
const NO_QUEUES: &str = "the order of a row's queue cannot be seen on this server";
const NO_CONFLICTS: &str = "nobody waits on this server: conflicts show only as errors at COMMIT, \
    and nothing before that can be seen";

const NO_PRIVATE: &str = "nobody waits on this server: a session's changes are private until \
    COMMIT, and cannot be seen from outside";

impl Sight {
    fn of(kind: EngineKind) -> Self {
        let (source, blind): (Source, &[&str]) = match kind {
            EngineKind::PostgreSql | EngineKind::Aurora | EngineKind::Rds => {
                (Source::PostgreSql, &[])
            }
            EngineKind::YugabyteDb => (Source::YugabyteDb, &[NO_QUEUES]),
            EngineKind::CockroachDb => (Source::CockroachDb, &[NO_QUEUES]),
            EngineKind::Dsql => (Source::Nowhere, &[NO_CONFLICTS]),
            EngineKind::Optimistic => (Source::Nowhere, &[NO_PRIVATE]),
            EngineKind::Other => (Source::Nowhere, &[NO_WAITS, NO_ROW_LOCKS]),
        };
        let blind = blind.iter().map(|&sentence| sentence.to_owned()).collect();
        Self { waits: source, rows: source, blind }
    }
}

fn kind_of(version: &str) -> EngineKind {
    match version {
        _ if version.starts_with("CockroachDB") => EngineKind::CockroachDb,
        // Begins with `PostgreSQL` as well.
        _ if version.contains("-YB-") => EngineKind::YugabyteDb,
        // PostgreSQL's own goes on with a minor version, a platform and a compiler.
        "PostgreSQL 16" => EngineKind::Dsql,
        _ if version.starts_with("PostgreSQL ") => EngineKind::PostgreSql,
        _ => EngineKind::Other,
    }
}

/// Whether this is our own optimistic engine.
async fn reports_optimistic(target: &Target) -> bool {
    let Ok(connection) = Connection::connect(target).await else { return false };
    let reports = is_optimistic(&connection);
    // The server finds out by itself where the goodbye does not arrive.
    let _ = connection.terminate().await;
    reports
}

/// Whether our own optimistic engine has let this connection in.
pub fn is_optimistic(connection: &Connection) -> bool {
    connection.parameter(MARK).is_some()
}

/// The words of `version()` up to the version's own: the rest is compilers and platforms.
fn product(kind: EngineKind, version: &str) -> String {
    let words: Vec<&str> = version.split_whitespace().collect();
    let yugabyte = words.iter().find_map(|word| Some(word.split_once("-YB-")?.1));
    match (kind, yugabyte) {
        (EngineKind::Dsql, _) => "Aurora DSQL".to_owned(),
        (EngineKind::YugabyteDb, Some(number)) => format!("YugabyteDB {number}"),
        _ => {
            let number = words.iter().position(|word| {
                word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
            });
            words[..number.map_or(words.len().min(3), |at| at + 1)]
                .iter()
                .copied()
                .filter(|word| *word != "CCL" && *word != "OSS")
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

/// Whether a pooler in transaction mode stands before the server, so that a session there is
/// nobody's own.
pub async fn shares_backends(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let (mut one, mut other) = (pool.acquire().await?, pool.acquire().await?);
    have_one_backend(&mut one, &mut other).await
}

/// Whether these two connections, open at the same time, have the same backend. Leaves no setting
/// and no prepared statement in what they may share with others.
pub(crate) async fn have_one_backend(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let (_, first) = identity(one).await?;
    let (_, second) = identity(other).await?;
    Ok(first.is_some() && first == second)
}

/// `version()`, and the backend's process where the server has such. Over the simple protocol,
/// because a pooler in transaction mode loses prepared statements.
async fn identity(connection: &mut PgConnection) -> Result<(String, Option<i32>), sqlx::Error> {
    let row = connection.fetch_one(sqlx::raw_sql(sql::flavor::IDENTITY)).await?;
    let process = row.try_get_unchecked::<i32, _>(1).ok().filter(|process| *process != 0);
    Ok((row.try_get_unchecked(0)?, process))
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "one for each column of sight.sql")]
struct Capabilities {
    version: i32,
    aurora: bool,
    rds: bool,
    waits: bool,
    row_locks: bool,
    statistics: bool,
}

async fn capabilities(pool: &PgPool) -> Result<Capabilities, sqlx::Error> {
    sqlx::query_as(sql::flavor::SIGHT).fetch_one(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_is_known_by_its_version() {
        let cases = [
            (
                "PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc",
                EngineKind::PostgreSql,
                "PostgreSQL 15.20",
            ),
            (
                "PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang",
                EngineKind::YugabyteDb,
                "YugabyteDB 2.18.0.0-b0",
            ),
            (
                "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27)",
                EngineKind::CockroachDb,
                "CockroachDB v23.1.11",
            ),
            ("PostgreSQL 16", EngineKind::Dsql, "Aurora DSQL"),
            ("Materialize v0.80.0", EngineKind::Other, "Materialize v0.80.0"),
            ("", EngineKind::Other, ""),
        ];
        for (version, kind, product) in cases {
            let flavor = Flavor::of_version(version);
            assert_eq!((flavor.kind, flavor.product.as_str()), (kind, product), "{version}");
        }
    }

    #[test]
    fn a_server_that_lacks_the_functions_says_what_it_cannot_show() {
        let mut flavor = Flavor::of_version("PostgreSQL 8.0.2 on i686-pc-linux-gnu");
        flavor.demote("function to_regprocedure does not exist");
        assert_eq!(flavor.sight.waits, Source::Nowhere);
        assert_eq!(flavor.sight.blind, [NO_WAITS, NO_ROW_LOCKS]);
    }
}
