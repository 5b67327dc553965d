//! The rush under fire: connections die at the worst moments, and the verdict still holds.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use overbooked::cluster::{Cluster, ClusterOptions};
use overbooked::pg::Target;
use overbooked::rush::board::{Board, End, Finished, Report};
use overbooked::rush::lock_wait_sampler::Presence;
use overbooked::rush::strategy::StrategyName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::rush::{finished, options};
use crate::support::{self, Database, server};

/// No rush here takes a tenth of it.
const DEADLINE: Duration = Duration::from_mins(2);

/// So many seats that a COMMIT which is lost is nearly always that of a sale, and slow enough to be
/// struck in time.
const NEARLY_ALL_ARE_SALES: &str = "--requests 900 --seats 9000 --workers 6 --think-time 2ms";
/// What a worker asks after it has lost its connection.
const QUESTION: &[u8] = b"bookings where passenger";

/// Runs a rush, and lets something happen once so many requests have ended.
async fn rush_struck(
    target: Target,
    flags: &str,
    at: u64,
    strike: impl Future<Output = ()>,
) -> Board {
    let (reports, mut heard) = mpsc::channel(64);
    let options = options(flags);
    let run = Box::pin(overbooked::rush::run(&options, &target, reports, CancellationToken::new()));
    let follow = async {
        let mut board = Board::default();
        let mut strike = Some(strike);
        while let Some(report) = heard.recv().await {
            board.apply(report);
            let settled = board.running.as_ref().map_or(0, |running| running.tally.settled);
            if let Some(strike) = strike.take_if(|_| settled >= at) {
                strike.await;
            }
        }
        assert!(strike.is_none(), "the rush was over before it could be struck");
        board
    };
    let both = async { tokio::join!(run, follow) };
    let (ran, board) = timeout(DEADLINE, both).await.expect("the rush ends");
    ran.unwrap();
    board
}

fn survived(board: &Board, strategy: StrategyName, requests: u64) -> &Finished {
    let finished = finished(board, strategy);
    let (tally, verdict) = (&finished.tally, finished.verdict);
    assert!(verdict.holds(), "{strategy}: {verdict:?} {:?}", tally.errors);
    assert_eq!(tally.settled, requests, "{strategy}");
    assert_eq!(tally.failed, 0, "{strategy}: {:?}", tally.errors);
    assert!(tally.reconnects > 0, "{strategy} lost no connection");
    finished
}

