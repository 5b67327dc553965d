//! As much of a browser as the room's requests need: a host, a cookie, an origin.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, it)| it)
    }
}

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    pub(crate) cookie: Option<String>,
}

impl Browser {
    /// One that has never been here.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookie: None }
    }

    /// One that has come by this address.
    pub(crate) fn joined(url: &str) -> Self {
        let (host, token) = parts(url);
        let mut browser = Self::new(host.parse().unwrap());
        let answer = browser.get(&format!("/join/{token}"));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        browser.cookie = Some(cookie.to_owned());
        browser
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head()))
    }

    /// What the page sends.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let origin = format!("Origin: http://{}\r\n", self.address);
        self.post_as(path, &body.to_string(), &(origin + "Content-Type: application/json\r\n"))
    }

    /// What somebody else sends.
    pub(crate) fn post_as(&self, path: &str, body: &str, head: &str) -> Answer {
        let length = body.len();
        let own = self.head();
        let request =
            format!("POST {path} HTTP/1.1\r\n{own}{head}Content-Length: {length}\r\n\r\n{body}");
        self.send(&request)
    }

    fn head(&self) -> String {
        let cookie = self.cookie.as_ref().map(|it| format!("Cookie: {it}\r\n")).unwrap_or_default();
        format!("Host: {}\r\nConnection: close\r\n{cookie}", self.address)
    }

    /// Whatever is sent.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        // It may be refused before it is sent whole.
        let _ = stream.write_all(request.as_bytes());
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Follows from the last event that was heard on.
    pub(crate) fn follow(&self, heard: Option<u64>) -> Events {
        let mut stream = self.connect();
        let last = heard.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!("GET /events HTTP/1.1\r\n{}{last}\r\n", self.head());
        stream.write_all(request.as_bytes()).unwrap();
        Events { lines: BufReader::new(stream), last: heard.unwrap_or(0), told: Map::new() }
    }
}

/// The host and the token of an address.
pub(crate) fn parts(url: &str) -> (&str, &str) {
    url.strip_prefix("http://").unwrap().split_once("/join/").unwrap()
}

/// A stream of events.
pub(crate) struct Events {
    lines: BufReader<TcpStream>,
    /// The number of the last one.
    pub(crate) last: u64,
    /// Each part as it was told last.
    told: Map<String, Value>,
}

impl Events {
    /// The next event: its name, and what it says. A stream that says nothing but that it is still
    /// there has none.
    pub(crate) fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(
                Instant::now() < deadline,
                "nothing happens any more: {:?}",
                self.told.get("board")
            );
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(id) = line.strip_prefix("id: ") {
                self.last = id.trim().parse().unwrap();
            } else if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let told: Value = serde_json::from_str(data).unwrap();
                self.told.extend(told.as_object().unwrap().clone());
                return (name, told);
            }
        }
    }

    /// Reads on until this part, as it was told last, is as wanted.
    pub(crate) fn until(&mut self, part: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = self.told.get(part).filter(|it| !it.is_null() && is_so(it)) {
                return value.clone();
            }
            let last = self.told.get(part);
            assert!(Instant::now() < deadline, "{part} never became so; the last was {last:?}");
            self.next();
        }
    }
}
