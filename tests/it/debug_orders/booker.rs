//! Programs that book seat 1, each in its way, and that know nothing of who holds them.

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::in_short;

pub(super) const NAMES: [&str; 2] = ["Alice", "Bob"];

/// How the seat is booked.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A check, and an insert if nobody has booked.
    CheckThenInsert,
    /// What is free is read, and one less is written.
    ReadThenWrite,
    /// The same with the row locked.
    Locked,
    /// Whoever has the key has the seat.
    OnConflict,
}

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Query,
    /// By Parse, Bind and Execute.
    Extended,
}

/// A program, before it is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Booker {
    name: &'static str,
    way: Way,
    form: Form,
    /// How its transaction begins; nothing for one transaction a statement.
    begin: Option<&'static str>,
}

impl Booker {
    /// A random one. A transaction of one snapshot has that from its first Parse on, which comes
    /// before its statement is held and which no scenario can tell: it sends Query messages.
    pub(super) fn any(name: &'static str, random: &mut StdRng) -> Self {
        let ways = [Way::CheckThenInsert, Way::ReadThenWrite, Way::Locked, Way::OnConflict];
        let begins = [
            None,
            Some("begin"),
            Some("begin isolation level repeatable read"),
            Some("begin isolation level serializable"),
        ];
        let (way, begin) = (ways[random.random_range(0..4)], begins[random.random_range(0..4)]);
        let is_extended = begin.is_none_or(|begin| begin == "begin") && random.random_bool(0.5);
        let form = if is_extended { Form::Extended } else { Form::Query };
        Self { name, way, form, begin }
    }

    /// Books, and gives up at the first refusal.
    pub(super) async fn run(&self, client: &Client, answered: impl Fn(String)) {
        let session = Session { booker: *self, client, answered };
        if let Some(begin) = self.begin {
            session.send(begin).await.expect("it begins");
        }
        let booked = session.book().await;
        match (self.begin, booked) {
            (None, _) => {}
            // A refused COMMIT has rolled back.
            (Some(_), Ok(())) => drop(session.send("commit").await),
            (Some(_), Err(_)) => drop(session.send("rollback").await.expect("it ends")),
        }
    }
}

/// That a statement was refused.
#[derive(Debug)]
struct Refused;

struct Session<'a, F> {
    booker: Booker,
    client: &'a Client,
    /// Told each answer.
    answered: F,
}

impl<F: Fn(String)> Session<'_, F> {
    async fn book(&self) -> Result<(), Refused> {
        let name = self.booker.name;
        let insert = format!("insert into bookings values (1, '{name}')");
        match self.booker.way {
            Way::CheckThenInsert => {
                let booked = self.send("select count(*)::text from bookings where seat = 1");
                if booked.await? != "0 (1)" {
                    return Ok(());
                }
            }
            Way::ReadThenWrite => {
                self.take_one("select free::text from seats where seat = 1").await?;
            }
            Way::Locked => {
                self.take_one("select free::text from seats where seat = 1 for update").await?;
            }
            Way::OnConflict => {
                let claim =
                    format!("insert into claims values (1, '{name}') on conflict do nothing");
                if self.send(&claim).await? == " (0)" {
                    return Ok(());
                }
            }
        }
        self.send(&insert).await.map(drop)
    }

    /// Takes a seat off what this reads.
    async fn take_one(&self, read: &str) -> Result<(), Refused> {
        let free = self.send(read).await?;
        let free: i32 = free.split(' ').next().and_then(|it| it.parse().ok()).expect("a number");
        let update = format!("update seats set free = {} where seat = 1", free - 1);
        self.send(&update).await.map(drop)
    }

    async fn send(&self, sql: &str) -> Result<String, Refused> {
        let answer = match self.booker.form {
            Form::Query => self.client.simple_query(sql).await.map(|all| of_query(&all)),
            Form::Extended => self.execute(sql).await,
        };
        let answer = answer.map_err(|error| {
            let code = error.as_db_error().expect("the server's error").code();
            format!("!{}", code.code())
        });
        let (Ok(told) | Err(told)) = &answer;
        (self.answered)(told.clone());
        answer.map_err(|_| Refused)
    }

    async fn execute(&self, sql: &str) -> Result<String, Error> {
        if !sql.starts_with("select") {
            return Ok(in_short(&[], self.client.execute(sql, &[]).await?));
        }
        let rows = self.client.query(sql, &[]).await?;
        let values: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        Ok(in_short(&values, rows.len() as u64))
    }
}

/// What a Query message of one statement was answered.
fn of_query(messages: &[SimpleQueryMessage]) -> String {
    let (mut rows, mut count) = (Vec::new(), 0);
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => rows.push(row.get(0).unwrap_or_default().to_owned()),
            SimpleQueryMessage::CommandComplete(done) => count = *done,
            _ => {}
        }
    }
    in_short(&rows, count)
}
