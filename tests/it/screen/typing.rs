//! Frames of what hangs on the cursor: the words that fit, and what is being selected.

use overbooked::core::catalog::{Catalog, Relation};

use super::*;

const ALL_SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

fn catalog() -> Report {
    let relation = |name: &str, columns: &[&str]| Relation {
        schema: "run".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
    };
    let relations = vec![
        relation("seats", &["seat_row", "seat_number", "booked_by"]),
        relation("seat_types", &["id"]),
        relation("Seat Maps", &["id"]),
    ];
    let run = Some("run".to_owned());
    Report::Catalog(Some(Arc::new(Catalog { relations, run, ..Catalog::default() })))
}

#[test]
fn the_words_that_fit_hang_on_the_word_that_is_typed() {
    for (width, height) in ALL_SIZES {
        let mut stage = Stage::opened(Charset::Unicode, (width, height));
        stage.report(catalog());
        stage.types("select * from se");
        stage.presses(KeyCode::Tab, KeyModifiers::NONE);
        stage.presses(KeyCode::Down, KeyModifiers::NONE);
        insta::assert_snapshot!(format!("menu-{width}x{height}"), stage.frame());
    }
}

#[test]
fn a_long_menu_goes_on_above_and_below_and_the_chosen_word_is_in_sight() {
    let mut stage = Stage::opened(Charset::Ascii, (80, 24));
    stage.report(catalog());
    stage.types("s");
    stage.presses(KeyCode::Backspace, KeyModifiers::NONE);
    stage.types("select 1 ");
    stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    for _ in 0..3 {
        stage.presses(KeyCode::PageDown, KeyModifiers::NONE);
    }
    insta::assert_snapshot!("menu-long", stage.frame());
}

/// The text that is marked, by itself and without blanks.
fn marked(stage: &Stage) -> String {
    let terminal = stage.draw();
    let cells = terminal.backend().buffer().content.iter();
    let is_marked =
        |cell: &&ratatui::buffer::Cell| cell.modifier.contains(ratatui::style::Modifier::REVERSED);
    cells.filter(is_marked).map(ratatui::buffer::Cell::symbol).collect::<String>().replace(' ', "")
}

#[test]
fn what_is_selected_is_marked_and_a_squeezed_table_is_seen_whole() {
    for (width, height) in ALL_SIZES {
        let mut stage = Stage::opened(Charset::Unicode, (width, height));
        stage.selects("Alice", "table seats;", &[["A", "4", "Zoë 張偉"], ["A", "5", "Bob"]]);
        stage.presses(KeyCode::Char('y'), KeyModifiers::ALT);
        for key in [KeyCode::Up, KeyCode::Right, KeyCode::Char('v'), KeyCode::Up] {
            stage.presses(key, KeyModifiers::NONE);
        }
        insta::assert_snapshot!(format!("select-{width}x{height}"), stage.frame());
        if width >= 120 {
            assert_eq!(marked(&stage), "A|4|Zoë張偉A", "{width}x{height}");
        }
    }
}
