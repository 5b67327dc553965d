use super::*;
use crate::core::catalog::Routine;

fn catalog() -> Catalog {
    let relation = |schema: &str, name: &str, columns: &[&str]| Relation {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
    };
    let routine =
        |schema: &str, name: &str| Routine { schema: schema.to_owned(), name: name.to_owned() };
    let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    Catalog {
        relations: vec![
            relation("run", "seats", &["seat_row", "seat_number", "booked_by"]),
            relation("run", "sessions", &["id"]),
            relation("run", "Mixed Case", &["Id", "order"]),
            relation("public", "seats", &["hidden"]),
            relation("shop", "orders", &["id", "seat"]),
            relation("pg_catalog", "pg_locks", &["pid", "mode"]),
        ],
        functions: vec![
            routine("pg_catalog", "count"),
            routine("pg_catalog", "pg_sleep"),
            routine("pg_catalog", "set_bit"),
            routine("shop", "book"),
        ],
        types: names(&["integer", "interval", "text"]),
        settings: names(&["lock_timeout", "search_path", "statement_timeout"]),
        schemas: names(&["pg_catalog", "public", "run", "shop"]),
        path: names(&["public"]),
        run: Some("run".to_owned()),
    }
}

/// What fits where the bar stands.
fn found(text: &str) -> Completions {
    let (before, after) = text.split_once('|').unwrap();
    let catalog = catalog();
    let path = ["run".to_owned(), "public".to_owned()];
    Completions::of(Typed {
        text: &format!("{before}{after}"),
        cursor: before.len(),
        strings: Strings::default(),
        catalog: Some(&catalog),
        path: &path,
    })
}

fn fitting(text: &str) -> Vec<String> {
    found(text).candidates.into_iter().map(|candidate| candidate.text).collect()
}

#[test]
fn a_statement_begins_with_its_keyword_in_the_case_that_is_typed() {
    assert_eq!(fitting("sel|"), ["select"]);
    assert_eq!(fitting("SEL|"), ["SELECT"]);
    assert_eq!(fitting("select 1; roll|"), ["rollback", "rollback to savepoint"]);
    assert!(fitting("|").contains(&"begin".to_owned()));
    assert_eq!(found("select 1;\n roll|").from, 11);
}

#[test]
fn keywords_follow_each_other() {
    assert_eq!(fitting("begin iso|"), ["isolation level"]);
    assert_eq!(fitting("begin isolation level |")[0], "serializable");
    assert_eq!(fitting("begin isolation level repeatable |"), ["read"]);
    assert_eq!(
        fitting("select * from seats for |"),
        ["update", "no key update", "share", "key share"]
    );
    assert_eq!(fitting("select * from seats for update s|"), ["skip locked"]);
    assert_eq!(fitting("SELECT 1 FROM seats ORDER |"), ["BY"]);
    assert_eq!(fitting("insert |"), ["into"]);
    assert_eq!(fitting("lock table seats in acc|"), ["access share mode", "access exclusive mode"]);
    assert_eq!(fitting("select * from seats wh|"), ["when", "where"]);
}

#[test]
fn tables_of_the_search_path_are_found_each_once() {
    assert_eq!(fitting("select * from se|"), ["seats", "sessions"]);
    assert_eq!(fitting("update sea|"), ["seats"]);
    assert_eq!(fitting("select * from seats, ses|"), ["sessions"]);
    assert_eq!(fitting("select * from seats s join ses|"), ["sessions"]);
    assert_eq!(fitting("lock sess|"), ["sessions"]);
    assert_eq!(fitting("select * from sh|"), ["shop."]);
    assert_eq!(fitting("select * from shop.|"), ["orders"]);
    assert_eq!(fitting("select * from pg_lo|"), ["pg_locks"]);
    assert_eq!(fitting("with taken as (select 1) select * from ta|"), ["taken"]);
}

#[test]
fn a_name_that_needs_quotes_gets_them() {
    assert_eq!(fitting("select * from mix|"), ["\"Mixed Case\""]);
    assert_eq!(fitting("select * from \"Mi|"), ["\"Mixed Case\""]);
    assert_eq!(found("select * from \"Mixed C|").from, 14);
    assert_eq!(fitting("select * from \"mi|"), [""; 0]);
    assert_eq!(fitting("select m.or| from \"Mixed Case\" m"), ["\"order\""]);
}

