//! The room, with the real program in a real terminal: followed by browsers that are sockets here.

mod book;
mod browser;
mod chromium;
mod figures;
mod given_back;
pub(crate) mod http;
mod hundred;
mod own_pane;
mod remote;

use std::io::Write as _;

use crate::terminal::{MIDDLE, Terminal, key};
use http::{Browser, parts};

const ALT_R: &str = "\x1br";

/// The console with an open room, and the address that it shows.
fn open() -> (Terminal, String) {
    let mut console = Terminal::open(MIDDLE, &["adjacent-seats", "--room", "127.0.0.1:0"]);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_for("Mallory ─ idle");
    let url = address(&mut console);
    (console, url)
}

/// The address on the screen.
fn address(console: &mut Terminal) -> String {
    console.type_keys(ALT_R);
    console.wait_for("self-test: this machine reaches the address");
    let screen = console.screen();
    let begin = screen.find("http://").unwrap();
    let url: String = screen[begin..].chars().take_while(|c| !c.is_whitespace()).collect();
    hide(console);
    url
}

/// Shows the room's layer.
fn show(console: &mut Terminal) {
    console.type_keys(ALT_R);
    console.wait_for("closes it");
}

/// Hides the room's layer. What is gone in a half drawn frame may be there in the whole one.
fn hide(console: &mut Terminal) {
    console.type_keys(key::ESCAPE);
    loop {
        console.wait_until_gone("hides this");
        console.wait_for_whole_frame();
        if !console.screen().contains("hides this") {
            return;
        }
    }
}

fn leave(mut console: Terminal) {
    // It is asked first where a transaction is open.
    console.type_keys(&format!("{}y", key::CONTROL_Q));
    console.wait_for_end();
}

#[test]
fn browsers_follow_what_is_stepped_and_late_ones_have_it_all() {
    let (mut console, url) = open();
    let mut early = Browser::joined(&url).follow(None);
    let course = early.until("course", |course| course["steps"].as_u64() > Some(0));
    assert_eq!(course["step"], 0);
    for step in 1..=3 {
        console.type_keys(key::F5);
        early.until("course", |course| course["step"] == step);
    }
    let late = Browser::joined(&url).follow(None).next();
    assert_eq!((late.0.as_str(), &late.1["course"]["step"]), ("whole", &3.into()));
    let lines = late.1["lines:Bob"]["lines"].to_string();
    assert!(lines.contains("begin"), "{lines}");
    console.type_keys(ALT_R);
    console.wait_for("follow");
    // Its last line, without which it would be gone before it is there.
    console.wait_for("hides this");
    hide(&mut console);
    leave(console);
}

#[test]
fn whoever_slept_hears_what_was_missed() {
    let (mut console, url) = open();
    let browser = Browser::joined(&url);
    let mut awake = browser.follow(None);
    awake.until("course", |course| course["steps"].as_u64() > Some(0));
    let mut sleeper = browser.follow(None);
    sleeper.next();
    let heard = sleeper.last;
    drop(sleeper);
    console.type_keys(key::F5);
    awake.until("course", |course| course["step"] == 1);
    let mut woken = browser.follow(Some(heard));
    let (name, told) = woken.next();
    assert_eq!(name, "change", "{told}");
    while woken.last < awake.last {
        assert_eq!(woken.next().0, "change");
    }
    leave(console);
}

#[test]
fn nobody_comes_in_without_a_token_from_elsewhere_or_by_another_name() {
    let (console, url) = open();
    let (host, token) = parts(&url);
    let stranger = Browser::new(host.parse().unwrap());
    for path in ["/", "/events", "/room.js", "/join/abcdefghjkmn", "/join/", "/../etc/passwd"] {
        let answer = stranger.get(path);
        assert!([403, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.body.contains("<html"), "{path}");
    }
    let known = Browser::joined(&url);
    let page = known.get("/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<script>") && !page.body.contains(" onclick"), "{}", page.body);
    let cookie = known.cookie.clone().unwrap();
    for forged in [cookie.replace(".g.", ".t."), cookie.replacen('=', "=0", 1), "x=y".to_owned()] {
        let forger = Browser { cookie: Some(forged), ..stranger.clone() };
        assert_eq!(forger.get("/").status, 403);
    }
    let rebound = format!("GET /join/{token} HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n");
    assert_eq!(
        stranger.send(&rebound.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).status,
        403
    );
    assert_eq!(stranger.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 403);
    leave(console);
}

#[test]
fn nothing_is_done_for_another_sites_page() {
    let (console, url) = open();
    let known = Browser::joined(&url);
    let own = format!("Origin: http://{}\r\n", known.address);
    let json = "Content-Type: application/json\r\n";
    let strange = [
        json.to_owned(),
        format!("Origin: http://evil.example\r\n{json}"),
        format!("Origin: null\r\n{json}"),
        format!("{own}Content-Type: text/plain\r\n"),
        format!("{own}{json}Sec-Fetch-Site: cross-site\r\n"),
    ];
    for head in strange {
        assert_eq!(known.post_as("/", "{}", &head).status, 403, "{head}");
    }
    assert_eq!(known.post("/", &serde_json::json!({})).status, 405, "it is the page's own");
    leave(console);
}

#[test]
fn tokens_cannot_be_guessed_at_leisure() {
    let (console, url) = open();
    let known = Browser::joined(&url);
    let stranger = Browser::new(known.address);
    let statuses: Vec<u16> =
        (0..40).map(|n| stranger.get(&format!("/join/guess{n}")).status).collect();
    assert_eq!(statuses[0], 403);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(known.get("/").status, 200, "whoever is in stays in");
    leave(console);
}

#[test]
fn a_closed_room_is_gone_with_its_tokens() {
    let (mut console, url) = open();
    let known = Browser::joined(&url);
    show(&mut console);
    console.type_keys("o");
    console.wait_for("The room is closed.");
    assert!(std::net::TcpStream::connect(known.address).is_err(), "its port is free again");
    console.type_keys("o");
    console.wait_for("self-test: this machine reaches the address");
    assert!(!console.screen().contains(parts(&url).1), "the token is another");
    hide(&mut console);
    leave(console);
}

#[test]
fn slow_readers_and_half_requests_hold_nobody_up() {
    let (mut console, url) = open();
    let browser = Browser::joined(&url);
    let silent: Vec<_> = (0..20).map(|_| browser.follow(None)).collect();
    let mut half: Vec<_> = (0..20).map(|_| browser.connect()).collect();
    for stream in &mut half {
        stream.write_all(b"GET /eve").unwrap();
    }
    let mut reader = browser.follow(None);
    for step in 1..=3 {
        console.type_keys(key::F5);
        reader.until("course", |course| course["step"] == step);
    }
    drop((silent, half));
    leave(console);
}

#[test]
fn an_address_that_is_taken_is_said_and_one_that_is_none_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut console = Terminal::open(MIDDLE, &["--room", &address]);
    console.wait_for(&format!("the room cannot be opened at {address}"));
    console.type_keys(key::ENTER);
    leave(console);
    let mut misused = Terminal::open(MIDDLE, &["--room", "everywhere"]);
    misused.wait_for("0.0.0.0:8080");
    misused.wait_for_end();
}
