//! The optimistic engine for this program's own sessions: its socket lies in a marked folder, so that whatever a killed program leaves is
//! known to the next start, and taken away by it.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Gateway, GatewayError, News, Options};
use crate::engine::marked::{MarkedFolder, abandoned};
use crate::engine::postgres::PREFIX;
use crate::wire::Target;
use tokio::sync::mpsc;

/// Why a local gateway could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LocalGatewayError {
    /// There is no place for its socket.
    #[error("cannot make a folder for the optimistic engine's socket: {0}")]
    Folder(#[from] io::Error),
    /// It did not start.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// A gateway that nobody but this program's user can reach. Dropping it ends it and takes its folder away.
pub struct LocalGateway {
    gateway: Gateway,
    // Dropped after the gateway, which removes its socket first.
    _folder: MarkedFolder,
}

impl LocalGateway {
    /// Starts one in front of a server. Where that is our own, `server_folder` is its folder: what takes that away, however the program
    /// ends, takes this along.
    pub async fn start(
        backend: &Target,
        server_folder: Option<&Path>,
    ) -> Result<Self, LocalGatewayError> {
        let folder = match server_folder {
            Some(own) => MarkedFolder::create(own, PREFIX, None)
                .and_then(|folder| given_to_owner_of(own, folder))?,
            None => {
                let place = std::env::temp_dir();
                sweep(&place);
                MarkedFolder::create(&place, PREFIX, None)?
            }
        };
        let socket_folder = Some(folder.path().to_owned());
        let options = Options { socket_folder, ..Options::new(backend.clone()) };
        let gateway = Gateway::start(options).await?;
        Ok(Self { gateway, _folder: folder })
    }

    /// How to connect to it.
    pub fn target(&self) -> &Target {
        self.gateway.target()
    }

    /// What it tells beside the wire; once.
    pub fn events(&mut self) -> Option<mpsc::UnboundedReceiver<News>> {
        self.gateway.events()
    }

    /// Ends it, every client's connection too.
    pub async fn stop(self) {
        self.gateway.stop().await;
    }
}

/// Takes away the folders of gateways whose programs were killed. What is in doubt is in the log.
fn sweep(place: &Path) {
    let owners = [rustix::process::geteuid().as_raw()];
    for folder in abandoned(place, PREFIX, &owners).0.into_iter().filter(|found| !found.has_data())
    {
        let _left_alone = folder.remove(&owners);
    }
}

/// Started as root, our server runs as somebody else, and so does what takes its folder away.
fn given_to_owner_of(own: &Path, folder: MarkedFolder) -> io::Result<MarkedFolder> {
    let owner = std::fs::metadata(own)?;
    std::os::unix::fs::chown(folder.path(), Some(owner.uid()), Some(owner.gid()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_goes_and_what_is_in_use_or_has_a_server_stays() {
        let place = tempfile::tempdir().unwrap();
        let leave = |name: Option<&str>| {
            let mut folder = MarkedFolder::create(place.path(), PREFIX, None).unwrap();
            folder.hand_over();
            let socket = folder.path().join(".s.PGSQL.5432");
            drop(std::os::unix::net::UnixListener::bind(socket).unwrap());
            if let Some(name) = name {
                std::fs::create_dir(folder.path().join(name)).unwrap();
            }
            folder.path().to_owned()
        };
        let (left, with_server) = (leave(None), leave(Some("data")));
        let living = MarkedFolder::create(place.path(), PREFIX, None).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        // A process that another test starts has our open files, and so the lock, until its program begins.
        while left.exists() && std::time::Instant::now() < deadline {
            sweep(place.path());
        }
        assert!(!left.exists() && with_server.exists() && living.path().exists());
    }
}
