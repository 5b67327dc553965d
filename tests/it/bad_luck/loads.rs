//! Too much, too fast, too strange.

use super::{leave, on_stage, send};
use crate::terminal::{MIDDLE, SMALL, Size, Terminal, WIDE, key};

/// The console's memory and its most so far, in KiB; 0 where the system does not tell.
fn peak_memory(console: &Terminal) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", console.pid()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A hundred and fifty megabytes; the test's result is far larger.
const BOUND: u64 = 150 * 1024;

#[test]
fn a_million_rows_are_shown_from_the_first_and_counted_to_the_last() {
    let mut console = on_stage(MIDDLE, &[], &[]);
    send(&mut console, "select g, repeat('x', 1000) from generate_series(1, 1000000) g;");
    console.wait_for("(1000000 rows");
    assert!(peak_memory(&console) < BOUND, "{} KiB", peak_memory(&console));
    send(&mut console, "select 6 * 7;");
    console.wait_for("42");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_result_that_does_not_end_can_be_cancelled() {
    let mut console = on_stage(MIDDLE, &[], &[]);
    send(&mut console, "select generate_series(1, 1000000000) as g, repeat('y', 10000);");
    console.wait_for("yyyyy");
    console.type_keys(key::CONTROL_C);
    console.wait_for("57014");
    assert!(peak_memory(&console) < BOUND, "{} KiB", peak_memory(&console));
    console.wait_for("alice=#");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_statement_of_a_mebibyte_is_pasted_and_runs() {
    let mut console = on_stage(MIDDLE, &[], &[]);
    let words = "x".repeat(1 << 20);
    console.paste(&format!("select length('{words}') as counted;"));
    console.wait_for("counted;");
    console.type_keys(key::ENTER);
    console.wait_for("1048576");
    assert!(peak_memory(&console) < BOUND, "{} KiB", peak_memory(&console));
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn control_characters_in_data_never_reach_the_terminal() {
    let mut console = on_stage(WIDE, &[], &[]);
    for sql in [
        "select U&'\\001B]0;owned\\0007\\001B[2J\\001B[?1049l\\0008\\0085' as \"a\u{1b}[5mb\";",
        "do $$ begin raise exception E'\\x1b]0;owned\\x07 \\x1b[5m %', chr(155); end $$;",
        "select U&'\\202Etiam\\202C \\05D0\\05DC\\05D9\\05E1';",
        "notify chan, E'\\x1b[5m\\x1b]0;owned\\x07'; listen chan; notify chan, E'\\x1b[5m';",
        "set application_name = 'plain';",
    ] {
        send(&mut console, sql);
    }
    send(&mut console, "update seats set booked_by = E'\\x1b[5mEve' where seat_number = 2;");
    console.wait_for("UPDATE 1");
    send(&mut console, "select 'the ' || 'end';");
    console.wait_for("the end");
    console.wait_for("\\x1B[5mEve");
    for sequence in [&b"\x1b]0;"[..], b"owned\x07", b"\x1b[5m", b"\xc2\x85", b"\xc2\x9b"] {
        assert_eq!(console.count(sequence), 0, "{}", sequence.escape_ascii());
    }
    assert_eq!(console.count("\u{202e}".as_bytes()), 0, "the line was turned round");
    let shown = console.screen();
    assert!(shown.contains("\\x1B[5mEve") && shown.contains("\\u202E"), "{shown}");
    assert!(shown.contains('\u{5d0}'), "right-to-left letters stay letters: {shown}");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_storm_of_resizes_loses_nothing() {
    let mut console = on_stage(MIDDLE, &[], &[]);
    let sql = "select 'nothing of this long line may be lost while the window is dragged about' as \
        x, 'storm' as y;";
    let letters: Vec<char> = sql.chars().collect();
    for turn in 0..200_u16 {
        let wild = Size { rows: 5 + turn * 7 % 60, columns: 10 + turn * 13 % 200 };
        console.resize(wild);
        if let Some(letter) = letters.get(usize::from(turn)) {
            console.type_keys(&letter.to_string());
        }
    }
    console.resize(WIDE);
    console.wait_for("dragged about' as x, 'storm' as y;");
    console.type_keys(key::ENTER);
    console.wait_for(" nothing of this long line may be lost while the window is dra");
    console.wait_for("(1 row)");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_everything_comes_back() {
    let mut console = on_stage(SMALL, &[], &[]);
    console.type_keys("select 1");
    console.wait_for("select 1");
    console.resize(Size { rows: 10, columns: 40 });
    console.wait_for("columns and 10");
    for size in [(1, 1), (2, 80), (50, 3)] {
        console.resize(Size { rows: size.0, columns: size.1 });
    }
    console.resize(SMALL);
    console.wait_for("select 1");
    console.wait_for("S C R E E N");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_terminal_that_begins_too_small_opens_all_the_same() {
    let mut console = Terminal::open(Size { rows: 6, columns: 30 }, &[]);
    console.wait_for("Overbooked needs");
    console.resize(SMALL);
    console.wait_for("Sessions:");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}
