//! Programs by all kinds of drivers (`tests/programs`) behind a debugger: whatever is held and let
//! go, they print the same and leave the same in the tables as straight to the server.

pub(crate) mod debugger;
pub(crate) mod program;
pub(crate) mod server;

use std::time::Duration;

use debugger::Debugger;
use program::{Language, Played, Program};
use server::Shop;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

const SETUP: &str = include_str!("../programs/setup.sql");

/// How a driver cancels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancels {
    /// When it is told to.
    WhenTold,
    /// At a SIGINT.
    WhenInterrupted,
    /// By itself after a while, by `pg_cancel_backend`.
    ByItself,
    /// It cannot.
    Never,
}

/// A driver's program.
struct Driver {
    program: Program,
    cancels: Cancels,
    /// In a statement that is prepared by a name once it has run some times.
    named: Option<&'static str>,
}

const fn driver(language: Language, file: &'static str, named: Option<&'static str>) -> Driver {
    Driver { program: Program::new(language, file), cancels: Cancels::WhenTold, named }
}

/// What a driver's program ends with: what it printed, and what is in the tables.
#[derive(Debug, PartialEq, Eq)]
struct End {
    played: Played,
    contents: Vec<String>,
}

impl Driver {
    async fn straight(&self) -> End {
        let shop = Shop::with(SETUP).await;
        let played = self.program.start(&shop.url(), &["work"]).end().await;
        End { played, contents: shop.contents().await }
    }

    /// With everything held that this says, and let go in the order in which it came. How many it
    /// were, and in which way the driver named what it had prepared.
    async fn held(&self, holds: fn(&str) -> bool) -> (End, usize) {
        let shop = Shop::with(SETUP).await;
        let mut debugger = Debugger::holding(&shop, holds).await;
        let playing = self.program.start(&shop.url_on(debugger.port()), &["work"]);
        let mut count = 0;
        let played = tokio::select! {
            played = playing.end() => played,
            never = debugger.let_all_go(&mut count) => match never {},
        };
        self.prepares(&debugger);
        shop.is_left_alone().await;
        debugger.is_left_alone().await;
        (End { played, contents: shop.contents().await }, count)
    }

    fn prepares(&self, debugger: &Debugger) {
        if let Some(named) = self.named {
            let is_named = |seen: &debugger::Seen| seen.named.iter().any(|sql| sql.contains(named));
            assert!(debugger.seen(is_named), "{named} never comes by its name");
        }
    }

    async fn works_the_same(&self) {
        if !self.program.is_had() {
            return;
        }
        let straight = self.straight().await;
        assert_eq!(straight.played.code, Some(0));
        let (watched, _) = self.held(|_| false).await;
        assert_eq!(watched, straight, "watched");
        let (held, count) = self.held(|_| true).await;
        assert_eq!(held, straight, "held");
        assert!(count > 50, "only {count} were held");
    }

    async fn is_cancelled_the_same(&self) {
        if !self.program.is_had() || self.cancels == Cancels::Never {
            return;
        }
        let straight = self.cancelled_while_it_waits().await;
        assert_eq!(self.cancelled_while_held().await, straight);
    }

    async fn cancelled_while_it_waits(&self) -> End {
        let shop = Shop::with(SETUP).await;
        let blocker = shop.session().await;
        blocker.batch_execute("begin; select from waits for update").await.unwrap();
        let playing = self.program.start(&shop.url(), &["cancel"]);
        shop.somebody_waits().await;
        let played = self.cancel(playing).await;
        End { played, contents: shop.contents().await }
    }

    async fn cancelled_while_held(&self) -> End {
        let shop = Shop::with(SETUP).await;
        let mut debugger = Debugger::holding(&shop, updates_waits).await;
        let playing = self.program.start(&shop.url_on(debugger.port()), &["cancel"]);
        let held = debugger.next().await;
        let (played, ()) = tokio::join!(self.cancel(playing), held.given_up());
        has_not_run(&debugger);
        End { played, contents: shop.contents().await }
    }

    async fn cancel(&self, mut playing: program::Playing) -> Played {
        match self.cancels {
            Cancels::WhenInterrupted => playing.interrupt(),
            _ => playing.tell().await,
        }
        playing.end().await
    }

    async fn is_killed_the_same(&self) {
        if !self.program.is_had() {
            return;
        }
        let straight = self.killed_while_it_waits().await;
        assert_eq!(self.killed_while_held().await, straight);
    }

    async fn killed_while_it_waits(&self) -> Vec<String> {
        let shop = Shop::with(SETUP).await;
        let blocker = shop.session().await;
        blocker.batch_execute("begin; select from waits for update").await.unwrap();
        let playing = self.program.start(&shop.url(), &["wait"]);
        shop.somebody_waits().await;
        playing.kill().await;
        drop(blocker);
        shop.is_left_alone().await;
        shop.contents().await
    }

    async fn killed_while_held(&self) -> Vec<String> {
        let shop = Shop::with(SETUP).await;
        let mut debugger = Debugger::holding(&shop, updates_waits).await;
        let playing = self.program.start(&shop.url_on(debugger.port()), &["wait"]);
        let held = debugger.next().await;
        playing.kill().await;
        held.given_up().await;
        shop.is_left_alone().await;
        debugger.is_left_alone().await;
        has_not_run(&debugger);
        shop.contents().await
    }
}

/// The statement that is cancelled, or whose client is killed.
fn updates_waits(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    sql.contains("update") && sql.contains("waits")
}

fn has_not_run(debugger: &Debugger) {
    let ran = debugger.seen(|seen| seen.done.iter().find(|sql| updates_waits(sql)).cloned());
    assert_eq!(ran, None);
}

/// Three tests for each driver.
macro_rules! drivers {
    ($($name:ident: $driver:expr;)*) => {$(
        mod $name {
            use super::*;

            const DRIVER: Driver = $driver;

            #[tokio::test(flavor = "multi_thread")]
            async fn works_the_same() {
                DRIVER.works_the_same().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn is_cancelled_the_same() {
                DRIVER.is_cancelled_the_same().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn is_killed_the_same() {
                DRIVER.is_killed_the_same().await;
            }
        }
    )*};
}

use Language::{Java, Node, Python, Ruby, Shell};

/// What `find` asks for.
const FOUND: &str = "\"seats\".\"seat_number\" = ";

drivers! {
    psql: Driver {
        cancels: Cancels::WhenInterrupted,
        ..driver(Shell, "tests/programs/psql.sh", None)
    };
    psycopg: driver(Python, "tests/programs/psycopg_3.py", Some("count(*)"));
    asyncpg: driver(Python, "tests/programs/asyncpg_pool.py", Some("count(*)"));
    sqlalchemy: driver(Python, "tests/programs/sqlalchemy_orm.py", Some("count(*)"));
    django: driver(Python, "tests/programs/django_orm.py", None);
    node_postgres: driver(Node, "tests/programs/node_postgres.js", Some("count(*)"));
    postgres_js: driver(Node, "tests/programs/postgres_js.js", Some("count(*)"));
    knex: Driver {
        cancels: Cancels::ByItself,
        ..driver(Node, "tests/programs/knex.js", None)
    };
    sequelize: Driver {
        cancels: Cancels::Never,
        ..driver(Node, "tests/programs/sequelize.js", None)
    };
    hikari: driver(Java, "tests/programs/HikariBookings.java", Some("count(*)"));
    active_record: driver(Ruby, "tests/programs/active_record.rb", Some(FOUND));
}
