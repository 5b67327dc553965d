//! Pgpool-II before a test's database.

use std::path::Path;

use crate::pooler::{End, PORT, Pooler};
use crate::support::{Database, server};

/// Starts it.
pub(crate) struct Pgpool;

impl Pgpool {
    /// None where the machine has no Pgpool-II.
    pub(crate) async fn start_in(mode: &str, database: &Database) -> Option<Pooler> {
        Pooler::start("pgpool", database, End::Interrupt, |command, folder| {
            let settings = folder.join("pgpool.conf");
            std::fs::write(&settings, settings_for(mode, folder)).unwrap();
            command.args(["-n", "-F", "/dev/null", "-a", "/dev/null", "-f"]).arg(&settings);
        })
        .await
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
