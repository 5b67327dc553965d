//! What is in a folder that this program makes: a run's own, and the one in which a template or a
//! kept cluster is made.
//!
//! ```text
//!  overbooked-5c1f09aa/
//!      lock                       the mark
//!      server.log                 what the server has to say
//!      .s.PGSQL.5432, ….lock      its private socket
//!      data/                      the cluster, unless it is kept elsewhere
//!      certificate.crt            a gateway's certificate, while it is being written
//!      overbooked-77e0b132/       an optimistic engine's folder, with its mark and its socket
//!
//!  overbooked-0b7f3a55/           a part's: Redis and others
//!      lock, server.log
//!      part.pid                   its server's process
//!      redis.sock, localhost:1    its private socket
//!      etcd/, rabbitmq/           what it keeps
//! ```
//!
//! Anything else is somebody's, and the folder is left alone. `supervisor.sh` asks the same before
//! it removes one.

use std::path::{Component, Path};

use super::folder::PREFIX;
use super::marked::{LOCK, is_name};
use super::removal::Kind;

/// The server's log.
pub(super) const LOG: &str = "server.log";

/// A gateway's certificate, while it is being written.
pub(crate) const CERTIFICATE: &str = "certificate.crt";

/// The cluster's folder.
pub(crate) const DATA: &str = "data";

/// The process of a part's server.
pub(super) const PART_PID: &str = "part.pid";

/// Where a private Redis listens.
pub const REDIS_SOCKET: &str = "redis.sock";

/// Where a private etcd listens, for its clients and for peers: it calls a socket so.
pub const ETCD_SOCKET: &str = "localhost:1";
pub const ETCD_PEERS: &str = "localhost:2";

/// What a private etcd keeps.
pub const ETCD_DATA: &str = "etcd";

/// Where a private RabbitMQ is at home: its settings, its cookie, what it keeps.
pub const RABBITMQ_HOME: &str = "rabbitmq";

/// What RabbitMQ and the Erlang beneath it call their files that have no known ending.
const RABBITMQ_FILES: [&str; 12] = [
    ".erlang.cookie",
    ".vhost",
    ".config",
    "config",
    "enabled_plugins",
    "feature_flags",
    "schema_version",
    "rabbit_serial",
    "nodes_running_at_shutdown",
    "snapshot.dat",
    "mnesia.pid",
    "rabbit.pid",
];

/// And the endings of the others.
const RABBITMQ_ENDINGS: [&str; 17] = [
    "conf", "config", "wal", "dets", "DCD", "DCL", "DAT", "LOG", "TMP", "BUP", "RET", "rdq", "rdt",
    "idx", "segment", "log", "dump",
];

/// How the name of a server's socket begins; a port follows.
const SOCKET: &str = ".s.PGSQL.";

/// The files right in a cluster's folder.
const CLUSTER_FILES: [&str; 15] = [
    "PG_VERSION",
    "postgresql.conf",
    "postgresql.auto.conf",
    "postgresql.auto.conf.tmp",
    "pg_hba.conf",
    "pg_ident.conf",
    "postmaster.opts",
    "postmaster.pid",
    "current_logfiles",
    "current_logfiles.tmp",
    "backup_manifest",
    // Where a server looks for its certificates (PostgreSQL documentation, 19.9.5).
    "server.crt",
    "server.key",
    "root.crt",
    "root.crl",
];

/// The endings of the files that PostgreSQL keeps further down, besides numbers.
const ENDINGS: [&str; 21] = [
    "backup",
    "conf",
    "csv",
    "deleted",
    "done",
    "fileset",
    "history",
    "init",
    "json",
    "log",
    "map",
    "old",
    "partial",
    "ready",
    "sharedfileset",
    "snap",
    "spill",
    "stat",
    "summary",
    "tmp",
    "pid",
];

