//! The rush's screen: the very loop, on a terminal of cells, with keys from a script.

use std::io;

use crossterm::event::{Event, KeyCode, KeyEvent};
use futures::{StreamExt as _, stream};
use overbooked::rush::board::End;
use overbooked::rush::figures::Figure;
use overbooked::tui::rush::{Leaving, Left, show};
use overbooked::tui::screen::Input;
use overbooked::tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::rush::options;
use crate::support::Database;

fn text(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(buffer.area.width).max(1));
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_shows_the_house_and_the_strategies_that_are_over() {
    let database = Database::create().await;
    for (width, height) in [(80, 24), (120, 40), (200, 50), (20, 5), (1, 1)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let options = options("for-update hold --requests 200 --seats 60 --workers 4");
        let (theme, target, mut keys) = (Theme::default(), database.target(), stream::pending());
        let left = show(&mut terminal, &mut keys, &theme, &options, &target, Leaving::WhenOver);
        let left = Box::pin(left).await.unwrap();
        assert_eq!(left.board.ended.len(), 2);
        if width >= 80 {
            let shown = text(&terminal);
            for words in ["seats", "requests per second", "latency", "for-update", "sold twice"] {
                assert!(shown.contains(words), "{words} is not on\n{shown}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn q_stops_the_rush_and_what_was_sold_still_gets_its_verdict() {
    let database = Database::create().await;
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let options = options("for-update --requests 1000000 --workers 4 --think-time 1ms");
    let q = async {
        seats_are_sold(&database).await;
        Ok::<_, io::Error>(Input::Terminal(Event::Key(KeyEvent::from(KeyCode::Char('q')))))
    };
    let mut keys = Box::pin(stream::once(q).chain(stream::pending()));
    let (theme, target) = (Theme::default(), database.target());
    let left = show(&mut terminal, &mut keys, &theme, &options, &target, Leaving::WhenOver);
    let left = Box::pin(left).await.unwrap();
    let End::Finished(finished) = &left.board.ended[0].end else { panic!("{:?}", left.board) };
    assert!(finished.stopped && finished.verdict.holds() && finished.verdict.sold > 0);
}

/// A rush with these keys pressed from its beginning; what is on the screen when it is over, and
/// what it came to.
async fn rush_with_keys(keys: &[char]) -> (String, Left) {
    let database = Database::create().await;
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let options = options("queue --requests 300 --seats 60 --workers 4");
    let pressed = keys.iter().map(|key| {
        Ok::<_, io::Error>(Input::Terminal(Event::Key(KeyEvent::from(KeyCode::Char(*key)))))
    });
    let mut keys = stream::iter(pressed.collect::<Vec<_>>()).chain(stream::pending());
    let (theme, target) = (Theme::default(), database.target());
    let left = show(&mut terminal, &mut keys, &theme, &options, &target, Leaving::WhenOver);
    let left = Box::pin(left).await.unwrap();
    (text(&terminal), left)
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_keys() {
    let (_, left) = rush_with_keys(&['k', 'p', 'd']).await;
    let End::Finished(finished) = &left.board.ended[0].end else { panic!("{:?}", left.board) };
    assert!(finished.figures.of(Figure::Pauses) > 0, "{:?}", finished.figures);
    assert!(finished.figures.of(Figure::Duplicates) > 0, "{:?}", finished.figures);
    let why_not = "kill-part: this strategy has no part beside the database";
    assert!(left.board.notes.iter().any(|note| note == why_not), "{:?}", left.board.notes);
    assert!(finished.verdict.holds(), "{:?}", finished.verdict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_mark_explains_the_screen_and_any_key_closes_that_and_does_nothing_else() {
    let (shown, left) = rush_with_keys(&['?']).await;
    assert!(shown.contains("what the screen shows") && !left.interrupted, "{shown}");
    let (shown, left) = rush_with_keys(&['?', 'q']).await;
    assert!(!shown.contains("what the screen shows") && !left.interrupted, "{shown}");
    let (_, left) = rush_with_keys(&['?', 'x', 'q']).await;
    assert!(left.interrupted);
}

/// More than the one that is rehearsed.
pub(crate) async fn seats_are_sold(database: &Database) {
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let sold = "select coalesce(sum(n_tup_ins), 0)::bigint from pg_stat_user_tables \
                where schemaname like 'overbooked%' and relname = 'bookings'";
    let mut pulse = tokio::time::interval(std::time::Duration::from_millis(20));
    while sqlx::query_scalar::<_, i64>(sold).fetch_one(&pool).await.unwrap() < 10 {
        pulse.tick().await;
    }
    pool.close().await;
}
