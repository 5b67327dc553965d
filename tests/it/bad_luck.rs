//! What can happen to a console that runs: huge answers, hostile data, a storm of resizes, a server
//! that dies, signals, a full disk.
//!
//! Everything here is the real program in a pseudo-terminal with a PostgreSQL of its own.

mod endings;
mod loads;
mod losses;

use crate::terminal::{Size, Terminal, key};

/// A console on its stage, past the story, with everybody connected.
fn on_stage(size: Size, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
    let mut console = Terminal::open_with(size, arguments, variables);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.wait_for("Mallory ─ idle");
    console
}

/// Types a statement into the focused pane and sends it.
fn send(console: &mut Terminal, sql: &str) {
    console.paste(sql);
    console.type_keys(key::ENTER);
}

/// Leaves, whether or not it asks.
fn leave(console: &mut Terminal) -> u32 {
    console.type_keys(key::CONTROL_Q);
    console.type_keys("y");
    console.wait_for_end()
}

/// The console's server: its process, and the folder that goes with it.
pub(crate) struct Server {
    pid: String,
    data: std::path::PathBuf,
}

/// Asks the server itself, in the focused pane of a wide console.
pub(crate) fn server_of(console: &mut Terminal) -> Server {
    send(
        console,
        "select format('server %s in %s.', split_part(f, E'\\n', 1), split_part(f, E'\\n', 2)) \
         from pg_read_file('postmaster.pid') f;",
    );
    console.wait_for("(1 row)");
    let screen = console.screen();
    let told = screen.split(" server ").find(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    let told = told.and_then(|text| text.split_once('.')).expect("the server's place").0;
    let (pid, data) = told.split_once(" in ").unwrap();
    Server { pid: pid.to_owned(), data: data.into() }
}

impl Server {
    /// Whether neither the process nor the folder is left.
    fn is_gone(&self) -> bool {
        let process = std::process::Command::new("ps").args(["-p", &self.pid]).output().unwrap();
        let folder = self.data.parent().expect("the data lies in a folder of the server's own");
        !process.status.success() && !folder.exists()
    }

    /// Waits until nothing is left.
    pub(crate) fn vanishes(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !self.is_gone() {
            assert!(std::time::Instant::now() < deadline, "{} is left", self.data.display());
            std::thread::yield_now();
        }
    }
}
