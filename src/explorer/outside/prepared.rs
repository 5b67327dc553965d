//! Programs that have been started, and wait at their addresses until somebody serves there.
//!
//! A client's connection is made by the kernel as soon as somebody listens; that nobody answers yet
//! is to the program a server that takes its time. So it has started, read its modules and made its
//! connection by the time when its turn comes, and has seen nothing of the database.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{FREE, OutsideError, Programs};

pub(super) struct Prepared<R> {
    /// Where they knock.
    pub(super) listeners: Vec<TcpListener>,
    pub(super) running: R,
    /// Who comes by which address.
    pub(super) names: BTreeMap<SocketAddr, String>,
}

impl<R> Prepared<R> {
    /// Starts these of the programs.
    pub(super) fn start<P: Programs<Running = R>>(
        programs: &mut P,
        who: &[usize],
    ) -> Result<Self, OutsideError> {
        let failed = |error| OutsideError::Server(format!("cannot listen for a program: {error}"));
        let actors = programs.actors();
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for actor in who {
            let listener = listener().map_err(failed)?;
            addresses.push((*actor, listener.local_addr().map_err(failed)?));
            listeners.push(listener);
        }
        let running = programs.start(&addresses).map_err(OutsideError::Programs)?;
        let names = addresses.iter().map(|(actor, address)| (*address, actors[*actor].clone()));
        Ok(Self { listeners, running, names: names.collect() })
    }
}

fn listener() -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(FREE)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
