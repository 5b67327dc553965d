//! A client on its way in, and then for as long as it is connected.

use std::net::SocketAddr;
use std::sync::Arc;

use super::hooks::{Client, ClientId, StatementHooks};
use super::mode::Mode;
use crate::core::event::Pid;

/// Who is about to be let in.
pub(super) struct Guest {
    pub(super) came_by: Option<SocketAddr>,
    pub(super) parameters: Vec<(String, String)>,
}

impl Guest {
    /// Tells the hooks, if there are any, of the client for which this process works.
    pub(super) fn join(
        self,
        hooks: Option<&Arc<dyn StatementHooks>>,
        pid: Pid,
        mode: Mode,
    ) -> Option<Joined> {
        let Self { came_by, parameters } = self;
        let client = || Client { id: ClientId::next(), pid, mode, came_by, parameters };
        hooks.map(|hooks| Joined::tell(Arc::clone(hooks), client()))
    }
}

/// A client of whom the hooks know. When this is dropped they are told that it has left, whatever
/// has ended its connection.
#[derive(Debug)]
pub(super) struct Joined {
    hooks: Arc<dyn StatementHooks>,
    client: Arc<Client>,
}

impl Joined {
    fn tell(hooks: Arc<dyn StatementHooks>, client: Client) -> Self {
        let client = Arc::new(client);
        hooks.joined(&client);
        Self { hooks, client }
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(super) fn hooks(&self) -> &Arc<dyn StatementHooks> {
        &self.hooks
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.hooks.left(self.client.id);
    }
}
