//! `--record`: what the terminal showed, in a file that shows it again.

use std::num::NonZero;
use std::path::Path;

use serde_json::Value;

use crate::terminal::{MIDDLE, SMALL, Size, Terminal, WIDE, key};

/// A recording, read back.
struct Cast {
    header: Value,
    events: Vec<(String, String)>,
}

impl Cast {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let header = serde_json::from_str(lines.next().unwrap()).unwrap();
        let events: Vec<(f64, String, String)> =
            lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.is_sorted_by(|a, b| a.0 <= b.0), "time goes on");
        Self { header, events: events.into_iter().map(|(_, kind, text)| (kind, text)).collect() }
    }

    fn shown(&self) -> String {
        self.events.iter().filter(|(kind, _)| kind == "o").map(|(_, text)| text.as_str()).collect()
    }

    /// What a terminal shows that plays it, until the program gives the terminal back.
    fn last_screen(&self) -> String {
        let cells = |value: &Value| u16::try_from(value.as_u64().unwrap()).unwrap();
        let (width, height) = (cells(&self.header["width"]), cells(&self.header["height"]));
        let size = |cells: u16| NonZero::new(cells).unwrap();
        let mut player = vt100::Parser::new(size(height), size(width), 0);
        for (kind, text) in self.events.iter().take_while(|(_, t)| !t.contains("\x1b[?1049l")) {
            match kind.as_str() {
                "r" => {
                    let (width, height) = text.split_once('x').unwrap();
                    let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
                    player.screen_mut().set_size(size(height), size(width));
                }
                _ => player.process(text.as_bytes()),
            }
        }
        player.screen().contents()
    }
}

#[test]
fn a_recording_shows_what_the_terminal_showed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.cast");
    let mut console = Terminal::open(MIDDLE, &["--record", path.to_str().unwrap()]);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_for("Mallory ─ idle");
    console.type_keys("select U&'\\5F35' as wide;\r");
    console.wait_for("(1 row)");
    console.resize(WIDE);
    console.wait_until("the help at the right edge", |screen| {
        screen.lines().any(|line| line.chars().count() > 190)
    });
    console.resize(SMALL);
    console.type_keys(key::F5);
    console.wait_for("step 2 of 11");
    console.wait_for("bob=*#");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.wait_for_whole_frame();
    let seen = console.screen();
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
    let cast = Cast::read(&path);
    assert_eq!(cast.header["version"], 2);
    assert_eq!(cast.header["env"]["TERM"], "xterm-256color");
    assert!(console.raw.ends_with(cast.shown().as_bytes()), "every byte, and nothing else");
    let Size { rows, columns } = SMALL;
    assert!(cast.events.contains(&("r".to_owned(), format!("{columns}x{rows}"))));
    assert_eq!(cast.last_screen(), seen);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_screen_opens() {
    assert!(refused("/nonexistent/a.cast").contains("cannot record to /nonexistent/a.cast: "));
}

#[test]
fn a_file_that_is_there_is_kept_and_another_name_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cast");
    std::fs::write(&path, "last week's").unwrap();
    let told = refused(path.to_str().unwrap());
    assert!(told.contains("the file already exists"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "last week's");
}

#[test]
fn a_console_that_never_opened_leaves_the_name_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cast");
    let arguments = ["--record", path.to_str().unwrap(), "--url", "postgresql://localhost:1/none"];
    let mut console = Terminal::open(SMALL, &arguments);
    assert_eq!(console.wait_for_end(), 3);
    assert!(!path.exists());
}

/// What a console says that cannot record into this file, and therefore does not open.
fn refused(path: &str) -> String {
    let mut console = Terminal::open(SMALL, &["--record", path]);
    assert_eq!(console.wait_for_end(), 2);
    assert_eq!(console.count(b"\x1b[?1049h"), 0);
    console.screen()
}
