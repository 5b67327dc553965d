//! Pgpool-II before a test's database.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::pg::{Connection, Target};
use tokio::time::timeout;

use crate::support::{Database, server};

const PORT: u16 = 6432;

/// A pooler that ends with its test.
pub(crate) struct Pgpool {
    process: Child,
    folder: tempfile::TempDir,
}

impl Pgpool {
    /// None where the machine has no Pgpool-II.
    pub(crate) async fn start_in(mode: &str, database: &Database) -> Option<Self> {
        let program = ["/usr/sbin/pgpool", "/usr/bin/pgpool", "/usr/local/bin/pgpool"]
            .into_iter()
            .find(|program| Path::new(program).exists())?;
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgpool.conf");
        std::fs::write(&settings, settings_for(mode, folder.path())).unwrap();
        let mut command = Command::new(program);
        command.args(["-n", "-F", "/dev/null", "-a", "/dev/null", "-f"]).arg(&settings);
        command.stdout(Stdio::null()).stderr(Stdio::null());
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
        Target::unix(self.folder.path(), PORT, SUPERUSER, database.target().database())
    }
}

impl Drop for Pgpool {
    /// Its children end with it when it is asked to end.
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-s", "INT", &pid]).status();
        let _ = self.process.wait();
    }
}

/// Two names for the place of the socket: that of 4.3, and that of later ones.
fn settings_for(mode: &str, folder: &Path) -> String {
    let (folder, behind) = (folder.display(), server().folder().display());
    format!(
        "backend_clustering_mode = '{mode}'\nlisten_addresses = ''\nport = {PORT}\n\
         socket_dir = '{folder}'\nunix_socket_directories = '{folder}'\n\
         pcp_socket_dir = '{folder}'\nwd_ipc_socket_dir = '{folder}'\npcp_port = 6433\n\
         backend_hostname0 = '{behind}'\nbackend_port0 = {}\nbackend_weight0 = 1\n\
         num_init_children = 24\nmax_pool = 1\nenable_pool_hba = off\n\
         pid_file_name = '{folder}/pgpool.pid'\nlogdir = '{folder}'\n\
         memory_cache_enabled = off\nsr_check_period = 0\nhealth_check_period = 0\n",
        server().port()
    )
}

/// The server's socket is open to the server's own user.
fn as_the_servers_user(command: &mut Command, folder: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let socket = server().folder().join(format!(".s.PGSQL.{}", server().port()));
    let owner = std::fs::metadata(socket).unwrap();
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
}
