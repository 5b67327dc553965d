//! Overbooked: real database sessions side by side over a live seat map, stepped by hand.
//!
//! # Five words that carry the program
//!
//! | word | what it is |
//! |---|---|
//! | **engine** | what the sessions talk to: a PostgreSQL-compatible endpoint and what it lets an observer see |
//! | **session** | one named connection (Alice); it sends one submission at a time and reports what came back |
//! | **event** | a fact, in one total order; nothing on the screen has another source |
//! | **scenario** | a plain `.sql` file: setup, named steps, what each step must do on each engine |
//! | **run** | plays a scenario's steps on sessions: by hand, by itself, in any other order |
//!
//! # Rooms, and who may import whom
//!
//! Five layers; a file imports its own layer and lower ones, never higher (`tests/it/layers.rs` checks it).
//!
//! ```text
//! 4  the screen          tui                                     the only room that knows ratatui and crossterm
//! 3  drivers             matrix  play  run  rush  spec           where the next step comes from: a key, a file, a clock
//! 2  talks to servers    wire  guardian  session  observer  engine
//! 1  views               contrast  hermitage  isolation_output  lesson  playbill  psql  replay  timeline  transcript    pure folds over events
//! 0  data                event  fault  scenario  seats  sql  syntax     no tokio, no ratatui, no socket
//! ```
//!
//! # One keypress, followed
//!
//! key → an action (the keys table) → `App::update` gives a command → a channel → the run sends the step's SQL to
//! Bob's task → `wire` writes a Query message → messages come back → Bob's task emits events → a channel → the run adds what the
//! observer sees → a channel → `App::apply` folds them → the next frame draws. The same events, unchanged, become the transcript, the
//! diagrams, JSON and the snapshots.

// 0: data
pub mod event;
pub mod fault;
pub mod scenario;
pub mod seats;
pub mod sql;
pub mod syntax;
// 1: views
pub mod contrast;
pub mod hermitage;
pub mod isolation_output;
pub mod lesson;
pub mod playbill;
pub mod psql;
pub mod replay;
pub mod timeline;
pub mod transcript;
// 2: what talks to servers
pub mod engine;
pub mod guardian;
pub mod observer;
pub mod session;
pub mod wire;
// 3: drivers
pub mod matrix;
pub mod play;
pub mod run;
pub mod rush;
pub mod spec;
// 4: the screen
pub mod tui;
// the command line
pub mod box_office;
pub mod cli;
pub mod config;
pub mod console;
pub mod exit;
pub mod headless;
pub mod launch;
pub mod log;
pub mod serve;
pub mod tester;
