//! PgBouncer before a test's database, in transaction mode unless another is asked for.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::pg::{Connection, Target};
use tokio::time::timeout;

use crate::support::{Database, server};

/// A pooler that ends with its test.
pub(crate) struct PgBouncer {
    process: Child,
    folder: tempfile::TempDir,
}

impl PgBouncer {
    /// None where the machine has no `PgBouncer`.
    pub(crate) async fn start(database: &Database) -> Option<Self> {
        Self::start_in("transaction", database).await
    }

    /// In another pool mode: `session`.
    pub(crate) async fn start_in(mode: &str, database: &Database) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|program| Path::new(program).exists())?;
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(&settings, settings_for(mode, database, folder.path())).unwrap();
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

    /// Where it lets sessions in to the database.
    pub(crate) fn target(&self, database: &Database) -> Target {
        Target::unix(self.folder.path(), 6432, SUPERUSER, database.target().database())
    }
}

impl PgBouncer {
    /// The same for whoever takes a connection string.
    pub(crate) fn url(&self, database: &Database) -> String {
        let (folder, name) = (self.folder.path().display(), database.name());
        format!("host={folder} port=6432 user={SUPERUSER} dbname={name}")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Fewer servers than workers, so that they have to be shared.
fn settings_for(mode: &str, database: &Database, folder: &Path) -> String {
    let size = if mode == "session" { 20 } else { 4 };
    format!(
        "[databases]\n{} = host={} port={} user={SUPERUSER}\n[pgbouncer]\nlisten_addr =\n\
         listen_port = 6432\n\
         unix_socket_dir = {}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n",
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
