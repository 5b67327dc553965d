use proptest::prelude::*;

use super::*;

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

#[test]
fn a_statement_is_complete_at_its_semicolon() {
    assert!(!Editor::holding("select 1").is_complete());
    assert!(Editor::holding("select\n1;").is_complete());
    assert!(!Editor::holding("select ';").is_complete());
}

#[test]
fn up_and_down_walk_through_what_was_sent_and_come_back_to_the_draft() {
    let mut editor = Editor::default();
    for text in ["select 1;", "select 2;"] {
        editor.put(text);
        editor.take();
    }
    editor.put("dra");
    editor.walk_back();
    assert_eq!(editor.text(), "select 2;");
    editor.walk_back();
    editor.walk_back();
    assert_eq!(editor.text(), "select 1;");
    editor.walk_forward();
    editor.walk_forward();
    assert_eq!(editor.text(), "dra");
}

#[test]
fn a_paste_keeps_its_lines_and_waits() {
    let mut editor = Editor::default();
    editor.paste("select 1\r\nfrom seats;\rselect 2;");
    assert_eq!(editor.lines(), ["select 1", "from seats;", "select 2;"]);
}

#[test]
fn the_cursor_is_in_sight_at_the_end_of_a_long_line() {
    let editor = Editor::holding(&"word ".repeat(40));
    let layout = editor.layout(8, 30, 3);
    assert_eq!(layout.rows.len(), 3);
    assert!(layout.cursor.0 < 3 && layout.cursor.1 < 30);
}

#[test]
fn colours_are_told_line_by_line() {
    let editor = Editor::holding("select 1,\n'two'");
    assert_eq!(editor.spans(0).next().unwrap().range, 0..6);
    assert_eq!(editor.spans(1).next().unwrap().range, 0..5);
}

#[test]
fn a_mebibyte_is_pasted_and_typed_into() {
    let mut editor = Editor::default();
    editor.paste(&"x".repeat(1 << 20));
    editor.type_key(key("y"));
    assert_eq!(editor.text().len(), (1 << 20) + 1);
    assert!(editor.layout(8, 40, 10).rows.len() <= 10);
}

proptest! {
    #[test]
    fn a_layout_never_leaves_its_room(
        text in "\\PC{0,40}(\n\\PC{0,40}){0,4}", prompt in 0..12_usize, cells in 0..30_usize,
        most in 0..8_usize, left in 0..20_usize,
    ) {
        let mut editor = Editor::holding(&text);
        (0..left).for_each(|_| editor.type_key(key("Left")));
        let layout = editor.layout(prompt, cells, most);
        prop_assert!(layout.rows.len() <= most.max(1));
        prop_assert!(layout.cursor.0 < layout.rows.len());
        prop_assert!(layout.cursor.1 <= cells.max(1));
    }
}
