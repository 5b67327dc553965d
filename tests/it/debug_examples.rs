//! The examples' races (`examples/*`): what two customers end with when one comes after the other,
//! when both read before either writes, and when both do so with the mended program.

use std::path::{Path, PathBuf};

use tokio_postgres::Client;

use crate::debug_programs::debugger::{Debugger, Held};
use crate::debug_programs::program::{Language, Program, root};
use crate::debug_programs::server::Shop;

/// What mends a program.
#[derive(Clone, Copy)]
enum Mended {
    /// Its own `--mended`.
    ByOption,
    /// `mended.sql`.
    BySql,
}

/// A program for two who want the same.
pub(crate) struct Example {
    pub(crate) program: Program,
    pub(crate) wanted: &'static str,
    mended: Mended,
    /// What is in the statements whose order makes the race; nothing else is held.
    holds: fn(&str) -> bool,
    /// In what both do before either writes, and in what they write, lower case.
    reads: &'static str,
    writes: &'static str,
    /// How many were sold too many.
    pub(crate) oversold: &'static str,
    /// What must be so in the end.
    pub(crate) check: &'static str,
    /// What whoever got it is told.
    sold: &'static str,
}

/// Who lets go what: an actor's next statement that has this in it.
type Order<'a> = [(&'a str, &'a str)];

const SOLD_TWICE: &str = "select count(*) - 1 from tickets where seat = 'A-4'";
const BOOKED_TWICE: &str = "select count(*) - 1 from bookings where seat = 'A-4'";
const LOST_UPDATE: &str = "select seats_left + (select count(*) from tickets) - 10 from flights";

const BOOKED: &str = "is booked for";

pub(crate) const NODE: Example = Example {
    program: Program::new(Language::Node, "examples/node-postgres/book.js"),
    wanted: "A-4",
    mended: Mended::ByOption,
    holds: |sql| sql.contains("seats"),
    reads: "select",
    writes: "update",
    oversold: SOLD_TWICE,
    check: "select count(*) <= 1 from tickets where seat = 'A-4'",
    sold: BOOKED,
};

pub(crate) const HIKARI: Example =
    Example { program: Program::new(Language::Java, "examples/hikari/Book.java"), ..NODE };

pub(crate) const DJANGO: Example = Example {
    program: Program::new(Language::Python, "examples/django/book.py"),
    mended: Mended::BySql,
    holds: |sql| sql.contains("bookings"),
    writes: "insert",
    oversold: BOOKED_TWICE,
    check: "select count(*) <= 1 from bookings where seat = 'A-4'",
    ..NODE
};

/// It asks the catalog about its table, whose name is a literal there.
pub(crate) const ACTIVE_RECORD: Example = Example {
    program: Program::new(Language::Ruby, "examples/activerecord/book.rb"),
    holds: |sql| sql.contains("bookings") && !sql.contains("pg_"),
    ..DJANGO
};

pub(crate) const SQLALCHEMY: Example = Example {
    program: Program::new(Language::Python, "examples/sqlalchemy/book.py"),
    wanted: "OB-7",
    holds: |sql| sql.contains("flights"),
    oversold: LOST_UPDATE,
    check: "select seats_left + (select count(*) from tickets) = 10 from flights",
    sold: "a ticket of",
    ..NODE
};

impl Example {
    fn folder(&self) -> PathBuf {
        root().join(self.program.file).parent().unwrap().to_owned()
    }

    pub(crate) async fn shop(&self, is_mended: bool) -> Shop {
        let read = |name| std::fs::read_to_string(self.folder().join(name)).unwrap();
        let mended = match self.mended {
            Mended::BySql if is_mended => read("mended.sql"),
            _ => String::new(),
        };
        Shop::with(&(read("setup.sql") + &mended)).await
    }

    fn arguments<'a>(&'a self, is_mended: bool, customer: &'a str) -> Vec<&'a str> {
        let option = matches!(self.mended, Mended::ByOption).then_some("--mended");
        let option = option.filter(|_| is_mended);
        option.into_iter().chain([self.wanted, customer]).collect()
    }

    pub(crate) fn sold(&self, said: &[String]) -> usize {
        said.iter().filter(|said| said.contains(self.sold)).count()
    }

