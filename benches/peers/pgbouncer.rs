//! A PgBouncer of our own in front of a server, in session mode.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use overbooked::cluster::{Cluster, SUPERUSER};

/// Ended with this value.
pub(crate) struct PgBouncer {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl PgBouncer {
    /// On a socket in its folder and on TCP. Nothing where it is not installed.
    pub(crate) async fn start(cluster: &Cluster) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        open_to_all(folder.path());
        let settings = folder.path().join("pgbouncer.ini");
        let port = free_port();
        let text = format!(
            "[databases]\npostgres = host={host} port={server} user={SUPERUSER}\n\
             [pgbouncer]\nunix_socket_dir = {own}\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\npool_mode = session\n\
             default_pool_size = 20\n",
            host = cluster.folder().display(),
            server = cluster.port(),
            own = folder.path().display(),
        );
        std::fs::write(&settings, text).expect("settings");
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        as_the_server(&mut command, cluster);
        let child = command.spawn().ok()?;
        let bouncer = Self { child, folder, port };
        bouncer.opens().await;
        Some(bouncer)
    }

    #[allow(dead_code, reason = "of two benches one connects by TCP")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn opens(&self) {
        let socket = self.folder.path().join(format!(".s.PGSQL.{}", self.port));
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let open = async {
            while tokio::net::UnixStream::connect(&socket).await.is_err() {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), open).await.expect("PgBouncer opens");
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port of this machine that nobody has.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("our folder");
}

/// PgBouncer refuses to run as root, and the server's socket is open to the server's own account.
fn as_the_server(command: &mut Command, cluster: &Cluster) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    if rustix::process::geteuid().is_root() {
        let folder = std::fs::metadata(cluster.folder()).expect("the server's folder");
        command.uid(folder.uid()).gid(folder.gid());
    }
}
