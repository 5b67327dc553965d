//! What is wrong with a command line, a file or an address is said in a sentence, before anything
//! runs, with the exit code that scripts rely on.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use overbooked::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;

use crate::support;
use crate::terminal::{MIDDLE, Terminal};

/// What the program says instead of opening, without the terminal's line breaks, and its exit code.
fn refusal(arguments: &[&str]) -> (u32, String) {
    let mut console = Terminal::open(MIDDLE, arguments);
    let code = console.wait_for_end();
    let words: Vec<String> = console.screen().split_whitespace().map(str::to_owned).collect();
    (code, words.join(" "))
}

fn is_refused(arguments: &[&str], code: u32, words: &[&str]) {
    let (ended, said) = refusal(arguments);
    assert_eq!(ended, code, "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

/// The program without a terminal.
fn piped(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    command.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null());
    command.output().unwrap()
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ob-test-").tempdir().unwrap()
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_unknown_scenario_is_answered_with_what_may_have_been_meant() {
    let words = ["no scenario called adjacent-seat", "did you mean adjacent-seats?"];
    is_refused(&["adjacent-seat"], 2, &words);
}

#[test]
fn a_mistake_in_a_scenario_is_told_with_its_place() {
    let folder = folder();
    let text = "-- Title\n--\n-- sessions: Alice\n\n-- Alise: begins\nbegin;\n";
    let path = file(&folder, "broken.sql", text);
    let words = ["broken.sql:5:4: there is no session called Alise; did you mean Alice?"];
    is_refused(&[&path], 2, &words);
}

#[test]
fn two_hundred_sessions_are_told_the_limit() {
    let folder = folder();
    let names: Vec<String> = (0..200).map(|n| format!("S{n}")).collect();
    let text = format!("-- Many\n--\n-- sessions: {}\n\n-- S0: looks\nselect 1;", names.join(", "));
    let path = file(&folder, "many.sql", &text);
    is_refused(&[&path], 2, &["many.sql:3:14:", "200 sessions", "60"]);
}

#[test]
fn an_address_that_is_none_is_wrong_use() {
    is_refused(&["--url", "postgres://[::1"], 2, &["--url:"]);
    is_refused(&["--url", "hots=localhost"], 2, &["--url:", "hots"]);
}

#[test]
fn a_server_that_is_not_there_cannot_be_reached() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://alice@127.0.0.1:{free}/seats");
    is_refused(&["--url", &url], 3, &[&format!("cannot reach 127.0.0.1, port {free}"), "refused"]);
}

#[test]
fn a_server_of_another_kind_is_named_by_its_first_words() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut heard = [0; 1024];
            let _heard = stream.read(&mut heard);
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let url = format!("postgres://alice@127.0.0.1:{port}/seats");
    is_refused(&["--url", &url], 3, &["is not a PostgreSQL server", "HTTP/1.1 400"]);
}

#[test]
fn a_rush_that_cannot_be_is_told_why() {
    let refused = |flags: &[&str], words: &[&str]| {
        is_refused(&[&["rush", "--headless"], flags].concat(), 2, words);
    };
    refused(&["--requests", "0"], &["--requests", "0 is not in 1..=100000000"]);
    refused(&["--seats", "1", "--compartments", "7"], &["--seats 1", "at least one seat"]);
    refused(&["--workers", "100000"], &["100000 is not in 1..=10000"]);
    refused(&["--skew", "-1"], &["--skew", "must be a number from 0 to 10"]);
    refused(&["--rate", "0"], &["--rate", "must be a number from 0.000001"]);
    refused(&["--rate", "-5"], &["--rate", "must be a number from 0.000001"]);
    refused(&["--think-time", "5"], &["a unit (us, ms or s), such as 5ms"]);
    refused(&["for-updat"], &["for-updat", "a similar value exists: 'for-update'"]);
    refused(&["--isolation", "serializable"], &["--isolation does not apply to rush"]);
}

/// A server that wants a password from everybody who comes over TCP.
async fn guarded() -> (Cluster, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = ClusterOptions { listen_tcp: Some(port), ..support::cluster_options() };
    let mut cluster = Cluster::start(&options, &|_| {}).await.unwrap();
    let mut connection = connect(&cluster).await;
    let make = "create user guest password 'right'";
    sqlx::Executor::execute(&mut connection, make).await.unwrap();
    let data: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await.unwrap();
    let lines = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(PathBuf::from(data).join("pg_hba.conf"), lines).unwrap();
    cluster.restart().await.unwrap();
    (cluster, port)
}

async fn connect(cluster: &Cluster) -> sqlx::PgConnection {
    <sqlx::PgConnection as sqlx::Connection>::connect_with(&support::options(cluster))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_called_so_and_not_shown() {
    let (cluster, port) = guarded().await;
    let url = format!("postgres://guest:guessed@127.0.0.1:{port}/postgres?sslmode=disable");
    let (code, said) = tokio::task::block_in_place(|| refusal(&["--url", &url]));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("password authentication failed"), "{said}");
    assert!(said.contains("~/.pgpass") && !said.contains("guessed"), "{said}");
    cluster.stop().await.unwrap();
}

#[test]
fn without_a_terminal_the_console_says_that_it_needs_one() {
    let output = piped(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is not a terminal; use `overbooked play` in pipes"), "{said}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place() {
    let folder = folder();
    let unknown = file(&folder, "a.toml", "theme = \"dark\"\nthme = \"dark\"\n");
    is_refused(&["--config", &unknown], 2, &["a.toml:2:1:", "unknown field `thme`"]);
    let key = file(&folder, "b.toml", "[keys]\nnext_stp = [\"F5\"]\n");
    is_refused(&["--config", &key], 2, &["b.toml:2:1:", "did you mean next_step?"]);
}

#[test]
fn files_and_folders_that_will_not_do_are_named() {
    is_refused(&["--config", "/nonexistent/c.toml"], 2, &["/nonexistent/c.toml", "No such file"]);
    is_refused(&["--log", "/nonexistent/log"], 2, &["cannot write the log /nonexistent/log"]);
    is_refused(
        &["--theme", "nonsense"],
        2,
        &["unknown theme \"nonsense\"", "dark, light, projector"],
    );
    is_refused(&["--pg-bin", "/nonexistent"], 2, &["/nonexistent has no PostgreSQL", "--pg-bin"]);
}

#[test]
fn a_folder_with_other_things_in_it_is_not_taken_for_data() {
    let folder = folder();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    file(&folder, "thesis.txt", "years of work");
    let path = folder.path().to_str().unwrap();
    is_refused(&["--data", path], 2, &["neither empty nor a cluster", "--data needs a folder"]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing was added");
}

#[test]
fn help_fits_into_eighty_columns_and_the_version_is_one_line() {
    let mut help = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    let help = help.arg("--help").env("COLUMNS", "80").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for word in ["Usage:", "--url", "--engine", "F5", "Ctrl-Q", "Exit codes"] {
        assert!(text.contains(word), "{word} is not in the help");
    }
    let version = String::from_utf8(piped(&["--version"]).stdout).unwrap();
    assert_eq!(version, format!("overbooked {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_scripts_that_know_the_options() {
    for shell in ["bash", "zsh", "fish"] {
        let output = piped(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("isolation"), "{shell}: {script}");
    }
    assert_eq!(piped(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_program_quietly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    for arguments in [&["scenarios"][..], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = command.args(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(output.status.code(), Some(0));
        command = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    }
}