    /// One after the other: the second is told that it is gone, or gets the next one.
    async fn one_after_the_other(&self, is_mended: bool) {
        let shop = self.shop(is_mended).await;
        for customer in ["alice", "bob"] {
            let playing = self.program.start(&shop.url(), &self.arguments(is_mended, customer));
            assert_eq!(playing.end().await.code, Some(0));
        }
        assert_eq!(shop.number(self.oversold).await, 0);
    }

    /// Both at once, in this order; what they are told, and how many were sold too many.
    async fn in_order(&self, is_mended: bool, order: &Order<'_>) -> (Vec<String>, i64) {
        let shop = self.shop(is_mended).await;
        let mut debugger = Debugger::holding(&shop, self.holds).await;
        let url = shop.url_on(debugger.port());
        let both = ["alice", "bob"]
            .map(|customer| self.program.start(&url, &self.arguments(is_mended, customer)).end());
        let [alice, bob] = both;
        let played = tokio::select! {
            played = async { tokio::join!(alice, bob) } => played,
            never = let_go_in_order(&shop, &mut debugger, order) => match never {},
        };
        let said = vec![played.0.said, played.1.said];
        (said, shop.number(self.oversold).await)
    }

    async fn is_caught_and_mended(&self) {
        if !self.program.is_had() {
            return;
        }
        let (alice, bob) = ("alice", "bob");
        let read = [(alice, self.reads), (bob, self.reads), (alice, self.writes)];
        let race = [&read[..], &[(bob, self.writes)]].concat();
        let (said, oversold) = self.in_order(false, &race).await;
        assert_eq!((self.sold(&said), oversold), (2, 1), "{said:?}");
        let (said, oversold) = self.in_order(true, &read).await;
        assert_eq!((self.sold(&said), oversold), (1, 0), "{said:?}");
        for is_mended in [false, true] {
            self.one_after_the_other(is_mended).await;
        }
    }
}

