//! Why a gateway could not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is taken, or may not be taken.
    #[error("cannot listen on {place}")]
    Listen {
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The password file cannot be read.
    #[error("cannot read the password file {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A line of it makes no sense.
    #[error("{}:{line}: expected user:password", path.display())]
    PasswordLine {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {}: {reason}", path.display())]
    Certificate { path: PathBuf, reason: String },
    /// Open to the network without a password.
    #[error(
        "{0} can be reached from outside this machine: use --password-file, or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
}
