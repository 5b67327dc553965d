//! Frames in which something does not fit, and what is done about it.

use super::*;

/// The scenarios that come with the program.
fn every_scenario() -> Vec<Arc<Scenario>> {
    library::ENTRIES.iter().map(|entry| Arc::new(entry.scenario().unwrap())).collect()
}

fn text_columns(names: &[&str]) -> Vec<Column> {
    names.iter().map(|name| Column { name: (*name).to_owned(), type_oid: 25 }).collect()
}

fn texts(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

impl Stage {
    fn is_answered(&mut self, who: Option<&str>, names: &[&str], rows: &[&[&str]]) {
        self.happens(who, Kind::Columns(text_columns(names)));
        self.happens(who, Kind::Rows(rows.iter().map(|row| texts(row)).collect()));
        let tag = format!("SELECT {}", rows.len());
        self.happens(who, Kind::Done { tag, rows: rows.len() as u64 });
        let (submission, elapsed) = (SubmissionId(1), Duration::from_micros(900));
        self.happens(who, Kind::Ready { submission, status: TransactionStatus::Idle, elapsed });
    }

    /// Alice has a table that fits without its blanks, and Bob one that does not fit at all.
    fn wide_answers(&mut self) {
        self.sends("Alice", "table free;", None);
        let row: &[&str] = &["A", "4", "5"];
        self.is_answered(Some("Alice"), &["seat_row", "seat_number", "next_number"], &[row]);
        self.sends("Bob", "table seats;", None);
        let row: &[&str] = &["A", "4", "Bob", "2026-11-25 19:38:29+00", "a window seat"];
        let names = ["seat_row", "seat_number", "booked_by", "booked_at", "note"];
        self.is_answered(Some("Bob"), &names, &[row]);
    }

    /// Every step has been played and the end looked at.
    fn ends(&mut self, rows: &[&[&str]]) {
        self.report(Report::Next(11));
        let (submission, sql) = (SubmissionId(1), "select * from seats;".into());
        self.happens(None, Kind::Sent { submission, sql, step: None, typed: None });
        self.is_answered(None, &["seat_row", "seat_number", "booked_by"], rows);
        self.happens(None, Kind::Quiet);
        self.report(Report::Over);
    }
}

#[test]
fn a_table_that_is_too_wide_goes_without_blanks_or_says_that_it_goes_on() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::opened(Charset::Unicode, (width, height));
        stage.wide_answers();
        insta::assert_snapshot!(format!("wide-{width}x{height}"), stage.frame());
    }
}

#[test]
fn a_wide_table_is_seen_by_going_right_or_by_giving_it_the_whole_width() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.wide_answers();
    stage.presses(KeyCode::Tab, KeyModifiers::NONE);
    for _ in 0..9 {
        stage.presses(KeyCode::Right, KeyModifiers::ALT);
    }
    assert!(stage.frame().contains("‹-11-25 19:38:29+00 | a window seat"), "{}", stage.frame());
    stage.presses(KeyCode::Left, KeyModifiers::ALT);
    assert!(stage.frame().contains("a win›"), "{}", stage.frame());
    stage.sends("Bob", "table seats;", None);
    stage.is_answered(Some("Bob"), &["seat_row", "a_note_of_some_length", "more"], &[]);
    assert!(stage.frame().contains("│ seat_row|a_note_of"), "{}", stage.frame());
    stage.presses(KeyCode::Char('z'), KeyModifiers::ALT);
    let row = " A        | 4           | Bob       | 2026-11-25 19:38:29+00 | a window seat";
    assert!(stage.frame().contains(row), "{}", stage.frame());
}

#[test]
fn what_was_read_in_the_end_stands_under_the_script() {
    let rows: &[&[&str]] = &[&["A", "4", "Bob"], &["A", "5", "Alice"]];
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::opened(Charset::Unicode, (width, height));
        stage.ends(rows);
        insta::assert_snapshot!(format!("end-{width}x{height}"), stage.frame());
    }
    for (name, charset, size) in [
        ("end-not-so-80x24", Charset::Unicode, (80, 24)),
        ("end-not-so-ascii", Charset::Ascii, (60, 16)),
    ] {
        let mut stage = Stage::opened(charset, size);
        stage.ends(&[&["A", "4", "Mallory, who should not be there"]]);
        insta::assert_snapshot!(name, stage.frame());
    }
}

