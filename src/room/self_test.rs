//! Whether the address that is shown can be reached at all, asked from this machine.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::reachable;
use super::shared::Shared;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the address for a page without a token: that it is refused shows who answers.
pub(super) async fn run(shared: &Shared) {
    let result = match timeout(PATIENCE, ask(shared)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within five seconds".to_owned()),
    };
    shared.note_self_test(result);
}

async fn ask(shared: &Shared) -> io::Result<()> {
    let address = reachable(shared.bound);
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    if &answer == b"HTTP/1.1 403" {
        return Ok(());
    }
    Err(io::Error::other("something else answers there"))
}
