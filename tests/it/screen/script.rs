//! Frames of the script: looked through, out of its place, at its end.

use super::*;

/// The narrowest screen, and those that matter.
const ALL_SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

impl Stage {
    fn plays(&mut self, step: usize, who: &str, sql: &str, tag: &str) {
        self.sends(who, sql, Some(step));
        self.happens(Some(who), Kind::Done { tag: tag.to_owned(), rows: 0 });
        self.answers(who, TransactionStatus::Idle, 900);
        self.happens(None, Kind::Quiet);
        self.report(Report::Next(step + 1));
    }

    fn shown(&self) -> (u16, u16) {
        (self.size().width, self.size().height)
    }
}

#[test]
fn the_script_is_looked_through_at_every_size() {
    for size in ALL_SIZES {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.picture();
        stage.presses(KeyCode::Char('j'), KeyModifiers::ALT);
        stage.presses(KeyCode::Up, KeyModifiers::NONE);
        let frame = stage.frame();
        assert!(frame.contains("goes back to it"), "{frame}");
        assert!(frame.contains("set booked_by = 'Mallory'"), "the whole SQL: {frame}");
        insta::assert_snapshot!(format!("browse-{}x{}", size.0, size.1), frame);
    }
}

#[test]
fn what_a_step_must_do_is_shown_once_it_has_been_played() {
    let mut stage = Stage::opened(Charset::Unicode, (120, 40));
    stage.presses(KeyCode::Char('j'), KeyModifiers::ALT);
    assert!(!stage.frame().contains("--> BEGIN"), "{}", stage.frame());
    stage.plays(0, "Bob", "begin transaction;", "BEGIN");
    assert!(stage.frame().contains("--> BEGIN"), "{}", stage.frame());
}

#[test]
fn a_scenario_on_an_engine_that_it_is_not_for_says_so_and_judges_nothing() {
    for size in ALL_SIZES {
        let mut stage = Stage::new(Charset::Unicode, size);
        let scenario = library::open("lost-update").unwrap();
        let engines = vec![EngineKind::Optimistic];
        stage.open_one(Scenario { engines, ..scenario }, &["Alice", "Bob"]);
        stage.plays(0, "Alice", "begin;", "BEGIN");
        stage.plays(1, "Alice", "nonsense;", "SET");
        let (frame, size) = (stage.frame(), stage.shown());
        assert!(frame.lines().next().unwrap().contains("not for this engine"), "{frame}");
        assert!(!frame.contains(['✔', '✘']), "{frame}");
        insta::assert_snapshot!(format!("out-of-place-{}x{}", size.0, size.1), frame);
    }
}

#[test]
fn what_the_story_comes_to_is_told_once_all_is_played() {
    let ending = "A database that locks makes Mallory wait";
    for size in ALL_SIZES {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.presses(KeyCode::F(12), KeyModifiers::NONE);
        assert!(!stage.frame().contains(ending), "{}", stage.frame());
        stage.presses(KeyCode::Esc, KeyModifiers::NONE);
        stage.report(Report::Next(11));
        stage.presses(KeyCode::F(5), KeyModifiers::NONE);
        assert!(stage.frame().contains("F8 starts again, Alt-s explains"), "{}", stage.frame());
        stage.presses(KeyCode::F(12), KeyModifiers::NONE);
        let words = stage.frame().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("A database that locks"), "{}", stage.frame());
        insta::assert_snapshot!(format!("afterwards-{}x{}", size.0, size.1), stage.frame());
    }
}

#[test]
fn every_story_and_every_end_fits_the_projector() {
    for entry in library::ENTRIES {
        let scenario = entry.scenario().unwrap();
        assert!(!scenario.afterwards.is_empty() || scenario.name == "hold-with-time-limit");
        let names: Vec<String> = scenario.sessions.iter().map(|it| it.name.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let steps = scenario.schedules.first().launches.len();
        let last = |paragraphs: &[String]| {
            paragraphs.last().and_then(|it| it.split_whitespace().last()).map(str::to_owned)
        };
        let ends = [last(&scenario.story), last(&scenario.afterwards)];
        let mut stage = Stage::new(Charset::Unicode, (80, 24));
        stage.open_one(scenario, &names);
        for (end, next) in ends.into_iter().zip([0, steps]) {
            stage.report(Report::Next(next));
            stage.presses(KeyCode::F(12), KeyModifiers::NONE);
            let frame = stage.frame();
            assert!(frame.contains(&end.unwrap_or_default()), "{}: {frame}", entry.name);
            assert!(frame.contains("closes this"), "{}: {frame}", entry.name);
            stage.presses(KeyCode::F(12), KeyModifiers::NONE);
        }
    }
}