/// Lets go in this order, each when the one before it is over or waits, and then whatever comes.
async fn let_go_in_order(
    shop: &Shop,
    debugger: &mut Debugger,
    order: &Order<'_>,
) -> std::convert::Infallible {
    let mut waiting: Vec<Held> = Vec::new();
    for (actor, part) in order {
        let is_meant = |held: &Held| held.actor == *actor && held.sql.to_lowercase().contains(part);
        let meant = loop {
            match waiting.iter().position(is_meant) {
                Some(at) => break waiting.remove(at),
                None => waiting.push(debugger.next().await),
            }
        };
        tokio::select! {
            over = meant.let_go() => over.unwrap(),
            () = shop.somebody_waits() => {}
        }
    }
    drop(waiting);
    debugger.let_all_go(&mut 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_for_node_is_caught_and_mended() {
    NODE.is_caught_and_mended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_for_java_is_caught_and_mended() {
    HIKARI.is_caught_and_mended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_for_django_is_caught_and_mended() {
    DJANGO.is_caught_and_mended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_of_active_record_is_caught_and_mended() {
    ACTIVE_RECORD.is_caught_and_mended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_update_of_sqlalchemy_is_caught_and_mended() {
    SQLALCHEMY.is_caught_and_mended().await;
}

/// Knex's lock of its migrations: a row, of which there are two in the end, and so no lock that
/// anybody could take.
const KNEX: Program = Program::new(Language::Node, "examples/knex/migrate.js");
pub(crate) const KNEX_0_95_12: Program =
    Program { environment: &[("KNEX", "knex-0.95.12")], ..KNEX };

pub(crate) const KNEX_SETUP: &str = include_str!("../../examples/knex/setup.sql");
pub(crate) const LOCKS: &str = "select count(*) from knex_migrations_lock";
pub(crate) const LOCKED: &str = "Migration table is already locked";

fn is_about_the_lock(sql: &str) -> bool {
    sql.contains("knex_migrations_lock")
}

/// A trigger in which every INSERT waits for as long as the test's session has the other lock.
const GATE: &str = "create function gate() returns trigger language plpgsql as \
    $$ begin perform pg_advisory_xact_lock_shared(42); return new; end $$; \
    create trigger gate before insert on knex_migrations_lock for each row execute function gate()";

/// Two instances of an application start at once.
async fn migrate(
    program: Program,
    shop: &Shop,
    arguments: &[&str],
    holds: fn(&str) -> bool,
    order: &Order<'_>,
) -> [String; 2] {
    let mut debugger = Debugger::holding(shop, holds).await;
    let url = shop.url_on(debugger.port());
    let [alice, bob] =
        ["alice", "bob"].map(|name| program.start(&url, &[arguments, &[name]].concat()).end());
    let played = tokio::select! {
        played = async { tokio::join!(alice, bob) } => played,
        never = let_go_in_order(shop, &mut debugger, order) => match never {},
    };
    [played.0.said, played.1.said]
}

async fn open_the_gate(gate: &Client, shop: &Shop) {
    shop.so_many_wait_for_advice(2).await;
    gate.batch_execute("rollback").await.unwrap();
}

/// There are two rows, and whoever comes later cannot take the lock either.
async fn is_locked_for_good(shop: &Shop, program: Program) {
    assert_eq!(shop.number(LOCKS).await, 2);
    let said = program.start(&shop.url(), &["carol"]).end().await.said;
    assert!(said.contains(LOCKED), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_migrate_by_knex_0_95_12_lock_each_other_out_inside_of_one_statement() {
    if !KNEX.is_had() {
        return;
    }
    let shop = Shop::with(KNEX_SETUP).await;
    shop.session().await.batch_execute(GATE).await.unwrap();
    let gate = shop.session().await;
    gate.batch_execute("begin; select pg_advisory_xact_lock(42)").await.unwrap();
    let migrating = migrate(KNEX_0_95_12, &shop, &[], |_| false, &[]);
    let ((), said) = tokio::join!(open_the_gate(&gate, &shop), migrating);
    assert!(said.iter().any(|said| said.contains(LOCKED)), "{said:?}");
    is_locked_for_good(&shop, KNEX_0_95_12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_migrate_by_todays_knex_do_so_between_two_statements() {
    if !KNEX.is_had() {
        return;
    }
    let shop = Shop::with(KNEX_SETUP).await;
    let (alice, bob) = ("alice", "bob");
    let steps = ["select", "select", "insert"];
    let order: Vec<(&str, &str)> =
        steps.iter().flat_map(|step| [(alice, *step), (bob, *step)]).collect();
    let said = migrate(KNEX, &shop, &[], is_about_the_lock, &order).await;
    assert!(said.iter().any(|said| said.contains(LOCKED)), "{said:?}");
    is_locked_for_good(&shop, KNEX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_migrate_one_at_a_time_both_succeed() {
    for program in [KNEX, KNEX_0_95_12].into_iter().filter(|program| program.is_had()) {
        let shop = Shop::with(KNEX_SETUP).await;
        let mut said = migrate(program, &shop, &["--mended"], is_about_the_lock, &[]).await;
        said.sort_by_key(|said| said.contains("nothing to do"));
        assert!(said[0].contains(": done: "), "{said:?}");
        assert!(said[1].contains(": nothing to do"), "{said:?}");
        assert_eq!(shop.number(LOCKS).await, 1);
    }
}

/// The documents of the debugger and of its examples.
fn documents() -> Vec<PathBuf> {
    let examples = std::fs::read_dir(root().join("examples")).unwrap();
    let folders = examples.map(|entry| entry.unwrap().path().join("README.md"));
    let own = ["examples/README.md", "tests/programs/README.md", "docs/debugger.md"];
    let own = own.iter().map(|name| root().join(name));
    folders.filter(|path| path.exists()).chain(own).collect()
}

/// What a document links to, and is not there.
fn missing(document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).unwrap();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let own = links.filter(|link| !link.is_empty() && !link.contains("://"));
    let gone = own.filter(|link| !document.parent().unwrap().join(link).exists());
    gone.map(|link| format!("{}: {link}", document.display())).collect()
}

#[test]
fn everything_that_the_examples_link_to_is_there() {
    let missing: Vec<String> = documents().iter().flat_map(|path| missing(path)).collect();
    assert!(documents().len() > 6 && missing.is_empty(), "{missing:?}");
}
