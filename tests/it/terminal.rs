//! The real program in a real pseudo-terminal, with a screen that can be read.
//!
//! ```ignore
//! let mut console = Terminal::open(Size { rows: 40, columns: 120 }, &["adjacent-seats"]);
//! console.wait_for("step 0 of 12");
//! console.type_keys("\x1b[15~"); // F5
//! ```
//!
//! Whatever is waited for has a deadline, and a screen that does not come is printed.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys as xterm sends them.
pub(crate) mod key {
    pub(crate) const F2: &str = "\x1bOQ";
    pub(crate) const F3: &str = "\x1bOR";
    pub(crate) const F5: &str = "\x1b[15~";
    pub(crate) const F6: &str = "\x1b[17~";
    pub(crate) const F8: &str = "\x1b[19~";
    pub(crate) const F9: &str = "\x1b[20~";
    pub(crate) const ESCAPE: &str = "\x1b";
    pub(crate) const ENTER: &str = "\r";
    pub(crate) const TAB: &str = "\t";
    pub(crate) const CONTROL_C: &str = "\x03";
    pub(crate) const CONTROL_D: &str = "\x04";
    pub(crate) const CONTROL_Q: &str = "\x11";
}

/// Rows and columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

/// The projector's, the desk's and the wide one.
pub(crate) const SMALL: Size = Size { rows: 24, columns: 80 };
pub(crate) const MIDDLE: Size = Size { rows: 40, columns: 120 };
pub(crate) const WIDE: Size = Size { rows: 50, columns: 200 };

/// A program in a pseudo-terminal.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything that came, byte for byte.
    pub(crate) raw: Vec<u8>,
}

impl Terminal {
    /// Starts the program with these arguments.
    pub(crate) fn open(size: Size, arguments: &[&str]) -> Self {
        Self::open_with(size, arguments, &[])
    }

    /// Starts the program with these arguments and environment variables.
    pub(crate) fn open_with(size: Size, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_overbooked"));
        Self::run(program, size, arguments, variables)
    }

    /// Starts any program.
    pub(crate) fn run(
        program: &Path,
        size: Size,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("OVERBOOKED_HISTORY", "off");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let output = read_in_background(&*pair.master);
        let keyboard = pair.master.take_writer().unwrap();
        let parser = parser(size);
        Self { master: pair.master, keyboard, child, output, parser, raw: Vec::new() }
    }

    /// What the screen shows.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Types.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Puts text in as a terminal's paste.
    pub(crate) fn paste(&mut self, text: &str) {
        self.type_keys(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Sends the program a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Changes the terminal's size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.master.resize(pty_size(size)).unwrap();
        self.parser.screen_mut().set_size(rows(size), columns(size));
    }

    /// Reads on until the screen shows the text.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Reads on until the screen no longer shows the text.
    pub(crate) fn wait_until_gone(&mut self, text: &str) {
        self.wait_until(&format!("no {text}"), |screen| !screen.contains(text));
    }

    /// Reads on until the screen is as wanted.
    pub(crate) fn wait_until(&mut self, wanted: &str, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.screen()) {
            self.read_on(wanted, deadline);
        }
    }

    /// Reads on until the frame that is being drawn is there whole.
    pub(crate) fn wait_for_whole_frame(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.raw.ends_with(b"\x1b[?2026l") {
            self.read_on("the end of a frame", deadline);
        }
    }

    fn read_on(&mut self, wanted: &str, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => self.take(&bytes),
            Err(why) => panic!("waited for {wanted:?} ({why}); the screen:\n{}", self.screen()),
        }
    }

    /// Waits for the program's end; its exit code, with everything read that it wrote.
    pub(crate) fn wait_for_end(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the program does not end; the screen:\n{}", self.screen())
                }
            }
        }
        self.child.wait().unwrap().exit_code()
    }

    /// How often the program has written these bytes.
    pub(crate) fn count(&self, bytes: &[u8]) -> usize {
        self.raw.windows(bytes.len()).filter(|written| *written == bytes).count()
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> i32 {
        self.child.process_id().unwrap().cast_signed()
    }

    /// Whether the terminal is as a shell expects it: main screen, cursor shown, no mouse, no paste
    /// brackets.
    pub(crate) fn is_given_back(&self) -> bool {
        let screen = self.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }
}

impl Drop for Terminal {
    /// A test that fails leaves no program behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parser(size: Size) -> vt100::Parser {
    vt100::Parser::new(rows(size), columns(size), 0)
}

fn rows(size: Size) -> NonZero<u16> {
    NonZero::new(size.rows).unwrap()
}

fn columns(size: Size) -> NonZero<u16> {
    NonZero::new(size.columns).unwrap()
}

fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.columns, pixel_width: 0, pixel_height: 0 }
}

fn read_in_background(master: &dyn MasterPty) -> Receiver<Vec<u8>> {
    let mut reader = master.try_clone_reader().unwrap();
    let (sender, output) = channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    output
}

#[test]
fn the_first_scenario_plays_from_the_first_key_to_the_last() {
    let mut console = Terminal::open(MIDDLE, &[]);
    console.wait_for("Two friends, one intruder");
    console.type_keys(key::ENTER);
    for step in 2..=11 {
        console.wait_until_gone("Sessions:");
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 11"));
    }
    console.wait_for("waits for Bob");
    console.type_keys(key::F5);
    console.wait_for("UPDATE 0");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}