/// Ends every connection of the rush, workers and sampler, a few times over.
async fn kill_backends(database: &Database) {
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let mut pulse = tokio::time::interval(Duration::from_millis(15));
    let mut killed = 0;
    for _ in 0..5 {
        pulse.tick().await;
        killed += sqlx::query_scalar::<_, i64>(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name like 'overbooked/rush%' and datname = current_database()",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
    }
    assert!(killed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backends_cost_no_booking() {
    for name in ["for-update", "conditional-update", "version", "queue", "hold"] {
        let database = Database::create().await;
        let flags = format!("{name} --requests 800 --seats 400 --workers 6 --think-time 2ms");
        let board =
            Box::pin(rush_struck(database.target(), &flags, 50, kill_backends(&database))).await;
        let finished = survived(&board, options(name).chosen()[0], 800);
        assert!(finished.tally.asked > 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_costs_no_booking() {
    let mut cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.unwrap();
    let target = cluster.target();
    let flags = "for-update --requests 800 --seats 400 --workers 6 --think-time 2ms";
    let restart = async { cluster.restart().await.unwrap() };
    let board = Box::pin(rush_struck(target, flags, 50, restart)).await;
    survived(&board, StrategyName::ForUpdate, 800);
    let pool = sqlx::PgPool::connect_with(support::options(&cluster)).await.unwrap();
    let left: i64 =
        sqlx::query_scalar("select count(*) from pg_namespace where nspname like 'overbooked%'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(left, 0);
    pool.close().await;
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_looked_at_again() {
    let mut cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.unwrap();
    let (target, stop) = (cluster.target(), CancellationToken::new());
    let options =
        options("for-update --requests 1000000 --seats 100000 --workers 4 --think-time 2ms");
    let (reports, mut heard) = mpsc::channel(64);
    let run = overbooked::rush::run(&options, &target, reports, stop.clone());
    let follow = async {
        let mut told = Vec::new();
        while let Some(report) = heard.recv().await {
            match report {
                Report::Opened(..) => cluster.restart().await.unwrap(),
                Report::Presence(presence) => told.push(presence),
                Report::Waits(_) if told.ends_with(&[Presence::Here]) => stop.cancel(),
                _ => {}
            }
        }
        told
    };
    let both = Box::pin(async { tokio::join!(run, follow) });
    let (ran, told) = timeout(DEADLINE, both).await.unwrap();
    ran.unwrap();
    assert_eq!(told, [Presence::Away, Presence::Here]);
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_come_back_takes_no_earlier_result_with_it() {
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.unwrap();
    let (target, stop) = (cluster.target(), CancellationToken::new());
    let options = options("queue for-update --requests 300 --seats 30 --workers 6");
    let (reports, mut heard) = mpsc::channel(64);
    let run = overbooked::rush::run(&options, &target, reports, stop.clone());
    let follow = async {
        let (mut board, mut cluster) = (Board::default(), Some(cluster));
        while let Some(report) = heard.recv().await {
            board.apply(report);
            let second = board.running.as_ref().filter(|_| board.ended.len() == 1);
            if let Some(cluster) = second.and_then(|_| cluster.take()) {
                cluster.stop().await.unwrap();
                stop.cancel();
            }
        }
        board
    };
    let both = Box::pin(async { tokio::join!(run, follow) });
    let (ran, board) = timeout(DEADLINE, both).await.unwrap();
    ran.unwrap();
    assert!(finished(&board, StrategyName::Queue).verdict.holds());
    let End::Broken(why) = &board.ended[1].end else { panic!("{:?}", board.ended[1]) };
    assert!(why.contains("did not come back"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_costs_no_booking() {
    let (database, network) = (Database::create().await, Network::to(server().folder()));
    let flags = "conditional-update --requests 800 --seats 400 --workers 6 --think-time 2ms";
    let cut = async { network.cut.send_modify(|cuts| *cuts += 1) };
    let board = rush_struck(network.target(&database), flags, 50, cut).await;
    survived(&board, StrategyName::ConditionalUpdate, 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_asked_for() {
    let (database, network) = (Database::create().await, Network::to(server().folder()));
    let flags = format!("for-update {NEARLY_ALL_ARE_SALES}");
    let arm = async { network.swallow.store(20, Ordering::SeqCst) };
    let board = rush_struck(network.target(&database), &flags, 50, arm).await;
    let finished = survived(&board, StrategyName::ForUpdate, 900);
    assert_eq!(network.swallow.load(Ordering::SeqCst), 0, "every answer was swallowed");
    assert!(finished.tally.asked >= 20, "{}", finished.tally.asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_its_own_commit_is_asked_for() {
    let (database, network) = (Database::create().await, Network::to(server().folder()));
    let flags = format!("conditional-update {NEARLY_ALL_ARE_SALES}");
    let arm = async { network.swallow_any.store(20, Ordering::SeqCst) };
    let board = rush_struck(network.target(&database), &flags, 50, arm).await;
    let finished = survived(&board, StrategyName::ConditionalUpdate, 900);
    assert!(finished.tally.asked > 0, "{}", finished.tally.asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_still_on_its_way_is_not_asked_for_too_early() {
    let (database, network) = (Database::create().await, Network::to(server().folder()));
    let flags = format!("for-update {NEARLY_ALL_ARE_SALES}");
    let arm = async { network.late.store(5, Ordering::SeqCst) };
    let board = rush_struck(network.target(&database), &flags, 50, arm).await;
    let finished = survived(&board, StrategyName::ForUpdate, 900);
    assert_eq!(network.late.load(Ordering::SeqCst), 0, "every one was late");
    assert!(finished.tally.asked >= 5, "{}", finished.tally.asked);
}

/// A network between the rush and the server that can be cut, and that can lose an answer.
struct Network {
    folder: tempfile::TempDir,
    cut: tokio::sync::watch::Sender<u32>,
    /// How many COMMITs still go to the server without their answers coming back.
    swallow: Arc<AtomicU64>,
    /// The same for whatever is sent.
    swallow_any: Arc<AtomicU64>,
    /// How many COMMITs still reach the server only after their worker has come back and asked.
    late: Arc<AtomicU64>,
}

impl Network {
    fn to(folder: &Path) -> Self {
        let network = Self {
            folder: tempfile::tempdir().unwrap(),
            cut: tokio::sync::watch::Sender::new(0),
            swallow: Arc::default(),
            swallow_any: Arc::default(),
            late: Arc::default(),
        };
        let asked = tokio::sync::watch::Sender::new(0);
        let listener = UnixListener::bind(network.folder.path().join(".s.PGSQL.5432")).unwrap();
        let socket = folder.join(".s.PGSQL.5432");
        let (cut, swallow) = (network.cut.clone(), Arc::clone(&network.swallow));
        let (any, late) = (Arc::clone(&network.swallow_any), Arc::clone(&network.late));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = Wire {
                    socket: socket.clone(),
                    cut: cut.subscribe(),
                    swallow: Arc::clone(&swallow),
                    swallow_any: Arc::clone(&any),
                    late: Arc::clone(&late),
                    asked: asked.clone(),
                };
                tokio::spawn(wire.carry(client));
            }
        });
        network
    }

    fn target(&self, database: &Database) -> Target {
        Target::unix(
            self.folder.path(),
            5432,
            database.target().user(),
            database.target().database(),
        )
    }
}

struct Wire {
    socket: PathBuf,
    cut: tokio::sync::watch::Receiver<u32>,
    swallow: Arc<AtomicU64>,
    swallow_any: Arc<AtomicU64>,
    late: Arc<AtomicU64>,
    /// How many questions have been answered.
    asked: tokio::sync::watch::Sender<u64>,
}

impl Wire {
    /// Carries bytes both ways until one side is gone, the network is cut, or an answer is to be
    /// lost.
    async fn carry(mut self, mut client: UnixStream) {
        let mut server = UnixStream::connect(&self.socket).await.unwrap();
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        // First the question is prepared, then it is put.
        let mut questions = 0;
        loop {
            tokio::select! {
                _ = self.cut.changed() => return,
                Ok(read) = client.read(&mut up) => {
                    if contains(&up[..read], b"commit") && take_one(&self.late) {
                        drop(client);
                        return self.deliver_late(server, &up[..read]).await;
                    }
                    questions += u32::from(questions > 0 || contains(&up[..read], QUESTION));
                    if read == 0 || server.write_all(&up[..read]).await.is_err() {
                        return;
                    }
                    if self.is_swallowed(&up[..read]) {
                        return hear_out(&mut server).await;
                    }
                }
                Ok(read) = server.read(&mut down) => {
                    if read == 0 || client.write_all(&down[..read]).await.is_err() {
                        return;
                    }
                    if questions == 2 {
                        self.asked.send_modify(|asked| *asked += 1);
                    }
                }
                else => return,
            }
        }
    }

    /// Unless the server has hung up by then.
    async fn deliver_late(&self, mut server: UnixStream, bytes: &[u8]) {
        let mut asked = self.asked.subscribe();
        let mut down = [0; 4096];
        loop {
            tokio::select! {
                _ = asked.changed() => break,
                read = server.read(&mut down) => {
                    if !read.is_ok_and(|read| read > 0) {
                        return;
                    }
                }
            }
        }
        // The server may have hung up after all.
        if server.write_all(bytes).await.is_ok() {
            hear_out(&mut server).await;
        }
    }

    fn is_swallowed(&self, bytes: &[u8]) -> bool {
        let is_commit = contains(bytes, b"commit");
        (is_commit && take_one(&self.swallow)) || take_one(&self.swallow_any)
    }
}

/// Until the transaction is over: a server that finds its client gone in the middle of an answer
/// rolls back.
async fn hear_out(server: &mut UnixStream) {
    let (mut down, mut heard) = ([0; 4096], Vec::new());
    while !heard.ends_with(b"Z\x00\x00\x00\x05I") {
        match server.read(&mut down).await {
            Ok(read) if read > 0 => heard.extend_from_slice(&down[..read]),
            _ => return,
        }
    }
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|some| some == words)
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
