//! The settings and the access rules that a private cluster is made with.
//!
//! They are written into the cluster's own files, not given on the command line, so that `alter
//! system` in a lesson still changes them. Only what a start decides anew (where the socket is)
//! goes on the command line.

use std::path::Path;

use super::Keeping;

/// The port in the socket's name when no TCP port is asked for.
pub(super) const SOCKET_PORT: u16 = 5432;

/// The cluster's superuser.
pub const SUPERUSER: &str = "overbooked";

/// Counts the ways in which templates were laid out; a change of the settings below is a new
/// layout.
pub(super) const LAYOUT: u32 = 2;

/// The arguments that make a small UTF-8 cluster in the C locale, whatever the user's is.
///
/// A write-ahead log in segments of 1 MiB instead of 16 is what keeps a template small enough to
/// copy at every start.
pub(super) const INITDB: [&str; 6] = [
    "--username=overbooked",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-sync",
];

/// Everybody who can reach the socket may enter: the folder that it is in lets only its owner in.
/// The TCP line counts only when a port was asked for.
pub(super) const ACCESS: &str = "\
# Written by Overbooked.
local all all trust
host all all 127.0.0.1/32 trust
";

/// `postgresql.conf`.
pub(super) fn configuration(keeping: Keeping) -> String {
    let (fsync, checkpoints) = match keeping {
        Keeping::ThrownAway => ("off", "off"),
        Keeping::Kept => ("on", "on"),
    };
    format!(
        "\
# Written by Overbooked when it made this cluster.
max_connections = 200              # sixty sessions, a room of a hundred people, an observer, a rush
max_prepared_transactions = 10
shared_buffers = 32MB
max_wal_size = 256MB
fsync = {fsync}
full_page_writes = {checkpoints}
dynamic_shared_memory_type = mmap  # in the cluster's folder, where a crash leaves nothing behind
jit = off                          # compiling a lesson's queries takes longer than running them
timezone = 'UTC'                   # the same transcript everywhere
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
"
    )
}

/// What every start decides: where the socket is, and whether there is a TCP port.
pub(super) fn start_arguments(data: &Path, socket: &Path, tcp: Option<u16>) -> Vec<String> {
    let listen = if tcp.is_some() { "127.0.0.1" } else { "" };
    let port = tcp.unwrap_or(SOCKET_PORT);
    let settings = [
        // A list: quotes keep a folder whose name has a comma in one piece.
        format!(
            "unix_socket_directories=\"{}\"",
            socket.display().to_string().replace('"', "\"\"")
        ),
        format!("listen_addresses={listen}"),
        format!("port={port}"),
        "unix_socket_permissions=0700".to_owned(),
        "cluster_name=overbooked".to_owned(),
    ];
    let data = ["-D".to_owned(), data.display().to_string()];
    data.into_iter()
        .chain(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]))
        .collect()
}
