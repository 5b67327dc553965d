//! Under whose name the server runs.
//!
//! PostgreSQL refuses to run as root, and in a container everybody is root. There the server's
//! programs are started as an unprivileged account of the machine, which must then own the server's
//! files and be able to reach them.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use tokio::process::Command;

use super::ClusterError;

/// Who is asked first: the accounts that PostgreSQL's packages make, then the one that owns
/// nothing.
const CANDIDATES: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// An unprivileged account of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

/// As whom the server's programs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RunAs {
    /// As whoever runs Overbooked.
    Ourselves,
    /// As this account, since we are root.
    Account(Account),
}

impl RunAs {
    /// What this process must do; an error when it is root and the machine has no account to drop
    /// to.
    pub(super) fn choose() -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = std::fs::read_to_string("/etc/passwd")?;
        unprivileged(&accounts).map(Self::Account).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "PostgreSQL does not run as root, and /etc/passwd has neither postgres nor nobody",
            )
        })
    }

    /// An error that names the first folder on the way to `path` that the server's user cannot
    /// pass.
    pub(super) fn can_reach(&self, path: &Path) -> Result<(), ClusterError> {
        match (self, self.barrier(path)) {
            (Self::Account(account), Some(folder)) => Err(ClusterError::Unreachable {
                user: account.name.clone(),
                folder: folder.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether this process is root and starts the server as somebody else.
    pub(super) fn is_dropped(&self) -> bool {
        matches!(self, Self::Account(_))
    }

    /// Makes `command` run as the right user. Its supplementary groups go as well: the standard
    /// library clears them when root sets another user.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Self::Account(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
    }

    /// Gives `path` to the server's user.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Account(account) => chown(path, Some(account.uid), Some(account.gid)),
        }
    }

    /// The user id that the server's files have.
    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Account(account) => account.uid,
        }
    }

    /// The first folder on the way to `path` that the server's user cannot pass, if there is one.
    pub(super) fn barrier<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        match self {
            Self::Ourselves => None,
            Self::Account(account) => {
                path.ancestors().skip(1).find(|folder| !account.can_pass(folder))
            }
        }
    }
}

impl Account {
    /// Whether the folder's execute bit allows this account through; a folder that is not there yet
    /// does.
    fn can_pass(&self, folder: &Path) -> bool {
        let Ok(folder) = folder.metadata() else { return true };
        let bit = match (folder.uid() == self.uid, folder.gid() == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        folder.mode() & bit != 0
    }
}

fn unprivileged(passwd: &str) -> Option<Account> {
    CANDIDATES.iter().find_map(|name| passwd.lines().find_map(|line| account(line, name)))
}

/// Reads one line of `/etc/passwd`, `name:password:uid:gid:...`. macOS writes nobody's ids as -2.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "-2 means 2^32 - 2")]
fn account(line: &str, name: &str) -> Option<Account> {
    let mut fields = line.split(':');
    if fields.next() != Some(name) {
        return None;
    }
    let mut number = || fields.next()?.parse::<i64>().ok().map(|number| number as u32);
    let (_password, uid, gid) = (number(), number()?, number()?);
    (uid != 0).then(|| Account { name: name.to_owned(), uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(passwd: &str) -> Option<(String, u32, u32)> {
        unprivileged(passwd).map(|account| (account.name, account.uid, account.gid))
    }

    #[test]
    fn the_postgres_account_comes_before_nobody() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n\
            postgres:x:101:102::/:/bin/sh\n";
        assert_eq!(names(passwd), Some(("postgres".into(), 101, 102)));
    }

    #[test]
    fn nobody_will_do_and_macos_writes_it_as_minus_two() {
        let passwd = "# comment\nnobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n";
        assert_eq!(names(passwd), Some(("nobody".into(), 4_294_967_294, 4_294_967_294)));
    }

    #[test]
    fn an_account_that_is_root_by_another_name_will_not_do() {
        assert_eq!(names("postgres:x:0:0::/root:/bin/sh\n"), None);
    }
}