/// Whether this program, or the server that it starts, makes such an entry. The path begins below
/// the folder.
pub(crate) fn is_made(path: &Path, kind: Kind) -> bool {
    let names: Option<Vec<&str>> = path.components().map(name).collect();
    match names.as_deref() {
        Some([DATA]) => kind == Kind::Folder,
        Some([DATA, rest @ ..]) => is_in_cluster(rest, kind),
        Some([name]) if is_name(name.as_ref(), PREFIX) => kind == Kind::Folder,
        Some([folder, name]) if is_name(folder.as_ref(), PREFIX) => {
            *name == LOCK && kind == Kind::File || is_socket(name) && kind == Kind::Socket
        }
        Some([ETCD_DATA, rest @ ..]) => is_in_etcd(rest, kind),
        Some([RABBITMQ_HOME, rest @ ..]) => is_in_rabbitmq(rest, kind),
        Some([LOCK | LOG | CERTIFICATE | PART_PID]) => kind == Kind::File,
        Some([name]) if is_part_socket(name) => kind == Kind::Socket,
        Some([name]) => match name.strip_suffix(".lock") {
            Some(socket) => is_socket(socket) && kind == Kind::File,
            None => is_socket(name) && kind == Kind::Socket,
        },
        _ => false,
    }
}

fn name(component: Component<'_>) -> Option<&str> {
    component.as_os_str().to_str()
}

