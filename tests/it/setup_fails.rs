//! A setup or a teardown that fails is told with all that the server has said, and with its place
//! in the file.

use crate::headless::{complaint, overbooked, told, written};
use crate::terminal::{SMALL, Terminal, WIDE, key};

const TWICE: &str = "-- Twice\n--\n-- sessions: A\n\n-- setup\n\
    create table t (id int primary key);\n\n\
                     insert into t\n  values (1), (1);\n\n-- A: looks\nselect 1;\n";
const NO_TABLE: &str = "-- No table\n--\n-- sessions: A\n\n-- setup\nselect 1; select *\n  from \
    nowhere;\n\n\
                        -- A: looks\nselect 1;\n";
const NO_TABLE_IN_A_SPECIFICATION: &str = "setup\n{\n  create table t (a int);\n  \
    select * from nowhere; }\nsession a\nstep s { select 1; }\n";

#[test]
fn without_a_screen() {
    for command in ["play", "compare"] {
        let (_folder, file) = written("twice.sql", TWICE);
        let said = complaint(&overbooked(&[command, &file]));
        for part in [
            "twice.sql:8:1\n",
            "ERROR:  23505: duplicate key value violates unique constraint \"t_pkey\"\n",
            "DETAIL:  Key (id)=(1) already exists.",
            "STATEMENT:  insert into t\n  values (1), (1);",
        ] {
            assert!(said.contains(part), "{command}: {said}");
        }
    }
}

#[test]
fn the_place_is_the_one_that_the_server_points_at() {
    for (name, text, place, line) in [
        (
            "no-table.sql",
            NO_TABLE,
            "no-table.sql:7:8\n",
            "LINE 2:   from nowhere;\n               ^",
        ),
        (
            "no-table.spec",
            NO_TABLE_IN_A_SPECIFICATION,
            "no-table.spec:4:17\n",
            "LINE 3:   select * from nowhere;\n                        ^",
        ),
    ] {
        let (_folder, file) = written(name, text);
        let output = overbooked(&["play", &file]);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(place) && said.contains("42P01"), "{said}");
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn in_the_console() {
    let (_folder, file) = written("twice.sql", TWICE);
    for size in [WIDE, SMALL] {
        let mut screen = Terminal::open(size, &[&file]);
        screen.wait_for("F8 tries again.");
        let told = screen.screen();
        for part in [
            "twice.sql:8:1",
            "ERROR:  23505: duplicate key",
            "DETAIL:  Key (id)=(1)",
            "STATEMENT:  insert into t",
            "  values (1), (1);",
        ] {
            assert!(told.contains(part), "{told}");
        }
        screen.type_keys("\x11");
        assert_eq!(screen.wait_for_end(), 0);
    }
}

#[test]
fn of_a_long_statement_the_beginning_is_told_and_the_key_stays_in_sight() {
    let values: Vec<String> = (1..40).map(|n| format!("  ({n})")).collect();
    let text = format!(
        "-- Long\n--\n-- sessions: A\n\n-- setup\ncreate table t (id int check (id < 39));\n\
         insert into t values\n{};\n\n-- A: looks\nselect 1;\n",
        values.join(",\n")
    );
    let (_folder, file) = written("long.sql", &text);
    let said = complaint(&overbooked(&["play", &file]));
    assert!(said.contains("STATEMENT:  insert into t values\n  (1),\n"), "{said}");
    assert!(said.contains("\n... 28 more lines"), "{said}");
    let mut screen = Terminal::open(SMALL, &[&file]);
    screen.wait_for("F8 tries again.");
    screen.type_keys("\x11");
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_setup_file_is_named_with_its_own_line() {
    let (folder, file) = written(
        "a.sql",
        "-- A\n-- sessions: A\n-- setup-file: schema.sql\n\n-- A: looks\nselect 1;\n",
    );
    let schema =
        "-- the schema\n\ncreate table t (id int);\ninsert into t\n  select * from nowhere;\n";
    std::fs::write(folder.path().join("schema.sql"), schema).unwrap();
    let output = overbooked(&["play", &file]);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("schema.sql:5:17\n") && said.contains("42P01"), "{said}");
}

const BAD_TEARDOWN: &str = "-- Bad\n-- sessions: A\n\n-- A: looks\nselect 1;\n--> 1\n\n\
    -- teardown\nselect 2;\ndrop table\n  nowhere;\n";

#[test]
fn a_teardown_that_fails_is_told_at_the_end() {
    let (_folder, file) = written("bad.sql", BAD_TEARDOWN);
    let output = overbooked(&["play", &file]);
    assert_eq!(output.status.code(), Some(1));
    let said = told(&output);
    assert!(said.contains("bad: NOT as expected\n  the scenario's teardown failed at "), "{said}");
    assert!(
        said.contains("bad.sql:10:1\n  ERROR:  42P01: table \"nowhere\" does not exist\n"),
        "{said}"
    );
    let markdown = told(&overbooked(&["play", "--format", "markdown", &file]));
    assert!(markdown.contains("bad.sql:10:1\n\n  ```text\n  ERROR:  42P01"), "{markdown}");
    let json = overbooked(&["play", "--format", "json", &file]);
    assert!(complaint(&json).contains("bad.sql:10:1\n  ERROR:  42P01"), "{}", complaint(&json));
}

#[test]
fn a_teardown_of_a_session_that_fails_is_told_at_the_end() {
    let (_folder, file) = written(
        "bad.spec",
        "session a\nstep s { select 1; }\nteardown { select 1 / 0; }\n\
         session b step t { select 2; }\n",
    );
    let said = told(&overbooked(&["play", &file]));
    assert!(said.contains("the teardown of session a failed at "), "{said}");
    assert!(said.contains("bad.spec:3:12\n  ERROR:  22012: division by zero\n"), "{said}");
}

#[test]
fn a_teardown_that_fails_is_told_in_the_console() {
    let (_folder, file) = written("bad.sql", BAD_TEARDOWN);
    let mut screen = Terminal::open(WIDE, &[&file]);
    screen.wait_for("Sessions:");
    screen.type_keys(key::ENTER);
    screen.wait_for("a=#");
    screen.type_keys(key::F8);
    screen.wait_for("bad.sql:10:1: ERROR:  42P01: table \"nowhere\" does not exist");
    screen.type_keys(key::CONTROL_Q);
    assert_eq!(screen.wait_for_end(), 0);
    let mut screen = Terminal::open(WIDE, &[&file]);
    screen.wait_for("a=#");
    screen.type_keys(key::CONTROL_Q);
    screen.wait_for("overbooked: the scenario's teardown failed at ");
    assert_eq!(screen.wait_for_end(), 0);
}
