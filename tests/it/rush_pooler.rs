//! The rush through PgBouncer in transaction mode, where no prepared statement may outlive its transaction.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::engine::postgres::SUPERUSER;
use overbooked::rush::board::End;
use overbooked::rush::headless::headless;
use overbooked::rush::options::StrategyName;
use overbooked::wire::{Connection, Target};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::rush::{finished, options};
use crate::support::{Database, server};

/// A pooler that ends with its test.
struct PgBouncer {
    process: Child,
    folder: tempfile::TempDir,
}

impl PgBouncer {
    /// None where the machine has no `PgBouncer`.
    async fn start(database: &Database) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|program| Path::new(program).exists())?;
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(&settings, settings_for(database, folder.path())).unwrap();
        let mut command = Command::new(program);
        command.arg("-q").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        as_the_servers_user(&mut command, folder.path());
        let pooler = Self { process: command.spawn().unwrap(), folder };
        timeout(Duration::from_secs(20), pooler.answers(database)).await.expect("it answers");
        Some(pooler)
    }

    async fn answers(&self, database: &Database) {
        let mut pulse = tokio::time::interval(Duration::from_millis(20));
        while Connection::connect(&self.target(database)).await.is_err() {
            pulse.tick().await;
        }
    }

    fn target(&self, database: &Database) -> Target {
        Target::unix(self.folder.path(), 6432, SUPERUSER, database.target().database())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Fewer servers than workers, so that they have to be shared.
fn settings_for(database: &Database, folder: &Path) -> String {
    format!(
        "[databases]\n{} = host={} port={} user={SUPERUSER}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
         unix_socket_dir = {}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n",
        database.target().database(),
        server().folder().display(),
        server().port(),
        folder.display(),
    )
}

/// `PgBouncer` will not run as root, and the server's socket is open to the server's own user.
fn as_the_servers_user(command: &mut Command, folder: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let socket = server().folder().join(format!(".s.PGSQL.{}", server().port()));
    let owner = std::fs::metadata(socket).unwrap();
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_changes_nothing_about_the_verdict() {
    let database = Database::create().await;
    let Some(pooler) = PgBouncer::start(&database).await else {
        eprintln!("not tried: this machine has no PgBouncer");
        return;
    };
    let names = "for-update conditional-update version advisory queue hold";
    let flags = format!("{names} optimistic --requests 400 --seats 60 --workers 8");
    let target = pooler.target(&database);
    let board = headless(&options(&flags), &target, CancellationToken::new()).await.unwrap();
    for strategy in options(names).chosen() {
        let finished = finished(&board, strategy);
        assert!(finished.verdict.holds(), "{strategy}: {:?}", finished.verdict);
        assert_eq!(finished.tally.failed, 0, "{strategy}: {:?}", finished.tally.errors);
    }
    let optimistic = board.ended.last().unwrap();
    assert_eq!(optimistic.strategy, StrategyName::Optimistic);
    assert!(matches!(&optimistic.end, End::Unavailable(reason) if reason.contains("pooler")));
}
