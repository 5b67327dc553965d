//! `PgBouncer` before a test's database, in transaction mode unless another is asked for.

use std::path::Path;

use overbooked::cluster::SUPERUSER;

use crate::pooler::{End, PORT, Pooler};
use crate::support::{Database, server};

/// Starts it.
pub(crate) struct PgBouncer;

impl PgBouncer {
    /// None where the machine has no `PgBouncer`.
    pub(crate) async fn start(database: &Database) -> Option<Pooler> {
        Self::start_in("transaction", database).await
    }

    /// In another pool mode: `session`.
    pub(crate) async fn start_in(mode: &str, database: &Database) -> Option<Pooler> {
        Pooler::start("pgbouncer", database, End::Kill, |command, folder| {
            let settings = folder.join("pgbouncer.ini");
            std::fs::write(&settings, settings_for(mode, database, folder)).unwrap();
            command.arg("-q").arg(&settings);
        })
        .await
    }
}

/// Fewer servers than workers, so that they have to be shared.
fn settings_for(mode: &str, database: &Database, folder: &Path) -> String {
    let size = if mode == "session" { 20 } else { 4 };
    format!(
        "[databases]\n{} = host={} port={} user={SUPERUSER}\n[pgbouncer]\nlisten_addr =\n\
         listen_port = {PORT}\n\
         unix_socket_dir = {}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n",
        database.target().database(),
        server().folder().display(),
        server().port(),
        folder.display(),
    )
}
