//! `overbooked ctl`: races that are played by it alone, without a sleep, on the real program in a
//! terminal, with psql in the application's place.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::headless::{complaint, overbooked, told, written};
use crate::terminal::{MIDDLE, Terminal, key};

const SETUP: &str = "\
create table seats (id int primary key, booked_by text);
insert into seats values (4, null);
";

/// A debugger in a terminal, and whoever steers it.
struct Debug {
    console: Terminal,
    steering: Steering,
    _setup: TempDir,
}

/// What `ctl` needs to know: a folder of the test's own, in which debuggers are found.
struct Steering {
    folder: TempDir,
    socket: String,
}

impl Steering {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("race.sock").to_str().unwrap().to_owned();
        Self { folder, socket }
    }

    fn variables(&self) -> [(&str, &str); 2] {
        let folder = self.folder.path().to_str().unwrap();
        [("XDG_RUNTIME_DIR", folder), ("XDG_STATE_HOME", folder)]
    }

    /// A debugger that is steered by this socket or address.
    fn debug(self, control: &str, arguments: &[&str]) -> Debug {
        let (setup, path) = written("seats.sql", SETUP);
        let fixed = ["debug", "--setup", &path, "--listen", "127.0.0.1:0", "--control", control];
        let all = [&fixed[..], arguments].concat();
        let console = Terminal::open_with(MIDDLE, &all, &self.variables());
        let mut debug = Debug { console, steering: self, _setup: setup };
        debug.is_listening();
        debug
    }

    /// Asks with these words, as they stand.
    fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overbooked"));
        command.arg("ctl").args(arguments).envs(self.variables());
        command.env_remove("OVERBOOKED_CONTROL").output().unwrap()
    }

    /// Asks the one debugger there is, and expects it to be done; what is printed.
    fn ctl(&self, arguments: &[&str]) -> String {
        let output = self.ask(&[&["--socket", &self.socket], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", complaint(&output));
        told(&output)
    }

    /// Waits until this is so.
    fn wait(&self, expression: &str) {
        self.ctl(&["wait", "--timeout", "60s", expression]);
    }

    /// Asks for what is not done; the exit code and the sentence.
    fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.ask(&[&["--socket", &self.socket], arguments].concat());
        assert_eq!(told(&output), "");
        (output.status.code().unwrap(), complaint(&output))
    }

    fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.ctl(&["state", "--json"])).unwrap()
    }
}

impl Debug {
    fn start(arguments: &[&str]) -> Self {
        let steering = Steering::new();
        let socket = steering.socket.clone();
        steering.debug(&socket, arguments)
    }

    /// Waits with the screen in sight, for a debugger that does not come up.
    fn is_listening(&mut self) {
        self.console.wait_for("DATABASE_URL");
        self.steering.wait("listening");
    }

    /// A program of the application: psql, with each of these statements by itself.
    fn psql(&self, name: &str, statements: &[&str]) -> Psql {
        let state = self.steering.state();
        let address = state["listening"][0].as_str().unwrap();
        let url = format!("postgres://overbooked@{address}/postgres");
        let mut command = Command::new("psql");
        command.args(["-XAtq", &url]).env("PGAPPNAME", name).env("PGSSLMODE", "disable");
        command.args(statements.iter().flat_map(|sql| ["-c", sql]));
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Psql(Some(piped.spawn().unwrap()))
    }

    fn leave(mut self) {
        self.console.type_keys(key::CONTROL_Q);
        self.console.type_keys("y");
        assert_eq!(self.console.wait_for_end(), 0);
    }
}

/// A psql that runs. It is ended with its test.
struct Psql(Option<Child>);

