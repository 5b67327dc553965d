//! Whoever is slow is let go, and then there is a place for others.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::*;
use crate::room::feed::{Part, Parts};
use crate::room::follow::Asked;
use crate::room::token::{Keys, Part as Role, Visitor};
use crate::stage::room::Opened;

/// As short as a test may wait for, and in truth half a minute.
const SHORT: Duration = Duration::from_millis(100);

/// A room that is served.
struct Served {
    shared: Arc<Shared>,
    /// Nobody answers what is asked.
    _asked: mpsc::Receiver<Asked>,
    _serving: JoinSet<()>,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bound = listener.local_addr().unwrap();
        let (asks, asked) = mpsc::channel(1);
        let say: crate::room::Say = Arc::new(|_| true);
        let opened = Opened::default();
        let shared = Arc::new(Shared::new(bound, Keys::new(), limits, opened, say, asks));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shared)));
        Self { shared, _asked: asked, _serving: serving }
    }

    async fn sent(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.shared.bound).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// The head of a request of somebody who is in.
    fn head(&self, line: &str) -> String {
        let cookie = self.shared.keys.cookie(Visitor::new(), Role::Guest);
        let (bound, name) = (self.shared.bound, self.shared.cookie_name());
        format!("{line} HTTP/1.1\r\nHost: {bound}\r\nCookie: {name}={cookie}\r\n")
    }
}

/// All that comes until the line is cut. That it is cut is what is waited for.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A line may be cut without a goodbye.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn whoever_sends_half_a_head_is_let_go() {
    let served = Served::with(Limits { arrival: SHORT, ..Limits::default() }).await;
    rest(served.sent("GET /eve").await).await;
}

#[tokio::test]
async fn whoever_sends_half_a_body_is_told_so() {
    let served = Served::with(Limits { arrival: SHORT, ..Limits::default() }).await;
    let head = served.head("POST /name");
    let bound = served.shared.bound;
    let request = format!(
        "{head}Origin: http://{bound}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: 99\r\n\r\n{{\"name\":"
    );
    let answer = rest(served.sent(&request).await).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("has not come whole"), "{answer}");
}

#[tokio::test]
async fn whoever_reads_nothing_follows_no_more() {
    let served = Served::with(Limits { reading: SHORT, ..Limits::default() }).await;
    let told = Arc::clone(&served.shared);
    // More than the sockets of both ends keep.
    let large = format!("\"{}\"", "x".repeat(32 * 1024 * 1024));
    told.show(Parts::from([("large".to_owned(), Part::Value(large))]));
    let stream = served.sent(&(served.head("GET /events") + "\r\n")).await;
    let mut followers = told.followers();
    followers.wait_for(|count| *count == 1).await.unwrap();
    followers.wait_for(|count| *count == 0).await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn where_there_is_no_place_somebody_who_is_silent_makes_one() {
    let limits = Limits { connections: 2, arrival: SHORT, ..Limits::default() };
    let served = Served::with(limits).await;
    let silent = [served.sent("").await, served.sent("").await];
    let asks = format!("{}Connection: close\r\n\r\n", served.head("GET /"));
    let answer = rest(served.sent(&asks).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for stream in silent {
        assert!(!rest(stream).await.contains("200 OK"));
    }
}
