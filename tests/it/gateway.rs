//! The optimistic engine as a client sees it: what must happen at each statement and at COMMIT.

use std::path::Path;

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::{Gateway, Limits, Mode, Options};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::support::{self, Database};

/// A gateway in front of a database of the test's own.
pub(crate) struct Served {
    pub(crate) gateway: Gateway,
    pub(crate) folder: tempfile::TempDir,
    database: Database,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::with(|options| options.limits = limits).await
    }

    pub(crate) async fn passing_through() -> Self {
        Self::with(|options| options.mode = Mode::PassThrough).await
    }

    /// Started with options of the test's own.
    pub(crate) async fn with(set: impl FnOnce(&mut Options)) -> Self {
        let database = Database::create().await;
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(database.target());
        options.socket_folder = Some(folder.path().to_owned());
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        set(&mut options);
        let gateway = Gateway::start(options).await.unwrap();
        Self { gateway, folder, database }
    }

    /// Ends the gateway in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        let options = Options::new(self.database.target());
        let idle = Gateway::start(options).await.unwrap();
        std::mem::replace(&mut self.gateway, idle).stop().await;
    }

    /// A client of the gateway.
    pub(crate) async fn client(&self) -> Client {
        connect(self.folder.path(), 5432, self.database()).await
    }

    /// The name of the database behind it.
    pub(crate) fn database(&self) -> &str {
        self.database.name()
    }

    /// A client that goes past the gateway.
    pub(crate) async fn outsider(&self) -> Client {
        let cluster = support::server();
        connect(cluster.folder(), cluster.port(), self.database()).await
    }
}

pub(crate) async fn connect(folder: &Path, port: u16, database: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(folder).port(port).user(SUPERUSER).dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What a text of SQL does, in one line: rows, tags, or the SQLSTATE and the message.
pub(crate) async fn says(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(messages) => messages.iter().filter_map(line).collect::<Vec<_>>().join("; "),
        Err(error) => match error.as_db_error() {
            Some(error) => format!("{} {}", error.code().code(), error.message()),
            None => panic!("{error}"),
        },
    }
}

/// Whether what was said ends with a command's count of rows, as an error does not.
pub(crate) fn succeeded(said: &str) -> bool {
    let count = said.rsplit_once('(').and_then(|(_, count)| count.strip_suffix(')'));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

fn line(message: &SimpleQueryMessage) -> Option<String> {
    match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|at| row.get(at).unwrap_or("").to_owned());
            Some(values.collect::<Vec<_>>().join("|"))
        }
        SimpleQueryMessage::CommandComplete(count) => Some(format!("({count})")),
        _ => None,
    }
}

pub(crate) const CONFLICT: &str =
    "40001 change conflicts with another transaction, please retry: (OC000)";
pub(crate) const SCHEMA_CHANGED: &str =
    "40001 schema has been updated by another transaction, please retry: (OC001)";

pub(crate) const SEATS: &str = "create table seats (seat_row text, seat_number int, booked_by text \
    unique, \
                     note text, primary key (seat_row, seat_number)); \
                     insert into seats values ('A', 1, null), ('A', 2, 'Carol'), ('A', 4, null)";

pub(crate) async fn served_seats() -> (Served, Client, Client) {
    let served = Served::start().await;
    served.outsider().await.batch_execute(SEATS).await.unwrap();
    let (bob, mallory) = (served.client().await, served.client().await);
    (served, bob, mallory)
}

#[tokio::test]
async fn the_first_committer_wins_and_the_other_is_told_at_commit() {
    let (_served, bob, mallory) = served_seats().await;
    assert_eq!(says(&bob, "begin").await, "(0)");
    assert_eq!(says(&mallory, "begin").await, "(0)");
    let book = "update seats set booked_by = 'X' where seat_number = 4 and booked_by is null";
    assert_eq!(says(&bob, &book.replace('X', "Bob")).await, "(1)");
    assert_eq!(says(&mallory, &book.replace('X', "Mallory")).await, "(1)");
    let look = "select booked_by from seats where seat_number = 4";
    assert_eq!(says(&mallory, look).await, "Mallory; (1)");
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(says(&mallory, look).await, "Mallory; (1)");
    assert_eq!(says(&mallory, "commit").await, CONFLICT);
    assert_eq!(says(&mallory, look).await, "Bob; (1)");
    assert_eq!(says(&mallory, "rollback").await, "(0)");
}

