//! Steering a debugger from a test: what the keys do, asked by a socket.
//!
//! ```text
//!  overbooked ctl ─┐ Unix socket                  ┌ state
//!                  ├──────────────▶ server ──▶ requests ── Order ──▶ Debugger
//!  curl ───────────┘ HTTP on this machine         └ wait: an expression, until it is so
//! ```
//!
//! Every debugger has a socket in a folder of its user's, where `overbooked ctl` finds it, and one
//! more where `--control` says so.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::Debugger;
use crate::core::error_chain::with_causes;

mod address;
mod client;
mod expression;
mod folders;
mod requests;
mod server;
mod socket_file;
mod words;

pub use address::{Address, AddressError};
pub use client::{Answer, Client, ClientError};
pub use expression::{Expression, ExpressionError};
pub use folders::{Found, find, folders};
pub use requests::{
    AnswerRequest, BreakpointsRequest, HoldRequest, MOST_PATIENCE, PATIENCE, Refused,
    ReleaseRequest, Released, Standing, WaitRequest,
};
use server::Listener;
pub use socket_file::SocketError;
use socket_file::SocketFile;
pub use words::doing;

/// A debugger's control sockets, for as long as it is kept.
#[derive(Debug)]
pub struct Control {
    serving: Vec<JoinHandle<()>>,
    files: Vec<SocketFile>,
    named: Option<Address>,
    doubts: Vec<String>,
    places: Arc<Semaphore>,
    /// How long a request may take to arrive.
    arrival: Duration,
}

/// Why a debugger cannot be steered as was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("cannot listen on {address}")]
    Listen { address: Address, source: io::Error },
}

impl Control {
    /// Listens where `--control` says, and where `overbooked ctl` looks by itself.
    pub fn start(debugger: &Arc<Debugger>, named: Option<&Address>) -> Result<Self, ControlError> {
        Self::start_in(&folders(), debugger, named, server::ARRIVAL)
    }

    /// The same, with these folders in which to be found; a request may take so long to arrive.
    fn start_in(
        folders: &[PathBuf],
        debugger: &Arc<Debugger>,
        named: Option<&Address>,
        arrival: Duration,
    ) -> Result<Self, ControlError> {
        let places = Arc::new(Semaphore::new(server::CONNECTIONS));
        let (serving, files, doubts) = (Vec::new(), Vec::new(), Vec::new());
        let mut control = Self { serving, files, named: None, doubts, places, arrival };
        let router = requests::router(Arc::clone(debugger), arrival);
        if let Some(named) = named {
            control.listen(named, &router)?;
        }
        match folders::listen(folders) {
            Ok((file, listener)) => {
                control.files.push(file);
                control.serve(Listener::Unix(listener), router);
            }
            // Whoever has named a place is not kept from it.
            Err(why) => {
                let why = with_causes(&why);
                control.doubts.push(format!("`overbooked ctl` will not find this debugger: {why}"));
            }
        }
        Ok(control)
    }

    fn listen(&mut self, named: &Address, router: &axum::Router) -> Result<(), ControlError> {
        let failed = |source| ControlError::Listen { address: named.clone(), source };
        match named {
            Address::Socket(path) => {
                let (file, listener) = SocketFile::listen(path)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let listener = UnixListener::from_std(listener).map_err(failed)?;
                self.files.push(file);
                self.named = Some(named.clone());
                self.serve(Listener::Unix(listener), router.clone());
            }
            Address::Http(address) => {
                let listener = std::net::TcpListener::bind(address).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let listener = TcpListener::from_std(listener).map_err(failed)?;
                self.named = Some(Address::Http(listener.local_addr().map_err(failed)?));
                self.serve(Listener::Tcp(listener), requests::guarded(router.clone()));
            }
        }
        Ok(())
    }

    fn serve(&mut self, listener: Listener, router: axum::Router) {
        let serving = server::serve(listener, router, Arc::clone(&self.places), self.arrival);
        self.serving.push(tokio::spawn(serving));
    }

    /// Where `--control` has it listen; with the port that was free, where none was named.
    pub fn named(&self) -> Option<&Address> {
        self.named.as_ref()
    }

    /// What is not as it should be.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

#[cfg(test)]
mod tests;
