//! A server that speaks version 3.2 of the protocol, whose keys for cancelling are long: a script
//! on a socket, since most servers negotiate 3.0.

use std::path::Path;
use std::time::Duration;

use overbooked::gateway::{Gateway, Mode, Options};
use overbooked::pg::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

const VERSION_3_2: u32 = 0x0003_0002;
const CANCEL: u32 = 80_877_102;
const PID: u32 = 4711;

/// As long as PostgreSQL 18 makes them, and with zeros in it.
fn secret() -> Vec<u8> {
    (0..32).map(|number: u8| number % 5 * 50).collect()
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn packet(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    [&length[..], &code.to_be_bytes(), body].concat()
}

async fn read_packet(stream: &mut UnixStream) -> Vec<u8> {
    let length = stream.read_u32().await.unwrap();
    let mut packet = length.to_be_bytes().to_vec();
    packet.resize(length as usize, 0);
    stream.read_exact(&mut packet[4..]).await.unwrap();
    packet
}

fn code(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}

/// Lets everybody in, and tells the first packet of each connection.
fn serve(folder: &Path) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let (heard, packets) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let packet = read_packet(&mut stream).await;
            let is_cancel = code(&packet) == CANCEL;
            heard.send(packet).unwrap();
            if !is_cancel {
                stream.write_all(&welcome()).await.unwrap();
                // Open until the client leaves.
                tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
            }
        }
    });
    packets
}

fn welcome() -> Vec<u8> {
    let key = [&PID.to_be_bytes()[..], &secret()].concat();
    [
        message(b'R', &[0; 4]),
        message(b'S', b"client_encoding\0UTF8\0"),
        message(b'S', b"server_encoding\0UTF8\0"),
        message(b'K', &key),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// The key that the client gets; the whole welcome is read.
async fn key(stream: &mut UnixStream) -> Vec<u8> {
    let mut key = None;
    loop {
        let tag = stream.read_u8().await.unwrap();
        let mut body = vec![0; stream.read_u32().await.unwrap() as usize - 4];
        stream.read_exact(&mut body).await.unwrap();
        match tag {
            b'K' => key = Some(body),
            b'Z' => return key.expect("a key comes before"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_keys_reach_the_client_and_come_back_whole() {
    for mode in [Mode::PassThrough, Mode::Optimistic] {
        let (behind, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut packets = serve(behind.path());
        let gateway = Gateway::start(Options {
            mode,
            socket_folder: Some(before.path().to_owned()),
            ..Options::new(Target::unix(behind.path(), 5432, "alice", "theatre"))
        });
        let gateway = gateway.await.unwrap();
        let door = before.path().join(".s.PGSQL.5432");
        let mut client = UnixStream::connect(&door).await.unwrap();
        client.write_all(&packet(VERSION_3_2, b"user\0alice\0\0")).await.unwrap();
        let key = key(&mut client).await;
        assert_eq!(key, [&PID.to_be_bytes()[..], &secret()].concat(), "{mode:?}");
        let start_up = packets.recv().await.unwrap();
        assert_eq!(code(&start_up), VERSION_3_2, "{mode:?}");
        let cancel = packet(CANCEL, &key);
        let mut other = UnixStream::connect(&door).await.unwrap();
        other.write_all(&cancel).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_mins(1), packets.recv()).await;
        assert_eq!(heard.expect("the request is handed on"), Some(cancel), "{mode:?}");
        let mut nothing = Vec::new();
        assert_eq!(other.read_to_end(&mut nothing).await.unwrap(), 0, "{mode:?}");
        drop(client);
        gateway.stop().await;
    }
}
