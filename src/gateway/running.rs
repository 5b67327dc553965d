//! A gateway that listens, and serves whoever comes.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backend::FAREWELL;
use super::certificate::{Certificate, Published, Ready};
use super::context::Context;
use super::error::GatewayError;
use super::hang_up::HangUp;
use super::news::{News, NewsSender};
use super::options::Options;
use super::passwords::Passwords;
use super::protocol::handshake::{self, Way};
use crate::cluster::marked::Doubt;
use crate::cluster::removal::{Identity, remove_file};
use crate::pg::frame::Stream;
use crate::pg::{Target, UnixSocket};

/// A running gateway. Dropping it ends it.
pub struct Gateway {
    target: Target,
    listen: Vec<SocketAddr>,
    tasks: JoinSet<()>,
    news: Option<mpsc::UnboundedReceiver<News>>,
    context: Arc<Context>,
    socket: Option<(PathBuf, Identity)>,
    certificate: Option<Published>,
}

/// The port in the name of the Unix socket, which is no port of the machine.
const SOCKET_PORT: u16 = 5432;

impl Gateway {
    /// Listens, and serves from then on.
    pub async fn start(options: Options) -> Result<Self, GatewayError> {
        let passwords = match &options.password_file {
            Some(path) => Passwords::read(path)?,
            None => Passwords::default(),
        };
        protected(&options.listen, &passwords)?;
        let (sender, news) = mpsc::unbounded_channel();
        let context = Context::new(&options, passwords, NewsSender::new(sender));
        let context = Arc::new(context);
        let mut gateway = Self {
            target: options.backend.clone(),
            listen: Vec::new(),
            tasks: JoinSet::new(),
            news: Some(news),
            context: Arc::clone(&context),
            socket: None,
            certificate: None,
        };
        if let Some(folder) = &options.socket_folder {
            gateway.listen_unix(folder, &context, &options.backend)?;
        }
        gateway.listen_tcp(&options.listen, &context, &options.certificate).await?;
        Ok(gateway)
    }

    /// Listens at these TCP addresses too, without TLS.
    pub async fn listen(&mut self, addresses: &[SocketAddr]) -> Result<(), GatewayError> {
        let context = Arc::clone(&self.context);
        protected(addresses, &context.passwords)?;
        self.listen_tcp(addresses, &context, &Certificate::None).await
    }

    /// Serves whoever comes, or has come already, to these, which were bound before; without TLS.
    pub fn serve(&mut self, listeners: Vec<TcpListener>) -> Result<(), GatewayError> {
        let context = Arc::clone(&self.context);
        for listener in listeners {
            let failed = |source| GatewayError::Listen { place: "a port".to_owned(), source };
            let address = listener.local_addr().map_err(failed)?;
            protected(&[address], &context.passwords)?;
            self.listen.push(address);
            let way = Way { address: Some(address), ..Way::default() };
            self.tasks.spawn(receive_from(listener, Arc::clone(&context), way));
        }
        Ok(())
    }

    /// How to connect to the gateway over its Unix socket.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The first TCP address on which it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.first().copied()
    }

    /// The TCP addresses on which it listens, as the options have them in their order, each with
    /// the port that it has been given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// The self-signed certificate that a client may be told to trust (`sslrootcert`).
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_ref().map(Published::path)
    }

    /// What looks like the certificate of a killed gateway, and was left alone.
    pub fn doubts(&self) -> &[Doubt] {
        self.certificate.as_ref().map_or(&[], Published::doubts)
    }

    /// What only the gateway knows; the first caller gets it.
    pub fn events(&mut self) -> Option<mpsc::UnboundedReceiver<News>> {
        self.context.transactions.listen();
        self.news.take()
    }

    /// Stops listening, tells every client that this is the end, and waits until the server has
    /// nothing more to do for any.
    pub async fn stop(mut self) {
        self.context.closing.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Twice: a conversation that is passed through takes it once at most to finish a message or
        // to tell what is lost, and once for its last words.
        timeout(FAREWELL * 2, ended).await.ok();
        self.tasks.shutdown().await;
        // Last: while a client is still watched, the next look would open the connection anew.
        self.context.blockers.leave().await;
    }

    fn listen_unix(
        &mut self,
        folder: &Path,
        context: &Arc<Context>,
        backend: &Target,
    ) -> Result<(), GatewayError> {
        let path = folder.join(format!(".s.PGSQL.{SOCKET_PORT}"));
        let failed = |source| GatewayError::Listen { place: path.display().to_string(), source };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // No TLS here: PostgreSQL offers none on a Unix socket either (`ProcessStartupPacket`).
        self.tasks.spawn(receive_all(Arc::clone(context), Way::default(), async move || {
            UnixSocket::adopt(listener.accept().await?.0)
        }));
        self.target = Target::unix(folder, SOCKET_PORT, backend.user(), backend.database());
        // Removed by its identity in the end: by then the name may be another's socket.
        let identity = Identity::at(&path).map_err(failed)?;
        self.socket = Some((path, identity));
        Ok(())
    }

    async fn listen_tcp(
        &mut self,
        addresses: &[SocketAddr],
        context: &Arc<Context>,
        certificate: &Certificate,
    ) -> Result<(), GatewayError> {
        let mut listeners = Vec::new();
        for address in addresses {
            let failed = |source| GatewayError::Listen { place: address.to_string(), source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            self.listen.push(listener.local_addr().map_err(failed)?);
            listeners.push(listener);
        }
        let Some(first) = self.listen.first() else { return Ok(()) };
        // Behind `bind`, which chooses the port if none was given: the certificate's file has it in
        // its name.
        let Ready { tls, published } = certificate.ready(first.port())?;
        self.certificate = published;
        for (listener, address) in listeners.into_iter().zip(&self.listen) {
            let way = Way { address: Some(*address), tls: tls.clone(), hang_up: None };
            self.tasks.spawn(receive_from(listener, Arc::clone(context), way));
        }
        Ok(())
    }
}

