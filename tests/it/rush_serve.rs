//! The rush on what `overbooked serve` offers, over TLS: each engine does what it can, and says
//! what it cannot.

use overbooked::cluster::SUPERUSER;
use overbooked::gateway::{Certificate, Gateway, Mode, Options};
use overbooked::pg::{Environment, Target};
use overbooked::rush::board::{Board, End};
use overbooked::rush::headless::headless;
use overbooked::rush::strategy::StrategyName;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::rush::{finished, options};
use crate::support::Database;

/// What `serve` starts, with its own certificate.
async fn serve(database: &Database, mode: Mode, folder: &TempDir) -> Gateway {
    let folder = folder.path().to_owned();
    let options = Options {
        mode,
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        certificate: Certificate::SelfSigned { folder },
        ..Options::new(database.target())
    };
    Gateway::start(options).await.unwrap()
}

/// As `serve` announces it.
fn announced(gateway: &Gateway, database: &Database) -> Target {
    let certificate = gateway.certificate().unwrap().display();
    let port = gateway.address().unwrap().port();
    let url = format!(
        "host=localhost port={port} user={SUPERUSER} dbname={} sslmode=verify-full \
         sslrootcert={certificate}",
        database.name()
    );
    Target::resolve(Some(&url), &Environment::default()).unwrap()
}

async fn rush(mode: Mode) -> Board {
    let (database, folder) = (Database::create().await, tempfile::tempdir().unwrap());
    let gateway = serve(&database, mode, &folder).await;
    let options = options("--requests 200 --seats 30 --workers 4");
    let board = headless(&options, &announced(&gateway, &database), CancellationToken::new())
        .await
        .unwrap();
    gateway.stop().await;
    assert_eq!(board.ended.len(), 11);
    board
}

fn sold_each_seat_once(board: &Board, strategy: StrategyName) {
    let finished = finished(board, strategy);
    assert!(finished.verdict.holds(), "{strategy}: {:?}", finished.verdict);
    assert!(finished.verdict.sold > 0, "{strategy}: {:?}", finished.tally.errors);
    assert_eq!(finished.tally.failed, 0, "{strategy}: {:?}", finished.tally.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_strategies_are_possible_where_serve_only_passes_through() {
    let board = rush(Mode::PassThrough).await;
    for ended in board.ended.iter().filter(|ended| ended.strategy != StrategyName::Naive) {
        sold_each_seat_once(&board, ended.strategy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_optimistic_engine_cannot_do_is_listed_with_its_reason() {
    let board = rush(Mode::Optimistic).await;
    for ended in &board.ended {
        let reason = match ended.strategy {
            StrategyName::Nowait => "NOWAIT",
            StrategyName::SkipLocked => "SKIP LOCKED",
            StrategyName::Serializable => "SERIALIZABLE",
            StrategyName::Advisory => "pg_advisory_xact_lock",
            // It reads and writes in two transactions, and nobody can judge those together.
            StrategyName::Naive => continue,
            _ => {
                sold_each_seat_once(&board, ended.strategy);
                continue;
            }
        };
        let End::Unavailable(said) = &ended.end else { panic!("{}: {ended:?}", ended.strategy) };
        assert!(said.contains(reason), "{}: {said}", ended.strategy);
    }
}
