//! Whoever may hold statements is told of each, in either mode, and nobody else waits for what is
//! held.

use std::sync::Arc;
use std::time::Duration;

use overbooked::gateway::{
    HeldStatement, HeldVerdict, Mode, StatementContext, StatementHooks, StatementOutcome, Verdict,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use crate::gateway::{SCHEMA_CHANGED, SEATS, Served, says};

const DEADLINE: Duration = Duration::from_secs(30);

/// What is in a statement that is held.
const HELD: &str = "/* held */";

/// What is in a statement whose end is held where nobody knows what came of it.
const HELD_WHEN_LOST: &str = "/* held when lost */";

/// Tells of every statement, and holds some until they are released.
#[derive(Debug)]
struct Recorder {
    told: mpsc::UnboundedSender<String>,
    released: Semaphore,
}

impl StatementHooks for Recorder {
    fn before_statement<'a>(&'a self, statement: StatementContext<'a>) -> HeldVerdict<'a> {
        Box::pin(async move {
            self.told.send(format!("before {}", statement.sql)).unwrap();
            if statement.sql.contains(HELD) {
                self.released.acquire().await.unwrap().forget();
            }
            Verdict::Pass
        })
    }

    fn after_statement<'a>(
        &'a self,
        statement: StatementContext<'a>,
        outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        Box::pin(async move {
            let (sql, application) = (statement.sql, statement.application);
            self.told.send(format!("after {sql}: {outcome:?}{application}")).unwrap();
            if outcome == StatementOutcome::Lost && sql.contains(HELD_WHEN_LOST) {
                self.released.acquire().await.unwrap().forget();
            }
        })
    }
}

struct Hooked {
    served: Served,
    recorder: Arc<Recorder>,
    told: mpsc::UnboundedReceiver<String>,
}

impl Hooked {
    async fn start(mode: Mode) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let recorder = Arc::new(Recorder { told: sender, released: Semaphore::new(0) });
        let hooks = Arc::clone(&recorder);
        let served = Served::with(|options| {
            options.mode = mode;
            options.hooks = Some(hooks);
        })
        .await;
        served.outsider().await.batch_execute(SEATS).await.unwrap();
        Self { served, recorder, told }
    }

    /// Waits for this to be told.
    async fn is_told(&mut self, expected: &str) {
        let told = async { while self.told.recv().await.unwrap() != expected {} };
        timeout(DEADLINE, told).await.expect(expected);
    }

    /// All that was told since.
    fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

const MODES: [Mode; 2] = [Mode::Optimistic, Mode::PassThrough];

#[tokio::test]
async fn every_statement_is_told_before_and_after_it() {
    for mode in MODES {
        let mut hooked = Hooked::start(mode).await;
        let client = hooked.served.client().await;
        for (sql, outcome) in [
            ("begin", "Done"),
            ("select 1/0", "Refused(\"22012\")"),
            ("select 1", "Refused(\"25P02\")"),
            ("rollback", "Done"),
            ("update seats set note = 'x' where seat_number = 1", "Done"),
        ] {
            says(&client, sql).await;
            assert_eq!(hooked.told(), [format!("before {sql}"), format!("after {sql}: {outcome}")]);
        }
        let sql = "select note from seats where seat_number = $1";
        let row = client.query_one(sql, &[&1]).await.unwrap();
        assert_eq!(row.get::<_, Option<&str>>(0), Some("x"));
        assert_eq!(hooked.told(), [format!("before {sql}"), format!("after {sql}: Done")]);
        says(&client, "set application_name = ' of a test'").await;
        hooked.told();
        says(&client, "select 2").await;
        assert_eq!(hooked.told(), ["before select 2", "after select 2: Done of a test"]);
    }
}

#[tokio::test]
async fn a_statement_that_is_held_has_not_run_and_nobody_waits_for_it() {
    for mode in MODES {
        let mut hooked = Hooked::start(mode).await;
        let (bob, mallory) = (hooked.served.client().await, hooked.served.client().await);
        let update = format!("update seats set note = 'Bob' where seat_number = 1 {HELD}");
        let (sql, look) = (update.clone(), "select note from seats where seat_number = 1");
        let updating = tokio::spawn(async move { says(&bob, &sql).await });
        hooked.is_told(&format!("before {update}")).await;
        assert_eq!(says(&mallory, look).await, "; (1)");
        let other = "update seats set note = 'Mallory' where seat_number = 2";
        assert_eq!(says(&mallory, other).await, "(1)");
        assert!(!updating.is_finished());
        hooked.recorder.released.add_permits(1);
        assert_eq!(timeout(DEADLINE, updating).await.unwrap().unwrap(), "(1)");
        assert_eq!(says(&mallory, look).await, "Bob; (1)");
    }
}

#[tokio::test]
async fn a_transaction_whose_statement_is_held_makes_way_for_a_change_of_the_schema() {
    let mut hooked = Hooked::start(Mode::Optimistic).await;
    let (bob, mallory) = (hooked.served.client().await, hooked.served.client().await);
    says(&bob, "begin; select * from seats").await;
    let look = format!("select count(*) from seats {HELD}");
    let sql = look.clone();
    let looking = tokio::spawn(async move { says(&bob, &sql).await });
    hooked.is_told(&format!("before {look}")).await;
    let altering = says(&mallory, "alter table seats add column price int");
    assert_eq!(timeout(DEADLINE, altering).await.expect("nobody waits"), "(0)");
    hooked.recorder.released.add_permits(1);
    assert_eq!(timeout(DEADLINE, looking).await.unwrap().unwrap(), SCHEMA_CHANGED);
    hooked.is_told(&format!("after {look}: Refused(\"40001\")")).await;
}

#[tokio::test]
async fn a_gateway_ends_whatever_is_held() {
    for mode in MODES {
        let mut hooked = Hooked::start(mode).await;
        let bob = hooked.served.client().await;
        let sql = format!("select 1 {HELD}");
        let told = format!("before {sql}");
        let looking = tokio::spawn(async move { bob.simple_query(&sql).await });
        hooked.is_told(&told).await;
        timeout(DEADLINE, hooked.served.kill()).await.expect("it ends");
        let error = timeout(DEADLINE, looking).await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.code().map(SqlState::code), Some("57P01"));
    }
}

#[tokio::test]
async fn who_holds_what_is_lost_keeps_nobody_from_hearing_of_the_end() {
    let mut hooked = Hooked::start(Mode::PassThrough).await;
    let bob = hooked.served.client().await;
    let sql = format!("select pg_sleep(600) {HELD_WHEN_LOST}");
    let told = format!("before {sql}");
    let sleeping = tokio::spawn(async move { bob.simple_query(&sql).await });
    hooked.is_told(&told).await;
    timeout(DEADLINE, hooked.served.kill()).await.expect("it ends");
    let error = timeout(DEADLINE, sleeping).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code().map(SqlState::code), Some("57P01"));
}