/// Whether a server calls its socket so.
pub(super) fn is_socket(name: &str) -> bool {
    name.strip_prefix(SOCKET).is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_in_etcd(names: &[&str], kind: Kind) -> bool {
    match names {
        [] | ["member"] | ["member", "snap" | "wal"] => kind == Kind::Folder,
        ["member", "snap", "db"] => kind == Kind::File,
        ["member", folder, name] => {
            let endings: &[&str] = match *folder {
                "snap" => &["snap", "db", "tmp", "broken"],
                _ => &["wal", "tmp", "broken"],
            };
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            kind == Kind::File && ending.is_some_and(|ending| endings.contains(&ending))
        }
        _ => false,
    }
}

/// Folders are called after nodes, queues and hosts; what is in them tells whose they are.
fn is_in_rabbitmq(names: &[&str], kind: Kind) -> bool {
    match (names.last(), kind) {
        (_, Kind::Folder) => true,
        (Some(name), Kind::File) => {
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            RABBITMQ_FILES.contains(name)
                || ending.is_some_and(|ending| RABBITMQ_ENDINGS.contains(&ending))
        }
        _ => false,
    }
}

/// Whether a part's server calls its socket so.
pub(super) fn is_part_socket(name: &str) -> bool {
    [REDIS_SOCKET, ETCD_SOCKET, ETCD_PEERS].contains(&name)
}

fn is_in_cluster(names: &[&str], kind: Kind) -> bool {
    match names {
        ["base" | "global" | "log"] => kind == Kind::Folder,
        // Every version has folders of its own.
        [name] if kind == Kind::Folder => name.starts_with("pg_"),
        [name] => kind == Kind::File && CLUSTER_FILES.contains(name),
        ["pg_tblspc", name] if kind == Kind::Link => is_number(name),
        [folders @ .., name] => {
            matches!(kind, Kind::File | Kind::Folder) && is_servers(name, holds_tables(folders))
        }
        [] => false,
    }
}

fn holds_tables(folders: &[&str]) -> bool {
    matches!(folders, ["base" | "global", ..])
        && !folders.iter().any(|folder| folder.starts_with("pgsql_tmp"))
}

/// Whether PostgreSQL gives such a name to something further down.
fn is_servers(name: &str, among_tables: bool) -> bool {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let ending = ending.rsplit('.').next().unwrap_or(ending);
    let is_known = stem == name || is_number(ending) || ENDINGS.contains(&ending);
    is_plain && !stem.is_empty() && is_known && (!among_tables || is_relation(stem))
}

/// A table's file (`16384_fsm`), a temporary one's (`t3_16385`), or one of the few with names.
fn is_relation(stem: &str) -> bool {
    let is_tables = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
    is_tables(stem)
        || stem.strip_prefix('t').is_some_and(is_tables)
        || ["PG_VERSION", "config_exec_params"].contains(&stem)
        || stem.starts_with("pg_")
        || stem.starts_with("pgsql_tmp")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_files_are_known() {
        for file in [
            "lock",
            "server.log",
            ".s.PGSQL.5432.lock",
            "data/PG_VERSION",
            "data/postmaster.pid",
            "data/base/5/1259",
            "data/base/5/16384_fsm",
            "data/base/5/16384.1",
            "data/base/5/t3_16385_vm",
            "data/base/5/pg_internal.init",
            "data/base/pgsql_tmp/pgsql_tmp4711.0",
            "data/base/pgsql_tmp/pgsql_tmp4711.0.fileset/i1of2.p0.0",
            "data/global/pg_control",
            "data/global/pg_filenode.map",
            "data/pg_wal/000000010000000000000001",
            "data/pg_wal/000000010000000000000002.00000028.backup",
            "data/pg_wal/archive_status/000000010000000000000001.done",
            "data/pg_multixact/offsets/0000",
            "data/pg_logical/replorigin_checkpoint",
            "data/pg_logical/snapshots/0-15D4F38.snap",
            "data/pg_replslot/my_slot/state",
            "data/pg_replslot/my_slot/xid-743-lsn-0-1000000.spill",
            "data/pg_stat/pgstat.stat",
            "data/pg_stat_tmp/pgss_query_texts.stat",
            "data/pg_snapshots/00000003-0000001B-1",
            "data/pg_dynshmem/mmap.1804289383",
            "data/pg_twophase/0000000000000341",
            "data/log/postgresql-2026-11-29_031806.log",
        ] {
            assert!(is_made(Path::new(file), Kind::File), "{file}");
            assert!(!is_made(Path::new(file), Kind::Link), "{file}");
        }
        assert!(is_made(Path::new("data/pg_tblspc/16400"), Kind::Link));
        assert!(is_made(Path::new("part.pid"), Kind::File));
        assert!(is_made(Path::new(REDIS_SOCKET), Kind::Socket));
        assert!(!is_made(Path::new(REDIS_SOCKET), Kind::File));
        for file in ["db", "0000000000000002-000000000001d4c1.snap"] {
            assert!(is_made(&Path::new("etcd/member/snap").join(file), Kind::File), "{file}");
        }
        assert!(is_made(Path::new("etcd/member/wal/0.tmp"), Kind::File));
        assert!(!is_made(Path::new("etcd/member/wal/thesis.txt"), Kind::File));
        assert!(!is_made(Path::new("etcd/thesis.txt"), Kind::File));
        for file in [".erlang.cookie", "rush@localhost/quorum/rush@localhost/00000001.wal"] {
            assert!(is_made(&Path::new(RABBITMQ_HOME).join(file), Kind::File), "{file}");
        }
        assert!(!is_made(Path::new("rabbitmq/rush@localhost/thesis.txt"), Kind::File));
        assert!(is_made(Path::new("overbooked-77e0b132/.s.PGSQL.5432"), Kind::Socket));
    }

    #[test]
    fn somebodys_files_are_not() {
        for file in [
            "thesis.txt",
            "lock.old",
            ".s.PGSQL.mine",
            ".hidden",
            "overbooked-main/thesis.txt",
            "overbooked-77e0b132/thesis.txt",
            "data/thesis.txt",
            "data/.hidden",
            "data/pg_thesis.txt",
            "data/base/5/thesis",
            "data/base/5/16384.sql",
            "data/base/backup.tar.gz",
            "data/pg_wal/thesis.txt",
            "data/pg_wal/my thesis",
            "data/pg_wal/.hidden",
            "half-made-5c1f09aa",
        ] {
            assert!(!is_made(Path::new(file), Kind::File), "{file}");
        }
    }
}