#[test]
fn titles_that_differ_at_their_ends_are_told_apart() {
    for size in [(80, 24), (120, 40)] {
        let mut stage = Stage::new(Charset::Unicode, size);
        let mut setting = setting(Charset::Unicode);
        setting.stage.library = every_scenario();
        stage.app = App::new(setting, Size { width: size.0, height: size.1 });
        stage.open(&["Alice", "Bob", "Mallory"]);
        stage.presses(KeyCode::F(3), KeyModifiers::NONE);
        stage.types("the last ticket");
        let scenarios = every_scenario();
        let titles: Vec<&str> = scenarios.iter().map(|it| it.title.as_str()).collect();
        let found = titles.iter().filter(|title| title.starts_with("The last ticket"));
        assert!(found.clone().count() > 3);
        for title in found {
            assert!(stage.frame().contains(title), "{}", stage.frame());
        }
        insta::assert_snapshot!(format!("picker-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn a_level_that_a_scenario_is_not_written_for_is_told() {
    let note = "written for serializable, and played at read committed";
    let levels = |levels: &[Isolation]| {
        let scenario = library::open(library::DEFAULT).unwrap();
        let mut stage = Stage::new(Charset::Unicode, (120, 40));
        stage.open_one(Scenario { levels: levels.to_vec(), ..scenario }, &["Alice"]);
        stage.frame()
    };
    let frame = levels(&[Isolation::Serializable]);
    assert!(frame.contains(note), "{frame}");
    assert!(!levels(&[]).contains("written for"));
    assert!(!levels(&[Isolation::Serializable, Isolation::ReadCommitted]).contains("written for"));
}

#[test]
fn a_scenario_for_another_engine_is_opened_there() {
    let entry = library::open("deadlock").unwrap();
    let scenario = Arc::new(Scenario { engines: vec![EngineKind::Optimistic], ..entry });
    let mut setting = setting(Charset::Unicode);
    setting.stage.library = vec![scenario.clone()];
    let mut stage = Stage::new(Charset::Unicode, (80, 24));
    stage.app = App::new(setting, Size { width: 80, height: 24 });
    stage.open(&["Alice", "Bob", "Mallory"]);
    stage.presses(KeyCode::F(3), KeyModifiers::NONE);
    assert!(stage.frame().contains("For the optimistic engine only; opens there."));
    let enter = Key::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    let effects = stage.app.input(enter, stage.now);
    let open = overbooked::run::Command::OpenOn(scenario, EngineKind::Optimistic);
    assert_eq!(effects, [(Half::Above, overbooked::stage::Effect::Ask(open))]);
    assert!(stage.frame().contains("on the optimistic engine, the engine it is for"));
}

#[test]
fn the_help_scrolls_to_its_end_and_at_once_back() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    stage.presses(KeyCode::F(1), KeyModifiers::NONE);
    let before = stage.frame();
    assert!(before.contains("more lines below"));
    for _ in 0..14 {
        stage.presses(KeyCode::PageDown, KeyModifiers::NONE);
    }
    insta::assert_snapshot!("help-80x24-end", stage.frame());
    for _ in 0..14 {
        stage.presses(KeyCode::PageUp, KeyModifiers::NONE);
    }
    assert_eq!(stage.frame(), before);
}

#[test]
fn the_map_stays_in_sight_while_the_graph_is_open() {
    for size in SIZES.into_iter().skip(1) {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        let seats =
            |stage: &Stage| stage.frame().lines().take(8).any(|line| line.contains("Oscar"));
        assert!(seats(&stage));
        stage.presses(KeyCode::F(4), KeyModifiers::NONE);
        assert!(seats(&stage), "{}", stage.frame());
    }
}

#[test]
fn the_engine_stands_beside_the_longest_title() {
    for (charset, name) in [(Charset::Unicode, "…"), (Charset::Ascii, "~")] {
        let mut stage = Stage::new(charset, (80, 24));
        let title = "A price that changes while you look, and does not change back".to_owned();
        let scenario = Scenario { title, ..library::open("non-repeatable-read").unwrap() };
        let schedule = Arc::new(scenario.schedules.first());
        let engine = EngineLine {
            kind: EngineKind::Optimistic,
            product: "optimistic on PostgreSQL 15.20".to_owned(),
            place: "embedded".to_owned(),
            isolation: Isolation::RepeatableRead,
            alone: None,
        };
        let sessions = vec![SessionName::new("Alice"), SessionName::new("Bob")];
        let scenario = Arc::new(scenario);
        stage.report(Report::Fresh(Fresh { scenario, schedule, engine, sessions }));
        let frame = stage.frame();
        let header = frame.lines().next().unwrap();
        assert!(header.contains("optimistic") && header.contains(name), "{header}");
    }
}

#[test]
fn a_lost_connection_of_the_runners_own_is_no_ending() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    let before = stage.frame();
    let reason = "the server closed the connection unexpectedly".to_owned();
    stage.happens(None, Kind::Lost { reason, in_transaction: false });
    assert_eq!(stage.frame(), before);
}

#[test]
fn a_table_of_two_rows_is_seen_whole_on_a_projector() {
    let mut stage = Stage::opened(Charset::Unicode, (80, 24));
    let mut watched_tables = watched_tables(&[], &[]);
    watched_tables.tables[0].seats = None;
    watched_tables.tables[0].places.truncate(2);
    watched_tables.tables[0].rows = 2;
    stage.happens(None, Kind::WatchedTables(Arc::new(watched_tables)));
    insta::assert_snapshot!("two-rows-80x24", stage.frame());
}
