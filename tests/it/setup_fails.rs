//! A setup that fails is told with all that the server has said, and with its place in the file.

use crate::headless::{complaint, overbooked, written};
use crate::terminal::{Terminal, WIDE};

const TWICE: &str = "-- Twice\n--\n-- sessions: A\n\n-- setup\ncreate table t (id int primary key);\n\n\
                     insert into t\n  values (1), (1);\n\n-- A: looks\nselect 1;\n";
const NO_TABLE: &str = "-- No table\n--\n-- sessions: A\n\n-- setup\nselect 1; select *\n  from nowhere;\n\n\
                        -- A: looks\nselect 1;\n";
const NO_TABLE_IN_A_SPECIFICATION: &str = "setup\n{\n  create table t (a int);\n  select * from nowhere; }\nsession a\nstep s { select 1; }\n";

#[test]
fn without_a_screen() {
    for command in ["play", "compare"] {
        let (_folder, file) = written("twice.sql", TWICE);
        let said = complaint(&overbooked(&[command, &file]));
        for part in [
            "twice.sql:8:1\n",
            "ERROR:  23505: duplicate key value violates unique constraint \"t_pkey\"\n",
            "DETAIL:  Key (id)=(1) already exists.",
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
    let mut screen = Terminal::open(WIDE, &[&file]);
    screen.wait_for("starts again");
    let told = screen.screen();
    for part in ["twice.sql:8:1", "ERROR:  23505: duplicate key", "DETAIL:  Key (id)=(1)"] {
        assert!(told.contains(part), "{told}");
    }
    screen.type_keys("\x11");
    assert_eq!(screen.wait_for_end(), 0);
}
