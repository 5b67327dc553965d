//! A pooler before a test's database, on a socket of its own.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::pg::{Connection, Target};
use tokio::time::timeout;

use crate::support::{Database, server};

/// The port in the socket's name.
pub(crate) const PORT: u16 = 6432;

/// A pooler that ends with its test.
pub(crate) struct Pooler {
    process: Child,
    folder: tempfile::TempDir,
    end: End,
}

/// How a pooler is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Kill,
    /// So that its children end with it.
    Interrupt,
}

impl Pooler {
    /// None where the machine has no such program. `prepare` writes the settings into the folder,
    /// and tells the program of them.
    pub(crate) async fn start(
        program: &str,
        database: &Database,
        end: End,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Option<Self> {
        let program = ["/usr/sbin", "/usr/bin", "/usr/local/bin"]
            .into_iter()
            .map(|folder| Path::new(folder).join(program))
            .find(|program| program.exists())?;
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        prepare(&mut command, folder.path());
        as_the_servers_user(&mut command, folder.path());
        let pooler = Self { process: command.spawn().unwrap(), folder, end };
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
        Target::unix(self.folder.path(), PORT, SUPERUSER, database.target().database())
    }

    /// The same for whoever takes a connection string.
    pub(crate) fn url(&self, database: &Database) -> String {
        let (folder, name) = (self.folder.path().display(), database.name());
        format!("host={folder} port={PORT} user={SUPERUSER} dbname={name}")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        match self.end {
            End::Kill => drop(self.process.kill()),
            End::Interrupt => {
                let pid = self.process.id().to_string();
                drop(Command::new("kill").args(["-s", "INT", &pid]).status());
            }
        }
        let _ = self.process.wait();
    }
}

/// A pooler may not run as root, and the server's socket is open to the server's own user.
fn as_the_servers_user(command: &mut Command, folder: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let socket = server().folder().join(format!(".s.PGSQL.{}", server().port()));
    let owner = std::fs::metadata(socket).unwrap();
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
}
