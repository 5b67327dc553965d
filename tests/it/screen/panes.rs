//! Frames in which one thing matters more than the others: the answer to the last step, who was let
//! through, the sessions that get the width, the script's next statement.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use overbooked::run::Command;
use overbooked::stage::Effect;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Modifier;

use super::*;

impl Stage {
    /// Bob commits, and Mallory, who waited for him, finds no row any more.
    fn bob_commits(&mut self) {
        self.sends("Bob", "commit;", Some(7));
        self.happens(Some("Bob"), Kind::Done { tag: "COMMIT".to_owned(), rows: 0 });
        self.answers("Bob", TransactionStatus::Idle, 800);
        self.happens(Some("Mallory"), Kind::Resumed { waited: Duration::from_millis(3200) });
        self.happens(Some("Mallory"), Kind::Done { tag: "UPDATE 0".to_owned(), rows: 0 });
        self.answers("Mallory", TransactionStatus::Idle, 3_201_000);
        self.happens(None, Kind::WatchedTables(Arc::new(watched_tables(&[("A-5", "Alice")], &[]))));
        self.happens(None, Kind::Quiet);
        self.report(Report::Next(8));
    }

    fn clicks(&mut self, text: &str) -> Vec<(Half, Effect)> {
        let at = place_of(self.draw().backend().buffer(), text).unwrap();
        let kind = MouseEventKind::Down(MouseButton::Left);
        let (column, row, modifiers) = (at.x, at.y, KeyModifiers::NONE);
        self.app.input(Key::Mouse(MouseEvent { kind, column, row, modifiers }), self.now)
    }

    fn says(&self, words: &str) {
        let frame = self.frame();
        assert!(frame.contains(words), "{words} is not in\n{frame}");
    }
}

/// Where a text begins on the screen.
fn place_of(buffer: &Buffer, text: &str) -> Option<Position> {
    let is_at = |x: u16, y: u16| {
        let cells = (x..buffer.area.width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().starts_with(text)
    };
    let area = buffer.area;
    let cells = (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y)));
    cells.into_iter().find(|(x, y)| is_at(*x, *y)).map(Position::from)
}

fn is_bold(buffer: &Buffer, text: &str) -> bool {
    let at = place_of(buffer, text).unwrap_or_else(|| panic!("{text} is not there"));
    buffer[at].modifier.contains(Modifier::BOLD)
}

#[test]
fn the_answer_to_the_last_step_is_the_brightest() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.picture();
    let frame = stage.draw();
    let buffer = frame.backend().buffer();
    assert!(is_bold(buffer, "waits for Bob"));
    assert!(!is_bold(buffer, "(1 row)"), "it was answered before");
    assert!(!is_bold(buffer, "BEGIN"));
    stage.bob_commits();
    let frame = stage.draw();
    let buffer = frame.backend().buffer();
    for text in ["COMMIT", "UPDATE 0", "The row was changed"] {
        assert!(is_bold(buffer, text), "{text}");
    }
    assert!(!is_bold(buffer, "0.8 ms"), "timings recede");
    stage.does("Alice", "rollback;", "ROLLBACK", TransactionStatus::Idle);
    let frame = stage.draw();
    let buffer = frame.backend().buffer();
    assert!(is_bold(buffer, "ROLLBACK"));
    assert!(!is_bold(buffer, "UPDATE 0") && !is_bold(buffer, "COMMIT"), "that was before");
}

#[test]
fn who_was_let_through_stands_out_for_a_moment_at_every_size() {
    for size in EVERY_SIZE {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        stage.bob_commits();
        insta::assert_snapshot!(format!("released-{}x{}", size.0, size.1), stage.frame());
        let wakes = stage.app.wakes_at(stage.now).unwrap();
        stage.now = wakes.max(stage.now + Duration::from_secs(4));
        assert!(!stage.frame().contains("◀── Bob"), "{}", stage.frame());
        assert_eq!(stage.app.wakes_at(stage.now), None, "nothing moves any more");
    }
}