#[test]
fn columns_are_those_of_the_statements_tables() {
    assert_eq!(fitting("select seat_| from seats"), ["seat_row", "seat_number"]);
    assert_eq!(fitting("select a.| from seats a"), ["seat_row", "seat_number", "booked_by"]);
    assert_eq!(fitting("select * from seats s where s.b|"), ["booked_by"]);
    assert_eq!(fitting("select shop.orders.s| from shop.orders"), ["seat"]);
    assert_eq!(fitting("update seats set b|"), ["booked_by"]);
    assert_eq!(fitting("update seats set booked_by = 'x', seat_r|"), ["seat_row"]);
    assert_eq!(fitting("update seats set booked_by = 'x' where seat_n|"), ["seat_number"]);
    assert_eq!(fitting("insert into seats (seat_row, b|"), ["booked_by"]);
    assert_eq!(fitting("insert into seats values (1) on conflict do update set b|"), ["booked_by"]);
    assert_eq!(fitting("select bo| from seats; select 1 from sessions"), ["booked_by", "both"]);
    assert_eq!(fitting("select seat_row from seats where hid|"), [""; 0], "public's are hidden");
}

#[test]
fn functions_types_and_settings_are_found_where_they_belong() {
    assert_eq!(fitting("select cou|"), ["count("]);
    assert_eq!(fitting("select shop.b|"), ["book("]);
    let (set_bit, condition) = ("set_bit(".to_owned(), fitting("select * from seats where se|"));
    assert!(condition.contains(&"seat_row".to_owned()) && !condition.contains(&set_bit));
    assert!(fitting("select se| from seats").contains(&set_bit));
    assert_eq!(fitting("select * from seats where set_b|"), [set_bit]);
    assert_eq!(fitting("select 1::in|"), ["integer", "interval"]);
    assert_eq!(fitting("set lock|"), ["lock_timeout"]);
    assert_eq!(fitting("show s|"), ["search_path", "statement_timeout"]);
    assert_eq!(fitting("set lock_timeout |"), ["to", "="]);
}

#[test]
fn nothing_fits_in_a_string_a_comment_or_where_a_name_is_new() {
    assert_eq!(fitting("select 'sel|"), [""; 0]);
    assert_eq!(fitting("select 1 -- sel|"), [""; 0]);
    assert_eq!(fitting("select 1 /* sel|"), [""; 0]);
    assert_eq!(fitting("create table se|"), [""; 0]);
    assert_eq!(fitting("savepoint s|"), [""; 0]);
    assert!(!fitting("select 'done' |").is_empty());
}

#[test]
fn backslash_commands_and_what_they_describe() {
    assert_eq!(fitting("\\dt|"), ["\\dt"]);
    assert!(fitting("\\d|").contains(&"\\dn".to_owned()));
    assert_eq!(fitting("\\d sea|"), ["seats"]);
    assert_eq!(fitting("\\d shop.o|"), ["shop.orders"]);
    assert_eq!(fitting("\\d+ sea|"), ["seats"]);
    assert_eq!(fitting("\\h roll|"), ["rollback", "rollback to savepoint"]);
    assert_eq!(fitting("select 1 \\gse|"), ["\\gset"]);
    assert_eq!(fitting("select E'\\dt|"), [""; 0], "in a string it is no command");
}

#[test]
fn what_all_of_them_share_is_put_in_first() {
    assert_eq!(found("select * from se|").common(), "se");
    assert_eq!(found("select seat_| from seats").common(), "seat_");
    assert_eq!(found("sel|").common(), "select");
    assert_eq!(found("select 'x|").common(), "");
}

#[test]
fn without_a_catalog_keywords_are_left() {
    let typed = Typed {
        text: "select * fr",
        cursor: 11,
        strings: Strings::default(),
        catalog: None,
        path: &[],
    };
    let texts: Vec<_> = Completions::of(typed).candidates.into_iter().map(|it| it.text).collect();
    assert!(texts.contains(&"from".to_owned()), "{texts:?}");
}
