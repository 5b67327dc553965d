//! What the program does for itself on a server is in nobody's way: its connections, and what it
//! looks into pages with.

use crate::headless::{overbooked, told, written};

fn play_as_expected(name: &str, text: &str) {
    let (_folder, file) = written(name, text);
    let output = overbooked(&["play", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn nobody_is_idle_in_a_transaction() {
    play_as_expected(
        "own-connection.sql",
        "-- Who is idle in a transaction\n--\n-- sessions: A, B\n-- setup\nselect 1;\n\n\
         -- A: nobody should be\n\
         select application_name, state, query from pg_stat_activity where state like 'idle in \
         transaction%';\n\
         --> (0 rows)\n",
    );
}

#[test]
fn the_user_has_pageinspect_for_himself() {
    play_as_expected(
        "pageinspect.sql",
        "-- Page inspect\n--\n-- sessions: A, B\n-- setup\n\
         create table t (id int primary key);\ninsert into t values (1);\n\n\
         -- A: finds none\n\
         select count(*) from pg_extension where extname = 'pageinspect';\n--> 0\n\n\
         -- A: installs\ncreate extension pageinspect;\n--> CREATE EXTENSION\n\n\
         -- A: looks\n\
         select count(*) from heap_page_items(get_raw_page('t', 0));\n--> 1\n\n\
         -- B: holds a row\nbegin; select * from t for update;\n\n\
         -- A: removes it\ndrop extension pageinspect;\n--> DROP EXTENSION\n\n\
         -- A: installs it again\ncreate extension pageinspect;\n--> CREATE EXTENSION\n",
    );
}

/// A look of the observer's lasts for a moment, and a VACUUM in that very moment keeps what it
/// might see. A connection that stood in a transaction would spoil every play.
const PLAYS: usize = 5;

#[test]
fn nothing_holds_back_the_horizon_but_the_prepared_transaction() {
    let text = include_str!("scenarios/prepared-holds-the-horizon.sql");
    let (_folder, file) = written("horizon.sql", text);
    let plays: Vec<_> = (0..PLAYS).map(|_| overbooked(&["play", &file])).collect();
    let last = plays.last().map(told).unwrap_or_default();
    assert!(plays.iter().any(|play| play.status.code() == Some(0)), "{last}");
}
