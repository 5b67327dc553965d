//! What a room must see of a play, on a projector of 80 columns and 24 rows: at every step, each
//! row that somebody holds, awaits or has changed.
//!
//! The play's events are folded into the console as they came. Then the rows that must be in sight
//! get marks of their own in the place of names and values, and each mark must be on the screen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use overbooked::core::event::{Event, Kind, SessionName};
use overbooked::core::scenario::library;
use overbooked::core::seats::{Holder, WatchedRow, WatchedTable, WatchedTables};
use overbooked::run::headless::Played;
use overbooked::run::{Fresh, Report};
use overbooked::stage::comparison::Half;
use overbooked::tui::app::App;
use overbooked::tui::theme::Charset;
use overbooked::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::screen::{setting, watched_tables};
use crate::support;

const PROJECTOR: Size = Size { width: 80, height: 24 };

/// The rows that should have been in sight and were not, with the frame.
pub(crate) fn out_of_sight(played: &Played) -> Vec<String> {
    let mut room = Room::of(Fresh {
        scenario: Arc::clone(&played.scenario),
        schedule: Arc::clone(&played.schedule),
        engine: played.engine.clone(),
        sessions: played.scenario.sessions.iter().map(|player| player.name.clone()).collect(),
    });
    played.events.iter().filter_map(|event| room.look(event)).collect()
}

/// A row, by its table's name and its key.
type Row = (String, String);

struct Room {
    app: App,
    first: Option<Arc<WatchedTables>>,
    last: Arc<WatchedTables>,
    changed: BTreeSet<Row>,
}

impl Room {
    fn of(fresh: Fresh) -> Self {
        let mut app = App::new(setting(Charset::Unicode), PROJECTOR);
        let _ = app.apply(Half::Above, Report::Fresh(fresh), Duration::ZERO);
        Self { app, first: None, last: Arc::default(), changed: BTreeSet::new() }
    }

    /// Takes in what happened; when tables were looked at, says what is out of sight.
    fn look(&mut self, event: &Event) -> Option<String> {
        let _ = self.app.apply(Half::Above, Report::Event(event.clone()), event.at);
        let Kind::WatchedTables(tables) = &event.kind else { return None };
        let first = self.first.get_or_insert_with(|| Arc::clone(tables));
        self.changed.extend(differences(first, tables));
        if !self.last.tables.is_empty() {
            self.changed.extend(differences(&self.last, tables));
        }
        self.last = Arc::clone(tables);
        let mut marked = (**tables).clone();
        let marks = mark_all(&mut marked, &self.changed);
        let kind = Kind::WatchedTables(Arc::new(marked));
        let mut app = self.app.clone();
        let _ = app.apply(Half::Above, Report::Event(Event { kind, ..event.clone() }), event.at);
        let frame = frame(&app, event.at);
        let missing: Vec<_> = marks.iter().filter(|(mark, _)| !frame.contains(mark)).collect();
        (!missing.is_empty()).then(|| format!("{missing:?} at {:?}:\n{frame}", event.at))
    }
}

fn frame(app: &App, now: Duration) -> String {
    let mut terminal = Terminal::new(TestBackend::new(PROJECTOR.width, PROJECTOR.height)).unwrap();
    terminal.draw(|frame| view::draw(frame, app, now)).unwrap();
    terminal.backend().to_string()
}

/// Rows that are new or have other values.
fn differences(before: &WatchedTables, after: &WatchedTables) -> impl Iterator<Item = Row> {
    let rows = |tables: &WatchedTables| -> BTreeSet<(Row, Vec<Option<String>>)> {
        let of = |table: &WatchedTable| {
            let name = table.name.clone();
            let row = move |row: &WatchedRow| ((name.clone(), row.key.clone()), row.values.clone());
            table.places.iter().map(row).collect::<Vec<_>>()
        };
        tables.tables.iter().flat_map(of).collect()
    };
    let known = rows(before);
    rows(after).into_iter().filter(move |row| !known.contains(row)).map(|(row, _)| row)
}

/// Marks each row that must be in sight; gives the marks with the rows.
fn mark_all(tables: &mut WatchedTables, changed: &BTreeSet<Row>) -> Vec<(String, Row)> {
    let mut marks = Vec::new();
    for table in &mut tables.tables {
        let holder = table.seats.as_ref().map(|seats| seats.holder.clone());
        let holder = table.columns.iter().position(|column| Some(column) == holder.as_ref());
        for row in &mut table.places {
            let id = (table.name.clone(), row.key.clone());
            if row.is_contested() || changed.contains(&id) {
                let mark = mark(marks.len());
                put_mark(row, holder, &mark);
                marks.push((mark, id));
            }
        }
    }
    marks
}

#[test]
fn what_is_out_of_sight_is_found() {
    let scenario = Arc::new(library::open(library::DEFAULT).unwrap());
    let fresh = Fresh {
        schedule: Arc::new(scenario.schedules.first()),
        sessions: scenario.sessions.iter().map(|player| player.name.clone()).collect(),
        engine: support::engine_of_frames(),
        scenario,
    };
    let mut room = Room::of(fresh);
    let mut looked = |locks: &[(&str, &str)], rows: usize| {
        let mut tables = watched_tables(locks, &[]);
        let row = tables.tables[0].places[3].clone();
        let keys = (0..rows).map(|at| WatchedRow { key: at.to_string(), ..row.clone() });
        tables.tables[0].seats = None;
        tables.tables[0].places = keys.collect();
        let kind = Kind::WatchedTables(Arc::new(tables));
        room.look(&Event { at: Duration::ZERO, session: None, kind })
    };
    assert_eq!(looked(&[("A-4", "Bob")], 5), None);
    let many = looked(&[("A-4", "Bob")], 50).unwrap();
    assert!(many.contains("more rows"), "fifty rows cannot all be in sight: {many}");
}

/// Two letters that are nowhere else on a screen.
fn mark(number: usize) -> String {
    let letter = |number: usize| "ΓΔΘΛΞΠΣΦΨΩ".chars().nth(number % 10).unwrap();
    [letter(number / 10), letter(number)].iter().collect()
}

/// Names and values begin with the mark, and are no shorter than they were.
fn put_mark(row: &mut WatchedRow, seat_holder: Option<usize>, mark: &str) {
    let marked = |text: &str| format!("{mark}{}", text.chars().skip(2).collect::<String>());
    if row.is_contested() {
        let holders = row.holders.iter_mut().map(|hold| &mut hold.holder);
        for who in holders.chain(row.waiters.iter_mut().map(|waiter| &mut waiter.who)) {
            if let Holder::Session(name) = who {
                *name = SessionName::new(&marked(name.as_str()));
            }
        }
        return;
    }
    for (column, value) in row.values.iter_mut().enumerate() {
        if seat_holder.is_none_or(|holder| holder == column) {
            *value = Some(marked(value.as_deref().unwrap_or_default()));
        }
    }
}