/// Without a password file whoever connects works as the gateway's own user, in most cases a
/// superuser: nobody from outside this machine may.
fn protected(addresses: &[SocketAddr], passwords: &Passwords) -> Result<(), GatewayError> {
    let open = addresses.iter().find(|address| !address.ip().is_loopback());
    match open.filter(|_| !passwords.are_asked()) {
        Some(address) => Err(GatewayError::Unprotected(*address)),
        None => Ok(()),
    }
}

/// How long nobody is accepted after it has failed; PostgreSQL waits as long (`AcceptConnection`).
const PAUSE: Duration = Duration::from_millis(100);

async fn receive_from(listener: TcpListener, context: Arc<Context>, way: Way) {
    receive_all(context, way, async move || {
        let (stream, _) = listener.accept().await?;
        // Where it does not take, the client is slower, or gone already.
        stream.set_nodelay(true).ok();
        Ok(stream)
    })
    .await;
}

/// Serves whoever comes until the gateway ends, and then until the last is gone.
async fn receive_all<S: Stream + AsFd + 'static>(
    context: Arc<Context>,
    way: Way,
    accept: impl AsyncFn() -> io::Result<S>,
) {
    let mut clients = JoinSet::new();
    let mut has_room = true;
    loop {
        tokio::select! {
            // In this order: nobody is accepted behind the end, and who has left is forgotten even
            // where somebody new always waits.
            biased;
            () = context.closing.cancelled() => break,
            Some(_) = clients.join_next(), if !clients.is_empty() => has_room = true,
            accepted = accept(), if has_room => match accepted {
                Ok(stream) => {
                    let hang_up = context.hooks.as_ref().map(|_| Arc::new(HangUp::of(&stream)));
                    let way = Way { hang_up, ..way.clone() };
                    clients.spawn(serve(Box::new(stream), Arc::clone(&context), way));
                }
                // Most of all for want of a descriptor, which there is again when somebody leaves.
                Err(error) => {
                    tracing::warn!(%error, "a client cannot be accepted");
                    has_room = false;
                }
            },
            // Who left may have been another program's client, or nobody had to leave at all.
            _ = timeout(PAUSE, context.closing.cancelled()), if !has_room => has_room = true,
        }
    }
    // Each client's task hears of `closing` by itself; dropping the set would cut its last words
    // off.
    while clients.join_next().await.is_some() {}
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some((path, identity)) = &self.socket {
            // Gone already is as good.
            remove_file(path, *identity).ok();
        }
    }
}

async fn serve(stream: Box<dyn Stream>, context: Arc<Context>, way: Way) {
    if let Err(error) = handshake::receive(stream, context, way).await {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn who_cannot_be_accepted_is_waited_for_and_the_end_is_heard_meanwhile() {
        let options = Options::new(Target::unix(Path::new("/nowhere"), 1, "nobody", "nothing"));
        let (sender, _news) = mpsc::unbounded_channel();
        let context = Context::new(&options, Passwords::default(), NewsSender::new(sender));
        let context = Arc::new(context);
        let (tries, began) = (Arc::new(AtomicU32::new(0)), Instant::now());
        let (count, closing) = (Arc::clone(&tries), Arc::clone(&context));
        receive_all(context, Way::default(), async move || {
            if count.fetch_add(1, Ordering::Relaxed) == 2 {
                closing.closing.cancel();
            }
            Err::<tokio::net::TcpStream, _>(io::Error::from_raw_os_error(24))
        })
        .await;
        assert!(began.elapsed() >= PAUSE * 2, "{:?}", began.elapsed());
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }
}
