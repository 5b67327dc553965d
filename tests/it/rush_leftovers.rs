//! Of what a rush makes in somebody else's server nothing stays, however the rush ends.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::parts::PartError;
use overbooked::parts::amqp_client::{Amqp, AmqpUrl, Queue};
use overbooked::parts::kafka_client::{Brokers, Kafka};
use overbooked::parts::link::Link;
use overbooked::parts::private;
use overbooked::rush::board::End;
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gateway::connect;
use crate::rush::options;
use crate::rush_ends::url;
use crate::rush_parts::is_here;
use crate::rush_screen::seats_are_sold;
use crate::rush_tls::password;
use crate::support::{Database, server};

async fn is_there(rabbitmq: &AmqpUrl, queue: &str) -> bool {
    match Amqp::new(rabbitmq, &Link::default()).depth(queue, Queue::Work).await {
        Ok(_) => true,
        Err(PartError::Away { source, .. }) if source.to_string().contains("no queue") => false,
        Err(other) => panic!("{other}"),
    }
}

async fn is_topic(kafka: &Brokers, topic: &str) -> bool {
    Kafka::new(kafka, &Link::default(), topic).identity().await.unwrap().is_some()
}

/// A database that refuses to have seats, once everything else is ready; it keeps the names of the
/// schemas.
async fn refusing() -> Database {
    let database = Database::create().await;
    let client = connect(server().folder(), server().port(), database.name()).await;
    let refuse = "create table schemas (name text); \
        create function refuse() returns event_trigger language plpgsql as $$ \
        declare made record; begin \
        for made in select object_identity as name from pg_event_trigger_ddl_commands() \
            where object_identity like 'overbooked\\_rush%.seats' loop \
            insert into public.schemas values (split_part(made.name, '.', 1)); \
            execute 'alter table ' || made.name || ' add check (seat < 2)'; \
        end loop; end $$; \
        create event trigger refuse on ddl_command_end when tag in ('CREATE TABLE') \
        execute function refuse()";
    client.batch_execute(refuse).await.unwrap();
    database
}

async fn name(database: &Database, query: &str) -> String {
    let client = connect(server().folder(), server().port(), database.name()).await;
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn schema(database: &Database) -> String {
    let query = "select nspname::text from pg_namespace where nspname like 'overbooked\\_rush%'";
    name(database, query).await
}

/// What a rush breaks off with, and its schema's name.
async fn broken(options: &Options) -> (String, String) {
    let database = refusing().await;
    let board = headless(options, &database.target(), CancellationToken::new()).await.unwrap();
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(board.notes.is_empty(), "{:?}", board.notes);
    (why.clone(), name(&database, "select name from schemas").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rush_that_fails_leaves_no_queue_and_no_topic() {
    if is_here("rabbitmq-server") {
        let (rabbitmq, url) = private::start_rabbitmq().await.unwrap();
        let flags = options("rabbit-queue --requests 20 --amqp amqp://ours");
        let (why, schema) = broken(&Options { amqp: Some(url.clone()), ..flags }).await;
        assert!(why.contains("violates check constraint"), "{why}");
        for compartment in ["0", "1", "2", "last"] {
            assert!(!is_there(&url, &format!("{schema}.{compartment}")).await, "{compartment}");
        }
        rabbitmq.stop().await.unwrap();
    }
    if is_here("tansu") {
        let (kafka, brokers) = private::start_kafka().await.unwrap();
        let flags = options("kafka-queue --requests 20 --kafka ours");
        let (why, schema) = broken(&Options { kafka: Some(brokers.clone()), ..flags }).await;
        assert!(why.contains("violates check constraint"), "{why}");
        assert!(!is_topic(&brokers, &schema).await);
        kafka.stop().await.unwrap();
    }
}

fn program(database: &Database, flags: &str, requests: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(["rush", "--headless", "--requests", requests, "--url", &url(database)])
        .args(flags.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The exit code and what was said on the way.
async fn ended(program: Child) -> (Option<i32>, String) {
    let output = tokio::task::spawn_blocking(|| program.wait_with_output().unwrap());
    let output = timeout(Duration::from_mins(2), output).await.expect("it ends").unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A rush that is killed, the next one, and one that is told to end; where the first one's queues
/// were, and the last one's.
async fn killed_and_stopped(database: &Database, flags: &str) -> [String; 2] {
    let mut killed = program(database, flags, "100000000");
    seats_are_sold(database).await;
    let first = schema(database).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (code, said) = ended(program(database, flags, "20")).await;
    assert!(code == Some(0) && said.contains(&format!("dropped {first}")), "{said}");
    let stopped = program(database, flags, "100000000");
    seats_are_sold(database).await;
    let last = schema(database).await;
    let pid = stopped.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    assert_eq!(ended(stopped).await.0, Some(130));
    [first, last]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_rush_left_in_rabbitmq_goes_with_the_next() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let (rabbitmq, place) = private::start_rabbitmq().await.unwrap();
    let password = password(rabbitmq.folder());
    let flags = format!("rabbit-queue --amqp amqp://rush:{password}@{place}");
    let database = Database::create().await;
    for schema in killed_and_stopped(&database, &flags).await {
        assert!(!is_there(&place, &format!("{schema}.0")).await, "{schema}");
        assert!(!is_there(&place, &format!("{schema}.last")).await, "{schema}");
    }
    rabbitmq.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_rush_left_in_kafka_goes_with_the_next_and_others_topics_are_named() {
    if !is_here("tansu") {
        return;
    }
    let (kafka, brokers) = private::start_kafka().await.unwrap();
    let flags = format!("kafka-queue --kafka {brokers}");
    let database = Database::create().await;
    for schema in killed_and_stopped(&database, &flags).await {
        assert!(!is_topic(&brokers, &schema).await, "{schema}");
    }
    let other = "overbooked_rush_0a1b2c3d";
    Kafka::new(&brokers, &Link::default(), other).create(1).await.unwrap();
    let (_, said) = ended(program(&database, &flags, "20")).await;
    assert!(said.contains(&format!("topics of other rushes: {other};")), "{said}");
    assert!(is_topic(&brokers, other).await);
    kafka.stop().await.unwrap();
}
