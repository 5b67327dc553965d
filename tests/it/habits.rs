//! What a good terminal program does without being asked, and what somebody does who does not know
//! it yet.

use crate::terminal::{MIDDLE, SMALL, Size, Terminal, WIDE, key};

fn on_stage(size: Size, variables: &[(&str, &str)]) -> Terminal {
    let mut console = story_read(size, variables);
    for name in ["Alice", "Bob", "Mallory"] {
        let stands = ["─", "-"].map(|rule| format!("{name} {rule} idle"));
        console.wait_until("everybody connected", |screen| {
            stands.iter().any(|stands| screen.contains(stands.as_str()))
        });
    }
    console
}

/// A console whose sessions may still be connecting.
fn story_read(size: Size, variables: &[(&str, &str)]) -> Terminal {
    let mut console = Terminal::open_with(size, &[], variables);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console
}

fn play(console: &mut Terminal, steps: std::ops::RangeInclusive<usize>) {
    for step in steps {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 11"));
    }
}

fn leave(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}

#[test]
fn without_utf_8_everything_is_ascii() {
    let mut console = on_stage(MIDDLE, &[("LANG", "C"), ("LC_ALL", "C")]);
    play(&mut console, 2..=8);
    console.wait_for("waits for Bob");
    console.type_keys(key::F5);
    console.wait_for("step 9 of 11");
    console.type_keys("select U&'Zo\\00EB \\5F35';\r");
    console.wait_for("Zo? ?");
    console.type_keys("\x1b4");
    console.wait_for("who waits for whom");
    console.type_keys("\x1bOP");
    leave(&mut console);
    let strange = console.raw.iter().find(|byte| !byte.is_ascii());
    assert_eq!(strange, None, "{}", console.screen());
}

/// Every colour that a `Select Graphic Rendition` sequence sets.
fn colours(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    let is_colour =
        |code: &str| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107));
    sequences.filter(|codes| codes.split([';', ':']).any(is_colour)).collect()
}

#[test]
fn no_color_is_obeyed_and_otherwise_there_is_some() {
    let mut console = on_stage(SMALL, &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
    play(&mut console, 2..=3);
    leave(&mut console);
    assert_eq!(colours(&console.raw), [""; 0]);
    let mut console = on_stage(SMALL, &[("NO_COLOR", "")]);
    leave(&mut console);
    assert_ne!(colours(&console.raw), [""; 0]);
}

#[test]
fn frames_are_synchronized_and_an_idle_console_draws_none() {
    let mut console = on_stage(MIDDLE, &[]);
    console.type_keys("select 1");
    console.wait_for("select 1");
    let begun = console.count(b"\x1b[?2026h");
    assert!(begun > 0);
    // What a program that was killed has left there goes before the first frame.
    let wiped = console.count(b"\x1b[2J");
    assert!(wiped <= 1);
    console.type_keys(";");
    console.wait_for("select 1;");
    assert!(console.count(b"\x1b[?2026h") <= begun + 2, "a key is worth a frame, not many");
    leave(&mut console);
    assert_eq!(console.count(b"\x1b[2J"), wiped, "the screen is never wiped while it is shown");
}

#[test]
fn nonsense_is_answered_as_psql_answers_it() {
    let mut console = on_stage(MIDDLE, &[]);
    console.type_keys("asdf jkl;\r");
    console.wait_for("42601");
    console.type_keys("'(((\r\r\r");
    console.type_keys(key::CONTROL_C);
    console.type_keys("\\nonsense\r");
    console.type_keys("\x1b[99~\x1b[1;9Z\x1bOZ");
    console.type_keys(";;;\r");
    console.type_keys("select 6 * 7;\r");
    console.wait_for("42");
    leave(&mut console);
}

#[test]
fn statements_typed_ahead_run_one_after_the_other() {
    let mut console = story_read(WIDE, &[]);
    let inserts: Vec<_> = (1..=40).map(|n| format!("insert into typed values ({n});\r")).collect();
    console.type_keys("create table typed (number int, place serial);\r");
    console.type_keys(&inserts.concat());
    console.type_keys(
        "select 'in order: ' || (array_agg(number order by place) = \
         array(select generate_series(1, 40)))::text from typed;\r",
    );
    console.wait_for("in order: true");
    let frames = console.count(b"\x1b[?2026h");
    let keys = inserts.concat().len();
    assert!(frames < keys / 8, "{frames} frames for {keys} keys: one does not cost a frame");
    leave(&mut console);
}

#[test]
fn a_paste_of_several_lines_waits_for_enter_and_runs_one_by_one() {
    let mut console = on_stage(WIDE, &[]);
    console.paste("select 'one ' || 1;\nselect 'two ' || 2\n  as second;\n");
    console.wait_for("as second;");
    assert!(!console.screen().contains("one 1"), "{}", console.screen());
    console.type_keys(key::ENTER);
    console.wait_for("one 1");
    console.wait_for("two 2");
    leave(&mut console);
}

#[test]
fn an_open_transaction_is_asked_about_and_control_d_closes_a_session() {
    let mut console = on_stage(MIDDLE, &[]);
    console.type_keys("begin;\r");
    console.wait_for("alice=*#");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Alice has an open transaction");
    console.type_keys("n");
    console.wait_until_gone("Leave?");
    console.type_keys("rollback;\r");
    console.wait_for("ROLLBACK");
    console.type_keys(key::CONTROL_D);
    console.wait_for("1 Alice ─ closed");
    console.type_keys(key::F8);
    console.wait_until_gone("closed");
    console.wait_for("alice=#");
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0, "nothing is open, nothing is asked");
}

#[test]
fn going_back_in_the_middle_of_a_wait_replays_to_the_step_before() {
    let mut console = on_stage(WIDE, &[]);
    play(&mut console, 2..=8);
    console.wait_for("waits for Bob");
    for step in [7, 6] {
        console.type_keys(key::F6);
        console.wait_for(&format!("step {step} of 11"));
        console.wait_until_gone("waits for Bob");
    }
    play(&mut console, 7..=8);
    console.wait_for("waits for Bob");
    console.type_keys(key::F8);
    console.wait_for("step 1 of 11");
    console.wait_until_gone("─ in transaction");
    play(&mut console, 2..=2);
    leave(&mut console);
}

#[test]
fn sixty_sessions_are_the_most() {
    let mut console = on_stage(WIDE, &[]);
    for _ in 4..=61 {
        console.type_keys(key::F9);
    }
    console.wait_for("there is room for 60 sessions at most");
    console.wait_for("60 Session60");
    console.wait_for("session60=#");
    console.type_keys("select 6 * 7;\r");
    console.wait_for("42");
    console.type_keys(key::TAB);
    console.wait_for("alice=#");
    leave(&mut console);
}

#[test]
fn another_scenario_is_picked_by_typing_a_part_of_its_name() {
    let mut console = on_stage(MIDDLE, &[]);
    console.type_keys(key::F3);
    console.wait_for("pick a scenario");
    console.type_keys("zzzz");
    console.type_keys(key::ENTER);
    console.type_keys(key::ESCAPE);
    console.wait_for("alice=#");
    console.type_keys(key::F3);
    console.wait_for("pick a scenario");
    console.type_keys("letter");
    console.type_keys(key::ENTER);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_for("Bookings by letter, one clerk per compartment");
    console.wait_for("step 1 of");
    leave(&mut console);
}
