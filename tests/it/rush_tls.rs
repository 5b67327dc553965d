//! Whole sales over TLS and with passwords, by the program's own command line.

use overbooked::cluster::part::RABBITMQ_HOME;
use overbooked::parts::private;

use crate::front::{Front, certify};
use crate::rush_parts::is_here;
use crate::rush_queues_refuse::said;
use crate::support::Database;

/// The password of a private RabbitMQ.
pub(crate) fn password(folder: &std::path::Path) -> String {
    let settings = folder.join(RABBITMQ_HOME).join("rabbitmq.conf");
    let settings = std::fs::read_to_string(settings).unwrap();
    let password = settings.lines().find_map(|line| line.strip_prefix("default_pass = "));
    password.unwrap().to_owned()
}

fn sold(code: Option<i32>, words: &str) {
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("sold no seat twice and lost no booking"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_with_tls_sells() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    // Free a moment ago; nobody else here asks for one by number.
    let port = Front::bind(folder.path()).await.port();
    let place = folder.path().display();
    let settings = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {place}/server.crt\n\
         ssl_options.certfile = {place}/server.crt\nssl_options.keyfile = {place}/server.key\n"
    );
    let (server, _) = private::start_rabbitmq_with(&settings).await.unwrap();
    let password = password(server.folder());
    let database = Database::create().await;
    let flags = format!("rabbit-queue --amqp amqps://rush:{password}@localhost:{port}");
    let (code, words) = said(&database, &flags, Some(&folder.path().join("server.crt")));
    sold(code, &words);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_with_tls_and_a_password_sells() {
    if !is_here("tansu") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let front = Front::bind(folder.path()).await.asking_for(b"\0shop\0s3cret");
    let port = front.port();
    // It sends its clients where they have come from.
    let (server, place) = private::start_kafka_behind(&format!("localhost:{port}")).await.unwrap();
    front.lead_to(place.to_string());
    let database = Database::create().await;
    let said = |account: &str| {
        let flags = format!("kafka-queue --kafka kafkas://{account}localhost:{port}");
        said(&database, &flags, Some(&folder.path().join("server.crt")))
    };
    let (code, words) = said("shop:s3cret@");
    sold(code, &words);
    let (code, words) = said("shop:wrong@");
    assert!(code == Some(1) && words.contains("wrong password"), "{words}");
    let (code, words) = said("");
    assert!(code == Some(1) && words.contains("closed the connection"), "{words}");
    assert!(words.contains("kafka://user:password@"), "{words}");
    server.stop().await.unwrap();
}
