//! The same keys in psql and in a pane, each in a pseudo-terminal: what stands there afterwards is
//! the same, line by line.

use std::path::Path;

use overbooked::cluster::SUPERUSER;

use crate::psql_compare::psql_binary;
use crate::support;
use crate::terminal::{Size, Terminal, key};

/// Room for a whole conversation.
const TALL: Size = Size { rows: 90, columns: 200 };

/// What ends a conversation.
const END: &str = "that is all";

/// Conversations, each short enough for a screen.
const CONVERSATIONS: [&[&str]; 6] = [
    // Prompts.
    &[
        "-- nothing",
        "/* a",
        "b */",
        "select 1;",
        "begin;",
        "select (",
        "1 +",
        "'2",
        "'::int, $$",
        "$$, 3 as \"",
        "\"",
        "\\r",
        "select 6 *",
        "7;",
        "rollback;",
    ],
    // Records.
    &[
        "\\x",
        "select 1 as one, 'two' as two;",
        "\\x",
        "select 3 as three \\gx",
        "\\x auto",
        "\\x off",
    ],
    // Variables.
    &[
        "select 7 as id, 'A-4' as seat \\gset",
        "\\echo :id :'seat'",
        "\\set row A",
        "select :'row' || :id as both;",
        "\\g",
        "select :id",
        "+ 1 \\gx",
        "\\unset row",
        "\\echo :row",
    ],
    // Descriptions.
    &[
        "\\d pg_catalog.pg_tablespace",
        "\\d nowhere",
        "\\dt nobody.*",
        "\\d pg_tablespace_oid_index",
        "\\dt pg_catalog.pg_am",
    ],
    // Who is no superuser.
    &["set role pg_monitor;", "select 1;", "begin;", "select", "2;", "commit;", "reset role;"],
    // Mistakes.
    &["\\nonsense", "\\unset", "\\x perhaps", "\\i", "\\i nowhere.sql", "\\h lsten"],
];

fn psql() -> Terminal {
    let server = support::server();
    let (folder, port) = (server.folder().display().to_string(), server.port().to_string());
    let prompt = "alice%R%x%# ";
    let (first, second) = (format!("PROMPT1={prompt}"), format!("PROMPT2={prompt}"));
    let arguments = [
        "-X",
        "-n",
        "-U",
        SUPERUSER,
        "-d",
        "postgres",
        "-h",
        &folder,
        "-p",
        &port,
        "-P",
        "pager=off",
        "-v",
        &first,
        "-v",
        &second,
    ];
    let mut psql = Terminal::run(Path::new(&psql_binary()), TALL, &arguments, &[]);
    psql.wait_for("alice=#");
    psql
}

fn console() -> Terminal {
    let mut console = Terminal::open(TALL, &[]);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.wait_for("alice=#");
    console.type_keys("\x1bz");
    console.wait_until_gone("bob=#");
    console
}

/// psql shows keys that come before its prompt in their own place, so each prompt is waited for.
fn converse(terminal: &mut Terminal, lines: &[&str]) {
    for (nth, line) in lines.iter().enumerate() {
        terminal.type_keys(&format!("{line}\r"));
        let is_prompt = |line: &str| plain(line).starts_with("alice");
        let prompts = |screen: &str| screen.lines().filter(|line| is_prompt(line)).count();
        terminal.wait_until(line, |screen| prompts(screen) > nth + 1);
    }
    terminal.type_keys(&format!("\\echo {END}\r"));
    terminal.wait_until(END, |screen| screen.lines().any(|line| plain(line) == END));
}

/// A line without the pane's border and the time at its end.
fn plain(line: &str) -> String {
    let line = line.trim_matches(['│', ' ']).trim_end();
    let words: Vec<&str> = line.rsplitn(3, ' ').collect();
    let is_time = matches!(words[..], ["ms" | "s", number, _] if number.parse::<f64>().is_ok());
    let is_alone = matches!(words[..], ["ms" | "s", number] if number.parse::<f64>().is_ok());
    match &words[..] {
        [_, _, before] if is_time => before.trim_end().to_owned(),
        _ if is_alone => String::new(),
        _ => line.to_owned(),
    }
}

/// What was said, from the first prompt to the end, without blank lines.
fn said(terminal: &Terminal) -> Vec<String> {
    let screen = terminal.screen();
    let lines = screen.lines().map(plain).filter(|line| !line.is_empty());
    let lines = lines.skip_while(|line| !line.starts_with("alice"));
    let until_end = lines.take_while(|line| line != END);
    // The SQLSTATE is ours, and so is what stands under an error.
    let is_psqls = |line: &String| !line.starts_with('╰');
    until_end.filter(is_psqls).collect()
}

#[test]
fn the_same_keys_leave_the_same_lines() {
    for lines in CONVERSATIONS {
        let (mut psql, mut console) = (psql(), console());
        converse(&mut psql, lines);
        converse(&mut console, lines);
        assert_eq!(said(&console).join("\n"), said(&psql).join("\n"), "{lines:?}");
        console.type_keys(key::CONTROL_Q);
        console.wait_for_end();
    }
}

#[test]
fn files_are_read_and_files_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("outer.sql", "select 'outer ' || 1 as a;\n\\ir inner.sql\nselect 'outer ' || 3 as a;\n");
    write("inner.sql", "\\set two 2\nselect 'inner ' || :two as a;\n\\q\nselect 'never';\n");
    write("itself.sql", "\\ir itself.sql\n");
    let mut console = console();
    let path = |name: &str| folder.path().join(name).display().to_string();
    console.type_keys(&format!("\\i {}\r", path("outer.sql")));
    console.wait_for("outer 3");
    let screen = console.screen();
    let places = ["outer 1", "inner 2", "outer 3"].map(|text| screen.find(text).unwrap());
    assert!(places.is_sorted(), "{screen}");
    assert!(!screen.contains("never"), "{screen}");
    console.type_keys(&format!("\\i {}\r", path("itself.sql")));
    console.wait_for("files deep");
    console.type_keys("select 6 * 7 as answer;\r");
    console.wait_for("42");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn a_watched_query_is_repeated_until_somebody_stops_it() {
    let mut console = console();
    console.type_keys("create sequence ticks;\rselect 'tick ' || nextval('ticks') \\watch 0.1\r");
    console.wait_for("tick 3");
    console.wait_for("repeating");
    console.type_keys("select 1;\r");
    console.wait_for("is repeating its query");
    console.type_keys(key::CONTROL_C);
    console.wait_until_gone("repeating");
    console.type_keys(key::CONTROL_C);
    console.type_keys("select 'at least 3: ' || (last_value >= 3)::text from ticks;\r");
    console.wait_for("at least 3: true");
    console.wait_until("a prompt", |screen| screen.lines().any(|line| plain(line) == "alice=#"));
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}
