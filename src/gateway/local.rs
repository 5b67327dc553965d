//! The optimistic engine for this program's own sessions: its socket lies in a marked folder, so
//! that whatever a killed program leaves is known to the next start, and taken away by it.
//!
//! ```text
//!  overbooked-5c1f09aa/           the folder of our own server, if that is what stands behind:
//!      overbooked-77e0b132/       what takes that away, however the program ends, takes this along
//!          lock  .s.PGSQL.5432
//!
//!  overbooked-77e0b132/           before somebody else's server
//!      lock  .s.PGSQL.5432
//! ```

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::GatewayError;
use super::news::News;
use super::options::Options;
use super::running::Gateway;
use crate::cluster::marked::{MarkedFolder, is_own};
use crate::cluster::{PREFIX, gateway_place};
use crate::pg::{ServerAddress, Target};
use tokio::sync::mpsc;

/// Why a local gateway could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LocalGatewayError {
    /// There is no place for its socket.
    #[error("cannot make a folder for the optimistic engine's socket in {}", place.display())]
    Folder { place: PathBuf, source: io::Error },
    /// It did not start.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// A gateway that nobody but this program's user can reach. Dropping it ends it and takes its
/// folder away.
pub struct LocalGateway {
    gateway: Gateway,
    // Dropped after the gateway, which removes its socket first.
    _folder: MarkedFolder,
}

impl LocalGateway {
    /// Starts one with these options, whatever they say of a socket.
    pub async fn start(options: Options) -> Result<Self, LocalGatewayError> {
        let own = own_server(&options.backend);
        let place = own.clone().unwrap_or_else(gateway_place);
        let folder = match &own {
            Some(own) => beside(own),
            None => MarkedFolder::create(&place, PREFIX, None),
        };
        let folder = folder.map_err(|source| LocalGatewayError::Folder { place, source })?;
        let socket_folder = Some(folder.path().to_owned());
        let gateway = Gateway::start(Options { socket_folder, ..options }).await?;
        Ok(Self { gateway, _folder: folder })
    }

    /// How to connect to it.
    pub fn target(&self) -> &Target {
        self.gateway.target()
    }

    /// The gateway itself, to be opened to others as well.
    pub(crate) fn gateway_mut(&mut self) -> &mut Gateway {
        &mut self.gateway
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

/// The folder of the server's socket, if this process has made it.
fn own_server(backend: &Target) -> Option<PathBuf> {
    let socket = backend.places().first().and_then(ServerAddress::socket)?;
    socket.parent().filter(|folder| is_own(folder)).map(Path::to_owned)
}

/// Started as root, our server runs as somebody else, and so does what takes its folder away.
fn beside(server: &Path) -> io::Result<MarkedFolder> {
    let folder = MarkedFolder::create(server, PREFIX, None)?;
    let owner = std::fs::metadata(server)?;
    std::os::unix::fs::chown(folder.path(), Some(owner.uid()), Some(owner.gid()))?;
    Ok(folder)
}
