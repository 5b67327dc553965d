//! Debian's chromium, headless, driven by `WebDriver`: many pages in one browser, each of a person
//! of its own.
//!
//! A cookie belongs to a host, so each page calls this machine by another of its addresses
//! (127.0.0.2, 127.0.0.3, …), which the browser is told are all the same.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running browser. Dropping it ends it.
pub(crate) struct Chromium {
    driver: Child,
    /// Whoever writes into what nobody can read is ended.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
    session: String,
}

impl Chromium {
    /// A browser. Where there is none on this machine, it says that the test is left out.
    pub(crate) fn here() -> Option<Self> {
        Self::start().inspect_err(|why| eprintln!("{why}")).ok()
    }

    /// A browser; or why the test is left out: there is none on this machine.
    fn start() -> Result<Self, String> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            return Err("there is no chromedriver here; the test is left out".to_owned());
        };
        let mut output = BufReader::new(driver.stdout.take().unwrap());
        let said = "started successfully on port ";
        let port = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once(said)?.1.trim_end_matches('.').parse().ok());
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver says its port")));
        let mut chromium = Self { driver, _output: output, address, session: String::new() };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP 127.0.0.* 127.0.0.1",
        ];
        let options = json!({"args": arguments});
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options});
        let asked = json!({"capabilities": {"alwaysMatch": wanted}});
        let session = chromium.ask("POST", "/session", &asked);
        let session = session
            .map_err(|why| format!("chromium does not start here ({why}); the test is left out"))?;
        session["sessionId"].as_str().unwrap().clone_into(&mut chromium.session);
        Ok(chromium)
    }

    /// Asks the driver for something.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect(self.address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        let length = body.len();
        let request = format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let (head, body) = answer(stream).map_err(|error| error.to_string())?;
        let mut said: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        if head.starts_with("HTTP/1.1 200") {
            return Ok(said["value"].take());
        }
        Err(said["value"]["message"].to_string())
    }

    fn in_session(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.ask(method, &path, body).unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    /// One more page, which is the one that is spoken to from now on.
    pub(crate) fn open(&self) -> Page {
        let opened = self.in_session("POST", "/window/new", &json!({"type": "tab"}));
        let page = Page(opened["handle"].as_str().unwrap().to_owned());
        self.turn_to(&page);
        page
    }

    pub(crate) fn turn_to(&self, Page(handle): &Page) {
        self.in_session("POST", "/window", &json!({"handle": handle}));
    }

    pub(crate) fn go(&self, url: &str) {
        self.in_session("POST", "/url", &json!({"url": url}));
    }

    /// What this is in the page.
    pub(crate) fn read(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return ({expression});"), "args": []});
        self.in_session("POST", "/execute/sync", &script)
    }

    /// What comes of this in the page, which calls `done`.
    pub(crate) fn wait(&self, script: &str) -> Value {
        self.in_session("POST", "/timeouts", &json!({"script": PATIENCE.as_millis()}));
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        let body = json!({"script": script, "args": []});
        self.in_session("POST", "/execute/async", &body)
    }

    /// Waits until this is so in the page, which is looked at whenever the page changes.
    pub(crate) fn until(&self, condition: &str) {
        self.wait(&format!(
            "const look = () => {{ if ({condition}) {{ watch.disconnect(); done(null); }} }};
             const watch = new MutationObserver(look);
             watch.observe(document, {{ subtree: true, childList: true, attributes: true,
                 characterData: true }});
             look();"
        ));
    }

    /// A command of the browser's own protocol.
    pub(crate) fn command(&self, name: &str, parameters: &Value) -> Value {
        self.in_session("POST", "/goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    /// As wide and as high as a device.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.command("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What the page looks like, as a file.
    pub(crate) fn screenshot(&self, file: &Path) {
        let taken = self.command("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, picture).unwrap();
    }
}

/// An answer's head and its body. The driver's end stays open in the browsers that it has started.
fn answer(stream: TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// A page of the browser.
#[derive(Debug)]
pub(crate) struct Page(String);

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", &format!("/session/{}", self.session), &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
