use proptest::prelude::*;

use super::*;

const ROOM: Room = Room { cells: 10, rows: 3 };

fn scrollback(texts: &[&str]) -> Scrollback {
    let mut scrollback = Scrollback::default();
    for text in texts {
        scrollback.push(Line::new(Look::Note, text));
    }
    scrollback
}

fn shown(scrollback: &Scrollback, room: Room) -> Vec<&str> {
    let rows = scrollback.visible(room);
    rows.into_iter().map(|row| &row.line.text[row.range]).collect()
}

#[test]
fn the_newest_lines_are_shown() {
    let lines = scrollback(&["one", "two", "three", "a line that wraps"]);
    assert_eq!(shown(&lines, ROOM), ["three", "a line", "that wraps"]);
}

#[test]
fn a_place_that_was_scrolled_to_stays_while_lines_come_in() {
    let mut lines = scrollback(&["1", "2", "3", "4", "5"]);
    lines.scroll_up(1, ROOM);
    assert_eq!(shown(&lines, ROOM), ["2", "3", "4"]);
    lines.push(Line::new(Look::Note, "6"));
    assert_eq!(shown(&lines, ROOM), ["2", "3", "4"]);
    assert_eq!(lines.lines_below(ROOM), 2);
    lines.scroll_down(2, ROOM);
    lines.push(Line::new(Look::Note, "7"));
    assert_eq!(shown(&lines, ROOM), ["5", "6", "7"]);
}

#[test]
fn only_so_many_lines_are_kept() {
    let mut lines = Scrollback::default();
    (0..LINES_KEPT + 5).for_each(|n| lines.push(Line::new(Look::Note, &n.to_string())));
    assert_eq!(lines.lines().count(), LINES_KEPT);
    lines.show_first(ROOM);
    assert_eq!(shown(&lines, ROOM), ["5", "6", "7"]);
}

#[test]
fn text_is_found_above_and_below() {
    let lines = scrollback(&["Apple", "pear", "apple pie", "plum"]);
    assert_eq!(lines.find("APPLE", lines.end(), Direction::Up), Some(2));
    assert_eq!(lines.find("apple", 2, Direction::Up), Some(0));
    assert_eq!(lines.find("apple", 0, Direction::Down), Some(2));
    assert_eq!(lines.find("cherry", lines.end(), Direction::Up), None);
}

#[test]
fn a_line_of_a_mebibyte_is_cut() {
    let line = Line::new(Look::Note, &"x".repeat(1 << 20));
    assert_eq!(line.text.len(), LINE_KEPT);
}

proptest! {
    #[test]
    fn scrolling_up_and_down_again_comes_back(
        texts in proptest::collection::vec("[a-z ]{0,30}", 0..30),
        up in 0..40_usize, cells in 0..20_usize, rows in 0..10_usize,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let room = Room { cells, rows };
        let mut lines = scrollback(&texts);
        let before: Vec<String> = shown(&lines, room).into_iter().map(str::to_owned).collect();
        lines.scroll_up(up, room);
        prop_assert!(shown(&lines, room).len() == before.len());
        lines.scroll_down(up, room);
        prop_assert_eq!(shown(&lines, room), before);
    }
}