#[tokio::test]
async fn an_autocommit_statement_gets_the_conflict_itself() {
    let (_served, bob, mallory) = served_seats().await;
    // Both statements are one implicit transaction whose snapshot is older than Bob's commit.
    says(&mallory, "begin; select 1").await;
    says(&bob, "update seats set note = 'x' where seat_number = 1").await;
    says(&mallory, "update seats set note = 'y' where seat_number = 1").await;
    assert_eq!(says(&mallory, "commit").await, CONFLICT);
    assert_eq!(says(&mallory, "update seats set note = 'y' where seat_number = 1").await, "(1)");
}

#[tokio::test]
async fn a_booking_that_moves_does_not_hit_its_own_key() {
    let (_served, bob, _) = served_seats().await;
    says(&bob, "begin").await;
    says(&bob, "update seats set booked_by = null where booked_by = 'Carol'").await;
    assert_eq!(
        says(&bob, "update seats set booked_by = 'Carol' where seat_number = 4").await,
        "(1)"
    );
    assert_eq!(says(&bob, "commit").await, "(0)");
    let all = "select seat_number, booked_by from seats order by 1";
    assert_eq!(says(&bob, all).await, "1|; 2|; 4|Carol; (3)");
}

#[tokio::test]
async fn locked_rows_conflict_although_nobody_wrote() {
    let (_served, bob, mallory) = served_seats().await;
    let lock = "begin; select 1 from seats where seat_number = 4 for update";
    says(&bob, lock).await;
    says(&mallory, lock).await;
    assert_eq!(says(&mallory, "commit").await, "(0)");
    assert_eq!(says(&bob, "commit").await, CONFLICT);
}

#[tokio::test]
async fn key_share_suffers_plain_updates_and_nothing_else() {
    let (_served, bob, mallory) = served_seats().await;
    for (rival, expected) in [
        ("update seats set note = 'x' where seat_number = 4", "(0)"),
        ("update seats set booked_by = 'Bob' where seat_number = 4", CONFLICT),
        ("select 1 from seats where seat_number = 4 for update", CONFLICT),
        ("select 1 from seats where seat_number = 4 for key share", "(0)"),
        ("delete from seats where seat_number = 4", CONFLICT),
    ] {
        says(&bob, "begin; select 1 from seats where seat_number = 4 for key share").await;
        says(&mallory, &format!("begin; {rival}; commit")).await;
        assert_eq!(says(&bob, "commit").await, expected, "{rival}");
    }
}

#[tokio::test]
async fn the_schema_that_changed_is_told_once() {
    let (_served, bob, mallory) = served_seats().await;
    says(&bob, "select 1 from seats").await;
    says(&mallory, "begin; select 1 from seats").await;
    assert_eq!(says(&bob, "alter table seats add column extra int").await, "(0)");
    assert_eq!(says(&mallory, "commit").await, SCHEMA_CHANGED);
    assert_eq!(says(&mallory, "select count(extra) from seats").await, "0; (1)");
    says(&mallory, "alter table seats drop column extra").await;
    assert_eq!(says(&bob, "select count(*) from seats").await, SCHEMA_CHANGED);
    assert_eq!(says(&bob, "select count(*) from seats").await, "3; (1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_outside_the_search_path_is_referred_to_by_its_bare_name() {
    let served = Served::start().await;
    let client = served.client().await;
    says(&client, "create schema s").await;
    says(&client, "create table s.holds (seat int primary key, who text)").await;
    let put = "insert into s.holds values (1, 'Alice') on conflict (seat) do update set who = \
        'Bob' where holds.who = 'Alice' returning holds.*";
    assert_eq!(says(&client, put).await, "1|Alice; (1)");
    assert_eq!(says(&client, put).await, "1|Bob; (1)");
    assert_eq!(
        says(&client, "select holds.who from s.holds where holds.seat = 1").await,
        "Bob; (1)"
    );
    let aliased = "select holds.who, s.holds.seat from s.holds, (values ('x')) as other (who)";
    assert_eq!(says(&client, aliased).await, "Bob|1; (1)");
    let hidden =
        "with holds (who) as (values ('nobody')) select holds.who from holds, s.holds as h";
    assert_eq!(says(&client, hidden).await, "nobody; (1)");
    let unknown = says(&client, "select who from holds").await;
    assert!(unknown.starts_with("42P01"), "{unknown}");
}
