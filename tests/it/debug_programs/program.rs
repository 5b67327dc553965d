//! Programs that nobody here wrote for the debugger, and how one plays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{LazyLock, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::DEADLINE;

/// What runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Java,
    Node,
    Python,
    Ruby,
    Shell,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `tests/programs/install` puts packages.
fn place() -> PathBuf {
    root().join("target/programs")
}

const JARS: [&str; 4] = ["HikariCP.jar", "postgresql.jar", "slf4j-api.jar", "slf4j-nop.jar"];

/// Where Java finds all that is there.
fn jars() -> String {
    let classes = place().join("java").display().to_string();
    let jars = JARS.map(|jar| format!("/usr/share/java/{jar}"));
    [&[classes], &jars[..]].concat().join(":")
}

/// What makes Java begin sooner, in exchange for what a program that runs for long gains.
const FAST_START: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto";

/// The class in a file, compiled by whoever is the first to need it.
fn java_class(file: &Path) -> String {
    static COMPILED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut compiled = COMPILED.lock().unwrap();
    if compiled.insert(file.to_owned()) {
        std::fs::create_dir_all(place().join("java")).unwrap();
        let mut javac = std::process::Command::new("javac");
        javac.env("CLASSPATH", jars()).arg("-d").arg(place().join("java")).arg(file);
        assert!(succeeds(&mut javac), "{} does not compile", file.display());
    }
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn succeeds(command: &mut std::process::Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    succeeds(std::process::Command::new(program).args(arguments))
}

/// The languages that have all that they need; asked once.
static HAD: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let all = [Language::Java, Language::Node, Language::Python, Language::Ruby, Language::Shell];
    all.into_iter().filter(|language| language.has_all()).collect()
});

impl Language {
    fn has_all(self) -> bool {
        match self {
            Self::Java => {
                let jars = Path::new("/usr/share/java");
                runs("javac", &["-version"]) && JARS.iter().all(|jar| jars.join(jar).exists())
            }
            Self::Node => {
                runs("node", &["--version"]) && place().join("node/node_modules/pg").exists()
            }
            Self::Python => {
                let python = place().join("python/bin/python");
                runs(python.to_str().unwrap(), &["-c", "import asyncpg, django, psycopg"])
            }
            Self::Ruby => runs("ruby", &["-e", "require 'active_record'; require 'pg'"]),
            Self::Shell => runs("psql", &["--version"]),
        }
    }

    /// What runs a file.
    fn words(self, file: &Path) -> Vec<String> {
        let python = place().join("python/bin/python").display().to_string();
        let (program, file) = match self {
            Self::Java => ("java", java_class(file)),
            Self::Node => ("node", file.display().to_string()),
            Self::Python => (python.as_str(), file.display().to_string()),
            Self::Ruby => ("ruby", file.display().to_string()),
            Self::Shell => ("bash", file.display().to_string()),
        };
        vec![program.to_owned(), file]
    }
}

/// A program and its first arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) language: Language,
    /// From the project's root.
    pub(crate) file: &'static str,
    pub(crate) environment: &'static [(&'static str, &'static str)],
}

impl Program {
    pub(crate) const fn new(language: Language, file: &'static str) -> Self {
        Self { language, file, environment: &[] }
    }

    /// Whether all that it needs is there; says so where it is not.
    pub(crate) fn is_had(self) -> bool {
        let is_had = HAD.contains(&self.language);
        if !is_had {
            eprintln!("left out: {}; tests/programs/install gets what is to be had", self.file);
        }
        is_had
    }

    fn words(self) -> Vec<String> {
        self.language.words(&root().join(self.file))
    }

    /// As a shell takes it.
    pub(crate) fn shell(self) -> String {
        let quoted = |word: String| format!("'{word}'");
        self.words().into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// What must be in the environment of whoever starts it.
    pub(crate) fn surround(self, command: &mut Command) {
        command.env("NODE_PATH", place().join("node/node_modules")).env("NODE_NO_WARNINGS", "1");
        command.env("CLASSPATH", jars()).env("JAVA_TOOL_OPTIONS", FAST_START);
        command.env("PYTHONDONTWRITEBYTECODE", "1").envs(self.environment.iter().copied());
    }

    /// Begins it.
    pub(crate) fn start(self, url: &str, arguments: &[&str]) -> Playing {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments).env("DATABASE_URL", url);
        self.surround(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Playing { child: command.kill_on_drop(true).spawn().unwrap() }
    }
}

/// A program that plays.
pub(crate) struct Playing {
    child: Child,
}

/// What came of a program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) said: String,
    pub(crate) code: Option<i32>,
}

impl Playing {
    /// Gives it a line to read.
    pub(crate) async fn tell(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").await.unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Ends it without a word.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Played {
        let output = timeout(DEADLINE, self.child.wait_with_output()).await;
        let Output { status, stdout, stderr } = output.expect("the program ends").unwrap();
        let said = String::from_utf8(stdout).unwrap();
        eprintln!("{status}\n{said}{}", String::from_utf8_lossy(&stderr));
        Played { said, code: status.code() }
    }
}
