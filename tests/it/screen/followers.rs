//! The room on the screen: its address as text and as a code, who follows, what there is to try.

use crossterm::event::{KeyCode, KeyModifiers};
use overbooked::stage::room::{
    Board, Opened, Overview, Poll, Present, QrCode, Remote, Standing, Strategy,
};
use overbooked::tui::theme::Charset;

use super::{EVERY_SIZE, Stage};

fn opened(is_loopback: bool, is_reached: bool) -> Overview {
    // As large as the code of such an address is.
    let row = |y: usize| (0..29).map(|x| (x * y + x + y).is_multiple_of(3)).collect();
    let opened = Opened {
        address: "http://192.168.7.30:8080/join/abcdefghjkmn".to_owned(),
        code: QrCode { rows: (0..29).map(row).collect() },
        port: 8080,
        is_loopback,
        is_reached,
        self_test: Some(Ok(())),
        remote: Remote::Nobody,
    };
    let standing = Standing::Open(Box::new(opened));
    let followers = if is_reached { 12 } else { 0 };
    Overview { standing, followers, ..Overview::default() }
}

fn shown(size: (u16, u16), charset: Charset, overview: &Overview) -> String {
    let mut stage = Stage::opened(charset, size);
    stage.presses(KeyCode::Char('r'), KeyModifiers::ALT);
    stage.app.room_at_a_glance(overview);
    stage.frame()
}

#[test]
fn the_room_at_every_size() {
    for size in EVERY_SIZE {
        let name = format!("followers_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, shown(size, Charset::Unicode, &opened(false, false)));
    }
}

#[test]
fn whoever_follows_is_counted_and_nothing_more_is_to_try() {
    let frame = shown((120, 40), Charset::Unicode, &opened(false, true));
    assert!(frame.contains("12 browsers follow") && !frame.contains("hotspot"), "{frame}");
}

#[test]
fn without_blocks_there_is_the_address_alone() {
    let frame = shown((80, 24), Charset::Ascii, &opened(true, false));
    assert!(frame.contains("abcdefghjkmn") && frame.contains("0.0.0.0:8080"), "{frame}");
    assert!(!frame.contains("??"), "{frame}");
}

#[test]
fn why_it_is_not_open_is_said() {
    let failed = Standing::Failed("the room cannot be opened at 127.0.0.1:80: in use".to_owned());
    let failed = Overview { standing: failed, ..Overview::default() };
    let frame = shown((80, 24), Charset::Unicode, &failed);
    assert!(frame.contains("127.0.0.1:80: in use") && frame.contains("opens it"), "{frame}");
}

#[test]
fn who_books_how_and_what_came_of_it() {
    let mut overview = opened(false, true);
    overview.rules.is_open = true;
    overview.rules.strategy = Strategy::ForUpdate;
    overview.board = Board {
        people: 30,
        booked: 3,
        refused: 27,
        longest_wait: Some("Maria, 4.2 s".to_owned()),
        verdict: vec!["3 seats sold, none twice, by the database".to_owned()],
        ..Board::default()
    };
    insta::assert_snapshot!(shown((120, 40), Charset::Unicode, &overview));
}

#[test]
fn seats_sold_twice_are_named() {
    let mut overview = opened(false, true);
    let verdict = vec!["A-4 was sold 2 times: to Maria, Jonas".to_owned()];
    overview.board = Board { booked: 2, sold_twice: 1, verdict, ..Board::default() };
    let frame = shown((120, 40), Charset::Unicode, &overview);
    assert!(frame.contains("1 sold twice") && frame.contains("to Maria, Jonas"), "{frame}");
}

#[test]
fn what_the_room_says_is_a_bar_for_each_answer() {
    let mut overview = opened(false, true);
    let bars = [("Alice", 4), ("Bob", 15), ("somebody else", 0), ("nobody", 1)];
    overview.poll = Some(Poll {
        seat: "A-4".to_owned(),
        is_open: false,
        bars: bars.map(|(answer, count)| (answer.to_owned(), count)).to_vec(),
        outcome: Some("Bob has A-4: 15 of 20 were right".to_owned()),
    });
    insta::assert_snapshot!(shown((120, 40), Charset::Unicode, &overview));
}

/// After these keys in the room's layer.
fn shown_after(size: (u16, u16), overview: &Overview, keys: &[KeyCode]) -> String {
    let mut stage = Stage::opened(Charset::Unicode, size);
    stage.app.room_at_a_glance(overview);
    stage.presses(KeyCode::Char('r'), KeyModifiers::ALT);
    for key in keys {
        stage.presses(*key, KeyModifiers::NONE);
    }
    stage.frame()
}

fn with_people(count: usize) -> Overview {
    let mut overview = opened(false, true);
    let person = |number: usize| Present {
        name: format!("Guest{number}"),
        state: "idle",
        words: if number == 2 { "you have A-4".to_owned() } else { String::new() },
        has_pane: number == 3,
    };
    overview.people = (1..=count).map(person).collect();
    overview
}

#[test]
fn who_is_in_is_a_list_with_a_mark() {
    let keys = [KeyCode::Char('w'), KeyCode::Down, KeyCode::Down];
    insta::assert_snapshot!(shown_after((80, 24), &with_people(5), &keys));
    let mut all = vec![KeyCode::Char('w')];
    all.extend([KeyCode::Down; 60]);
    let frame = shown_after((80, 24), &with_people(40), &all);
    assert!(frame.contains("Guest40") && frame.contains("40 of 40"), "{frame}");
    let frame = shown_after((80, 24), &with_people(0), &keys);
    assert!(frame.contains("Nobody takes part"), "{frame}");
}

#[test]
fn the_remote_is_shown_when_it_is_asked_for() {
    let mut overview = opened(false, true);
    let remote = |overview: &mut Overview, is: Remote| {
        if let Standing::Open(opened) = &mut overview.standing {
            opened.remote = is;
        }
    };
    let address = "http://192.168.7.30:8080/join/remotetoken2".to_owned();
    remote(&mut overview, Remote::Offered { address, code: QrCode::default() });
    let frame = shown_after((80, 24), &overview, &[]);
    assert!(!frame.contains("remotetoken2"), "{frame}");
    let frame = shown_after((80, 24), &overview, &[KeyCode::Char('r')]);
    assert!(frame.contains("remotetoken2") && frame.contains("off the"), "{frame}");
    remote(&mut overview, Remote::Taken);
    let frame = shown_after((80, 24), &overview, &[KeyCode::Char('r')]);
    assert!(frame.contains("A browser has the remote"), "{frame}");
}

#[test]
fn the_seats_stay_in_sight_while_presses_are_taken() {
    let mut overview = opened(false, true);
    overview.rules.is_open = true;
    overview.board = Board { people: 30, booked: 2, sold_twice: 1, ..Board::default() };
    overview.board.verdict = vec!["A-4 was sold 2 times: to Maria, Jonas".to_owned()];
    let frame = shown_after((80, 24), &overview, &[]);
    assert!(frame.contains("S C R E E N") && frame.contains("A-4 was sold 2 times"), "{frame}");
    insta::assert_snapshot!(frame);
}
