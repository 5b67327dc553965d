//! Frames of a console without a scenario.

use super::*;

fn table(name: &str, columns: &[&str], rows: &[&[&str]]) -> WatchedTable {
    let text = |values: &&[&str]| values.iter().map(|value| Some((*value).to_owned())).collect();
    let places = rows.iter().map(|values| WatchedRow {
        key: values[0].to_owned(),
        values: text(values),
        committed: true,
        holders: Vec::new(),
        waiters: Vec::new(),
    });
    WatchedTable {
        name: name.to_owned(),
        seats: None,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        places: places.collect(),
        rows: rows.len() as u64,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    }
}

/// Ann holds a row for which Ben waits; of a large table a sample is read, and one is not there.
fn own_tables() -> WatchedTables {
    let mut inventory = table("inventory", &["sku", "n"], &[&["bolt", "10"], &["nut", "20"]]);
    let ann = Holder::Session(SessionName::new("Ann"));
    inventory.places[1].holders.push(Hold { holder: ann, kind: HoldKind::Write, becomes: None });
    inventory.places[1].waiters.push(waiter("Ben"));
    let mut orders = table("public.orders", &["id", "sku"], &[&["1", "nut"], &["2", "nut"]]);
    orders.rows = 4_000_000;
    orders.unread = Some(Unread::Sampled { rows: Some(4_000_000), has_held: true });
    let mut later = table("later", &[], &[]);
    later.unread = Some(Unread::Missing);
    WatchedTables { tables: vec![inventory, orders, later], blind: Vec::new() }
}

fn opened(size: (u16, u16)) -> Stage {
    let mut stage = Stage::new(Charset::Unicode, size);
    let sessions = ["Ann", "Ben"].map(SessionName::new).to_vec();
    let watch = ["inventory", "public.orders", "later"].map(str::to_owned).to_vec();
    stage.open_one(Scenario::blank(sessions, watch, Vec::new()), &["Ann", "Ben"]);
    stage.happens(None, Kind::WatchedTables(Arc::new(own_tables())));
    stage
}

#[test]
fn without_a_scenario_there_is_no_script_on_the_screen() {
    for (width, height) in [(60, 18), (80, 24), (120, 40), (200, 50)] {
        let mut stage = opened((width, height));
        let update = "update inventory set n = n - 1 where sku = 'nut';";
        stage.does("Ann", "begin;", "BEGIN", TransactionStatus::InTransaction);
        stage.does("Ann", update, "UPDATE 1", TransactionStatus::InTransaction);
        stage.presses(KeyCode::F(5), KeyModifiers::NONE);
        insta::assert_snapshot!(format!("own-tables-{width}x{height}"), stage.frame());
    }
}

#[test]
fn starting_again_asks_first_what_is_rolled_back() {
    let mut stage = opened((80, 24));
    stage.does("Ann", "begin;", "BEGIN", TransactionStatus::InTransaction);
    stage.presses(KeyCode::F(8), KeyModifiers::NONE);
    let frame = stage.frame();
    assert!(frame.contains("Ann has an open transaction. Starting again rolls it"), "{frame}");
}
