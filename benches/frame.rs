//! A frame of a full map: three sessions with 10,000 lines of history each, 600 seats, 200 by 50
//! cells. It must take less than 2 ms.

use std::sync::Arc;
use std::time::Duration;

use overbooked::core::event::{
    Column, Event, Kind, Pid, SessionName, SubmissionId, TransactionStatus,
};
use overbooked::core::scenario::{EngineKind, Isolation, library};
use overbooked::core::seats::{SeatColumns, WatchedRow, WatchedTable, WatchedTables};
use overbooked::run::{EngineLine, Fresh, Report};
use overbooked::stage::comparison::Half;
use overbooked::stage::keys::{Action, KeyMap};
use overbooked::stage::setting::Opening;
use overbooked::tui::app::{App, Setting};
use overbooked::tui::theme::{Charset, Depth, Theme};
use overbooked::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

const NAMES: [&str; 3] = ["Alice", "Bob", "Mallory"];

fn main() {
    divan::main();
}

#[divan::bench(min_time = 1)]
fn full_house(bencher: divan::Bencher<'_, '_>) {
    let app = full_app();
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).expect("a buffer cannot fail");
    bencher.bench_local(|| {
        let drawn = terminal.draw(|frame| view::draw(frame, &app, Duration::ZERO));
        drawn.map(drop).expect("a buffer cannot fail");
    });
}

/// The same with the timeline over it, of a session of thousands of steps.
#[divan::bench(min_time = 1)]
fn time_line(bencher: divan::Bencher<'_, '_>) {
    let mut app = full_app();
    for submission in 0..10_000 {
        let name = NAMES[usize::try_from(submission % 3).unwrap_or(0)];
        let (submission, status) = (SubmissionId(submission), TransactionStatus::InTransaction);
        let sql = "update seats set booked_by = 'Bob' where seat_number = 4;";
        happen(
            &mut app,
            Some(name),
            Kind::Sent { submission, sql: sql.into(), step: None, typed: None },
        );
        happen(&mut app, Some(name), Kind::Done { tag: "UPDATE 1".to_owned(), rows: 0 });
        let elapsed = Duration::from_millis(1);
        happen(&mut app, Some(name), Kind::Ready { submission, status, elapsed });
    }
    let _ = app.update(Action::Graph, Duration::ZERO);
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).expect("a buffer cannot fail");
    bencher.bench_local(|| {
        let drawn = terminal.draw(|frame| view::draw(frame, &app, Duration::ZERO));
        drawn.map(drop).expect("a buffer cannot fail");
    });
}

fn full_app() -> App {
    let scenario = Arc::new(library::open(library::DEFAULT).expect("it is compiled in"));
    let setting = Setting {
        theme: Theme::find("dark", Depth::True, Charset::Unicode).expect("it is compiled in"),
        stage: overbooked::stage::Setting {
            keys: KeyMap::default(),
            library: vec![scenario.clone()],
            own: overbooked::stage::own_files::OwnFiles::default(),
            pace: Duration::from_secs(3),
            debugging: None,
            opening: Opening::Stage,
        },
    };
    let mut app = App::new(setting, Size { width: 200, height: 50 });
    let schedule = Arc::new(scenario.schedules.first());
    let engine = EngineLine {
        kind: EngineKind::Postgres,
        product: "PostgreSQL 15.20".to_owned(),
        place: "embedded".to_owned(),
        isolation: Isolation::ReadCommitted,
        alone: None,
    };
    let sessions = NAMES.map(SessionName::new).to_vec();
    let _ = app.apply(
        Half::Above,
        Report::Fresh(Fresh { scenario, schedule, engine, sessions }),
        Duration::ZERO,
    );
    for name in NAMES {
        fill(&mut app, name);
    }
    happen(&mut app, None, Kind::WatchedTables(Arc::new(watched_tables())));
    app
}

fn happen(app: &mut App, session: Option<&str>, kind: Kind) {
    let session = session.map(SessionName::new);
    let event = Event { at: Duration::ZERO, session, kind };
    let _ = app.apply(Half::Above, Report::Event(event), Duration::ZERO);
}

/// Ten results of a thousand rows, each behind its statement.
fn fill(app: &mut App, name: &str) {
    happen(app, Some(name), Kind::Connected { pid: Pid(1) });
    let columns: Vec<Column> = ["seat_row", "seat_number", "booked_by"]
        .map(|name| Column { name: name.to_owned(), type_oid: 25 })
        .to_vec();
    let rows: Vec<_> = (0..1000)
        .map(|n| ["A".to_owned(), n.to_string(), "Zoë 張".to_owned()].map(Some).to_vec())
        .collect();
    for result in 0..10 {
        let submission = SubmissionId(result);
        let sql = "select seat_row, seat_number, booked_by from seats where booked_by is null;";
        happen(
            app,
            Some(name),
            Kind::Sent { submission, sql: sql.into(), step: None, typed: None },
        );
        happen(app, Some(name), Kind::Columns(columns.clone()));
        happen(app, Some(name), Kind::Rows(rows.clone()));
        happen(app, Some(name), Kind::Done { tag: "SELECT 1000".to_owned(), rows: 1000 });
    }
}

fn watched_tables() -> WatchedTables {
    let places = (0..600).map(|seat: i32| {
        let (row, number) = (format!("{:02}", seat / 30), seat % 30 + 1);
        let holder = (seat % 3 == 0).then(|| format!("Guest {seat}"));
        WatchedRow {
            key: format!("{row}-{number}"),
            values: vec![Some(row), Some(number.to_string()), holder],
            committed: true,
            holders: Vec::new(),
            waiters: Vec::new(),
        }
    });
    let columns = SeatColumns {
        table: "seats".to_owned(),
        compartment: None,
        row: "seat_row".to_owned(),
        number: "seat_number".to_owned(),
        holder: "booked_by".to_owned(),
    };
    let table = WatchedTable {
        name: "seats".to_owned(),
        seats: Some(columns),
        columns: ["seat_row", "seat_number", "booked_by"].map(str::to_owned).to_vec(),
        places: places.collect(),
        rows: 600,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    };
    WatchedTables { tables: vec![table], blind: Vec::new() }
}
