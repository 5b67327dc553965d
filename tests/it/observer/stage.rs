//! Actors on connections of their own, and an observer that watches them.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::core::event::{Pid, SessionName, Wait};
use overbooked::core::seats::{HoldKind, Holder, SeatColumns, WatchedRow, WatchedTables};
use overbooked::observer::{Inspection, Observer, Watch};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls};

use crate::support;

/// Nothing that these tests wait for takes longer, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

const SEATS: &str = "
    create table seats (seat_row char, seat_number int, booked_by text, primary key (seat_row, \
    seat_number), unique (booked_by));
    insert into seats values ('A', 1, 'Carol'), ('A', 2, null), ('A', 3, 'Oscar'), ('A', 4, null), \
    ('A', 5, null);";

/// A database with five seats, and who plays in it.
pub(super) struct Stage {
    pub(super) database: support::Database,
    pub(super) observer: Observer,
    roster: Vec<(SessionName, Pid)>,
}

/// A session of the stage.
pub(super) struct Actor {
    pub(super) client: Arc<Client>,
    pub(super) pid: Pid,
}

/// A statement on its way.
pub(super) type InFlight = JoinHandle<Result<(), Error>>;

impl Actor {
    /// Runs SQL that is answered at once.
    pub(super) async fn run(&self, sql: &str) {
        let answer = tokio::time::timeout(DEADLINE, self.client.batch_execute(sql)).await;
        answer.expect("an answer in time").unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Sends SQL that may have to wait.
    pub(super) fn start(&self, sql: &str) -> InFlight {
        let (client, sql) = (Arc::clone(&self.client), sql.to_owned());
        tokio::spawn(async move { client.batch_execute(&sql).await })
    }
}

/// The answer of a statement that has waited.
pub(super) async fn answer(statement: InFlight) -> Result<(), Error> {
    tokio::time::timeout(DEADLINE, statement).await.expect("an answer in time").unwrap()
}

pub(super) fn seats() -> SeatColumns {
    SeatColumns {
        table: "seats".to_owned(),
        compartment: None,
        row: "seat_row".to_owned(),
        number: "seat_number".to_owned(),
        holder: "booked_by".to_owned(),
    }
}

pub(super) fn watch_seats() -> Watch {
    Watch { schema: Some("public".to_owned()), seats: Some(seats()), tables: Vec::new() }
}

impl Stage {
    /// Five seats, seen as sharply as a superuser can.
    pub(super) async fn sharp() -> Self {
        Self::open(Inspection::Allowed).await
    }

    /// Five seats, seen without pageinspect.
    pub(super) async fn plain() -> Self {
        Self::open(Inspection::UseIfPresent).await
    }

    async fn open(inspection: Inspection) -> Self {
        let database = support::Database::create().await;
        let observer =
            Observer::connect(&database.target(), watch_seats(), inspection).await.unwrap();
        let stage = Self { database, observer, roster: Vec::new() };
        stage.stranger("setup").await.run(SEATS).await;
        stage
    }

    /// A session of the run.
    pub(super) async fn actor(&mut self, name: &str) -> Actor {
        let actor = self.stranger(&format!("overbooked/{name}")).await;
        self.roster.push((SessionName::new(name), actor.pid));
        actor
    }

    /// A session that is not of the run.
    pub(super) async fn stranger(&self, application: &str) -> Actor {
        let server = support::server();
        let mut config = tokio_postgres::Config::new();
        config.host_path(server.folder()).port(server.port()).user(SUPERUSER);
        config.dbname(self.database.name()).application_name(application);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let pid = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        Actor { client: Arc::new(client), pid: Pid(pid) }
    }

    pub(super) async fn watched_tables(&self) -> WatchedTables {
        self.observer.watched_tables(&self.roster).await.unwrap()
    }

    /// Reads the watched tables until they are as they should be.
    pub(super) async fn until(
        &self,
        what: &str,
        fits: impl Fn(&WatchedTables) -> bool,
    ) -> WatchedTables {
        let looks = async {
            loop {
                let watched_tables = self.watched_tables().await;
                if fits(&watched_tables) {
                    return watched_tables;
                }
            }
        };
        if let Ok(watched_tables) = tokio::time::timeout(DEADLINE, looks).await {
            return watched_tables;
        }
        panic!("{what}: never so, but {:#?}", self.watched_tables().await)
    }

    /// Looks until the seat's holders and queue are these.
    pub(super) async fn until_seat(&self, key: &str, holders: &[Held], queue: &[(&str, &str)]) {
        let seen = |watched_tables: &WatchedTables| {
            (held(seat(watched_tables, key)), queued(seat(watched_tables, key)))
        };
        let holders: Vec<_> =
            holders.iter().map(|(who, kind)| ((*who).to_owned(), *kind)).collect();
        let queue: Vec<_> =
            queue.iter().map(|(who, wants)| ((*who).to_owned(), (*wants).to_owned())).collect();
        self.until(&format!("{key}: {holders:?}, then {queue:?}"), |watched_tables| {
            seen(watched_tables) == (holders.clone(), queue.clone())
        })
        .await;
    }

    pub(super) async fn waits(&self) -> Vec<(SessionName, Wait)> {
        self.observer.waits(&self.roster).await.unwrap()
    }

    /// Asks who waits until it is this session, and for what it should.
    pub(super) async fn until_waits<T: Debug + PartialEq>(
        &self,
        name: &str,
        expected: T,
        tell: impl Fn(&Wait) -> T,
    ) {
        let looks = async {
            loop {
                let waits = self.waits().await;
                let wait = waits.iter().find(|(who, _)| who.as_str() == name);
                if wait.is_some_and(|(_, wait)| tell(wait) == expected) {
                    return;
                }
            }
        };
        let seen = tokio::time::timeout(DEADLINE, looks).await;
        assert!(
            seen.is_ok(),
            "{name} never waited so: {expected:?}, but {:#?}",
            self.waits().await
        );
    }

    /// Waits until this many of the run's sessions are blocked.
    pub(super) async fn until_blocked(&self, count: usize) -> Vec<(Pid, Vec<Pid>)> {
        let pids: Vec<Pid> = self.roster.iter().map(|(_, pid)| *pid).collect();
        let looks = async {
            loop {
                let blocked = self.observer.blocked(&pids).await.unwrap();
                if blocked.len() == count {
                    return blocked;
                }
            }
        };
        tokio::time::timeout(DEADLINE, looks).await.expect("so many blocked sessions in time")
    }
}

/// Who holds a seat, and how.
pub(super) type Held = (&'static str, HoldKind);

pub(super) fn seat<'a>(watched_tables: &'a WatchedTables, key: &str) -> &'a WatchedRow {
    let places = &watched_tables.tables.first().expect("a watched table").places;
    places.iter().find(|place| place.key == key).unwrap_or_else(|| panic!("no {key}: {places:#?}"))
}

pub(super) fn held(place: &WatchedRow) -> Vec<(String, HoldKind)> {
    place.holders.iter().map(|hold| (name(&hold.holder), hold.kind)).collect()
}

pub(super) fn queued(place: &WatchedRow) -> Vec<(String, String)> {
    place.waiters.iter().map(|waiter| (name(&waiter.who), waiter.wants.clone())).collect()
}

pub(super) fn name(holder: &Holder) -> String {
    match holder {
        Holder::Session(name) => name.to_string(),
        Holder::OneOf(names) => {
            names.iter().map(SessionName::as_str).collect::<Vec<_>>().join(" or ")
        }
        Holder::Prepared => "(prepared)".to_owned(),
        Holder::Foreign(application) => format!("({application})"),
    }
}
