//! A client on its way in, and then for as long as it is connected.

use std::net::SocketAddr;
use std::sync::Arc;

use super::hang_up::HangUp;
use super::hooks::{Client, ClientId, StatementHooks};
use super::mode::Mode;
use crate::core::event::Pid;
use crate::pg::frame::{ClientTag, FrameStream, Hearing, Stream};

/// How much of what a client says behind a held statement is kept. From there on it waits, as it
/// would for a server that is busy.
const MOST: usize = 256 * 1024;

/// Who is about to be let in.
pub(super) struct Guest {
    pub(super) came_by: Option<SocketAddr>,
    pub(super) hang_up: Option<Arc<HangUp>>,
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
        let Self { came_by, hang_up, parameters } = self;
        let client = || Client { id: ClientId::next(), pid, mode, came_by, parameters };
        hooks.map(|hooks| Joined::tell(Arc::clone(hooks), client(), hang_up.clone()))
    }
}

/// A client of whom the hooks know. When this is dropped they are told that it has left, whatever
/// has ended its connection.
#[derive(Debug)]
pub(super) struct Joined {
    hooks: Arc<dyn StatementHooks>,
    client: Arc<Client>,
    hang_up: Option<Arc<HangUp>>,
}

impl Joined {
    fn tell(hooks: Arc<dyn StatementHooks>, client: Client, hang_up: Option<Arc<HangUp>>) -> Self {
        let client = Arc::new(client);
        hooks.joined(&client);
        Self { hooks, client, hang_up }
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Waits until it has hung up. What it says meanwhile is kept, up to a bound.
    pub(super) async fn gone<S: Stream>(&self, client: &mut FrameStream<ClientTag, S>) {
        match (client.hear(MOST).await, &self.hang_up) {
            (Hearing::Ended, _) => {}
            (Hearing::Full, Some(hang_up)) => hang_up.wait().await,
            (Hearing::Full, None) => std::future::pending().await,
        }
    }

    /// Whether statements of it may be held.
    pub(super) fn may_be_held(&self) -> bool {
        self.hooks.holds()
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
