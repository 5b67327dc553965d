//! The one integration test binary: real servers, the real program, real pseudo-terminals.

#![allow(
    clippy::unwrap_used,
    reason = "a test's own functions may panic as the test may; clippy.toml knows only #[test]"
)]

mod again;
mod bad_input;
mod bad_luck;
mod cluster;
mod compare;
mod console_loop;
mod export;
mod gateway;
mod gateway_clients;
mod gateway_crash;
mod gateway_extended;
mod gateway_hooks;
mod gateway_keys;
mod gateway_kill;
mod gateway_limits;
mod gateway_messages;
mod gateway_news;
mod gateway_pace;
mod gateway_property;
mod gateway_retry;
mod gateway_same;
mod gateway_schema;
mod gateway_text;
mod gateway_tls;
mod habits;
mod hands;
mod headless;
mod json;
mod layers;
mod leaving;
mod library;
mod list_append;
mod matrix;
mod observer;
mod pass_through;
mod patience;
mod pgbouncer;
mod psql_commands;
mod psql_compare;
mod psql_keys;
mod raw;
mod reader;
mod readme;
mod recording;
mod repeatable;
mod run;
mod rush;
mod rush_ends;
mod rush_faults;
mod rush_frames;
mod rush_pooler;
mod rush_screen;
mod rush_serve;
mod scenario_docs;
mod scenario_files;
mod scenario_forms;
mod schemas;
mod screen;
mod served;
mod session;
mod setup_fails;
mod spec;
mod spec_random;
mod sql;
mod support;
mod target;
mod terminal;
mod tls;
mod unseen;
mod wire;
mod written_down;