impl Psql {
    /// What it has printed, errors included.
    fn end(mut self) -> String {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        told(&output) + &complaint(&output)
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn booking(debug: &Debug, name: &str) -> Psql {
    let book = format!("update seats set booked_by = '{name}' where id = 4");
    let look = "select coalesce(booked_by, 'free') from seats where id = 4";
    debug.psql(name, &["begin", look, &book, "commit"])
}

#[test]
fn two_bookings_are_raced_by_ctl_alone() {
    let debug = Debug::start(&["--watch", "seats"]);
    let steering = &debug.steering;
    let (alice, bob) = (booking(&debug, "alice"), booking(&debug, "bob"));
    steering.wait("alice held 'select' and bob held 'seats' and 2 held");
    steering.ctl(&["release", "alice", "bob"]);
    steering.wait("alice held 'update seats' and bob held 'update seats'");
    steering.ctl(&["release", "alice"]);
    steering.wait("alice held 'commit'");
    steering.ctl(&["release", "bob"]);
    steering.wait("bob waits and bob running and not bob held");
    let state = steering.ctl(&["state"]);
    assert!(state.contains("bob    waits for alice: row 4 of seats"), "{state}");
    assert_eq!(steering.state()["transactions"][1]["waits"]["for"][0], "alice");
    steering.ctl(&["release", "alice"]);
    steering.wait("alice gone and bob held 'commit' and not bob waits");
    steering.ctl(&["release", "--all"]);
    steering.wait("nothing held and bob gone and bob ended");
    assert_eq!((alice.end().as_str(), bob.end().as_str()), ("free\n", "free\n"));
    debug.leave();
}

#[test]
fn one_after_the_other_the_second_sees_that_the_seat_is_taken() {
    let debug = Debug::start(&["--watch", "seats"]);
    let steering = &debug.steering;
    let (alice, bob) = (booking(&debug, "alice"), booking(&debug, "bob"));
    steering.wait("2 held");
    for held in ["'select'", "'update'", "'commit'"] {
        steering.wait(&format!("alice held {held}"));
        steering.ctl(&["release", "alice"]);
    }
    steering.wait("alice gone and bob held 'select'");
    steering.ctl(&["hold", "watch"]);
    steering.ctl(&["release", "bob"]);
    steering.wait("bob gone");
    assert_eq!((alice.end().as_str(), bob.end().as_str()), ("free\n", "alice\n"));
    debug.leave();
}

#[test]
fn every_command_does_what_it_says() {
    let debug = Debug::start(&["--watch", "seats"]);
    let steering = &debug.steering;
    assert_eq!(steering.state()["mode"], "breakpoints");
    let update = "update seats set booked_by = 'x'";
    let alice = debug.psql("alice", &[update]);
    steering.wait("alice held");
    let state = steering.ctl(&["state"]);
    assert!(state.contains("alice  is held ") && state.contains(update), "{state}");
    steering.ctl(&["answer", "alice", "40P01"]);
    assert!(alice.end().contains("deadlock detected"));
    // A breakpoint in the place of what is watched.
    steering.ctl(&["break", "actor bob and write seats"]);
    assert_eq!(debug.psql("alice", &[update]).end(), "");
    let bob = debug.psql("bob", &["select id from seats", update]);
    steering.wait("bob held 'update'");
    steering.ctl(&["answer", "bob", "cut"]);
    let said = bob.end();
    assert!(said.starts_with("4\n") && said.contains("closed the connection"), "{said}");
    steering.wait("nothing held and bob gone");
    steering.ctl(&["hold", "everything"]);
    let carol = debug.psql("carol", &["create table shows (id int)", "drop table shows"]);
    steering.wait("carol held 'create table'");
    steering.ctl(&["hold", "watch"]);
    steering.ctl(&["release", "carol"]);
    assert_eq!(carol.end(), "");
    steering.ctl(&["break"]);
    assert_eq!(steering.state()["breakpoints"], serde_json::json!([]));
    debug.leave();
}

#[test]
fn two_statements_meet_inside_the_table() {
    let debug = Debug::start(&["--watch", "seats", "--gate", "seats"]);
    let steering = &debug.steering;
    let insert = "insert into seats select 1 where not exists (select from seats where id = 1)";
    let (alice, bob) = (debug.psql("alice", &[insert]), debug.psql("bob", &[insert]));
    steering.wait("alice held and bob held");
    let said = steering.ctl(&["release", "--together", "alice", "bob"]);
    assert_eq!(said, "met inside the statement: alice, bob\n");
    let said = alice.end() + &bob.end();
    assert!(said.contains("duplicate key value"), "{said}");
    debug.leave();
}

#[test]
fn what_is_not_so_and_what_is_wrong_is_said_with_its_exit_code() {
    let debug = Debug::start(&["--watch", "seats"]);
    let steering = &debug.steering;
    let alice = debug.psql("alice", &["select id from seats"]);
    steering.wait("alice held");
    let not_so = steering.refused(&["wait", "--timeout", "100ms", "alcie held or alice gone"]);
    assert_eq!(not_so.0, 1);
    for part in [
        "overbooked: `alcie held or alice gone` has not become so within 0.1 s: ",
        "alice is held (reads seats)",
        "nobody is called alcie; did you mean alice?",
    ] {
        assert!(not_so.1.contains(part), "{}", not_so.1);
    }
    for (arguments, code, sentence) in [
        (&["release", "bob"][..], 1, "overbooked: nothing of bob is held\n"),
        (&["release", "alice", "bob"], 1, "nothing of bob is held"),
        (&["release", "alice", "--together"], 1, "no table has a gate; start with --gate TABLE"),
        (&["answer", "bob", "40001"], 1, "nothing of bob is held"),
        (&["answer", "alice", "99999"], 2, "there is no answer `99999`; it is one of 57014"),
        (&["hold", "all"], 2, "there is no mode `all`"),
        (&["break", "writ seats"], 2, "did you mean write?"),
        (&["wait", "alice", "hold"], 2, "column 7: there is no state `hold`; did you mean held?"),
        (&["wait", "--timeout", "10", "alice held"], 2, "such as 10s"),
        (&["release"], 2, "Usage: "),
        (&["release", "alice", "--all"], 2, "cannot be used with"),
    ] {
        let refused = steering.refused(arguments);
        assert!(refused.0 == code && refused.1.contains(sentence), "{arguments:?}: {refused:?}");
    }
    steering.ctl(&["release", "alice"]);
    assert_eq!(alice.end(), "4\n");
    debug.leave();
}

#[test]
fn the_same_is_asked_by_http() {
    let folder = Steering::new().folder;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{free}");
    let steering = Steering { socket: address.clone(), folder };
    let debug = steering.debug(&address, &["--watch", "seats"]);
    let alice = debug.psql("alice", &["select id from seats"]);
    let waited = http(free, "POST", "/wait", r#"{"expression": "alice held 'seats'"}"#);
    assert!(waited.0 == 200 && waited.1["state"]["transactions"][0]["name"] == "alice");
    let refused = http(free, "POST", "/release", r#"{"name": "bob"}"#);
    assert_eq!(refused, (409, serde_json::json!({"error": "nothing of bob is held"})));
    let released = http(free, "POST", "/release", r#"{"name": "alice"}"#);
    assert_eq!(released, (200, serde_json::json!({"released": ["alice"]})));
    let waited = http(free, "POST", "/wait", r#"{"expression": "alice gone"}"#);
    assert_eq!(waited.0, 200, "{}", waited.1);
    let state = http(free, "GET", "/state", "");
    assert_eq!(state.1["ended"], serde_json::json!([{"name": "alice", "gone": true}]));
    assert_eq!(alice.end(), "4\n");
    debug.leave();
}

fn http(
    address: std::net::SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, serde_json::Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn it_is_steered_only_where_nobody_else_can() {
    let (_folder, path) = written("race.sock", "mine");
    for (control, sentence) in [
        ("0.0.0.0:7000", "--control: 0.0.0.0:7000 can be reached from other machines"),
        ("7000", "--control: `7000` is neither an address"),
    ] {
        let output = overbooked(&["debug", "--control", control]);
        assert_eq!(output.status.code(), Some(2));
        assert!(complaint(&output).contains(sentence), "{}", complaint(&output));
    }
    let steering = Steering::new();
    let mut console =
        Terminal::open_with(MIDDLE, &["debug", "--control", &path], &steering.variables());
    console.wait_for("it is no socket of a debugger of yours; choose another");
    assert_eq!(console.wait_for_end(), 2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_killed_debuggers_socket_is_the_next_ones() {
    let mut debug = Debug::start(&[]);
    let socket = debug.steering.socket.clone();
    let mut second = Terminal::open_with(
        MIDDLE,
        &["debug", "--listen", "127.0.0.1:0", "--control", &socket],
        &debug.steering.variables(),
    );
    let process = debug.console.pid();
    second.wait_for(&format!("another debugger (process {process}) is steered by"));
    assert_eq!(second.wait_for_end(), 2);
    debug.steering.ctl(&["state"]);
    debug.console.signal("KILL");
    debug.console.wait_for_end();
    assert!(std::path::Path::new(&socket).exists(), "nobody has tidied up");
    let (code, words) = debug.steering.refused(&["state"]);
    assert!(code == 3 && words.contains("no debugger listens at"), "{code} {words}");
    let nobody = debug.steering.ask(&["wait", "--timeout", "100ms", "listening"]);
    assert_eq!(nobody.status.code(), Some(3));
    assert!(
        complaint(&nobody).contains("no debugger of yours is running; start `overbooked debug`")
    );
    let next = debug.steering.debug(&socket, &[]);
    assert_eq!(told(&next.steering.ask(&["state"])), next.steering.ctl(&["state"]));
    let found = next.steering.folder.path().join("overbooked/debuggers");
    let names: Vec<_> = std::fs::read_dir(&found).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "the killed one's are swept: {names:?}");
    next.leave();
    assert!(!std::path::Path::new(&socket).exists());
}

#[test]
fn of_several_debuggers_one_must_be_named() {
    let first = Debug::start(&[]);
    let mut second = Terminal::open_with(
        MIDDLE,
        &["debug", "--listen", "127.0.0.1:0"],
        &first.steering.variables(),
    );
    second.wait_for("DATABASE_URL");
    let several = first.steering.ask(&["state"]);
    let words = complaint(&several);
    assert_eq!(several.status.code(), Some(2), "{words}");
    assert!(words.contains("several debuggers of yours are running; say which:"), "{words}");
    let own = format!("overbooked/debuggers/{}.sock", second.pid());
    assert!(words.lines().any(|line| line.starts_with("  --socket ") && line.ends_with(&own)));
    second.type_keys(key::CONTROL_Q);
    second.type_keys("y");
    assert_eq!(second.wait_for_end(), 0);
    let only = first.steering.ask(&["state"]);
    assert_eq!(only.status.code(), Some(0), "{}", complaint(&only));
    first.leave();
}

#[test]
fn without_a_screen_it_is_steered_the_same() {
    let steering = Steering::new();
    let (_setup, path) = written("seats.sql", SETUP);
    let (program, socket) = (env!("CARGO_BIN_EXE_overbooked"), &steering.socket);
    let alice = format!(
        "alice='{program}' ctl --socket '{socket}' wait listening && psql -Xq \"$DATABASE_URL\" -c \
         \"update seats set booked_by = 'alice'\" && '{program}' ctl --socket '{socket}' wait \
         'alice gone'"
    );
    let check = "select count(*) = 1 from seats where booked_by = 'alice'";
    let fixed = ["debug", "--setup", &path, "--control", socket, "--check", check];
    let mut command = Command::new(program);
    command.args(fixed).args(["--actor", &alice]).envs(steering.variables());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", told(&output), complaint(&output));
    assert!(!std::path::Path::new(socket).exists());
}
