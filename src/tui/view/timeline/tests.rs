//! Time lines on a buffer.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::core::event::{
    Blocker, Certainty, Event, Kind, ServerMessage, SessionName, SubmissionId, TransactionStatus,
    Wait, WaitTarget,
};
use crate::tui::theme::{Charset, Depth, Theme};
use crate::tui::view::watched_tables::sample::{THEME, scene_in};
use TransactionStatus::{Failed, Idle, InTransaction};

struct Story {
    timeline: Timeline,
    cast: Vec<SessionName>,
    at: Duration,
    steps: usize,
}

impl Story {
    fn new(names: &[&str]) -> Self {
        let cast: Vec<SessionName> = names.iter().map(|name| SessionName::new(name)).collect();
        Self { timeline: Timeline::new(&cast), cast, at: Duration::ZERO, steps: 0 }
    }

    fn tell(&mut self, who: &str, kind: Kind) {
        self.at += Duration::from_millis(350);
        let session = Some(SessionName::new(who));
        self.timeline.apply(&Event { at: self.at, session, kind });
    }

    fn sends(&mut self, who: &str, sql: &str) {
        let step = Some(self.steps);
        self.steps += 1;
        self.tell(
            who,
            Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step, typed: None },
        );
    }

    fn gets(&mut self, who: &str, tag: &str, status: TransactionStatus) {
        self.tell(who, Kind::Done { tag: tag.to_owned(), rows: 0 });
        self.ready(who, status);
    }

    fn fails(&mut self, who: &str, code: &str, status: TransactionStatus) {
        let (code, message) = (code.to_owned(), "could not do it".to_owned());
        self.tell(who, Kind::Failed(ServerMessage { code, message, ..ServerMessage::default() }));
        self.ready(who, status);
    }

    fn ready(&mut self, who: &str, status: TransactionStatus) {
        let elapsed = Duration::from_micros(1200);
        self.tell(who, Kind::Ready { submission: SubmissionId(1), status, elapsed });
    }

    fn waits(&mut self, who: &str, whom: &str) {
        let key = Some("A-4".to_owned());
        let target = WaitTarget::Row { table: "seats".to_owned(), key, wants: None };
        let blockers = vec![Blocker::Session(SessionName::new(whom))];
        self.tell(who, Kind::Waiting(Wait { blockers, target, certainty: Certainty::Observed }));
    }

    /// Everything that a lane can show.
    fn whole() -> Self {
        let mut story = Self::new(&["Alice", "Bob", "張偉"]);
        story.sends("Bob", "begin;");
        story.gets("Bob", "BEGIN", InTransaction);
        story.sends("Bob", "select * from seats for update;");
        story.gets("Bob", "SELECT 1", InTransaction);
        story.sends("張偉", "update seats set booked_by = '張偉'\nwhere seat_number = 4;");
        story.waits("張偉", "Bob");
        story.sends("Alice", "begin; update seats set x = 1;");
        story.fails("Alice", "40001", Failed);
        story.sends("Alice", "commit;");
        story.gets("Alice", "ROLLBACK", Idle);
        story.sends("Bob", "commit;");
        story.gets("Bob", "COMMIT", Idle);
        story.gets("張偉", "UPDATE 0", Idle);
        story.sends("Alice", "insert into seats values (1);");
        story.gets("Alice", "INSERT 0 1", Idle);
        story.sends("Alice", "select pg_sleep(60);");
        story
    }

    fn drawn(&self, cursor: Cursor, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
        let scene = Scene { cast: &self.cast, ..scene_in(theme) };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&self.timeline, cursor, buffer.area, &mut buffer, &scene);
        buffer
    }

    fn text(&self, cursor: Cursor, width: u16, height: u16) -> String {
        lines(&self.drawn(cursor, &THEME, (width, height)))
    }
}

fn lines(buffer: &Buffer) -> String {
    let row = |row: &[ratatui::buffer::Cell]| {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = text::width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        line.trim_end().to_owned() + "\n"
    };
    buffer.content.chunks(usize::from(buffer.area.width)).map(row).collect()
}

fn look_at(moment: usize) -> Cursor {
    Cursor { moment: Some(moment), lane: 0 }
}

#[test]
fn statements_waits_commits_and_failures() {
    insta::assert_snapshot!(Story::whole().text(look_at(2), 110, 10));
}

#[test]
fn where_it_is_narrow_the_last_moments_are_in_sight() {
    insta::assert_snapshot!(Story::whole().text(Cursor::default(), 72, 10));
}

#[test]
fn without_unicode_and_without_colour_it_says_the_same() {
    let theme = Theme::find("dark", Depth::Bare, Charset::Ascii).unwrap();
    let buffer = Story::whole().drawn(look_at(3), &theme, (110, 10));
    assert!(buffer.content.iter().all(|cell| cell.fg == ratatui::style::Color::Reset));
    let text = lines(&buffer).replace("張偉", "names");
    insta::assert_snapshot!(text);
}

#[test]
fn whoever_leaves_in_a_transaction_has_it_rolled_back() {
    let mut story = Story::new(&["Alice", "Bob"]);
    story.sends("Bob", "begin;");
    story.gets("Bob", "BEGIN", InTransaction);
    story.sends("Alice", "select 1;");
    story.gets("Alice", "SELECT 1", Idle);
    story.tell("Bob", Kind::Closed);
    story.tell("Alice", Kind::Closed);
    story.sends("Eve", "begin; update seats set x = 1;");
    story.gets("Eve", "UPDATE 12345", InTransaction);
    story.tell("Eve", Kind::Closed);
    insta::assert_snapshot!(story.text(look_at(0), 110, 10));
}

#[test]
fn nothing_has_happened() {
    insta::assert_snapshot!(Story::new(&["Alice", "Bob"]).text(Cursor::default(), 72, 7));
}

#[test]
fn the_cursor_goes_back_and_forth_and_stays_with_the_last() {
    let timeline = Story::whole().timeline;
    let back = Cursor::default().back(2, &timeline);
    assert_eq!(back.moment, Some(5));
    assert_eq!(back.back(-2, &timeline), Cursor::default());
    assert_eq!(back.begin(&timeline).moment, Some(0));
    assert_eq!(back.begin(&timeline).back(1, &timeline).moment, Some(0));
    assert_eq!(back.down(9, &timeline).lane, 2);
    assert_eq!(back.down(9, &timeline).down(-9, &timeline).lane, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_can_be_drawn_at_any_size(
        width in 1..90_u16,
        height in 1..14_u16,
        moment in 0..12_usize,
        lane in 0..4_usize,
    ) {
        let cursor = Cursor { moment: Some(moment), lane };
        Story::whole().text(cursor, width, height);
    }
}