#[test]
fn who_gave_up_the_wait_was_not_let_through() {
    for (code, is_let_through) in
        [("40P01", false), ("57014", false), ("55P03", false), ("40001", true), ("23505", true)]
    {
        let mut stage = Stage::opened(Charset::Unicode, (120, 40));
        stage.picture();
        stage.happens(Some("Mallory"), Kind::Resumed { waited: Duration::from_millis(3200) });
        let code_of = ServerMessage {
            severity: "ERROR".to_owned(),
            code: code.to_owned(),
            message: "it failed".to_owned(),
            ..ServerMessage::default()
        };
        stage.happens(Some("Mallory"), Kind::Failed(code_of));
        stage.answers("Mallory", TransactionStatus::Idle, 3_201_000);
        assert_eq!(stage.frame().contains("◀── Bob"), is_let_through, "{code}");
    }
}

#[test]
fn sessions_that_matter_get_the_width_at_every_size() {
    let names = ["Alice", "Bob", "Mallory", "Carol", "Trent"];
    for size in EVERY_SIZE {
        let mut stage = Stage::new(Charset::Unicode, size);
        stage.open(&names);
        stage.picture();
        insta::assert_snapshot!(format!("five-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn twelve_sessions_stand_in_two_rows_on_a_large_screen() {
    let names: Vec<String> = (1..=12).map(|n| format!("Session{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for size in [(200, 50), (300, 80)] {
        let mut stage = Stage::new(Charset::Unicode, size);
        stage.open(&names);
        for name in &names {
            stage.does(name, "begin;", "BEGIN", TransactionStatus::InTransaction);
        }
        let frame = stage.frame();
        assert!(names.iter().all(|name| frame.contains(&format!("{name} ─ in tr"))), "{frame}");
        assert_eq!(frame.matches("BEGIN").count(), 12, "everybody's answer is in sight");
        if size.0 == 200 {
            insta::assert_snapshot!("twelve-200x50", frame);
        }
    }
}

#[test]
fn a_folded_session_says_how_it_stands_and_unfolds_where_it_is_clicked() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.picture();
    let folded = |stage: &Stage, name: &str| !stage.frame().contains(&format!("╭ {name}"));
    stage.says(" 2 Bob ─ in transaction · (1 row)");
    assert!(folded(&stage, "2 Bob"));
    stage.clicks("2 Bob");
    assert!(!folded(&stage, "2 Bob"), "{}", stage.frame());
}

#[test]
fn the_next_statement_is_seen_with_its_whole_where_at_every_size() {
    for size in EVERY_SIZE {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        stage.report(Report::Next(6));
        if size.1 >= 24 {
            stage.says("where (seat_row, seat_number) = ('A', 4) and booked_by is null;");
        }
        insta::assert_snapshot!(format!("script-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn keys_and_seats_can_be_clicked() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.picture();
    assert_eq!(stage.clicks("F5"), [(Half::Above, Effect::Ask(Command::Step))]);
    assert_eq!(stage.clicks("5 ◐"), []);
    stage.says("seats A-5: free, Alice holds it");
    assert_eq!(stage.clicks("1 Carol"), []);
    stage.says("seats A-1: Carol");
    stage.presses(KeyCode::Esc, KeyModifiers::NONE);
    stage.types("select");
    stage.clicks("? help");
    stage.says("╭ help ");
    stage.types("restart");
    stage.says("restart the script");
    assert!(!stage.frame().contains("add a session"), "{}", stage.frame());
}

#[test]
fn the_help_has_the_signs_first_at_every_size() {
    for size in EVERY_SIZE {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.presses(KeyCode::F(1), KeyModifiers::NONE);
        insta::assert_snapshot!(format!("help-{}x{}", size.0, size.1), stage.frame());
    }
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.presses(KeyCode::F(1), KeyModifiers::NONE);
    stage.types("wide");
    insta::assert_snapshot!("help-filtered", stage.frame());
    stage.types("xyz");
    stage.says("No match");
}
